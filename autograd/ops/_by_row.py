"""Convolution row by row of all images: the results in one row of an image, of a whole part of the batch, are a product.

What windows see is copied in rows, which are one run of memory each: columns (rows of the image, places and channels, n,
*row). Along the first axis of the image nothing is copied, for the columns of the next place are the same memory, begun
one row further on; so every product has all places in its depth, and nothing is left to sum. There are few calls, and long
ones: one copies the columns, one multiplies, one copies the results to where they belong.

Products are made in pieces for which BLAS starts no threads; parts of the batch are shared between the cores.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from .. import _parallel
from .._mode import fast
from ._windows import CORNER, LEAST, SHALLOW, SHARED, UNPACKED, cut, divisor, kept, placing, runs, scratch, view

_BLOCK = 1 << 20  # bytes of columns worked on at a time
_LIGHT = 5 << 12  # weights up to which no other way of a convolution is faster
_LIGHTER = 1 << 13  # the same for both gradients
_LONG = 128  # columns in a part of the batch from which summing over them, for the gradient of a weight, pays
_HEAVY = 1 << 12  # weights up to which it pays with fewer


@functools.lru_cache(256)
def layout(images, weights, stride, pads, dilation, out):
    return Layout(images, weights, stride, pads, dilation, out)


class Layout:
    """How images (N, C, *size), with weights (O, C/G, *kernel), lie in columns.

    Attributes:
        size: of images with their padding. inside, source: where in it the elements go, and which.
        copied: places of the window that have columns of their own; rows, step: of columns, and from one row of results
            to the next.
        own, each: channels and filters of a group. lines: rows of columns for a row of the image. depth: of a product.
        row: results in a row. run: how many numbers in columns lie side by side in images, too.
    """

    def __init__(self, images, weights, stride, pads, dilation, out):
        (self.batch, self.channels), plain, kernel = images[:2], images[2:], weights[2:]
        self.own, self.groups = weights[1], images[1] // weights[1]
        self.each, self.kernel, self.stride = weights[0] // self.groups, kernel, stride
        self.dilation, self.out = dilation, out
        self.size = tuple(n + lo + hi for n, (lo, hi) in zip(plain, pads, strict=True))
        self.whole = not any(lo or hi for lo, hi in pads)
        self.inside, self.source = placing(plain, pads)
        self.free = dilation[0] == 1 and stride[0] < kernel[0]  # nothing is copied along the first axis
        self.copied = kernel[1:] if self.free else kernel
        self.rows: int = (out[0] - 1) * stride[0] + kernel[0] if self.free else out[0]
        self.step: int = stride[0] if self.free else 1
        self.lines, self.depth = self.own * math.prod(self.copied), self.own * math.prod(kernel)
        self.row, self.run = math.prod(out[1:]), out[-1] if stride[-1] == 1 else 1
        self.numbers = self.channels * math.prod(self.copied) * self.rows * self.row  # in the columns of an image

    def suits(self, x):
        """Whether this is the way for arrays like x."""
        return fast.enabled and type(x) is np.ndarray

    @functools.cached_property
    def light(self):
        """Whether weights are few, and columns are copied in runs, and not along the first axis: no other way is faster."""
        few = self.each * self.depth <= _LIGHT and _divides(self.each * self.depth)
        return few and self.free and all(s == 1 for s in self.stride)

    @functools.cached_property
    def lighter(self):
        """The same for a convolution and the gradient of its weight."""
        return self.light and self.each * self.depth <= _LIGHTER

    @functools.cached_property
    def deep(self):
        """Rows in a piece of the product that is the gradient of the weight."""
        deep = divisor(self.depth, CORNER // self.each)
        return deep if deep >= min(SHALLOW, self.depth) else self.depth

    @functools.cached_property
    def sums(self):
        """Whether the gradient of the weight is found this way: else the products are many, and large."""
        return self.each * self.depth <= _HEAVY or self.batch * self.row >= _LONG

    def work(self, function, itemsize, deep):
        """function(part) for parts of the batch whose columns fit in the cache.

        On all cores if there is much to do, and BLAS does not use them itself for products `deep` rows deep.
        """
        weights = self.each * deep
        results = self.batch * self.groups * self.each * self.out[0] * self.row
        shared = _divides(weights) and results * self.depth + 8 * self.batch * self.numbers > SHARED
        count = max(_parallel.team.size if shared else 1, -(-self.batch * self.numbers * itemsize // _BLOCK))
        parts = _parallel.slices(self.batch, -(-self.batch // count))
        if shared:
            _parallel.team.run(function, parts, (self.numbers, results, self.depth))
            return
        for part in parts:
            function(part)

    def direct(self, x):
        """Whether columns can be copied from x as it lies."""
        return self.whole and x.flags.c_contiguous

    def windows(self, image, columns):
        """What windows see of images (n, C, *size), one run of memory, in the shape and dtype of columns, or of their runs."""
        one, channel, *steps = image.strides
        between = [d * step for d, step in zip(self.dilation, steps, strict=True)][int(self.free) :]
        apart = [s * step for s, step in zip(self.stride, steps, strict=True)]
        strides = (self.own * channel, steps[0] if self.free else apart[0], *between, channel, one, *apart[1:])
        return view(image, columns.shape, strides[: columns.ndim], columns.dtype)

    def seen(self, columns, deep):
        """A view of the columns of each row of results: (G, out[0], depth / deep, deep, n · row)."""
        (groups, rows, lines, width), it = columns.shape, columns.itemsize
        line, row = width * it, lines * width * it
        shape = (groups, self.out[0], self.depth // deep, deep, width)
        return view(columns, shape, (rows * row, self.step * row, deep * line, line, it))

    def weights(self, w):
        """w (O, C/G, *kernel) as matrices (G, 1, 1, 1, O/G, depth)."""
        ordered = w.reshape(self.groups, self.each, self.own, -1).swapaxes(2, 3)
        return ordered.reshape(self.groups, 1, 1, 1, self.each, self.depth)

    def weights_back(self, found):
        """The gradient of w from that of its matrices, turned: (G, depth, O/G)."""
        ordered = found.reshape(self.groups, -1, self.own, self.each).transpose(0, 3, 2, 1)
        return np.ascontiguousarray(ordered).reshape(-1, self.own, *self.kernel)

    def by_image(self, a):
        """Results by row, (G, out[0], O/G, n · row), in the order of images: runs (n, G, O/G, *out[:-1])."""
        rows = runs(a.reshape(*a.shape[:3], -1, *self.out[1:]))
        return rows.transpose(3, 0, 2, 1, *range(4, rows.ndim))

    def images(self, a):
        """Images (n, O, *out), one run of memory, as `by_image` has them."""
        return runs(a.reshape(len(a), self.groups, self.each, *self.out))


def _divides(weights):
    """Whether products with so many weights are made in pieces: else BLAS shares them between the cores itself."""
    return UNPACKED // weights >= LEAST


class _Room:
    """Memory for the columns of a part of the batch, and all views of it.

    Attributes:
        pieces: of products: (columns, results) with all rows of columns in one piece, or `deep` of them.
        by_image: the results in the order of images.
    """

    def __init__(self, layout, x, deep):
        self.layout, self.image, groups = layout, None, layout.groups
        if not layout.direct(x):
            self.image = scratch(x, (len(x), layout.channels, *layout.size), 2)
            self.inside = runs(self.image[layout.inside])
        columns = scratch(x, (groups, layout.rows, *layout.copied, layout.own, len(x), *layout.out[1:]))
        self.columns = columns if layout.run == 1 else runs(columns)
        self.source = None if self.image is None else layout.windows(self.image, self.columns)
        seen = layout.seen(columns.reshape(groups, layout.rows, layout.lines, -1), deep)
        results = scratch(x, (*seen.shape[:2], layout.each, seen.shape[-1]), 1)
        most = UNPACKED // (layout.each * deep)
        self.pieces = list(zip(cut(seen, most), cut(results[:, :, None], most), strict=True))
        self.by_image = layout.by_image(results)

    def fill(self, x):
        """Write the columns of images x (n, C, *plain)."""
        if self.image is None:
            self.columns[...] = self.layout.windows(x, self.columns)
            return
        if not self.layout.whole:
            self.image.fill(0)
        x = x[self.layout.source]
        self.inside[...] = runs(x if x.strides[-1] == x.itemsize else np.ascontiguousarray(x))
        self.columns[...] = self.source


def _room(layout, x, deep):
    """The room for images x, with their columns in it."""
    found = kept(lambda: _Room(layout, x, deep), (layout, x.dtype.char, len(x), layout.direct(x), deep))
    found.fill(x)
    return found


def convolve(layout, y, w, x):
    """Writes the convolution of x with w into y (N, O, *out)."""
    weights = layout.weights(w)

    def work(part):
        room = _room(layout, x[part], layout.depth)
        for columns, results in room.pieces:
            np.matmul(weights, columns, out=results)
        layout.images(y[part])[...] = room.by_image

    layout.work(work, x.itemsize, layout.depth)


def convolve_weight(layout, x, g):
    """The gradient for the weight: (O, C/G, *kernel)."""
    found: dict = {}

    def work(part):
        room = _room(layout, x[part], layout.deep)
        room.by_image[...] = layout.images(np.ascontiguousarray(g[part]))
        for i, (columns, slopes) in enumerate(room.pieces):
            products = scratch(x, (*columns.shape[:-1], layout.each), 3)
            np.matmul(columns, slopes.swapaxes(-1, -2), out=products)
            found[part.start, i] = products.sum(axis=(1, 3))

    layout.work(work, x.itemsize, layout.deep)
    return layout.weights_back(_parallel.total(found))
