"""Draws of gamma and Dirichlet variables whose gradients reach the parameters.

A draw x with distribution function F(x; a) moves with the parameter by dx/da = -(dF/da) / F'(x): the quantile stays. The
quotient has a series in which the exponentials cancel.
Source: M. Figurnov, S. Mohamed and A. Mnih, "Implicit reparameterization gradients" (2018).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..... import finfo
from ....._special import digamma
from ....._tensor import Tensor, wrap
from .....function import Function
from .....random import draws

_LONGEST = 20000  # terms of a series
_LARGE = 1e5  # shapes from which on the quantile's expansion is as good as the series, which would be long


def _gamma_slope(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """dx/da of a gamma draw."""
    x, a = np.broadcast_arrays(x, a)
    large = a > _LARGE
    return np.where(
        large,
        _gamma_far(x, np.where(large, a, _LARGE)),
        _gamma_series(np.where(large, 1.0, x), np.where(large, 1.0, a)),
    )


def _gamma_series(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """(x / a) sum_n t_n (H_n - log x + psi(a + 1)), t_n = x^n / ((a+1)...(a+n)), H_n = sum 1/(a+k)."""
    term, harmonic, total, weighted = np.ones_like(x), np.zeros_like(x), np.ones_like(x), np.zeros_like(x)
    k = 0
    while np.any(term * (1 + harmonic) > 1e-17 * total):
        k += 1
        term = term * x / (a + k)
        harmonic = harmonic + 1 / (a + k)
        total, weighted = total + term, weighted + term * harmonic
    return x / a * (weighted - total * (np.log(x) - digamma(a + 1)))


def _gamma_far(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """By the expansion of the quantile of order z in powers of 1 / sqrt(a): x = a + z sqrt(a) + (z^2 - 1) / 3 + ...

    Source: E. Cornish and R. Fisher, "Moments and cumulants in the specification of distributions" (1938).
    """
    s = np.sqrt(a)
    z = (x - a) / s
    for _ in range(4):  # Newton's steps
        found = a + z * s + (z * z - 1) / 3 + (z**3 - 7 * z) / (36 * s) - (3 * z**4 + 7 * z * z - 16) / (810 * a)
        z = z - (found - x) / (s + 2 * z / 3 + (3 * z * z - 7) / (36 * s))
    return 1 + z / (2 * s) - (z**3 - 7 * z) / (72 * a * s) + (3 * z**4 + 7 * z * z - 16) / (810 * a * a)


def _beta_slope(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """dx/da of a beta draw, by the series of the incomplete beta function from the nearer end."""
    near = x <= (a + 1) / (a + b + 2)
    low = _beta_series(np.where(near, x, 0.5 * a / (a + b)), a, b, True)
    high = _beta_series(np.where(near, 0.5 * b / (a + b), 1 - x), b, a, False)
    return np.where(near, low, high)


def _beta_series(y: np.ndarray, p: np.ndarray, q: np.ndarray, first: bool) -> np.ndarray:
    """I_y(p, q) / density, derived by p (`first`, with the sign of a falling quantile) or by q."""
    term, weight, total, derived = np.ones_like(y), np.zeros_like(y), np.ones_like(y), np.zeros_like(y)
    k = 0
    while k < _LONGEST and np.any(term * (1 + np.abs(weight)) > 1e-17 * total):
        weight = weight + 1 / (p + q + k) - (1 / (p + 1 + k) if first else 0)
        term = term * y * (p + q + k) / (p + 1 + k)
        total, derived = total + term, derived + term * weight
        k += 1
    own = np.log(y) - 1 / p - digamma(p) if first else np.log1p(-y) - digamma(q)
    slope = y * (1 - y) / p * (total * (own + digamma(p + q)) + derived)
    return -slope if first else slope


class _StandardGamma(Function):
    """Gamma variables of scale 1."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        drawn = np.asarray(draws().standard_gamma(concentration._data.astype(np.float64)))
        tiny = finfo(concentration.dtype).tiny
        result = wrap(np.maximum(drawn, tiny).astype(concentration._data.dtype))
        ctx.save_for_backward(result, concentration)
        return result

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        x, a = (t._data.astype(np.float64) for t in ctx.saved_tensors)
        return g * wrap(_gamma_slope(x, a).astype(g._data.dtype))


class _Dirichlet(Function):
    """Dirichlet variables."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        parts = np.asarray(draws().standard_gamma(concentration._data.astype(np.float64)))
        d = concentration._data.dtype
        shares = (parts / parts.sum(-1, keepdims=True)).astype(d)
        result = wrap(np.clip(shares, np.finfo(d).tiny, np.nextafter(d.type(1), d.type(0))))
        ctx.save_for_backward(result, concentration)
        return result

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        x, a = (t._data.astype(np.float64) for t in ctx.saved_tensors)
        slope = _beta_slope(x, a, a.sum(-1, keepdims=True) - a) / (1 - x)
        along = g - (ctx.saved_tensors[0] * g).sum(-1, keepdim=True)
        return along * wrap(slope.astype(g._data.dtype))


def standard_gamma(concentration: Tensor) -> Tensor:
    return _StandardGamma.apply(concentration)


def dirichlet(concentration: Tensor) -> Tensor:
    return _Dirichlet.apply(concentration)
