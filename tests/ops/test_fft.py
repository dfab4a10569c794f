"""Fourier transforms: NumPy's values, normalisation, lengths and axes, complex gradients, stft and its inverse, errors."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import autograd
from autograd import fft, gradcheck, gradgradcheck, tensor

RNG = np.random.default_rng(5)
REAL, COMPLEX = RNG.standard_normal((3, 4, 5)), RNG.standard_normal((3, 4, 5)) + 1j * RNG.standard_normal((3, 4, 5))
ONE_AXIS = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")


def argument(name):
    return REAL if name.startswith(("r", "ih")) else COMPLEX


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", ONE_AXIS)
def test_one_axis_is_numpys(name, norm):
    a = argument(name)
    for options, numpys in (
        ({}, {}),
        ({"dim": 1}, {"axis": 1}),
        ({"n": 3}, {"n": 3}),
        ({"n": 8, "dim": 0}, {"n": 8, "axis": 0}),
    ):
        ours = getattr(fft, name)(tensor(a), norm=norm, **options).numpy()
        np.testing.assert_allclose(ours, getattr(np.fft, name)(a, norm=norm, **numpys), atol=1e-12)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", SEVERAL)
def test_several_axes_are_numpys(name, norm):
    a = argument(name)
    cases = [
        ({}, {}),
        ({"dim": (0, 2)}, {"axes": (0, 2)}),
        ({"s": (6, 3), "dim": (0, 1)}, {"s": (6, 3), "axes": (0, 1)}),
    ]
    for options, numpys in cases:
        ours = getattr(fft, name)(tensor(a), norm=norm, **options).numpy()
        np.testing.assert_allclose(ours, getattr(np.fft, name)(a, norm=norm, **numpys), atol=1e-12)


@pytest.mark.parametrize("name", ["hfft2", "hfftn", "ihfft2", "ihfftn"])
def test_hermitian_transforms_of_several_axes(name):
    inverse = name.startswith("i")
    there, back = (name, name[1:]) if inverse else (name, "i" + name)
    a = REAL if inverse else COMPLEX
    size = {"s": (4, 5), "dim": (1, 2)}
    whole = getattr(fft, there)(tensor(a), **(size if not inverse else {"dim": (1, 2)}))
    again = getattr(fft, back)(whole, **(size if inverse else {"dim": (1, 2)}))
    third = getattr(fft, there)(again, **(size if not inverse else {"dim": (1, 2)}))
    np.testing.assert_allclose(third.numpy(), whole.numpy(), atol=1e-12)


def test_dtypes():
    assert fft.fft(autograd.ones(4)).dtype == autograd.complex64
    assert fft.irfft(fft.rfft(autograd.ones(4))).dtype == autograd.float32
    assert fft.fft(autograd.ones(4, dtype=autograd.int64)).dtype == autograd.complex64
    assert fft.rfft(autograd.ones(4, dtype=autograd.float64)).dtype == autograd.complex128
    x = autograd.ones(4, requires_grad=True)
    fft.rfft(x, norm="ortho").abs().sum().backward()
    assert x.grad.dtype == autograd.float32


@pytest.mark.parametrize("name", [*ONE_AXIS, *SEVERAL, "hfftn", "ihfft2"])
def test_gradients_with_cut_and_filled_axes(name):
    x = tensor(argument(name)[0, :2, :3].copy(), requires_grad=True)
    for n in (2, 5):
        options = {"n": n} if name in ONE_AXIS else {"s": (n, 4)}
        transform = functools.partial(getattr(fft, name), **options)
        assert gradcheck(transform, (x,))
        assert gradgradcheck(transform, (x,))


def test_frequencies_and_shifts():
    np.testing.assert_allclose(fft.fftfreq(5, 0.5).numpy(), np.fft.fftfreq(5, 0.5).astype(np.float32))
    np.testing.assert_allclose(fft.rfftfreq(6, dtype=autograd.float64).numpy(), np.fft.rfftfreq(6))
    assert fft.fftfreq(4).dtype == autograd.float32
    assert fft.fftfreq(4, requires_grad=True).requires_grad
    for dim, axes in ((None, None), (0, 0), ((0, 2), (0, 2))):
        np.testing.assert_array_equal(fft.fftshift(tensor(REAL), dim).numpy(), np.fft.fftshift(REAL, axes))
        np.testing.assert_array_equal(fft.ifftshift(tensor(REAL), dim).numpy(), np.fft.ifftshift(REAL, axes))


# ---------------------------------------------------------------------------------------------- short-time transforms


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("normalized", [True, False])
def test_istft_undoes_stft(center, normalized):
    x, window = tensor(RNG.standard_normal((2, 40))), autograd.signal.windows.hamming(8, dtype=autograd.float64)
    options = {"n_fft": 8, "hop_length": 4, "window": window, "center": center, "normalized": normalized}
    y = autograd.stft(x, return_complex=True, **options)
    assert tuple(y.shape) == (2, 5, 11 if center else 9)
    np.testing.assert_allclose(autograd.istft(y, length=40, **options).numpy(), x.numpy(), atol=1e-12)


@pytest.mark.parametrize("pad_mode", ["reflect", "constant", "replicate", "circular"])
@pytest.mark.parametrize("onesided", [True, False])
def test_stft_is_pytorchs(pad_mode, onesided):
    torch = pytest.importorskip("torch")
    x, window = RNG.standard_normal(30), RNG.standard_normal(6)
    options = {
        "n_fft": 8,
        "hop_length": 3,
        "win_length": 6,
        "pad_mode": pad_mode,
        "onesided": onesided,
        "return_complex": True,
    }
    a, b = tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    ours = autograd.stft(a, window=tensor(window), **options)
    theirs = torch.stft(b, window=torch.tensor(window), **options)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), atol=1e-12)
    ours.abs().sum().backward()
    theirs.abs().sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=1e-10)


def test_stft_as_real_pairs():
    y = autograd.stft(autograd.ones(8), 4, return_complex=False)
    assert tuple(y.shape) == (3, 9, 2)
    assert y.dtype == autograd.float32


# ---------------------------------------------------------------------------------------------- errors

X = autograd.ones(3, 2)
LONG = autograd.ones(30)
SPECTRUM = fft.rfft(autograd.ones(30, 4)).mT


@pytest.mark.parametrize(
    ("error", "call", "match"),
    [
        (RuntimeError, lambda: fft.fft(X, n=0), r"fft.fft: Invalid number of data points \(0\) specified"),
        (RuntimeError, lambda: fft.irfft(autograd.ones(1)), "Invalid number of data points"),
        (RuntimeError, lambda: fft.fft(X, norm="both"), 'Invalid normalization mode: "both"'),
        (RuntimeError, lambda: fft.rfft(X + 0j), "rfft expects a real input tensor, but got complex64"),
        (RuntimeError, lambda: fft.ihfft(X + 0j), "ihfft expects a real input tensor"),
        (RuntimeError, lambda: fft.fft(X.half()), "Unsupported dtype float16"),
        (
            RuntimeError,
            lambda: fft.fftn(X, s=(1, 2, 3)),
            "Got shape with 3 values but input tensor only has 2 dimensions",
        ),
        (RuntimeError, lambda: fft.fftn(X, dim=(0, 0)), "FFT dims must be unique"),
        (RuntimeError, lambda: fft.fftn(X, s=(1, 2), dim=(1,)), "dim and shape arguments must have the same length"),
        (RuntimeError, lambda: fft.rfftn(X, dim=()), "must transform at least one axis"),
        (RuntimeError, lambda: fft.irfftn(X, dim=()), "must transform at least one axis"),
        (IndexError, lambda: fft.fft(tensor(1.0)), "Dimension specified as -1 but tensor has no dimensions"),
        (IndexError, lambda: fft.fft2(autograd.ones(3)), "Dimension out of range"),
        (
            RuntimeError,
            lambda: autograd.stft(LONG, 4),
            "stft requires the return_complex parameter be given for real inputs",
        ),
        (
            RuntimeError,
            lambda: autograd.stft(autograd.ones(2, 2, 9), 4, return_complex=True),
            "expected a 1D or 2D tensor",
        ),
        (
            RuntimeError,
            lambda: autograd.stft(LONG, 4, 0, return_complex=True),
            "expected hop_length > 0, but got hop_length=0",
        ),
        (
            RuntimeError,
            lambda: autograd.stft(LONG, 40, center=False, return_complex=True),
            "expected 0 < n_fft < 30, but got n_fft=40",
        ),
        (
            RuntimeError,
            lambda: autograd.stft(LONG, 4, win_length=5, return_complex=True),
            "expected 0 < win_length <= n_fft",
        ),
        (
            RuntimeError,
            lambda: autograd.stft(LONG, 8, window=autograd.ones(9), return_complex=True),
            "size equal to win_length=8",
        ),
        (RuntimeError, lambda: autograd.stft(LONG, 80, return_complex=True), "Padding size should be less than"),
        (
            RuntimeError,
            lambda: autograd.stft(LONG, 4, pad_mode="zeros", return_complex=True),
            "unknown pad_mode 'zeros'",
        ),
        (RuntimeError, lambda: autograd.stft(LONG + 0j, 4, onesided=True), "Cannot have onesided output"),
        (RuntimeError, lambda: autograd.istft(LONG[:, None], 4), "istft requires a complex-valued input tensor"),
        (RuntimeError, lambda: autograd.istft(SPECTRUM, 4, window=autograd.zeros(4)), "window overlap add min: 0"),
        (RuntimeError, lambda: autograd.istft(SPECTRUM, 6, onesided=True), "got 3, expected 4"),
    ],
)
def test_errors(error, call, match):
    with pytest.raises(error, match=match):
        call()
