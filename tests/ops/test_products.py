"""The forms in which matrices are multiplied, against NumPy's product."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd.ops import _products, distance, matmul
from tests.ops._drawn import drawn


def _repeated(kind, shape):
    row, column = drawn((1, shape[1]), seed=3), drawn((shape[0], 1), seed=4)
    return np.broadcast_to({"rows": row, "columns": column, "both": row[:, :1], "neither": drawn(shape)}[kind], shape)


@pytest.mark.fast
@pytest.mark.parametrize("left", ["rows", "columns", "both", "neither"])
@pytest.mark.parametrize("right", ["rows", "columns", "both", "neither"])
@pytest.mark.parametrize("shape", [(120, 90, 110), (1, 9000, 3), (9000, 1, 2), (2, 5000, 1)])
def test_products_of_repeated_rows_and_columns(left, right, shape):
    m, k, n = shape
    a, b = _repeated(left, (m, k)), _repeated(right, (k, n))
    found = _products.product(a, b)
    np.testing.assert_allclose(found, np.array(a) @ np.array(b), rtol=1e-10, atol=1e-10)
    assert found.flags.writeable
    assert 0 not in found.strides
    assert not np.may_share_memory(found, b)


@pytest.mark.parametrize(
    "reduced", [lambda y: y.sum(), lambda y: y.mean(), lambda y: y.sum(0).pow(2).sum(), lambda y: y.sum(1).exp().sum()]
)
def test_gradients_of_reduced_products(reduced):
    a, b = drawn((150, 80)) / 10, drawn((80, 90)) / 10
    for function, x in ((lambda t: t @ autograd.tensor(b), a), (lambda t: autograd.tensor(a) @ t, b),
                        (lambda t: F.linear(t, autograd.tensor(b.T.copy())), a), (lambda t: F.linear(autograd.tensor(a), t.T), b)):  # fmt: skip
        for mode in (True, False):
            with autograd.fast_paths(mode):
                t = autograd.tensor(x, requires_grad=True)
                reduced(function(t)).backward()
                found = t.grad.numpy() if mode else found  # noqa: F821
        np.testing.assert_allclose(found, t.grad.numpy(), rtol=1e-9, atol=1e-12)


def _as_lying(a, how):
    """The same numbers: row after row, column after column, backwards, or with gaps."""
    return {
        "rows": a.copy(),
        "columns": np.asfortranarray(a),
        "backwards": a[::-1, ::-1].copy()[::-1, ::-1],
        "gaps": np.repeat(a, 2, axis=1)[:, ::2],
    }[how]


@pytest.fixture
def taken(monkeypatch):
    """The ways in which products were made; already small ones go them."""
    monkeypatch.setattr(_products, "LIGHT", 100)
    monkeypatch.setattr(_products, "UNPACKED", 500)
    monkeypatch.setattr(_products, "PIECE", 100)
    monkeypatch.setattr(_products, "_SHALLOW", (6, 3000))
    monkeypatch.setattr(_products, "_SHALLOWER", (2, 8000))
    monkeypatch.setattr(_products, "_FEW_ROWS", 18)
    monkeypatch.setattr(_products, "_ALONE", 5000)
    monkeypatch.setattr(_products, "_DEEP", 3)
    monkeypatch.setattr(_products, "_TILE", 60)
    found: list = []
    for name in ("_in_strips", "_in_tiles"):
        way = getattr(_products, name)
        monkeypatch.setattr(_products, name, lambda *given, way=way, name=name: found.append(name) or way(*given))
    return found


@pytest.mark.fast
@pytest.mark.parametrize("left", ["rows", "columns", "backwards", "gaps"])
@pytest.mark.parametrize("right", ["rows", "columns", "backwards", "gaps"])
@pytest.mark.parametrize(
    "shape", [(9, 5, 31), (31, 5, 9), (2, 90, 17), (17, 90, 2), (1, 40, 40), (3, 7, 127), (5, 3, 7)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_products_in_pieces(left, right, shape, dtype, taken):
    m, k, n = shape
    a, b = drawn((m, k), dtype), drawn((k, n), dtype, seed=1)
    found = _products.product(_as_lying(a, left), _as_lying(b, right))
    assert found.dtype == dtype
    assert found.flags.c_contiguous
    assert found.flags.owndata
    np.testing.assert_allclose(found, np.einsum("ij,jk->ik", a, b), rtol=1e-4, atol=1e-4)


@pytest.mark.fast
@pytest.mark.parametrize(("left", "right", "shape", "expected"), [
    ("rows", "rows", (9, 5, 31), ["_in_strips"]), ("columns", "rows", (31, 5, 9), ["_in_strips"]),
    ("rows", "rows", (9, 5, 11), []), ("rows", "rows", (31, 5, 31), []),  # small enough, too large
    ("rows", "rows", (60, 2, 60), ["_in_strips"]), ("rows", "rows", (60, 2, 70), []), ("rows", "rows", (31, 7, 9), []),
    ("rows", "rows", (9, 7, 31), ["_in_strips"]), ("rows", "rows", (9, 30, 31), []), ("rows", "rows", (10, 7, 31), []),
    ("rows", "columns", (9, 5, 31), ["_in_tiles"]), ("rows", "columns", (7, 5, 9), ["_in_tiles"]),
    ("rows", "columns", (6, 5, 9), []), ("rows", "columns", (10, 5, 9), []), ("rows", "columns", (9, 2, 31), []),
    ("columns", "columns", (9, 5, 31), []), ("gaps", "columns", (9, 5, 31), []),
    ("rows", "rows", (1, 40, 40), []), ("rows", "rows", (40, 40, 1), []), ("columns", "rows", (40, 1, 40), []),
    ("rows", "columns", (1, 40, 40), [])])  # fmt: skip
def test_which_products_are_made_in_pieces(left, right, shape, expected, taken):
    m, k, n = shape
    _products.product(_as_lying(drawn((m, k)), left), _as_lying(drawn((k, n)), right))
    assert taken == expected


@pytest.mark.fast
def test_pieces_of_more_rows_are_made_of_smaller_numbers(taken):
    for how in ("rows", "columns"):
        _products.product(drawn((18, 7), np.float32), _as_lying(drawn((7, 11), np.float32), how))
    assert taken == ["_in_strips", "_in_tiles"]
    _products.product(drawn((19, 7), np.float32), drawn((7, 11), np.float32))
    assert taken == ["_in_strips", "_in_tiles"]


@pytest.mark.fast
def test_dtypes_that_differ_are_left_to_numpy(taken):
    found = _products.product(drawn((9, 5), np.float32), drawn((5, 31)))
    assert found.dtype == np.float64
    assert not taken


@pytest.mark.fast
def test_layers_and_matrix_products_are_made_in_pieces(taken, monkeypatch):
    monkeypatch.setattr(distance, "LIGHT", 100)
    monkeypatch.setattr(matmul, "LIGHT", 100)
    layer, x = autograd.tensor(drawn((31, 5)), requires_grad=True), autograd.tensor(drawn((6, 5)), requires_grad=True)
    F.linear(x, layer).pow(2).sum().backward()
    assert taken == ["_in_tiles", "_in_strips", "_in_strips"]
    assert autograd.gradcheck(F.linear, (x, layer))
    (autograd.tensor(drawn((9, 5))) @ autograd.tensor(drawn((5, 31)))).sum()
    assert taken[-1] == "_in_strips"


@pytest.mark.parametrize("shape", [(9, 6), (90, 6)])
def test_lengths_that_do_not_fit_are_named(shape, taken):
    with pytest.raises(RuntimeError, match=rf"{shape[0]}.*6.*5.*31"):
        autograd.ones(shape) @ autograd.ones(5, 31)
    with pytest.raises(RuntimeError, match=r"6.*5"):
        F.linear(autograd.ones(shape), autograd.ones(31, 5))
