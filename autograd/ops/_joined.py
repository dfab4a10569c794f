"""Convolution with stride one where weights are many: images joined row by row, in few products that BLAS shares itself.

Columns are (places of a row, C, rows, n, *row): copied in runs for each place of the window within a row, with zeros where
it lies outside of the image. Along the first axis of the image nothing is copied: the columns of the next place are the
same memory, begun some rows further on, and a matrix as BLAS takes it. Arrays lie as a `_shifted.Layout` says.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator

import numpy as np

from .. import _parallel
from ._windows import runs, scratch, view

_BLOCK = 1 << 23  # bytes of columns made at a time


def _rows(layout):
    """Rows of columns: one for each of the results, and those that windows reach further."""
    return layout.out[0] + (layout.kernel[0] - 1) * layout.dilation[0]


def _parts(layout, x):
    """Parts of the batch, as large as their columns may be."""
    each = layout.depth * _rows(layout) * math.prod(layout.out[1:]) * x.itemsize
    return _parallel.slices(len(x), max(_BLOCK // each, 1))


def _by_row(a):
    """Images (n, C, rows, *row), each row as one element, in the order (C, rows, n, *row)."""
    rows = runs(a if a.strides[-1] == a.itemsize else np.ascontiguousarray(a))
    return rows.transpose(1, 2, 0, *range(3, rows.ndim))


@functools.lru_cache(256)
def _moves(layout):
    """For each place of the window in a row: (place, where its columns are of images, what they are, where they are zero)."""
    moves = []
    for place in itertools.product(*map(range, layout.kernel[1:])):
        inside, source, empty = [], [], []
        for axis, j in enumerate(place, 1):
            shift, out = layout.shifts[axis][j], layout.out[axis]
            begin = min(max(-shift, 0), out)
            end = max(min(layout.size[axis] - shift, out), begin)
            ends = slice(0, begin), slice(end, out)
            empty += [(..., edge, *(slice(None),) * (len(place) - axis)) for edge in ends if edge.start < edge.stop]
            inside.append(slice(begin, end))
            source.append(slice(begin + shift, end + shift))
        moves.append((place, (..., *inside), (..., *source), empty))
    return moves


def _columns(layout, x):
    """What windows see of images, at each place along the first axis: a view (outer, depth, numbers in rows of results)."""
    n, rows = len(x), _rows(layout)
    columns = scratch(x, (*layout.kernel[1:], layout.channels, rows, n, *layout.out[1:]))
    top = layout.before[0]
    low, high = min(max(top, 0), rows), max(min(top + layout.size[0], rows), 0)
    images = x[:, :, max(low - top, 0) : max(high - top, 0)]
    for place, inside, source, empty in _moves(layout):
        at = columns[place]
        at[:, :low], at[:, high:] = 0, 0
        for edge in empty:
            at[edge] = 0
        if images.size and all(s.start < s.stop for s in inside[1:]):
            runs(at[:, low:high][inside])[...] = _by_row(images[source])
    step, it = n * math.prod(layout.out[1:]), columns.itemsize
    shape = layout.outer, layout.depth, layout.out[0] * step
    return view(columns, shape, (layout.dilation[0] * step * it, rows * step * it, it))


def _weights(layout, w):
    """w (O, C, *kernel) as matrices (outer, O, depth), their transposes in memory where w has its filters side by side."""
    if w.strides[0] >= w.strides[1]:
        return layout.weights(w)
    ordered = w.reshape(layout.filters, layout.channels, layout.outer, -1).transpose(2, 3, 1, 0)
    return ordered.reshape(layout.outer, layout.depth, layout.filters).swapaxes(1, 2)


def _slopes(layout, columns, g):
    """The gradient of the matrices of weights, turned: (outer, depth, O). From columns, and that of results (n, O, *out)."""
    lying = scratch(g, (layout.filters, layout.out[0], len(g), *layout.out[1:]), 2)
    runs(lying)[...] = _by_row(g)
    return np.matmul(columns, lying.reshape(layout.filters, -1).T)


def _total(layout, slopes):
    """The gradient of the weight, a view, from those that parts of the batch give one after the other."""
    return layout.weights_back(functools.reduce(operator.iadd, slopes))


def _write(layout, y, weights, columns):
    """Writes the convolution that these columns make into y (n, O, *out)."""
    terms = np.matmul(weights, columns, out=scratch(y, (layout.outer, layout.filters, columns.shape[2]), 1))
    for term in terms[1:]:
        terms[0] += term
    _by_row(y)[...] = runs(terms[0].reshape(layout.filters, layout.out[0], len(y), *layout.out[1:]))


def convolve_joined(layout, y, w, x):
    """Writes the convolution of x with w into y (N, O, *out)."""
    weights = _weights(layout, w)
    for part in _parts(layout, x):
        _write(layout, y[part], weights, _columns(layout, x[part]))


def convolve_weight_joined(layout, x, g):
    """The gradient for the weight: (O, C, *kernel)."""
    return _total(layout, (_slopes(layout, _columns(layout, x[part]), g[part]) for part in _parts(layout, x)))


def convolve_both(layout, y, w, x, g):
    """`convolve_joined` and `convolve_weight_joined` from the same columns."""
    weights = _weights(layout, w)

    def work(part):
        columns = _columns(layout, x[part])
        _write(layout, y[part], weights, columns)
        return _slopes(layout, columns, g[part])

    return _total(layout, map(work, _parts(layout, x)))
