"""Arrays below the tape: what counts as one, shapes, quiet arithmetic, the table of in-place changes.

Nothing here knows a Tensor.
"""

from __future__ import annotations

import itertools
import math
import operator
import os
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import RLock
from typing import Any

import numpy as np

from ._dtype import HALVES

# NumPy's handling of floating-point errors: how it is set here, how to set it, and the way that says nothing.
# With it goes the length of NumPy's buffer. Where a row of the result is shorter than that, NumPy copies an operand that
# it repeats (a number per row, a row for all) into the buffer first, which takes two or three times as long as the
# arithmetic. With 2048 elements the copies stay in the nearest cache; `BY_ROWS` does without them for rows from LONG on,
# while for shorter ones its loops would be too short to pay.
error_state: Callable[[], Any]
set_error_state: Callable[[Any], Any]
QUIET: Any
BY_ROWS: Any
LONG = 256
try:
    from numpy._core.umath import _extobj_contextvar, _make_extobj

    error_state, set_error_state = _extobj_contextvar.get, _extobj_contextvar.set
    QUIET, BY_ROWS = (_make_extobj(all="ignore", bufsize=size) for size in (2048, 128))
except ImportError:  # pragma: no cover - a NumPy that moved its private context variable
    error_state, set_error_state = np.geterr, lambda state: np.seterr(**state)
    QUIET = BY_ROWS = dict.fromkeys(("divide", "over", "under", "invalid"), "ignore")

Array = Any
ndarray = np.ndarray

# A result without axes is a NumPy scalar: arithmetic on it costs a sixth of that on a 0-d array.
RAW: set[type] = {ndarray} | {getattr(np, n) for n in (
    "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64", "complex128")}  # fmt: skip
NUMBERS: set[type] = {bool, int, float, complex}

tick = itertools.count(1).__next__  # the one clock: nodes are numbered and in-place changes stamped by it


def is_raw(value: object) -> bool:
    """Whether a value is array data as kernels take it: ndarray, NumPy scalar, or a duck array of NumPy's protocols."""
    if type(value) in RAW or isinstance(value, np.generic):  # ml_dtypes' scalars are NumPy's, but not of its types
        return True
    return hasattr(value, "__array_function__") and not hasattr(type(value), "_node")


class quiet:
    """Context in which NumPy's floating-point warnings are off (`np.errstate(all="ignore")` at a tenth of its price)."""

    __slots__ = ("_before",)
    state = QUIET

    def __enter__(self) -> None:
        self._before = error_state()
        set_error_state(self.state)

    def __exit__(self, *exc: object) -> None:
        set_error_state(self._before)


class along_rows(quiet):
    """`quiet`, with NumPy's buffer as suits arithmetic on rows of `length` and something per row, or one row for all."""

    __slots__ = ("state",)

    def __init__(self, length: int) -> None:
        self.state = BY_ROWS if length >= LONG else QUIET


def quietly(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """`function(...)` in `quiet`, which ends also when the user interrupts it between any two instructions."""
    before = error_state()
    try:  # the switch is inside, because an interrupt may follow it at once
        set_error_state(QUIET)
        return function(*args, **kwargs)
    finally:
        set_error_state(before)


def sum_to(g: Array, shape: tuple[int, ...]) -> Array:
    """Undo broadcasting: sum `g` over the axes along which an array of `shape` was repeated.

    Raises:
        ValueError: `shape` does not broadcast to the shape of `g`.
    """
    own, lead = g.shape, g.ndim - len(shape)
    if lead < 0:
        raise ValueError(f"an array of shape {tuple(own)} cannot be summed to {tuple(shape)}")
    axes = list(range(lead))
    for i, (s, n) in enumerate(zip(shape, own[lead:], strict=True)):
        if s != n:
            if s != 1:
                raise ValueError(f"an array of shape {tuple(own)} cannot be summed to {tuple(shape)}")
            axes.append(i + lead)
    if any_long(own, axes):
        if g.dtype in HALVES:
            return np.sum(g, axis=tuple(axes), keepdims=True, dtype=np.float32).astype(g.dtype).reshape(shape)
        g = (
            np.add.reduce(g, axis=tuple(axes), keepdims=True)
            if type(g) is ndarray
            else np.sum(g, axis=tuple(axes), keepdims=True)
        )
    return g.reshape(shape) if lead else g


def zeros(like: Array, shape: tuple[int, ...], dtype: Any = None) -> Array:
    """`np.zeros_like` with a shape, which for NumPy's own arrays and scalars takes four times as long as `np.zeros`."""
    if type(like) is ndarray or isinstance(like, np.generic):
        return np.zeros(shape, dtype or like.dtype)
    return np.zeros_like(like, shape=shape, dtype=dtype)


def any_long(shape: tuple[int, ...], axes: list[int]) -> bool:
    """Whether one of the axes is longer than one (or empty), so that summing over them does something."""
    for i in axes:
        if shape[i] != 1:
            return True
    return False


def real_only(name: str, *arrays: Any) -> None:
    """Refuse complex numbers, of which a kernel would take the real parts, or those alone in comparisons.

    Raises:
        NotImplementedError: as in PyTorch.
    """
    for a in arrays:
        kind = getattr(a, "dtype", None)
        if type(a) is complex or (kind is not None and kind.kind == "c"):
            got = "complex numbers" if kind is None else kind.name
            raise NotImplementedError(f'"{name}" not implemented for {got}: it takes real numbers')


def broadcast_to(x: Array, shape: tuple[int, ...]) -> Array:
    """`np.broadcast_to` without its nditer, which costs 3 us and leaves 48 bytes behind per call.

    Raises:
        ValueError: the shapes do not fit.
    """
    if isinstance(x, np.generic):
        x = np.array(x)
    if type(x) is not ndarray or not x.flags.c_contiguous or not x.size:
        return np.broadcast_to(x, shape)
    if not x.ndim:
        return ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
    lead = len(shape) - x.ndim
    steps = [0] * lead
    for have, want, step in zip(x.shape, shape[lead:], x.strides, strict=True):
        if have != want and have != 1:
            raise ValueError(f"shapes {x.shape} and {tuple(shape)} cannot be broadcast together")
        steps.append(step if have == want else 0)
    return ndarray(shape, x.dtype, x, 0, steps)


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape several shapes broadcast to.

    Raises:
        RuntimeError: with PyTorch's text, naming the two lengths and the axis.
    """
    out: list[int] = []
    for shape in shapes:
        shape = list(shape)
        pad = len(shape) - len(out)
        out = [1] * pad + out
        for i in range(-1, -len(shape) - 1, -1):
            a, b = out[i], shape[i]
            if a != b and a != 1 and b != 1:
                raise RuntimeError(
                    f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton dimension "
                    f"{len(out) + i}: shapes {', '.join(str(tuple(s)) for s in shapes)}"
                )
            out[i] = b if a == 1 else a
    return tuple(out)


def at_line(shape: int | tuple[int, ...], dtype: np.dtype) -> ndarray:
    """An uninitialised array that begins at a cache line.

    In the cache NumPy writes it at twice the speed, and BLAS takes 0.8 of the time for small products with it, which it
    multiplies as they lie.
    """
    size = (shape if isinstance(shape, int) else math.prod(shape)) * dtype.itemsize
    room = np.empty(size + 64, np.uint8)
    start = -room.__array_interface__["data"][0] % 64
    return room[start : start + size].view(dtype).reshape(shape)


def wrap_dim(dim: int, ndim: int, what: str = "Dimension") -> int:
    """A dimension counted from the front.

    Raises:
        IndexError: outside [-ndim, ndim-1] (a 0-d array counts as having one axis).
    """
    if type(dim) is not int:
        dim = dimension(dim)
    n = max(ndim, 1)
    if not -n <= dim < n:
        raise IndexError(f"{what} out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return dim % n


def dimension(dim: Any) -> int:
    """A dimension as an int; True may be meant for keepdim, and 1.0 for anything.

    Raises:
        TypeError: not a whole number.
    """
    if isinstance(dim, (bool, np.bool_)):
        raise TypeError(f"argument 'dim' must be int or tuple of ints, not {type(dim).__name__}")
    try:
        return operator.index(dim)
    except TypeError:
        raise TypeError(f"argument 'dim' must be int or tuple of ints, not {type(dim).__name__}") from None


def wrap_dims(dims: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Dimensions counted from the front; None and () mean all of them.

    Raises:
        RuntimeError: a dimension appears twice.
    """
    if type(dims) is int and -ndim <= dims < ndim:
        return (dims % ndim,)
    if dims is None:
        return tuple(range(ndim))
    if not isinstance(dims, (tuple, list)):
        only = wrap_dim(dims, ndim)  # type: ignore[arg-type]
        return (only,) if ndim else ()
    found = tuple([d if type(d) is int and 0 <= d < ndim else wrap_dim(d, ndim) for d in dims])
    if not found:
        return tuple(range(ndim))
    if len(set(found)) != len(found):
        twice = next(d for d in found if found.count(d) > 1)
        raise RuntimeError(f"dim {twice} appears multiple times in the list of dims {tuple(dims)}")
    return found if ndim else ()


def owner(a: Array) -> Any:
    """The object that owns an array's memory: two arrays alias only if theirs is the same."""
    while True:
        base = getattr(a, "base", None)
        if base is None:
            return a
        a = base


def outermost(a: ndarray) -> ndarray:
    """The array nearest to the owner of an array's memory: the owner itself where that is an array."""
    found, base = a, a.base
    while base is not None:
        if isinstance(base, ndarray):
            found = base
        base = getattr(base, "base", None)
    return found


def offset(a: ndarray, root: ndarray) -> int:
    """The bytes in memory from the first element of `root` to that of `a`."""
    return a.__array_interface__["data"][0] - root.__array_interface__["data"][0]


def watch(a: Array, forget: Any) -> weakref.ref:
    """A reference to the owner of an array's memory that calls `forget` when it dies.

    Memory of an owner that cannot be watched (bytes, a DLPack capsule) is held by one array over it, which can.
    """
    try:
        return weakref.ref(owner(a), forget)
    except TypeError:
        return weakref.ref(outermost(a), forget)


class Part:
    """A gradient that is zero outside a region: added into the receiving buffer, never spread out on its own.

    Without it a loop over `x[i]` would build one full-size array of zeros per step.
    """

    __slots__ = ("index", "value")
    shape = dtype = None  # never equal to an edge's, so the engine looks closer

    def __init__(self, index: Any, value: Array) -> None:
        self.index, self.value = index, value

    def add_to(self, buffer: Array) -> None:
        buffer[self.index] += self.value  # of whole numbers and slices, which name no place twice


class Changes:
    """When memory was last changed in place, by owner.

    A node whose saved array changed after the node was made must not use it. Looking here costs nothing
    while `latest` is older than the whole graph, which is every ordinary training step.
    """

    def __init__(self) -> None:
        self.latest = 0
        self._table: dict[int, list] = {}  # id of the owner -> [tick, count, weak reference]

    def stamp(self, *arrays: Array) -> None:
        """Note that the memory of `arrays` has just been written."""
        self.latest = self._note(arrays)

    def stamp_unsaved(self, a: Array) -> None:
        """The same of memory that no node can have saved, so that none has to be looked at because of it."""
        self._note((a,))

    def _note(self, arrays: Sequence[Array]) -> int:
        now = tick()
        for a in arrays:
            root = owner(a)
            entry = self._table.get(id(root))
            if entry is None:
                self._enter(a, id(root), now)
            else:
                entry[0] = now
                entry[1] += 1
        return now

    def _enter(self, a: Array, key: int, now: int) -> None:
        table = self._table
        table[key] = [now, 1, watch(a, lambda _: table.pop(key, None))]

    def when(self, a: Array) -> int:
        entry = self._table.get(id(owner(a)))
        return entry[0] if entry else 0

    def count(self, a: Array) -> int:
        entry = self._table.get(id(owner(a)))
        return entry[1] if entry else 0


changes = Changes()


class Lent:
    """Stands between memory and an array handed out on it: NumPy keeps it as long as there is such an array.

    Arrays made from that array, and whatever reads its memory, hold on to it too; so its end is theirs.
    """

    __slots__ = ("__array_interface__", "back", "base")

    def __init__(self, a: Array, back: Callable) -> None:
        self.base, self.back, self.__array_interface__ = a, back, a.__array_interface__

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.back(owner(self.base))


class Outside:
    """What is known of memory that code outside holds.

    Attributes:
        tick, checksum: when it was handed out, and its contents then, if a node may have saved it before.
        lent: how many `Lent`s stand before it. kept: whether it may be held without one.
        returned: how often it came back.
    """

    __slots__ = ("checksum", "kept", "lent", "returned", "tick", "watch")

    def __init__(self, watch: weakref.ref) -> None:
        self.watch, self.lent, self.returned, self.kept = watch, 0, 0, False


class Exports:
    """Memory that code outside holds as an array, and may write without this engine seeing it.

    A node that saves such memory saves a copy (`guarded`). What a node had saved before the memory was handed out is
    recognised by a checksum taken then, and compared when it is asked for, or when the last array outside is gone.
    """

    LARGE = 1 << 24  # bytes whose checksum takes too long to be taken whenever the memory is lent
    OFTEN = 8  # times that it is

    def __init__(self) -> None:
        self.latest = 0
        self.table: dict[int, Outside | None] = {}  # id of the owner -> what is outside now
        self.known: dict[int, Outside] = {}  # the same, with what was
        # What saved values go through in a block of saved_tensors_hooks.
        self.keep: ContextVar[Callable | None] = ContextVar("autograd.saved_tensors_hooks", default=None)
        self.keeping: set[object] = set()  # a mark for each block of `kept_by` that is open anywhere
        self.refused: str | None = None  # why such a block may not be entered
        self.refuse: Callable | None = None  # raises for values that may not be saved
        self._lock = RLock()  # an array may come back on any thread, and while another is lent

    def note(self, a: Array, new: bool = False) -> None:
        """`a` is handed out for good, or came from outside (`new`: no node can have saved it yet).

        The first time counts: whatever a node saves of this memory from then on is a copy.
        """
        root = owner(a)
        # Two references are the tensor's own and this call's argument: a third may be a node's. Of a view, who can tell?
        self._outside(a, root, not new and (root is not a or sys.getrefcount(a) > 5)).kept = True

    def lend(self, a: Array) -> Array:
        """An array on the memory of `a`, to hand out; when it is gone, and all made from it, so is what was noted here."""
        root = owner(a)
        saved = root is not a or sys.getrefcount(a) > 5
        with self._lock:
            found = self._outside(a, root, saved)
            if saved and (type(root) is not ndarray or root.nbytes > self.LARGE or found.returned >= self.OFTEN):
                found.kept = True
            if found.kept or a.dtype.kind not in "biufc":  # NumPy's interface has no name for bfloat16
                found.kept = True
                return a
            found.lent += 1
        return np.asarray(Lent(a, self._back))

    def _outside(self, a: Array, root: Any, saved: bool) -> Outside:
        key = id(root)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = Outside(
                watch(a, lambda _: (self.known.pop(key, None), self.table.pop(key, None)))
            )
        if key not in self.table:
            self.latest = found.tick = tick()
            found.checksum = checksum(root) if saved else None
            self.table[key] = found
        return found

    def _back(self, root: Any) -> None:
        with self._lock:
            found = self.known[id(root)]
            found.lent -= 1
            if found.lent or found.kept:
                return
            if found.checksum is not None:
                found.returned += 1
                if checksum(root) != found.checksum:
                    changes.stamp(root)
            self.table.pop(id(root), None)

    def guarded(self, saved: tuple, node: Any = None) -> tuple:
        """Saved values with copies of those whose memory is held outside; a parameter may be a Tensor.

        Args:
            node: the one that saves them; its plan and edges are known.
        """
        if self.refuse is not None:
            self.refuse(saved, node)
        found = tuple(self._copied(v) for v in saved)
        keep = self.keep.get()
        return found if keep is None else keep(found, node)

    def _copied(self, v: Any) -> Any:
        """`v`, or a copy of it when its memory is held outside."""
        if type(v) is tuple:
            return tuple(self._copied(x) for x in v)
        a = getattr(v, "_data", v)
        if type(a) is not ndarray or id(owner(a)) not in self.table:
            return v
        return v.copy(order="K") if a is v else v.detach().clone()

    @contextmanager
    def kept_by(self, keep: Callable) -> Iterator[None]:
        """Give what is saved here and now to `keep`. The table is never empty then, for which operations look."""
        before, mark = self.keep.get(), object()
        try:  # with the switch inside: an interrupt may come right after any call
            with self._lock:
                self.keeping.add(mark)
                self.table[0] = None
            self.keep.set(keep)
            yield
        finally:
            self.keep.set(before)
            with self._lock:
                self.keeping.discard(mark)
                if not self.keeping:
                    self.table.pop(0, None)

    def unlock(self) -> None:
        """In a forked child no other thread lives on that could open the lock."""
        self._lock = RLock()

    def changed(self, a: Array, since: int) -> bool:
        """Whether memory handed out after the tick `since` has been written by its holder."""
        found = self.table.get(id(owner(a)))
        if found is None or found.tick < since or found.checksum is None:
            return False
        return checksum(owner(a)) != found.checksum


def checksum(a: Any) -> int:
    from zlib import crc32

    held: Any = np.ascontiguousarray(a) if isinstance(a, ndarray) else a
    return crc32(held)  # unlike adler32, it sees two bytes of a small array change places


exports = Exports()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=exports.unlock)


def in_c_order(a: Any) -> Any:
    """`a`, copied where its axes do not lie in memory in their order: so do results in PyTorch that are not elementwise."""
    if type(a) is not ndarray or a.ndim < 2 or a.flags.c_contiguous:
        return a
    return copied(a)


_SLAB, _TURNED = 32, 1 << 16  # columns of a turned matrix copied at a time; elements from which that pays


def copied(a: Array) -> ndarray:
    """A copy in C order; of a large transposed matrix by slabs, whose lines stay in the cache until all of them is used."""
    turned = type(a) is ndarray and a.ndim == 2 and a.flags.f_contiguous
    if not turned or a.size < _TURNED or min(a.shape) < 2 * _SLAB:
        return np.array(a, order="C")
    made = np.empty_like(a, order="C")
    for start in range(0, a.shape[1], _SLAB):
        made[:, start : start + _SLAB] = a[:, start : start + _SLAB]
    return made


def may_share(a: Array, b: Array) -> bool:
    """Whether two arrays could see each other's writes."""
    if not (isinstance(a, ndarray) and isinstance(b, ndarray)):
        return False
    base = a.base  # nearly every view has the other array for its base, or that one's
    return (base is not None and (base is b or base is b.base)) or owner(a) is owner(b)


def _references(a: Array) -> int:
    return sys.getrefcount(a)


def _references_below(a: Array) -> int:
    return _references(a)


def _references_of_base(a: Any) -> int:
    return sys.getrefcount(a.base)


def _references_alone() -> tuple[int, int, int]:
    """What `sys.getrefcount` says of an array that only one variable holds, one call below it and two; versions differ."""
    a = np.empty(0)
    return 0, _references(a), _references_below(a)


_ALONE = _references_alone()
_ALONE_BELOW_A_VIEW = _references_of_base(np.empty(1).reshape(1, 1))


def held_once(a: Array) -> bool:
    """Whether all that holds an array, and all of its memory, are one attribute and one variable of the caller."""
    return a.base is None and sys.getrefcount(a) <= _ALONE[1] + 1


def _has_base_alone(a: Any) -> bool:
    """Whether a view shows all memory of its base, which nobody else holds."""
    whole = type(a.base) is ndarray and a.base.base is None and a.base.nbytes == a.nbytes
    return whole and _references_of_base(a) <= _ALONE_BELOW_A_VIEW


def private(a: Array, depth: int = 1) -> Array:
    """An array nobody else holds, to be kept as a `.grad`: `a` itself when it is that, else a copy.

    `depth` says how many calls above the variable is that holds it; any further reference (a saved value, a user's
    tensor, a small gradient kept for pictures) means a copy.
    """
    if type(a) is not ndarray:
        return a
    alone = sys.getrefcount(a) <= _ALONE[depth] and (a.base is None or _has_base_alone(a))
    if alone and a.flags.carray:  # in C order, aligned, writable
        return a
    return a.copy(order="C") if a.flags.c_contiguous or a.ndim < 2 else copied(a)
