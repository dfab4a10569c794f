"""The error function and its complement on arrays, in plain NumPy.

float64: Cody's rational approximations, 1e-15 relative. float32: erf(x) = tanh(x p(x²)) with a polynomial fitted here,
since NumPy's tanh is vectorised and costs no more than two multiplications.

Source: W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23, 1969.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from ._array import Array, real_only

# Coefficients from the highest power down: erf(x) = x P(x²)/Q(x²) below 0.46875, ...
_NEAR = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
# ... exp(x²) erfc(x) = P(x)/Q(x) up to 4, ...
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2,
     8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
# ... and (1/sqrt(pi) - P(1/x²)/Q(1/x²) / x²) / x above.
_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip
_INVERSE_ROOT_PI = 1 / math.sqrt(math.pi)

# atanh(erf(x)) / x as a polynomial in x², least squares on |x| < 3.92; the error of erf stays below 1e-7.
_SINGLE = (1.4182890255287628e-07, -5.668019815004144e-06, 8.763421420133338e-05, -6.197754059505522e-04,
           -1.9184261513443407e-04, 1.0276906152484254e-01, 1.1283792736188736)  # fmt: skip


_SATURATED = 4.3  # from here on 1 - erf(x) is less than half a step of float32


def _polynomial(coefficients: tuple, x: Array, out: Array | None = None) -> Array:
    out = np.multiply(coefficients[0], x, out=out)
    out += coefficients[1]
    for c in coefficients[2:]:
        out *= x
        out += c
    return out


def _ratio(pair: tuple, x: Array) -> Array:
    return _polynomial(pair[0], x) / _polynomial(pair[1], x)


def _near(x: Array) -> Array:
    """erf of |x| <= 0.46875."""
    return x * _ratio(_NEAR, x * x)


def _scaled_far(x: Array) -> Array:
    """exp(x²) erfc(x) for x > 4."""
    t = 1 / (x * x)
    return (_INVERSE_ROOT_PI - t * _ratio(_FAR, t)) / x


def _gauss(x: Array) -> Array:
    """exp(-x²) to full precision: x² is split, because its rounding error would be multiplied by x²."""
    whole = np.trunc(x * 16) / 16
    return np.exp(-whole * whole) * np.exp(-(x - whole) * (x + whole))


def _scaled_tail(x: Array) -> Array:
    """exp(x²) erfc(x) for x > 0.46875."""
    out = _ratio(_MIDDLE, np.minimum(x, 4.0))
    far = x > 4
    if far.any():
        out[far] = _scaled_far(x[far])
    return out


def _by_parts(function, x: Array) -> Array:
    """Apply a float64 function of a flat array to an array of any shape."""
    real_only(function.__name__.strip("_").removesuffix("_double"), x)
    flat = np.reshape(x, (-1,)).astype(np.float64)
    with np.errstate(all="ignore"):
        return function(flat).reshape(x.shape).astype(x.dtype)[()]


def _erf_double(x: Array) -> Array:
    size = np.abs(x)
    out = _near(np.clip(x, -0.46875, 0.46875))
    tail = size > 0.46875
    if tail.any():
        y = np.minimum(size[tail], 6.0)
        out[tail] = np.copysign(1 - _gauss(y) * _scaled_tail(y), x[tail])
    return np.where(np.isnan(x), x, out)


def _erfc_double(x: Array) -> Array:
    size = np.abs(x)
    out = 1 - _near(np.clip(x, -0.46875, 0.46875))
    tail = size > 0.46875
    if tail.any():
        y = np.minimum(size[tail], 28.0)
        one = _gauss(y) * _scaled_tail(y)
        out[tail] = np.where(x[tail] < 0, 2 - one, one)
    return np.where(np.isnan(x), x, out)


def _erfcx_double(x: Array) -> Array:
    size = np.abs(x)
    out = np.exp(x * x) * (1 - _near(np.clip(x, -0.46875, 0.46875)))
    tail = size > 0.46875
    if tail.any():
        y = size[tail]
        one = _scaled_tail(y)
        out[tail] = np.where(x[tail] < 0, 2 * np.exp(y * y) - one, one)
    return np.where(np.isnan(x), x, out)


_BLOCK = 1 << 15  # elements; three float32 buffers of it stay in a core's own cache


def _erf_single(x: Array, scale: float) -> Array:
    if x.size <= _BLOCK or not isinstance(x, np.ndarray):
        return _erf_block(x, scale)
    out = np.empty_like(x, order="C")
    source, target = np.reshape(x, (-1,)), out.reshape(-1)
    for start in range(0, x.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        _erf_block(source[block], scale, target[block])
    return out


def _erf_block(x: Array, scale: float, out: Array | None = None) -> Array:
    found = _polynomial(_scaled(scale), np.minimum(x * x, (_SATURATED / scale) ** 2), out)
    found *= x
    return np.tanh(found, out=out)


@functools.lru_cache(8)
def _scaled(scale: float) -> tuple:
    """The coefficients of atanh(erf(scale x)) / x in x²."""
    powers = range(2 * len(_SINGLE) - 1, 0, -2)
    return tuple(c * scale**k for c, k in zip(_SINGLE, powers, strict=True))


def erf(x: Array, scale: float = 1.0) -> Array:
    """2/√π times the integral of exp(-t²) from 0 to scale · x, elementwise; the dtype is kept."""
    if x.dtype == np.float32:
        return _erf_single(x, scale)
    return _by_parts(_erf_double, x if scale == 1 else x * scale)


def erfc(x: Array) -> Array:
    """1 - erf(x) without cancellation, elementwise."""
    return _by_parts(_erfc_double, x)


def erfcx(x: Array) -> Array:
    """exp(x²) erfc(x), which neither underflows nor overflows for large x."""
    return _by_parts(_erfcx_double, x)
