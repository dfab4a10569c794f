"""Distributions over whole numbers and classes, and their relaxed forms."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..... import (
    arange,
    as_tensor,
    bernoulli,
    binomial,
    broadcast_tensors,
    empty,
    finfo,
    full_like,
    lgamma,
    log1p,
    log_softmax,
    multinomial,
    no_grad,
    poisson,
    rand,
    where,
    xlogy,
)
from ....._tensor import Size, Tensor
from . import constraints
from .base import (
    Binary,
    Distribution,
    ExponentialFamily,
    binary_entropy_loss,
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
    one_given,
    probs_to_logits,
)
from .composed import TransformedDistribution
from .transforms import ExpTransform, SigmoidTransform


def _nan_like(t: Tensor) -> Tensor:
    return full_like(t.detach(), math.nan)


class Bernoulli(Binary):
    """1 with probability `probs`, else 0."""

    support = constraints.boolean  # type: ignore[assignment]
    has_enumerate_support = True
    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    @property
    def mode(self) -> Tensor:
        return where(self.probs == 0.5, math.nan, (self.probs >= 0.5).to(self.probs.dtype))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Tensor:
        value, logits = broadcast_tensors(self._valid(value), self.logits)
        return -binary_entropy_loss(logits, value)

    def entropy(self) -> Tensor:
        return binary_entropy_loss(self.logits, self.probs)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = arange(2, dtype=self._param.dtype).view(2, *[1] * len(self._batch_shape))
        return values.expand(2, *self._batch_shape) if expand else values


class Geometric(Binary):
    """Failures before the first success."""

    support = constraints.nonnegative_integer  # type: ignore[assignment]
    mean = property(lambda self: 1 / self.probs - 1)
    mode = property(lambda self: self.probs * 0)
    variance = property(lambda self: (1 / self.probs - 1) / self.probs)

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(probs, logits, validate_args)
        if self._validate_args and probs is not None and not bool((self.probs > 0).all()):
            raise ValueError(f"Expected parameter probs of distribution {self!r} to be positive but found {self.probs}")

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            u = empty(self._extended_shape(sample_shape), dtype=self.probs.dtype)
            u.uniform_(finfo(self.probs.dtype).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Any) -> Tensor:
        value, probs = broadcast_tensors(self._valid(value), self.probs)
        return xlogy(value, 1 - probs) + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_entropy_loss(self.logits, self.probs) / self.probs


class _Counted(Binary):
    """Two outcomes, tried several times."""

    arg_constraints: ClassVar[dict] = {"total_count": constraints.nonnegative_integer, **Binary.arg_constraints}

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        one_given(probs, logits)
        count, given = broadcast_all(total_count, logits if probs is None else probs)
        self.total_count = count.to(given.dtype)
        super().__init__(None if probs is None else given, None if logits is None else given, validate_args)


class Binomial(_Counted):
    """Successes in `total_count` tries."""

    has_enumerate_support = True
    support = property(lambda self: constraints.integer_interval(0, self.total_count))
    mean = property(lambda self: self.total_count * self.probs)
    mode = property(lambda self: ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count))
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Any) -> Tensor:
        value, n = self._valid(value), self.total_count
        normal = n * self.logits.clamp(min=0) + n * log1p((-self.logits.abs()).exp()) - lgamma(n + 1)
        return value * self.logits - lgamma(value + 1) - lgamma(n - value + 1) - normal

    def enumerate_support(self, expand: bool = True) -> Tensor:
        count = int(self.total_count.max())
        values = arange(1 + count, dtype=self._param.dtype).view(-1, *[1] * len(self._batch_shape))
        return values.expand(1 + count, *self._batch_shape) if expand else values

    def entropy(self) -> Tensor:
        log_p = self.log_prob(self.enumerate_support(False))
        return -(log_p.exp() * log_p).sum(0)


class NegativeBinomial(_Counted):
    """Successes before `total_count` failures."""

    support = constraints.nonnegative_integer  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"total_count": constraints.greater_than_eq(0),
                                       "probs": constraints.half_open_interval(0.0, 1.0), "logits": constraints.real}  # fmt: skip
    mean = property(lambda self: self.total_count * self.logits.exp())
    mode = property(lambda self: ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0))
    variance = property(lambda self: self.mean / (1 / (1 + self.logits.exp())))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        from .gammas import Gamma

        with no_grad():
            return poisson(Gamma(self.total_count, (-self.logits).exp(), False).sample(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        from nn.functional import logsigmoid

        value, n = self._valid(value), self.total_count
        unnormalised = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        normal = -lgamma(n + value) + lgamma(1.0 + value) + lgamma(n)
        return unnormalised - where(n + value == 0.0, 0.0, normal)


class Poisson(ExponentialFamily):
    """A count with mean `rate`."""

    support = constraints.nonnegative_integer  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"rate": constraints.nonnegative}

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    mean = variance = property(lambda self: self.rate)
    mode = property(lambda self: self.rate.floor())

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Tensor:
        value, rate = broadcast_tensors(self._valid(value), self.rate)
        return xlogy(value, rate) - rate - lgamma(value + 1)


class Categorical(Distribution):
    """Class k with probability probs[..., k]; `logits` are unnormalised log-probabilities.

    Example:
        >>> import autograd
        >>> from autograd.compat.torch.distributions import Categorical
        >>> Categorical(autograd.tensor([0.25, 0.75])).log_prob(autograd.tensor(1)).exp()
        tensor(0.7500)
    """

    has_enumerate_support = True
    arg_constraints: ClassVar[dict] = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        one_given(probs, logits)
        given = logits if probs is None else probs
        if given.dim() < 1:
            raise ValueError(f"`{'logits' if probs is None else 'probs'}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = logits - logits.logsumexp(-1, keepdim=True)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        return logits_to_probs(self.logits)

    @property
    def _param(self) -> Tensor:
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.__dict__["logits"]

    support = property(lambda self: constraints.integer_interval(0, self._num_events - 1))
    param_shape = property(lambda self: self._param.shape)
    mean = property(lambda self: full_like(self._param.detach()[..., 0], math.nan))
    variance = property(lambda self: full_like(self._param.detach()[..., 0], math.nan))
    mode = property(lambda self: self.probs.argmax(-1))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        n = math.prod(sample_shape)
        with no_grad():
            drawn = multinomial(self.probs.reshape(-1, self._num_events), n, True).T
            return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        value = self._valid(as_tensor(value))
        value, logits = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = arange(self._num_events).view(-1, *[1] * len(self._batch_shape))
        return values.expand(self._num_events, *self._batch_shape) if expand else values


class OneHotCategorical(Distribution):
    """A class as a vector with one 1."""

    support = constraints.one_hot  # type: ignore[assignment]
    has_enumerate_support = True
    arg_constraints: ClassVar[dict] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _stretched = ("_categorical",)

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)
    param_shape = property(lambda self: self._categorical.param_shape)
    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    def _hot(self, index: Tensor) -> Tensor:
        from nn.functional import one_hot

        return one_hot(index, self._categorical._num_events)

    mode = property(lambda self: self._hot(self.probs.argmax(-1)).to(self.probs.dtype))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self._hot(self._categorical.sample(sample_shape)).to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        return self._categorical.log_prob(self._valid(value).max(-1)[1])

    def entropy(self) -> Tensor:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        from ..... import eye

        n = self.event_shape[0]
        values = eye(n, dtype=self.probs.dtype).view(n, *[1] * len(self.batch_shape), n)
        return values.expand(n, *self.batch_shape, n) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """As OneHotCategorical; gradients of a draw are taken to be those of the probabilities."""

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn, probs = self.sample(sample_shape), self.probs
        return drawn + (probs - probs.detach())


class Multinomial(Distribution):
    """Counts of the classes among `total_count` draws."""

    arg_constraints: ClassVar[dict] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _stretched = ("_categorical",)

    def __init__(self, total_count: int = 1, probs: Any = None, logits: Any = None,
                 validate_args: bool | None = None) -> None:  # fmt: skip
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count, self._categorical = total_count, Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)
    param_shape = property(lambda self: self._categorical.param_shape)
    support = property(lambda self: constraints.multinomial(self.total_count))
    mean = property(lambda self: self.probs * self.total_count)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        from nn.functional import one_hot

        drawn = self._categorical.sample(Size((self.total_count, *sample_shape)))
        return one_hot(drawn, self._categorical._num_events).sum(0).to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        value, logits = broadcast_tensors(self._valid(value), self.logits)
        logits = where((value == 0) & (logits == -math.inf), 0.0, logits)
        return lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1) + (logits * value).sum(-1)

    def entropy(self) -> Tensor:
        n = as_tensor(self.total_count, dtype=self.probs.dtype)
        counts = Binomial(self.total_count, self.probs).enumerate_support(False)[1:]
        weights = Binomial(self.total_count, self.probs).log_prob(counts).exp()
        return (
            self.total_count * self._categorical.entropy() - lgamma(n + 1) + (weights * lgamma(counts + 1)).sum((0, -1))
        )


class LogitRelaxedBernoulli(Binary):
    """The logit of a relaxed Bernoulli variable."""

    has_rsample = True
    support = constraints.real  # type: ignore[assignment]

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: Any = None) -> None:
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(rand(shape, dtype=probs.dtype))
        return (u.log() - (-u).log1p() + probs.log() - (-probs).log1p()) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        value, logits = broadcast_tensors(self._valid(value), self.logits)
        diff = logits - value * self.temperature
        return _log(self.temperature) + diff - 2 * diff.exp().log1p()


def _log(value: Any) -> Any:
    return value.log() if isinstance(value, Tensor) else math.log(value)


class RelaxedBernoulli(TransformedDistribution):
    """A number in (0, 1) that nears 0 or 1 as the temperature falls."""

    support = constraints.unit_interval  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = Binary.arg_constraints

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: Any = None) -> None:
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(), validate_args)

    temperature = property(lambda self: self.base_dist.temperature)
    probs = property(lambda self: self.base_dist.probs)
    logits = property(lambda self: self.base_dist.logits)


class ExpRelaxedCategorical(Distribution):
    """The logarithm of a relaxed one-hot variable."""

    has_rsample = True
    support = constraints.real_vector  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _stretched = ("_categorical",)

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: Any = None) -> None:
        self._categorical, self.temperature = Categorical(probs, logits), temperature
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = clamp_probs(rand(self._extended_shape(sample_shape), dtype=self.logits.dtype))
        return log_softmax((self.logits - (-u.log()).log()) / self.temperature, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        k = self._categorical._num_events
        value, logits = broadcast_tensors(self._valid(value), self.logits)
        score = log_softmax(logits - value * self.temperature, -1).sum(-1)
        return score + math.lgamma(k) - full_like(score.detach(), 1) * (_log(self.temperature) * -(k - 1))


class RelaxedOneHotCategorical(TransformedDistribution):
    """Shares that near a one-hot vector as the temperature falls."""

    support = constraints.simplex  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = ExpRelaxedCategorical.arg_constraints

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: Any = None) -> None:
        super().__init__(ExpRelaxedCategorical(temperature, probs, logits), ExpTransform(), validate_args)

    temperature = property(lambda self: self.base_dist.temperature)
    probs = property(lambda self: self.base_dist.probs)
    logits = property(lambda self: self.base_dist.logits)


__all__ = ["Bernoulli", "Binomial", "Categorical", "ExpRelaxedCategorical", "Geometric", "LogitRelaxedBernoulli",
           "Multinomial", "NegativeBinomial", "OneHotCategorical", "OneHotCategoricalStraightThrough", "Poisson",
           "RelaxedBernoulli", "RelaxedOneHotCategorical"]  # fmt: skip
