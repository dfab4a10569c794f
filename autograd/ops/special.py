"""Special functions: error function, gamma, Bessel functions and their kin, elementwise.

Those a deep-learning program meets need NumPy alone (`autograd/_erf.py`, `autograd/_special.py`); the rarer Bessel and
incomplete gamma functions ask SciPy when they are called.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _erf, _special
from .._array import Array, real_only
from .._extras import require
from .._op import composite, op
from .._registry import registry
from .._samples import call, cases, reals
from ._matrix import raw
from .compare import times, where
from .pointwise import cos, exp, log, log1p, sgn, sin

_FLOAT: dict[str, Any] = {"promote": "float", "elementwise": True, "inplace": True, "quiet": True, "pieced": True}
_SPECIAL: dict[str, Any] = {
    "promote": "float",
    "elementwise": True,
    "quiet": True,
    "pieced": True,
    "namespace": "special",
}
_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
_ROOT_TWO_PI = math.sqrt(2 * math.pi)


# ---------------------------------------------------------------------------------------------- error functions


@op(sample=reals(-2, 2), **_FLOAT)
def erf(x):
    """2/√π times the integral of e^(-t²) from 0 to input.

    Example:
        >>> import autograd
        >>> autograd.erf(autograd.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8427])
    """
    return _erf.erf(x)


@erf.grad("x")
def _(g, x):
    return g * exp(-x * x) * _TWO_OVER_ROOT_PI


@op(sample=reals(-2, 2), **_FLOAT)
def erfc(x):
    """1 - erf(input), accurate where erf is close to 1."""
    return _erf.erfc(x)


@erfc.grad("x")
def _(g, x):
    return g * exp(-x * x) * -_TWO_OVER_ROOT_PI


@op(sample=reals(-1, 2), **_SPECIAL)
def erfcx(x):
    """e^(input²) erfc(input), which neither underflows nor overflows for large arguments."""
    return _erf.erfcx(x)


@erfcx.grad("x")
def _(g, x, out):
    return g * (2.0 * x * out - _TWO_OVER_ROOT_PI)


@op(sample=reals(-0.9, 0.9), **_FLOAT)
def erfinv(x):
    """The inverse of erf on (-1, 1); ±inf at ±1, NaN beyond."""
    return _special.erfinv(x)


@erfinv.grad("x")
def _(g, out):
    return g * exp(out * out) * (1 / _TWO_OVER_ROOT_PI)


@op(sample=reals(-3, 3), **_SPECIAL)
def ndtr(x):
    """The distribution function of the standard normal: erfc(-input/√2) / 2."""
    return 0.5 * _erf.erfc(x * -math.sqrt(0.5))


@ndtr.grad("x")
def _(g, x):
    return g * exp(-0.5 * x * x) * (1 / _ROOT_TWO_PI)


@op(sample=reals(0.1, 0.9), **_SPECIAL)
def ndtri(x):
    """The quantiles of the standard normal: the inverse of `ndtr` on (0, 1)."""
    return _special.ndtri(x)


@ndtri.grad("x")
def _(g, out):
    return g * exp(0.5 * out * out) * _ROOT_TWO_PI


@op(sample=reals(-6, 3), **_SPECIAL)
def log_ndtr(x):
    """log of `ndtr`, accurate also far to the left."""
    return _special.log_ndtr(x)


@log_ndtr.grad("x")
def _(g, x, out):
    return g * exp(-(out + 0.5 * x * x)) * (1 / _ROOT_TWO_PI)


# ---------------------------------------------------------------------------------------------- gamma


@op(sample=reals(-2.5, 4, avoid=(-2, -1, 0), margin=0.2), **_FLOAT)
def lgamma(x):
    """log |Γ(input)|; inf at 0, -1, -2, ...

    Example:
        >>> import autograd
        >>> autograd.lgamma(autograd.tensor([1.0, 5.0]))
        tensor([0.0000, 3.1781])
    """
    return _special.lgamma(x)


@lgamma.grad("x")
def _(g, x):
    return g * digamma(x)


@op(sample=reals(-2.5, 4, avoid=(-2, -1, 0), margin=0.25), **_FLOAT)
def digamma(x):
    """The derivative of `lgamma`: Γ'(input) / Γ(input); NaN at negative whole numbers, -inf at 0."""
    return _special.digamma(x)


@digamma.grad("x")
def _(g, x):
    return g * _polygamma(x, n=1)


@op(batch="align", name="_polygamma", namespace="_", method=False, promote="float", quiet=True,
    sample=cases(lambda r: [call(r(4, lo=0.5, hi=4), n=n) for n in range(4)]))  # fmt: skip
def _polygamma(x, *, n):
    """The n-th derivative of digamma."""
    return _special.polygamma(n, x)


@_polygamma.grad("x")
def _(g, x, n):
    return g * _polygamma(x, n=n + 1)


@composite(inplace=True)
def polygamma(n, input):
    """The n-th derivative of `digamma`, n >= 0; as a method `x.polygamma(n)`.

    Raises:
        RuntimeError: n is negative.
    """
    if hasattr(n, "dtype"):
        n, input = input, n
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, got n={n}")
    return _polygamma(input, n=n)


@composite(inplace=True, sample=cases(lambda r: [call(r(2, 3, lo=2, hi=4), p=3), call(r(lo=1, hi=2), p=1)]))
def mvlgamma(input, p):
    """log of the p-variate gamma function: p (p-1)/4 log π + sum over j < p of lgamma(input - j/2)."""
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, got {p}")
    total = p * (p - 1) / 4 * math.log(math.pi)
    for j in range(p):
        total = lgamma(input - j / 2) + total
    return total


@op(
    batch="align",
    sample=cases(lambda r: [call(2.5, r(3, lo=1, hi=3))]),
    namespace="special",
    promote="float",
    quiet=True,
)
def zeta(x, y):
    """Hurwitz's zeta function: sum over k >= 0 of (other + k)^(-input). Differentiable in `other` alone."""
    return _special.zeta(_as_array(x, y), _as_array(y, x))


def _as_array(x: Any, like: Any) -> Array:
    """A number beside an array, as an array of its dtype."""
    return x if hasattr(x, "dtype") else np.full_like(like, x)


@zeta.grad("y")
def _(g, x, y):
    return g * -x * zeta(x + 1, y)


def _refuse(name: str):
    def rule(g):
        raise RuntimeError(
            f"{name}: the derivative for 'input' is not implemented; detach it, only 'other' is differentiable"
        )

    return rule


zeta.grad("x")(_refuse("zeta"))


@op(batch="align", sample=cases(lambda r: [call(1.5, r(3, lo=0.5, hi=3))]), promote="float", quiet=True)
def igamma(x, y):
    """The regularised lower incomplete gamma function P(input, other). Needs SciPy; differentiable in `other` alone."""
    return _double(_scipy("gammainc", "igamma"), x, y)


@op(batch="align", sample=cases(lambda r: [call(1.5, r(3, lo=0.5, hi=3))]), promote="float", quiet=True)
def igammac(x, y):
    """The regularised upper incomplete gamma function 1 - P(input, other). Needs SciPy; differentiable in `other` alone."""
    return _double(_scipy("gammaincc", "igammac"), x, y)


def _gamma_density(x: Any, y: Any) -> Any:
    """y^(x-1) e^-y / Γ(x)."""
    return exp(log(y) * (x - 1) - y - (math.lgamma(x) if isinstance(x, (int, float)) else lgamma(x)))


@igamma.grad("y")
def _(g, x, y):
    return g * _gamma_density(x, y)


@igammac.grad("y")
def _(g, x, y):
    return g * -_gamma_density(x, y)


igamma.grad("x")(_refuse("igamma"))
igammac.grad("x")(_refuse("igammac"))


@op(name="_betainc", namespace="_", method=False, batch="align", promote="float", quiet=True,
    sample=cases(lambda r: [call(2.6, 1.7, r(3, lo=0.1, hi=0.9))]))  # fmt: skip
def _betainc(x, y, z):
    """The regularised incomplete beta function I_z(x, y). Needs SciPy; differentiable in `z` alone."""
    return _double(_scipy("betainc", "betainc"), x, y, z)


@_betainc.grad("z")
def _(g, x, y, z):
    """z^(x-1) (1-z)^(y-1) / B(x, y)."""
    logarithm = [math.lgamma(v) if isinstance(v, (int, float)) else lgamma(v) for v in (x, y, x + y)]
    return g * exp(log(z) * (x - 1) + log1p(-z) * (y - 1) - logarithm[0] - logarithm[1] + logarithm[2])


_betainc.grad("x", "y")(_refuse("betainc"))


# ---------------------------------------------------------------------------------------------- logarithms and kin


@op(sample=reals(0.3, 3), **_FLOAT)
def xlogy(x, y):
    """input * log(other), and 0 where input is 0, unless other is NaN."""
    log_y = np.log(y) if hasattr(y, "dtype") else float(np.log(y))
    return np.where((x == 0) & ~np.isnan(y), 0.0, x * log_y)


@xlogy.grad("x")
def _(g, x, y):
    nothing = (raw(x) == 0) & (raw(y) <= 0)
    return where(nothing, 0.0, times(g, log(y)))


@xlogy.grad("y")
def _(g, x, y):
    return times(g, x / y)


@op(sample=reals(0.3, 3), **_SPECIAL)
def xlog1py(x, y):
    """input * log(1 + other), and 0 where input is 0, unless other is NaN."""
    return np.where((x == 0) & ~np.isnan(y), 0.0, x * np.log1p(y))


@xlog1py.grad("x")
def _(g, x, y):
    nothing = (raw(x) == 0) & (raw(y) <= -1)
    return where(nothing, 0.0, times(g, log1p(y)))


@xlog1py.grad("y")
def _(g, x, y):
    return times(g, x / (y + 1.0))


@op(real=True, sample=reals(0.2, 3), **_SPECIAL)
def entr(x):
    """-input * log(input): 0 at 0, -inf below."""
    return np.where(
        x > 0, -x * np.log(np.where(x > 0, x, 1)), np.where(x == 0, 0, np.where(np.isnan(x), x, -np.inf))
    ).astype(x.dtype)[()]


@entr.grad("x")
def _(g, x):
    return g * -(log(x) + 1.0)


@op(
    real=True,
    batch="align",
    sample=cases(lambda r: [call(r(3, lo=0.1, hi=0.9)), call(r(2, 3, lo=0.1, hi=0.9), eps=0.05)]),
    promote="float",
    quiet=True,
    inplace=True,
)
def logit(x, *, eps=None):
    """log(input / (1 - input)), the inverse of sigmoid; the input is clamped to [eps, 1 - eps] when eps is given."""
    if eps is not None:
        x = np.clip(x, eps, 1 - eps)
    return np.log(x / (1 - x))


@logit.grad("x")
def _(g, x, eps):
    low, high = (0.0, 1.0) if eps is None else (eps, 1 - eps)
    slope = g / (x * (1.0 - x))
    outside = (raw(x) < low) | (raw(x) > high)
    return where(outside, math.nan if eps is None else 0.0, slope)


@op(sample=reals(-3, 3, avoid=(0,)), **_FLOAT)
def sinc(x):
    """sin(πx) / (πx), and 1 at 0."""
    return np.sinc(x).astype(x.dtype, copy=False)


@sinc.grad("x")
def _(g, x):
    t = x * math.pi
    near = (raw(t) < 0.03) & (raw(t) > -0.03)  # there the difference below would cancel, so its series stands in
    square = t * t
    series = (t * math.pi) * (-1.0 / 3.0 + square * (1.0 / 30.0 - square * (1.0 / 840.0)))
    far = where(near, 1.0, t)
    return g * where(near, series, (cos(far) * far - sin(far)) / (far * far) * math.pi)


# ---------------------------------------------------------------------------------------------- Bessel functions


@op(sample=reals(-3, 3), **_FLOAT)
def i0(x):
    """The modified Bessel function of the first kind, order 0."""
    return _special.i0(x)


@i0.grad("x")
def _(g, x):
    return g * i1(x)


@op(sample=reals(-3, 3, avoid=(0,)), **_SPECIAL)
def i0e(x):
    """e^-|input| I0(input)."""
    return _special.i0e(x)


@i0e.grad("x")
def _(g, x, out):
    return g * (i1e(x) - sgn(x) * out)


@op(sample=reals(-3, 3, avoid=(0,)), **_SPECIAL)
def i1(x):
    """The modified Bessel function of the first kind, order 1."""
    return _special.i1(x)


@i1.grad("x")
def _(g, x, out):
    return g * _unless_zero(x, i0(x) - out / _nonzero(x))


@op(sample=reals(-3, 3, avoid=(0,)), **_SPECIAL)
def i1e(x):
    """e^-|input| I1(input)."""
    return _special.i1e(x)


@i1e.grad("x")
def _(g, x, out):
    return g * _unless_zero(x, i0e(x) - out * (sgn(x) + 1.0 / _nonzero(x)))


def _nonzero(x: Any) -> Any:
    return where(raw(x) == 0, 1.0, x)


def _unless_zero(x: Any, slope: Any) -> Any:
    """`slope`, and its limit 1/2 at 0."""
    return where(raw(x) == 0, 0.5, slope)


def _scipy(function: str, name: str) -> Any:
    return getattr(require("scipy.special", extra="scipy", purpose=name), function)


def _double(function: Any, *arrays: Any) -> Array:
    """A SciPy function in float64, the result in the precision of the arrays."""
    real_only(function.__name__, *arrays)
    dtype = np.result_type(*(a.dtype for a in arrays if hasattr(a, "dtype")))
    return function(*(a.astype(np.float64) if hasattr(a, "dtype") else a for a in arrays)).astype(dtype)[()]


def _bessel(name: str, function: str, doc: str, lo: float, rule: Any) -> Any:
    """Declare a Bessel function that SciPy computes; `rule(x, out)` is its derivative."""

    def kernel(x):
        return _double(_scipy(function, f"special.{name}"), x)

    kernel.__name__ = kernel.__qualname__ = name
    kernel.__doc__ = f"{doc} Needs SciPy."
    declared = op(kernel, sample=reals(lo, 4), **_SPECIAL)

    @declared.grad("x")
    def _(g, x, out):
        return g * rule(x, out)

    return declared


bessel_j0: Any = _bessel(
    "bessel_j0", "j0", "The Bessel function of the first kind, order 0.", 0.3, lambda x, out: -bessel_j1(x)
)
bessel_j1: Any = _bessel("bessel_j1", "j1", "The Bessel function of the first kind, order 1.", 0.3,
                    lambda x, out: _unless_zero(x, bessel_j0(x) - out / _nonzero(x)))  # fmt: skip
bessel_y0: Any = _bessel(
    "bessel_y0", "y0", "The Bessel function of the second kind, order 0.", 0.5, lambda x, out: -bessel_y1(x)
)
bessel_y1: Any = _bessel(
    "bessel_y1", "y1", "The Bessel function of the second kind, order 1.", 0.5, lambda x, out: bessel_y0(x) - out / x
)
modified_bessel_k0: Any = _bessel("modified_bessel_k0", "k0", "The modified Bessel function of the second kind, order 0.", 0.5,
                             lambda x, out: -modified_bessel_k1(x))  # fmt: skip
modified_bessel_k1: Any = _bessel("modified_bessel_k1", "k1", "The modified Bessel function of the second kind, order 1.", 0.5,
                             lambda x, out: -modified_bessel_k0(x) - out / x)  # fmt: skip
scaled_modified_bessel_k0: Any = _bessel("scaled_modified_bessel_k0", "k0e", "e^input K0(input).", 0.5,
                                    lambda x, out: out - scaled_modified_bessel_k1(x))  # fmt: skip
scaled_modified_bessel_k1: Any = _bessel("scaled_modified_bessel_k1", "k1e", "e^input K1(input).", 0.5,
                                    lambda x, out: out - scaled_modified_bessel_k0(x) - out / x)  # fmt: skip


@op(sample=reals(-3, 2), **_SPECIAL)
def airy_ai(x):
    """The Airy function Ai, the solution of y'' = x y that vanishes to the right. Needs SciPy."""
    return _double(lambda a: _scipy("airy", "special.airy_ai")(a)[0], x)


@airy_ai.grad("x")
def _(g, x):
    return g * _airy_slope(x)


@op(batch="align", name="_airy_slope", namespace="_", method=False, promote="float", sample=reals(-3, 2))
def _airy_slope(x):
    """The derivative of Ai."""
    return _double(lambda a: _scipy("airy", "special.airy_ai")(a)[1], x)


@_airy_slope.grad("x")
def _(g, x):
    return g * x * airy_ai(x)


@op(sample=reals(0.3, 4), **_SPECIAL)
def spherical_bessel_j0(x):
    """sin(input) / input, and 1 at 0."""
    return np.sinc(x / math.pi).astype(x.dtype, copy=False)


@spherical_bessel_j0.grad("x")
def _(g, x, out):
    slope = (cos(x) - out) / x
    zero = raw(x) == 0
    return g * where(zero, 0.0, slope)


# ---------------------------------------------------------------------------------------------- second names

# PyTorch's `special` repeats functions that live at the top level, some under other names.
_SECOND_NAMES = {
    "digamma": "digamma",
    "psi": "digamma",
    "erf": "erf",
    "erfc": "erfc",
    "erfinv": "erfinv",
    "exp2": "exp2",
    "expit": "sigmoid",
    "expm1": "expm1",
    "gammainc": "igamma",
    "gammaincc": "igammac",
    "gammaln": "lgamma",
    "i0": "i0",
    "log1p": "log1p",
    "log_softmax": "log_softmax",
    "logit": "logit",
    "logsumexp": "logsumexp",
    "modified_bessel_i0": "i0",
    "multigammaln": "mvlgamma",
    "polygamma": "polygamma",
    "round": "round",
    "sinc": "sinc",
    "softmax": "softmax",
    "xlogy": "xlogy",
}
for _name, _original in _SECOND_NAMES.items():
    registry[f"special.{_name}"] = registry[_original]
registry["special.modified_bessel_i1"] = registry["special.i1"]
