"""What all distributions share: shapes, checks, printing, expansion; and `torch.distributions.utils`."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

from ..... import (
    as_tensor,
    broadcast_tensors,
    finfo,
    get_default_dtype,
    log1p,
    no_grad,
    normal,
    sigmoid,
    softmax,
    zeros,
)
from ....._tensor import Size, Tensor
from . import constraints

EULER = 0.57721566490153286060


class lazy_property:
    """An attribute that is computed when it is first asked for, and kept."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)  # type: ignore[arg-type]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        value = self.wrapped(instance)
        instance.__dict__[self.wrapped.__name__] = value
        return value


def broadcast_all(*values: Any) -> tuple:
    """Parameters as tensors of one shape; Python numbers take the dtype of a tensor among them.

    Raises:
        ValueError: one is neither a number nor a tensor.
    """
    for v in values:
        if not isinstance(v, (Tensor, int, float, bool)) and not hasattr(v, "dtype"):
            raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects implementing "
                             "__torch_function__.")  # fmt: skip
    like = next((v for v in values if isinstance(v, Tensor)), None)
    dtype = get_default_dtype() if like is None else like.dtype
    tensors = [v if isinstance(v, Tensor) else as_tensor(v, dtype=dtype) for v in values]
    same = all(t.shape == tensors[0].shape for t in tensors)
    return tuple(tensors) if same else tuple(broadcast_tensors(*tensors))


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept away from 0 and 1 by the dtype's epsilon, so that their logarithms are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    p = clamp_probs(probs)
    return p.log() - log1p(-p) if is_binary else p.log()


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    return sigmoid(logits) if is_binary else softmax(logits, -1)


def sum_rightmost(value: Any, dim: int) -> Any:
    """The sum over the last `dim` axes."""
    return value if dim == 0 or not isinstance(value, Tensor) else value.reshape(*value.shape[:-dim], -1).sum(-1)


def standard_normal(shape: Any, dtype: Any) -> Tensor:
    zero = zeros(shape, dtype=dtype)
    return normal(zero, zero + 1)


def number_shape(*values: Any) -> bool:
    """Whether all are plain numbers, which make a distribution without axes."""
    return all(isinstance(v, (int, float, bool)) for v in values)


def one_given(probs: Any, logits: Any) -> None:
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


def binary_entropy_loss(logits: Tensor, value: Any) -> Tensor:
    """Cross-entropy of a probability given by its logit."""
    return logits.clamp(min=0) - logits * value + log1p((-logits.abs()).exp())


class Distribution:
    """Base: `sample`, `rsample`, `log_prob`, `mean`, `variance`, `entropy`, `cdf`, `icdf`, `expand`.

    Attributes:
        batch_shape: independent distributions in one object. event_shape: axes of one draw.
        arg_constraints, support: where the parameters and the draws lie; checked unless `validate_args=False`.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__
    arg_constraints: ClassVar[dict] = {}
    _stretched: tuple = ()  # attributes that expand with the batch, beside the parameters

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                lazy = name not in self.__dict__ and isinstance(
                    getattr(type(self), name, None), (lazy_property, property)
                )
                if not lazy and not constraints.is_dependent(constraint):
                    self._check(name, constraint)

    def _check(self, name: str, constraint: Any) -> None:
        value = getattr(self, name)
        if not bool(constraint.check(value).all()):
            raise ValueError(
                f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
            )

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        if value not in (True, False):
            raise ValueError("set_default_validate_args: expected True or False")
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> Size:
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        return self._event_shape

    @property
    def support(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__}.support")

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with the parameters expanded to another batch_shape."""
        twin, batch = object.__new__(type(self)), Size(batch_shape)
        twin.__dict__.update(self.__dict__)
        for name in (*self.arg_constraints, *self._stretched):
            if name in self.__dict__:
                twin.__dict__[name] = self._wider(self.__dict__[name], batch)
        twin._batch_shape = batch
        return twin

    def _wider(self, value: Any, batch: Size) -> Any:
        if isinstance(value, Distribution):
            return value.expand(batch)
        return value.expand(batch + value.shape[len(self._batch_shape) :]) if isinstance(value, Tensor) else value

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
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

    def _validate_sample(self, value: Any) -> None:
        """Raise unless `value` has the shape of draws and lies in the support."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        events = value.dim() - len(self._event_shape)
        if value.shape[max(events, 0) :] != self._event_shape:
            raise ValueError("The right-most size of value must match event_shape: "
                             f"{value.size()} vs {self._event_shape}.")  # fmt: skip
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.shape), reversed(expected), strict=False):
            if i not in (1, j) and j != 1:
                raise ValueError("Value is not broadcastable with batch_shape+event_shape: "
                                 f"{value.size()} vs {expected}.")  # fmt: skip
        if not bool(self.support.check(value).all()):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the support "
                f"({self.support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _valid(self, value: Any) -> Any:
        """A value as a tensor, checked."""
        if isinstance(value, str) or value is None:
            raise ValueError(f"The value argument to log_prob must be a Tensor, got {type(value).__name__}")
        value = value if isinstance(value, Tensor) else as_tensor(value, dtype=get_default_dtype())
        if self._validate_args:
            self._validate_sample(value)
        return value

    def log_prob(self, value: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.cdf")

    def icdf(self, value: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.icdf")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.enumerate_support")

    def entropy(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.entropy")

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.mean")

    @property
    def mode(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}.variance")

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    def perplexity(self) -> Tensor:
        return self.entropy().exp()

    def __repr__(self) -> str:
        shown = [(n, self.__dict__[n]) for n in self.arg_constraints if n in self.__dict__]
        text = ", ".join(f"{n}: {v if v.numel() == 1 else v.size()}" for n, v in shown)
        return f"{type(self).__name__}({text})"


class ExponentialFamily(Distribution):
    """A distribution whose density is the exponential of its parameters times statistics of the draw."""


class Binary(ExponentialFamily):
    """What distributions over two outcomes share: `probs` and `logits`, one given, the other computed."""

    arg_constraints: ClassVar[dict] = {"probs": constraints.unit_interval, "logits": constraints.real}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        one_given(probs, logits)
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
        else:
            (self.logits,) = broadcast_all(logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def _param(self) -> Tensor:
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.__dict__["logits"]

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        return self._param.shape


__all__ = ["Distribution", "ExponentialFamily", "broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs",
           "probs_to_logits"]  # fmt: skip
