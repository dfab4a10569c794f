"""The public functions of operations: what runs between a call and the kernel.

The general one binds any arguments; elementwise operations of one and two inputs have shorter ones, because their
overhead is what small programs consist of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._array import NUMBERS, RAW, is_raw, ndarray, tick
from ._dtype import FLOATING
from ._graph import Node, capture, new
from ._inplace import assign, check_writable, write_out
from ._mode import _anomaly, is_grad_enabled, scope
from ._plan import Plan
from ._tensor import Tensor, history, wrap
from . import _graph

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "<required>"})()
_current_scope = scope.get


def keep(a: Any) -> Any:
    """What a node holds of an input that is not recorded: a small one itself, a large one weakly."""
    if type(a) is not ndarray or a.size <= capture.limit:
        return a
    return _graph.weakref.ref(a)


def general_entry(op: Any) -> Callable:
    """The public function of an operation, for any arity."""
    if op.variadic:

        def entry(*args: Any, **kwargs: Any) -> Any:
            out = kwargs.pop("out", None)
            result = op.apply(*op.bind(args, kwargs))
            return result if out is None else write_out(op.name, out, result)

    else:

        def entry(*args: Any, **kwargs: Any) -> Any:
            if "out" in kwargs:
                out = kwargs.pop("out")
                result = op.apply(*op.bind(args, kwargs))
                return result if out is None else write_out(op.name, out, result)
            return op.apply(*op.bind(args, kwargs))

    return entry


def unary_entry(op: Any, general: Callable) -> Callable:
    """The public function of an elementwise operation of one input and no parameters, without the general binding."""
    kernel, raw, promote = op.kernel, op.raw, op.promote == "float"
    plan: Plan | None = None

    def entry(input: Any = MISSING, **kwargs: Any) -> Any:
        nonlocal plan
        kind = type(input)
        if kind in RAW and not kwargs:
            return raw(input)
        try:
            x, edge = input._data, input._node
        except AttributeError:
            return general(*(() if input is MISSING else (input,)), **kwargs)
        if kwargs or (edge is None and promote and x.dtype not in FLOATING):
            return general(input, **kwargs)
        try:
            out = kernel(x)
        except RuntimeWarning:
            out = op.retry((x,))
        result = new(Tensor)
        result._data = out
        if edge is None or not is_grad_enabled() or _anomaly.get()[0]:
            if edge is not None and is_grad_enabled():
                return general(input)
            result._node = None
            return result
        if plan is None:
            plan = op.plan((True,))
        result._node = node = new(Node)
        node.edges = (edge,)
        node.plan = plan
        node.saved = () if plan.save is None else plan.save((x,), (), out)
        node.seq = tick()
        node.shape = out.shape
        node.dtype = out.dtype
        node.value = out if type(out) is not ndarray or out.size <= capture.limit else None
        node.constants = ()
        node.scope = _current_scope()
        node.hooks = None
        return result

    return entry


def binary_entry(op: Any, general: Callable) -> Callable:
    """The public function of an elementwise operation of two inputs and no parameters: the engine's hot path."""
    kernel, raw, division = op.kernel, op.raw, op.promote == "float"
    plans: dict = {}

    def entry(input: Any = MISSING, other: Any = MISSING, **kwargs: Any) -> Any:
        try:
            x, left = input._data, input._node
            kind = type(other)
            if kind is float or kind is int:
                if left is None and x.dtype not in FLOATING:
                    return general(input, other, **kwargs)
                y, right = other, None
            else:
                y, right = other._data, other._node
                if type(x) is not type(y) or type(x) is ndarray:
                    if x.dtype is not y.dtype:
                        return general(input, other, **kwargs)
                if division and left is None and right is None and x.dtype not in FLOATING:
                    return general(input, other, **kwargs)
        except AttributeError:
            if not kwargs and type(input) in RAW and (type(other) in RAW or type(other) in NUMBERS):
                return raw(input, other)
            return general(*(a for a in (input, other) if a is not MISSING), **kwargs)
        if kwargs:
            return general(input, other, **kwargs)
        try:
            out = kernel(x, y)
        except RuntimeWarning:
            out = op.retry((x, y))
        except ValueError as error:
            raise op.translate(error, (x, y)) from None
        result = new(Tensor)
        result._data = out
        if (left is None and right is None) or not is_grad_enabled():
            result._node = None
            return result
        if _anomaly.get()[0]:
            return general(input, other)
        plan = plans.get((left is None, right is None))
        if plan is None:
            plan = plans[(left is None, right is None)] = op.plan((left is not None, right is not None))
        result._node = node = new(Node)
        node.edges = (left, right)
        node.plan = plan
        node.saved = () if plan.save is None else plan.save((x, y), (), out)
        node.seq = tick()
        node.shape = out.shape
        node.dtype = out.dtype
        node.value = out if type(out) is not ndarray or out.size <= capture.limit else None
        if left is not None and right is not None:
            node.constants = ()
        else:
            node.constants = ((0, keep(x)),) if left is None else ((1, keep(y)),)
        node.scope = _current_scope()
        node.hooks = None
        return result

    return entry


def operator_method(entry: Callable, reflected: bool) -> Callable:
    """`entry` as a Python operator: foreign operands get NotImplemented, so that their own operator is tried."""
    if reflected:

        def method(self: Tensor, other: Any) -> Any:
            return entry(other, self) if is_operand(other) else NotImplemented

        return method

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
        check_writable(self, name + "_")
        source = self
        if composed and is_grad_enabled() and any(isinstance(a, Tensor) and history(a) is not None for a in (self, *args)):
            source = wrap(self._data.copy(), history(self))  # its parts save the old values, not memory about to change
        return assign(self, entry(source, *args, **kwargs), name + "_")

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"In-place form of `{name}`."
    return method
