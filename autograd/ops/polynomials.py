"""Orthogonal polynomials of degree n at x, elementwise over both, by their three-term recurrences. Values only."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .._array import Array
from .._op import op

Step = Callable[[int, Array, Array, Array], Array]


def _run(x: Array, n: Array, first: Array, step: Step, highest: int | None) -> Array:
    """p_0 = 1, p_1 = first, p_(k+1) = step(k, x, p_k, p_(k-1)); each element stops at its own degree."""
    degree = np.trunc(n)
    before, now = np.ones_like(x), first
    result = np.where(degree == 0, before, np.where(degree == 1, now, 0))
    top = int(np.max(np.where(np.isfinite(degree), degree, 0), initial=0))
    for k in range(1, min(top, highest or top)):
        before, now = now, step(k, x, now, before)
        result = np.where(degree == k + 1, now, result)
    return result if highest is None else np.where(degree > highest, np.nan, result)


def _declare(name: str, doc: str, first: Callable[[Array], Array], step: Step, highest: int | None = None) -> Any:
    def kernel(x, n):
        dtype = np.result_type(*(a.dtype for a in (x, n) if hasattr(a, "dtype")))
        x, n = np.broadcast_arrays(x, n)
        x = x.astype(np.float64)
        return _run(x, n, first(x), step, highest).astype(dtype)[()]

    kernel.__name__ = kernel.__qualname__ = name
    kernel.__doc__ = f"{doc} of degree n at input; 0 for negative n, whose fraction is cut off."
    return op(kernel, namespace="special", promote="float", quiet=True)


def _chebyshev(k: int, x: Array, now: Array, before: Array) -> Array:
    return 2 * x * now - before


def _line(a: float, b: float, x: Array) -> Array:
    return a * x + b


def _shifted(k: int, x: Array, now: Array, before: Array) -> Array:
    return 2 * (2 * x - 1) * now - before


for _letter, _kind, _first in (
    ("t", "first", (1, 0)),
    ("u", "second", (2, 0)),
    ("v", "third", (2, -1)),
    ("w", "fourth", (2, 1)),
):
    _a, _b = _first
    _declare(
        f"chebyshev_polynomial_{_letter}",
        f"The Chebyshev polynomial of the {_kind} kind",
        functools.partial(_line, _a, _b),
        _chebyshev,
    )
    _declare(f"shifted_chebyshev_polynomial_{_letter}", f"The Chebyshev polynomial of the {_kind} kind in 2 input - 1,",
             functools.partial(_line, 2 * _a, _b - _a), _shifted)  # fmt: skip
_declare(
    "hermite_polynomial_h",
    "The physicists' Hermite polynomial",
    lambda x: 2 * x,
    lambda k, x, p, q: 2 * (x * p - k * q),
    highest=512,
)
_declare(
    "hermite_polynomial_he",
    "The probabilists' Hermite polynomial",
    lambda x: x,
    lambda k, x, p, q: x * p - k * q,
    highest=512,
)
_declare(
    "laguerre_polynomial_l",
    "The Laguerre polynomial",
    lambda x: 1 - x,
    lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1),
)
_declare(
    "legendre_polynomial_p",
    "The Legendre polynomial",
    lambda x: x,
    lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1),
)
