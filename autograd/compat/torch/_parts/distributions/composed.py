"""Distributions made of others: transformed, independent, mixtures."""

from __future__ import annotations

from typing import Any, ClassVar

from ..... import no_grad
from ....._tensor import Size, Tensor
from . import constraints
from .base import Distribution, sum_rightmost
from .transforms import ComposeTransform, Transform


class Independent(Distribution):
    """Counts the last axes of a batch as one event."""

    def __init__(
        self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: Any = None
    ) -> None:
        batch = base_distribution.batch_shape
        if reinterpreted_batch_ndims > len(batch):
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                f"actual {reinterpreted_batch_ndims} vs {len(batch)}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, reinterpreted_batch_ndims
        shape, split = batch + base_distribution.event_shape, len(batch) - reinterpreted_batch_ndims
        super().__init__(shape[:split], shape[split:], validate_args=validate_args)

    mean = property(lambda self: self.base_dist.mean)
    mode = property(lambda self: self.base_dist.mode)
    variance = property(lambda self: self.base_dist.variance)
    has_rsample = property(lambda self: self.base_dist.has_rsample)  # type: ignore[assignment]

    @property
    def support(self) -> Any:
        n = self.reinterpreted_batch_ndims
        return constraints.independent(self.base_dist.support, n) if n else self.base_dist.support

    def expand(self, batch_shape: Any, _instance: Any = None) -> Independent:
        batch = Size(batch_shape)
        inner = self.base_dist.expand(batch + self.event_shape[: self.reinterpreted_batch_ndims])
        return Independent(inner, self.reinterpreted_batch_ndims)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"


class TransformedDistribution(Distribution):
    """The distribution of `transforms(x)` with x from `base_distribution`.

    Example:
        >>> from autograd.compat.torch import distributions as D
        >>> exp = D.TransformedDistribution(D.Normal(0.0, 1.0), D.ExpTransform())
        >>> round(exp.log_prob(1.0).item(), 4)
        -0.9189
    """

    def __init__(self, base_distribution: Distribution, transforms: Any, validate_args: Any = None) -> None:
        given = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(given, (list, tuple)) or not all(isinstance(t, Transform) for t in given):
            raise ValueError(f"transforms must be a Transform or a list of Transforms, but was {transforms}")
        self.transforms = list(given)
        whole, events = ComposeTransform(self.transforms), len(base_distribution.event_shape)
        base_shape = base_distribution.batch_shape + base_distribution.event_shape
        shape = whole.forward_shape(base_shape)
        wider = whole.inverse_shape(shape)
        if wider != base_shape:
            base_distribution = base_distribution.expand(wider[: len(wider) - events])
        more = whole.domain.event_dim - events
        self.base_dist = Independent(base_distribution, more) if more > 0 else base_distribution
        dims = max(whole.codomain.event_dim, events + whole.codomain.event_dim - whole.domain.event_dim)
        cut = len(shape) - dims
        super().__init__(shape[:cut], shape[cut:], validate_args=validate_args)

    has_rsample = property(lambda self: self.base_dist.has_rsample)  # type: ignore[assignment]

    @property
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        last = self.transforms[-1].codomain
        missing = len(self.event_shape) - last.event_dim
        return constraints.independent(last, missing) if missing > 0 else last

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        twin: Any = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._batch_shape = Size(batch_shape)
        shape = ComposeTransform(self.transforms).inverse_shape(twin._batch_shape + self.event_shape)
        twin.base_dist = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        return twin

    def _through(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return self._through(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._through(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        y, dims, total = self._valid(value), len(self.event_shape), 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            dims += transform.domain.event_dim - transform.codomain.event_dim
            total = total - sum_rightmost(transform.log_abs_det_jacobian(x, y), dims - transform.domain.event_dim)
            y = x
        return total + sum_rightmost(self.base_dist.log_prob(y), dims - len(self.base_dist.event_shape))

    def _falling(self, value: Any) -> Any:
        """The value, or one minus it where the transforms fall."""
        sign = ComposeTransform(self.transforms).sign
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value: Any) -> Any:
        value = self._valid(value)
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._falling(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        return self._through(self.base_dist.icdf(self._falling(value)))


class MixtureSameFamily(Distribution):
    """A choice by `mixture_distribution` among the last batch axis of `component_distribution`."""

    arg_constraints: ClassVar[dict] = {}
    _stretched = ("component_distribution",)

    def __init__(
        self, mixture_distribution: Any, component_distribution: Distribution, validate_args: Any = None
    ) -> None:
        from .discrete import Categorical

        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                "The Mixture distribution needs to be an instance of torch.distributions.Categorical, got "
                f"{type(mixture_distribution).__name__}"
            )
        batch = component_distribution.batch_shape
        if mixture_distribution.logits.shape[-1] != batch[-1]:
            raise ValueError(
                f"`mixture_distribution component` ({mixture_distribution.probs.shape[-1]}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({batch[-1]})"
            )
        self.mixture_distribution, self.component_distribution = mixture_distribution, component_distribution
        super().__init__(batch[:-1], component_distribution.event_shape, validate_args=validate_args)

    support = property(lambda self: constraints.mixture(self.component_distribution.support))

    def expand(self, batch_shape: Any, _instance: Any = None) -> MixtureSameFamily:
        batch = Size(batch_shape)
        count = self.component_distribution.batch_shape[-1]
        return MixtureSameFamily(
            self.mixture_distribution.expand(batch), self.component_distribution.expand((*batch, count))
        )

    def _padded(self, weights: Tensor) -> Tensor:
        return weights.reshape(*weights.shape, *[1] * len(self._event_shape))

    def _averaged(self, value: Tensor) -> Tensor:
        weights = self._padded(self.mixture_distribution.probs)
        return (weights * value).sum(-1 - len(self._event_shape))

    @property
    def mean(self) -> Tensor:
        return self._averaged(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        means = self.component_distribution.mean
        spread = (means - self.mean.unsqueeze(-1 - len(self._event_shape))) ** 2
        return self._averaged(self.component_distribution.variance) + self._averaged(spread)

    def _each(self, value: Tensor) -> Tensor:
        return self._valid(value).unsqueeze(-1 - len(self._event_shape))

    def cdf(self, value: Tensor) -> Tensor:
        return (self.component_distribution.cdf(self._each(value)) * self.mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        log_p = self.component_distribution.log_prob(self._each(value))
        return (log_p + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            which = self.mixture_distribution.sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)
            events = len(self._event_shape)
            at = drawn.dim() - events - 1
            index = which.reshape(*which.shape, *[1] * (events + 1))
            index = index.expand(*drawn.shape[:at], 1, *drawn.shape[at + 1 :])
            return drawn.gather(at, index).squeeze(at)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"


__all__ = ["Independent", "MixtureSameFamily", "TransformedDistribution"]
