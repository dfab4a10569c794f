"""Kernels' forms for few elements, which count calls of NumPy instead of elements, against naive references."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd.ops import _pieces, _row_norm, attention
from autograd.ops.activation import keep_where
from autograd.ops.reduce import column_sums

NEEDS = (True, True, True)


def _drawn(*shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def _normalised(x, weight, bias, trailing, eps):
    axes = tuple(range(x.ndim - trailing, x.ndim))
    centred = x - x.mean(axes, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)
    return normal * (1 if weight is None else weight) + (0 if bias is None else bias)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("shape", "trailing"), [((5, 7), 1), ((2, 3, 4), 1), ((2, 3, 4), 2), ((1, 1), 1)])
def test_few_rows_are_normalised_as_many_are(monkeypatch, shape, trailing, affine):
    tail = shape[len(shape) - trailing :]
    x, g = _drawn(*shape) + 3, _drawn(*shape, seed=1)
    weight, bias = (_drawn(*tail, seed=2), _drawn(*tail, seed=3)) if affine else (None, None)
    few = _row_norm.forward(x, weight, bias, trailing, 1e-5)
    np.testing.assert_allclose(few[0], _normalised(x, weight, bias, trailing, 1e-5), atol=1e-12)
    slopes = _row_norm.backward(g, x, weight, *few[1:], trailing, 1e-5, NEEDS)
    monkeypatch.setattr(_row_norm, "FEW", 0)
    many = _row_norm.forward(x, weight, bias, trailing, 1e-5)
    for a, b in zip(few, many, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    for a, b in zip(slopes, _row_norm.backward(g, x, weight, *many[1:], trailing, 1e-5, NEEDS), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


def test_few_rows_far_from_zero_keep_their_digits():
    x = (1e4 + _drawn(6, 8)).astype(np.float32)
    y = _row_norm.forward(x, None, None, 1, 1e-5)[0]
    np.testing.assert_allclose(y, _normalised(x.astype(np.float64), None, None, 1, 1e-5), atol=2e-3)


@pytest.mark.parametrize("few", [0, _row_norm.FEW])
def test_only_the_wanted_gradients_of_a_layer_norm_are_formed(few, monkeypatch):
    monkeypatch.setattr(_row_norm, "FEW", few)
    x, weight = _drawn(3, 4), _drawn(4, seed=1)
    _, mean, variance = _row_norm.forward(x, weight, None, 1, 1e-5)
    for wanted in range(3):
        found = _row_norm.backward(x, x, weight, mean, variance, 1, 1e-5, tuple(i == wanted for i in range(3)))
        assert [g is not None for g in found] == [i == wanted for i in range(3)]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (5, 3), (255, 2), (256, 3), (300, 4), (3, 0)])
def test_column_sums(shape, dtype):
    x = _drawn(*shape, dtype=dtype)
    expected = x.astype(np.float64).sum(0)
    tolerance = {np.float16: 2e-2, np.float32: 1e-5, np.float64: 1e-13}[dtype]
    for a in (x, np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2]):
        found = column_sums(a)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_column_sums_of_many_rows_keep_their_digits():
    x = np.full((100_000, 1), 0.1, np.float32)
    np.testing.assert_allclose(column_sums(x), [100_000 * np.float64(np.float32(0.1))], rtol=2e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_is_kept_of_a_gradient(dtype):
    x, mask = _drawn(40, 50, dtype=dtype), np.random.default_rng(1).random((40, 50)) < 0.5
    x[0], x[1, ::2], x[2, ::3] = np.inf, np.nan, -0.0
    for a, m in ((x, mask), (x.T, mask.T), (x[:, :10], mask[:, :10]), (x[:3], mask[:3])):
        found = keep_where(a, m)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, np.where(m, a, dtype(0)))
        np.testing.assert_array_equal(np.signbit(found), np.signbit(np.where(m, a, dtype(0))))


def _softmax(scores):
    top = scores.max(-1, keepdims=True)
    e = np.exp(scores - np.where(np.isneginf(top), 0, top))
    return e / np.maximum(e.sum(-1, keepdims=True), np.finfo(scores.dtype).tiny)


SCORES = {
    "ordinary": _drawn(2, 3, 4),
    "rows far apart": _drawn(3, 4) + np.array([[-300.0], [0.0], [50.0]]),
    "large": _drawn(3, 4) * 40 + 700,
    "far below zero": _drawn(3, 4) - 800,
    "masked": np.where(np.tri(4, dtype=bool), _drawn(4, 4), -np.inf),
    "a row masked away": np.where([[True], [False], [True]], _drawn(3, 4), -np.inf),
    "all masked away": np.full((2, 3), -np.inf),
    "transposed": _drawn(4, 3).T,
    "many": _drawn(40, 300),
}


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_without_the_shift_where_it_is_not_needed(name, dtype):
    scores = SCORES[name].astype(dtype)
    for mode in (True, False):
        with autograd.fast_paths(mode), np.errstate(over="raise", invalid="raise"):
            found = attention._rows(scores.copy())
        assert found.dtype == dtype
        np.testing.assert_allclose(
            found, _softmax(scores.astype(np.float64)), rtol=3e-5 if dtype is np.float32 else 1e-12
        )


def test_softmax_lets_nan_through():
    scores = np.array([[1.0, np.nan], [-np.inf, -np.inf], [0.0, 0.0]])
    found = attention._rows(scores)
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(found[1:], [[0, 0], [0.5, 0.5]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "dim"), [((), 0), ((3,), 0), ((2, 3), -1), ((2, 3), 0), ((2, 3, 4), 1), ((90, 100), 1), ((0, 2), 1)]
)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_with_and_without_the_quick_forms(name, shape, dim, dtype):
    found = []
    for mode in (True, False):
        with autograd.fast_paths(mode):
            x = autograd.tensor(_drawn(*shape, dtype=dtype) if shape else dtype(0.3), requires_grad=True)
            y = getattr(F, name)(x, dim)
            y.backward(autograd.tensor(_drawn(*shape, dtype=dtype, seed=1) if shape else dtype(2)))
            found.append([y.detach().numpy(), x.grad.numpy()])
    tolerance = {np.float16: 4e-3, np.float32: 2e-6, np.float64: 1e-13}[dtype]
    for quick, plain in zip(*found, strict=True):
        assert quick.dtype == plain.dtype == dtype
        np.testing.assert_allclose(quick, plain, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("rows", [3, 300])
def test_attention_with_and_without_the_quick_forms(rows):
    arrays = [_drawn(2, 2, rows, 8, seed=i) for i in range(3)]
    found = []
    for mode in (True, False):
        with autograd.fast_paths(mode):
            q, k, v = (autograd.tensor(a, requires_grad=True) for a in arrays)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            (y * autograd.tensor(_drawn(2, 2, rows, 8, seed=9))).sum().backward()
            found.append([y.detach().numpy(), q.grad.numpy(), k.grad.numpy(), v.grad.numpy()])
    for quick, plain in zip(*found, strict=True):
        np.testing.assert_allclose(quick, plain, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("shape", "axis"), [((5,), -1), ((2, 3), -1), ((2, 3), 0), ((2, 3, 4), 1), ((0, 3), -1), ((3, 0), -1)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.int64])
def test_inner_products_along_an_axis(shape, axis, dtype):
    a, b = ((10 * _drawn(*shape, seed=i)).astype(dtype) for i in range(2))
    wanted = (a.astype(np.float64) * b.astype(np.float64)).sum(axis, keepdims=True)
    for x, y in ((a, b), (a, np.asfortranarray(b)), (np.flip(a, axis), np.flip(b, axis))):
        np.testing.assert_allclose(_pieces.inner_along(x, y, axis), wanted, rtol=1e-4 if dtype is np.float32 else 1e-12)
    one = np.broadcast_to(a[..., :1], shape)
    np.testing.assert_allclose(
        _pieces.inner_along(one, b, axis),
        (one.astype(np.float64) * b.astype(np.float64)).sum(axis, keepdims=True),
        rtol=1e-4 if dtype is np.float32 else 1e-12,
        atol=1e-4 if dtype is np.float32 else 1e-12,
    )


def test_inner_products_of_long_rows_keep_their_digits():
    for width in (1000, 4096, 4097, 300_000):
        a, b = (
            _drawn(2, width, dtype=np.float32) + np.float32(100),
            _drawn(2, width, dtype=np.float32, seed=1) + np.float32(1),
        )
        wanted = (a.astype(np.float64) * b.astype(np.float64)).sum(-1, keepdims=True)
        np.testing.assert_allclose(_pieces.inner_along(a, b), wanted, rtol=3e-7 * 8)


def test_sums_of_rows_of_many_lengths_keep_few_ones():
    for width in range(1, 200):
        x = _drawn(3, width)
        np.testing.assert_allclose(_pieces.row_sums(x), x.sum(1), rtol=1e-12, atol=1e-12)
    assert len(_pieces._ONES) <= 65
