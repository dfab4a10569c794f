"""Modules that only rearrange, pad or resample."""

from __future__ import annotations

from typing import Any

from autograd import Tensor

from .. import functional as F
from ..module import Module
from ._show import ntuple, shown


class Flatten(Module):
    """The axes start_dim to end_dim as one.

    Shape: (N, *) -> (N, product of *) with the defaults

    Example:
        >>> import nn
        >>> nn.Flatten()(autograd.zeros(3, 1, 28, 28)).shape
        Size([3, 784])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Flatten."""
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The axes."""
        return shown(self, "start_dim", "end_dim")


class Unflatten(Module):
    """Axis `dim` as several of the lengths `unflattened_size`; one of them may be -1.

    Raises:
        TypeError: the sizes are not integers (or, for a named axis, not (name, size) pairs).
    """

    def __init__(self, dim: int | str, unflattened_size: Any) -> None:
        super().__init__()
        if isinstance(dim, int):
            _require_ints(unflattened_size)
        elif isinstance(dim, str):
            raise TypeError("Unflatten: axes have no names here; give dim as an integer")
        else:
            raise TypeError("invalid argument type for dim parameter")
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        """Unflatten."""
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """The axis and the sizes."""
        return shown(self, "dim", "unflattened_size")


def _require_ints(sizes: Any) -> None:
    if not isinstance(sizes, tuple | list):
        raise TypeError(f"unflattened_size must be a tuple of ints, but found type {type(sizes).__name__}")
    for i, size in enumerate(sizes):
        if not isinstance(size, int):
            raise TypeError(
                f"unflattened_size must be tuple of ints, but found element of type {type(size).__name__} at pos {i}"
            )


class Fold(Module):
    """Sum columns of patches back into an image: the gradient of `Unfold`.

    Shape: (N, C product(kernel_size), L) -> (N, C, *output_size)
    """

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """Columns to image."""
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The sizes."""
        return shown(self, "output_size", "kernel_size", "dilation", "padding", "stride")


class Unfold(Module):
    """The patches of an image as columns.

    Shape: (N, C, *) -> (N, C product(kernel_size), L), L the number of patches
    """

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """Image to columns."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The sizes."""
        return shown(self, "kernel_size", "dilation", "padding", "stride")


class PixelShuffle(Module):
    """Channels into pixels. Shape: (*, C r², H, W) -> (*, C, H r, W r).

    Source: Shi et al., "Real-time single image and video super-resolution", 2016.
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Channels into pixels."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return shown(self, "upscale_factor")


class PixelUnshuffle(Module):
    """Pixels into channels. Shape: (*, C, H r, W r) -> (*, C r², H, W)."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Pixels into channels."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return shown(self, "downscale_factor")


class ChannelShuffle(Module):
    """Channel i of group g goes to place (i, g): groups mix. Shape: (N, C, *), kept.

    Source: Zhang et al., "ShuffleNet", 2017.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """Mix the groups' channels."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The number of groups."""
        return shown(self, "groups")


class Upsample(Module):
    """A larger (or smaller) grid by interpolation.

    Args:
        size: the spatial sizes wanted, or
        scale_factor: what to multiply them by.
        mode: "nearest", "linear" (one axis), "bilinear", "bicubic" (two), "trilinear" (three).
        align_corners: whether the corners' centres (True) or the grids' edges (False) coincide.

    Shape: (N, C, *) -> (N, C, *sizes)
    """

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.name, self.size, self.mode, self.align_corners = type(self).__name__, size, mode, align_corners
        if isinstance(scale_factor, tuple):
            self.scale_factor: Any = tuple(float(f) for f in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Interpolate."""
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners,
            recompute_scale_factor=self.recompute_scale_factor,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The size or factor, and the mode."""
        return f"{shown(self, 'size' if self.scale_factor is None else 'scale_factor')}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Nearest-neighbour interpolation of images."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Bilinear interpolation of images, corners aligned."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


# ---------------------------------------------------------------------------------------------- padding


class _Pad(Module):
    """Padding of the last axes: `padding` is a number, or two per axis, the last axis first."""

    spatial = 0
    mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = ntuple(padding, 2 * self.spatial)

    def forward(self, input: Tensor) -> Tensor:
        """Pad."""
        return F.pad(input, self.padding, mode=self.mode)

    def extra_repr(self) -> str:
        """The padding."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Pad with `value`."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The padding and its value."""
        return shown(self, "padding", "value")


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The padding."""
        return f"{self.padding}"


class _CircularPad(_Pad):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        """Pad with the other end."""
        n = self.spatial
        if input.ndim not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class ConstantPad1d(_ConstantPad):
    """Pad the last axis with `value`; padding (left, right)."""

    spatial = 1


class ConstantPad2d(_ConstantPad):
    """Pad the last two axes with `value`; padding (left, right, top, bottom)."""

    spatial = 2


class ConstantPad3d(_ConstantPad):
    """Pad the last three axes with `value`; padding (left, right, top, bottom, front, back)."""

    spatial = 3


class ZeroPad1d(_ZeroPad):
    """Pad the last axis with zeros."""

    spatial = 1


class ZeroPad2d(_ZeroPad):
    """Pad the last two axes with zeros."""

    spatial = 2


class ZeroPad3d(_ZeroPad):
    """Pad the last three axes with zeros."""

    spatial = 3


class ReflectionPad1d(_Pad):
    """Pad the last axis with its mirror image, the edge not repeated."""

    spatial, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Pad the last two axes with their mirror images."""

    spatial, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Pad the last three axes with their mirror images."""

    spatial, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Pad the last axis with its edge values."""

    spatial, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Pad the last two axes with their edge values."""

    spatial, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Pad the last three axes with their edge values."""

    spatial, mode = 3, "replicate"


class CircularPad1d(_CircularPad):
    """Pad the last axis with its other end."""

    spatial = 1


class CircularPad2d(_CircularPad):
    """Pad the last two axes with their other ends."""

    spatial = 2


class CircularPad3d(_CircularPad):
    """Pad the last three axes with their other ends."""

    spatial = 3
