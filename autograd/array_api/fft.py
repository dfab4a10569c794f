"""Discrete Fourier transforms of the standard."""

from __future__ import annotations

import numpy as np

from ._common import axes_of, check_device, default_or, fft_ops, publish, tensor, wrap


def _one(name, doc):
    operation = getattr(fft_ops, name)

    def function(x, /, *, n=None, axis=-1, norm="backward"):
        return operation(tensor(x), n, axis, norm)

    return publish(function, name, doc, __name__)


def _many(name, doc):
    operation = getattr(fft_ops, name)

    def function(x, /, *, s=None, axes=None, norm="backward"):
        return operation(tensor(x), s, axes, norm)

    return publish(function, name, doc, __name__)


fft = _one("fft", "The transform along one axis.")
ifft = _one("ifft", "The inverse transform along one axis.")
rfft = _one("rfft", "The half of the transform that determines it, for real input.")
irfft = _one("irfft", "The real inverse of `rfft`.")
hfft = _one("hfft", "The real transform of a signal with Hermitian symmetry.")
ihfft = _one("ihfft", "The inverse of `hfft`.")
fftn = _many("fftn", "The transform along several axes.")
ifftn = _many("ifftn", "The inverse transform along several axes.")
rfftn = _many("rfftn", "The half of the transform along several axes that determines it, for real input.")
irfftn = _many("irfftn", "The real inverse of `rfftn`.")


def fftfreq(n, /, *, d=1.0, dtype=None, device=None):
    """The frequencies of a transform of length n for samples d apart."""
    check_device(device)
    return wrap(np.fft.fftfreq(n, d).astype(default_or(dtype).dtype))


def rfftfreq(n, /, *, d=1.0, dtype=None, device=None):
    """The frequencies of `rfft` for n samples d apart."""
    check_device(device)
    return wrap(np.fft.rfftfreq(n, d).astype(default_or(dtype).dtype))


def fftshift(x, /, *, axes=None):
    """Frequency zero moved to the middle."""
    x = tensor(x)
    return fft_ops.fftshift(x, axes_of(axes, x.ndim))


def ifftshift(x, /, *, axes=None):
    """Frequency zero moved back to the front."""
    x = tensor(x)
    return fft_ops.ifftshift(x, axes_of(axes, x.ndim))


__all__ = ["fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft",
           "rfftfreq", "rfftn"]  # fmt: skip
