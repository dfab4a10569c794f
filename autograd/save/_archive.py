"""The library's own file: a zip of `.npy` members, which NumPy alone can open, and `skeleton.json`.

    skeleton.json    {"format": "glassgrad", "version": 1, "value": ..., "members": [{"name", "crc32", "size"}, ...]}
    arrays/0.npy     the arrays that "value" refers to by number, uncompressed

Each member is checked twice: against the zip's own checksum and against the skeleton's list, so that neither a
flipped bit nor a member from another file passes. The same value gives the same bytes (no dates are written).
"""

from __future__ import annotations

import io
import json
import math
import pickle
import zipfile
from typing import IO, Any

import numpy as np

from ._tree import Encoder
from ._untree import Decoder

SKELETON = "skeleton.json"
FORMAT, VERSION = "glassgrad", 1


# ------------------------------------------------------------------------------------------------ writing


def prepare(value: Any, weights_only: bool) -> tuple[dict, list[np.ndarray]]:
    """Everything that can fail for the value's sake, done before a file is touched."""
    if not weights_only:
        return {"pickle": 0}, [np.frombuffer(pickle.dumps(value, protocol=4), np.uint8)]
    encoder = Encoder()
    return {"value": encoder.encode(value)}, encoder.arrays


def write(f: IO[bytes], prepared: tuple[dict, list[np.ndarray]]) -> None:
    content, arrays = prepared
    with zipfile.ZipFile(f, "w") as archive:
        members = [write_array(archive, f"arrays/{i}.npy", a) for i, a in enumerate(arrays)]
        document = {"format": FORMAT, "version": VERSION, **content, "members": members}
        with archive.open(zipfile.ZipInfo(SKELETON), "w") as member:
            member.write(json.dumps(document, allow_nan=False, separators=(",", ":")).encode())


def write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> dict:
    """Add one `.npy` member; returns its line in the list of members."""
    if array.dtype.name == "bfloat16":  # .npy files have no name for it; the skeleton keeps it
        array = array.view(np.uint16)
    info = zipfile.ZipInfo(name)
    info.file_size = array.nbytes + 128  # lets zipfile choose the form for files over 2 GB; corrected as it writes
    with archive.open(info, "w") as member:
        np.lib.format.write_array(member, array, allow_pickle=False)
    return {"name": name, "crc32": info.CRC, "size": info.file_size}


# ------------------------------------------------------------------------------------------------ reading


def read(archive: zipfile.ZipFile, weights_only: bool) -> Any:
    """The value in an archive.

    Raises:
        ValueError, KeyError, TypeError: it is damaged or not ours; the caller names the file.
    """
    document = json.loads(stored(archive, SKELETON))
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"{SKELETON} is not of the format {FORMAT!r}")
    if document.get("version") != VERSION:
        raise ValueError(f"format version {document.get('version')!r}; this library reads version {VERSION}")
    members, given = document["members"], set()

    def member(number: int) -> np.ndarray:
        if number in given:
            raise ValueError(f"member {number} is used twice")
        given.add(number)
        return parse_array(_checked(archive, members[number]))

    if "pickle" in document:
        return _run_pickle(member(0), weights_only)
    value = Decoder(member).decode(document["value"])
    if len(given) != len(members):
        raise ValueError(f"{len(members)} members are listed but {len(given)} are used")
    return value


def _run_pickle(raw: np.ndarray, weights_only: bool) -> Any:
    if weights_only:
        raise pickle.UnpicklingError(
            "Weights only load failed: the file was saved by save(..., weights_only=False), so reading it runs code of "
            "its maker; if you trust it, load(..., weights_only=False)"
        )
    return pickle.loads(raw.tobytes())  # noqa: S301  (weights_only=False was said)


def _checked(archive: zipfile.ZipFile, line: dict) -> bytes:
    """A member's bytes, after comparing it with its line in the list."""
    info = archive.getinfo(line["name"])
    if (info.CRC, info.file_size) != (line["crc32"], line["size"]):
        raise ValueError(f"{line['name']} is not the member that the skeleton describes")
    return stored(archive, line["name"])


def stored(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a member that must not be compressed, so that a small file cannot swell; zipfile checks the CRC."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ValueError(f"{name} is compressed, which this format never is")
    return archive.read(info)


def parse_array(raw: bytes) -> np.ndarray:
    """The array of a `.npy` member; its shape must match the bytes that are there.

    Unlike `np.load` it allocates nothing on the header's word alone.
    """
    stream = io.BytesIO(raw)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of .npy version {version}")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(stream)
    if dtype.hasobject:
        raise pickle.UnpicklingError(
            "Weights only load failed: an array holds pickled Python objects (Object arrays cannot be loaded safely)"
        )
    start = stream.tell()
    if any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize != len(raw) - start:
        raise ValueError(f"an array of shape {shape} and dtype {dtype} does not have {len(raw) - start} bytes")
    flat = np.frombuffer(raw, np.uint8, offset=start).copy().view(dtype) if len(raw) > start else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")
