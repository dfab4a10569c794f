"""Linear maps: Linear, Bilinear, Identity, and the lazy Linear."""

from __future__ import annotations

import math
from typing import Any

from autograd import Tensor

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import UninitializedParameter, empty_parameter, is_lazy
from .lazy import LazyModuleMixin

_linear = F.linear.__wrapped__  # without the binding of keywords: layers are what small programs spend their time in


class Identity(Module):
    """y = x, whatever the constructor's arguments; a place-holder for a layer that may be left out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """The input itself."""
        return input


class Linear(Module):
    """y = x Wᵀ + b.

    Args:
        in_features, out_features: length of the last axis of the input and of the result.
        bias: whether to add b.

    Shape: x (*, in_features) -> (*, out_features)

    Attributes:
        weight: (out_features, in_features), drawn from U(-k, k) with k = 1/sqrt(in_features).
        bias: (out_features), drawn from the same distribution.

    Example:
        >>> import nn
        >>> nn.Linear(20, 30)(autograd.randn(128, 20)).size()
        Size([128, 30])
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = empty_parameter(out_features, in_features, dtype=dtype, device=device)
        if bias:
            self.bias = empty_parameter(out_features, dtype=dtype, device=device)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # the slope makes the bound 1/sqrt(in_features)
        if self.bias is not None:
            init.uniform_(self.bias, *_bounds(self.in_features))

    def forward(self, input: Tensor) -> Tensor:
        """x Wᵀ + b."""
        return _linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Sizes and whether there is a bias."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def _bounds(fan_in: int) -> tuple[float, float]:
    k = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
    return -k, k


class NonDynamicallyQuantizableLinear(Linear):
    """Linear, under the name that PyTorch's attention uses for its output projection."""


class Bilinear(Module):
    """y_k = x1ᵀ A_k x2 + b_k.

    Shape: x1 (*, in1_features), x2 (*, in2_features) -> (*, out_features)

    Attributes:
        weight: A (out_features, in1_features, in2_features), drawn from U(-k, k) with k = 1/sqrt(in1_features).
        bias: (out_features), drawn from the same distribution.
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got {in1_features}")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = empty_parameter(out_features, in1_features, in2_features, dtype=dtype, device=device)
        if bias:
            self.bias = empty_parameter(out_features, dtype=dtype, device=device)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        bounds = _bounds(self.in1_features)
        init.uniform_(self.weight, *bounds)
        if self.bias is not None:
            init.uniform_(self.bias, *bounds)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """x1ᵀ A x2 + b."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Sizes and whether there is a bias."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class LazyLinear(LazyModuleMixin, Linear):
    """A Linear that takes in_features from its first input."""

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Nothing until the shape is known."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Make weight and bias for this input."""
        if self.has_uninitialized_params():
            self.in_features = input.shape[-1]
            self.weight.materialize((self.out_features, self.in_features))
            if is_lazy(self.bias):
                self.bias.materialize((self.out_features,))
            self.reset_parameters()
        if self.in_features == 0:
            self.in_features = self.weight.shape[-1]
