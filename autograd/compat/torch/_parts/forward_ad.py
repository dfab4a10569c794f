"""`torch.autograd.forward_ad`: dual tensors, over the engine's forward mode."""

from __future__ import annotations

import contextlib
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

from .... import forward
from ...._graph import collect
from ...._repr import NOTES
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
    """Open a level; while one is open, dual tensors print with their tangent."""
    if not _levels:
        NOTES.append(_shown_tangent)
    _levels.append({})
    return len(_levels) - 1


def exit_dual_level(*, level: int | None = None) -> None:
    _levels.pop()
    if not _levels:
        NOTES.remove(_shown_tangent)


def _shown_tangent(t: Tensor) -> list[str] | None:
    """What a dual tensor says of itself in place of its history, which is how its tangent is found here."""
    if not t.requires_grad or not _moves(t):
        return None
    return [f"tangent={unpack_dual(t).tangent!r}"]


def _moves(t: Tensor) -> bool:
    """Whether a dual leads to this tensor."""
    return any(node in _levels[-1] for node in collect([t._node]))


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
