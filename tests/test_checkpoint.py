"""Computing again instead of keeping: the gradients are those of the plain program, or an error says why they cannot be."""

from __future__ import annotations

import threading
import weakref

import numpy as np
import pytest

import autograd as ag
import nn
from autograd.checkpoint import checkpoint, checkpoint_sequential
from nn import functional as F


def leaf(*values):
    return ag.tensor(list(values), dtype=ag.float64, requires_grad=True)


class Cube(ag.Function):
    @staticmethod
    def forward(ctx, x):
        y = x * x
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        x, _ = ctx.saved_tensors
        return 3.0 * g * x * x


PROGRAMS = {
    "elementwise": lambda x, w: (x.sin() * x).exp() * w,
    "in place": lambda x, w: (x * 1.0).mul_(w).tanh_() * x,
    "views": lambda x, w: (h := x * w)[0] * h[1:] + h.flip(0),
    "a function of one's own": lambda x, w: Cube.apply(x * w),
    "nested": lambda x, w: checkpoint(lambda z: z.sin() * w, x * x) + x,
    "several results": lambda x, w: sum(checkpoint(lambda x: (x * w, x.sin()), x)),
    "an index": lambda x, w: (x * w)[ag.tensor([1, 0])] * x,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_of_both_orders_are_those_of_the_plain_program(name):
    f = PROGRAMS[name]
    found = []
    for run in (f, lambda x, w: checkpoint(f, x, w), lambda x, w: checkpoint(lambda x: f(x, w), x)):
        x, w = leaf(0.5, 1.0), leaf(2.0, -0.7)
        first = ag.grad(run(x, w).sum(), (x, w), create_graph=True)
        second = ag.grad(sum((g * g).sum() for g in first), (x, w), allow_unused=True, materialize_grads=True)
        assert x.grad is None
        assert w.grad is None
        run(x, w).sum().backward()
        found.append([t.tolist() for t in (*first, *second, x.grad, w.grad)])
    for other in found[1:]:
        np.testing.assert_allclose(np.array(other), np.array(found[0]), rtol=1e-12)


def test_nothing_is_kept_between_forward_and_backward():
    held = []

    def f(x):
        y = x.sin().exp()
        held.append(weakref.ref(y._data))
        return (y * y).sum()

    x = ag.ones(1000, requires_grad=True)
    y = checkpoint(f, x)
    assert held[0]() is None
    y.backward()
    assert len(held) == 2
    assert held[1]() is None
    y = f(x)
    assert held[2]() is not None


def test_a_graph_that_is_kept_can_be_used_again():
    x, calls = leaf(1.0, 2.0), []

    def f(x):
        calls.append(1)
        return (x * x).exp()

    y = checkpoint(f, x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.tolist(), [4 * np.e, 8 * np.exp(4.0)])
    assert len(calls) == 2
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_random_numbers_are_the_same_and_go_on():
    ag.manual_seed(0)
    x = ag.ones(50, requires_grad=True)
    y = checkpoint(lambda x: F.dropout(x * x, 0.5), x)
    ag.rand(3)
    state = ag.get_rng_state().tolist()
    y.sum().backward()
    assert ag.get_rng_state().tolist() == state
    assert (x.grad != 0).tolist() == (y != 0).tolist()


@pytest.mark.parametrize("change", ["argument", "parameter", "outside"])
def test_what_is_read_again_must_not_have_changed(change):
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = x * 1.0
    y = checkpoint(lambda h: h * w * h, h)
    with ag.no_grad():
        if change == "outside":
            h.detach().numpy()[:] = 9.0
        else:
            (h if change == "argument" else w).mul_(2.0)
    with pytest.raises(
        RuntimeError, match=r"modified by an inplace operation: a tensor of shape \(2,\) that .*lambda.* reads"
    ):
        y.sum().backward()
    assert x.grad is None


def test_an_argument_written_by_the_function_is_refused_unless_nothing_is_read_again():
    x = leaf(1.0, 2.0)
    h = x * 1.0
    y = checkpoint(lambda h: h.mul_(2.0) + 1.0, h)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    h = x * 1.0
    y = checkpoint(lambda h: h.mul_(2.0) * x, h)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    assert h.tolist() == [2.0, 4.0]


def test_a_function_that_does_something_else_is_noticed():
    x, calls = leaf(1.0, 2.0), []

    def f(x):
        calls.append(1)
        return x * x if len(calls) == 1 else x.sin().cos()

    y = checkpoint(f, x)
    with pytest.raises(RuntimeError, match=r"checkpoint: .*f saved other values .*2 times instead of 1"):
        y.sum().backward()


def test_hooks_results_and_arguments_of_all_kinds():
    x, w, seen = leaf(1.0, 2.0), leaf(5.0, 6.0), []

    def f(pair, *, weight=None):
        h = pair[0] * pair[1]
        h.register_hook(lambda g: seen.append(g.tolist()))
        return {"value": h * weight, "n": 3}

    made = checkpoint(f, (x, x), weight=w)
    made["value"].sum().backward()
    assert made["n"] == 3
    assert seen == [[5.0, 6.0]]
    assert (x.grad.tolist(), w.grad.tolist()) == ([10.0, 24.0], [1.0, 4.0])
    assert not checkpoint(lambda x: x * 2.0, ag.ones(2)).requires_grad
    with ag.no_grad():
        assert not checkpoint(lambda x: x * 2.0, x).requires_grad


def test_contexts_for_both_runs():
    entered = []

    class Note:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            entered.append(self.name)

        def __exit__(self, *exc):
            return None

    x = leaf(1.0)
    checkpoint(lambda x: x * x, x, context_fn=lambda: (Note("first"), Note("again"))).backward()
    assert entered == ["first", "again"]


def test_a_sequence_in_stretches():
    ag.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 1))
    x = ag.linspace(-1.0, 1.0, 6).reshape(2, 3)
    net(x).sum().backward()
    expected = [p.grad.tolist() for p in net.parameters()]
    for segments in (1, 2, 3):
        net.zero_grad()
        checkpoint_sequential(net, segments, x).sum().backward()
        assert [p.grad.tolist() for p in net.parameters()] == expected


def test_other_threads_keep_what_they_save():
    """A block that packs saved values is about the thread that opened it."""
    x, found = leaf(1.0, 2.0), []

    def other():
        found.append((x * x).sum())

    def f(x):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return x.sin()

    y = checkpoint(f, x).sum()
    assert type(found[0].grad_fn.edges[0].saved) is tuple
    y.backward()
    np.testing.assert_allclose(x.grad.tolist(), np.cos([1.0, 2.0]))
    packed = []
    with ag.graph.saved_tensors_hooks(lambda t: packed.append(1) or t, lambda t: t):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert packed == []
        x * x
        assert packed
