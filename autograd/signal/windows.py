"""Window functions under PyTorch's names: `autograd.signal.windows.hann` and the like. Declared in `autograd/ops/windows.py`."""

from __future__ import annotations

from .. import ops as _ops  # noqa: F401  (declares what is re-exported here)
from .._registry import registry as _registry

_PREFIX = "signal.windows."
globals().update({key.removeprefix(_PREFIX): d.call for key, d in _registry.items() if key.startswith(_PREFIX)})

__all__ = sorted(key.removeprefix(_PREFIX) for key in _registry if key.startswith(_PREFIX))
