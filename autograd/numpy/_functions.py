"""NumPy's functions on Tensors: which operation each is, with NumPy's argument names and defaults.

`FUNCTIONS` maps NumPy's function objects to ours; `Tensor.__array_function__` looks here. What is missing from the table
runs on plain arrays, and is refused where a gradient would be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import array_api as xp
from .._dtype import as_dtype, get_default_dtype
from .._tensor import Tensor, wrap
from ..array_api._common import NUMBER, axes_of, fft_ops, linalg_ops, ops, pair, promoted

FUNCTIONS: dict[Any, Callable] = {}


def stands_for(*functions: Any) -> Callable:
    """Decorator: ours is what these NumPy functions mean on Tensors."""

    def declare(ours: Callable) -> Callable:
        FUNCTIONS.update(dict.fromkeys(functions, ours))
        return ours

    return declare


def tensor(x: Any) -> Any:
    """An argument as a Tensor: arrays, numbers and sequences too."""
    return x if isinstance(x, Tensor) else joined(x)


def holds_tensor(x: Any) -> bool:
    """Whether a Tensor is among nested sequences."""
    return isinstance(x, Tensor) or (isinstance(x, (list, tuple)) and any(map(holds_tensor, x)))


def joined(x: Any, dtype: Any = None) -> Tensor:
    """Nested sequences with Tensors in them as one Tensor with its graph."""
    if isinstance(x, (list, tuple)) and holds_tensor(x):
        made = ops.stack(promoted([joined(v) for v in x]))
    else:
        made = x if isinstance(x, Tensor) else wrap(_numbers(np.asarray(x)))
    return made if dtype is None else made.to(dtype)


class Foreign(TypeError):
    """An argument that is no array of numbers (None, strings): NumPy itself is to deal with the call."""


def _numbers(a: np.ndarray) -> np.ndarray:
    if a.dtype.kind not in "biufcV":
        raise Foreign(f"expected numbers, got {a.dtype}")
    return a


def floating(x: Any) -> Any:
    """A Tensor of floats: integers are converted, as NumPy does where a result is not whole."""
    x = tensor(x)
    return x if x.dtype.kind in "fc" else x.to(get_default_dtype())


def unsupported(name: str, **options: Any) -> None:
    """Refuse options that no operation has.

    Raises:
        TypeError: one of them is given.
    """
    for key, value in options.items():
        if value is not None and value is not np._NoValue:
            raise TypeError(
                f"{name}: {key}= is not supported for Tensors; use tensor.detach().numpy() or other functions"
            )


# ---------------------------------------------------------------------------------------------- reductions


def _reduction(function: Any, reduce: Callable) -> None:
    """`function(a, axis, dtype, keepdims=...)` as a reduction of the array API."""

    def ours(a, axis=None, dtype=None, out=None, keepdims=False, *, initial=None, where=None):
        unsupported(function.__name__, initial=initial, where=None if where is True else where)
        return _into(out, reduce(tensor(a), _axis(axis), dtype, keepdims is True))

    FUNCTIONS[function] = ours


def _axis(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _into(out: Any, result: Tensor) -> Tensor:
    if out is None:
        return result
    from .._inplace import write_out

    return write_out("out", out[0] if isinstance(out, tuple) else out, result)


def _typed(x: Tensor, dtype: Any) -> Tensor:
    return x if dtype is None else x.to(dtype)


_reduction(np.sum, lambda x, axis, dtype, keep: xp.sum(x, axis=axis, dtype=dtype, keepdims=keep))
_reduction(np.prod, lambda x, axis, dtype, keep: xp.prod(x, axis=axis, dtype=dtype, keepdims=keep))
_reduction(np.mean, lambda x, axis, dtype, keep: xp.mean(_typed(floating(x), dtype), axis=axis, keepdims=keep))
_reduction(np.nansum, lambda x, axis, dtype, keep: xp.sum(ops.nan_to_num(x, nan=0.0, posinf=np.inf, neginf=-np.inf), axis=axis,
                                                          dtype=dtype, keepdims=keep))  # fmt: skip
_reduction(np.nanmean, lambda x, axis, dtype, keep: ops.nanmean(floating(x), axis, keep))


def _without_dtype(functions: tuple, reduce: Callable) -> None:
    def ours(a, axis=None, out=None, keepdims=False, *, initial=None, where=None):
        unsupported(functions[0].__name__, initial=initial, where=None if where is True else where)
        return _into(out, reduce(tensor(a), axis=_axis(axis), keepdims=keepdims is True))

    FUNCTIONS.update(dict.fromkeys(functions, ours))


_without_dtype((np.max, np.amax), xp.max)
_without_dtype((np.min, np.amin), xp.min)
_without_dtype((np.all,), xp.all)
_without_dtype((np.any,), xp.any)
_without_dtype((np.argmax,), xp.argmax)
_without_dtype((np.argmin,), xp.argmin)
_without_dtype((np.ptp,), lambda x, **options: xp.max(x, **options) - xp.min(x, **options))
_without_dtype((np.count_nonzero,), xp.count_nonzero)


def _spread(function: Any, reduce: Callable) -> None:
    def ours(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=None, mean=None, correction=None):
        unsupported(function.__name__, where=None if where is True else where, mean=mean)
        correction = ddof if correction is None or correction is np._NoValue else correction
        return _into(
            out, reduce(_typed(floating(a), dtype), axis=_axis(axis), correction=correction, keepdims=keepdims is True)
        )

    FUNCTIONS[function] = ours


_spread(np.var, xp.var)
_spread(np.std, xp.std)


def _flat(a: Any, axis: Any) -> tuple[Tensor, int]:
    """The array and the axis to work along: None means the flattened array."""
    a = tensor(a)
    return (ops.reshape(a, (-1,)), 0) if axis is None else (a, axes_of(axis, a.ndim)[0])


@stands_for(np.cumsum)
def cumsum(a, axis=None, dtype=None, out=None):
    a, axis = _flat(a, axis)
    return _into(out, xp.cumulative_sum(a, axis=axis, dtype=dtype))


@stands_for(np.cumprod)
def cumprod(a, axis=None, dtype=None, out=None):
    a, axis = _flat(a, axis)
    return _into(out, xp.cumulative_prod(a, axis=axis, dtype=dtype))


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
    return _into(out, ops.quantile(a, q, _axis(axis), keepdims is True, interpolation=method))


@stands_for(np.percentile)
def percentile(a, q, axis=None, *args, **options):
    return quantile(a, q / 100.0 if isinstance(q, NUMBER) else tensor(q) / 100.0, axis, *args, **options)


# ---------------------------------------------------------------------------------------------- shape


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
    return _into(out, _typed(xp.concat([tensor(a) for a in arrays], axis=axis), dtype))


@stands_for(np.stack)
def stack(arrays, axis=0, out=None, *, dtype=None, casting=None):
    return _into(out, _typed(xp.stack([tensor(a) for a in arrays], axis=axis), dtype))


def _joiner(function: Any, operation: Callable) -> None:
    FUNCTIONS[function] = lambda tup, dtype=None, casting=None: _typed(
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
    return xp.expand_dims(tensor(a), _axis(axis))


@stands_for(np.squeeze)
def squeeze(a, axis=None):
    a = tensor(a)
    return ops.squeeze(a) if axis is None else xp.squeeze(a, axis)


@stands_for(np.roll)
def roll(a, shift, axis=None):
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


for _name in ("swapaxes", "fliplr", "flipud", "moveaxis", "real", "imag", "angle", "sinc", "nan_to_num", "i0"):
    _renamed(getattr(np, _name), getattr(ops, _name, None) or getattr(xp, _name, None) or FUNCTIONS.get(_name))
FUNCTIONS[np.i0] = lambda x: ops.i0(floating(x))
FUNCTIONS[np.real] = lambda val: xp.real(tensor(val))
FUNCTIONS[np.imag] = lambda val: xp.imag(tensor(val))
FUNCTIONS[np.matrix_transpose] = lambda x, /: xp.matrix_transpose(tensor(x))
FUNCTIONS[np.broadcast_arrays] = lambda *args, subok=False: xp.broadcast_arrays(*map(tensor, args))
FUNCTIONS[np.unstack] = lambda x, /, *, axis=0: xp.unstack(tensor(x), axis=axis)
FUNCTIONS[np.copy] = lambda a, order="K", subok=False: tensor(a).clone()
FUNCTIONS[np.meshgrid] = lambda *xi, copy=True, sparse=False, indexing="xy": xp.meshgrid(
    *promoted(xi), indexing=indexing
)
for _name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    _function = getattr(ops, _name)
    FUNCTIONS[getattr(np, _name)] = lambda *arys, _of=_function: _of(*map(tensor, arys))

# ---------------------------------------------------------------------------------------------- facts


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


def _detached(function: Any) -> None:
    """Functions whose answer has no gradient: they run on the plain arrays."""
    bare = lambda v: v.detach().numpy() if isinstance(v, Tensor) else v  # noqa: E731
    FUNCTIONS[function] = lambda *args, **options: function(
        *map(bare, args), **{k: bare(v) for k, v in options.items()}
    )


for _name in ("allclose", "array_equal", "array_equiv", "shares_memory", "may_share_memory", "array2string", "array_repr",
              "array_str", "result_type", "can_cast", "min_scalar_type", "common_type"):  # fmt: skip
    _detached(getattr(np, _name))


@stands_for(np.isclose)
def isclose(a, b, rtol=1e-5, atol=1e-8, equal_nan=False):
    return ops.isclose(*pair(a, b), rtol, atol, equal_nan)


# ---------------------------------------------------------------------------------------------- making arrays


def _like(function: Any, make: Callable) -> None:
    def ours(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
        a = tensor(a)
        dtype = a.dtype if dtype is None else as_dtype(dtype)
        return make(tuple(a.shape) if shape is None else shape, dtype=dtype, device=device)

    FUNCTIONS[function] = ours


_like(np.zeros_like, xp.zeros)
_like(np.ones_like, xp.ones)
_like(np.empty_like, xp.empty)


@stands_for(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    a = tensor(a)
    dtype = a.dtype if dtype is None else as_dtype(dtype)
    return xp.full(tuple(a.shape) if shape is None else shape, fill_value, dtype=dtype, device=device)


@stands_for(np.linspace)
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    unsupported("linspace", retstep=retstep or None, axis=axis or None)
    weight = wrap(np.linspace(0.0, 1.0, num, endpoint=endpoint)).to(
        floating(start if isinstance(start, Tensor) else stop).dtype
    )
    return _typed(start * (1 - weight) + stop * weight, dtype)


# ---------------------------------------------------------------------------------------------- picking and sorting


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
        None if v is np._NoValue else v if v is None or isinstance(v, NUMBER) else tensor(v) for v in (low, high)
    )
    return _into(out, xp.clip(tensor(a), low, high))


@stands_for(np.round, np.around)
def round(a, decimals=0, out=None):
    return _into(out, ops.round(tensor(a), decimals=decimals))


@stands_for(np.take)
def take(a, indices, axis=None, out=None, mode="raise"):
    a, axis = _flat(a, axis)
    return _into(out, xp.take(a, tensor(indices), axis=axis))


@stands_for(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    arr, axis = _flat(arr, axis)
    return xp.take_along_axis(arr, tensor(indices), axis=axis)


@stands_for(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    a, axis = _flat(a, axis)
    return xp.sort(a, axis=axis)


@stands_for(np.argsort)
def argsort(a, axis=-1, kind=None, order=None, *, stable=None):
    a, axis = _flat(a, axis)
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
    return ops.trapezoid(floating(y), dx=dx, dim=axis) if x is None else ops.trapezoid(*pair(y, x), dim=axis)


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

# ---------------------------------------------------------------------------------------------- products


@stands_for(np.dot)
def dot(a, b, out=None):
    a, b = pair(*(v if isinstance(v, NUMBER) else tensor(v) for v in (a, b)))
    if not (a.ndim and b.ndim):
        return _into(out, a * b)
    second = -2 if b.ndim > 1 else -1
    return _into(out, ops.tensordot(a, b, ((a.ndim - 1,), (b.ndim + second,))))


@stands_for(np.inner)
def inner(a, b, /):
    a, b = pair(tensor(a), tensor(b))
    return ops.tensordot(a, b, ((a.ndim - 1,), (b.ndim - 1,))) if a.ndim and b.ndim else a * b


@stands_for(np.vdot)
def vdot(a, b, /):
    a, b = pair(tensor(a), tensor(b))
    return xp.vecdot(ops.reshape(a, (-1,)), ops.reshape(b, (-1,)))


@stands_for(np.outer)
def outer(a, b, out=None):
    a, b = pair(tensor(a), tensor(b))
    return _into(out, xp.linalg.outer(ops.reshape(a, (-1,)), ops.reshape(b, (-1,))))


@stands_for(np.tensordot)
def tensordot(a, b, axes=2):
    return xp.tensordot(tensor(a), tensor(b), axes=axes)


@stands_for(np.einsum)
def einsum(*operands, out=None, optimize=False, dtype=None, order="K", casting="safe"):
    subscripts, *arrays = operands
    if not isinstance(subscripts, str):
        raise TypeError("einsum: for Tensors the subscripts must be a string, as in einsum('ij,jk->ik', a, b)")
    return _into(out, _typed(ops.einsum(subscripts, *promoted([tensor(a) for a in arrays])), dtype))


@stands_for(np.cross)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    axis = -1 if axis is None else axis
    if (axisa, axisb, axisc) != (-1, -1, -1):
        raise TypeError("cross: axisa, axisb and axisc are not supported for Tensors; use axis")
    return xp.linalg.cross(tensor(a), tensor(b), axis=axis)


@stands_for(np.kron)
def kron(a, b):
    return ops.kron(*pair(tensor(a), tensor(b)))


@stands_for(np.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return _into(out, xp.sum(ops.diagonal(tensor(a), offset, axis1, axis2), axis=-1, dtype=dtype))


@stands_for(np.diagonal)
def diagonal(a, offset=0, axis1=0, axis2=1):
    return ops.diagonal(tensor(a), offset, axis1, axis2)


@stands_for(np.diag)
def diag(v, k=0):
    return ops.diag(tensor(v), k)


FUNCTIONS[np.tril] = lambda m, k=0: xp.tril(tensor(m), k=k)
FUNCTIONS[np.triu] = lambda m, k=0: xp.triu(tensor(m), k=k)

# ---------------------------------------------------------------------------------------------- linalg and fft


@stands_for(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    return linalg_ops.norm(floating(x), ord, _axis(axis), keepdims)


@stands_for(np.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    a = floating(a)
    return xp.linalg.svd(a, full_matrices=full_matrices) if compute_uv else xp.linalg.svdvals(a)


@stands_for(np.linalg.pinv)
def pinv(a, rcond=None, hermitian=False, *, rtol=None):
    rtol = rcond if rtol is None or rtol is np._NoValue else rtol
    return xp.linalg.pinv(floating(a), rtol=1e-15 if rtol is None else rtol)


@stands_for(np.linalg.solve)
def solve(a, b):
    return xp.linalg.solve(floating(a), floating(b))


@stands_for(np.linalg.eigh)
def eigh(a, UPLO="L"):
    return xp.linalg.EighResult(*linalg_ops.eigh(floating(a), UPLO))


@stands_for(np.linalg.eigvalsh)
def eigvalsh(a, UPLO="L"):
    return linalg_ops.eigvalsh(floating(a), UPLO)


for _name in ("cholesky", "det", "eig", "eigvals", "inv", "qr", "slogdet", "svdvals", "matrix_power", "matrix_rank"):
    _function = getattr(xp.linalg, _name)
    FUNCTIONS[getattr(np.linalg, _name)] = lambda a, *args, _of=_function, **options: _of(floating(a), *args, **options)
for _name in ("outer", "tensordot", "cross", "vecdot", "matmul"):
    _function = getattr(xp.linalg, _name)
    FUNCTIONS[getattr(np.linalg, _name)] = lambda a, b, /, _of=_function, **options: _of(
        tensor(a), tensor(b), **options
    )
for _name in ("trace", "diagonal", "matrix_transpose", "vector_norm", "matrix_norm"):
    _function = getattr(xp.linalg, _name)
    FUNCTIONS[getattr(np.linalg, _name)] = lambda a, /, _of=_function, **options: _of(tensor(a), **options)


def _transform(operation: Callable) -> Callable:
    """A Fourier transform with NumPy's words for the axes."""

    def ours(a, *args, axis=None, axes=None, out=None, **options):
        dim = axis if axes is None else axes
        return _into(out, operation(tensor(a), *args, **({} if dim is None else {"dim": dim}), **options))

    return ours


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2",
              "irfft2", "fftshift", "ifftshift"):  # fmt: skip
    FUNCTIONS[getattr(np.fft, _name)] = _transform(getattr(fft_ops, _name))

__all__ = ["FUNCTIONS", "holds_tensor", "joined"]
