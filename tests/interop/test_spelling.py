"""`autograd.numpy`: NumPy's spelling, as HIPS programs, opt_einsum and einops use it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd as ag

from .common import leaf, program


def test_nothing_is_imported_before_it_is_used():
    out = program("""
        import sys, autograd
        print([m for m in sys.modules if m.startswith(("autograd.array_api", "autograd.numpy", "autograd.utils"))])
        print(autograd.array_api.__name__, autograd.numpy.__name__, autograd.utils.dlpack.__name__)
        try:
            autograd.nothing
        except AttributeError as error:
            print(error)
    """)
    assert out.splitlines() == ["[]", "autograd.array_api autograd.numpy autograd.utils.dlpack",
                                "module 'autograd' has no attribute 'nothing'"]  # fmt: skip


def test_the_first_hips_program():
    import autograd.numpy as anp
    from autograd import grad

    def tanh(x):
        return (1.0 - anp.exp(-2 * x)) / (1.0 + anp.exp(-(2 * x)))

    assert float(grad(tanh)(1.0)) == pytest.approx((tanh(1.0001) - tanh(0.9999)) / 0.0002, abs=1e-6)
    third = grad(grad(grad(tanh)))(ag.tensor(1.0, dtype=ag.float64))
    s = 1 - math.tanh(1.0) ** 2
    assert float(third) == pytest.approx(4 * s * math.tanh(1.0) ** 2 - 2 * s * s, abs=1e-9)


def test_a_hips_logistic_regression():
    import autograd.numpy as anp
    from autograd import grad

    inputs = anp.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
    targets = anp.array([True, True, False, True])

    def loss(weights):
        predictions = 0.5 * (anp.tanh(anp.dot(inputs, weights) / 2) + 1)
        likely = predictions * targets + (1 - predictions) * (1 - targets)
        return -anp.sum(anp.log(likely))

    gradient, weights = grad(loss), anp.array([0.0, 0.0, 0.0])
    before = loss(weights)
    assert type(before) is np.float64
    for _ in range(100):
        weights -= gradient(weights) * 0.01
    assert type(weights) is np.ndarray
    assert loss(weights) == pytest.approx(1.0672706757870163)


def test_hips_derivatives_of_high_order():
    import autograd.numpy as anp
    from autograd import elementwise_grad, value_and_grad

    def tanh(x):
        return (1.0 - anp.exp(-2 * x)) / (1.0 + anp.exp(-2 * x))

    x, f = np.linspace(-7, 7, 51), tanh
    for _ in range(4):
        f = elementwise_grad(f)
    t = np.tanh(x)
    exact = 8 * t * (1 - t**2) * (2 - 3 * t**2)
    assert isinstance(f(x), np.ndarray)
    np.testing.assert_allclose(f(x), exact, atol=1e-7)
    value, slope = value_and_grad(lambda x: anp.sum(tanh(x)))(np.zeros(2))
    assert float(value) == 0.0
    assert slope.tolist() == [1.0, 1.0]


def test_gradient_by_a_structure_of_arrays():
    import autograd.numpy as anp

    slopes = ag.grad(lambda p: anp.sum(anp.dot(p["a"], p["b"][0])))(
        {"a": np.ones(2), "b": (np.array([2.0, 3.0]), ag.ones(1))}
    )
    assert slopes["a"].tolist() == [2.0, 3.0]
    assert slopes["b"][0].tolist() == [1.0, 1.0]
    assert isinstance(slopes["b"][1], ag.Tensor)


def test_gradients_come_in_the_order_asked_for():
    slopes = ag.grad(lambda x, y: (x * y**2).sum(), (1, 0))(2.0, 3.0)
    assert [float(g) for g in slopes] == [12.0, 9.0]
    assert float(ag.grad(lambda x, y: (x * y**2).sum(), -1)(2.0, 3.0)) == 12.0


def test_a_gradient_that_depends_on_a_tensor_stays_one():
    w = ag.tensor(2.0, requires_grad=True)
    g = ag.grad(lambda x: (w * x * x).sum())(np.ones(2))
    assert isinstance(g, ag.Tensor)
    (back,) = ag.grad(g.sum(), w)
    assert float(back) == 4.0


def test_quotient_of_huge_and_tiny_numbers():
    y = ag.tensor([1e25, 1e-25], requires_grad=True)
    (g,) = ag.grad((ag.tensor([1e25, 1e-30]) / y).sum(), y)
    np.testing.assert_allclose(g, [-1e-25, -1e20], rtol=1e-5)


def test_numpys_spelling():
    import autograd.numpy as anp
    import autograd.numpy.linalg as anpla
    import autograd.numpy.random as npr
    from autograd.numpy.fft import rfft

    t = leaf(2)
    assert type(anp.array([1.0, 2.0])) is np.ndarray
    assert anp.array(t) is not t
    assert anp.asarray(t) is t
    joined = anp.array([[t[0], t[1] * 2], [1.0, 2.0]])
    assert isinstance(joined, ag.Tensor)
    assert joined.shape == (2, 2)
    (g,) = ag.grad(joined.sum(), t)
    assert g.tolist() == [1.0, 2.0]
    assert anp.asarray([t[0]], dtype=np.float32).dtype is ag.float32
    assert float(anpla.norm(t)) == pytest.approx(np.linalg.norm(t.detach()))
    assert rfft(t).requires_grad
    assert npr.RandomState(0).rand() == np.random.RandomState(0).rand()
    assert anp.pi == np.pi
    assert not anp.isscalar(t)
    assert "concatenate" in dir(anp)
    assert "norm" in dir(anpla)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        anp.nothing


def test_opt_einsum():
    oe = pytest.importorskip("opt_einsum")
    a, b, c = leaf(2, 3), leaf(3, 4), leaf(4, 2)
    y = oe.contract("ij,jk,kl->il", a, b, c)
    assert isinstance(y, ag.Tensor)
    assert ag.gradcheck(lambda *xs: oe.contract("ij,jk,kl->", *xs), (a, b, c))
    np.testing.assert_allclose(y.detach(), (a @ b @ c).detach())
    assert oe.contract("ij,ij->i", a, a).shape == (2,)
    assert oe.contract("ij->ji", a).shape == (3, 2)


def test_einops_array_api():
    pytest.importorskip("einops")
    from einops import array_api as ea

    x = leaf(2, 3, 4)
    assert ea.rearrange(x, "a b c -> b (a c)").shape == (3, 8)
    assert ea.repeat(x, "a b c -> a b c k", k=2).shape == (2, 3, 4, 2)
    for how in ("sum", "mean", "max", "min", "prod"):
        assert ag.gradcheck(lambda x, how=how: ea.reduce(x, "a b c -> a c", how), (x,))
    packed, shapes = ea.pack([x, x[:, :, :2]], "a b *")
    assert packed.requires_grad
    assert [tuple(u.shape) for u in ea.unpack(packed, shapes, "a b *")] == [(2, 3, 4), (2, 3, 2)]


def test_einops_through_the_facade():
    pytest.importorskip("einops")
    out = program("""
        from autograd.compat import torch as facade
        facade.install()
        import torch, einops
        from torch.utils.dlpack import from_dlpack, to_dlpack
        assert from_dlpack(to_dlpack(torch.ones(2))).tolist() == [1.0, 1.0]
        x = torch.arange(24.0).reshape(2, 3, 4).requires_grad_()
        y = einops.rearrange(x, "a b c -> b (a c)")
        z = einops.reduce(x, "a b c -> a c", "mean") + einops.repeat(x[0, 0], "c -> a c", a=2)
        (y.sum() + z.sum()).backward()
        print(tuple(y.shape), tuple(z.shape), x.grad.shape == x.shape, round(float(einops.einsum(x, x, "a b c, a b c -> "))))
    """)
    assert out.strip() == "(3, 8) (2, 4) True 4324"
