"""A JSON skeleton and its arrays as nested values again: the other half of `_tree`.

Only the kinds listed here exist and each is built from data, so reading a file cannot call anything else.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtype, _tensor
from .._tensor import Tensor
from ._kinds import make_tensor


class Decoder:
    """Turns a skeleton back into the value; `read(number)` gives the array of a member, once per member.

    Raises:
        ValueError, TypeError, KeyError: the skeleton is not one that `_tree` writes; the caller names the file.
    """

    def __init__(self, read: Callable[[int], np.ndarray]) -> None:
        self._read = read
        self._tensors: list[Tensor] = []
        self._blocks: dict[int, np.ndarray] = {}

    def decode(self, skeleton: Any) -> Any:
        if isinstance(skeleton, list):
            return [self.decode(v) for v in skeleton]
        if not isinstance(skeleton, dict):
            return skeleton
        if len(skeleton) == 1:
            ((key, body),) = skeleton.items()
            if key[:1] == "$":
                return self._kind(key[1:], body)
        return {k: self.decode(v) for k, v in skeleton.items()}

    def _kind(self, kind: str, body: Any) -> Any:
        if kind in _LEAVES:
            return _LEAVES[kind](body)
        if kind in _SEQUENCES:
            return _SEQUENCES[kind](self.decode(v) for v in body)
        if kind in _DICTS:
            return _DICTS[kind]([(self.decode(k), self.decode(v)) for k, v in body])
        if kind == "tensor":
            return self._tensor(body)
        if kind == "same":
            return self._tensors[_natural(body)]
        if kind == "deque":
            return deque((self.decode(v) for v in body[0]), body[1])
        if kind == "slice":
            return slice(*(self.decode(v) for v in body))
        if kind in _ARRAYS:
            return _ARRAYS[kind](self._member(body))
        raise ValueError(f"unknown kind {kind!r}: the file may come from a newer version")

    def _member(self, entry: dict) -> np.ndarray:
        array = self._read(_natural(entry["member"]))
        return _as_declared(array, entry["dtype"])

    def _tensor(self, entry: dict) -> Tensor:
        place = len(self._tensors)
        array = self._shared(entry) if "shared" in entry else self._member(entry)
        found = _dtype.from_numpy_dtype(array.dtype)  # a tensor holds numbers only, in the machine's byte order
        t = make_tensor(array.astype(found.dtype, copy=False), entry.get("requires_grad") is True, entry.get("class"))
        if t.requires_grad:
            _tensor.check_differentiable(array.dtype)
        self._tensors.insert(place, t)
        return t

    def _shared(self, entry: dict) -> np.ndarray:
        """A view into memory that several tensors share."""
        number = _natural(entry["shared"])
        if number not in self._blocks:
            self._blocks[number] = self._read(number)
        block = self._blocks[number]
        shape, strides = tuple(map(_natural, entry["shape"])), tuple(map(int, entry["strides"]))
        # NumPy itself refuses a view that reaches outside the buffer.
        return np.ndarray(shape, _declared(entry["dtype"]), block, _natural(entry["offset"]), strides)


def _natural(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(f"expected a whole number from 0, got {number!r}")
    return number


def _declared(name: str) -> np.dtype:
    found = _dtype.bfloat16.dtype if name == "bfloat16" else np.dtype(str(name))
    if found.hasobject:
        raise ValueError(f"dtype {name!r} holds Python objects")
    return found


def _as_declared(array: np.ndarray, name: str) -> np.ndarray:
    """The array as the dtype its entry states; bfloat16 is stored as bytes that NumPy knows, uint16."""
    if name == "bfloat16" and array.dtype == np.uint16:
        return array.view(_declared(name))
    if array.dtype != _declared(name):
        raise ValueError(f"a member holds {array.dtype}, its entry says {name!r}")
    return array


def _complex(parts: Any) -> complex:
    return complex(float(parts[0]), float(parts[1]))


_LEAVES: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "complex": _complex,
    "range": lambda v: range(*v),
    "size": lambda v: _tensor.Size(map(_natural, v)),
    "device": lambda v: _tensor.device(str(v)),
    "dtype": lambda v: {d.name: d for d in _dtype.ALL}[v],
}
_SEQUENCES: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}
_DICTS: dict[str, Callable[[Any], Any]] = {"dict": dict, "ordered": OrderedDict, "counter": lambda v: Counter(dict(v))}
_ARRAYS: dict[str, Callable[[np.ndarray], Any]] = {
    "array": lambda a: a,
    "scalar": lambda a: a[()],
    "bytes": lambda a: a.tobytes(),
    "bytearray": lambda a: bytearray(a.tobytes()),
}
