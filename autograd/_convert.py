"""Array data from what users write: numbers, nested sequences, arrays, tensors."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from . import _dtype
from ._array import Array, ndarray, quiet
from ._dtype import from_numpy_dtype
from ._mode import is_grad_enabled


def legacy_constructor(*args: Any, **kwargs: Any) -> Array:
    """The data of `Tensor(...)`: sizes make uninitialised memory, anything else is converted; default dtype."""
    kwargs.pop("device", None)
    if kwargs:
        raise TypeError(f"Tensor: unexpected keyword arguments {sorted(kwargs)}; use autograd.tensor(data, dtype=...)")
    d = _dtype.get_default_dtype().dtype
    if not args:
        return np.empty(0, d)
    if len(args) == 1 and hasattr(args[0], "_data"):
        return args[0]._buffer() if args[0]._data.dtype == d else args[0]._data.astype(d)
    if len(args) == 1 and type(args[0]).__name__ == "Size":
        return np.empty(args[0], d)
    if all(isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in args):
        return np.empty(args, d)
    if len(args) != 1:
        raise TypeError(f"Tensor: expected sizes or one sequence, got {len(args)} arguments; use autograd.tensor(data)")
    return to_array(args[0], d)


def to_array(data: Any, d: np.dtype | None = None) -> ndarray:
    """A fresh array from numbers, nested sequences, arrays or tensors; Python floats get the default dtype.

    Raises:
        ValueError: the nested lists are ragged.
        TypeError: something is not a number.
        RuntimeError: an element is a tensor that requires grad, whose history would be lost, or a number is beyond the dtype's
            range.
    """
    if hasattr(data, "_data"):
        return np.array(data._data, dtype=d)
    if isinstance(data, (ndarray, np.generic)):
        a = np.array(data)
    elif hasattr(data, "__array__"):
        a = np.array(data.__array__())
    else:
        data = _plain(data)
        a = _from_sequence(data)
        if a.dtype.kind == "c" and d is not None and d.kind != "c":
            raise TypeError(f"tensor: must be real number, not complex, for dtype {d.name}")
        if d == np.uint64 and a.dtype == np.float64:  # NumPy's own choice for integers beyond int64
            return np.array(data, dtype=object).astype(d)
        if d is None and not _holds_numpy(data):
            d = _default_for(a)
    if d is not None and not isinstance(data, ndarray) and a.dtype != d:
        _check_range(a, d)
    found = from_numpy_dtype(a.dtype).dtype
    wanted = d or found
    if wanted is a.dtype:
        return a
    with quiet():  # a number too large for the dtype is inf, without a word
        return a.astype(wanted)


def _check_range(a: ndarray, d: np.dtype) -> None:
    """Refuse numbers that an integer dtype cannot hold; an array's own are cut down, as a cast does."""
    if d.kind in "iu" and a.dtype.kind in "iuf" and a.size:
        for extreme in (a.min(), a.max()):
            _dtype.element(extreme.item(), d)


def _from_sequence(data: Any) -> ndarray:
    try:
        a = np.array(data)
    except (ValueError, TypeError, OverflowError) as error:
        if "inhomogeneous" in str(error):
            raise ValueError(
                f"tensor: expected nested sequences of equal length: {str(error).split('. ')[-1]}"
            ) from None
        raise type(error)(f"tensor: {error}") from None
    return a if a.dtype.kind in "biufcV" else _from_objects(a)


def _from_objects(a: ndarray) -> ndarray:
    """What NumPy found no number's dtype for: integers beyond 64 bits beside floats are floats, the rest is refused."""
    if a.dtype.kind in "US":
        raise TypeError("tensor: new(): invalid data type 'str'; expected numbers, sequences of numbers or arrays")
    odd = next((type(x).__name__ for x in a.flat if not isinstance(x, numbers.Number)), None)
    if odd is not None:
        raise RuntimeError(f"tensor: Could not infer dtype of {odd}; expected numbers, sequences of numbers or arrays")
    if all(isinstance(x, int) for x in a.flat):
        raise ValueError("Overflow when unpacking long long: tensor integers have at most 64 bits")
    return a.astype(np.float64)


def _plain(data: Any) -> Any:
    """Nested sequences with their tensors replaced by arrays, or by the one number of each where numbers stand."""
    if hasattr(data, "_data"):
        return _plain_tensor(data)
    if isinstance(data, (list, tuple)):
        if data and not isinstance(data[0], (list, tuple, ndarray, range)):
            return [_one(x) if hasattr(x, "_data") else x for x in data]
        return [_plain(x) for x in data]
    if isinstance(data, (range,)):
        return list(data)
    return data


def _plain_tensor(t: Any) -> Any:
    if t.requires_grad and is_grad_enabled():
        raise RuntimeError(
            "tensor: an element is a Tensor that requires grad, and its history would be lost; "
            "use autograd.stack([...]) to keep it, or detach() the elements"
        )
    plain = not t._data.ndim and t._data.dtype in (_dtype.get_default_dtype().dtype, np.int64)
    return t._data.item() if plain else t._data  # beside numbers it must not widen them


def _one(t: Any) -> Any:
    """The number of a tensor that stands where a number does."""
    if t._data.size != 1:
        whole = t._data.dtype.kind in "biu"
        said = "only integer tensors of a single element can be converted to an index" if whole else (
               "only one element tensors can be converted to Python scalars")  # fmt: skip
        raise (TypeError if whole else ValueError)(
            f"tensor: {said}, got an element of shape {list(t.shape)}; use autograd.stack([...]) to put tensors together"
        )
    return _plain_tensor(t.reshape(()) if t.ndim else t)


def _holds_numpy(data: Any) -> bool:
    while isinstance(data, list) and data:
        data = data[0]
    return isinstance(data, (np.generic, ndarray))


def _default_for(a: ndarray) -> np.dtype:
    if a.dtype.kind == "f" or not a.size:
        return _dtype.get_default_dtype().dtype
    if a.dtype.kind == "c":
        return _dtype.get_default_dtype().to_complex().dtype
    return np.dtype(np.int64) if a.dtype.kind in "iu" else a.dtype
