"""The short-time Fourier transform and its inverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._op import composite
from .._samples import call, cases
from ._matrix import raw
from .complex import real, view_as_real
from .fft import _c2c, _c2r, _complex, _r2c
from .index import _add_at
from .shape import transpose

_PADDED: dict[str, Any] = {"reflect": "reflect", "constant": "constant", "replicate": "edge", "circular": "wrap"}


def _gather_last(x: Any, index: np.ndarray) -> Any:
    return x[(Ellipsis, index)]


def _pad(x: Any, side: int, mode: str) -> Any:
    """`side` more values at both ends of the last axis."""
    if mode not in _PADDED:
        raise RuntimeError(f"stft: unknown pad_mode {mode!r}; use one of {', '.join(_PADDED)}")
    n = x.shape[-1]
    if mode == "reflect" and side >= n:
        raise RuntimeError(
            f"stft: Padding size should be less than the corresponding input dimension, but got: padding {side} for length {n}"
        )
    if mode == "constant":
        return _add_at(x, shape=(*x.shape[:-1], n + 2 * side), index=(Ellipsis, slice(side, side + n)))
    return _gather_last(x, np.pad(np.arange(n), side, mode=_PADDED[mode]))


def _window(x: Any, window: Any, win_length: int, n_fft: int, name: str) -> Any:
    """The window in the middle of n_fft values; None is a rectangle."""
    before = (n_fft - win_length) // 2
    if window is None:
        if win_length == n_fft:
            return None
        made = np.zeros(n_fft, real(raw(x)[..., :0]).dtype)
        made[before : before + win_length] = 1
        return made
    if window.ndim != 1 or window.shape[0] != win_length:
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={win_length}, but got window with size "
            f"{list(window.shape)}"
        )
    if win_length == n_fft:
        return window
    return _add_at(window, shape=(n_fft,), index=(slice(before, before + win_length),))


def _frames(length: int, n_fft: int, hop: int) -> np.ndarray:
    """Positions of the values of each frame: (frames, n_fft)."""
    return np.arange(0, length - n_fft + 1, hop)[:, None] + np.arange(n_fft)


def _check_lengths(name: str, n_fft: int, hop: int, win: int, longest: int | None) -> None:
    if n_fft <= 0 or (longest is not None and n_fft > longest):
        raise RuntimeError(f"{name}: expected 0 < n_fft < {longest}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{name}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < win <= n_fft:
        raise RuntimeError(f"{name}: expected 0 < win_length <= n_fft, but got win_length={win}")


@composite(sample=cases(lambda r: [
    call(r(12), 4, return_complex=True), call(r(2, 9), 5, 2, 3, r(3), return_complex=True, normalized=True)]))  # fmt: skip
def stft(input, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect", normalized=False,
         onesided=None, return_complex=None, align_to_window=None):  # fmt: skip
    """The Fourier transform of overlapping frames: sums of window_k x_(t hop + k) e^(-2πi k f/n_fft).

    Args:
        n_fft: length of a frame.
        hop_length: distance of frames; n_fft // 4 by default.
        win_length: length of the window, centred in the frame; n_fft by default.
        center: pad both ends by n_fft // 2, so that frame t is centred on t * hop_length.
        pad_mode: "reflect", "constant", "replicate" or "circular".
        normalized: divide by sqrt(n_fft).
        onesided: only the frequencies 0 to n_fft // 2; the default for real input.
        return_complex: must be True for real input, unless False asks for a last axis of real and imaginary part.

    Shape: (L,) or (N, L) -> (*, frequencies, frames).
    """
    hop, win = _either(hop_length, n_fft // 4), _either(win_length, n_fft)
    complex_ = input.dtype.kind == "c"
    if return_complex is None and not complex_:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs; pass return_complex=True"
        )
    if input.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, got shape {tuple(input.shape)}")
    x = _pad(input, n_fft // 2, pad_mode) if center else input
    _check_lengths("stft", n_fft, hop, win, x.shape[-1])
    window = _window(x, window, win, n_fft, "stft")
    frames = _gather_last(x, _frames(x.shape[-1], n_fft, hop))  # (*, frames, n_fft)
    frames = frames if window is None else frames * window
    y = _spectrum(frames, onesided, normalized)
    y = transpose(y, -2, -1)
    return y if return_complex is not False or (complex_ and return_complex is None) else view_as_real(y)


def _either(value: int | None, default: int) -> int:
    return default if value is None else value


def _spectrum(frames: Any, onesided: bool | None, normalized: bool) -> Any:
    complex_, power = frames.dtype.kind == "c", 1 if normalized else 0
    if onesided and complex_:
        raise RuntimeError("stft: Cannot have onesided output if window or input is complex")
    if complex_ or onesided is False:
        return _c2c(_complex(frames), dims=(frames.ndim - 1,), inverse=False, power=power)
    return _r2c(frames, dims=(frames.ndim - 1,), power=power)


@composite(
    sample=cases(
        lambda r: [
            call(r.complexes(3, 6), 4, window=r(4, lo=1)),
            call(r.complexes(2, 3, 5), 4, 2, window=r(4, lo=1), length=6),
        ]
    )
)
def istft(input, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=None, length=None,
          return_complex=False):  # fmt: skip
    """The signal whose `stft` comes closest to `input`: windowed inverse frames added up, over the sum of squared windows.

    Shape: (*, frequencies, frames) -> (*, L).

    Raises:
        RuntimeError: the squared windows add up to 0 somewhere, so that nothing is known there.

    Source: Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984.
    """
    hop, win = _either(hop_length, n_fft // 4), _either(win_length, n_fft)
    if input.dtype.kind != "c":
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    _check_lengths("istft", n_fft, hop, win, None)
    onesided = not return_complex and (input.shape[-2] != n_fft if onesided is None else onesided)
    expected = n_fft // 2 + 1 if onesided else n_fft
    if input.shape[-2] != expected:
        raise RuntimeError(
            f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match n_fft"
            f"{' / 2 + 1 when onesided=True' if onesided else ' when onesided=False'}, but got {input.shape[-2]}, "
            f"expected {expected}"
        )
    window = _window(input, window, win, n_fft, "istft")
    frames = _signal(transpose(input, -2, -1), n_fft, normalized, return_complex)
    signal = _overlap_add(frames, window, n_fft, hop)
    return _trimmed(signal, window, frames.shape[-2], n_fft, hop, center, length)


def _signal(x: Any, n_fft: int, normalized: bool, complex_: bool) -> Any:
    """Frames from their spectra; a real signal is known from the first half of them."""
    dims, power = (x.ndim - 1,), 1 if normalized else 2
    if complex_:
        return _c2c(x, dims=dims, inverse=True, power=power)
    return _c2r(x[..., : n_fft // 2 + 1], dims=dims, last=n_fft, power=power)


def _overlap_add(frames: Any, window: Any, n_fft: int, hop: int) -> Any:
    frames = frames if window is None else frames * window
    total = n_fft + hop * (frames.shape[-2] - 1)
    index = (Ellipsis, _frames(total, n_fft, hop))
    return _add_at(frames, shape=(*frames.shape[:-2], total), index=index)


def _trimmed(signal: Any, window: Any, count: int, n_fft: int, hop: int, center: bool, length: int | None) -> Any:
    """The signal over the squared windows, without the padding at its ends, `length` long."""
    ones = np.ones((count, n_fft), real(raw(signal)[..., :0]).dtype)
    envelope = _overlap_add(ones if window is None else window * window * ones, None, n_fft, hop)
    start = n_fft // 2 if center else 0
    end = signal.shape[-1] - start if length is None else start + length
    envelope, signal = envelope[start:end], signal[..., start:end]
    least = float(np.min(np.abs(raw(envelope)))) if raw(envelope).size else 1.0
    if least < 1e-11:
        raise RuntimeError(
            f"istft: window overlap add min: {least:g}; the windows must cover the whole signal (hop_length, window, center)"
        )
    signal = signal / envelope
    have = signal.shape[-1]
    if length is not None and length > have:
        return _add_at(signal, shape=(*signal.shape[:-1], length), index=(Ellipsis, slice(0, have)))
    return signal
