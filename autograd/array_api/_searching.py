"""Picking elements, searching, sorting and sets."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtype
from .._tensor import Tensor
from ._common import NUMBER, axes_of, ops, pair, tensor, wrap

UniqueAll = namedtuple("UniqueAll", ("values", "indices", "inverse_indices", "counts"))
UniqueCounts = namedtuple("UniqueCounts", ("values", "counts"))
UniqueInverse = namedtuple("UniqueInverse", ("values", "inverse_indices"))


def take(x, indices, /, *, axis=None):
    """Elements at `indices` along an axis, which may be left out for an array of one axis."""
    x, indices = tensor(x), tensor(indices).long()
    if axis is None and x.ndim != 1:
        raise ValueError(f"take: axis is needed for an array with {x.ndim} axes")
    axis = axes_of(0 if axis is None else axis, x.ndim)[0]
    return x[(slice(None),) * axis + (indices,)]


def take_along_axis(x, indices, /, *, axis=-1):
    """Elements at `indices`, an array of as many axes, along one axis."""
    x, indices = tensor(x), tensor(indices).long()
    axis = axes_of(axis, x.ndim)[0]
    whole = ops.where(ops.lt(indices, 0), indices + x.shape[axis], indices)
    return ops.take_along_dim(x, whole, axis)


def _place(operation: Callable, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = tensor(x)
    if x.dtype is _dtype.bool:
        x = x.to(_dtype.uint8)
    if axis is None:
        found = operation(ops.reshape(x, (-1,)), 0)
        return ops.reshape(found, (1,) * x.ndim) if keepdims else found
    return operation(x, axes_of(axis, x.ndim)[0], keepdims)


def argmax(x, /, *, axis=None, keepdims=False):
    """Where the largest element is first found."""
    return _place(ops.argmax, x, axis, keepdims)


def argmin(x, /, *, axis=None, keepdims=False):
    """Where the smallest element is first found."""
    return _place(ops.argmin, x, axis, keepdims)


def nonzero(x, /):
    """Indices of the nonzero elements, one array per axis.

    Raises:
        ValueError: an array without axes.
    """
    x = tensor(x)
    if not x.ndim:
        raise ValueError("nonzero: an array without axes has no indices")
    return tuple(wrap(i) for i in np.nonzero(x._data))


def searchsorted(x1, x2, /, *, side="left", sorter=None):
    """Where the elements of x2 would go into the sorted x1."""
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
    x1, x2 = pair(x1, x2)
    order: Any = None if sorter is None else tensor(sorter)._data
    return wrap(np.searchsorted(x1._buffer(), x2._data, side=side, sorter=order))


def where(condition, x1=None, x2=None, /):
    """x1 where the condition holds, x2 elsewhere.

    Note:
        The standard asks for all three; as in NumPy a condition alone gives its indices (scikit-learn uses that).
    """
    if x1 is None and x2 is None:
        return nonzero(condition)
    if isinstance(x1, NUMBER) and isinstance(x2, NUMBER):
        x1 = ops.scalar_tensor(x1, dtype=_dtype.from_numpy_dtype(_dtype.number_dtype(x1)))
    return ops.where(tensor(condition), *pair(x1, x2))


def isin(x1, x2, /, *, invert=False):
    """Whether each element of x1 is among those of x2."""
    x1, x2 = pair(x1, x2)
    return wrap(np.isin(x1._data, x2._data, invert=invert)[()])


def sort(x, /, *, axis=-1, descending=False, stable=True):
    """Elements in order along an axis, NaN last (first when descending)."""
    x = tensor(x)
    return ops.sort(x, axes_of(axis, x.ndim)[0], descending, stable)[0]


def argsort(x, /, *, axis=-1, descending=False, stable=True):
    """The indices that put elements in order along an axis."""
    x = tensor(x)
    return ops.argsort(x, axes_of(axis, x.ndim)[0], descending, stable)


def _unique(x: Any) -> UniqueAll:
    """Distinct values picked from the array, so that they stay differentiable; every NaN is its own value."""
    x = tensor(x)
    flat = ops.reshape(x, (-1,))
    _, first, inverse, counts = np.unique(
        flat._data, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    inverse = np.reshape(inverse, tuple(x.shape))[()]
    return UniqueAll(flat[wrap(first)], wrap(first), wrap(inverse), wrap(counts))


def unique_all(x, /):
    """Distinct values, where each is first found, which one each element is, how often each occurs."""
    return _unique(x)


def unique_counts(x, /):
    """Distinct values and how often each occurs."""
    found = _unique(x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x, /):
    """Distinct values and which one each element is."""
    found = _unique(x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x, /):
    """Distinct values."""
    return _unique(x).values


FUNCTIONS: dict[str, Callable] = {f.__name__: f for f in (
    argmax, argmin, argsort, isin, nonzero, searchsorted, sort, take, take_along_axis, unique_all, unique_counts,
    unique_inverse, unique_values, where)}  # fmt: skip
