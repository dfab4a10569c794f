"""Elementwise functions of several steps on large arrays: a piece at a time while it is in the cache, on all cores."""

from __future__ import annotations

import math

import numpy as np

from .. import _parallel
from .._array import along_rows, zeros
from .._large import SHARED
from .._mode import fast

_PIECE = 1 << 16  # elements whose intermediate results stay in the cache
FEW = 1 << 13  # elements for which BLAS starts no threads: sums of so few are products with `ones`, one short call
# Bytes of zeros that are written by all cores: less is not worth it, and C has more than that from the system, as zeros.
_WRITTEN = range(1 << 23, 1 << 25)
_ONES: dict = {}


def ones(n, dtype):
    """A cached vector of n ones."""
    found = _ONES.get((n, dtype.char))
    if found is None:
        if len(_ONES) > 64:
            _ONES.clear()
        found = _ONES[n, dtype.char] = np.ones(n, dtype)
    return found


_LONGEST = 1 << 12  # elements of a row that an inner product adds as exactly as NumPy adds pairs of pairs
_NARROW, _MANY = 32, 16  # columns that are cheaper turned into rows; rows from which that pays


def row_sums(a):
    """Σ over the last axis of an ndarray as inner products with ones, which take a third of NumPy's time; else None."""
    if a.dtype not in (np.float32, np.float64) or not a.flags.c_contiguous or not a.size:
        return None
    width = a.shape[-1]
    if a.size <= FEW:
        return a.reshape(-1, width).dot(ones(width, a.dtype)).reshape(a.shape[:-1])
    if width > _LONGEST:
        return None
    level = ones(width, a.dtype)
    if a.size < SHARED:
        return np.vecdot(a, level)
    rows, sums = a.reshape(-1, width), np.empty(a.shape[:-1], a.dtype)
    found = sums.reshape(-1)
    _parallel.in_blocks(
        lambda part: np.vecdot(rows[part], level, out=found[part]), len(rows), width * a.itemsize, a.nbytes, rows.shape
    )
    return sums


def sums_along(a, axis=-1):
    """Σ over an axis, which stays."""
    if type(a) is np.ndarray and a.ndim and axis in (-1, a.ndim - 1):
        found = row_sums(a)
        if found is not None:
            return found[..., None]
    return np.sum(a, axis=axis, keepdims=True)


def short_rows(a):
    """Whether inner products along the last axis are as exact as NumPy's sums, and take half of their time."""
    return a.dtype in (np.float32, np.float64) and a.shape[-1] <= _LONGEST


def inner_along(a, b, axis=-1):
    """Σ a b over an axis, which stays; along a last one that is not long in one pass, which writes no products."""
    if type(a) is not np.ndarray or type(b) is not np.ndarray or (a.shape, a.dtype) != (b.shape, b.dtype):
        return sums_along(a * b, axis)
    if axis not in (-1, a.ndim - 1) or not short_rows(a):
        return sums_along(a * b, axis)
    return np.vecdot(a, b)[..., None]


def largest_along(x, axis=-1):
    """The maximum over an axis, which stays. Over a short last one NumPy's takes a function call per row, for a few numbers."""
    if type(x) is np.ndarray and x.ndim > 1 and axis in (-1, x.ndim - 1) and x.flags.c_contiguous and x.size:
        width = x.shape[-1]
        rows = x.reshape(-1, width)
        if len(rows) >= _MANY and width <= FEW:
            if width <= _NARROW:
                top = np.maximum.reduce(rows.T.copy(), axis=0)
            else:
                top = rows[np.arange(len(rows)), rows.argmax(1)]
            return top.reshape(*x.shape[:-1], 1)
    return np.maximum.reduce(x, axis=axis, keepdims=True)


def cleared(like, shape):
    """Zeros of `shape`, like `like`: a large table is cleared by all cores."""
    if type(like) is not np.ndarray or math.prod(shape) * like.itemsize not in _WRITTEN or not fast.enabled:
        return zeros(like, shape)
    out = np.empty(shape, like.dtype)
    _parallel.run(lambda part: out[part].fill(0), len(out), -(-len(out) // _parallel.team.size), out.size)
    return out


_SEVERAL = 1 << 13  # elements from which the call of clip is made up for


def within(x, low=None, high=None, out=None):
    """x limited to two numbers. NumPy's clip compares several numbers at a time, its maximum with one number one by one."""
    if type(x) is np.ndarray and x.dtype.kind == "f" and x.size >= _SEVERAL and fast.enabled:
        return x.clip(-math.inf if low is None else low, math.inf if high is None else high, out=out)
    if low is not None:
        x = np.maximum(x, low, out=out)
    return x if high is None else np.minimum(x, high, out=out)


def by_rows(work, x, axes=()):
    """work(slice) for slices along the first axis that cover x: cache-sized, on all cores; all at once where `axes`, which
    work reduces, hold the first one, or x is small."""
    if 0 in axes or x.size <= 4 * _PIECE or type(x) is not np.ndarray:
        work(slice(None))
        return
    with along_rows(x.shape[-1]):
        _parallel.in_blocks(work, len(x), x.nbytes // len(x), 2 * _PIECE * x.itemsize, x.shape)
