"""`torch.types`."""

from __future__ import annotations

from typing import Any

from ...._tensor import Tensor

Number = int | float | bool
Device = Any
FileLike = Any
_TensorOrTensors = Tensor | tuple

__all__ = ["Device", "FileLike", "Number", "Tensor"]
