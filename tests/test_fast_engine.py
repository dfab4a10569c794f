"""What is written out for speed gives what the general form gives: the pass, the entries, numbers without axes."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import _graph
from autograd._array import exports
from autograd._entry import general_entry
from autograd._graph import _Pass, collect
from autograd._node import Leaf, Pair, Wide, capture
from autograd._op import Op
from autograd._registry import registry

pytestmark = pytest.mark.fast


SHAPES = [(), (), (1,), (3,), (2, 3), (2, 1)]
UNARY = ["tanh", "sigmoid", "relu", "neg", "exp", "square", "sin"]


def program(seed: int):
    """A random program on some leaves: elementwise operations of all shapes, reuse, indexing, sums, several results."""
    random = np.random.default_rng(seed)
    kind = random.choice([np.float32, np.float64])
    values = [random.normal(size=SHAPES[i]).astype(kind)[()] for i in random.integers(0, len(SHAPES), 4)]

    def run(hooks: list | None = None):
        choose = np.random.default_rng(seed + 1)
        leaves = [ag.tensor(v, requires_grad=True) for v in values]
        pool = [*leaves, ag.tensor(values[0] * 2)]
        for _ in range(25):
            pool.append(step(choose, pool))
            if hooks is not None and pool[-1].requires_grad and choose.random() < 0.2:
                pool[-1].register_hook(lambda g: hooks.append(g.clone()) or g * 0.5)
        return leaves, sum((t * t).sum() for t in pool[-6:])

    return run


def step(choose, pool):
    a, b = (pool[i] for i in choose.integers(0, len(pool), 2))
    way = choose.integers(0, 8)
    if way == 0:
        return getattr(a, UNARY[choose.integers(0, len(UNARY))])()
    if way == 1:
        return [a * 0.5, 1.5 - a, a + 2.0, a / 3.0][choose.integers(0, 4)]
    if way == 2:
        return a * a
    if way == 3 and a.ndim:
        return a[-1] + a[0]
    if way == 4 and a.ndim:
        return a.unbind(0)[0]
    if way == 5:
        return a.sum()
    if a.ndim and b.ndim and a.shape[-1] != b.shape[-1] and 1 not in (a.shape[-1], b.shape[-1]):
        return a.mean()
    return [a * b, a + b, a - b, (a * b).tanh()][choose.integers(0, 4)]


@pytest.mark.parametrize("seed", range(30))
def test_the_pass_written_out_is_the_general_pass(seed):
    run, found = program(seed), []
    for mode in (True, False):
        hooks: list = []
        leaves, loss = run(hooks)
        with ag.fast_paths(mode):
            loss.backward()
        found.append([*(leaf.grad for leaf in leaves), *hooks])
    assert len(found[0]) == len(found[1])
    for fast, plain in zip(*found, strict=True):
        assert (fast is None) == (plain is None)
        if fast is not None:
            assert (fast.dtype, fast.shape) == (plain.dtype, plain.shape)
            np.testing.assert_allclose(fast.numpy(), plain.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_the_pass_towards_wanted_tensors_gives_the_same(seed):
    leaves, loss = program(seed)()
    loss.backward(retain_graph=True)
    used = [leaf for leaf in leaves if leaf.grad is not None]
    for leaf, g in zip(used, ag.grad(loss, used, retain_graph=True), strict=True):
        np.testing.assert_allclose(g.numpy(), leaf.grad.numpy(), rtol=1e-4, atol=1e-6)
    recorded = ag.grad(loss, used, create_graph=True)
    for leaf, g in zip(used, recorded, strict=True):
        np.testing.assert_allclose(g.detach().numpy(), leaf.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_both_passes_are_used(monkeypatch):
    seen = []
    for name in ("sweep", "record", "run"):
        real = getattr(_Pass, name)
        monkeypatch.setattr(_Pass, name, lambda self, n=name, f=real: seen.append(n) or f(self))
    x = ag.tensor(2.0, requires_grad=True)
    (x * x).backward()
    with ag.fast_paths(False):
        (x * x).backward()
    ag.grad(x * x, x)
    ag.grad(x * x, x, create_graph=True)
    with ag.fast_paths(False):
        ag.grad(x * x, x, create_graph=True)
    assert seen == ["sweep", "run", "sweep", "record", "run"]


def recorded_as():
    return type((ag.ones(2, requires_grad=True) * 2.0).grad_fn).__name__


def test_the_plain_entry_records_until_the_choice_is_restored():
    with ag.fast_paths(False):
        assert recorded_as() == "Wide"
        with ag.fast_paths(True):
            assert recorded_as() == "ArrayPair"
        with ag.no_grad():
            assert not (ag.ones(2, requires_grad=True) * 2.0).requires_grad
            with ag.enable_grad():
                assert recorded_as() == "Wide"
    assert recorded_as() == "ArrayPair"


def test_a_decorated_function_alone_takes_the_plain_paths():
    plain = ag.fast_paths(False)(recorded_as)
    assert (recorded_as(), plain(), recorded_as()) == ("ArrayPair", "Wide", "ArrayPair")


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("mode", [True, False])
def test_rules_of_what_nobody_wants_do_not_run(mode, create):
    x, w = ag.ones(2, 3, requires_grad=True), ag.ones(4, 3, requires_grad=True)
    b, scale = ag.ones(4, requires_grad=True), ag.tensor(2.0, requires_grad=True)
    seen = []
    y = nn.functional.linear(x, w, b)
    (other := w * 1.0).register_hook(seen.append)
    loss = (y * scale).sum() + (other * 3.0).sum()
    with ag.fast_paths(mode):
        (g,) = ag.grad(loss, x, create_graph=create)
    assert g.tolist() == [[8.0] * 3] * 2
    assert seen == []
    part = y.grad_fn.plan.towards((True, False, False))
    assert [p is None for p in part.run(np.ones((2, 4)), (np.ones((4, 3)), np.ones((2, 3))))] == [False, True, True]


def test_wanted_in_the_middle_and_older_leaves():
    old = ag.tensor(7.0, requires_grad=True)
    a = ag.tensor(2.0, requires_grad=True)
    middle = a * old
    loss = middle * middle * a
    for got, want in zip(ag.grad(loss, (middle, a), retain_graph=True), (56.0, 588.0), strict=True):
        assert got.item() == want
    (only,) = ag.grad(loss, middle)
    assert only.item() == 56.0
    unused = ag.tensor(1.0, requires_grad=True)
    assert ag.grad(a * 2.0, (unused,), allow_unused=True) == (None,)


def test_a_leaf_that_is_left_in_the_graph_alone_is_not_wanted():
    x, w, seen = ag.tensor(2.0, requires_grad=True), ag.tensor(3.0, requires_grad=True), []
    (other := w * 1.0).register_hook(seen.append)
    loss = x * 5.0 + other
    del w, other
    assert ag.grad(loss, x)[0].item() == 5.0
    assert seen == []


def test_a_root_that_is_a_leaf_gets_nothing_unless_wanted():
    x, w = ag.tensor(2.0, requires_grad=True), ag.tensor(3.0, requires_grad=True)
    ag.backward((x, w * 2.0), inputs=[w])
    assert (x.grad, w.grad.item()) == (None, 2.0)


def test_nothing_is_walked_through_where_all_leaves_are_wanted(monkeypatch):
    x = ag.tensor(2.0, requires_grad=True)
    assert x._node in _graph.leaves
    monkeypatch.setattr(_graph, "leaves", {x._node})
    assert _graph._leading(iter(()), {x._node}) is None
    middle = x * 3.0
    loss = middle * middle
    assert _graph._leading([loss.grad_fn], {middle.grad_fn}) == {loss.grad_fn, middle.grad_fn}
    assert ag.grad(loss, middle, retain_graph=True)[0].item() == 12.0
    assert ag.grad(loss, x)[0].item() == 36.0


@pytest.mark.parametrize("mode", [True, False])
def test_many_contributions_to_a_number(mode):
    x = ag.tensor(np.array(1.5), requires_grad=True)  # a 0-d array at first, numbers afterwards
    total = x.detach() * 0.0
    for i in range(1, 6):
        total = total + x * float(i)
    with ag.fast_paths(mode):
        total.backward()
    assert x.grad.item() == 15.0


def test_one_node_used_twice_by_one_operation():
    x = ag.tensor(3.0, requires_grad=True)
    y = x * 1.0
    (y * y * y).backward()
    assert x.grad.item() == 27.0
    v = ag.tensor([1.0, 2.0], requires_grad=True)
    w = v * 1.0
    (w * w).sum().backward()
    assert v.grad.tolist() == [2.0, 4.0]


def test_hooks_of_leaves_run_with_the_whole_gradient():
    x, seen = ag.tensor(2.0, requires_grad=True), []
    y = x * x
    late = ag.tensor(5.0, requires_grad=True)  # younger than y
    for name, t in (("x", x), ("y", y), ("late", late)):
        t.register_hook(lambda g, n=name: seen.append((n, g.item())))
    (y * late + late).backward()
    assert seen == [("late", 5.0), ("y", 5.0), ("x", 20.0)]


def test_a_changed_value_is_noticed_in_the_pass_written_out():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2.0
    z = (y * y).sum()
    y.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


SHORT = sorted({d.name: d for d in registry.values() if isinstance(d, Op) and d.short() and d.differentiable}.items())


def inputs_of(declared, kind):
    r = np.random.default_rng(5)
    low, high = (1.2, 1.8) if declared.name == "acosh" else (0.2, 0.8)
    return [
        np.asarray(v, kind)[()] for v in (r.uniform(low, high), r.uniform(low, high, 3), r.uniform(low, high, (40, 3)))
    ]


@pytest.mark.parametrize(("name", "declared"), [pytest.param(n, d, id=n) for n, d in SHORT if d.elementwise])
def test_short_functions_record_what_the_general_one_records(name, declared):
    general = general_entry(declared)
    for value in inputs_of(declared, np.float32):
        for needs in [(True,)] if len(declared.inputs) == 1 else [(True, True), (True, False), (False, True), "number"]:
            numbers = needs == "number"
            args = [ag.tensor(value, requires_grad=n) for n in ((True,) if numbers else needs)]
            args += [0.5] if numbers else []
            if numbers and declared.promote is None:
                continue
            short, plain = declared.call(*args), general(*args)
            compare(short, plain)
            if declared.operator_entry is not None:
                compare(declared.operator_entry(*args), plain)


def compare(short, plain):
    a, b = short.grad_fn, plain.grad_fn
    assert isinstance(a, Pair)
    assert type(b) is Wide
    np.testing.assert_array_equal(short.detach().numpy(), plain.detach().numpy())
    assert (a.edges, a.params, a.scope, a.shape, a.dtype) == (b.edges, b.params, b.scope, b.shape, b.dtype)
    assert (a.op, a.plan.names, a.plan.keeps) == (b.op, b.plan.names, b.plan.keeps)
    assert (a.value is None) == (b.value is None) == (plain.numel() > capture.limit)
    assert len(a.saved) == len(b.saved)
    assert [i for i, _ in a.given] == [i for i, _ in b.given]
    assert all(x is y or x == y or callable(x) for (_, x), (_, y) in zip(a.given, b.given, strict=True))
    assert a.next_functions == b.next_functions
    assert a.name() == b.name()


@pytest.mark.parametrize(
    "declared", [pytest.param(d, id=n) for n, d in SHORT if d.promote is not None and len(d.inputs) == 2]
)
def test_numbers_on_the_left_record_what_the_general_function_records(declared):
    dunders = [d for d in declared.operators if d.startswith("__r") and d != "__rshift__"]
    for value in inputs_of(declared, np.float64):
        t = ag.tensor(value, requires_grad=True)
        for dunder in dunders:
            short, plain = getattr(t, dunder)(0.75), general_entry(declared)(0.75, t)
            np.testing.assert_array_equal(short.detach().numpy(), plain.detach().numpy())
            short.sum().backward()
            found, t.grad = t.grad, None
            plain.sum().backward()
            np.testing.assert_array_equal(found.numpy(), t.grad.numpy())
            t.grad = None


@pytest.mark.parametrize("value", [-1.5, -0.0, 0.0, 2.5, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_relu_of_a_number_is_that_of_an_array(value, kind):
    number = ag.tensor(kind(value), requires_grad=True)
    array = ag.tensor(np.array([value], kind), requires_grad=True)
    a, b = number.relu(), array.relu()
    np.testing.assert_array_equal(a.item(), b[0].item())
    assert a.dtype == b.dtype
    (a * 3.0).backward()
    (b * 3.0).sum().backward()
    assert (number.grad.item(), number.grad.dtype) == (array.grad[0].item(), array.grad.dtype)


def test_nodes_of_numbers_hold_no_tuples_of_their_own():
    x = ag.tensor(0.5, requires_grad=True)
    node = (x + 2.0).grad_fn
    assert type(node).__sizeof__(node) <= 112
    assert type(x._node) is Leaf
    assert (node.edges, node.saved, node.given) == ((x._node, None), (), ((1, 2.0),))
    assert (node.shape, node.dtype, node.kind) == ((), np.float32, np.float32)


@pytest.fixture
def _nothing_outside(monkeypatch):
    """As if no other test had left an array on a tensor's memory, for which all that is saved is looked through."""
    for key in list(exports.table):
        monkeypatch.delitem(exports.table, key)


@pytest.mark.usefixtures("_nothing_outside")
@pytest.mark.parametrize("apply", [lambda x, n: x * n, lambda x, n: n * x, lambda x, n: x / n],
                         ids=["x * n", "n * x", "x / n"])  # fmt: skip
def test_nodes_of_one_number_share_what_they_saved_and_those_of_others_do_not(apply):
    x, numbers = ag.tensor(2.0, dtype=ag.float64, requires_grad=True), [3.0, 5.0, 4]
    y = x
    for n in (*numbers, *numbers):
        y = apply(apply(y, n), n)
        assert y.grad_fn.saved == (n,)
        assert y.grad_fn.saved is y.grad_fn.edges[0].saved
    y.backward()
    one = ag.tensor(1.0, dtype=ag.float64)
    for n in (*numbers, *numbers):
        one = apply(apply(one, n), n)
    assert x.grad.item() == pytest.approx(one.item(), rel=1e-14)


@pytest.mark.parametrize("seed", range(12))
def test_the_recorded_pass_written_out_is_the_general_pass(seed):
    run, found = program(seed), []
    for mode in (True, False):
        hooks: list = []
        leaves, loss = run(hooks)
        used = [leaf for leaf in leaves if leaf in reached(loss)]
        with ag.fast_paths(mode):
            slopes = ag.grad(loss, used, create_graph=True)
            curved = [s for s in slopes if s.requires_grad]
            second = ag.grad(sum((s * s).sum() for s in curved), used, allow_unused=True) if curved else ()
        found.append([*slopes, *second, *hooks])
    assert len(found[0]) == len(found[1])
    for fast, plain in zip(*found, strict=True):
        assert (fast is None) == (plain is None)
        if fast is not None:
            assert (fast.dtype, fast.shape, fast.requires_grad) == (plain.dtype, plain.shape, plain.requires_grad)
            np.testing.assert_allclose(fast.detach().numpy(), plain.detach().numpy(), rtol=1e-3, atol=1e-5)


def reached(loss):
    return {node.variable for node in collect([loss.grad_fn]) if type(node) is Leaf}
