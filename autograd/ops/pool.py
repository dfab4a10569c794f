"""Pooling with windows: maxima, averages and powers, and the inverse of max pooling.

A window's maximum and sum are found axis by axis over shifted views: k + k passes instead of k * k.
"""

from __future__ import annotations

import functools
import math
import sys

import numpy as np

from .._mode import fast
from .._op import composite, op
from .._samples import call, cases
from ._columns import offsets, padded, windows
from ._pieces import by_rows
from ._select import select
from .conv import per_axis
from .index import add_flat, flat_along

_F = "nn.functional"

# ---------------------------------------------------------------------------------------------- sizes


def _lowest(dtype):
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _window_count(n, k, s, p, d, ceil_mode):
    span = n + 2 * p - d * (k - 1) - 1
    if span < 0 and not ceil_mode:
        return 0
    out = (-(-span // s) if ceil_mode else span // s) + 1
    # The last window starts inside the input or its left padding.
    return out - 1 if ceil_mode and (out - 1) * s >= n + p else out


def _geometry(name, input, spatial, kernel_size, stride, padding, dilation, ceil_mode):
    """Checked (kernel, stride, padding, dilation, out), all per axis."""
    kernel = per_axis(name, "kernel_size", kernel_size, spatial)
    stride = kernel if stride is None or stride == [] or stride == () else per_axis(name, "stride", stride, spatial)
    padding, dilation = per_axis(name, "padding", padding, spatial), per_axis(name, "dilation", dilation, spatial)
    return (
        kernel,
        stride,
        padding,
        dilation,
        _out(name, input.shape, kernel, stride, padding, dilation, bool(ceil_mode)),
    )


@functools.lru_cache(1024)
def _out(name, shape, kernel, stride, padding, dilation, ceil_mode):
    """How many windows fit along each axis, where all is as it should be."""
    spatial = len(kernel)
    if len(shape) not in (spatial + 1, spatial + 2):
        raise RuntimeError(
            f"{name}: non-empty {spatial + 1}D or {spatial + 2}D (batch mode) tensor expected for input, but got input "
            f"of size: {list(shape)}"
        )
    if any(k <= 0 for k in kernel) or any(d <= 0 for d in dilation):
        raise RuntimeError(
            f"{name}: kernel size and dilation should be greater than zero, but got {list(kernel)} and {list(dilation)}"
        )
    if any(s <= 0 for s in stride):
        raise RuntimeError(f"{name}: stride should not be zero, got {list(stride)}")
    if any(p < 0 or p > (d * (k - 1) + 1) // 2 for p, k, d in zip(padding, kernel, dilation, strict=True)):
        raise RuntimeError(
            f"{name}: pad should be at most half of effective kernel size (and not negative), but got "
            f"pad={list(padding)}, kernel_size={list(kernel)}, dilation={list(dilation)}"
        )
    if 0 in shape[-spatial - 1 :]:
        raise RuntimeError(
            f"{name}: Expected input's non-batch dimensions to be nonzero, got input of size: {list(shape)}"
        )
    out = tuple(
        _window_count(n, k, s, p, d, ceil_mode)
        for n, k, s, p, d in zip(shape[-spatial:], kernel, stride, padding, dilation, strict=True)
    )
    if any(o < 1 for o in out):
        raise RuntimeError(
            f"{name}: Given input size: {tuple(shape[-spatial - 1 :])}. Calculated output size: {out}. "
            "Output size is too small"
        )
    return out


@functools.lru_cache(1024)
def _pads(size, kernel, stride, padding, dilation, out):
    """What to put around the input so that exactly `out` windows fit: windows may hang over, or leave a rest."""
    return tuple(
        (p, (o - 1) * s + d * (k - 1) + 1 - n - p)
        for n, k, s, p, d, o in zip(size, kernel, stride, padding, dilation, out, strict=True)
    )


# ---------------------------------------------------------------------------------------------- maximum


def _reduce_windows(ufunc, x, kernel, stride, dilation, out):
    """ufunc over every window of x (..., *spatial), one axis after the other."""
    lead = x.ndim - len(kernel)
    for i, (k, s, d, n) in enumerate(zip(kernel, stride, dilation, out, strict=True)):
        index = [slice(None)] * (lead + i)
        views = [x[(*index, slice(j * d, j * d + (n - 1) * s + 1, s))] for j in range(k)]
        if k == 1:
            x = views[0]
            continue
        total = ufunc(views[0], views[1])
        for view in views[2:]:
            ufunc(total, view, out=total)
        x = total
    return x


_MAXIMA = cases(lambda r: [
    call(r(2, 6), kernel=(2,), stride=(2,), pads=((0, 0),), dilation=(1,), count=(3,)),
    call(r(1, 2, 5, 4), kernel=(3, 2), stride=(2, 1), pads=((1, 1), (0, 0)), dilation=(1, 1), count=(3, 3)),
    call(r(2, 5, 5), kernel=(2, 2), stride=(2, 2), pads=((0, -1), (0, 1)), dilation=(1, 1), count=(2, 3))])  # fmt: skip


@op(
    real=True,
    batch="rows",
    name="_max_pool",
    symbol="max pool",
    caption="to the argmax",
    method=False,
    namespace="_",
    lends_result=True,
    sample=_MAXIMA,
)
def _max_pool(x, *, kernel, stride, pads, dilation, count):
    """The maximum of every window; NaN where the window holds one."""
    xp = padded(x, pads, _lowest(x.dtype))
    top = np.ascontiguousarray(_reduce_windows(np.maximum, xp, kernel, stride, dilation, count))
    return top.copy() if np.may_share_memory(top, x) else top  # windows of one element


@_max_pool.grad("x")
def _(g, x, out, kernel, stride, pads, dilation):
    return _to_maxima(g, x, out, kernel=kernel, stride=stride, pads=pads, dilation=dilation)


def _hits(xp, top, kernel, stride, dilation):
    """For every place of the window: the elements seen there, and where the first maximum (or NaN) is at it."""
    out = top.shape[-len(kernel) :]
    lost = bool(np.isnan(np.sum(top)))
    free = np.ones_like(top, dtype=bool)
    for i, offset in enumerate(offsets(kernel)):
        place = (..., *windows(offset, stride, dilation, out))
        hit = xp[place] == top
        if lost:
            hit |= np.isnan(xp[place])
        hit &= free
        free ^= hit
        yield i, place, hit


@op(name="_to_maxima", symbol="to the argmax", linear=True, method=False, namespace="_")
def _to_maxima(x, source, top, *, kernel, stride, pads, dilation):
    """x at the places of the windows' maxima `top` in `source`, zero elsewhere."""
    if kernel == stride == (2, 2) and _quarters(source, x, top):
        total = np.empty_like(source)
        by_rows(lambda part: _to_quarter(x[part], source[part], top[part], total[part]), source)
        return total
    xp = padded(source, pads, _lowest(source.dtype))
    total = np.zeros_like(xp, dtype=x.dtype)
    apart = all(d * (k - 1) < s for k, s, d in zip(kernel, stride, dilation, strict=True))

    def work(part):
        target = total[part]
        for _, place, hit in _hits(xp[part], top[part], kernel, stride, dilation):
            found = select(hit, x[part], 0)
            if apart:  # no place is in two windows
                target[place] = found
            else:
                target[place] += found

    by_rows(work, xp)
    return np.ascontiguousarray(padded(total, tuple((-lo, -hi) for lo, hi in pads)))


def _quarters(source, x, top):
    """Whether windows of 2 x 2 cover the source side by side, and the arrays allow `_to_quarter`."""
    if not fast.enabled or sys.byteorder != "little" or source.ndim < 3:
        return False
    if any(type(a) is not np.ndarray or a.dtype != np.float32 or not a.flags.c_contiguous for a in (source, x, top)):
        return False
    return source.shape[-2:] == (2 * top.shape[-2], 2 * top.shape[-1]) and not np.isnan(np.sum(top))


def _to_quarter(x, source, top, total):
    """Writes x into `total` at the first of each 2 x 2 numbers of `source` that is `top`, and 0 beside it.

    Two neighbours are one integer of 64 bits. A shift by 0 or 32 puts x where it belongs in it, one by 64 or more leaves
    zeros. A row is copied as one element: as short runs of numbers it takes three times as long.
    """
    width = top.shape[-1]
    rows, top = source.reshape(-1, 2, width, 2), top.reshape(-1, width)
    first = rows[:, 0, :, 0] == top
    upper = first | (rows[:, 0, :, 1] == top)
    left = first | (rows[:, 1, :, 0] == top) & ~upper
    pairs = x.reshape(-1, width).view(np.uint32).astype(np.uint64)
    shift = (~left * np.uint8(32) + ~upper * np.uint8(64)).astype(np.uint64)
    row = np.dtype((np.void, pairs.itemsize * width))
    found = total.reshape(-1, 4 * width).view(row)
    found[:, :1] = (pairs << shift).view(row)
    shift -= np.uint64(64)  # from 0 and 32 that gives more than 64
    pairs <<= shift
    found[:, 1:] = pairs.view(row)


@_to_maxima.grad("x")
def _(g, source, top, kernel, stride, pads, dilation):
    return _from_maxima(g, source, top, kernel=kernel, stride=stride, pads=pads, dilation=dilation)


@op(name="_from_maxima", symbol="at the argmax", linear=True, method=False, namespace="_")
def _from_maxima(x, source, top, *, kernel, stride, pads, dilation):
    """x at the place of each window's maximum: the transpose of `_to_maxima`."""
    xp = padded(source, pads, _lowest(source.dtype))
    moving = padded(x, pads)
    total = np.zeros_like(top, dtype=x.dtype)
    for _, place, hit in _hits(xp, top, kernel, stride, dilation):
        total += select(hit, moving[place], 0)
    return total


@_from_maxima.grad("x")
def _(g, source, top, kernel, stride, pads, dilation):
    return _to_maxima(g, source, top, kernel=kernel, stride=stride, pads=pads, dilation=dilation)


# Both pass gradients for x alone; source and top decide where, and where does not move.
_to_maxima.op.sample = _from_maxima.op.sample = cases(lambda r: [])


@op(batch="rows", name="_max_places", method=False, namespace="_")
def _max_places(x, top, *, kernel, stride, pads, dilation):
    """The flat index, within its image, of each window's first maximum."""
    xp = padded(x, pads, _lowest(x.dtype))
    size = x.shape[-len(kernel) :]
    own = np.arange(math.prod(size), dtype=np.int64).reshape(size)
    index = padded(own[None], pads)[0]
    total = np.zeros_like(top, dtype=np.int64)
    for _, place, hit in _hits(xp, top, kernel, stride, dilation):
        total += index[place[1:]] * hit
    return total


def _maximum(spatial, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    name = f"max_pool{spatial}d"
    kernel, stride, padding, dilation, out = _geometry(
        name, input, spatial, kernel_size, stride, padding, dilation, ceil_mode
    )
    pads = _pads(input.shape[-spatial:], kernel, stride, padding, dilation, out)
    given = {"kernel": kernel, "stride": stride, "pads": pads, "dilation": dilation}
    top = _max_pool(input, **given, count=out)
    return (top, _max_places(input, top, **given)) if return_indices else top


@composite(namespace=_F)
def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of every window along the last axis; the first of equals gets the gradient.

    Shape: (N, C, L) or (C, L) -> (N, C, out) with out = floor((L + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.

    Returns:
        the maxima, and with return_indices also their positions.
    """
    return _maximum(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite(namespace=_F, images=True)
def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of every window of an image; the first of equals gets the gradient.

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, Hout, Wout), each
        out = floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.

    Returns:
        the maxima, and with return_indices also their flat positions in the image.
    """
    return _maximum(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite(namespace=_F, images=True)
def max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The maximum of every window of a volume; the first of equals gets the gradient.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, Dout, Hout, Wout).
    """
    return _maximum(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _with_indices(pool):
    def pooled(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        return pool(input, kernel_size, stride, padding, dilation, ceil_mode, True)

    pooled.__doc__ = f"`{pool.__name__}` with return_indices=True."
    composite(pooled, name=pool.__name__ + "_with_indices", namespace=_F)


# ---------------------------------------------------------------------------------------------- average

_SUMS = cases(lambda r: [
    call(r(2, 6), kernel=(2,), stride=(2,), pads=((0, 0),), count=(3,)),
    call(r(1, 2, 5, 4), kernel=(3, 2), stride=(2, 1), pads=((1, 1), (0, 1)), count=(3, 4))])  # fmt: skip


@op(
    batch="rows",
    name="_window_sum",
    symbol="Σ windows",
    caption="spread",
    linear=True,
    method=False,
    namespace="_",
    sample=_SUMS,
)
def _window_sum(x, *, kernel, stride, pads, count):
    """The sum of every window."""
    return np.ascontiguousarray(_reduce_windows(np.add, padded(x, pads), kernel, stride, (1,) * len(kernel), count))


@_window_sum.grad("x")
def _(g, x_shape, kernel, stride, pads, count):
    return _window_spread(g, size=x_shape[-len(kernel) :], kernel=kernel, stride=stride, pads=pads, count=count)


@op(batch="rows", name="_window_spread", symbol="spread", caption="Σ windows", linear=True, method=False, namespace="_",
    sample=cases(lambda r: [
    call(r(1, 2, 3, 3), size=(5, 4), kernel=(3, 2), stride=(2, 1), pads=((1, 1), (0, 0)), count=(3, 3))]))  # fmt: skip
def _window_spread(x, *, size, kernel, stride, pads, count):
    """Every element added to each place of its window."""
    lead = x.ndim - len(kernel)
    for i in reversed(range(len(kernel))):
        (lo, hi), k, s, n = pads[i], kernel[i], stride[i], count[i]
        shape = (*x.shape[: lead + i], size[i] + lo + hi, *x.shape[lead + i + 1 :])
        total = np.zeros_like(x, shape=shape)
        for j in range(k):
            total[(*(slice(None),) * (lead + i), slice(j, j + (n - 1) * s + 1, s))] += x
        x = total
    return np.ascontiguousarray(padded(x, tuple((-lo, -hi) for lo, hi in pads)))


@_window_spread.grad("x")
def _(g, kernel, stride, pads, count):
    return _window_sum(g, kernel=kernel, stride=stride, pads=pads, count=count)


def _counts(n, k, s, p, out, count_include_pad):
    """How many elements each window along one axis counts; what hangs over the padded input never does."""
    start = np.arange(out) * s - p
    end = np.minimum(start + k, n + p)
    return end - start if count_include_pad else np.minimum(end, n) - np.maximum(start, 0)


def _average(spatial, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    name = f"avg_pool{spatial}d"
    kernel, stride, padding, dilation, out = _geometry(name, input, spatial, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is not None and divisor_override == 0:
        raise RuntimeError(f"{name}: divisor must be not zero")
    size = input.shape[-spatial:]
    total = _window_sum(
        input, kernel=kernel, stride=stride, pads=_pads(size, kernel, stride, padding, dilation, out), count=out
    )
    rounding = None if input.is_floating_point() else "trunc"  # means of integers are integers, as in PyTorch
    if divisor_override is not None:
        return div(total, divisor_override, rounding_mode=rounding)
    counts = [
        _counts(n, k, s, p, o, count_include_pad)
        for n, k, s, p, o in zip(size, kernel, stride, padding, out, strict=True)
    ]
    if all((c == c[0]).all() for c in counts):
        return div(total, math.prod(int(c[0]) for c in counts), rounding_mode=rounding)
    grid = counts[0]
    for c in counts[1:]:
        grid = grid[..., None] * c
    return div(total, wrap(grid.astype(input._data.dtype)), rounding_mode=rounding)


@composite(namespace=_F)
def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of every window along the last axis. Shape: (N, C, L) or (C, L) -> (N, C, out)."""
    return _average(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@composite(namespace=_F, images=True)
def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of every window of an image; divisor_override divides by another number than the window's size.

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, Hout, Wout).
    """
    return _average(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@composite(namespace=_F, images=True)
def avg_pool3d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of every window of a volume. Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, Dout, Hout, Wout)."""
    return _average(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _power(spatial, input, norm_type, kernel_size, stride, ceil_mode):
    """(sum of x^p over every window) ^ (1/p); windows that hang over count as if full."""
    average = (avg_pool1d, avg_pool2d, avg_pool3d)[spatial - 1]
    size = math.prod(per_axis(f"lp_pool{spatial}d", "kernel_size", kernel_size, spatial))
    mean = average(input**norm_type, kernel_size, stride, 0, ceil_mode)
    return (sign(mean) * relu(abs(mean)) * size) ** (1.0 / norm_type)


@composite(namespace=_F)
def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(Σ x^p)^(1/p) over every window along the last axis."""
    return _power(1, input, norm_type, kernel_size, stride, ceil_mode)


@composite(namespace=_F)
def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(Σ x^p)^(1/p) over every window of an image."""
    return _power(2, input, norm_type, kernel_size, stride, ceil_mode)


@composite(namespace=_F)
def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(Σ x^p)^(1/p) over every window of a volume."""
    return _power(3, input, norm_type, kernel_size, stride, ceil_mode)


# ---------------------------------------------------------------------------------------------- unpooling


@op(name="_put_last", symbol="put", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 3), np.array([[0, 4, 2], [1, 3, 0]]), size=5)]))  # fmt: skip
def _put_last(x, index, *, size):
    """Zeros (..., size) with x written at `index` of the last axis."""
    shape = (*x.shape[:-1], size)
    out = np.zeros_like(x, shape=(math.prod(shape),))
    out[flat_along(index, index.ndim - 1, shape)] = x
    return out.reshape(shape)


@_put_last.grad("x")
def _(g, index):
    return take_last(g, index)


@op(batch="align", name="_take_last", symbol="take", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 5), np.array([[0, 4, 4], [1, 3, 0]]))]))  # fmt: skip
def take_last(x, index):
    """The elements of the last axis at `index`."""
    return np.take_along_axis(x, index, -1)


@take_last.grad("x")
def _(g, x_shape, index):
    return add_last(g, index, size=x_shape[-1])


@op(name="_add_last", symbol="scatter-add", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 3), np.array([[0, 4, 4], [1, 3, 0]]), size=5)]))  # fmt: skip
def add_last(x, index, *, size):
    """Zeros (..., size) with x added at `index` of the last axis; equal places add up."""
    shape = (*x.shape[:-1], size)
    out = np.zeros_like(x, shape=shape, order="C")
    add_flat(out, flat_along(index, index.ndim - 1, shape), x)
    return out


@add_last.grad("x")
def _(g, index):
    return take_last(g, index)


def _unpooled_size(name, input, kernel, stride, padding, output_size, spatial):
    default = [
        (n - 1) * s + k - 2 * p for n, s, k, p in zip(input.shape[-spatial:], stride, kernel, padding, strict=True)
    ]
    if output_size is None:
        return tuple(default)
    size = list(output_size)
    if len(size) == spatial + 2:
        size = size[2:]
    if len(size) != spatial:
        raise ValueError(
            f"{name}: output_size should be a sequence containing {spatial} or {spatial + 2} elements, but it has "
            f"a length of '{len(output_size)}'"
        )
    for d in range(spatial):
        if not default[d] - stride[d] < size[d] < default[d] + stride[d]:
            raise ValueError(
                f'{name}: invalid output_size "{size}" (dim {d} must be between {default[d] - stride[d]} and '
                f"{default[d] + stride[d]})"
            )
    return tuple(size)


def _unpool(spatial, input, indices, kernel_size, stride, padding, output_size):
    name = f"max_unpool{spatial}d"
    kernel = per_axis(name, "kernel_size", kernel_size, spatial)
    stride = kernel if stride is None else per_axis(name, "stride", stride, spatial)
    padding = per_axis(name, "padding", padding, spatial)
    if input.ndim not in (spatial + 1, spatial + 2):
        raise RuntimeError(
            f"{name}: Input to {name} should be a {spatial + 1}d or {spatial + 2}d Tensor, but got: {list(input.shape)}"
        )
    size = _unpooled_size(name, input, kernel, stride, padding, output_size, spatial)
    if tuple(indices.shape) != tuple(input.shape):
        raise RuntimeError(
            f"{name}: Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but "
            "got indices tensor with "
            f"shape: {list(indices.shape)}"
        )
    if indices.dtype.name != "int64":
        raise RuntimeError(f"{name}: elements in indices should be type int64 but got: {indices.dtype!r}")
    area, found = math.prod(size), indices._data
    if found.size and (found.min() < 0 or found.max() >= area):
        bad = int(found[(found < 0) | (found >= area)].reshape(-1)[0])
        raise RuntimeError(
            f"{name}: Found an invalid max index: {bad} (output volumes are of size {'x'.join(map(str, size))})"
        )
    lead = tuple(input.shape[:-spatial])
    out = _put_last(
        reshape(input, (*lead, math.prod(input.shape[-spatial:]))),
        reshape(indices, (*lead, math.prod(input.shape[-spatial:]))),
        size=area,
    )
    return reshape(out, (*lead, *size))


@composite(namespace=_F)
def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros with every element written back to where `max_pool1d(..., return_indices=True)` found it."""
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


@composite(namespace=_F)
def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros with every element written back to where `max_pool2d(..., return_indices=True)` found it."""
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


@composite(namespace=_F)
def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Zeros with every element written back to where `max_pool3d(..., return_indices=True)` found it."""
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


from .._tensor import wrap  # noqa: E402
from .activation import relu  # noqa: E402
from .arithmetic import div  # noqa: E402
from .pointwise import abs, sign  # noqa: E402
from .shape import reshape  # noqa: E402

for _pool in (max_pool1d, max_pool2d, max_pool3d):
    _with_indices(_pool)
