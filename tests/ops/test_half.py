"""Sums of many 16-bit floats: kept in float32 and rounded once, forward and backward.

Added up in their own precision, bfloat16 stops counting at 256 and float16 at 2048.
"""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd._op import Op
from autograd._registry import registry

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


def run(function, values, kind):
    x = autograd.tensor(values).to(kind).requires_grad_()
    y = function(x)
    y.sum().backward()
    return x.detach().double().numpy(), y, x.grad


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CASES)
def test_many_16_bit_floats(name, kind):
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


def _primitives():
    """Operations of real numbers that are computed, not copied or viewed."""
    found = {id(d): d for d in registry.values() if isinstance(d, Op) and d.sample is not None}
    return sorted(
        (d for d in found.values() if not (d.view or d.bitwise or d.variadic or d.outputs)),
        key=lambda d: (d.namespace, d.name),
    )


@pytest.mark.parametrize("declared", _primitives(), ids=lambda d: f"{d.namespace}.{d.name}".strip("."))
def test_bfloat16_is_float32_rounded(declared):
    pytest.importorskip("ml_dtypes")
    bfloat16 = autograd.bfloat16.dtype
    for trial in declared.sample.calls(np.random.default_rng(0), len(declared.inputs)):
        if any(getattr(a, "dtype", np.dtype("f")).kind == "c" for a in trial.args) or "dtype" in trial.kwargs:
            continue
        narrow = [_with_floats(a, bfloat16) for a in trial.args]
        wide = [_with_floats(a, np.float32) for a in narrow]
        try:
            expected = declared.call(*map(_tensor, wide), **trial.kwargs)
        except RuntimeError:
            continue
        out = declared.call(*map(_tensor, narrow), **trial.kwargs)
        out, expected = (r[0] if declared.aux else r for r in (out, expected))
        if expected.dtype is autograd.float32:
            assert out.dtype is autograd.bfloat16
            np.testing.assert_array_equal(out._data, expected._data.astype(bfloat16))


def _with_floats(a, dtype):
    real = getattr(a, "dtype", np.dtype("i")).kind in "fV"
    return np.asarray(a).astype(dtype) if real else a


def _tensor(a):
    return autograd._tensor.wrap(a) if isinstance(a, (np.ndarray, np.generic)) else a


def test_the_neighbour_of_a_bfloat16_number_is_one_step_away():
    pytest.importorskip("ml_dtypes")
    one, two = autograd.ones(1, dtype=autograd.bfloat16), autograd.full((1,), 2.0, dtype=autograd.bfloat16)
    assert autograd.nextafter(one, two).float().item() == 1 + 2**-7


def test_numbers_beside_bfloat16_do_not_widen_it():
    pytest.importorskip("ml_dtypes")
    x = autograd.tensor([1.5, -0.3], dtype=autograd.bfloat16, requires_grad=True)
    for y in (x * 2.5, 1.01 - x, x**2, x.floor(), x @ x, x.nan_to_num(), F.gelu(x), autograd.lerp(x, x, 0.5)):
        assert y.dtype is autograd.bfloat16
    y.sum().backward()
    assert x.grad.dtype is autograd.bfloat16
    assert x.floor().tolist() == [1.0, -1.0]


NAN, INF = float("nan"), float("inf")
UNORDERED = [1.0, NAN, 3.0, 2.0, -INF, 2.0, INF, -0.0, 0.0, NAN, -5.0, 2.0]
ORDERS = {
    "sort": lambda x: x.sort(stable=True),
    "argsort": lambda x: x.argsort(descending=True, stable=True),
    "topk": lambda x: x.topk(5),
    "kthvalue": lambda x: x.kthvalue(4),
    "median": lambda x: (x.median(), x[:1].median(), *x.median(0)),
    "nanmedian": lambda x: (x.nanmedian(), *x.nanmedian(0)),
    "mode": lambda x: x.mode(),
    "unique": lambda x: x.unique(return_counts=True, return_inverse=True),
    "cummax": lambda x: x.cummax(0),
    "max": lambda x: x.max(0),
    "bucketize": lambda x: (autograd.bucketize(x, autograd.tensor([0.0, 1.0, 2.0]).to(x.dtype)),),
}


@pytest.mark.parametrize("name", ORDERS)
def test_nan_has_its_place_in_the_order_of_bfloat16_numbers(name):
    pytest.importorskip("ml_dtypes")
    wide = ORDERS[name](autograd.tensor(UNORDERED))
    narrow = ORDERS[name](autograd.tensor(UNORDERED, dtype=autograd.bfloat16))
    for found, expected in zip(narrow, wide, strict=True):
        assert found.dtype is (autograd.bfloat16 if expected.dtype is autograd.float32 else expected.dtype)
        np.testing.assert_array_equal(found.double().numpy(), expected.double().numpy())


def test_bfloat16_passes_through_a_function_of_ones_own():
    pytest.importorskip("ml_dtypes")

    class Double(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = autograd.ones(2, dtype=autograd.bfloat16, requires_grad=True)
    Double.apply(x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_anomaly_detection_sees_nan_among_bfloat16_numbers():
    pytest.importorskip("ml_dtypes")
    x = autograd.full((2,), -1.0, dtype=autograd.bfloat16, requires_grad=True)
    with autograd.detect_anomaly(), pytest.raises(RuntimeError, match="returned nan values"):
        x.sqrt().sum().backward()


@pytest.mark.parametrize("fill", ["normal_", "uniform_", "exponential_", "cauchy_", "log_normal_"])
def test_bfloat16_tensors_are_filled_with_random_numbers(fill):
    pytest.importorskip("ml_dtypes")
    autograd.manual_seed(0)
    filled = getattr(autograd.zeros(1000, dtype=autograd.bfloat16), fill)()
    assert filled.dtype is autograd.bfloat16
    autograd.manual_seed(0)
    wide = getattr(autograd.zeros(1000), fill)()
    np.testing.assert_array_equal(filled.float(), wide.bfloat16().float())


def test_bfloat16_weights_are_drawn_from():
    pytest.importorskip("ml_dtypes")
    drawn = autograd.multinomial(autograd.tensor([0.0, 1.0, 0.0], dtype=autograd.bfloat16), 4, replacement=True)
    assert drawn.tolist() == [1, 1, 1, 1]


def test_attention_of_half_precision_is_float32_rounded_with_its_gradients():
    rng = np.random.default_rng(0)
    arrays = [(3 * rng.standard_normal(shape)).astype(np.float16) for shape in ((4, 3, 8), (4, 6, 8), (4, 6, 8))]
    weight = rng.standard_normal((4, 3, 8)).astype(np.float16)

    def found(dtype):
        leaves = [autograd.tensor(a, dtype=dtype, requires_grad=True) for a in arrays]
        out = F.scaled_dot_product_attention(*leaves)
        return [out, *autograd.grad(out, leaves, autograd.tensor(weight, dtype=dtype))]

    for half, exact in zip(found(autograd.float16), found(autograd.float64), strict=True):
        assert half.dtype is autograd.float16
        np.testing.assert_allclose(half.detach().double().numpy(), exact.detach().numpy(), rtol=1e-3, atol=3e-3)
