"""Recurrent layers' kernels: a whole sequence in one loop over its steps, and the way back.

A step's input, the state before it and ones are stacked, so that one product adds both shares of the gates and the biases.
Each gate is one run of memory. Inside, arrays lie in one of two ways:

- features first, (features, batch), so that BLAS divides the product of a step between the cores (512 x 128 by 128 x 16
  takes 13 us, and 23 us with the batch first);
- rows, (batch, features), as they come, where BLAS multiplies matrices as small as a gate's as they lie: then nothing is
  turned on the way in and out, and all stays in one core's cache.

Sequences are packed, (Σ sizes, features): `sizes[t]` rows for step t, never growing. A `Layout` says what a step does (see `_gates`).
"""

from __future__ import annotations

import contextlib
import functools
import itertools

import numpy as np

from .. import _parallel
from .._array import at_line, copied
from ._gates import LAYOUTS
from ._windows import LINE, PIECE, UNPACKED, divisor

_NEAR = 1 << 17  # elements of the factors of a few steps: all that is used of those steps stays in the cache
_FEW = 400  # rows of steps that are in the cache together: of which the weights' gradient is made, or nothing is kept
_LARGE = 1 << 17  # elements of one step's factors that do not stay there
_BESIDE = 1 << 24  # multiplications from which it pays to have them done by a helper beside the walk
_TILE = 16  # columns of slopes in a product of which BLAS multiplies all as they lie
_PIECE = 1 << 18  # elements of a share of large factors: smaller ones, and the threads wait for each other too often


def suits(arrays):
    """Whether the kernels take these: ndarrays of one dtype, float32 or float64."""
    kind = getattr(arrays[0], "dtype", None)
    return kind in (np.float32, np.float64) and all(type(a) is np.ndarray and a.dtype == kind for a in arrays)


# ---------------------------------------------------------------------------------------------- weights


def _stack(made, layout, w_ih, w_hh, biases):
    """Fill zeros (blocks, width, [input, state, 1]) with the weights, as the way there needs them."""
    width, inputs = w_hh.shape[1], w_ih.shape[1]
    parts = ((slice(inputs), layout.input, w_ih), (slice(inputs, -1), layout.state, w_hh))
    for (columns, order, w), b in zip(parts, biases or (None, None), strict=True):
        for rows, k in zip(made, order, strict=True):
            if k is not None:
                rows[:, columns] = w[k * width : (k + 1) * width]
                if b is not None:
                    rows[:, -1] += b[k * width : (k + 1) * width]
    made[layout.halved] *= 0.5


def _ordered(w, order):
    """The blocks of rows of weights as they are stacked, in one matrix; zeros where there is none."""
    blocks = w.reshape(len(order) - order.count(None), -1, w.shape[1])
    if None not in order:
        return blocks[list(order)].reshape(w.shape)
    made = np.zeros((len(order), *blocks.shape[1:]), w.dtype)
    for rows, k in zip(made, order, strict=True):
        if k is not None:
            rows[...] = blocks[k]
    return made.reshape(-1, w.shape[1])


def _unstacked(layout, slopes, width):
    """The gradients of w_ih, w_hh, b_ih and b_hh from that of the stacked matrix."""
    blocks = slopes.reshape(len(layout.input), width, -1)
    found = []
    for columns, order in ((slice(-width - 1), layout.input), (slice(-width - 1, -1), layout.state)):
        places = [order.index(k) for k in range(len(order) - order.count(None))]
        found.append((_taken(blocks[:, :, columns], places), _taken(blocks[:, :, -1:], places).reshape(-1)))
    return [w for w, _ in found] + [b for _, b in found]


def _taken(blocks, places):
    """Some blocks of rows, in one matrix."""
    made = np.empty((len(places) * blocks.shape[1], blocks.shape[2]), blocks.dtype)
    for rows, k in zip(made.reshape(len(places), *blocks.shape[1:]), places, strict=True):
        rows[...] = blocks[k]
    return made


# ---------------------------------------------------------------------------------------------- how arrays lie


class _Lying:
    """How arrays of a step lie. For stacked weights in `count` blocks of `width` rows; `inputs` are those of a step.

    A row of [input, state, 1] has `deep` numbers, and the next one begins `pitch` further on.
    """

    linked: bool  # whether rows of [input, state, 1] can be multiplied where they are
    apart = False  # whether the inputs are multiplied before the walk

    def __init__(self, count, width, inputs):
        self.count, self.width, self.inputs, self.deep = count, width, inputs, inputs + width + 1
        self.pitch = -(-self.deep // LINE) * LINE  # so that each row begins at a cache line

    def apportion(self, flat, rows):
        """(what is kept by step, [input, state, 1] by row), where there are so many rows."""
        seen = len(flat) - rows * self.pitch
        return flat[:seen], flat[seen:].reshape(rows, self.pitch)[:, : self.deep]

    def load_back(self, layout, w_hh):
        """Take the state's weights for the way back."""
        self.onward = _ordered(w_hh, layout.state)


class _FeaturesFirst(_Lying):
    """Arrays of a step are (features, batch)."""

    linked = False

    def load(self, layout, *weights):
        """Take the weights for the way there."""
        self.matrix = np.zeros((self.count * self.width, self.deep), weights[0].dtype)
        _stack(self.matrix.reshape(self.count, self.width, -1), layout, *weights)

    def own(self, state):
        """A copy of a state (batch, features), to be changed in place; and of such a one as (batch, features)."""
        return np.array(state.T, order="C")

    def start(self, a, n):
        """The first n of a batch."""
        return a[:, :n]

    def steps(self, a):
        """What each step has of `a` (steps, batch, features)."""
        return a.swapaxes(1, 2)

    def kept(self, flat, steps, blocks, n):
        """What is kept of each step: (steps, blocks, one array of a step)."""
        return flat.reshape(steps, blocks, self.width, n)

    def stack(self, n, dtype):
        """(the stack of a batch, with its ones; its input; its state)."""
        stack = np.ones((self.deep, n), dtype)
        return stack, stack[: self.inputs], stack[self.inputs : -1]

    def multiply(self, stack, kept):
        """The products of a step into the first blocks of what is kept."""
        np.matmul(self.matrix, stack, out=kept.reshape(-1, kept.shape[-1])[: len(self.matrix)])

    def start_back(self, n, out):
        """For steps of n rows: what slopes are for the state before the step will go to `out`."""
        self.returning, self.out = copied(self.onward.T), out
        self.slope = np.empty((len(self.onward), n), self.onward.dtype)

    def slopes(self, made):
        """Where slopes of each step go, by block; `made` (steps, batch, blocks · width) is where they are kept."""
        return itertools.repeat(self.slope.reshape(self.count, self.width, -1), len(made))

    def multiply_back(self, made):
        """Fill `out`."""
        made[...] = self.slope.T
        np.matmul(self.returning, self.slope, out=self.out)


class _Rows(_Lying):
    """The same for arrays of a step that are (batch, features)."""

    linked = True

    def load(self, layout, *weights):
        self.weights = at_line((self.count, self.deep, self.width), weights[0].dtype)
        self.weights[...] = 0
        _stack(self.weights.swapaxes(1, 2), layout, *weights)

    def own(self, state):
        return np.array(state, order="C")

    def start(self, a, n):
        return a[:n]

    def steps(self, a):
        return a

    def kept(self, flat, steps, blocks, n):
        return flat.reshape(steps, blocks, n, self.width)

    def stack(self, n, dtype):
        stack = np.ones((n, self.deep), dtype)
        return stack, stack[:, : self.inputs], stack[:, self.inputs : -1]

    def multiply(self, stack, kept):
        np.matmul(stack, self.weights, out=kept[: self.count])

    def multiplied(self, seen, parts):
        """What is kept of each step, once its products are in it."""
        if self.apart:
            long = seen[:, :, : self.inputs].size * self.count * self.width >= _BESIDE
            with _parallel.team.beside(_multiply) if long else contextlib.nullcontext() as job:
                yield from self._apart(seen, parts, job)
            return
        for stack, part in zip(seen, parts, strict=True):
            self.multiply(stack, part)
            yield part

    def _apart(self, seen, parts, job):
        """The products with inputs come first: of some steps here, and of those that follow by the helper meanwhile."""
        first, rest = len(seen) * self.inputs // (2 * self.inputs + self.width), len(seen)
        if job:
            job.give(self._of_inputs(seen[first:], parts[first:]))
            rest = first
        _multiply(self._of_inputs(seen[:rest], parts[:rest]))
        weights, of_state = self.weights[:, self.inputs :], at_line(parts[0, : self.count].shape, seen.dtype)
        for i, (stack, part) in enumerate(zip(seen[:, :, self.inputs :], parts, strict=True)):
            if i == rest:
                job.finish()
            products = part[: self.count]
            products += np.matmul(stack, weights, out=of_state)
            yield part

    def _of_inputs(self, seen, parts):
        return seen[:, None, :, : self.inputs], self.weights[:, : self.inputs], parts[:, : self.count]

    def start_back(self, n, out):
        self.returning, self.out = _in_parts(self.onward, out)

    def slopes(self, made):
        return made.reshape(*made.shape[:2], self.count, self.width).swapaxes(1, 2)

    def multiply_back(self, made):
        np.matmul(made, self.returning, out=self.out)


def _in_parts(matrix, out):
    """A matrix, and `out` (…, rows, columns) for products with it, by as many columns as let each product be small.

    Both have an axis of parts before the last two.
    """
    deep, columns = matrix.shape
    each = max(divisor(columns, UNPACKED // (out.shape[-2] * deep)), 1)
    parts = matrix.reshape(deep, -1, each).swapaxes(0, 1)
    cut = at_line(parts.shape, matrix.dtype)
    cut[...] = parts
    return cut, out.reshape(*out.shape[:-1], -1, each).swapaxes(-3, -2)


def _multiply(operands):
    """A piece of work for a helper."""
    a, b, out = operands
    np.matmul(a, b, out=out)


def _lying(layout, width, inputs, n):
    """How arrays lie for weights of so many rows for each gate and a batch of n."""
    count = len(layout.input)
    small = n * width * max(inputs + width + 1, count) <= UNPACKED
    return (_Rows if UNPACKED > PIECE and small else _FeaturesFirst)(count, width, inputs)


# ---------------------------------------------------------------------------------------------- the walk


def _groups(sizes, back):
    """Runs of steps with equally many rows, in the order they are taken: (rows, how many steps, rows of each)."""
    groups, start = [], 0
    for n, same in itertools.groupby(sizes):
        steps = len(list(same))
        groups.append((slice(start, start + steps * n), steps, n))
        start += steps * n
    return groups[::-1] if back else groups


def _some(group, most, back):
    """(rows, how many steps) of up to `most` steps of a group at a time, in the order they are taken."""
    whole, steps, n = group
    for start in range(0, steps, most):
        end = min(start + most, steps)
        first = whole.stop - end * n if back else whole.start + start * n
        yield slice(first, first + (end - start) * n), end - start


def _by_step(a, group, back):
    """The group's rows of `a`, (steps, rows, features), in the order they are taken."""
    rows, steps, n = group
    return a[rows].reshape(steps, n, a.shape[1])[:: -1 if back else 1]


def _kept(lying, flat, group, blocks, back):
    """The group's share of what is kept, in the order its steps are taken."""
    rows, steps, n = group
    height = blocks * lying.width
    share = flat[rows.start * height : rows.stop * height]
    return lying.kept(share, steps, blocks, n)[:: -1 if back else 1]


def run(mode, x, states, w_ih, w_hh, biases, sizes, back, keep):
    """(outputs, the states after each sequence's last step, what was kept: blocks by step, [input, state, 1] by row)."""
    layout = LAYOUTS[mode]
    lying = _lying(layout, w_hh.shape[1], x.shape[1], sizes[0])
    lying.load(layout, w_ih, w_hh, biases)
    lying.apart = _helped(lying, sizes, lying.inputs)
    output, states = np.empty((len(x), lying.width), x.dtype), [lying.own(s) for s in states]
    if keep or lying.linked:
        flat = _walk_keeping(layout, lying, x, states, output, sizes, back, keep)
    else:
        flat = _walk_lightly(layout, lying, x, states, output, sizes, back)
    return output, [lying.own(s) for s in states], flat


def _helped(lying, sizes, deep):
    """Whether products of all rows, of so many numbers, with the weights are made beside the walk.

    Sums are then added in another order. So that is never up to how long things take: results are always the same bits.
    """
    many = sum(sizes) * deep * lying.count * lying.width >= _BESIDE
    return many and lying.linked and sizes[0] == sizes[-1] and _parallel.team.size > 1


def _walk_lightly(layout, lying, x, states, output, sizes, back):
    """With memory for one step."""
    flat = np.empty(sizes[0] * layout.kept * lying.width, x.dtype)
    for group in _groups(sizes, back):
        steps, n = group[1:]
        state, *cells = (lying.start(s, n) for s in states)
        kept = itertools.repeat(lying.kept(flat[: flat.size // sizes[0] * n], 1, layout.kept, n)[0], steps)
        links = [(itertools.repeat(c), itertools.repeat(c)) for c in cells]
        _walk(layout, lying, kept, _by_step(x, group, back), state, links, _by_step(output, group, back))
    return flat


def _walk_keeping(layout, lying, x, states, output, sizes, back, keep):
    """With memory for all steps, or else for a few at a time; in one array, which is returned."""
    few = len(x) if keep else max(_FEW // sizes[0], 1)
    room = min(len(x), few * sizes[0])
    flat = at_line(room * (layout.kept * lying.width + lying.pitch), x.dtype)
    rest, seen = lying.apportion(flat, room)
    seen[:, -1] = 1
    walk = _linked_walk if lying.linked else _walk
    for group in _groups(sizes, back):
        state, *cells = (lying.start(s, group[2]) for s in states)
        for rows, steps in _some(group, few, back):
            place = (rows if keep else slice(0, rows.stop - rows.start), steps, group[2])
            seen[place[0], : lying.inputs] = x[rows]
            kept = _kept(lying, rest, place, layout.kept, back)
            links = [_linked(c, kept[:, layout.cell]) for c in cells]
            made = _by_step(output, (rows, *place[1:]), back)
            walk(layout, lying, kept, _by_step(seen, place, back), state, links, made)
    return flat


def _linked(state, places):
    """(a state before each step, the same after it); kept in `places`, of each step, but for the last one."""
    places[0] = state
    return places, [*places[1:], state]


def _linked_walk(layout, lying, parts, seen, state, cells, made):
    """The steps of a group, where the state after each is written into [input, state, 1] of the next."""
    states = seen[:, :, lying.inputs : -1]
    links = itertools.chain(_linked(state, states), *cells)
    for part, *pairs in zip(lying.multiplied(seen, parts), *links, strict=False):
        layout.step(part, *pairs)
    made[:-1], made[-1] = states[1:], state


def _walk(layout, lying, parts, seen, state, cells, made):
    """The same with one stack, which the input of each step is copied into."""
    stack, entry, h = lying.stack(made.shape[1], made.dtype)
    given, outputs, states = (lying.steps(a) for a in (seen[:, :, : lying.inputs], made, seen[:, :, lying.inputs : -1]))
    h[...] = state
    for x, part, output, *pairs in zip(given, parts, outputs, *itertools.chain(*cells), strict=False):
        entry[...] = x
        lying.multiply(stack, part)
        layout.step(part, h, h, *pairs)
        output[...] = h
    if seen.shape[2] == lying.deep:
        states[0], states[1:] = state, outputs[:-1]
    state[...] = h


def run_back(mode, g, w_ih, w_hh, biases, sizes, back, flat, needs):
    """Gradients of x, the states, w_ih, w_hh and the biases, given those of the outputs and of the last states."""
    layout, inputs, width, count = LAYOUTS[mode], w_ih.shape[1], w_hh.shape[1], sum(sizes)
    lying = _lying(layout, width, inputs, sizes[0])
    rest, seen = lying.apportion(flat, count)
    g, *last = g
    states = [lying.own(np.zeros((sizes[0], width), flat.dtype) if s is None else s) for s in last]
    groups = _groups(sizes, back)[::-1]
    lying.load_back(layout, w_hh)
    entry = _ordered(w_ih, layout.input) if needs[0] else None
    sums = _Sums(seen, sizes, lying, entry, any(needs[1 + len(states) :]))
    for group in groups:
        factors = _factors(layout, _kept(lying, rest, group, layout.kept, not back))
        given = itertools.repeat(None) if g is None else iter(lying.steps(_by_step(g, group, not back)))
        now = [lying.start(s, group[2]) for s in states]
        _walk_back(layout, lying, now, given, factors, sums.parts(group, not back), group[2])
    gx, total = sums.found()
    found = [None] * 4 if total is None else _unstacked(layout, total, width)
    return [gx, *(lying.own(s) for s in states), *found[: 4 if biases else 2]]


class _Sums:
    """The gradients of the inputs and of the stacked weights, from the slopes of all steps.

    Of some at a time, so that these stay in the cache, if the weights' gradient does too while it is added to. A helper
    makes that beside a long walk which leaves it a core.
    """

    def __init__(self, seen, sizes, lying, entry, weighted):
        """`entry`: the input's weights, if its gradient is needed; `weighted`: whether that of the weights is."""
        self.seen, self.entry, self.weighted, self.total = seen, entry, weighted, None
        self.gx = None if entry is None else np.empty((len(seen), lying.inputs), seen.dtype)
        self.height, n = lying.count * lying.width, sizes[0]
        self.few = max(_FEW // n, 1) if n == sizes[-1] and lying.deep * self.height <= _NEAR else None
        helped = weighted and self.height % _TILE == 0 and _helped(lying, sizes, lying.deep)
        self.each = UNPACKED // (_TILE * n * lying.deep) if helped else 0

    @functools.cached_property
    def whole(self):
        """All slopes, where they are kept."""
        return at_line((len(self.seen), self.height), self.seen.dtype)

    def parts(self, group, back):
        """Where the slopes of some steps go, (steps, n, blocks · width), in the order in which they are taken."""
        if self.each:
            with _parallel.team.beside(_multiply) as job:
                yield from self._beside(job, group, back)
        elif self.few:
            yield from self._few_at_a_time(group, back)
        else:
            yield _by_step(self.whole, group, back)

    def _few_at_a_time(self, group, back):
        few = np.empty((min(self.few * group[2], len(self.seen)), self.height), self.seen.dtype)
        for rows, steps in _some(group, self.few, back):
            part = slice(0, rows.stop - rows.start)
            yield _by_step(few, (part, steps, group[2]), back)
            self._add(few[part], rows)

    def _beside(self, job, group, back):
        """The caller and the helper share the last steps, whose slopes are there when the walk has ended.

        Without a helper the caller does the same.
        """
        do = job.give if job else _multiply
        some, tiles, n = list(_some(group, self.each, back)), self.height // _TILE, group[2]
        found = np.empty((len(some), tiles, _TILE, self.seen.shape[1]), self.seen.dtype)
        if self.gx is not None:
            weights, gx = _in_parts(self.entry, self.gx.reshape(-1, n, self.gx.shape[1]))
        for i, (rows, steps) in enumerate(some, 1):
            yield _by_step(self.whole, (rows, steps, n), back)
            slopes = self.whole[rows]
            if self.gx is not None:
                start = rows.start // n
                do((slopes.reshape(steps, 1, n, -1), weights, gx[start : start + steps]))
            by_tile = slopes.reshape(-1, tiles, _TILE).transpose(1, 2, 0)
            for part in _parallel.slices(tiles, tiles if i < len(some) else -(-tiles // 2)):
                do((by_tile[part], self.seen[rows], found[i - 1, part]))
        if job:
            job.finish()
        self.total = np.add.reduce(found).reshape(self.height, -1)

    def _add(self, slopes, rows):
        if self.weighted:
            found = slopes.T @ self.seen[rows]
            self.total = found if self.total is None else np.add(self.total, found, out=self.total)
        if self.gx is not None:
            np.matmul(slopes, self.entry, out=self.gx[rows])

    def found(self):
        """(that of the inputs, that of the weights), or None."""
        if not (self.each or self.few):
            self._add(self.whole, slice(None))
        return self.gx, self.total


def _factors(layout, kept):
    """Step by step, made for a few steps at a time just before they are used: in the cache. Large ones on all cores."""
    size, blocks = kept[0].size, kept.swapaxes(0, 1)
    if size > _LARGE:
        out = np.empty_like(kept, order="C")
        whole = out.swapaxes(0, 1)
        _parallel.run(lambda p: layout.factors(blocks[:, p], whole[:, p]), len(kept), max(_PIECE // size, 1), size)
        yield from out
        return
    few = max(_NEAR // size, 1)
    out = at_line(kept[:few].shape, kept.dtype)
    for start in range(0, len(kept), few):
        part = blocks[:, start : start + few]
        made = out[: part.shape[1]]
        layout.factors(part, made.swapaxes(0, 1))
        yield from made


def _walk_back(layout, lying, states, g, factors, parts, n):
    """The steps of a group, from the last to the first."""
    dh = states[0]
    through = np.empty_like(dh) if layout.carries else dh
    lying.start_back(n, through)
    for made in parts:
        for part, slopes, given, factor in zip(made, lying.slopes(made), g, factors):  # noqa: B905  (the first ends it)
            if given is not None:
                dh += given
            layout.step_back(slopes, factor, *states)
            lying.multiply_back(part)
            if layout.carries:
                dh += through
