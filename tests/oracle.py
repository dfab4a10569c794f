"""A second engine, as plain as can be: expressions as trees of numbers, differentiated by recursion.

It knows no memory, views, versions or saved values: a tensor is a list of cells, each cell an expression over the inputs.
Whatever the real engine does with shared memory, detaching and modes must come out as the cells say.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Cell(NamedTuple):
    """A number, and its partial derivatives by earlier cells: ((cell, slope), ...), the slopes being cells themselves."""

    value: float
    parents: tuple = ()


def constant(value):
    return Cell(float(value))


ZERO, ONE = constant(0.0), constant(1.0)


def add(a, b):
    return Cell(a.value + b.value, ((a, ONE), (b, ONE)))


def mul(a, b):
    return Cell(a.value * b.value, ((a, b), (b, a)))


def tanh(a):
    y = math.tanh(a.value)
    return Cell(y, ((a, lambda me: add(ONE, mul(constant(-1.0), mul(me, me)))),))


def sin(a):
    return Cell(math.sin(a.value), ((a, lambda me: cos(a)),))


def cos(a):
    return Cell(math.cos(a.value), ((a, lambda me: mul(constant(-1.0), sin(a))),))


def detached(a):
    return constant(a.value)


def slope_of(slope, cell):
    return slope(cell) if callable(slope) else slope


def gradient(output, inputs):
    """The derivative of a cell by each of `inputs`, as cells that can be differentiated again."""
    order, seen = [], set()

    def visit(cell):
        if id(cell) in seen:
            return
        seen.add(id(cell))
        for parent, _ in cell.parents:
            visit(parent)
        order.append(cell)

    visit(output)
    grads = {id(output): ONE}
    for cell in reversed(order):
        g = grads.get(id(cell))
        if g is None:
            continue
        for parent, slope in cell.parents:
            part = mul(g, slope_of(slope, cell))
            held = grads.get(id(parent))
            grads[id(parent)] = part if held is None else add(held, part)
    return [grads.get(id(x), ZERO) for x in inputs]


__all__ = ["ONE", "ZERO", "Cell", "add", "constant", "cos", "detached", "gradient", "mul", "sin", "tanh"]
