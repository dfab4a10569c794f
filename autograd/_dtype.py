"""Data types and promotion: PyTorch's names and rules over NumPy's dtypes.

A `dtype` object is only a name for a NumPy dtype; NumPy itself accepts it
(`np.zeros(3, dtype=autograd.float32)`) because it carries the NumPy dtype in its `dtype` attribute.
"""

from __future__ import annotations

import builtins
import functools
import math
from typing import Any

import numpy as np

from ._extras import require


class dtype:
    """The type of a tensor's elements.

    Example:
        >>> import autograd
        >>> autograd.float32, autograd.float32.is_floating_point, autograd.int16.itemsize
        (float32, True, 2)
    """

    # The compatibility facade sets "torch." here, so that a program's printed output is the one it had.
    prefix = ""
    __slots__ = ("_numpy", "name")

    def __init__(self, name: str, numpy_dtype: np.dtype | None) -> None:
        self.name = name
        self._numpy = numpy_dtype

    @property
    def dtype(self) -> np.dtype:
        """The NumPy dtype. Those of 16 bits are noted when they are first asked for; bfloat16's comes from ml_dtypes."""
        if self._numpy is None:
            self._numpy = np.dtype(
                np.float16
                if self.name == "float16"
                else require("ml_dtypes", extra="bf16", purpose="bfloat16").bfloat16
            )
            _FROM_NUMPY[self._numpy] = self
            _CATEGORY[self._numpy] = 2
            FLOATING.add(self._numpy)
            HALVES.add(self._numpy)
            for call in ON_HALF:
                call(self._numpy)
        return self._numpy

    __numpy_dtype__ = dtype

    def __repr__(self) -> str:
        return self.prefix + self.name

    def __reduce__(self) -> str:
        return self.name + "_" if self.name == "bool" else self.name

    @property
    def is_floating_point(self) -> builtins.bool:
        return self.name.startswith(("float", "bfloat"))

    @property
    def is_complex(self) -> builtins.bool:
        return self.name.startswith("complex")

    @property
    def is_signed(self) -> builtins.bool:
        return not self.name.startswith(("uint", "bool"))

    @property
    def kind(self) -> str:
        """NumPy's letter for the kind: b, i, u, f or c."""
        return "f" if self.name in LATE else self.dtype.kind

    @property
    def itemsize(self) -> builtins.int:
        return 2 if self.name in LATE else self.dtype.itemsize

    def to_complex(self):
        return complex128 if self is float64 else self if self.is_complex else complex64

    def to_real(self):
        return {complex64: float32, complex128: float64}.get(self, self)


LATE = ("float16", "bfloat16")  # what numbers of 16 bits need, only programs that have some pay for
float16 = half = dtype("float16", None)
bfloat16 = dtype("bfloat16", None)
float32 = float = dtype("float32", np.dtype(np.float32))
float64 = double = dtype("float64", np.dtype(np.float64))
complex64 = cfloat = dtype("complex64", np.dtype(np.complex64))
complex128 = cdouble = dtype("complex128", np.dtype(np.complex128))
uint8 = dtype("uint8", np.dtype(np.uint8))
uint16 = dtype("uint16", np.dtype(np.uint16))
uint32 = dtype("uint32", np.dtype(np.uint32))
uint64 = dtype("uint64", np.dtype(np.uint64))
int8 = dtype("int8", np.dtype(np.int8))
int16 = short = dtype("int16", np.dtype(np.int16))
int32 = int = dtype("int32", np.dtype(np.int32))
int64 = long = dtype("int64", np.dtype(np.int64))
bool = bool_ = dtype("bool", np.dtype(np.bool_))

ALL = (bool, uint8, int8, int16, int32, int64, uint16, uint32, uint64,
       float16, bfloat16, float32, float64, complex64, complex128)  # fmt: skip
_FROM_NUMPY = {d._numpy: d for d in ALL if d._numpy is not None}
# Promotion goes by category first: bool < integer < floating < complex.
_CATEGORY = {n: "biufc".index(n.kind) - (n.kind in "ufc") for n in _FROM_NUMPY}
FLOATING = {n for n in _FROM_NUMPY if n.kind in "fc"}
# Sums of these are kept in float32 and rounded once: bfloat16 counts no further than 256. It joins when it is loaded.
HALVES = {np.dtype(np.float16)}
ON_HALF: list = []  # called with a NumPy dtype of 16 bits when it is first asked for
_PYTHON = {builtins.bool: bool, builtins.int: int64, builtins.float: float32, builtins.complex: complex64}

_default = float32


def get_default_dtype() -> dtype:
    """The dtype given to Python floats; float32 unless `set_default_dtype` changed it."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Change the dtype given to Python floats.

    Raises:
        TypeError: `d` is not a floating-point dtype.
    """
    global _default
    if not (isinstance(d, dtype) and d.is_floating_point):
        raise TypeError(f"set_default_dtype: only floating-point types are supported as the default type, got {d!r}")
    _default = d


def category(n: np.dtype) -> builtins.int:
    """0 bool, 1 integer, 2 floating, 3 complex."""
    try:
        return _CATEGORY[n]
    except KeyError:
        return _CATEGORY[from_numpy_dtype(n).dtype]


def from_numpy_dtype(n: np.dtype) -> dtype:
    """Our name for a NumPy dtype.

    Raises:
        TypeError: tensors cannot hold this dtype (strings, objects, dates, long double).
    """
    found = _FROM_NUMPY.get(n)
    if found is None and n.name in LATE and n.isnative:
        found = float16 if n.name == "float16" else bfloat16
        found.dtype  # noqa: B018  (notes the dtype)
    if found is None and not n.isnative:
        found = _FROM_NUMPY.get(n.newbyteorder("="))
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type {n.name}. The only supported types are: "
            + ", ".join(d.name for d in ALL)
        )
    return found


def usual(a: np.ndarray) -> np.ndarray:
    """The array with NumPy's usual object for its dtype: unpickled arrays have another, equal one, and we compare by identity.

    Raises:
        TypeError: tensors cannot hold this dtype.
    """
    own = from_numpy_dtype(a.dtype).dtype
    return a if a.dtype is own or not a.dtype.isnative else a.view(own)


def as_dtype(d: object) -> dtype:
    """A dtype from what users write: ours, a Python type, NumPy's, or its name."""
    if isinstance(d, dtype):
        return d
    if d is builtins.bool or d is builtins.int:  # NumPy's dtypes compare equal to these
        return _PYTHON[d]
    try:
        return from_numpy_dtype(np.dtype(d))  # type: ignore[call-overload]
    except TypeError:
        raise TypeError(f"dtype: expected a dtype such as autograd.float32, got {d!r}") from None


def number_dtype(value: object) -> np.dtype:
    """The dtype a Python number has when it stands alone."""
    if isinstance(value, builtins.bool):
        return bool.dtype
    if isinstance(value, builtins.int):
        return int64.dtype
    if isinstance(value, builtins.float):
        return _default.dtype
    return _default.to_complex().dtype


def _join(a: np.dtype, b: np.dtype) -> np.dtype:
    if a == b:
        return a
    ca, cb = category(a), category(b)
    if ca == cb:
        return np.promote_types(a, b) if not (a in HALVES and b in HALVES) else float32.dtype  # no half holds both
    high, low = (a, b) if ca > cb else (b, a)
    if max(ca, cb) == 3 and low == float64.dtype:
        return complex128.dtype
    return high


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that holds both, by PyTorch's table (int64 with float32 is float32)."""
    return from_numpy_dtype(_join(as_dtype(type1).dtype, as_dtype(type2).dtype))


def _combine(higher: np.dtype | None, lower: np.dtype | None) -> np.dtype | None:
    """A group of higher priority keeps its dtype unless the other's category is above its own."""
    if higher is None or lower is None:
        return higher if lower is None else lower
    ch, cl = category(higher), category(lower)
    if ch >= cl:
        return higher
    if ch == 2:  # floating with complex: keeps the precision of the floating one
        return from_numpy_dtype(higher).to_complex().dtype
    return _join(higher, lower) if ch == 0 or cl >= 2 else higher


def result_dtype(values: tuple) -> np.dtype:
    """Promoted NumPy dtype of arrays and Python numbers.

    Arrays with axes come first, then 0-d arrays, then Python numbers: a later group widens an earlier
    one only by category (float32 array + float64 0-d array is float32; int64 array + 1.5 is float32).
    """
    groups: list[np.dtype | None] = [None, None, None]
    for value in values:
        if value is None:
            continue
        if isinstance(value, (builtins.int, builtins.float, builtins.complex)) and not isinstance(value, np.generic):
            rank, n = 2, number_dtype(value)
        else:
            rank, n = (0 if value.ndim else 1), value.dtype
        groups[rank] = n if groups[rank] is None else _join(groups[rank], n)  # type: ignore[arg-type]
    result = _combine(groups[0], _combine(groups[1], groups[2]))
    return _default.dtype if result is None else result


def result_type(tensor1: object, tensor2: object) -> dtype:
    """The dtype in which an operation of two tensors or numbers would be computed.

    Example:
        >>> import autograd
        >>> autograd.result_type(autograd.tensor([1, 2]), 1.5)
        float32
    """
    return from_numpy_dtype(result_dtype(tuple(getattr(t, "_data", t) for t in (tensor1, tensor2))))


def element(value: Any, n: np.dtype) -> Any:
    """A number as a tensor of this NumPy dtype is to hold it; a negative one wraps in an unsigned dtype.

    Raises:
        RuntimeError: a number beyond the dtype's range (infinities are not), or one with an imaginary part for a real dtype.
    """
    if isinstance(value, builtins.complex) and n.kind != "c":
        if value.imag:
            raise RuntimeError(f"value cannot be converted to type {n.name} without overflow: {value}")
        value = value.real
    if not isinstance(value, (builtins.int, builtins.float)) or n.kind == "b":
        return value
    if category(n) >= 2:
        if _largest(n) < abs(value) < math.inf:
            raise RuntimeError(f"value cannot be converted to type {n.name} without overflow: {value}")
        return value
    info = np.iinfo(n)
    low = info.min if n.kind == "i" else -info.max
    if not low <= value <= info.max:
        raise RuntimeError(f"value cannot be converted to type {n.name} without overflow: {value}")
    return builtins.int(value) if value >= info.min else builtins.int(value) + info.max + 1


@functools.cache
def _largest(n: np.dtype) -> builtins.float:
    return builtins.float(_limits(from_numpy_dtype(n).to_real()).max)


def can_cast(from_: dtype, to: dtype) -> builtins.bool:
    """Whether PyTorch would store a result of dtype `from_` into `to`: categories may only grow."""
    a, b = category(as_dtype(from_).dtype), category(as_dtype(to).dtype)
    return a <= b


@functools.lru_cache
def _integer_range(d: np.dtype) -> tuple[builtins.int, builtins.int]:
    """The least and the largest number of an integer dtype."""
    return np.iinfo(d).min, np.iinfo(d).max


def wrapped(value: builtins.int, d: np.dtype) -> builtins.int:
    """A Python integer as an integer dtype holds it: modulo 2 to the number of bits."""
    least, most = _integer_range(d)
    return value if least <= value <= most else builtins.int(np.int64(value).astype(d))


class finfo:
    """Machine limits of a floating-point dtype: bits, eps, max, min, tiny, smallest_normal, resolution."""

    def __init__(self, type: object = None) -> None:
        self._dtype = get_default_dtype() if type is None else as_dtype(getattr(type, "dtype", type))
        if not (self._dtype.is_floating_point or self._dtype.is_complex):
            raise TypeError(f"torch.finfo() requires a floating point input type. Use iinfo for {self._dtype!r}")
        info = _limits(self._dtype.to_real())
        self.bits = builtins.int(info.bits)
        for name in ("eps", "max", "min", "tiny", "smallest_normal", "resolution"):
            setattr(self, name, builtins.float(getattr(info, name)))
        self.dtype = self._dtype.to_real().name

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")  # fmt: skip


def _limits(d: dtype):
    return (
        require("ml_dtypes", extra="bf16", purpose="bfloat16").finfo("bfloat16") if d is bfloat16 else np.finfo(d.dtype)
    )


class iinfo:
    """Limits of an integer dtype: bits, max, min."""

    def __init__(self, type: object) -> None:
        self._dtype = as_dtype(getattr(type, "dtype", type))
        if self._dtype.kind not in "iu":
            raise TypeError(f"torch.iinfo() requires an integer input type. Use finfo for {self._dtype!r}")
        info = np.iinfo(self._dtype.dtype)
        self.bits, self.max, self.min = info.bits, builtins.int(info.max), builtins.int(info.min)
        self.dtype = self._dtype.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


__all__ = ["bfloat16", "bool", "bool_", "cdouble", "cfloat", "complex64", "complex128", "double", "float", "float16", "float32",
           "float64", "half", "int", "int8", "int16", "int32", "int64", "long", "short", "uint8", "uint16", "uint32",
           "uint64"]  # fmt: skip
