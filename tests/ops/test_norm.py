"""Normalisation: running statistics, precision, directions at zero; distances and linear maps; refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn.functional as F
from autograd.ops import _group_norm

from ._refusals import check, f, table


def test_running_statistics_take_in_the_unbiased_variance():
    x = autograd.tensor([[1.0], [3.0]])
    mean, variance = autograd.zeros(1), autograd.ones(1)
    F.batch_norm(x, mean, variance, training=True, momentum=0.5)
    assert mean.tolist() == [1.0]
    assert variance.tolist() == [1.5]  # half of 1 and half of 2
    F.batch_norm(x, mean, variance, training=False)
    assert mean.tolist() == [1.0]


def test_instance_norm_averages_its_statistics_over_the_batch():
    x = autograd.tensor([[[1.0, 3.0]], [[5.0, 9.0]]])
    mean, variance = autograd.zeros(1), autograd.ones(1)
    F.instance_norm(x, mean, variance, momentum=1.0)
    assert mean.tolist() == [4.5]
    assert variance.tolist() == [5.0]
    y = F.instance_norm(x, mean, variance, use_input_stats=False)
    np.testing.assert_allclose(y.numpy(), (x.numpy() - 4.5) / math.sqrt(5 + 1e-5), rtol=1e-6)


def test_variance_survives_a_large_offset():
    x = autograd.tensor(np.array([[1e4, 1e4 + 1, 1e4 + 2, 1e4 + 3]], np.float32))
    np.testing.assert_allclose(F.layer_norm(x, (4,)).numpy()[0], [-1.3416, -0.4472, 0.4472, 1.3416], atol=1e-3)


def test_constant_rows_have_finite_gradients():
    x = autograd.ones(2, 3, requires_grad=True)
    F.layer_norm(x, (3,)).pow(2).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_half_precision_normalises_in_single():
    x = autograd.tensor(np.array([[300.0, -300.0]], np.float16), requires_grad=True)
    y = F.layer_norm(x, (2,))
    assert y.dtype is autograd.float16
    np.testing.assert_allclose(y.detach().numpy(), [[1, -1]], rtol=1e-3)
    y.sum().backward()
    assert x.grad.dtype is autograd.float16
    assert F.rms_norm(x, (2,)).dtype is autograd.float16
    assert F.group_norm(x, 1).dtype is autograd.float16
    assert F.batch_norm(x, autograd.zeros(2), autograd.ones(2)).dtype is autograd.float16


def test_rms_norm_uses_the_machine_epsilon_by_default():
    x = autograd.zeros(1, 4)
    assert F.rms_norm(x, (4,)).tolist() == [[0.0] * 4]


def test_normalize_at_zero_is_zero_with_a_bounded_gradient():
    x = autograd.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    y = F.normalize(x)
    np.testing.assert_allclose(y.detach().numpy(), [[0, 0], [0.6, 0.8]], rtol=1e-6)
    y.sum().backward()
    assert float(x.grad.abs().max()) < 10


def test_distance_of_equal_points_has_zero_gradient():
    x = autograd.ones(2, 3, requires_grad=True)
    F.pdist(x).sum().backward()
    assert x.grad.tolist() == [[0.0] * 3] * 2


def test_normalize_writes_into_out():
    out = autograd.empty(1, 2)
    assert F.normalize(autograd.tensor([[3.0, 4.0]]), out=out) is out
    np.testing.assert_allclose(out.numpy(), [[0.6, 0.8]], rtol=1e-6)


def test_empty_inputs():
    mean, variance = autograd.zeros(3), autograd.ones(3)
    F.batch_norm(autograd.zeros(0, 3), mean, variance, training=True)
    assert [mean.tolist(), variance.tolist()] == [[0.0] * 3, [1.0] * 3]  # no values, so no new statistics
    assert F.batch_norm(autograd.zeros(0, 3), autograd.zeros(3), autograd.ones(3)).shape == (0, 3)
    assert F.group_norm(autograd.zeros(0, 4), 2, f(4), f(4)).shape == (0, 4)
    assert F.local_response_norm(autograd.zeros(0, 2, 3), 2).shape == (0, 2, 3)
    assert F.linear(autograd.zeros(0, 3), f(2, 3), f(2)).shape == (0, 2)
    assert F.linear(autograd.zeros(4, 0, 3), f(2, 3)).shape == (4, 0, 2)


def test_linear_with_a_vector_weight():
    assert F.linear(f(2, 3), f(3)).tolist() == [3.0, 3.0]


@table(
    (
        "batch_norm",
        (f(1, 3), f(3), f(3), None, None, True),
        ValueError,
        "Expected more than 1 value per channel when training",
    ),
    ("batch_norm", (f(2, 3), f(4), f(3)), RuntimeError, "running_mean should contain 3 elements not 4"),
    ("batch_norm", (f(2, 3), f(3), f(3), f(2)), RuntimeError, "weight should contain 3 elements not 2"),
    (
        "batch_norm",
        (f(2, 3), None, None),
        RuntimeError,
        "Expected running_mean and running_var to be defined when training=False",
    ),
    ("batch_norm", (f(3), f(3), f(3)), RuntimeError, r"expected an input with a channel axis .*got shape \(3,\)"),
    (
        "layer_norm",
        (f(2, 3), (4,)),
        RuntimeError,
        r"expected input with shape \[\*, 4\], but got input of size\[2, 3\]",
    ),
    ("layer_norm", (f(2, 3), (3,), f(2)), RuntimeError, "Expected weight to be of same shape as normalized_shape"),
    ("layer_norm", (f(2, 3), ()), RuntimeError, "normalized_shape to be at least 1-dimensional"),
    ("rms_norm", (f(2, 3), (4,)), RuntimeError, r"Given normalized_shape=\[4\]"),
    ("group_norm", (f(2, 3), 2), RuntimeError, "divisible by num_groups, but got input of shape"),
    (
        "group_norm",
        (f(2, 4), 2, f(3)),
        RuntimeError,
        "Expected weight to be a vector of size equal to the number of channels",
    ),
    ("group_norm", (f(2), 1), RuntimeError, "Expected at least 2 dimensions for input tensor but received 1"),
    ("instance_norm", (f(2, 3, 1),), ValueError, "Expected more than 1 spatial element when training"),
    ("instance_norm", (f(2, 3, 2), None, None, f(2)), RuntimeError, "weight should contain 3 elements not 2"),
    (
        "local_response_norm",
        (f(2, 3), 2),
        ValueError,
        r"Expected 3D or higher dimensionality input \(got 2 dimensions\)",
    ),
    (
        "linear",
        (f(2, 3), f(4, 5)),
        RuntimeError,
        r"cannot be multiplied \(2x3 and 5x4\): input \(2, 3\) has 3 features on its last axis",
    ),
    ("linear", (f(2, 3), f(4, 3, dtype=autograd.float64)), RuntimeError, "same dtype, but got: float32 != float64"),
    (
        "linear",
        (f(2, 3), f(4, 3), f(4, dtype=autograd.float64)),
        RuntimeError,
        "expected bias to have the dtype of the input",
    ),
    ("linear", (f(), f(4, 3)), RuntimeError, "need to be at least 1D"),
    ("linear", (3, f(4, 3)), TypeError, r"argument 'input' \(position 1\) must be Tensor, not int"),
    (
        "bilinear",
        (f(2, 3), f(2, 4), f(5, 3, 3)),
        RuntimeError,
        "input2 size does not match weight size: got 4 but expected 3",
    ),
    ("bilinear", (f(2, 3), f(3, 4), f(5, 3, 4)), RuntimeError, "input batch dimensions do not match"),
    ("bilinear", (f(2, 3), f(4), f(5, 3, 4)), RuntimeError, "input dimensions do not match"),
    (
        "bilinear",
        (f(2, 3), f(2, 4), f(5, 3, 4), f(4)),
        RuntimeError,
        "bias size does not match weight size: got 4 but expected 5",
    ),
    ("pdist", (f(2, 3, 4),), RuntimeError, "pdist only supports 2D tensors, got: 3D"),
    ("pdist", (f(2, 3), -1.0), RuntimeError, "pdist only supports non-negative p values"),
    ("normalize", (f(2, 3), 2.0, 5), IndexError, "Dimension out of range"),
    (
        "cosine_similarity",
        (f(2, dtype=autograd.int64), f(2)),
        RuntimeError,
        "expected common dtype to be floating point",
    ),
)
def test_refusals(name, args, kwargs, error, phrase):
    check(name, args, kwargs, error, phrase)


def _normalised(x, groups, weight, bias, g):
    """What group_norm gives, with the gradients of all that requires one."""
    given = [None if a is None else autograd.tensor(a, requires_grad=True) for a in (x, weight, bias)]
    y = F.group_norm(given[0], groups, *given[1:])
    y.backward(autograd.tensor(g))
    return [y.detach(), *(t.grad for t in given if t is not None)]


@pytest.mark.fast
@pytest.mark.parametrize("block", [1, 1 << 19], ids=["by group", "by example"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("shape", "groups"),
    [((3, 6, 5), 2), ((2, 4, 3, 3), 4), ((5, 4), 2), ((2, 3, 40, 40), 1), ((2, 4, 34, 34), 4), ((3, 8, 120, 100), 4)],
)
def test_group_norm_by_units_is_the_plain_one(shape, groups, bias, block, monkeypatch):
    monkeypatch.setattr(_group_norm, "_BLOCK", block)
    random = np.random.default_rng(0)
    x, g = random.normal(3, 2, size=(2, *shape))
    weight, shift = random.normal(size=(2, shape[1]))
    seen = []
    for name in ("forward", "backward"):
        real = getattr(_group_norm, name)
        monkeypatch.setattr(_group_norm, name, lambda *given, n=name, f=real: seen.append(n) or f(*given))
    found = _normalised(x, groups, weight, shift if bias else None, g)
    assert seen == ["forward", "backward"]
    with autograd.fast_paths(False):
        wanted = _normalised(x, groups, weight, shift if bias else None, g)
    assert len(seen) == 2
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weight", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_group_and_instance_norm_are_their_formulas(weight, bias):
    random = np.random.default_rng(1)
    x, w, b = random.normal(1, 2, size=(2, 4, 3)), random.normal(size=4), random.normal(size=4)
    for groups, found in ((2, F.group_norm), (4, None)):
        rows = x.reshape(2, groups, -1)
        wanted = (rows - rows.mean(2, keepdims=True)) / np.sqrt(rows.var(2, keepdims=True) + 1e-5)
        wanted = wanted.reshape(x.shape) * (w[:, None] if weight else 1) + (b[:, None] if bias else 0)
        given = [autograd.tensor(a) if use else None for a, use in ((w, weight), (b, bias))]
        y = (
            found(autograd.tensor(x), groups, *given)
            if found
            else F.instance_norm(autograd.tensor(x), None, None, *given)
        )
        np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-10)


def test_gradients_of_a_group_norm_that_nobody_needs_are_not_made():
    x, w = autograd.randn(2, 4, 3, dtype=autograd.float64), autograd.ones(4, dtype=autograd.float64, requires_grad=True)
    assert autograd.gradcheck(lambda w: F.group_norm(x, 2, w), (w,))
    b = autograd.zeros(4, dtype=autograd.float64, requires_grad=True)
    assert autograd.gradcheck(lambda b: F.group_norm(x, 2, w.detach(), b), (b,))
    x.requires_grad_()
    assert autograd.gradcheck(lambda x: F.group_norm(x, 2, w.detach(), b.detach()), (x,))
    assert autograd.gradgradcheck(lambda x, w, b: F.group_norm(x, 2, w, b), (x, w, b))
