"""Gradients of products as quotients, logarithms of sums, and copies of transposed matrices, against what they replace."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
from autograd import _array

FACTORS = {
    "plain": [[1.5, -2.0, 0.5], [3.0, 1.0, -1.0]],
    "a zero": [[1.5, 0.0, 0.5], [3.0, 1.0, -1.0]],
    "two zeros": [[0.0, 0.0, 0.5], [3.0, 1.0, -1.0]],
    "a product too small": [[1e-30, 1e-20, 0.5], [3.0, 1.0, -1.0]],
    "a product too large": [[1e30, 1e20, 0.5], [3.0, 1.0, -1.0]],
    "infinite": [[np.inf, 2.0, 0.5], [3.0, 1.0, -1.0]],
    "nan": [[np.nan, 2.0, 0.5], [3.0, 1.0, -1.0]],
}


@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("dim", [None, 0, 1])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_of_products(factors, dim, keepdim, dtype):
    x = np.array(FACTORS[factors], dtype)
    t = autograd.tensor(x, requires_grad=True)
    y = t.prod() if dim is None else t.prod(dim=dim, keepdim=keepdim)
    g = np.arange(1.0, y.numel() + 1).reshape(y.shape).astype(dtype)
    y.backward(autograd.tensor(g))
    spread = g if dim is None or keepdim else np.expand_dims(g, dim)
    with np.errstate(all="ignore"):
        wide = x.astype(np.longdouble)
        others = np.empty_like(wide)
        for i in np.ndindex(*x.shape):
            rest = wide.copy()
            rest[i] = 1
            others[i] = rest.prod() if dim is None else rest.prod(axis=dim)[tuple(np.delete(i, dim))]
        expected = (spread * others).astype(dtype)
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.fast
def test_a_product_is_divided_by_its_factors_where_that_loses_nothing():
    x = autograd.full((300,), 1.01, requires_grad=True)
    y = x.prod()
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), (y / x).detach().numpy())


@pytest.mark.parametrize("dim", [0, 1, (0, 1), -1])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_logarithms_of_sums(dim, keepdim, dtype):
    x = (np.random.default_rng(0).standard_normal((5, 40)) * 30).astype(dtype)
    if dtype != np.complex128:
        x[2], x[:, 7] = -np.inf, -np.inf
        x[1, 3] = np.inf
    t = autograd.tensor(x, requires_grad=True)
    y = t.logsumexp(dim=dim, keepdim=keepdim)
    y.real.sum().backward()
    with np.errstate(all="ignore"):
        wide = x.astype(np.clongdouble if dtype == np.complex128 else np.longdouble)
        total = np.exp(wide).sum(axis=dim, keepdims=True)
        expected = np.log(total)
        share = np.exp(wide) / total
    finite = np.isfinite(expected) & (expected.real > -1e4)
    kept = expected if keepdim else expected.reshape(y.shape)
    np.testing.assert_allclose(y.detach().numpy(), kept.astype(dtype), rtol=1e-5)
    slopes = np.conj(share).astype(dtype)
    where = np.broadcast_to(finite, x.shape)
    np.testing.assert_allclose(t.grad.numpy()[where], slopes[where], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "shape", [(64, 1024), (300, 500), (1024, 1024), (2, 40_000), (40_000, 2), (63, 2000), (0, 5), (7,), ()]
)
@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.int8, bool])
def test_copies_of_turned_matrices(shape, dtype):
    x = (np.random.default_rng(0).standard_normal(shape) * 50).astype(dtype)
    for a in (x, x.T, x.T[1:] if x.ndim and len(x.T) > 1 else x, x[..., ::2] if x.ndim else x):
        made = _array.copied(a)
        assert made.flags.c_contiguous
        assert made.dtype == a.dtype
        assert not np.shares_memory(made, a)
        np.testing.assert_array_equal(made, a)


def test_a_large_turned_tensor_becomes_contiguous_and_so_does_its_gradient():
    x = autograd.tensor(np.arange(300.0 * 400).reshape(300, 400), requires_grad=True)
    y = x.t().contiguous()
    assert y.is_contiguous()
    y.backward(autograd.tensor(np.arange(400.0 * 300).reshape(400, 300)))
    np.testing.assert_array_equal(y.detach().numpy(), x.detach().numpy().T)
    np.testing.assert_array_equal(x.grad.numpy(), np.arange(400.0 * 300).reshape(400, 300).T)
    assert x.grad.is_contiguous()
