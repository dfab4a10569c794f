"""Making tensors: from data, filled, ranges, like another."""

from __future__ import annotations

import math
import operator

import numpy as np

from .. import _dtype
from .._array import exports, ndarray, quiet
from .._convert import to_array
from .._dtype import HALVES, as_dtype, element, get_default_dtype, usual
from .._inference import mark
from .._memory_format import preserve_format
from .._mode import inferring
from .._op import composite
from .._tensor import Tensor, check_device, history, wrap
from .cast import clone, convert
from .shape import sizes


def finish(data, dtype=None, device=None, requires_grad=False):
    """What every creation function ends with. (`out=` is the entry's business.)"""
    check_device(device)
    if dtype is not None and data.dtype != as_dtype(dtype).dtype:
        data = data.astype(as_dtype(dtype).dtype)
    t = wrap(data if data.ndim else data[()])
    if inferring:
        mark(t)
    return t.requires_grad_() if requires_grad else t


@composite(method=False)
def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """A new tensor holding a copy of `data`: numbers, nested sequences, arrays.

    Args:
        dtype: by default that of the data; Python floats get the default dtype, ints int64.
        requires_grad: record what is computed from it.

    Raises:
        ValueError: ragged sequences. TypeError: not numbers.
        RuntimeError: an element requires grad, or integers are to require grad.

    Example:
        >>> import autograd
        >>> autograd.tensor([[1.0, 2.0], [3.0, 4.0]])
        tensor([[1., 2.],
                [3., 4.]])
    """
    check_device(device)
    if isinstance(data, Tensor):
        if data.requires_grad:
            _warn_copy()
        data = data.detach()
    return finish(to_array(data, None if dtype is None else as_dtype(dtype).dtype), None, None, requires_grad)


def _warn_copy():
    import warnings

    warnings.warn(
        "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
        "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
        UserWarning,
        stacklevel=4,
    )


@composite(method=False, aliases=("asarray",))
def as_tensor(data, dtype=None, device=None, *, copy=None, requires_grad=False):
    """`data` as a tensor, sharing memory with an array or tensor when no conversion is needed."""
    check_device(device)
    if isinstance(data, Tensor):
        return convert(data, data.dtype if dtype is None else as_dtype(dtype), copy=bool(copy))
    if isinstance(data, ndarray) and not copy:
        data = usual(np.asarray(data))
        exports.note(data, new=True)
        return finish(data, dtype, None, requires_grad)
    return finish(to_array(data, None if dtype is None else as_dtype(dtype).dtype), None, None, requires_grad)


@composite(method=False)
def from_numpy(ndarray):
    """A tensor over the memory of an array: writing to either shows in both.

    Raises:
        TypeError: not an array, or a dtype that tensors do not have.
        ValueError: numbers whose bytes lie in another order than this machine's.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    array = usual(np.asarray(ndarray))  # a memmap or a matrix as what it is underneath
    if not array.dtype.isnative:
        raise ValueError(
            "from_numpy: given numpy array has byte order different from the native byte order, so that its memory cannot be "
            "shared; tensor(array) copies it"
        )
    exports.note(array, new=True)
    return wrap(array)


def _shape(size):
    shape = sizes(size)
    if any(s < 0 for s in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


def _np_dtype(dtype):
    return (get_default_dtype() if dtype is None else as_dtype(dtype)).dtype


def _formatted(fill, shape, dtype, memory_format, like=None):
    """A filled array in the memory format asked for; without one in that of `like`."""
    return (memory_format or preserve_format).arranged(fill(shape, dtype), like)


def _filled(name, fill, doc):
    def create(*size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, memory_format=None, out=None,
               names=None, **named):  # fmt: skip
        if "size" in named:
            size = (named.pop("size"),)
        if named:
            raise TypeError(f"{name}() got an unexpected keyword argument {next(iter(named))!r}")
        shape = _shape(size)
        data = _formatted(fill, shape, _np_dtype(dtype), memory_format)
        return finish(data, None, device, requires_grad)

    def like(input, *, dtype=None, device=None, requires_grad=False, layout=None, memory_format=None):
        d = input._data.dtype if dtype is None else as_dtype(dtype).dtype
        return finish(_formatted(fill, input._data.shape, d, memory_format, input._data), None, device, requires_grad)

    def new(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False, **named):
        size = (named.pop("size"),) if "size" in named else size
        return finish(
            fill(_shape(size), self._data.dtype if dtype is None else as_dtype(dtype).dtype),
            None,
            device,
            requires_grad,
        )

    create.__name__, like.__name__, new.__name__ = name, f"{name}_like", f"new_{name}"
    create.__doc__ = f"A tensor of the given sizes {doc}; the default dtype unless `dtype` is given."
    like.__doc__ = f"A tensor {doc}, with the shape and dtype of the input."
    new.__doc__ = f"A tensor of the given sizes {doc}, with this tensor's dtype."
    setattr(Tensor, new.__name__, new)
    composite(create, method=False)
    composite(like, method=False)


_filled("zeros", np.zeros, "of zeros")
_filled("ones", np.ones, "of ones")
_filled("empty", np.empty, "with arbitrary contents")


def _fill_dtype(value, dtype):
    if not isinstance(value, (bool, int, float, complex, np.generic, Tensor)):
        raise TypeError(f"full(): argument 'fill_value' (position 2) must be Number, not {type(value).__name__}")
    if dtype is not None:
        return as_dtype(dtype).dtype
    if isinstance(value, Tensor):
        return value._data.dtype
    return _dtype.number_dtype(value if not isinstance(value, np.generic) else value.item())


def _scalar(value):
    if isinstance(value, Tensor) and value.requires_grad:
        raise TypeError(
            "a number is needed here, not a Tensor that requires grad: its gradient would be lost; use expand() or operators"
        )
    return value.item() if isinstance(value, (Tensor, np.generic)) else value


@composite(method=False)
def full(size, fill_value, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """A tensor of the given sizes holding one value; its dtype is the value's."""
    shape = _shape((size,))
    d = _fill_dtype(fill_value, dtype)
    return finish(_of_one_value(shape, fill_value, d), None, device, requires_grad)


def _of_one_value(shape, value, d):
    """An array of one value; of 16 bits, one that is too large is infinite, as in PyTorch."""
    value = _scalar(value)
    if d in HALVES:
        with quiet():
            return np.full(shape, value, d)
    return np.full(shape, element(value, d), d)


@composite(method=False)
def full_like(input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """A tensor holding one value, with the shape and dtype of the input."""
    d = input._data.dtype if dtype is None else as_dtype(dtype).dtype
    fill = lambda shape, dtype: _of_one_value(shape, fill_value, dtype)  # noqa: E731
    return finish(_formatted(fill, input._data.shape, d, memory_format, input._data), None, device, requires_grad)


@composite(namespace="Tensor", method=True)
def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """A tensor of the given sizes holding one value, with this tensor's dtype."""
    return full(size, fill_value, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@composite(namespace="Tensor", method=True)
def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False):
    """A new tensor of `data` with this tensor's dtype."""
    return tensor(data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@composite(namespace="Tensor", method=True)
def new(self, *args):
    """A new tensor of this one's dtype: from sizes (uninitialised) or from data."""
    return wrap(Tensor(*args)._data.astype(self._data.dtype))


@composite(method=False)
def empty_strided(size, stride, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """Uninitialised memory with the given sizes and strides."""
    size, stride = sizes((size,)), sizes((stride,))
    length = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if all(size) else 0
    base = np.empty(length, _np_dtype(dtype))
    data = np.lib.stride_tricks.as_strided(base, size, [s * base.itemsize for s in stride])
    return finish(data, None, device, requires_grad)


@composite(namespace="Tensor", method=True)
def new_empty_strided(
    self, size, stride, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
):
    """Uninitialised memory with the given sizes and strides and this tensor's dtype."""
    return empty_strided(size, stride, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@composite(method=False)
def empty_permuted(
    size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
):
    """Uninitialised memory whose axes lie in the order `physical_layout`, outermost first."""
    size, order = sizes((size,)), sizes((physical_layout,))
    if sorted(order) != [*np.arange(len(size))]:
        raise RuntimeError(
            f"empty_permuted: physical_layout {tuple(order)} must name each of the {len(size)} dimensions of size {tuple(size)} "
            "once, none negative: no duplicate dim is allowed, and their Number of dimensions must match"
        )
    data = np.empty([size[i] for i in order], _np_dtype(dtype)).transpose(np.argsort(order))
    return finish(data, None, device, requires_grad)


def _range_dtype(values, dtype):
    if dtype is not None:
        return as_dtype(dtype).dtype
    if any(isinstance(v, float) for v in values):
        return get_default_dtype().dtype
    return np.dtype(np.int64)


@composite(method=False)
def arange(
    start, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
):
    """start, start + step, ... below `end` (above it for a negative step); int64 for ints, else the default dtype.

    Raises:
        RuntimeError: step 0, or a step that leads away from `end`.
    """
    start, end = (0, start) if end is None else (start, end)
    start, end, step = _scalar(start), _scalar(end), _scalar(step)
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    d = _range_dtype((start, end, step), dtype)
    n = _range_count(d, start, end, step)
    if d.kind in "iu":
        start, step = int(start), int(step)
    values = np.arange(n, dtype=np.int64 if d.kind in "iu" else np.float64) * step + start
    return finish(values.astype(d), None, device, requires_grad)


def _range_count(dtype, start, end, step):
    """How many numbers there are. For int64, and only there, the arguments are cut to integers first, as in PyTorch."""
    if not abs(step) > 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(f"upper bound and lower bound inconsistent with step sign: arange({start}, {end}, {step})")
    if dtype == np.int64:
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError(f"arange: step must be nonzero; as an integer it is {step}")
        return max(0, -((start - end) // step))
    return max(0, math.ceil((end - start) / step))


@composite(method=False)
def range(start=0, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Like arange with the end included and floats by default (deprecated in PyTorch, used by old tutorials)."""
    d = get_default_dtype() if dtype is None else as_dtype(dtype)
    n = math.floor((_scalar(end) - _scalar(start)) / _scalar(step)) + 1
    return finish((np.arange(n) * _scalar(step) + _scalar(start)).astype(d.dtype), None, device, requires_grad)


def _space(name, start, end, steps, dtype):
    """`steps` even steps between numbers or tensors, differentiable in both ends."""
    try:
        steps = operator.index(steps)
    except TypeError:
        raise TypeError(
            f"{name}(): argument 'steps' (position 3) must be int, not {type(steps).__name__}: {steps}"
        ) from None
    if steps < 0:
        raise RuntimeError(f"{name}: number of steps must be non-negative, got {steps}")
    tensors = [t for t in (start, end) if isinstance(t, Tensor)]
    d = as_dtype(dtype) if dtype is not None else _space_dtype(start, end)
    if d.kind in "fc" and any(t.requires_grad for t in tensors):
        weight = wrap(np.linspace(0, 1, steps).astype(d.dtype))
        start, end = (convert(v, d) if isinstance(v, Tensor) else v for v in (start, end))
        return start * (1 - weight) + end * weight
    return wrap(_even(_scalar(start), _scalar(end), steps, d.dtype).astype(d.dtype))


def _even(start, end, steps, dtype):
    """Even steps, counted from the nearer end; between whole numbers for an integer dtype."""
    kind = np.complex128 if dtype.kind == "c" else np.float64
    if dtype.kind in "iu":
        start, end = int(start), int(end)
    step = (end - start) / (steps - 1) if steps > 1 else 0.0
    if dtype == np.float32:  # ends and step have its precision, each number is rounded once: PyTorch's, bit for bit
        start, end = np.float32(start), np.float32(end)
        step = np.float64((end - start) / np.float32(steps - 1)) if steps > 1 else 0.0
    at = np.arange(steps, dtype=kind)
    values = np.where(np.arange(steps) < steps // 2, start + step * at, end - step * (steps - 1 - at))
    values = values if steps != 1 else np.asarray([start], kind)
    return np.trunc(values) if dtype.kind in "iu" else values


def _space_dtype(start, end):
    """The default dtype, complex when an end is; as in PyTorch also where the ends are tensors of another."""
    wide = any(v.is_complex() if isinstance(v, Tensor) else np.iscomplexobj(v) for v in (start, end))
    return get_default_dtype().to_complex() if wide else get_default_dtype()


@composite(method=False)
def linspace(start, end, steps, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """`steps` numbers from `start` to `end`, both included, evenly spaced."""
    check_device(device)
    t = _space("linspace", start, end, steps, dtype)
    return finish(t._data, None, None, requires_grad) if history(t) is None else t


@composite(method=False)
def logspace(start, end, steps, base=10.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """`steps` powers of `base` with evenly spaced exponents from `start` to `end`."""
    d = _space_dtype(start, end) if dtype is None else as_dtype(dtype)
    start, end = _scalar(start), _scalar(end)
    if d.dtype.kind in "iu":
        start, end = int(start), int(end)
    wide = _dtype.complex128 if d.kind == "c" else _dtype.float64
    values = _scalar(base) ** _space("logspace", start, end, steps, wide)._data
    return finish(values.astype(d.dtype), None, device, requires_grad)


@composite(method=False)
def eye(n, m=None, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """The identity matrix, n x m (n x n by default)."""
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n and m must be greater or equal to 0, got {n} and {m}")
    return finish(np.eye(n, m, dtype=_np_dtype(dtype)), None, device, requires_grad)


def _tri_indices(name, find, row, col, offset, dtype, device):
    check_device(device)
    return wrap(np.stack(find(row, offset, col)).astype((as_dtype(dtype) if dtype else _dtype.int64).dtype))


@composite(method=False)
def tril_indices(row, col, offset=0, *, dtype=None, device=None, layout=None):
    """Row and column numbers of the lower triangle of a row x col matrix."""
    return _tri_indices("tril_indices", np.tril_indices, row, col, offset, dtype, device)


@composite(method=False)
def triu_indices(row, col, offset=0, *, dtype=None, device=None, layout=None):
    """Row and column numbers of the upper triangle of a row x col matrix."""
    return _tri_indices("triu_indices", np.triu_indices, row, col, offset, dtype, device)


@composite(method=False)
def scalar_tensor(s, *, dtype=None, layout=None, device=None, requires_grad=False):
    """A 0-d tensor of the default dtype."""
    d = _np_dtype(dtype)
    return finish(np.asarray(element(_scalar(s), d), d), None, device, requires_grad)


@composite(method=False)
def is_tensor(obj):
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


@composite(method=False)
def numel(input):
    """Number of elements."""
    return input.numel()


__all__ = ["clone"]
