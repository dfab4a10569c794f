"""Special functions on arrays in plain NumPy, to about 1e-15: gamma family, Bessel functions I, inverses of erf and erfc.

Everything is computed in float64 and given back in the precision it came in. The coefficients are not tables: they
follow from Bernoulli numbers, from the zeta function, or from a quadrature rule, in the few lines beside them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from ._array import Array, real_only
from ._erf import erf, erfc, erfcx


def in_double(kernel: Callable[..., Array]) -> Callable[..., Array]:
    """`kernel`, written for flat float64 arrays, for arrays of any shape and precision, and for scalars."""

    @functools.wraps(kernel)
    def run(*arrays: Array, **params: object) -> Array:
        real_only(kernel.__name__, *arrays)
        dtype = np.result_type(*(a.dtype for a in arrays if hasattr(a, "dtype")))
        arrays = np.broadcast_arrays(*arrays) if len(arrays) > 1 else arrays
        shape = arrays[0].shape
        flat = kernel(*(a.astype(np.float64).reshape(-1) for a in arrays), **params)
        return flat.astype(dtype).reshape(shape)[()]

    return run


# ---------------------------------------------------------------------------------------------- coefficients


@functools.cache
def bernoulli(count: int) -> tuple[float, ...]:
    """B_2, B_4, ..., `count` of them, by the recurrence sum of C(n+1, k) B_k = 0."""
    from fractions import Fraction

    numbers = [Fraction(1)]
    for n in range(1, 2 * count + 1):
        total = sum((math.comb(n + 1, k) * b for k, b in enumerate(numbers)), Fraction(0))
        numbers.append(-total / (n + 1))
    return tuple(float(b) for b in numbers[2::2])


_TERMS = 12
_SHIFT = 10.0  # asymptotic series are used from here on: 12 terms leave less than 1e-17


@functools.cache
def _log_gamma_series() -> tuple[float, ...]:
    """Coefficients of log Γ(2 + z) in z, highest power first: 1 - γ, then (-1)^k (ζ(k) - 1) / k."""
    k = np.arange(2.0, 32.0)
    tail = (-1) ** k * _zeta(k, np.full_like(k, 2.0)) / k
    return (*tail[::-1], 1 - 0.5772156649015329, 0.0)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    y = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        y *= x
        y += c
    return y


def _sine_of_pi(x: Array) -> Array:
    """sin(πx) up to sign, exact at integers."""
    return np.sin(math.pi * (x - np.round(x)))


# ---------------------------------------------------------------------------------------------- gamma


def _stirling(x: Array) -> Array:
    """log Γ(x) for x >= 10."""
    square, correction = x * x, np.zeros_like(x)
    for k in range(_TERMS, 0, -1):
        correction = correction / square + bernoulli(_TERMS)[k - 1] / (2 * k * (2 * k - 1))
    y = (x - 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + correction / x
    return np.where(x == np.inf, np.inf, y)


def _log_gamma_near(x: Array) -> Array:
    """log Γ(x) for 1/2 <= x < 10: down to within 1/2 of 2, where the series does not cancel at the zeros 1 and 2."""
    steps = np.maximum(np.round(x - 2), 0)
    product = np.ones_like(x)
    for k in range(1, int(np.max(steps, initial=0)) + 1):
        product = np.where(k <= steps, product * (x - k), product)
    z = x - steps - 2
    low = z < -0.5
    z = np.where(low, z + 1, z)
    return _polynomial(_log_gamma_series(), z) - np.where(low, np.log1p(z), 0) + np.log(product)


def _log_gamma_positive(x: Array) -> Array:
    far = x >= _SHIFT
    if not far.any():
        return _log_gamma_near(x)
    y = np.empty_like(x)
    y[far], y[~far] = _stirling(x[far]), _log_gamma_near(x[~far])
    return y


@in_double
def lgamma(x: Array) -> Array:
    """log |Γ(x)|, by Stirling's series, a Taylor series about 2, and reflection below 1/2."""
    left = x < 0.5
    right = _log_gamma_positive(np.where(left, 1 - x, np.where(np.isnan(x), 1.0, x)))
    if not left.any():
        return np.where(np.isnan(x), x, right)
    reflected = math.log(math.pi) - np.log(np.abs(_sine_of_pi(np.where(np.isfinite(x), x, 0.5)))) - right
    y = np.where(left, reflected, right)
    return np.where(np.isnan(x), x, np.where(np.isinf(x), np.inf, y))


@in_double
def digamma(x: Array) -> Array:
    """The derivative of log Γ(x): an asymptotic series after ten steps up, reflection below 0; NaN at -1, -2, ..."""
    left = x < 0
    y = np.where(left, 1 - x, x)
    steps = np.zeros_like(y)
    for k in range(int(_SHIFT)):
        steps = steps + np.where(y < _SHIFT, 1 / (y + k), 0)
    big = np.where(y < _SHIFT, y + _SHIFT, y)
    square, tail = big * big, np.zeros_like(big)
    for k in range(_TERMS, 0, -1):
        tail = (tail + bernoulli(_TERMS)[k - 1] / (2 * k)) / square
    y = np.log(big) - 0.5 / big - tail - steps
    angle = math.pi * (x - np.round(x))
    y = np.where(left, y - math.pi / np.tan(np.where(left, angle, 1.0)), y)
    y = np.where(left & (x == np.round(x)), np.nan, y)
    return np.where(x == 0, -np.copysign(np.inf, x), y)


def _zeta(s: Array, q: Array) -> Array:
    """Hurwitz's ζ(s, q) for s > 1 by the Euler-Maclaurin formula, terms being added up to q >= 10."""
    total, at = np.zeros_like(s), q
    while np.any(at < _SHIFT):
        low = at < _SHIFT
        total = total + np.where(low, at**-s, 0)
        at = np.where(low, at + 1, at)
    power = at**-s
    total = total + power * at / (s - 1) + 0.5 * power
    factor = s * power / at
    for k in range(1, _TERMS + 1):
        total = total + bernoulli(_TERMS)[k - 1] / math.factorial(2 * k) * factor
        factor = factor * (s + 2 * k - 1) * (s + 2 * k) / (at * at)
    return total


@in_double
def zeta(s: Array, q: Array) -> Array:
    """Hurwitz's ζ(s, q): sum of (q + k)^-s. inf for s = 1 and at q = 0, -1, ...; NaN for s < 1 and, unless s is
    whole, for other negative q."""
    whole = q == np.round(q)
    fit = (s > 1) & np.isfinite(q) & ~((q <= 0) & whole) & ~((q < 0) & (s != np.round(s)))
    y = _zeta(np.where(fit, s, 2.0), np.where(fit, q, 1.0))
    y = np.where(fit, y, np.nan)
    y = np.where((s > 1) & (q == np.inf), 0.0, y)
    return np.where((s == 1) | ((s > 1) & (q <= 0) & whole & np.isfinite(q)), np.inf, y)


def polygamma(n: int, x: Array) -> Array:
    """The n-th derivative of digamma: (-1)^(n+1) n! ζ(n + 1, x)."""
    if n == 0:
        return digamma(x)
    return (-1.0) ** (n + 1) * math.factorial(n) * zeta(np.full_like(x, n + 1), x)


# ---------------------------------------------------------------------------------------------- inverses of erf, erfc


def _refine(w: Array, error: Callable[[Array], Array]) -> Array:
    """Halley's steps towards erf(w) = a, `error` giving erf(w) - a without cancellation."""
    for _ in range(3):
        u = error(w) * (0.5 * math.sqrt(math.pi)) * np.exp(w * w)
        w = w - u / (1 + w * u)
    return w


def _first_guess(log_tail: Array) -> Array:
    """erfinv from log(1 - x²) to about 2e-3 (Winitzki 2008)."""
    a = 0.147
    c = 2 / (math.pi * a) + 0.5 * log_tail
    return np.sqrt(np.sqrt(c * c - log_tail / a) - c)


@in_double
def erfinv(x: Array) -> Array:
    """y with erf(y) = x; ±inf at ±1, NaN beyond."""
    a = np.abs(x)
    inside = a < 1
    m = np.where(inside, a, 0.0)
    w = _refine(_first_guess(np.log1p(-m * m)), lambda w: np.where(m < 0.5, erf(w) - m, (1 - m) - erfc(w)))
    y = np.where(m < 1e-8, 0.5 * math.sqrt(math.pi) * m, w)
    return np.copysign(np.where(inside, y, np.where(a == 1, np.inf, np.nan)), x)


def _erfcinv(q: Array) -> Array:
    low = np.where((q > 0) & (q < 2), np.minimum(q, 2 - q), 1.0)
    w = _refine(_first_guess(np.log(low * (2 - low))), lambda w: low - erfc(w))
    w = np.where(q > 1, -w, w)
    return np.where(q == 0, np.inf, np.where(q == 2, -np.inf, np.where((q > 0) & (q < 2), w, np.nan)))


@in_double
def ndtri(p: Array) -> Array:
    """The quantiles of the standard normal distribution."""
    near = erfinv(2 * np.where((p > 0.25) & (p < 0.75), p, 0.5) - 1)
    return math.sqrt(2) * np.where((p > 0.25) & (p < 0.75), near, -_erfcinv(2 * p))


@in_double
def log_ndtr(x: Array) -> Array:
    """log of the standard normal distribution function, accurate in both tails."""
    left = x < -1
    tail = np.log(0.5 * erfcx(-np.where(left, x, -1.0) * math.sqrt(0.5))) - 0.5 * x * x
    return np.where(left, tail, np.log1p(-0.5 * erfc(np.where(left, 0.0, x) * math.sqrt(0.5))))


# ---------------------------------------------------------------------------------------------- Bessel functions I

# I_n(x) is the mean of cosh(x cos t) cos(nt); the trapezoidal rule converges geometrically, and 16 points in a quarter
# of the circle reach 1e-17 up to x = 25. Its terms are positive, so nothing cancels.
_POINTS = np.cos((np.arange(16) + 0.5) * math.pi / 32)


def _scaled_bessel(x: Array, order: int) -> Array:
    """e^-x I_order(x) for x >= 0, order 0 or 1."""
    near, near_x = x <= 25, np.where(x <= 25, x, 0.0)
    total = np.zeros_like(x)
    for c in _POINTS:
        rising, both = np.exp(-near_x * (1 - c)), np.exp(-2 * near_x * c)
        total = total + (c * rising * -np.expm1(-2 * near_x * c) if order else rising * (1 + both))
    far_x = np.where(near, 25.0, x)
    term, tail = np.ones_like(x), np.ones_like(x)
    for k in range(1, 31):
        term = term * ((2 * k - 1) ** 2 - 4 * order) / (8 * k * far_x)
        tail = tail + term
    return np.where(near, total / (2 * len(_POINTS)), tail / np.sqrt(2 * math.pi * far_x))


def _bessel(x: Array, order: int) -> Array:
    return np.where(x == np.inf, np.inf, _scaled_bessel(x, order) * np.exp(x))


@in_double
def i0e(x: Array) -> Array:
    """e^-|x| I0(x)."""
    return _scaled_bessel(np.abs(x), 0)


@in_double
def i1e(x: Array) -> Array:
    """e^-|x| I1(x)."""
    return np.copysign(_scaled_bessel(np.abs(x), 1), x)


@in_double
def i0(x: Array) -> Array:
    """The modified Bessel function of the first kind, order 0."""
    return _bessel(np.abs(x), 0)


@in_double
def i1(x: Array) -> Array:
    """The modified Bessel function of the first kind, order 1."""
    return np.copysign(_bessel(np.abs(x), 1), x)
