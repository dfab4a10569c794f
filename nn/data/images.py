"""Handwritten digits: scikit-learn's small ones, which need no network, and MNIST in the forms it is passed around."""

from __future__ import annotations

import gzip
import io
import math
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np

import autograd
from autograd._extras import require

from .dataset import TensorDataset

HELD_OUT = 360  # of the 1,797 small digits, about one in five
_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_FILES = {  # SHA-256 of the four files as first published
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def digits(split: str = "all") -> TensorDataset:
    """1,797 real handwritten digits of 8 x 8 pixels, as (image, label); they come with scikit-learn, no network needed.

    Args:
        split: "train" (1,437) or "test" (360), a fixed random division, or "all".

    Shape: images (N, 1, 8, 8), float32 in [0, 1]; labels (N,), int64.

    Raises:
        ImportError: scikit-learn is missing; pip install glassgrad[examples].

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
    """
    if split not in ("train", "test", "all"):
        raise ValueError(f"digits: split must be 'train', 'test' or 'all', got {split!r}")
    bunch = require("sklearn.datasets", extra="examples", purpose="digits").load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target)) if split != "all" else np.arange(len(bunch.target))
    chosen = {"train": order[HELD_OUT:], "test": order[:HELD_OUT], "all": order}[split]
    return _dataset(bunch.images[chosen] / 16, bunch.target[chosen])


def mnist(path: str | os.PathLike | None = None, split: str = "train") -> TensorDataset:
    """MNIST's digits of 28 x 28 pixels, as (image, label), from files of any of its usual forms.

    Args:
        path: a folder with the IDX files (gzipped or not), a `.csv`, a `.pkl`, each also as `.gz`. None downloads the
            IDX files once to the user's cache (pip install glassgrad[data]) and checks them.
        split: "train" or "test"; a pickle also has "valid". A CSV file is one split and ignores it.

    Shape: images (N, 1, 28, 28), float32 in [0, 1]; labels (N,), int64.

    Raises:
        FileNotFoundError: the path or a file in the folder does not exist.
        RuntimeError: a file is truncated or of another form.
        pickle.UnpicklingError: a pickle asks for more than arrays.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998.
    """
    if split not in ("train", "valid", "test"):
        raise ValueError(f"mnist: split must be 'train', 'valid' or 'test', got {split!r}")
    if path is None:
        return _from_folder(Path(_download(split)), split)
    place = Path(path)
    if place.is_dir():
        return _from_folder(place, split)
    kind = place.name.lower().removesuffix(".gz")
    if kind.endswith(".csv"):
        return read_csv(place)
    if kind.endswith((".pkl", ".pickle")):
        return read_pickle(place, split)
    if not place.exists():
        raise FileNotFoundError(f"mnist: no file or folder {str(place)!r}; mnist() downloads the data")
    raise ValueError(f"mnist: expected a folder of IDX files, a .csv or a .pkl (each also as .gz), got {str(place)!r}")


# ------------------------------------------------------------------------------------------------ the formats


def read_idx(path: str | os.PathLike) -> autograd.Tensor:
    """The tensor in an IDX file, gzipped or not.

    Two zero bytes, a type code, the number of axes, each axis's length as a big-endian int32, then the elements.

    Raises:
        RuntimeError: it is not an IDX file, or its length does not match its header.
    """
    raw = _read(path)
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _IDX_TYPES:
        raise RuntimeError(f"read_idx: {str(path)!r} is not an IDX file: it begins with {raw[:4]!r}")
    dtype, start = np.dtype(_IDX_TYPES[raw[2]]), 4 + 4 * raw[3]
    if len(raw) < start:
        raise RuntimeError(f"read_idx: {str(path)!r} is truncated: its header of {start} bytes ends after {len(raw)}")
    shape = tuple(int(n) for n in np.frombuffer(raw, ">u4", raw[3], 4))
    if len(raw) - start != math.prod(shape) * dtype.itemsize:
        what = "truncated" if len(raw) - start < math.prod(shape) * dtype.itemsize else "longer than its header says"
        raise RuntimeError(
            f"read_idx: {str(path)!r} is {what}: shape {shape} of {dtype.newbyteorder('=')} needs "
            f"{math.prod(shape) * dtype.itemsize} bytes, there are {len(raw) - start}"
        )
    return autograd.tensor(np.frombuffer(raw, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("=")))


def read_csv(path: str | os.PathLike, label: int | None = None) -> TensorDataset:
    """Square images from a CSV file, one per row: pixels 0 to 255 and a label; a row of names may come first.

    Args:
        label: the label's column, 0 or -1. When None: the column named "label" or "class"; without names the end whose
            other end is 0 in every row, as the corners of MNIST's images are; the first when both could be.

    Raises:
        RuntimeError: a row is cut short, a value is no pixel, or the rows hold no square images.
    """
    lines = _read(path).decode("utf-8", "replace").split("\n")
    names = [name.strip().strip('"').lower() for name in lines[0].split(",")]
    has_names = any(name[:1].isalpha() for name in names)
    if not any(line.strip() for line in lines[has_names:]):
        raise RuntimeError(f"read_csv: {str(path)!r} holds no rows")
    try:
        table = np.loadtxt(lines[has_names:], np.uint8, delimiter=",", ndmin=2)
    except (ValueError, OverflowError) as error:
        raise RuntimeError(f"read_csv: {str(path)!r} is truncated or holds no pixels: {error}") from None
    side = math.isqrt(max(table.shape[1] - 1, 0))
    if not side or side * side != table.shape[1] - 1:
        raise RuntimeError(
            f"read_csv: {str(path)!r} has {table.shape[1]} columns; expected a label and a square image's pixels"
        )
    if label is None:
        label = _label_column(names if has_names else [], table)
    pixels = np.delete(table, label, axis=1)
    return _dataset(pixels.reshape(-1, side, side) / 255, table[:, label])


def _label_column(names: list[str], table: np.ndarray) -> int:
    for name in ("label", "class"):
        if name in names:
            return names.index(name)
    return -1 if not table[:, 0].any() and table[:, -1].any() else 0


def read_pickle(path: str | os.PathLike, split: str = "train") -> TensorDataset:
    """Square images from a pickle of three pairs (pixels in [0, 1], labels): train, valid and test, as `mnist.pkl.gz`.

    Nothing in the file is run: it may hold arrays and containers only.

    Raises:
        RuntimeError: it is damaged or holds something else.
        pickle.UnpicklingError: it asks for more than arrays.
    """
    from autograd.save import unpickle_safely

    try:
        value = unpickle_safely(io.BytesIO(_read(path)))
    except pickle.UnpicklingError:
        raise
    except ValueError as error:
        raise RuntimeError(f"read_pickle: {str(path)!r} is truncated or damaged: {error}") from None
    images, labels = _pair(value, ("train", "valid", "test").index(split), path)
    side = math.isqrt(images.shape[1])
    return _dataset(images.reshape(-1, side, side), labels)


def _pair(value: Any, number: int, path: Any) -> tuple[np.ndarray, np.ndarray]:
    """The pair of one split, after checking that it is one of images and labels."""
    pair = value[number] if isinstance(value, (tuple, list)) and len(value) > number else ()
    pair = pair if isinstance(pair, (tuple, list)) else (pair,)
    if len(pair) == 2 and all(isinstance(part, np.ndarray) and part.dtype.kind in "iuf" for part in pair):
        images, labels = pair
        square = images.ndim == 2 and math.isqrt(images.shape[1]) ** 2 == images.shape[1]
        if square and labels.shape == images.shape[:1]:
            return images, labels
    raise RuntimeError(
        f"read_pickle: {str(path)!r} holds no three pairs (pixels, labels); its element {number} has the parts "
        f"{[getattr(part, 'shape', type(part).__name__) for part in pair]}"
    )


def _from_folder(folder: Path, split: str) -> TensorDataset:
    if split == "valid":
        raise ValueError("mnist: the IDX files have no split 'valid'; use random_split on 'train'")
    stem = "train" if split == "train" else "t10k"
    images = read_idx(_find(folder, f"{stem}-images", "idx3-ubyte")).numpy()
    labels = read_idx(_find(folder, f"{stem}-labels", "idx1-ubyte")).numpy()
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise RuntimeError(
            f"mnist: the files in {str(folder)!r} do not fit: images {images.shape}, labels {labels.shape}"
        )
    return _dataset(images / 255, labels)


def _find(folder: Path, stem: str, ending: str) -> Path:
    """The file under one of the spellings it is found under; torchvision keeps it in MNIST/raw."""
    for place in (folder, folder / "MNIST" / "raw", folder / "raw"):
        for name in (f"{stem}-{ending}", f"{stem}.{ending}"):
            for suffix in ("", ".gz"):
                if (place / (name + suffix)).is_file():
                    return place / (name + suffix)
    raise FileNotFoundError(
        f"mnist: no {stem}-{ending} or {stem}-{ending}.gz in {str(folder)!r}; mnist() downloads them"
    )


def _dataset(images: np.ndarray, labels: np.ndarray) -> TensorDataset:
    """(N, height, width) pixels and labels as a dataset of one-channel images."""
    pixels = images[:, None].astype(np.float32)  # -> (N, 1, height, width)
    return TensorDataset(autograd.tensor(pixels), autograd.tensor(labels.astype(np.int64)))


def _read(path: str | os.PathLike) -> bytes:
    """A file's bytes, unpacked when it is gzipped whatever its name."""
    raw = Path(path).read_bytes()
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise RuntimeError(f"{str(path)!r} is truncated or damaged: {error}") from None


def _download(split: str) -> str:
    """The folder in the user's cache with the IDX files of one split, checked against their SHA-256."""
    pooch = require("pooch", extra="data", purpose="mnist download")
    registry = {name: f"sha256:{value}" for name, value in _FILES.items()}
    cache = pooch.create(
        pooch.os_cache("glassgrad") / "mnist", _URL, registry=registry, env="GLASSGRAD_DATA", retry_if_failed=2
    )
    stem = "train" if split == "train" else "t10k"
    files = [cache.fetch(name) for name in _FILES if name.startswith(stem)]
    return str(Path(files[0]).parent)
