"""Gamma variables and what is made of them."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..... import digamma, finfo, lgamma, log1p, rsqrt, stack, where, xlogy
from ....._tensor import Tensor
from . import constraints
from .base import Distribution, ExponentialFamily, broadcast_all, standard_normal
from .composed import TransformedDistribution
from .sampling import dirichlet, standard_gamma
from .transforms import PowerTransform

_POSITIVE = constraints.positive


class Gamma(ExponentialFamily):
    """Density rate^a x^(a - 1) e^(-rate x) / Gamma(a) with a = concentration."""

    has_rsample = True
    support = constraints.nonnegative  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"concentration": _POSITIVE, "rate": _POSITIVE}

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    mean = property(lambda self: self.concentration / self.rate)
    mode = property(lambda self: ((self.concentration - 1) / self.rate).clamp(min=0))
    variance = property(lambda self: self.concentration / self.rate.pow(2))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        value = standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        value.detach().clamp_(min=finfo(value.dtype).tiny)
        return value

    def log_prob(self, value: Any) -> Tensor:
        value, a, b = self._valid(value), self.concentration, self.rate
        return xlogy(a, b) + xlogy(a - 1, value) - b * value - lgamma(a)

    def cdf(self, value: Any) -> Tensor:
        from .....special import gammainc

        return gammainc(self.concentration, self.rate * self._valid(value))

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + lgamma(a) + (1.0 - a) * digamma(a)


class Chi2(Gamma):
    """The sum of `df` squared normal variables."""

    arg_constraints: ClassVar[dict] = {"df": _POSITIVE}
    _stretched = ("concentration", "rate")

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args)

    df = property(lambda self: self.concentration * 2)


class InverseGamma(TransformedDistribution):
    """1 / x of a gamma variable."""

    support = _POSITIVE  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"concentration": _POSITIVE, "rate": _POSITIVE}

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args)
        super().__init__(base, PowerTransform(-base.rate.new_ones(())), validate_args)

    concentration = property(lambda self: self.base_dist.concentration)
    rate = property(lambda self: self.base_dist.rate)
    mode = property(lambda self: self.rate / (self.concentration + 1))

    @property
    def mean(self) -> Tensor:
        found = self.rate / (self.concentration - 1)
        return where(self.concentration > 1, found, math.inf)

    @property
    def variance(self) -> Tensor:
        a = self.concentration
        return where(a > 2, self.rate.square() / ((a - 1).square() * (a - 2)), math.inf)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a + self.rate.log() + lgamma(a) - (1 + a) * digamma(a)


class Dirichlet(ExponentialFamily):
    """Shares that sum to 1, density proportional to prod x_i^(concentration_i - 1)."""

    has_rsample = True
    support = constraints.simplex  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"concentration": constraints.independent(_POSITIVE, 1)}

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        value, a = self._valid(value), self.concentration
        return xlogy(a - 1.0, value).sum(-1) + lgamma(a.sum(-1)) - lgamma(a).sum(-1)

    mean = property(lambda self: self.concentration / self.concentration.sum(-1, True))

    @property
    def mode(self) -> Tensor:
        top = (self.concentration - 1).clamp(min=0.0)
        found = top / top.sum(-1, True)
        edge = (self.concentration < 1).all(-1, keepdim=True)
        return where(edge, _first_largest(found, self.concentration), found)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def entropy(self) -> Tensor:
        a, k = self.concentration, self.concentration.shape[-1]
        total = a.sum(-1)
        spread = ((a - 1.0) * digamma(a)).sum(-1)
        return lgamma(a).sum(-1) - lgamma(total) - (k - total) * digamma(total) - spread


def _first_largest(like: Tensor, concentration: Tensor) -> Tensor:
    """1 at the largest concentration, for a density that grows towards the corners."""
    from nn.functional import one_hot

    return one_hot(concentration.argmax(-1), concentration.shape[-1]).to(like.dtype)


class Beta(ExponentialFamily):
    """Density x^(a - 1) (1 - x)^(b - 1) / B(a, b)."""

    has_rsample = True
    support = constraints.unit_interval  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"concentration1": _POSITIVE, "concentration0": _POSITIVE}
    _stretched = ("_dirichlet",)

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        pair = broadcast_all(concentration1, concentration0)
        self._dirichlet = Dirichlet(stack(pair, -1), validate_args)
        super().__init__(self._dirichlet.batch_shape, validate_args=validate_args)

    concentration1 = property(lambda self: self._dirichlet.concentration[..., 0])
    concentration0 = property(lambda self: self._dirichlet.concentration[..., 1])
    mean = property(lambda self: self.concentration1 / (self.concentration1 + self.concentration0))
    mode = property(lambda self: self._dirichlet.mode[..., 0])

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value: Any) -> Tensor:
        value = self._valid(value)
        return self._dirichlet.log_prob(stack([value, 1.0 - value], -1))

    def entropy(self) -> Tensor:
        return self._dirichlet.entropy()


class StudentT(Distribution):
    """Density proportional to (1 + y^2 / df)^(-(df + 1) / 2) with y = (x - loc) / scale."""

    has_rsample = True
    support = constraints.real  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"df": _POSITIVE, "loc": constraints.real, "scale": _POSITIVE}
    _stretched = ("_chi2",)

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    mode = property(lambda self: self.loc)
    mean = property(lambda self: where(self.df <= 1, math.nan, self.loc))

    @property
    def variance(self) -> Tensor:
        found = self.scale.pow(2) * self.df / (self.df - 2)
        return where(self.df > 2, found, where(self.df > 1, math.inf, math.nan))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        x = standard_normal(self._extended_shape(sample_shape), self.df.dtype)
        return self.loc + self.scale * (x * rsqrt(self._chi2.rsample(sample_shape) / self.df))

    def log_prob(self, value: Any) -> Tensor:
        y, d = (self._valid(value) - self.loc) / self.scale, self.df
        z = self.scale.log() + 0.5 * d.log() + 0.5 * math.log(math.pi) + lgamma(0.5 * d) - lgamma(0.5 * (d + 1.0))
        return -0.5 * (d + 1.0) * log1p(y**2.0 / d) - z

    def entropy(self) -> Tensor:
        d = self.df
        log_beta = lgamma(0.5 * d) + math.lgamma(0.5) - lgamma(0.5 * (d + 1))
        return self.scale.log() + 0.5 * (d + 1) * (digamma(0.5 * (d + 1)) - digamma(0.5 * d)) + 0.5 * d.log() + log_beta


class FisherSnedecor(Distribution):
    """The ratio of two chi-squared variables, each divided by its degrees of freedom."""

    has_rsample = True
    support = _POSITIVE  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"df1": _POSITIVE, "df2": _POSITIVE}
    _stretched = ("_gamma1", "_gamma2")

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        self._gamma1, self._gamma2 = Gamma(self.df1 * 0.5, self.df1), Gamma(self.df2 * 0.5, self.df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        d = where(self.df2 <= 2, math.nan, self.df2)
        return d / (d - 2)

    @property
    def mode(self) -> Tensor:
        found = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return where(self.df1 <= 2, math.nan, found)

    @property
    def variance(self) -> Tensor:
        d = where(self.df2 <= 4, math.nan, self.df2)
        return 2 * d.pow(2) * (self.df1 + d - 2) / (self.df1 * (d - 2).pow(2) * (d - 4))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        above, below = self._gamma1.rsample(sample_shape).view(shape), self._gamma2.rsample(sample_shape).view(shape)
        return (above / below.clamp(min=finfo(below.dtype).tiny)).clamp(min=finfo(below.dtype).tiny)

    def log_prob(self, value: Any) -> Tensor:
        value, a, b = self._valid(value), self.df1 * 0.5, self.df2 * 0.5
        ratio = self.df1 / self.df2
        return (
            lgamma(a + b)
            - lgamma(a)
            - lgamma(b)
            + a * ratio.log()
            + (a - 1) * value.log()
            - (a + b) * log1p(ratio * value)
        )


__all__ = ["Beta", "Chi2", "Dirichlet", "FisherSnedecor", "Gamma", "InverseGamma", "StudentT"]
