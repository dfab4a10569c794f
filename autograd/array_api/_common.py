"""What every part of the namespace needs: arguments as tensors, and the standard's promotion."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import _dtype
from .._dtype import as_dtype, dtype, from_numpy_dtype
from .._registry import registry
from .._tensor import Tensor, check_device, wrap

# The library's operations under PyTorch's names: `ops.sum` is `autograd.sum`.
ops = SimpleNamespace(**{name: declared.call for name, declared in registry.items() if "." not in name})
linalg_ops = SimpleNamespace(**{name[7:]: d.call for name, d in registry.items() if name.startswith("linalg.")})
fft_ops = SimpleNamespace(**{name[4:]: d.call for name, d in registry.items() if name.startswith("fft.")})

NUMBER = (bool, int, float, complex)


def tensor(x: Any) -> Tensor:
    """An array argument as a Tensor; NumPy's arrays and scalars and Python's numbers are taken too.

    Raises:
        TypeError: neither a Tensor nor an array.
    """
    if isinstance(x, Tensor):
        return x
    if isinstance(x, np.ndarray):
        return ops.as_tensor(x)
    if isinstance(x, np.generic):
        from_numpy_dtype(x.dtype)
        return wrap(x)
    if isinstance(x, NUMBER):
        return wrap(np.asarray(x, _dtype.number_dtype(x))[()])
    raise TypeError(f"array_api: expected a Tensor or an array, got {type(x).__name__}; use asarray(...)")


def cast(x: Tensor, to: dtype) -> Tensor:
    """The tensor in another dtype, itself when it has it."""
    return x if x.dtype is to else x.to(to)


def common(dtypes: list[dtype]) -> dtype:
    """The dtype of several arrays together, whatever their number of axes."""
    found = dtypes[0]
    for d in dtypes[1:]:
        found = _dtype.promote_types(found, d)
    return found


def weak(value: Any, beside: dtype) -> dtype:
    """The dtype of a Python number next to an array: the array's, unless the number is of a higher kind."""
    if isinstance(value, complex):
        return beside.to_complex() if beside.is_floating_point or beside.is_complex else complex_default()
    if isinstance(value, float) and not (beside.is_floating_point or beside.is_complex):
        return _dtype.get_default_dtype()
    if isinstance(value, int) and not isinstance(value, bool) and beside is _dtype.bool:
        return _dtype.int64
    return beside


def complex_default() -> dtype:
    return _dtype.get_default_dtype().to_complex()


def pair(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Two operands as tensors of their common dtype: 0-d arrays count like any other, Python numbers do not.

    Raises:
        TypeError: both are numbers.
    """
    one, two = isinstance(x1, NUMBER), isinstance(x2, NUMBER)
    if one and two:
        raise TypeError(f"array_api: one operand must be an array, got {type(x1).__name__} and {type(x2).__name__}")
    if one:
        x2 = tensor(x2)
        d = weak(x1, x2.dtype)
        return number(x1, d), cast(x2, d)
    if two:
        x1 = tensor(x1)
        d = weak(x2, x1.dtype)
        return cast(x1, d), number(x2, d)
    x1, x2 = tensor(x1), tensor(x2)
    if x1.dtype is x2.dtype:
        return x1, x2
    d = common([x1.dtype, x2.dtype])
    return cast(x1, d), cast(x2, d)


def number(value: Any, d: dtype) -> Tensor:
    return wrap(np.asarray(value, dtype=d.dtype)[()])


def promoted(arrays: Any) -> list[Tensor]:
    """Several arrays in their common dtype."""
    found = [tensor(a) for a in arrays]
    d = common([a.dtype for a in found])
    return [cast(a, d) for a in found]


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes named, counted from the front; None means all, () none.

    Raises:
        IndexError: outside the array. ValueError: one named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    for a in given:
        if not -ndim <= a < ndim:
            raise IndexError(f"axis {a} is out of bounds for an array with {ndim} axes")
    found = tuple(int(a) % ndim for a in given)
    if len(set(found)) != len(found):
        raise ValueError(f"axis: {tuple(given)} names an axis twice")
    return found


def publish(function: Any, name: str, doc: str, module: str) -> Any:
    """Give a function made by a factory the name under which it is found."""
    function.__name__ = function.__qualname__ = name
    function.__doc__, function.__module__ = doc, module
    return function


def default_or(d: Any) -> dtype:
    return _dtype.get_default_dtype() if d is None else as_dtype(d)


__all__ = ["NUMBER", "as_dtype", "axes_of", "cast", "check_device", "common", "complex_default", "default_or", "dtype",
           "fft_ops", "linalg_ops", "number", "ops", "pair", "promoted", "publish", "tensor", "weak", "wrap"]  # fmt: skip
