"""Gradients of draws: of x with F(x; a) = u at fixed u, dx/da = -(dF/da) / f(x), by SciPy's distribution functions."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
from autograd.compat.torch import distributions as D

scipy_special = pytest.importorskip("scipy.special")
STEP = 1e-5


def slope(function, a):
    """The derivative of a smooth function by central differences of fourth order."""
    near = function(a + STEP) - function(a - STEP)
    far = function(a + 2 * STEP) - function(a - 2 * STEP)
    return (8 * near - far) / (12 * STEP)


@pytest.mark.parametrize("a", [0.3, 1.0, 2.5, 20.0])
def test_gamma(a):
    autograd.manual_seed(0)
    shape = autograd.full((40,), a, dtype=autograd.float64).requires_grad_()
    x = D.Gamma(shape, 1.0).rsample()
    (found,) = autograd.grad(x.sum(), shape)
    x = x.detach().numpy()
    density = np.exp((a - 1) * np.log(x) - x - scipy_special.gammaln(a))
    expected = -slope(lambda s: scipy_special.gammainc(s, x), a) / density
    inside = (scipy_special.gammainc(a, x) > 1e-3) & (scipy_special.gammainc(a, x) < 1 - 1e-3)
    np.testing.assert_allclose(found.numpy()[inside], expected[inside], rtol=1e-4)
    assert inside.sum() > 30


@pytest.mark.parametrize(("a", "b"), [(0.7, 0.9), (2.0, 3.5), (8.0, 1.5)])
def test_beta_in_both_parameters(a, b):
    autograd.manual_seed(1)
    first = autograd.full((40,), a, dtype=autograd.float64).requires_grad_()
    second = autograd.full((40,), b, dtype=autograd.float64).requires_grad_()
    x = D.Beta(first, second).rsample()
    found = autograd.grad(x.sum(), [first, second])
    x = x.detach().numpy()
    density = np.exp((a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - scipy_special.betaln(a, b))
    inside = (scipy_special.betainc(a, b, x) > 1e-3) & (scipy_special.betainc(a, b, x) < 1 - 1e-3)
    for got, derived in zip(found, (slope(lambda s: scipy_special.betainc(s, b, x), a),
                                    slope(lambda s: scipy_special.betainc(a, s, x), b)), strict=True):  # fmt: skip
        np.testing.assert_allclose(got.numpy()[inside], (-derived / density)[inside], rtol=1e-4)


def test_dirichlet_moves_along_the_simplex():
    autograd.manual_seed(2)
    concentration = autograd.tensor([0.8, 2.0, 3.0], dtype=autograd.float64, requires_grad=True)
    x = D.Dirichlet(concentration).rsample()
    rows = [autograd.grad(x[i], concentration, retain_graph=True)[0].numpy() for i in range(3)]
    np.testing.assert_allclose(np.sum(rows, axis=0), 0.0, atol=1e-10)  # shares always sum to one
    assert all(row[i] > 0 for i, row in enumerate(rows))  # more of its own concentration, more of the share
