"""Recurrent layers: one step of an LSTM after its products, and whole sequences of LSTM, GRU and RNN in one node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._graph import backward, capture
from .._mode import enable_grad, fast, grad_mode, no_grad
from .._op import op
from .._samples import call, cases
from .._tensor import Tensor, history, wrap
from . import _sequences

_CELL_CASES = cases(lambda r: [call(r(3, 8), r(3, 2)), call(r(1, 4), r(1, 1))])


def _quarters(gates):
    width = gates.shape[1] // 4
    return gates[:, :width], gates[:, width : 2 * width], gates[:, 2 * width : 3 * width], gates[:, 3 * width :]


@op(batch="rows", name="_lstm_cell", symbol="lstm", method=False, namespace="_", quiet=True, outputs=("hidden", "cell", "gates"),
    sample=_CELL_CASES)  # fmt: skip
def lstm_cell(x, c):
    """(o tanh(c'), c' = f c + i g, (i, f, g, o)) with x = the four gates before their activations.

    Shape: x (N, 4 H), c (N, H) -> (N, H), (N, H), (N, 4 H)
    """
    width = c.shape[-1]
    gates = np.exp(-x)
    gates += 1
    gates = np.reciprocal(gates, out=gates)
    np.tanh(x[:, 2 * width : 3 * width], out=gates[:, 2 * width : 3 * width])
    i, f, g, o = _quarters(gates)
    cell = f * c
    cell += i * g
    hidden = np.tanh(cell)
    hidden *= o
    return hidden, cell, gates


def _towards_cell(g, gates, cell):
    """(gradient of c' from everything that reads it, tanh(c'), the four gates)."""
    i, f, n, o = _quarters(gates)
    bent = tanh(cell)
    total = 0.0 * cell if g[1] is None else g[1]
    if g[0] is not None:
        total = total + g[0] * o * (1 - bent * bent)
    return total, bent, (i, f, n, o)


@lstm_cell.grad("x")
def _(g, c, cell, gates):
    total, bent, (i, f, n, o) = _towards_cell(g, gates, cell)
    outer = 0.0 * cell if g[0] is None else g[0] * bent
    slopes = cat([total * n, total * c, total * i, outer], -1)
    if g[2] is not None:
        slopes = slopes + g[2]
    return slopes * cat([i * (1 - i), f * (1 - f), 1 - n * n, o * (1 - o)], -1)


@lstm_cell.grad("c")
def _(g, cell, gates):
    total, _, (_, f, _, _) = _towards_cell(g, gates, cell)
    return total * f


@lstm_cell.fast
def _(g, c, cell, gates, needs):
    width = c.shape[-1]
    _, f, _, o = _quarters(gates)
    slopes, total = np.empty_like(gates), g[1]
    if g[0] is None:
        slopes[:, 3 * width :] = 0
    else:
        bent = np.tanh(cell)
        np.multiply(g[0], bent, out=slopes[:, 3 * width :])
        bent *= bent
        np.subtract(1, bent, out=bent)
        bent *= o
        bent *= g[0]
        total = bent if total is None else bent + total
    if total is None:
        total = np.zeros_like(cell)
    return _gate_slopes(slopes, total, c, gates, g[2]) if needs[0] else None, total * f if needs[1] else None


def _gate_slopes(slopes, total, c, gates, extra):
    """The gradient of the gates before their activations; the output gate's part is in `slopes`."""
    width = c.shape[-1]
    i, _, n, _ = _quarters(gates)
    for k, factor in enumerate((n, c, i)):
        np.multiply(total, factor, out=slopes[:, k * width : (k + 1) * width])
    if extra is not None:
        slopes += extra
    steep = 1 - gates
    steep *= gates
    np.subtract(1, n * n, out=steep[:, 2 * width : 3 * width])
    slopes *= steep
    return slopes


@op(name="_linear_sum", symbol="Wx+Uh+b", method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 3), r(2, 2), r(4, 3), r(4, 2), r(4), r(4)), call(r(2, 1), r(2, 3), r(2, 1), r(2, 3))]))  # fmt: skip
def linear_sum(x, h, w_ih, w_hh, b_ih=None, b_hh=None):
    """x W_ihᵀ + h W_hhᵀ + b_ih + b_hh, for rows, in one node: what a cell does first."""
    y = x.dot(w_ih.T)
    y += h.dot(w_hh.T)
    if b_ih is not None:
        y += b_ih
    if b_hh is not None:
        y += b_hh
    return y


@linear_sum.grad("x")
def _(g, w_ih):
    return matmul(g, w_ih)


@linear_sum.grad("h")
def _(g, w_hh):
    return matmul(g, w_hh)


@linear_sum.grad("w_ih")
def _(g, x):
    return _joined(g, x)


@linear_sum.grad("w_hh")
def _(g, h):
    return _joined(g, h)


@linear_sum.grad("b_ih", "b_hh")
def _(g):
    return total(g, dim=0)


@linear_sum.fast
def _(g, x, h, w_ih, w_hh, needs):
    sums = column_sums(g) if needs[4] or needs[5] else None
    return (
        g.dot(w_ih) if needs[0] else None,
        g.dot(w_hh) if needs[1] else None,
        g.T.dot(x) if needs[2] else None,
        g.T.dot(h) if needs[3] else None,
        sums if needs[4] else None,
        sums if needs[5] else None,
    )


# ---------------------------------------------------------------------------------------------- composed


class Weights:
    """The tensors of one layer in one direction."""

    def __init__(self, ih: Any, hh: Any, b_ih: Any = None, b_hh: Any = None, hr: Any = None) -> None:
        self.ih, self.hh, self.b_ih, self.b_hh, self.hr = ih, hh, b_ih, b_hh, hr


def _rnn_step(x: Tensor, state: tuple, w: Weights, activation: Callable) -> tuple:
    return (activation(x + linear(state[0], w.hh, w.b_hh)),)


_ACTIVATIONS = {"RNN_RELU": Tensor.relu, "RNN_TANH": Tensor.tanh}


def _rnn_relu(x: Tensor, state: tuple, w: Weights) -> tuple:
    return _rnn_step(x, state, w, Tensor.relu)


def _rnn_tanh(x: Tensor, state: tuple, w: Weights) -> tuple:
    return _rnn_step(x, state, w, Tensor.tanh)


def _lstm_step(x: Tensor, state: tuple, w: Weights) -> tuple:
    """i, f, o = sigmoid(.), g = tanh(.), c' = f c + i g, h' = o tanh(c'), where x has been through its weights."""
    return _lstm_update(x + linear(state[0], w.hh, w.b_hh), state[1], w)


def _lstm_update(gates: Tensor, c: Tensor, w: Weights) -> tuple:
    if fast.enabled and gates.ndim == 2 and gates.dtype == c.dtype and gates.is_floating_point():
        h, c, _ = lstm_cell(gates, c)
        return (h if w.hr is None else linear(h, w.hr)), c
    i, f, g, o = gates.chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return (h if w.hr is None else linear(h, w.hr)), c


def _gru_step(x: Tensor, state: tuple, w: Weights) -> tuple:
    """r, z = sigmoid(.), n = tanh(x_n + r (W h + b)_n), h' = n + z (h - n), where x has been through its weights."""
    h = state[0]
    xr, xz, xn = x.chunk(3, -1)
    hr, hz, hn = linear(h, w.hh, w.b_hh).chunk(3, -1)
    z = (xz + hz).sigmoid()
    n = (xn + (xr + hr).sigmoid() * hn).tanh()
    return (n + z * (h - n),)


STEPS: dict[str, Callable] = {"LSTM": _lstm_step, "GRU": _gru_step, "RNN_TANH": _rnn_tanh, "RNN_RELU": _rnn_relu}


def cell(mode: str, x: Tensor, state: tuple, w: Weights) -> tuple:
    """One step of a batch: the new state."""
    if mode != "GRU" and fast.enabled and _joins(x, state[0], w):
        summed = linear_sum(x, state[0], w.ih, w.hh, w.b_ih, w.b_hh)
        return _lstm_update(summed, state[1], w) if mode == "LSTM" else (_ACTIVATIONS[mode](summed),)
    return STEPS[mode](linear(x, w.ih, w.b_ih), state, w)


def _joins(x: Tensor, h: Tensor, w: Weights) -> bool:
    """Whether both products of a step can be one operation: plain arrays of one dtype, too many for a picture."""
    try:
        kind = x._data.dtype
        same = kind is h._data.dtype is w.ih._data.dtype is w.hh._data.dtype
        return same and (w.b_ih is None or kind is w.b_ih._data.dtype) and h._data.size > capture.limit
    except AttributeError:  # under vmap
        return False


def _scan(step: Callable, xs: list[Tensor], state: tuple) -> tuple[list[Tensor], tuple]:
    """Run forwards over steps whose batches never grow; a sequence that ends leaves its state behind."""
    outputs, ended = [], []
    for x in xs:
        n = x.shape[0]
        if n < state[0].shape[0]:
            ended.append(tuple(s[n:] for s in state))
            state = tuple(s[:n] for s in state)
        state = step(x, state)
        outputs.append(state[0])
    if ended:
        parts = [state, *reversed(ended)]
        state = tuple(cat([p[i] for p in parts]) for i in range(len(state)))
    return outputs, state


def _scan_back(step: Callable, xs: list[Tensor], start: tuple) -> tuple[list[Tensor], tuple]:
    """Run backwards over steps whose batches never shrink that way; a sequence joins with its own start."""
    outputs: list[Tensor] = []
    state = tuple(s[: xs[-1].shape[0]] for s in start)
    for x in reversed(xs):
        have, n = state[0].shape[0], x.shape[0]
        if n > have:
            state = tuple(cat([a, s[have:n]]) for a, s in zip(state, start, strict=True))
        state = step(x, state)
        outputs.append(state[0])
    return outputs[::-1], state


def composed(mode: str, x: Tensor, state: tuple, w: Weights, sizes: list[int], back: bool) -> tuple:
    """One layer in one direction over packed rows (Σ sizes, *): (outputs, the last state)."""
    step = STEPS[mode]
    xs = list(linear(x, w.ih, w.b_ih).split(sizes))  # the inputs' share of the gates is one product for all steps
    outputs, end = (_scan_back if back else _scan)(lambda x, s: step(x, s, w), xs, state)
    return cat(outputs), end


# ---------------------------------------------------------------------------------------------- whole sequences


def _parted(mode, tensors):
    """(x, states, w_ih, w_hh, biases) of an operation's inputs."""
    count = 2 if mode == "LSTM" else 1
    w_ih, w_hh, *biases = tensors[1 + count :]
    return tensors[0], tensors[1 : 1 + count], w_ih, w_hh, biases


def _plainly(mode, sizes, back, *tensors):
    x, states, w_ih, w_hh, biases = _parted(mode, tensors)
    output, end = composed(mode, x, states, Weights(w_ih, w_hh, *biases), list(sizes), back)
    return output, *end


def _forward(mode, arrays, sizes, back, keep) -> Any:
    if not _sequences.suits(arrays):
        with no_grad():
            return *(t._data for t in _plainly(mode, sizes, back, *map(wrap, arrays))), np.empty(0, np.int32)
    x, begin, w_ih, w_hh, biases = _parted(mode, arrays)
    output, states, memory = _sequences.run(mode, x, begin, w_ih, w_hh, biases, sizes, back, keep)
    # As integers, so that nobody takes it for something with a gradient.
    return output, *states, memory.view(np.int32)


def _replayed(mode, sizes, back, tensors, g):
    """The gradients by recording the composed form: what the kernels' way back is compared with, at any order."""
    again = isinstance(next(x for x in g if x is not None), Tensor)
    with enable_grad():
        leaves = [view_as(t, t) if again else wrap(t).requires_grad_() for t in tensors]
        results = _plainly(mode, sizes, back, *leaves)
    seeds: dict = {}
    for result, slope in zip(results, g, strict=False):
        if slope is not None:
            node = history(result)
            seeds[node] = seeds[node] + slope if node in seeds else slope
    nodes = [history(t) for t in leaves]
    found = backward(seeds, keep=True, create=again, wanted=[n for n in nodes if n is not None])
    return tuple(found.get(n) for n in nodes)


def _backward(mode, tensors, sizes, back, kept, g, needs):
    if not _sequences.suits(tensors):
        return _replayed(mode, sizes, back, tensors, g)
    _, _, w_ih, w_hh, biases = _parted(mode, tensors)
    return _sequences.run_back(mode, g[:-1], w_ih, w_hh, biases, sizes, back, kept.view(tensors[0].dtype), needs)


def _sequence_cases(mode, gates):
    def make(r):
        def trial(sizes, back, biases):
            n, rows, count = sizes[0], sum(sizes), 2 if mode == "LSTM" else 1
            given = {} if mode == "LSTM" else {"mode": mode}
            vectors = [r(2 * gates), r(2 * gates)] if biases else []
            states = [r(n, 2) for _ in range(count)]
            return call(
                r(rows, 3), *states, r(2 * gates, 3), r(2 * gates, 2), *vectors, sizes=sizes, back=back, **given
            )

        return [trial((2, 2), False, True), trial((2, 1), False, False), trial((2, 1), True, True)]

    return cases(make)


# The rules run whole passes, which conjugate where they must.
_SEQUENCE = {"method": False, "namespace": "_", "quiet": True, "holomorphic": False}


@op(name="_lstm", outputs=("output", "hidden", "cell", "kept"), sample=_sequence_cases("LSTM", 4), **_SEQUENCE)
def _lstm(*tensors, sizes, back=False, keep=True):
    """An LSTM layer in one direction: x, h, c, w_ih, w_hh and perhaps two biases -> outputs, h, c, and what the gradient needs.

    Shape: x (Σ sizes, I) with sizes[t] rows for step t; states (sizes[0], H)
    """
    return _forward("LSTM", tensors, sizes, back, keep)


@_lstm.grad("tensors")
def _(g, tensors, sizes, back):
    return _replayed("LSTM", sizes, back, tensors, g)


@_lstm.fast
def _(g, tensors, kept, sizes, back, needs):
    return _backward("LSTM", tensors, sizes, back, kept, g, needs)


@op(name="_rnn", outputs=("output", "hidden", "kept"), sample=_sequence_cases("GRU", 3), **_SEQUENCE)
def _rnn(*tensors, mode, sizes, back=False, keep=True):
    """A layer of GRU, RNN_TANH or RNN_RELU in one direction: as `_lstm`, without c."""
    return _forward(mode, tensors, sizes, back, keep)


@_rnn.grad("tensors")
def _(g, tensors, mode, sizes, back):
    return _replayed(mode, sizes, back, tensors, g)


@_rnn.fast
def _(g, tensors, kept, mode, sizes, back, needs):
    return _backward(mode, tensors, sizes, back, kept, g, needs)


_DRAWN = 256  # outputs: a sequence so small, or one whose values are recorded, may be drawn, and then step by step


def sequence(mode: str, x: Tensor, state: tuple, w: Weights, sizes: list[int], back: bool) -> tuple:
    """`composed`, in one node where there are kernels for it."""
    tensors = (x, *state, w.ih, w.hh, *(() if w.b_ih is None else (w.b_ih, w.b_hh)))
    few = x.shape[0] * w.hh.shape[1] <= max(_DRAWN, capture.limit)
    if few or not fast.enabled or w.hr is not None or not _sequences.suits([t._data for t in tensors]):
        return composed(mode, x, state, w, sizes, back)
    keep = grad_mode() is not False and any(history(t) is not None for t in tensors)
    given = {} if mode == "LSTM" else {"mode": mode}
    output, *end, _ = (_lstm if mode == "LSTM" else _rnn)(*tensors, sizes=tuple(sizes), back=back, keep=keep, **given)
    return output, tuple(end)


from .distance import _joined, linear  # noqa: E402
from .join import cat  # noqa: E402
from .matmul import matmul  # noqa: E402
from .pointwise import tanh  # noqa: E402
from .reduce import column_sums  # noqa: E402
from .reduce import sum as total  # noqa: E402
from .shape import view_as  # noqa: E402
