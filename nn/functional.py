"""The functions behind the layers: `nn.functional.relu(x)`, `cross_entropy(logits, target)`, and so on.

Each is declared once, in `autograd/ops/`, and listed here under its PyTorch name.
"""

from __future__ import annotations

from typing import Any

from autograd._registry import registry

from ._fractional import fractional_max_pool2d, fractional_max_pool3d  # noqa: F401

_PREFIX = "nn.functional."

for _key, _declared in list(registry.items()):
    if _key.startswith(_PREFIX):
        globals()[_key[len(_PREFIX) :]] = _declared.call

__all__ = sorted(key for key in globals() if not key.startswith("_") and key not in ("annotations", "registry", "Any"))


def __getattr__(name: str) -> Any:
    """A function that was declared after this module was imported."""
    if _PREFIX + name in registry:
        return registry[_PREFIX + name].call
    raise AttributeError(f"module 'nn.functional' has no function {name!r}")
