"""Elementwise functions of one tensor."""

from __future__ import annotations

import math

import numpy as np

from .._op import composite, op
from .._samples import call, cases, reals
from ._pieces import within
from ._select import select
from .compare import nothing, over, times, where
from .complex import conj, real

_FLOAT = {"promote": "float", "elementwise": True, "inplace": True}


@op(sample=reals(-2, 2), caption="× eˣ", **_FLOAT)
def exp(x):
    """e ** input, elementwise."""
    return np.exp(x)


@exp.grad("x")
def _(g, out):
    return g * out


@op(sample=reals(-2, 2), **_FLOAT)
def exp2(x):
    """2 ** input, elementwise."""
    return np.exp2(x)


@exp2.grad("x")
def _(g, out):
    return g * out * math.log(2)


@op(sample=reals(-2, 2), **_FLOAT)
def expm1(x):
    """e ** input - 1, accurate near 0."""
    if x.dtype.kind != "c":
        return np.expm1(x)
    return np.where(np.isfinite(x), np.expm1(x), np.exp(x) - 1)[()]  # NumPy's own is NaN at complex infinities


@expm1.grad("x")
def _(g, out):
    return g * (out + 1)


@op(sample=reals(0.3, 4), quiet=True, symbol="log", caption="× 1/x", **_FLOAT)
def log(x):
    """Natural logarithm, elementwise; -inf at 0, NaN below."""
    return np.log(x)


@log.grad("x")
def _(g, x):
    return over(g, x)


@op(sample=reals(0.3, 4), quiet=True, **_FLOAT)
def log2(x):
    """Logarithm to base 2."""
    return np.log2(x)


@log2.grad("x")
def _(g, x):
    return over(g, x * math.log(2))


@op(sample=reals(0.3, 4), quiet=True, **_FLOAT)
def log10(x):
    """Logarithm to base 10."""
    return np.log10(x)


@log10.grad("x")
def _(g, x):
    return over(g, x * math.log(10))


@op(sample=reals(-0.7, 3), quiet=True, **_FLOAT)
def log1p(x):
    """log(1 + input), accurate near 0."""
    return np.log1p(x)


@log1p.grad("x")
def _(g, x):
    return over(g, x + 1)


@op(sample=reals(0.3, 4), quiet=True, symbol="√", caption="× 1/(2√x)", **_FLOAT)
def sqrt(x):
    """Square root, elementwise; NaN below 0. Its gradient at 0 is inf."""
    return np.sqrt(x)


@sqrt.grad("x")
def _(g, out):
    return over(g, 2 * out)


@op(sample=reals(0.3, 4), quiet=True, **_FLOAT)
def rsqrt(x):
    """1 / sqrt(input)."""
    return 1 / np.sqrt(x)


@rsqrt.grad("x")
def _(g, out):
    return times(-0.5 * g, out * out * out)


@op(sample=reals(-3, 3, avoid=(0,), margin=0.4), quiet=True, symbol="1/u", caption="× −1/u²", **_FLOAT)
def reciprocal(x):
    """1 / input."""
    return 1 / x


@reciprocal.grad("x")
def _(g, out):
    return times(-g, out * out)


@op(sample=reals(-3, 3), symbol="x²", caption="× 2x", elementwise=True, inplace=True)
def square(x):
    """input * input; of bools the integers 0 and 1."""
    return x * x if x.dtype != bool else x.astype(np.int64)


@square.grad("x")
def _(g, x):
    return g * (2 * x)


@op(sample=reals(-3, 3), caption="× cos x", **_FLOAT)
def sin(x):
    """Sine of radians."""
    return np.sin(x)


@sin.grad("x")
def _(g, x):
    return g * cos(x)


@op(sample=reals(-3, 3), caption="× −sin x", **_FLOAT)
def cos(x):
    """Cosine of radians."""
    return np.cos(x)


@cos.grad("x")
def _(g, x):
    return -g * sin(x)


@op(sample=reals(-1, 1), **_FLOAT)
def tan(x):
    """Tangent of radians."""
    return np.tan(x)


@tan.grad("x")
def _(g, out):
    return g * (1 + out * out)


@op(sample=reals(-0.8, 0.8), aliases=("arcsin",), quiet=True, **_FLOAT)
def asin(x):
    """Arc sine; NaN outside [-1, 1]."""
    return np.arcsin(x)


@asin.grad("x")
def _(g, x):
    return over(g, sqrt(1 - x * x))


@op(sample=reals(-0.8, 0.8), aliases=("arccos",), quiet=True, **_FLOAT)
def acos(x):
    """Arc cosine; NaN outside [-1, 1]."""
    return np.arccos(x)


@acos.grad("x")
def _(g, x):
    return over(-g, sqrt(1 - x * x))


@op(sample=reals(-3, 3), aliases=("arctan",), **_FLOAT)
def atan(x):
    """Arc tangent."""
    return np.arctan(x)


@atan.grad("x")
def _(g, x):
    return g / (1 + x * x)


@op(sample=reals(-2, 2), **_FLOAT)
def sinh(x):
    """Hyperbolic sine."""
    return np.sinh(x)


@sinh.grad("x")
def _(g, x):
    return g * cosh(x)


@op(sample=reals(-2, 2), **_FLOAT)
def cosh(x):
    """Hyperbolic cosine."""
    return np.cosh(x)


@cosh.grad("x")
def _(g, x):
    return g * sinh(x)


@op(sample=reals(-3, 3), caption="× (1 − t²)", **_FLOAT)
def tanh(x):
    """Hyperbolic tangent."""
    return np.tanh(x)


@tanh.grad("x")
def _(g, out):
    return _tanh_slope(g, out)


# One operation, so that a recorded backward pass keeps one node for each tanh of a network instead of three.
@op(name="_tanh_slope", namespace="_", method=False, symbol="× (1 − t²)", caption="× (1 − t²), × −2 t g", elementwise=True,
    pieced=True, sample=reals(-2, 2))  # fmt: skip
def _tanh_slope(x, y, *, into=None):
    """x (1 - y²): the gradient x of y = tanh(z), brought to z."""
    if into is None:  # numbers are many times faster by operators
        return x * (1 - y * y)
    np.multiply(y, y, out=into)
    np.subtract(1, into, out=into)
    return np.multiply(x, into, out=into)


@_tanh_slope.grad("x")
def _(g, y):
    return _tanh_slope(g, y)


@_tanh_slope.grad("y")
def _(g, x, y):
    return g * x * (-2 * y)


@_tanh_slope.fast
def _(g, x, y, needs):
    """As the rules, with fewer arrays in between."""
    gy = None
    if needs[1]:
        gy = g * x
        gy *= y
        gy *= -2
    return g * (1 - y * y) if needs[0] else None, gy


@op(sample=reals(-3, 3), aliases=("arcsinh",), **_FLOAT)
def asinh(x):
    """Inverse hyperbolic sine."""
    return np.arcsinh(x)


@asinh.grad("x")
def _(g, x):
    return g / sqrt(x * x + 1)


@op(sample=reals(1.3, 4), aliases=("arccosh",), quiet=True, **_FLOAT)
def acosh(x):
    """Inverse hyperbolic cosine; NaN below 1."""
    return np.arccosh(x)


@acosh.grad("x")
def _(g, x):
    return over(g, sqrt(x - 1) * sqrt(x + 1))


@op(sample=reals(-0.8, 0.8), aliases=("arctanh",), quiet=True, **_FLOAT)
def atanh(x):
    """Inverse hyperbolic tangent."""
    return np.arctanh(x)


@atanh.grad("x")
def _(g, x):
    return over(g, 1 - x * x)


@op(sample=reals(-4, 4), symbol="σ", caption="× s(1−s)", aliases=(), pieced=True, **_FLOAT)
def sigmoid(x, *, into=None):
    """1 / (1 + e ** -input), elementwise, without overflow.

    Note:
        Computed as (1 + tanh(x/2)) / 2; for x < -15 as e ** x / (1 + e ** x), where the first form would cancel.
    """
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    middle = x * 0.5 if into is None else np.multiply(x, 0.5, out=into)
    if type(middle) is np.ndarray:
        np.tanh(middle, out=middle)
        middle *= 0.5
        middle += 0.5
    else:
        middle = np.tanh(middle) * 0.5 + 0.5
    if x.size and not np.min(x) >= -8:  # true for a NaN, beside which the tail matters as well
        tail = np.exp(np.minimum(x, 0.0))
        return select(x < -8, tail / (1 + tail), middle).astype(x.dtype, copy=False)[()]
    return middle


@sigmoid.grad("x")
def _(g, out):
    return g * (out * (1 - out))


@sigmoid.fast
def _(g, out, needs, into=None):
    """As the rule, in place."""
    slope = 1 - out if into is None else np.subtract(1, out, out=into)
    slope *= out
    slope *= g
    return (slope,)


@op(sample=reals(-3, 3, avoid=(0,)), aliases=("absolute",), operators=("__abs__",), symbol="|x|", caption="× sign x",
    elementwise=True, inplace=True, holomorphic=False)  # fmt: skip
def abs(x):
    """Absolute value; modulus of a complex number. Gradient 0 at 0."""
    return np.abs(x)


@abs.grad("x")
def _(g, x):
    return g * sgn(x)


@op(sample=reals(-3, 3, avoid=(0,)), elementwise=True, inplace=True)
def sign(x):
    """-1, 0 or 1 by the sign of the input."""
    if x.dtype.kind == "c":
        raise RuntimeError("Unlike NumPy, sign doesn't support complex; use sgn() instead")
    return np.sign(x) if x.dtype != bool else x.copy()


@sign.grad("x")
def _(g):
    return nothing(g)


@op(sample=reals(-3, 3, avoid=(0,)), elementwise=True, inplace=True, holomorphic=False)
def sgn(x):
    """The sign; for complex numbers input / |input|, 0 at 0, NaN where a part is NaN."""
    if x.dtype.kind == "c":
        return np.where(np.isnan(x), complex(math.nan, math.nan), np.sign(x)).astype(x.dtype)[()]
    return np.sign(x) if x.dtype != bool else x.copy()


@sgn.grad("x")
def _(g, x, out):
    if x.dtype.kind == "c":
        size = abs(x)
        safe = where(size == 0, 1.0 + 0.0 * size, size)
        return where(size == 0, nothing(g), (g - out * real(g * conj(out))) / safe)
    return nothing(g)


@op(real=True, sample=reals(-3, 3, avoid=(-3, -2, -1, 0, 1, 2, 3)), elementwise=True, inplace=True)
def floor(x):
    """The largest whole number not above the input."""
    return np.floor(x) if x.dtype.kind == "f" else x.copy()


@op(real=True, sample=reals(-3, 3, avoid=(-3, -2, -1, 0, 1, 2, 3)), elementwise=True, inplace=True)
def ceil(x):
    """The smallest whole number not below the input."""
    return np.ceil(x) if x.dtype.kind == "f" else x.copy()


@op(real=True, sample=reals(-3, 3, avoid=(-3, -2, -1, 0, 1, 2, 3)), aliases=("fix",), elementwise=True, inplace=True)
def trunc(x):
    """The whole part, towards zero."""
    return np.trunc(x) if x.dtype.kind == "f" else x.copy()


@op(batch="align", sample=reals(-2.4, 2.4, avoid=(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5)), inplace=True)
def round(x, *, decimals=0):
    """The nearest whole number (or to `decimals` places), halves to even."""
    if x.dtype.kind in "biu":
        return x.copy()
    return np.round(x, decimals)


@floor.grad("x")
@ceil.grad("x")
@trunc.grad("x")
@round.grad("x")
def _(g):
    return nothing(g)


@op(real=True, sample=reals(-3, 3, avoid=(-3, -2, -1, 0, 1, 2, 3)), elementwise=True, inplace=True)
def frac(x):
    """The part after the point: input - trunc(input)."""
    return x - np.trunc(x)


@frac.grad("x")
def _(g):
    return g


@composite
def positive(input):
    """The input itself.

    Raises:
        RuntimeError: a bool tensor.
    """
    if input.dtype.kind == "b":
        raise RuntimeError("positive: The `+` operator, on a bool tensor is not supported.")
    return input


@op(sample=reals(-3, 3), promote="float", elementwise=True, inplace=True)
def deg2rad(x):
    """Degrees to radians."""
    return x * (math.pi / 180)


@deg2rad.grad("x")
def _(g):
    return g * (math.pi / 180)


@op(sample=reals(-3, 3), promote="float", elementwise=True, inplace=True)
def rad2deg(x):
    """Radians to degrees."""
    return x * (180 / math.pi)


@rad2deg.grad("x")
def _(g):
    return g * (180 / math.pi)


@op(sample=reals(-3, 3, avoid=(0,)), promote="float", elementwise=True, aliases=("arctan2",), inplace=True)
def atan2(x, y):
    """The angle of the point (other, input)."""
    return np.arctan2(x, y)


@atan2.grad("x")
def _(g, x, y):
    return over(g * y, x * x + y * y)


@atan2.grad("y")
def _(g, x, y):
    return over(-g * x, x * x + y * y)


@op(sample=reals(-3, 3), promote="same", elementwise=True, inplace=True)
def hypot(x, y):
    """sqrt(input² + other²) without overflow."""
    return np.hypot(x, y)


@hypot.grad("x")
def _(g, x, out):
    return g * (x / out)


@hypot.grad("y")
def _(g, y, out):
    return g * (y / out)


@op(sample=reals(-3, 3), promote="same", elementwise=True)
def logaddexp(x, y):
    """log(e ** input + e ** other) without overflow."""
    return np.logaddexp(x, y) if np.result_type(x, y).kind != "c" else complex_logaddexp(x, y)


def complex_logaddexp(x, y):
    """Factors out the power whose real part is larger, so that no exponential overflows."""
    least, most = np.where(x.real < y.real, x, y), np.where(x.real < y.real, y, x)
    return most + np.where(np.isinf(least.real), 0.0, np.log1p(np.exp(least - most)))


@logaddexp.grad("x")
def _(g, x, y):
    return g * _weight(x, y)


@logaddexp.grad("y")
def _(g, x, y):
    return g * _weight(y, x)


def _weight(x, y):
    """e ** x / (e ** x + e ** y); a half at a tie, also of infinities, whose difference is no number."""
    return sigmoid(where((x == y) & (x - x != 0), 0.0, x - y))


@op(sample=reals(-3, 3), promote="same", elementwise=True)
def logaddexp2(x, y):
    """log2(2 ** input + 2 ** other) without overflow."""
    return np.logaddexp2(x, y)


@logaddexp2.grad("x")
def _(g, x, y):
    return g * _weight(x * math.log(2), y * math.log(2))


@logaddexp2.grad("y")
def _(g, x, y):
    return g * _weight(y * math.log(2), x * math.log(2))


@op(real=True, sample=reals(0.3, 3), promote="float", elementwise=True, inplace=True)
def copysign(x, y):
    """|input| with the sign of other."""
    return np.copysign(x, y)


@copysign.grad("x")
def _(g, x, out):
    return g * (sign(x) * sign(out))


@copysign.grad("y")
def _(g, y):
    return nothing(g)


@op(promote="same", elementwise=True, inplace=True, bitwise=True, sample=reals(0.3, 3, other=reals(4, 5)))
def nextafter(x, y):
    """The next representable number after input towards other."""
    return np.nextafter(x, y)


@nextafter.grad("x")
def _(g, x, y):
    return where(x != y, g, 0.0)


@nextafter.grad("y")
def _(g, x, y):
    return where(x == y, g, 0.0)


_BOUNDS = (int, float, type(None))


@op(real=True, batch="align", inplace=True, promote="same", symbol="clamp", caption="× [min ≤ x ≤ max]", aliases=("clip",),
    fits=("min", "max"),
    sample=cases(lambda r: [call(r(2, 3), min=-0.77, max=0.83), call(r(3), max=0.3), call(r(), min=-0.2),
                            call(r(2, 3), r(3, lo=-1.9, hi=-0.1), r(2, 1, lo=0.1, hi=1.7))]))  # fmt: skip
def clamp(x, min=None, max=None):
    """The input limited to [min, max]; either bound a number or a tensor. At a bound the gradient passes.

    Raises:
        RuntimeError: neither bound is given.
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if type(min) in _BOUNDS and type(max) in _BOUNDS:
        return within(x, min, max)
    if min is not None:
        x = np.maximum(x, min)
    return x if max is None else np.minimum(x, max)


@clamp.grad("x")
def _(g, x, min, max):
    if max is None:
        return where(x >= min, g, 0.0)
    inside = x <= max if min is None else (x >= min) & (x <= max)
    return where(inside, g, 0.0)


@clamp.grad("min")
def _(g, x, min, max):
    return where(x < min if max is None else (x < min) & (min < max), g, 0.0)


@clamp.grad("max")
def _(g, x, min, max):
    return where(x > max if min is None else (x > max) | (max < min), g, 0.0)


@composite(inplace=True)
def clamp_min(input, min):
    """The input, at least `min`."""
    return clamp(input, min=min)


@composite(inplace=True)
def clamp_max(input, max):
    """The input, at most `max`."""
    return clamp(input, max=max)
