"""`torch._utils`: several tensors as one row of elements, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .... import cat
from ...._tensor import Tensor


def _flatten_dense_tensors(tensors: Iterable[Tensor]) -> Tensor:
    return cat([t.reshape(-1) for t in tensors])


def _unflatten_dense_tensors(flat: Tensor, tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Parts of a row with the shapes of the tensors given."""
    given = list(tensors)
    return tuple(part.view_as(t) for part, t in zip(flat.split([t.numel() for t in given]), given, strict=True))


def _get_device_index(device: Any, optional: bool = False, allow_cpu: bool = False) -> int:
    return -1


__all__: list[str] = []
