"""Writing by index: scatter, index_*, masked_*, take and put."""

from __future__ import annotations

import numpy as np

from .._array import broadcast_shapes, wrap_dim
from .._dtype import element
from .._op import composite, op
from .._samples import call, cases
from .._tensor import Tensor, wrap
from .arithmetic import mul
from .cast import convert
from .compare import where
from .index import _along, _gather_at, add_at, check_index, gather, scatter_zeros
from .shape import expand, reshape

# ---------------------------------------------------------------------------------------------- masks


def _mask(name, mask):
    if not isinstance(mask, Tensor):
        raise TypeError(f"{name}(): argument 'mask' (position 2) must be Tensor, not {type(mask).__name__}")
    if mask._data.dtype != bool:
        raise RuntimeError(f"{name} only supports boolean masks, but got mask with dtype {mask.dtype!r}")
    return mask


@op(batch="align", name="_masked_fill", namespace="_", method=False, symbol="masked fill", caption="× not mask", sample=cases(lambda r: [
    call(r(2, 3), r.bools(2, 3), r()), call(r(2, 3), r.bools(3), r()), call(r(3), r.bools(2, 3), r())]))  # fmt: skip
def _masked_fill(x, mask, value):
    out = np.array(np.broadcast_to(x, np.broadcast_shapes(x.shape, mask.shape)), order="C")
    out[np.broadcast_to(mask, out.shape)] = value
    return out[()] if not out.ndim else out


@_masked_fill.grad("x")
def _(g, mask):
    return where(mask, 0.0, g)


@_masked_fill.grad("value")
def _(g, mask):
    return where(mask, g, 0.0)


def _check_representable(is_complex, input):
    if is_complex and not input.is_complex():
        raise RuntimeError(f"masked_fill: a complex value cannot be converted to type {input.dtype!r} without overflow")


@composite(inplace=True)
def masked_fill(input, mask, value):
    """`value` where the mask holds, the input elsewhere.

    Raises:
        RuntimeError: a mask that is not bool, or a value with axes.
    """
    _mask("masked_fill", mask)
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"masked_fill only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
            )
        _check_representable(value.is_complex(), input)
        element(value.item(), input._data.dtype)
        value = value.to(input.dtype)
    elif isinstance(value, complex):
        _check_representable(True, input)
    return _masked_fill(input, mask, element(value, input._data.dtype))


@composite
def masked_select(input, mask):
    """The elements where the mask holds, as a vector."""
    _mask("masked_select", mask)
    from .shape import broadcast_tensors

    input, mask = broadcast_tensors(input, mask)
    return _gather_at(input, index=mask._data)


@composite(inplace=True)
def masked_scatter(input, mask, source):
    """Consecutive elements of `source` where the mask holds, the input elsewhere."""
    _mask("masked_scatter", mask)
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {input.dtype!r} and {source.dtype!r}"
        )
    from .index import written
    from .shape import broadcast_tensors

    input, mask = broadcast_tensors(input, mask)
    count = int(mask._data.sum())
    if count > source.numel():
        raise RuntimeError(
            f"masked_scatter: expected self and source: source has {source.numel()} elements, the mask asks for {count}"
        )
    return written(input, reshape(source, (-1,))[:count], index=mask._data)


# ---------------------------------------------------------------------------------------------- along one axis


def _vector_index(name, index, size, dim):
    a = index._data
    if a.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, but got dim: {a.ndim}")
    check_index(name, a, size, dim)
    return np.atleast_1d(a)


@composite
def index_select(input, dim, index):
    """The slices named by `index` along `dim`; a copy."""
    dim = wrap_dim(dim, input.ndim)
    at = _vector_index("index_select", index, input.shape[dim] if input.ndim else 1, dim)
    if not input.ndim:
        return input.clone()
    return _gather_at(input, index=(slice(None),) * dim + (at,))


def _slices(dim, at):
    return (slice(None),) * dim + (at,)


def _writing(name, input, dim, index, source):
    """(axis, index array, source) of index_add and its kin, checked."""
    dim = wrap_dim(dim, input.ndim)
    at = _vector_index(name, index, input.shape[dim] if input.ndim else 1, dim)
    if isinstance(source, Tensor) and source.dtype is not input.dtype:
        raise RuntimeError(
            f"{name}(): self and source expected to have the same dtype, but got (self) {input.dtype!r} and "
            f"(source) {source.dtype!r}"
        )
    return dim, at


@op(name="_index_add", namespace="_", method=False, symbol="index add", linear=True, sample=cases(lambda r: [
    call(r(4, 3), r(3, 3), index=np.array([0, 2, 0]), dim=0), call(r(2, 4), r(2, 2), index=np.array([1, 1]), dim=1)]))  # fmt: skip
def _index_add(x, y, *, index, dim):
    out = np.array(x)
    add_at(out, _slices(dim, index), y)
    return out


@_index_add.grad("x")
def _(g):
    return g


@_index_add.grad("y")
def _(g, index, dim):
    return _gather_at(g, index=_slices(dim, index))


@composite(inplace=True)
def index_add(input, dim, index, source, *, alpha=1):
    """`alpha * source` added to the slices named by `index`; a slice named twice gets both."""
    dim, at = _writing("index_add", input, dim, index, source)
    source = source if alpha == 1 else mul(source, alpha)
    if not input.ndim:
        return convert(input + source.sum(), input.dtype)
    return _index_add(input, reshape(source, (*input.shape[:dim], len(at), *input.shape[dim + 1 :])), index=at, dim=dim)


@composite(inplace=True)
def index_copy(input, dim, index, source):
    """`source` written to the slices named by `index`."""
    from .index import written

    dim, at = _writing("index_copy", input, dim, index, source)
    if not input.ndim:
        return reshape(index_copy(reshape(input, (1,)), 0, index, source), ())
    if source.ndim and tuple(source.shape) != (*input.shape[:dim], len(at), *input.shape[dim + 1 :]):
        raise RuntimeError(
            f"index_copy_(): Source/destination tensor must have same slice shapes: {tuple(source.shape)} for "
            f"{tuple(input.shape)}"
        )
    return written(input, source, index=_slices(dim, at))


@composite(inplace=True)
def index_fill(input, dim, index, value):
    """One value written to the slices named by `index`."""
    dim = wrap_dim(dim, input.ndim)
    n = input.shape[dim] if input.ndim else 1
    at = _vector_index("index_fill", wrap(np.where(index._data < 0, index._data + n, index._data)), n, dim)
    mask = np.zeros(input.shape, bool)
    if input.ndim:
        mask[_slices(dim, at)] = True
    else:
        mask = np.ones((), bool)
    return masked_fill(input, wrap(mask), value)


@composite(inplace=True)
def index_put(input, indices, values, accumulate=False):
    """`values` written (or added) at the index tensors given."""
    from .index import plain_index, written

    if values._data.dtype != input._data.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.dtype!r} for the destination and "
            f"{values.dtype!r} for the source."
        )
    index = plain_index(tuple(slice(None) if i is None else i for i in indices))[0]
    if not accumulate:
        return written(input, values, index=index)
    target = np.empty(input.shape, bool)[index].shape
    return input + _added_at(expand(values, target), tuple(input.shape), index)


def _added_at(values, shape, index):
    from .index import _add_at

    return _add_at(values, shape=shape, index=index)


# ---------------------------------------------------------------------------------------------- scatter


def _check_scatter(name, input, dim, index, source):
    dim = wrap_dim(dim, input.ndim)
    at = index._data
    if at.ndim != input.ndim and not (at.ndim <= 1 and input.ndim <= 1):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as self tensor: {at.ndim} and {input.ndim}"
        )
    if isinstance(source, Tensor):
        if source.ndim != at.ndim and max(source.ndim, at.ndim) > 1:
            raise RuntimeError(
                f"Index tensor must have the same number of dimensions as src tensor: {at.ndim} and {source.ndim}"
            )
        if source.dtype is not input.dtype:
            raise RuntimeError(
                f"{name}(): Expected self.dtype to be equal to src.dtype: {input.dtype!r} and {source.dtype!r}"
            )
        if any(i > s for i, s in zip(at.shape, source.shape, strict=False)):
            raise RuntimeError(
                f"Expected index {list(at.shape)} to be no larger than src {list(source.shape)} in every dimension"
            )
    check_index(name, at, input.shape[dim] if input.ndim else 1, dim)
    return dim, at


def _cut(source, shape):
    """The part of `source` that the index covers."""
    if tuple(source.shape) == tuple(shape):
        return source
    if not shape:
        return reshape(source, ())
    return source[tuple(slice(n) for n in shape)]


@composite(inplace=True)
def scatter(input, dim, index, src=None, *, value=None, reduce=None):
    """`src` (or one value) written to the places `index` names along `dim`; reduce="add" or "multiply" combines.

    Note:
        Where the index names a place twice the last value written stays, and only it has a gradient.
    """
    source = src if src is not None else value
    if isinstance(source, Tensor) and not source.ndim and input.ndim:  # one value, given as a tensor
        source = source.expand(index.shape)
    dim, at = _check_scatter("scatter", input, dim, index, source)
    if not isinstance(source, Tensor):
        source = wrap(np.full(at.shape, element(source, input._data.dtype), input._data.dtype))
    if reduce in ("add", "multiply"):
        return scatter_reduce(input, dim, index, source, "sum" if reduce == "add" else "prod")
    if reduce is not None:
        raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce!r}")
    if not input.ndim:
        line = scatter(reshape(input, (1,)), 0, wrap(at.reshape(-1)), reshape(_cut(source, at.shape), (-1,)))
        return reshape(line, ())
    if not at.size:
        return input.clone()
    from .index import written

    return written(input, _cut(source, at.shape), index=_along(at, dim, input.shape))


@composite(inplace=True)
def scatter_add(input, dim, index, src):
    """`src` added at the places `index` names along `dim`; a place named twice gets both."""
    dim, at = _check_scatter("scatter_add", input, dim, index, src)
    if not at.size:
        return input.clone()
    return input + scatter_zeros(_cut(src, at.shape), wrap(at), shape=tuple(input.shape), dim=dim)


def _count_at(at, dim, shape):
    out = np.zeros(shape, np.int64)
    if not shape:
        return np.asarray(at.size)
    np.add.at(out, _along(at, dim, shape), 1)
    return out


@composite(inplace=True)
def scatter_reduce(input, dim, index, src, reduce, *, include_self=True):
    """`src` combined into the places `index` names along `dim`: sum, prod, mean, amax or amin.

    Args:
        include_self: whether the input's own value takes part.
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    dim, at = _check_scatter("scatter_reduce", input, dim, index, src)
    if not at.size:
        return input.clone()
    shape = tuple(input.shape)
    count = _count_at(at, dim, shape)
    source = _cut(src, at.shape)
    touched = wrap(count > 0)
    if reduce in ("sum", "mean"):
        base = input if include_self else where(touched, 0, input)
        total = convert(base + scatter_zeros(source, wrap(at), shape=shape, dim=dim), input.dtype)
        if reduce == "sum":
            return total
        share = wrap(np.maximum(count + int(include_self), 1).astype(input._data.dtype))
        return total / share if input.is_floating_point() else total.div(share, rounding_mode="floor")
    return _scatter_groups(input, source, at, dim, shape, touched, reduce, include_self)


def _scatter_groups(input, source, at, dim, shape, touched, reduce, include_self):
    """Products and extrema: values meant for one place are laid side by side and reduced together."""
    from .index import written
    from .reduce import amax, amin
    from .running import prod

    rank = _occurrence(at, dim, shape)
    depth = int(rank.max()) + 1
    neutral = {"prod": 1, "amax": _lowest(input), "amin": _highest(input)}[reduce]
    table = wrap(np.full((depth + 1, *shape), neutral, input._data.dtype))
    place = (rank,) + (_along(at, dim, shape) if shape else ())
    table = written(table, source if shape else reshape(source, at.shape), index=place)
    own = input if include_self else where(touched, neutral, input)
    table = written(table, own, index=-1)
    return convert({"prod": prod, "amax": amax, "amin": amin}[reduce](table, 0), input.dtype)


def _lowest(t):
    return -np.inf if t.is_floating_point() else t._data.dtype.kind != "b" and np.iinfo(t._data.dtype).min


def _highest(t):
    return np.inf if t.is_floating_point() else t._data.dtype.kind == "b" or np.iinfo(t._data.dtype).max


def _occurrence(at, dim, shape):
    """For each entry of the index how often its place was named before it."""
    flat = np.arange(int(np.prod(shape)) if shape else 1).reshape(shape)
    places = (flat[_along(at, dim, shape)] if shape else np.zeros_like(at)).reshape(-1)
    order = np.argsort(places, kind="stable")
    ranked = places[order]
    starts = np.r_[True, ranked[1:] != ranked[:-1]]
    within = np.arange(len(ranked)) - np.maximum.accumulate(np.where(starts, np.arange(len(ranked)), 0))
    out = np.empty(len(ranked), np.int64)
    out[order] = within
    return out.reshape(at.shape)


@composite(inplace=True)
def index_reduce(input, dim, index, source, reduce, *, include_self=True):
    """`source` combined into the slices named by `index`: prod, mean, amax or amin."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}")
    dim, at = _writing("index_reduce", input, dim, index, source)
    if not input.ndim:
        return reshape(
            scatter_reduce(
                reshape(input, (1,)), 0, wrap(at), reshape(source, (-1,)), reduce, include_self=include_self
            ),
            (),
        )
    view = at.reshape([-1 if i == dim else 1 for i in range(input.ndim)])
    return scatter_reduce(
        input,
        dim,
        wrap(np.ascontiguousarray(np.broadcast_to(view, source.shape))),
        source,
        reduce,
        include_self=include_self,
    )


# ---------------------------------------------------------------------------------------------- flat places


def _flat_index(name, index, n):
    a = index._data
    if a.dtype.kind not in "iu":
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {index.dtype!r}")
    if a.size and (a.min() < -n or a.max() >= n):
        raise IndexError(f"{name}(): out of range: tried to access index {int(a.max())} on a tensor of {n} elements")
    return np.where(a < 0, a + n, a)


@composite
def take(input, index):
    """The elements at the flat positions given, in the shape of `index`."""
    return _gather_at(reshape(input, (-1,)), index=_flat_index("take", index, input.numel()))


@composite(inplace=True)
def put(input, index, source, accumulate=False):
    """`source` written (or added) at the flat positions given."""
    at = _flat_index("put_", index, input.numel()).reshape(-1)
    if at.size != source.numel():
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.numel()}, index.numel() = {at.size}"
        )
    written_ = index_put(reshape(input, (-1,)), (wrap(at),), reshape(source, (-1,)), accumulate)
    return reshape(written_, tuple(input.shape))


@composite
def take_along_dim(input, indices, dim=None):
    """The elements `indices` names along `dim` (of the flattened input without one), broadcasting the rest."""
    if dim is None:
        return gather(reshape(input, (-1,)), 0, reshape(indices, (-1,)))
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    dim = wrap_dim(dim, input.ndim)
    n = input.shape[dim]
    shape = broadcast_shapes(*[[1 if i == dim else s for i, s in enumerate(t.shape)] for t in (input, indices)])
    wide = expand(input, [n if i == dim else s for i, s in enumerate(shape)])
    at = expand(indices, [indices.shape[dim] if i == dim else s for i, s in enumerate(shape)])
    return gather(wide, dim, wrap(np.where(at._data < 0, at._data + n, at._data)))
