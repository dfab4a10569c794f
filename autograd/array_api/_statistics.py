"""Reductions, running totals and differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _dtype
from .._dtype import as_dtype
from .._tensor import Tensor
from ._common import axes_of, cast, ops, promoted, tensor


def _total_dtype(x: Tensor, dtype: Any) -> Any:
    """The dtype of a sum or product: the widest integer of the kind, floats their own."""
    if dtype is not None:
        return as_dtype(dtype)
    if x.dtype.kind == "u":
        return _dtype.uint64
    return _dtype.int64 if x.dtype.kind in "bi" else x.dtype


def _reduced(x: Tensor, axis: Any, keepdims: bool, reduce: Callable) -> Tensor:
    """`reduce(x, axes, keepdims)` over the axes named; none named means nothing to reduce."""
    axes = axes_of(axis, x.ndim)
    return reduce(x, axes or None, keepdims) if axes or not x.ndim else reduce(ops.unsqueeze(x, 0), (0,), False)


def sum(x, /, *, axis=None, dtype=None, keepdims=False):
    """The sum; small integers are added as 64-bit ones."""
    x = tensor(x)
    d = _total_dtype(x, dtype)
    return _reduced(cast(x, d), axis, keepdims, lambda x, axes, keep: ops.sum(x, dim=axes, keepdim=keep, dtype=d))


def prod(x, /, *, axis=None, dtype=None, keepdims=False):
    """The product; small integers are multiplied as 64-bit ones."""
    x = tensor(x)
    d = _total_dtype(x, dtype)
    return _reduced(cast(x, d), axis, keepdims, _product)


def _product(x: Tensor, axes: Any, keep: bool) -> Tensor:
    """A product over several axes is taken one after another, as its gradient is."""
    for a in sorted(axes or (), reverse=True):
        x = ops.prod(x, dim=a, keepdim=keep, dtype=x.dtype)
    return x


def mean(x, /, *, axis=None, keepdims=False):
    """The arithmetic mean."""
    return _reduced(tensor(x), axis, keepdims, lambda x, axes, keep: ops.mean(x, dim=axes, keepdim=keep))


def var(x, /, *, axis=None, correction=0.0, keepdims=False):
    """The variance: squared deviations over n - correction."""
    return _reduced(
        tensor(x), axis, keepdims, lambda x, axes, keep: ops.var(x, dim=axes, keepdim=keep, correction=correction)
    )


def std(x, /, *, axis=None, correction=0.0, keepdims=False):
    """The standard deviation: the root of the variance."""
    return _reduced(
        tensor(x), axis, keepdims, lambda x, axes, keep: ops.std(x, dim=axes, keepdim=keep, correction=correction)
    )


def max(x, /, *, axis=None, keepdims=False):
    """The largest element; NaN if there is one.

    Raises:
        ValueError: nothing to take it from.
    """
    return _extreme("max", ops.amax, tensor(x), axis, keepdims)


def min(x, /, *, axis=None, keepdims=False):
    """The smallest element; NaN if there is one.

    Raises:
        ValueError: nothing to take it from.
    """
    return _extreme("min", ops.amin, tensor(x), axis, keepdims)


def _extreme(name: str, operation: Callable, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    if not x.numel() and not all_long(x.shape, axes_of(axis, x.ndim)):
        raise ValueError(f"{name}: an array of shape {tuple(x.shape)} has no {name} over axis {axis}")
    out = _reduced(x, axis, keepdims, lambda x, axes, keep: operation(x, axes or (), keep))
    # The operation saves its result for the gradient, and programs of the standard (SciPy's softmax) write into theirs.
    return out.clone() if out.requires_grad else out


def all_long(shape: Any, axes: tuple) -> bool:
    """Whether every axis has elements."""
    return 0 not in [shape[a] for a in axes]


def all(x, /, *, axis=None, keepdims=False):
    """Whether every element is nonzero."""
    return _counted(x, axis, keepdims, ops.all)


def any(x, /, *, axis=None, keepdims=False):
    """Whether some element is nonzero."""
    return _counted(x, axis, keepdims, ops.any)


def _counted(x: Any, axis: Any, keepdims: bool, operation: Callable) -> Tensor:
    x = ops.ne(tensor(x), 0) if tensor(x).dtype is not _dtype.bool else tensor(x)
    return _reduced(x, axis, keepdims, lambda x, axes, keep: operation(x, dim=axes, keepdim=keep))


def count_nonzero(x, /, *, axis=None, keepdims=False):
    """How many elements are nonzero."""
    return sum(ops.ne(tensor(x), 0), axis=axis, keepdims=keepdims)


def _only_axis(x: Tensor, axis: Any) -> int:
    if axis is None and x.ndim > 1:
        raise ValueError(f"axis=None needs an array of one axis, got {x.ndim}")
    return axes_of(0 if axis is None else axis, x.ndim)[0]


def _running(x: Any, axis: Any, dtype: Any, include_initial: bool, operation: Callable, first: int) -> Tensor:
    x = tensor(x)
    d, axis = _total_dtype(x, dtype), _only_axis(x, axis)
    out = operation(cast(x, d), axis, dtype=d)
    if not include_initial:
        return out
    shape = [1 if i == axis else n for i, n in enumerate(x.shape)]
    return ops.cat([ops.full(shape, first, dtype=d), out], axis)


def cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False):
    """Running sums along an axis; with the leading 0 on request."""
    return _running(x, axis, dtype, include_initial, ops.cumsum, 0)


def cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False):
    """Running products along an axis; with the leading 1 on request."""
    return _running(x, axis, dtype, include_initial, ops.cumprod, 1)


def diff(x, /, n=1, axis=-1, *, prepend=None, append=None):
    """Differences of neighbours along an axis, n times.

    Note:
        The standard has n and axis by name only; as in NumPy they may be given by position (scikit-learn does).
    """
    x = tensor(x)
    axis = axes_of(axis, x.ndim)[0]
    if not n:
        return x
    parts = [p for p in (prepend, x, append) if p is not None]
    x = ops.cat(promoted(parts), axis) if len(parts) > 1 else x
    for _ in range(n):
        x = _neighbours(x, axis)
    return x


def _neighbours(x: Tensor, axis: int) -> Tensor:
    if not x.shape[axis]:
        return x
    later, earlier = [ops.narrow(x, axis, start, x.shape[axis] - 1) for start in (1, 0)]
    return ops.ne(later, earlier) if x.dtype is _dtype.bool else later - earlier


FUNCTIONS: dict[str, Callable] = {f.__name__: f for f in (
    all, any, count_nonzero, cumulative_prod, cumulative_sum, diff, max, mean, min, prod, std, sum, var)}  # fmt: skip
