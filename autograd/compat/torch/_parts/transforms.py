"""Transforms of random variables, and `TransformedDistribution`."""

from __future__ import annotations

import math
from typing import Any

from .... import as_tensor, sigmoid, tanh
from .distributions import Distribution


class Transform:
    """An invertible function with the logarithm of its derivative's size."""

    sign = 1

    def __call__(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: a Transform defines __call__")

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}.log_abs_det_jacobian")

    @property
    def inv(self) -> Transform:
        return _Inverse(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _Inverse(Transform):
    def __init__(self, forward: Transform) -> None:
        self._forward = forward

    def __call__(self, x: Any) -> Any:
        return self._forward._inverse(x)

    def _inverse(self, y: Any) -> Any:
        return self._forward(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self._forward.log_abs_det_jacobian(y, x)

    @property
    def inv(self) -> Transform:
        return self._forward


class AffineTransform(Transform):
    """loc + scale x."""

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        self.loc, self.scale = loc, scale

    def __call__(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x * 0 + as_tensor(self.scale).abs().log()


class ExpTransform(Transform):
    """e ** x."""

    def __init__(self, cache_size: int = 0) -> None:
        """Nothing to set."""

    def __call__(self, x: Any) -> Any:
        return x.exp()

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x


class SigmoidTransform(ExpTransform):
    """1 / (1 + e ** -x)."""

    def __call__(self, x: Any) -> Any:
        return sigmoid(x)

    def _inverse(self, y: Any) -> Any:
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -_softplus(-x) - _softplus(x)


class TanhTransform(ExpTransform):
    """tanh(x)."""

    def __call__(self, x: Any) -> Any:
        return tanh(x)

    def _inverse(self, y: Any) -> Any:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return 2.0 * (math.log(2.0) - x - _softplus(-2.0 * x))


class SoftplusTransform(ExpTransform):
    """log(1 + e ** x)."""

    def __call__(self, x: Any) -> Any:
        return _softplus(x)

    def _inverse(self, y: Any) -> Any:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -_softplus(-x)


class ComposeTransform(Transform):
    """One transform after the other."""

    def __init__(self, parts: Any, cache_size: int = 0) -> None:
        self.parts = list(parts)

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Any) -> Any:
        for part in reversed(self.parts):
            y = part.inv(y)
        return y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        total: Any = 0.0
        for part in self.parts:
            after = part(x)
            total, x = total + part.log_abs_det_jacobian(x, after), after
        return total


def _softplus(x: Any) -> Any:
    from nn.functional import softplus

    return softplus(x)


class TransformedDistribution(Distribution):
    """The distribution of `transforms(x)` with x from `base_distribution`, elementwise."""

    has_rsample = True

    def __init__(self, base_distribution: Distribution, transforms: Any, validate_args: Any = None) -> None:
        self.base_dist = base_distribution
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        super().__init__(base_distribution.batch_shape, base_distribution.event_shape)

    def _through(self, x: Any) -> Any:
        return ComposeTransform(self.transforms)(x)

    def sample(self, sample_shape: Any = ()) -> Any:
        return self._through(self.base_dist.sample(sample_shape)).detach()

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._through(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        events = len(self._event_shape)
        whole = ComposeTransform(self.transforms)
        x = whole._inverse(value)
        slope = whole.log_abs_det_jacobian(x, value)
        return self.base_dist.log_prob(x) - (slope.sum(tuple(range(-events, 0))) if events else slope)


identity_transform = ComposeTransform([])

__all__ = ["AffineTransform", "ComposeTransform", "ExpTransform", "SigmoidTransform", "SoftplusTransform", "TanhTransform",
           "Transform", "TransformedDistribution", "identity_transform"]  # fmt: skip
