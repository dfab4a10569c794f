"""Convolution with stride one: at each place of the window, all windows together see the image moved by a fixed distance.

So the columns of a place are one copy of the image in long runs, with zeros written where the move went round an edge;
neither turning nor cropping is needed where results are as large as images. Along the first axis of the image nothing is
copied at all: the columns of the next place are the same memory, begun some rows further on. The products of the places
along that axis are summed, which takes long where there are few channels: there `_by_row` is the way.

Images whose results are smaller or larger lie in rows of the longer of both. Products are made in pieces for which BLAS
starts no threads, all in one call, and parts of the batch are shared between the cores. Threads that call many short
functions wait for the interpreter's lock, so few calls are made for each part.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np

from .. import _parallel
from .._mode import fast
from ._windows import CORNER, PIECE, SHALLOW, SHARED, UNPACKED, divisor, kept, scratch, steps, view

_BLOCK = 1 << 20  # bytes of columns worked on at a time
# Bytes of columns and of products for which one thread makes the columns for all: more than the cores' own caches hold.
_AT_ONCE = range(_parallel.team.size * _parallel.OWN_CACHE + 1, (7 << 20) + 1)
_FEW = 8  # places of the window, of each of which a call copies the columns
_WASTE = 1.1  # numbers in a row, for each one of the result, up to which this pays
_LEAST = 48  # columns in a piece of a product from which it pays
_LONG = 128  # the same for the gradient of a weight, where they are summed over
_MANY = 3 << 12  # weights, at one place along the first axis, of which products are worth dividing by BLAS
_DEEP = 12  # rows in a piece of such a gradient from which it pays

_strided = np.lib.stride_tricks.as_strided


def possible(x, groups):
    """Whether arrays like x may be convolved this way."""
    return fast.enabled and type(x) is np.ndarray and groups == 1


class Layout:
    """How images (n, C, *size) and results (n, O, *out) of a convolution with `kernel` lie: in rows of shape `grid`.

    Attributes:
        copied: places of the window that have columns of their own; outer: places along the first axis that do not.
        depth: rows of the columns. steps, row, outer_step: numbers from one to the next along each axis of the image, along
            the first one, and from one outer place to the next.
        most: multiplications in a piece of a product. rows, pieces: of a product, in rows of the image.
    """

    def __init__(self, shape, filters, kernel, pads, dilation, out, free=True):
        self.channels, self.size, self.out, self.filters = shape[1], shape[2:], out, filters
        self.kernel, self.before, self.dilation = kernel, [lo for lo, _ in pads], dilation
        self.shifts = [[j * d - lo for j in range(k)] for k, d, (lo, _) in zip(kernel, dilation, pads, strict=True)]
        self.grid = tuple(max(n, o) for n, o in zip(self.size[1:], out[1:], strict=True))
        self.steps = steps((self.size[0], *self.grid))
        self.row, self.outer_step = self.steps[0], dilation[0] * self.steps[0]
        self.copied: tuple = (1, *kernel[1:]) if free else kernel
        self.outer: int = kernel[0] if free else 1
        self.depth = self.channels * math.prod(self.copied)
        weights = filters * self.depth
        large = PIECE // weights >= _LEAST or self.grid == tuple(out[1:])
        self.most: int = UNPACKED if large else PIECE
        most = max(self.most // (weights * self.row), 1)
        self.pieces = -(-out[0] // most)
        self.rows = -(-out[0] // self.pieces)

    @functools.cached_property
    def suits(self):
        """Whether this is the way."""
        small = self.filters * self.depth * self.rows * self.row <= self.most
        return small and self._dense() and (self.pieces == 1 or self.rows * self.row >= _LEAST)

    @functools.cached_property
    def suits_weight(self):
        """The same for the gradient of the weight."""
        return self._dense() and self.shares is not None

    def _dense(self):
        return self.row <= _WASTE * math.prod(self.out[1:])

    @functools.cached_property
    def shares(self):
        """(rows of columns, rows of the image) in a piece of the product that is the gradient of the weight, if it pays."""
        rows = self.out[0]
        deep, least = divisor(self.depth, PIECE // (self.filters * rows * self.row)), min(self.depth, _DEEP)
        if deep < least and UNPACKED > PIECE:
            least = SHALLOW
            deep = divisor(self.depth, min(UNPACKED // (self.filters * rows * self.row), CORNER // self.filters))
        if deep < least:
            deep, rows = self.depth, divisor(rows, PIECE // (self.filters * self.depth * self.row))
        return (deep, rows) if deep and rows * self.row >= _LONG else None

    @functools.cached_property
    def suits_both(self):
        """Whether this is the way for a convolution and such a gradient from the same columns."""
        return self.suits and self.suits_weight and self.rows * self.pieces == self.out[0]

    @functools.cached_property
    def joins(self):
        """Whether products of many images are the way where this is not (`_joined`; `_strided` has such layouts, too)."""
        return self.filters * self.depth >= _MANY

    def weights(self, w):
        """w (O, C, *kernel) as matrices (outer, O, depth)."""
        ordered = w.reshape(self.filters, self.channels, self.outer, -1).transpose(2, 0, 3, 1)
        return ordered.reshape(self.outer, self.filters, self.depth)

    def weights_back(self, found):
        """The gradient of w, a view of that of its matrices, turned: (outer, depth, O)."""
        ordered = found.reshape(self.outer, -1, self.channels, self.filters).transpose(3, 2, 0, 1)
        return ordered.reshape(self.filters, self.channels, *self.kernel)

    def work(self, prepare, finish, x):
        """finish(part, *prepare(part)) for parts of the batch, on all cores if there is much to do.

        `prepare` makes arrays, first of all columns. They are made where they are used, while they are in the cache, or by
        one thread for all where a thread's part would not stay there: threads that call many short functions wait for the
        interpreter's lock. Still more of them are made a part that fits at a time.
        """
        numbers = len(x) * self.depth * (self.out[0] * self.row + (self.outer - 1) * self.outer_step)
        shares = _parallel.team.size if numbers * (8 + self.filters * self.outer) > SHARED else 1
        like = numbers, self.filters, finish.__code__
        terms = len(x) * self.outer * self.filters * self.out[0] * self.row
        if shares > 1 and (numbers + terms) * x.itemsize in _AT_ONCE:
            arrays = prepare(slice(0, len(x)))
            _parallel.team.run(lambda part: finish(part, *(a[part] for a in arrays)), _parallel.shares(len(x)), like)
            return
        shares = max(shares, -(-numbers * x.itemsize // _BLOCK))
        parts = _parallel.slices(len(x), -(-len(x) // shares))
        _parallel.team.run(lambda part: finish(part, *prepare(part)), parts, like)

    @functools.cached_property
    def around(self):
        """(numbers before the first one of an image that windows see, numbers that a window reaches further)."""
        along = list(zip(self.before, self.dilation, self.kernel, self.steps, strict=True))[1:]
        return sum(lo * s for lo, _, _, s in along), sum(d * (k - 1) * s for _, d, k, s in along)

    def columns(self, x, rows, clean):
        """What the windows that begin in `rows` rows see: (n, depth, numbers). With `clean`, zero behind the results too."""
        room = kept(lambda: _Room(self, x, rows, clean), (self, x.dtype.char, len(x), rows, clean))
        room.fill(x)
        return room.columns

    def moves(self, length):
        """Where columns of this length are zero, before and behind; and what goes where, for each place of the window."""
        numbers, moves = self.size[0] * self.row, []
        for place in itertools.product(*map(range, self.copied)):
            distances = [shifts[j] for shifts, j in zip(self.shifts, place, strict=True)]
            moves.append((place, sum(d * s for d, s in zip(distances, self.steps, strict=True))))
        inside = [(place, max(-move, 0), min(numbers - move, length), move) for place, move in moves]
        begin, end = max(low for _, low, _, _ in inside), min(high for _, _, high, _ in inside)
        kept = [((slice(None), *place, slice(None), slice(low, high)), slice(low + move, high + move))
                for place, low, high, move in inside if low < high]  # fmt: skip
        return begin, max(end, 0), kept

    def edges(self, columns, clean):
        """Views of what is zero in columns (n, *places, C, numbers): where a window's place lies outside of the image."""
        by_row = columns.reshape(*columns.shape[:-1], -1, *self.grid)
        return [by_row[edge] for edge in self._edges[clean]]

    @functools.cached_property
    def _edges(self):
        """The indices of these zeros, without and with those behind the results."""
        seen, behind = [], []
        for a in range(1, len(self.kernel)):
            for j, shift in enumerate(self.shifts[a]):
                if shift:
                    seen.append(self._at(a, j, slice(-shift, None) if shift > 0 else slice(0, -shift)))
            if self.out[a] < self.grid[a - 1]:
                behind.append(self._at(a, slice(None), slice(self.out[a], None)))
        return seen, seen + behind

    def _at(self, a, place, edge):
        index = [slice(None)] * (2 + 2 * len(self.kernel))
        index[1 + a], index[2 + len(self.kernel) + a] = place, edge
        return tuple(index)

    def places(self, columns, piece):
        """A view (n, pieces, outer, depth, piece) of columns (n, depth, numbers): those of every outer place."""
        (n, depth, area), it = columns.shape, columns.itemsize
        shape = (n, (area - (self.outer - 1) * self.outer_step) // piece, self.outer, depth, piece)
        return view(columns, shape, (depth * area * it, piece * it, self.outer_step * it, area * it, it))


class _Room:
    """Memory for the columns of a part of the batch, and all views of it.

    Attributes:
        columns, by_place: (n, depth, numbers), and the same (n, *places, C, numbers).
        empty, edges: what is zero before and after all else is written.
        moves: (columns of a place, what they are of images in rows); or else
        inside, source: of images with zeros around them, and of images. seen: what windows see of the former.
    """

    def __init__(self, layout, x, rows, clean):
        length = rows * layout.row + (layout.outer - 1) * layout.outer_step
        columns = scratch(x, (len(x), *layout.copied, layout.channels, length))
        self.columns, self.by_place = columns.reshape(len(x), layout.depth, length), columns
        self.seen: Any = None
        if layout.size[1:] == layout.grid and math.prod(layout.copied) <= _FEW:
            self._move(layout, columns)
        else:
            self._surround(layout, x, rows, columns)
        self.edges = layout.edges(columns, clean)

    def _move(self, layout, columns):
        """Images lie as columns do: those of a place are a long run of them."""
        begin, end, moves = layout.moves(columns.shape[-1])
        self.empty = [columns[..., :begin], columns[..., end:]]
        self.moves = [(columns[place], (..., run)) for place, run in moves]

    def _surround(self, layout, x, rows, columns):
        """Zeros around images, for windows that begin in `rows` rows: (n, C, numbers), from where the first place is."""
        first, reach = layout.around
        rows += (layout.kernel[0] - 1) * layout.dilation[0]
        n, numbers, lead = len(x), len(x) * layout.channels * rows * layout.row, max(first, 0)
        flat = scratch(x, (lead + numbers + max(reach - first, 0),), 2)
        image, top = flat[lead : lead + numbers].reshape(n, layout.channels, rows, *layout.grid), layout.before[0]
        low, high = max(top, 0), min(top + layout.size[0], rows)
        whole = layout.size[1:] == layout.grid
        self.empty = [image[:, :, :low], image[:, :, high:]] if whole else [image]
        self.inside = image[:, :, low:high][(..., *(slice(0, s) for s in layout.size[1:]))]
        self.source = slice(None), slice(None), slice(low - top, high - top)
        around = flat[lead - first :][:numbers].reshape(n, layout.channels, -1)
        apart = [d * s * x.itemsize for d, s in zip(layout.dilation, layout.steps, strict=True)]
        self.seen = _strided(around, columns.shape, (around.strides[0], *apart, *around.strides[1:]))

    def fill(self, x):
        """Write the columns of images x (n, C, *size)."""
        for part in self.empty:
            part.fill(0)
        if self.seen is None:
            rows = x.reshape(*x.shape[:2], -1)
            for place, run in self.moves:
                np.copyto(place, rows[run])
        else:
            np.copyto(self.inside, x[self.source])
            np.copyto(self.by_place, self.seen)
        for edge in self.edges:
            edge.fill(0)


class _Results:
    """The convolution with w from columns, written into y (N, O, *out)."""

    def __init__(self, layout, y, w):
        self.layout, self.y, self.weights = layout, y, layout.weights(w)
        self.rows = layout.rows * layout.pieces
        numbers = len(y) * layout.outer * layout.filters * self.rows * layout.row
        self.there = y.size == numbers  # the results are all that is computed

    def prepare(self, part, columns):
        layout, y = self.layout, self.y[part]
        shape = len(columns), layout.outer, layout.filters, self.rows * layout.row
        terms = y.reshape(shape) if self.there else scratch(y, shape, 1)
        piece = layout.rows * layout.row
        pieces = terms.reshape(*shape[:3], layout.pieces, piece).transpose(0, 3, 1, 2, 4)
        return layout.places(columns, piece), pieces, terms

    def finish(self, part, places, pieces, terms):
        np.matmul(self.weights, places, out=pieces)
        if not self.there:
            _write(self.y[part], terms, self.layout)


class _Sums:
    """The gradient for the weight from columns, given that of the results, g (N, O, *out)."""

    def __init__(self, layout, g):
        self.layout, self.g, self.found = layout, g, {}

    def prepare(self, part, columns):
        layout, slopes = self.layout, _slopes(self.g[part], self.layout)
        deep, rows = layout.shares
        seen = layout.places(columns, rows * layout.row)
        seen = seen.reshape(*seen.shape[:3], -1, deep, seen.shape[-1])
        slopes = slopes.reshape(len(columns), layout.filters, -1, 1, 1, seen.shape[-1]).transpose(0, 2, 3, 4, 5, 1)
        return seen, slopes, scratch(slopes, (*seen.shape[:-1], layout.filters), 4)

    def finish(self, part, seen, slopes, products):
        np.matmul(seen, slopes, out=products)
        layout = self.layout
        self.found[part.start] = products.reshape(-1, layout.outer, layout.depth, layout.filters).sum(axis=0)

    def total(self):
        return self.layout.weights_back(_parallel.total(self.found))


def convolve(layout, y, w, x):
    """Writes the convolution of x with w into y (N, O, *out)."""
    results = _Results(layout, y, w)

    def prepare(part):
        return results.prepare(part, layout.columns(x[part], results.rows, False))

    layout.work(prepare, results.finish, x)


def convolve_weight(layout, x, g):
    """The gradient for the weight: (O, C, *kernel)."""
    sums = _Sums(layout, g)
    layout.work(lambda part: sums.prepare(part, layout.columns(x[part], layout.out[0], True)), sums.finish, x)
    return sums.total()


def convolve_both(layout, y, w, x, g):
    """`convolve` and `convolve_weight` from the same columns, handed over together."""
    results, sums = _Results(layout, y, w), _Sums(layout, g)

    def prepare(part):
        columns = layout.columns(x[part], layout.out[0], True)
        return *results.prepare(part, columns), *sums.prepare(part, columns)

    def finish(part, *arrays):
        results.finish(part, *arrays[:3])
        sums.finish(part, *arrays[3:])

    layout.work(prepare, finish, x)
    return sums.total()


def _write(y, terms, layout):
    """y (n, O, *out) = the sum over `outer` of terms (n, outer, O, numbers), where rows may be longer than y's, and more."""
    within = (..., *(slice(0, o) for o in layout.out))
    terms = terms.reshape(*terms.shape[:3], -1, *layout.grid)[within]
    for k in range(1, layout.outer - 1):
        terms[:, 0] += terms[:, k]
    if layout.outer == 1:
        y[...] = terms[:, 0]
    else:
        np.add(terms[:, 0], terms[:, -1], out=y)


def _slopes(g, layout):
    """g (n, O, *out) in rows of the grid, with zeros after the results: (n, O, numbers)."""
    if layout.out[1:] == layout.grid:
        return g.reshape(len(g), layout.filters, -1)
    slopes = scratch(g, (len(g), layout.filters, layout.out[0], *layout.grid), 3)
    slopes[...] = 0
    slopes[(..., *(slice(0, o) for o in layout.out[1:]))] = g
    return slopes.reshape(len(g), layout.filters, -1)
