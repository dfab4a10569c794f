"""Activations: values and gradients at kinks, infinities and NaN; refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd._erf import erf, erfc, erfcx

from ._refusals import check, f, i, table

EDGES = np.array([-np.inf, -100, -20.5, -6, -3, -1, -0.5, 0.0, 0.5, 1, 3, 6, 20, 20.5, 100, np.inf, np.nan])
NAMES = ("relu", "relu6", "elu", "selu", "celu", "silu", "mish", "hardswish", "hardsigmoid", "softplus", "softsign", "tanhshrink",
         "softshrink", "hardshrink", "logsigmoid", "leaky_relu", "hardtanh")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_at_the_edges_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    ours = autograd.tensor(EDGES, requires_grad=True)
    theirs = torch.tensor(EDGES, requires_grad=True)
    a, b = getattr(F, name)(ours), getattr(torch.nn.functional, name)(theirs)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-40)
    a.sum().backward()
    b.sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-7, atol=1e-40)


def test_relu_masks_an_infinite_gradient():
    x = autograd.tensor([-1.0, 2.0] * 8, requires_grad=True)
    F.relu(x).backward(autograd.full((16,), math.inf))
    assert x.grad.tolist() == [0.0, math.inf] * 8


def test_relu_of_a_whole_number_of_rows_equals_the_plain_form():
    x = autograd.tensor(np.linspace(-1, 1, 8192).reshape(2, 4096))
    np.testing.assert_array_equal(F.relu(x).numpy(), np.maximum(x.numpy(), 0))


def test_in_place_forms_write_into_their_input():
    x = autograd.tensor([-1.0, 2.0])
    assert F.relu(x, inplace=True) is x
    assert x.tolist() == [0.0, 2.0]
    y = autograd.tensor([-3.0, 2.0])
    assert F.hardtanh_(y) is y
    assert y.tolist() == [-1.0, 1.0]


def test_in_place_on_a_leaf_is_refused():
    x = autograd.tensor([1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        F.relu_(x)


def test_integers_pass_where_pytorch_lets_them():
    assert F.relu(i(-1, 2)).tolist() == [0, 2]
    assert F.hardtanh(i(-5, 5), -2, 2).tolist() == [-2, 2]


def test_gumbel_softmax_hard_is_one_hot_with_the_soft_gradient():
    autograd.manual_seed(0)
    x = autograd.randn(4, 5, requires_grad=True)
    y = F.gumbel_softmax(x, hard=True)
    assert y.sum(-1).tolist() == pytest.approx([1.0] * 4)
    assert set(np.round(y.detach().numpy().reshape(-1), 6)) <= {0.0, 1.0}
    (y * autograd.arange(5.0)).sum().backward()
    assert float(x.grad.abs().sum()) > 0


def test_rrelu_draws_its_slope_between_the_bounds():
    autograd.manual_seed(0)
    y = F.rrelu(-f(1000), 0.1, 0.3, training=True)
    assert -0.3 <= float(y.min()) < float(y.max()) <= -0.1
    assert F.rrelu(-f(2), 0.1, 0.3).tolist() == pytest.approx([-0.2, -0.2])


@table(
    ("relu", (autograd.ones(2, dtype=autograd.bool),), RuntimeError, "Boolean inputs not supported for relu"),
    ("gelu", (i(1, 2),), NotImplementedError, "not implemented for int64"),
    ("elu", (i(1, 2),), NotImplementedError, '"elu_cpu" not implemented'),
    ("gelu", (f(2), "foo"), RuntimeError, "approximate argument must be either none or tanh, got 'foo'"),
    ("celu", (f(2), 0.0), RuntimeError, "alpha cannot be 0 for CELU"),
    (
        "rrelu",
        (f(2), 0.5, 0.1),
        RuntimeError,
        "Lower bound should be less than or equal to the upper bound, got 0.5 and 0.1",
    ),
    ("hardtanh", (f(2), 2.0, 1.0), ValueError, "min_val cannot be greater than max_val, got 2.0 and 1.0"),
    ("softshrink", (f(2), -1.0), RuntimeError, "lambda must be greater or equal to 0, but found to be -1.0"),
    ("glu", (f(3),), RuntimeError, "Halving dimension must be even, but dimension 0 is size 3"),
    ("glu", (f(),), RuntimeError, "glu does not support 0-dimensional tensors"),
    ("prelu", (f(2, 3), f(2)), RuntimeError, "parameter numbers = 2 and channel size = 3"),
    ("prelu", (f(2, 3), f(1, 3)), RuntimeError, "Expected `weight` to be a scalar or 1D tensor, but got: ndim = 2"),
    ("prelu", (f(), f(2)), RuntimeError, "Not allow zero-dim input tensor"),
    (
        "prelu",
        (f(2), f(1, dtype=autograd.float64)),
        RuntimeError,
        "Type promoting not supported. Got float32 and float64",
    ),
)
def test_refusals(name, args, kwargs, error, phrase):
    check(name, args, kwargs, error, phrase)


POINTS = [-30.0, -3.0, -0.46875, -1e-9, 0.0, 0.1, 0.46875, 0.5, 1.0, 2.5, 3.999, 4.001, 6.0, 26.0]


@pytest.mark.parametrize("x", POINTS)
def test_error_function_to_the_last_digits(x):
    a = np.array([x])
    assert erf(a)[0] == pytest.approx(math.erf(x), rel=2e-15)
    assert erfc(a)[0] == pytest.approx(math.erfc(x), rel=2e-15)
    if x > -20:
        assert erfcx(a)[0] == pytest.approx(math.exp(x * x) * math.erfc(x) if x < 5 else erfcx(a)[0], rel=1e-13)


def test_error_function_in_single_precision_in_blocks_and_at_the_ends():
    x = np.linspace(-6, 6, 40001, dtype=np.float32)
    np.testing.assert_allclose(erf(x), [math.erf(v) for v in x], atol=2e-7)
    assert erf(x).dtype == np.float32
    assert erf(np.float32(9)) == 1
    for a in (np.array([np.inf, -np.inf, np.nan]), np.array([np.inf, -np.inf, np.nan], np.float32)):
        np.testing.assert_array_equal(erf(a), [1, -1, np.nan])
    np.testing.assert_array_equal(erfc(np.array([np.inf, -np.inf, np.nan])), [0, 2, np.nan])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_choosing_by_bits_is_where(dtype):
    from autograd.ops._select import select

    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((40, 50)).astype(dtype) for _ in range(2))
    x[0, :3] = math.inf, -math.inf, math.nan
    mask = rng.random((40, 50)) < 0.5
    for a, b in ((x, y), (x, 0.0), (0.0, y), (x, 2.5), (x, dtype(-0.0)), (x, y[:1]), (x, y.T.reshape(50, 40).T)):
        found, expected = select(mask, a, b), np.where(mask, a, b)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(select(mask.T, x.T, y.T), np.where(mask.T, x.T, y.T))


def test_large_arrays_in_blocks_are_the_small_ones():
    x = np.linspace(-5, 5, 300_000, dtype=np.float32).reshape(3, -1)
    for name in ("gelu", "silu"):
        whole = getattr(F, name)(autograd.tensor(x)).numpy()
        rows = [getattr(F, name)(autograd.tensor(x[0, n : n + 1000])).numpy() for n in range(0, 100_000, 1000)]
        np.testing.assert_array_equal(whole[0], np.concatenate(rows))
