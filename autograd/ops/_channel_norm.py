"""Batch normalisation's kernels: statistics per channel of (N, C, *), with few passes over the array."""

from __future__ import annotations

import numpy as np


def suits(x, weight, axes):
    """Whether the axes are all but the second and the weight belongs to the channels (or there is none)."""
    if type(x) is not np.ndarray or x.dtype.kind != "f" or x.ndim < 2 or axes != (0, *range(2, x.ndim)) or not x.size:
        return False
    return weight is None or weight.shape == (1, x.shape[1], *(1,) * (x.ndim - 2))


def _flat(a):
    return np.ascontiguousarray(a).reshape(a.shape[0], a.shape[1], -1)


def _sums(a):
    """Per-channel sums; over the batch last, so that float32 adds long runs pairwise first."""
    if a.shape[2] == 1:
        return np.add.reduce(np.ascontiguousarray(a[:, :, 0].T), axis=1)
    return np.add.reduce(np.einsum("ncl->nc", a), axis=0)


def _products(a, b):
    if a.shape[2] == 1:
        return np.einsum("nc,nc->c", a[:, :, 0], b[:, :, 0])
    return np.add.reduce(np.einsum("ncl,ncl->nc", a, b), axis=0)


def forward(x, weight, bias, eps):
    """(y, mean, variance) as `_standard` returns them."""
    a = _flat(x)
    count = a.shape[0] * a.shape[2]
    mean = _sums(a) / count
    result = np.empty_like(x, order="C")  # owned by itself: the engine copies gradients that are views
    y = np.subtract(a, mean[:, None], out=result.reshape(a.shape))
    variance = _products(y, y) / count
    scale = 1 / np.sqrt(variance + eps)
    y *= (scale if weight is None else scale * weight.reshape(-1))[:, None]
    if bias is not None:
        y += bias.reshape(-1, 1)
    shape = (1, x.shape[1], *(1,) * (x.ndim - 2))
    return result, mean.reshape(shape), variance.reshape(shape)


def backward(g, x, weight, mean, variance, eps, needs):
    """Gradients of x, weight and bias (None where not needed): g A + (x - mean) B + D per channel."""
    slope, a = _flat(g), _flat(x)
    count = a.shape[0] * a.shape[2]
    mean, scale = mean.reshape(-1), 1 / np.sqrt(variance.reshape(-1) + eps)
    result = np.empty_like(x, order="C")
    centred = np.subtract(a, mean[:, None], out=result.reshape(a.shape))
    whole, along = _sums(slope), _products(slope, centred)
    gw = gb = None
    shape = (1, x.shape[1], *(1,) * (x.ndim - 2))
    if needs[1]:
        gw = (along * scale).reshape(shape)
    if needs[2]:
        gb = whole.reshape(shape)
    if not needs[0]:
        return None, gw, gb
    factor = scale if weight is None else scale * weight.reshape(-1)
    centred *= (factor * scale * scale * along / -count)[:, None]
    centred -= (factor * whole / count)[:, None]
    centred += slope * factor[:, None]
    return result, gw, gb
