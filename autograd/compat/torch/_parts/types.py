"""Typed tensor classes (`FloatTensor`), Variable, and the constants of PyTorch's top level."""

from __future__ import annotations

import math
import warnings
from typing import Any

from .... import _dtype, empty
from ...._tensor import Size, Tensor, device
from ....ops.create import tensor

_NAMES = {"FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "BFloat16Tensor": "bfloat16",
          "ByteTensor": "uint8", "CharTensor": "int8", "ShortTensor": "int16", "IntTensor": "int32",
          "LongTensor": "int64", "BoolTensor": "bool_"}  # fmt: skip


class tensortype(type):
    """The type of `FloatTensor` and its like: calling one makes a plain Tensor, isinstance looks at the dtype."""

    dtype: _dtype.dtype

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor) and value.dtype is cls.dtype

    def __call__(cls, *args: Any, **kwargs: Any) -> Tensor:
        if len(args) == 1 and (isinstance(args[0], Size) or not isinstance(args[0], (int, Tensor))):
            return empty(args[0], dtype=cls.dtype) if isinstance(args[0], Size) else tensor(args[0], dtype=cls.dtype)
        if len(args) == 1 and isinstance(args[0], Tensor):
            return args[0].to(cls.dtype)
        made = Tensor(*args, **kwargs)
        return made if made.dtype is cls.dtype else made.to(cls.dtype)


TYPED = {name: tensortype(name, (), {"dtype": getattr(_dtype, d), "__module__": "torch"}) for name, d in _NAMES.items()}
globals().update(TYPED)


class _NoDevice(tensortype):
    def __instancecheck__(cls, value: object) -> bool:
        return False

    def __call__(cls, *args: Any, **kwargs: Any) -> Tensor:
        raise RuntimeError(f"torch.cuda.{cls.__name__}: there is no GPU here; use torch.{cls.__name__}")


CUDA_TYPED = {
    name: _NoDevice(name, (), {"dtype": cls.dtype, "__module__": "torch.cuda"}) for name, cls in TYPED.items()
}


class _VariableMeta(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor)


class Variable(metaclass=_VariableMeta):
    """PyTorch 0.3's wrapper around tensors, still in many tutorials: gives a Tensor that shares the memory.

    Example:
        >>> import autograd
        >>> from autograd.compat.torch.autograd import Variable
        >>> Variable(autograd.ones(2), requires_grad=True)
        tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool | None = None) -> Tensor:  # type: ignore[misc]
        if volatile:
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                UserWarning,
                stacklevel=2,
            )
        if data is None:
            return empty(0)
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)


def set_default_tensor_type(t: Any) -> None:
    """Make the dtype of a typed tensor class, or of its name `"torch.DoubleTensor"`, the default one."""
    name = t if isinstance(t, str) else t.__name__
    found = TYPED.get(name.rpartition(".")[2])
    if found is None:
        raise TypeError(f"set_default_tensor_type: invalid type object: {t!r} is none of {', '.join(TYPED)}")
    _dtype.set_default_dtype(found.dtype)


pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None


class OutOfMemoryError(RuntimeError):
    """Raised by PyTorch when a GPU is full; never here."""


def set_default_device(d: Any) -> None:
    """Accepts the CPU."""
    if d is not None and device(d).type != "cpu":
        raise RuntimeError(f"set_default_device: {d!r} is not available: tensors live on the CPU here")


def get_default_device() -> device:
    return device("cpu")


def typename(obj: Any) -> str:
    """`torch.FloatTensor` for a tensor, else the class with its module, which Python's own do without."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if isinstance(obj, type) else type(obj)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


__all__ = ["OutOfMemoryError", "Variable", "e", "get_default_device", "inf", "nan", "newaxis", "pi",
           "set_default_device", "set_default_tensor_type", "typename", *TYPED]  # fmt: skip
