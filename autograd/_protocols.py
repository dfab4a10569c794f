"""NumPy's and other libraries' protocols of a Tensor: ufuncs, array functions, DLPack, the array API standard.

Whatever NumPy is asked to do with a Tensor is done by the operation of the same meaning, so that it stays
differentiable; where there is none, the Tensor becomes an array only if no gradient is lost.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import numpy as np

from ._array import exports
from ._dtype import as_dtype, from_numpy_dtype, promote_types
from ._inplace import write_out
from ._registry import registry
from ._tensor import Tensor, check_device, history, wrap

# Ufuncs whose counterpart has another name; the others have NumPy's.
_RENAMED = {
    "absolute": "abs", "fabs": "abs", "negative": "neg", "rint": "round", "conjugate": "conj", "invert": "bitwise_not",
    "bitwise_count": "", "degrees": "rad2deg", "radians": "deg2rad", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "arctan2": "atan2", "subtract": "sub", "multiply": "mul",
    "divide": "div", "true_divide": "div", "power": "pow", "mod": "remainder", "left_shift": "bitwise_left_shift",
    "right_shift": "bitwise_right_shift", "equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le",
    "greater": "gt", "greater_equal": "ge", "modf": "", "frexp": "", "spacing": "", "sign": "sgn",
}  # fmt: skip


def _counterpart(ufunc: np.ufunc) -> Any:
    """The operation with the meaning of a ufunc, or None."""
    name = ufunc.__name__
    composed = _COMPOSED.get(name)
    if composed is not None:
        return composed
    if getattr(np, name, None) is not ufunc:
        return _scipys(ufunc)
    declared = registry.get(_RENAMED.get(name, name))
    return None if declared is None else declared.call


def _scipys(ufunc: np.ufunc) -> Any:
    """The function of the same meaning as a ufunc of SciPy's, or None; nobody has one without having imported SciPy."""
    theirs = sys.modules.get("scipy.special")
    if theirs is None or getattr(theirs, ufunc.__name__, None) is not ufunc:
        return None
    from .array_api.special import FUNCTIONS

    return FUNCTIONS.get(ufunc.__name__)


def _divmod(x: Any, y: Any) -> tuple:
    return registry["floor_divide"].call(x, y), registry["remainder"].call(x, y)


def _modf(x: Any) -> tuple:
    whole = x.trunc()
    return x - whole, whole


def _cbrt(x: Any) -> Any:
    return x.sign() * x.abs() ** (1 / 3)


def _matvec(x: Any, y: Any) -> Any:
    return (x @ y.unsqueeze(-1)).squeeze(-1)


def _vecmat(x: Any, y: Any) -> Any:
    return (x.conj().unsqueeze(-2) @ y).squeeze(-2)


def _vecdot(x: Any, y: Any) -> Any:
    return ((x.conj() if x.is_complex() else x) * y).sum(-1)


def _product(function: Any) -> Any:
    """A product of arrays, with both operands made Tensors of their common dtype, as NumPy's are."""

    def product(x: Any, y: Any) -> Any:
        x, y = (v if isinstance(v, Tensor) else wrap(np.asarray(v)) for v in (x, y))
        d = promote_types(x.dtype, y.dtype)
        return function(x.to(d), y.to(d))

    return product


_COMPOSED = {"divmod": _divmod, "modf": _modf, "cbrt": _cbrt, "matvec": _product(_matvec), "vecmat": _product(_vecmat),
             "matmul": _product(lambda x, y: x @ y), "vecdot": _product(_vecdot)}  # fmt: skip


def array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """NumPy's ufuncs on Tensors (`np.exp(t)`, `array + t`): the operation of the same meaning.

    Raises:
        TypeError: `out=` is an array, which cannot remember how it was computed.
        RuntimeError: there is no such operation and a gradient would be lost.
    """
    out = options.pop("out", None)
    if out is not None:
        _refuse_arrays(ufunc.__name__, out)
    operation = _counterpart(ufunc) if method == "__call__" and not _special(options) else None
    if operation is None:
        same = _function_of(ufunc, method)
        result = _as_arrays(getattr(ufunc, method), inputs, options) if same is None else same(*inputs, **options)
        result = result if out is None or isinstance(result, Tensor) else wrap(np.asarray(result))
    else:
        result = operation(*[_operand(x) for x in inputs])
        if options.get("dtype") is not None:
            d = options["dtype"]
            result = tuple(r.to(d) for r in result) if isinstance(result, tuple) else result.to(d)
    if out is None:
        return result
    return write_out(ufunc.__name__, out[0], result) if len(out) == 1 else write_out(ufunc.__name__, out, result)


# Methods of ufuncs that are functions of another name; their axis is 0 unless given.
_RUNNING = {
    ("add", "reduce"): "sum", ("multiply", "reduce"): "prod", ("maximum", "reduce"): "max", ("minimum", "reduce"): "min",
    ("logical_and", "reduce"): "all", ("logical_or", "reduce"): "any", ("add", "accumulate"): "cumsum",
    ("multiply", "accumulate"): "cumprod",
}  # fmt: skip


def _function_of(ufunc: np.ufunc, method: str) -> Any:
    """What `ufunc.reduce`, `.accumulate` or `.outer` is in other words, or None."""
    from .numpy._functions import FUNCTIONS

    name = _RUNNING.get((ufunc.__name__, method))
    if name is not None and getattr(np, ufunc.__name__, None) is ufunc:
        return lambda array, axis=0, *args, **options: FUNCTIONS[getattr(np, name)](array, axis, *args, **options)
    operation = _counterpart(ufunc) if method == "outer" else None
    return None if operation is None else lambda x, y: _outer(operation, x, y)


def _outer(operation: Any, x: Any, y: Any) -> Any:
    """An operation on every element of one array with every element of the other."""
    x, y = (v if isinstance(v, Tensor) else wrap(np.asarray(v)) for v in (x, y))
    return operation(x.reshape(*x.shape, *(1,) * y.ndim), y)


def _special(options: dict) -> bool:
    """Whether a ufunc call asks for what operations do not have (a mask, axes, kept axes, a signature)."""
    usual = {"where": True, "keepdims": False}
    return any(v is not None and v is not usual.get(k) for k, v in options.items() if k not in _HARMLESS)


_HARMLESS = ("dtype", "casting", "order", "subok")


def _operand(x: Any) -> Any:
    """An operand of a ufunc: sequences become arrays."""
    return np.asarray(x) if isinstance(x, (list, tuple)) else x


def _refuse_arrays(name: str, out: Any) -> None:
    for o in out if isinstance(out, tuple) else (out,):
        if o is not None and not isinstance(o, Tensor):
            raise TypeError(
                f"{name}: out= (or an in-place operator) with a NumPy array and a Tensor: an array cannot record how it was "
                f"computed. Write a = a + t instead of a += t, or use tensor.detach().numpy()"
            )


def _as_arrays(function: Any, args: Any, options: dict) -> Any:
    """A NumPy function on plain arrays; refused (by `numpy()`) where a gradient would be lost."""
    return function(*_plain(list(args)), **_plain(options))


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.numpy()
    if type(value) in (list, tuple):
        return type(value)(_plain(v) for v in value)
    if type(value) is dict:
        return {k: _plain(v) for k, v in value.items()}
    return value


def array_function(self: Tensor, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
    """NumPy's functions on Tensors (`np.sum(t)`, `np.concatenate([t, u])`): the operation of the same meaning.

    Raises:
        RuntimeError: there is none, and a gradient would be lost.
    """
    from .numpy._functions import FUNCTIONS, Foreign

    if kwargs.get("out") is not None:
        _refuse_arrays(function.__name__, kwargs["out"])
    ours = FUNCTIONS.get(function)
    if ours is not None:
        with suppress(Foreign):
            return ours(*args, **kwargs)
    return _as_arrays(function, args, kwargs)


# ---------------------------------------------------------------------------------------------- DLPack

# Whether NumPy asks for versions, devices and copies; before 2.1 it did not, and before 2.2 what it got was read-only.
_NEGOTIATES = np.lib.NumpyVersion(np.__version__) >= "2.1.0"


def dlpack(
    self: Tensor, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
) -> Any:
    """A DLPack capsule over this tensor's memory.

    Raises:
        BufferError: the tensor requires grad, or its dtype has no place in DLPack.
    """
    if history(self) is not None:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if stream not in (None, -1):
        raise BufferError(f"__dlpack__: stream {stream!r} means nothing on the CPU; pass None")
    data = self._buffer()
    if not copy:
        data = exports.lend(data)
    if not _NEGOTIATES:
        return (data.copy() if copy else data).__dlpack__()
    return data.__dlpack__(max_version=max_version, dl_device=dl_device, copy=copy)


def dlpack_device(self: Tensor) -> tuple[int, int]:
    """Kind and number of the device in DLPack's terms: the CPU."""
    return 1, 0


class _Capsule:
    """What older code passes instead of an array: the capsule itself, from an unnamed library on the CPU."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def from_dlpack(ext_tensor: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of another library's array (PyTorch, NumPy, CuPy, JAX), through DLPack.

    Args:
        ext_tensor: an object with `__dlpack__`, or a capsule from it.
        copy: True for memory of its own, False to refuse a copy.

    Raises:
        BufferError: the other library cannot hand its memory out (it requires grad, or lies elsewhere).
        TypeError: not such an object, or a dtype that tensors do not have.

    Example:
        >>> import autograd, numpy
        >>> a = numpy.zeros(2)
        >>> t = autograd.from_dlpack(a)
        >>> a[0] = 1.0
        >>> t
        tensor([1., 0.], dtype=float64)
    """
    check_device(device)
    if type(ext_tensor).__name__ == "PyCapsule":
        ext_tensor = _Capsule(ext_tensor)
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack: expected an object with __dlpack__, got {type(ext_tensor).__name__}")
    try:
        data = np.from_dlpack(ext_tensor, copy=copy) if _NEGOTIATES else np.from_dlpack(ext_tensor)
    except RuntimeError as error:
        if "Unsupported dtype" not in str(error):
            raise
        raise TypeError(
            f"from_dlpack: {type(ext_tensor).__name__} has a dtype that NumPy does not (bfloat16, say); convert it first, "
            f"to float32 for instance"
        ) from None
    if copy and not (data.flags.writeable and _NEGOTIATES):
        data = data.copy()  # a library whose arrays never change may lend its memory all the same
    from_numpy_dtype(data.dtype)
    exports.note(data, new=True)
    return wrap(data)


def to_dlpack(tensor: Tensor) -> Any:
    """A DLPack capsule over a tensor's memory (the older spelling of `tensor.__dlpack__()`)."""
    return tensor.__dlpack__()


# ---------------------------------------------------------------------------------------------- the standard

_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")


def array_namespace(self: Tensor, /, *, api_version: str | None = None) -> Any:
    """The namespace of the array API standard for this array: `autograd.array_api`.

    Raises:
        ValueError: a version of the standard that it does not follow.
    """
    if api_version not in (None, *_VERSIONS):
        raise ValueError(f"__array_namespace__: version {api_version!r} is not one of {', '.join(_VERSIONS)}")
    from . import array_api

    return array_api


def to_device(self: Tensor, device: Any, /, *, stream: Any = None) -> Tensor:
    """The tensor on a device, which can only be the CPU."""
    if stream is not None:
        raise ValueError("to_device: the CPU has no streams; pass stream=None")
    check_device(device)
    return self


def astype(self: Tensor, dtype: Any, copy: bool = True) -> Tensor:
    """The tensor in another dtype, by NumPy's name."""
    return self.to(as_dtype(dtype), copy=copy)


def positive(self: Tensor) -> Tensor:
    """+t."""
    return registry["positive"].call(self)


def multiplied(self: Tensor, other: Any) -> Any:
    """t @= other: a new tensor takes the place of t, as in PyTorch."""
    return self @ other


def contains(self: Tensor, element: Any) -> bool:
    """Whether some element equals a number or a tensor's."""
    if not isinstance(element, (Tensor, int, float, complex, np.generic)):
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}; "
            "to look for a tensor in a list, compare with `is`"
        )
    return bool((self == element).any())


_METHODS = {
    "__contains__": contains, "astype": astype,
    "__pos__": positive, "__imatmul__": multiplied, "__array_ufunc__": array_ufunc, "__array_function__": array_function,
    "__dlpack__": dlpack, "__dlpack_device__": dlpack_device, "__array_namespace__": array_namespace, "to_device": to_device,
}  # fmt: skip
for _name, _method in _METHODS.items():
    setattr(Tensor, _name, _method)
    _method.__name__, _method.__qualname__ = _name, f"Tensor.{_name}"
