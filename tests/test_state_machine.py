"""Random histories of a program, compared after each step with a recursive engine that knows no memory (`oracle`).

Rules mix recorded and unrecorded operations, views of views, writes through base, view and detached alias, gradients kept
and seen by hooks, first and second derivatives. A tensor is modelled as places in a store of cells, so that views share
theirs. The real engine may refuse a backward because a value it saved was written since; it may never be wrong.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import autograd as ag
from tests import oracle

UNARY = {"sin": (lambda t: t.sin(), oracle.sin), "tanh": (lambda t: t.tanh(), oracle.tanh)}
LOOKS = {
    "slice": lambda a, k: a[k:],
    "column": lambda a, k: a[..., k],
    "row": lambda a, k: a[k],
    "added axis": lambda a, k: a[None],
}
WRITES = ("mul_", "tanh_", "zero_", "add_", "copy_", "add_ itself")
picks = st.integers(0, 10**6)


class Store(list):
    """The cells of one piece of memory, and those of its last recorded version."""

    def __init__(self, cells, leaf=False):
        super().__init__(cells)
        self.version, self.leaf = list(self), leaf

    def read(self, places):
        return [self[i] for i in places.reshape(-1)]

    def write(self, places, cells, recorded):
        """A recorded write makes all cells anew; one that nobody records changes numbers and leaves their history."""
        written = dict(zip(places.reshape(-1).tolist(), cells, strict=True))
        for i, old in enumerate(self):
            new = written.get(i)
            if new is None and recorded:
                self[i] = same(old, old.value)
            elif new is not None:
                self[i] = new if recorded else same(old, new.value)
        if recorded:
            self.version = list(self)


def same(cell, value):
    return oracle.Cell(value, ((cell, oracle.ONE),))


class Model:
    """A tensor of the engine, and its places in a store."""

    def __init__(self, tensor, store, places, view=False, tracked=True):
        self.tensor, self.store, self.places, self.view = tensor, store, places, view
        self.tracked = tracked  # False for a detached alias: what is read through it has no history

    def cells(self):
        found = self.store.read(self.places)
        return found if self.tracked else [oracle.detached(c) for c in found]

    def values(self):
        return np.array([c.value for c in self.store.read(self.places)]).reshape(self.places.shape)

    def spread(self, shape):
        """The cells, broadcast to a shape."""
        cells, order = self.cells(), np.arange(self.places.size).reshape(self.places.shape)
        return [cells[i] for i in np.broadcast_to(order, shape).reshape(-1)]


def fresh(tensor, cells, leaf=False):
    store = Store(cells, leaf)
    return Model(tensor, store, np.arange(len(store)).reshape(tuple(tensor.shape)))


def shape_of_both(a, b):
    try:
        return np.broadcast_shapes(a.places.shape, b.places.shape)
    except ValueError:
        return None


class Machine(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 1000))
    def start(self, seed):
        rng = np.random.default_rng(seed)
        arrays = [rng.uniform(-1, 1, shape) for shape in ((2, 3), (3,), (2, 1))]
        self.leaves = [ag.tensor(a, requires_grad=True) for a in arrays]
        self.models = [
            fresh(t, map(oracle.constant, a.reshape(-1)), leaf=True) for t, a in zip(self.leaves, arrays, strict=True)
        ]
        self.inputs = [list(m.store) for m in self.models]
        self.hooked, self.retained = [], []

    def pick(self, i, test=lambda m: True):
        fit = [m for m in self.models if test(m)]
        return fit[-1 - i % len(fit)] if fit else None  # small numbers mean new tensors

    def keep(self, model):
        if np.abs(model.values()).max(initial=0) < 50:
            self.models.append(model)

    # ------------------------------------------------------------------ making tensors

    @rule(i=picks, name=st.sampled_from(sorted(UNARY)), recorded=st.booleans())
    def unary(self, i, name, recorded):
        m = self.pick(i)
        real, plain = UNARY[name]
        with ag.set_grad_enabled(recorded):
            t = real(m.tensor)
        self.keep(fresh(t, (plain(c) if recorded else oracle.detached(plain(c)) for c in m.cells())))

    @rule(i=picks, j=picks, product=st.booleans())
    def binary(self, i, j, product):
        a, b = self.pick(i), self.pick(j)
        shape = shape_of_both(a, b)
        if shape is None or np.prod(shape) > 24:
            return
        t = a.tensor * b.tensor if product else a.tensor + b.tensor
        combine = oracle.mul if product else oracle.add
        self.keep(fresh(t, map(combine, a.spread(shape), b.spread(shape))))

    @rule(i=picks)
    def total(self, i):
        m = self.pick(i, lambda m: m.places.ndim > 0)
        cells, order = m.cells(), np.arange(m.places.size).reshape(m.places.shape)
        sums = []
        for column in order.reshape(order.shape[0], -1).T:
            cell = oracle.ZERO
            for k in column:
                cell = oracle.add(cell, cells[k])
            sums.append(cell)
        self.keep(fresh(m.tensor.sum(0), sums))

    # ------------------------------------------------------------------ views

    @rule(i=picks, how=st.sampled_from(sorted(LOOKS)), k=picks)
    def look(self, i, how, k):
        m = self.pick(i, lambda m: 0 < m.places.ndim < 4 and m.places.size)
        k %= m.places.shape[-1 if how == "column" else 0]
        t, places = LOOKS[how](m.tensor, k), LOOKS[how](m.places, k)
        self.keep(Model(t, m.store, np.asarray(places), True, m.tracked))

    @rule(i=picks, flat=st.booleans())
    def turn(self, i, flat):
        m = self.pick(i)
        if flat and m.tensor.is_contiguous():
            self.keep(Model(m.tensor.view(-1), m.store, m.places.reshape(-1), True, m.tracked))
        elif m.places.ndim > 1:
            self.keep(Model(m.tensor.transpose(0, -1), m.store, m.places.swapaxes(0, -1), True, m.tracked))

    @rule(i=picks)
    def detach(self, i):
        m = self.pick(i)
        self.keep(Model(m.tensor.detach(), m.store, m.places, True, False))

    # ------------------------------------------------------------------ writing

    @rule(i=picks, j=picks, how=st.sampled_from(WRITES), recorded=st.booleans())
    def write(self, i, j, how, recorded):
        m = self.pick(i, lambda m: m.places.size and not (m.store.leaf and recorded and m.tracked))
        if m is None:
            return
        other = self.pick(j, lambda o: o.places.size and shape_of_both(o, m) == m.places.shape) or m
        if not m.tracked and how in ("add_", "copy_"):  # a detached alias would get a history of its own
            how = "mul_"
        cells, added = m.cells(), other.spread(m.places.shape)
        new, change = {
            "mul_": ([oracle.mul(c, oracle.constant(-0.7)) for c in cells], lambda: m.tensor.mul_(-0.7)),
            "tanh_": ([oracle.tanh(c) for c in cells], lambda: m.tensor.tanh_()),
            "zero_": ([oracle.constant(0.0) for _ in cells], lambda: m.tensor.zero_()),
            "add_": (list(map(oracle.add, cells, added)), lambda: m.tensor.add_(other.tensor)),
            "copy_": ([same(c, c.value) for c in added], lambda: m.tensor.copy_(other.tensor)),
            "add_ itself": (list(map(oracle.add, cells, cells)), lambda: m.tensor.add_(m.tensor)),
        }[how]
        if max(abs(c.value) for c in new) > 50:
            return
        if recorded and m.tracked and m.store.leaf:
            with pytest.raises(
                RuntimeError, match="leaf Variable that requires grad is being used in an in-place operation"
            ):
                change()
            return
        with ag.set_grad_enabled(recorded):
            change()
        m.store.write(m.places, new, recorded and m.tracked)

    # ------------------------------------------------------------------ looking at gradients

    @rule(i=picks, hook=st.booleans())
    def watch(self, i, hook):
        m = self.pick(i, lambda m: m.tracked and not m.view and m.tensor.grad_fn is not None)
        if m is None:
            return
        if hook:
            calls = []
            m.tensor.register_hook(lambda g: calls.append(g.tolist()))
            self.hooked.append((calls, m.store.version, m.places))
        else:
            m.tensor.retain_grad()
            self.retained.append(m)

    @rule(i=picks, twice=st.booleans(), weight=st.sampled_from([1.0, -2.0]))
    def differentiate(self, i, twice, weight):
        self.differentiate_one(i, twice, weight)

    def differentiate_one(self, i, twice, weight):
        m = self.pick(i)
        output = oracle.ZERO
        for k, c in enumerate(m.cells()):
            output = oracle.add(output, oracle.mul(c, oracle.constant(weight + k)))
        if not m.tensor.requires_grad:
            return
        for calls, *_ in self.hooked:
            calls.clear()
        for other in self.retained:
            other.tensor.grad = None
        weights = ag.arange(float(m.places.size)).reshape(m.places.shape).double() + weight
        try:
            found = ag.grad(
                (m.tensor * weights).sum(), self.leaves, retain_graph=True, create_graph=twice, allow_unused=True
            )
        except RuntimeError as error:
            assert "modified by an inplace operation" in str(error)  # noqa: PT017 (an error, or the right gradient)
            return
        flat = [c for cells in self.inputs for c in cells]
        expected = oracle.gradient(output, flat)
        self.compare(found, expected)
        for calls, version, places in self.hooked:
            wanted = oracle.gradient(output, version)
            for call in calls:
                self.close(call, wanted, places)
        for other in self.retained:
            if other.tensor.grad is not None:
                self.close(other.tensor.grad.tolist(), oracle.gradient(output, other.store.version), other.places)
        if twice:
            self.differentiate_again(found, expected, flat)

    def differentiate_again(self, found, expected, flat):
        found = [g for g in found if g is not None and g.requires_grad]
        if not found:
            return
        square = oracle.ZERO
        for g in expected:
            square = oracle.add(square, oracle.mul(g, g))
        try:
            again = ag.grad(sum((g * g).sum() for g in found), self.leaves, retain_graph=True, allow_unused=True)
        except RuntimeError as error:
            assert "modified by an inplace operation" in str(error)  # noqa: PT017 (an error, or the right gradient)
            return
        self.compare(again, oracle.gradient(square, flat))

    def compare(self, found, expected):
        expected = iter(expected)
        for g, cells in zip(found, self.inputs, strict=True):
            wanted = [next(expected).value for _ in cells]
            np.testing.assert_allclose(
                [0.0] * len(cells) if g is None else g.reshape(-1).tolist(), wanted, rtol=1e-7, atol=1e-7
            )

    def close(self, found, cells, places):
        np.testing.assert_allclose(
            np.reshape(found, -1), [cells[k].value for k in places.reshape(-1)], rtol=1e-7, atol=1e-7
        )

    def teardown(self):
        for i in range(min(4, len(getattr(self, "models", ())))):
            self.differentiate_one(i, i % 2 == 0, 1.0)

    @invariant()
    def values_agree(self):
        for m in getattr(self, "models", ()):
            np.testing.assert_allclose(m.tensor.tolist(), m.values(), rtol=1e-10, atol=1e-12)


# The same histories each time, except in the nightly profile, which looks for new ones.
NEW = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
Machine.TestCase.settings = settings(deadline=None, stateful_step_count=30, derandomize=not NEW, database=None)
TestHistories = Machine.TestCase
