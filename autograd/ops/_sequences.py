"""Recurrent layers' kernels: a whole sequence in one loop over its steps, and the way back.

A step's input, the state before it and ones are stacked, so that one product adds both shares of the gates and the biases.
Each gate is one run of memory. Inside, arrays lie in one of two ways:

- features first, (features, batch), so that BLAS divides the product of a step between the cores (512 x 128 by 128 x 16
  takes 13 us, and 23 us with the batch first);
- rows, (batch, features), as they come, where BLAS multiplies matrices as small as a gate's as they lie: then nothing is
  turned on the way in and out, and all stays in one core's cache.

Sequences are packed, (Σ sizes, features): `sizes[t]` rows for step t, never growing. A `Layout` says what a step does.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import _parallel
from ._pieces import within
from ._windows import PIECE, UNPACKED

_NEAR = 1 << 17  # elements of the factors of a few steps: all that is used of those steps stays in the cache
_FEW = 400  # rows of which the weights' gradient is made at a time, where it stays in the cache itself
_LARGE = 1 << 17  # elements of one step's factors that do not stay there
_HALF = np.array(0.5, np.float32)  # of a number NumPy would make one at each call, for as long as 2,000 products take
_PIECE = 1 << 18  # elements of a share of large factors: smaller ones, and the threads wait for each other too often


class Layout(NamedTuple):
    """How the weights are stacked, and what a step does with blocks of arrays, or states, which lie in either way.

    input, state: for each block of stacked rows, the block of the input's and of the state's weights that it holds.
    halved: the blocks whose products are inside a sigmoid. On the way there their weights are halved, for
        sigmoid(x) = (1 + tanh(x / 2)) / 2, and NumPy's tanh takes half as long as its exp alone.
    kept: how many blocks are kept of a step. The first are the stacked rows' products.
    step(kept, *states): from each state, into the array that follows it (it may be the same one), the next step's; and
        brings the products to what is kept.
    cell: which block of what is kept is the second state before the step.
    factors(kept, out): of any number of steps at once, along the second axis, from what was kept, what gradients of states
        are multiplied by.
    step_back(slopes, factors, *gradients): fills the slopes of the products, and brings the gradients of the states,
        in place, to the step before, but for what goes through the products.
    carries: whether the output of a step holds some of the one before other than through the products.
    """

    input: tuple
    state: tuple
    halved: slice
    kept: int
    step: Callable
    factors: Callable
    step_back: Callable
    cell: int | None = None
    carries: bool = False


def suits(arrays):
    """Whether the kernels take these: ndarrays of one dtype, float32 or float64."""
    kind = getattr(arrays[0], "dtype", None)
    return kind in (np.float32, np.float64) and all(type(a) is np.ndarray and a.dtype == kind for a in arrays)


# ---------------------------------------------------------------------------------------------- the layers' steps


def _sigmoid(t):
    """From t = tanh(x / 2) to 1 / (1 + e^-x), in place."""
    t *= _HALF
    t += _HALF


def _bump(s, factor, out):
    """factor s (1 - s): with the slope of a sigmoid."""
    np.subtract(1, s, out=out)
    out *= s
    out *= factor


def _fall(t, factor, out):
    """factor (1 - t²): with the slope of a tanh."""
    np.multiply(t, t, out=out)
    np.subtract(1, out, out=out)
    out *= factor


def _lstm_step(kept, h, next_h, c, next_c):
    """c' = f c + i g, h' = o tanh c'; kept: g, i, f, o, c, tanh c'."""
    g, i, f, o, _, bent = kept
    gates = kept[:4]
    np.tanh(gates, out=gates)
    _sigmoid(gates[1:])
    np.multiply(f, c, out=next_c)
    next_c += np.multiply(i, g, out=bent)
    np.tanh(next_c, out=bent)
    np.multiply(o, bent, out=next_h)


def _lstm_factors(kept, out):
    """Of c for g, i and f, of h for o and for c, and of c for itself; blocks that are treated alike in one call."""
    _fall(kept[::5], kept[1:4:2], out[:5:4])  # i (1 - g²) and o (1 - tanh² c)
    sigmoids, bumps = kept[1:4], out[1:4]
    np.subtract(1, sigmoids, out=bumps)
    bumps *= sigmoids
    bumps[0] *= kept[0]  # g i (1 - i)
    bumps[1:] *= kept[4:]  # c f (1 - f) and tanh c o (1 - o)
    out[5] = kept[2]


def _lstm_step_back(slopes, factors, dh, dc):
    np.multiply(dh, factors[3], out=slopes[3])
    dh *= factors[4]
    dc += dh
    np.multiply(factors[:3], dc, out=slopes[:3])
    dc *= factors[5]


def _gru_step(kept, h, next_h):
    """n = tanh(x_n + r p) with p = (W h + b)_n, h' = n + z (h - n); kept: r, z, n, p, h - n."""
    r, z, n, p, gap = kept
    np.tanh(kept[:2], out=kept[:2])
    _sigmoid(kept[:2])
    n += np.multiply(r, p, out=gap)
    np.tanh(n, out=n)
    np.subtract(h, n, out=gap)
    np.multiply(z, gap, out=next_h)
    next_h += n


def _gru_factors(kept, out):
    """Of h for r, z, n, p and itself."""
    r, z, n, p, gap = kept
    for_r, for_z, for_n, for_p, keep = out
    np.subtract(1, z, out=keep)
    _fall(n, keep, for_n)
    _bump(z, gap, for_z)
    _bump(r, p, for_r)
    for_r *= for_n
    np.multiply(for_n, r, out=for_p)
    keep[...] = z


def _gru_step_back(slopes, factors, dh):
    np.multiply(factors[:4], dh, out=slopes)
    dh *= factors[4]


def _tanh_step(kept, h, next_h):
    np.tanh(kept, out=kept)
    next_h[...] = kept[0]


def _tanh_factors(kept, out):
    _fall(kept, 1, out)


def _relu_step(kept, h, next_h):
    within(kept, 0, out=kept)
    next_h[...] = kept[0]


def _relu_factors(kept, out):
    np.not_equal(kept, 0, out=out)


def _rnn_step_back(slopes, factors, dh):
    np.multiply(factors, dh, out=slopes)


LAYOUTS = {
    "LSTM": Layout((2, 0, 1, 3), (2, 0, 1, 3), slice(1, 4), 6, _lstm_step, _lstm_factors, _lstm_step_back, cell=4),
    "GRU": Layout((0, 1, 2, None), (0, 1, None, 2), slice(2), 5, _gru_step, _gru_factors, _gru_step_back, carries=True),
    "RNN_TANH": Layout((0,), (0,), slice(0), 1, _tanh_step, _tanh_factors, _rnn_step_back),
    "RNN_RELU": Layout((0,), (0,), slice(0), 1, _relu_step, _relu_factors, _rnn_step_back),
}

# ---------------------------------------------------------------------------------------------- weights


def _stacked(layout, w_ih, w_hh, biases):
    """One matrix for [input, state, 1], in blocks of rows."""
    width, inputs = w_hh.shape[1], w_ih.shape[1]
    made = np.zeros((len(layout.input), width, inputs + width + 1), w_ih.dtype)
    parts = ((slice(inputs), layout.input, w_ih), (slice(inputs, -1), layout.state, w_hh))
    for (columns, order, w), b in zip(parts, biases or (None, None), strict=True):
        for rows, k in zip(made, order, strict=True):
            if k is not None:
                rows[:, columns] = w[k * width : (k + 1) * width]
                if b is not None:
                    rows[:, -1] += b[k * width : (k + 1) * width]
    return made


def _unstacked(layout, slopes, width):
    """The gradients of w_ih, w_hh, b_ih and b_hh from that of the stacked matrix."""
    found = []
    for columns, order in ((slice(-width - 1), layout.input), (slice(-width - 1, -1), layout.state)):
        blocks = slopes.reshape(len(order), width, -1)[[order.index(k) for k in range(len(order) - order.count(None))]]
        rows = blocks.reshape(-1, blocks.shape[2])
        found.append((np.array(rows[:, columns], order="C"), np.array(rows[:, -1])))
    return [w for w, _ in found] + [b for _, b in found]


# ---------------------------------------------------------------------------------------------- how arrays lie


class _FeaturesFirst:
    """Arrays of a step are (features, batch). Made for stacked weights (blocks, width, deep)."""

    linked = False  # whether rows of [input, state, 1] can be multiplied where they are

    def __init__(self, blocks, inputs):
        self.count, self.width, self.deep = blocks.shape
        self.inputs, self.matrix = inputs, blocks.reshape(-1, self.deep)

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
        self.returning, self.out = np.array(self.matrix[:, self.inputs : -1].T, order="C"), out
        self.slope = np.empty((len(self.matrix), n), self.matrix.dtype)

    def slopes(self, made):
        """Where slopes of each step go, by block; `made` (steps, batch, blocks · width) is where they are kept."""
        return itertools.repeat(self.slope.reshape(self.count, self.width, -1), len(made))

    def multiply_back(self, made):
        """Fill `out`."""
        made[...] = self.slope.T
        np.matmul(self.returning, self.slope, out=self.out)


class _Rows:
    """The same for arrays of a step that are (batch, features)."""

    linked = True

    def __init__(self, blocks, inputs):
        self.count, self.width, self.deep = blocks.shape
        self.inputs, self.blocks = inputs, blocks

    @functools.cached_property
    def turned(self):
        return np.ascontiguousarray(self.blocks.swapaxes(1, 2))

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
        np.matmul(stack, self.turned, out=kept[: self.count])

    def start_back(self, n, out):
        """The product is made in as many parts as let each be small."""
        most = UNPACKED // (n * self.count * self.width)
        parts = next(p for p in range(1, self.width + 1) if self.width % p == 0 and self.width // p <= most)
        states = self.blocks[:, :, self.inputs : -1].reshape(-1, parts, self.width // parts)
        self.returning, self.out = np.ascontiguousarray(states.swapaxes(0, 1)), out.reshape(n, parts, -1).swapaxes(0, 1)

    def slopes(self, made):
        return made.reshape(*made.shape[:2], self.count, self.width).swapaxes(1, 2)

    def multiply_back(self, made):
        np.matmul(made, self.returning, out=self.out)


def _lying(blocks, inputs, n):
    """How arrays lie for these weights and a batch of n."""
    count, width, deep = blocks.shape
    small = n * width * max(deep, count) <= UNPACKED
    return (_Rows if UNPACKED > PIECE and small else _FeaturesFirst)(blocks, inputs)


# ---------------------------------------------------------------------------------------------- the walk


def _groups(sizes, back):
    """Runs of steps with equally many rows, in the order they are taken: (rows, how many steps, rows of each)."""
    groups, start = [], 0
    for n, same in itertools.groupby(sizes):
        steps = len(list(same))
        groups.append((slice(start, start + steps * n), steps, n))
        start += steps * n
    return groups[::-1] if back else groups


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
    """(outputs, the states after each sequence's last step, what was kept: [input, state, 1] by row, blocks by step)."""
    layout, inputs, width = LAYOUTS[mode], x.shape[1], w_hh.shape[1]
    blocks = _stacked(layout, w_ih, w_hh, biases)
    blocks[layout.halved] *= 0.5
    lying, deep, height = _lying(blocks, inputs, sizes[0]), blocks.shape[2], layout.kept * width
    flat = np.empty(len(x) * (deep + height) if keep else sizes[0] * height, x.dtype)
    seen, rest = x, flat
    if keep:
        seen, rest = flat[: len(x) * deep].reshape(-1, deep), flat[len(x) * deep :]
        seen[:, :inputs], seen[:, -1] = x, 1
    output, states = np.empty((len(x), width), x.dtype), [lying.own(s) for s in states]
    for group in _groups(sizes, back):
        steps, n = group[1:]
        state, *cells = (lying.start(s, n) for s in states)
        if keep:
            kept: Any = _kept(lying, rest, group, layout.kept, back)
            links = [_linked(c, kept[:, layout.cell]) for c in cells]
        else:
            kept = itertools.repeat(lying.kept(rest[: height * n], 1, layout.kept, n)[0], steps)
            links = [(itertools.repeat(c), itertools.repeat(c)) for c in cells]
        walk = _linked_walk if keep and lying.linked else _walk
        walk(layout, lying, kept, _by_step(seen, group, back), state, links, _by_step(output, group, back))
    return output, [lying.own(s) for s in states], flat


def _linked(state, places):
    """(a state before each step, the same after it); kept in `places`, of each step, but for the last one."""
    places[0] = state
    return places, [*places[1:], state]


def _linked_walk(layout, lying, parts, seen, state, cells, made):
    """The steps of a group, where the state after each is written into [input, state, 1] of the next."""
    states = seen[:, :, lying.inputs : -1]
    links = itertools.chain(_linked(state, states), *cells)
    for stack, part, *pairs in zip(seen, parts, *links, strict=False):
        lying.multiply(stack, part)
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
    blocks = _stacked(layout, w_ih, w_hh, biases)
    lying, weights, deep = _lying(blocks, inputs, sizes[0]), blocks.reshape(-1, blocks.shape[2]), blocks.shape[2]
    seen, rest = flat[: count * deep].reshape(count, deep), flat[count * deep :]
    g, *last = g
    states = [lying.own(np.zeros((sizes[0], width), flat.dtype) if s is None else s) for s in last]
    groups = _groups(sizes, back)[::-1]
    sums = _Sums(seen, weights, groups, inputs if needs[0] else None, any(needs[1 + len(states) :]))
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

    Of some at a time, so that these stay in the cache, if the weights' gradient does too while it is added to.
    """

    def __init__(self, seen, weights, groups, inputs, weighted):
        self.seen, self.weights, self.weighted, self.total = seen, weights, weighted, None
        self.gx = None if inputs is None else np.empty((len(seen), inputs), seen.dtype)
        self.few = max(_FEW // groups[0][2], 1) if len(groups) == 1 and seen.shape[1] * len(weights) <= _NEAR else None
        rows = min(self.few * groups[0][2], len(seen)) if self.few else len(seen)
        self.slopes = np.empty((rows, len(weights)), seen.dtype)

    def parts(self, group, back):
        """Where the slopes of some steps go, (steps, n, blocks · width), in the order in which they are taken."""
        if not self.few:
            yield _by_step(self.slopes, group, back)
            return
        whole, steps, n = group
        for start in range(0, steps, self.few):
            end = min(start + self.few, steps)
            rows = slice(whole.stop - end * n, whole.stop - start * n) if back else slice(start * n, end * n)
            part = slice(0, (end - start) * n)
            yield _by_step(self.slopes, (part, end - start, n), back)
            self._add(self.slopes[part], rows)

    def _add(self, slopes, rows):
        if self.weighted:
            found = slopes.T @ self.seen[rows]
            self.total = found if self.total is None else np.add(self.total, found, out=self.total)
        if self.gx is not None:
            np.matmul(slopes, self.weights[:, : self.gx.shape[1]], out=self.gx[rows])

    def found(self):
        """(that of the inputs, that of the weights), or None."""
        if not self.few:
            self._add(self.slopes, slice(None))
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
    out = np.empty_like(kept[:few], order="C")
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
