"""NumPy's spelling over this library's operations, as HIPS autograd has it: `import autograd.numpy as np`.

Every name is NumPy's own function: given plain arrays and numbers it computes plain results; given a Tensor it runs
the operation of the same meaning, which is recorded. Only functions that make arrays from Python's sequences are new here,
because NumPy asks nobody about those.

Example:
    >>> import autograd.numpy as np
    >>> from autograd import grad
    >>> def tanh(x):
    ...     return (1.0 - np.exp(-2 * x)) / (1.0 + np.exp(-2 * x))
    >>> print(grad(tanh)(1.0))
    0.419974341614026
"""

from __future__ import annotations

from typing import Any

import numpy as _np

from .._tensor import Tensor as _Tensor
from . import _functions, fft, linalg, random


def array(object: Any, dtype: Any = None, **options: Any) -> Any:
    """NumPy's `array`; sequences that contain Tensors become one Tensor with its graph."""
    if not _functions.holds_tensor(object):
        return _np.array(object, dtype, **options)
    made = _functions.joined(object, dtype)
    return made.clone() if made is object else made


def asarray(a: Any, dtype: Any = None, **options: Any) -> Any:
    """NumPy's `asarray`; a Tensor stays itself, sequences that contain Tensors become one with its graph."""
    return _functions.joined(a, dtype) if _functions.holds_tensor(a) else _np.asarray(a, dtype, **options)


asanyarray = ascontiguousarray = asarray


def full(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    """NumPy's `full`; a Tensor that fills it is recorded."""
    if not isinstance(fill_value, _Tensor):
        return _np.full(shape, fill_value, dtype, **options)
    return fill_value.expand(shape).to(fill_value.dtype if dtype is None else dtype).clone()


def isscalar(element: Any) -> bool:
    """Whether a number rather than an array."""
    return not isinstance(element, _Tensor) and _np.isscalar(element)


def __getattr__(name: str) -> Any:
    try:
        return getattr(_np, name)
    except AttributeError:
        raise AttributeError(f"module 'autograd.numpy' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_np)})
