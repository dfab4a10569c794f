"""One step of an LSTM after its products: the gates and the new state, in one node."""

from __future__ import annotations

import numpy as np

from .._op import op
from .._samples import call, cases

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
    i, f, n, o = _quarters(gates)
    slopes = np.zeros_like(gates) if g[2] is None else np.array(g[2])
    total = np.zeros_like(cell) if g[1] is None else g[1]
    if g[0] is not None:
        bent = np.tanh(cell)
        outer = g[0] * bent
        slopes[:, 3 * width :] += outer
        bent *= bent
        total = total + g[0] * o * (1 - bent)
    if needs[0]:
        _add_slopes(slopes, total, (n, c, i), width)
        steep = 1 - gates
        steep *= gates
        steep[:, 2 * width : 3 * width] = 1 - n * n
        slopes *= steep
    return slopes if needs[0] else None, total * f if needs[1] else None


def _add_slopes(slopes, total, factors, width):
    for k, factor in enumerate(factors):
        slopes[:, k * width : (k + 1) * width] += total * factor


from .pointwise import tanh  # noqa: E402
from .shape import cat  # noqa: E402
