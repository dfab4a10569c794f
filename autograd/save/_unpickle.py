"""A pickle reader that can build data and nothing else.

Python's own unpickler calls whatever the file names. This one walks the opcodes itself, knows only the globals of
the table it is given, and hands out stand-ins for them that cannot be changed, so a hostile file meets an error.
The opcodes' meaning: the module `pickletools`; the idea of a table of allowed globals: `torch.load(weights_only=True)`.
"""

from __future__ import annotations

import itertools
import pickle
import pickletools
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

_MARK = object()


@dataclass(frozen=True, slots=True)
class Known:
    """What a global name in a file stands for: something to call with arguments, or a class used as a value."""

    name: str
    call: Callable[..., Any] | None = None
    value: Any = None


def refused(name: str) -> pickle.UnpicklingError:
    return pickle.UnpicklingError(
        f"Weights only load failed: Unsupported global: GLOBAL {name} was not an allowed global by default. "
        "Only tensors, numbers, strings and containers are read; if you trust whoever made the file, "
        "load(..., weights_only=False) runs what it asks for"
    )


class Unpickler:
    """Reads one pickle after another from `stream` (bytes in memory, so that a length in the file cannot ask for more).

    Args:
        stream: where to read; left just behind the pickle's end.
        known: allowed globals, "module name" -> Known or a plain value. Those of the standard containers and of
            NumPy's numeric arrays are always allowed.
        persistent: what a persistent id stands for; None refuses them.

    Raises:
        pickle.UnpicklingError: a global that is not in the table, or an opcode that could run code.
        ValueError: the bytes are not a pickle, or end before it does.
    """

    def __init__(
        self, stream: IO[bytes], known: dict[str, Any] | None = None, persistent: Callable[[Any], Any] | None = None
    ) -> None:
        self._stream, self._known, self._persistent = stream, {**DATA, **(known or {})}, persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def load(self) -> Any:
        self._stack, self._memo = [], {}
        steps = pickletools.genops(self._stream)
        for opcode, argument, _ in itertools.takewhile(lambda step: step[0].name != "STOP", steps):
            name = opcode.name
            if name in _PUSH_ARGUMENT:
                self._stack.append(argument)
            elif name in _PUSH_NEW:
                self._stack.append(_PUSH_NEW[name]())
            elif name in _STEPS:
                _STEPS[name](self, argument)
            elif name not in ("PROTO", "FRAME"):
                raise pickle.UnpicklingError(f"Weights only load failed: Unsupported operand {name}: it could run code")
        return self._pop()

    # -------------------------------------------------------------------------------------------- the stack

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise ValueError("the pickle takes more values than it made")
        return self._stack.pop()

    def _top(self) -> Any:
        value = self._pop()
        self._stack.append(value)
        return value

    def _pop_to_mark(self) -> list:
        """The values above the last mark, which goes too."""
        for i in range(len(self._stack) - 1, -1, -1):
            if self._stack[i] is _MARK:
                items = self._stack[i + 1 :]
                del self._stack[i:]
                return items
        raise ValueError("the pickle ends a group that it did not begin")

    def _tuple(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    # -------------------------------------------------------------------------------------------- containers

    def _extend(self, items: list) -> None:
        if type(self._top()) is not list:
            raise pickle.UnpicklingError(f"load: the file appends to a {type(self._top()).__name__}")
        self._top().extend(items)

    def _add(self, items: list) -> None:
        if type(self._top()) is not set:
            raise pickle.UnpicklingError(f"load: the file adds elements to a {type(self._top()).__name__}")
        self._top().update(items)

    def _set_items(self, items: list) -> None:
        if not isinstance(self._top(), dict):
            raise pickle.UnpicklingError(f"load: the file sets items of a {type(self._top()).__name__}")
        dict.update(self._top(), _pairs(items)) if type(self._top()) is dict else _assign(self._top(), items)

    # -------------------------------------------------------------------------------------------- globals

    def _global(self, name: str) -> None:
        if name not in self._known:
            raise refused(name.replace(" ", "."))
        self._stack.append(self._known[name])

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._global(f"{module} {name}")

    def _call(self) -> None:
        arguments, function = self._pop(), self._pop()
        if type(function) is not Known or function.call is None or type(arguments) is not tuple:
            raise pickle.UnpicklingError(
                f"load: the file calls {getattr(function, 'name', function)!r}, which is not allowed"
            )
        self._stack.append(function.call(*arguments))

    def _build(self) -> None:
        """State for an object just made: only arrays, their dtypes and a state_dict's metadata have any."""
        state, target = self._pop(), self._top()
        if type(target) is np.ndarray and type(state) is tuple and len(state) == 5:
            _set_array_state(target, *state)
        elif isinstance(target, np.dtype):
            self._stack[-1] = _with_byte_order(target, state)
            self._memo.update({k: self._stack[-1] for k, v in self._memo.items() if v is target})
        elif type(target) is OrderedDict and isinstance(state, dict):
            if "_metadata" in state:
                target._metadata = state["_metadata"]
        else:
            raise pickle.UnpicklingError(f"load: the file sets the state of a {type(target).__name__}")

    def _persistent_id(self) -> None:
        if self._persistent is None:
            raise pickle.UnpicklingError("load: the pickle refers to objects outside itself")
        self._stack.append(self._persistent(self._pop()))

    def _get(self, number: int) -> None:
        if number not in self._memo:
            raise ValueError(f"the pickle refers to value {number}, which it has not stored")
        self._stack.append(self._memo[number])

    def _put(self, number: int) -> None:
        self._memo[number] = self._top()


def _pairs(items: list) -> list[tuple]:
    if len(items) % 2:
        raise ValueError("the pickle has a key without a value")
    return list(zip(items[::2], items[1::2], strict=True))


def _assign(target: dict, items: list) -> None:
    for key, value in _pairs(items):
        target[key] = value


_PUSH_ARGUMENT = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_PUSH_NEW: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "MARK": lambda: _MARK,
    "EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set, "EMPTY_TUPLE": tuple,
}  # fmt: skip
_STEPS: dict[str, Callable[[Unpickler, Any], Any]] = {
    "POP": lambda m, _: m._stack.pop() if m._stack else None,
    "POP_MARK": lambda m, _: m._pop_to_mark(),
    "DUP": lambda m, _: m._stack.append(m._top()),
    "LIST": lambda m, _: m._stack.append(m._pop_to_mark()),
    "TUPLE": lambda m, _: m._stack.append(tuple(m._pop_to_mark())),
    "TUPLE1": lambda m, _: m._tuple(1),
    "TUPLE2": lambda m, _: m._tuple(2),
    "TUPLE3": lambda m, _: m._tuple(3),
    "DICT": lambda m, _: m._stack.append(dict(_pairs(m._pop_to_mark()))),
    "FROZENSET": lambda m, _: m._stack.append(frozenset(m._pop_to_mark())),
    "APPEND": lambda m, _: m._extend([m._pop()]),
    "APPENDS": lambda m, _: m._extend(m._pop_to_mark()),
    "ADDITEMS": lambda m, _: m._add(m._pop_to_mark()),
    "SETITEM": lambda m, _: m._set_items([m._pop(), m._pop()][::-1]),
    "SETITEMS": lambda m, _: m._set_items(m._pop_to_mark()),
    "GLOBAL": lambda m, argument: m._global(argument),
    "STACK_GLOBAL": lambda m, _: m._stack_global(),
    "REDUCE": lambda m, _: m._call(),
    "NEWOBJ": lambda m, _: m._call(),
    "BUILD": lambda m, _: m._build(),
    "BINPERSID": lambda m, _: m._persistent_id(),
    "GET": lambda m, number: m._get(int(number)),
    "BINGET": lambda m, number: m._get(number),
    "LONG_BINGET": lambda m, number: m._get(number),
    "PUT": lambda m, number: m._put(int(number)),
    "BINPUT": lambda m, number: m._put(number),
    "LONG_BINPUT": lambda m, number: m._put(number),
    "MEMOIZE": lambda m, _: m._put(len(m._memo)),
}


# ------------------------------------------------------------------------------------------------ NumPy's arrays


def _numeric(d: Any) -> np.dtype:
    if not isinstance(d, np.dtype) or d.kind not in "biufcSU":
        raise pickle.UnpicklingError(f"load: arrays of dtype {d!r} are not read, only numbers and text")
    return d


def _make_dtype(name: Any, *_: Any) -> np.dtype:
    return _numeric(np.dtype(name if type(name) is str else "O"))


def _with_byte_order(d: np.dtype, state: Any) -> np.dtype:
    if (
        type(state) is not tuple
        or len(state) < 5
        or state[1] not in ("<", ">", "|", "=")
        or any(s is not None for s in state[2:5])
    ):
        raise pickle.UnpicklingError("load: the file describes a structured dtype, which is not read")
    return d if state[1] == "|" else d.newbyteorder(state[1])


def _array(raw: Any, d: Any, shape: Any, order: str = "C") -> np.ndarray:
    """An array over a copy of its bytes; NumPy checks the count against the shape."""
    raw = raw.encode("latin-1") if type(raw) is str else raw  # Python 2 wrote bytes as its str
    if type(raw) not in (bytes, bytearray) or type(shape) is not tuple:
        raise ValueError(f"an array of shape {shape!r} from a {type(raw).__name__}")
    return np.frombuffer(bytearray(raw), _numeric(d)).reshape(shape, order="F" if order == "F" else "C")


def _set_array_state(target: np.ndarray, version: Any, shape: Any, d: Any, fortran: Any, raw: Any) -> None:
    """Fill the array that `_reconstruct` made; `_array` has checked everything before NumPy is handed the state."""
    full = _array(raw, d, shape, "F" if fortran else "C")
    state: Any = (1, full.shape, full.dtype, bool(fortran), full.tobytes("A"))
    target.__setstate__(state)


def _scalar(d: Any, raw: Any) -> Any:
    return _array(raw, d, ())[()]


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"load: the file encodes by {encoding!r}")
    return text.encode("latin-1")


def _bytearray(raw: Any = b"", encoding: str = "latin-1") -> bytearray:
    return bytearray(raw if type(raw) in (bytes, bytearray) else _latin1(raw, encoding))


def _filled(kind: type, sources: tuple[type, ...]) -> Callable[..., Any]:
    """A container's constructor that takes only what is already in memory: set(range(10 ** 12)) would fill it."""

    def make(content: Any = ()) -> Any:
        if type(content) not in (tuple, *sources):
            raise pickle.UnpicklingError(f"load: the file fills a {kind.__name__} from a {type(content).__name__}")
        return kind(content)

    return make


def _defaultdict(factory: Any = None) -> defaultdict:
    return defaultdict(factory.value if type(factory) is Known else None)


def _data_globals() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in ("builtins", "__builtin__"):
        for kind in (complex, slice, range):
            found[f"{module} {kind.__name__}"] = Known(kind.__name__, kind)
        for group in (set, frozenset):
            found[f"{module} {group.__name__}"] = Known(group.__name__, _filled(group, (list,)), group)
        for factory in (list, dict, tuple, int, float, str, bool):
            found[f"{module} {factory.__name__}"] = Known(factory.__name__, None, factory)
        found[f"{module} bytes"] = Known("bytes", lambda: b"")  # how protocols before 3 write the empty one
        found[f"{module} bytearray"] = Known("bytearray", _bytearray)
        found[f"{module} xrange"] = Known("range", range, range)  # what protocol 2 calls it
    for module in ("numpy.core", "numpy._core"):
        # The placeholder is of the sort ndarray.__setstate__ refills; its arguments are always (ndarray, (0,), b"b").
        found[f"{module}.multiarray _reconstruct"] = Known("_reconstruct", lambda *_: np.ndarray((0,), np.int8))
        found[f"{module}.multiarray scalar"] = Known("scalar", _scalar)
        found[f"{module}.numeric _frombuffer"] = Known("_frombuffer", _array)
    return found | {
        "collections OrderedDict": Known("OrderedDict", _filled(OrderedDict, (list, dict)), OrderedDict),
        "collections Counter": Known("Counter", _filled(Counter, (dict,)), Counter),
        "collections defaultdict": Known("defaultdict", _defaultdict),
        "_codecs encode": Known("encode", _latin1),
        "numpy ndarray": Known("ndarray"),
        "numpy dtype": Known("dtype", _make_dtype),
    }


DATA = _data_globals()


def unpickle_safely(stream: IO[bytes]) -> Any:
    """The numbers, strings, containers and NumPy arrays of a pickle; anything that could run code is refused.

    Raises:
        pickle.UnpicklingError: the file asks for something else.
        ValueError: it is damaged.

    Example:
        >>> import io, pickle
        >>> unpickle_safely(io.BytesIO(pickle.dumps({"a": [1, 2.5]})))
        {'a': [1, 2.5]}
    """
    import io

    try:
        return Unpickler(io.BytesIO(stream.read())).load()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"the pickle is damaged: {error}") from None
