"""Fractional max pooling: windows at random places, so that the output need not divide the input."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd
from autograd import Tensor

from .layers._show import ntuple


def _starts(sample: float, size: int, out: int, window: int) -> np.ndarray:
    """Where the windows of one axis begin: steps of alpha, shifted by the sample; the last window ends the axis."""
    if out == 1:
        return np.array([size - window])
    alpha = (size - window) / (out - 1)
    begin = ((np.arange(out) + sample) * alpha).astype(np.int64) - int(sample * alpha)
    begin[-1] = size - window
    return begin


def _places(samples: np.ndarray, sizes: tuple, outs: tuple, windows: tuple) -> np.ndarray:
    """Flat indices (outputs, window elements) of one plane."""
    flat: Any = np.zeros((1, 1), np.int64)
    for sample, size, out, window in zip(samples, sizes, outs, windows, strict=True):
        axis = _starts(sample, size, out, window)[:, None] + np.arange(window)  # (out, window)
        flat = flat[:, None, :, None] * size + axis[None, :, None, :]
        flat = flat.reshape(flat.shape[0] * flat.shape[1], -1)
    return flat


def _pool(
    n: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool, samples: Any
) -> Any:
    name = f"fractional_max_pool{n}d"
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}: Expected {n + 1}D or {n + 2}D tensor for input, but got {tuple(input.shape)}")
    sizes, windows = tuple(input.shape[-n:]), ntuple(kernel_size, n)
    outs = _output(name, n, sizes, output_size, output_ratio)
    for i, (size, out, window) in enumerate(zip(sizes, outs, windows, strict=True)):
        if not 1 <= out + window - 1 <= size:
            raise RuntimeError(
                f"{name}(): pool size {window} too large relative to input size {size} (axis {i}, output size {out})"
            )
    lead = tuple(input.shape[:-n])
    planes = int(np.prod(lead))
    if not planes:
        empty = input.new_zeros((*lead, *outs))
        return (empty, empty.long()) if return_indices else empty
    drawn = _drawn(name, n, input, planes, samples)
    places = np.stack([_places(row, sizes, outs, windows) for row in drawn])
    count = places.shape[1]
    gathered = input.reshape(planes, -1).gather(1, autograd.tensor(places.reshape(planes, -1)))
    values, which = gathered.reshape(planes, count, -1).max(-1)
    values = values.reshape(*lead, *outs)
    if not return_indices:
        return values
    found = np.take_along_axis(places, which.numpy()[..., None], -1)[..., 0]
    return values, autograd.tensor(found.reshape(*lead, *outs))


def _drawn(name: str, n: int, input: Tensor, planes: int, samples: Tensor | None) -> np.ndarray:
    """Numbers in [0, 1) for each plane and axis: the caller's, (batch or more, channels, n), or new ones."""
    if samples is None:
        samples = autograd.rand(planes, n, dtype=autograd.float64 if input.dtype == autograd.float64 else None)
    else:
        channels = input.shape[-n - 1]
        batch = planes // channels
        if samples.ndim != 3 or samples.shape[0] < batch or tuple(samples.shape[1:]) != (channels, n):
            raise RuntimeError(
                f"{name}: Expect _random_samples of shape ({batch} or more, {channels}, {n}), got {tuple(samples.shape)}"
            )
        samples = samples[:batch]
    drawn = samples.numpy().reshape(planes, n).astype(np.float64)
    # PyTorch's samples name the axes from the last to the first in 2 dimensions, from the first to the last in 3.
    return drawn[:, ::-1] if n == 2 else drawn


def _output(name: str, n: int, sizes: tuple, size: Any, ratio: Any) -> tuple[int, ...]:
    if size is not None:
        return ntuple(size, n)
    if ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    return tuple(int(s * r) for s, r in zip(sizes, ntuple(ratio, n), strict=True))


def fractional_max_pool2d(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """max over windows of random places along the last two axes.

    Args:
        kernel_size: the window.
        output_size, output_ratio: one of them: the sizes wanted, or their share of the input's.
        return_indices: also give the flat place of each maximum.

    Raises:
        ValueError: neither size nor ratio.
        RuntimeError: windows that do not fit.

    Source: Graham, "Fractional max-pooling", 2014.
    """
    return _pool(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool3d(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """`fractional_max_pool2d` along the last three axes."""
    return _pool(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)
