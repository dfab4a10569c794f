"""Products of two matrices, in the forms that take BLAS the least time.

OpenBLAS multiplies small matrices as they lie, on the caller's thread. Others it copies first, and from 262,144
multiplications on it starts its threads: that takes 15 us on an idle machine, milliseconds where another program has the
other core, and for a while after it they keep that core from our helpers. So what is not much larger is multiplied in
pieces that are small (measured: 0.35 to 0.9 of the time). Which pieces follows from the shapes alone: the bits do not
depend on the machine's load.
"""

from __future__ import annotations

import numpy as np

from .. import _parallel
from .._mode import fast
from ._pieces import FEW
from ._windows import LINE, PIECE, UNPACKED

LIGHT = PIECE  # multiplications up to which a product needs none of this
# How long the rows of `a` are in strips, and up to how many multiplications these are as fast as BLAS's threads.
_SHALLOW, _SHALLOWER = (48, 2_200_000), (16, 5_000_000)
_FEW_ROWS, _ALONE = 32, 1_700_000  # rows of `a`, and multiplications up to which the same holds for any length
_DEEP = 100  # how long the rows are in tiles, at least
_TILE = 1200  # numbers in a tile up to which OpenBLAS multiplies it as it lies


def product(a, b):
    """a.dot(b) for matrices. Where all rows of `a`, or all columns of `b`, are one in memory, only that one is multiplied.

    Such is the gradient of a sum or mean: the way back from `(a @ b).sum()` takes no product of matrices.
    """
    if (a.size < FEW and a.size * b.shape[-1] < LIGHT) or not fast.enabled:
        return a.dot(b)
    if type(a) is not np.ndarray or type(b) is not np.ndarray or a.ndim != 2 or b.ndim != 2:
        return a.dot(b)
    if not a.strides[0] or not b.strides[1]:
        return _of_one(a, b)
    many = a.size * b.shape[1]
    if UNPACKED == PIECE or many < LIGHT or a.dtype is not b.dtype or a.dtype.char not in "fd" or a.shape[1] != len(b):
        return a.dot(b)
    return _in_pieces(a, b, many)


def _of_one(a, b):
    """a.dot(b) where all rows of `a`, or all columns of `b`, are one."""
    one = a.dot(b[:, :1]) if a.strides[0] else a[:1].dot(b)
    result = np.empty((len(a), b.shape[1]), one.dtype)
    result[...] = one
    return result


def _in_pieces(a, b, many):
    """a.dot(b), with so many multiplications, in pieces that BLAS multiplies as they lie, if it would start threads."""
    (rows, deep), columns = a.shape, b.shape[1]
    if min(rows, deep, columns) == 1:
        return a.dot(b)
    few = rows <= (_FEW_ROWS if a.itemsize == 4 else _FEW_ROWS // 2) and many <= _ALONE
    if b.strides[1] == b.itemsize:
        shallow = any(deep <= length and many <= most for length, most in (_SHALLOW, _SHALLOWER))
        return _in_strips(a, b, -(-many // UNPACKED)) if many > UNPACKED and (shallow or few) else a.dot(b)
    turned = a.strides[1] == a.itemsize and b.strides[0] == b.itemsize
    if turned and few and deep >= _DEEP and (rows * columns > _TILE or many > UNPACKED):
        return _in_tiles(a, b)
    return a.dot(b)


def _in_strips(a, b, count):
    """So many pieces of the longer side."""
    rows, columns = len(a), b.shape[1]
    out = np.empty((rows, columns), a.dtype)
    if rows >= columns:
        for part in _parallel.slices(rows, -(-rows // count)):
            np.matmul(a[part], b, out=out[part])
    else:
        for part in _parallel.slices(columns, -(-columns // count)):
            np.matmul(a, b[:, part], out=out[:, part])
    return out


def _in_tiles(a, b):
    """Pieces of the columns of `b`, the rows of a matrix: as many as can be in one call, and the rest."""
    (rows, deep), columns = a.shape, b.shape[1]
    width = max(min(_TILE, UNPACKED // deep) // rows, 1)
    width = min(width // LINE * LINE or width, columns)
    end = columns // width * width
    out = np.empty((rows, columns), a.dtype)
    tiles = b[:, :end].reshape(deep, -1, width).swapaxes(0, 1)
    np.matmul(a, tiles, out=out[:, :end].reshape(rows, -1, width).swapaxes(0, 1))
    if end < columns:
        np.matmul(a, b[:, end:], out=out[:, end:])
    return out
