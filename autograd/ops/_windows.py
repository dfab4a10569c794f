"""Where windows lie in arrays (N, C, *spatial), and memory to copy them into. `pads` are pairs (before, after) per axis."""

from __future__ import annotations

import functools
import itertools
import math
import threading

import numpy as np

from .. import _parallel
from .._array import at_line

# Bytes of columns worked on at a time: they are written and read back while still in the cache.
BLOCK = 1 << 21
PIECE = 1 << 18  # multiplications up to which BLAS starts no threads
SHARED = 1 << 22  # multiplications, and eight for each number copied, from which two threads pay


def _unpacked():
    """The same where OpenBLAS multiplies small matrices as they lie, which it does with the instructions of AVX-512."""
    config: dict = np.show_config(mode="dicts")  # type: ignore[assignment]
    wide = {"X86_V4", "AVX512_SKX"} & set(config["SIMD Extensions"]["found"])
    return 900_000 if wide and "openblas" in config["Build Dependencies"]["blas"]["name"] else PIECE


UNPACKED = _unpacked()
LINE = 16  # numbers in a cache line
LEAST = 32  # columns in a piece of a product from which it pays
CORNER = 1 << 10  # numbers in a product with a transpose up to which it does
SHALLOW = 6  # rows in a piece of such a product from which it pays


@functools.lru_cache(1024)
def out_size(size, kernel, stride, pads, dilation):
    """How many windows fit along each axis."""
    return tuple(
        (n + lo + hi - d * (k - 1) - 1) // s + 1
        for n, k, s, (lo, hi), d in zip(size, kernel, stride, pads, dilation, strict=True)
    )


def blocks(batch, bytes_each):
    """Slices of the batch whose columns fit in the cache together."""
    return _parallel.slices(batch, BLOCK // max(bytes_each, 1))


def steps(size):
    """Numbers from one to the next along each axis of an image."""
    return [math.prod(size[a + 1 :]) for a in range(len(size))]


def view(a, shape, strides, dtype=None):
    """`as_strided` from the first number of an array that is one run of memory, in a fifth of its time."""
    return np.ndarray(shape, dtype or a.dtype, a, 0, strides)


def runs(a):
    """An array whose runs along the last axis are one element each: copied at once, in a third of the time."""
    return a.view(np.dtype((np.void, a.shape[-1] * a.itemsize)))[..., 0]


def divisor(n, most):
    """The largest divisor of n up to `most`, or 0."""
    if not most:
        return 0
    return n // next(count for count in range(-(-n // most), n + 1) if n % count == 0)


def cut(a, most):
    """a (..., m, n) in pieces (..., pieces, m, up to `most`) of its columns: two arrays if one would be shorter.

    All in one piece if they were so small that products would not pay.
    """
    n = a.shape[-1]
    piece = -(-n // -(-n // most)) if most >= LEAST else n
    if piece < n and most >= LINE:  # so that each begins at a cache line, if the first one does
        piece = min(-(-piece // LINE), most // LINE) * LINE
    count = n // piece
    end = count * piece
    parts = [a[..., :end].reshape(*a.shape[:-1], count, piece).swapaxes(-2, -3)]
    return parts if end == n else [*parts, a[..., None, :, end:]]


def padded(x, pads, fill=0):
    """x with its spatial axes lengthened by `pads`; a negative pad crops. Returns x itself when there is nothing to do."""
    if not any(lo or hi for lo, hi in pads):
        return x
    lead = x.ndim - len(pads)
    shape = (*x.shape[:lead], *(n + lo + hi for n, (lo, hi) in zip(x.shape[lead:], pads, strict=True)))
    out = np.zeros_like(x, shape=shape, order="C") if fill == 0 else np.full_like(x, fill, shape=shape, order="C")
    inside, source = placing(x.shape[lead:], pads)
    out[inside] = x[source]
    return out


def placing(size, pads):
    """Where in the padded array the elements go, and which: two indices."""
    inside: list = [...]
    source: list = [...]
    for n, (lo, hi) in zip(size, pads, strict=True):
        inside.append(slice(max(lo, 0), max(lo, 0) + n + min(lo, 0) + min(hi, 0)))
        source.append(slice(max(-lo, 0), n - max(-hi, 0)))
    return tuple(inside), tuple(source)


def offsets(kernel):
    """Every place of a window, in memory order."""
    return itertools.product(*(range(k) for k in kernel))


def windows(offset, stride, dilation, out):
    """The slices that pick, for one place of the window, its element of every window."""
    return tuple(
        slice(o * d, o * d + (n - 1) * s + 1, s) for o, s, d, n in zip(offset, stride, dilation, out, strict=True)
    )


class _Own(threading.local):
    """What a thread keeps: buffers by slot and dtype, and views of them by what they are made for.

    lent: whether all memory that was handed out last is of these buffers.
    """

    def __init__(self):
        self.buffers, self.views, self.lent = {}, {}, True


_own = _Own()
_VIEWS = 64  # as many are kept


def scratch(like, shape, slot=0):
    """Uninitialised memory of `shape` that the next call with the same slot hands out again.

    Fresh memory of this size costs more in page faults than the columns cost in copying.
    """
    if type(like) is not np.ndarray:
        return np.empty_like(like, shape=shape)
    size, key = math.prod(shape), (slot, like.dtype.char)
    held = _own.buffers.get(key)
    if held is None or held.size < size:
        if size * like.dtype.itemsize > 8 * BLOCK:
            _own.lent = False
            return np.empty(shape, like.dtype)
        held = _own.buffers[key] = at_line(max(size, 1 << 14), like.dtype)
        _own.views.clear()  # some are of memory that would not be given back
    return held[:size].reshape(shape)


def kept(make, key):
    """make(), once for all calls of a thread: views of memory from `scratch` take as long to make as a small product."""
    found = _own.views.get(key)
    if found is None:
        _own.lent = True
        found = make()
        if _own.lent:
            if len(_own.views) >= _VIEWS:
                _own.views.clear()
            _own.views[key] = found
    return found
