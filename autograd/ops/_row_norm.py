"""Layer normalisation's kernels: the last axes as rows, a block of rows at a time while it is in the cache.

Sums along a row are inner products with ones, one short call of BLAS per row: NumPy's fastest sum that stays on the
thread it is on. Sums over the rows of a block are products with two rows of factors. Larger products, and products of
a matrix and a vector, would start BLAS's own threads beneath ours. A few rows are another matter: BLAS stays on its
thread, and what counts is how many functions of NumPy are called.
"""

from __future__ import annotations

import math

import numpy as np

from .. import _parallel
from .._array import LONG, along_rows
from ._pieces import FEW, ones
from ._windows import PIECE, scratch

_BLOCK = 1 << 18  # bytes of a block of rows: the four arrays that meet in it fit in a core's own cache
_SHARED = 1 << 18  # elements from which two threads pay
_TALL = 128  # rows in a product that sums over them


def suits(x, weight, axes):
    """Whether the axes are the last ones and the weight belongs to the row (or there is none)."""
    if type(x) is not np.ndarray or x.dtype.kind != "f" or axes[-1] != x.ndim - 1 or len(axes) != x.ndim - axes[0]:
        return False
    return x.size > 0 and (weight is None or weight.shape == x.shape[axes[0] :])


def _as_rows(a, width):
    return np.ascontiguousarray(a).reshape(-1, width)


def forward(x, weight, bias, trailing, eps):
    """(y, mean, variance) as `_standard` returns them."""
    lead, tail = x.shape[: x.ndim - trailing], x.shape[x.ndim - trailing :]
    width = math.prod(tail)
    rows = _as_rows(x, width)
    if x.size <= FEW:
        return _forward_few(x, rows, weight, bias, trailing, eps)
    result = np.empty_like(x, order="C")  # owned by itself: the engine copies gradients that are views
    y = result.reshape(rows.shape)
    mean, variance = np.empty_like(rows, shape=(len(rows), 1)), np.empty_like(rows, shape=(len(rows), 1))
    level = ones(width, x.dtype)
    weight = None if weight is None else weight.reshape(1, -1)
    bias = None if bias is None else bias.reshape(-1)

    def work(part):
        out, average, spread = y[part], mean[part], variance[part]
        np.vecdot(rows[part], level, out=average[:, 0])
        average /= width
        centred = np.subtract(
            rows[part], average, out=out if weight is None or width >= LONG else scratch(x, out.shape)
        )
        np.vecdot(centred, centred, out=spread[:, 0])
        spread /= width
        _scaled(out, centred, 1 / np.sqrt(spread + eps), weight)
        if bias is not None:
            out += bias

    _over_rows(work, rows)
    shape = (*lead, *(1,) * trailing)
    return result, mean.reshape(shape), variance.reshape(shape)


def _scaled(out, rows, scale, weight):
    """rows · scale · weight, with a scale per row; in place where rows are `out`."""
    if weight is None or rows.shape[1] >= LONG:
        np.multiply(rows, scale, out=out)
        if weight is not None:
            out *= weight
    else:  # for short rows the outer product costs half of what multiplying by a column does
        np.dot(scale, weight, out=out)
        out *= rows


def _forward_few(x, rows, weight, bias, trailing, eps):
    mean = rows.dot(ones(rows.shape[1], x.dtype))[:, None]
    mean /= rows.shape[1]
    result = np.empty_like(x, order="C")
    y = np.subtract(rows, mean, out=result.reshape(rows.shape))
    variance = np.vecdot(y, y)[:, None]
    variance /= rows.shape[1]
    scale = 1 / np.sqrt(variance + eps)
    y *= scale if weight is None else np.dot(scale, weight.reshape(1, -1))
    if bias is not None:
        y += bias.reshape(-1)
    shape = (*x.shape[: x.ndim - trailing], *(1,) * trailing)
    return result, mean.reshape(shape), variance.reshape(shape)


def _over_rows(work, rows):
    """work on slices of rows that fit in the cache; on all cores if there are many elements."""
    count, width = rows.shape
    with along_rows(width):
        _parallel.in_blocks(work, count, width * rows.itemsize, _BLOCK, rows.shape, rows.size > _SHARED)


def backward(g, x, weight, mean, variance, trailing, eps, needs):
    """Gradients of x, weight and bias (None where not needed)."""
    tail = x.shape[x.ndim - trailing :]
    width = math.prod(tail)
    rows, slopes = _as_rows(x, width), _as_rows(g, width)
    mean, scale = mean.reshape(-1, 1), 1 / np.sqrt(variance.reshape(-1, 1) + eps)
    flat = ones(width, x.dtype) if weight is None else weight.reshape(-1)
    result = np.empty_like(x, order="C")
    if x.size <= FEW:
        return _backward_few(result, slopes, rows, (flat, mean, scale), tail, needs)
    gx = result.reshape(rows.shape)
    for_weight: dict = {}
    for_bias: dict = {}

    def work(part):
        slope, row, factor, average = slopes[part], rows[part], scale[part], mean[part]
        product = np.multiply(slope, row, out=scratch(x, row.shape))
        if needs[1] or needs[2]:
            whole, weighted = _column_sums(slope, factor * average)
            for_bias[part.start] = whole
            for_weight[part.start] = _column_sums(product, factor)[1] - weighted  # Σ g (x - mean) / deviation
        if needs[0]:
            whole = np.vecdot(slope, flat)[:, None]
            along = np.vecdot(product, flat)[:, None] - average * whole
            _row_slope(gx[part], slope, row, product, (flat[None], factor, average, whole, along, width))

    _over_rows(work, rows)
    return (
        result if needs[0] else None,
        _parallel.total(for_weight).reshape(tail) if needs[1] else None,
        _parallel.total(for_bias).reshape(tail) if needs[2] else None,
    )


def _backward_few(result, slopes, rows, moments, tail, needs):
    weight, mean, scale = moments
    count, width = rows.shape
    normal = rows - mean
    normal *= scale
    product = slopes * normal
    level = ones(count, rows.dtype)
    gw = level.dot(product).reshape(tail) if needs[1] else None
    gb = level.dot(slopes).reshape(tail) if needs[2] else None
    if needs[0]:  # scale (ĝ - mean ĝ - x̂ mean ĝx̂) with ĝ = g weight
        along, whole = product.dot(weight), slopes.dot(weight)
        along /= -width
        whole /= width
        gx = np.multiply(slopes, weight, out=result.reshape(rows.shape))
        normal *= along[:, None]
        gx += normal
        gx -= whole[:, None]
        gx *= scale
    return result if needs[0] else None, gw, gb


def _column_sums(rows, column):
    """(Σ over i of rows[i], Σ over i of column[i] rows[i]), in products for which BLAS starts no threads."""
    factors = np.empty((2, len(column)), column.dtype)
    factors[0], factors[1] = 1, column[:, 0]
    if 2 * rows.size <= PIECE:
        return np.matmul(factors, rows)
    count, width = rows.shape
    tall = min(max(PIECE // (2 * width), 1), _TALL)
    whole = count // tall * tall
    found = np.matmul(factors[:, :whole].reshape(2, -1, tall).swapaxes(0, 1), rows[:whole].reshape(-1, tall, width))
    sums = np.add.reduce(found, axis=0)
    return sums if whole == count else sums + np.matmul(factors[:, whole:], rows[whole:])


def _row_slope(out, slope, row, spare, sums):
    """scale (ĝ - mean ĝ - x̂ mean ĝx̂) with ĝ = g weight, as g scale weight + x k + m."""
    weight, scale, average, whole, along, width = sums
    towards = along * scale**3 / -width
    np.multiply(row, towards, out=spare)
    spare -= whole * scale / width + average * towards
    _scaled(out, slope, scale, weight)
    out += spare
