"""The Gaussian error linear unit, exact and approximated by tanh, with kernels that work in the cache."""

from __future__ import annotations

import math

import numpy as np

from .._erf import erf as _erf
from .._op import composite, op
from .._samples import reals
from ._pieces import in_pieces
from .activation import _F, _FLOAT, _whole
from .pointwise import exp, tanh

_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)


@op(name="_gelu", symbol="gelu", caption="× Φ(x) + xφ(x)", sample=reals(-3, 3),
    lends_result=True, **_FLOAT)  # fmt: skip
def _gelu(x):
    """x Φ(x), with Φ the normal distribution function."""
    _whole("gelu", x)
    return in_pieces(_gelu_of, x)


def _gelu_of(x):
    out = _erf(x * _ROOT_HALF)
    out = (out + 1) * x
    return out * 0.5


def _gelu_slope_of(x):
    return (_erf(x * _ROOT_HALF) + 1) * 0.5 + np.exp(x * x * -0.5) * x * _DENSITY


def _gelu_tanh_of(x):
    inner = x * x
    inner *= 0.044715 * _TANH_SCALE
    inner += _TANH_SCALE
    inner *= x
    out = np.tanh(inner)
    out += 1
    out *= x
    out *= 0.5
    return out


@_gelu.grad("x")
def _(g, x):
    return g * _gelu_slope(x)


@_gelu.fast
def _(g, x, out, needs):
    """As the rule, with Φ(x) had back from the result x Φ(x) instead of from another erf."""
    return (in_pieces(_gelu_gradient_of, g, x, out),)


_TINY = 7e-31  # makes 0/0 the half that Φ(0) is, and no difference anywhere else


def _gelu_gradient_of(g, x, out):
    slope = x * x
    slope *= -0.5
    slope = np.exp(slope)
    slope *= x
    slope *= _DENSITY
    slope += (out + 0.5 * _TINY) / (x + _TINY)
    slope *= g
    return slope


@op(name="_gelu_slope", symbol="gelu'", sample=reals(-3, 3), **_FLOAT)
def _gelu_slope(x):
    """Φ(x) + x φ(x)."""
    return in_pieces(_gelu_slope_of, x)


@_gelu_slope.grad("x")
def _(g, x):
    square = x * x
    return g * (exp(square * -0.5) * (2.0 - square) * _DENSITY)


@op(name="_gelu_tanh", symbol="gelu", sample=reals(-3, 3), lends_result=True, **_FLOAT)
def _gelu_tanh(x):
    _whole("gelu", x)
    return in_pieces(_gelu_tanh_of, x)


_TANH_SCALE = math.sqrt(2 / math.pi)


@_gelu_tanh.grad("x")
def _(g, x):
    square = x * x
    t = tanh(x * (square * (0.044715 * _TANH_SCALE) + _TANH_SCALE))
    inner = square * (3 * 0.044715 * _TANH_SCALE) + _TANH_SCALE
    return g * ((t + 1.0) * 0.5 + x * (1.0 - t * t) * inner * 0.5)


@_gelu_tanh.fast
def _(g, x, out, needs):
    """As the rule, with h = (1 + t) / 2 had back from the result x h: 1 - t² is 4 h (1 - h)."""
    return (in_pieces(_gelu_tanh_gradient_of, g, x, out),)


def _gelu_tanh_gradient_of(g, x, out):
    inner = x * x
    inner *= 6 * 0.044715 * _TANH_SCALE
    inner += 2 * _TANH_SCALE
    h = (out + 0.5 * _TINY) / (x + _TINY)
    slope = 1 - h
    slope *= h
    slope *= x
    slope *= inner
    slope += h
    slope *= g
    return slope


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
