"""Dtypes: conversion, promotion, limits, kinds; and what this namespace can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _dtype
from .._dtype import as_dtype
from .._tensor import CPU, Tensor, check_device
from ._common import NUMBER, cast, common, tensor, weak

_BY_KIND: dict[str, tuple[str, ...]] = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_BY_KIND["integral"] = _BY_KIND["signed integer"] + _BY_KIND["unsigned integer"]
_BY_KIND["numeric"] = _BY_KIND["integral"] + _BY_KIND["real floating"] + _BY_KIND["complex floating"]
DTYPES = {name: getattr(_dtype, name) for name in (*_BY_KIND["bool"], *_BY_KIND["numeric"])}
_HALVES = (_dtype.float16, _dtype.bfloat16)  # ours beyond the standard; they are real floating too


def astype(x, dtype, /, *, copy=True, device=None):
    """The array in another dtype; a copy unless `copy=False` and it has it already."""
    check_device(device)
    x = tensor(x)
    d = as_dtype(dtype)
    if d is x.dtype:
        return x.clone() if copy else x
    if x.is_complex() and d.kind not in "cb":  # true is what has any part; other real dtypes keep the real one
        x = x.real
    return cast(x, d)


def _dtype_of(x: Any) -> Any:
    return as_dtype(x.dtype) if isinstance(x, (Tensor, np.ndarray)) else as_dtype(x)


def can_cast(from_, to, /):
    """Whether promotion may turn dtype (or array) `from_` into `to`."""
    source, target = _dtype_of(from_), as_dtype(to)
    return _dtype.category(source.dtype) <= _dtype.category(target.dtype) and bool(
        np.can_cast(source.dtype, target.dtype)
    )


def result_type(*arrays_and_dtypes):
    """The dtype that arrays, dtypes and Python numbers have together; numbers only ever raise the kind.

    Raises:
        ValueError: no array or dtype among them.
    """
    if not arrays_and_dtypes:
        raise ValueError("result_type: at least one array or dtype is needed")
    numbers = [a for a in arrays_and_dtypes if isinstance(a, NUMBER)]
    others = [_dtype_of(a) for a in arrays_and_dtypes if not isinstance(a, NUMBER)]
    if not others:
        raise ValueError("result_type: at least one array or dtype is needed besides numbers")
    found = common(others)
    for value in numbers:
        found = weak(value, found)
    return found


def isdtype(dtype, kind):
    """Whether a dtype is of a kind: a dtype, "bool", "integral", "real floating", ..., or a tuple of such.

    Raises:
        ValueError: an unknown kind.
    """
    d = as_dtype(dtype)
    if isinstance(kind, tuple):
        return True in [isdtype(d, k) for k in kind]
    if isinstance(kind, str):
        if kind not in _BY_KIND:
            raise ValueError(f"isdtype: unknown kind {kind!r}; one of {', '.join(_BY_KIND)}")
        return d.name in _BY_KIND[kind] or (kind in ("real floating", "numeric") and d in _HALVES)
    return d is as_dtype(kind)


class FloatLimits:
    """Machine limits of a floating-point dtype: bits, eps, max, min, smallest_normal, dtype."""

    def __init__(self, d: Any) -> None:
        limits = _dtype.finfo(d)
        self.bits, self.eps, self.max, self.min = limits.bits, limits.eps, limits.max, limits.min
        self.smallest_normal = limits.smallest_normal
        self.dtype = d.to_real()

    def __repr__(self) -> str:
        return f"finfo(bits={self.bits}, eps={self.eps:g}, max={self.max:g}, min={self.min:g}, dtype={self.dtype!r})"


class IntegerLimits:
    """Limits of an integer dtype: bits, max, min, dtype."""

    def __init__(self, d: Any) -> None:
        limits = _dtype.iinfo(d)
        self.bits, self.max, self.min, self.dtype = limits.bits, limits.max, limits.min, d

    def __repr__(self) -> str:
        return f"iinfo(bits={self.bits}, max={self.max}, min={self.min}, dtype={self.dtype!r})"


def finfo(type, /):
    """Machine limits of a floating-point dtype, or of an array's."""
    return FloatLimits(type.dtype if isinstance(type, Tensor) else as_dtype(type))


def iinfo(type, /):
    """Limits of an integer dtype, or of an array's."""
    return IntegerLimits(type.dtype if isinstance(type, Tensor) else as_dtype(type))


class Info:
    """What `__array_namespace_info__()` returns: the abilities, devices and dtypes of this namespace."""

    def capabilities(self):
        """Optional abilities, all present, and the largest number of axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self):
        """The CPU."""
        return CPU

    def devices(self):
        """The devices arrays may be on."""
        return [CPU]

    def default_dtypes(self, *, device=None):
        """The dtypes that Python's numbers and indices get."""
        check_device(device)
        real = _dtype.get_default_dtype()
        return {
            "real floating": real,
            "complex floating": real.to_complex(),
            "integral": _dtype.int64,
            "indexing": _dtype.int64,
        }

    def dtypes(self, *, device=None, kind=None):
        """The dtypes by name, all or those of a kind (or of one of several kinds)."""
        check_device(device)
        if kind is None:
            return dict(DTYPES)
        kinds = kind if isinstance(kind, tuple) else (kind,)
        for k in kinds:
            if k not in _BY_KIND:
                raise ValueError(f"dtypes: unknown kind {k!r}; one of {', '.join(_BY_KIND)}")
        wanted = {name for k in kinds for name in _BY_KIND[k]}
        return {name: d for name, d in DTYPES.items() if name in wanted}


def __array_namespace_info__():
    """The abilities, devices and dtypes of this namespace."""
    return Info()


FUNCTIONS: dict[str, Callable] = {f.__name__: f for f in (
    __array_namespace_info__, astype, can_cast, finfo, iinfo, isdtype, result_type)}  # fmt: skip
