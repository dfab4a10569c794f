"""Derivatives of functions, forward mode, transforms and checkpointing."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag
from autograd import func, functional
from autograd._op import Op
from autograd._registry import registry
from autograd.checkpoint import checkpoint
from autograd.forward import push_forward
from tests.ops.test_every_op import DECLARED, RULED, leaves_of, run, trials

X = ag.tensor([[0.3, -0.7, 1.1], [0.9, 0.2, -0.4]], dtype=ag.float64)


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def rosenbrock_hessian(x):
    n = len(x)
    h = np.diag(-400 * x[:-1], 1) + np.diag(-400 * x[:-1], -1)
    d = np.zeros(n)
    d[0] = 1200 * x[0] ** 2 - 400 * x[1] + 2
    d[-1] = 200
    d[1:-1] = 202 + 1200 * x[1:-1] ** 2 - 400 * x[2:]
    return h + np.diag(d)


def test_softmax_jacobian():
    x = X[0]
    p = ag.softmax(x, 0)
    expected = ag.diag(p) - ag.outer(p, p)
    for strategy in ("reverse-mode", "forward-mode"):
        got = functional.jacobian(lambda x: ag.softmax(x, 0), x, strategy=strategy)
        np.testing.assert_allclose(got._data, expected._data, atol=1e-14)


def test_hessian_of_rosenbrock():
    x = ag.linspace(-1, 1, 6, dtype=ag.float64)
    expected = rosenbrock_hessian(x.numpy())
    v = ag.arange(6, dtype=ag.float64)
    np.testing.assert_allclose(functional.hessian(rosenbrock, x)._data, expected, rtol=1e-12)
    np.testing.assert_allclose(func.hessian(rosenbrock)(x)._data, expected, rtol=1e-12)
    np.testing.assert_allclose(functional.hvp(rosenbrock, x, v)[1]._data, expected @ v._data, rtol=1e-12)
    np.testing.assert_allclose(functional.vhp(rosenbrock, x, v)[1]._data, v._data @ expected, rtol=1e-12)


@pytest.mark.parametrize("name", RULED)
def test_forward_mode_agrees_with_reverse_mode(name):
    """<w, J v> by forward mode equals <J^T w, v> by reverse mode, for every operation."""
    declared = DECLARED[name]
    if isinstance(declared, Op) and not declared.differentiable_twice:
        return
    for trial in trials(declared)[:3]:
        compare_modes(declared, trial, leaves_of(trial))


@pytest.mark.filterwarnings("ignore:Casting complex values to real")
@pytest.mark.parametrize("name", RULED)
def test_forward_mode_agrees_with_reverse_mode_on_complex_numbers(name):
    declared = DECLARED[name]
    if isinstance(declared, Op) and not declared.differentiable_twice:
        return
    rng = np.random.default_rng(2)
    for trial in trials(declared)[:3]:
        leaves = [ag.tensor(turned(rng, t._data), requires_grad=True) for t in leaves_of(trial)]
        try:
            run(declared, trial, leaves)
        except (TypeError, RuntimeError, ValueError):  # refuses complex numbers
            continue
        try:
            compare_modes(declared, trial, leaves)
        except RuntimeError as error:  # singular vectors alone have no derivative
            if "depends on this phase" not in str(error):
                raise


def turned(rng, a):
    return a + 1j * rng.uniform(0.2, 0.5, a.shape)


def compare_modes(declared, trial, leaves):
    rng = np.random.default_rng(1)
    every = run(declared, trial, leaves) if leaves else []
    outputs = [o for o in every if o.requires_grad]
    if not outputs:
        return
    weights, tangents = [along(rng, o) for o in outputs], [along(rng, t) for t in leaves]
    moved = push_forward(tuple(outputs), {t._node: v for t, v in zip(leaves, tangents, strict=True)})
    grads = ag.grad(outputs, leaves, weights, materialize_grads=True)
    left, right = paired(weights, moved), paired(grads, tangents)
    assert left == pytest.approx(right, rel=1e-8, abs=1e-8)
    if any(t.is_complex() for t in leaves) and "cholesky" not in declared.name:  # whose gradient is Hermitian
        shifted = ([t.detach() + h * v for t, v in zip(leaves, tangents, strict=True)] for h in (1e-6, -1e-6))
        ahead, behind = (
            paired(weights, [o for o, old in zip(run(declared, trial, moved), every, strict=True) if old.requires_grad])
            for moved in shifted
        )
        assert left == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-5)


def paired(weights, tensors):
    return sum(float((w.conj() * t).sum().real) for w, t in zip(weights, tensors, strict=True))


def along(rng, t):
    values = rng.standard_normal(tuple(t.shape))
    return ag.tensor(values + 1j * rng.standard_normal(values.shape) if t.is_complex() else values)


def test_transforms_nest():
    f = lambda x: (ag.sin(x) * x).sum()  # noqa: E731
    x = X[0]
    third = func.grad(lambda y: func.grad(lambda z: func.grad(f)(z).sum())(y).sum())(x)
    v = x._data
    np.testing.assert_allclose(third._data, -3 * np.sin(v) - v * np.cos(v), rtol=1e-12)
    np.testing.assert_allclose(func.jacfwd(func.jacrev(lambda x: (x**3).sum()))(x)._data, np.diag(6 * v), atol=1e-12)


def test_grad_of_a_callable_and_of_several_arguments():
    g = ag.grad(lambda x, y: (x * y**2).sum(), (0, 1))
    gx, gy = g(X[0], X[1])
    np.testing.assert_allclose(gx._data, X._data[1] ** 2)
    np.testing.assert_allclose(gy._data, 2 * X._data[0] * X._data[1])
    assert float(ag.grad(ag.grad(lambda x: x**3))(2.0)) == 12.0


def test_vjp_and_jvp():
    out, pull = func.vjp(lambda x, y: (x * y, x + y), X[0], X[1])
    (gx, _gy) = pull((ag.ones(3, dtype=ag.float64), 2 * ag.ones(3, dtype=ag.float64)))
    np.testing.assert_allclose(gx._data, X._data[1] + 2)
    out, moved = func.jvp(lambda x: x**2, (X,), (ag.ones_like(X),))
    np.testing.assert_allclose(moved._data, 2 * X._data)
    assert out.shape == moved.shape


def test_vmap():
    w = ag.tensor([1.0, 2.0, 3.0], dtype=ag.float64)
    f = lambda x, w: (x * w).sum()  # noqa: E731
    np.testing.assert_allclose(func.vmap(f, (0, None))(X, w)._data, X._data @ w._data)
    per_sample = func.vmap(func.grad(lambda w, x: ((x @ w) ** 2).sum()), (None, 0))(w, X)
    np.testing.assert_allclose(per_sample._data, 2 * (X._data @ w._data)[:, None] * X._data)
    assert func.vmap(lambda x: x, 1, 1)(X).shape == X.shape
    with pytest.raises(ValueError, match="same size in the mapped dimension"):
        func.vmap(lambda a, b: a + b)(X, w)


def test_errors():
    with pytest.raises(RuntimeError, match=r"return a scalar Tensor, got tensor with 1 dims\. Maybe"):
        func.grad(lambda x: x)(X[0])
    with pytest.raises(RuntimeError, match="Got argnum=3, but only 1 positional inputs"):
        func.grad(lambda x: x.sum(), 3)(X)
    with pytest.raises(RuntimeError, match="independent of input 1"):
        functional.jacobian(lambda x, y: x * 2, (X[0], X[1]), strict=True)
    with pytest.raises(RuntimeError, match="v can only be None"):
        functional.vjp(lambda x: x, X)
    with pytest.raises(ValueError, match="strategy must be either"):
        functional.jacobian(lambda x: x, X[0], strategy="sideways")


def test_checkpoint_gives_the_same_gradients_and_masks():
    w = ag.randn(3, 3, dtype=ag.float64, requires_grad=True)
    x = X.clone().requires_grad_()

    def block(x):
        h = ag.tanh(x @ w)
        return h * ag.bernoulli(ag.full_like(h.detach(), 0.5))

    found = []
    for run_block in (block, lambda x: checkpoint(block, x, use_reentrant=False)):
        ag.manual_seed(3)
        w.grad = x.grad = None
        run_block(x).sum().backward()
        found.append((w.grad.tolist(), x.grad.tolist()))
    assert found[0] == found[1]


def test_checkpoint_of_parameters_alone():
    w = ag.ones(3, requires_grad=True)
    checkpoint(lambda x: (x * w).sum(), ag.arange(3.0)).backward()
    assert w.grad.tolist() == [0.0, 1.0, 2.0]


def test_the_registry_is_what_is_tested():
    assert set(RULED) <= {d.name if d.namespace in ("", "_") else f"{d.namespace}.{d.name}" for d in registry.values()}


# ------------------------------------------------------------------ the graph from outside


def test_saved_values_pass_through_the_hooks():
    packed = []

    def pack(t):
        packed.append(tuple(t.shape))
        return t.detach().numpy().tolist()

    x, w = ag.tensor([1.0, 2.0], requires_grad=True), ag.tensor([3.0, 4.0], requires_grad=True)
    with ag.graph.saved_tensors_hooks(pack, ag.tensor):
        y = (x * w).exp().sum()
    outside = (x * w).sum()
    y.backward()
    expected = np.exp([3.0, 8.0])
    assert packed == [(2,), (2,), (2,)]  # both factors, and the exponential's result
    np.testing.assert_allclose(x.grad.numpy(), expected * [3, 4], rtol=1e-6)
    np.testing.assert_allclose(w.grad.numpy(), expected * [1, 2], rtol=1e-6)
    outside.backward()
    assert len(packed) == 3


def test_hooks_are_given_inputs_with_their_history_and_unpack_in_the_order_of_packing():
    packed, unpacked = [], []
    a = ag.tensor([1.0, 2.0], requires_grad=True)
    b = ag.tensor([3.0, 4.0], requires_grad=True) * 2
    with ag.graph.saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: unpacked.append(t) or t):
        y = (a * b).exp()
    assert packed[0].grad_fn is b.grad_fn
    assert packed[1] is a
    assert not packed[2].requires_grad  # a result's own history would be a cycle
    y.sum().backward()
    assert [u is p for u, p in zip(unpacked, [packed[2], *packed[:2]], strict=True)] == [True] * 3


def test_what_is_saved_of_a_leaf_is_the_leaf():
    a, b = ag.ones(3, requires_grad=True), ag.ones(3, requires_grad=True)
    y = a * b
    assert y.grad_fn._saved_self is a
    assert y.grad_fn._saved_other is b
    assert (a * b.detach()).grad_fn._saved_other is not b
    r = a.exp()
    assert r.grad_fn._saved_result is not r
    assert r.grad_fn._saved_result.equal(r)


def test_saved_values_may_be_changed_by_the_hooks_and_blocks_nest():
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    with ag.graph.saved_tensors_hooks(lambda t: t, lambda t: t * 0):
        with ag.graph.saved_tensors_hooks(lambda t: t, lambda t: t + 1):
            inner = (x * x).sum()
        outer = (x * x).sum()
    inner.backward()
    assert x.grad.tolist() == [4.0, 6.0]
    x.grad = None
    outer.backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_the_hooks_can_be_refused():
    refused = pytest.raises(RuntimeError, match="not in here")
    with ag.graph.disable_saved_tensors_hooks("not in here"), refused, ag.graph.saved_tensors_hooks(abs, abs):
        pass
    with ag.graph.save_on_cpu():
        y = ag.tensor(2.0, requires_grad=True).square()
    y.backward()


@pytest.mark.parametrize("mode", ["all", "any"])
def test_one_hook_for_several_gradients(mode):
    a, b = ag.tensor(1.0, requires_grad=True), ag.tensor(2.0, requires_grad=True)
    seen = []
    handle = ag.graph.register_multi_grad_hook([a, b], seen.append, mode=mode)
    for _ in range(2):
        (a * b).backward()
    handle.remove()
    (a * b).backward()
    assert seen == ([[2.0, 1.0]] * 2 if mode == "all" else [2.0, 2.0]) or seen == [1.0, 1.0]
    with pytest.raises(ValueError, match="mode"):
        ag.graph.register_multi_grad_hook([a], seen.append, mode="none")
    assert ag.graph.get_gradient_edge(a).output_nr == 0
    with pytest.raises(RuntimeError, match="gradient edge"):
        ag.graph.get_gradient_edge(ag.ones(1))


@pytest.mark.parametrize("function", [lambda x: x * x, lambda x: x.cumprod(0), lambda x: ag.linalg.norm(x)])
def test_tangents_need_what_a_backward_has_freed(function):
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = function(x)
    (kept,) = push_forward([y], {x._node: ag.ones(2)})
    y.sum().backward(retain_graph=True)
    assert push_forward([y], {x._node: ag.ones(2)})[0].equal(kept)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        push_forward([y], {x._node: ag.ones(2)})
