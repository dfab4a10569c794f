"""The public functions of operations in general terms: what runs between a call and the kernel.

The general one binds any arguments. `_compiled` and `_short` write out what is usual, because its overhead is what small
programs consist of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from ._array import RAW, is_raw, ndarray
from ._inplace import DIRECT, assign, direct, typed_by, write_out
from ._mode import grad_mode
from ._node import capture
from ._tensor import Tensor, history, wrap

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "<required>"})()


def keep(a: Any) -> Any:
    """What a node holds of an input that is not recorded: a small one itself, a large one weakly."""
    if type(a) is not ndarray or a.size <= capture.limit:
        return a
    return ref(a)


def refuse_recorded(name: str, argument: str, value: Any) -> None:
    """Raise TypeError for a tensor that requires grad, given as a number that has no gradient."""
    if isinstance(value, Tensor) and history(value) is not None:
        raise TypeError(
            f"{name}(): argument {argument!r} must be a number, not a Tensor that requires grad: its gradient would be lost; "
            "pass item() of it, or write the formula with operators"
        )


def general_entry(op: Any) -> Callable:
    """The public function of an operation, for any arity."""
    one = len(op.inputs) == 1 and not op.variadic
    places = (*op.inputs, *op.parameters)

    def entry(*args: Any, **kwargs: Any) -> Any:
        if args and type(args[0]) in RAW and (one if len(args) == 1 else all_raw(args)):
            return op.raw(*args, **kwargs)  # a rule that runs on arrays
        if "out" in kwargs:
            out = kwargs.pop("out")
            if out is None:
                return op.apply(*op.bind(args, kwargs))
            if "dtype" in places:
                kwargs = typed_by(out, op.name, places, args, kwargs)
            return write_out(op.name, out, op.apply(*op.bind(args, kwargs)))
        return op.apply(*op.bind(args, kwargs))

    return entry


def all_raw(values: tuple) -> bool:
    """Whether all values are array data."""
    for value in values:
        if type(value) not in RAW:
            return False
    return True


def operator_method(entry: Callable, reflected: bool) -> Callable:
    """`entry` as a Python operator: foreign operands get NotImplemented, so that their own operator is tried."""
    if reflected:

        def turned(self: Tensor, other: Any) -> Any:
            return entry(other, self) if is_operand(other) else NotImplemented

        return turned

    def method(self: Tensor, other: Any) -> Any:
        if type(other) is Tensor or is_operand(other):
            return entry(self, other)
        return NotImplemented

    return method


def is_operand(other: Any) -> bool:
    return isinstance(other, (Tensor, float, int, complex, ndarray, np.generic)) or is_raw(other)


def in_place_method(entry: Callable, name: str, operator: bool = False) -> Callable:
    """`entry` with its result written into the first operand."""
    composed, ufunc = not hasattr(entry.op, "kernel"), DIRECT.get(name)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if operator and not is_operand(args[0]):
            return NotImplemented
        usual = len(args) == 1 and (not kwargs or [*kwargs] == ["alpha"])
        if ufunc and usual and direct(ufunc, self, name, *args, **kwargs):
            return self
        source = self
        if (
            composed
            and grad_mode() is not False
            and any(isinstance(a, Tensor) and history(a) is not None for a in (self, *args))
        ):
            source = wrap(self._data.copy(), history(self))  # its parts save the old values, not memory about to change
        return assign(self, entry(source, *args, **kwargs), name + "_")

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"In-place form of `{name}`."
    return method
