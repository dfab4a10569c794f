"""The arrays this namespace makes: Tensors whose operators are the standard's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .._tensor import Tensor
from ._common import pair
from ._elementwise import FUNCTIONS as ELEMENTWISE


class Array(Tensor):
    """A Tensor that this namespace made from no other: its operators follow the standard where PyTorch's differ.

    Beside another such array, one without axes counts in promotion like any other, and `//` rounds x1 / x2 where an
    operand is infinite. Beside a Tensor of the main namespace the operator is the Tensor's, and so is the result.

    Example:
        >>> import autograd, autograd.array_api as xp
        >>> xp.asarray([1, 2], dtype=xp.int8) + xp.asarray(3, dtype=xp.int16)
        tensor([4, 5], dtype=int16)
        >>> autograd.tensor([1, 2], dtype=xp.int8) + autograd.tensor(3, dtype=xp.int16)
        tensor([4, 5], dtype=int8)
    """

    __slots__ = ()
    __hash__ = Tensor.__hash__

    def __floordiv__(self, other: Any) -> Any:
        return _quotient(self, other) if _is_operand(other) else NotImplemented

    def __rfloordiv__(self, other: Any) -> Any:
        return _quotient(other, self) if _is_operand(other) else NotImplemented

    def __ifloordiv__(self, other: Any) -> Any:
        """The quotient is written where it fits; where it may not, the answer is the Tensor's."""
        fits = not other.is_complex() if type(other) is Array else isinstance(other, (int, float))
        if self.is_floating_point() and fits:
            return self.copy_(_quotient(self, other))
        return Tensor.__ifloordiv__(self, other)

    def __getitem__(self, key: Any) -> Any:
        return as_array(Tensor.__getitem__(self, key))

    def __iter__(self) -> Iterator[Any]:
        return map(as_array, Tensor.__iter__(self))

    def __format__(self, spec: str) -> str:
        return object.__format__(self, spec) if self.ndim else format(self.item(), spec)

    @property
    def mT(self) -> Any:
        return as_array(Tensor.mT.__get__(self))

    @property
    def T(self) -> Any:
        return as_array(Tensor.T.__get__(self))


def as_array(out: Any) -> Any:
    """A result nobody else holds yet, as an Array; several results each."""
    if type(out) is Tensor:
        out.__class__ = Array
    elif isinstance(out, (tuple, list)):
        for part in out:
            as_array(part)
    return out


def _is_operand(other: Any) -> bool:
    """Whether the operator is ours to define: another array of the namespace, or a number."""
    return type(other) is Array or isinstance(other, (bool, int, float, complex))


def _quotient(x1: Any, x2: Any) -> Any:
    return as_array(ELEMENTWISE["floor_divide"](x1, x2))


def _unary(name: str) -> Callable:
    tensors = getattr(Tensor, name)
    return lambda self: as_array(tensors(self))


def _binary(name: str) -> Callable:
    tensors = getattr(Tensor, name)

    def operator(self: Array, other: Any) -> Any:
        if type(other) is Array:
            return as_array(tensors(*pair(self, other)))
        out = tensors(self, other)
        return out if isinstance(other, Tensor) else as_array(out)

    return operator


_ARITHMETIC = ("add", "sub", "mul", "truediv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")
for _name in ("neg", "pos", "abs", "invert"):
    setattr(Array, f"__{_name}__", _unary(f"__{_name}__"))
for _name in (*_ARITHMETIC, *(f"r{name}" for name in _ARITHMETIC), "eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Array, f"__{_name}__", _binary(f"__{_name}__"))


def _tensors(values: Iterable) -> Iterator[Tensor]:
    """The tensors among arguments, also those in a sequence of them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (tuple, list)) and value and isinstance(value[0], Tensor):
            yield from _tensors(value)


def keeping(function: Callable, makes: bool = False) -> Callable:
    """`function` with Arrays for results where its tensors are all Arrays; `makes`: where it is given none, too."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        out = function(*args, **kwargs)
        kinds = {type(t) for t in _tensors((*args, *kwargs.values()))}
        return as_array(out) if kinds == {Array} or (makes and not kinds) else out

    return call


__all__ = ["Array", "as_array", "keeping"]
