"""Reductions: sums, means, extrema, norms of axes, cumulative forms."""

from __future__ import annotations

import builtins
import math
from collections import namedtuple

import numpy as np

from .._array import broadcast_to as _broadcast_to
from .._array import in_c_order, is_raw, wrap_dim, wrap_dims
from .._dtype import HALVES, as_dtype
from .._large import SHARED
from .._mode import fast
from .._op import composite, op
from .._samples import call, cases
from ._pieces import FEW, by_rows, ones, row_sums
from .compare import maximum, minimum, where
from .index import scatter_zeros
from .shape import _expand, expand, reshape, unsqueeze

_AXES = cases(
    lambda r: [
        call(r(2, 3)),
        call(r(2, 3), dim=1),
        call(r(2, 3, 4), dim=(0, -1), keepdim=True),
        call(r()),
        call(r(4), dim=0),
    ]
)

_MinMax = namedtuple("aminmax", ("min", "max"))  # type: ignore[name-match]


def _cast(x, dtype):
    return x if dtype is None or x.dtype == as_dtype(dtype).dtype else x.astype(as_dtype(dtype).dtype)


def _widened(x, dtype):
    """Sums of small integers and bools are int64, as counting with them should not wrap."""
    if dtype is not None:
        return x.astype(as_dtype(dtype).dtype)
    return x.astype(np.int64) if x.dtype.kind in "biu" and x.dtype != np.int64 else x


def spread(g, shape, dim, keepdim):
    """A gradient of a reduction repeated over the axes that were reduced (rules; arrays or tensors)."""
    raw = is_raw(g)
    if not keepdim and shape and dim is not None and dim != 0:  # a leading axis comes back without being named
        axes = wrap_dims(dim, len(shape))
        kept = tuple([1 if i in axes else n for i, n in enumerate(shape)])
        g = g.reshape(kept) if raw else reshape(g, kept)
    return _broadcast_to(g, shape) if raw else _expand(g, shape=shape)


_ROWS_FROM = 256  # elements from which sums of rows are worth another question
_WHOLE_FROM, _ROW = 1 << 14, 1 << 12  # elements from which all are summed row by row, and of such a row


_SUMMED = {np.dtype(np.float32), np.dtype(np.float64)}  # what BLAS adds


def _total(x, axes, keepdim):
    """Sum over axes; half precision accumulates in float32."""
    if type(x) is not np.ndarray or x.dtype not in _SUMMED:
        return _plain_total(x, axes, keepdim)
    if axes == (0,) and x.ndim == 2 and x.size <= FEW and len(x) < 256:
        found = ones(len(x), x.dtype).dot(x)
        return found[None] if keepdim else found
    found = None
    if len(axes) == x.ndim:
        found = _whole_sum(x) if x.size >= _WHOLE_FROM and not keepdim else None
    elif 0 in axes:
        if x.shape[0] >= 256 and x.dtype == np.float32:
            return _total_leading(x, axes, keepdim)
    elif axes == (x.ndim - 1,) and x.size >= _ROWS_FROM:
        found = row_sums(x)
        if found is not None and keepdim:
            return found[..., None]
    return in_c_order(np.add.reduce(x, axis=axes, keepdims=keepdim)) if found is None else found


def _plain_total(x, axes, keepdim):
    if x.dtype in HALVES:
        return np.sum(x, axis=axes, keepdims=keepdim, dtype=np.float32).astype(x.dtype)[()]
    add = np.add.reduce if type(x) is np.ndarray else np.sum  # what ndarray.sum calls in the end, a microsecond later
    return in_c_order(add(x, axis=axes, keepdims=keepdim))


def _whole_sum(x):
    """The sum of all elements, as inner products with ones and then pair by pair: as exact as NumPy's, in half the time."""
    if not x.flags.c_contiguous:
        return None
    flat = x.reshape(-1)
    width = _ROW if flat.size < SHARED else _ROW // 4  # so many rows that threads can share them
    whole = flat.size // width * width
    sums = row_sums(flat[:whole].reshape(-1, width))
    if sums is None:
        return None
    return np.add.reduce(sums) + np.add.reduce(flat[whole:])


def column_sums(x):
    """Sums over the rows of an array of two axes, for closed forms of gradients: products with ones, at BLAS's speed."""
    if type(x) is not np.ndarray or x.dtype not in (np.float32, np.float64) or not x.size:
        return _total(x, (0,), False)
    if len(x) < 256:
        return ones(len(x), x.dtype).dot(x)
    if not x.flags.c_contiguous:
        return _total(x, (0,), False)
    whole = len(x) // 128 * 128  # block by block, as `_total_leading`
    blocks = np.matmul(ones(128, x.dtype), x[:whole].reshape(-1, 128, x.shape[1]))
    out = np.add.reduce(blocks, axis=0)
    if whole < len(x):
        out += ones(len(x) - whole, x.dtype).dot(x[whole:])
    return out


def _total_leading(x, axes, keepdim):
    """NumPy adds rows one by one along the first axis; with many rows that loses digits, so sum blocks of rows."""
    whole = x.shape[0] // 128 * 128
    blocks = np.add.reduce(x[:whole].reshape(-1, 128, *x.shape[1:]), axis=1)
    first = np.add.reduce(blocks, axis=0, keepdims=True) + np.add.reduce(x[whole:], axis=0, keepdims=True)
    rest = tuple(a for a in axes if a)
    out = np.add.reduce(first, axis=rest, keepdims=True) if rest else first
    return out if keepdim else out.reshape([n for i, n in enumerate(x.shape) if i not in axes])


@op(symbol="Σ", caption="broadcast", linear=True, sample=_AXES)
def sum(x, *, dim=None, keepdim=False, dtype=None):
    """Sum over `dim` (all axes by default).

    Note:
        Integers and bools are summed as int64, 16-bit floats in float32.

    Example:
        >>> import autograd
        >>> autograd.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(dim=0)
        tensor([4., 6.])
    """
    if dtype is None and x.dtype in _SUMMED:
        return _total(x, wrap_dims(dim, x.ndim), keepdim)
    return _cast(_total(_widened(x, dtype), wrap_dims(dim, x.ndim), keepdim), dtype)


@sum.grad("x")
def _(g, x_shape, dim, keepdim):
    return spread(g, x_shape, dim, keepdim)


def _check_mean(name, x, dtype):
    wanted = x.dtype if dtype is None else as_dtype(dtype).dtype
    if wanted.kind in "biu":
        raise RuntimeError(
            f"{name}(): could not infer output dtype. {'Input' if dtype is None else 'Optional'} dtype must be either a "
            f"floating point or complex dtype. Got: {wanted.name}"
        )


def _count(shape, dim):
    return math.prod(shape if dim is None else [shape[i] for i in wrap_dims(dim, len(shape))])


@op(symbol="mean", caption="broadcast ÷ n", quiet=True, linear=True, sample=_AXES)
def mean(x, *, dim=None, keepdim=False, dtype=None):
    """Mean over `dim` (all axes by default).

    Raises:
        RuntimeError: an integer tensor, whose mean has no dtype; pass dtype= or convert it.
    """
    if dtype is not None or x.dtype not in _SUMMED:
        _check_mean("mean", x, dtype)
        x = _cast(x, dtype)
    n = _count(x.shape, dim)
    return _total(x, wrap_dims(dim, x.ndim), keepdim) / (n if n else np.nan)


@mean.grad("x")
def _(g, x_shape, dim, keepdim):
    return spread(g / builtins.max(_count(x_shape, dim), 1), x_shape, dim, keepdim)


def _variance(x, dim, correction, keepdim):
    """Two passes: subtracting the mean first keeps the digits that E[x²] - E[x]² would cancel."""
    axes = wrap_dims(dim, x.ndim)
    if large_floats(x):
        return _large_variance(x, axes, _count(x.shape, dim), correction, keepdim)
    wide = x.astype(np.float32) if x.dtype in HALVES else x
    centred = wide - _total(wide, axes, True) / builtins.max(_count(x.shape, dim), 1)
    squares = (centred * np.conj(centred)).real if x.dtype.kind == "c" else centred * centred
    left = _count(x.shape, dim) - correction
    return (_total(squares, axes, keepdim) / (left if left > 0 else np.float32(0))).astype(
        squares.dtype if wide is x else x.dtype
    )


_LARGE = 1 << 15  # elements from which working in cache-sized blocks pays


def large_floats(x):
    """Whether x is a large ndarray of float32 or float64."""
    return fast.enabled and type(x) is np.ndarray and x.size > _LARGE and x.dtype in (np.float32, np.float64)


def _large_variance(x, axes, n, correction, keepdim):
    found = np.empty([1 if i in axes else length for i, length in enumerate(x.shape)], x.dtype)

    def work(part):
        rows = x[part]
        centred = rows - _total(rows, axes, True) / n
        centred *= centred
        found[part] = _total(centred, axes, True)

    by_rows(work, x, axes)
    found /= n - correction if n > correction else np.float32(0)
    return found if keepdim else found.reshape([length for i, length in enumerate(x.shape) if i not in axes])[()]


def _kept_axes(g, x, dim, keepdim):
    """(a reduction's result or its gradient, its reduced axes as 1; those axes)."""
    axes = wrap_dims(dim, x.ndim)
    return g if keepdim else np.reshape(g, [1 if i in axes else n for i, n in enumerate(x.shape)]), axes


@op(name="_var", namespace="_", method=False, quiet=True, holomorphic=False, symbol="var", sample=cases(lambda r: [
    call(r(2, 3)), call(r(2, 3), dim=1, correction=0), call(r(2, 3, 4), dim=(0, 2), keepdim=True)]))  # fmt: skip
def _var(x, *, dim=None, correction=1, keepdim=False):
    _check_mean("var", x, None)
    return _variance(x, dim, correction, keepdim)


@_var.grad("x")
def _(g, x, x_shape, dim, correction, keepdim):
    left = builtins.max(_count(x_shape, dim) - correction, 0)
    centred = x - expand(mean(x, dim=dim, keepdim=True), x_shape)
    scale = 2.0 / left if left else float("nan")
    return spread(g, x_shape, dim, keepdim) * (scale * centred)


@_var.fast
def _(g, x, x_shape, dim, correction, keepdim, needs):
    """As the rule, a block of rows at a time."""
    left = _count(x_shape, dim) - correction
    if not large_floats(x) or left <= 0:
        return (_var.op.rules["x"][0](g, x, x_shape, dim, correction, keepdim),)
    (scale, axes), found = _kept_axes(g * (2.0 / left), x, dim, keepdim), np.empty(x.shape, x.dtype)

    def work(part):
        rows = x[part]
        centred = np.subtract(rows, _total(rows, axes, True) / _count(x_shape, dim), out=found[part])
        centred *= scale[part]

    by_rows(work, x, axes)
    return (found,)


@op(name="_std", namespace="_", method=False, quiet=True, holomorphic=False, symbol="std", sample=cases(lambda r: [
    call(r(2, 3)), call(r(2, 3), dim=1, correction=0), call(r(2, 3, 4), dim=(0, 2), keepdim=True)]))  # fmt: skip
def _std(x, *, dim=None, correction=1, keepdim=False):
    _check_mean("std", x, None)
    return np.sqrt(_variance(x, dim, correction, keepdim))


@_std.grad("x")
def _(g, out, x, x_shape, dim, correction, keepdim):
    left = builtins.max(_count(x_shape, dim) - correction, 0)
    centred = x - expand(mean(x, dim=dim, keepdim=True), x_shape)
    scale = 1.0 / left if left else float("nan")
    # A constant has no direction in which its spread grows first: subgradient 0, not 0/0.
    slope = where(out == 0, 0.0, g / where(out == 0, 1.0, out))
    return spread(slope, x_shape, dim, keepdim) * (scale * centred)


def _spread_arguments(name, dim, unbiased, correction):
    """PyTorch's two call forms: std(unbiased) and std(dim, unbiased), or correction= alone."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}: pass either unbiased= or correction=, not both")
    return dim, (1 if correction is None else correction) if unbiased is None else int(unbiased)


@composite
def var(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Variance over `dim`: sum of squared deviations / (n - correction); correction 1 (unbiased) by default."""
    dim, correction = _spread_arguments("var", dim, unbiased, correction)
    return _var(input, dim, correction, keepdim)


@composite
def std(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """Standard deviation over `dim`; unbiased by default, NaN for one element. Gradient 0 where it is 0."""
    dim, correction = _spread_arguments("std", dim, unbiased, correction)
    return _std(input, dim, correction, keepdim)


@composite
def var_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """(variance, mean) over `dim`."""
    dim, correction = _spread_arguments("var_mean", dim, unbiased, correction)
    return _var(input, dim, correction, keepdim), mean(input, dim, keepdim)


@composite
def std_mean(input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    """(standard deviation, mean) over `dim`."""
    dim, correction = _spread_arguments("std_mean", dim, unbiased, correction)
    return _std(input, dim, correction, keepdim), mean(input, dim, keepdim)


def _no_empty(name, x, dim):
    axes = wrap_dims(dim, x.ndim)
    if builtins.any(x.shape[a] == 0 for a in axes):
        everything = dim is None or dim == ()
        what = "numel() == 0" if everything else f"size 0 along dim {dim}"
        raise (RuntimeError if everything else IndexError)(
            f"{name}(): Expected reduction dim to be specified for input.{what}. Specify the reduction dim with the 'dim' "
            f"argument: the input has shape {tuple(x.shape)} and {name} of nothing has no value"
        )


@op(real=True, name="_amax", namespace="_", method=False, symbol="max", caption="to the argmax", sample=_AXES)
def _amax(x, *, dim=None, keepdim=False):
    _no_empty("amax", x, dim)
    return in_c_order(np.max(x, axis=wrap_dims(dim, x.ndim) or None, keepdims=keepdim))


@op(real=True, name="_amin", namespace="_", method=False, symbol="min", caption="to the argmin", sample=_AXES)
def _amin(x, *, dim=None, keepdim=False):
    _no_empty("amin", x, dim)
    return in_c_order(np.min(x, axis=wrap_dims(dim, x.ndim) or None, keepdims=keepdim))


@_amax.grad("x")
@_amin.grad("x")
def _(g, x, x_shape, out, dim, keepdim):
    """Shared evenly among equals; a NaN result sends it to the NaNs."""
    top = spread(out, x_shape, dim, keepdim)
    hits = (x == top) | ((top != top) & (x != x))
    return where(hits, spread(g / sum(hits, dim=dim, keepdim=keepdim), x_shape, dim, keepdim), 0.0)


@_amax.fast
@_amin.fast
def _(g, x, x_shape, out, dim, keepdim, needs):
    """As the rule where nothing is NaN or infinite: hits times their share, a block of rows at a time."""
    (share, axes), (top, _) = _kept_axes(g, x, dim, keepdim), _kept_axes(out, x, dim, keepdim)
    if not large_floats(x) or not np.isfinite(np.sum(share) + np.sum(top)):
        return (_amax.op.rules["x"][0](g, x, x_shape, out, dim, keepdim),)
    found = np.empty(x.shape, x.dtype)

    def work(part):
        hits = np.equal(x[part], top[part], out=found[part])
        hits *= share[part] / _total(hits, axes, True)

    by_rows(work, x, axes)
    return (found,)


@composite
def amax(input, dim=(), keepdim=False):
    """Maximum over `dim` (all axes by default); equal maxima share the gradient."""
    return _amax(input, dim, keepdim)


@composite
def amin(input, dim=(), keepdim=False):
    """Minimum over `dim` (all axes by default); equal minima share the gradient."""
    return _amin(input, dim, keepdim)


@composite
def aminmax(input, *, dim=None, keepdim=False):
    """(amin, amax), named min and max."""
    return _MinMax(_amin(input, dim, keepdim), _amax(input, dim, keepdim))


def _take(x, indices, dim, keepdim):
    values = np.take_along_axis(x, np.expand_dims(indices, dim), dim)
    return values if keepdim else np.squeeze(values, dim)


def _extremum(name, find, x, dim, keepdim):
    dim = wrap_dim(dim, x.ndim)
    if not x.ndim:
        return x.copy(), np.zeros_like(x, dtype=np.int64)
    if x.shape[dim] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size, the input is {tuple(x.shape)}")
    at = find(x, axis=dim)
    values = _take(x, at, dim, keepdim)
    at = np.expand_dims(at, dim) if keepdim else at
    return values[()], at.astype(np.int64)


_ALONG = cases(lambda r: [call(r(2, 3), dim=1), call(r(2, 3, 4), dim=0, keepdim=True), call(r(4), dim=-1)])


@op(
    real=True,
    name="_max_dim",
    namespace="_",
    method=False,
    symbol="max",
    caption="to the argmax",
    aux=("indices",),
    sample=_ALONG,
)
def _max_dim(x, *, dim, keepdim=False):
    return _extremum("max", np.argmax, x, dim, keepdim)


@op(
    real=True,
    name="_min_dim",
    namespace="_",
    method=False,
    symbol="min",
    caption="to the argmin",
    aux=("indices",),
    sample=_ALONG,
)
def _min_dim(x, *, dim, keepdim=False):
    return _extremum("min", np.argmin, x, dim, keepdim)


@_max_dim.grad("x")
@_min_dim.grad("x")
def _(g, x_shape, indices, dim, keepdim):
    return put_along(g, indices, x_shape, dim, keepdim)


def put_along(g, indices, shape, dim, keepdim):
    """Zeros of `shape` with `g` at `indices` along `dim` (rules; arrays or tensors)."""
    if not shape:
        return g
    if not keepdim:
        g, indices = unsqueeze(g, dim), unsqueeze(indices, dim)
    return scatter_zeros(g, indices, shape=shape, dim=dim)


@composite
def max(input, dim=None, keepdim=False, *, other=None):
    """Maximum of all elements; with an int `dim`, (values, indices) along it; with a tensor, `maximum`.

    Note:
        Along a dim the gradient goes to the element at the index; for all elements, equal maxima share it.

    Example:
        >>> import autograd
        >>> values, indices = autograd.tensor([[1.0, 5.0], [7.0, 2.0]]).max(dim=1)
        >>> values, indices
        (tensor([5., 7.]), tensor([1, 0]))
    """
    return _either(input, dim if other is None else other, keepdim, _amax, _max_dim, maximum)


@composite
def min(input, dim=None, keepdim=False, *, other=None):
    """Minimum of all elements; with an int `dim`, (values, indices) along it; with a tensor, `minimum`."""
    return _either(input, dim if other is None else other, keepdim, _amin, _min_dim, minimum)


def _either(input, dim, keepdim, full, along, pairwise):
    if dim is None:
        return full(input)
    if isinstance(dim, int):
        return along(input, dim, keepdim)
    return pairwise(input, dim)


@op(real=True)
def argmax(x, *, dim=None, keepdim=False):
    """Index of the maximum, of the flattened input when `dim` is None; the first of equals."""
    return _arg(np.argmax, "argmax", x, dim, keepdim)


@op(real=True)
def argmin(x, *, dim=None, keepdim=False):
    """Index of the minimum, of the flattened input when `dim` is None; the first of equals."""
    return _arg(np.argmin, "argmin", x, dim, keepdim)


def _arg(find, name, x, dim, keepdim):
    if dim is None:
        if not x.size:
            raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")
        return find(x, axis=None, keepdims=keepdim)
    dim = wrap_dim(dim, x.ndim)
    if x.ndim and not x.shape[dim]:
        raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size, the input is {tuple(x.shape)}")
    return find(x, axis=dim, keepdims=keepdim) if x.ndim else np.zeros_like(x, dtype=np.int64)[()]


@op
def all(x, *, dim=None, keepdim=False):
    """Whether all elements (along `dim`) are nonzero."""
    found = np.all(x, axis=wrap_dims(dim, x.ndim) if dim is not None else None, keepdims=keepdim)
    return found.astype(np.uint8) if x.dtype == np.uint8 else found


@op
def any(x, *, dim=None, keepdim=False):
    """Whether any element (along `dim`) is nonzero."""
    found = np.any(x, axis=wrap_dims(dim, x.ndim) if dim is not None else None, keepdims=keepdim)
    return found.astype(np.uint8) if x.dtype == np.uint8 else found


@op
def count_nonzero(x, *, dim=None):
    """How many elements (along `dim`) are not zero."""
    found = np.count_nonzero(x, axis=None if dim is None else wrap_dims(dim, x.ndim))
    return np.int64(found) if isinstance(found, int) else found  # of all elements, older NumPy counts in Python's
