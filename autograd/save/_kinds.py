"""Tensor classes that keep their class in a file. nn registers Parameter here, which this package may not import."""

from __future__ import annotations

from .. import _tensor
from .._array import Array
from .._tensor import Tensor

_CLASSES: dict[str, type[Tensor]] = {}


def register_tensor_class(name: str, cls: type[Tensor]) -> None:
    """Let tensors of class `cls` be saved under `name` and come back as `cls`.

    The class must need nothing but its memory and requires_grad; its constructor is not called.
    """
    _CLASSES[name] = cls


def class_name(cls: type[Tensor]) -> str | None:
    """The name under which a class is saved; None when it comes back as a plain Tensor."""
    return next((name for name, known in _CLASSES.items() if known is cls), None)


def make_tensor(data: Array, requires_grad: bool = False, name: str | None = None) -> Tensor:
    """A leaf over `data`, of the class registered as `name`; a plain Tensor when nobody registered it."""
    return _tensor.rebuild(_CLASSES.get(name or "", Tensor), data, requires_grad)
