"""The Gaussian error linear unit, exact and approximated by tanh, by kernels that work in place."""

from __future__ import annotations

import math

import numpy as np

from .._erf import erf as _erf
from .._op import composite, op
from .._samples import reals
from .activation import _F, _FLOAT, _whole
from .pointwise import exp, tanh

_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)


@op(name="_gelu", pieced=True, symbol="gelu", caption="× Φ(x) + xφ(x)", sample=reals(-3, 3),
    lends_result=True, **_FLOAT)  # fmt: skip
def _gelu(x):
    """x Φ(x), with Φ the normal distribution function."""
    _whole("gelu", x)
    found = _erf(x, _ROOT_HALF)
    found += 1
    found *= x
    found *= 0.5
    return found


@_gelu.grad("x")
def _(g, x):
    return g * _gelu_slope(x)


@_gelu.fast
def _(g, x, out, needs, into=None):
    """As the rule, with Φ(x) had back from the result x Φ(x) instead of from another erf."""
    slope = _bell(x, into)
    slope *= x
    slope *= _DENSITY
    slope += _share(x, out)
    slope *= g
    return (slope,)


def _bell(x, into):
    """e^(-x²/2)."""
    square = _square(x, into)
    square *= -0.5
    return np.exp(square, out=into)


def _square(x, into):
    return x * x if into is None else np.multiply(x, x, out=into)


_TINY = 7e-31  # makes 0/0 the half that Φ(0) is, and no difference anywhere else


def _share(x, result):
    """Φ(x), or what stands for it, from the result x Φ(x)."""
    share = result + 0.5 * _TINY
    share /= x + _TINY
    return share


@op(name="_gelu_slope", pieced=True, symbol="gelu'", sample=reals(-3, 3), **_FLOAT)
def _gelu_slope(x, *, into=None):
    """Φ(x) + x φ(x)."""
    density = _bell(x, into)
    density *= x
    density *= _DENSITY
    density += (_erf(x, _ROOT_HALF) + 1) * 0.5
    return density


@_gelu_slope.grad("x")
def _(g, x):
    square = x * x
    return g * (exp(square * -0.5) * (2.0 - square) * _DENSITY)


@op(name="_gelu_tanh", pieced=True, symbol="gelu", sample=reals(-3, 3), lends_result=True, **_FLOAT)
def _gelu_tanh(x, *, into=None):
    _whole("gelu", x)
    found = _square(x, into)
    found *= 0.044715 * _TANH_SCALE
    found += _TANH_SCALE
    found *= x
    found = np.tanh(found, out=into)
    found += 1
    found *= x
    found *= 0.5
    return found


_TANH_SCALE = math.sqrt(2 / math.pi)


@_gelu_tanh.grad("x")
def _(g, x):
    square = x * x
    t = tanh(x * (square * (0.044715 * _TANH_SCALE) + _TANH_SCALE))
    inner = square * (3 * 0.044715 * _TANH_SCALE) + _TANH_SCALE
    return g * ((t + 1.0) * 0.5 + x * (1.0 - t * t) * inner * 0.5)


@_gelu_tanh.fast
def _(g, x, out, needs, into=None):
    """As the rule, with h = (1 + t) / 2 had back from the result x h: 1 - t² is 4 h (1 - h)."""
    slope = _square(x, into)
    slope *= 6 * 0.044715 * _TANH_SCALE
    slope += 2 * _TANH_SCALE
    slope *= x
    h = _share(x, out)
    slope *= h
    slope *= 1 - h
    slope += h
    slope *= g
    return (slope,)


@composite(namespace=_F)
def gelu(input, approximate="none"):
    """x Φ(x) with Φ the standard normal distribution function; 'tanh' approximates it without erf.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """
    if approximate == "none":
        return _gelu(input)
    if approximate == "tanh":
        return _gelu_tanh(input)
    raise RuntimeError(f"gelu: approximate argument must be either none or tanh, got {approximate!r}")
