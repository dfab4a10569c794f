"""`torch.autograd.forward_ad`: dual tensors, over the engine's forward mode."""

from __future__ import annotations

import contextlib
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

from .... import forward
from ...._graph import collect
from ...._mode import enable_grad, is_grad_enabled
from ...._node import Leaf
from ...._repr import NOTES
from ...._tensor import Tensor, history

UnpackedDualTensor = namedtuple("UnpackedDualTensor", ("primal", "tangent"))


class Level(dict):
    """Of an open level: node of a dual's primal -> its tangent.

    Attributes:
        own: leaves that exist only so that what is computed from a dual is recorded.
        recorded: whether results were to be recorded where the level was opened; in it they are, which is how tangents move.
    """

    def __init__(self) -> None:
        super().__init__()
        self.own: set[Leaf] = set()
        self.recorded, self.mode = is_grad_enabled(), enable_grad()

    def plain(self, t: Tensor) -> Tensor:
        """`t` as the program knows it: with its history where that leads to a tensor of the program's that requires grad."""
        ends = (node for node in collect([history(t)] if t.requires_grad else []) if type(node) is Leaf)
        return t if self.recorded and any(leaf not in self.own for leaf in ends) else t.detach()


_levels: list[Level] = []  # the open one


@contextlib.contextmanager
def dual_level() -> Iterator[None]:
    """A block in which dual tensors live."""
    enter_dual_level()
    try:
        yield
    finally:
        exit_dual_level()


def enter_dual_level() -> int:
    """Open the level; while it is open, dual tensors print with their tangent.

    Raises:
        RuntimeError: it is open already.
    """
    if _levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    NOTES.append(_shown_tangent)
    _levels.append(Level())
    _levels[-1].mode.__enter__()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Close the level.

    Raises:
        RuntimeError: none is open, or another one is meant.
    """
    if level is not None and level != len(_levels) - 1:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
        )
    if not _levels:
        raise RuntimeError("exit_dual_level: no level is open; enter_dual_level() opens it")
    _levels.pop().mode.__exit__()
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
        RuntimeError: no level is open, or the tangent is of another shape.
        ValueError: one of them is of integers or bools.
    """
    if not _levels:
        raise RuntimeError("make_dual: Trying to create a dual Tensor for forward AD but no level exists, make sure to "
                           "enter_dual_level() first.")  # fmt: skip
    for name, given in (("primal", tensor), ("tangent", tangent)):
        if not (given.is_floating_point() or given.is_complex()):
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {given.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError("Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
                           f"supported. Tensor is of size {list(tensor.shape)} while the given forward gradient is of size "
                           f"{list(tangent.shape)}.")  # fmt: skip
    dual = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
    if not tensor.requires_grad:
        _levels[-1].own.add(dual._node)
    _levels[-1][dual._node] = tangent
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> Any:
    """(primal, tangent) of a result; the tangent is None where no dual reached it."""
    if not _levels or not tensor.requires_grad:
        return UnpackedDualTensor(tensor, None)
    level, node = _levels[-1], history(tensor)
    if node not in level:
        (level[node],) = forward.push_forward((tensor,), level)  # asked again, nothing is computed twice
    return UnpackedDualTensor(level.plain(tensor), level.plain(level[node]))


__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]
