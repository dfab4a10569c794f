"""Joining in NumPy's other spellings, grids, combinations, and numerical calculus on samples."""

from __future__ import annotations

import itertools
from collections import namedtuple

import numpy as np

from .._array import wrap_dim, wrap_dims
from .._dtype import finfo, get_default_dtype
from .._op import composite
from .._tensor import Tensor, wrap
from .arithmetic import div, mul, sub
from .compare import isnan, ne, where
from .index import _gather_at, narrow
from .join import cat, stack, tensor_split
from .reduce import sum
from .running import cumsum
from .shape import expand, flip, reshape, transpose, unsqueeze


def _each(tensors, function):
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        return tuple(function(t) for t in tensors[0])
    made = tuple(function(t) for t in tensors)
    return made if len(made) != 1 else made[0]


def _at_least(n):
    def grow(t):
        while t.ndim < n:
            t = unsqueeze(t, -1 if t.ndim == 2 else 0)
        return t

    return grow


@composite(method=False)
def atleast_1d(*tensors):
    """0-d tensors as vectors; others unchanged."""
    return _each(tensors, _at_least(1))


@composite(method=False)
def atleast_2d(*tensors):
    """Tensors with at least two axes, new ones in front."""
    return _each(tensors, _at_least(2))


@composite(method=False)
def atleast_3d(*tensors):
    """Tensors with at least three axes, the third one last."""
    return _each(tensors, _at_least(3))


def _some(name, tensors):
    if not len(tensors):
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return tensors


@composite(method=False)
def hstack(tensors):
    """Joined side by side: along the second axis, vectors along the first."""
    tensors = [atleast_1d(t) for t in _some("hstack", tensors)]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


@composite(method=False, aliases=("row_stack",))
def vstack(tensors):
    """Joined on top of each other, vectors as rows."""
    return cat([atleast_2d(t) for t in _some("vstack", tensors)], 0)


@composite(method=False)
def dstack(tensors):
    """Joined along the third axis."""
    return cat([atleast_3d(t) for t in _some("dstack", tensors)], 2)


@composite(method=False)
def column_stack(tensors):
    """Vectors as columns of a matrix; matrices side by side."""
    return cat([reshape(t, (t.numel(), 1)) if t.ndim <= 1 else t for t in tensors], 1)


def _axis_split(name, least, pick_dim):
    def split(input, indices_or_sections):
        if input.ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {input.ndim} dimensions!"
            )
        dim = pick_dim(input)
        if isinstance(indices_or_sections, int) and (
            indices_or_sections <= 0 or input.shape[dim] % indices_or_sections
        ):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {input.shape[dim]} is not "
                f"divisible by the split_size {indices_or_sections}!"
            )
        return tensor_split(input, indices_or_sections, dim)

    split.__name__ = name
    split.__doc__ = (
        "Views of equal pieces (or cut at the indices listed) along the axis NumPy's function of this name uses."
    )
    return composite(split, spelled={"indices": "indices_or_sections", "sections": "indices_or_sections"})


hsplit = _axis_split("hsplit", 1, lambda t: 0 if t.ndim == 1 else 1)
vsplit = _axis_split("vsplit", 2, lambda t: 0)
dsplit = _axis_split("dsplit", 3, lambda t: 2)


@composite(method=False)
def meshgrid(*tensors, indexing=None):
    """Coordinate grids of vectors: one tensor per vector, of the shape of the whole grid.

    Args:
        indexing: "ij" (the default, rows first) or "xy" (the first two axes exchanged).
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for t in tensors:
        if t.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {tuple(t.shape)}")
    if len({t.dtype for t in tensors}) > 1:
        raise RuntimeError(
            f"torch.meshgrid expects all tensors to have the same dtype, got {[t.dtype for t in tensors]}"
        )
    vectors = [reshape(t, (t.numel(),)) for t in tensors]
    shape = tuple(v.shape[0] for v in vectors)
    swap = indexing == "xy" and len(vectors) > 1
    grids = []
    for i, v in enumerate(vectors):
        grid = expand(reshape(v, tuple(-1 if k == i else 1 for k in range(len(shape)))), shape)
        grids.append(transpose(grid, 0, 1) if swap else grid)
    return tuple(grids)


@composite(method=False)
def cartesian_prod(*tensors):
    """All tuples with one element of each vector, one per row."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(g, (-1,)) for g in meshgrid(*tensors)], 1)


@composite(method=False)
def combinations(input, r=2, with_replacement=False):
    """All choices of `r` elements of a vector, one per row."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    at = np.array(list(choose(range(len(input)), r)), np.int64).reshape(-1, r)
    return input[wrap(at)]


@composite
def fliplr(input):
    """Columns in reversed order."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, (1,))


@composite
def flipud(input):
    """Rows in reversed order."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, (0,))


@composite
def rot90(input, k=1, dims=(0, 1)):
    """Turned by k right angles in the plane of two axes."""
    if len(dims) != 2 or input.ndim < 2:
        what, least, n = ("rotation dims ==", 2, len(dims)) if len(dims) != 2 else ("dims >=", 2, input.ndim)
        raise RuntimeError(f"expected total {what} {least}, but got total dims = {n}: dims {tuple(dims)}")
    a, b = (wrap_dim(d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    k %= 4
    if k == 0:
        return input.clone()
    if k == 2:
        return flip(input, (a, b))
    return flip(transpose(input, a, b), (a,)) if k == 1 else transpose(flip(input, (a,)), a, b)


@composite
def repeat_interleave(input, repeats=None, dim=None, *, output_size=None):
    """Each element (slice along `dim`) repeated, so many times or as often as `repeats` says for each."""
    if repeats is None:
        return wrap(np.repeat(np.arange(input.numel()), input._data))
    counts = repeats._data.astype(np.int64) if isinstance(repeats, Tensor) else repeats
    if np.any(np.asarray(counts) < 0):
        raise RuntimeError("repeats can not be negative")
    if dim is None:
        input, dim = reshape(input, (-1,)), 0
    if not input.ndim:
        raise IndexError(
            f"repeat_interleave: Dimension specified as {dim} but tensor has no dimensions; leave out dim="
        )
    dim = wrap_dim(dim, input.ndim)
    if np.ndim(counts) == 1 and len(counts) not in (1, input.shape[dim]):
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {len(counts)} and "
            f"input.size({dim}) = {input.shape[dim]}"
        )
    at = np.repeat(np.arange(input.shape[dim]), counts)
    return _gather_at(input, index=(slice(None),) * dim + (at,))


@composite
def argwhere(input):
    """Indices of the nonzero elements, one row each."""
    found = np.argwhere(input._data)
    return wrap(found.astype(np.int64))


@composite
def nonzero_static(input, *, size, fill_value=-1):
    """The first `size` rows of the indices of nonzero elements, filled up with `fill_value`."""
    found = np.argwhere(input._data)[:size]
    rows = np.full((size, input.ndim), fill_value, np.int64)
    rows[: len(found)] = found
    return wrap(rows)


# ---------------------------------------------------------------------------------------------- NaN-aware reductions


@composite
def nan_to_num(input, nan=0.0, posinf=None, neginf=None):
    """NaN and infinities replaced by numbers (the dtype's largest and smallest by default)."""
    if not input.is_floating_point():
        return input.clone()
    limits = finfo(input.dtype)
    out = where(isnan(input), float(nan or 0.0), input)
    out = where(input == float("inf"), float(limits.max if posinf is None else posinf), out)
    return where(input == float("-inf"), float(limits.min if neginf is None else neginf), out)


Tensor.nan_to_num_ = lambda self, *a, **k: self.copy_(nan_to_num(self, *a, **k))


@composite
def nansum(input, dim=None, keepdim=False, *, dtype=None):
    """Sum of the elements that are not NaN."""
    return sum(where(isnan(input), 0, input), dim=dim, keepdim=keepdim, dtype=dtype)


@composite
def nanmean(input, dim=None, keepdim=False, *, dtype=None):
    """Mean of the elements that are not NaN."""
    return div(nansum(input, dim, keepdim, dtype=dtype), sum(~isnan(input), dim=dim, keepdim=keepdim))


# ---------------------------------------------------------------------------------------------- calculus on samples


@composite
def diff(input, n=1, dim=-1, prepend=None, append=None):
    """Differences of neighbours along `dim`, n times."""
    dim = wrap_dim(dim, input.ndim)
    parts = [t for t in (prepend, input, append) if t is not None]
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:
        return input.clone()
    input = cat(parts, dim) if len(parts) > 1 else input
    for _ in range(n):
        size = input.shape[dim]
        if size < 1:
            break
        after, before = narrow(input, dim, 1, max(size - 1, 0)), narrow(input, dim, 0, max(size - 1, 0))
        input = ne(after, before) if input._data.dtype == bool else sub(after, before)
    return input


def _steps(y, x, dx, dim):
    """Widths of the intervals between samples along `dim`."""
    if x is None:
        return 1 if dx is None else dx
    if x.ndim == 1:
        widths = diff(x, dim=0)
        return reshape(widths, tuple(-1 if i == dim else 1 for i in range(y.ndim)))
    return diff(x, dim=dim)


def _trapezoids(y, x, dx, dim):
    """Twice the area over each interval, and the axis."""
    dim = wrap_dim(dim, y.ndim)
    n = y.shape[dim]
    pairs = narrow(y, dim, 1, max(n - 1, 0)) + narrow(y, dim, 0, max(n - 1, 0))
    return mul(pairs, _steps(y, x, dx, dim)), dim


@composite(aliases=("trapz",), method=False)
def trapezoid(y, x=None, *, dx=None, dim=-1):
    """The integral of samples `y` at `x` (or every `dx`) along `dim`, by trapezoids."""
    areas, dim = _trapezoids(y, x, dx, dim)
    return sum(areas, dim=dim) / 2


@composite(method=False)
def cumulative_trapezoid(y, x=None, *, dx=None, dim=-1):
    """The running integral of samples along `dim`, by trapezoids."""
    areas, dim = _trapezoids(y, x, dx, dim)
    return cumsum(areas, dim=dim) / 2


@composite(method=False)
def gradient(input, *, spacing=1, dim=None, edge_order=1):
    """Slopes of samples along each axis: central differences inside, one-sided of `edge_order` at the ends."""
    axes = wrap_dims(dim, input.ndim)
    spacing = 1 if spacing is None else spacing
    given = list(spacing) if isinstance(spacing, (tuple, list)) else [spacing] * len(axes)
    if len(given) != len(axes):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length {len(axes)}, got {len(given)}"
        )
    if edge_order not in (1, 2):
        raise RuntimeError(f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}")
    return tuple(_slope(input, axis, h, edge_order) for axis, h in zip(axes, given, strict=True))


def _slope(f, dim, spacing, edge_order):
    n = f.shape[dim]
    if n < edge_order + 1:
        raise RuntimeError(f"torch.gradient expected each dimension size to be at least {edge_order + 1}, got {n}")
    at = lambda i, k=1: narrow(f, dim, i, k)  # noqa: E731
    if isinstance(spacing, Tensor):
        h = diff(spacing, dim=0)
    else:
        h = wrap(
            np.full(
                n - 1, spacing, f._data.dtype if f.is_floating_point() or f.is_complex() else get_default_dtype().dtype
            )
        )
    h = reshape(h, tuple(-1 if i == dim else 1 for i in range(f.ndim)))
    left, right = narrow(h, dim, 0, n - 2), narrow(h, dim, 1, n - 2)
    a, b, c = -right / (left * (left + right)), (right - left) / (left * right), left / (right * (left + right))
    inside = a * at(0, n - 2) + b * at(1, n - 2) + c * at(2, n - 2)
    h0, h1 = narrow(h, dim, 0, 1), narrow(h, dim, n - 2, 1)
    if edge_order == 1:
        return cat([(at(1) - at(0)) / h0, inside, (at(n - 1) - at(n - 2)) / h1], dim)
    k0, k1 = narrow(h, dim, 1, 1), narrow(h, dim, n - 3, 1)
    first = -(2 * h0 + k0) / (h0 * (h0 + k0)) * at(0) + (h0 + k0) / (h0 * k0) * at(1) - h0 / (k0 * (h0 + k0)) * at(2)
    last = (
        h1 / (k1 * (k1 + h1)) * at(n - 3)
        - (k1 + h1) / (k1 * h1) * at(n - 2)
        + (2 * h1 + k1) / (h1 * (k1 + h1)) * at(n - 1)
    )
    return cat([first, inside, last], dim)


@composite(inplace=True)
def ldexp(input, other):
    """input * 2 ** other."""
    from .arithmetic import pow

    power = pow(2.0, other)
    if isinstance(input, Tensor) and input.is_floating_point() and other.dtype.kind not in "fc":
        power = power.to(input.dtype)
    return mul(input, power)


Frexp = namedtuple("frexp", ("mantissa", "exponent"))  # type: ignore[name-match]


@composite
def frexp(input):
    """(mantissa, exponent) with input = mantissa * 2 ** exponent and 0.5 <= |mantissa| < 1."""
    _, exponent = np.frexp(input._data)
    scale = wrap(np.ldexp(np.ones_like(input._data), -np.asarray(exponent)))
    return Frexp(mul(input, scale), wrap(np.asarray(exponent, np.int32)))


@composite
def vdot(input, other):
    """Sum of conj(input) * other over two vectors."""
    from .complex import conj
    from .matmul import dot

    return dot(conj(input), other)


def _copies():
    """PyTorch's `..._copy` forms: what the view gives, in memory of its own."""
    from .._registry import registry

    for name in ("alias", "as_strided", "diagonal", "expand", "narrow", "permute", "split_with_sizes", "squeeze", "t", "transpose",
                 "unbind", "unfold", "unsqueeze", "view"):  # fmt: skip
        source = Tensor.clone if name == "alias" else getattr(Tensor, name, None) or registry[name].call
        composite(_copying(source, name), name=f"{name}_copy", method=name == "narrow")


def _copying(source, name):
    def copied(input, *args, **kwargs):
        result = source(input, *args, **kwargs)
        return tuple(t.clone() for t in result) if isinstance(result, tuple) else result.clone()

    copied.__doc__ = f"`{name}` in memory of its own."
    return copied


_copies()
