"""Nested values as a JSON skeleton and a list of arrays.

Dicts with string keys, lists, strings, booleans, None, integers and finite floats stand in the skeleton as JSON's
own; everything else is an object whose one key starts with "$" and names its kind. `_untree` reads it back.
"""

from __future__ import annotations

import ctypes
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import _dtype, _tensor
from .._tensor import Tensor
from ._kinds import class_name

MAX_DEPTH = 100  # of nested containers, at five frames each; real checkpoints have under ten

# Kinds without parts: type -> (name, function that makes it JSON).
LEAVES: dict[type, tuple[str, Callable[[Any], Any]]] = {
    float: ("float", repr),  # only nan and the infinities come here
    complex: ("complex", lambda v: [repr(v.real), repr(v.imag)]),
    range: ("range", lambda v: [v.start, v.stop, v.step]),
    _tensor.Size: ("size", list),
    _tensor.device: ("device", str),
    _dtype.dtype: ("dtype", lambda v: v.name),
}
SEQUENCES: dict[type, str] = {list: "list", tuple: "tuple", set: "set", frozenset: "frozenset", deque: "deque"}
DICTS: dict[type, str] = {dict: "dict", OrderedDict: "ordered", Counter: "counter"}


class Encoder:
    """Turns a value into its skeleton; `arrays` collects what the skeleton refers to by number.

    Tensors that share memory share one array, and a tensor met twice is one tensor when read back.
    """

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self._tensors: dict[int, int] = {}
        self._path: list[Any] = []
        self._open: set[int] = set()
        self._blocks: dict[int, _Block] = {}

    def encode(self, value: Any) -> Any:
        """The skeleton of `value`.

        Raises:
            TypeError: it holds something that is neither data nor a container of data.
            ValueError: a container holds itself, or the nesting is deeper than 100.
        """
        self._blocks = _shared_blocks(_tensors_in(value, set(), 0))
        return self._any(value)

    def _any(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, str) or (kind is float and math.isfinite(value)):
            return value
        if isinstance(value, Tensor):
            return self._tensor(value)
        if kind in LEAVES:
            name, write = LEAVES[kind]
            return {"$" + name: write(value)}
        if kind in SEQUENCES or kind in DICTS:
            return self._container(value)
        if kind in (bytes, bytearray):
            return {"$" + kind.__name__: self._array(np.frombuffer(value, np.uint8))}
        if kind is np.ndarray or isinstance(value, np.generic):
            return {"$array" if kind is np.ndarray else "$scalar": self._array(np.asarray(value))}
        if kind is slice:
            return {"$slice": [self._any(value.start), self._any(value.stop), self._any(value.step)]}
        raise TypeError(
            f"save: {self._where()} is a {kind.__module__}.{kind.__qualname__}, which is not plain data: save its "
            "state_dict() or its numbers, or pass weights_only=False to pickle it"
        )

    # -------------------------------------------------------------------------------------------- containers

    def _container(self, value: Any) -> Any:
        if id(value) in self._open:
            raise ValueError(f"save: {self._where()} holds itself, which a file without pickle cannot express")
        if len(self._path) >= MAX_DEPTH:
            raise ValueError(f"save: containers are nested more than {MAX_DEPTH} deep")
        self._open.add(id(value))
        skeleton = self._dict(value) if isinstance(value, dict) else self._sequence(value)
        self._open.discard(id(value))
        return skeleton

    def _dict(self, value: dict) -> Any:
        if type(value) is dict and all(type(k) is str and k[:1] != "$" for k in value):
            return {k: self._at(k, v) for k, v in value.items()}
        return {"$" + DICTS[type(value)]: [[self._at("a key", k), self._at(k, v)] for k, v in value.items()]}

    def _sequence(self, value: Any) -> Any:
        items = [self._at(i, v) for i, v in enumerate(value)]
        if type(value) is deque:
            return {"$deque": [items, value.maxlen]}
        return items if type(value) is list else {"$" + SEQUENCES[type(value)]: items}

    def _at(self, key: Any, value: Any) -> Any:
        self._path.append(key)
        skeleton = self._any(value)
        self._path.pop()
        return skeleton

    def _where(self) -> str:
        return "the value" + "".join(f"[{key!r}]" for key in self._path)

    # -------------------------------------------------------------------------------------------- arrays

    def _array(self, array: np.ndarray) -> dict:
        """An entry for a member of its own."""
        if array.dtype.kind not in "biufcSU" and array.dtype.name != "bfloat16":
            raise TypeError(
                f"save: {self._where()} is an array of dtype {array.dtype}, which only pickle could hold: save "
                "numbers, or pass weights_only=False"
            )
        self.arrays.append(array)
        return {"member": len(self.arrays) - 1, "dtype": type_name(array)}

    def _tensor(self, t: Tensor) -> dict:
        if id(t) in self._tensors:
            return {"$same": self._tensors[id(t)]}
        self._tensors[id(t)] = len(self._tensors)
        block = self._blocks.get(_memory(t))
        entry = self._array(np.asarray(t._data)) if block is None else self._view(t, block)
        if t.requires_grad:
            entry["requires_grad"] = True
        name = class_name(type(t))
        return {"$tensor": entry if name is None else {**entry, "class": name}}

    def _view(self, t: Tensor, block: _Block) -> dict:
        """An entry for a tensor that shares its memory with others."""
        if block.member is None:
            block.member = self._array(block.copy())["member"]
        a = t._buffer()
        offset = a.__array_interface__["data"][0] - block.start
        return {"shared": block.member, "dtype": type_name(a), "offset": offset,
                "shape": list(a.shape), "strides": list(a.strides)}  # fmt: skip


def type_name(array: np.ndarray) -> str:
    """The name of an array's dtype: NumPy's short form with the byte order, for text the width too."""
    return "bfloat16" if array.dtype.name == "bfloat16" else array.dtype.str


# ------------------------------------------------------------------------------------------------ shared memory


class _Block:
    """The span of memory that the saved tensors of one owner cover."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop, self.count = start, stop, 1
        self.member: int | None = None

    def add(self, start: int, stop: int) -> None:
        self.start, self.stop, self.count = min(self.start, start), max(self.stop, stop), self.count + 1

    def copy(self) -> np.ndarray:
        return np.frombuffer(ctypes.string_at(self.start, self.stop - self.start), np.uint8)


def _memory(t: Tensor) -> int:
    """What tells memories apart: the object that owns the elements."""
    return id(_tensor.owner(t._data)) if isinstance(t._data, np.ndarray) and t._data.size else 0


def _shared_blocks(tensors: Iterator[Tensor]) -> dict[int, _Block]:
    """The memories that more than one tensor uses."""
    blocks: dict[int, _Block] = {}
    for t in {id(t): t for t in tensors if _memory(t)}.values():
        low, high = np.lib.array_utils.byte_bounds(t._data)
        if _memory(t) in blocks:
            blocks[_memory(t)].add(low, high)
        else:
            blocks[_memory(t)] = _Block(low, high)
    return {key: block for key, block in blocks.items() if block.count > 1}


def _tensors_in(value: Any, seen: set[int], depth: int) -> Iterator[Tensor]:
    """Every tensor below `value`; a container met again is not walked again (it may hold itself)."""
    if isinstance(value, Tensor):
        yield value
    elif (type(value) in DICTS or type(value) in SEQUENCES) and id(value) not in seen and depth <= MAX_DEPTH:
        seen.add(id(value))
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        for part in parts:
            yield from _tensors_in(part, seen, depth + 1)
