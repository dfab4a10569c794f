"""Convolution with the batch as the last axis: the elements that all windows see at one place are then long runs.

A part of a batch (n, C, *size) is turned into (C, *size, n), and its windows are copied into columns. Along the first
axis of the image nothing is copied where the windows are one step apart: there the columns of the next place are the
same memory, begun one row further on. So a 3 x 3 window is copied 3 times, not 9.

Products with few weights are made in pieces for which BLAS starts no threads, nor packs its operands (6 filters of 25:
110 us and not 220), and the parts of the batch are shared between the cores with all that is done to them. BLAS's threads
would share the products alone, and wait for each other where other programs run.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from .. import _parallel
from .._mode import fast
from ._windows import CORNER, PIECE, SHALLOW, SHARED, UNPACKED, divisor, offsets, placing, scratch, view, windows

_DEEP = 64  # rows of columns from which one product per place along the first axis beats a single one
_REORDERED = 4  # windows for each filter from which putting weights in order costs little
_RUN = 8  # elements in a run from which turning pays
_BLOCK = 1 << 20  # bytes of columns worked on at a time; with few images in them, turning is fast too
_LEAST = 32  # columns in a piece from which it pays
_LONG = 256  # the same, where the products of pieces are added up
_MANY = 32  # images from which turning them is slow
_FEW = 4  # images up to which turning them one by one is faster


@functools.lru_cache(256)
def layout(shape, weights, stride, pads, dilation, out, size=None):
    """How images of `shape` lie, or with `size`, images of which arrays of `shape` are the gradient."""
    return Layout(shape, weights, stride, pads, dilation, out, size)


class Layout:
    """How the windows of a convolution with weights of `shape` (O, C/G, *kernel) lie in images (C, *size, n)."""

    def __init__(self, images, shape, stride, pads, dilation, out, size=None):
        self.plain = images[2:] if size is None else size
        self.kernel, self.stride, self.pads, self.dilation, self.out = shape[2:], stride, pads, dilation, out
        self.size = tuple(n + lo + hi for n, (lo, hi) in zip(self.plain, pads, strict=True))
        self.inside, self.source = placing(self.plain, pads)
        self.many = shape[0] * _REORDERED <= images[0] * math.prod(out)
        deep = self.many and stride[0] == 1 and shape[1] * math.prod(self.kernel[1:]) >= _DEEP
        # Free: the places along the first axis have a product each, and what windows see is not copied for them.
        self.free = deep or size is not None
        self.inner = self.kernel[1:] if self.free else self.kernel
        self.outer: int = self.kernel[0] if self.free else 1
        self.rows = self.size[0] if self.free and size is None else out[0]
        self.starts = [o * dilation[0] for o in range(self.outer)]
        self.places, self.row = math.prod(self.inner), math.prod(out[1:])
        self.copied = self.places * self.rows * self.row  # numbers in the columns of a channel
        self.run = out[-1] if stride[-1] == 1 else 1

    @functools.cached_property
    def _fits(self):
        lengths = zip(self.out, self.stride, self.dilation, self.kernel, self.size, strict=True)
        return all((o - 1) * s + d * (k - 1) < n for o, s, d, k, n in lengths)

    def suits(self, x, channels):
        """Whether this is the way for arrays like x and images of so many channels: there are runs."""
        if not (fast.enabled and type(x) is np.ndarray and self._fits):
            return False
        return self.run >= _RUN or self.run * self.parts(x, channels)[0].stop >= _RUN

    @functools.cached_property
    def every_place(self):
        """For every place along the other axes: the index of what all windows see there, in images (..., *size, n)."""
        kernel = (1, *self.inner)
        return [(..., *windows(o, self.stride, self.dilation, self.out), slice(None)) for o in offsets(kernel)]

    def parts(self, x, channels, shares=1):
        """Slices of the batch whose columns fit in the cache together."""
        least = -(-x.itemsize * channels * self.copied * len(x) // _BLOCK)
        least = max(least, -(-len(x) // _MANY), 1)
        return _parallel.slices(len(x), -(-len(x) // max(least, shares)))

    def work(self, function, x, shape, groups, summed=False):
        """function(part) for parts of the batch; on all cores if there is much to do and BLAS does not use them itself.

        Of parts that are `summed`, there are as many when nothing is shared, so that the sum is the same.
        """
        filters, depth = shape[:2]
        products = len(x) * filters * depth * self.row * self.out[0] * math.prod(self.kernel)
        small = (_corner if summed else _piece)(filters // groups, depth * self.places) is not None
        parts = self.parts(x, depth * groups)
        if small and products + 8 * len(x) * depth * groups * self.copied > SHARED:
            shared = self.parts(x, depth * groups, _parallel.team.size)
            _parallel.team.run(function, shared, products, alone=shared if summed else parts)
            return
        for part in parts:
            function(part)

    def image(self, like, channels, n, clear):
        """Memory for images (channels, *size, n)."""
        found = scratch(like, (channels, *self.size, n), 2)
        if clear:
            found[...] = 0
        return found

    def columns(self, x):
        """The columns of images x (n, C, *plain): (C, places, rows, *out[1:], n)."""
        n, channels = x.shape[:2]
        image = self.image(x, channels, n, any(lo > 0 or hi > 0 for lo, hi in self.pads))
        _turn(x[self.source], image[(slice(None), *self.inside[1:], slice(None))])
        seen = self._seen(image)
        columns = scratch(x, seen.shape)
        columns[...] = seen
        return columns.reshape(channels, self.places, self.rows, *self.out[1:], n)

    def _seen(self, image):
        """What the windows see: a view (C, *places, rows, *out[1:], n)."""
        shape = (len(image), *self.inner, self.rows, *self.out[1:], image.shape[-1])
        channel, *steps, one = image.strides
        between = [d * step for d, step in zip(self.dilation, steps, strict=True)][int(self.free) :]
        apart = [s * step for s, step in zip(self.stride, steps, strict=True)]
        return view(image, shape, (channel, *between, *apart, one))

    def at(self, columns, start, groups):
        """The columns of the windows' places that begin in row `start`: (groups, depth, windows)."""
        row = self.row * columns.shape[-1]
        lined = columns.reshape(groups, -1, self.rows * row)
        return lined[:, :, start * row : (start + self.out[0]) * row]

    def weights(self, w, groups):
        """w as matrices (outer, groups, O/G, depth), one for each place along the first axis."""
        filters, depth = w.shape[:2]
        parts = np.reshape(w, (groups, filters // groups, depth, self.outer, -1)).transpose(3, 0, 1, 2, 4)
        return np.reshape(parts, (*parts.shape[:3], -1))

    def weights_back(self, w, groups):
        """The same turned, with the places first: (outer, groups, places * depth, O/G)."""
        filters, depth = w.shape[:2]
        parts = np.reshape(w, (groups, filters // groups, depth, self.outer, -1)).transpose(3, 0, 4, 2, 1)
        return np.reshape(parts, (*parts.shape[:2], -1, parts.shape[-1]))


def _turn(x, target):
    """target (..., n) = x (n, ...)."""
    if len(x) > _FEW:
        target[...] = np.moveaxis(x, 0, -1)
        return
    for i, one in enumerate(x):
        target[..., i] = one


def _piece(m: int, k: int, least: int | None = None) -> int | None:
    """How many columns of a product of an (m, k) matrix to compute at a time, if not all."""
    found = PIECE // (m * k) // 16 * 16  # pieces start at cache lines if the whole does
    return found if found >= (_LEAST if least is None else least) else None


def _corner(m: int, k: int) -> tuple[int, int] | None:
    """(rows, columns) of a matrix (k, n) whose product with one (n, m) is computed at a time, if not all."""
    rows = divisor(k, CORNER // m) if UNPACKED > PIECE else 0
    if rows >= min(k, SHALLOW):
        return rows, UNPACKED // (rows * m) // 16 * 16
    columns = _piece(m, k, _LONG)
    return None if columns is None else (k, columns)


def _multiply(a, b, out):
    """out = a @ b for (groups, m, k) and (groups, k, n), in small pieces."""
    n, piece = b.shape[2], _piece(a.shape[1], a.shape[2])
    if piece is None or piece >= n:
        return np.matmul(a, b, out=out)
    end = n - n % piece
    np.matmul(a[:, None], _pieces(b, end, piece), out=_pieces(out, end, piece))
    if end < n:
        np.matmul(a, b[:, :, end:], out=out[:, :, end:])
    return out


def _pieces(a, end, piece):
    """The columns of a (groups, m, n) up to `end`: (groups, pieces, m, piece)."""
    return a[:, :, :end].reshape(*a.shape[:2], -1, piece).swapaxes(1, 2)


def convolve(layout, y, w, x, groups):
    """Writes the convolution of x with w into y (N, O, *out)."""
    weights = layout.weights(w, groups)

    def work(part):
        columns = layout.columns(x[part])
        shape = (groups, len(w) // groups, layout.out[0] * layout.row * columns.shape[-1])
        total, term = scratch(x, shape, 1), scratch(x, shape, 3)
        _multiply(weights[0], layout.at(columns, 0, groups), total)
        for weight, start in zip(weights[1:], layout.starts[1:], strict=True):
            total += _multiply(weight, layout.at(columns, start, groups), term)
        y[part] = np.moveaxis(total.reshape(len(w), *layout.out, -1), -1, 0)

    layout.work(work, x, w.shape, groups)


def _slopes(g, groups):
    """g (n, O, *out) as (groups, O/G, windows)."""
    n, filters = g.shape[:2]
    turned = scratch(g, (filters, *g.shape[2:], n), 1)
    _turn(g, turned)
    return turned.reshape(groups, filters // groups, -1)


def convolve_weight(layout, x, g, groups):
    """The gradient for the weight: (groups, O/G, C/G * places)."""
    found: dict = {}

    def work(part):
        columns, slopes = layout.columns(x[part]), _slopes(g[part], groups)
        if layout.many:
            found[part.start] = np.stack([_correlate(layout.at(columns, s, groups), slopes) for s in layout.starts])
        else:
            found[part.start] = np.matmul(slopes, layout.at(columns, 0, groups).swapaxes(1, 2))

    layout.work(work, x, (g.shape[1], x.shape[1] // groups), groups, summed=True)
    total = _parallel.total(found)
    if not layout.many:
        return total
    outer, _, _, own = total.shape
    parts = total.reshape(outer, groups, -1, layout.places, own).transpose(1, 4, 2, 0, 3)
    return np.ascontiguousarray(parts).reshape(groups, own, -1)


def _correlate(columns, slopes):
    """columns (groups, k, n) times slopes (groups, m, n), summed over n: (groups, k, m)."""
    (groups, k, n), m = columns.shape, slopes.shape[1]
    deep, most = _corner(m, k) or (k, n)
    piece = min(-(-n // -(-n // most) // 16) * 16, n)  # pieces of one size, if they can be
    rows, turned, end = columns.reshape(groups, -1, deep, n), slopes[:, None].swapaxes(2, 3), n - n % piece
    seen = rows[..., :end].reshape(groups, -1, deep, end // piece, piece).swapaxes(2, 3)
    total = np.matmul(seen, turned[:, :, :end].reshape(groups, 1, -1, piece, m)).sum(axis=2)
    if end < n:
        total += np.matmul(rows[..., end:], turned[:, :, end:])
    return total.reshape(groups, k, m)


def convolve_input(layout, w, g, groups):
    """The gradient for the input: columns of what every place gets, added where the windows lie.

    Those of one place along the first axis at a time, which are still in the cache when they are added.
    """
    channels = w.shape[1] * groups
    result = np.zeros_like(g, shape=(len(g), channels, *layout.plain), order="C")
    weights, places = layout.weights_back(w, groups), layout.every_place

    def work(part):
        slopes, n = _slopes(g[part], groups), len(g[part])
        columns, image = scratch(g, (groups, weights.shape[2], slopes.shape[2])), layout.image(g, channels, n, True)
        found = columns.reshape(groups, layout.places, -1, *layout.out, n)
        target = image.reshape(groups, -1, *layout.size, n)
        for weight, start in zip(weights, layout.starts, strict=True):
            _multiply(weight, slopes, columns)
            for k, place in enumerate(places):
                target[:, :, start:][place] += found[:, k]
        inside = image[(slice(None), *layout.inside[1:], slice(None))]
        result[part][layout.source] = np.moveaxis(inside, -1, 0)

    layout.work(work, g, w.shape, groups)
    return result
