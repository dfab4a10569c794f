"""Recomputing instead of keeping: less memory for a second forward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from ._array import Array, changes, exports, may_share, ndarray, tick
from ._mode import enable_grad, is_grad_enabled
from ._node import Leaf, Recomputed
from ._tensor import Tensor, history
from .random import fork_rng, get_rng_state, set_rng_state


class _Segment:
    """A stretch of the program of which nothing is kept: the function, what it was given, and how often it saved values.

    Its operations are recorded as usual, each with a `_Later` in place of the values that it would keep. The first that
    is read runs the function once more and hands out what is saved then, in the same order.
    """

    def __init__(self, function: Callable, args: tuple, kwargs: dict, state: Any, context: Any) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.state, self.context = state, context
        self.shapes: list[tuple] = []
        self.found: dict[int, _Again] = {}
        self.start = tick()

    def put_off(self, saved: tuple, node: Any) -> Any:
        """What a node of the first run holds: numbers and shapes themselves."""
        if not _has_arrays(saved):
            return saved
        self.shapes.append(_shapes(saved))
        return _Later(self, len(self.shapes) - 1)

    def take(self, place: int) -> tuple:
        """The values saved at this place, which are then the caller's alone."""
        if place not in self.found:
            self.run_again()
        return self.found.pop(place).values

    def run_again(self) -> None:
        found: list[_Again] = []
        for t in _tensors((self.args, self.kwargs)):
            self.check_unchanged(t)
        args, kwargs = _cut(self.args), _cut(self.kwargs)
        begun = tick()
        kept = exports.kept_by(lambda saved, node: _noted(saved, found))
        with kept, enable_grad(), fork_rng(), self.context:
            if self.state is not None:
                set_rng_state(self.state)
            result = self.function(*args, **kwargs)
        if [_shapes(saved.values) for saved in found] != self.shapes:
            raise RuntimeError(
                f"checkpoint: {_name(self.function)} saved other values when it was run again for backward "
                f"({len(found)} times instead of {len(self.shapes)}, or of other shapes); it must do the same each time"
            )
        for leaf in _leaves_behind(result, begun):
            self.check_unchanged(leaf)
        self.found = dict(enumerate(found))

    def check_unchanged(self, t: Tensor | None) -> None:
        """Refuse to compute again from what is no longer what it was."""
        a = None if t is None else t._data
        if type(a) is ndarray and (changes.when(a) > self.start or exports.changed(a, self.start)):
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: a tensor of "
                f"shape {tuple(a.shape)} that {_name(self.function)} reads, and must read again for backward, since it was "
                "run by checkpoint"
            )


class _Values(Recomputed):
    """Saved values behind a `read`."""

    __slots__ = ()

    def read(self) -> tuple:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.read())

    def __getitem__(self, i: int) -> Array:
        return self.read()[i]

    def __iter__(self) -> Iterator:
        return iter(self.read())


class _Later(_Values):
    """The values that an operation of a checkpointed segment would have saved."""

    __slots__ = ("place", "segment", "values")

    def __init__(self, segment: _Segment, place: int) -> None:
        self.segment, self.place = segment, place
        self.values: tuple | None = None

    def read(self) -> tuple:
        if self.values is None:
            self.values = self.segment.take(self.place)
        return self.values


class _Again(_Values):
    """The values that it saves in the second run."""

    __slots__ = ("values",)

    def __init__(self, values: tuple) -> None:
        self.values = values

    def read(self) -> tuple:
        return self.values

    def detach(self, buffer: Array) -> None:
        self.values = tuple(v.copy() if may_share(v, buffer) else v for v in self.values)


def _name(function: Callable) -> str:
    return getattr(function, "__qualname__", type(function).__name__)


def _has_arrays(saved: tuple) -> bool:
    return any(isinstance(v, ndarray) for v in saved)


def _noted(saved: tuple, found: list[_Again]) -> Any:
    """What a node of the second run holds."""
    if not _has_arrays(saved):
        return saved
    found.append(_Again(saved))
    return found[-1]


def _shapes(saved: tuple) -> tuple:
    return tuple((v.shape, v.dtype) if isinstance(v, ndarray) else None for v in saved)


def _cut(value: Any) -> Any:
    """The tensors among arguments without their history, but requiring grad where they did."""
    if isinstance(value, Tensor):
        return value.detach().requires_grad_() if value.requires_grad else value
    if isinstance(value, dict):
        return {k: _cut(v) for k, v in value.items()}
    return type(value)(map(_cut, value)) if type(value) in (tuple, list) else value


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for v in value.values() if isinstance(value, dict) else value:
            yield from _tensors(v)


def _leaves_behind(result: Any, begun: int) -> Iterator[Tensor | None]:
    """The leaves to which operations recorded since `begun` lead: parameters that the function took from outside."""
    order = [history(t) for t in _tensors(result)]
    seen = set(order)
    for node in order:  # grows while it is walked
        if type(node) is Leaf:
            yield node.ref()
        elif node is not None and node.seq > begun:
            more = [edge for edge in node.edges if edge not in seen]
            seen.update(more)
            order += more


def checkpoint(
    function: Callable,
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    context_fn: Callable | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)` whose inner values are not kept but computed again in backward.

    Args:
        function: any function of tensors; it is run a second time when backward first needs what it would have kept, and
            must do the same then.
        preserve_rng_state: use the same random numbers (dropout masks) in the second run.
        context_fn: gives two context managers, for the first run and for the second.
        use_reentrant, determinism_check, debug, early_stop: PyTorch's; accepted and without meaning here.

    Raises:
        RuntimeError: in backward, if a tensor that the function reads was changed in place since, or if the function does
            not do the same again.

    Note:
        Memory between forward and backward is that of the arguments alone; the price is a second forward pass. All orders of
        derivatives, `autograd.grad` towards parameters and hooks on inner tensors work as without it.
    """
    first, second = (contextlib.nullcontext(), contextlib.nullcontext()) if context_fn is None else context_fn()
    if not is_grad_enabled():
        with first:
            return function(*args, **kwargs)
    segment = _Segment(function, args, kwargs, get_rng_state() if preserve_rng_state else None, second)
    with exports.kept_by(segment.put_off), first:
        return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """A sequence of functions run as `segments` checkpointed stretches, the last one kept."""
    functions = list(functions.children() if hasattr(functions, "children") else functions)
    size = max(len(functions) // segments, 1)

    def stretch(start: int, end: int) -> Callable:
        def run(value: Any) -> Any:
            for f in functions[start:end]:
                value = f(value)
            return value

        return run

    end = 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        input = checkpoint(stretch(start, end), input, **kwargs)
    return stretch(end, len(functions))(input)


__all__ = ["checkpoint", "checkpoint_sequential"]
