"""Convolution on arrays: windows copied into columns, one batched product per cache-sized block of the batch.

All functions take batched arrays (N, C, *spatial) and per-axis tuples. `pads` are pairs (before, after).
"""

from __future__ import annotations

import functools
import math

import numpy as np

from .._array import along_rows
from .._dtype import HALVES
from .._mode import fast
from . import _banded, _batch_last, _by_row, _joined, _shifted, _strided
from ._windows import blocks, offsets, out_size, padded, scratch, steps, windows

# Up to this ratio of filters to channels, gathering from the filters is cheaper than adding into the channels.
_TURN = 6
# And up to so many elements for each window, since gathering is done for every element: of few images, or of many, whose
# elements are added in long runs.
_NEAR, _MANY = (3.0, 1.8), 16
_WIDE = 6  # windows along the last axis from which phases are worth it
# Multiplications from which the gradient for the input of a convolution with a stride is found phase by phase; and
# filters times channels up to which: more are multiplied faster at once.
_SPLIT, _FEW_WEIGHTS = 1 << 20, 1 << 12


def fill_columns(columns, xp, kernel, stride, dilation, out):
    """columns (n, C, K, *out) from padded xp (n, C, *spatial)."""
    for i, offset in enumerate(offsets(kernel)):
        columns[:, :, i] = xp[(..., *windows(offset, stride, dilation, out))]


def add_columns(xp, columns, kernel, stride, dilation, out):
    """The transpose of `fill_columns`: adds into xp."""
    for i, offset in enumerate(offsets(kernel)):
        xp[(..., *windows(offset, stride, dilation, out))] += columns[:, :, i]


def _wide(a):
    """Half precision is multiplied and summed in float32."""
    return a.astype(np.float32) if a.dtype in HALVES else a


@functools.lru_cache(1024)
def _plain(kernel, stride, pads):
    """Whether windows are single elements, so that the input is its own columns."""
    return all(k == 1 for k in kernel) and all(s == 1 for s in stride) and not any(lo or hi for lo, hi in pads)


@functools.lru_cache(1024)
def _whole(size, kernel, pads, groups):
    """Whether there is a single window, of the whole image: then images and filters are rows of matrices."""
    return groups == 1 and tuple(size) == tuple(kernel) and not any(lo or hi for lo, hi in pads)


def _rows(a):
    return np.reshape(a, (len(a), -1))


def _depthwise(weight, groups, channels):
    """Whether each channel has one filter of its own, where the weight has this shape."""
    return groups == channels == weight[0] and groups > 1 and weight[1] == 1


def convolve(x, w, stride, pads, dilation, groups):
    """y[n, o] = sum over c and places of w[o, c] x[n, c] at the windows. (N, C, *S), (O, C/G, *K) -> (N, O, *out)"""
    dtype = x.dtype
    x, w = _wide(x), _wide(w)
    out = out_size(x.shape[2:], w.shape[2:], stride, pads, dilation)
    y = np.empty_like(x, shape=(x.shape[0], w.shape[0], *out), order="C")
    _write(y, x, w, stride, pads, dilation, groups)
    return y.astype(dtype, copy=False)


def _write(y, x, w, stride, pads, dilation, groups):
    """Writes the convolution into y, in the way that suits."""
    if not y.size or not w.size:
        y[...] = 0
    elif _depthwise(w.shape, groups, x.shape[1]):
        if _banded.suits(x):
            _banded.convolve(y, x, w, stride, pads, dilation)
        else:
            _convolve_depthwise(y, padded(x, pads), w, stride, dilation)
    elif _plain(w.shape[2:], stride, pads):
        np.matmul(_matrices(w, groups), _by_group(x, groups), out=_by_group(y, groups))
    elif _whole(x.shape[2:], w.shape[2:], pads, groups):
        np.matmul(_rows(x), _rows(w).T, out=_rows(y))
    elif not _convolve_quickly(y, x, w, stride, pads, dilation, groups):
        _convolve_by_columns(y, x, w, stride, pads, dilation, groups)


def _matrices(w, groups):
    """Weights (O, C/G, *K) as (1, G, O/G, C/G · K)."""
    return np.reshape(w, (1, groups, w.shape[0] // groups, -1))


def _by_group(a, groups):
    """Images (N, C, *S) as (N, G, C/G, S)."""
    return np.reshape(a, (a.shape[0], groups, a.shape[1] // groups, -1))


def _convolve_by_columns(y, x, w, stride, pads, dilation, groups):
    """The convolution as what all other ways are compared with."""
    kernel, out = w.shape[2:], y.shape[2:]
    xp, weights, target, places = padded(x, pads), _matrices(w, groups), _by_group(y, groups), math.prod(kernel)
    for part in blocks(len(x), x.dtype.itemsize * x.shape[1] * places * math.prod(out)):
        n = part.stop - part.start
        columns = scratch(x, (n, x.shape[1], places, *out))
        fill_columns(columns, xp[part], kernel, stride, dilation, out)
        np.matmul(weights, columns.reshape(n, groups, weights.shape[3], -1), out=target[part])


def _of_a_row(stride, pads, dilation):
    """A sequence as an image of one row: a row is what the layouts made for speed keep together."""
    return (1, *stride), ((0, 0), *pads), (1, *dilation)


def _convolve_quickly(y, x, w, stride, pads, dilation, groups):
    """Writes the convolution into y if one of the layouts made for speed suits; whether it does."""
    if len(stride) == 1:
        stride, pads, dilation = _of_a_row(stride, pads, dilation)
        return _convolve_quickly(y[:, :, None], x[:, :, None], w[:, :, None], stride, pads, dilation, groups)
    kernel, out = w.shape[2:], y.shape[2:]
    by_row = _by_row.layout(x.shape, w.shape, stride, pads, dilation, out)
    if not by_row.light and _shifted.possible(x, groups):
        shifted = _strided.layout(x.shape, len(w), kernel, stride, pads, dilation, out)
        if shifted.suits:
            _shifted.convolve(shifted, y, w, x)
            return True
        if shifted.joins:
            _joining(stride).convolve_joined(shifted, y, w, x)
            return True
    if by_row.suits(x):
        _by_row.convolve(by_row, y, w, x)
        return True
    return False


def _joining(stride):
    """The module of convolutions by products of many images."""
    return _strided if any(s > 1 for s in stride) else _joined


def _turned(w, groups):
    """The weight whose convolution is the transpose of w's: channels and filters exchanged, every axis reversed."""
    filters, depth = w.shape[:2]
    grouped = np.reshape(w, (groups, filters // groups, depth, *w.shape[2:])).swapaxes(1, 2)
    turned = grouped[(..., *(slice(None, None, -1),) * (w.ndim - 2))]
    return turned.reshape(groups * depth, filters // groups, *w.shape[2:])


@functools.lru_cache(1024)
def _turned_pads(size, out, kernel, pads, dilation):
    before = [d * (k - 1) - lo for k, d, (lo, _) in zip(kernel, dilation, pads, strict=True)]
    return tuple(
        (b, n - o + d * (k - 1) - b) for n, o, k, d, b in zip(size, out, kernel, dilation, before, strict=True)
    )


# ---------------------------------------------------------------------------------------------- one filter per channel
#
# With stride one every place of the window reads the whole padded image, shifted by a fixed distance in memory: one long
# run rather than many short ones; in exchange the results of windows that straddle the edge are computed and dropped.


def _flattens(stride, out, size):
    return all(s == 1 for s in stride) and _run(out, size) <= 2 * math.prod(out)


def _run(out, size):
    """How long the run of windows is in images of `size`."""
    return sum((n - 1) * s for n, s in zip(out, steps(size), strict=True)) + 1


def _starts(kernel, dilation, size):
    """Where the run of each place of the window begins."""
    return [sum(o * d * s for o, d, s in zip(offset, dilation, steps(size), strict=True)) for offset in offsets(kernel)]


def _dropped_edges(out):
    """The index that picks whole windows from an array (..., out[0], *size[1:])."""
    return (..., *(slice(0, n) for n in out))


def _convolve_depthwise(y, xp, w, stride, dilation):
    """One filter per channel: a product would have a single row, so add the shifted inputs instead."""
    kernel, out = w.shape[2:], y.shape[2:]
    if _flattens(stride, out, xp.shape[2:]):
        _depthwise_runs(y, xp, w, kernel, dilation)
        return
    y[...] = 0
    lift = (1, -1, *(1,) * len(kernel))
    for offset in offsets(kernel):
        y += xp[(..., *windows(offset, stride, dilation, out))] * w[(slice(None), 0, *offset)].reshape(lift)


def _depthwise_runs(y, xp, w, kernel, dilation):
    (batch, channels), size, out = xp.shape[:2], xp.shape[2:], y.shape[2:]
    length, row = _run(out, size), math.prod(size[1:])
    flat, starts = np.reshape(xp, (batch, channels, -1)), _starts(kernel, dilation, size)
    factors = np.reshape(w, (channels, -1, 1))
    for part in blocks(batch, 4 * xp.dtype.itemsize * channels * length):
        n = part.stop - part.start
        rows, term = scratch(xp, (n, channels, out[0] * row), 1), scratch(xp, (n, channels, length))
        total = rows[:, :, :length]
        with along_rows(length):
            np.multiply(flat[part, :, :length], factors[:, 0], out=total)
            for i, start in enumerate(starts[1:], 1):
                total += np.multiply(flat[part, :, start : start + length], factors[:, i], out=term)
        y[part] = rows.reshape(n, channels, out[0], *size[1:])[_dropped_edges(out)]


def convolve_input(g, w, size, stride, pads, dilation, groups):
    """The gradient of `convolve` for its input, which is the transposed convolution. -> (N, C, *size)"""
    dtype = g.dtype
    g, w = _wide(g), _wide(w)
    kernel, out = w.shape[2:], g.shape[2:]
    batch, filters = g.shape[0], w.shape[0]
    channels = w.shape[1] * groups
    if not (g.size and w.size):
        return np.zeros_like(g, shape=(batch, channels, *size)).astype(dtype, copy=False)
    if _plain(kernel, stride, pads) and tuple(size) == out:
        found = np.matmul(_matrices(w, groups).swapaxes(2, 3), _by_group(g, groups))
        return found.reshape(batch, channels, *size).astype(dtype, copy=False)
    if _whole(size, kernel, pads, groups):
        return np.matmul(_rows(g), _rows(w)).reshape(batch, channels, *size).astype(dtype, copy=False)
    if _depthwise(w.shape, groups, channels) and _banded.suits(g):
        found = np.empty((batch, channels, *size), g.dtype)
        _banded.convolve_input(found, g, w, stride, pads, dilation)
        return found.astype(dtype, copy=False)
    strided = any(s > 1 for s in stride)
    if not strided and _gathers(g.shape, size, w.shape, groups):
        turned = _turned_pads(size, out, kernel, pads, dilation)
        return convolve(g, _turned(w, groups), stride, turned, dilation, groups).astype(dtype, copy=False)
    few = filters <= channels * _TURN and (filters * channels <= _FEW_WEIGHTS or math.prod(kernel) == 1)
    if strided and fast.enabled and few and out[-1] >= _WIDE and math.prod(kernel) * g.size * w.shape[1] > _SPLIT:
        return _strided.convolve_input(convolve_input, g, w, size, stride, pads, dilation, groups)
    layout = _batch_last.layout((batch, channels, *size), w.shape, stride, pads, dilation, out)
    if layout.suits(g) and not _depthwise(w.shape, groups, channels):
        return _batch_last.convolve_input(layout, w, g, groups).astype(dtype, copy=False)
    return _input_by_columns(g, w, size, stride, pads, dilation, groups).astype(dtype, copy=False)


def _input_by_columns(g, w, size, stride, pads, dilation, groups):
    """The gradient for the input as columns that are added where the windows lie: what all other ways are compared with."""
    kernel, out = w.shape[2:], g.shape[2:]
    batch, channels, places = len(g), w.shape[1] * groups, math.prod(kernel)
    whole = tuple(max(n + lo + max(hi, 0), (o - 1) * s + d * (k - 1) + 1) for n, (lo, hi), o, s, d, k in
                  zip(size, pads, out, stride, dilation, kernel, strict=True))  # fmt: skip
    xp = np.zeros_like(g, shape=(batch, channels, *whole), order="C")
    if _depthwise(w.shape, groups, channels):
        _spread_depthwise(xp, g, w, stride, dilation)
    else:
        weights, gradients = _matrices(w, groups).swapaxes(2, 3), _by_group(g, groups)
        for part in blocks(batch, g.dtype.itemsize * channels * places * math.prod(out)):
            columns = np.matmul(weights, gradients[part]).reshape(-1, channels, places, *out)
            add_columns(xp[part], columns, kernel, stride, dilation, out)
    inside: tuple = tuple(slice(max(lo, 0), lo + n) for n, (lo, _) in zip(size, pads, strict=True))
    cropped = tuple((max(-lo, 0), 0) for lo, _ in pads)
    return np.ascontiguousarray(padded(xp[(..., *inside)], cropped))


def _spread_depthwise(xp, g, w, stride, dilation):
    kernel, out = w.shape[2:], g.shape[2:]
    lift = (1, -1, *(1,) * len(kernel))
    for offset in offsets(kernel):
        xp[(..., *windows(offset, stride, dilation, out))] += g * w[(slice(None), 0, *offset)].reshape(lift)


def convolve_weight(x, g, kernel, stride, pads, dilation, groups):
    """The gradient of `convolve` for its weight. (N, C, *S), (N, O, *out) -> (O, C/G, *K)"""
    dtype = x.dtype
    x, g = _wide(x), _wide(g)
    shape = (g.shape[1], x.shape[1] // groups, *kernel)
    if not (x.size and g.size and math.prod(shape)):
        found = np.zeros_like(x, shape=shape, order="C")
    elif _depthwise(shape, groups, x.shape[1]):
        found = _weight_depthwise(padded(x, pads), g, shape, stride, dilation)
    elif _whole(x.shape[2:], kernel, pads, groups):
        found = np.matmul(_rows(g).T, _rows(x)).reshape(shape)
    else:
        quick = _weight_quickly(x, g, shape, stride, pads, dilation, groups)
        found = _weight_by_columns(x, g, shape, stride, pads, dilation, groups) if quick is None else quick
    return np.ascontiguousarray(found).astype(dtype, copy=False)


def convolve_gradients(g, x, w, stride, pads, dilation, groups):
    """The gradients of `convolve` for its input and for its weight: `convolve_input` and `convolve_weight`."""
    if x.ndim == 3:
        settings = _of_a_row(stride, pads, dilation)
        found = _gradients_at_once(g[:, :, None], x[:, :, None], w[:, :, None], settings, groups)
    else:
        found = _gradients_at_once(g, x, w, (stride, pads, dilation), groups)
    if found is None:
        gx = convolve_input(g, w, x.shape[2:], stride, pads, dilation, groups)
        return gx, convolve_weight(x, g, w.shape[2:], stride, pads, dilation, groups)
    return found[0].reshape(x.shape), found[1].reshape(w.shape)


def _gradients_at_once(g, x, w, settings, groups):
    """Both gradients from the same columns of g, where the one for x is a convolution of g without a stride; else None.

    x is to that convolution what the gradient of its results is to one. It is multiplied by the zeros around g, and
    therefore must be finite.
    """
    (stride, pads, dilation), kernel, size = settings, w.shape[2:], x.shape[2:]
    if not all(_shifted.possible(a, groups) for a in (g, x, w)) or x.dtype in HALVES or not g.size:
        return None
    if any(s > 1 for s in stride) or _plain(kernel, stride, pads) or _whole(size, kernel, pads, groups):
        return None
    if not _gathers(g.shape, size, w.shape, groups):
        return None
    around = _turned_pads(size, g.shape[2:], kernel, pads, dilation)
    if _by_row.layout(g.shape, (x.shape[1], w.shape[0], *kernel), stride, around, dilation, size).lighter:
        return None
    layout = _strided.layout(g.shape, x.shape[1], kernel, stride, around, dilation, size)
    if not ((layout.suits_both or layout.joins) and np.isfinite(np.vdot(x, x))):
        return None
    both = _shifted.convolve_both if layout.suits_both else _joined.convolve_both
    gx = np.empty(x.shape, x.dtype)
    return gx, np.ascontiguousarray(_turned(both(layout, gx, _turned(w, groups), g, x), groups))


def _gathers(g, size, w, groups):
    """Whether the gradient for images of `size` is a convolution of one, where arrays have these shapes."""
    near = math.prod(size) <= _NEAR[g[0] >= _MANY] * math.prod(g[2:]) or not fast.enabled
    return near and w[0] <= w[1] * groups * _TURN


def _weight_by_columns(x, g, shape, stride, pads, dilation, groups):
    """The gradient for a weight of `shape` as what all other ways are compared with."""
    kernel, out, xp = shape[2:], g.shape[2:], padded(x, pads)
    depth, length = math.prod(shape[1:]), math.prod(out)
    total = np.zeros_like(x, shape=(groups, shape[0] // groups, depth), order="C")
    for part in blocks(len(x), x.dtype.itemsize * groups * depth * length):
        n = part.stop - part.start
        # Columns as (C, K, n, L), so that the sum over the block is part of the product.
        columns = scratch(x, (x.shape[1], math.prod(kernel), n, *out))
        fill_columns(np.moveaxis(columns, 2, 0), xp[part], kernel, stride, dilation, out)
        rows = np.moveaxis(g[part], 0, 1).reshape(groups, -1, n * length)
        total += np.matmul(rows, columns.reshape(groups, depth, n * length).swapaxes(1, 2))
    return total.reshape(shape)


def _weight_quickly(x, g, shape, stride, pads, dilation, groups):
    """The gradient for a weight of `shape` if one of the layouts made for speed suits, else None."""
    if len(stride) == 1:
        row, (stride, pads, dilation) = (*shape[:2], 1, *shape[2:]), _of_a_row(stride, pads, dilation)
        found = _weight_quickly(x[:, :, None], g[:, :, None], row, stride, pads, dilation, groups)
        return None if found is None else found.reshape(shape)
    kernel, out = shape[2:], g.shape[2:]
    if _shifted.possible(x, groups):
        shifted = _strided.layout(x.shape, shape[0], kernel, stride, pads, dilation, out)
        if shifted.suits_weight:
            return _shifted.convolve_weight(shifted, x, g)
        if shifted.joins:
            return _joining(stride).convolve_weight_joined(shifted, x, g)
    layout = _by_row.layout(x.shape, shape, stride, pads, dilation, out)
    if layout.suits(x) and layout.sums:
        return _by_row.convolve_weight(layout, x, g)
    return None


def _weight_depthwise(xp, g, shape, stride, dilation):
    kernel, out = shape[2:], g.shape[2:]
    if type(xp) is np.ndarray and xp.dtype.kind == "f" and _flattens(stride, out, xp.shape[2:]) and fast.enabled:
        return _weight_runs(xp, g, kernel, dilation).reshape(shape)
    total = np.zeros_like(xp, shape=shape, order="C")
    for offset in offsets(kernel):
        seen = xp[(..., *windows(offset, stride, dilation, out))]
        total[(slice(None), 0, *offset)] = np.sum(seen * g, axis=(0, *range(2, g.ndim)))
    return total


def _weight_runs(xp, g, kernel, dilation):
    """(C, places): inner products of runs, with zeros in g where windows straddle the edge."""
    (batch, channels), size, out = xp.shape[:2], xp.shape[2:], g.shape[2:]
    length, total = _run(out, size), np.zeros((math.prod(kernel), channels), g.dtype)
    flat, starts = np.reshape(xp, (batch, channels, -1)), _starts(kernel, dilation, size)
    for part in blocks(batch, 4 * g.itemsize * channels * length):
        slopes = scratch(g, (part.stop - part.start, channels, out[0], *size[1:]))
        slopes[...] = 0
        slopes[_dropped_edges(out)] = g[part]
        run = slopes.reshape(len(slopes), channels, -1)[:, :, :length]
        for place, start in zip(total, starts, strict=True):
            place += np.vecdot(flat[part, :, start : start + length], run).sum(axis=0)
    return total.T
