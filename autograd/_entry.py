"""The public functions of operations: what runs between a call and the kernel.

The general one binds any arguments; elementwise operations of one and two inputs have shorter ones, because their
overhead is what small programs consist of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from ._array import NUMBERS, RAW, exports, is_raw, ndarray, tick
from ._dtype import FLOATING
from ._graph import Node, capture, new
from ._inplace import assign, write_out
from ._mode import grad_mode, scope
from ._plan import Plan
from ._tensor import NotMapped, Tensor, history, wrap

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "<required>"})()
_current_scope = scope.get
held = exports.table  # memory that NumPy code outside can write; empty in most programs


def keep(a: Any) -> Any:
    """What a node holds of an input that is not recorded: a small one itself, a large one weakly."""
    if type(a) is not ndarray or a.size <= capture.limit:
        return a
    return ref(a)


def general_entry(op: Any) -> Callable:
    """The public function of an operation, for any arity."""
    raw, one = op.raw, len(op.inputs) == 1 and not op.variadic

    def entry(*args: Any, **kwargs: Any) -> Any:
        if args and type(args[0]) in RAW and (one if len(args) == 1 else all_raw(args)):
            return raw(*args, **kwargs)  # a rule that runs on arrays
        if "out" in kwargs:
            out = kwargs.pop("out")
            result = op.apply(*op.bind(args, kwargs))
            return result if out is None else write_out(op.name, out, result)
        return op.apply(*op.bind(args, kwargs))

    return entry


def all_raw(values: tuple) -> bool:
    """Whether all values are array data."""
    for value in values:
        if type(value) not in RAW:
            return False
    return True


def unary_entry(op: Any, general: Callable) -> Callable:
    """The public function of an elementwise operation of one input and no parameters, without the general binding."""
    kernel, raw, promote = op.kernel, op.raw, op.promote == "float"
    plan: Plan | None = None

    def entry(input: Any, *, out: Any = None) -> Any:
        nonlocal plan
        if type(input) in RAW and out is None:
            return raw(input)
        try:
            x, edge = input._data, input._node
        except AttributeError:
            return general(input, out=out)
        if out is not None or (edge is None and promote and x.dtype not in FLOATING):
            return general(input, out=out)
        try:
            y = kernel(x)
        except RuntimeWarning:
            y = op.retry((x,))
        result = new(Tensor)
        result._data = y
        if edge is None or (mode := grad_mode()) is False or not op.differentiable:
            result._node = None
            return result
        if mode is not True:
            return general(input)
        if plan is None:
            plan = op.plan((True,))
        result._node = node = new(Node)
        node.edges = (edge,)
        node.plan = plan
        node.saved = () if plan.save is None else plan.pick(x, y)
        if held:
            node.saved = exports.guarded(node.saved)
        node.seq = tick()
        node.shape = y.shape
        node.dtype = y.dtype
        kind = type(y)
        if kind is ndarray:
            node.kind, node.value = None, y if y.size <= capture.limit else None
        else:
            node.kind, node.value = kind, y
        node.given = node.params = ()
        node.scope = _current_scope()
        node.hooks = None
        return result

    return entry


def binary_entry(op: Any, general: Callable, operator: bool = False) -> Callable:
    """The public function of an elementwise operation of two inputs and no parameters: the engine's hot path.

    As a Python `operator` it gives NotImplemented for foreign operands, so that their own operator is tried.
    """
    kernel, raw, division = op.native or op.kernel, op.raw, op.promote == "float"
    numbers = {float, int} if op.promote is not None else set()
    both: Plan | None = None
    first: Plan | None = None
    second: Plan | None = None
    number: Plan | None = None

    def entry(input: Any, other: Any, *, out: Any = None) -> Any:
        nonlocal both, first, second, number
        try:
            x, left = input._data, input._node
            kind = type(other)
            if kind in numbers:
                if left is None and x.dtype not in FLOATING:
                    return general(input, other, out=out)
                y, right = other, None
            else:
                y, right = other._data, other._node
                kind = type(x)
                if kind is ndarray or kind is not type(y):
                    if x.dtype is not y.dtype:
                        return general(input, other, out=out)
                    if kind is not type(y):  # a 0-d array meets a scalar: as scalars they are five times faster
                        x, y = x[()], y[()]
                if division and left is None and right is None and x.dtype not in FLOATING:
                    return general(input, other, out=out)
        except AttributeError:
            if operator and not is_operand(other):
                return NotImplemented
            if out is None and type(input) in RAW and (type(other) in RAW or type(other) in NUMBERS):
                return raw(input, other)
            return general(input, other, out=out)
        if out is not None:
            return general(input, other, out=out)
        try:
            z = kernel(x, y)
        except RuntimeWarning:
            z = op.retry((x, y))
        except ValueError as error:
            raise op.translate(error, (x, y)) from None
        result = new(Tensor)
        result._data = z
        if (left is None and right is None) or (mode := grad_mode()) is False or not op.differentiable:
            result._node = None
            return result
        if mode is not True:
            return general(input, other)
        result._node = node = new(Node)
        node.edges = (left, right)
        if right is None:
            if type(y) is ndarray:
                node.given = ((1, y if y.size <= capture.limit else ref(y)),)
                plan = first = first or op.plan((True, False))
            else:
                node.given = ((1, y),)
                plan = number = number or op.plan((True, False), True)
        elif left is None:
            node.given = ((0, keep(x)),)
            plan = second = second or op.plan((False, True))
        else:
            node.given = ()
            plan = both = both or op.plan((True, True))
        node.plan = plan
        node.saved = () if plan.save is None else plan.pick(x, y, z)
        if held:
            node.saved = exports.guarded(node.saved)
        node.seq = tick()
        node.shape = z.shape
        node.dtype = z.dtype
        node.params = ()
        kind = type(z)
        if kind is ndarray:
            node.kind, node.value = None, z if z.size <= capture.limit else None
        else:
            node.kind, node.value = kind, z
        node.scope = _current_scope()
        node.hooks = None
        return result

    return entry


def reflected_entry(op: Any, general: Callable) -> Callable:
    """`number - tensor` and its kin: the reflected operator, without the general binding for plain numbers."""
    kernel = op.kernel

    def method(self: Tensor, other: Any) -> Any:
        if type(other) is not float and type(other) is not int:
            return general(other, self) if is_operand(other) else NotImplemented
        try:
            y, edge = self._data, history(self)
        except NotMapped:
            return general(other, self)
        if y.dtype not in FLOATING:
            return general(other, self)
        try:
            z = kernel(other, y)
        except RuntimeWarning:
            z = op.retry((other, y))
        if edge is None or grad_mode() is False or not op.differentiable:
            return wrap(z)
        return wrap(z, op.record(z, z, (other, y), (), (None, edge)))

    return method


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
    composed = not hasattr(entry.op, "kernel")

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if operator and not is_operand(args[0]):
            return NotImplemented
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
