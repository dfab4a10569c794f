"""Indexing: views by slices, gathering by index arrays, writing, and the regions behind views."""

from __future__ import annotations

import functools
import math
import warnings
from typing import Any

import numpy as np

from .._array import Part, changes, in_c_order, is_raw, ndarray, wrap_dim, zeros
from .._convert import to_array
from .._dtype import element
from .._inplace import check_history, check_memory, overlaps, rebase, set_region_written, take_back
from .._mode import fast, is_grad_enabled
from .._op import composite, op
from .._samples import call, cases
from .._tensor import Tensor, history, region_of, set_region_node, wrap

# ---------------------------------------------------------------------------------------------- what an index means


_ALL = slice(None)
_LARGE = 1 << 12  # elements of an array from which it pays to number its places
_REMEMBERED = 1 << 14  # lines along an axis up to which their places are remembered
_MORE = (slice, list, tuple, range, Tensor, np.ndarray)


def plain_index(index):
    """An index as NumPy takes it: tensors become arrays, lists index arrays. Returns (index, whether it is basic)."""
    if isinstance(index, list):
        index = _list_as_tuple(index)
    parts = index if type(index) is tuple else (index,)
    found, basic = [], True
    for part in parts:
        kind = type(part)
        if kind is int or kind is slice or part is None or part is Ellipsis:
            found.append(part)
            continue
        part, simple = _index_part(part)
        basic = basic and simple
        found.append(part)
    return (tuple(found) if type(index) is tuple else found[0]), basic


def _list_as_tuple(index):
    """A list that holds more than numbers stands for a tuple, as in PyTorch."""
    if len(index) >= 32 or not any(p is None or p is Ellipsis or isinstance(p, _MORE) for p in index):
        return index
    warnings.warn(
        "Using a non-tuple sequence for multidimensional indexing is deprecated: use x[tuple(seq)], or "
        "x[autograd.tensor(seq)] where the whole list is one index",
        UserWarning,
        stacklevel=4,
    )
    return tuple(index)


def _index_part(part):
    if isinstance(part, Tensor):
        part = part._data
    elif isinstance(part, (bool, np.bool_)):
        return bool(part), False
    elif isinstance(part, (list, tuple, range)):
        part = to_array(list(part)) if len(part) else np.zeros(0, np.int64)
    elif isinstance(part, (int, np.integer)):
        return int(part), True
    elif isinstance(part, (str, np.generic)) or not hasattr(part, "__array__"):
        _refuse_index(part)
    a = np.asarray(part)
    if a.dtype == np.uint8:
        a = a.astype(bool)
    if a.dtype.kind not in "biu":
        raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, got {a.dtype.name}")
    return (a, False) if a.ndim or a.dtype == bool else (int(a), True)


def _refuse_index(part):
    if isinstance(part, str):
        raise TypeError("indexing: new(): invalid data type 'str'; an index is made of numbers, slices and tensors")
    kind = type(part)
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
        f"{'numpy.' if isinstance(part, np.generic) else ''}{kind.__name__})"
    )


def _explain(error, shape, index):
    """NumPy's index errors in PyTorch's words."""
    text = str(error)
    if "too many indices" in text:
        count = len([i for i in (index if type(index) is tuple else (index,)) if i is not None and i is not Ellipsis])
        text = f"too many indices for tensor of dimension {len(shape)}: {count} given"
        if not len(shape):
            text = "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a number"
    elif "out of bounds" in text:
        text = text.replace("axis", "dimension").replace("index", "index", 1)
    elif "boolean index did not match" in text:
        text = f"The shape of the mask does not match the indexed tensor of shape {tuple(shape)}: {text}"
    return IndexError(text)


# ---------------------------------------------------------------------------------------------- reading

_BASIC = cases(lambda r: [
    call(r(3, 4), index=1), call(r(3, 4), index=(slice(None, None, 2), 1)), call(r(3, 4), index=(Ellipsis, slice(1, 3))),
    call(r(3), index=(None, slice(1, None))), call(r(3, 4), index=-1), call(r(2, 3, 4), index=(0, slice(None), -1))])  # fmt: skip


@op(name="_slice", namespace="_", method=False, symbol="[ ]", caption="scatter", view=True, linear=True, sample=_BASIC)
def _slice(x, *, index):
    """A view by whole numbers, slices, None and Ellipsis."""
    return x[
        (*index, Ellipsis)
        if type(index) is tuple and Ellipsis not in index
        else index
        if Ellipsis in (index if type(index) is tuple else (index,))
        else (index, Ellipsis)
    ]


@_slice.grad("x")
def _(g, x_shape, index):
    return _spread_slice(g, shape=x_shape, index=index)


@op(name="_spread_slice", namespace="_", method=False, symbol="scatter", caption="[ ]", linear=True,
    sample=cases(lambda r: [call(r(2, 4), shape=(3, 4), index=slice(1, 3)), call(r(4), shape=(3, 4), index=1)]))  # fmt: skip
def _spread_slice(x, *, shape, index):
    """Zeros of `shape` with the input at `index`."""
    out = zeros(x, shape)
    out[index] = x
    return out


@_spread_slice.grad("x")
def _(g, index):
    return _slice(g, index=index)


# In the first order a slice's gradient is not spread out: it is added into the receiving buffer.
_spread_recorded = _spread_slice


def _slice_gradient(g, x_shape, index):
    return Part(index, g) if is_raw(g) else _spread_recorded(g, shape=x_shape, index=index)


_slice.op.rules["x"] = (_slice_gradient, ("x_shape", "index"))


@op(name="_gather_at", namespace="_", method=False, symbol="[ ]", caption="scatter-add", linear=True, sample=cases(lambda r: [
    call(r(3, 4), index=np.array([0, 2, 0])), call(r(3, 4), index=(np.array([0, 1, 1]), np.array([3, 2, 2]))),
    call(r(3, 4), index=(slice(None), np.array([[1, 1], [0, 3]]))), call(r(2, 3), index=np.array([[True, False, True]] * 2)),
    call(r(2, 3, 4), index=(np.array([0, 1]), slice(None), np.array([1, 1])))]))  # fmt: skip
def _gather_at(x, *, index):
    """Elements at index arrays and masks; a copy."""
    axis = _only_axis(index) if type(x) is ndarray and fast.enabled else 0
    return x.take(index[axis], axis) if axis else in_c_order(x[index])


def _only_axis(index):
    """The axis, not the first, if one alone is indexed, by an array of numbers, which `take` does four times as fast; or 0."""
    if type(index) is not tuple or any(type(i) is not slice or i != _ALL for i in index[:-1]):
        return 0
    return len(index) - 1 if type(index[-1]) is ndarray and index[-1].dtype.kind in "iu" and index[-1].ndim else 0


@_gather_at.grad("x")
def _(g, x_shape, index):
    return _add_at(g, shape=x_shape, index=index)


@op(name="_add_at", namespace="_", method=False, symbol="scatter-add", caption="[ ]", linear=True, sample=cases(lambda r: [
    call(r(3, 4), shape=(3, 4), index=np.array([0, 2, 0])), call(r(3), shape=(3, 4), index=(np.array([0, 1, 1]), np.array([3, 2, 2])))]))  # fmt: skip
def _add_at(x, *, shape, index):
    """Zeros of `shape` with the input added at `index`; equal places add up."""
    out = np.zeros_like(x, shape=shape)
    add_at(out, index, x)
    return out


@_add_at.grad("x")
def _(g, index):
    return _gather_at(g, index=index)


def add_at(out, index, values):
    """out[index] += values, counting repeated places; rows by sorting, since `np.add.at` is slow for them."""
    if type(index) is ndarray and index.dtype.kind in "iu" and out.ndim > 1 and index.size > 8:
        return _add_rows(out, index, values)
    if type(index) is ndarray and index.dtype == bool:
        out[index] += values
        return None
    if (
        type(index) is tuple
        and type(out) is ndarray
        and out.flags.c_contiguous
        and 4 * values.size >= out.size >= _LARGE
    ):
        places = np.arange(out.size).reshape(out.shape)[index]
        return add_flat(out, places, np.broadcast_to(values, places.shape))
    np.add.at(out, index, values)
    return None


def add_flat(out, places, values):
    """out.reshape(-1)[places] += values, out being in C order. NumPy adds so ten times as fast as along several axes."""
    np.add.at(out.reshape(-1), places.reshape(-1), np.ascontiguousarray(values, out.dtype).reshape(-1))


def _add_rows(out, index, values):
    flat = index.reshape(-1) % max(out.shape[0], 1)
    rows = np.broadcast_to(values, (*index.shape, *out.shape[1:])).reshape(flat.size, *out.shape[1:])
    if (flat[1:] < flat[:-1]).any():
        order = np.argsort(flat, kind="stable")
        flat, rows = flat[order], rows[order]
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    out[flat[starts]] += np.add.reduceat(rows, starts, axis=0)


def _apart(index):
    """(what of an index gives a view, the rest) where something stands between its whole numbers and its index arrays, or None.

    Whole numbers choose first, as in PyTorch. To NumPy they are index arrays, too, and the axis of all of them comes first.
    """
    parts = index if type(index) is tuple else ()
    chosen = [i for i, p in enumerate(parts) if isinstance(p, (int, ndarray))]
    if not any(type(p) is int for p in parts) or chosen[-1] - chosen[0] < len(chosen):
        return None
    views, rest = [], []
    for part in parts:
        if isinstance(part, ndarray):
            views += [_ALL] * (part.ndim if part.dtype == bool else 1)
        elif type(part) is not bool:  # which is a mask without axes
            views.append(part)
        if type(part) is not int:
            rest.append(_ALL if part is None or type(part) is slice else part)
    return tuple(views), tuple(rest)


def _without_empty_ellipsis(index, ndim):
    """The index without an Ellipsis that stands for no axis: to NumPy it would still be something between index arrays."""
    if type(index) is not tuple or not any(p is Ellipsis for p in index):
        return index
    taken = [p.ndim if isinstance(p, ndarray) and p.dtype == bool else 1
             for p in index if isinstance(p, (slice, ndarray)) or type(p) is int]  # fmt: skip
    return tuple(p for p in index if p is not Ellipsis) if sum(taken) == ndim else index


def getitem(self, index):
    """x[index]: a view for whole numbers and slices, a copy for index tensors and masks."""
    index, basic = plain_index(index)
    try:
        if basic:
            return _slice(self, index=index)
        index = _without_empty_ellipsis(index, self.ndim)
        apart = _apart(index)
        return _gather_at(_slice(self, index=apart[0]), index=apart[1]) if apart else _gather_at(self, index=index)
    except IndexError as error:
        raise _explain(error, self._data.shape, index) from None


Tensor.__getitem__ = getitem


@composite
def select(input, dim, index):
    """The view at one index along `dim`, without that axis."""
    n = input.shape[_axis(dim, input)]
    if not -n <= index < n:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return _slice(input, index=(slice(None),) * wrap_dim(dim, input.ndim) + (int(index),))


def _axis(dim, input):
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    return wrap_dim(dim, input.ndim)


@composite
def narrow(input, dim, start, length):
    """The view of `length` indices from `start` along `dim`."""
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if isinstance(start, Tensor) and (start.ndim or start._data.dtype.kind not in "iu"):
        raise RuntimeError(
            f"narrow(): start must be an 0-dim integral Tensor, got {start.dtype!r} {tuple(start.shape)}"
        )
    dim, start, length = wrap_dim(dim, input.ndim), int(start), int(length)
    n = input.shape[dim]
    if start < 0:
        start += n
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}")
    if not 0 <= start <= n or start + length > n:
        raise (IndexError if not 0 <= start <= n else RuntimeError)(
            f"start ({start}) + length ({length}) exceeds dimension size ({n})."
        )
    return _slice(input, index=(slice(None),) * dim + (slice(start, start + length),))


# ---------------------------------------------------------------------------------------------- gather and scatter


def check_index(name, index, size, dim):
    """Indices from outside never wrap: a negative one is a mistake, as in PyTorch."""
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index, got {index.dtype.name}")
    if index.size and (index.min() < 0 or index.max() >= size):
        bad = index[(index < 0) | (index >= size)].reshape(-1)[0]
        kind = RuntimeError if name.startswith(("gather", "scatter")) else IndexError
        raise kind(f"{name}: index {int(bad)} is out of bounds for dimension {dim} with size {size}")


def _along(index, dim, shape):
    """Index tuple that reaches `index` along `dim` and its own place along the others."""
    if not index.ndim:
        return (index,)
    grid = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[dim] = index
    return tuple(grid)


def flat_along(index, dim, shape):
    """`_along` as places in a flat array of `shape`."""
    apart = math.prod(shape[dim + 1 :])
    flat = index.astype(np.intp, copy=False) if apart == 1 else np.multiply(index, apart, dtype=np.intp)
    if index.ndim == 1:
        return flat
    few = index.size <= _REMEMBERED * index.shape[dim]
    return flat + (_flat_beside if few else _flat_beside.__wrapped__)(index.shape, dim, shape)


@functools.lru_cache(32)
def _flat_beside(lengths, dim, shape):
    """What the other axes add to a flat place."""
    grids = np.ogrid[tuple(slice(1 if a == dim else n) for a, n in enumerate(lengths))]
    return sum(grid * math.prod(shape[a + 1 :]) for a, grid in enumerate(grids) if a != dim)


def _flattens(x, index):
    """Whether flat places, which are faster, suit."""
    return type(x) is np.ndarray and x.flags.c_contiguous and index.ndim == x.ndim > 0 and fast.enabled


@op(symbol="gather", caption="scatter-add", linear=True, sample=cases(lambda r: [
    call(r(3, 4), dim=1, index=np.array([[0, 0], [3, 1], [2, 2]])), call(r(3, 4), dim=0, index=np.array([[0, 2, 1, 1]]))]))  # fmt: skip
def gather(x, *, dim, index, sparse_grad=False):
    """out[i][j] = input[index[i][j]][j] for dim 0, and so on: the elements `index` names along `dim`."""
    index = index._data if isinstance(index, Tensor) else index
    if x.ndim == 0:
        return np.broadcast_to(x, index.shape).copy()[()]
    dim = wrap_dim(dim, x.ndim)
    if not index.size:
        return np.zeros_like(x, shape=index.shape)
    if max(index.ndim, 1) != x.ndim:
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as input tensor: {index.ndim} and {x.ndim}"
        )
    if any(i > n for d, (i, n) in enumerate(zip(index.shape, x.shape, strict=False)) if d != dim):
        raise RuntimeError(
            f"Size does not match at dimension: expected index {list(index.shape)} to be no larger than self "
            f"{list(x.shape)} apart from dimension {dim}"
        )
    check_index("gather", index, x.shape[dim], dim)
    if _flattens(x, index):
        return x.reshape(-1).take(flat_along(index, dim, x.shape))
    return x[_along(index, dim, x.shape)]


@gather.grad("x")
def _(g, x_shape, dim, index):
    return scatter_zeros(g, index, shape=x_shape, dim=dim)


@op(name="_scatter_zeros", namespace="_", method=False, symbol="scatter-add", linear=True, sample=cases(lambda r: [
    call(r(3, 2), np.array([[0, 0], [3, 1], [2, 2]]), dim=1, shape=(3, 4))]))  # fmt: skip
def scatter_zeros(x, index, *, dim, shape):
    """Zeros of `shape` with the input added at `index` along `dim`."""
    out = np.zeros_like(x, shape=shape)
    index = index._data if isinstance(index, Tensor) else index
    if not shape or not index.size:
        return np.sum(x, dtype=x.dtype) if not shape else out
    dim, values = wrap_dim(dim, out.ndim), x[tuple(slice(n) for n in index.shape)]
    if _flattens(out, index):
        add_flat(out, flat_along(index, dim, shape), values)
    else:
        np.add.at(out, _along(index, dim, shape), values)
    return out


@scatter_zeros.grad("x")
def _(g, index, dim):
    return gather(g, dim=dim, index=index)


@composite(method=False)
def nonzero(input, *, as_tuple=False):
    """Indices of the nonzero elements: one row each, or one tensor per axis with as_tuple."""
    found = np.nonzero(np.atleast_1d(input._data))
    if as_tuple:
        return tuple(wrap(a) for a in found)
    return wrap(np.stack(found, axis=-1) if input.ndim else np.zeros((len(found[0]), 0), np.int64))


Tensor.nonzero = nonzero


# ---------------------------------------------------------------------------------------------- writing


@op(name="_written", namespace="_", method=False, symbol="[ ]=", caption="the rest", linear=True, sample=cases(lambda r: [
    call(r(3, 4), r(4), index=1), call(r(3, 4), r(3), index=(slice(None), 2)), call(r(3, 4), r(2, 4), index=np.array([0, 2])),
    call(r(3, 4), r(), index=(slice(1, None), slice(None, 2))), call(r(4), r(3), index=np.array([0, 1, 0]))]))  # fmt: skip
def written(x, y, *, index):
    """A copy of the input with `y` written at `index`; of values written to one place the last stays."""
    out = np.array(x)
    out[index] = y
    return out


@written.grad("x")
def _(g, index):
    return _erased(g, index=index)


@written.grad("y")
def _(g, y_shape, index):
    return _read_back(g, shape=y_shape, index=index)


@op(name="_erased", namespace="_", method=False, linear=True, sample=cases(lambda r: [call(r(3, 4), index=1)]))
def _erased(x, *, index):
    """A copy with zeros at `index`: what was overwritten no longer reaches the result."""
    out = np.array(x)
    out[index] = 0
    return out


@_erased.grad("x")
def _(g, index):
    return _erased(g, index=index)


@op(name="_read_back", namespace="_", method=False, linear=True, sample=cases(lambda r: [
    call(r(3, 4), index=1, shape=(4,)), call(r(4), index=np.array([0, 1, 0]), shape=(3,))]))  # fmt: skip
def _read_back(x, *, index, shape):
    """The values at `index` summed to `shape`; of places named twice only the last counts."""
    last = last_writer(x, index)
    return _sum_leading(x[index] if last is True else np.where(last, x[index], np.zeros((), x.dtype)), shape)


@_read_back.grad("x")
def _(g, x_shape, index, shape):
    return _spread_back(g, index=index, shape=shape, into=x_shape)


@op(name="_spread_back", namespace="_", method=False, linear=True, sample=cases(lambda r: [
    call(r(4), index=1, shape=(4,), into=(3, 4))]))  # fmt: skip
def _spread_back(x, *, index, shape, into):
    """Zeros of `into` with the input written at `index`: the transpose of reading back."""
    out = np.zeros_like(x, shape=into)
    out[index] = x
    return out


@_spread_back.grad("x")
def _(g, index, shape):
    return _read_back(g, index=index, shape=shape)


def _sum_leading(a, shape):
    """Sum to a shape that may also lack leading axes of length one, as assignment allows."""
    from .._array import sum_to

    a = np.asarray(a)
    while len(shape) > a.ndim:
        shape = shape[1:]
        return _sum_leading(a, shape).reshape((1, *tuple(shape)))
    return sum_to(a, shape)


def last_writer(x, index):
    """Where a written value stays, and no later one overwrote it; True alone when no place can repeat."""
    parts = index if type(index) is tuple else (index,)
    if not any(isinstance(p, ndarray) and p.dtype != bool for p in parts):
        return True
    places = np.arange(x.size).reshape(x.shape)[index]
    order = np.full(x.size, -1)
    order[places.reshape(-1)] = np.arange(places.size)
    return (order[places.reshape(-1)] == np.arange(places.size)).reshape(places.shape)


def setitem(self, index, value):
    """x[index] = value, in place; the gradient of what is overwritten is cut, the value gets its own."""
    check_history(self, "__setitem__")
    index, basic = plain_index(index)
    if not basic:
        index = _without_empty_ellipsis(index, self.ndim)
        apart = _apart(index)
        if apart:
            setitem(getitem(self, apart[0]), apart[1], value)
            return
    buffer = self._buffer()
    if not isinstance(value, Tensor) and not isinstance(value, (int, float, complex, np.generic)):
        value = wrap(to_array(value))
    if basic and not buffer.flags.c_contiguous and overlaps(buffer):
        # Through a view, whose places are its own: those of `self` that it covers lie in the same memory as others.
        part = getitem(self, index)
        check_memory(part._data, "__setitem__")
        part.copy_(value)
        return
    data = value._data if isinstance(value, Tensor) else value
    edge = history(value) if isinstance(value, Tensor) else None
    own = history(self)
    recorded = is_grad_enabled() and (edge is not None or own is not None)
    try:
        places = buffer[index]
        if not basic or not buffer.flags.writeable:
            check_memory(buffer, "__setitem__")
        target = places.shape
        node = _written_node(self, own, value, edge, index, buffer) if recorded else None
        take_back(self, buffer)
        buffer[index] = _fitting(data, target, buffer.dtype)
    except IndexError as error:
        raise _explain(error, buffer.shape, index) from None
    except ValueError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(np.shape(data))} cannot be broadcast to indexing result of shape "
            f"{list(target)}"
        ) from None
    changes.stamp(buffer)
    if recorded:
        rebase(self, node)


def _fitting(data: Any, target: tuple, dtype: Any) -> Any:
    """The value cast to the tensor's dtype, with leading axes of length one dropped where NumPy would object."""
    if isinstance(data, (bool, int, float)):
        return element(data, dtype)
    data = np.asarray(data)
    if data.dtype.kind == "c" and dtype.kind != "c":
        raise RuntimeError(
            "value cannot be converted to type float without overflow: a complex value for a real tensor"
        )
    surplus: Any = data  # NumPy's types know no array whose number of axes changes
    while surplus.ndim > len(target) and surplus.shape[0] == 1:
        surplus = surplus[0]
    return surplus.astype(dtype, copy=False)


def _written_node(self, own, value, edge, index, buffer):
    """The node of the new contents: gradient to the old ones away from `index`, to the value at it."""
    y = value._data if isinstance(value, Tensor) else value
    declared = written.op
    nodes = (own, edge)
    like = np.broadcast_to(np.zeros((), buffer.dtype), buffer.shape)  # only shapes and dtypes are looked at
    node = declared.record(like, like, (like, np.asarray(y)), (index,), nodes)
    node.value = None
    return node


Tensor.__setitem__ = setitem


# ---------------------------------------------------------------------------------------------- regions behind views


def _flat_places(region, shape):
    """Flat C-order indices of a region in a tensor of `shape`."""
    if len(region) == 1:
        return region[0]
    size, strides, offset = region
    places = np.full(size, offset, np.int64)
    for axis, (n, step) in enumerate(zip(size, strides, strict=True)):
        places += (np.arange(n) * step).reshape((-1,) + (1,) * (len(size) - axis - 1))
    return places


@op(name="_region", namespace="_", method=False, symbol="view", linear=True,
    sample=cases(lambda r: [call(r(3, 4), region=((2, 2), (4, 2), 1)), call(r(6), region=((2, 2), (1, 1), 0))]))  # fmt: skip
def _region(x, *, region):
    """The elements of a view, found by their places in its base."""
    return np.take(np.reshape(x, (-1,)), _flat_places(region, x.shape))


@_region.grad("x")
def _(g, x_shape, region):
    return _region_added(g, region=region, shape=x_shape)


@op(name="_region_added", namespace="_", method=False, linear=True,
    sample=cases(lambda r: [call(r(2, 2), region=((2, 2), (1, 1), 0), shape=(6,))]))  # fmt: skip
def _region_added(x, *, region, shape):
    """Zeros of `shape` with the input added at the places of a region."""
    out = np.zeros_like(x, shape=(int(np.prod(shape)),))
    np.add.at(out, _flat_places(region, shape), x)
    return out.reshape(shape)


@_region_added.grad("x")
def _(g, region):
    return _region(g, region=region)


@op(name="_region_written", namespace="_", method=False, symbol="copy slices", linear=True, sample=cases(lambda r: [
    call(r(3, 4), r(2, 2), region=((2, 2), (4, 2), 1))]))  # fmt: skip
def _region_written(x, y, *, region):
    """A copy of the base with a view's new contents in their places."""
    out = np.array(x, order="C")
    out.reshape(-1)[_flat_places(region, x.shape)] = y
    return out


@_region_written.grad("x")
def _(g, region):
    return _region_erased(g, region=region)


@_region_written.grad("y")
def _(g, region):
    return _region(g, region=region)


@op(name="_region_erased", namespace="_", method=False, linear=True,
    sample=cases(lambda r: [call(r(3, 4), region=((2, 2), (4, 2), 1))]))  # fmt: skip
def _region_erased(x, *, region):
    """A copy with zeros in the places of a region."""
    out = np.array(x, order="C")
    out.reshape(-1)[_flat_places(region, x.shape)] = 0
    return out


@_region_erased.grad("x")
def _(g, region):
    return _region_erased(g, region=region)


def _stand_in(dtype, shape):
    """An array that costs no memory, for nodes made without running a kernel."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def _node_of(operation, source, node, like, **params):
    """The node of an operation on one recorded input, with `like` for its result."""
    made = operation.op.record(like, like, (source,), tuple(params.values()), (node,))
    made.value = None
    return made, like


def _as_real_numbers(node, like):
    from .complex import view_as_real

    real = _stand_in(like.real.dtype, (*like.shape, 2))
    return (None, real) if node is None else _node_of(view_as_real, like, node, real)


def _as_complex_numbers(node, like):
    from .complex import view_as_complex

    return _node_of(view_as_complex, like, node, _stand_in(np.result_type(like.dtype, np.complex64), like.shape[:-1]))


def _make_region_node(base, root, region):
    """The node of a view, read from its base's."""
    like, mark = _stand_in(base._data.dtype, base._data.shape), None
    if isinstance(region[0], str):
        mark, region = region
        if mark == "base":
            root, like = _as_real_numbers(root, like)
    view = _stand_in(like.dtype, region[0].shape if len(region) == 1 else region[0])
    node, view = _node_of(_region, like, root, view, region=region)
    return _as_complex_numbers(node, view)[0] if mark == "view" else node


def _make_region_written(base, root, view, node):
    """The node of a base after a view of it was written."""
    region = getattr(view, "_region", None) or region_of(view._data, base._data)
    like, part, mark = (
        _stand_in(base._data.dtype, base._data.shape),
        _stand_in(view._data.dtype, view._data.shape),
        None,
    )
    if isinstance(region[0], str):
        mark, region = region
        if mark == "base":
            root, like = _as_real_numbers(root, like)
        else:
            node, part = _as_real_numbers(node, part)
    made = _region_written.op.record(like, like, (like, part), (region,), (root, node))
    made.value = None
    return _as_complex_numbers(made, like)[0] if mark == "base" else made


set_region_node(_make_region_node)
set_region_written(_make_region_written)
