"""Layer and batch normalisation of large arrays, whose rows or channels several cores share, against the plain forms."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import _parallel
from autograd.ops import _channel_norm, _row_norm
from tests.ops._drawn import Backwards, drawn

pytestmark = pytest.mark.usefixtures("three_threads")


def _found(function, x):
    """The value and the gradient of function(x), weighted."""
    t = autograd.tensor(x, requires_grad=True)
    y = function(t)
    (y * autograd.tensor(drawn(tuple(y.shape), seed=9))).sum().backward()
    return y.detach().numpy(), t.grad.numpy()


def _compare(function, x):
    quick = _found(function, x)
    with autograd.fast_paths(False):
        plain = _found(function, x)
    for a, b in zip(quick, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 7, 500, 1024, 4096, 10_000])
@pytest.mark.parametrize("bytes_each", [4, 3072, 1 << 22])
@pytest.mark.parametrize("sums", [1, 32, 1000])
def test_pieces_are_long_where_cores_share_them(cores, count, bytes_each, sums, monkeypatch):
    monkeypatch.setattr(_parallel, "team", _parallel.Team(cores))
    found = _parallel.pieces(count, bytes_each, 1 << 16, sums)
    assert [i for part in found for i in range(part.start, part.stop)] == list(range(count))
    length = found[0].stop
    if cores == 1:
        assert length == min(max((1 << 16) // bytes_each, 1), count)
    least = max(_parallel._LARGE // bytes_each, -(-_parallel.FREE // sums))
    if count >= cores * least:
        part = -(-count // cores)
        assert cores == 1 or least <= length <= max(2 * least, min(part, 2 * _parallel._WHOLE // bytes_each + 1))
        assert len(found) >= cores
    if cores > 1 and 2 * least * cores <= count and count * bytes_each < 2 * _parallel._WHOLE * cores:
        assert len(found) == cores  # a part for each, of one long call after the other


def test_one_core_has_two_rows_of_a_gigabyte_one_after_the_other(monkeypatch):
    monkeypatch.setattr(_parallel, "team", _parallel.Team(1))
    assert _parallel.pieces(2, 1 << 30, 1 << 18) == [slice(0, 1), slice(1, 2)]


@pytest.mark.parametrize(("rows", "width"), [(1, 1), (127, 5), (512, 768), (515, 768), (700, 1500), (3, 1 << 18)])
@pytest.mark.parametrize("piece", [1, 1 << 9, 1 << 18])
def test_sums_of_columns_twice(rows, width, piece, monkeypatch):
    monkeypatch.setattr(_row_norm, "PIECE", piece)
    x, factors = drawn((rows, width)), drawn((rows, 1), seed=1)
    plain, weighted = _row_norm._column_sums(x, factors)
    np.testing.assert_allclose(plain, x.sum(0), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(weighted, (x * factors).sum(0), rtol=1e-9, atol=1e-11)


@pytest.mark.fast
@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize("shape", [(40, 12, 30, 31), (700, 3, 13, 13), (2, 600, 16, 16), (3, 2, 60_000)])
def test_channels_of_large_images_are_normalised(cores, shape, monkeypatch):
    monkeypatch.setattr(_parallel, "team", _parallel.Team(cores))
    weight, bias = (autograd.tensor(drawn((shape[1],), seed=i)) for i in (1, 2))
    _compare(lambda t: F.batch_norm(t, None, None, weight, bias, training=True), drawn(shape))
    x, g = drawn(shape, np.float32), drawn(shape, np.float32, seed=1)
    given = np.ones(shape[1], np.float32), np.zeros(shape[1], np.float32)
    y, *moments = _channel_norm.forward(x, *given, 1e-5)
    slopes = _channel_norm.backward(g, x, given[0], *moments, 1e-5, (True, True, True))
    monkeypatch.setattr(_parallel, "team", Backwards(cores))
    for a, b in zip((y, *moments), _channel_norm.forward(x, *given, 1e-5), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(slopes, _channel_norm.backward(g, x, given[0], *moments, 1e-5, (True, True, True)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.fast
@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1100, 300), (3000, 100), (90, 4000), (2, 200_000)])
def test_many_rows_are_normalised(cores, shape, monkeypatch):
    monkeypatch.setattr(_parallel, "team", _parallel.Team(cores))
    weight, bias = (autograd.tensor(drawn(shape[1:], seed=i), requires_grad=True) for i in (1, 2))
    _compare(lambda t: F.layer_norm(t, shape[1:], weight, bias), drawn(shape))
    x = autograd.tensor(drawn(shape))
    _compare(lambda t: F.layer_norm(x, shape[1:], t, bias), weight.detach().numpy())


def _normalised(function, shapes, quick, dtype):
    """function's value and gradients for arrays of these shapes."""
    given = [None if s is None else autograd.tensor(1 + drawn(s, dtype, i)) for i, s in enumerate(shapes)]
    wanted = [t.requires_grad_() for t in given if t is not None]
    with autograd.fast_paths(quick):
        y = function(*given)
        gradients = autograd.grad((y * autograd.tensor(drawn(tuple(y.shape), dtype, 7))).sum(), wanted)
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
    x = drawn(shape, np.float32) + np.float32(1000)
    exact = function(autograd.tensor(x.astype(np.float64)), None, None).numpy()
    np.testing.assert_allclose(function(autograd.tensor(x), None, None).numpy(), exact, atol=2e-3)
