"""`torch.jit`: scripting and tracing give back what they were given."""

from __future__ import annotations

from typing import Any

import nn

from .settings import load as _load
from .settings import save as _save


def _same(obj: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The function or model itself; as a decorator with options, one that returns its function."""
    return (lambda f: f) if obj is None or isinstance(obj, bool) else obj


script = trace = trace_module = script_method = script_if_tracing = _same
ignore = export = unused = freeze = optimize_for_inference = _same


def is_scripting() -> bool:
    return False


is_tracing = is_scripting


def annotate(the_type: Any, value: Any) -> Any:
    return value


def save(m: Any, f: Any, _extra_files: Any = None) -> None:
    """Save a model, whole."""
    _save(m, f)


def load(f: Any, map_location: Any = None, _extra_files: Any = None) -> Any:
    """Load what `save` wrote; runs code that the file names, as PyTorch's does."""
    return _load(f, map_location, weights_only=False)


class _Final:
    def __getitem__(self, item: Any) -> Any:
        return item


Final = _Final()
ScriptModule = nn.Module
Attribute = annotate

__all__ = ["Attribute", "Final", "ScriptModule", "annotate", "export", "freeze", "ignore", "is_scripting", "is_tracing", "load",
           "optimize_for_inference", "save", "script", "script_if_tracing", "script_method", "trace", "trace_module",
           "unused"]  # fmt: skip
