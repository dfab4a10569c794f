"""Distributions on the real line or a part of it, drawn from normal, uniform, exponential and Cauchy numbers."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..... import (
    acos,
    cos,
    empty,
    finfo,
    float64,
    full_like,
    lgamma,
    log1p,
    no_grad,
    normal,
    ones_like,
    rand,
    where,
    zeros_like,
)
from ....._tensor import Tensor
from .....special import i0e, i1e
from . import constraints
from .base import (
    EULER,
    Binary,
    Distribution,
    ExponentialFamily,
    binary_entropy_loss,
    broadcast_all,
    clamp_probs,
    standard_normal,
)
from .composed import TransformedDistribution
from .transforms import AbsTransform, AffineTransform, ExpTransform, PowerTransform

_REAL, _POSITIVE = constraints.real, constraints.positive
_ROOT_TWO_PI = math.log(math.sqrt(2 * math.pi))


class Normal(ExponentialFamily):
    """Density e^(-(x - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    Example:
        >>> from autograd.compat.torch.distributions import Normal
        >>> round(Normal(0.0, 1.0).log_prob(0.0).item(), 4)
        -0.9189
    """

    has_rsample = True
    support = _REAL  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"loc": _REAL, "scale": _POSITIVE}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    mean = mode = property(lambda self: self.loc)
    stddev = property(lambda self: self.scale)
    variance = property(lambda self: self.scale**2)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.loc + standard_normal(self._extended_shape(sample_shape), self.loc.dtype) * self.scale

    def log_prob(self, value: Any) -> Tensor:
        value = self._valid(value)
        return -((value - self.loc) ** 2) / (2 * self.scale**2) - self.scale.log() - _ROOT_TWO_PI

    def cdf(self, value: Any) -> Tensor:
        return 0.5 * (1 + ((self._valid(value) - self.loc) * self.scale.reciprocal() / math.sqrt(2)).erf())

    def icdf(self, value: Any) -> Tensor:
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()


class LogNormal(TransformedDistribution):
    """e to the power of a normal variable."""

    support = _POSITIVE  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"loc": _REAL, "scale": _POSITIVE}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    loc = property(lambda self: self.base_dist.loc)
    scale = property(lambda self: self.base_dist.scale)
    mean = property(lambda self: (self.loc + self.scale**2 / 2).exp())
    mode = property(lambda self: (self.loc - self.scale.square()).exp())
    variance = property(lambda self: (self.scale**2).expm1() * (2 * self.loc + self.scale**2).exp())

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() + self.loc


class _Folded(TransformedDistribution):
    """The absolute value of a distribution that is symmetric about 0."""

    support = constraints.nonnegative  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"scale": _POSITIVE}

    scale = property(lambda self: self.base_dist.scale)
    mode = property(lambda self: zeros_like(self.scale))

    def log_prob(self, value: Any) -> Tensor:
        value = self._valid(value)
        return where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value: Any) -> Tensor:
        return 2 * self.base_dist.cdf(self._valid(value)) - 1

    def icdf(self, prob: Any) -> Tensor:
        return self.base_dist.icdf((prob + 1) / 2)

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() - math.log(2)


class HalfNormal(_Folded):
    """|x| of a normal variable around 0."""

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, False), AbsTransform(), validate_args)

    mean = property(lambda self: self.scale * math.sqrt(2 / math.pi))
    variance = property(lambda self: self.scale**2 * (1 - 2 / math.pi))


class Cauchy(Distribution):
    """Density 1 / (pi scale (1 + ((x - loc) / scale)^2))."""

    has_rsample = True
    support = _REAL  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"loc": _REAL, "scale": _POSITIVE}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    mode = property(lambda self: self.loc)
    mean = property(lambda self: full_like(self.loc.detach(), math.nan))
    variance = property(lambda self: full_like(self.loc.detach(), math.inf))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        eps = empty(self._extended_shape(sample_shape), dtype=self.loc.dtype).cauchy_()
        return self.loc + eps * self.scale

    def log_prob(self, value: Any) -> Tensor:
        value = self._valid(value)
        return -math.log(math.pi) - self.scale.log() - (((value - self.loc) / self.scale) ** 2).log1p()

    def cdf(self, value: Any) -> Tensor:
        return ((self._valid(value) - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value: Any) -> Tensor:
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + self.scale.log()


class HalfCauchy(_Folded):
    """|x| of a Cauchy variable around 0."""

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0, scale, False), AbsTransform(), validate_args)

    mean = property(lambda self: full_like(self.scale.detach(), math.inf))
    variance = property(lambda self: self.base_dist.variance)


class Uniform(Distribution):
    """Density 1 / (high - low) on [low, high)."""

    has_rsample = True
    arg_constraints: ClassVar[dict] = {"low": constraints.dependent, "high": constraints.dependent}

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._validate_args and not bool((self.low < self.high).all()):
            raise ValueError("Uniform is not defined when low>= high")

    support = property(lambda self: constraints.interval(self.low, self.high))
    mean = property(lambda self: (self.high + self.low) / 2)
    mode = property(lambda self: math.nan * self.high)
    stddev = property(lambda self: (self.high - self.low) / math.sqrt(12))
    variance = property(lambda self: (self.high - self.low) ** 2 / 12)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + drawn * (self.high - self.low)

    def log_prob(self, value: Any) -> Tensor:
        value = self._valid(value)
        inside = (self.low <= value) * (self.high > value)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value: Any) -> Tensor:
        return ((self._valid(value) - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value: Any) -> Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        return (self.high - self.low).log()


class Exponential(ExponentialFamily):
    """Density rate e^(-rate x)."""

    has_rsample = True
    support = constraints.nonnegative  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"rate": _POSITIVE}

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    mean = stddev = property(lambda self: self.rate.reciprocal())
    mode = property(lambda self: zeros_like(self.rate))
    variance = property(lambda self: self.rate**-2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return empty(self._extended_shape(sample_shape), dtype=self.rate.dtype).exponential_() / self.rate

    def log_prob(self, value: Any) -> Tensor:
        return self.rate.log() - self.rate * self._valid(value)

    def cdf(self, value: Any) -> Tensor:
        return 1 - (-self.rate * self._valid(value)).exp()

    def icdf(self, value: Any) -> Tensor:
        return -(-value).log1p() / self.rate

    def entropy(self) -> Tensor:
        return 1.0 - self.rate.log()


class Laplace(Distribution):
    """Density e^(-|x - loc| / scale) / (2 scale)."""

    has_rsample = True
    support = _REAL  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"loc": _REAL, "scale": _POSITIVE}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    mean = mode = property(lambda self: self.loc)
    stddev = property(lambda self: 2**0.5 * self.scale)
    variance = property(lambda self: 2 * self.scale.pow(2))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape, eps = self._extended_shape(sample_shape), finfo(self.loc.dtype).eps
        u = empty(shape, dtype=self.loc.dtype).uniform_(eps - 1, 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value: Any) -> Tensor:
        return -(2 * self.scale).log() - (self._valid(value) - self.loc).abs() / self.scale

    def cdf(self, value: Any) -> Tensor:
        shifted = self._valid(value) - self.loc
        return 0.5 - 0.5 * shifted.sign() * (-shifted.abs() / self.scale).expm1()

    def icdf(self, value: Any) -> Tensor:
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Tensor:
        return 1 + (2 * self.scale).log()


class Gumbel(TransformedDistribution):
    """The largest of many values: distribution function e^(-e^(-(x - loc) / scale))."""

    support = _REAL  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"loc": _REAL, "scale": _POSITIVE}
    _stretched = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        info = finfo(self.loc.dtype)
        base = Uniform(
            full_like(self.loc.detach(), info.tiny), full_like(self.loc.detach(), 1 - info.eps), validate_args
        )
        steps = [ExpTransform().inv, AffineTransform(0, -ones_like(self.scale)), ExpTransform().inv,
                 AffineTransform(self.loc, -self.scale)]  # fmt: skip
        super().__init__(base, steps, validate_args)

    mean = property(lambda self: self.loc + self.scale * EULER)
    mode = property(lambda self: self.loc)
    stddev = property(lambda self: (math.pi / math.sqrt(6)) * self.scale)
    variance = property(lambda self: self.stddev.pow(2))

    def expand(self, batch_shape: Any, _instance: Any = None) -> Gumbel:
        return Gumbel(self.loc.expand(batch_shape), self.scale.expand(batch_shape))

    def log_prob(self, value: Any) -> Tensor:
        y = (self.loc - self._valid(value)) / self.scale
        return (y - y.exp()) - self.scale.log()

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + EULER)


class Pareto(TransformedDistribution):
    """Density alpha scale^alpha / x^(alpha + 1) from `scale` on."""

    arg_constraints: ClassVar[dict] = {"alpha": _POSITIVE, "scale": _POSITIVE}

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        steps = [ExpTransform(), AffineTransform(0, self.scale)]
        super().__init__(Exponential(self.alpha, validate_args), steps, validate_args)

    support = property(lambda self: constraints.greater_than_eq(self.scale))
    mode = property(lambda self: self.scale)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Pareto:
        return Pareto(self.scale.expand(batch_shape), self.alpha.expand(batch_shape))

    @property
    def mean(self) -> Tensor:
        a = self.alpha.clamp(min=1)
        return a * self.scale / (a - 1)

    @property
    def variance(self) -> Tensor:
        a = self.alpha.clamp(min=2)
        return self.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())


class Weibull(TransformedDistribution):
    """(x / scale)^concentration is exponential."""

    support = _POSITIVE  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"scale": _POSITIVE, "concentration": _POSITIVE}

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(ones_like(self.scale).detach(), validate_args)
        steps = [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)]
        super().__init__(base, steps, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Weibull:
        return Weibull(self.scale.expand(batch_shape), self.concentration.expand(batch_shape))

    def _moment(self, n: int) -> Tensor:
        return lgamma(1 + n * self.concentration_reciprocal)

    mean = property(lambda self: self.scale * self._moment(1).exp())
    variance = property(lambda self: self.scale.pow(2) * (self._moment(2).exp() - (2 * self._moment(1)).exp()))

    @property
    def mode(self) -> Tensor:
        c = self.concentration
        return self.scale * ((c - 1) / c) ** c.reciprocal()

    def entropy(self) -> Tensor:
        inverse = self.concentration_reciprocal
        return EULER * (1 - inverse) + (self.scale * inverse).log() + 1


class Kumaraswamy(TransformedDistribution):
    """1 - (1 - x^a)^b is uniform."""

    support = constraints.unit_interval  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"concentration1": _POSITIVE, "concentration0": _POSITIVE}

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        zero = full_like(self.concentration0.detach(), 0)
        steps = [PowerTransform(self.concentration0.reciprocal()), AffineTransform(1.0, -1.0),
                 PowerTransform(self.concentration1.reciprocal())]  # fmt: skip
        super().__init__(Uniform(zero, zero + 1, validate_args), steps, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Kumaraswamy:
        return Kumaraswamy(self.concentration1.expand(batch_shape), self.concentration0.expand(batch_shape))

    def _moment(self, n: int) -> Tensor:
        a, b = self.concentration1, self.concentration0
        log = b.log() + lgamma(1 + n / a) + lgamma(b) - lgamma(1 + n / a + b)
        return log.exp()

    mean = property(lambda self: self._moment(1))
    variance = property(lambda self: self._moment(2) - self.mean.pow(2))

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        log = a.reciprocal() * (-b).log1p() - (-a * b).log1p()
        return where((a < 1) | (b < 1), math.nan, log.exp())

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        t1, t0 = 1 - a.reciprocal(), 1 - b.reciprocal()
        return t0 + t1 * ((b + 1).digamma() + EULER) - a.log() - b.log()


class VonMises(Distribution):
    """Density proportional to e^(concentration cos(x - loc)) on the circle."""

    support = _REAL  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"loc": _REAL, "concentration": _POSITIVE}

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    mean = mode = property(lambda self: self.loc)
    variance = property(lambda self: 1 - i1e(self.concentration) / i0e(self.concentration))

    def log_prob(self, value: Any) -> Tensor:
        value, k = self._valid(value), self.concentration
        return k * cos(value - self.loc) - math.log(2 * math.pi) - (i0e(k).log() + k)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """By rejection from a wrapped Cauchy distribution (Best and Fisher, 1979)."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            k = self.concentration.to(float64)
            tau = 1 + (1 + 4 * k**2).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * k)
            r = where(k < 1e-5, 1 / k + k, (1 + rho**2) / (2 * rho))
            angle, done = k.new_zeros(shape), k.new_zeros(shape) > 0
            while not bool(done.all()):
                u1, u2, u3 = rand((3, *shape), dtype=float64).unbind()
                z = cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = k * (r - f)
                accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                angle = where(accept, (u3 - 0.5).sign() * acos(f), angle)
                done = done | accept
            turned = (angle + math.pi + self.loc.to(float64)) % (2 * math.pi) - math.pi
            return turned.to(self.loc.dtype)


class ContinuousBernoulli(Binary):
    """Density proportional to probs^x (1 - probs)^(1 - x) on [0, 1]."""

    has_rsample = True
    support = constraints.unit_interval  # type: ignore[assignment]

    def __init__(self, probs: Any = None, logits: Any = None, lims: Any = (0.499, 0.501),
                 validate_args: bool | None = None) -> None:  # fmt: skip
        super().__init__(probs, logits, validate_args)
        self._lims = lims
        if probs is not None:
            self.probs = clamp_probs(self.probs)

    def _outside(self) -> Tensor:
        """Where the formulas hold; near 1/2 a Taylor series takes over."""
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut(self) -> Tensor:
        return where(self._outside(), self.probs, self._lims[0] * ones_like(self.probs))

    def _log_norm(self) -> Tensor:
        p = self._cut()
        low, high = where(p <= 0.5, p, 0.0), where(p >= 0.5, p, 1.0)
        log_norm = (log1p(-p) - p.log()).abs().log() - where(p <= 0.5, log1p(-2.0 * low), (2.0 * high - 1.0).log())
        x = (self.probs - 0.5) ** 2
        return where(self._outside(), log_norm, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self) -> Tensor:
        p = self._cut()
        exact = p / (2.0 * p - 1.0) + 1.0 / (log1p(-p) - p.log())
        x = self.probs - 0.5
        return where(self._outside(), exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x**2) * x)

    @property
    def variance(self) -> Tensor:
        p = self._cut()
        exact = p * (p - 1.0) / (1.0 - 2.0 * p) ** 2 + 1.0 / (log1p(-p) - p.log()) ** 2
        x = (self.probs - 0.5) ** 2
        return where(self._outside(), exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def log_prob(self, value: Any) -> Tensor:
        return -binary_entropy_loss(self.logits, self._valid(value)) + self._log_norm()

    def cdf(self, value: Any) -> Tensor:
        value, p = self._valid(value), self._cut()
        exact = (p**value * (1.0 - p) ** (1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        inner = where(self._outside(), exact, value)
        return where(value <= 0.0, 0.0, where(value >= 1.0, 1.0, inner))

    def icdf(self, value: Any) -> Tensor:
        p = self._cut()
        exact = (log1p(-p + value * (2.0 * p - 1.0)) - log1p(-p)) / (p.log() - log1p(-p))
        return where(self._outside(), exact, value)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def entropy(self) -> Tensor:
        log0, log1 = log1p(-self.probs), self.probs.log()
        return self.mean * (log0 - log1) - self._log_norm() - log0


__all__ = ["Cauchy", "ContinuousBernoulli", "Exponential", "Gumbel", "HalfCauchy", "HalfNormal", "Kumaraswamy", "Laplace",
           "LogNormal", "Normal", "Pareto", "Uniform", "VonMises", "Weibull"]  # fmt: skip
