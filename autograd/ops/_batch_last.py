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
from ._windows import LEAST, PIECE, SHARED, cut, kept, offsets, placing, scratch, windows

_RUN = 8  # elements in a run from which turning pays
_BLOCK = 1 << 20  # bytes of columns worked on at a time; with few images in them, turning is fast too
_MANY = 32  # images from which turning them is slow
_FEW = 4  # images up to which turning them one by one is faster


@functools.lru_cache(256)
def layout(images, weights, stride, pads, dilation, out):
    return Layout(images, weights, stride, pads, dilation, out)


class Layout:
    """How the windows of a convolution with weights of `shape` (O, C/G, *kernel) lie in images (C, *size, n).

    Attributes:
        starts: the rows that places along the first axis begin in: they have a product each.
        places: of the window along the other axes. windows: in an image. run: how many of them lie side by side.
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

    def suits(self, g):
        """Whether this is the way for arrays like g: there are runs."""
        if not (fast.enabled and type(g) is np.ndarray):
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
        (depth, filters), numbers = weights.shape[3:], len(g) * self.windows * self.channels
        products = numbers * filters * math.prod(self.kernel)
        if PIECE // (depth * filters) >= LEAST and products + 8 * numbers * self.places > SHARED:
            shared = self.parts(g, _parallel.team.size)
            _parallel.team.run(function, shared, products, alone=self.parts(g))
            return
        for part in self.parts(g):
            function(part)

    def weights_back(self, w, groups):
        """w as matrices, turned, with the places first: (kernel[0], groups, 1, places * C/G, O/G).

        Turned are the matrices only, not what is in memory, which is copied from near to near.
        """
        filters, depth = w.shape[:2]
        parts = np.reshape(w, (groups, filters // groups, depth, self.kernel[0], -1)).transpose(3, 0, 1, 4, 2)
        return np.reshape(parts, (*parts.shape[:2], 1, filters // groups, -1)).swapaxes(-1, -2)


def _turn(x, target):
    """target (..., n) = x (n, ...)."""
    if len(x) > _FEW:
        target[...] = np.moveaxis(x, 0, -1)
        return
    for i, one in enumerate(x):
        target[..., i] = one


class _Room:
    """Memory for a part of the batch like g, and all views of it.

    Attributes:
        slopes: where g is turned to, (O, *out, n). image, inside: what is added to, and what of it is the gradient.
        products: (slopes, columns), in pieces. places: for each one along the first axis, (where windows lie, columns).
    """

    def __init__(self, layout, g, groups, deep, each):
        n = len(g)
        self.slopes = scratch(g, (*g.shape[1:], n), 1)
        self.image = scratch(g, (layout.channels, *layout.size, n), 2)
        self.inside = np.moveaxis(self.image[(slice(None), *layout.inside[1:], slice(None))], -1, 0)
        columns, most = scratch(g, (groups, deep, layout.windows * n)), PIECE // (deep * each)
        self.products = list(zip(cut(self.slopes.reshape(groups, each, -1), most), cut(columns, most), strict=True))
        found = columns.reshape(groups, layout.places, -1, *layout.out, n).swapaxes(0, 1)
        target = self.image.reshape(groups, -1, *layout.size, n)
        self.places = [
            [(target[:, :, start:][place], part) for place, part in zip(layout.every_place, found, strict=True)]
            for start in layout.starts
        ]


def convolve_input(layout, w, g, groups):
    """The gradient for the input, (N, C, *plain).

    The columns of one place along the first axis are made at a time: they are still in the cache when they are added.
    """
    result = np.zeros_like(g, shape=(len(g), layout.channels, *layout.plain), order="C")
    weights = layout.weights_back(w, groups)

    def work(part):
        given = g[part]
        room = kept(
            lambda: _Room(layout, given, groups, *weights.shape[3:]), (layout, groups, given.dtype.char, len(given))
        )
        _turn(given, room.slopes)
        room.image.fill(0)
        for weight, places in zip(weights, room.places, strict=True):
            for slopes, columns in room.products:
                np.matmul(weight, slopes, out=columns)
            for place, columns in places:
                np.add(place, columns, out=place)
        result[part][layout.source] = room.inside

    layout.work(work, g, weights)
    return result
