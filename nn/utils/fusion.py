"""A batch normalisation folded into the convolution or linear layer before it, for evaluation."""

from __future__ import annotations

import copy
from typing import Any

import autograd
from autograd import Tensor

from ..module import Module
from ..parameter import Parameter


def _fused(
    weight: Tensor, bias: Tensor | None, mean: Any, variance: Any, eps: float, gain: Any, shift: Any, axis: int = 0
) -> tuple[Parameter, Parameter]:
    """(weight s, (bias - mean) s + shift) with s = gain / sqrt(variance + eps), one per output channel."""
    scale = (autograd.ones_like(mean) if gain is None else gain) * (variance + eps).rsqrt()
    start = -mean if bias is None else bias - mean
    moved = start * scale if shift is None else start * scale + shift
    shape = [-1 if i == axis else 1 for i in range(weight.ndim)]
    new = (weight * scale.reshape(shape).to(weight.dtype)).detach()
    kept = weight.requires_grad, weight.requires_grad if bias is None else bias.requires_grad
    return Parameter(new, kept[0]), Parameter(moved.detach().to(weight.dtype), kept[1])


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor | None,
    bn_b: Tensor | None, transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of the convolution that does the work of a convolution and the normalisation behind it.

    Args:
        transpose: whether the convolution is a transposed one, whose outputs are the weight's second axis.
    """
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, axis=1 if transpose else 0)


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of the linear layer that does the work of a linear layer and the normalisation behind it."""
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def _evaluating(layer: Module, norm: Any) -> Any:
    if layer.training or norm.training:
        raise AssertionError(
            "Fusion only for eval! Call .eval() on both modules first: in training the statistics change"
        )
    if norm.running_mean is None or norm.running_var is None:
        raise AssertionError(
            "Fusion needs running statistics; this normalisation keeps none (track_running_stats=False)"
        )
    return copy.deepcopy(layer)


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution equal to `bn(conv(x))` in evaluation.

    Raises:
        AssertionError: a module is in training mode, or the normalisation keeps no running statistics.

    Example:
        >>> import autograd, nn
        >>> conv, norm = nn.Conv2d(1, 2, 3).eval(), nn.BatchNorm2d(2).eval()
        >>> x = autograd.rand(1, 1, 5, 5)
        >>> autograd.allclose(nn.utils.fuse_conv_bn_eval(conv, norm)(x), norm(conv(x)), atol=1e-6)
        True
    """
    made = _evaluating(conv, bn)
    made.weight, made.bias = fuse_conv_bn_weights(
        made.weight, made.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return made


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A linear layer equal to `bn(linear(x))` in evaluation.

    Raises:
        AssertionError: a module is in training mode, or the features do not fit.
    """
    made = _evaluating(linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError(
            f"To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got {linear.out_features} and "
            f"{bn.num_features}"
        )
    made.weight, made.bias = fuse_linear_bn_weights(
        made.weight, made.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return made
