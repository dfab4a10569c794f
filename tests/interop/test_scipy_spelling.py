"""`autograd.scipy`: special functions, densities, linear algebra, convolution and differential equations."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd as ag
import autograd.numpy as anp
from autograd.test_util import check_grads

pytest.importorskip("scipy")

import scipy

import autograd.scipy as asp

X = np.array([0.2, 0.5, 0.7])
A = np.random.default_rng(0).normal(size=(3, 3))
S = A @ A.T + 2 * np.eye(3)
T = np.tril(A) + 3 * np.eye(3)
# distribution -> (SciPy's name, functions, arguments, positions to differentiate by)
DENSITIES = {
    "norm": (("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf"), (X, 0.1, 2.0), (0, 1, 2)),
    "t": (("pdf", "logpdf"), (X, 3.0, 0.1, 2.0), (0, 1, 2, 3)),
    "beta": (("pdf", "logpdf"), (X, 2.0, 3.0), (0, 1, 2)),
    "gamma": (("pdf", "logpdf"), (X, 2.0), (0, 1)),
    "chi2": (("pdf", "logpdf"), (X, 3.0), (0, 1)),
    "poisson": (("pmf", "logpmf", "cdf"), (np.array([0.0, 1.0, 4.0]), 2.0), (1,)),
}
PARTLY = {"t": ("cdf", "logcdf"), "beta": ("cdf",), "gamma": ("cdf",), "chi2": ("cdf",)}
CASES = [(d, f, places) for d, (fs, _, places) in DENSITIES.items() for f in fs]
CASES += [(d, f, (0,)) for d, fs in PARTLY.items() for f in fs]


@pytest.mark.parametrize(("distribution", "name", "places"), CASES)
def test_densities(distribution, name, places):
    args = DENSITIES[distribution][1]
    ours = getattr(getattr(asp.stats, distribution), name)
    expected = getattr(getattr(scipy.stats, distribution), name)(*args)
    np.testing.assert_allclose(ours(*args), expected, rtol=1e-9)
    traced = ours(ag.tensor(args[0]), *args[1:])
    assert isinstance(traced, ag.Tensor)
    np.testing.assert_allclose(traced, expected, rtol=1e-9)
    check_grads(ours, places, modes=["rev"], order=1)(*args)


def test_tails_of_the_normal_distribution_stay_exact():
    assert asp.stats.norm.logcdf(-40.0) == pytest.approx(scipy.stats.norm.logcdf(-40.0))
    assert ag.grad(asp.stats.norm.logcdf)(-40.0) == pytest.approx(40.0249, abs=1e-3)
    below = np.array([-5.0, -0.5])
    np.testing.assert_allclose(asp.stats.t.cdf(below, 2.5), scipy.stats.t.cdf(below, 2.5))


@pytest.mark.parametrize(
    ("x", "mean", "cov"),
    [(np.ones((4, 3)) * X, np.zeros(3), S), (X, X / 2, S), (X, 0.0, 2.0), (X, np.zeros(3), X), (X, 0.1, S)],
)
def test_normal_distribution_of_vectors(x, mean, cov):
    ours, theirs = asp.stats.multivariate_normal, scipy.stats.multivariate_normal
    full = np.broadcast_to(mean, 3) if np.ndim(cov) else mean
    np.testing.assert_allclose(ours.logpdf(x, mean, cov), theirs.logpdf(x, full, cov), rtol=1e-10)
    np.testing.assert_allclose(ours.pdf(x, mean, cov), theirs.pdf(x, full, cov), rtol=1e-10)
    if np.ndim(cov):
        np.testing.assert_allclose(ours.entropy(full, cov), theirs.entropy(full, cov), rtol=1e-10)
    symmetric = (lambda c: (c + c.T) / 2) if np.ndim(cov) == 2 else lambda c: c
    check_grads(lambda x, m, c: ours.logpdf(x, m, symmetric(c)), (0, 1, 2), modes=["rev"])(x, mean, cov)


def test_singular_covariance():
    flat = np.diag([1.0, 2.0, 0.0])
    x = np.array([0.3, -0.2, 0.0])
    found = asp.stats.multivariate_normal.logpdf(x, np.zeros(3), flat, allow_singular=True)
    assert found == pytest.approx(-0.5 * (0.09 + 0.02 + math.log(2) + 3 * math.log(2 * math.pi)))


def test_dirichlet():
    x, alpha = np.array([0.2, 0.3, 0.5]), np.array([1.0, 2.0, 3.0])
    assert asp.stats.dirichlet.logpdf(x, alpha) == pytest.approx(scipy.stats.dirichlet.logpdf(x, alpha))
    assert asp.stats.dirichlet.pdf(x, alpha) == pytest.approx(scipy.stats.dirichlet.pdf(x, alpha))
    check_grads(asp.stats.dirichlet.logpdf, (0, 1), modes=["rev"], order=1)(x, alpha)


@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"axis": 0, "keepdims": True}, {"b": S + 1}, {"axis": (0, 1)}])
def test_logsumexp(options):
    f = asp.special.logsumexp
    np.testing.assert_allclose(f(A, **options), scipy.special.logsumexp(A, **options))
    np.testing.assert_allclose(f(ag.tensor(A), **options), scipy.special.logsumexp(A, **options))
    check_grads(lambda a: f(a, **options), modes=["rev"])(A)
    np.testing.assert_allclose(ag.grad(f)(np.full(2, 1000.0)), [0.5, 0.5])


def test_special_functions():
    s = asp.special
    np.testing.assert_allclose(s.softmax(ag.tensor(A), axis=1), scipy.special.softmax(A, axis=1))
    np.testing.assert_allclose(s.log_softmax(A, axis=0), scipy.special.log_softmax(A, axis=0))
    np.testing.assert_allclose(s.polygamma(2, ag.tensor(X)), scipy.special.polygamma(2, X))
    np.testing.assert_allclose(s.multigammaln(ag.tensor(X + 2), 2), scipy.special.multigammaln(X + 2, 2))
    assert s.gammasgn(ag.tensor(-0.5, requires_grad=True)) == -1.0
    assert type(s.gammaln(X)) is np.ndarray
    assert s.gammaln.__name__ == "gammaln"
    assert s.struve(1.0, 2.0) == scipy.special.struve(1.0, 2.0)
    assert ag.grad(s.expit)(0.0) == 0.25
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        s.nothing
    assert not hasattr(s, "__wrapped__")
    with pytest.raises(TypeError, match="return_sign is not supported"):
        s.logsumexp(ag.tensor(A), return_sign=True)


@pytest.mark.parametrize("options", [{"lower": True}, {"lower": True, "trans": "T"}, {"trans": 1}])
@pytest.mark.parametrize("b", [X, S])
def test_solve_triangular(options, b):
    matrix = T if options.get("lower") else T.T
    f = lambda a, b: asp.linalg.solve_triangular(a, b, **options)  # noqa: E731
    np.testing.assert_allclose(f(ag.tensor(matrix), ag.tensor(b)), scipy.linalg.solve_triangular(matrix, b, **options))
    np.testing.assert_allclose(f(matrix, b), scipy.linalg.solve_triangular(matrix, b, **options))
    check_grads(f, (0, 1), modes=["rev"])(matrix, b)


def test_linear_algebra():
    np.testing.assert_allclose(asp.linalg.cholesky(ag.tensor(S)), scipy.linalg.cholesky(S))
    np.testing.assert_allclose(asp.linalg.cholesky(S, lower=True), scipy.linalg.cholesky(S, lower=True))
    np.testing.assert_allclose(asp.linalg.expm(ag.tensor(A)), scipy.linalg.expm(A))
    np.testing.assert_allclose(asp.linalg.block_diag(ag.tensor(A), S), scipy.linalg.block_diag(A, S))
    np.testing.assert_allclose(ag.grad(lambda a: anp.log(asp.linalg.det(a)))(S), np.linalg.inv(S).T)
    assert asp.linalg.sqrtm is scipy.linalg.sqrtm
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        asp.linalg.nothing


def naive(A, B, axes, dot_axes, mode):
    """Sums written out, one pair of other places after another."""
    (a,), (b,) = axes
    (c,), (d,) = dot_axes
    A, B = np.moveaxis(A, (c, a), (-2, -1)), np.moveaxis(B, (d, b), (-2, -1))
    out = [
        [sum(np.convolve(A[i, k], B[j, k], mode) for k in range(A.shape[-2])) for j in range(len(B))]
        for i in range(len(A))
    ]
    return np.array(out)


@pytest.mark.parametrize("mode", ["full", "valid", "same"])
def test_convolve(mode):
    rng = np.random.default_rng(1)
    a, b, image, small = (rng.normal(size=s) for s in (7, 3, (6, 5), (3, 2)))
    f = asp.signal.convolve
    np.testing.assert_allclose(f(a, b, mode=mode), np.convolve(a, b, mode))
    np.testing.assert_allclose(f(b, a, mode="full"), np.convolve(a, b))
    np.testing.assert_allclose(f(image, small, mode=mode), scipy.signal.convolve2d(image, small, mode), atol=1e-12)
    check_grads(lambda x, y: f(x, y, mode=mode), (0, 1), modes=["rev"])(image, small)
    many, filters = rng.normal(size=(2, 3, 6)), rng.normal(size=(3, 4, 2))
    got = f(many, filters, axes=([2], [2]), dot_axes=([1], [0]), mode=mode)
    np.testing.assert_allclose(got, naive(many, filters.transpose(1, 0, 2), ([2], [2]), ([1], [1]), mode))
    assert f(image, small, axes=([0], [0]), mode="full").shape == (5, 2, 8)
    with pytest.raises(ValueError, match="mode is 'full', 'valid' or 'same', got 'wrap'"):
        f(a, b, mode="wrap")


def test_odeint_and_its_adjoint():
    M = np.array([[-0.1, 2.0], [-2.0, -0.1]])
    times, start = np.array([0.0, 0.3, 1.0]), np.array([2.0, 0.5])
    rate = lambda y, t, m, c: anp.dot(m, y) + c * t  # noqa: E731
    solve = lambda y0, t, m, c: asp.integrate.odeint(rate, y0, t, (m, c), rtol=1e-10, atol=1e-10)  # noqa: E731
    np.testing.assert_allclose(solve(start, times, M, 0.0)[-1], scipy.linalg.expm(M) @ start, rtol=1e-6)
    loss = lambda *args: anp.sum(solve(*args) ** 2)  # noqa: E731
    check_grads(loss, (0, 1, 2, 3), modes=["rev"], order=1)(start, times, M, 0.7)


def test_arrays_alone_are_scipys():
    a = np.ones((1, 2))
    found = asp.linalg.block_diag(a, a)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, scipy.linalg.block_diag(a, a))
    for name in ("__path__", "nothing_of_scipy"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(asp.linalg, name)
