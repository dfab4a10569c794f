"""Adaptive pooling: a given number of windows, which share the input out among themselves and may overlap."""

from __future__ import annotations

import math

import numpy as np

from .._op import composite, op
from .._samples import call, cases

_F = "nn.functional"


def _regions(n, out):
    """Start and end of each window along an axis of length n."""
    return [(i * n // out, -(-(i + 1) * n // out)) for i in range(out)]


@op(name="_region_means", symbol="means", linear=True, method=False, namespace="_", wide=True, quiet=True, sample=cases(lambda r: [
    call(r(2, 5, 3), dim=1, count=3), call(r(2, 6), dim=1, count=3),
    call(r(3, 4), dim=0, count=1), call(r(2, 3), dim=1, count=5)]))  # fmt: skip
def _region_means(x, *, dim, count):
    """The means of `count` windows along `dim`."""
    n = x.shape[dim]
    if count and n % count == 0:
        return np.mean(x.reshape(*x.shape[:dim], count, n // count, *x.shape[dim + 1 :]), axis=dim + 1)
    lead = (slice(None),) * dim
    parts = [np.mean(x[(*lead, slice(a, b))], axis=dim) for a, b in _regions(n, count)]
    return np.stack(parts, axis=dim) if parts else np.zeros_like(x, shape=(*x.shape[:dim], 0, *x.shape[dim + 1 :]))


@_region_means.grad("x")
def _(g, x_shape, dim, count):
    return _region_spread(g, dim=dim, size=x_shape[dim])


@op(name="_region_spread", symbol="spread", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 3, 3), dim=1, size=5), call(r(2, 3), dim=1, size=6)]))  # fmt: skip
def _region_spread(x, *, dim, size):
    """The transpose of `_region_means`: each element spread evenly over its window."""
    out = np.zeros_like(x, shape=(*x.shape[:dim], size, *x.shape[dim + 1 :]))
    lead = (slice(None),) * dim
    for i, (a, b) in enumerate(_regions(size, x.shape[dim])):
        out[(*lead, slice(a, b))] += x[(*lead, slice(i, i + 1))] / (b - a)
    return out


@_region_spread.grad("x")
def _(g, x_shape, dim):
    return _region_means(g, dim=dim, count=x_shape[dim])


def _output_size(name, input, output_size, spatial):
    if input.ndim not in (spatial + 1, spatial + 2):
        raise RuntimeError(f"{name}: Expected {spatial + 1}D or {spatial + 2}D tensor, but got {list(input.shape)}")
    if any(n == 0 for n in input.shape[-spatial:]):
        raise RuntimeError(
            f"{name}: Expected input to have non-zero size for non-batch dimensions, but input has sizes "
            f"{list(input.shape)}"
        )
    size = tuple(int(n) if o is None else int(o) for n, o in zip(input.shape[-spatial:], output_size, strict=True))
    if any(o < 0 for o in size):
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0 but received {size}")
    return size


def adaptive_average(name, input, output_size):
    """Means over windows, one axis after the other."""
    spatial = len(output_size)
    size = _output_size(name, input, output_size, spatial)
    if not (input.dtype.is_floating_point or input.dtype.is_complex):
        raise NotImplementedError(f"{name} not implemented for {input.dtype!r}: it takes floating point numbers")
    given = input
    if all(n == 1 for n in size) and input.shape[-spatial:].count(1) < spatial and input.dtype.is_floating_point:
        return mean(input, dim=tuple(range(input.ndim - spatial, input.ndim)), keepdim=True)
    for i, count in enumerate(size):
        axis = input.ndim - spatial + i
        if count != input.shape[axis]:
            input = _region_means(input, dim=axis, count=count)
    return input * 1.0 if input is given else input  # never the caller's own tensor


def _as_sizes(name, input, output_size, spatial):
    if isinstance(output_size, int) or output_size is None:
        return (output_size,) * spatial
    if spatial > 1 and input.ndim <= len(output_size):
        raise ValueError(
            f"{name}: Input dimension should be at least {len(output_size) + 1}, but got {list(input.shape)}"
        )
    sizes = tuple(output_size) * (spatial if len(output_size) == 1 else 1)
    if len(sizes) != spatial:
        raise RuntimeError(f"{name}: output_size must be {spatial} numbers, got {sizes}")
    return sizes


def _adaptive_mean(spatial, input, output_size):
    name = f"adaptive_avg_pool{spatial}d"
    return adaptive_average(name, input, _as_sizes(name, input, output_size, spatial))


@composite(namespace=_F)
def adaptive_avg_pool1d(input, output_size):
    """Means of `output_size` windows over the last axis. Shape: (N, C, L) or (C, L) -> (N, C, output_size)."""
    return _adaptive_mean(1, input, output_size)


@composite(namespace=_F, images=True)
def adaptive_avg_pool2d(input, output_size):
    """Means of a grid of windows. Shape: (N, C, H, W) or (C, H, W) -> (N, C, *output_size); None keeps an axis's size."""
    return _adaptive_mean(2, input, output_size)


@composite(namespace=_F, images=True)
def adaptive_avg_pool3d(input, output_size):
    """Means of a grid of windows. Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, *output_size)."""
    return _adaptive_mean(3, input, output_size)


# ---------------------------------------------------------------------------------------------- maximum


def _largest(x, size):
    """Flat index, within its image, of the maximum of each window. (..., *in) -> (..., *size)"""
    spatial = len(size)
    own = x.shape[-spatial:]
    flat = np.arange(math.prod(own)).reshape(own)
    lead = x.shape[: x.ndim - spatial]
    out = np.zeros_like(x, shape=(*lead, *size), dtype=np.int64)
    regions = [_regions(n, o) for n, o in zip(own, size, strict=True)]
    for place in np.ndindex(*size):
        window = tuple(slice(*regions[d][i]) for d, i in enumerate(place))
        at = np.argmax(x[(..., *window)].reshape(*lead, -1), axis=-1)
        out[(..., *place)] = flat[window].reshape(-1)[at]
    return out


@op(name="_at_flat", symbol="take", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 2, 3), np.array([[[0, 5]], [[3, 3]]]), spatial=2)]))  # fmt: skip
def _at_flat(x, index, *, spatial):
    """The elements at flat indices of the last `spatial` axes."""
    lead = x.shape[: x.ndim - spatial]
    return np.take_along_axis(x.reshape(*lead, -1), index.reshape(*lead, -1), -1).reshape(index.shape)


@_at_flat.grad("x")
def _(g, x_shape, index, spatial):
    lead, own = x_shape[: len(x_shape) - spatial], x_shape[len(x_shape) - spatial :]
    rows = math.prod(g.shape[len(lead) :])
    found = add_last(reshape(g, (*lead, rows)), reshape(index, (*lead, rows)), size=math.prod(own))
    return reshape(found, x_shape)


def _adaptive_max(spatial, input, output_size, return_indices):
    name = f"adaptive_max_pool{spatial}d"
    size = _output_size(name, input, _as_sizes(name, input, output_size, spatial), spatial)
    index = wrap(_largest(input._data, size))
    top = _at_flat(input, index, spatial=spatial)
    return (top, index) if return_indices else top


@composite(namespace=_F)
def adaptive_max_pool1d(input, output_size, return_indices=False):
    """Maxima of `output_size` windows over the last axis, and their positions with return_indices."""
    return _adaptive_max(1, input, output_size, return_indices)


@composite(namespace=_F, images=True)
def adaptive_max_pool2d(input, output_size, return_indices=False):
    """Maxima of a grid of windows, and their flat positions with return_indices; None keeps an axis's size."""
    return _adaptive_max(2, input, output_size, return_indices)


@composite(namespace=_F, images=True)
def adaptive_max_pool3d(input, output_size, return_indices=False):
    """Maxima of a grid of windows, and their flat positions with return_indices."""
    return _adaptive_max(3, input, output_size, return_indices)


def _with_indices(pool):
    def pooled(input, output_size, return_indices=False):
        return pool(input, output_size, True)

    pooled.__doc__ = f"`{pool.__name__}` with return_indices=True."
    composite(pooled, name=pool.__name__ + "_with_indices", namespace=_F)


from .._tensor import wrap  # noqa: E402
from .pool import add_last  # noqa: E402
from .reduce import mean  # noqa: E402
from .shape import reshape  # noqa: E402

for _pool in (adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d):
    _with_indices(_pool)
