"""Discrete Fourier transforms over any axes, in three primitives: complex to complex, real to half, half to real.

Each is linear, and its gradient is its adjoint, which is again one of the three: with D the sums over e^(-2πi jk/n),
the adjoint of D is the transform of the opposite sign without its 1/n.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._array import Array, wrap_dim
from .._dtype import as_dtype, category, get_default_dtype
from .._op import composite, op
from .._samples import call, cases
from .._tensor import Tensor
from .complex import as_complex, conj, real
from .create import finish
from .join import cat
from .shape import roll

_FFT: dict[str, Any] = {
    "namespace": "_",
    "method": False,
    "quiet": True,
    "holomorphic": False,
    "linear": True,
    "promote": "float",
}
_SCALES = {"backward": 0, "ortho": 1, "forward": 2}


def _scale(x: Array, dims: tuple[int, ...], last: int | None, power: int) -> float:
    """n ** (-power / 2) for n points in all; power 0 leaves the sums as they are, 2 divides by n."""
    if power == 0:
        return 1.0
    n = math.prod(x.shape[d] for d in dims[:-1]) * (x.shape[dims[-1]] if last is None else last)
    return 1.0 / n if power == 2 else 1.0 / math.sqrt(n)


def _narrow(x: Array, like: Array) -> Array:
    """Single precision in, single precision out, whatever NumPy's version computes in."""
    single = like.dtype in (np.float32, np.complex64)
    return x.astype(np.complex64 if x.dtype.kind == "c" else np.float32, copy=False) if single else x


def _check_dtype(x: Array) -> None:
    if x.dtype.itemsize == 2 and x.dtype.kind != "i":
        raise RuntimeError(f"fft: Unsupported dtype {x.dtype}; convert to float32 or float64 first")


@op(
    name="_fft_c2c",
    sample=cases(
        lambda r: [
            call(r.complexes(2, 5), dims=(1,), inverse=False, power=0),
            call(r.complexes(3, 4), dims=(0, 1), inverse=True, power=2),
        ]
    ),
    **_FFT,
)
def _c2c(x, *, dims, inverse, power):
    """Sums of x e^(∓2πi jk/n) over `dims`, the plus sign when `inverse`, times n^(-power/2)."""
    y = np.fft.ifftn(x, axes=dims, norm="forward") if inverse else np.fft.fftn(x, axes=dims)
    return _narrow(y, x) * _scale(x, dims, None, power)


@_c2c.grad("x")
def _(g, dims, inverse, power):
    return _c2c(g, dims=dims, inverse=not inverse, power=power)


@op(name="_fft_r2c", sample=cases(lambda r: [
    call(r(2, 5), dims=(1,), power=0), call(r(3, 4), dims=(0, 1), power=1), call(r(6), dims=(0,), power=2)]), **_FFT)  # fmt: skip
def _r2c(x, *, dims, power):
    """The transform of real values, up to half of the last of `dims`: the rest are conjugates."""
    return _narrow(np.fft.rfftn(x, axes=dims), x) * _scale(x, dims, None, power)


@_r2c.grad("x")
def _(g, x_shape, dims, power):
    n = x_shape[dims[-1]]
    return real(_c2c(_longer(g, dims[-1], n), dims=dims, inverse=True, power=power))


@op(
    name="_fft_c2r",
    sample=cases(
        lambda r: [
            call(r.complexes(2, 3), dims=(1,), last=5, power=0),
            call(r.complexes(3, 3), dims=(0, 1), last=4, power=2),
        ]
    ),
    **_FFT,
)
def _c2r(x, *, dims, last, power):
    """The inverse transform of half a spectrum, `last` real values along the last of `dims`."""
    sizes = [x.shape[d] for d in dims[:-1]] + [last]
    y = np.fft.irfftn(x, s=sizes, axes=dims, norm="forward")
    return _narrow(y, x) * _scale(x, dims, last, power)


@_c2r.grad("x")
def _(g, x_shape, dims, last, power):
    # Every frequency but the first, and the middle of an even length, stands for itself and its conjugate.
    y = _r2c(g, dims=dims, power=power)
    return y * _counts(y, dims[-1], last)


def _counts(y: Any, dim: int, last: int) -> Array:
    """How often each frequency of a half spectrum occurs in the whole one, shaped to broadcast along `dim`."""
    half = last // 2 + 1
    counts = [1.0] + [2.0] * (half - 1)
    if last % 2 == 0:
        counts[-1] = 1.0
    shape = [1] * y.ndim
    shape[dim] = half
    wide = (y.dtype.name if hasattr(y.dtype, "name") else str(y.dtype)) == "complex128"
    return np.array(counts, np.float64 if wide else np.float32).reshape(shape)


# ---------------------------------------------------------------------------------------------- arguments


def _power(norm: str | None, inverse: bool, name: str) -> int:
    if norm is None:
        norm = "backward"
    if norm not in _SCALES:
        raise RuntimeError(f'{name}: Invalid normalization mode: "{norm}"; use "forward", "backward" or "ortho"')
    return 2 - _SCALES[norm] if inverse else _SCALES[norm]


def _longer(x: Any, dim: int, n: int) -> Any:
    """Cut to `n` values along `dim`, or filled up with zeros."""
    have = x.shape[dim]
    index = [slice(None)] * x.ndim
    if n <= have:
        index[dim] = slice(0, n)
        return x if n == have else x[tuple(index)]
    shape = list(x.shape)
    shape[dim] = n - have
    return cat([x, _zeros(x, tuple(shape))], dim)


@op(name="_zeros_for", namespace="_", method=False)
def _zeros(x, *, shape):
    """Zeros of the dtype of `x`."""
    return np.zeros_like(x, shape=shape)


def _axes(x: Any, s: Any, dim: Any, name: str) -> tuple[list[int], list[int]]:
    """Axes to transform and their lengths."""
    if isinstance(dim, int):
        dim = (dim,)
    if isinstance(s, int):
        s = (s,)
    if dim is None:
        if s is not None and len(s) > x.ndim:
            raise RuntimeError(f"{name}: Got shape with {len(s)} values but input tensor only has {x.ndim} dimensions.")
        dim = range(x.ndim) if s is None else range(x.ndim - len(s), x.ndim)
    dims = [_axis(x, d) for d in dim]
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"{name}: FFT dims must be unique, got {tuple(dim)}")
    if s is not None and len(s) != len(dims):
        raise RuntimeError(
            f"{name}: When given, dim and shape arguments must have the same length, got {len(dims)} and {len(s)}"
        )
    lengths = (
        [x.shape[d] for d in dims]
        if s is None
        else [x.shape[d] if n == -1 else n for n, d in zip(s, dims, strict=True)]
    )
    return dims, lengths


def _axis(x: Any, d: int) -> int:
    if not x.ndim:
        raise IndexError(f"Dimension specified as {d} but tensor has no dimensions")
    return wrap_dim(d, x.ndim)


def _check_points(lengths: list[int], name: str) -> None:
    for n in lengths:
        if n < 1:
            raise RuntimeError(f"{name}: Invalid number of data points ({n}) specified")


def _resized(x: Any, dims: list[int], lengths: list[int]) -> Any:
    for d, n in zip(dims, lengths, strict=True):
        x = _longer(x, d, n)
    return x


def _transform(x: Any, s: Any, dim: Any, norm: str | None, inverse: bool, name: str) -> Any:
    _check_dtype(x)
    dims, lengths = _axes(x, s, dim, name)
    _check_points(lengths, name)
    power = _power(norm, inverse, name)
    if not dims:
        return _complex(_float(x))
    return _c2c(_complex(_resized(_float(x), dims, lengths)), dims=tuple(dims), inverse=inverse, power=power)


def _complex(x: Any) -> Any:
    return x if x.dtype.kind == "c" else as_complex(x)


def _float(x: Any) -> Any:
    """Integers as floats of the default dtype."""
    return x if x.dtype.kind in "fc" else x * 1.0


def _half(x: Any, s: Any, dim: Any, norm: str | None, name: str, inverse: bool = False) -> Any:
    """Transform of real input; `inverse` scales as the inverse does (for ihfft, which conjugates as well)."""
    _check_dtype(x)
    if x.dtype.kind == "c":
        raise RuntimeError(f"{name} expects a real input tensor, but got {x.dtype}; fft.fft takes complex ones")
    dims, lengths = _axes(x, s, dim, name)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    _check_points(lengths, name)
    y = _r2c(_resized(_float(x), dims, lengths), dims=tuple(dims), power=_power(norm, inverse, name))
    return conj(y) if inverse else y


def _whole(x: Any, s: Any, dim: Any, norm: str | None, name: str, forward: bool = False) -> Any:
    """Real output from half a spectrum; `forward` scales as the forward transform does (for hfft, which conjugates)."""
    _check_dtype(x)
    dims, lengths = _axes(x, s, dim, name)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    given = s is not None and (s if isinstance(s, int) else s[-1]) != -1
    last = lengths[-1] if given else 2 * (lengths[-1] - 1)
    _check_points([*lengths[:-1], last], name)
    x = _complex(_resized(_float(x), dims, [*lengths[:-1], last // 2 + 1]))
    return _c2r(conj(x) if forward else x, dims=tuple(dims), last=last, power=_power(norm, not forward, name))


# ---------------------------------------------------------------------------------------------- public transforms

_NOTE = """

    Args:
        {size}
        norm: where the factor 1/n goes: "backward" (default) to the inverse, "forward", or "ortho" (1/sqrt(n) to both).

    Shape: (*) -> {shape}
"""
_ONE_AXIS = "n: length along `dim`; the input is cut or filled up with zeros to it."
_AXES = (
    "s: lengths along `dim`; the input is cut or filled up with zeros to them.\n"
    "        dim: axes; all, or the last len(s), by default."
)


def _declare(name: str, core: Any, kind: str, summary: str, shape: str, sample: Any) -> None:
    """Publish one transform; `kind` decides its arguments: one axis, two, or any."""
    full = f"fft.{name}"
    if kind == "one":

        def transform(input, n=None, dim=-1, norm=None):
            return core(input, n, dim, norm, full)
    elif kind == "two":

        def transform(input, s=None, dim=(-2, -1), norm=None):
            return core(input, s, dim, norm, full)
    else:

        def transform(input, s=None, dim=None, norm=None):
            return core(input, s, dim, norm, full)

    transform.__doc__ = summary + _NOTE.format(size=_ONE_AXIS if kind == "one" else _AXES, shape=shape)
    transform.__name__ = transform.__qualname__ = name
    composite(transform, namespace="fft", sample=sample)


def _forward(x, s, dim, norm, name):
    return _transform(x, s, dim, norm, False, name)


def _inverse(x, s, dim, norm, name):
    return _transform(x, s, dim, norm, True, name)


def _ihfft(x, s, dim, norm, name):
    return _half(x, s, dim, norm, name, inverse=True)


def _hfft(x, s, dim, norm, name):
    return _whole(x, s, dim, norm, name, forward=True)


_REAL = cases(lambda r: [call(r(3, 4)), call(r(3, 5), norm="ortho")])
_COMPLEX = cases(lambda r: [call(r.complexes(3, 4)), call(r.complexes(3, 5), norm="ortho")])
for _suffix, _kind in (("", "one"), ("2", "two"), ("n", "any")):
    _n = {"one": "the last axis", "two": "the last two axes", "any": "all axes"}[_kind]
    _declare(
        "fft" + _suffix,
        _forward,
        _kind,
        f"The discrete Fourier transform over {_n}: sums of x_j e^(-2πi jk/n).",
        "the same, complex",
        _COMPLEX,
    )
    _declare(
        "ifft" + _suffix,
        _inverse,
        _kind,
        f"The inverse of `fft{_suffix}`: means of x_k e^(2πi jk/n) over {_n}.",
        "the same, complex",
        _COMPLEX,
    )
    _declare(
        "rfft" + _suffix,
        _half,
        _kind,
        f"The Fourier transform of real values over {_n}, without the half that repeats.",
        "n // 2 + 1 along the last axis, complex",
        _REAL,
    )
    _declare(
        "irfft" + _suffix,
        _whole,
        _kind,
        f"The inverse of `rfft{_suffix}`; real. Odd lengths must be given.",
        "2 (m - 1) along the last axis by default, real",
        _COMPLEX,
    )
    _declare(
        "hfft" + _suffix,
        _hfft,
        _kind,
        f"The Fourier transform over {_n} of half a signal with x_(-j) = conj(x_j); real.",
        "2 (m - 1) along the last axis by default, real",
        _COMPLEX,
    )
    _declare(
        "ihfft" + _suffix,
        _ihfft,
        _kind,
        f"The inverse of `hfft{_suffix}`: half of a conjugate-symmetric signal.",
        "n // 2 + 1 along the last axis, complex",
        _REAL,
    )


# ---------------------------------------------------------------------------------------------- helpers


def _frequencies(name: str, a: Array, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    d = get_default_dtype() if dtype is None else as_dtype(dtype)
    if category(d.dtype) < 2:
        raise RuntimeError(f"{name} requires a floating point or complex dtype, got {d!r}")
    return finish(a.astype(d.dtype), None, device, requires_grad)


@composite(namespace="fft")
def fftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Frequencies of the bins of `fft` in cycles per unit: [0, 1, ..., -2, -1] / (n d)."""
    return _frequencies("fftfreq", np.fft.fftfreq(n, d), dtype, device, requires_grad)


@composite(namespace="fft")
def rfftfreq(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Frequencies of the bins of `rfft` in cycles per unit: [0, 1, ..., n // 2] / (n d)."""
    return _frequencies("rfftfreq", np.fft.rfftfreq(n, d), dtype, device, requires_grad)


def _shift(x: Any, dim: Any, sign: int) -> Any:
    dims = tuple(range(x.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if not dims:
        return x.clone()
    return roll(x, shifts=tuple(sign * (x.shape[d] // 2) if sign > 0 else -(x.shape[d] // 2) for d in dims), dims=dims)


@composite(namespace="fft", sample=cases(lambda r: [call(r(3, 4)), call(r(3, 4), dim=0)]))
def fftshift(input, dim=None):
    """Reorder the bins so that frequency 0 comes in the middle."""
    return _shift(input, dim, 1)


@composite(namespace="fft", sample=cases(lambda r: [call(r(3, 4)), call(r(3, 4), dim=0)]))
def ifftshift(input, dim=None):
    """The inverse of `fftshift`."""
    return _shift(input, dim, -1)
