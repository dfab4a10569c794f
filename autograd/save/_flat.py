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


def prepare_safetensors(value: Any) -> bytes:
    library = require("safetensors.numpy", extra="io", purpose="save to .safetensors")
    return library.save(flat_arrays(value, ".safetensors"))


def read_safetensors(raw: bytes) -> dict[str, Tensor]:
    """Raises ValueError when the bytes are damaged."""
    library = require("safetensors.numpy", extra="io", purpose="load .safetensors")
    if b'"BF16"' in raw[8 : 8 + int.from_bytes(raw[:8], "little")]:
        require("ml_dtypes", extra="bf16", purpose="bfloat16")  # NumPy learns the dtype's name by this import
    error = require("safetensors", extra="io", purpose="load .safetensors").SafetensorError
    try:
        arrays = library.load(raw)
    except (error, KeyError, ValueError) as problem:
        raise ValueError(str(problem)) from None
    # The library hands out views of `raw`, which nobody may write to.
    return {name: _as_tensor(np.array(array)) for name, array in arrays.items()}
