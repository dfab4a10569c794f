"""Files that hold a flat dict of tensors and nothing else: `.npz` and `.safetensors`."""

from __future__ import annotations

import zipfile
from typing import IO, Any

import numpy as np

from .. import _dtype, _tensor
from .._extras import require
from .._tensor import Tensor
from ._archive import parse_array, write_array


def flat_arrays(value: Any, kind: str) -> dict[str, np.ndarray]:
    """The arrays of a flat dict, in C order.

    Raises:
        TypeError: `value` is something else; the message names the first entry that does not fit.
    """
    if not isinstance(value, dict):
        raise TypeError(f"save: a {kind} file holds a dict of tensors by name, got {type(value).__name__}; {_WAY_OUT}")
    for key, entry in value.items():
        if type(key) is not str or not isinstance(entry, (Tensor, np.ndarray)):
            raise TypeError(
                f"save: a {kind} file holds tensors by name, [{key!r}] is a {type(entry).__name__}; {_WAY_OUT}"
            )
    return {k: np.array(t._data if isinstance(t, Tensor) else t, order="C") for k, t in value.items()}


_WAY_OUT = "another suffix, such as .ckpt, takes nested values"


def write_npz(f: IO[bytes], arrays: dict[str, np.ndarray]) -> None:
    with zipfile.ZipFile(f, "w") as archive:
        for name, array in arrays.items():
            write_array(archive, name + ".npy", array)


def prepare_npz(value: Any) -> dict[str, np.ndarray]:
    if isinstance(value, (Tensor, np.ndarray)):
        value = {"arr_0": value}  # as np.savez names it
    arrays = flat_arrays(value, ".npz")
    for name, array in arrays.items():
        if array.dtype.kind not in "biufcSU":
            raise TypeError(f"save: a .npz file cannot hold [{name!r}] of dtype {array.dtype.name}; {_WAY_OUT}")
    return arrays


def read_npz(archive: zipfile.ZipFile) -> dict[str, Tensor]:
    """The arrays as tensors; pickled object arrays are refused."""
    return {name.removesuffix(".npy"): _as_tensor(parse_array(archive.read(name))) for name in archive.namelist()}


def read_npy(raw: bytes) -> Tensor:
    """The one array of a `.npy` file."""
    return _as_tensor(parse_array(raw))


def _as_tensor(array: np.ndarray) -> Tensor:
    return _tensor.wrap(array.astype(_dtype.from_numpy_dtype(array.dtype).dtype, copy=False))


_SAFETENSORS = {
    "F64": _dtype.float64, "F32": _dtype.float32, "F16": _dtype.float16, "BF16": _dtype.bfloat16, "I64": _dtype.int64,
    "I32": _dtype.int32, "I16": _dtype.int16, "I8": _dtype.int8, "U64": _dtype.uint64, "U32": _dtype.uint32,
    "U16": _dtype.uint16, "U8": _dtype.uint8, "BOOL": _dtype.bool, "C64": _dtype.complex64,
}  # fmt: skip


def prepare_safetensors(value: Any) -> bytes:
    arrays = flat_arrays(value, ".safetensors")
    for name, array in arrays.items():
        if _dtype.from_numpy_dtype(array.dtype) not in _SAFETENSORS.values():
            raise TypeError(f"save: a .safetensors file cannot hold [{name!r}] of dtype {array.dtype.name}; {_WAY_OUT}")
    return require("safetensors.numpy", extra="io", purpose="save to .safetensors").save(arrays)


def read_safetensors(raw: bytes) -> dict[str, Tensor]:
    """Raises ValueError when the bytes are damaged."""
    library = require("safetensors", extra="io", purpose="load .safetensors")
    try:
        parts = library.deserialize(raw)
    except library.SafetensorError as problem:
        raise ValueError(str(problem)) from None
    return {name: _from_part(part) for name, part in parts}


def _from_part(part: dict[str, Any]) -> Tensor:
    """One tensor as the library describes it; copied, because nobody may write to the file's own bytes."""
    array = np.frombuffer(bytearray(part["data"]), _SAFETENSORS[part["dtype"]].dtype)
    return _tensor.wrap(array.reshape(part["shape"]))
