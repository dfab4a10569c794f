"""Pooling: ties, NaN, overhanging windows; refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn.functional as F

from ._refusals import check, f, i, table


def test_first_of_equal_maxima_gets_the_gradient():
    x = autograd.zeros(1, 1, 4, 4, requires_grad=True)
    y, where = F.max_pool2d(x, 2, return_indices=True)
    y.sum().backward()
    assert x.grad[0, 0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    assert where[0, 0].tolist() == [[0, 2], [8, 10]]


def test_nan_wins_and_takes_the_gradient():
    x = autograd.tensor([[[1.0, math.nan, 3.0, 2.0]]], requires_grad=True)
    y = F.max_pool1d(x, 2)
    y.sum().backward()
    assert math.isnan(float(y[0, 0, 0]))
    assert float(y[0, 0, 1]) == 3
    assert x.grad.tolist() == [[[0, 1, 1, 0]]]


def test_row_of_minus_infinity_keeps_its_first_place():
    x = autograd.full((1, 1, 4), -math.inf, requires_grad=True)
    y, where = F.max_pool1d(x, 2, padding=1, return_indices=True)
    y.sum().backward()
    assert where.tolist() == [[[0, 1, 3]]]


def test_integers_are_pooled_as_integers():
    x = autograd.arange(16).reshape(1, 1, 4, 4)
    assert F.max_pool2d(x, 2)[0, 0].tolist() == [[5, 7], [13, 15]]
    assert F.max_pool2d(-x, 2, padding=1)[0, 0].tolist() == [[0, -1, -3], [-4, -5, -7], [-12, -13, -15]]


@pytest.mark.parametrize("pool", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(2, None, 0), (3, 2, 1), ((2, 3), (3, 1), (1, 0)), (3, 5, 0)]
)
def test_against_pytorch(pool, ceil, kernel, stride, padding):
    torch = pytest.importorskip("torch")
    a = np.random.default_rng(0).standard_normal((2, 3, 8, 7))
    found = []
    for lib, functional in ((autograd, F), (torch, torch.nn.functional)):
        x = lib.tensor(a, requires_grad=True)
        y = getattr(functional, pool)(x, kernel, stride, padding, ceil_mode=ceil)
        (y * y).sum().backward()
        found.append((y.detach().numpy(), x.grad.numpy()))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_padding_is_counted_only_when_asked():
    x = f(1, 1, 2, 2)
    assert F.avg_pool2d(x, 2, 2, 1, count_include_pad=True).reshape(-1).tolist() == [0.25] * 4
    assert F.avg_pool2d(x, 2, 2, 1, count_include_pad=False).reshape(-1).tolist() == [1] * 4
    assert F.avg_pool2d(x, 2, divisor_override=1).tolist() == [[[[4.0]]]]


def test_adaptive_windows_overlap_when_sizes_do_not_divide():
    x = autograd.arange(5.0).reshape(1, 1, 5).requires_grad_()
    y = F.adaptive_avg_pool1d(x, 3)
    assert y.tolist() == [[[0.5, 2.0, 3.5]]]
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy()[0, 0], [1 / 2, 1 / 2 + 1 / 3, 1 / 3, 1 / 3 + 1 / 2, 1 / 2], rtol=1e-6)
    z, where = F.adaptive_max_pool1d_with_indices(x, 3)
    assert z.tolist() == [[[1, 3, 4]]]
    assert where.tolist() == [[[1, 3, 4]]]


def test_adaptive_to_its_own_size_is_a_copy():
    x = f(1, 2, 3)
    y = F.adaptive_avg_pool1d(x, 3)
    y.zero_()
    assert x.sum().item() == 6


def test_unpool_undoes_pool():
    x = autograd.arange(16.0).reshape(1, 1, 4, 4)
    y, where = F.max_pool2d_with_indices(x, 2)
    back = F.max_unpool2d(y, where, 2)
    assert back[0, 0].tolist() == [[0, 0, 0, 0], [0, 5, 0, 7], [0, 0, 0, 0], [0, 13, 0, 15]]
    assert F.max_unpool2d(y, where, 2, output_size=(5, 5)).shape == (1, 1, 5, 5)


def test_power_pool():
    x = autograd.tensor([[[3.0, 4.0, 0.0, 0.0]]])
    np.testing.assert_allclose(F.lp_pool1d(x, 2, 2).numpy(), [[[5.0, 0.0]]], rtol=1e-6)
    assert F.lp_pool2d(f(1, 1, 4, 4), 2, 2).shape == (1, 1, 2, 2)
    assert F.lp_pool3d(f(1, 1, 4, 4, 4), 2, 2).shape == (1, 1, 2, 2, 2)


X = f(1, 3, 8, 8)


@table(
    ("max_pool2d", (X, 2, 2, 2), RuntimeError, "pad should be at most half of effective kernel size"),
    ("max_pool2d", (f(8, 8), 2), RuntimeError, r"non-empty 3D or 4D \(batch mode\) tensor expected for input"),
    ("max_pool2d", (f(1, 3, 2, 2), 3), RuntimeError, "Output size is too small"),
    ("max_pool2d", (X, 0), RuntimeError, "kernel size and dilation should be greater than zero"),
    ("max_pool2d", (X, 2, 0), RuntimeError, "stride should not be zero"),
    ("max_pool2d", (f(1, 0, 4, 4), 2), RuntimeError, "non-batch dimensions to be nonzero"),
    ("max_pool2d", (X, (1, 2, 3)), RuntimeError, "expected kernel_size to be"),
    ("avg_pool2d", (X, 2, 2, 2), RuntimeError, "pad should be at most half"),
    ("avg_pool2d", (X, 2, 2, 0, False, True, 0), RuntimeError, "divisor must be not zero"),
    ("adaptive_avg_pool2d", (f(3, 3), 2), RuntimeError, "Expected 3D or 4D tensor"),
    ("adaptive_avg_pool2d", (f(1, 3, 0, 3), 2), RuntimeError, "non-zero size for non-batch dimensions"),
    ("adaptive_avg_pool2d", (X, -1), RuntimeError, "must be greater than or equal to 0"),
    ("adaptive_max_pool2d", (X, (1, 2, 3)), RuntimeError, "output_size must be 2 numbers"),
    (
        "max_unpool2d",
        (f(1, 1, 1, 1), i([[[99]]]), 2),
        RuntimeError,
        r"invalid max index: 99 \(output volumes are of size 2x2\)",
    ),
    ("max_unpool2d", (f(1, 1, 2, 2), i([[[0]]]), 2), RuntimeError, "Expected shape of indices to be same"),
    ("max_unpool2d", (f(2, 2), i([0]), 2), RuntimeError, "should be a 3d or 4d Tensor"),
    ("max_unpool2d", (f(1, 1, 1, 1), f(1, 1, 1, 1), 2), RuntimeError, "elements in indices should be type int64"),
    (
        "max_unpool2d",
        (f(1, 1, 1, 1), i([[[0]]]), 2, 2, 0, (9, 9)),
        ValueError,
        r'invalid output_size "\[9, 9\]" \(dim 0 must be between',
    ),
    ("max_unpool2d", (f(1, 1, 1, 1), i([[[0]]]), 2, 2, 0, (9,)), ValueError, "sequence containing 2 or 4 elements"),
)
def test_refusals(name, args, kwargs, error, phrase):
    check(name, args, kwargs, error, phrase)
