"""Products, and running sums, products and logarithms of sums along an axis."""

from __future__ import annotations

import math

import numpy as np

from .._array import in_c_order, wrap_dim, wrap_dims
from .._dtype import HALVES
from .._mode import fast
from .._op import op
from .._samples import call, cases
from ._matrix import raw
from .cast import _to_copy
from .compare import nothing, where
from .index import narrow
from .join import cat
from .pointwise import complex_logaddexp, exp
from .reduce import _cast, _widened, any, spread, sum
from .shape import flip, reshape

_SINGLE = np.dtype(np.float32)


@op(symbol="Π", caption="× product of the others", wide=True, quiet=True, sample=cases(lambda r: [
    call(r(2, 3)), call(r(2, 3), dim=1), call(r(3, 2), dim=0, keepdim=True), call(r())]))  # fmt: skip
def prod(x, *, dim=None, keepdim=False, dtype=None):
    """Product of all elements, or along `dim`."""
    axes = None if dim is None else wrap_dims(dim, x.ndim)
    return _cast(np.prod(_widened(x, dtype), axis=axes, keepdims=keepdim and dim is not None), dtype)


@prod.grad("x")
def _(g, x, x_shape, dim, keepdim):
    """The product of the others from both sides: no division, so zeros are no exception."""
    if not x_shape:
        return g
    if dim is None:
        return reshape(g * _others(reshape(x, (-1,)), 0), x_shape)
    return spread(g, x_shape, dim, keepdim) * _others(x, wrap_dim(dim, len(x_shape)))


@prod.fast
def _(g, x, x_shape, out, dim, keepdim, needs):
    """The result divided by each, where that loses nothing."""
    if not (x.size and x.dtype.kind == "f" and np.all(x) and _divisible(out)):
        return (prod.op.rules["x"][0](g, x, x_shape, dim, keepdim),)
    return (spread(g * out, x_shape, dim, keepdim) / x,)


def _divisible(out):
    """Whether products are finite and in full precision."""
    size = np.abs(out)
    return bool(np.min(size) >= np.finfo(size.dtype).tiny and np.max(size) < np.inf)


def _others(x, dim):
    """For each element the product of all others along `dim`."""
    n = x.shape[dim]
    if n == 0:
        return x
    ones = nothing(narrow(x, dim, 0, 1)) + 1.0
    before = cumprod(cat([ones, narrow(x, dim, 0, n - 1)], dim=dim), dim=dim)
    mirrored = flip(x, (dim,))
    after = flip(cumprod(cat([ones, narrow(mirrored, dim, 0, n - 1)], dim=dim), dim=dim), (dim,))
    return before * after


_SCAN = cases(lambda r: [call(r(2, 3), dim=1), call(r(2, 3, 2), dim=0), call(r(4), dim=-1), call(r(), dim=0)])


_WIDE, _LONG = 128, 64  # elements behind an axis, or along it, from which one addition after the other is slower
_BLOCK = 32  # elements along an axis summed by a product with a triangle


def _running_sums(x, dim):
    """np.cumsum, several numbers at a time where that can be."""
    if type(x) is not np.ndarray or x.dtype not in (np.float32, np.float64) or not x.size or not fast.enabled:
        return np.cumsum(x, axis=dim)
    lines = x.reshape(math.prod(x.shape[:dim]), x.shape[dim], -1)
    if lines.shape[2] >= _WIDE:
        out = lines.copy()
        for i in range(1, out.shape[1]):
            out[:, i] += out[:, i - 1]
        return out.reshape(x.shape)
    found = _sums_by_blocks(lines[:, :, 0]) if lines.shape[2] == 1 and lines.shape[1] >= _LONG else None
    return np.cumsum(x, axis=dim) if found is None else found.reshape(x.shape)


def _sums_by_blocks(rows):
    """Running sums of rows; None where one is not finite, which a product would spread to those before it."""
    whole = rows.shape[1] // _BLOCK * _BLOCK
    blocks = rows[:, :whole].reshape(len(rows), -1, _BLOCK) @ np.triu(np.ones((_BLOCK, _BLOCK), rows.dtype))
    before = np.cumsum(blocks[:, :, -1], axis=1)
    if not np.isfinite(before[:, -1]).all():
        return None
    blocks[:, 1:] += before[:, :-1, None]
    sums = blocks.reshape(len(rows), whole)
    if whole == rows.shape[1]:
        return sums
    return np.concatenate([sums, before[:, -1:] + np.cumsum(rows[:, whole:], axis=1)], axis=1)


@op(inplace=True, linear=True, wide=True, quiet=True, sample=_SCAN)
def cumsum(x, *, dim, dtype=None):
    """Running sum along `dim`."""
    x = _widened(x, dtype)
    return _cast(_running_sums(in_c_order(x), wrap_dim(dim, x.ndim)) if x.ndim else x.copy(), dtype)


@cumsum.grad("x")
def _(g, dim):
    return flip(cumsum(flip(g, (dim,)), dim=dim), (dim,)) if g.ndim else g


@op(inplace=True, wide=True, quiet=True, sample=_SCAN)
def cumprod(x, *, dim, dtype=None):
    """Running product along `dim`."""
    x = _widened(x, dtype)
    return _cast(np.cumprod(x, axis=wrap_dim(dim, x.ndim)) if x.ndim else x.copy(), dtype)


@cumprod.grad("x")
def _(g, x, out, dim):
    """The true quotient out/x where x has no zeros; otherwise products without division, one per element."""
    if not g.ndim:
        return g
    if not bool(any(x == 0)) and not hasattr(g, "_node"):
        return flip(cumsum(flip(g * out, (dim,)), dim=dim), (dim,)) / x
    return _cumprod_gradient(g, x, wrap_dim(dim, x.ndim))


def _cumprod_gradient(g, x, dim):
    """gx[k] = sum over i >= k of g[i] * product of x[:i+1] without x[k], built as one scan per k."""
    n = x.shape[dim]
    parts = []
    for k in range(n):
        head = prod(narrow(x, dim, 0, k), dim=dim, keepdim=True)
        tail = narrow(x, dim, k + 1, n - k - 1)
        ones = nothing(narrow(x, dim, k, 1)) + 1.0
        scan = cumprod(cat([ones, tail], dim=dim), dim=dim)
        parts.append(head * sum(narrow(g, dim, k, n - k) * scan, dim=dim, keepdim=True))
    return cat(parts, dim=dim) if parts else x


@op(inplace=True, quiet=True, wide=True, sample=_SCAN)
def logcumsumexp(x, *, dim):
    """log of the running sum of e ** input along `dim`, without overflow."""
    axis = wrap_dim(dim, x.ndim)
    if not x.ndim:
        return x.copy()
    if x.dtype.kind != "c":
        return np.logaddexp.accumulate(x, axis=axis)
    out = x.copy()
    rows, sums = np.moveaxis(x, axis, 0), np.moveaxis(out, axis, 0)
    for i in range(1, len(rows)):
        sums[i] = complex_logaddexp(sums[i - 1], rows[i])
    return out


@logcumsumexp.grad("x")
def _(g, x, out, dim):
    """Σ over i >= k of g[i] e ** (x[k] - out[i]), where no exponent is above 0: from one k to the next sums decay."""
    if not g.ndim or g.shape[dim] == 0:
        return g
    if raw(x).dtype in HALVES:  # a rounded decay would be rounded again with every step
        g, x, out = (_to_copy(a, dtype=_SINGLE) for a in (g, x, out))
    gone = out == -math.inf  # as is all that is summed there
    safe, n = where(gone, nothing(out), out), out.shape[dim] - 1
    decay = exp(narrow(safe, dim, 0, n) - narrow(safe, dim, 1, n))
    return exp(x - safe) * _decayed(g, where(narrow(gone, dim, 0, n), nothing(decay), decay), dim=dim)


@op(name="_decayed", namespace="_", method=False, quiet=True, wide=True, sample=cases(lambda r: [
    call(r(3), r(2), dim=0), call(r(2, 4), r(2, 3), dim=1), call(r(3, 2), r(2, 2), dim=0, back=False), call(r(1), r(0), dim=0)]))  # fmt: skip
def _decayed(x, decay, *, dim, back=True):
    """Running sums from the end along `dim` (or the start), each multiplied by `decay` on its way to the next element."""
    found = np.array(x, order="C")
    rows, factors = np.moveaxis(found, dim, 0), np.moveaxis(decay, dim, 0)
    n = len(factors)
    for k in range(n - 1, -1, -1) if back else range(n):
        rows[k if back else k + 1] += rows[k + 1 if back else k] * factors[k]
    return found


@_decayed.grad("x")
def _(g, decay, dim, back):
    return _decayed(g, decay, dim=dim, back=not back)


@_decayed.grad("decay")
def _(g, decay, out, dim, back):
    n, there = out.shape[dim] - 1, _decayed(g, decay, dim=dim, back=not back)
    return narrow(there, dim, 0 if back else 1, n) * narrow(out, dim, 1 if back else 0, n)
