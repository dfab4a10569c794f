"""The table of NumPy's functions on Tensors, and what its entries share.

`FUNCTIONS` maps NumPy's function objects to ours, with NumPy's argument names and defaults; `Tensor.__array_function__`
looks here. What is missing from the table runs on plain arrays, and is refused where a gradient would be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._dtype import get_default_dtype
from .._inplace import write_out
from .._tensor import Tensor, wrap
from ..array_api._common import axes_of, ops, promoted

FUNCTIONS: dict[Any, Callable] = {}


def stands_for(*functions: Any) -> Callable:
    """Decorator: ours is what these NumPy functions mean on Tensors."""

    def declare(ours: Callable) -> Callable:
        FUNCTIONS.update(dict.fromkeys(functions, ours))
        return ours

    return declare


def present(*names: str) -> list:
    """NumPy's functions of these names, without those that it does not have yet."""
    return [getattr(np, name) for name in names if hasattr(np, name)]


def tensor(x: Any) -> Any:
    """An argument as a Tensor: arrays, numbers and sequences too."""
    return x if isinstance(x, Tensor) else joined(x)


def holds_tensor(x: Any) -> bool:
    """Whether a Tensor is among nested sequences."""
    return isinstance(x, Tensor) or (isinstance(x, (list, tuple)) and any(map(holds_tensor, x)))


def joined(x: Any, dtype: Any = None) -> Tensor:
    """Nested sequences with Tensors in them as one Tensor with its graph."""
    if isinstance(x, (list, tuple)) and holds_tensor(x):
        made = ops.stack(promoted([joined(v) for v in x]))
    else:
        made = x if isinstance(x, Tensor) else wrap(_numbers(np.asarray(x)))
    return made if dtype is None else made.to(dtype)


class Foreign(TypeError):
    """An argument that is no array of numbers (None, strings): NumPy itself is to deal with the call."""


def _numbers(a: np.ndarray) -> np.ndarray:
    if a.dtype.kind not in "biufcV":
        raise Foreign(f"expected numbers, got {a.dtype}")
    return a


def floating(x: Any) -> Any:
    """A Tensor of floats: integers are converted, as NumPy does where a result is not whole."""
    x = tensor(x)
    return x if x.dtype.kind in "fc" else x.to(get_default_dtype())


def unsupported(name: str, **options: Any) -> None:
    """Refuse options that no operation has.

    Raises:
        TypeError: one of them is given.
    """
    for key, value in options.items():
        if value is not None and value is not np._NoValue:
            raise TypeError(
                f"{name}: {key}= is not supported for Tensors; use tensor.detach().numpy() or other functions"
            )


def axis_of(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def into(out: Any, result: Tensor) -> Tensor:
    if out is None:
        return result
    return write_out("out", out[0] if isinstance(out, tuple) else out, result)


def typed(x: Tensor, dtype: Any) -> Tensor:
    return x if dtype is None else x.to(dtype)


def flat(a: Any, axis: Any) -> tuple[Tensor, int]:
    """The array and the axis to work along: None means the flattened array."""
    a = tensor(a)
    return (ops.reshape(a, (-1,)), 0) if axis is None else (a, axes_of(axis, a.ndim)[0])
