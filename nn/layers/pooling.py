"""Pooling: the largest, the mean or a norm of each window; adaptive and fractional kinds; unpooling."""

from __future__ import annotations

from typing import Any

from autograd import Tensor

from .. import functional as F
from ..module import Module
from ._show import ntuple, shown


class _MaxPool(Module):
    spatial = 0

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.return_indices, self.ceil_mode = padding, dilation, return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        """The largest of each window (and where it was, with return_indices)."""
        pool = getattr(F, f"max_pool{self.spatial}d")
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation,
            ceil_mode=self.ceil_mode, return_indices=self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The window."""
        return shown(self, "kernel_size", "stride", "padding", "dilation", "ceil_mode")


class MaxPool1d(_MaxPool):
    """max over each window of the last axis.

    Args:
        kernel_size, stride, dilation: the window; the stride is kernel_size when None.
        padding: -infinities on both sides, at most half the window.
        return_indices: also give the flat place of each maximum, for MaxUnpool.
        ceil_mode: keep a last window that does not fit.

    Shape: (N, C, L) -> (N, C, L'), L' = (L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1
    """

    spatial = 1


class MaxPool2d(_MaxPool):
    """max over each window of the last two axes. Arguments as for `MaxPool1d`.

    Example:
        >>> import nn
        >>> nn.MaxPool2d(2)(autograd.arange(16.0).reshape(1, 1, 4, 4))
        tensor([[[[ 5.,  7.],
                  [13., 15.]]]])
    """

    spatial = 2


class MaxPool3d(_MaxPool):
    """max over each window of the last three axes. Arguments as for `MaxPool1d`."""

    spatial = 3


class _MaxUnpool(Module):
    spatial = 0

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        n = self.spatial
        self.kernel_size = ntuple(kernel_size, n)
        self.stride = ntuple(kernel_size if stride is None else stride, n)
        self.padding = ntuple(padding, n)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """Put the values back where they were, zeros elsewhere."""
        unpool = getattr(F, f"max_unpool{self.spatial}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """The window."""
        return shown(self, "kernel_size", "stride", "padding")


class MaxUnpool1d(_MaxUnpool):
    """The partial inverse of `MaxPool1d`: maxima go back to their places, the rest is 0. Input: values and indices."""

    spatial = 1


class MaxUnpool2d(_MaxUnpool):
    """The partial inverse of `MaxPool2d`."""

    spatial = 2


class MaxUnpool3d(_MaxUnpool):
    """The partial inverse of `MaxPool3d`."""

    spatial = 3


class AvgPool1d(Module):
    """The mean of each window of the last axis.

    Args:
        kernel_size, stride: the window; the stride is kernel_size when None.
        padding: zeros on both sides.
        ceil_mode: keep a last window that does not fit.
        count_include_pad: whether padding counts in the mean.

    Shape: (N, C, L) -> (N, C, L'), L' = (L + 2 padding - kernel_size) // stride + 1
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = ntuple(kernel_size, 1)
        self.stride = ntuple(kernel_size if stride is None else stride, 1)
        self.padding, self.ceil_mode, self.count_include_pad = ntuple(padding, 1), ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        """The window."""
        return shown(self, "kernel_size", "stride", "padding")


class _AvgPool(Module):
    spatial = 0

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        pool = getattr(F, f"avg_pool{self.spatial}d")
        return pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """The window."""
        return shown(self, "kernel_size", "stride", "padding")


class AvgPool2d(_AvgPool):
    """The mean of each window of the last two axes; `divisor_override` replaces the number to divide by."""

    spatial = 2


class AvgPool3d(_AvgPool):
    """The mean of each window of the last three axes; `divisor_override` replaces the number to divide by."""

    spatial = 3


class _LPPool(Module):
    spatial = 0

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """The p-norm of each window."""
        pool = getattr(F, f"lp_pool{self.spatial}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        """The norm and the window."""
        return shown(self, "norm_type", "kernel_size", "stride", "ceil_mode")


class LPPool1d(_LPPool):
    """(Σ x^p)^(1/p) over each window of the last axis."""

    spatial = 1


class LPPool2d(_LPPool):
    """(Σ x^p)^(1/p) over each window of the last two axes."""

    spatial = 2


class LPPool3d(_LPPool):
    """(Σ x^p)^(1/p) over each window of the last three axes."""

    spatial = 3


class _FractionalMaxPool(Module):
    spatial = 0

    def __init__(
        self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        n = self.spatial
        self.kernel_size, self.return_indices = ntuple(kernel_size, n), return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else ntuple(output_size, n)
        self.output_ratio = None if output_ratio is None else ntuple(output_ratio, n)
        name = type(self).__name__
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        """The largest of each randomly placed window."""
        pool = getattr(F, f"fractional_max_pool{self.spatial}d")
        return pool(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
            _random_samples=self._random_samples,
        )  # fmt: skip


class FractionalMaxPool2d(_FractionalMaxPool):
    """max over windows of random places, for an output size (or ratio) that need not divide the input's.

    Source: Graham, "Fractional max-pooling", 2014.
    """

    spatial = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """`FractionalMaxPool2d` for volumes."""

    spatial = 3


class _Adaptive(Module):
    spatial = 0

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        return getattr(F, f"adaptive_avg_pool{self.spatial}d")(input, self.output_size)

    def extra_repr(self) -> str:
        """The size."""
        return shown(self, "output_size")


class _AdaptiveMax(_Adaptive):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """The largest of each window."""
        return getattr(F, f"adaptive_max_pool{self.spatial}d")(input, self.output_size, self.return_indices)


class AdaptiveAvgPool1d(_Adaptive):
    """The mean of `output_size` windows that share the axis as evenly as it goes: (N, C, L) -> (N, C, output_size)."""

    spatial = 1


class AdaptiveAvgPool2d(_Adaptive):
    """`AdaptiveAvgPool1d` for two axes; None keeps an axis."""

    spatial = 2


class AdaptiveAvgPool3d(_Adaptive):
    """`AdaptiveAvgPool1d` for three axes; None keeps an axis."""

    spatial = 3


class AdaptiveMaxPool1d(_AdaptiveMax):
    """max of `output_size` windows that share the axis as evenly as it goes: (N, C, L) -> (N, C, output_size)."""

    spatial = 1


class AdaptiveMaxPool2d(_AdaptiveMax):
    """`AdaptiveMaxPool1d` for two axes; None keeps an axis."""

    spatial = 2


class AdaptiveMaxPool3d(_AdaptiveMax):
    """`AdaptiveMaxPool1d` for three axes; None keeps an axis."""

    spatial = 3
