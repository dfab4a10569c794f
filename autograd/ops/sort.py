"""Order: sorting, the largest, order statistics, distinct values, searching."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from .._array import wrap_dim
from .._dtype import FLOATING
from .._mode import fast
from .._op import composite, op
from .._samples import call, cases
from .._tensor import Tensor, wrap
from .compare import isnan, where
from .index import gather
from .reduce import amax, put_along
from .shape import reshape

_ALONG = cases(lambda r: [call(r(2, 3), dim=1), call(r(3, 2, 2), dim=0), call(r(4), dim=-1)])


def _ordered(x):
    """The values as NumPy can order them: among bfloat16 it takes NaN for a value like any other."""
    return x.astype(np.float32) if x.dtype.kind == "V" else x


def _ranks(x, dim, descending, stable=True):
    """Indices that sort along `dim`; equals keep their order, NaN counts as the largest."""
    x = _ordered(x)
    if _quick(x, dim):
        return np.moveaxis(_ranks_of_keys(np.moveaxis(x, dim, -1), descending), -1, dim)
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    mirrored = np.argsort(np.flip(x, dim), axis=dim, kind="stable")
    return np.flip(x.shape[dim] - 1 - mirrored, dim)


_LONG, _MANY = 64, 1 << 11  # elements along an axis, and in all, from which keys pay


def _quick(x, dim):
    """Whether the values fit beside their places in 64 bits, and are many."""
    many = type(x) is np.ndarray and x.dtype == np.float32 and x.size >= _MANY
    return many and _LONG <= x.shape[dim] < 1 << 31 and fast.enabled


def _ranks_of_keys(x, descending):
    """`_ranks` along the last axis.

    NumPy sorts integers several at a time, and no two of these are equal: above, the value
    as an integer of the same order, below, the place. Source: Herf, "Radix Tricks", 2001.
    """
    bits = (x + np.float32(0)).view(np.int32)  # -0 becomes 0
    keys = bits >> 31
    keys &= 0x7FFFFFFF
    keys ^= bits
    keys[np.isnan(x)] = 0x7FFFFFFF
    wide = (~keys if descending else keys).astype(np.int64)
    wide <<= 32
    wide |= np.arange(x.shape[-1])
    wide.sort(axis=-1)
    wide &= 0xFFFFFFFF
    return wide


def _largest(x, k, dim, largest):
    """The first k of `_ranks`, found by the value of the last of them; None where it has equals or there is NaN."""
    x = np.moveaxis(x if largest else -x, dim, -1)
    last = np.sort(x, axis=-1)[..., -k, None]
    hits = x >= last
    if (np.count_nonzero(hits, axis=-1) != k).any():
        return None
    places = np.nonzero(hits)[-1].reshape(*x.shape[:-1], k)
    order = _ranks(np.take_along_axis(x, places, -1), -1, True)
    return np.moveaxis(np.take_along_axis(places, order, -1), -1, dim)


@op(
    real=True, name="_sort", namespace="_", method=False, symbol="sort", caption="undo", aux=("indices",), sample=_ALONG
)
def _sort(x, *, dim=-1, descending=False, stable=False):
    if not x.ndim:
        return x.copy(), np.zeros_like(x, dtype=np.int64)
    dim = wrap_dim(dim, x.ndim)
    order = _ranks(x, dim, descending)
    return np.take_along_axis(x, order, dim), order.astype(np.int64)


@_sort.grad("x")
def _(g, x_shape, indices, dim):
    return put_along(g, indices, x_shape, dim, True)


@composite
def sort(input, dim=-1, descending=False, stable=False):
    """(values, indices) in order along `dim`; equals keep their order, NaN comes last (first when descending).

    Example:
        >>> import autograd
        >>> autograd.sort(autograd.tensor([3.0, 1.0, 2.0])).indices
        tensor([1, 2, 0])
    """
    return _sort(input, dim, descending, bool(stable))


@composite
def msort(input):
    """Sorted along the first axis."""
    return _sort(input, 0).values


@composite
def argsort(input, dim=-1, descending=False, stable=False):
    """Indices that sort along `dim`."""
    return _sort(input, dim, descending, stable).indices


@op(name="_topk", namespace="_", method=False, symbol="top k", caption="undo", aux=("indices",), sample=cases(lambda r: [
    call(r(2, 5), k=2, dim=1), call(r(4, 2), k=3, dim=0, largest=False)]))  # fmt: skip
def _topk(x, *, k, dim=-1, largest=True):
    if not x.ndim:
        return x.copy(), np.zeros_like(x, dtype=np.int64)
    few = 0 < k <= x.shape[dim] // 8 and _quick(x, dim)
    order = _largest(x, k, dim, largest) if few else None
    if order is None:
        order = np.take(_ranks(x, dim, largest), np.arange(k), axis=dim)
    return np.take_along_axis(x, order, dim), order.astype(np.int64)


@_topk.grad("x")
def _(g, x_shape, indices, dim):
    return put_along(g, indices, x_shape, dim, True)


@composite(real=True)
def topk(input, k, dim=-1, largest=True, sorted=True):
    """(values, indices) of the `k` largest (or smallest) along `dim`, in order.

    Raises:
        RuntimeError: `k` is negative or more than there are.
    """
    at = wrap_dim(dim, input.ndim)
    k = int(k)
    if not 0 <= k <= (input.shape[at] if input.ndim else 1):
        raise RuntimeError(
            f"selected index k out of range: k={k} along a dimension of size {input.shape[at] if input.ndim else 1}"
        )
    return _topk(input, k, at, largest)


_ORDERED: list[Any] = [namedtuple(name, ("values", "indices")) for name in ("kthvalue", "median", "nanmedian", "mode")]
Kthvalue, Median, Nanmedian, Mode = _ORDERED


def _selected(pair, input, order, dim, keepdim):
    """(values, indices) at one index per row, the value differentiable."""
    values = gather(input, dim, wrap(order))
    if keepdim or not input.ndim:
        return pair(values, wrap(order))
    shape = [n for i, n in enumerate(input.shape) if i != dim]
    return pair(reshape(values, shape), wrap(order.reshape(shape)))


@composite(real=True)
def kthvalue(input, k, dim=-1, keepdim=False):
    """(values, indices) of the k-th smallest along `dim`, counted from 1."""
    dim = wrap_dim(dim, input.ndim)
    n = input.shape[dim] if input.ndim else 1
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: k={k} of {n}")
    if not input.ndim:
        return Kthvalue(input.clone(), wrap(np.zeros((), np.int64)))
    return _selected(Kthvalue, input, np.take(_ranks(input._data, dim, False), [k - 1], axis=dim), dim, keepdim)


@composite
def median(input, dim=None, keepdim=False):
    """The middle value (the lower of two), of all elements or (values, indices) along `dim`; NaN if any is NaN."""
    return _median(input, dim, keepdim, ignore=False)


@composite
def nanmedian(input, dim=None, keepdim=False):
    """The median of the elements that are not NaN."""
    return _median(input, dim, keepdim, ignore=True)


def _equal(x, value):
    """Where a value stands in an array: elements equal to the median of all share its gradient."""
    return np.isnan(x) if np.isnan(value) else x == value


def _median(input, dim, keepdim, ignore):
    pair = Nanmedian if ignore else Median
    if dim is None:
        if not input.numel():
            return wrap(np.full((), np.nan, input._data.dtype))
        flat = reshape(input, (-1,))
        found = _median(flat, 0, False, ignore).values
        return amax(flat[wrap(_equal(flat._data, found._data))]) if found.requires_grad else found
    dim = wrap_dim(dim, input.ndim)
    if not input.ndim:
        return pair(input.clone(), wrap(np.zeros((), np.int64)))
    x = input._data
    if not x.shape[dim]:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size, the input is {tuple(x.shape)}")
    order = _ranks(x, dim, False)
    bad = np.isnan(x).sum(axis=dim, keepdims=True) if x.dtype in FLOATING else np.zeros(1, np.int64)
    n = x.shape[dim]
    middle = (n - bad - 1) // 2 if ignore else np.where(bad > 0, n - bad, (n - 1) // 2)
    middle = np.broadcast_to(np.maximum(middle, 0), [1 if i == dim else s for i, s in enumerate(x.shape)])
    return _selected(pair, input, np.take_along_axis(order, middle, dim), dim, keepdim)


@composite(real=True)
def mode(input, dim=-1, keepdim=False):
    """(values, indices) of the most frequent value along `dim`; the smallest of equally frequent ones."""
    dim = wrap_dim(dim, input.ndim)
    if not input.ndim:
        return Mode(input.clone(), wrap(np.zeros((), np.int64)))
    x = np.moveaxis(_ordered(input._data), dim, -1)
    found = np.array([_most_frequent(row) for row in x.reshape(-1, x.shape[-1])], np.int64).reshape((*x.shape[:-1], 1))
    return _selected(Mode, input, np.moveaxis(found, -1, dim), dim, keepdim)


def _most_frequent(row):
    values, counts = np.unique(row, return_counts=True)
    return np.flatnonzero(_equal(row, values[np.argmax(counts)]))[-1]


# ---------------------------------------------------------------------------------------------- running extrema


def _running(x, dim, better):
    values = better.accumulate(x, axis=dim)
    n = x.shape[dim]
    place = np.arange(n).reshape([-1 if i == dim else 1 for i in range(x.ndim)])
    last = np.where((x == values) | (x != x), place, 0)
    return values, np.maximum.accumulate(last, axis=dim).astype(np.int64)


@op(real=True, name="cummax", aux=("indices",), symbol="running max", sample=_ALONG)
def cummax(x, *, dim):
    """(values, indices) of the running maximum along `dim`; of equals the latest."""
    return _running(x, wrap_dim(dim, x.ndim), np.maximum) if x.ndim else (x.copy(), np.zeros_like(x, dtype=np.int64))


@op(real=True, name="cummin", aux=("indices",), symbol="running min", sample=_ALONG)
def cummin(x, *, dim):
    """(values, indices) of the running minimum along `dim`; of equals the latest."""
    return _running(x, wrap_dim(dim, x.ndim), np.minimum) if x.ndim else (x.copy(), np.zeros_like(x, dtype=np.int64))


@cummax.grad("x")
@cummin.grad("x")
def _(g, x_shape, indices, dim):
    return put_along(g, indices, x_shape, dim, True)


# ---------------------------------------------------------------------------------------------- quantiles


def _quantile(name, input, q, dim, keepdim, interpolation, ignore):
    from .arithmetic import lerp
    from .create import as_tensor

    q = q if isinstance(q, Tensor) else as_tensor(q, dtype=input.dtype)
    if (q._data < 0).any() or (q._data > 1).any():
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if not input.numel():
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    original = input.ndim
    if dim is None:
        input, at = reshape(input, (-1,)), 0
    else:
        at = wrap_dim(dim, input.ndim)
    ordered = _sort(input if input.ndim else reshape(input, (1,)), at).values.movedim(at, -1)
    missing = isnan(ordered).sum(dim=-1, keepdim=True)._data
    count = ordered.shape[-1] - missing if ignore else np.full_like(missing, ordered.shape[-1])
    rank = q._data.reshape(-1) * np.maximum(count - 1, 0)
    turn: Any = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}.get(interpolation, lambda r: r)
    rank = turn(rank)
    rank = np.broadcast_to(rank, (*ordered.shape[:-1], q.numel()))
    low, high = np.floor(rank).astype(np.int64), np.ceil(rank).astype(np.int64)
    weight = np.full_like(rank, 0.5) * (high > low) if interpolation == "midpoint" else rank - low
    share = wrap(weight.astype(input._data.dtype))
    if q.requires_grad and interpolation == "linear":  # the rank moves with q
        share = reshape(q, (-1,)) * wrap(np.maximum(count - 1, 0).astype(q._data.dtype)) - wrap(
            low.astype(q._data.dtype)
        )
    value = lerp(ordered.gather(-1, wrap(low)), ordered.gather(-1, wrap(high)), share)
    spoiled = (missing > 0) if not ignore else (count == 0)
    if spoiled.any():
        value = where(wrap(np.broadcast_to(spoiled, value.shape)), float("nan"), value)
    return _place_quantiles(value, q, dim, at, keepdim, original)


def _place_quantiles(value, q, dim, at, keepdim, ndim):
    value = value.movedim(-1, 0)
    if keepdim and ndim:
        value = reshape(value, (q.numel(), *([1] * ndim))) if dim is None else value.unsqueeze(at + 1)
    return value if q.ndim else value.squeeze(0)


@composite
def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The q-quantiles along `dim` (of all elements by default), interpolated between neighbours."""
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@composite
def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The q-quantiles of the elements that are not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


# ---------------------------------------------------------------------------------------------- distinct values


@composite
def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The distinct elements in order (or slices along `dim`), with inverse indices and counts when asked for."""
    x = _ordered(input._data)
    if dim is None:
        values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, equal_nan=False)
        inverse = inverse.reshape(x.shape)
    else:
        values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True, axis=wrap_dim(dim, x.ndim))
        inverse = inverse.reshape(-1)
    return _with_extras(values.astype(input._data.dtype, copy=False), inverse, counts, return_inverse, return_counts)


def _with_extras(values, inverse, counts, return_inverse, return_counts):
    found = [wrap(np.asarray(values))]
    if return_inverse:
        found.append(wrap(np.asarray(inverse, np.int64)))
    if return_counts:
        found.append(wrap(np.asarray(counts, np.int64)))
    return tuple(found) if len(found) > 1 else found[0]


@composite
def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """Runs of equal elements (or slices along `dim`) reduced to one each."""
    x = input._data.reshape(-1) if dim is None else np.moveaxis(input._data, wrap_dim(dim, input.ndim), 0)
    changed = np.ones(len(x), bool)
    if len(x):
        changed[1:] = (x[1:] != x[:-1]).reshape(len(x) - 1, x[0].size).any(axis=1)
    starts = np.flatnonzero(changed)
    counts = np.diff(np.r_[starts, len(x)])
    inverse = np.cumsum(changed) - 1
    values = x[starts] if dim is None else np.moveaxis(x[starts], 0, wrap_dim(dim, input.ndim))
    return _with_extras(
        values, inverse.reshape(input.shape) if dim is None else inverse, counts, return_inverse, return_counts
    )


@composite(method=False, spelled={"element": "elements", "test_element": "test_elements"})
def isin(elements, test_elements, *, assume_unique=False, invert=False):
    """Whether each element is among `test_elements`."""
    values = [v._data if isinstance(v, Tensor) else v for v in (elements, test_elements)]
    return wrap(np.isin(values[0], values[1], assume_unique=assume_unique, invert=invert))


# ---------------------------------------------------------------------------------------------- searching


@composite(method=False, real=True)
def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None):
    """Where each value would be inserted to keep the (last axis of the) sequence in order."""
    if side is not None and right and side == "left":
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    side = side or ("right" if right else "left")
    edges = _ordered(sorted_sequence._data)
    if sorter is not None:
        edges = np.take_along_axis(edges, sorter._data, -1)
    values = _ordered(input._data) if isinstance(input, Tensor) else np.asarray(input)
    if edges.ndim == 1:
        found = np.searchsorted(edges, values, side)
    else:
        if edges.shape[:-1] != values.shape[:-1]:
            raise RuntimeError(
                "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor "
                f"and input value tensor must match, but we got boundaries tensor {list(edges.shape)} and input value tensor "
                f"{list(values.shape)}"
            )
        count = int(np.prod(edges.shape[:-1]))
        rows = zip(edges.reshape(count, edges.shape[-1]), values.reshape(count, values.shape[-1]), strict=True)
        found = np.array([np.searchsorted(e, v, side) for e, v in rows]).reshape(values.shape)
    return wrap(np.asarray(found, np.int32 if out_int32 else np.int64))


@composite(method=False)
def bucketize(input, boundaries, *, out_int32=False, right=False):
    """The bucket between the boundaries that each value falls into."""
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@composite
def bincount(input, weights=None, minlength=0):
    """How often each non-negative whole number occurs, or the sum of its weights."""
    if input.ndim != 1 or input._data.dtype.kind not in "iub" or (input.numel() and input._data.min() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    found = np.bincount(input._data, None if weights is None else weights._data, minlength)
    return wrap(
        found if weights is None else found.astype(weights._data.dtype if weights.is_floating_point() else np.float64)
    )


@composite(real=True)
def histc(input, bins=100, min=0, max=0):
    """Counts in `bins` equal bins from min to max (the data's own range when both are 0)."""
    x = input._data
    low, high = (x.min(), x.max()) if min == max == 0 and x.size else (min, max)
    if low == high:
        low, high = low - 1, high + 1
    inside = x[(x >= low) & (x <= high)]
    place = np.minimum(((inside - low) * bins / (high - low)).astype(np.int64), bins - 1)
    return wrap(np.bincount(place, minlength=bins).astype(x.dtype))


_Histogram = namedtuple("histogram", ("hist", "bin_edges"))  # type: ignore[name-match]


@composite
def histogram(input, bins, *, range=None, weight=None, density=False):
    """(hist, bin_edges) of all elements over equal bins or the edges given."""
    x = input._data.reshape(-1)
    weights = None if weight is None else weight._data.reshape(-1)
    if isinstance(bins, Tensor):
        hist, edges = np.histogram(x, bins._data, weights=weights, density=density)
    else:
        low, high = range if range is not None else ((x.min(), x.max()) if x.size else (0.0, 1.0))
        if low == high:
            low, high = low - 0.5, high + 0.5
        hist, edges = np.histogram(x, bins, (low, high), weights=weights, density=density)
    return _Histogram(wrap(hist.astype(x.dtype)), wrap(edges.astype(x.dtype)))


_Histogramdd = namedtuple("histogramdd", ("hist", "bin_edges"))  # type: ignore[name-match]


@composite(method=False)
def histogramdd(input, bins, *, range=None, weight=None, density=False):
    """(hist, bin_edges) of points, one per row of the last axis, over a grid of bins."""
    x = input._data.reshape(-1, input.shape[-1])
    given = [bins] * x.shape[1] if isinstance(bins, int) else list(bins)
    if len(given) != x.shape[1]:
        raise RuntimeError(
            f"histogramdd: The size of bins must be equal to the innermost dimension of the input, "
            f"got {len(given)} and {x.shape[1]}"
        )
    edges = [_edges(x[:, i], b, None if range is None else range[2 * i : 2 * i + 2]) for i, b in enumerate(given)]
    inside, place = _places(x, edges)
    hist = np.zeros([len(e) - 1 for e in edges], x.dtype)
    np.add.at(hist, tuple(p[inside] for p in place), 1 if weight is None else weight._data.reshape(-1)[inside])
    if density:
        hist = hist / hist.sum()
        for axis, e in enumerate(edges):
            hist = hist / np.diff(e).reshape([-1 if i == axis else 1 for i in np.arange(x.shape[1])])
    return _Histogramdd(wrap(hist.astype(x.dtype)), tuple(wrap(e) for e in edges))


def _edges(x, bins, limits):
    """The ends of the bins along one coordinate: those given, or so many equal ones over the limits or the data."""
    if isinstance(bins, Tensor):
        return bins._data.astype(x.dtype)
    low, high = limits if limits is not None else ((x.min(), x.max()) if x.size else (0.0, 1.0))
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, int(bins) + 1).astype(x.dtype)


def _places(x, edges):
    """Which points lie in the grid, and the bin of each along every coordinate; the last bin has its end."""
    inside = np.ones(len(x), bool)
    place = []
    for values, e in zip(x.T, edges, strict=True):
        inside &= (values >= e[0]) & (values <= e[-1])
        place.append(np.minimum(np.searchsorted(e, values, side="right") - 1, len(e) - 2))
    return inside, place
