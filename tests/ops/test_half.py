"""Sums of many 16-bit floats: kept in float32 and rounded once, forward and backward.

Added up in their own precision, bfloat16 stops counting at 256 and float16 at 2048.
"""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn.functional as F

KINDS = ("float16", "bfloat16")
VALUES = np.abs(np.random.default_rng(0).normal(size=(3000, 4))) + 0.1


def ones(like, *shape):
    return autograd.ones(*shape).to(like.dtype)


CASES = {
    "sum": lambda x: x.sum(),
    "sum of columns": lambda x: x.sum(0),
    "mean": lambda x: x.mean(),
    "nanmean": lambda x: x.nanmean(),
    "var": lambda x: x.var(0),
    "std": lambda x: x.std(),
    "norm": lambda x: x.norm(),
    "norm of columns": lambda x: x.norm(dim=0),
    "logsumexp": lambda x: x.logsumexp(0),
    "cumsum": lambda x: x.cumsum(0),
    "logcumsumexp": lambda x: x.logcumsumexp(0),
    "softmax": lambda x: (x.softmax(0) * x.detach()).sum(0),
    "log_softmax": lambda x: x.log_softmax(0),
    "layer_norm": lambda x: F.layer_norm(x.T, (3000,))[:, :9],
    "rms_norm": lambda x: F.rms_norm(x.T, (3000,)),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True)[:9],
    "group_norm": lambda x: F.group_norm(x.T.reshape(1, 4, 3000), 2)[:, :, :9],
    "broadcasting": lambda x: x[:1] * ones(x, 3000, 4),
    "expand": lambda x: x[:1].expand(3000, 4) * 1,
    "bias": lambda x: F.linear(ones(x, 3000, 3), ones(x, 4, 3), x[0]),
    "bias of a convolution": lambda x: F.conv1d(ones(x, 50, 1, 60), ones(x, 4, 1, 1), x[0]),
    "mse_loss": lambda x: F.mse_loss(x, ones(x, 3000, 4)),
    "l1_loss": lambda x: F.l1_loss(x, 4 * ones(x, 3000, 4)),
    "cross_entropy": lambda x: F.cross_entropy(x, autograd.zeros(3000).long()),
    "adaptive_avg_pool1d": lambda x: F.adaptive_avg_pool1d(x.T.reshape(1, 4, 3000), 1),
    "cosine_similarity": lambda x: F.cosine_similarity(x.T, (x * x).detach().T),
    "normalize": lambda x: F.normalize(x, dim=0),
    "attention": lambda x: F.scaled_dot_product_attention(x[:9], x, x),
}

# NumPy promotes bfloat16 with a Python number to float32, so these do not stay in it.
WITH_NUMBERS = {"cosine_similarity", "normalize", "attention"}


def run(function, values, kind):
    x = autograd.tensor(values).to(kind).requires_grad_()
    y = function(x)
    y.sum().backward()
    return x.detach().double().numpy(), y, x.grad


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_many_16_bit_floats(name, kind):
    if name in WITH_NUMBERS and kind == "bfloat16":
        kind = "float16"
    if kind == "bfloat16":
        pytest.importorskip("ml_dtypes")
    own = getattr(autograd, kind)
    seen, value, gradient = run(CASES[name], VALUES, own)
    _, exact, slope = run(CASES[name], seen, autograd.float64)
    assert value.dtype is own
    assert gradient.dtype is own
    accuracy = 2e-2 if kind == "bfloat16" else 6e-3
    for found, wanted in ((value, exact), (gradient, slope)):
        found, wanted = found.detach().double().numpy(), wanted.detach().numpy()
        # Gradients that cancel are as exact as the parts that were rounded on the way, which are of size one.
        np.testing.assert_allclose(found, wanted, rtol=0, atol=accuracy * max(np.abs(wanted).max(), 1e-2))


@pytest.mark.parametrize("kind", KINDS)
def test_rms_norm_of_small_halves_adds_the_epsilon_of_float32(kind):
    if kind == "bfloat16":
        pytest.importorskip("ml_dtypes")
    x = autograd.tensor([[0.01, -0.01, 0.01, -0.01]])
    np.testing.assert_allclose(F.rms_norm(x.to(getattr(autograd, kind)), (4,)).float(), [[1, -1, 1, -1]], rtol=1e-2)


def test_a_result_of_another_dtype_is_the_callers_choice():
    x = autograd.ones(3000).half()
    assert x.cumsum(0, dtype=autograd.float32)[-1].item() == 3000
    assert x.cumsum(0, dtype=autograd.float32).dtype is autograd.float32
    assert x.prod(dtype=autograd.float64).dtype is autograd.float64


def test_bfloat16_scalars_are_values_of_rules():
    """A full sum is a NumPy scalar of a type that is not NumPy's own."""
    pytest.importorskip("ml_dtypes")
    x = autograd.tensor([1.0, 2.0]).to(autograd.bfloat16).requires_grad_()
    (x.sum() * x.sum()).backward()
    assert x.grad.tolist() == [6.0, 6.0]
    assert x.grad.dtype is autograd.bfloat16
