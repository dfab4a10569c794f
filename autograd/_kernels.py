"""What stands around an operation's kernel: silence about floating-point errors, and float32 for narrower numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container
from typing import Any

import numpy as np

from ._array import QUIET, error_state, set_error_state

_WIDER = (np.float16, np.float32, np.float64)


def silenced(kernel: Callable) -> Callable:
    """The kernel with NumPy's floating-point warnings off."""
    read, write = error_state, set_error_state

    @functools.wraps(kernel)
    def silent(*arrays: Any, **params: Any) -> Any:
        before = read()
        try:  # `quietly`, written out: it would cost another call
            write(QUIET)
            return kernel(*arrays, **params)
        finally:
            write(before)

    return silent


def in_float32(kernel: Callable, narrow: Container[np.dtype]) -> Callable:
    """The kernel with numbers of the dtypes `narrow` computed in float32 and rounded once, at the end.

    Beside arrays of other floating dtypes, or where the caller chose a dtype for the result, nothing is rounded.
    """

    @functools.wraps(kernel)
    def wide(*arrays: Any, **params: Any) -> Any:
        for a in arrays:
            own = getattr(a, "dtype", None)
            if own in narrow:
                break
        else:
            return kernel(*arrays, **params)
        out = kernel(*[a.astype(np.float32) if getattr(a, "dtype", None) in narrow else a for a in arrays], **params)
        if params.get("dtype") is not None or any(
            own != (d := getattr(a, "dtype", own)) and d in _WIDER for a in arrays
        ):
            return out
        back = lambda a: a.astype(own) if getattr(a, "dtype", None) == np.float32 else a  # noqa: E731
        return type(out)(map(back, out)) if type(out) in (tuple, list) else back(out)

    return wide
