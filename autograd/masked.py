"""Reductions and softmaxes over the elements a mask names: `autograd.masked.mean` and the like.

Declared in `autograd/ops/masked.py`.
"""

from __future__ import annotations

from . import ops as _ops  # noqa: F401  (declares what is re-exported here)
from ._registry import registry as _registry

globals().update(
    {key.partition(".")[2]: declared.call for key, declared in _registry.items() if key.startswith("masked.")}
)

__all__ = sorted(key.partition(".")[2] for key in _registry if key.startswith("masked."))
