"""`torch.autograd.graph`."""

from __future__ import annotations

import contextlib
from typing import Any

from ...._graph import Node
from ...._tensor import Tensor, stamp


def save_on_cpu(pin_memory: bool = False, device_type: str = "cuda") -> Any:
    """A block whose saved values would go to the CPU, where they are already."""
    return contextlib.nullcontext()


def increment_version(tensor: Tensor) -> None:
    """Note that the memory of `tensor` was changed."""
    stamp(tensor)


__all__ = ["Node", "increment_version", "save_on_cpu"]
