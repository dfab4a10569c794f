"""Elementwise operations of several steps on large arrays: pieces give the same bits as the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd import _large, _parallel
from autograd._op import Op
from autograd._registry import registry

DECLARED = [getattr(entry, "op", entry) for entry in registry.values()]
PIECED = {d.name: d for d in DECLARED if isinstance(d, Op) and d.pieced}
SHAPE = (37, 41)
ODD = (0.0, -0.0, math.inf, -math.inf, math.nan, 1e-40, 30.0, -30.0)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(_large, "PIECE", 100)
    monkeypatch.setattr(_large, "_MANY", 400)
    monkeypatch.setattr(_parallel, "_LARGE", 1200)
    monkeypatch.setattr(_parallel, "team", _parallel.Team(3))


def _drawn(dtype, seed=0, odd=True):
    x = np.random.default_rng(seed).uniform(-4, 4, SHAPE).astype(dtype)
    if odd:
        x.reshape(-1)[50 : 50 + len(ODD)] = ODD
    return x


PARAMETERS = {
    "_elu": {"alpha": 0.7, "scale": 1.1},
    "_huber": {"knee": 0.7, "scale": 1.3},
    "softplus": {"beta": 1.5, "threshold": 3.0},
}


def _values(op, arrays):
    """The results and gradients of an operation."""
    with np.errstate(all="ignore"):
        given = [autograd.tensor(a, requires_grad=True) for a in arrays]
        y = op.call(*given, **PARAMETERS.get(op.name, {}))
        y.backward(autograd.tensor(_drawn(arrays[0].dtype, seed=7, odd=False)))
        return [y.detach().numpy(), *(t.grad.numpy() for t in given)]


@pytest.mark.fast
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(PIECED))
def test_pieces_give_the_bits_of_the_whole(name, dtype, pieces, monkeypatch):
    op = PIECED[name]
    arrays = [_drawn(dtype, seed=i) for i in range(len(op.inputs))]
    found = _values(op, arrays)
    assert len(pieces) > 5
    del pieces[:]
    monkeypatch.setattr(_large, "PIECE", 1 << 20)
    plain = _values(op, arrays)
    assert not pieces
    for a, b in zip(found, plain, strict=True):
        assert a.dtype == b.dtype == dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.fast
@pytest.mark.parametrize("name", ["_elu", "softplus"])
def test_closed_forms_of_large_arrays_are_the_rules(name):
    for parameters in ({}, PARAMETERS[name]):
        x = autograd.tensor(_drawn(np.float64), requires_grad=True)
        grads = []
        for mode in (True, False):
            with autograd.fast_paths(mode):
                PIECED[name].call(x, **parameters).backward(autograd.tensor(_drawn(np.float64, seed=7, odd=False)))
            grads.append(x.grad.numpy())
            x.grad = None
        np.testing.assert_allclose(*grads, rtol=1e-12)


@pytest.mark.fast
def test_what_does_not_lie_in_one_run_is_taken_whole(pieces):
    x = _drawn(np.float32, odd=False)
    expected = F.softplus(autograd.tensor(x)).numpy()
    assert pieces
    del pieces[:]
    np.testing.assert_array_equal(F.softplus(autograd.tensor(np.ascontiguousarray(x.T)).t()).numpy(), expected)
    wide = autograd.tensor(np.repeat(x, 2, axis=1))[:, ::2]
    np.testing.assert_array_equal(F.softplus(wide).numpy(), expected)
    assert not pieces
    y = autograd.tensor(x[:1].clip(0.1, 1)).expand(SHAPE)
    np.testing.assert_allclose(
        autograd.xlogy(autograd.tensor(x), y).numpy(), x * np.log(x[:1].clip(0.1, 1)), rtol=1e-5, atol=1e-6
    )
    assert not pieces


@pytest.mark.fast
def test_the_gradient_of_a_sum_is_one_number_in_pieces_too(pieces):
    x = autograd.tensor(_drawn(np.float64, odd=False), requires_grad=True)
    F.softplus(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 / (1 + np.exp(-x.detach().numpy())), rtol=1e-12)
    assert len(pieces) > 2 * SHAPE[0] * SHAPE[1] // 400


@pytest.mark.parametrize("dtype", [np.float16, np.int64])
def test_other_numbers_in_pieces(dtype):
    x = np.arange(1500).reshape(30, 50).astype(dtype) / dtype(100) if dtype == np.float16 else np.arange(1500)
    np.testing.assert_allclose(
        autograd.tensor(x).sigmoid().float().numpy(), 1 / (1 + np.exp(-x.astype(np.float64))), rtol=2e-3
    )


def test_gradients_in_pieces_are_recorded():
    x = autograd.tensor(np.linspace(-2, 2, 900), requires_grad=True)
    (g,) = autograd.grad(F.elu(x, alpha=0.7).sum(), x, create_graph=True)
    (h,) = autograd.grad(g.sum(), x)
    np.testing.assert_allclose(h.numpy(), np.where(x.detach().numpy() <= 0, 0.7 * np.exp(x.detach().numpy()), 0))
