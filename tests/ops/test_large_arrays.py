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
    _banded,
    _batch_last,
    _by_row,
    _columns,
    _joined,
    _pieces,
    _select,
    _shifted,
    _strided,
    _windows,
)
from autograd.ops import pool as pool_
from autograd.ops.embedding import _add_into_zeros

SHAPE = (600, 300)


@pytest.fixture(autouse=True)
def _three_threads(monkeypatch):
    monkeypatch.setattr(_parallel, "team", _parallel.Team(3))
    known = _strided.layout, _batch_last.layout, _by_row.layout  # layouts follow from settings that tests change
    for found in known:
        found.cache_clear()
    yield
    for found in known:
        found.cache_clear()


def _drawn(shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def _both(function, x, weights=_drawn):
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
    x = _drawn(SHAPE)
    x[3, 5], x[7] = x[3].max(), 0.5  # equals
    _compare(lambda t: getattr(t, name)(dim=dim, keepdim=keepdim), x, atol=1e-9)


def test_extrema_of_all_and_in_float32():
    _compare(lambda t: t.amax(), _drawn(SHAPE))
    x = np.round(_drawn(SHAPE, np.float32))
    for quick, plain in zip(*_both(lambda t: t.amin(dim=1), x, lambda s: _drawn(s, np.float32)), strict=True):
        np.testing.assert_allclose(quick, plain, rtol=1e-6)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_extrema_with_odd_values(odd):
    x = _drawn(SHAPE)
    x[2, 3] = odd
    _compare(lambda t: t.amax(dim=1), x)
    _compare(lambda t: t.amin(dim=0), x)


def test_the_variance_of_large_numbers_keeps_its_digits():
    x = _drawn(SHAPE, np.float32) + np.float32(1e4)
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
    _compare(lambda t: registry["nn.functional.gelu"].call(t, how), _drawn((900, 300)))


@pytest.mark.parametrize(("stride", "dilation"), [(2, 1), (3, 1), (1, 1), (2, 2)])
def test_maxima_of_windows_that_touch_or_do_not(stride, dilation):
    x = np.round(_drawn((2, 3, 9, 8)), 1)  # with equals

    def pool(t):
        return registry["nn.functional.max_pool2d"].call(t, 2, stride, dilation=dilation)

    t = autograd.tensor(x, requires_grad=True)
    y = pool(t)
    y.backward(autograd.tensor(_drawn(tuple(y.shape))))
    wanted, g = np.zeros_like(x), _drawn(tuple(y.shape))
    for n, c, i, j in np.ndindex(*g.shape):
        window = [(i * stride + a * dilation, j * stride + b * dilation) for a in (0, 1) for b in (0, 1)]
        wanted[(n, c, *max(window, key=lambda place: x[(n, c, *place)]))] += g[n, c, i, j]
    np.testing.assert_allclose(t.grad.numpy(), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.fast
@pytest.mark.parametrize("shape", [(3, 2, 2), (2, 3, 8, 6), (2, 1, 14, 10), (40, 6, 40, 30), (5, 4, 2, 2, 2)])
def test_the_way_back_to_maxima_of_two_by_two(shape):
    x = np.round(_drawn(shape, np.float32)).clip(0)  # with equals
    g = _drawn((*shape[:-2], shape[-2] // 2, shape[-1] // 2), np.float32, seed=1)
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


def _repeated(kind, shape):
    row, column = _drawn((1, shape[1]), seed=3), _drawn((shape[0], 1), seed=4)
    return np.broadcast_to({"rows": row, "columns": column, "both": row[:, :1], "neither": _drawn(shape)}[kind], shape)


@pytest.mark.fast
@pytest.mark.parametrize("left", ["rows", "columns", "both", "neither"])
@pytest.mark.parametrize("right", ["rows", "columns", "both", "neither"])
@pytest.mark.parametrize("shape", [(120, 90, 110), (1, 9000, 3), (9000, 1, 2), (2, 5000, 1)])
def test_products_of_repeated_rows_and_columns(left, right, shape):
    m, k, n = shape
    a, b = _repeated(left, (m, k)), _repeated(right, (k, n))
    found = _pieces.product(a, b)
    np.testing.assert_allclose(found, np.array(a) @ np.array(b), rtol=1e-10, atol=1e-10)
    assert found.flags.writeable
    assert 0 not in found.strides
    assert not np.may_share_memory(found, b)


@pytest.mark.parametrize(
    "reduced", [lambda y: y.sum(), lambda y: y.mean(), lambda y: y.sum(0).pow(2).sum(), lambda y: y.sum(1).exp().sum()]
)
def test_gradients_of_reduced_products(reduced):
    a, b = _drawn((150, 80)) / 10, _drawn((80, 90)) / 10
    for function, x in ((lambda t: t @ autograd.tensor(b), a), (lambda t: autograd.tensor(a) @ t, b),
                        (lambda t: F.linear(t, autograd.tensor(b.T.copy())), a), (lambda t: F.linear(autograd.tensor(a), t.T), b)):  # fmt: skip
        _compare(lambda t, function=function: reduced(function(t)), x, rtol=1e-9)


class Backwards(_parallel.Team):
    """A team whose threads take the pieces in another order."""

    def run(self, work, pieces, like=None, alone=()):
        super().run(work, pieces[::-1], like)


def _weights_gradient(kind):
    if kind == "layer norm":
        x, w = autograd.tensor(_drawn((3000, 500), np.float32)), autograd.ones(500, requires_grad=True)
        (F.layer_norm(x, (500,), w) ** 3).sum().backward()
        return w.grad.numpy()
    images = _drawn((60, 6, 20, 20) if kind == "shifted" else (300, 3, 11, 11), np.float32)
    x, w = autograd.tensor(images), autograd.tensor(_drawn((8, images.shape[1], 3, 3), np.float32), requires_grad=True)
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
    x = _drawn(shape).astype(dtype)
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
    x = _drawn(SHAPE)
    for function in (lambda t: t.relu().sum(), lambda t: t.relu().T, lambda t: t.relu().sum(dim=0)):
        _compare(function, x)


@pytest.mark.parametrize("shape", [(), (1, 1), (300,), (600, 1), (1, 300)])
def test_selecting_from_what_is_repeated(shape):
    mask, x, y = _drawn(SHAPE) > 0, _drawn(SHAPE, seed=1), np.asarray(_drawn(shape, seed=2))
    for first, second in ((x, y), (y, x), (x.T.copy().T, np.broadcast_to(y, SHAPE))):
        np.testing.assert_array_equal(_select.select(mask, first, second), np.where(mask, first, second))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("other", [2, 0.5, np.float32(0.5), np.float64(0.5), np.int64(3), 1j, None])
def test_selecting_from_arrays_and_numbers_of_all_dtypes(dtype, other):
    mask, x = _drawn(SHAPE) > 0, _drawn(SHAPE, seed=1).astype(dtype)
    other = _drawn(SHAPE, seed=2).astype(np.float32) if other is None else other
    for first, second in ((x, other), (other, x)):
        found, expected = _select.select(mask, first, second), np.where(mask, first, second)
        np.testing.assert_array_equal(found, expected)


def test_selecting_from_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="broadcast"):
        _select.select(_drawn(SHAPE) > 0, _drawn(SHAPE), np.zeros(7))


@pytest.mark.parametrize("rows", [50, 5000])
def test_rows_added_at_numbers_that_repeat(rows):
    index = np.random.default_rng(0).integers(0, rows, 400)
    values, out, wanted = _drawn((400, 7)), np.zeros((rows, 7)), np.zeros((rows, 7))
    _add_into_zeros(out, index, values)
    np.add.at(wanted, index, values)
    np.testing.assert_allclose(out, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.fast
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [400, 3000])
def test_infinite_rows_are_added_to_their_own_sums_only(bad, count):
    index = np.random.default_rng(0).integers(0, 40, count)
    values, out, wanted = _drawn((count, 7)), np.zeros((40, 7)), np.zeros((40, 7))
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
    _compare(lambda t: F.interpolate(t, size, mode=mode), _drawn((2, 3, 6, 8)), rtol=1e-12, atol=1e-12)


@pytest.mark.fast
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_infinite_pixels_reach_what_is_made_of_them_only(bad):
    x = _drawn((1, 1, 6, 8))
    x[0, 0, 2, 3] = bad

    def weights(shape):
        w = _drawn(shape)
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
        np.testing.assert_array_equal(_pieces.cleared(_drawn((2, 3)), (rows, 3)), np.zeros((rows, 3)))


CONVOLUTIONS = [
    ((5, 4, 9, 8), (5, 4, 3, 3), ((1, 1), (1, 1)), (1, 1), (1, 1), 1),
    ((5, 6, 9, 9), (6, 3, 2, 3), ((0, 1), (1, 1)), (1, 1), (2, 1), 2),
    ((9, 4, 11, 12), (3, 4, 3, 2), ((1, 2), (0, 1)), (2, 3), (1, 2), 1),
    ((9, 4, 11, 12), (3, 4, 3, 2), ((1, 2), (0, 1)), (1, 2), (1, 1), 1),
    ((4, 8, 30), (5, 8, 3), ((1, 2),), (1,), (2,), 1),
    ((1, 8, 31), (5, 8, 3), ((0, 0),), (2,), (1,), 1),
    ((2, 4, 6, 7, 5), (4, 4, 3, 2, 1), ((1, 1), (0, 1), (0, 0)), (1, 1, 2), (1, 2, 1), 1),
    ((3, 2, 8, 9), (4, 2, 3, 2), ((-1, 1), (0, -1)), (1, 1), (1, 1), 1),
    ((6, 30, 7, 7), (9, 10, 3, 3), ((1, 1), (1, 1)), (1, 1), (1, 1), 3),
    ((5, 4, 9, 8), (6, 4, 3, 3), ((0, 0), (0, 0)), (1, 1), (1, 1), 1),
]


# kernels smaller than, as large as and larger than the stride; phases that no window sees, or of unequal length
STRIDED = [
    ((3, 4, 9, 8), (5, 4, 3, 3), ((1, 1), (1, 1)), (2, 2), (1, 1), 1),
    ((3, 4, 8, 8), (2, 4, 4, 4), ((1, 1), (1, 1)), (2, 2), (1, 1), 1),
    ((2, 3, 11, 13), (4, 3, 1, 2), ((0, 0), (0, 0)), (3, 4), (1, 1), 1),
    ((2, 2, 16, 17), (3, 2, 7, 5), ((3, 2), (1, 4)), (2, 3), (1, 1), 1),
    ((3, 3, 9, 10), (4, 3, 3, 2), ((2, 1), (3, 0)), (1, 2), (3, 2), 1),
    ((3, 3, 9, 10), (4, 3, 2, 3), ((-1, 2), (1, -2)), (2, 2), (1, 3), 1),
    ((2, 2, 6, 7, 5), (3, 2, 3, 2, 3), ((1, 1), (0, 1), (2, 2)), (2, 3, 1), (1, 1, 1), 1),
]


def _convolutions(x, w, g, options):
    """The three products of `convolve`, the last two also together."""
    return (
        _columns.convolve(x, w, *options),
        _columns.convolve_input(g, w, x.shape[2:], *options),
        _columns.convolve_weight(x, g, w.shape[2:], *options),
        *_columns.convolve_gradients(g, x, w, *options),
    )


@pytest.mark.fast
@pytest.mark.parametrize(("x", "w", "pads", "stride", "dilation", "groups"), CONVOLUTIONS)
@pytest.mark.parametrize("block", [1 << 12, 1 << 20])
@pytest.mark.parametrize(("unpacked", "least"), [(900_000, 32), (1 << 10, 1), (1 << 12, 1), (1, 32)])
@pytest.mark.parametrize(("corner", "gathered"), [(1 << 10, 100), (40, 0)])
def test_convolution_row_by_row(
    x, w, pads, stride, dilation, groups, block, unpacked, least, corner, gathered, monkeypatch
):
    for name, value in {"_BLOCK": block, "UNPACKED": unpacked, "LEAST": least, "CORNER": corner, "SHARED": 0}.items():
        monkeypatch.setattr(_by_row, name, value)
    monkeypatch.setattr(_windows, "LEAST", least)
    monkeypatch.setattr(_columns, "_TURN", gathered)
    monkeypatch.setattr(_shifted, "_WASTE", 0)
    x, w = _drawn(x), _drawn(w, seed=1)
    out = _results(x, w, (stride, pads, dilation))
    layout = _by_row.Layout(x.shape, w.shape, stride, pads, dilation, out)
    assert layout.suits(x)
    assert layout.sums
    for lying in (x, _lying(x), np.repeat(x, 2, axis=-1)[..., ::2], x.astype(np.float32)):
        _check_convolutions(lying, w.astype(lying.dtype), (stride, pads, dilation, groups))


def _lying(x):
    """x with its first axis second in memory, and backwards."""
    return x[::-1].swapaxes(0, 1).copy().swapaxes(0, 1)[::-1]


@pytest.mark.fast
@pytest.mark.parametrize(("x", "w", "pads", "stride", "dilation", "groups"), CONVOLUTIONS)
@pytest.mark.parametrize("block", [1 << 12, 1 << 20])
def test_gradient_for_the_input_with_the_batch_last(x, w, pads, stride, dilation, groups, block, monkeypatch):
    for name, value in {"_BLOCK": block, "_RUN": 1, "SHARED": 0, "_FEW": 2, "PIECE": 1 << 14, "LEAST": 16}.items():
        monkeypatch.setattr(_batch_last, name, value)
    monkeypatch.setattr(_windows, "LEAST", 16)
    monkeypatch.setattr(_columns, "_TURN", 0)
    monkeypatch.setattr(_columns, "_SPLIT", 1 << 60)
    x, w = _drawn(x), _drawn(w, seed=1)
    out = _results(x, w, (stride, pads, dilation))
    assert _batch_last.Layout(x.shape, w.shape, stride, pads, dilation, out).suits(x)
    for dtype in (np.float32, np.float64):
        _check_convolutions(x.astype(dtype), w.astype(dtype), (stride, pads, dilation, groups))


@pytest.mark.fast
@pytest.mark.parametrize(("x", "w", "pads", "stride", "dilation", "groups"), [
    *(case for case in CONVOLUTIONS if case[5] == 1),
    ((3, 2, 9, 8), (7, 2, 3, 3), ((1, 1), (1, 1)), (1, 1), (1, 1), 1),
    ((3, 2, 7, 6), (3, 2, 1, 5), ((0, 0), (4, 4)), (1, 1), (1, 1), 1),
    ((3, 2, 3, 2), (2, 2, 2, 3), ((5, 4), (6, 3)), (1, 1), (2, 3), 1),
    ((2, 3, 40), (4, 3, 5), ((2, 2),), (1,), (1,), 1), *STRIDED])  # fmt: skip
@pytest.mark.parametrize("block", [1 << 12, 1 << 21])
@pytest.mark.parametrize("piece", [1 << 10, 1 << 11, 1 << 18])
@pytest.mark.parametrize(("shared", "unpacked"), [(0, 8), (1 << 22, 1)])
def test_convolution_by_shifts(x, w, pads, stride, dilation, groups, block, piece, shared, unpacked, monkeypatch):
    for name, value in {
        "_BLOCK": block,
        "PIECE": piece,
        "UNPACKED": piece * unpacked,
        "SHARED": shared,
        "_WASTE": 9,
        "_LEAST": 1,
        "_LONG": 1,
    }.items():
        monkeypatch.setattr(_shifted, name, value)
    monkeypatch.setattr(_strided, "_LEAST", 1)
    monkeypatch.setattr(_columns, "_SPLIT", 0)
    monkeypatch.setattr(_by_row, "_LIGHT", 0)
    x, w = _drawn(x), _drawn(w, seed=1)
    out = _results(x, w, (stride, pads, dilation))
    if piece == 1 << 18:
        layout = _strided.layout(x.shape, len(w), w.shape[2:], stride, pads, dilation, out)
        assert _shifted.possible(x, groups)
        assert layout.suits
        assert layout.suits_weight
    _check_convolutions(x, w, (stride, pads, dilation, groups))


@pytest.mark.fast
@pytest.mark.parametrize(("x", "w", "pads", "stride", "dilation", "groups"), STRIDED)
@pytest.mark.parametrize("block", [1 << 8, 1 << 13, 1 << 21])
def test_strided_convolution_by_products_of_many_images(x, w, pads, stride, dilation, groups, block, monkeypatch):
    for module, name, value in (
        (_by_row, "_LIGHT", 0),
        (_shifted, "PIECE", 1),
        (_shifted, "UNPACKED", 1),
        (_shifted, "_WASTE", 9),
        (_strided, "_LEAST", 1),
        (_windows, "BLOCK", block),
    ):
        monkeypatch.setattr(module, name, value)
    x, w = _drawn(x), _drawn(w, seed=1)
    layout = _strided.layout(
        x.shape, *w.shape[:1], w.shape[2:], stride, pads, dilation, _results(x, w, (stride, pads, dilation))
    )
    assert layout.joins
    assert not layout.suits
    assert not layout.suits_weight
    _check_convolutions(x, w, (stride, pads, dilation, groups))


@pytest.mark.fast
@pytest.mark.parametrize(("x", "w", "pads", "dilation"), [
    *((x, w, pads, dilation) for x, w, pads, stride, dilation, groups in CONVOLUTIONS if groups == max(stride) == 1),
    ((3, 2, 7, 6), (3, 2, 1, 5), ((0, 0), (4, 4)), (1, 1)),
    ((3, 2, 3, 2), (2, 2, 2, 3), ((5, 4), (6, 3)), (2, 3)),
    ((3, 5, 9, 8), (2, 5, 3, 3), ((-4, 2), (2, -5)), (1, 1)),
    ((2, 3, 5, 6, 7), (4, 3, 3, 2, 3), ((1, 1), (0, 2), (2, 1)), (1, 2, 1)),
    ((2, 3, 4, 1), (2, 3, 3, 1), ((1, 1), (0, 0)), (1, 1)),
])  # fmt: skip
@pytest.mark.parametrize("block", [1, 1 << 12, 1 << 23])
def test_convolution_by_products_of_joined_rows(x, w, pads, dilation, block, monkeypatch):
    for module, name, value in (
        (_by_row, "_LIGHT", 0),
        (_shifted, "PIECE", 1),
        (_shifted, "UNPACKED", 1),
        (_shifted, "_MANY", 0),
        (_joined, "_BLOCK", block),
        (_columns, "_NEAR", (99, 99)),
    ):
        monkeypatch.setattr(module, name, value)
    used, stride = [], (1,) * len(dilation)
    for name in ("convolve_joined", "convolve_weight_joined", "convolve_both"):
        real = getattr(_joined, name)
        monkeypatch.setattr(_joined, name, lambda *given, n=name, f=real: used.append(n) or f(*given))
    x, w = _drawn(x), _drawn(w, seed=1)
    for lying in (x, _lying(x), np.repeat(x, 2, axis=-1)[..., ::2], x.astype(np.float32)):
        _check_convolutions(lying, w.astype(lying.dtype), (stride, pads, dilation, 1))
    assert set(used) == {"convolve_joined", "convolve_weight_joined", "convolve_both"}


@pytest.mark.fast
@pytest.mark.parametrize("kind", ["pieces", "joined"])
def test_strided_convolution_keeps_what_is_infinite_apart(kind, monkeypatch):
    monkeypatch.setattr(_strided, "_LEAST", 1)
    monkeypatch.setattr(_columns, "_SPLIT", 0)
    if kind == "joined":
        monkeypatch.setattr(_shifted, "PIECE", 1)
        monkeypatch.setattr(_shifted, "UNPACKED", 1)
    monkeypatch.setattr(_shifted, "_WASTE", 9)
    x, w = _drawn((2, 2, 11, 12)), _drawn((2, 2, 3, 3), seed=1)
    x[0, 0, 0, 0], x[1, 1, 5, 11] = np.inf, np.nan
    with np.errstate(invalid="ignore"):
        for pads in (((0, 0), (0, 0)), ((1, 1), (1, 1))):
            _check_convolutions(x, w, ((2, 2), pads, (1, 1), 1))


@pytest.mark.fast
@pytest.mark.parametrize(("size", "kernel", "pads", "dilation"), [
    ((9, 8), (3, 3), ((1, 1), (1, 1)), (1, 1)), ((9, 10), (3, 2), ((2, 1), (0, 3)), (2, 3)), ((30,), (5,), ((2, 2),), (1,))])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_one_filter_per_channel(size, kernel, pads, dilation, dtype, monkeypatch):
    monkeypatch.setattr(_windows, "BLOCK", 1 << 12)
    x, w = _drawn((3, 4, *size)).astype(dtype), _drawn((4, 1, *kernel), seed=1).astype(dtype)
    if dtype == np.complex128:
        x, w = x + 1j * x[::-1], w - 2j * w[::-1]
    _check_convolutions(x, w, ((1,) * len(size), pads, dilation, 4))


@pytest.mark.fast
@pytest.mark.parametrize(("size", "kernel", "stride", "pads", "dilation"), [
    ((9, 8), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)),
    ((9, 10), (3, 2), (1, 1), ((2, 1), (0, 3)), (2, 3)),
    ((30,), (5,), (1,), ((2, 2),), (1,)),
    ((31,), (4,), (2,), ((1, 2),), (3,)),
    ((11, 30), (3, 5), (2, 3), ((1, 2), (4, 1)), (1, 2)),
    ((9, 10), (3, 3), (1, 2), ((-1, 1), (1, -2)), (1, 1)),
    ((4, 5), (1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    ((2, 2), (2, 2), (3, 3), ((3, 4), (5, 4)), (2, 2))])  # fmt: skip
@pytest.mark.parametrize("tile", [1, 4, 48])
@pytest.mark.parametrize(("block", "shared"), [(1, 0), (1 << 22, 1 << 30)])
def test_one_filter_per_channel_by_bands(size, kernel, stride, pads, dilation, tile, block, shared, monkeypatch):
    for name, value in {"_MANY": 0, "_TILE": tile, "_BLOCK": block, "SHARED": shared}.items():
        monkeypatch.setattr(_banded, name, value)
    used = []
    for name in ("convolve", "convolve_input"):
        real = getattr(_banded, name)
        monkeypatch.setattr(_banded, name, lambda *given, n=name, f=real: used.append(n) or f(*given))
    x, w = _drawn((3, 4, *size)), _drawn((4, 1, *kernel), seed=1)
    for lying in (x, _lying(x), x.astype(np.float32)):
        _check_convolutions(lying, w.astype(lying.dtype), (stride, pads, dilation, 4))
    assert {"convolve", "convolve_input"} == set(used)


def test_one_filter_per_channel_sees_only_zeros_around_empty_rows():
    y = F.conv2d(autograd.zeros(2, 3, 4, 0), autograd.ones(3, 1, 3, 3), padding=2, groups=3)
    assert y.tolist() == np.zeros((2, 3, 6, 2)).tolist()


@pytest.mark.fast
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bands_are_not_multiplied_with_what_is_infinite(bad, monkeypatch):
    monkeypatch.setattr(_banded, "_MANY", 0)
    x, w = _drawn((2, 3, 6, 7)), _drawn((3, 1, 3, 3), seed=1)
    x[0, 1, 2, 3] = bad
    with np.errstate(invalid="ignore"):
        _check_convolutions(x, w, ((1, 1), ((1, 1), (1, 1)), (1, 1), 3))
        assert np.isfinite(_columns.convolve(x, w, (1, 1), ((1, 1), (1, 1)), (1, 1), 3)).sum() == 2 * 3 * 6 * 7 - 9


def test_a_window_of_the_whole_image_is_a_row_of_a_matrix():
    x, w, g = _drawn((3, 4, 5, 2)), _drawn((6, 4, 5, 2), seed=1), _drawn((3, 6, 1, 1), seed=2)
    y, gx, gw, *_ = _convolutions(x, w, g, ((2, 1), ((0, 0), (0, 0)), (1, 1), 1))
    np.testing.assert_allclose(y[:, :, 0, 0], np.einsum("nchw,ochw->no", x, w), rtol=1e-12)
    np.testing.assert_allclose(gx, np.einsum("no,ochw->nchw", g[:, :, 0, 0], w), rtol=1e-12)
    np.testing.assert_allclose(gw, np.einsum("no,nchw->ochw", g[:, :, 0, 0], x), rtol=1e-12)


@pytest.mark.fast
@pytest.mark.parametrize("block", [1, 1 << 21])
def test_convolution_where_no_piece_is_small_enough_and_no_memory_is_kept(block, monkeypatch):
    monkeypatch.setattr(_by_row, "_LIGHT", 0)
    monkeypatch.setattr(_shifted, "PIECE", 1)
    monkeypatch.setattr(_shifted, "UNPACKED", 1)
    monkeypatch.setattr(_shifted, "_WASTE", 9)
    monkeypatch.setattr(_windows, "BLOCK", block)
    monkeypatch.setattr(_windows, "_own", _windows._Own())
    x, w = _drawn((5, 4, 9, 8)), _drawn((5, 4, 3, 3), seed=1)
    options = ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    layout = _shifted.Layout(x.shape, len(w), w.shape[2:], *options[1:3], _results(x, w, options[:3]))
    assert not layout.suits
    assert not layout.suits_weight
    _check_convolutions(x, w, options)
    assert all(held.nbytes <= 8 * block for held in _windows._own.buffers.values())
    assert not _windows._own.views or block > 1


@pytest.mark.fast
@pytest.mark.parametrize(("light", "joined"), [(0, False), (1 << 13, False), (0, True)])
def test_convolution_keeps_what_is_infinite_apart(light, joined, monkeypatch):
    monkeypatch.setattr(_by_row, "_LIGHT", light)
    monkeypatch.setattr(_shifted, "_WASTE", 9)
    if joined:
        for name, value in {"PIECE": 1, "UNPACKED": 1, "_MANY": 0}.items():
            monkeypatch.setattr(_shifted, name, value)
    x, w = _drawn((2, 2, 14, 14)), _drawn((2, 2, 3, 3), seed=1)
    x[1, 0, 5, 13] = -np.inf  # behind the results of a row
    x[0, 0, 0, 0], x[1, 1, 5, 11] = np.inf, np.nan
    with np.errstate(invalid="ignore"):
        _check_convolutions(x, w, ((1, 1), ((0, 0), (0, 0)), (1, 1), 1))


@pytest.mark.fast
@pytest.mark.parametrize(("x", "w", "pads", "dilation"), [
    ((5, 32, 16, 16), (32, 32, 3, 3), ((1, 1), (1, 1)), (1, 1)),
    ((3, 40, 14, 13), (24, 40, 3, 3), ((2, 2), (2, 2)), (2, 2)),
    ((4, 40, 11, 12), (40, 40, 2, 3), ((1, 0), (2, 0)), (1, 1)),
    ((6, 16, 130), (24, 16, 3), ((1, 1),), (1,))])  # fmt: skip
@pytest.mark.parametrize("block", [1 << 14, 1 << 20])
def test_both_gradients_of_a_convolution_from_the_same_columns(x, w, pads, dilation, block, monkeypatch):
    calls, both = [], _shifted.convolve_both
    monkeypatch.setattr(_by_row, "_LIGHT", 0)
    monkeypatch.setattr(_shifted, "convolve_both", lambda *args: calls.append(args) or both(*args))
    monkeypatch.setattr(_shifted, "_BLOCK", block)
    monkeypatch.setattr(_shifted, "_AT_ONCE", range(block))
    monkeypatch.setattr(_shifted, "SHARED", 0)
    x, w, one = _drawn(x), _drawn(w, seed=1), (1,) * len(pads)
    _check_convolutions(x, w, (one, pads, dilation, 1))
    assert len(calls) == 3


@pytest.mark.fast
def test_an_infinite_gradient_reaches_the_weights_of_what_it_has_seen_only(monkeypatch):
    monkeypatch.setattr(_by_row, "_LIGHT", 0)
    monkeypatch.setattr(_shifted, "_WASTE", 9)
    x, w, g = _drawn((2, 2, 14, 14)), _drawn((2, 2, 3, 3), seed=1), _drawn((2, 2, 16, 16), seed=2)
    g[0, 1, 5, 15] = np.inf  # it sees the last column of x, at the first place of a row
    with np.errstate(invalid="ignore"):
        gw = _columns.convolve_gradients(g, x, w, (1, 1), ((2, 2), (2, 2)), (1, 1), 1)[1]
    assert np.isfinite(gw[0]).all()
    assert np.isfinite(gw[1, :, :, 1:]).all()
    assert np.isinf(gw[1, :, :, 0]).all()


@pytest.mark.fast
@pytest.mark.parametrize("shape", [(0, 32, 16, 16), (5, 32, 16, 16)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_both_gradients_of_no_images_and_in_half_precision(shape, dtype):
    x, w, g = (
        _drawn(shape).astype(dtype),
        _drawn((32, 32, 3, 3), seed=1).astype(dtype),
        _drawn(shape, seed=2).astype(dtype),
    )
    options = (1, 1), ((1, 1), (1, 1)), (1, 1), 1
    gx, gw = _columns.convolve_gradients(g, x, w, *options)
    wide = [a.astype(np.float64) for a in (g, x, w)]
    for found, exact in zip((gx, gw), _columns.convolve_gradients(*wide, *options), strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=4 * np.finfo(dtype).eps, atol=1e-3)


def test_the_bias_of_a_convolution_of_no_images():
    bias = autograd.ones(4, requires_grad=True)
    F.conv2d(autograd.zeros(0, 3, 6, 6), autograd.ones(4, 3, 3, 3), bias).sum().backward()
    assert bias.grad.tolist() == [0.0] * 4


def test_a_convolution_makes_only_the_gradients_that_are_needed(monkeypatch):
    x, layer = autograd.randn(2, 3, 6, 6), autograd.randn(4, 3, 3, 3, requires_grad=True)
    monkeypatch.setattr(_columns, "convolve_input", None)
    monkeypatch.setattr(_columns, "convolve_gradients", None)
    F.conv2d(x, layer).sum().backward()
    assert layer.grad is not None
    monkeypatch.undo()
    monkeypatch.setattr(_columns, "convolve_weight", None)
    monkeypatch.setattr(_columns, "convolve_gradients", None)
    F.conv2d(x.requires_grad_(), layer.detach()).sum().backward()
    assert x.grad is not None


def test_views_of_memory_that_has_been_replaced_are_given_up(monkeypatch):
    monkeypatch.setattr(_windows, "_own", _windows._Own())
    like = np.empty(0)
    small = _windows.kept(lambda: _windows.scratch(like, (1 << 15,)), "small")
    assert _windows.kept(lambda: _windows.scratch(like, (1 << 15,)), "small") is small
    _windows.scratch(like, (1 << 16,))
    assert not _windows._own.views
    assert not np.shares_memory(_windows.kept(lambda: _windows.scratch(like, (1 << 15,)), "small"), small)


def _results(x, w, options):
    return _columns.out_size(x.shape[2:], w.shape[2:], *options)


def _check_convolutions(x, w, options):
    """Also with a gradient that does not lie as images do, and with one that is the same everywhere."""
    g = _drawn((len(x), len(w), *_results(x, w, options[:3])), seed=2).astype(x.dtype)
    tolerance = 1e-10 if x.dtype.itemsize >= 8 else 2e-4
    for given in (g, np.repeat(g, 2, axis=-1)[..., ::2], np.broadcast_to(g[:1, :1], g.shape)):
        quick = _convolutions(x, w, given, options)
        with autograd.fast_paths(False):
            plain = _convolutions(x, w, given, options)
        for a, b in zip(quick, plain, strict=True):
            assert a.shape == b.shape
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("columns", "least", "expected"), [
    (24, 4, [(1, 24)]), (40, 4, [(2, 16), (1, 8)]), (64, 4, [(4, 16)]), (33, 4, [(2, 16), (1, 1)]), (3, 4, [(1, 3)]), (1000, 30, [(1, 1000)])])  # fmt: skip
def test_columns_are_cut_into_pieces_that_products_may_have(columns, least, expected, monkeypatch):
    _cut(_drawn((2, 3, columns)), 24, least, expected, monkeypatch)


@pytest.mark.parametrize(("columns", "most", "expected"), [
    (3200, 546, [(5, 544), (1, 480)]), (90, 50, [(1, 48), (1, 42)]), (96, 50, [(2, 48)]), (41, 12, [(3, 11), (1, 8)])])  # fmt: skip
def test_such_pieces_begin_at_cache_lines_where_they_are_longer(columns, most, expected, monkeypatch):
    _cut(_drawn((2, 3, columns)), most, 4, expected, monkeypatch)


def _cut(a, most, least, expected, monkeypatch):
    monkeypatch.setattr(_windows, "LEAST", least)
    parts = _windows.cut(a, most)
    assert [(p.shape[1], p.shape[3]) for p in parts] == expected
    joined = [p.swapaxes(1, 2).reshape(*a.shape[:2], -1) for p in parts]
    np.testing.assert_array_equal(np.concatenate(joined, axis=2), a)


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


def _normalised(function, shapes, quick, dtype):
    """function's value and gradients for arrays of these shapes."""
    given = [None if s is None else autograd.tensor(1 + _drawn(s, dtype, i)) for i, s in enumerate(shapes)]
    wanted = [t.requires_grad_() for t in given if t is not None]
    with autograd.fast_paths(quick):
        y = function(*given)
        gradients = autograd.grad((y * autograd.tensor(_drawn(tuple(y.shape), dtype, 7))).sum(), wanted)
    return [t.detach().numpy() for t in (y, *gradients)]


_NORMS = {
    "a few blocks of rows": (lambda x, w, b: F.layer_norm(x, x.shape[1:], w, b), (500, 300), (300,)),
    "rows shared between threads": (lambda x, w, b: F.layer_norm(x, x.shape[1:], w, b), (1100, 3, 100), (3, 100)),
    "rows longer than a block": (lambda x, w, b: F.layer_norm(x, x.shape[1:], w, b), (3, 70_000), (70_000,)),
    "small images": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (16, 32, 9, 8), (32,)),
    "images shared between threads": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (21, 24, 25, 32), (24,)),
    "channels larger than a block": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (3, 2, 300, 300), (2,)),
    "a table": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (700, 500), (500,)),
}


@pytest.mark.parametrize("case", list(_NORMS))
@pytest.mark.parametrize("given", ["both", "weight", "bias", "neither"])
def test_normalisation_in_blocks(case, given):
    function, shape, own = _NORMS[case]
    shapes = (shape, own if given in ("both", "weight") else None, own if given in ("both", "bias") else None)
    for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 2e-4)):
        for quick, plain in zip(*(_normalised(function, shapes, q, dtype) for q in (True, False)), strict=True):
            assert quick.dtype == plain.dtype == dtype
            np.testing.assert_allclose(quick, plain, rtol=tolerance, atol=tolerance * np.abs(plain).max())


@pytest.mark.parametrize("case", list(_NORMS))
def test_normalisation_keeps_the_digits_of_numbers_far_from_zero(case):
    function, shape, _ = _NORMS[case]
    x = _drawn(shape, np.float32) + np.float32(1000)
    exact = function(autograd.tensor(x.astype(np.float64)), None, None).numpy()
    np.testing.assert_allclose(function(autograd.tensor(x), None, None).numpy(), exact, atol=2e-3)


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slopes_in_pieces(name, dtype):
    x = _drawn((700, 1200), dtype)
    weights = lambda shape: _drawn(shape, dtype, 1)  # noqa: E731
    for quick, plain in zip(*_both(getattr(autograd, name), x, weights), strict=True):
        assert quick.dtype == plain.dtype == dtype
        np.testing.assert_array_equal(quick, plain)
    t = autograd.tensor(x, requires_grad=True)
    (slope,) = autograd.grad(getattr(autograd, name)(t).sum(), t, create_graph=True)
    (bend,) = autograd.grad(slope.sum(), t)
    y = np.tanh(x.astype(np.float64)) if name == "tanh" else 1 / (1 + np.exp(-x.astype(np.float64)))
    wanted = -2 * y * (1 - y * y) if name == "tanh" else y * (1 - y) * (1 - 2 * y)
    np.testing.assert_allclose(bend.numpy(), wanted, atol=1e-5)
