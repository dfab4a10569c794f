"""NumPy's functions that rearrange, describe, make and pick from arrays, on Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import array_api as xp
from .._dtype import as_dtype
from .._tensor import Tensor, wrap
from ..array_api import _creation
from ..array_api._common import NUMBER, axes_of, ops, pair, promoted
from ._table import FUNCTIONS, axis_of, flat, floating, into, joined, present, stands_for, tensor, typed, unsupported


@stands_for(np.reshape)
def reshape(a, shape=None, order="C", *, newshape=None, copy=None):
    a, shape = tensor(a), newshape if shape is None else shape
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if order == "F":
        return xp.permute_dims(
            ops.reshape(xp.permute_dims(a, range(a.ndim)[::-1]), shape[::-1]), range(len(shape))[::-1]
        )
    return xp.reshape(a, shape, copy=copy)


@stands_for(np.ravel)
def ravel(a, order="C"):
    return reshape(a, -1, order)


@stands_for(np.transpose)
def transpose(a, axes=None):
    a = tensor(a)
    return xp.permute_dims(a, range(a.ndim)[::-1] if axes is None else axes)


@stands_for(np.concatenate)
def concatenate(arrays, axis=0, out=None, *, dtype=None, casting=None):
    return into(out, typed(xp.concat([tensor(a) for a in arrays], axis=axis), dtype))


@stands_for(np.stack)
def stack(arrays, axis=0, out=None, *, dtype=None, casting=None):
    return into(out, typed(xp.stack([tensor(a) for a in arrays], axis=axis), dtype))


def _joiner(function: Any, operation: Callable) -> None:
    FUNCTIONS[function] = lambda tup, dtype=None, casting=None: typed(
        operation(promoted([tensor(a) for a in tup])), dtype
    )


_joiner(np.vstack, ops.vstack)
_joiner(np.hstack, ops.hstack)
_joiner(np.dstack, ops.dstack)
_joiner(np.column_stack, ops.column_stack)


@stands_for(np.split, np.array_split)
def split(ary, indices_or_sections, axis=0):
    places = indices_or_sections
    return list(
        ops.tensor_split(tensor(ary), places if isinstance(places, int) else tuple(int(i) for i in places), axis)
    )


@stands_for(np.expand_dims)
def expand_dims(a, axis):
    return xp.expand_dims(tensor(a), axis_of(axis))


@stands_for(np.squeeze)
def squeeze(a, axis=None):
    a = tensor(a)
    return ops.squeeze(a) if axis is None else xp.squeeze(a, axis)


@stands_for(np.angle)
def angle(z, deg=False):
    found = ops.angle(tensor(z))
    return ops.rad2deg(found) if deg else found


@stands_for(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    return ops.nan_to_num(tensor(x), nan, posinf, neginf)


@stands_for(np.roll)
def roll(a, shift, axis=None):
    shift, axis = (tuple(v) if isinstance(v, list) else v for v in (shift, axis))
    if isinstance(shift, tuple) and not isinstance(axis, tuple):
        shift = sum(shift)  # one axis (or none) is rolled by all of them
    return xp.roll(tensor(a), shift, axis=axis)


@stands_for(np.flip)
def flip(m, axis=None):
    return xp.flip(tensor(m), axis=axis)


@stands_for(np.repeat)
def repeat(a, repeats, axis=None):
    return xp.repeat(tensor(a), repeats if isinstance(repeats, int) else tensor(repeats), axis=axis)


@stands_for(np.tile)
def tile(A, reps):
    return xp.tile(tensor(A), reps if isinstance(reps, (tuple, list)) else (reps,))


@stands_for(np.rot90)
def rot90(m, k=1, axes=(0, 1)):
    return ops.rot90(tensor(m), k, tuple(axes))


@stands_for(np.broadcast_to)
def broadcast_to(array, shape, subok=False):
    return xp.broadcast_to(tensor(array), shape if isinstance(shape, (tuple, list)) else (shape,))


@stands_for(np.pad)
def pad(array, pad_width, mode="constant", **options):
    array = tensor(array)
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    if (
        mode != "constant"
        or set(options) - {"constant_values"}
        or not isinstance(options.get("constant_values", 0), NUMBER)
    ):
        raise TypeError(
            f"pad: mode={mode!r} with {sorted(options)} is not supported for Tensors; use nn.functional.pad"
        )
    out = ops.full([n + a + b for n, (a, b) in zip(array.shape, widths, strict=True)], options.get("constant_values", 0),
                   dtype=array.dtype)  # fmt: skip
    out[tuple(slice(a, a + n) for n, (a, _) in zip(array.shape, widths, strict=True))] = array
    return out


def _renamed(function: Any, operation: Any) -> None:
    """A function whose arguments, after the first array, NumPy and the operation give in the same order."""
    FUNCTIONS[function] = lambda a, *args, **options: operation(tensor(a), *args, **options)


for _name in ("swapaxes", "fliplr", "flipud", "moveaxis", "sinc"):
    _renamed(getattr(np, _name), getattr(ops, _name, None) or getattr(xp, _name, None) or FUNCTIONS.get(_name))
FUNCTIONS[np.i0] = lambda x: ops.i0(floating(x))
FUNCTIONS[np.real] = lambda val: xp.real(tensor(val))
FUNCTIONS[np.imag] = lambda val: xp.imag(tensor(val))
FUNCTIONS[np.matrix_transpose] = lambda x, /: xp.matrix_transpose(tensor(x))
FUNCTIONS[np.broadcast_arrays] = lambda *args, subok=False: xp.broadcast_arrays(*map(tensor, args))
stands_for(*present("unstack"))(lambda x, /, *, axis=0: xp.unstack(tensor(x), axis=axis))
FUNCTIONS[np.copy] = lambda a, order="K", subok=False: tensor(a).clone()
FUNCTIONS[np.meshgrid] = lambda *xi, copy=True, sparse=False, indexing="xy": xp.meshgrid(
    *promoted(xi), indexing=indexing
)
for _name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    _function = getattr(ops, _name)
    FUNCTIONS[getattr(np, _name)] = lambda *arys, _of=_function: _of(*map(tensor, arys))


@stands_for(np.shape)
def shape(a):
    return tuple(a.shape) if isinstance(a, Tensor) else tuple(joined(a).shape)


@stands_for(np.ndim)
def ndim(a):
    return len(shape(a))


@stands_for(np.size)
def size(a, axis=None):
    return tensor(a).numel() if axis is None else shape(a)[axis]


@stands_for(np.iscomplexobj)
def iscomplexobj(x):
    return tensor(x).is_complex()


@stands_for(np.isrealobj)
def isrealobj(x):
    return not tensor(x).is_complex()


def _detached(function: Any, dress: Callable = lambda found: found) -> None:
    """Functions whose answer has no gradient: they run on the plain arrays."""
    bare = lambda v: v.detach().numpy() if isinstance(v, Tensor) else v  # noqa: E731
    FUNCTIONS[function] = lambda *args, **options: dress(
        function(*map(bare, args), **{k: bare(v) for k, v in options.items()})
    )


for _name in ("allclose", "array_equal", "array_equiv", "shares_memory", "may_share_memory", "array2string", "array_repr",
              "array_str", "result_type", "can_cast", "min_scalar_type", "common_type"):  # fmt: skip
    _detached(getattr(np, _name))


@stands_for(np.isclose)
def isclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=False):
    return ops.isclose(*pair(a, b), float(rtol), float(atol), equal_nan)


def _like(function: Any, make: Callable) -> None:
    def ours(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
        a = tensor(a)
        dtype = a.dtype if dtype is None else as_dtype(dtype)
        return make(tuple(a.shape) if shape is None else shape, dtype=dtype, device=device)

    FUNCTIONS[function] = ours


_like(np.zeros_like, _creation.zeros)
_like(np.ones_like, _creation.ones)
_like(np.empty_like, _creation.empty)


@stands_for(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    a = tensor(a)
    dtype = a.dtype if dtype is None else as_dtype(dtype)
    return _creation.full(tuple(a.shape) if shape is None else shape, fill_value, dtype=dtype, device=device)


@stands_for(np.linspace)
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    unsupported("linspace", retstep=retstep or None)
    start, stop = ops.broadcast_tensors(*(floating(v) for v in (start, stop)))
    weight = wrap(np.linspace(0.0, 1.0, num, endpoint=endpoint)).to(start.dtype)
    weight = ops.reshape(weight, (-1, *(1,) * start.ndim))
    return typed(xp.moveaxis(start * (1 - weight) + stop * weight, 0, axis), dtype)


@stands_for(np.where)
def where(condition, x=None, y=None):
    if x is None:
        return xp.nonzero(tensor(condition))
    x, y = (v if isinstance(v, NUMBER) else tensor(v) for v in (x, y))
    return xp.where(tensor(condition).bool(), x, y)


@stands_for(np.clip)
def clip(a, a_min=None, a_max=None, out=None, *, min=None, max=None, **options):
    low, high = (other if v is None or v is np._NoValue else v for v, other in ((a_min, min), (a_max, max)))
    low, high = (
        None if v is None or v is np._NoValue else v if isinstance(v, NUMBER) else tensor(v) for v in (low, high)
    )
    d = xp.result_type(
        tensor(a), *(v for v in (low, high) if v is not None)
    )  # bounds of a higher kind raise the result's
    return into(out, xp.clip(tensor(a).to(d), low, high))


@stands_for(np.round, np.around)
def round(a, decimals=0, out=None):
    return into(out, ops.round(tensor(a), decimals=decimals))


@stands_for(np.take)
def take(a, indices, axis=None, out=None, mode="raise"):
    a, axis = flat(a, axis)
    return into(out, xp.take(a, tensor(indices), axis=axis))


@stands_for(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    arr, axis = flat(arr, axis)
    return xp.take_along_axis(arr, tensor(indices), axis=axis)


@stands_for(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    a, axis = flat(a, axis)
    return xp.sort(a, axis=axis)


@stands_for(np.argsort)
def argsort(a, axis=-1, kind=None, order=None, *, stable=None):
    a, axis = flat(a, axis)
    return xp.argsort(a, axis=axis)


@stands_for(np.searchsorted)
def searchsorted(a, v, side="left", sorter=None):
    return xp.searchsorted(tensor(a), tensor(v), side=side, sorter=None if sorter is None else tensor(sorter))


@stands_for(np.diff)
def diff(a, n=1, axis=-1, prepend=None, append=None):
    ends = [None if v is None or v is np._NoValue else tensor(v) for v in (prepend, append)]
    return xp.diff(tensor(a), axis=axis, n=n, prepend=ends[0], append=ends[1])


@stands_for(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    y = floating(y)
    return ops.trapezoid(y, dx=dx, dim=axis) if x is None else ops.trapezoid(*pair(y, tensor(x)), dim=axis)


@stands_for(np.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    f = tensor(f)
    spacing = varargs[0] if len(varargs) == 1 else varargs or 1
    found = ops.gradient(f, spacing=spacing, dim=axes_of(axis, f.ndim), edge_order=edge_order)
    return found[0] if len(found) == 1 else tuple(found)


FUNCTIONS[np.nonzero] = lambda a: xp.nonzero(tensor(a))
FUNCTIONS[np.isin] = lambda element, test_elements, assume_unique=False, invert=False, *, kind=None: xp.isin(
    tensor(element), tensor(test_elements), invert=invert)  # fmt: skip
FUNCTIONS[np.unique_values] = lambda x: xp.unique_values(tensor(x))


# ---------------------------------------------------------------------------------------------- joining and picking more


@stands_for(np.append)
def append(arr, values, axis=None):
    return xp.concat([tensor(arr), tensor(values)], axis=axis)


@stands_for(np.block)
def block(arrays):
    depth, nested = 0, arrays
    while isinstance(nested, (list, tuple)):
        depth, nested = depth + 1, nested[0]
    return _blocks(arrays, depth, _most_axes(arrays, depth))


def _most_axes(arrays: Any, depth: int) -> int:
    return max(map(_axes_within, arrays), default=depth) if isinstance(arrays, (list, tuple)) else tensor(arrays).ndim


def _axes_within(part: Any) -> int:
    return max(map(_axes_within, part)) if isinstance(part, (list, tuple)) else tensor(part).ndim


def _blocks(part: Any, depth: int, axes: int) -> Any:
    """Nested lists joined: the innermost along the last axis, the next along the one before."""
    if not isinstance(part, (list, tuple)):
        part = tensor(part)
        return ops.reshape(part, (1,) * (max(axes, depth) - part.ndim) + tuple(part.shape))
    return xp.concat([_blocks(p, depth, axes) for p in part], axis=-_levels(part))


def _levels(part: Any) -> int:
    return 1 + _levels(part[0]) if isinstance(part, (list, tuple)) else 0


@stands_for(np.hsplit)
def hsplit(ary, indices_or_sections):
    return split(ary, indices_or_sections, 0 if tensor(ary).ndim == 1 else 1)


FUNCTIONS[np.vsplit] = lambda ary, indices_or_sections: split(ary, indices_or_sections, 0)
FUNCTIONS[np.dsplit] = lambda ary, indices_or_sections: split(ary, indices_or_sections, 2)


@stands_for(np.rollaxis)
def rollaxis(a, axis, start=0):
    a = tensor(a)
    axis, start = axes_of(axis, a.ndim)[0], start + a.ndim if start < 0 else start
    return xp.moveaxis(a, axis, start - 1 if axis < start else start)


@stands_for(np.select)
def select(condlist, choicelist, default=0):
    out = tensor(default)
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        out = xp.where(tensor(condition).bool(), tensor(choice), out)
    return out


@stands_for(np.choose)
def choose(a, choices, out=None, mode="raise"):
    unsupported("choose", mode=None if mode == "raise" else mode)
    stacked = ops.stack(ops.broadcast_tensors(*promoted([tensor(c) for c in choices])))
    index = tensor(a).long().expand(stacked.shape[1:])
    return into(out, ops.squeeze(ops.take_along_dim(stacked, index[None], 0), 0))


@stands_for(np.compress)
def compress(condition, a, axis=None, out=None):
    (kept,) = np.nonzero(np.asarray(condition))
    return take(a, kept, axis, out)


@stands_for(np.extract)
def extract(condition, arr):
    return ops.reshape(tensor(arr), (-1,))[ops.reshape(tensor(condition).bool(), (-1,))]


@stands_for(np.delete)
def delete(arr, obj, axis=None):
    arr, axis = flat(arr, axis)
    places = obj.detach().numpy() if isinstance(obj, Tensor) else obj
    return take(arr, np.delete(np.arange(arr.shape[axis]), places), axis)


@stands_for(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    return sort(a, axis)  # one of the orders that a partition may give


@stands_for(np.argpartition)
def argpartition(a, kth, axis=-1, kind="introselect", order=None):
    return argsort(a, axis)


@stands_for(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    unsupported("interp", period=period)
    x, knots, values = (floating(v) for v in (x, xp, fp))
    place = ops.clamp(ops.searchsorted(knots.detach(), x.detach(), right=True), 1, len(knots) - 1)
    low, high = knots[place - 1], knots[place]
    weight = ops.clamp((x - low) / (high - low), 0.0, 1.0)
    out = values[place - 1] * (1 - weight) + values[place] * weight
    for outside, value in ((x < knots[0], left), (x > knots[-1], right)):
        out = out if value is None else ops.where(outside, value, out)
    return out


@stands_for(np.ediff1d)
def ediff1d(ary, to_end=None, to_begin=None):
    ends = [None if v is None else ops.reshape(tensor(v), (-1,)) for v in (to_begin, to_end)]
    inner = xp.diff(ops.reshape(tensor(ary), (-1,)))
    return xp.concat([v for v in (ends[0], inner, ends[1]) if v is not None])


FUNCTIONS[np.diagflat] = lambda v, k=0: ops.diagflat(tensor(v), k)
FUNCTIONS[np.permute_dims] = FUNCTIONS[np.transpose]
FUNCTIONS[np.resize] = lambda a, new_shape: _resized(tensor(a), new_shape)
FUNCTIONS[np.fix] = lambda x, out=None: into(out, ops.trunc(tensor(x)))


def _resized(a: Tensor, new_shape: Any) -> Tensor:
    """The elements over and over, as many as the shape asks for."""
    new_shape = tuple(new_shape) if isinstance(new_shape, (tuple, list)) else (new_shape,)
    count = int(np.prod(new_shape))
    return ops.reshape(ops.tile(ops.reshape(a, (-1,)), (-(-count // max(a.numel(), 1)),))[:count], new_shape)


for _name in ("flatnonzero", "argwhere", "digitize", "lexsort", "iscomplex", "isreal", "nanargmax", "nanargmin", "isposinf",
              "isneginf"):  # fmt: skip
    _detached(getattr(np, _name), lambda found: wrap(np.asarray(found)[()]))


@stands_for(np.unique)
def unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True, sorted=True
):
    unsupported("unique", axis=axis)
    values = ops.reshape(tensor(ar), (-1,))
    _, first, inverse, counts = np.unique(values.detach().numpy(), True, True, True, equal_nan=equal_nan)
    asked = zip((return_index, return_inverse, return_counts), (first, inverse.reshape(shape(ar)), counts), strict=True)
    extras = [wrap(found) for wanted, found in asked if wanted]
    return (values[wrap(first)], *extras) if extras else values[wrap(first)]


for _name in ("unique_all", "unique_counts", "unique_inverse"):
    _function = getattr(xp, _name)
    FUNCTIONS[getattr(np, _name)] = lambda x, _of=_function: _of(tensor(x))
