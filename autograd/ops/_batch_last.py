"""The gradient of a convolution for its input, with the batch as the last axis: all elements of one place are a long run.

For a part of the batch, the gradient (n, O, *out) is turned into (O, *out, n), products give columns of what every place of
the window gets, and these are added where the windows lie, in images (C, *size, n), which are turned back.

Products with few weights are made in pieces for which BLAS starts no threads, nor packs its operands, and the parts of the
batch are shared between the cores with all that is done to them. BLAS's threads would share the products alone, and wait
for each other where other programs run.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from .. import _parallel
from .._mode import fast
from ._windows import PIECE, SHARED, offsets, placing, scratch, windows

_RUN = 8  # elements in a run from which turning pays
_BLOCK = 1 << 20  # bytes of columns worked on at a time; with few images in them, turning is fast too
_LEAST = 32  # columns in a piece from which it pays
_MANY = 32  # images from which turning them is slow
_FEW = 4  # images up to which turning them one by one is faster


@functools.lru_cache(256)
def layout(images, weights, stride, pads, dilation, out):
    return Layout(images, weights, stride, pads, dilation, out)


class Layout:
    """How the windows of a convolution with weights of `shape` (O, C/G, *kernel) lie in images (C, *size, n).

    The places along the first axis have a product each. inner: the axes of the window along the others; places: in them.
    """

    def __init__(self, images, shape, stride, pads, dilation, out):
        self.channels, self.plain = images[1], images[2:]
        self.kernel, self.stride, self.dilation, self.out = shape[2:], stride, dilation, out
        self.size = tuple(n + lo + hi for n, (lo, hi) in zip(self.plain, pads, strict=True))
        self.inside, self.source = placing(self.plain, pads)
        self.starts = [k * dilation[0] for k in range(self.kernel[0])]
        self.places = math.prod(self.kernel[1:])
        self.windows = math.prod(out)
        self.run = out[-1] if stride[-1] == 1 else 1

    @functools.cached_property
    def _fits(self):
        lengths = zip(self.out, self.stride, self.dilation, self.kernel, self.size, strict=True)
        return all((o - 1) * s + d * (k - 1) < n for o, s, d, k, n in lengths)

    def suits(self, g):
        """Whether this is the way for arrays like g: there are runs."""
        if not (fast.enabled and type(g) is np.ndarray and self._fits):
            return False
        return self.run >= _RUN or self.run * self.parts(g)[0].stop >= _RUN

    @functools.cached_property
    def every_place(self):
        """For every place along the other axes: the index of what all windows see there, in images (..., *size, n)."""
        kernel = (1, *self.kernel[1:])
        return [(..., *windows(o, self.stride, self.dilation, self.out), slice(None)) for o in offsets(kernel)]

    def parts(self, g, shares=1):
        """Slices of the batch whose columns fit in the cache together."""
        least = -(-g.itemsize * self.channels * self.places * self.windows * len(g) // _BLOCK)
        least = max(least, -(-len(g) // _MANY), 1)
        return _parallel.slices(len(g), -(-len(g) // max(least, shares)))

    def work(self, function, g, weights):
        """function(part) for parts of the batch; on all cores if there is much to do and BLAS does not use them itself."""
        (_, depth, filters), numbers = weights.shape[1:], len(g) * self.windows * self.channels
        products = numbers * filters * math.prod(self.kernel)
        if _piece(depth, filters) is not None and products + 8 * numbers * self.places > SHARED:
            shared = self.parts(g, _parallel.team.size)
            _parallel.team.run(function, shared, products, alone=self.parts(g))
            return
        for part in self.parts(g):
            function(part)

    def weights_back(self, w, groups):
        """w as matrices, turned, with the places first: (kernel[0], groups, places * C/G, O/G)."""
        filters, depth = w.shape[:2]
        parts = np.reshape(w, (groups, filters // groups, depth, self.kernel[0], -1)).transpose(3, 0, 4, 2, 1)
        return np.reshape(parts, (*parts.shape[:2], -1, parts.shape[-1]))


def _turn(x, target):
    """target (..., n) = x (n, ...)."""
    if len(x) > _FEW:
        target[...] = np.moveaxis(x, 0, -1)
        return
    for i, one in enumerate(x):
        target[..., i] = one


def _piece(m: int, k: int) -> int | None:
    """How many columns of a product of an (m, k) matrix to compute at a time, if not all."""
    found = PIECE // (m * k) // 16 * 16  # pieces start at cache lines if the whole does
    return found if found >= _LEAST else None


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


def _slopes(g, groups):
    """g (n, O, *out) as (groups, O/G, windows)."""
    n, filters = g.shape[:2]
    turned = scratch(g, (filters, *g.shape[2:], n), 1)
    _turn(g, turned)
    return turned.reshape(groups, filters // groups, -1)


def convolve_input(layout, w, g, groups):
    """The gradient for the input, (N, C, *plain).

    The columns of one place along the first axis are made at a time: they are still in the cache when they are added.
    """
    result = np.zeros_like(g, shape=(len(g), layout.channels, *layout.plain), order="C")
    weights, places = layout.weights_back(w, groups), layout.every_place

    def work(part):
        slopes, n = _slopes(g[part], groups), len(g[part])
        columns = scratch(g, (groups, weights.shape[2], slopes.shape[2]))
        image = scratch(g, (layout.channels, *layout.size, n), 2)
        image[...] = 0
        found = columns.reshape(groups, layout.places, -1, *layout.out, n)
        target = image.reshape(groups, -1, *layout.size, n)
        for weight, start in zip(weights, layout.starts, strict=True):
            _multiply(weight, slopes, columns)
            for k, place in enumerate(places):
                target[:, :, start:][place] += found[:, k]
        inside = image[(slice(None), *layout.inside[1:], slice(None))]
        result[part][layout.source] = np.moveaxis(inside, -1, 0)

    layout.work(work, g, weights)
    return result
