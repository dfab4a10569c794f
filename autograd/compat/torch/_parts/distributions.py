"""`torch.distributions`: the distributions that tutorials use, with differentiable `rsample` and `log_prob`."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .... import (
    as_tensor,
    bernoulli,
    broadcast_tensors,
    diagonal,
    empty,
    eye,
    finfo,
    get_default_dtype,
    isfinite,
    lgamma,
    log1p,
    log_softmax,
    matmul,
    multinomial,
    no_grad,
    normal,
    poisson,
    rand,
    sigmoid,
    softmax,
    sqrt,
    where,
    xlogy,
    zeros,
    zeros_like,  # fmt: skip
)
from .... import digamma as _digamma
from ...._tensor import Size, Tensor
from ....linalg import cholesky, solve_triangular
from ....linalg import inv as _inv


def _check_shape(name: str, value: Tensor, ok: Tensor, what: str) -> None:
    if not bool(ok.all()):
        raise ValueError(f"Expected parameter {name} of shape {tuple(value.shape)} to satisfy the constraint {what}, "
                         "but found invalid values")  # fmt: skip


def _tensors(*values: Any) -> tuple:
    """Parameters as tensors of one shape; Python numbers take the dtype of a tensor among them."""
    like = next((v for v in values if isinstance(v, Tensor)), None)
    dtype = like.dtype if like is not None and like.dtype.is_floating_point else get_default_dtype()
    tensors = [v if isinstance(v, Tensor) else as_tensor(v, dtype=dtype) for v in values]
    same = all(t.shape == tensors[0].shape for t in tensors)
    return tuple(tensors) if same else broadcast_tensors(*tensors)


class Distribution:
    """Base: `sample`, `rsample`, `log_prob`, `mean`, `variance`, `entropy`.

    Attributes:
        batch_shape: independent distributions in one object. event_shape: axes of one draw.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = True
    arg_constraints: ClassVar[dict] = {}

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> Size:
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        return self._event_shape

    def _extended(self, sample_shape: Any = ()) -> Size:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws without history."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws through which gradients reach the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no differentiable rsample; use sample()")

    def sample_n(self, n: int) -> Tensor:
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.log_prob")

    def entropy(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.entropy")

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.mean")

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.variance")

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    def perplexity(self) -> Tensor:
        return self.entropy().exp()

    def __repr__(self) -> str:
        shown = [n for n in self.arg_constraints if n in self.__dict__]
        parts = [(n, self.__dict__[n]) for n in shown]
        text = ", ".join(f"{n}: {v if v.numel() == 1 else v.size()}" for n, v in parts)
        return f"{type(self).__name__}({text})"


ExponentialFamily = Distribution


class Normal(Distribution):
    """Density e^(-(x - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi)).

    Example:
        >>> from autograd.compat.torch.distributions import Normal
        >>> round(Normal(0.0, 1.0).log_prob(0.0).item(), 4)
        -0.9189
    """

    has_rsample = True
    arg_constraints: ClassVar[dict] = {"loc": "real", "scale": "positive"}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = _tensors(loc, scale)
        super().__init__(self.loc.shape)
        if self._validate_args and validate_args is not False:
            _check_shape("loc", self.loc, isfinite(self.loc), "Real()")
            _check_shape("scale", self.scale, self.scale > 0, "GreaterThan(lower_bound=0.0)")

    mean = mode = property(lambda self: self.loc)
    stddev = property(lambda self: self.scale)
    variance = property(lambda self: self.scale**2)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended(sample_shape)
        with no_grad():
            return normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended(sample_shape)
        return self.loc + self._noise(shape) * self.scale

    def _noise(self, shape: Size) -> Tensor:
        zero = zeros(shape, dtype=self.loc.dtype)
        return normal(zero, zero + 1)

    def log_prob(self, value: Any) -> Tensor:
        return -((value - self.loc) ** 2) / (2 * self.scale**2) - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value: Any) -> Tensor:
        return 0.5 * (1 + ((value - self.loc) * self.scale.reciprocal() / math.sqrt(2)).erf())

    def icdf(self, value: Any) -> Tensor:
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()


class LogNormal(Normal):
    """e to the power of a normal variable."""

    mean = property(lambda self: (self.loc + self.scale**2 / 2).exp())
    variance = property(lambda self: (self.scale**2).expm1() * (2 * self.loc + self.scale**2).exp())
    stddev = property(lambda self: self.variance.sqrt())

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return super().rsample(sample_shape).exp()

    def log_prob(self, value: Any) -> Tensor:
        return super().log_prob(value.log()) - value.log()

    def entropy(self) -> Tensor:
        return super().entropy() + self.loc


class HalfNormal(Distribution):
    """|x| of a normal variable around 0."""

    has_rsample = True
    arg_constraints: ClassVar[dict] = {"scale": "positive"}

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = _tensors(scale)
        self._normal = Normal(zeros_like(self.scale), self.scale)
        super().__init__(self.scale.shape)

    mean = property(lambda self: self.scale * math.sqrt(2 / math.pi))
    variance = property(lambda self: self.scale**2 * (1 - 2 / math.pi))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._normal.rsample(sample_shape).abs()

    def log_prob(self, value: Any) -> Tensor:
        return self._normal.log_prob(value) + math.log(2)

    def entropy(self) -> Tensor:
        return self._normal.entropy() - math.log(2)


class Uniform(Distribution):
    """Density 1 / (high - low) on [low, high)."""

    has_rsample = True
    arg_constraints: ClassVar[dict] = {"low": "dependent", "high": "dependent"}

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = _tensors(low, high)
        super().__init__(self.low.shape)
        if validate_args is not False and not bool((self.low < self.high).all()):
            raise ValueError("Uniform is not defined when low>= high")

    mean = property(lambda self: (self.high + self.low) / 2)
    variance = property(lambda self: (self.high - self.low) ** 2 / 12)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = rand(self._extended(sample_shape), dtype=self.low.dtype)
        return self.low + drawn * (self.high - self.low)

    def log_prob(self, value: Any) -> Tensor:
        inside = (self.low <= value) * (self.high > value)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value: Any) -> Tensor:
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def entropy(self) -> Tensor:
        return (self.high - self.low).log()


def _one_of(probs: Any, logits: Any) -> None:
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


def _inside(probs: Tensor) -> Tensor:
    """Probabilities kept away from 0 and 1 by the dtype's epsilon, so that their logarithms are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


class _Binary(Distribution):
    """What distributions over two outcomes share: `probs` and `logits`, one given, the other computed."""

    arg_constraints: ClassVar[dict] = {"probs": "unit_interval", "logits": "real"}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        _one_of(probs, logits)
        if probs is not None:
            (self.probs,) = _tensors(probs)
            _check_shape(
                "probs", self.probs, (self.probs >= 0) & (self.probs <= 1), "Interval(lower_bound=0.0, upper_bound=1.0)"
            )
        else:
            (self.logits,) = _tensors(logits)
        super().__init__((self.probs if probs is not None else self.logits).shape)

    def __getattr__(self, name: str) -> Any:
        if name == "logits" and "probs" in self.__dict__:
            p = _inside(self.probs)
            return p.log() - log1p(-p)
        if name == "probs" and "logits" in self.__dict__:
            return sigmoid(self.logits)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _bce(logits: Tensor, value: Tensor) -> Tensor:
    """Cross-entropy of a probability given by its logit."""
    return logits.clamp(min=0) - logits * value + log1p((-logits.abs()).exp())


class Bernoulli(_Binary):
    """1 with probability `probs`, else 0."""

    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return bernoulli(self.probs.expand(self._extended(sample_shape)))

    def log_prob(self, value: Any) -> Tensor:
        logits, value = broadcast_tensors(self.logits, as_tensor(value))
        return -_bce(logits, value)

    def entropy(self) -> Tensor:
        return _bce(self.logits, self.probs)


class Geometric(_Binary):
    """Failures before the first success."""

    mean = property(lambda self: 1 / self.probs - 1)
    variance = property(lambda self: (1 / self.probs - 1) / self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            u = rand(self._extended(sample_shape), dtype=self.probs.dtype).clamp(min=finfo(self.probs.dtype).tiny)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Any) -> Tensor:
        return xlogy(as_tensor(value), 1 - self.probs) + self.probs.log()

    def entropy(self) -> Tensor:
        return _bce(self.logits, self.probs) / self.probs


class Binomial(_Binary):
    """Successes in `total_count` tries."""

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)
        self.total_count = as_tensor(total_count).to(self.probs.dtype).expand(self._batch_shape)

    mean = property(lambda self: self.total_count * self.probs)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            shape = self._extended(sample_shape)
            tries = rand((int(self.total_count.max()), *shape), dtype=self.probs.dtype)
            number = empty(tries.shape[0]).fill_(1).cumsum(0).reshape(-1, *[1] * len(shape))
            return ((tries < self.probs) & (number <= self.total_count)).to(self.probs.dtype).sum(0)

    def log_prob(self, value: Tensor) -> Tensor:
        n = self.total_count
        ways = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1)
        return ways + value * self.logits - n * (self.logits.clamp(min=0) + log1p((-self.logits.abs()).exp()))


class Categorical(Distribution):
    """Class k with probability probs[..., k]; `logits` are unnormalised log-probabilities.

    Example:
        >>> import autograd
        >>> from autograd.compat.torch.distributions import Categorical
        >>> Categorical(autograd.tensor([0.25, 0.75])).log_prob(autograd.tensor(1)).exp()
        tensor(0.7500)
    """

    has_enumerate_support = True
    arg_constraints: ClassVar[dict] = {"probs": "simplex", "logits": "real_vector"}

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        _one_of(probs, logits)
        given = probs if probs is not None else logits
        assert given is not None
        if given.dim() < 1:
            raise ValueError("Categorical: the parameter must be at least one-dimensional.")
        if probs is not None:
            if validate_args is not False:
                _check_shape("probs", probs, (probs >= 0) & (probs.sum(-1, keepdim=True) > 0), "Simplex()")
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            if validate_args is not False:
                _check_shape("logits", given, given == given, "IndependentConstraint(Real(), 1)")
            self.logits = log_softmax(given, -1)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1])

    def __getattr__(self, name: str) -> Any:
        if name == "logits" and "probs" in self.__dict__:
            return _inside(self.probs).log()
        if name == "probs" and "logits" in self.__dict__:
            return softmax(self.logits, -1)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    mode = property(lambda self: self.probs.argmax(-1))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        n = math.prod(sample_shape)
        with no_grad():
            drawn = multinomial(self.probs.reshape(-1, self._num_events), n, True).T
            return drawn.reshape(self._extended(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        value, logits = broadcast_tensors(as_tensor(value).long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        low = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(low * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = as_tensor(range(self._num_events)).reshape(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values


class OneHotCategorical(Categorical):
    """A Categorical whose draws are rows of the identity."""

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)
        self._event_shape = Size((self._num_events,))

    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        drawn = Categorical(self.probs).sample(sample_shape)
        return eye(self._num_events, dtype=self.probs.dtype)[drawn]

    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value.argmax(-1))


class Multinomial(Distribution):
    """Counts of each class in `total_count` draws."""

    arg_constraints: ClassVar[dict] = {"probs": "simplex", "logits": "real_vector"}

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self.total_count, self._classes = total_count, Categorical(probs, logits, validate_args)
        super().__init__(self._classes.batch_shape, (self._classes._num_events,))

    probs = property(lambda self: self._classes.probs)
    logits = property(lambda self: self._classes.logits)
    mean = property(lambda self: self.probs * self.total_count)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        drawn = self._classes.sample((self.total_count, *sample_shape))
        return eye(self._classes._num_events, dtype=self.probs.dtype)[drawn].sum(0)

    def log_prob(self, value: Tensor) -> Tensor:
        ways = lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1)
        return ways + xlogy(value, self.probs).sum(-1)


class Exponential(Distribution):
    """Density rate e^(-rate x)."""

    has_rsample = True
    arg_constraints: ClassVar[dict] = {"rate": "positive"}

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = _tensors(rate)
        super().__init__(self.rate.shape)

    mean = stddev = property(lambda self: self.rate.reciprocal())
    variance = property(lambda self: self.rate**-2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return empty(self._extended(sample_shape), dtype=self.rate.dtype).exponential_() / self.rate

    def log_prob(self, value: Any) -> Tensor:
        return self.rate.log() - self.rate * value

    def cdf(self, value: Any) -> Tensor:
        return 1 - (-self.rate * value).exp()

    def entropy(self) -> Tensor:
        return 1.0 - self.rate.log()


class _LocScale(Distribution):
    """What Laplace, Cauchy and Gumbel share."""

    has_rsample = True
    arg_constraints: ClassVar[dict] = {"loc": "real", "scale": "positive"}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = _tensors(loc, scale)
        super().__init__(self.loc.shape)
        _check_shape("scale", self.scale, self.scale > 0, "GreaterThan(lower_bound=0.0)")


class Laplace(_LocScale):
    """Density e^(-|x - loc| / scale) / (2 scale)."""

    mean = property(lambda self: self.loc)
    variance = property(lambda self: 2 * self.scale**2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        eps = finfo(self.loc.dtype).eps
        u = empty(self._extended(sample_shape), dtype=self.loc.dtype).uniform_(eps - 1, 1)
        return self.loc - self.scale * u.sign() * log1p(-u.abs())

    def log_prob(self, value: Any) -> Tensor:
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def entropy(self) -> Tensor:
        return 1 + (2 * self.scale).log()


class Cauchy(_LocScale):
    """Density 1 / (pi scale (1 + ((x - loc) / scale)^2))."""

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.loc + empty(self._extended(sample_shape), dtype=self.loc.dtype).cauchy_() * self.scale

    def log_prob(self, value: Any) -> Tensor:
        return -math.log(math.pi) - self.scale.log() - (((value - self.loc) / self.scale) ** 2).log1p()

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + self.scale.log()


class Gumbel(_LocScale):
    """loc - scale log(-log u), u uniform."""

    mean = property(lambda self: self.loc + self.scale * 0.57721566490153286060)
    variance = property(lambda self: (math.pi / math.sqrt(6) * self.scale) ** 2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        info = finfo(self.loc.dtype)
        u = rand(self._extended(sample_shape), dtype=self.loc.dtype).clamp(min=info.tiny, max=1 - info.eps)
        return self.loc - self.scale * (-u.log()).log()

    def log_prob(self, value: Any) -> Tensor:
        z = (value - self.loc) / self.scale
        return -(z + (-z).exp()) - self.scale.log()

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + 0.57721566490153286060)


class Poisson(Distribution):
    """Counts with mean `rate`."""

    arg_constraints: ClassVar[dict] = {"rate": "nonnegative"}

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = _tensors(rate)
        super().__init__(self.rate.shape)

    mean = variance = property(lambda self: self.rate)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return poisson(self.rate.expand(self._extended(sample_shape)))

    def log_prob(self, value: Any) -> Tensor:
        value = as_tensor(value)
        return xlogy(value, self.rate) - self.rate - lgamma(value + 1)


class Gamma(Distribution):
    """Density rate^a x^(a-1) e^(-rate x) / Gamma(a), a = concentration. `rsample` differentiates by the rate only."""

    has_rsample = True
    arg_constraints: ClassVar[dict] = {"concentration": "positive", "rate": "positive"}

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = _tensors(concentration, rate)
        super().__init__(self.rate.shape)

    mean = property(lambda self: self.concentration / self.rate)
    variance = property(lambda self: self.concentration / self.rate**2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        if self.concentration.requires_grad:
            raise NotImplementedError("Gamma.rsample: no gradient by the concentration here; use sample() or detach it")
        return _standard_gamma(self.concentration.expand(self._extended(sample_shape))) / self.rate

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return _standard_gamma(self.concentration.expand(self._extended(sample_shape))) / self.rate.detach()

    def log_prob(self, value: Any) -> Tensor:
        a, b, value = self.concentration, self.rate, as_tensor(value)
        return xlogy(a, b) + xlogy(a - 1, value) - b * value - lgamma(a)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + lgamma(a) + (1.0 - a) * _digamma(a)


def _standard_gamma(concentration: Tensor) -> Tensor:
    from ....random import draws

    drawn = draws().gamma(concentration.detach().double().numpy())
    return as_tensor(drawn).to(concentration.dtype)


class Chi2(Gamma):
    """Sum of `df` squared standard normal variables."""

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (self.df,) = _tensors(df)
        super().__init__(0.5 * self.df, zeros_like(self.df) + 0.5)


class Beta(Distribution):
    """Density proportional to x^(a-1) (1-x)^(b-1) on (0, 1)."""

    arg_constraints: ClassVar[dict] = {"concentration1": "positive", "concentration0": "positive"}

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = _tensors(concentration1, concentration0)
        super().__init__(self.concentration1.shape)

    mean = property(lambda self: self.concentration1 / (self.concentration1 + self.concentration0))

    @property
    def variance(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return a * b / ((a + b) ** 2 * (a + b + 1))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended(sample_shape)
        a, b = (_standard_gamma(c.expand(shape)) for c in (self.concentration1, self.concentration0))
        return a / (a + b)

    def log_prob(self, value: Any) -> Tensor:
        a, b, value = self.concentration1, self.concentration0, as_tensor(value)
        return xlogy(a - 1, value) + (b - 1) * log1p(-value) + lgamma(a + b) - lgamma(a) - lgamma(b)


class Dirichlet(Distribution):
    """Density proportional to the product of x_k^(a_k - 1) over the simplex."""

    arg_constraints: ClassVar[dict] = {"concentration": "positive"}

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:])

    mean = property(lambda self: self.concentration / self.concentration.sum(-1, keepdim=True))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        drawn = _standard_gamma(self.concentration.expand(self._extended(sample_shape)))
        return drawn / drawn.sum(-1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        a = self.concentration
        return xlogy(a - 1.0, value).sum(-1) + lgamma(a.sum(-1)) - lgamma(a).sum(-1)


class StudentT(Distribution):
    """Student's t with `df` degrees of freedom."""

    arg_constraints: ClassVar[dict] = {"df": "positive", "loc": "real", "scale": "positive"}

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = _tensors(df, loc, scale)
        super().__init__(self.df.shape)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended(sample_shape)
        with no_grad():
            zero = zeros(shape, dtype=self.loc.dtype)
            x, z = normal(zero, zero + 1), _standard_gamma((self.df / 2).expand(shape)) * 2
            return self.loc + self.scale * x / sqrt(z / self.df)

    def log_prob(self, value: Any) -> Tensor:
        y, d = (value - self.loc) / self.scale, self.df
        z = self.scale.log() + 0.5 * d.log() + 0.5 * math.log(math.pi) + lgamma(0.5 * d) - lgamma(0.5 * (d + 1.0))
        return -0.5 * (d + 1.0) * log1p(y**2.0 / d) - z


class MultivariateNormal(Distribution):
    """Density e^(-(x - loc)^T C^-1 (x - loc) / 2) / sqrt((2 pi)^n det C), by covariance, precision or scale_tril."""

    has_rsample = True
    arg_constraints: ClassVar[dict] = {"loc": "real_vector", "covariance_matrix": "positive_definite"}

    def __init__(self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
                 scale_tril: Tensor | None = None, validate_args: bool | None = None) -> None:  # fmt: skip
        given = [m for m in (covariance_matrix, precision_matrix, scale_tril) if m is not None]
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        self.scale_tril = given[0] if scale_tril is not None else cholesky(
            given[0] if precision_matrix is None else _inv(given[0]))  # fmt: skip
        self.loc = loc
        batch = broadcast_tensors(loc[..., 0], given[0][..., 0, 0])[0].shape
        super().__init__(batch, loc.shape[-1:])

    mean = mode = property(lambda self: self.loc)
    covariance_matrix = property(lambda self: matmul(self.scale_tril, self.scale_tril.mT))
    precision_matrix = property(lambda self: _inv(self.covariance_matrix))
    variance = property(lambda self: (self.scale_tril**2).sum(-1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        zero = zeros(self._extended(sample_shape), dtype=self.loc.dtype)
        return self.loc + matmul(self.scale_tril, normal(zero, zero + 1).unsqueeze(-1)).squeeze(-1)

    def _half_log_det(self) -> Tensor:
        return diagonal(self.scale_tril, 0, -2, -1).log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        z = solve_triangular(self.scale_tril, (value - self.loc).unsqueeze(-1), upper=False).squeeze(-1)
        n = self._event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + (z**2).sum(-1)) - self._half_log_det()

    def entropy(self) -> Tensor:
        return 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()


class Independent(Distribution):
    """Counts the last axes of a batch as one event."""

    def __init__(
        self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: Any = None
    ) -> None:
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, reinterpreted_batch_ndims
        shape = base_distribution.batch_shape + base_distribution.event_shape
        split = len(base_distribution.batch_shape) - reinterpreted_batch_ndims
        super().__init__(shape[:split], shape[split:])

    mean = property(lambda self: self.base_dist.mean)
    variance = property(lambda self: self.base_dist.variance)
    has_rsample = property(lambda self: self.base_dist.has_rsample)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def _summed(self, t: Tensor) -> Tensor:
        n = self.reinterpreted_batch_ndims
        return t.sum(tuple(range(-n, 0))) if n else t

    def log_prob(self, value: Tensor) -> Tensor:
        return self._summed(self.base_dist.log_prob(value))

    def entropy(self) -> Tensor:
        return self._summed(self.base_dist.entropy())


class MixtureSameFamily(Distribution):
    """A choice by `mixture_distribution` among the last batch axis of `component_distribution`."""

    def __init__(
        self, mixture_distribution: Any, component_distribution: Distribution, validate_args: Any = None
    ) -> None:
        self.mixture_distribution, self.component_distribution = mixture_distribution, component_distribution
        super().__init__(component_distribution.batch_shape[:-1], component_distribution.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        at = value.dim() - len(self._event_shape)
        log_p = self.component_distribution.log_prob(value.unsqueeze(at))
        return (log_p + log_softmax(self.mixture_distribution.logits, -1)).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            which = self.mixture_distribution.sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)
            events = len(self._event_shape)
            at = drawn.dim() - events - 1
            index = which.reshape(*which.shape, *[1] * (events + 1))
            index = index.expand(*drawn.shape[:at], 1, *drawn.shape[at + 1 :])
            return drawn.gather(at, index).squeeze(at)


# ------------------------------------------------------------------ Kullback-Leibler divergence

_KL: dict[tuple[type, type], Any] = {}


def register_kl(p: type, q: type) -> Any:
    """Decorator: this function computes KL(p || q)."""

    def keep(function: Any) -> Any:
        _KL[p, q] = function
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


@register_kl(Normal, Normal)
def _kl_normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())


@register_kl(Categorical, Categorical)
def _kl_categorical(p: Categorical, q: Categorical) -> Tensor:
    return (p.probs * (p.logits - q.logits)).sum(-1)


@register_kl(Bernoulli, Bernoulli)
def _kl_bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    a, b = _inside(p.probs), _inside(q.probs)
    return a * (a / b).log() + (1 - a) * ((1 - a) / (1 - b)).log()


@register_kl(Exponential, Exponential)
def _kl_exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Uniform, Uniform)
def _kl_uniform(p: Uniform, q: Uniform) -> Tensor:
    found = ((q.high - q.low) / (p.high - p.low)).log()
    return where((q.low > p.low) | (q.high < p.high), math.inf, found)


@register_kl(Gamma, Gamma)
def _kl_gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    return (
        b * (p.rate / q.rate).log() + lgamma(b) - lgamma(a) + (a - b) * _digamma(a) + (q.rate - p.rate) * (a / p.rate)
    )


@register_kl(Poisson, Poisson)
def _kl_poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(MultivariateNormal, MultivariateNormal)
def _kl_multivariate(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    turned = solve_triangular(q.scale_tril, p.scale_tril, upper=False)
    z = solve_triangular(q.scale_tril, (q.loc - p.loc).unsqueeze(-1), upper=False)
    spread = (turned**2).sum((-2, -1)) + (z**2).sum((-2, -1)) - p.event_shape[0]
    return q._half_log_det() - p._half_log_det() + 0.5 * spread


@register_kl(Independent, Independent)
def _kl_independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: the Independents count different numbers of axes as one event")
    return p._summed(kl_divergence(p.base_dist, q.base_dist))


__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "Dirichlet", "Distribution", "Exponential",
    "ExponentialFamily", "Gamma", "Geometric", "Gumbel", "HalfNormal", "Independent", "Laplace", "LogNormal",
    "MixtureSameFamily", "Multinomial", "MultivariateNormal", "Normal", "OneHotCategorical", "Poisson", "StudentT",
    "Uniform", "kl_divergence", "register_kl"]  # fmt: skip
