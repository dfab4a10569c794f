"""Recurrent layers' kernels: a whole sequence in one loop over its steps, and the way back.

The state before a step, its input and ones are stacked, for products with all weights of the gates and the biases. Each
gate is one run of memory. Inside, arrays lie in one of two ways:

- features first, (features, batch), so that BLAS divides the product of a step between the cores (512 x 128 by 128 x 16
  takes 13 us, and 23 us with the batch first);
- rows, (batch, features), as they come, where BLAS multiplies matrices as small as a gate's as they lie: then nothing is
  turned on the way in and out, and all stays in one core's cache. The inputs of many steps are multiplied at once.

Sequences are packed, (Σ sizes, features): `sizes[t]` rows for step t, never growing. A `Layout` says what a step does (see `_gates`).
"""

from __future__ import annotations

import itertools

import numpy as np

from .. import _parallel
from .._array import at_line, copied
from ._gates import LAYOUTS
from ._windows import LINE, PIECE, UNPACKED

_NEAR = 1 << 17  # elements of the factors of a few steps: all that is used of those steps stays in the cache
_FEW = 800  # rows of steps that are taken together, and in the cache unless they are wide
_LARGE = 1 << 17  # elements of one step's factors that do not stay there
_BESIDE = 1 << 26  # multiplications of the weights' gradient from which it pays to have it made beside the walk
_TILE = 16  # columns of slopes in a product of which BLAS multiplies all as they lie
_PIECE = 1 << 18  # elements of a share of large factors: smaller ones, and the threads wait for each other too often


def suits(arrays):
    """Whether the kernels take these: ndarrays of one dtype, float32 or float64."""
    kind = getattr(arrays[0], "dtype", None)
    return kind in (np.float32, np.float64) and all(type(a) is np.ndarray and a.dtype == kind for a in arrays)


# ---------------------------------------------------------------------------------------------- weights


def _stack(made, layout, w_ih, w_hh, biases):
    """Fill zeros (blocks, width, [state, input, 1]) with the weights, as the way there needs them."""
    width = w_hh.shape[1]
    parts = ((slice(width, -1), layout.input, w_ih), (slice(width), layout.state, w_hh))
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
    for columns, order in ((slice(width, -1), layout.input), (slice(width), layout.state)):
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

    A row of [state, input, 1] has `deep` numbers, and the next one begins `pitch` further on.
    """

    linked: bool  # whether rows of [state, input, 1] can be multiplied where they are

    def __init__(self, layout, width, inputs):
        self.layout, self.count = layout, len(layout.input)
        self.width, self.inputs, self.deep = width, inputs, inputs + width + 1
        self.pitch = -(-self.deep // LINE) * LINE  # so that each row begins at a cache line

    def apportion(self, flat, rows):
        """(what is kept by step, [state, input, 1] by row), where there are so many rows."""
        seen = len(flat) - rows * self.pitch
        return flat[:seen], flat[seen:].reshape(rows, self.pitch)[:, : self.deep]


class _FeaturesFirst(_Lying):
    """Arrays of a step are (features, batch)."""

    linked = False

    def load(self, *weights):
        """Take the weights for the way there."""
        self.matrix = np.zeros((self.count * self.width, self.deep), weights[0].dtype)
        _stack(self.matrix.reshape(self.count, self.width, -1), self.layout, *weights)

    def own(self, state):
        """A copy of a state (batch, features), to be changed in place; and of such a one as (batch, features)."""
        return np.array(state.T, order="C")

    def start(self, a, n):
        """The first n of a batch."""
        return a[:, :n]

    def steps(self, a):
        """What each step has of `a` (steps, batch, features)."""
        return a.swapaxes(1, 2)

    def kept(self, flat, steps, n):
        """What is kept of each step: (steps, blocks, one array of a step)."""
        return flat.reshape(steps, self.layout.kept, self.width, n)

    def stack(self, n, dtype):
        """(the stack of a batch, with its ones; its input; its state)."""
        stack = np.ones((self.deep, n), dtype)
        return stack, stack[self.width : -1], stack[: self.width]

    def enter(self, seen, kept):
        """Multiply the inputs of many steps, if these are not multiplied with the state, into what is kept of them."""

    def parts(self, kept):
        """Of what is kept, by step: where products go, and the arrays of `cut`."""
        return kept[:, : self.count], *self.layout.cut(kept)

    def multiply(self, stack, products):
        np.matmul(self.matrix, stack, out=products.reshape(-1, products.shape[-1]))

    def load_back(self, w_hh):
        """Take the state's weights for the way back."""
        self.returning = copied(_ordered(w_hh, self.layout.state).T)

    def start_back(self, n, out):
        """For steps of n rows: what slopes are for the state before the step will go to `out`."""
        self.out, self.slope = out, np.empty((self.returning.shape[1], n), out.dtype)

    def slopes(self, made):
        """Of each step, what `multiply_back` takes, and the arrays its slopes go to.

        `made` (steps, batch, blocks · width) is where they are to be in the end.
        """
        blocks = self.slope.reshape(1, self.count, self.width, -1)
        return made, *(itertools.repeat(a[0]) for a in self.layout.cut_slopes(blocks))

    def multiply_back(self, made):
        """Fill `out`."""
        made[...] = self.slope.T
        np.matmul(self.returning, self.slope, out=self.out)

    def put_together(self, made):
        """All slopes of these steps are there."""


class _Rows(_Lying):
    """The same for arrays of a step that are (batch, features)."""

    linked = True

    def load(self, *weights):
        made = at_line((self.count, self.deep, self.width), weights[0].dtype)
        made[...] = 0
        _stack(made.swapaxes(1, 2), self.layout, *weights)
        self.entry, self.onward = made[:, self.width :], made[self.layout.stated, : self.width]

    def own(self, state):
        return np.array(state, order="C")

    def start(self, a, n):
        return a[:n]

    def steps(self, a):
        return a

    def kept(self, flat, steps, n):
        return flat.reshape(steps, self.layout.kept, n, self.width)

    def enter(self, seen, kept):
        steps, _, n, _ = kept.shape
        np.matmul(seen.reshape(steps, 1, n, -1)[..., self.width :], self.entry, out=kept[:, : self.count])

    def parts(self, kept):
        return kept[:, self.layout.stated], *self.layout.cut(kept)

    def load_back(self, w_hh):
        blocks = _ordered(w_hh, self.layout.state).reshape(self.count, self.width, self.width)
        self.returning = at_line(blocks[self.layout.stated].shape, w_hh.dtype)
        self.returning[...] = blocks[self.layout.stated]

    def start_back(self, n, out):
        """What is multiplied back is the sum of the products of the blocks that have weights."""
        self.made = at_line((_together(n), self.count, n, self.width), out.dtype)
        many = len(self.returning)
        self.out, self.products = out, at_line((many, *out.shape), out.dtype) if many > 1 else out[None]
        self.sums = [(out if k > 1 else self.products[0], self.products[k]) for k in range(1, many)]

    def slopes(self, made):
        own = self.made[: len(made)]
        return own[:, self.layout.stated], *self.layout.cut_slopes(own)

    def multiply_back(self, slopes):
        np.matmul(slopes, self.returning, out=self.products)
        for a, b in self.sums:
            np.add(a, b, out=self.out)

    def put_together(self, made):
        made.reshape(*made.shape[:2], self.count, self.width)[...] = self.made[: len(made)].swapaxes(1, 2)


def _lying(layout, width, inputs, n):
    """How arrays lie for weights of so many rows for each gate and a batch of n."""
    count = len(layout.input)
    small = n * width * max(inputs + width + 1, count) <= UNPACKED
    return (_Rows if UNPACKED > PIECE and small else _FeaturesFirst)(layout, width, inputs)


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


def _together(n):
    """How many steps of n rows are taken together."""
    return max(_FEW // n, 1)


def _by_step(a, group, back):
    """The group's rows of `a`, (steps, rows, features), in the order they are taken."""
    rows, steps, n = group
    return _in_turn(a[rows].reshape(steps, n, a.shape[1]), back)


def _kept(lying, flat, group):
    """The group's share of what is kept."""
    rows, steps, n = group
    height = lying.layout.kept * lying.width
    return lying.kept(flat[rows.start * height : rows.stop * height], steps, n)


def _in_turn(a, back):
    """An array by step, in the order the steps are taken."""
    return a[::-1] if back else a


def run(mode, x, states, w_ih, w_hh, biases, sizes, back, keep):
    """(outputs, the states after each sequence's last step, what was kept: blocks by step, [state, input, 1] by row)."""
    lying = _lying(LAYOUTS[mode], w_hh.shape[1], x.shape[1], sizes[0])
    lying.load(w_ih, w_hh, biases)
    output, states = np.empty((len(x), lying.width), x.dtype), [lying.own(s) for s in states]
    if keep or lying.linked:
        flat = _walk_keeping(lying, x, states, output, sizes, back, keep)
    else:
        flat = _walk_lightly(lying, x, states, output, sizes, back)
    return output, [lying.own(s) for s in states], flat


def _walk_lightly(lying, x, states, output, sizes, back):
    """With memory for one step."""
    flat = np.empty(sizes[0] * lying.layout.kept * lying.width, x.dtype)
    for group in _groups(sizes, back):
        state, *cells = (lying.start(s, group[2]) for s in states)
        kept = lying.kept(flat[: flat.size // sizes[0] * group[2]], 1, group[2])
        parts = [itertools.repeat(a[0]) for a in lying.parts(kept)]
        links = [itertools.repeat(c) for c in cells for _ in range(2)]
        _walk(lying, parts, _by_step(x, group, back), state, links, _by_step(output, group, back))
    return flat


def _walk_keeping(lying, x, states, output, sizes, back, keep):
    """With memory for all steps, or else for a few at a time; in one array, which is returned."""
    few = len(x) if keep and not lying.linked else _together(sizes[0])
    room = len(x) if keep else min(len(x), few * sizes[0])
    flat = at_line(room * (lying.layout.kept * lying.width + lying.pitch), x.dtype)
    rest, seen = lying.apportion(flat, room)
    seen[:, -1] = 1
    for group in _groups(sizes, back):
        state, *cells = (lying.start(s, group[2]) for s in states)
        for rows, steps in _some(group, few, back):
            place = (rows if keep else slice(0, rows.stop - rows.start), steps, group[2])
            seen[place[0], lying.width : -1] = x[rows]
            kept = _kept(lying, rest, place)
            lying.enter(seen[place[0]], kept)
            kept = _in_turn(kept, back)
            links = [places for c in cells for places in _linked(c, kept[:, lying.layout.cell])]
            made = _by_step(output, (rows, *place[1:]), back)
            walk = _linked_walk if lying.linked else _kept_walk
            walk(lying, lying.parts(kept), _by_step(seen, place, back), state, links, made)
    return flat


def _linked(state, places):
    """(a state before each step, the same after it); kept in `places`, of each step, but for the last one."""
    places[0] = state
    return places, [*places[1:], state]


def _linked_walk(lying, parts, seen, state, links, made):
    """The steps of a group, where the state after each is written into [state, input, 1] of the next."""
    states, weights, step = seen[:, :, : lying.width], lying.onward, lying.layout.step
    products = at_line(parts[0].shape[1:], seen.dtype)
    for h, gates, *arrays in zip(states, *parts, *_linked(state, states), *links, strict=True):
        gates += np.matmul(h, weights, out=products)
        step(*arrays)
    made[:-1], made[-1] = states[1:], state


def _kept_walk(lying, parts, seen, state, links, made):
    """The steps of a group, of which the states are kept as well."""
    states = lying.steps(seen[:, :, : lying.width])
    states[0] = state
    _walk(lying, parts, seen[:, :, lying.width : -1], state, links, made)
    states[1:] = lying.steps(made)[:-1]


def _walk(lying, parts, x, state, links, made):
    """The steps of a group with one stack, which the input of each step is copied into."""
    stack, entry, h = lying.stack(made.shape[1], made.dtype)
    h[...] = state
    given = *(lying.steps(a) for a in (x, made)), *parts, *itertools.repeat(itertools.repeat(h), 2), *links
    for x_now, output, products, *arrays in zip(*given, strict=False):  # the first ends it
        entry[...] = x_now
        lying.multiply(stack, products)
        lying.layout.step(*arrays)
        output[...] = h
    state[...] = h


def run_back(mode, g, w_ih, w_hh, biases, sizes, back, flat, needs):
    """Gradients of x, the states, w_ih, w_hh and the biases, given those of the outputs and of the last states."""
    layout, inputs, width, count = LAYOUTS[mode], w_ih.shape[1], w_hh.shape[1], sum(sizes)
    lying = _lying(layout, width, inputs, sizes[0])
    rest, seen = lying.apportion(flat, count)
    g, *last = g
    states = [lying.own(np.zeros((sizes[0], width), flat.dtype) if s is None else s) for s in last]
    lying.load_back(w_hh)
    slopes, weighted = at_line((count, lying.count * width), flat.dtype), any(needs[1 + len(states) :])
    sums = (_SumsBeside if weighted and _helped(lying, sizes) else _Sums)(slopes, seen)
    for group in _groups(sizes, back)[::-1]:
        factors = _factors(layout, _in_turn(_kept(lying, rest, group), not back))
        given = itertools.repeat(None) if g is None else iter(lying.steps(_by_step(g, group, not back)))
        now = [lying.start(s, group[2]) for s in states]
        _walk_back(lying, now, given, factors, sums.parts(group, not back), group[2])
    gx = slopes @ _ordered(w_ih, layout.input) if needs[0] else None
    found = _unstacked(layout, sums.total(), width) if weighted else [None] * 4
    return [gx, *(lying.own(s) for s in states), *found[: 4 if biases else 2]]


class _Sums:
    """The gradient of the stacked weights, from the slopes of all steps (rows, blocks · width)."""

    def __init__(self, slopes, seen):
        self.slopes, self.seen = slopes, seen

    def parts(self, group, back):
        """Where the slopes of some steps go, (steps, n, blocks · width), in the order in which they are taken."""
        for rows, steps in _some(group, _together(group[2]), back):
            yield _by_step(self.slopes, (rows, steps, group[2]), back)

    def total(self):
        return self.slopes.T @ self.seen


class _SumsBeside(_Sums):
    """The same of one group, made by a helper beside a long walk which leaves it a core."""

    def parts(self, group, back):
        """The caller and the helper share the last steps, whose slopes are there when the walk has ended.

        Without a helper the caller does the same.
        """
        tiles, deep = self.slopes.shape[1] // _TILE, self.seen.shape[1]
        some = list(_some(group, min(UNPACKED // (_TILE * group[2] * deep), _together(group[2])), back))
        self.found = np.empty((len(some), tiles, _TILE, deep), self.seen.dtype)
        with _parallel.team.beside(_multiply) as job:
            do = job.give if job else _multiply
            for i, (rows, steps) in enumerate(some, 1):
                yield _by_step(self.slopes, (rows, steps, group[2]), back)
                by_tile = self.slopes[rows].reshape(-1, tiles, _TILE).transpose(1, 2, 0)
                for part in _parallel.slices(tiles, tiles if i < len(some) else -(-tiles // 2)):
                    do((by_tile[part], self.seen[rows], self.found[i - 1, part]))

    def total(self):
        return np.add.reduce(self.found).reshape(self.slopes.shape[1], -1)


def _multiply(operands):
    """A piece of work for a helper."""
    a, b, out = operands
    np.matmul(a, b, out=out)


def _helped(lying, sizes):
    """Whether the weights' gradient is made by a helper beside the walk.

    Sums are then added in another order. So that is never up to how long things take: results are always the same bits.
    """
    height, n = lying.count * lying.width, sizes[0]
    fits = n == sizes[-1] and height % _TILE == 0 and _TILE * n * lying.deep <= UNPACKED
    return lying.linked and fits and len(sizes) * n * lying.deep * height >= _BESIDE and _parallel.team.size > 1


def _factors(layout, kept):
    """Step by step, made for a few steps at a time just before they are used: in the cache. Large ones on all cores."""
    size, blocks = kept[0].size, kept.swapaxes(0, 1)
    if size > _LARGE:
        out = np.empty(blocks.shape, kept.dtype)
        _parallel.run(lambda p: layout.factors(blocks[:, p], out[:, p]), len(kept), max(_PIECE // size, 1), size)
        yield from zip(*layout.cut_factors(out.swapaxes(0, 1)), strict=True)
        return
    few = max(_NEAR // size, 1)
    out = at_line((len(blocks), few, *kept.shape[2:]), kept.dtype)
    for start in range(0, len(kept), few):
        part = blocks[:, start : start + few]
        made = out[:, : part.shape[1]]
        layout.factors(part, made)
        yield from zip(*layout.cut_factors(made.swapaxes(0, 1)), strict=True)


def _walk_back(lying, states, g, factors, parts, n):
    """The steps of a group, from the last to the first."""
    dh, step_back, carries = states[0], lying.layout.step_back, lying.layout.carries
    through = np.empty_like(dh) if carries else dh
    lying.start_back(n, through)
    for part in parts:
        made, *arrays = lying.slopes(part)
        for at, given, factor, *slope in zip(made, g, factors, *arrays):  # noqa: B905  (the first ends it)
            if given is not None:
                dh += given
            step_back(*slope, *factor, *states)
            lying.multiply_back(at)
            if carries:
                dh += through
        lying.put_together(part)
