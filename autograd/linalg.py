"""Linear algebra under PyTorch's names: `autograd.linalg.svd` and the like. Declared in `autograd/ops/linalg_*.py`."""

from __future__ import annotations

from . import ops as _ops  # noqa: F401  (declares what is re-exported here)
from ._registry import registry as _registry
from .ops._matrix import LinAlgError  # noqa: F401  (in __all__, which is computed)

globals().update(
    {key.partition(".")[2]: declared.call for key, declared in _registry.items() if key.startswith("linalg.")}
)

__all__ = sorted(["LinAlgError", *(key.partition(".")[2] for key in _registry if key.startswith("linalg."))])
