"""Convolution on arrays: windows copied into columns, one batched product per cache-sized block of the batch.

All functions take batched arrays (N, C, *spatial) and per-axis tuples. `pads` are pairs (before, after).
"""

from __future__ import annotations

import itertools
import math
import threading
from typing import Any

import numpy as np

from .._dtype import HALVES
from .._mode import fast

# Bytes of columns worked on at a time: they are written and read back while still in the cache.
BLOCK = 1 << 21
# Windows computed in vain, per window and filter of a group, up to which whole images in a line are convolved.
_WASTE = 16
# Products as deep as this, channels times the last axis of the window, over whole images in a line.
_DEEP = 24
# Up to this ratio of filters to channels, gathering from the filters is cheaper than adding into the channels.
_TURN = 2


def out_size(size, kernel, stride, pads, dilation):
    """How many windows fit along each axis."""
    return tuple(
        (n + lo + hi - d * (k - 1) - 1) // s + 1
        for n, k, s, (lo, hi), d in zip(size, kernel, stride, pads, dilation, strict=True)
    )


def padded(x, pads, fill=0):
    """x with its spatial axes lengthened by `pads`; a negative pad crops. Returns x itself when there is nothing to do."""
    if not any(lo or hi for lo, hi in pads):
        return x
    lead = x.ndim - len(pads)
    shape = (*x.shape[:lead], *(n + lo + hi for n, (lo, hi) in zip(x.shape[lead:], pads, strict=True)))
    out = np.zeros_like(x, shape=shape, order="C") if fill == 0 else np.full_like(x, fill, shape=shape, order="C")
    inside, source = _placing(x.shape[lead:], pads)
    out[inside] = x[source]
    return out


def _placing(size, pads):
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


def fill_columns(columns, xp, kernel, stride, dilation, out):
    """columns (n, C, K, *out) from padded xp (n, C, *spatial)."""
    for i, offset in enumerate(offsets(kernel)):
        columns[:, :, i] = xp[(..., *windows(offset, stride, dilation, out))]


def add_columns(xp, columns, kernel, stride, dilation, out):
    """The transpose of `fill_columns`: adds into xp."""
    for i, offset in enumerate(offsets(kernel)):
        xp[(..., *windows(offset, stride, dilation, out))] += columns[:, :, i]


_own = threading.local()


def scratch(like, shape, slot=0):
    """Uninitialised memory of `shape` that the next call with the same slot hands out again.

    Fresh memory of this size costs more in page faults than the columns cost in copying. It starts at a cache line: NumPy
    writes to such arrays at twice the speed.
    """
    if type(like) is not np.ndarray:
        return np.empty_like(like, shape=shape)
    size = math.prod(shape)
    key = (slot, like.dtype.char)
    buffers: dict = _own.__dict__
    held = buffers.get(key)
    if held is None or held.size < size:
        if size * like.dtype.itemsize > 8 * BLOCK:
            return np.empty(shape, like.dtype)
        held = buffers[key] = _at_line(max(size, 1 << 14), like.dtype)
    return held[:size].reshape(shape)


def _at_line(size, dtype):
    """Uninitialised memory of `size` elements that starts at a multiple of 64 bytes."""
    room = np.empty(size * dtype.itemsize + 64, np.uint8)
    start = -room.__array_interface__["data"][0] % 64
    return room[start : start + size * dtype.itemsize].view(dtype)


def _wide(a):
    """Half precision is multiplied and summed in float32."""
    return a.astype(np.float32) if a.dtype in HALVES else a


def blocks(batch, bytes_each):
    """Slices of the batch whose columns fit in the cache together."""
    step = max(1, BLOCK // max(bytes_each, 1))
    return [slice(i, min(i + step, batch)) for i in range(0, batch, step)]


def _plain(kernel, stride, pads):
    """Whether windows are single elements, so that the input is its own columns."""
    return all(k == 1 for k in kernel) and all(s == 1 for s in stride) and not any(lo or hi for lo, hi in pads)


def _depthwise(x, w, groups):
    return _depthwise_weight(w, groups, x.shape[1])


def _depthwise_weight(w, groups, channels):
    return groups == channels == w.shape[0] and groups > 1 and w.shape[1] == 1


def convolve(x, w, stride, pads, dilation, groups):
    """y[n, o] = sum over c and places of w[o, c] x[n, c] at the windows. (N, C, *S), (O, C/G, *K) -> (N, O, *out)"""
    dtype = x.dtype
    x, w = _wide(x), _wide(w)
    kernel = w.shape[2:]
    out = out_size(x.shape[2:], kernel, stride, pads, dilation)
    batch, filters = x.shape[0], w.shape[0]
    y = np.empty_like(x, shape=(batch, filters, *out), order="C")
    if not y.size or not w.size:
        y[...] = 0
        return y.astype(dtype, copy=False)
    if _depthwise(x, w, groups):
        _convolve_depthwise(y, padded(x, pads), w, stride, dilation)
        return y.astype(dtype, copy=False)
    depth, length = x.shape[1] // groups * math.prod(kernel), math.prod(out)
    weights = np.reshape(w, (1, groups, filters // groups, depth))
    target = y.reshape(batch, groups, filters // groups, length)
    if _plain(kernel, stride, pads):
        np.matmul(weights, np.reshape(x, (batch, groups, depth, length)), out=target)
        return y.astype(dtype, copy=False)
    if _lines_up(x, w.shape, stride, out, pads):
        _convolve_lines(y, w, x, pads, dilation, groups)
        return y.astype(dtype, copy=False)
    xp = padded(x, pads)
    if _flattens(stride, out, xp.shape[2:]):
        _convolve_flat(y, weights, xp, kernel, dilation, groups)
        return y.astype(dtype, copy=False)
    for part in blocks(batch, x.dtype.itemsize * groups * depth * length):
        n = part.stop - part.start
        columns = scratch(x, (n, x.shape[1], math.prod(kernel), *out))
        fill_columns(columns, xp[part], kernel, stride, dilation, out)
        np.matmul(weights, columns.reshape(n, groups, depth, length), out=target[part])
    return y.astype(dtype, copy=False)


# ---------------------------------------------------------------------------------------------- stride one
#
# With stride one every place of the window reads the whole padded image, shifted by a fixed distance in memory. So a
# column of all windows is one long run of memory rather than many short ones; in exchange the results of windows that
# straddle the edge are computed and dropped.


def _flattens(stride, out, size):
    length, _ = _run(out, size)
    return all(s == 1 for s in stride) and length <= 2 * math.prod(out)


def _run(out, size):
    """(how long the run of windows is, memory distance of one step along each axis) in images of `size`."""
    steps = [math.prod(size[i + 1 :]) for i in range(len(size))]
    return sum((n - 1) * s for n, s in zip(out, steps, strict=True)) + 1, steps


def _starts(kernel, dilation, steps):
    """Where the run of each place of the window begins."""
    return [sum(o * d * s for o, d, s in zip(offset, dilation, steps, strict=True)) for offset in offsets(kernel)]


def _fill_runs(columns, flat, starts, length):
    """columns (n, C, K, length) from images whose pixels are in a row: flat (n, C, pixels)."""
    for i, start in enumerate(starts):
        columns[:, :, i] = flat[:, :, start : start + length]


def _dropped_edges(out):
    """The index that picks whole windows from an array (..., out[0], *size[1:])."""
    return (..., *(slice(0, n) for n in out))


def _convolve_flat(y, weights, xp, kernel, dilation, groups):
    (batch, channels), size, out = xp.shape[:2], xp.shape[2:], y.shape[2:]
    length, steps = _run(out, size)
    flat = np.reshape(xp, (batch, channels, -1))
    parts, starts = (
        blocks(batch, xp.dtype.itemsize * channels * math.prod(kernel) * length),
        _starts(kernel, dilation, steps),
    )
    n = parts[0].stop
    columns = scratch(xp, (n, channels, math.prod(kernel), length))
    rows = scratch(xp, (n, y.shape[1], out[0] * steps[0]), 1)
    target = rows.reshape(n, groups, -1, rows.shape[-1])
    for part in parts:
        n = part.stop - part.start
        _fill_runs(columns[:n], flat[part], starts, length)
        np.matmul(weights, columns[:n].reshape(n, groups, -1, length), out=target[:n, :, :, :length])
        y[part] = rows[:n].reshape(n, y.shape[1], out[0], *size[1:])[_dropped_edges(out)]


def _lines_up(x, shape, stride, out, pads):
    """Whether a convolution with weights of `shape` had better run over whole padded images in a line.

    What is computed for windows that straddle edges must cost less than copying every place of the window would; and the
    products need some depth.
    """
    if not fast.enabled or type(x) is not np.ndarray or any(s != 1 for s in stride) or shape[1] * shape[-1] < _DEEP:
        return False
    size = math.prod(n + lo + hi for n, (lo, hi) in zip(x.shape[2:], pads, strict=True))
    wasted = size / math.prod(out) - 1
    return wasted <= 1 and wasted * shape[0] * shape[1] <= _WASTE * x.shape[1]


class _Lines:
    """A part of a batch with all its padded images in one line per channel, as columns for the window's last axis.

    A product then reads the columns of another place along the other axes by starting further on; so a 3 x 3 window is
    copied 3 times, not 9, and each of its 3 products is one call over many images, which BLAS divides between the cores
    (32 channels to 32 of 16 images of 16 x 16: 0.6 ms, and 1.3 with all 9 columns of each image).
    """

    def __init__(self, x, pads, kernel, dilation):
        self.size = tuple(n + lo + hi for n, (lo, hi) in zip(x.shape[2:], pads, strict=True))
        steps = [math.prod(self.size[i + 1 :]) for i in range(len(self.size))]
        self.starts = _starts(kernel[:-1], dilation[:-1], steps[:-1])
        copied = _starts(kernel[-1:], dilation[-1:], steps[-1:])
        self.batch, self.length = len(x), len(x) * math.prod(self.size)
        line = scratch(x, (x.shape[1], self.length + self.starts[-1] + copied[-1]), 2)
        line[...] = 0
        inside, source = _placing(x.shape[2:], pads)
        self.images(line[:, : self.length])[inside] = x.swapaxes(0, 1)[source]
        self.columns = scratch(x, (x.shape[1], len(copied), self.length + self.starts[-1]))
        _fill_runs(self.columns[None], line[None], copied, self.columns.shape[2])

    def images(self, line):
        """Lines (channels, length) as (channels, batch, *size)."""
        return line.reshape(-1, self.batch, *self.size)

    def at(self, start, groups):
        """The columns from a start on: (groups, depth, length)."""
        return self.columns.reshape(groups, -1, self.columns.shape[2])[..., start : start + self.length]


def _convolve_lines(y, w, x, pads, dilation, groups):
    filters, depth, *kernel = w.shape
    weights = np.reshape(w, (groups, filters // groups, depth, -1, kernel[-1])).transpose(3, 0, 1, 2, 4)
    weights = np.reshape(weights, (*weights.shape[:3], -1))
    for part in _line_blocks(x, pads, kernel):
        lines = _Lines(x[part], pads, kernel, dilation)
        total, term = (scratch(x, (groups, filters // groups, lines.length), slot) for slot in (1, 3))
        np.matmul(weights[0], lines.at(0, groups), out=total)
        for weight, start in zip(weights[1:], lines.starts[1:], strict=True):
            total += np.matmul(weight, lines.at(start, groups), out=term)
        y[part] = lines.images(total.reshape(filters, -1))[_dropped_edges(y.shape[2:])].swapaxes(0, 1)


def _weight_lines(x, g, pads, kernel, dilation, groups):
    """The gradient for the weight: (groups, O/G, C/G * places)."""
    filters = g.shape[1]
    total: Any = 0
    for part in _line_blocks(x, pads, kernel):
        lines = _Lines(x[part], pads, kernel, dilation)
        slopes = scratch(g, (filters, lines.length), 1)
        slopes[...] = 0  # and it stays so where windows straddle an edge
        lines.images(slopes)[_dropped_edges(g.shape[2:])] = g[part].swapaxes(0, 1)
        turned = slopes.reshape(groups, filters // groups, -1).swapaxes(1, 2)
        total = total + np.stack([np.matmul(lines.at(start, groups), turned) for start in lines.starts])
    outer, _, _, own = total.shape
    parts = total.reshape(outer, groups, -1, kernel[-1], own).transpose(1, 4, 2, 0, 3)
    return np.ascontiguousarray(parts).reshape(groups, own, -1)


def _line_blocks(x, pads, kernel):
    pixels = math.prod(n + lo + hi for n, (lo, hi) in zip(x.shape[2:], pads, strict=True))
    return blocks(len(x), x.dtype.itemsize * x.shape[1] * kernel[-1] * pixels)


def _turned(w, groups):
    """The weight whose convolution is the transpose of w's: channels and filters exchanged, every axis reversed."""
    filters, depth = w.shape[:2]
    grouped = np.reshape(w, (groups, filters // groups, depth, *w.shape[2:])).swapaxes(1, 2)
    return np.flip(grouped, tuple(range(3, grouped.ndim))).reshape(groups * depth, filters // groups, *w.shape[2:])


def _turned_pads(size, out, kernel, pads, dilation):
    before = [d * (k - 1) - lo for k, d, (lo, _) in zip(kernel, dilation, pads, strict=True)]
    return tuple(
        (b, n - o + d * (k - 1) - b) for n, o, k, d, b in zip(size, out, kernel, dilation, before, strict=True)
    )


def _spread_flat(xp, g, weights, kernel, dilation, groups):
    """Adds to xp (N, C, *size) what its windows get from g (N, O, *out): columns of long runs, added back shifted."""
    (batch, channels), size, out = xp.shape[:2], xp.shape[2:], g.shape[2:]
    length, steps = _run(out, size)
    flat = np.reshape(xp, (batch, channels, -1))
    parts, starts = (
        blocks(batch, xp.dtype.itemsize * channels * math.prod(kernel) * length),
        _starts(kernel, dilation, steps),
    )
    n = parts[0].stop
    columns = scratch(xp, (n, channels, math.prod(kernel), length))
    rows = scratch(xp, (n, g.shape[1], out[0] * steps[0]), 1)
    rows[...] = 0  # and it stays so where windows are dropped
    for part in parts:
        n = part.stop - part.start
        rows[:n].reshape(n, g.shape[1], out[0], *size[1:])[_dropped_edges(out)] = g[part]
        slopes = rows[:n].reshape(n, groups, -1, rows.shape[-1])[..., :length]
        np.matmul(weights, slopes, out=columns[:n].reshape(n, groups, -1, length))
        target = flat[part]
        for i, start in enumerate(starts):
            target[:, :, start : start + length] += columns[:n, :, i]


def _weight_flat(xp, g, total, kernel, dilation, groups):
    """Adds to total (groups, O/G, depth) the gradient for the weight."""
    (batch, channels), size, out = xp.shape[:2], xp.shape[2:], g.shape[2:]
    length, steps = _run(out, size)
    flat = np.reshape(xp, (batch, channels, -1))
    parts, starts = (
        blocks(batch, xp.dtype.itemsize * channels * math.prod(kernel) * length),
        _starts(kernel, dilation, steps),
    )
    n = parts[0].stop
    columns = scratch(xp, (n, channels, math.prod(kernel), length))
    rows = scratch(xp, (n, g.shape[1], out[0] * steps[0]), 1)
    rows[...] = 0  # and it stays so where windows are dropped
    for part in parts:
        n = part.stop - part.start
        _fill_runs(columns[:n], flat[part], starts, length)
        rows[:n].reshape(n, g.shape[1], out[0], *size[1:])[_dropped_edges(out)] = g[part]
        slopes = rows[:n].reshape(n, groups, -1, rows.shape[-1])[..., :length]
        found = np.matmul(slopes, columns[:n].reshape(n, groups, -1, length).swapaxes(2, 3))
        total += np.add.reduce(found, axis=0)


# ---------------------------------------------------------------------------------------------- one filter per channel


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
    length, steps = _run(out, size)
    flat, starts = np.reshape(xp, (batch, channels, -1)), _starts(kernel, dilation, steps)
    factors = np.reshape(w, (channels, -1, 1))
    for part in blocks(batch, 4 * xp.dtype.itemsize * channels * length):
        n = part.stop - part.start
        rows, term = scratch(xp, (n, channels, out[0] * steps[0]), 1), scratch(xp, (n, channels, length))
        total = rows[:, :, :length]
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
    depth, length = w.shape[1] * math.prod(kernel), math.prod(out)
    weights = np.reshape(w, (1, groups, filters // groups, depth)).swapaxes(2, 3)
    gradients = np.reshape(g, (batch, groups, filters // groups, length))
    if _plain(kernel, stride, pads) and tuple(size) == out:
        return np.matmul(weights, gradients).reshape(batch, channels, *size).astype(dtype, copy=False)
    if all(s == 1 for s in stride) and filters <= channels * _TURN:
        turned = _turned_pads(size, out, kernel, pads, dilation)
        return convolve(g, _turned(w, groups), stride, turned, dilation, groups).astype(dtype, copy=False)
    whole = tuple(max(n + lo + max(hi, 0), (o - 1) * s + d * (k - 1) + 1) for n, (lo, hi), o, s, d, k in
                  zip(size, pads, out, stride, dilation, kernel, strict=True))  # fmt: skip
    xp = np.zeros_like(g, shape=(batch, channels, *whole), order="C")
    if _depthwise_weight(w, groups, channels):
        _spread_depthwise(xp, g, w, stride, dilation)
    elif _flattens(stride, out, whole):
        _spread_flat(xp, g, weights, kernel, dilation, groups)
    else:
        for part in blocks(batch, g.dtype.itemsize * groups * depth * length):
            columns = np.matmul(weights, gradients[part])
            columns = columns.reshape(-1, channels, math.prod(kernel), *out)
            add_columns(xp[part], columns, kernel, stride, dilation, out)
    inside: tuple = tuple(slice(lo, lo + n) for n, (lo, _) in zip(size, pads, strict=True))
    return np.ascontiguousarray(xp[(..., *inside)]).astype(dtype, copy=False)


def _spread_depthwise(xp, g, w, stride, dilation):
    kernel, out = w.shape[2:], g.shape[2:]
    lift = (1, -1, *(1,) * len(kernel))
    for offset in offsets(kernel):
        xp[(..., *windows(offset, stride, dilation, out))] += g * w[(slice(None), 0, *offset)].reshape(lift)


def convolve_weight(x, g, kernel, stride, pads, dilation, groups):
    """The gradient of `convolve` for its weight. (N, C, *S), (N, O, *out) -> (O, C/G, *K)"""
    dtype = x.dtype
    x, g = _wide(x), _wide(g)
    out, batch, filters = g.shape[2:], x.shape[0], g.shape[1]
    shape = (filters, x.shape[1] // groups, *kernel)
    depth, length = x.shape[1] // groups * math.prod(kernel), math.prod(out)
    total = np.zeros_like(x, shape=(groups, filters // groups, depth), order="C")
    if not (x.size and g.size and total.size):
        return total.reshape(shape).astype(dtype, copy=False)
    if _depthwise(x, total.reshape(shape), groups):
        return _weight_depthwise(padded(x, pads), g, shape, stride, dilation).astype(dtype, copy=False)
    if _lines_up(x, shape, stride, out, pads):
        return _weight_lines(x, g, pads, kernel, dilation, groups).reshape(shape).astype(dtype, copy=False)
    xp = padded(x, pads)
    if _flattens(stride, out, xp.shape[2:]):
        _weight_flat(xp, g, total, kernel, dilation, groups)
        return total.reshape(shape).astype(dtype, copy=False)
    for part in blocks(batch, x.dtype.itemsize * groups * depth * length):
        n = part.stop - part.start
        # Columns as (C, K, n, L), so that the sum over the block is part of the product.
        columns = scratch(x, (x.shape[1], math.prod(kernel), n, *out))
        fill_columns(np.moveaxis(columns, 2, 0), xp[part], kernel, stride, dilation, out)
        rows = np.moveaxis(g[part], 0, 1).reshape(groups, filters // groups, n * length)
        total += np.matmul(rows, columns.reshape(groups, depth, n * length).swapaxes(1, 2))
    return total.reshape(shape).astype(dtype, copy=False)


def _weight_depthwise(xp, g, shape, stride, dilation):
    kernel, out = shape[2:], g.shape[2:]
    total = np.zeros_like(xp, shape=shape, order="C")
    for offset in offsets(kernel):
        seen = xp[(..., *windows(offset, stride, dilation, out))]
        total[(slice(None), 0, *offset)] = np.sum(seen * g, axis=(0, *range(2, g.ndim)))
    return total
