"""NumPy's reductions and running totals on Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import array_api as xp
from .._tensor import Tensor
from ..array_api._common import NUMBER, axes_of, ops, pair
from ._table import FUNCTIONS, axis_of, flat, floating, into, present, stands_for, tensor, typed, unsupported


def _given(option: Any, beside: Any = None) -> bool:
    """Whether an option of NumPy's was given, and is not what stands for its absence."""
    return option is not None and option is not np._NoValue and option is not beside


def _reduction(functions: tuple, reduce: Callable, neutral: Any = None, combine: Any = None) -> None:
    """`function(a, axis, dtype, keepdims=...)` as a reduction of the array API.

    Elements left out by `where` are made neutral; `initial` is combined with the result.
    """

    def ours(a, axis=None, dtype=None, out=None, keepdims=False, *, initial=None, where=None):
        a = tensor(a)
        if combine is None:
            unsupported(functions[0].__name__, initial=initial, where=where if _given(where, True) else None)
        if _given(where, True):
            a = xp.where(tensor(where).bool(), a, initial if neutral is None else neutral)
        found = reduce(a, axis=axis_of(axis), **({} if dtype is None else {"dtype": dtype}), keepdims=keepdims is True)
        return into(out, combine(found, initial) if _given(initial) else found)

    FUNCTIONS.update(dict.fromkeys(functions, ours))


def _mean(x: Any, axis: Any, dtype: Any = None, keepdims: bool = False) -> Any:
    return xp.mean(typed(floating(x), dtype), axis=axis, keepdims=keepdims)


def _without_nan(reduce: Callable, neutral: float) -> Callable:
    """A reduction that passes over NaN."""
    return lambda x, **options: reduce(ops.where(ops.isnan(x), neutral, x), **options)


_reduction((np.sum,), xp.sum, 0, ops.add)
_reduction((np.prod,), xp.prod, 1, ops.mul)
_reduction((np.nansum,), _without_nan(xp.sum, 0.0), 0, ops.add)
_reduction((np.nanprod,), _without_nan(xp.prod, 1.0), 1, ops.mul)
_reduction((np.mean,), _mean)
_reduction(
    (np.nanmean,), lambda x, axis, dtype=None, keepdims=False: ops.nanmean(typed(floating(x), dtype), axis, keepdims)
)


def _without_dtype(functions: tuple, reduce: Callable, neutral: Any = None, combine: Any = None) -> None:
    """The same for functions that have no dtype."""
    _reduction(functions, reduce, neutral, combine)
    typed_form = FUNCTIONS[functions[0]]
    FUNCTIONS.update(
        dict.fromkeys(functions, lambda a, axis=None, out=None, keepdims=False, **options: typed_form(
            a, axis, None, out, keepdims, **options)))  # fmt: skip


_without_dtype((np.max, np.amax), xp.max, None, xp.maximum)
_without_dtype((np.min, np.amin), xp.min, None, xp.minimum)
_without_dtype((np.nanmax,), _without_nan(xp.max, -np.inf))
_without_dtype((np.nanmin,), _without_nan(xp.min, np.inf))
_without_dtype((np.all,), xp.all, True, xp.logical_and)
_without_dtype((np.any,), xp.any, False, xp.logical_or)
_without_dtype((np.argmax,), xp.argmax)
_without_dtype((np.argmin,), xp.argmin)
_without_dtype((np.ptp,), lambda x, **options: xp.max(x, **options) - xp.min(x, **options))
_without_dtype((np.count_nonzero,), xp.count_nonzero)


def _spread(function: Any, reduce: Callable) -> None:
    def ours(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None, correction=None):
        unsupported(function.__name__, where=None if where is True else where, mean=mean)
        correction = ddof if correction is None or correction is np._NoValue else correction
        return into(
            out, reduce(typed(floating(a), dtype), axis=axis_of(axis), correction=correction, keepdims=keepdims is True)
        )

    FUNCTIONS[function] = ours


_spread(np.var, xp.var)
_spread(np.std, xp.std)


@stands_for(np.cumsum)
def cumsum(a, axis=None, dtype=None, out=None):
    a, axis = flat(a, axis)
    return into(out, xp.cumulative_sum(a, axis=axis, dtype=dtype))


@stands_for(np.cumprod)
def cumprod(a, axis=None, dtype=None, out=None):
    a, axis = flat(a, axis)
    return into(out, xp.cumulative_prod(a, axis=axis, dtype=dtype))


@stands_for(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    unsupported("average", returned=returned or None)
    a, keepdims = floating(a), keepdims is True
    if weights is None:
        return xp.mean(a, axis=axis, keepdims=keepdims)
    weights = tensor(weights)
    if weights.ndim == 1 and a.ndim > 1:
        weights = ops.reshape(weights, tuple(n if i == axis % a.ndim else 1 for i, n in enumerate(a.shape)))
    a, weights = ops.broadcast_tensors(*pair(a, weights))
    return xp.sum(a * weights, axis=axis, keepdims=keepdims) / xp.sum(weights, axis=axis, keepdims=keepdims)


@stands_for(np.median)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    return quantile(a, 0.5, axis, out, keepdims=keepdims)


@stands_for(np.quantile)
def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None,
             interpolation=None):  # fmt: skip
    unsupported("quantile", weights=weights, interpolation=interpolation)
    a = floating(a)
    q = q if isinstance(q, float) else tensor(q).to(a.dtype)
    given = () if isinstance(q, float) else tuple(q.shape)
    axes = axes_of(axis_of(axis), a.ndim)
    kept = [n for i, n in enumerate(a.shape) if i not in axes]
    rows = ops.reshape(ops.movedim(a, axes, tuple(range(-len(axes), 0))), (*kept, -1))
    found = ops.quantile(rows, ops.reshape(q, (-1,)) if given else q, -1, interpolation=method)
    left = [1 if i in axes else n for i, n in enumerate(a.shape)] if keepdims is True else kept
    return into(out, ops.reshape(found, (*given, *left)))


@stands_for(np.percentile)
def percentile(a, q, axis=None, *args, **options):
    q = q if isinstance(q, (Tensor, *NUMBER)) else np.asarray(q)
    return quantile(a, q / 100.0, axis, *args, **options)


@stands_for(*present("cumulative_sum"))
def cumulative_sum(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
    return into(out, xp.cumulative_sum(tensor(x), axis=axis, dtype=dtype, include_initial=include_initial))


@stands_for(*present("cumulative_prod"))
def cumulative_prod(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
    return into(out, xp.cumulative_prod(tensor(x), axis=axis, dtype=dtype, include_initial=include_initial))


@stands_for(np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    m = _variables_in_rows(m, y, rowvar)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights = [None if w is None else tensor(w) for w in (fweights, aweights)]
    return typed(ops.cov(m, correction=ddof, fweights=weights[0], aweights=weights[1]), dtype)


@stands_for(np.corrcoef)
def corrcoef(x, y=None, rowvar=True, *, dtype=None):
    return typed(ops.corrcoef(_variables_in_rows(x, y, rowvar)), dtype)


def _variables_in_rows(m: Any, y: Any, rowvar: bool) -> Any:
    rows = [
        floating(v) if rowvar or tensor(v).ndim < 2 else xp.matrix_transpose(floating(v))
        for v in (m, y)
        if v is not None
    ]
    return rows[0] if y is None else ops.vstack([ops.atleast_2d(r) for r in rows])
