"""What a step of each recurrent layer does: from the products of its input and state with the weights to the next state.

And what its way back needs. `_sequences` walks the steps; a `Layout` tells it all it must know of a kind of layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._pieces import within

_HALF = np.array(0.5, np.float32)  # of a number NumPy would make one at each call, for as long as 2,000 products take


class Layout(NamedTuple):
    """How the weights are stacked, and what a step does with blocks of arrays, or states, which lie in either way.

    input, state: for each block of stacked rows, the block of the input's and of the state's weights that it holds.
    stated: the blocks that hold some of the state's.
    halved: the blocks whose products are inside a sigmoid. On the way there their weights are halved, for
        sigmoid(x) = (1 + tanh(x / 2)) / 2, and NumPy's tanh takes half as long as its exp alone.
    kept: how many blocks are kept of a step. The first are the stacked rows' products.
    cut(kept): of what is kept, by step, the arrays that `step` works on. Made for many steps at once, they cost little.
    step(*cut, *states): from each state, into the array that follows it (it may be the same one), the next step's; and
        brings the products to what is kept.
    cell: which block of what is kept is the second state before the step.
    factors(kept, out): of any number of steps at once, along the second axis, from what was kept, what gradients of states
        are multiplied by.
    cut_slopes(slopes), cut_factors(factors): of these, by step, the arrays that `step_back` works on.
    step_back(*slopes, *factors, *gradients): fills the slopes of the products, and brings the gradients of the states,
        in place, to the step before, but for what goes through the products.
    carries: whether the output of a step holds some of the one before other than through the products.
    """

    input: tuple
    state: tuple
    stated: slice
    halved: slice
    kept: int
    cut: Callable
    step: Callable
    factors: Callable
    cut_slopes: Callable
    cut_factors: Callable
    step_back: Callable
    cell: int | None = None
    carries: bool = False


def _whole(a):
    """The one block of an array by step."""
    return (a[:, 0],)


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


def _lstm_cut(kept):
    """All gates, the sigmoids among them, and each block but the cell."""
    return kept[:, :4], kept[:, 1:4], *(kept[:, k] for k in (0, 1, 2, 3, 5))


def _lstm_step(gates, sigmoids, g, i, f, o, bent, h, next_h, c, next_c):
    """c' = f c + i g, h' = o tanh c'; kept: g, i, f, o, c, tanh c'."""
    np.tanh(gates, out=gates)
    _sigmoid(sigmoids)
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


def _lstm_cut_slopes(slopes):
    return slopes[:, :3], slopes[:, 3]


def _lstm_cut_factors(factors):
    return factors[:, :3], *(factors[:, k] for k in (3, 4, 5))


def _lstm_step_back(of_c, of_h, for_c, for_h, through, keep, dh, dc):
    np.multiply(dh, for_h, out=of_h)
    dh *= through
    dc += dh
    np.multiply(for_c, dc, out=of_c)
    dc *= keep


def _gru_cut(kept):
    return kept[:, 1:3], *(kept[:, k] for k in range(5))


def _gru_step(sigmoids, n, r, z, p, gap, h, next_h):
    """n = tanh(x_n + r p) with p = (W h + b)_n, h' = n + z (h - n); kept: n, r, z, p, h - n."""
    np.tanh(sigmoids, out=sigmoids)
    _sigmoid(sigmoids)
    n += np.multiply(r, p, out=gap)
    np.tanh(n, out=n)
    np.subtract(h, n, out=gap)
    np.multiply(z, gap, out=next_h)
    next_h += n


def _gru_factors(kept, out):
    """Of h for n, r, z, p and itself."""
    n, r, z, p, gap = kept
    for_n, for_r, for_z, for_p, keep = out
    np.subtract(1, z, out=keep)
    _fall(n, keep, for_n)
    _bump(z, gap, for_z)
    _bump(r, p, for_r)
    for_r *= for_n
    np.multiply(for_n, r, out=for_p)
    keep[...] = z


def _gru_cut_slopes(slopes):
    return (slopes[:, :4],)


def _gru_cut_factors(factors):
    return factors[:, :4], factors[:, 4]


def _gru_step_back(slopes, factors, keep, dh):
    np.multiply(factors, dh, out=slopes)
    dh *= keep


def _tanh_step(kept, h, next_h):
    np.tanh(kept, out=kept)
    next_h[...] = kept


def _tanh_factors(kept, out):
    _fall(kept, 1, out)


def _relu_step(kept, h, next_h):
    within(kept, 0, out=kept)
    next_h[...] = kept


def _relu_factors(kept, out):
    np.not_equal(kept, 0, out=out)


def _rnn_step_back(slopes, factors, dh):
    np.multiply(factors, dh, out=slopes)


def _plain(step, factors):
    """The layout of one block without gates."""
    return Layout((0,), (0,), slice(1), slice(0), 1, _whole, step, factors, _whole, _whole, _rnn_step_back)


_LSTM = _lstm_cut, _lstm_step, _lstm_factors, _lstm_cut_slopes, _lstm_cut_factors, _lstm_step_back
_GRU = _gru_cut, _gru_step, _gru_factors, _gru_cut_slopes, _gru_cut_factors, _gru_step_back
LAYOUTS = {
    "LSTM": Layout((2, 0, 1, 3), (2, 0, 1, 3), slice(4), slice(1, 4), 6, *_LSTM, cell=4),
    "GRU": Layout((2, 0, 1, None), (None, 0, 1, 2), slice(1, 4), slice(1, 3), 5, *_GRU, carries=True),
    "RNN_TANH": _plain(_tanh_step, _tanh_factors),
    "RNN_RELU": _plain(_relu_step, _relu_factors),
}
