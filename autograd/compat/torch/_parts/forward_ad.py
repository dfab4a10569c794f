"""`torch.autograd.forward_ad`: dual tensors, over the engine's forward mode."""

from __future__ import annotations

import contextlib
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

from .... import forward
from ...._tensor import Tensor

UnpackedDualTensor = namedtuple("UnpackedDualTensor", ("primal", "tangent"))
_levels: list[dict] = []  # per open level: node of a dual's primal -> its tangent


@contextlib.contextmanager
def dual_level() -> Iterator[None]:
    """A block in which dual tensors live."""
    enter_dual_level()
    try:
        yield
    finally:
        exit_dual_level()


def enter_dual_level() -> int:
    _levels.append({})
    return len(_levels) - 1


def exit_dual_level(*, level: int | None = None) -> None:
    _levels.pop()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """`tensor` moving along `tangent`.

    Raises:
        RuntimeError: no level is open.
    """
    if not _levels:
        raise RuntimeError("make_dual: Trying to create a dual Tensor for forward AD but no level exists, make sure to "
                           "enter_dual_level() first.")  # fmt: skip
    dual = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
    _levels[-1][dual._node] = tangent
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> Any:
    """(primal, tangent) of a result; the tangent is None where no dual reached it."""
    if not _levels or not tensor.requires_grad:
        return UnpackedDualTensor(tensor, None)
    if tensor._node in _levels[-1]:
        return UnpackedDualTensor(tensor.detach(), _levels[-1][tensor._node])
    (tangent,) = forward.push_forward((tensor,), _levels[-1])
    _levels[-1][tensor._node] = tangent  # asked again, nothing is computed twice
    return UnpackedDualTensor(tensor.detach(), tangent.detach() if tangent is not None else None)


__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]
