"""`torch.jit`: scripting and tracing give back what they were given."""

from __future__ import annotations

import builtins
import functools
from typing import Any

import nn

from .settings import load as _load
from .settings import save as _save


def _same(obj: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The function or model itself; as a decorator with options, one that returns its function."""
    return (lambda f: f) if obj is None or builtins.isinstance(obj, bool) else obj


def script(obj: Any = None, *args: Any, **kwargs: Any) -> Any:
    """The function or model itself; a model can then be saved by its own `save`."""
    if builtins.isinstance(obj, nn.Module) and not hasattr(obj, "save"):
        object.__setattr__(obj, "save", functools.partial(_save_module, obj))
    return _same(obj, *args, **kwargs)


def _save_module(module: nn.Module, f: Any, **ignored: Any) -> None:
    own = module.__dict__.pop("save", None)  # the file holds the model without it
    _save(module, f)
    if own is not None:
        object.__setattr__(module, "save", own)


trace = trace_module = script
script_method = script_if_tracing = _same
ignore = export = unused = freeze = optimize_for_inference = _same


def is_scripting() -> bool:
    return False


is_tracing = is_scripting


def annotate(the_type: Any, value: Any) -> Any:
    return value


def save(m: Any, f: Any, _extra_files: Any = None) -> None:
    """Save a model, whole."""
    _save_module(m, f) if builtins.isinstance(m, nn.Module) else _save(m, f)


def load(f: Any, map_location: Any = None, _extra_files: Any = None) -> Any:
    """Load what `save` wrote; runs code that the file names, as PyTorch's does."""
    return _load(f, map_location, weights_only=False)


def is_compiling() -> bool:
    return False


is_dynamo_compiling = is_exporting = is_compiling


def reset() -> None:
    """Nothing was compiled."""


def list_backends(exclude_tags: Any = ()) -> list:
    return []


def disable(fn: Any = None, recursive: bool = True, **options: Any) -> Any:
    """The function itself; as a decorator with options, one that returns its function."""
    return (lambda f: f) if fn is None else fn


allow_in_graph = assume_constant_result = interface = disable


def optimize(*args: Any, **options: Any) -> Any:
    """`torch._dynamo.optimize(backend)(f)` is f."""
    return lambda f: f


def graph_break(*args: Any) -> None:
    """There is no graph to break."""


mark_dynamic = mark_static = cudagraph_mark_step_begin = set_stance = graph_break


def fork(func: Any, *args: Any, **kwargs: Any) -> Any:
    """Runs at once; `wait` gives the result back."""
    return func(*args, **kwargs)


def wait(future: Any) -> Any:
    return future


def isinstance(obj: Any, target_type: Any) -> bool:
    return builtins.isinstance(obj, target_type)


class _Final:
    def __getitem__(self, item: Any) -> Any:
        return item


Final = _Final()
ScriptModule = nn.Module
Attribute = annotate

__all__ = ["Attribute", "Final", "ScriptModule", "allow_in_graph", "annotate", "assume_constant_result",
           "cudagraph_mark_step_begin", "disable", "export", "fork", "freeze", "graph_break", "ignore", "interface",
           "is_compiling", "is_dynamo_compiling", "is_exporting", "is_scripting", "is_tracing", "isinstance",
           "list_backends", "load", "mark_dynamic", "mark_static", "optimize", "optimize_for_inference", "reset", "save",
           "script", "script_if_tracing", "script_method", "set_stance", "trace", "trace_module", "unused",
           "wait"]  # fmt: skip
