"""save and load: the choice of format, and errors that name the file."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from .. import _tensor
from . import _archive, _flat, _torch
from ._atomic import atomic_write

_FORMATS = ("zip", "npz", "safetensors")


def write(obj: Any, f: Any, weights_only: bool, format: str | None) -> None:
    """What `save` does."""
    _check_file(f, "write")
    put = _prepare(obj, format or _format_of(f), weights_only)
    if isinstance(f, (str, bytes, os.PathLike)):
        with atomic_write(f) as stream:
            put(stream)
    else:
        put(f)


def _format_of(f: Any) -> str:
    path = os.fsdecode(f) if isinstance(f, (str, bytes, os.PathLike)) else ""
    suffix = os.path.splitext(path)[1].lower()[1:]
    return suffix if suffix in _FORMATS else "zip"


def _prepare(obj: Any, format: str, weights_only: bool) -> Callable[[IO[bytes]], None]:
    """Check and convert the value; returns the function that writes it."""
    if format not in _FORMATS:
        raise ValueError(f"save: format must be one of {', '.join(_FORMATS)}, got {format!r}")
    if format == "safetensors":
        raw = _flat.prepare_safetensors(obj)
        return lambda f: _write_bytes(f, raw)
    if format == "npz":
        arrays = _flat.prepare_npz(obj)
        return lambda f: _flat.write_npz(f, arrays)
    prepared = _archive.prepare(obj, weights_only)
    return lambda f: _archive.write(f, prepared)


def _check_file(f: Any, method: str) -> None:
    if not isinstance(f, (str, bytes, os.PathLike)) and not hasattr(f, method):
        raise AttributeError(
            f"expected 'f' to be string, path, or a file-like object with a {method!r} attribute, got {type(f).__name__}"
        )


def _write_bytes(f: IO[bytes], raw: bytes) -> None:
    f.write(raw)


def read(f: Any, map_location: Any, weights_only: bool) -> Any:
    """What `load` does."""
    _check_file(f, "read")
    if isinstance(map_location, (str, _tensor.device)):
        _tensor.check_device(map_location)
    if isinstance(f, (str, bytes, os.PathLike)):
        with open(f, "rb") as stream:
            return _load(stream, os.fspath(f), weights_only)
    return _load(io.BytesIO(f.read()), getattr(f, "name", "the file"), weights_only)


def _load(stream: IO[bytes], name: Any, weights_only: bool) -> Any:
    start = stream.read(16)
    stream.seek(0)
    if not start:
        raise EOFError(f"load: {name!r} is empty (0 bytes): Ran out of input")
    with _naming(name):
        if start.startswith(b"PK"):
            return _load_zip(stream, weights_only)
        if start.startswith(_torch.LEGACY_START):
            return _torch.read_legacy(stream.read(), weights_only)
        if start.startswith(b"\x93NUMPY"):
            return _flat.read_npy(stream.read())
        if start[8:9] == b"{" and not any(start[6:8]):
            return _flat.read_safetensors(stream.read())
        if start[:1] == b"\x80":
            return _load_pickle(stream, weights_only)
        if start.startswith(b"\x1f\x8b"):
            raise ValueError("it is compressed by gzip; unpack it first")
        raise ValueError(f"it begins with {start[:8]!r}, which no known format does")


def _load_zip(stream: IO[bytes], weights_only: bool) -> Any:
    with zipfile.ZipFile(stream) as archive:
        names = archive.namelist()
        _check_directory(stream, names)
        if _archive.SKELETON in names:
            return _archive.read(archive, weights_only)
        if any(n.endswith("data.pkl") and n.count("/") <= 1 for n in names):
            return _torch.read_zip(archive, weights_only)
        if names and all(n.endswith(".npy") for n in names):
            return _flat.read_npz(archive)
        raise ValueError(f"it is a zip of {', '.join(names[:3]) or 'nothing'}: no checkpoint")


def _check_directory(stream: IO[bytes], names: list[str]) -> None:
    """The zip's own list must be whole: a flipped length in it hides members, which zipfile does not notice."""
    if len(set(names)) != len(names):
        raise ValueError("two members have the same name")
    stream.seek(0, io.SEEK_END)
    stream.seek(max(0, stream.tell() - 65557))  # the end record and the longest comment behind it
    tail = stream.read()
    record = tail[tail.rfind(b"PK\5\6") :]
    count = int.from_bytes(record[10:12], "little")
    if count != min(len(names), 0xFFFF):
        raise ValueError(f"the zip's end record counts {count} members, its directory {len(names)}")


def _load_pickle(stream: IO[bytes], weights_only: bool) -> Any:
    if weights_only:
        raise pickle.UnpicklingError(
            "Weights only load failed: the file is a bare pickle, which runs code of its maker when it is read; if you "
            "trust it, load(..., weights_only=False)"
        )
    return pickle.load(stream)  # noqa: S301  (weights_only=False was said)


@contextlib.contextmanager
def _naming(name: Any) -> Iterator[None]:
    """Whatever goes wrong inside a damaged file becomes one kind of error that names it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile and NumPy warn about what is about to be refused
            yield
    except (pickle.UnpicklingError, ImportError):
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, ArithmeticError, LookupError, ValueError, TypeError, EOFError,
            NotImplementedError, RecursionError, AttributeError, MemoryError, SyntaxError, RuntimeError,
            StopIteration, OSError) as error:  # fmt: skip
        reason = str(error) if not isinstance(error, KeyError) else f"it lacks {error}"
        raise RuntimeError(f"load: {name!r} is truncated, damaged or not a checkpoint: {reason}") from error
