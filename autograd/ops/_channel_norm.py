"""Batch normalisation's kernels: a block of channels of (N, C, *) at a time, all its passes while it is in the cache.

A factor per channel is written out along short images, so that the loops that multiply by it run over all channels of
an image and not over one after the other: at 16 x 16 that is more than twice as fast.
"""

from __future__ import annotations

import numpy as np

from .. import _parallel
from ._pieces import ones, short_rows
from ._windows import scratch
from .reduce import column_sums

_BLOCK = 1 << 19  # bytes of a block of channels: the three arrays that meet in it fit in a core's own cache
_SHARED = 1 << 18  # elements from which two threads pay
SHORT = 1 << 10  # elements of an image along which factors are written out


def suits(x, weight, axes):
    """Whether the axes are all but the second and the weight belongs to the channels (or there is none)."""
    if type(x) is not np.ndarray or x.dtype.kind != "f" or x.ndim < 2 or axes != (0, *range(2, x.ndim)) or not x.size:
        return False
    return weight is None or weight.shape in ((x.shape[1],), (1, x.shape[1], *(1,) * (x.ndim - 2)))


def _flat(a):
    return np.ascontiguousarray(a).reshape(a.shape[0], a.shape[1], -1)


def _sums(a):
    """Per-channel sums; over the batch last, so that float32 adds long runs pairwise first."""
    if a.shape[2] == 1:
        return column_sums(a[:, :, 0])
    return np.add.reduce(image_sums(a), axis=0)


def _products(a, b):
    if a.shape[2] == 1:
        return column_sums(a[:, :, 0] * b[:, :, 0])
    return np.add.reduce(image_sums(a, b), axis=0)


def image_sums(a, b=None):
    """Σ a, or Σ a b, of each image (..., length)."""
    if short_rows(a):
        return np.vecdot(a, ones(a.shape[-1], a.dtype) if b is None else b)
    return np.einsum("...l->...", a) if b is None else np.einsum("...l,...l->...", a, b)


def along_images(factors, length):
    """A factor per channel, for arithmetic with images (..., C, length)."""
    return factors.repeat(length).reshape(*factors.shape, length) if 1 < length < SHORT else factors[..., None]


def _over_channels(work, a):
    """work on slices of channels that fit in the cache; on all cores if there are many elements."""
    channels = a.shape[1]
    if a.shape[2] == 1:
        work(slice(0, channels))
    else:
        _parallel.in_blocks(work, channels, a.nbytes // channels, _BLOCK, a.shape, a.size > _SHARED, len(a))


def forward(x, weight, bias, eps):
    """(y, mean, variance) as `_standard` returns them."""
    a, result = _flat(x), np.empty_like(x, order="C")  # owned by itself: the engine copies gradients that are views
    y, count, length = result.reshape(a.shape), a.shape[0] * a.shape[2], a.shape[2]
    mean, variance = np.empty((2, a.shape[1]), x.dtype)
    weight, bias = (None if own is None else own.reshape(-1) for own in (weight, bias))

    def work(part):
        rows, out = a[:, part], y[:, part]
        average = np.divide(_sums(rows), count, out=mean[part])
        np.subtract(rows, along_images(average, length), out=out)
        spread = np.divide(_products(out, out), count, out=variance[part])
        scale = 1 / np.sqrt(spread + eps)
        out *= along_images(scale if weight is None else scale * weight[part], length)
        if bias is not None:
            out += along_images(bias[part], length)

    _over_channels(work, a)
    shape = (1, x.shape[1], *(1,) * (x.ndim - 2))
    return result, mean.reshape(shape), variance.reshape(shape)


def backward(g, x, weight, mean, variance, eps, needs):
    """Gradients of x, weight and bias (None where not needed): g A + (x - mean) B + D per channel."""
    slopes, a, result = _flat(g), _flat(x), np.empty_like(x, order="C")
    gx, count, length = result.reshape(a.shape), a.shape[0] * a.shape[2], a.shape[2]
    mean, scale = mean.reshape(-1), 1 / np.sqrt(variance.reshape(-1) + eps)
    factor = scale if weight is None else scale * weight.reshape(-1)
    whole, along = np.empty((2, a.shape[1]), x.dtype)

    def work(part):
        slope, out = slopes[:, part], gx[:, part]
        centred = np.subtract(a[:, part], along_images(mean[part], length), out=scratch(x, out.shape))
        whole[part], along[part] = _sums(slope), _products(slope, centred)
        if needs[0]:
            centred *= along_images(factor[part] * scale[part] ** 2 * along[part] / -count, length)
            centred -= along_images(factor[part] * whole[part] / count, length)
            np.multiply(slope, along_images(factor[part], length), out=out)
            out += centred

    _over_channels(work, a)
    shape = (1, x.shape[1], *(1,) * (x.ndim - 2)) if weight is None else weight.shape
    return (
        result if needs[0] else None,
        (along * scale).reshape(shape) if needs[1] else None,
        whole.reshape(shape) if needs[2] else None,
    )
