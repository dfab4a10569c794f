"""Convolution of arrays over chosen axes, as HIPS autograd has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import numpy as np


def convolve(A: Any, B: Any, axes: Any = None, dot_axes: Any = ((), ()), mode: str = "full") -> Any:
    """(A ∗ B)[n] = Σ A[k] B[n-k] over pairs of axes, with sums of products over others.

    Args:
        axes: (axes of A, axes of B) to convolve over, paired; all of them by default.
        dot_axes: (axes of A, axes of B) to sum products over, paired.
        mode: "full", "valid" (where one lies inside the other) or "same" (the middle of "full", as long as A).

    Shape: the other axes of A, the other axes of B, the axes convolved over.

    Example:
        >>> import numpy
        >>> convolve(numpy.array([1.0, 2.0, 3.0]), numpy.array([1.0, 10.0]))
        array([ 1., 12., 23., 30.])
    """
    if mode not in ("full", "valid", "same"):
        raise ValueError(f"convolve: mode is 'full', 'valid' or 'same', got {mode!r}")
    axes = (tuple(range(A.ndim)),) * 2 if axes is None else axes
    pairs = [(a % A.ndim, b % B.ndim) for a, b in zip(*axes, strict=True)]
    dots = [(a % A.ndim, b % B.ndim) for a, b in zip(*dot_axes, strict=True)]
    windows = _windows(B, [(A.shape[a], b) for a, b in pairs], mode)
    # The windows' places come last in their axes; the sum leaves others of A, others of B, places.
    return np.tensordot(A, windows, tuple(zip(*pairs + dots, strict=True)) if pairs or dots else 0)


def _windows(B: Any, lengths: Sequence, mode: str) -> Any:
    """B with each axis b that meets n elements of A replaced by what lies opposite to each of them, for every place."""
    for n, b in lengths:
        m = B.shape[b]
        first, count = _places(n, m, mode)
        index = np.arange(first, first + count)[None, :] - np.arange(n)[:, None]
        inside = (index >= 0) & (index < m)
        taken = np.take(B, np.where(inside, index, 0).reshape(-1), axis=b)
        taken = np.reshape(taken, (*B.shape[:b], n, count, *B.shape[b + 1 :]))
        shape = [1] * taken.ndim
        shape[b], shape[b + 1] = n, count
        B = np.moveaxis(taken * inside.reshape(shape), b + 1, -1)
    return B


def _places(n: int, m: int, mode: str) -> tuple[int, int]:
    """The first place and the number of places of the result, for lengths n and m."""
    if mode == "full":
        return 0, n + m - 1
    if mode == "valid":
        return min(n, m) - 1, abs(n - m) + 1
    return (m - 1) // 2, n
