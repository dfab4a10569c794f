"""What linear algebra shares: adjoints, checks of the input with PyTorch's texts, the error class."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._array import Array
from .complex import conj
from .diagonals import diagonal
from .shape import transpose

_SCALAR_NAMES = {
    "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long",
    "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64", "float16": "Half", "bfloat16": "BFloat16",
}  # fmt: skip


class LinAlgError(RuntimeError):
    """Raised when a matrix does not allow the operation: singular, or not positive-definite."""


LinAlgError.__module__ = "autograd.linalg"


def result_type(name: str, fields: tuple[str, ...]) -> Any:
    """A class of named results; `name`, PyTorch's, is what it prints."""
    return namedtuple(name, fields)


def is_complex(x: Any) -> bool:
    """Whether a Tensor or array holds complex numbers."""
    return x.dtype.kind == "c"


def raw(x: Any) -> Array:
    """The array behind a Tensor, for decisions that depend on values and are not recorded."""
    return getattr(x, "_data", x)


def mT(x: Any) -> Any:
    """Matrices transposed, over batches."""
    return transpose(x, -2, -1)


def adjoint(x: Any) -> Any:
    """Matrices conjugated and transposed, over batches."""
    return conj(mT(x)) if is_complex(x) else mT(x)


def main_diagonal(x: Any) -> Any:
    """The diagonals of matrices, over batches."""
    return diagonal(x, 0, -2, -1)


def conjugate(x: Any) -> Any:
    return conj(x) if is_complex(x) else x


def check_floating(x: Any, name: str) -> None:
    """Raise unless the elements are float32, float64 or complex."""
    kind = x.dtype.kind
    if kind not in "fc":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {scalar_name(x)}; convert it, for "
            "instance with .to(autograd.float32)"
        )
    if x.dtype.itemsize == 2:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {scalar_name(x)}; use float32 or float64")


def scalar_name(x: Any) -> str:
    name = getattr(x.dtype, "name", str(x.dtype))
    return _SCALAR_NAMES.get(name, name)


def check_matrix(x: Any, name: str, letter: str = "A") -> None:
    """Raise unless `x` has at least two axes and floating elements."""
    if x.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor {letter} must have at least 2 dimensions, got {x.ndim}: shape {tuple(x.shape)}"
        )
    check_floating(x, name)


def check_square(x: Any, name: str, letter: str = "A") -> None:
    """Raise unless `x` is a batch of square matrices of floating elements."""
    check_matrix(x, name, letter)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"{name}: {letter} must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]} matrices"
        )


def batch_text(index: Sequence[int], shape: Sequence[int]) -> str:
    """PyTorch's mention of the matrix of a batch that failed; empty when there is no batch."""
    if not shape:
        return ""
    return f"(Batch element {int(np.ravel_multi_index(tuple(index), tuple(shape)))}): "


def first_failure(info: Array) -> tuple[tuple[int, ...], int] | None:
    """Index and code of the first matrix of a batch whose code is not zero."""
    info = np.asarray(info)
    if not info.any():
        return None
    index = tuple(int(i) for i in np.argwhere(info)[0])
    return index, int(info[index])


def like(x: Array, values: Any, dtype: Any = None) -> Array:
    """An array of `values` of the kind of `x` (ndarray or duck array)."""
    values = np.asarray(values, dtype=dtype)
    made = np.empty_like(x, shape=values.shape, dtype=values.dtype)
    made[...] = values
    return made


def eye_like(x: Array, n: int, m: int | None = None) -> Array:
    """The identity with n rows (and m columns), of the dtype and kind of `x`."""
    return like(x, np.eye(n, m), dtype=raw(x).dtype)


def is_vector_side(A: Any, B: Any) -> bool:
    """Whether the right-hand side of A X = B is a vector, or a batch of them, by PyTorch's rule."""
    return B.ndim == 1 or (A.ndim - 1 == B.ndim and tuple(B.shape) == tuple(A.shape[:-1]))
