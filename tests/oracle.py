"""A second engine, as plain as can be: expressions as trees of numbers, differentiated by recursion.

It knows no memory, views, versions or saved values: a tensor is a list of cells, each cell an expression over the inputs.
Whatever the real engine does with shared memory, detaching and modes must come out as the cells say. What the real engine
must refuse is told by steps: one for each recorded operation, with what it had to keep. A tensor is modelled as places in a
store of cells, so that views share theirs.
"""

from __future__ import annotations

import math

import numpy as np


class Cell:
    """A number, and its partial derivatives by earlier cells: ((cell, slope), ...), the slopes being cells themselves.

    `factor` is what hooks multiply the cell's gradient by, `after` what hooks of its node multiply on the way to the parents.
    """

    def __init__(self, value, parents=()):
        self.value, self.parents, self.factor, self.after = value, parents, 1.0, 1.0


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


def square(a):
    return mul(a, a)


def same(a, value=None):
    return Cell(a.value if value is None else value, ((a, ONE),))


def detached(a):
    return constant(a.value)


def weighted(cells, weights):
    """The sum of cells times numbers."""
    total = ZERO
    for cell, weight in zip(cells, weights, strict=True):
        total = add(total, mul(cell, constant(weight)))
    return total


def slope_of(slope, cell):
    return slope(cell) if callable(slope) else slope


def gradient(output, inputs, hooked=True):
    """The derivative of a cell by each of `inputs`, as cells that can be differentiated again.

    `hooked` says whether hooks of the inputs themselves have been at it already; those of the cells before them have.
    """
    order, seen = [], set()

    def visit(cell):
        if id(cell) in seen:
            return
        seen.add(id(cell))
        for parent, _ in cell.parents:
            visit(parent)
        order.append(cell)

    visit(output)
    arrived, grads = {}, {id(output): ONE}
    for cell in reversed(order):
        g = grads.get(id(cell))
        if g is None:
            continue
        arrived[id(cell)] = g
        if cell.factor != 1.0:
            g = grads[id(cell)] = mul(g, constant(cell.factor))
        if cell.after != 1.0:
            g = mul(g, constant(cell.after))
        for parent, slope in cell.parents:
            part = mul(g, slope_of(slope, cell))
            held = grads.get(id(parent))
            grads[id(parent)] = part if held is None else add(held, part)
    return [(grads if hooked else arrived).get(id(x), ZERO) for x in inputs]


class Memory:
    """Numbers in a store that tensors share: how often they were written, whether code outside holds them, and whether they

    were made under inference mode.
    """

    def __init__(self):
        self.written, self.outside, self.inferred = 0, False, False


class Step:
    """A recorded operation: the steps before it, and what it keeps for its gradient.

    Attributes:
        saved: ((memory, how often it had been written, whether it surely is that memory and no copy), ...).
        keeps: whether it must be freed; a pass that frees leaves it unusable.
    """

    def __init__(self, parents=(), saved=(), keeps=False):
        self.parents = [p for p in parents if p is not None]
        self.saved, self.keeps, self.freed = list(saved), keeps, False


def reached(root, target=None):
    """The steps a backward pass from `root` passes; towards a target only those that lead to it."""
    order, seen = [], set()

    def visit(step):
        if step is not None and id(step) not in seen:
            seen.add(id(step))
            order.append(step)
            for parent in step.parents:
                visit(parent)

    visit(root)
    if target is None:
        return order
    leading, grew = {id(target)}, True
    while grew:
        more = {id(s) for s in order if any(id(p) in leading for p in s.parents)} - leading
        leading |= more
        grew = bool(more)
    return [s for s in order if id(s) in leading]


def refusal(steps):
    """(what a pass over these steps must be refused for, what it may be refused for), as sets of words."""
    must, may = set(), set()
    for step in steps:
        if step.freed:
            must.add("second time")
        for memory, written, surely in step.saved:
            if memory.written > written:
                (must if surely else may).add("modified by an inplace operation")
    return must, may | must


def free(root, steps):
    """What a pass leaves behind that keeps nothing for another."""
    for step in steps:
        if step.keeps or (step is root and step.parents):  # a leaf keeps nothing that could be freed
            step.freed = True


class Store(list):
    """The cells of one piece of memory, those of its last recorded version, and the step that made that."""

    def __init__(self, cells, step=None, leaf=False):
        super().__init__(cells)
        self.version, self.step, self.leaf = list(self), step, leaf
        self.memory, self.turn = Memory(), 0

    def write(self, places, cells, recorded):
        """A recorded write makes all cells anew; one that nobody records changes numbers and leaves their history."""
        written = dict(zip(places.reshape(-1).tolist(), cells, strict=True))
        for i, old in enumerate(self):
            new = written.get(i)
            if new is None and recorded:
                self[i] = same(old)
            elif new is not None:
                self[i] = new if recorded else same(old, new.value)
        if recorded:
            self.version = list(self)


class Model:
    """A tensor of the engine, its places in a store, and how it came to be there.

    Attributes:
        source: what it is a view of; None for a tensor with memory of its own.
        tracked: False for a detached alias. cut: the store's turn when the view was made unrecorded, else None.
        positions: for a view, which elements of the source its own are.
    """

    def __init__(self, name, tensor, store, places, source=None, tracked=True, cut=None, positions=None):
        self.name, self.tensor, self.store, self.places = name, tensor, store, places
        self.source, self.tracked, self.cut = source, tracked, cut
        parent = source.step if source is not None and tracked and cut is None else None
        self.made = (store.turn, None if parent is None else Step([parent]))
        self._gates = None
        if positions is not None and self.recorded and source.recorded:
            cells = source.gates()
            self._gates = store.turn, [same(cells[k]) for k in np.asarray(positions).reshape(-1)]

    @property
    def recorded(self):
        return self.tracked and self.cut != self.store.turn

    @property
    def step(self):
        """The step of its newest history; a view whose base was written since looks it up in the base."""
        if not self.recorded:
            return None
        if self.source is None:
            return self.store.step
        if self.made[0] != self.store.turn:
            self.made = (self.store.turn, None if self.store.step is None else Step([self.store.step]))
        return self.made[1]

    def gates(self):
        """The cells of the newest history that all gradients of this tensor pass: a view's own lie before its base's."""
        if self.source is None:
            return [self.store.version[i] for i in self.places.reshape(-1)]
        if self._gates is None or self._gates[0] != self.store.turn:
            self._gates = self.store.turn, [same(self.store.version[i]) for i in self.places.reshape(-1)]
        return self._gates[1]

    def cells(self):
        found = [self.store[i] for i in self.places.reshape(-1)]
        if not self.recorded:
            return [detached(c) for c in found]
        if self.source is None:
            return found
        return [g if g.value == c.value else same(g, c.value) for g, c in zip(self.gates(), found, strict=True)]

    def values(self):
        return np.array([self.store[i].value for i in self.places.reshape(-1)]).reshape(self.places.shape)

    def spread(self, shape):
        """The cells, broadcast to a shape."""
        cells, order = self.cells(), np.arange(self.places.size).reshape(self.places.shape)
        return [cells[i] for i in np.broadcast_to(order, shape).reshape(-1)]

    def kept(self):
        """What a step that keeps this tensor's values has: nothing that could change, if a copy was made."""
        if self.store.memory.outside or isinstance(self.tensor._data, np.generic):
            return []
        return [(self.store.memory, self.store.memory.written, self.places.ndim > 0)]

    def writable(self):
        return 0 < self.places.size == len(set(self.places.reshape(-1).tolist()))


def shape_of_both(a, b):
    try:
        return np.broadcast_shapes(a.places.shape, b.places.shape)
    except ValueError:
        return None
