"""Special functions: accuracy against known values and SciPy, edges, precision kept, windows, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
from autograd import gradcheck, signal, special, tensor

INF, NAN = math.inf, math.nan


def value(function, *args):
    return getattr(special, function)(
        *(tensor(a, dtype=autograd.float64) if isinstance(a, float) else a for a in args)
    ).item()


# ---------------------------------------------------------------------------------------------- accuracy

SCIPYS = {
    "erf": "erf",
    "erfc": "erfc",
    "erfcx": "erfcx",
    "gammaln": "gammaln",
    "digamma": "digamma",
    "i0": "i0",
    "i0e": "i0e",
    "i1": "i1",
    "i1e": "i1e",
    "ndtr": "ndtr",
    "log_ndtr": "log_ndtr",
    "entr": "entr",
    "expit": "expit",
    "bessel_j0": "j0",
    "bessel_j1": "j1",
    "airy_ai": "airy",
}
POSITIVE = {
    "bessel_y0": "y0",
    "bessel_y1": "y1",
    "modified_bessel_k0": "k0",
    "modified_bessel_k1": "k1",
    "scaled_modified_bessel_k0": "k0e",
    "scaled_modified_bessel_k1": "k1e",
}


@pytest.mark.parametrize("name", [*SCIPYS, *POSITIVE])
def test_scipy_agrees(name):
    scipy = pytest.importorskip("scipy.special")
    x = np.linspace(0.01, 30, 997) if name in POSITIVE else np.linspace(-12.3, 30.1, 997)
    expected = getattr(scipy, SCIPYS.get(name) or POSITIVE[name])(x)
    expected = expected[0] if name == "airy_ai" else expected
    np.testing.assert_allclose(getattr(special, name)(tensor(x)).numpy(), expected, rtol=2e-13, atol=2e-14)


@pytest.mark.parametrize("name", ["erfinv", "ndtri", "logit"])
def test_inverses(name):
    scipy = pytest.importorskip("scipy.special")
    x = np.concatenate([np.linspace(0.001, 0.999, 501), 10.0 ** np.arange(-300, -1), 1 - 10.0 ** np.arange(-15, -1)])
    np.testing.assert_allclose(getattr(special, name)(tensor(x)).numpy(), getattr(scipy, name)(x), rtol=3e-14)


def test_gamma_family_in_two_variables():
    scipy = pytest.importorskip("scipy.special")
    q = np.linspace(0.1, 20, 101)
    for s in (1.5, 2.0, 7.25):
        np.testing.assert_allclose(special.zeta(s, tensor(q)).numpy(), scipy.zeta(s, q), rtol=1e-13)
        np.testing.assert_allclose(special.gammainc(tensor(s), tensor(q)).numpy(), scipy.gammainc(s, q), rtol=1e-6)
        np.testing.assert_allclose(autograd.igammac(s, tensor(q)).numpy(), scipy.gammaincc(s, q), rtol=1e-13)
    for n in range(5):
        np.testing.assert_allclose(autograd.polygamma(n, tensor(q)).numpy(), scipy.polygamma(n, q), rtol=1e-12)
        np.testing.assert_allclose(tensor(q).polygamma(n).numpy(), scipy.polygamma(n, q), rtol=1e-12)
    np.testing.assert_allclose(
        special.multigammaln(tensor(q + 2), 3).numpy(), [scipy.multigammaln(v, 3) for v in q + 2], rtol=1e-12
    )


def test_log_gamma_keeps_its_relative_accuracy_at_its_zeros():
    step = 2.0**-30
    euler = 0.5772156649015329
    assert value("gammaln", 2 + step) == pytest.approx((1 - euler) * step, rel=1e-8)
    assert value("gammaln", 1 + step) == pytest.approx(-euler * step, rel=1e-8)


# ---------------------------------------------------------------------------------------------- edges


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("erf", INF, 1),
        ("erf", -INF, -1),
        ("erfc", INF, 0),
        ("erfc", -INF, 2),
        ("erfinv", 1.0, INF),
        ("erfinv", -1.0, -INF),
        ("erfinv", 1.5, NAN),
        ("erfinv", 0.0, 0),
        ("ndtri", 0.0, -INF),
        ("ndtri", 1.0, INF),
        ("ndtri", 0.5, 0),
        ("ndtri", -1.0, NAN),
        ("ndtr", -INF, 0),
        ("log_ndtr", INF, 0),
        ("log_ndtr", -INF, -INF),
        ("gammaln", 0.0, INF),
        ("gammaln", -3.0, INF),
        ("gammaln", INF, INF),
        ("gammaln", -INF, INF),
        ("gammaln", 1.0, 0),
        ("gammaln", 2.0, 0),
        ("digamma", 0.0, -INF),
        ("digamma", -0.0, INF),
        ("digamma", -2.0, NAN),
        ("digamma", INF, INF),
        ("i0", 0.0, 1),
        ("i0", INF, INF),
        ("i1", 0.0, 0),
        ("i1", -INF, -INF),
        ("i0e", INF, 0),
        ("i1e", INF, 0),
        ("sinc", 0.0, 1),
        ("sinc", 3.0, 0),
        ("entr", 0.0, 0),
        ("entr", -1.0, -INF),
        ("logit", 0.0, -INF),
        ("logit", 1.0, INF),
        ("logit", 2.0, NAN),
        ("spherical_bessel_j0", 0.0, 1),
    ],
)
def test_edges(name, x, expected):
    assert value(name, x) == pytest.approx(expected, abs=1e-15, nan_ok=True)


@pytest.mark.parametrize(
    "name",
    [
        "erf",
        "erfc",
        "erfcx",
        "erfinv",
        "ndtr",
        "ndtri",
        "log_ndtr",
        "gammaln",
        "digamma",
        "i0",
        "i0e",
        "i1",
        "i1e",
        "sinc",
        "entr",
        "logit",
    ],
)
def test_nan_and_precision_pass_through(name):
    function = getattr(special, name)
    assert math.isnan(value(name, NAN))
    for dtype in (autograd.float32, autograd.float64):
        x = tensor([0.25, 0.5], dtype=dtype, requires_grad=True)
        y = function(x)
        y.sum().backward()
        assert y.dtype == x.grad.dtype == dtype
    assert function(autograd.ones(2, dtype=autograd.int64)).dtype == autograd.float32
    assert tuple(function(autograd.zeros(0, 3)).shape) == (0, 3)


def test_zeta_and_polygamma_at_their_poles():
    assert value("zeta", 1.0, 2.0) == INF
    assert value("zeta", 2.0, -1.0) == INF
    assert math.isnan(value("zeta", 0.5, 1.0))
    assert math.isnan(value("zeta", 2.5, -0.5))
    assert value("zeta", 2.0, -0.5) == pytest.approx(4 + math.pi**2 / 2)
    assert autograd.polygamma(1, tensor(0.0)).item() == INF


def test_x_log_y_where_x_is_zero():
    assert value("xlogy", 0.0, 0.0) == 0
    assert math.isnan(value("xlogy", 0.0, NAN))
    assert value("xlogy", 1.0, 0.0) == -INF
    for name in ("xlogy", "xlog1py"):
        for other in (INF, -INF, -2.0):
            assert value(name, 0.0, other) == 0
            assert math.copysign(1, value(name, -0.0, other)) == 1
    assert value("xlog1py", 0.0, -1.0) == 0
    x, y = autograd.zeros(2, requires_grad=True), tensor([0.0, 2.0], requires_grad=True)
    autograd.xlogy(x, y).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0, math.log(2)], rtol=1e-6)


def test_gradients_at_zero():
    for name, expected in (("i1", 0.5), ("i1e", 0.5), ("sinc", 0.0), ("spherical_bessel_j0", 0.0), ("i0", 0.0)):
        x = tensor(0.0, requires_grad=True)
        getattr(special, name)(x).backward()
        assert x.grad.item() == expected, name


def test_logit_outside_its_domain():
    x = tensor([-0.5, 0.01, 0.5], requires_grad=True)
    autograd.logit(x, eps=0.1).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 4.0]
    x.grad = None
    autograd.logit(x).sum().backward()
    assert math.isnan(x.grad[0].item())


# ---------------------------------------------------------------------------------------------- polynomials


@pytest.mark.parametrize(
    ("name", "scipys"),
    [
        ("chebyshev_polynomial_t", "eval_chebyt"),
        ("chebyshev_polynomial_u", "eval_chebyu"),
        ("hermite_polynomial_h", "eval_hermite"),
        ("hermite_polynomial_he", "eval_hermitenorm"),
        ("laguerre_polynomial_l", "eval_laguerre"),
        ("legendre_polynomial_p", "eval_legendre"),
        ("shifted_chebyshev_polynomial_t", "eval_sh_chebyt"),
        ("shifted_chebyshev_polynomial_u", "eval_sh_chebyu"),
    ],
)
def test_polynomials(name, scipys):
    scipy = pytest.importorskip("scipy.special")
    x, n = np.linspace(-1.5, 1.5, 7), np.arange(9)[:, None]
    np.testing.assert_allclose(
        getattr(special, name)(tensor(x), tensor(n)).numpy(), getattr(scipy, scipys)(n, x), rtol=1e-11, atol=1e-11
    )
    assert getattr(special, name)(tensor([0.5]), -1).tolist() == [0.0]


def test_chebyshev_of_the_third_and_fourth_kind():
    angle, n = np.linspace(0.1, 3, 7), np.arange(6)[:, None]
    x = tensor(np.cos(angle))
    third, fourth = np.cos((n + 0.5) * angle) / np.cos(angle / 2), np.sin((n + 0.5) * angle) / np.sin(angle / 2)
    np.testing.assert_allclose(special.chebyshev_polynomial_v(x, tensor(n)).numpy(), third, atol=1e-12)
    np.testing.assert_allclose(special.chebyshev_polynomial_w(x, tensor(n)).numpy(), fourth, atol=1e-12)
    np.testing.assert_allclose(
        special.shifted_chebyshev_polynomial_v((x + 1) / 2, tensor(n)).numpy(), third, atol=1e-12
    )
    np.testing.assert_allclose(
        special.shifted_chebyshev_polynomial_w((x + 1) / 2, tensor(n)).numpy(), fourth, atol=1e-12
    )


# ---------------------------------------------------------------------------------------------- windows

WINDOWS = {
    "bartlett": {},
    "blackman": {},
    "hann": {},
    "hamming": {},
    "nuttall": {},
    "cosine": {},
    "kaiser": {"beta": 8.6},
    "gaussian": {"std": 3.0},
    "exponential": {"tau": 2.0},
    "general_hamming": {"alpha": 0.7},
    "general_cosine": {"a": [0.5, 0.3, 0.2]},
}


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("sym", [True, False])
def test_windows_are_scipys(name, sym):
    scipy = pytest.importorskip("scipy.signal.windows")
    for M in (0, 1, 2, 9):
        expected = getattr(scipy, name)(M, sym=sym, **WINDOWS[name])
        found = getattr(signal.windows, name)(M, sym=sym, dtype=autograd.float64, **WINDOWS[name])
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)
    assert getattr(signal.windows, name)(4, requires_grad=True, **WINDOWS[name]).requires_grad


def test_the_older_window_functions_are_periodic():
    for name in ("hann", "bartlett", "blackman", "hamming", "kaiser"):
        window = getattr(signal.windows, name)
        older = getattr(autograd, name + "_window")
        assert autograd.equal(older(6), window(6, sym=False))
        assert autograd.equal(older(6, periodic=False), window(6))
    assert autograd.hamming_window(4, True, 0.6, 0.4, dtype=autograd.float64).dtype == autograd.float64


# ---------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("error", "call", "match"),
    [
        (RuntimeError, lambda: autograd.polygamma(-1, autograd.ones(2)), "does not support negative n, got n=-1"),
        (RuntimeError, lambda: autograd.mvlgamma(autograd.ones(2), 0), "p has to be greater than or equal to 1, got 0"),
        (ValueError, lambda: signal.windows.kaiser(-1), "kaiser requires non-negative window length, got M=-1"),
        (ValueError, lambda: signal.windows.kaiser(3, beta=-1), "beta must be non-negative, got: -1"),
        (ValueError, lambda: signal.windows.gaussian(5, std=-1), "Standard deviation must be positive, got: -1"),
        (ValueError, lambda: signal.windows.exponential(5, tau=-1), "Tau must be positive, got: -1"),
        (ValueError, lambda: signal.windows.exponential(5, center=1), "Center must be None for symmetric windows"),
        (
            ValueError,
            lambda: signal.windows.hann(5, dtype=autograd.int64),
            "expects float32 or float64 dtypes, got: int64",
        ),
        (ValueError, lambda: signal.windows.general_cosine(5, a=[]), "Coefficients cannot be empty"),
        (TypeError, lambda: signal.windows.general_cosine(5, a=3), "Coefficients must be a list/tuple"),
        (RuntimeError, lambda: autograd.hann_window(-1), "requires non-negative window_length, got window_length=-1"),
        (
            RuntimeError,
            lambda: autograd.hann_window(4, dtype=autograd.int64),
            "expects floating point dtypes, got: int64",
        ),
    ],
)
def test_errors(error, call, match):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize("name", ["zeta", "igamma", "igammac"])
def test_the_first_argument_has_no_gradient_and_says_so(name):
    if name != "zeta":
        pytest.importorskip("scipy")
    a, x = tensor([2.0], requires_grad=True), tensor([1.5], requires_grad=True)
    function = special.zeta if name == "zeta" else getattr(autograd, name)
    with pytest.raises(RuntimeError, match=f"{name}: the derivative for 'input' is not implemented"):
        function(a, x).backward()
    assert gradcheck(lambda x: function(a.detach().double(), x), (x.detach().double().requires_grad_(),))


def test_scipy_is_asked_for_by_name(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "scipy.special", None)
    with pytest.raises(ImportError, match=r"special.bessel_j0: .* pip install glassgrad\[scipy\]"):
        special.bessel_j0(autograd.ones(2))
    for name in ("erf", "erfinv", "gammaln", "digamma", "i0", "i1e", "sinc", "log_ndtr", "zeta"):
        arguments = (autograd.full((2,), 2.0), autograd.ones(2)) if name == "zeta" else (autograd.full((2,), 0.5),)
        assert getattr(special, name)(*arguments).isfinite().all()
