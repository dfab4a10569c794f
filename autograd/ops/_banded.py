"""Convolution with one filter per channel as products with bands: rows of images times matrices that have rows of filters
along their diagonals.

Most of what is multiplied is zero, and still BLAS is faster at it than NumPy at one pass over the images per place of the
window. Wide rows are cut into tiles, for which bands are small. Zeros do not cover what is infinite: images must be finite.
"""

from __future__ import annotations

import numpy as np

from .. import _parallel
from .._mode import fast
from ._windows import SHARED, scratch

_BLOCK = 1 << 22  # bytes of images worked on at a time
_TILE = 48  # results in a tile of a row at most
_MANY = 1 << 11  # rows of images from which this pays


def suits(a):
    """Whether a, (N, C, *spatial), has many rows of finite floating numbers."""
    if not fast.enabled or type(a) is not np.ndarray or a.ndim > 4 or a.dtype.kind != "f":
        return False
    return a.size >= max(_MANY * a.shape[-1], 1) and bool(np.isfinite(np.vdot(a, a)))


class _Rows:
    """How windows see images of `size`, where there are `out` of them, each of which has the places of `kernel`."""

    def __init__(self, size, kernel, out, stride, pads, dilation):
        self.size, self.kernel, self.out, self.stride, self.dilation = size, kernel, out, stride, dilation
        self.top, self.left = pads[0][0], pads[1][0]

    def rows(self, i):
        """(rows of results, rows of the image that place i of their windows sees): two slices."""
        begin, step = i * self.dilation[0] - self.top, self.stride[0]
        low = max(-(begin // step), 0)
        high = min((self.size[0] - 1 - begin) // step + 1, self.out[0])
        first = low * step + begin
        return slice(low, max(high, low)), slice(first, max(first + (high - low - 1) * step + 1, first), step)

    def bands(self, w):
        """For each tile: (results, what they see of a row, matrices (C, kernel[0], numbers seen, results) with the filters)."""
        (width, step, gap), left = (self.size[1], self.stride[1], self.dilation[1]), self.left
        count = -(-self.out[1] // _TILE)
        for results in _parallel.slices(self.out[1], -(-self.out[1] // count)):
            o = np.arange(results.start, results.stop)
            low, high = max(o[0] * step - left, 0), min(o[-1] * step + (self.kernel[1] - 1) * gap - left + 1, width)
            if low >= high:
                continue
            made = np.zeros((len(w), self.kernel[0], high - low, len(o)), w.dtype)
            for j in range(self.kernel[1]):
                at = o * step + j * gap - left
                inside = (at >= 0) & (at < width)
                made[:, :, at[inside] - low, o[inside] - results.start] = w[:, 0, :, j, None]
            yield results, slice(low, high), made


def _as_images(a):
    return a[:, :, None] if a.ndim == 3 else a


def _layout(images, results, w, settings):
    """(the layout, filters (C, 1, *kernel)): rows are images of one row."""
    stride, pads, dilation = settings
    if w.ndim == 3:
        stride, pads, dilation, w = (1, *stride), ((0, 0), *pads), (1, *dilation), w[:, :, None]
    return _Rows(images.shape[2:], w.shape[2:], results.shape[2:], stride, pads, dilation), w


def _sum_products(target, source, places, layout):
    """target = Σ over (part of it, part of the source, matrices (C, k, m)) of products, one for each row of images."""

    def work(part):
        into, seen = target[part], source[part]
        for block in _parallel.slices(len(seen), max(_BLOCK // seen[0].nbytes, 1)):
            _sum_some(into[block], seen[block], places)

    if source.size * layout.kernel[0] * _TILE > SHARED:
        _parallel.team.run(work, _parallel.shares(len(source)), (source.shape, layout.kernel, target.shape))
    else:
        work(slice(0, len(source)))


def _sum_some(target, source, places):
    rest = list(places)
    whole = [place for place in rest if target[place[0]].shape == target.shape]
    if whole:
        rest.remove(whole[0])
        np.matmul(source[whole[0][1]], whole[0][2], out=target)
    else:
        target[...] = 0
    for into, seen, matrices in rest:
        part = source[seen]
        if part.size:
            target[into] += np.matmul(part, matrices, out=scratch(part, (*part.shape[:3], matrices.shape[2])))


def _places(layout, w):
    """For each tile and each place along the first axis: (which results, what they see of images, their bands)."""
    for results, seen, band in layout.bands(w):
        for i in range(layout.kernel[0]):
            rows, lines = layout.rows(i)
            yield (..., rows, results), (..., lines, seen), band[:, i]


def convolve(y, x, w, *settings):
    """Writes the convolution of x (N, C, *size) with w (C, 1, *kernel) into y (N, C, *out)."""
    x, y = _as_images(x), _as_images(y)
    layout, w = _layout(x, y, w, settings)
    _sum_products(y, x, list(_places(layout, w)), layout)


def convolve_input(gx, g, w, *settings):
    """Writes the gradient for the input into gx (N, C, *size)."""
    g, gx = _as_images(g), _as_images(gx)
    layout, w = _layout(gx, g, w, settings)
    turned = [(seen, of, np.ascontiguousarray(band.swapaxes(1, 2))) for of, seen, band in _places(layout, w)]
    _sum_products(gx, g, turned, layout)
