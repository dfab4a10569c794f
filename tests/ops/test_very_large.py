"""Arithmetic and sums of arrays so large that a single step is shared between the cores."""

import operator
import warnings

import numpy as np
import pytest

import autograd
from autograd import _large, _parallel
from autograd.ops._pieces import row_sums

SIZE = _large.SHARED + 37
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv]


@pytest.fixture(autouse=True)
def _three_cores(monkeypatch):
    monkeypatch.setattr(_parallel, "team", _parallel.Team(3))


def _drawn(seed, dtype=np.float32, shape=(SIZE,)):
    return np.random.default_rng(seed).uniform(-3, 3, shape).astype(dtype)


def _found(function, arrays):
    given = [autograd.tensor(a, requires_grad=True) for a in arrays]
    y = function(*given)
    y.backward(autograd.tensor(_drawn(9, arrays[0].dtype, y.shape)))
    return [y.detach().numpy(), *(t.grad.numpy() for t in given)]


@pytest.mark.fast
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", BINARY)
def test_pieces_give_the_bits_of_the_whole(function, dtype, pieces):
    arrays = _drawn(0, dtype), _drawn(1, dtype)
    quick = _found(function, arrays)
    assert len(pieces) > 2
    del pieces[:]
    with autograd.fast_paths(False):
        plain = _found(function, arrays)
    assert not pieces
    for a, b in zip(quick, plain, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("function", BINARY)
def test_what_does_not_lie_alike_is_taken_whole(function, pieces):
    x, y = _drawn(0, shape=(2, SIZE)), _drawn(1, shape=(SIZE, 2))
    np.testing.assert_array_equal(function(autograd.tensor(x), autograd.tensor(y).t()).numpy(), function(x, y.T))
    column = _drawn(2, shape=(2, 1))
    np.testing.assert_array_equal(function(autograd.tensor(x), autograd.tensor(column)).numpy(), function(x, column))
    assert not pieces


def test_other_numbers():
    x = np.arange(SIZE)
    t = autograd.tensor(x)
    np.testing.assert_array_equal((t * t - t).numpy(), x * x - x)
    np.testing.assert_array_equal((t * 1j * t).numpy(), (x * np.complex64(1j) * x).astype(np.complex64))
    truth = t > 5
    np.testing.assert_array_equal((truth * truth).numpy(), x > 5)
    with pytest.raises(RuntimeError, match="two bool tensors"):
        truth - truth


def test_no_number_is_divided_by_with_a_warning():
    zero = autograd.zeros(SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (zero / zero).isnan().all()
        assert ((zero + 1e38) * (zero + 1e38)).isinf().all()


@pytest.mark.parametrize("weights", [_drawn(1), np.where(np.arange(SIZE) % 2, np.inf, -0.0).astype(np.float32)])
def test_the_gradient_of_a_sum_of_products_is_the_other_factor(weights):
    x, y = autograd.tensor(_drawn(0), requires_grad=True), autograd.tensor(weights)
    (x * y).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), weights)
    assert not np.shares_memory(x.grad.numpy(), y.numpy())
    (g,) = autograd.grad((x * y).sum(), x)
    g.zero_()
    np.testing.assert_array_equal(y.numpy(), weights)


def test_hooks_see_a_gradient_of_their_own():
    x, weights = autograd.tensor(_drawn(0), requires_grad=True), _drawn(1)
    y = autograd.tensor(weights)
    z = x * 1.0
    z.register_hook(lambda g: g.mul_(2))
    z.retain_grad()
    (z * y).sum().backward()
    z.grad.zero_()
    np.testing.assert_array_equal(y.numpy(), weights)
    np.testing.assert_array_equal(x.grad.numpy(), 2 * weights)


def test_both_factors_and_a_factor_that_is_used_twice():
    x, y = (autograd.tensor(_drawn(i), requires_grad=True) for i in (0, 1))
    (x * y + x * y).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * y.detach().numpy())
    np.testing.assert_array_equal(y.grad.numpy(), 2 * x.detach().numpy())
    x.grad = y.grad = None
    (x * y).mean().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.detach().numpy() / SIZE, rtol=1e-6)


def test_the_gradient_of_a_sum_of_products_again():
    x, y = (autograd.tensor(_drawn(i), requires_grad=True) for i in (0, 1))
    (g,) = autograd.grad((x * x * y).sum(), x, create_graph=True)
    (h,) = autograd.grad((g * 0.5).sum(), x)
    np.testing.assert_allclose(h.numpy(), y.detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize("shape", [(SIZE,), (2050, 1024), (3, 700, 1001)])
def test_sums_are_as_exact_and_the_same_bits_without_a_helper(shape):
    x = _drawn(0, shape=shape)
    found = autograd.tensor(x).sum().numpy()
    np.testing.assert_allclose(found, x.sum(dtype=np.float64), rtol=1e-5, atol=0.05)
    rows = row_sums(x)
    with _parallel.team.free:
        assert autograd.tensor(x).sum().numpy() == found
        again = row_sums(x)
    if rows is not None:
        np.testing.assert_allclose(rows, x.sum(-1, dtype=np.float64), rtol=1e-4, atol=1e-3)
        np.testing.assert_array_equal(rows, again)
