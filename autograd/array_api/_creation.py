"""Making arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtype
from .._array import exports, quiet
from .._convert import to_array
from .._dtype import as_dtype, from_numpy_dtype, get_default_dtype, number_dtype
from .._protocols import from_dlpack as _from_dlpack
from .._tensor import Tensor
from ._common import NUMBER, cast, check_device, default_or, ops, tensor, wrap


def _made(a: Any) -> Tensor:
    return wrap(a if a.ndim else a[()])


def _size(shape: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in shape) if isinstance(shape, (tuple, list)) else (int(shape),)


def asarray(obj, /, *, dtype=None, device=None, copy=None):
    """`obj` (a number, nested sequence, array or buffer) as an array; shares memory where it can unless `copy=True`.

    Raises:
        ValueError: `copy=False` where a copy is needed.
    """
    check_device(device)
    if isinstance(obj, Tensor):
        return _from_tensor(obj, dtype, copy)
    if isinstance(obj, np.ndarray | np.generic) or _is_buffer(obj):
        return _from_buffer(np.asarray(obj), dtype, copy)
    if copy is False:
        raise ValueError(f"asarray: copy=False, but a {type(obj).__name__} cannot become an array without a copy")
    if isinstance(obj, (list, tuple)) and _holds_recorded(obj):
        return _stacked(obj, dtype)
    return _made(_from_python(obj, dtype))


def _from_python(obj: Any, dtype: Any) -> Any:
    """Numbers and sequences: the dtype given receives them directly, so that no digit is lost on the way."""
    if isinstance(obj, int) and dtype is None and not -(2**63) <= obj < 2**63:
        raise OverflowError(f"asarray: {obj} does not fit in int64")
    if dtype is not None and as_dtype(dtype).kind in "iu":
        return np.array(
            obj, dtype=as_dtype(dtype).dtype
        )  # by way of NumPy's own choice large integers would become floats
    return to_array(obj, None if dtype is None else as_dtype(dtype).dtype)


def _is_buffer(obj: Any) -> bool:
    return hasattr(obj, "__buffer__") or isinstance(obj, (memoryview, bytearray)) or type(obj).__module__ == "array"


def _from_tensor(x: Tensor, dtype: Any, copy: Any) -> Tensor:
    d = x.dtype if dtype is None else as_dtype(dtype)
    if copy is False and d is not x.dtype:
        raise ValueError(f"asarray: copy=False, but {x.dtype!r} cannot become {d!r} without a copy")
    return x.clone() if copy and d is x.dtype else cast(x, d)


def _from_buffer(a: Any, dtype: Any, copy: Any) -> Tensor:
    d = from_numpy_dtype(a.dtype) if dtype is None else as_dtype(dtype)
    if a.dtype == d.dtype and not copy:
        exports.note(a, new=True)
        return wrap(a)
    if copy is False:
        raise ValueError(f"asarray: copy=False, but {a.dtype.name} cannot become {d!r} without a copy")
    return _made(a.astype(d.dtype))


def _holds_recorded(obj: Any) -> bool:
    if isinstance(obj, Tensor):
        return obj.requires_grad
    return isinstance(obj, (list, tuple)) and any(_holds_recorded(o) for o in obj)


def _stacked(obj: Any, dtype: Any) -> Tensor:
    """Nested sequences with recorded tensors in them, put together so that the graph is kept."""
    parts = [_stacked(o, dtype) if isinstance(o, (list, tuple)) else asarray(o, dtype=dtype) for o in obj]
    from ._manipulation import stack

    return stack(parts)


def arange(start, /, stop=None, step=1, *, dtype=None, device=None):
    """start, start + step, ... before `stop`; integers unless a float is given."""
    check_device(device)
    start, stop = (0, start) if stop is None else (start, stop)
    whole = all(isinstance(v, int) for v in (start, stop, step))
    d = as_dtype(dtype) if dtype is not None else (_dtype.int64 if whole else get_default_dtype())
    if d.is_floating_point and not whole:
        return wrap(np.arange(start, stop, step, dtype=np.float64).astype(d.dtype))
    if whole and d.kind == "u" and not -(2**63) <= start < 2**63 > stop:
        return wrap(np.array(range(start, stop, step), dtype=d.dtype))  # NumPy would count in float64
    return wrap(np.arange(start, stop, step).astype(d.dtype))


def linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True):
    """`num` evenly spaced numbers from `start` to `stop`, which is included unless `endpoint=False`."""
    check_device(device)
    complex_ = isinstance(start, complex) or isinstance(stop, complex)
    default = get_default_dtype().to_complex() if complex_ else get_default_dtype()
    d = default if dtype is None else as_dtype(dtype)
    grid = np.linspace(start, stop, num, endpoint=endpoint, dtype=np.complex128 if complex_ else np.float64)
    return wrap(grid.astype(d.dtype))


def eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None):
    """Ones on the k-th diagonal, zeros elsewhere."""
    check_device(device)
    return wrap(np.eye(n_rows, n_cols, k=k, dtype=default_or(dtype).dtype))


def empty(shape, *, dtype=None, device=None):
    """An array with arbitrary contents."""
    check_device(device)
    return _made(np.empty(_size(shape), default_or(dtype).dtype))


def zeros(shape, *, dtype=None, device=None):
    """An array of zeros."""
    check_device(device)
    return _made(np.zeros(_size(shape), default_or(dtype).dtype))


def ones(shape, *, dtype=None, device=None):
    """An array of ones."""
    check_device(device)
    return _made(np.ones(_size(shape), default_or(dtype).dtype))


def full(shape, fill_value, *, dtype=None, device=None):
    """An array holding one value; its dtype is the value's kind in the default precision."""
    check_device(device)
    if isinstance(fill_value, Tensor):
        return ops.broadcast_to(
            fill_value if dtype is None else cast(fill_value, as_dtype(dtype)), _size(shape)
        ).clone()
    d = number_dtype(fill_value) if dtype is None else as_dtype(dtype).dtype
    with quiet():
        return _made(np.full(_size(shape), fill_value, d))


def _like(x: Any, dtype: Any) -> tuple[tuple, Any]:
    x = tensor(x)
    return tuple(x.shape), x.dtype if dtype is None else dtype


def empty_like(x, /, *, dtype=None, device=None):
    """An array with arbitrary contents, of the shape and dtype of x."""
    shape, d = _like(x, dtype)
    return empty(shape, dtype=d, device=device)


def zeros_like(x, /, *, dtype=None, device=None):
    """Zeros of the shape and dtype of x."""
    shape, d = _like(x, dtype)
    return zeros(shape, dtype=d, device=device)


def ones_like(x, /, *, dtype=None, device=None):
    """Ones of the shape and dtype of x."""
    shape, d = _like(x, dtype)
    return ones(shape, dtype=d, device=device)


def full_like(x, /, fill_value, *, dtype=None, device=None):
    """One value in the shape and dtype of x."""
    shape, d = _like(x, dtype)
    return full(shape, fill_value, dtype=d, device=device)


def from_dlpack(x, /, *, device=None, copy=None):
    """An array over the memory of another library's array."""
    return _from_dlpack(x, device=device, copy=copy)


def meshgrid(*arrays, indexing="xy"):
    """Coordinates of a grid, one array per axis."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    if not arrays:
        return []
    if len({tensor(a).dtype for a in arrays}) > 1:
        raise ValueError("meshgrid: the arrays must have one dtype; use result_type and astype")
    return list(ops.meshgrid(*[tensor(a) for a in arrays], indexing=indexing))


def tril(x, /, *, k=0):
    """The lower triangle: zeros above the k-th diagonal."""
    return ops.tril(tensor(x), k)


def triu(x, /, *, k=0):
    """The upper triangle: zeros below the k-th diagonal."""
    return ops.triu(tensor(x), k)


FUNCTIONS: dict[str, Callable] = {f.__name__: f for f in (
    arange, asarray, empty, empty_like, eye, from_dlpack, full, full_like, linspace, meshgrid, ones, ones_like, tril, triu,
    zeros, zeros_like)}  # fmt: skip

__all__ = ["FUNCTIONS", "NUMBER"]
