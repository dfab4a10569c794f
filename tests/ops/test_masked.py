"""The functions of `autograd.masked`: values for masks with and without anything left, dtypes, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
from autograd import masked, tensor

INF = math.inf
X = tensor([[1.0, -2.0, 4.0], [3.0, 0.5, -1.0]])
MASK = tensor([[True, False, True], [False, False, False]])
# name -> result along the rows of X under MASK, recorded from PyTorch 2.13
ROWS = {
    "sum": [5.0, 0.0],
    "prod": [4.0, 1.0],
    "amax": [4.0, -INF],
    "amin": [1.0, INF],
    "argmax": [2.0, 0.0],
    "argmin": [0.0, 0.0],
    "mean": [2.5, math.nan],
    "median": [1.0, math.nan],
    "logsumexp": [4.0485873222, -INF],
    "norm": [4.1231055260, 0.0],
    "var": [4.5, math.nan],
    "std": [2.1213202477, math.nan],
}
SHAPED = {
    "cumsum": [[1.0, 1.0, 5.0], [0.0, 0.0, 0.0]],
    "cumprod": [[1.0, 1.0, 4.0], [1.0, 1.0, 1.0]],
    "softmax": [[0.0474258736, 0.0, 0.9525741339], [math.nan] * 3],
    "log_softmax": [[-3.0485873222, -INF, -0.0485873520], [math.nan] * 3],
    "softmin": [[0.9525741339, 0.0, 0.0474258736], [math.nan] * 3],
}


def arguments(name):
    return (2.0, 1) if name == "norm" else (1,)


@pytest.mark.parametrize("name", ROWS)
def test_along_rows(name):
    out = getattr(masked, name)(X, *arguments(name), mask=MASK)
    np.testing.assert_allclose(out.numpy(), ROWS[name], rtol=1e-6)
    assert getattr(masked, name)(X, *arguments(name), keepdim=True, mask=MASK).shape == (2, 1)


@pytest.mark.parametrize("name", SHAPED)
def test_elementwise_along_rows(name):
    np.testing.assert_allclose(getattr(masked, name)(X, 1, mask=MASK).numpy(), SHAPED[name], rtol=1e-6)


def test_without_a_mask_they_are_the_plain_functions():
    np.testing.assert_allclose(masked.var(X, 1).numpy(), X.var(1).numpy(), rtol=1e-6)
    np.testing.assert_allclose(masked.std(X, unbiased=False).numpy(), X.std(unbiased=False).numpy(), rtol=1e-6)
    assert masked.sum(X, (0, 1)).item() == X.sum().item()
    assert masked.logaddexp(X, X).tolist() == autograd.logaddexp(X, X).tolist()
    assert masked.amax(tensor([1, 2, 3]), mask=tensor([True, False, False])).item() == 1
    assert masked.sum(tensor([1, 2], dtype=autograd.int8)).dtype is autograd.int64


def test_two_masks():
    out = masked.logaddexp(X[0], X[1], input_mask=MASK[0], other_mask=tensor([True, False, False]))
    np.testing.assert_allclose(out.numpy(), [np.logaddexp(1, 3), -INF, 4.0], rtol=1e-6)


def test_normalised_rows_are_zero_outside_the_mask():
    out = masked.normalize(X, 2.0, 1, mask=MASK)
    np.testing.assert_allclose(out.numpy(), [[1 / math.sqrt(17), 0, 4 / math.sqrt(17)], [0, 0, 0]], rtol=1e-6)


def test_what_the_mask_leaves_out_has_no_gradient():
    x = tensor([[1.0, math.nan, 4.0]], requires_grad=True)
    masked.mean(x, mask=MASK[:1]).backward()
    assert x.grad.tolist() == [[0.5, 0.0, 0.5]]


@pytest.mark.parametrize(
    ("call", "error", "phrase"),
    [
        (lambda: masked.sum(X, mask=tensor([[[True]]])), IndexError, "dimensionality higher than of the input"),
        (lambda: masked.mean(tensor([1, 2])), ValueError, "Input dtype must be either a floating"),
        (lambda: masked.mean(X, dtype=autograd.int64), ValueError, "Optional dtype must be either a floating"),
        (lambda: masked.median(tensor([1, 2]), mask=tensor([False, False])), ValueError, "no fully masked out rows"),
        (lambda: masked.var(X, unbiased=True, correction=1), AssertionError, "Only one of unbiased and correction"),
    ],
)
def test_refusals(call, error, phrase):
    with pytest.raises(error, match=phrase):
        call()
