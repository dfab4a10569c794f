"""Window functions: `signal.windows.hann(64)` and the older `hann_window(64)`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _special
from .._array import Array
from .._dtype import as_dtype, get_default_dtype
from .._op import composite
from .create import finish

_WINDOW: dict[str, Any] = {"namespace": "signal.windows", "method": False}
_ARGUMENTS = """

    Args:
        M: how many values.
        sym: symmetric, for filters; False for one period of a periodic window, for spectra.
        dtype: float32 or float64; the default dtype otherwise.
"""


def _make(
    name: str, M: int, sym: bool, shape: Callable[[Array], Array], dtype: Any, device: Any, requires_grad: bool
) -> Any:
    """`shape` over positions running from 0 to 1 at the ends of the symmetric window."""
    dtype = get_default_dtype() if dtype is None else as_dtype(dtype)
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if dtype.name not in ("float32", "float64"):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype!r}")
    if M == 0:
        values = np.zeros(0)
    elif M == 1:
        values = np.ones(1)
    else:
        values = shape(np.arange(M) / (M - 1 if sym else M))
    return finish(values.astype(dtype.dtype), None, device, requires_grad)


def _cosines(a: Sequence[float]) -> Callable[[Array], Array]:
    def shape(t: Array) -> Array:
        total = np.zeros_like(t)
        for k, c in enumerate(a):
            total = total + (-1) ** k * c * np.cos(2 * math.pi * k * t)
        return total

    return shape


@composite(**_WINDOW)
def bartlett(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """The triangle 1 - |2t - 1|, zero at its ends."""
    return _make("bartlett", M, sym, lambda t: 1 - np.abs(2 * t - 1), dtype, device, requires_grad)


@composite(**_WINDOW)
def blackman(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """0.42 - 0.5 cos(2πt) + 0.08 cos(4πt)."""
    return _make("blackman", M, sym, _cosines((0.42, 0.5, 0.08)), dtype, device, requires_grad)


@composite(**_WINDOW)
def nuttall(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """Nuttall's minimum four-term Blackman-Harris window."""
    return _make(
        "nuttall", M, sym, _cosines((0.3635819, 0.4891775, 0.1365995, 0.0106411)), dtype, device, requires_grad
    )


@composite(**_WINDOW)
def hann(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """(1 - cos(2πt)) / 2."""
    return _make("hann", M, sym, _cosines((0.5, 0.5)), dtype, device, requires_grad)


@composite(**_WINDOW)
def hamming(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """0.54 - 0.46 cos(2πt)."""
    return _make("hamming", M, sym, _cosines((0.54, 0.46)), dtype, device, requires_grad)


@composite(**_WINDOW)
def general_hamming(M, *, alpha=0.54, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """alpha - (1 - alpha) cos(2πt)."""
    return _make("general_hamming", M, sym, _cosines((alpha, 1 - alpha)), dtype, device, requires_grad)


@composite(**_WINDOW)
def general_cosine(M, *, a, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """Sum of (-1)^k a_k cos(2πkt)."""
    if not isinstance(a, (list, tuple)):
        raise TypeError(f"general_cosine: Coefficients must be a list/tuple, got {type(a).__name__}")
    if not a:
        raise ValueError("general_cosine: Coefficients cannot be empty")
    return _make("general_cosine", M, sym, _cosines(a), dtype, device, requires_grad)


@composite(**_WINDOW)
def cosine(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """Half a period of a sine, sampled between its zeros: sin(π (i + 1/2) / M)."""
    n = M if sym else M + 1
    return _make("cosine", M, sym, lambda t: np.sin(math.pi * (np.arange(M) + 0.5) / n), dtype, device, requires_grad)


@composite(**_WINDOW)
def gaussian(M, *, std=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """exp(-(i - middle)² / (2 std²))."""
    if std <= 0:
        raise ValueError(f"gaussian: Standard deviation must be positive, got: {std} instead.")
    middle = ((M - 1) if sym else M) / 2
    return _make(
        "gaussian", M, sym, lambda t: np.exp(-(((np.arange(M) - middle) / std) ** 2) / 2), dtype, device, requires_grad
    )


@composite(**_WINDOW)
def exponential(M, *, center=None, tau=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """exp(-|i - center| / tau); the middle is the center unless given, which only a periodic window allows."""
    if tau <= 0:
        raise ValueError(f"exponential: Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError(f"exponential: Center must be None for symmetric windows, got {center}")
    middle = center if center is not None else ((M - 1) if sym else M) / 2
    return _make(
        "exponential", M, sym, lambda t: np.exp(-np.abs(np.arange(M) - middle) / tau), dtype, device, requires_grad
    )


@composite(**_WINDOW)
def kaiser(M, *, beta=12.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """I0(beta √(1 - (2t - 1)²)) / I0(beta)."""
    if beta < 0:
        raise ValueError(f"kaiser: beta must be non-negative, got: {beta} instead.")
    return _make("kaiser", M, sym, lambda t: _kaiser(t, beta), dtype, device, requires_grad)


def _kaiser(t: Array, beta: float) -> Array:
    inside = np.maximum(1 - (2 * t - 1) ** 2, 0)
    return _special.i0(beta * np.sqrt(inside)) / _special.i0(np.array(float(beta)))


# ---------------------------------------------------------------------------------------------- the older functions


def _older(name: str, window: Callable, M: int, periodic: bool, keywords: dict, **shape: Any) -> Any:
    dtype = keywords.pop("dtype", None)
    if M < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={M}")
    if dtype is not None and not as_dtype(dtype).is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {as_dtype(dtype)!r}")
    keywords = {k: keywords[k] for k in ("device", "requires_grad") if k in keywords}
    return window(M, sym=not periodic, dtype=dtype, **keywords, **shape)


@composite(method=False)
def hann_window(window_length, periodic=True, **keywords):
    """`signal.windows.hann`, periodic by default."""
    return _older("hann_window", hann, window_length, periodic, keywords)


@composite(method=False)
def bartlett_window(window_length, periodic=True, **keywords):
    """`signal.windows.bartlett`, periodic by default."""
    return _older("bartlett_window", bartlett, window_length, periodic, keywords)


@composite(method=False)
def blackman_window(window_length, periodic=True, **keywords):
    """`signal.windows.blackman`, periodic by default."""
    return _older("blackman_window", blackman, window_length, periodic, keywords)


@composite(method=False)
def hamming_window(window_length, periodic=True, alpha=0.54, beta=0.46, **keywords):
    """alpha - beta cos(2πt), periodic by default."""
    return _older("hamming_window", general_cosine, window_length, periodic, keywords, a=(alpha, beta))


@composite(method=False)
def kaiser_window(window_length, periodic=True, beta=12.0, **keywords):
    """`signal.windows.kaiser`, periodic by default."""
    return _older("kaiser_window", kaiser, window_length, periodic, keywords, beta=beta)


for _window in (
    bartlett,
    blackman,
    nuttall,
    hann,
    hamming,
    general_hamming,
    general_cosine,
    cosine,
    gaussian,
    exponential,
    kaiser,
):
    _window.__doc__ += _ARGUMENTS
