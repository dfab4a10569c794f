"""Methods that PyTorch's Tensor has and that mean little here: on Tensor while the facade is installed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...._node import Node
from ...._registry import registry
from ...._tensor import Tensor, stamp
from .._dispatch import run_asleep
from . import sparse_tensors


class Storage:
    """The memory behind a tensor as a flat row of elements.

    Example:
        >>> import autograd
        >>> from autograd.compat import torch
        >>> _ = torch.install()
        >>> list(torch.arange(4).view(2, 2).storage())
        [0, 1, 2, 3]
        >>> torch.uninstall()
    """

    def __init__(self, tensor: Tensor) -> None:
        root = tensor._buffer()
        base = root
        while (base := getattr(base, "base", None)) is not None:
            root = base if isinstance(base, np.ndarray) else root
        self._flat = root.reshape(-1) if root.flags.c_contiguous else root.ravel(order="K")
        self.dtype, self.device = tensor.dtype, tensor.device

    def __len__(self) -> int:
        return int(self._flat.size)

    size = __len__

    def __getitem__(self, i: Any) -> Any:
        return self._flat[i].tolist()

    def __setitem__(self, i: Any, value: Any) -> None:
        self._flat[i] = value

    def __iter__(self) -> Any:
        return iter(self._flat.tolist())

    def nbytes(self) -> int:
        return int(self._flat.nbytes)

    def data_ptr(self) -> int:
        return int(self._flat.__array_interface__["data"][0])

    def tolist(self) -> list:
        return self._flat.tolist()

    def __repr__(self) -> str:
        rows = "\n".join(f" {v}" for v in self._flat.tolist())
        return f"{rows}\n[torch.storage.TypedStorage(dtype={self.dtype!r}, device=cpu) of size {len(self)}]"


def storage(self: Tensor) -> Storage:
    """The memory behind this tensor."""
    return Storage(self)


def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """Itself: there is no device to copy to."""
    return self


def to_dense(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Itself: it is dense already."""
    return self


def is_nonzero(self: Tensor) -> bool:
    """Whether the one element is not zero."""
    return bool(self)


def is_same_size(self: Tensor, other: Tensor) -> bool:
    return tuple(self.shape) == tuple(other.shape)


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both show the same memory in the same way."""
    return self.data_ptr() == tensor.data_ptr() and self.shape == tensor.shape and self.stride() == tensor.stride()


def _no(self: Tensor) -> bool:
    return False


def narrow_copy(self: Tensor, dim: int, start: int, length: int) -> Tensor:
    return self.narrow(dim, start, length).clone()


def _unrecorded(self: Tensor, name: str) -> None:
    if self.requires_grad:
        raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")


def apply_(self: Tensor, callable: Callable) -> Tensor:
    """Replace each element by the function's value at it; unrecorded."""
    _unrecorded(self, "apply_")
    data = self._buffer()
    data[...] = np.reshape([callable(v) for v in data.ravel().tolist()], data.shape)
    stamp(self)
    return self


def map_(self: Tensor, tensor: Tensor, callable: Callable) -> Tensor:
    """Replace each element by the function's value at it and at the other tensor's; unrecorded."""
    _unrecorded(self, "map_")
    data, other = self._buffer(), np.broadcast_to(tensor._data, self.shape)
    pairs = zip(data.ravel().tolist(), other.ravel().tolist(), strict=True)
    data[...] = np.reshape([callable(a, b) for a, b in pairs], data.shape)
    stamp(self)
    return self


def as_subclass(self: Tensor, cls: type) -> Tensor:
    """The same memory as an object of a Tensor subclass, recorded as a view of this tensor."""
    twin = run_asleep(registry["view_as"].call, self, self)
    if isinstance(node := twin._node, Node):
        node.metadata["torch"] = "AliasBackward0"
    twin.__class__ = cls
    return twin


def _make_subclass(cls: type, data: Tensor, require_grad: bool = False) -> Tensor:
    """The same memory as a leaf of a Tensor subclass."""
    twin = data.detach()
    twin.__class__ = cls
    return twin.requires_grad_(require_grad)


_SAME = "to_dense resolve_neg".split()  # noqa: SIM905
_NO = "is_conj is_neg is_distributed".split()  # noqa: SIM905
_METHODS = {"storage": storage, "untyped_storage": storage, "pin_memory": pin_memory,
            "is_nonzero": is_nonzero, "is_same_size": is_same_size, "is_set_to": is_set_to, "narrow_copy": narrow_copy,
            "apply_": apply_, "map_": map_, "as_subclass": as_subclass,
            **dict.fromkeys(_SAME, to_dense), **dict.fromkeys(_NO, _no), **sparse_tensors.METHODS}  # fmt: skip
_FLAGS = {"is_cpu": True, "is_xpu": False, "is_xla": False, "is_ipu": False, "is_mkldnn": False, "is_sparse_csr": False}


def _flag(value: bool, self: Tensor) -> bool:
    return value


_attached: list[str] = []


def attach() -> None:
    """Give Tensor what it does not have."""
    flags = {name: property(functools.partial(_flag, flag)) for name, flag in _FLAGS.items()}
    made = {"_make_subclass": classmethod(_make_subclass)}
    for name, member in {**_METHODS, **flags, **made}.items():
        if not hasattr(Tensor, name):
            setattr(Tensor, name, member)
            _attached.append(name)


def detach() -> None:
    """Take it away again."""
    for name in _attached:
        delattr(Tensor, name)
    _attached.clear()


__all__ = ["Storage", "attach", "detach"]
