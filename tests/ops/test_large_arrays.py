"""Kernels for large arrays, which work in blocks and on several cores, against the plain forms."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import _array, _parallel
from autograd._registry import registry
from autograd.ops import (
    _by_row,
    _pieces,
    _select,
    _shifted,
)
from autograd.ops import pool as pool_
from autograd.ops.embedding import _add_into_zeros
from tests.ops._drawn import Backwards, drawn

pytestmark = pytest.mark.usefixtures("three_threads")
SHAPE = (600, 300)


def _both(function, x, weights=drawn):
    """Values and gradients of function(x), weighted, with and without the quick forms."""
    found = []
    for mode in (True, False):
        with autograd.fast_paths(mode):
            t = autograd.tensor(x, requires_grad=True)
            y = function(t)
            (y * autograd.tensor(weights(tuple(y.shape)))).sum().backward()
            found.append((y.detach().numpy(), t.grad.numpy()))
    return found


def _compare(function, x, **tolerance):
    for quick, plain in zip(*_both(function, x), strict=True):
        assert quick.shape == plain.shape
        assert quick.dtype == plain.dtype == x.dtype
        np.testing.assert_allclose(quick, plain, **{"rtol": 1e-11, "atol": 1e-12} | tolerance)


@pytest.mark.parametrize("name", ["var", "std", "amax", "amin"])
@pytest.mark.parametrize("dim", [0, 1, (0, 1)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_spread_and_extrema(name, dim, keepdim):
    x = drawn(SHAPE)
    x[3, 5], x[7] = x[3].max(), 0.5  # equals
    _compare(lambda t: getattr(t, name)(dim=dim, keepdim=keepdim), x, atol=1e-9)


def test_extrema_of_all_and_in_float32():
    _compare(lambda t: t.amax(), drawn(SHAPE))
    x = np.round(drawn(SHAPE, np.float32))
    for quick, plain in zip(*_both(lambda t: t.amin(dim=1), x, lambda s: drawn(s, np.float32)), strict=True):
        np.testing.assert_allclose(quick, plain, rtol=1e-6)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_extrema_with_odd_values(odd):
    x = drawn(SHAPE)
    x[2, 3] = odd
    _compare(lambda t: t.amax(dim=1), x)
    _compare(lambda t: t.amin(dim=0), x)


def test_the_variance_of_large_numbers_keeps_its_digits():
    x = drawn(SHAPE, np.float32) + np.float32(1e4)
    t = autograd.tensor(x)
    np.testing.assert_allclose(t.var(dim=1).numpy(), x.astype(np.float64).var(axis=1, ddof=1), rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_sigmoid_in_pieces(dtype):
    x = np.linspace(-40, 40, 600_000).astype(dtype)
    wide = x.astype(np.float64)
    y = autograd.tensor(x).sigmoid().numpy()
    assert y.dtype == dtype
    rtol, atol = {2: (1e-3, 1e-7), 4: (3e-6, 4e-8), 8: (1e-12, 1e-15)}[x.itemsize]
    np.testing.assert_allclose(y, 1 / (1 + np.exp(-wide)), rtol=rtol, atol=atol)
    np.testing.assert_array_equal(y[:100], autograd.tensor(x[:100]).sigmoid().numpy())  # alone, in the tail


@pytest.mark.parametrize("how", ["none", "tanh"])
def test_gelu_in_pieces(how):
    _compare(lambda t: registry["nn.functional.gelu"].call(t, how), drawn((900, 300)))


@pytest.mark.parametrize(("stride", "dilation"), [(2, 1), (3, 1), (1, 1), (2, 2)])
def test_maxima_of_windows_that_touch_or_do_not(stride, dilation):
    x = np.round(drawn((2, 3, 9, 8)), 1)  # with equals

    def pool(t):
        return registry["nn.functional.max_pool2d"].call(t, 2, stride, dilation=dilation)

    t = autograd.tensor(x, requires_grad=True)
    y = pool(t)
    y.backward(autograd.tensor(drawn(tuple(y.shape))))
    wanted, g = np.zeros_like(x), drawn(tuple(y.shape))
    for n, c, i, j in np.ndindex(*g.shape):
        window = [(i * stride + a * dilation, j * stride + b * dilation) for a in (0, 1) for b in (0, 1)]
        wanted[(n, c, *max(window, key=lambda place: x[(n, c, *place)]))] += g[n, c, i, j]
    np.testing.assert_allclose(t.grad.numpy(), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.fast
@pytest.mark.parametrize("shape", [(3, 2, 2), (2, 3, 8, 6), (2, 1, 14, 10), (40, 6, 40, 30), (5, 4, 2, 2, 2)])
def test_the_way_back_to_maxima_of_two_by_two(shape):
    x = np.round(drawn(shape, np.float32)).clip(0)  # with equals
    g = drawn((*shape[:-2], shape[-2] // 2, shape[-1] // 2), np.float32, seed=1)
    g.reshape(-1)[:3] = np.inf, np.nan, -0.0
    pool = registry["nn.functional.max_pool2d"].call if len(shape) < 5 else None
    top = x.reshape(*shape[:-2], shape[-2] // 2, 2, shape[-1] // 2, 2).max((-3, -1))
    given = {"kernel": (2, 2), "stride": (2, 2), "pads": ((0, 0), (0, 0)), "dilation": (1, 1)}
    assert pool_._quarters(x, g, top)
    found = []
    for mode in (True, False):
        with autograd.fast_paths(mode):
            found.append(pool_._to_maxima.op.kernel(g, x, top, **given))
            if pool:
                t = autograd.tensor(x, requires_grad=True)
                pool(t, 2).backward(autograd.tensor(g))
                np.testing.assert_array_equal(t.grad.numpy(), found[-1])
    np.testing.assert_array_equal(*found)
    assert not np.isnan(found[0]).sum() > 1


@pytest.mark.fast
def test_two_by_two_is_not_taken_for_what_it_is_not():
    x, half = np.ones((2, 6, 6), np.float32), np.ones((2, 3, 3), np.float32)
    assert pool_._quarters(x, half, half)
    odd = np.array([np.nan], np.float32)
    for source, g, top in (
        (x[:, :, ::-1], half, half), (x, half[:, ::-1], half), (x, half, half[:, ::-1]), (x[0], half[0], half[0]),
        (np.ones((2, 7, 6), np.float32), half, half), (np.ones((2, 6, 7), np.float32), half, half),
        (x.astype(np.float64), half, half), (x, half.astype(np.float64), half), (x, half, half * odd)):  # fmt: skip
        assert not pool_._quarters(source, g, top)


def _weights_gradient(kind):
    if kind == "layer norm":
        x, w = autograd.tensor(drawn((3000, 500), np.float32)), autograd.ones(500, requires_grad=True)
        (F.layer_norm(x, (500,), w) ** 3).sum().backward()
        return w.grad.numpy()
    images = drawn((60, 6, 20, 20) if kind == "shifted" else (300, 3, 11, 11), np.float32)
    x, w = autograd.tensor(images), autograd.tensor(drawn((8, images.shape[1], 3, 3), np.float32), requires_grad=True)
    (F.conv2d(x, w, stride=1 if kind == "shifted" else 2) ** 2).sum().backward()
    return w.grad.numpy()


@pytest.mark.fast
@pytest.mark.parametrize("kind", ["layer norm", "shifted", "by row"])
def test_sums_are_the_same_in_whatever_order_threads_come(kind, monkeypatch):
    monkeypatch.setattr(_shifted, "_BLOCK", 1 << 16)
    monkeypatch.setattr(_by_row, "_BLOCK", 1 << 16)
    monkeypatch.setattr(_by_row, "SHARED", 0)
    forwards = _weights_gradient(kind)
    monkeypatch.setattr(_parallel, "team", Backwards(_parallel.team.size))
    np.testing.assert_array_equal(_weights_gradient(kind), forwards)


@pytest.mark.fast
@pytest.mark.parametrize("shape", [(1023,), (1024,), (65, 1009)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
@pytest.mark.parametrize(("low", "high"), [(0, None), (None, 1), (-1, 1), (1, -1), (-np.inf, None)])
def test_limits(shape, dtype, low, high):
    x = drawn(shape).astype(dtype)
    if x.dtype.kind == "f":
        x.reshape(-1)[:5] = np.nan, np.inf, -np.inf, 0, -0.0
    wanted = x if low is None else np.maximum(x, low)
    wanted = wanted if high is None else np.minimum(wanted, high)
    room = np.empty(wanted.shape, wanted.dtype)
    for given, expected in ((x, wanted), (x.T, wanted.T)):
        found = _pieces.within(given, low, high)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
        assert not np.shares_memory(found, given)
    if room.dtype == x.dtype:
        assert _pieces.within(x, low, high, out=room) is room
        np.testing.assert_array_equal(room, wanted)


def test_relu_of_a_sum_and_of_a_transposed_gradient():
    x = drawn(SHAPE)
    for function in (lambda t: t.relu().sum(), lambda t: t.relu().T, lambda t: t.relu().sum(dim=0)):
        _compare(function, x)


@pytest.mark.parametrize("shape", [(), (1, 1), (300,), (600, 1), (1, 300)])
def test_selecting_from_what_is_repeated(shape):
    mask, x, y = drawn(SHAPE) > 0, drawn(SHAPE, seed=1), np.asarray(drawn(shape, seed=2))
    for first, second in ((x, y), (y, x), (x.T.copy().T, np.broadcast_to(y, SHAPE))):
        np.testing.assert_array_equal(_select.select(mask, first, second), np.where(mask, first, second))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("other", [2, 0.5, np.float32(0.5), np.float64(0.5), np.int64(3), 1j, None])
def test_selecting_from_arrays_and_numbers_of_all_dtypes(dtype, other):
    mask, x = drawn(SHAPE) > 0, drawn(SHAPE, seed=1).astype(dtype)
    other = drawn(SHAPE, seed=2).astype(np.float32) if other is None else other
    for first, second in ((x, other), (other, x)):
        found, expected = _select.select(mask, first, second), np.where(mask, first, second)
        np.testing.assert_array_equal(found, expected)


def test_selecting_from_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="broadcast"):
        _select.select(drawn(SHAPE) > 0, drawn(SHAPE), np.zeros(7))


@pytest.mark.parametrize("rows", [50, 5000])
def test_rows_added_at_numbers_that_repeat(rows):
    index = np.random.default_rng(0).integers(0, rows, 400)
    values, out, wanted = drawn((400, 7)), np.zeros((rows, 7)), np.zeros((rows, 7))
    _add_into_zeros(out, index, values)
    np.add.at(wanted, index, values)
    np.testing.assert_allclose(out, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.fast
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [400, 3000])
def test_infinite_rows_are_added_to_their_own_sums_only(bad, count):
    index = np.random.default_rng(0).integers(0, 40, count)
    values, out, wanted = drawn((count, 7)), np.zeros((40, 7)), np.zeros((40, 7))
    values[3, 2] = bad
    with np.errstate(invalid="ignore"):
        _add_into_zeros(out, index, values)
    np.add.at(wanted, index, values)
    np.testing.assert_allclose(out, wanted, rtol=1e-12, atol=1e-12)
    assert np.isfinite(out).sum() == 40 * 7 - 1


@pytest.mark.fast
@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "area"])
@pytest.mark.parametrize("size", [(7, 9), (20, 3), (6, 200)])
def test_images_are_resampled_by_products(mode, size):
    _compare(lambda t: F.interpolate(t, size, mode=mode), drawn((2, 3, 6, 8)), rtol=1e-12, atol=1e-12)


@pytest.mark.fast
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_infinite_pixels_reach_what_is_made_of_them_only(bad):
    x = drawn((1, 1, 6, 8))
    x[0, 0, 2, 3] = bad

    def weights(shape):
        w = drawn(shape)
        w[0, 0, 1, 1] = bad
        return w

    with np.errstate(invalid="ignore"):
        for quick, plain in zip(*_both(lambda t: F.interpolate(t, (7, 9), mode="bilinear"), x, weights), strict=True):
            np.testing.assert_allclose(quick, plain, rtol=1e-12, atol=1e-12)
            assert 0 < np.isfinite(quick).sum() < quick.size


@pytest.mark.fast
def test_a_large_table_is_cleared_by_all_cores(monkeypatch):
    monkeypatch.setattr(_pieces, "_WRITTEN", range(1, 1 << 20))
    monkeypatch.setattr(np, "empty", lambda shape, dtype: np.full(shape, 7, dtype))
    for rows in (1, 2, 5, 1001):
        np.testing.assert_array_equal(_pieces.cleared(drawn((2, 3)), (rows, 3)), np.zeros((rows, 3)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("shape", [7, (3, 5), (), (2, 0, 3)])
def test_arrays_that_begin_at_a_cache_line(shape, dtype):
    for _ in range(20):
        a = _array.at_line(shape, np.dtype(dtype))
        assert (a.shape, a.dtype) == (np.empty(shape).shape, dtype)
        assert a.ctypes.data % 64 == 0 or not a.size
        assert a.flags.c_contiguous
        assert a.flags.writeable
        a[...] = 1


@pytest.mark.parametrize("named", [False, True])
def test_a_gradient_nobody_else_holds_is_kept_as_it_is(named):
    x, weight = autograd.ones(500, 1000, requires_grad=True), autograd.ones(500, 1000)
    loss = (x * weight).sum()
    tracemalloc.start()
    try:
        loss.backward(inputs=[x] if named else None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * x.nbytes  # a copy would make it twice that


def test_a_gradient_that_two_leaves_get_is_copied():
    x, y = autograd.ones(300, requires_grad=True), autograd.ones(300, requires_grad=True)
    (x + y).backward(autograd.ones(300))
    x.grad.mul_(2.0)
    assert (y.grad == 1).all()


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slopes_in_pieces(name, dtype):
    x = drawn((700, 1200), dtype)
    weights = lambda shape: drawn(shape, dtype, 1)  # noqa: E731
    for quick, plain in zip(*_both(getattr(autograd, name), x, weights), strict=True):
        assert quick.dtype == plain.dtype == dtype
        np.testing.assert_array_equal(quick, plain)
    t = autograd.tensor(x, requires_grad=True)
    (slope,) = autograd.grad(getattr(autograd, name)(t).sum(), t, create_graph=True)
    (bend,) = autograd.grad(slope.sum(), t)
    y = np.tanh(x.astype(np.float64)) if name == "tanh" else 1 / (1 + np.exp(-x.astype(np.float64)))
    wanted = -2 * y * (1 - y * y) if name == "tanh" else y * (1 - y) * (1 - 2 * y)
    np.testing.assert_allclose(bend.numpy(), wanted, atol=1e-5)
