"""PyTorch's checkpoint files read without PyTorch: the zip format (since 1.6) and the stream of pickles before it.

Zip: `<name>/data.pkl` is a pickle whose persistent ids ('storage', type, key, location, number of elements) name the
members `<name>/data/<key>`, raw little-endian memory (`<name>/byteorder` may say "big").
Source: https://pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from .. import _dtype, _tensor
from .._tensor import Tensor
from ._kinds import make_tensor
from ._unpickle import Known, Unpickler

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_START = b"\x80\x02\x8a\n" + LEGACY_MAGIC.to_bytes(10, "little")


class _Storage:
    """A storage type as a file names it; None stands for untyped bytes."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: _dtype.dtype | None) -> None:
        self.dtype = dtype

    @property
    def numpy(self) -> np.dtype:
        return np.dtype(np.uint8) if self.dtype is None else self.dtype.dtype


# ------------------------------------------------------------------------------------------------ tensors


def _rebuild_tensor(
    storage: np.ndarray, offset: int, size: tuple, stride: tuple, requires_grad: bool = False,
    hooks: Any = None, metadata: Any = None,
) -> Tensor:  # fmt: skip
    """A view of a storage; NumPy refuses one that reaches outside."""
    if not isinstance(storage, np.ndarray):
        raise ValueError("a tensor is built on something that is not a storage")
    if type(size) is not tuple or type(stride) is not tuple:
        raise ValueError(f"a tensor whose size is a {type(size).__name__}")
    if len(size) != len(stride) or any(type(n) is not int or n < 0 for n in (offset, *size, *stride)):
        raise ValueError(f"a tensor of size {size!r}, stride {stride!r} and offset {offset!r}")
    step = storage.itemsize
    if not all(size):
        offset = 0  # an empty tensor may stand behind the end
    data = np.ndarray(tuple(size), storage.dtype, storage, offset * step, tuple(s * step for s in stride))
    if metadata:
        data = np.conj(data) if metadata.get("conj") else data
        data = np.negative(data) if metadata.get("neg") else data
    if requires_grad:
        _tensor.check_differentiable(data.dtype)
    return make_tensor(data, requires_grad is True)


def _rebuild_typed(
    storage: np.ndarray, offset: int, size: tuple, stride: tuple, requires_grad: bool, hooks: Any, dtype: Any,
    metadata: Any = None,
) -> Tensor:  # fmt: skip
    """dtypes without a storage class of their own (uint16 and its kin) view an untyped storage."""
    if not isinstance(storage, np.ndarray) or not isinstance(dtype, _dtype.dtype):
        raise ValueError("a tensor is built on something that is not a storage")
    return _rebuild_tensor(storage.view(dtype.dtype), offset, size, stride, requires_grad, hooks, metadata)


def _rebuild_parameter(data: Tensor, requires_grad: bool, *_: Any) -> Tensor:
    if not isinstance(data, Tensor):
        raise ValueError("a parameter is built on something that is not a tensor")
    return make_tensor(data._data, requires_grad is True, "Parameter")


def _rebuild_from_type(function: Any, kind: Any, arguments: tuple, state: Any) -> Any:
    """A tensor with attributes of its own, which are left out: they are not weights."""
    call = function.call if type(function) is Known else function  # Python's own unpickler gives the function itself
    if call not in (_rebuild_tensor, _rebuild_typed, _rebuild_parameter):
        raise pickle.UnpicklingError("load: the file builds a tensor by a function that is not allowed")
    return call(*arguments)


def _size(lengths: Any = ()) -> _tensor.Size:
    if type(lengths) not in (tuple, list):
        raise ValueError(f"a size made of a {type(lengths).__name__}")
    return _tensor.Size(map(int, lengths))


def _unsupported(what: str) -> Callable:
    def refuse(*_: Any) -> Any:
        raise pickle.UnpicklingError(f"load: {what} have no counterpart here; convert them in PyTorch before saving")

    return refuse


_STORAGES = {
    "Double": _dtype.float64, "Float": _dtype.float32, "Half": _dtype.float16, "BFloat16": _dtype.bfloat16,
    "ComplexDouble": _dtype.complex128, "ComplexFloat": _dtype.complex64, "Long": _dtype.int64, "Int": _dtype.int32,
    "Short": _dtype.int16, "Char": _dtype.int8, "Byte": _dtype.uint8, "Bool": _dtype.bool,
}  # fmt: skip


_REBUILD: dict[str, Callable] = {
    "_rebuild_tensor": _rebuild_tensor,
    "_rebuild_tensor_v2": _rebuild_tensor,
    "_rebuild_tensor_v3": _rebuild_typed,
    "_rebuild_parameter": _rebuild_parameter,
    "_rebuild_parameter_with_state": _rebuild_parameter,
    "_rebuild_sparse_tensor": _unsupported("sparse tensors"),
    "_rebuild_qtensor": _unsupported("quantized tensors"),
    "_rebuild_nested_tensor": _unsupported("nested tensors"),
    "_rebuild_meta_tensor_no_storage": _unsupported("tensors without memory (device 'meta')"),
}


def _torch_globals() -> dict[str, Any]:
    found: dict[str, Any] = {f"torch {name}Storage": _Storage(d) for name, d in _STORAGES.items()}
    found |= {f"torch {d.name}": d for d in _dtype.ALL}
    found |= {f"torch._utils {name}": Known(name, call) for name, call in _REBUILD.items()}
    return found | {
        "torch.storage UntypedStorage": _Storage(None),
        "torch.storage TypedStorage": _Storage(None),
        "torch.storage _load_from_bytes": Known("_load_from_bytes", _unsupported("storages pickled on their own")),
        "torch Size": Known("Size", _size),
        "torch device": Known("device", lambda *v: _tensor.device(*v)),
        "torch Tensor": Known("Tensor"),
        "torch.nn.parameter Parameter": Known("Parameter"),
        "torch.nn.parameter Buffer": Known("Buffer"),
        "torch._tensor _rebuild_from_type_v2": Known("_rebuild_from_type_v2", _rebuild_from_type),
        "torch.serialization _get_layout": Known("_get_layout", lambda name: _tensor.strided),
    }


TORCH = _torch_globals()


class _TrustingUnpickler(pickle.Unpickler):
    """Python's own unpickler for `weights_only=False`: PyTorch's names stand for ours, others are imported and run."""

    def __init__(self, stream: IO[bytes], persistent: Callable[[Any], Any]) -> None:
        super().__init__(stream)
        self.persistent_load = persistent

    def find_class(self, module: str, name: str) -> Any:
        found = TORCH.get(f"{module} {name}")
        if found is None:
            return super().find_class(module, name)
        return found.call or Tensor if type(found) is Known else found


def _unpickler(stream: IO[bytes], persistent: Callable[[Any], Any], weights_only: bool) -> Any:
    return Unpickler(stream, TORCH, persistent) if weights_only else _TrustingUnpickler(stream, persistent)


def _storage_id(pid: Any) -> tuple[_Storage, str, int]:
    if type(pid) is not tuple or len(pid) < 5 or pid[0] != "storage" or not isinstance(pid[1], _Storage):
        raise ValueError(f"an unknown persistent id {pid!r}")
    if type(pid[4]) is not int or pid[4] < 0:
        raise ValueError(f"a storage of {pid[4]!r} elements")
    return pid[1], str(pid[2]), pid[4]


# ------------------------------------------------------------------------------------------------ the zip format


def read_zip(archive: zipfile.ZipFile, weights_only: bool) -> Any:
    """The value in PyTorch's zip archive.

    Raises:
        ValueError, KeyError: it is damaged; the caller names the file.
    """
    names = archive.namelist()
    root = next(n for n in names if n.endswith("data.pkl") and n.count("/") <= 1)[: -len("data.pkl")]
    if f"{root}constants.pkl" in names:
        raise pickle.UnpicklingError(
            "load: this is a TorchScript archive, a program; save the module's state_dict() instead"
        )
    swap = f"{root}byteorder" in names and archive.read(f"{root}byteorder") == b"big"
    memories: dict[str, np.ndarray] = {}

    def persistent(pid: Any) -> np.ndarray:
        kind, key, count = _storage_id(pid)
        if key not in memories:
            memories[key] = _memory(archive.read(f"{root}data/{key}"), kind, swap)
        if memories[key].nbytes != count * kind.numpy.itemsize:
            raise ValueError(f"storage {key} has {memories[key].nbytes} bytes, not {count} elements of {kind.numpy}")
        return memories[key].view(kind.numpy)

    return _unpickler(io.BytesIO(archive.read(f"{root}data.pkl")), persistent, weights_only).load()


def _memory(raw: bytes, kind: _Storage, swap: bool) -> np.ndarray:
    """A writable copy of a storage's bytes, in the machine's byte order."""
    memory = np.frombuffer(raw, np.uint8).copy()
    if swap:
        part = np.dtype(f"u{kind.numpy.itemsize // (2 if kind.numpy.kind == 'c' else 1)}")
        memory.view(part).byteswap(inplace=True)
    return memory


# ------------------------------------------------------------------------------------------------ the old format


def read_legacy(raw: bytes, weights_only: bool) -> Any:
    """The value in a file of PyTorch before 1.6: five pickles in a row, then each storage's count and memory."""
    stream = io.BytesIO(raw)
    memories: dict[str, np.ndarray] = {}

    def persistent(pid: Any) -> np.ndarray:
        kind, key, count = _storage_id(pid)
        if count * kind.numpy.itemsize > len(raw):
            raise ValueError(f"storage {key} claims {count} elements, more than the file holds")
        memory = memories.setdefault(key, np.zeros(count, kind.numpy))
        return memory if len(pid) < 6 or pid[5] is None else _part(memory, pid[5])

    reader = Unpickler(stream, TORCH, None)
    magic, protocol, system = reader.load(), reader.load(), reader.load()
    if magic != LEGACY_MAGIC or protocol != 1001:
        raise ValueError(f"protocol {protocol!r} of the old format, expected 1001")
    if not system.get("little_endian", True):
        raise ValueError("a big-endian file of the old format")
    value = _unpickler(stream, persistent, weights_only).load()
    for key in Unpickler(stream, TORCH, None).load():
        _fill(memories[str(key)], stream)
    return value


def _part(memory: np.ndarray, view: Any) -> np.ndarray:
    _, offset, count = view
    if not 0 <= offset <= offset + count <= memory.size:
        raise ValueError(f"a view of {count} elements at {offset} in a storage of {memory.size}")
    return memory[offset : offset + count]


def _fill(memory: np.ndarray, stream: IO[bytes]) -> None:
    """Read one storage's count and bytes into the array that the tensors already show."""
    count = int.from_bytes(stream.read(8), "little")
    raw = stream.read(memory.nbytes)
    if count != memory.size or len(raw) != memory.nbytes:
        raise ValueError(f"a storage of {memory.size} elements ends after {len(raw) // memory.itemsize}")
    memory.view(np.uint8)[:] = np.frombuffer(raw, np.uint8)
