"""Sampling an image at any places: affine_grid says where, grid_sample reads."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np

from .._op import composite
from .._tensor import wrap
from .create import linspace

_F = "nn.functional"


def _warn_default(name, align_corners):
    if align_corners is None:
        warnings.warn(
            f"Default {name} behavior has changed to align_corners=False since 1.3.0. Please specify "
            "align_corners=True if the old "
            "behavior is desired. See the documentation of grid_sample for details.",
            UserWarning,
            stacklevel=4,
        )
    return bool(align_corners)


@composite(namespace=_F)
def affine_grid(theta, size, align_corners=None):
    """The places that an affine map sends the pixels of an image of `size` to, for `grid_sample`.

    Shape: theta (N, 2, 3), size (N, C, H, W) -> (N, H, W, 2); theta (N, 3, 4), size (N, C, D, H, W) -> (N, D, H, W, 3).
    """
    if not theta.dtype.is_floating_point:
        raise ValueError(f"affine_grid: Expected theta to have floating point type, but got {theta.dtype!r}")
    spatial = len(size) - 2
    if spatial not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{tuple(size)}."
        )
    if theta.ndim != 3 or tuple(theta.shape[1:]) != (spatial, spatial + 1):
        raise ValueError(
            f"affine_grid: Expected a batch of {spatial}D affine matrices of shape Nx{spatial}x{spatial + 1} for "
            f"size {tuple(size)}. Got "
            f"{tuple(theta.shape)}."
        )
    if min(size) <= 0:
        raise ValueError(f"affine_grid: Expected non-zero, positive output size. Got {tuple(size)}")
    align = _warn_default("grid_sample and affine_grid", align_corners)
    axes = [_centres(n, align, theta._data.dtype) for n in size[2:]]
    mesh = np.meshgrid(*axes, indexing="ij")
    base = np.stack([*reversed(mesh), np.ones_like(mesh[0])], axis=-1).reshape(-1, spatial + 1)
    grid = matmul(wrap(base), transpose(theta, 1, 2))
    return reshape(grid, (theta.shape[0], *size[2:], spatial))


def _centres(n, align, dtype):
    """Where the pixels of a row of n lie in [-1, 1], rounded as PyTorch rounds: a last bit decides between two pixels."""
    if n == 1:
        return np.zeros(1, dtype)
    edge = linspace(-1.0, 1.0, n, dtype=dtype)._data
    return edge if align else edge * dtype.type(n - 1) / dtype.type(n)


# ---------------------------------------------------------------------------------------------- coordinates


def _pixel(x, n, align):
    """Coordinates in [-1, 1] as pixel numbers."""
    return (x + 1.0) * ((n - 1) / 2) if align else ((x + 1.0) * n - 1.0) / 2


def _mirror(x, low, high):
    """(sign, offset) such that sign * x + offset is x mirrored into [low, high]."""
    span = high - low
    if span == 0:
        return np.zeros_like(x), np.full_like(x, low)
    side = np.where(x >= low, 1.0, -1.0)
    flips = np.floor(np.abs(x - low) / span)
    even = flips % 2 == 0
    sign = np.where(even, side, -side)
    offset = np.where(even, -side * low - flips * span + low, side * low + (flips + 1) * span + low)
    return sign.astype(x.dtype), offset.astype(x.dtype)


def _mirror_bounds(n, align):
    return (0.0, n - 1.0) if align else (-0.5, n - 0.5)


def _kept_inside(x, n, padding_mode, align):
    """Coordinates as border and reflection see them; differentiable."""
    if padding_mode == "reflection":
        sign, offset = _mirror(x._data, *_mirror_bounds(n, align))
        x = x * wrap(sign) + wrap(offset)
    return x if padding_mode == "zeros" else _hardtanh(x, low=0.0, high=float(n - 1))


def _whole_inside(i, n, padding_mode, align):
    """The same for whole pixel numbers: (index, whether it counts)."""
    if padding_mode == "reflection":
        sign, offset = _mirror(i, *_mirror_bounds(n, align))
        i = i * sign + offset
    known = (i >= 0) & (i <= n - 1)
    index = np.clip(np.nan_to_num(i, nan=0.0), 0, n - 1).astype(np.int64)
    return index, (known if padding_mode == "zeros" else np.ones_like(known))


# ---------------------------------------------------------------------------------------------- sampling


def _read(flat, places, size, padding_mode, align):
    """Pixels at whole places (one array (N, P) per axis): (N, C, P), zero outside."""
    index, counted = np.zeros(1, np.int64), np.ones(1, bool)
    for i, n in zip(places, size, strict=True):
        at, known = _whole_inside(i, n, padding_mode, align)
        index, counted = index * n + at, counted & known
    batch, channels = flat.shape[:2]
    whole = np.broadcast_to(index[:, None], (batch, channels, index.shape[-1]))
    values = take_last(flat, wrap(np.ascontiguousarray(whole)))
    if counted.all():
        return values
    return where(wrap(counted[:, None]), values, 0.0)


def _weighted_sum(flat, taps, size, padding_mode, align):
    """Σ over all combinations of one (place, weight) per axis."""
    total = None
    for combination in itertools.product(*taps):
        weight = combination[0][1]
        for _, w in combination[1:]:
            weight = weight * w
        part = _read(flat, [p for p, _ in combination], size, padding_mode, align) * unsqueeze(weight, 1)
        total = part if total is None else total + part
    return total


def _linear_taps(x):
    low = np.floor(x._data)
    share = x - wrap(low)
    return [(low, 1.0 - share), (low + 1, share)]


def _cubic_taps(x):
    low = np.floor(x._data)
    share = x - wrap(low)
    return [(low + i, w) for i, w in zip(range(-1, 3), cubic_weights(share), strict=True)]


def _check(input, grid, mode, padding_mode):
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but "
            f"got: '{padding_mode}'"
        )
    if input.ndim not in (4, 5) or input.ndim != grid.ndim:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with "
            f"sizes {list(input.shape)} and "
            f"grid with sizes {list(grid.shape)}"
        )
    if input.shape[0] != grid.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{list(input.shape)} and grid with "
            f"sizes {list(grid.shape)}"
        )
    if grid.shape[-1] != input.ndim - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {input.ndim - 2} in last dimension, but got grid with "
            f"sizes {list(grid.shape)}"
        )
    if 0 in input.shape[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
            f"{list(input.shape)}"
        )
    if mode == "bicubic" and input.ndim == 5:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if input.dtype != grid.dtype:
        raise RuntimeError(
            f"grid_sampler(): expected input and grid to have same dtype, but input has {input.dtype!r} and grid "
            f"has {grid.dtype!r}"
        )


@composite(namespace=_F)
def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """The input read at the places of `grid`, whose last axis holds (x, y) or (x, y, z) in [-1, 1].

    Args:
        mode: 'bilinear', 'nearest' or 'bicubic' (images only).
        padding_mode: what lies outside: 'zeros', the nearest 'border' pixel, or the image mirrored ('reflection').
        align_corners: whether -1 and 1 are the centres of the corner pixels or the image's edges.

    Shape: input (N, C, H, W), grid (N, Ho, Wo, 2) -> (N, C, Ho, Wo); likewise with a depth axis.
    """
    _check(input, grid, mode, padding_mode)
    align = _warn_default("grid_sample and affine_grid", align_corners)
    batch, channels, *size = input.shape
    out = tuple(grid.shape[1:-1])
    flat = reshape(input, (batch, channels, math.prod(size)))
    rows = reshape(grid, (batch, math.prod(out), len(size)))
    axes = [_pixel(rows[:, :, len(size) - 1 - d], n, align) for d, n in enumerate(size)]
    if mode == "bicubic":
        found = _weighted_sum(flat, [_cubic_taps(x) for x in axes], size, padding_mode, align)
        return reshape(found, (batch, channels, *out))
    axes = [_kept_inside(x, n, padding_mode, align) for x, n in zip(axes, size, strict=True)]
    if mode == "nearest":
        found = _read(flat, [np.rint(x._data) for x in axes], size, padding_mode, align)
        if grid.requires_grad:  # a step function: gradient 0, not none
            found = found + sum(grid) * 0.0
    else:
        found = _weighted_sum(flat, [_linear_taps(x) for x in axes], size, "zeros", align)
    return reshape(found, (batch, channels, *out))


from .activation import _hardtanh  # noqa: E402
from .compare import where  # noqa: E402
from .matmul import matmul  # noqa: E402
from .pool import take_last  # noqa: E402
from .reduce import sum  # noqa: E402
from .resample import cubic_weights  # noqa: E402
from .shape import reshape, transpose, unsqueeze  # noqa: E402
