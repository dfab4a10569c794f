"""Kullback-Leibler divergences, by the classes of both distributions."""

from __future__ import annotations

import math
from typing import Any

from ..... import diagonal, digamma, lgamma, matmul, mvlgamma, where, xlogy, zeros_like
from ....._tensor import Tensor
from .....linalg import inv, solve_triangular
from . import continuous as c
from . import discrete as d
from . import gammas as g
from .base import EULER, Distribution, sum_rightmost
from .composed import Independent, TransformedDistribution
from .vectors import LowRankMultivariateNormal, MultivariateNormal, _log_diagonal
from .wishart import Wishart

_KL: dict[tuple[type, type], Any] = {}


def register_kl(type_p: type, type_q: type) -> Any:
    """Decorator: this function computes KL(p || q)."""

    def keep(function: Any) -> Any:
        _KL[type_p, type_q] = function
        return function

    return keep


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """Mean over p of log p - log q.

    Raises:
        NotImplementedError: no formula for this pair is known.
    """
    for a in type(p).__mro__:
        for b in type(q).__mro__:
            if (a, b) in _KL:
                return _KL[a, b](p, q)
    raise NotImplementedError(
        f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
    )


def _infinite_like(t: Tensor) -> Tensor:
    return zeros_like(t).detach() + math.inf


@register_kl(c.Normal, c.Normal)
def _normal(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Wishart, Wishart)
def _wishart(p: Any, q: Any) -> Tensor:
    size = p.event_shape[-1]
    trace = diagonal(matmul(inv(q.covariance_matrix), p.covariance_matrix), 0, -2, -1).sum(-1)
    volumes = q.df * (_log_diagonal(q._lower) - _log_diagonal(p._lower))
    gammas = mvlgamma(q.df / 2, size) - mvlgamma(p.df / 2, size)
    return volumes + gammas + p.df / 2 * (trace - size) + (p.df - q.df) / 2 * p._digamma()


@register_kl(d.Categorical, d.Categorical)
def _categorical(p: Any, q: Any) -> Tensor:
    t = p.probs * (p.logits - q.logits)
    t = where((q.probs == 0).expand(t.shape), math.inf, t)
    return where((p.probs == 0).expand(t.shape), 0.0, t).sum(-1)


@register_kl(d.OneHotCategorical, d.OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Tensor:
    return _categorical(p._categorical, q._categorical)


def _over(p: Tensor, q: Tensor) -> Tensor:
    """p log(p / q), with its limits where p or q is 0."""
    t = p * (p / q).log()
    t = where((q == 0).expand(t.shape), math.inf, t)
    return where((p == 0).expand(t.shape), 0.0, t)


@register_kl(d.Bernoulli, d.Bernoulli)
def _bernoulli(p: Any, q: Any) -> Tensor:
    return _over(p.probs, q.probs) + _over(1 - p.probs, 1 - q.probs)


@register_kl(d.Binomial, d.Binomial)
def _binomial(p: Any, q: Any) -> Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented: the counts differ"
        )
    found = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return where((p.total_count > q.total_count).expand(found.shape), math.inf, found)


@register_kl(d.Geometric, d.Geometric)
def _geometric(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(d.Poisson, d.Poisson)
def _poisson(p: Any, q: Any) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(c.Exponential, c.Exponential)
def _exponential(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(c.Uniform, c.Uniform)
def _uniform(p: Any, q: Any) -> Tensor:
    found = ((q.high - q.low) / (p.high - p.low)).log()
    return where((q.low > p.low) | (q.high < p.high), math.inf, found)


@register_kl(c.Laplace, c.Laplace)
def _laplace(p: Any, q: Any) -> Tensor:
    ratio, away = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + away / q.scale + ratio * (-away / p.scale).exp() - 1


@register_kl(c.Cauchy, c.Cauchy)
def _cauchy(p: Any, q: Any) -> Tensor:
    return ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()


@register_kl(c.Gumbel, c.Gumbel)
def _gumbel(p: Any, q: Any) -> Tensor:
    ratio, start, end = p.scale / q.scale, q.loc / q.scale, p.loc / q.scale
    moved = (start - end + (1 + ratio).lgamma()).exp()
    return -ratio.log() - start + end + ratio * EULER + moved - (1 + EULER)


@register_kl(c.HalfNormal, c.HalfNormal)
def _half_normal(p: Any, q: Any) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(c.Pareto, c.Pareto)
def _pareto(p: Any, q: Any) -> Tensor:
    ratio, share = p.scale / q.scale, q.alpha / p.alpha
    found = q.alpha * ratio.log() - share.log() + share - 1
    return where((p.scale < q.scale).expand(found.shape), math.inf, found)


@register_kl(c.ContinuousBernoulli, c.ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Tensor:
    own = p.mean * (p.logits - q.logits) + p._log_norm() + (-p.probs).log1p()
    return own - q._log_norm() - (-q.probs).log1p()


@register_kl(g.Gamma, g.Gamma)
def _gamma(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    shape = lgamma(b) - lgamma(a) + (a - b) * digamma(a)
    return b * (p.rate / q.rate).log() + shape + (q.rate - p.rate) * (a / p.rate)


@register_kl(g.Beta, g.Beta)
def _beta(p: Any, q: Any) -> Tensor:
    a, b, x, y = p.concentration1, p.concentration0, q.concentration1, q.concentration0
    scale = lgamma(x) + lgamma(y) + lgamma(a + b) - lgamma(x + y) - lgamma(a) - lgamma(b)
    return scale + (a - x) * digamma(a) + (b - y) * digamma(b) + (x + y - a - b) * digamma(a + b)


@register_kl(g.Dirichlet, g.Dirichlet)
def _dirichlet(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    scale = lgamma(total) - lgamma(b.sum(-1)) - (lgamma(a) - lgamma(b)).sum(-1)
    return scale + ((a - b) * (digamma(a) - digamma(total).unsqueeze(-1))).sum(-1)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate(p: Any, q: Any) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError("KL-divergence between two MultivariateNormal with different event shapes cannot be computed")
    mine, other, n = p._lower, q._lower, p.event_shape[0]
    spread = solve_triangular(other, mine, upper=False).pow(2).sum((-2, -1))
    away = solve_triangular(other, (q.loc - p.loc).unsqueeze(-1), upper=False).pow(2).sum((-2, -1))
    return _log_diagonal(other) - _log_diagonal(mine) + 0.5 * (spread + away - n)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: the Independents count different numbers of axes as one event")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Tensor:
    if [type(t) for t in p.transforms] != [type(t) for t in q.transforms] or p.event_shape != q.event_shape:
        raise NotImplementedError("kl_divergence: the transforms of the two distributions differ")
    return kl_divergence(p.base_dist, q.base_dist)


# ------------------------------------------------------------------ pairs of different families


def _never(name: str) -> Any:
    return lambda p, q: _infinite_like(getattr(p, name))


for _left, _name, _rights in (
    (c.Normal, "loc", (g.Beta, c.ContinuousBernoulli, c.Exponential, g.Gamma, c.Pareto, c.Uniform)),
    (c.Laplace, "loc", (g.Beta, c.ContinuousBernoulli, c.Exponential, g.Gamma, c.Pareto, c.Uniform)),
    (c.Gumbel, "loc", (g.Beta, c.ContinuousBernoulli, c.Exponential, g.Gamma, c.Pareto, c.Uniform)),
    (c.Exponential, "rate", (g.Beta, c.ContinuousBernoulli, c.Pareto, c.Uniform)),
    (g.Gamma, "concentration", (g.Beta, c.ContinuousBernoulli, c.Pareto, c.Uniform)),
    (c.Pareto, "scale", (g.Beta, c.ContinuousBernoulli, c.Uniform)),
    (g.Beta, "concentration1", (c.Pareto,)),
    (c.ContinuousBernoulli, "probs", (c.Pareto,)),
    (d.Poisson, "rate", (d.Bernoulli, d.Binomial)),
):
    for _right in _rights:
        _KL[_left, _right] = _never(_name)


@register_kl(d.Bernoulli, d.Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


def _mean_log(p: Any) -> Tensor:
    """The mean of log x."""
    if isinstance(p, c.Uniform):
        return (xlogy(p.high, p.high) - xlogy(p.low, p.low)) / (p.high - p.low) - 1
    if isinstance(p, c.Pareto):
        return p.scale.log() + 1 / p.alpha
    if isinstance(p, c.Exponential):
        return -EULER - p.rate.log()
    return digamma(p.concentration1) - digamma(p.concentration1 + p.concentration0)


def _within(found: Tensor, p: Any, low: Any, high: Any = math.inf) -> Tensor:
    """`found` where all that a Uniform may draw lies between the bounds, infinite elsewhere."""
    return where((p.low < low) | (p.high > high), math.inf, found) if isinstance(p, c.Uniform) else found


@register_kl(g.Beta, c.Exponential)
@register_kl(g.Gamma, c.Exponential)
@register_kl(c.ContinuousBernoulli, c.Exponential)
@register_kl(c.Pareto, c.Exponential)
@register_kl(c.Uniform, c.Exponential)
def _to_exponential(p: Any, q: Any) -> Tensor:
    return _within(-p.entropy() - q.rate.log() + q.rate * p.mean, p, 0)


@register_kl(g.Beta, g.Gamma)
@register_kl(c.Exponential, g.Gamma)
@register_kl(c.Pareto, g.Gamma)
@register_kl(c.Uniform, g.Gamma)
def _to_gamma(p: Any, q: Any) -> Tensor:
    own = q.concentration * q.rate.log() - lgamma(q.concentration)
    return _within(-p.entropy() - own - (q.concentration - 1) * _mean_log(p) + q.rate * p.mean, p, 0)


@register_kl(c.Uniform, g.Beta)
def _uniform_beta(p: Any, q: Any) -> Tensor:
    a, b, mirrored = q.concentration1, q.concentration0, c.Uniform(1 - p.high, 1 - p.low, False)
    norm = lgamma(a) + lgamma(b) - lgamma(a + b)
    return _within(norm - p.entropy() - (a - 1) * _mean_log(p) - (b - 1) * _mean_log(mirrored), p, 0, 1)


@register_kl(c.Uniform, c.Pareto)
def _uniform_pareto(p: Any, q: Any) -> Tensor:
    own = q.alpha.log() + q.alpha * q.scale.log()
    return _within((q.alpha + 1) * _mean_log(p) - p.entropy() - own, p, q.scale)


@register_kl(g.Beta, c.Uniform)
@register_kl(c.ContinuousBernoulli, c.Uniform)
def _unit_uniform(p: Any, q: Any) -> Tensor:
    return where((q.low > 0) | (q.high < 1), math.inf, (q.high - q.low).log() - p.entropy())


@register_kl(g.Beta, c.ContinuousBernoulli)
@register_kl(c.Uniform, c.ContinuousBernoulli)
def _to_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    return _within(-p.entropy() - p.mean * q.logits - (-q.probs).log1p() - q._log_norm(), p, 0, 1)


def _mean_decay(p: Any, rate: Tensor) -> Tensor:
    """The mean of e ** (-rate x)."""
    if isinstance(p, c.Uniform):
        return ((-rate * p.low).exp() - (-rate * p.high).exp()) / (rate * (p.high - p.low))
    if isinstance(p, c.Normal):
        return (-rate * p.loc + 0.5 * (rate * p.scale).pow(2)).exp()
    return (1 + rate / p.rate).pow(-getattr(p, "concentration", 1))


@register_kl(c.Exponential, c.Gumbel)
@register_kl(g.Gamma, c.Gumbel)
@register_kl(c.Normal, c.Gumbel)
@register_kl(c.Uniform, c.Gumbel)
def _to_gumbel(p: Any, q: Any) -> Tensor:
    start = q.loc / q.scale
    return -p.entropy() + q.scale.log() + p.mean / q.scale - start + start.exp() * _mean_decay(p, 1 / q.scale)


@register_kl(g.Beta, c.Normal)
@register_kl(g.Gamma, c.Normal)
@register_kl(c.Exponential, c.Normal)
@register_kl(c.Pareto, c.Normal)
@register_kl(c.Uniform, c.Normal)
@register_kl(c.ContinuousBernoulli, c.Normal)
@register_kl(c.Laplace, c.Normal)
@register_kl(c.Gumbel, c.Normal)
def _to_normal(p: Any, q: Any) -> Tensor:
    away = p.variance + (p.mean - q.loc).pow(2)
    return -p.entropy() + 0.5 * (2 * math.pi * q.scale.pow(2)).log() + away / (2 * q.scale.pow(2))


@register_kl(c.Normal, c.Laplace)
def _normal_laplace(p: Any, q: Any) -> Tensor:
    away = p.loc - q.loc
    ratio = away / p.scale
    mean = math.sqrt(2 / math.pi) * p.scale * (-0.5 * ratio.pow(2)).exp() + away * (math.sqrt(0.5) * ratio).erf()
    return -p.entropy() + (2 * q.scale).log() + mean / q.scale


__all__ = ["kl_divergence", "register_kl"]
