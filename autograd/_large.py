"""Elementwise kernels and rules on large arrays: a piece at a time while it is in the cache, on all cores."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _parallel
from ._array import NUMBERS, ndarray
from ._mode import fast

PIECE = 1 << 16  # elements whose intermediate results stay in the cache
_MANY = 4 * PIECE  # elements from which several cores pay
SHARED = 1 << 21  # the same for a single step


def in_pieces(kernel: Callable) -> Callable:
    """The kernel run on pieces of large arrays. It may take `into`, where it may write what it gives."""
    code = kernel.__code__
    takes = "into" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    run = kernel if takes else lambda *given, into, **params: kernel(*given, **params)

    @functools.wraps(kernel)
    def pieced(*arrays: Any, **params: Any) -> Any:
        if not is_large(arrays[0]):
            return kernel(*arrays, **params)
        return by_pieces(lambda given, into: (run(*given, into=into, **params),), arrays, kernel)[0]

    return pieced


def shared(kernel: Callable, ufunc: Callable) -> Callable:
    """The kernel of one step; of very large arrays of floating numbers `ufunc`, which does the same, on all cores."""

    @functools.wraps(kernel)
    def divided(*arrays: Any) -> Any:
        first = arrays[0]
        large = type(first) is ndarray and first.size >= SHARED and first.dtype.kind == "f"
        return _divided(ufunc, arrays) if large else kernel(*arrays)

    return divided


def _divided(ufunc: Callable, arrays: Sequence) -> Any:
    return by_pieces(lambda given, into: (ufunc(*given, out=into),), arrays, ufunc)[0]


def weighted(g: Any, factor: Any) -> Any:
    """g · factor in a rule, where g is a very large array: the factor itself if g is one everywhere, as that of a sum is."""
    if fast.enabled and type(factor) is ndarray and factor.shape == g.shape and factor.dtype is g.dtype:
        if not any(g.strides) and g[(0,) * g.ndim] == 1:
            return factor
        return _divided(np.multiply, (g, factor))
    return g * factor


def is_large(a: Any) -> bool:
    """Whether `a` is so large an array that pieces of it pay."""
    return type(a) is ndarray and a.size > PIECE


def by_pieces(function: Callable, values: Sequence, kind: Any) -> Any:
    """function(values, None), a sequence of arrays or None, piece by piece where that is possible.

    It is where the values are arrays of one shape, each in one run of memory, and numbers. A function is taken to give
    arrays of this shape. It may write the first to the place that it gets with each piece. Jobs of the same `kind` and size
    take as long.
    """
    flat = _flat(values) if fast.enabled else None
    if flat is None:
        return function(values, None)
    probe = function(_part(flat, slice(1)), None)  # it tells the dtypes
    if any(p is not None and (type(p) is not ndarray or p.shape != (1,)) for p in probe):
        return function(values, None)
    made = [None if p is None else np.empty(values[0].shape, p.dtype) for p in probe]
    whole = [None if m is None else m.reshape(-1) for m in made]

    def work(part: slice) -> None:
        places = [w if w is None else w[part] for w in whole]
        for place, found in zip(places, function(_part(flat, part), places[0]), strict=True):
            if place is not None and place is not found:
                place[...] = found

    size, alone = flat[0].size, _parallel.slices(flat[0].size, PIECE)
    if size <= _MANY:
        for part in alone:
            work(part)
    else:
        pieces = _parallel.pieces(size, flat[0].itemsize, PIECE * flat[0].itemsize, _parallel.FREE)
        _parallel.team.run(work, pieces, (kind, size), alone)
    return made


def _part(values: Sequence, part: slice) -> list:
    return [a[part] if type(a) is ndarray else a for a in values]


def _flat(values: Sequence) -> list | None:
    """The values with arrays as one run of numbers; None if they are not alike."""
    shape, found = values[0].shape, []
    for a in values:
        if type(a) is ndarray:
            if a.shape != shape or a.dtype.kind not in "fb":
                return None
            if a.flags.c_contiguous:
                a = a.reshape(-1)
            elif not any(a.strides):  # one number everywhere: the gradient of a sum or mean
                a = np.broadcast_to(a[(0,) * a.ndim], (a.size,))
            else:
                return None
        elif a is not None and type(a) not in NUMBERS:
            return None
        found.append(a)
    return found
