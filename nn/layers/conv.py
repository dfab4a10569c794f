"""Convolutions and their transposes in 1, 2 and 3 dimensions, and the lazy kinds."""

from __future__ import annotations

import math
from typing import Any

from autograd import Tensor

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import UninitializedParameter, empty_parameter, is_lazy
from ._show import ntuple
from .lazy import LazyModuleMixin

_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    """What all convolutions have: their sizes, a weight and a bias."""

    spatial = 0
    transposed = False
    weight: Any
    bias: Any

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        n = self.spatial
        _check(in_channels, out_channels, groups, padding, stride, padding_mode)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.dilation = ntuple(kernel_size, n), ntuple(stride, n), ntuple(dilation, n)
        self.padding = padding if isinstance(padding, str) else ntuple(padding, n)
        self.output_padding, self.groups, self.padding_mode = ntuple(output_padding, n), groups, padding_mode
        self._reversed_padding_repeated_twice = self._both_sides()
        self.weight = empty_parameter(*self._weight_shape(), dtype=dtype, device=device)
        self.register_parameter("bias", empty_parameter(out_channels, dtype=dtype, device=device) if bias else None)
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

    def _both_sides(self) -> list[int]:
        """What F.pad wants: the last axis first, each with its two sides."""
        if self.padding == "valid":
            return [0, 0] * self.spatial
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            return [side for total in reversed(totals) for side in (total // 2, total - total // 2)]
        return [p for p in reversed(tuple(self.padding)) for _ in range(2)]

    def reset_parameters(self) -> None:
        """Draw weight and bias from U(-k, k) with k = 1/sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # the slope makes the bound 1/sqrt(fan_in)
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in:
                init.uniform_(self.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))

    def forward(self, input: Tensor) -> Tensor:
        """The convolution."""
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = (0,) * self.spatial
        conv = (F.conv1d, F.conv2d, F.conv3d)[self.spatial - 1]
        return conv(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        """Channels, sizes, and what differs from the default."""
        n = self.spatial
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * n:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * n:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * n:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


def _check(in_channels: int, out_channels: int, groups: int, padding: Any, stride: Any, mode: str) -> None:
    if groups <= 0:
        raise ValueError(f"groups must be a positive integer, got {groups}")
    for name, n in (("in_channels", in_channels), ("out_channels", out_channels)):
        if n % groups:
            raise ValueError(f"{name} must be divisible by groups: {name}={n}, groups={groups}")
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}")
        if padding == "same" and any(s != 1 for s in ntuple(stride, 1)):
            raise ValueError(f"padding='same' is not supported for strided convolutions: stride={stride}")
    if mode not in _MODES:
        raise ValueError(f"padding_mode must be one of {set(_MODES)}, but got padding_mode='{mode}'")


class _Forward(_Conv):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
                         padding_mode, device, dtype)  # fmt: skip


class Conv1d(_Forward):
    """y[o, t] = b[o] + Σ_{c,k} W[o, c, k] x[c, stride t + dilation k - padding]: cross-correlation along one axis.

    Args:
        in_channels, out_channels: channels of the input and of the result.
        kernel_size, stride, dilation: a number, or one per axis.
        padding: a number, one per axis, "valid" (none) or "same" (the result as long as the input; stride 1 only).
        groups: channels are split into so many groups that do not see each other.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Shape: x (N, C_in, L) or (C_in, L) -> (N, C_out, L'), L' = (L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1

    Attributes:
        weight: (out_channels, in_channels / groups, kernel_size), from U(-k, k), k = 1/sqrt(in_channels / groups * kernel_size).
        bias: (out_channels), from the same distribution.
    """

    spatial = 1


class Conv2d(_Forward):
    """Cross-correlation along two axes. Arguments as for `Conv1d`.

    Shape: x (N, C_in, H, W) or (C_in, H, W) -> (N, C_out, H', W')

    Example:
        >>> import nn
        >>> nn.Conv2d(3, 8, kernel_size=3, padding=1)(autograd.zeros(2, 3, 5, 5)).shape
        Size([2, 8, 5, 5])
    """

    spatial = 2


class Conv3d(_Forward):
    """Cross-correlation along three axes. Arguments as for `Conv1d`.

    Shape: x (N, C_in, D, H, W) or (C_in, D, H, W) -> (N, C_out, D', H', W')
    """

    spatial = 3


class _Transposed(_Conv):
    transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}, got {padding_mode!r}')
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
                         padding_mode, device, dtype)  # fmt: skip

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """The transposed convolution; `output_size` chooses among the sizes that a strided convolution makes equal."""
        extra = self.output_padding if output_size is None else self._output_padding(input, list(output_size))
        conv = getattr(F, f"conv_transpose{self.spatial}d")
        return conv(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _output_padding(self, input: Tensor, wanted: list[int]) -> tuple[int, ...]:
        n = self.spatial
        lead = input.ndim - n
        if len(wanted) == input.ndim:
            wanted = wanted[lead:]
        if len(wanted) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.ndim}D input, output_size must have {n} or {input.ndim} elements "
                f"(got {len(wanted)})"
            )
        low = [
            (input.shape[lead + i] - 1) * self.stride[i]
            - 2 * self.padding[i]
            + self.dilation[i] * (self.kernel_size[i] - 1)
            + 1
            for i in range(n)
        ]
        high = [m + s - 1 for m, s in zip(low, self.stride, strict=True)]
        if any(not a <= w <= b for a, w, b in zip(low, wanted, high, strict=True)):
            raise ValueError(
                f"requested an output size of {wanted}, but valid sizes range from {low} to {high} (for an input of "
                f"{list(input.shape[lead:])})"
            )
        return tuple(w - a for a, w in zip(low, wanted, strict=True))


class ConvTranspose1d(_Transposed):
    """The gradient of `Conv1d` with respect to its input, as a layer: each input spreads the kernel over the result.

    Args:
        output_padding: added to one side of the result's size.
        Others as for `Conv1d`; the weight is (in_channels, out_channels / groups, kernel_size).

    Shape: x (N, C_in, L) -> (N, C_out, (L - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1)
    """

    spatial = 1


class ConvTranspose2d(_Transposed):
    """`ConvTranspose1d` along two axes. Shape: (N, C_in, H, W) -> (N, C_out, H', W')."""

    spatial = 2


class ConvTranspose3d(_Transposed):
    """`ConvTranspose1d` along three axes. Shape: (N, C_in, D, H, W) -> (N, C_out, D', H', W')."""

    spatial = 3


class _LazyConv(LazyModuleMixin):
    """in_channels from the first input."""

    weight: Any
    bias: Any
    groups: int
    out_channels: int
    _names: tuple[str, ...] = (
        "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        device, dtype = kwargs.get("device"), kwargs.get("dtype")
        bound = dict(zip(self._names, args, strict=False), **kwargs)
        wanted, groups = bound.pop("bias", True), bound.get("groups", 1)
        out_channels = bound.pop("out_channels")
        super().__init__(0, 0, **{**bound, "groups": 1}, bias=False)
        self.groups, self.out_channels = groups, out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if wanted:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Nothing until the shape is known."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Tensor, *rest: Any) -> None:
        """Make weight and bias for this input."""
        if not self.has_uninitialized_params():
            return
        n = self.spatial
        if input.ndim not in (n + 1, n + 2):
            raise RuntimeError(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {type(self).__name__}, but got input of size: "
                f"{list(input.shape)}"
            )
        self.in_channels = input.shape[-n - 1]
        if self.in_channels % self.groups:
            raise ValueError(
                f"in_channels must be divisible by groups: in_channels={self.in_channels}, groups={self.groups}"
            )
        self.weight.materialize(self._weight_shape())
        if is_lazy(self.bias):
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


class _LazyTransposed(_LazyConv):
    _names = (
        "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias", "dilation", "padding_mode",
    )  # fmt: skip


class LazyConv1d(_LazyConv, Conv1d):
    """A Conv1d that takes in_channels from its first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A Conv2d that takes in_channels from its first input."""

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A Conv3d that takes in_channels from its first input."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyTransposed, ConvTranspose1d):
    """A ConvTranspose1d that takes in_channels from its first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyTransposed, ConvTranspose2d):
    """A ConvTranspose2d that takes in_channels from its first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyTransposed, ConvTranspose3d):
    """A ConvTranspose3d that takes in_channels from its first input."""

    cls_to_become = ConvTranspose3d
