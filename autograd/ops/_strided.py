"""Convolution with a stride: the image is split once into its phases, the elements that lie `stride` apart.

Within a phase all windows see one place of the window side by side: its columns are one copy in long runs, moved by a
fixed distance, as in `_shifted`, which does the rest. Back to the image goes a convolution without a stride per phase.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable

import numpy as np

from . import _shifted
from ._windows import blocks, scratch

_LEAST = 1 << 11  # numbers in the columns of a place from which copying them in one call pays


@functools.lru_cache(256)
def layout(shape, filters, kernel, stride, pads, dilation, out):
    """How images of `shape` and results lie."""
    if all(s == 1 for s in stride):
        return _shifted.Layout(shape, filters, kernel, pads, dilation, out)
    return Layout(shape, filters, kernel, stride, pads, dilation, out)


def _phase(phase, stride):
    """The index of a phase in arrays (..., *spatial)."""
    return (..., *(slice(p, None, s) for p, s in zip(phase, stride, strict=True)))


class Layout(_shifted.Layout):
    """As `_shifted.Layout`, for images whose phases lie apart: (n, phases, C, rows, *grid).

    Attributes:
        phases: those that windows see. begins: for each place of the window, the number of its phase and where its columns
            begin. lead, reach: rows of zeros before a phase, and rows behind those of the results that are seen.
        even: whether all phases are equally large. long: whether the columns of a place are worth a call.
    """

    def __init__(self, shape, filters, kernel, stride, pads, dilation, out):
        sizes = [-(-n // s) for n, s in zip(shape[2:], stride, strict=True)]
        super().__init__((*shape[:2], *sizes), filters, kernel, pads, dilation, out, free=False)
        self.stride, self.even = stride, all(n % s == 0 for n, s in zip(shape[2:], stride, strict=True))
        seen = [[divmod(shift, s) for shift in shifts] for shifts, s in zip(self.shifts, stride, strict=True)]
        self.shifts = [[distance for distance, _ in axis] for axis in seen]
        places = [tuple(zip(*place, strict=True)) for place in itertools.product(*seen)]
        self.phases = sorted({phase for _, phase in places})
        begins = [sum(d * step for d, step in zip(distances, self.steps, strict=True)) for distances, _ in places]
        self.lead, self.reach = -(min(0, *begins) // self.row), -(-max(0, *begins) // self.row)
        numbers = [self.phases.index(phase) for _, phase in places]
        self.long = math.prod(shape[:2]) * out[0] * self.row >= _LEAST
        self.begins = [(i, self.lead * self.row + begin) for i, begin in zip(numbers, begins, strict=True)]

    def image(self, x, rows):
        """The phases of x with zeros around them: (n, phases, C, numbers)."""
        height = self.lead + rows + self.reach
        image = scratch(x, (len(x), len(self.phases), self.channels, height, *self.grid), 2)
        if self.even and self.size[1:] == self.grid:
            image[:, :, :, : self.lead] = 0
            image[:, :, :, self.lead + self.size[0] :] = 0
        else:
            image[...] = 0
        for i, phase in enumerate(self.phases):
            part = x[_phase(phase, self.stride)][:, :, : height - self.lead]
            along = (slice(self.lead, self.lead + part.shape[2]), *(slice(0, n) for n in part.shape[3:]))
            image[(slice(None), i, slice(None), *along)] = part
        return image.reshape(*image.shape[:3], -1)

    def columns(self, x, rows, clean, joined=False):
        """What the windows that begin in `rows` rows see: (n, depth, numbers). With `clean`, zero behind the results too.

        Joined, they are (depth, n · numbers).
        """
        image = self.image(x, rows)
        n, places, channels, length = len(image), len(self.begins), self.channels, rows * self.row
        columns = scratch(image, (places, channels, n, length) if joined else (n, places, channels, length))
        by_image = columns.transpose(2, 0, 1, 3) if joined else columns
        for i, (phase, begin) in enumerate(self.begins):
            by_image[:, i] = image[:, phase, :, begin : begin + length]
        for edge in self.edges(by_image.reshape(n, *self.kernel, channels, length), clean):
            edge.fill(0)
        return columns.reshape((self.depth, n * length) if joined else (n, self.depth, length))

    @functools.cached_property
    def suits(self):
        return self.long and super().suits

    @functools.cached_property
    def suits_weight(self):
        return self.long and super().suits_weight

    @functools.cached_property
    def joins(self):
        return self.long and self._dense()

    def parts(self, x):
        return blocks(len(x), self.depth * self.out[0] * self.row * x.itemsize)


def convolve_joined(layout, y, w, x):
    """Writes the convolution of x with w into y (N, O, *out), by a product of many images, which BLAS shares."""
    (weights,), rows = layout.weights(w), layout.out[0]
    inside = (..., *(slice(0, o) for o in layout.out))
    for part in layout.parts(x):
        columns = layout.columns(x[part], rows, False, joined=True)
        found = np.matmul(weights, columns, out=scratch(x, (len(weights), columns.shape[1]), 1))
        y[part] = found.reshape(len(weights), -1, rows, *layout.grid)[inside].swapaxes(0, 1)


def convolve_weight_joined(layout, x, g):
    """The gradient for the weight: (O, C, *kernel)."""
    rows, found = layout.out[0], np.zeros_like(x, shape=(layout.filters, layout.depth), order="C")
    for part in layout.parts(x):
        columns = layout.columns(x[part], rows, True, joined=True)
        slopes = scratch(x, (layout.filters, part.stop - part.start, rows, *layout.grid), 3)
        if layout.grid != layout.out[1:]:
            slopes[...] = 0
        slopes[(..., *(slice(0, o) for o in layout.out))] = g[part].swapaxes(0, 1)
        found += np.matmul(slopes.reshape(layout.filters, -1), columns.T)
    return layout.weights_back(found.T)


def convolve_input(unstrided: Callable, g, w, size, stride, pads, dilation, groups):
    """The gradient for the input, by `unstrided`, which finds it where there is no stride."""
    result = np.zeros_like(g, shape=(len(g), w.shape[1] * groups, *size), order="C")
    axes = [
        [_places(k, s, d, lo, phase) for phase in range(min(s, n))]
        for k, s, d, (lo, _), n in zip(w.shape[2:], stride, dilation, pads, size, strict=True)
    ]
    for phase in itertools.product(*(range(len(axis)) for axis in axes)):
        seen = [axis[p] for axis, p in zip(axes, phase, strict=True)]
        if not all(seen):
            continue  # no window sees this phase
        part = result[_phase(phase, stride)]
        around, apart = [], []
        for (places, before, step), n, o in zip(seen, part.shape[2:], g.shape[2:], strict=True):
            around.append((before, o + step * (len(places) - 1) - n - before))
            apart.append(step)
        weights = w[(..., *np.ix_(*(places for places, _, _ in seen)))]
        part[...] = unstrided(g, weights, part.shape[2:], (1,) * len(size), tuple(around), tuple(apart), groups)
    return result


def _places(k, s, d, lo, phase):
    """(places of a window that see the phase, the pad before the phase, the distance between places), or None."""
    places = [j for j in range(k) if (j * d - lo) % s == phase]
    if not places:
        return None
    step = (places[1] - places[0]) * d // s if len(places) > 1 else 1
    return places, -((places[0] * d - lo) // s), step
