"""Clipping gradients between `backward()` and `step()`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

import autograd
from autograd import Tensor, no_grad


def _tensors(given: Any) -> list[Tensor]:
    return [given] if isinstance(given, Tensor) else list(given)


@no_grad()
def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """‖(‖t_1‖, ..., ‖t_n‖)‖ of order `norm_type`: the norm of all elements together.

    Raises:
        RuntimeError: the norm is infinite or NaN and error_if_nonfinite is set.
    """
    found = _tensors(tensors)
    if not found:
        return autograd.tensor(0.0)
    norms = autograd.stack([_norm(t, float(norm_type)).float() if t.dtype == autograd.float16 else _norm(t, float(norm_type))
                            for t in found])  # fmt: skip
    total = _norm(norms, float(norm_type))
    if error_if_nonfinite and not math.isfinite(float(total)):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


def _norm(t: Tensor, p: float) -> Tensor:
    if not t.numel():
        return autograd.tensor(0.0, dtype=t.dtype)
    if p == 2.0:
        size = t.abs() if t.is_complex() else t
        return (size * size).sum().sqrt()
    return autograd.linalg.vector_norm(t, p)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """Scale all gradients by max_norm / (norm + 1e-6) when their common norm is larger than max_norm.

    Args:
        parameters: those whose `.grad` is clipped, in place.
        max_norm: the largest norm allowed.
        norm_type: order of the norm; may be inf.
        error_if_nonfinite: raise when the norm is infinite or NaN.
        foreach: accepted, without effect.

    Returns:
        the norm before clipping.

    Raises:
        RuntimeError: see error_if_nonfinite.

    Example:
        >>> import nn
        >>> p = nn.Parameter(autograd.zeros(2))
        >>> p.grad = autograd.tensor([3.0, 4.0])
        >>> nn.utils.clip_grad_norm_([p], 1.0)
        tensor(5.)
        >>> p.grad
        tensor([0.6000, 0.8000])
    """
    params = _tensors(parameters)
    if not params:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    grads = [p.grad for p in params if p.grad is not None]
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(params, max_norm, total)
    return total


@no_grad()
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by max_norm / (total_norm + 1e-6), if that is less than 1."""
    factor = float(max_norm) / (float(total_norm) + 1e-6)
    if factor >= 1.0:
        return
    for p in _tensors(parameters):
        if p.grad is not None:
            p.grad.mul_(factor)


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """PyTorch's old spelling of `clip_grad_norm_`."""
    warnings.warn("`clip_grad_norm` is now deprecated. Use `clip_grad_norm_` instead.", FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Clamp every element of the gradients to [-clip_value, clip_value], in place."""
    for p in _tensors(parameters):
        if p.grad is not None:
            p.grad.clamp_(-float(clip_value), float(clip_value))
