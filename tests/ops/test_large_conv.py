"""Convolutions' kernels, which work in blocks and on several cores, against the plain forms."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd.ops import _banded, _batch_last, _by_row, _columns, _joined, _shifted, _strided, _windows
from tests.ops._drawn import drawn

pytestmark = pytest.mark.usefixtures("three_threads")

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
    x, w = drawn(x), drawn(w, seed=1)
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
    x, w = drawn(x), drawn(w, seed=1)
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
    x, w = drawn(x), drawn(w, seed=1)
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
    x, w = drawn(x), drawn(w, seed=1)
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
    x, w = drawn(x), drawn(w, seed=1)
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
    x, w = drawn((2, 2, 11, 12)), drawn((2, 2, 3, 3), seed=1)
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
    x, w = drawn((3, 4, *size)).astype(dtype), drawn((4, 1, *kernel), seed=1).astype(dtype)
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
    x, w = drawn((3, 4, *size)), drawn((4, 1, *kernel), seed=1)
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
    x, w = drawn((2, 3, 6, 7)), drawn((3, 1, 3, 3), seed=1)
    x[0, 1, 2, 3] = bad
    with np.errstate(invalid="ignore"):
        _check_convolutions(x, w, ((1, 1), ((1, 1), (1, 1)), (1, 1), 3))
        assert np.isfinite(_columns.convolve(x, w, (1, 1), ((1, 1), (1, 1)), (1, 1), 3)).sum() == 2 * 3 * 6 * 7 - 9


def test_a_window_of_the_whole_image_is_a_row_of_a_matrix():
    x, w, g = drawn((3, 4, 5, 2)), drawn((6, 4, 5, 2), seed=1), drawn((3, 6, 1, 1), seed=2)
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
    x, w = drawn((5, 4, 9, 8)), drawn((5, 4, 3, 3), seed=1)
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
    x, w = drawn((2, 2, 14, 14)), drawn((2, 2, 3, 3), seed=1)
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
    monkeypatch.setattr(_shifted, "UNPACKED", 900_000)
    monkeypatch.setattr(_shifted, "_BLOCK", block)
    monkeypatch.setattr(_shifted, "_AT_ONCE", range(block))
    monkeypatch.setattr(_shifted, "SHARED", 0)
    x, w, one = drawn(x), drawn(w, seed=1), (1,) * len(pads)
    _check_convolutions(x, w, (one, pads, dilation, 1))
    assert len(calls) == 3


@pytest.mark.fast
def test_an_infinite_gradient_reaches_the_weights_of_what_it_has_seen_only(monkeypatch):
    monkeypatch.setattr(_by_row, "_LIGHT", 0)
    monkeypatch.setattr(_shifted, "_WASTE", 9)
    x, w, g = drawn((2, 2, 14, 14)), drawn((2, 2, 3, 3), seed=1), drawn((2, 2, 16, 16), seed=2)
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
        drawn(shape).astype(dtype),
        drawn((32, 32, 3, 3), seed=1).astype(dtype),
        drawn(shape, seed=2).astype(dtype),
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
    g = drawn((len(x), len(w), *_results(x, w, options[:3])), seed=2).astype(x.dtype)
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
    _cut(drawn((2, 3, columns)), 24, least, expected, monkeypatch)


@pytest.mark.parametrize(("columns", "most", "expected"), [
    (3200, 546, [(5, 544), (1, 480)]), (90, 50, [(1, 48), (1, 42)]), (96, 50, [(2, 48)]), (41, 12, [(3, 11), (1, 8)])])  # fmt: skip
def test_such_pieces_begin_at_cache_lines_where_they_are_longer(columns, most, expected, monkeypatch):
    _cut(drawn((2, 3, columns)), most, 4, expected, monkeypatch)


def _cut(a, most, least, expected, monkeypatch):
    monkeypatch.setattr(_windows, "LEAST", least)
    parts = _windows.cut(a, most)
    assert [(p.shape[1], p.shape[3]) for p in parts] == expected
    joined = [p.swapaxes(1, 2).reshape(*a.shape[:2], -1) for p in parts]
    np.testing.assert_array_equal(np.concatenate(joined, axis=2), a)
