"""Views, lifetimes and numbers of visits: what else goes wrong in engines on arrays. One test each; `test_hazards_list` names them."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import autograd as ag
import nn


def leaf(*values):
    return ag.tensor(list(values), dtype=ag.float64, requires_grad=True)


# ------------------------------------------------------------------ views


@pytest.mark.parametrize(
    "cut", [lambda t: t.unbind(0), lambda t: t.split(1), lambda t: t.chunk(3), lambda t: t.tensor_split(3)]
)
def test_a_write_into_one_of_several_views_reaches_base_and_gradient(cut):
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=ag.float64, requires_grad=True)
    base = x * 1.0
    parts = cut(base)
    parts[1].mul_(10.0)
    assert base.tolist() == [[1.0, 2.0], [30.0, 40.0], [5.0, 6.0]]
    (base * base).sum().backward()
    assert x.grad.tolist() == [[2.0, 4.0], [600.0, 800.0], [10.0, 12.0]]
    (g,) = ag.grad(sum(p.sum() for p in cut(base)), x)
    assert g.tolist() == [[1.0, 1.0], [10.0, 10.0], [1.0, 1.0]]


def test_overlapping_slices_assigned_to_each_other():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    a = x * 1.0
    a[1:] = a[:-1]
    assert a.tolist() == [1.0, 1.0, 2.0, 3.0]
    (a * ag.tensor([1.0, 10.0, 100.0, 1000.0], dtype=ag.float64)).sum().backward()
    assert x.grad.tolist() == [11.0, 100.0, 1000.0, 0.0]
    b = ag.arange(4.0)
    b[1:].copy_(b[:-1])
    assert b.tolist() == [0.0, 0.0, 1.0, 2.0]


def test_the_swap_of_two_rows_is_that_of_views():
    """`a[0], a[1] = a[1], a[0]` writes the first row before the second is read, as in PyTorch; with clones it swaps."""
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=ag.float64, requires_grad=True)
    a = x * 1.0
    a[0], a[1] = a[1], a[0]
    assert a.tolist() == [[3.0, 4.0], [3.0, 4.0]]
    (g,) = ag.grad(a.sum(), x)
    assert g.tolist() == [[0.0, 0.0], [2.0, 2.0]]
    b = x * 1.0
    b[0], b[1] = b[1].clone(), b[0].clone()
    assert b.tolist() == [[3.0, 4.0], [1.0, 2.0]]
    b = x * 1.0
    b[[0, 1]] = b[[1, 0]]
    assert b.tolist() == [[3.0, 4.0], [1.0, 2.0]]


@pytest.mark.parametrize(
    "flat", [lambda t: t.reshape(-1), lambda t: t.flatten(), lambda t: t.reshape(3, 2), lambda t: t.ravel()]
)
def test_a_reshaped_tensor_shares_memory_exactly_where_pytorchs_does(flat):
    x = ag.arange(6.0).reshape(2, 3)
    flat(x).zero_()
    assert x.sum().item() == 0.0
    y = ag.arange(6.0).reshape(3, 2)
    flat(y.t()).zero_()  # its elements do not lie in that order: a copy
    assert y.sum().item() == 15.0
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        y.t().view(-1)


def test_a_hook_on_a_view_that_an_alias_has_changed():
    x, seen = leaf(1.0, 2.0, 3.0), []
    base = x * 1.0
    view, other = base[1:], base[:2]
    other.mul_(5.0)
    view.register_hook(lambda g: seen.append(g.tolist()))
    base.mul_(2.0)
    (view * 3.0).sum().backward()
    assert x.grad.tolist() == [0.0, 30.0, 6.0]
    assert seen == []  # the view has been given a newer history, and the hook stays with its own
    view.register_hook(lambda g: seen.append(g.tolist()))
    (view * 3.0).sum().backward()
    assert seen == [[3.0, 3.0]]


def test_double_backward_of_writes_on_views():
    def f(x, w):
        h = x * x
        h[0].mul_(w[0])
        h.t()[1:].tanh_()
        h[:, 0] = h[:, 1].clone() * w
        h[1:, ::2].add_(h.sum())
        return (h * h).sum()

    x = ag.tensor([[0.3, 0.7], [-0.4, 0.9]], dtype=ag.float64, requires_grad=True)
    assert ag.gradcheck(f, (x, leaf(0.5, -1.1)))
    assert ag.gradgradcheck(f, (x, leaf(0.5, -1.1)))
    turned = x.detach().t().requires_grad_()
    assert ag.gradgradcheck(f, (turned, leaf(0.5, -1.1)))


def test_an_index_with_repeats_on_both_sides_of_an_assignment():
    x = ag.zeros(3)
    x[[0, 0]] += 1.0  # read, add, write: once, as in NumPy
    assert x.tolist() == [1.0, 0.0, 0.0]
    x.index_add_(0, ag.tensor([0, 0]), ag.ones(2))
    assert x.tolist() == [3.0, 0.0, 0.0]
    x.index_put_((ag.tensor([1, 1]),), ag.ones(2), accumulate=True)
    assert x.tolist() == [3.0, 2.0, 0.0]


# ------------------------------------------------------------------ gradients as tensors


def test_a_recorded_gradient_that_was_changed_before_its_use():
    x = leaf(1.0, 2.0)
    (g,) = ag.grad((x**3).sum(), x, create_graph=True)
    y = (g * g).sum()
    with ag.no_grad():
        g.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_updates_by_optimizers_do_not_share_memory_with_gradients():
    w = nn.Parameter(ag.ones(3))
    optimizer = nn.optim.SGD([w], lr=0.1, momentum=0.9)
    for _ in range(2):
        (w * 2.0).sum().backward()
        optimizer.step()
        kept = optimizer.state[w]["momentum_buffer"].tolist()
        w.grad.zero_()
        assert optimizer.state[w]["momentum_buffer"].tolist() == kept


def test_a_parameter_used_twice_is_summed_and_stepped_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

    net = Tied()
    with ag.no_grad():
        net.a.weight.copy_(ag.tensor([[1.0, 2.0], [3.0, 4.0]]))
    net.b(net.a(ag.ones(1, 2))).sum().backward()
    assert net.a.weight.grad.tolist() == [[7.0, 11.0], [9.0, 13.0]]
    assert len(list(net.parameters())) == 1
    nn.optim.SGD(net.parameters(), lr=1.0).step()
    assert net.b.weight.tolist() == [[-6.0, -9.0], [-6.0, -9.0]]


def test_requiring_grad_of_a_detached_result_starts_anew():
    x = leaf(1.0, 2.0)
    y = (x * 3.0).detach().requires_grad_()
    (y * y).sum().backward()
    assert y.grad.tolist() == [6.0, 12.0]
    assert x.grad is None


def test_a_new_tensor_at_an_old_address_has_nothing_of_the_old():
    """Tables are kept by the owner's id, and forget it when it dies."""
    seen = set()
    for i in range(200):
        a = ag.ones(3, dtype=ag.float64)
        if id(a._data) in seen:
            assert a._version == 0
            assert a.grad is None
        seen.add(id(a._data))
        w = leaf(1.0, 2.0, 3.0)
        y = (w * a).sum()
        y.backward()
        assert w.grad.tolist() == [1.0, 1.0, 1.0]
        a.add_(float(i))
        del a, w, y
    assert len(seen) < 200


# ------------------------------------------------------------------ lifetimes, with the collector off


class Keeps(ag.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.y = x * 2.0
        ctx.save_for_backward(x, ctx.y)
        return ctx.y * x

    @staticmethod
    def backward(ctx, g):
        return g * 4.0 * ctx.saved_tensors[0]


LIVES = {
    "an operation": lambda x: x.exp(),
    "a cast": lambda x: (x * 2.0).float(),
    "a detached one": lambda x: (x * 2.0).detach(),
    "an unrecorded one": lambda x: ag.no_grad()(lambda: x * 2.0)(),
    "a view and a write": lambda x: (h := x * 2.0)[0].mul_(3.0) + h.sum(),
    "a function with a context": lambda x: Keeps.apply(x),
    "a hook": lambda x: (h := x * 2.0, h.register_hook(lambda g: g * 2.0))[0],
    "a kept gradient": lambda x: (h := x * 2.0, h.retain_grad())[0],
    "a recorded gradient": lambda x: ag.grad((x**3).sum(), x, create_graph=True)[0],
    "a layer": lambda x: nn.Linear(3, 2).double()(x),
}


@pytest.mark.parametrize("name", LIVES)
@pytest.mark.parametrize("backward", [True, False])
def test_what_is_dropped_dies_at_once(name, backward):
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0, 3.0)
        y = LIVES[name](x)
        dead = [weakref.ref(y)]
        if y.grad_fn is not None:
            dead.append(weakref.ref(y.grad_fn))
            if backward:
                y.sum().backward()
        del y
        assert [r() for r in dead] == [None] * len(dead)
    finally:
        gc.enable()


def test_a_recorded_backward_is_freed_once_its_gradient_is_dropped():
    x = leaf(1.0, 2.0)
    y = (x**3).sum()
    node = weakref.ref(y.grad_fn)
    y.backward(create_graph=True)
    assert x.grad.requires_grad
    del y
    x.grad = None
    gc.collect()
    assert node() is None


# ------------------------------------------------------------------ how often something is done


def test_writes_in_a_loop_do_not_pile_up():
    x = leaf(*[1.0] * 8)
    base = x * 1.0
    depths = []
    for i in range(64):
        base[i % 8].mul_(1.01)
        depths.append(len(base._views))
    assert max(depths[32:]) <= max(depths[:32]) + 1
    order, node = 0, base.grad_fn
    while node is not None and hasattr(node, "plan"):
        node, order = node.edges[0], order + 1
    assert order <= 64 + 2
    base.sum().backward()
    np.testing.assert_allclose(x.grad.tolist(), [1.01**8] * 8)


@pytest.mark.parametrize("leaves", [100, 1000])
def test_work_grows_with_the_graph_and_not_with_its_square(leaves, monkeypatch):
    """Counted: additions and comparisons of nodes, for a sum over many leaves."""
    from autograd._node import Leaf

    compared = []
    monkeypatch.setattr(Leaf, "__eq__", lambda self, other: compared.append(1) or self is other)
    monkeypatch.setattr(Leaf, "__hash__", object.__hash__)
    xs = [ag.tensor(1.0, requires_grad=True) for _ in range(leaves)]
    total = sum(x * 2.0 for x in xs)
    found = ag.grad(total, xs)
    assert len(found) == leaves
    assert len(compared) <= 4 * leaves


def test_no_gradient_reaches_a_hook_where_none_flows():
    x, seen = leaf(1.0, 2.0), []
    a, b = x.unbind(0)
    b.register_hook(lambda g: seen.append(g.item()))
    a.backward()
    assert seen == []
    assert x.grad.tolist() == [1.0, 0.0]
    q, r = ag.linalg.qr(ag.eye(2, dtype=ag.float64).requires_grad_())
    q.register_hook(lambda g: seen.append(g.tolist()))
    r.sum().backward()
    assert seen == []


def test_messages_name_operation_shapes_and_the_way_out():
    x = leaf(1.0, 2.0)
    h = x * 1.0
    y = h * h
    h.add_(1.0)
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    for word in ("mul", "shape (2,)", "its argument", "version 1", "MulBackward0", "clone()"):
        assert word in str(caught.value)
    with pytest.raises(
        RuntimeError, match=r"size of tensor a \(2\) must match the size of tensor b \(3\).*\(2,\).*\(3,\)"
    ):
        x + ag.ones(3)
