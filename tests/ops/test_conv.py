"""Convolutions against their definition and PyTorch; refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import autograd
import nn.functional as F

from ._refusals import check, f, table


def by_definition(x, w, stride, pad, dilation, groups):
    """y[n, o, i, j] as the sum it is."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    filters, depth, kh, kw = w.shape
    high = (x.shape[2] - dilation * (kh - 1) - 1) // stride + 1
    wide = (x.shape[3] - dilation * (kw - 1) - 1) // stride + 1
    y = np.zeros((x.shape[0], filters, high, wide))
    for n, o, i, j in np.ndindex(*y.shape):
        first = o // (filters // groups) * depth
        for c, a, b in np.ndindex(depth, kh, kw):
            y[n, o, i, j] += w[o, c, a, b] * x[n, first + c, i * stride + a * dilation, j * stride + b * dilation]
    return y


@pytest.mark.parametrize(
    ("stride", "pad", "dilation", "groups"), list(itertools.product((1, 2), (0, 2), (1, 2), (1, 2, 4)))
)
def test_conv2d_is_the_sum_of_its_definition(stride, pad, dilation, groups):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 4, 7, 6)), rng.standard_normal((4, 4 // groups, 3, 2))
    y = F.conv2d(autograd.tensor(x), autograd.tensor(w), None, stride, pad, dilation, groups)
    np.testing.assert_allclose(y.numpy(), by_definition(x, w, stride, pad, dilation, groups), atol=1e-12)


def test_blocks_of_the_batch_give_what_the_whole_gives(monkeypatch):
    from autograd.ops import _windows

    x = autograd.randn(5, 3, 6, 6, dtype=autograd.float64).requires_grad_()
    w = autograd.randn(4, 3, 3, 3, dtype=autograd.float64).requires_grad_()

    def run():
        y = F.conv2d(x, w, padding=1)
        return [y.detach().numpy(), *(g.numpy() for g in autograd.grad((y * y).sum(), (x, w)))]

    whole = run()
    monkeypatch.setattr(_windows, "BLOCK", 1)
    for a, b in zip(whole, run(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-11)


@pytest.mark.parametrize("spatial", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_against_pytorch_in_every_dimension(spatial, groups):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    size = (6, 5, 4)[:spatial]
    x, w, b = (
        rng.standard_normal((2, 4, *size)),
        rng.standard_normal((6, 4 // groups, *(3, 2, 2)[:spatial])),
        rng.standard_normal(6),
    )
    for name, weight, bias in (
        ("conv", w, b),
        ("conv_transpose", np.moveaxis(w, 0, 0)[:4], rng.standard_normal(w.shape[1] * groups)),
    ):
        found = []
        for lib, functional in ((autograd, F), (torch, torch.nn.functional)):
            leaves = [lib.tensor(a, requires_grad=True) for a in (x, weight, bias)]
            y = getattr(functional, f"{name}{spatial}d")(*leaves, stride=2, padding=1, groups=groups)
            (y * y).sum().backward()
            found.append([y.detach().numpy(), *(t.grad.numpy() for t in leaves)])
        for a, c in zip(*found, strict=True):
            np.testing.assert_allclose(a, c, atol=1e-10)


def test_same_padding_puts_the_odd_zero_after():
    x = autograd.arange(4.0).reshape(1, 1, 4)
    y = F.conv1d(x, autograd.tensor([[[1.0, 1.0]]]), padding="same")
    assert y.tolist() == [[[1.0, 3.0, 5.0, 3.0]]]
    assert F.conv1d(x, autograd.tensor([[[1.0, 1.0]]]), padding="valid").shape == (1, 1, 3)


def test_unbatched_input_gives_unbatched_output():
    assert F.conv2d(f(2, 5, 5), f(3, 2, 3, 3)).shape == (3, 3, 3)
    assert F.conv_transpose2d(f(2, 5, 5), f(2, 3, 3, 3)).shape == (3, 7, 7)
    assert F.unfold(f(2, 5, 5), 2).shape == (8, 16)
    assert F.fold(f(8, 16), (5, 5), 2).shape == (2, 5, 5)


def test_empty_batch_and_no_filters():
    x = autograd.zeros(0, 2, 5, 5, requires_grad=True)
    w = autograd.ones(3, 2, 3, 3, requires_grad=True)
    F.conv2d(x, w).sum().backward()
    assert x.grad.shape == (0, 2, 5, 5)
    assert float(w.grad.abs().sum()) == 0


def test_half_precision_multiplies_in_single():
    # in half precision the sum would stop growing long before
    x, w = f(1, 1000, 1, 1, dtype=autograd.float16) * 100, f(1, 1000, 1, 1, dtype=autograd.float16) * 0.5
    y = F.conv2d(x, w)
    assert y.dtype is autograd.float16
    assert float(y) == 49984  # the float16 nearest to 50000


def test_fold_counts_how_often_unfold_read():
    x = autograd.ones(1, 1, 4, 4)
    assert F.fold(F.unfold(x, 3), (4, 4), 3)[0, 0].tolist() == [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]


def test_time_first():
    x, w = autograd.randn(5, 2, 3), autograd.randn(3, 3, 4)
    expected = F.conv1d(x.permute(1, 2, 0), w.permute(2, 1, 0), padding=1).permute(2, 0, 1)
    np.testing.assert_allclose(F.conv_tbc(x, w, None, 1).numpy(), expected.numpy())


X, W = f(1, 3, 8, 8), f(4, 3, 3, 3)


@table(
    (
        "conv2d",
        (X, f(4, 2, 3, 3)),
        RuntimeError,
        r"expected input\[1, 3, 8, 8\] to have 2 channels, but got 3 channels instead",
    ),
    ("conv2d", (f(3, 3), W), RuntimeError, r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d"),
    ("conv1d", (X, f(4, 3, 3)), RuntimeError, r"Expected 2D \(unbatched\) or 3D \(batched\) input to conv1d"),
    ("conv2d", (X, f(4, 3, 3)), RuntimeError, "Expected 4-dimensional weight"),
    ("conv2d", (f(1, 3, 2, 2), W), RuntimeError, "Kernel size can't be greater than actual input size"),
    ("conv2d", (X, W, f(5)), RuntimeError, "expected bias to be 1-dimensional with 4 elements"),
    ("conv2d", (X, W, f(4, dtype=autograd.float64)), RuntimeError, r"bias type \(float64\) should be the same"),
    (
        "conv2d",
        (X, f(4, 3, 3, 3, dtype=autograd.float64)),
        RuntimeError,
        r"Input type \(float32\) and weight type \(float64\)",
    ),
    ("conv2d", (X, W, None, 0), RuntimeError, "non-positive stride is not supported"),
    ("conv2d", (X, W, None, 1, 0, 0), RuntimeError, "non-positive dilation is not supported"),
    ("conv2d", (X, W, None, 1.5), TypeError, r"argument 'stride' must be an int or a sequence of ints, got 1\.5"),
    ("conv2d", (X, W, None, 1, 0, (1, None)), TypeError, r"argument 'dilation' must be .*, got \(1, None\)"),
    ("conv2d", (X, W, None, 1, -1), RuntimeError, "negative padding is not supported"),
    ("conv2d", (X, W, None, 2, "same"), RuntimeError, "padding='same' is not supported for strided convolutions"),
    ("conv2d", (X, W, None, 1, "foo"), RuntimeError, "Invalid padding string 'foo'"),
    (
        "conv2d",
        (X, W, None, (1, 2, 3)),
        RuntimeError,
        "expected stride to be a single integer value or a list of 2 values",
    ),
    ("conv2d", (X, W, None, 1, 0, 1, 0), RuntimeError, "non-positive groups is not supported"),
    (
        "conv2d",
        (f(1, 4, 8, 8), f(5, 2, 3, 3), None, 1, 0, 1, 2),
        RuntimeError,
        "expected weight to be divisible by 2 at dimension 0",
    ),
    ("conv_transpose2d", (X, f(4, 2, 3, 3)), RuntimeError, r"Given transposed=1.*to have 4 channels, but got 3"),
    (
        "conv_transpose2d",
        (X, f(3, 2, 3, 3), None, 1, 0, 1),
        RuntimeError,
        "output padding must be smaller than either stride or dilation",
    ),
    ("conv_transpose2d", (f(1, 3, 1, 1), f(3, 2, 1, 1), None, 1, 1), RuntimeError, "Output size is too small"),
    ("conv_transpose2d", (X, f(3, 2, 3, 3), None, 1, -1), RuntimeError, "negative padding is not supported"),
    ("conv_transpose2d", (X, f(3, 2, 3, 3), None, 1, 0, 0, 2), RuntimeError, "expected weight to be divisible by 2"),
    ("conv_tbc", (f(2, 3), f(1, 3, 2)), RuntimeError, "time, batch, in_channel, and weight 3: got 2 and 3"),
    ("unfold", (f(1, 1, 2, 2), 3), RuntimeError, "components must be at least one"),
    ("unfold", (f(2, 2), 1), RuntimeError, "Expected 3D or 4D"),
    ("unfold", (f(1, 1, 2, 2), 0), RuntimeError, "kernel size should be greater than zero"),
    ("unfold", (f(1, 1, 2, 2), 1, 1, -1), RuntimeError, "padding should be non-negative"),
    ("fold", (f(1, 5, 4), (3, 3), 2), RuntimeError, r"input.size\(1\)=5 and kernel_size=\(2, 2\)"),
    ("fold", (f(1, 4, 5), (3, 3), 2), RuntimeError, r"2 \* 2 = 4, but got input.size\(2\)=5"),
    ("fold", (f(4), (3, 3), 2), RuntimeError, "Expected 2D or 3D"),
)
def test_refusals(name, args, kwargs, error, phrase):
    check(name, args, kwargs, error, phrase)
