"""nn.init: the distributions it promises, and how layers start."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn
from nn import init


@pytest.fixture(autouse=True)
def seeded():
    autograd.manual_seed(0)


def filled(fn, *args, shape=(400, 300), dtype=None, **kwargs):
    t = autograd.empty(shape, dtype=dtype)
    assert fn(t, *args, **kwargs) is t
    return t.numpy()


def assert_uniform(a, low, high):
    assert a.min() >= low
    assert a.max() <= high
    assert a.mean() == pytest.approx((low + high) / 2, abs=(high - low) * 0.01)
    assert a.std() == pytest.approx((high - low) / math.sqrt(12), rel=0.02)


def assert_normal(a, mean, std):
    assert a.mean() == pytest.approx(mean, abs=std * 0.02)
    assert a.std() == pytest.approx(std, rel=0.02)
    assert np.abs(a - mean).max() > 3 * std


def test_simple_fills():
    assert (filled(init.zeros_) == 0).all()
    assert (filled(init.ones_) == 1).all()
    assert (filled(init.constant_, 2.5) == 2.5).all()
    np.testing.assert_array_equal(filled(init.eye_, shape=(2, 3)), np.eye(2, 3))


def test_distributions():
    assert_uniform(filled(init.uniform_), 0, 1)
    assert_uniform(filled(init.uniform_, -2, 3), -2, 3)
    assert_normal(filled(init.normal_), 0, 1)
    assert_normal(filled(init.normal_, 5, 0.1), 5, 0.1)


def test_by_fan():
    assert_uniform(filled(init.xavier_uniform_, gain=2), -2 * math.sqrt(6 / 700), 2 * math.sqrt(6 / 700))
    assert_normal(filled(init.xavier_normal_), 0, math.sqrt(2 / 700))
    bound = math.sqrt(2) * math.sqrt(3 / 300)
    assert_uniform(filled(init.kaiming_uniform_), -bound, bound)
    assert_normal(filled(init.kaiming_normal_, mode="fan_out", nonlinearity="tanh"), 0, 5 / 3 / math.sqrt(400))
    assert init._calculate_fan_in_and_fan_out(autograd.empty(4, 3, 5, 2)) == (30, 40)


def test_truncated_normal():
    a = filled(init.trunc_normal_, 1.0, 2.0, -1.0, 2.0)
    assert -1 <= a.min() < -0.99
    assert 1.99 < a.max() <= 2
    # Mean of a normal truncated to [α, β]: μ + σ (φ(α) - φ(β)) / (Φ(β) - Φ(α)).
    phi = lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    cdf = lambda x: (1 + math.erf(x / math.sqrt(2))) / 2  # noqa: E731
    assert a.mean() == pytest.approx(1 + 2 * (phi(-1) - phi(0.5)) / (cdf(0.5) - cdf(-1)), abs=0.01)
    with pytest.warns(UserWarning, match="mean is more than 2 std from"):
        far = filled(init.trunc_normal_, 0.0, 1.0, 30.0, 31.0, shape=(50,))
    assert ((far >= 30) & (far <= 31)).all()


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3), (4, 2, 3)])
def test_orthogonal(shape):
    a = filled(init.orthogonal_, 2.0, shape=shape, dtype=autograd.float64).reshape(shape[0], -1)
    gram = a @ a.T if a.shape[0] <= a.shape[1] else a.T @ a
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_sparse():
    a = filled(init.sparse_, 0.25, 0.5, shape=(40, 30))
    assert ((a == 0).sum(0) == 10).all()
    assert a[a != 0].std() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_passes_its_input_through(groups):
    conv = nn.Conv2d(4, 4, 3, padding=1, bias=False, groups=groups)
    init.dirac_(conv.weight, groups)
    x = autograd.rand(1, 4, 5, 5)
    np.testing.assert_allclose(conv(x).detach().numpy(), x.numpy(), atol=1e-6)


def test_nothing_is_recorded_but_the_engine_knows():
    w = nn.Parameter(autograd.ones(2, 2))
    out = (w * w).sum()
    init.normal_(w)
    assert w.is_leaf
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


def test_seeds_and_generators():
    a = filled(init.normal_)
    autograd.manual_seed(0)
    np.testing.assert_array_equal(filled(init.normal_), a)
    g = autograd.Generator().manual_seed(5)
    b = filled(init.xavier_uniform_, generator=g)
    np.testing.assert_array_equal(filled(init.xavier_uniform_, generator=g.manual_seed(5)), b)


def test_gains():
    gain = init.calculate_gain
    assert gain("linear") == gain("sigmoid") == gain("conv_transpose3d") == 1
    assert gain("tanh") == 5 / 3
    assert gain("relu") == math.sqrt(2)
    assert gain("selu") == 0.75
    assert gain("leaky_relu") == math.sqrt(2 / 1.0001)
    assert gain("leaky_relu", 1) == 1


@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda t: init.calculate_gain("gelu"), ValueError, "Unsupported nonlinearity gelu"),
        (lambda t: init.calculate_gain("leaky_relu", "a"), ValueError, "negative_slope a not a valid number"),
        (lambda t: init.uniform_(t, 2, 1), RuntimeError, r"uniform_ expects to return a \[from, to\) range"),
        (lambda t: init.normal_(t, 0, -1), RuntimeError, "normal expects std >= 0.0, but found std -1"),
        (lambda t: init.eye_(t[0]), ValueError, "Only tensors with 2 dimensions are supported, got 1"),
        (lambda t: init.sparse_(t[0], 0.5), ValueError, "Only tensors with 2 dimensions are supported, got 1"),
        (lambda t: init.dirac_(t), ValueError, "Only tensors with 3, 4, or 5 dimensions are supported, got 2"),
        (lambda t: init.dirac_(autograd.empty(3, 2, 2), 2), ValueError, "dim 0 must be divisible by groups"),
        (lambda t: init.orthogonal_(t[0]), ValueError, "Only tensors with 2 or more dimensions are supported"),
        (lambda t: init.xavier_normal_(t[0]), ValueError, "Fan in and fan out can not be computed"),
        (lambda t: init.kaiming_normal_(t, mode="out"), ValueError, "Mode out not supported"),
    ],
)
def test_refusals(act, error, text):
    with pytest.raises(error, match=text):
        act(autograd.empty(3, 3))


def test_empty_tensors():
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        init.kaiming_uniform_(autograd.empty(0, 3))
    assert init.orthogonal_(autograd.empty(0, 3)).shape == (0, 3)


def test_old_spellings_warn():
    with pytest.warns(FutureWarning, match="nn.init.xavier_normal is now deprecated"):
        init.xavier_normal(autograd.empty(2, 2))


# ------------------------------------------------------------------ how layers start

K300, K72 = 1 / math.sqrt(300), 1 / math.sqrt(12 * 6)
UNIFORM = [
    (lambda: nn.Linear(300, 200), "weight", K300),
    (lambda: nn.Linear(300, 5000), "bias", K300),
    (lambda: nn.Bilinear(300, 20, 30), "weight", K300),
    (lambda: nn.Conv2d(24, 200, (2, 3), groups=2), "weight", K72),
    (lambda: nn.Conv1d(24, 5000, 6, groups=2), "bias", K72),
    (lambda: nn.ConvTranspose2d(60, 24, (2, 3), groups=2), "weight", K72),
    (lambda: nn.LSTM(20, 300), "weight_ih_l0", K300),
    (lambda: nn.GRU(20, 300, 2), "weight_hh_l1", K300),
    (lambda: nn.RNNCell(20, 300), "weight_hh", K300),
    (lambda: nn.MultiheadAttention(100, 2), "in_proj_weight", math.sqrt(6 / 400)),
    (lambda: nn.MultiheadAttention(100, 2, kdim=50), "k_proj_weight", math.sqrt(6 / 150)),
    (lambda: nn.Transformer(64, 2, 1, 1, 128), "encoder.layers.0.linear1.weight", math.sqrt(6 / 192)),
]


@pytest.mark.parametrize(("build", "name", "bound"), UNIFORM)
def test_layers_start_uniform(build, name, bound):
    assert_uniform(dict(build().named_parameters())[name].detach().numpy(), -bound, bound)


def test_other_starts():
    table = nn.Embedding(300, 200, padding_idx=-1)
    assert_normal(table.weight.detach().numpy()[:-1], 0, 1)
    assert table.padding_idx == 299
    assert not table.weight.detach().numpy()[-1].any()
    assert_normal(nn.MultiheadAttention(2000, 2, add_bias_kv=True).bias_k.detach().numpy(), 0, math.sqrt(2 / 4000))
    attention = nn.MultiheadAttention(8, 2)
    assert not attention.in_proj_bias.detach().numpy().any()
    assert not attention.out_proj.bias.detach().numpy().any()
    for norm in (nn.BatchNorm2d(3), nn.LayerNorm(3), nn.GroupNorm(1, 3), nn.InstanceNorm1d(3, affine=True)):
        assert norm.weight.tolist() == [1, 1, 1]
        assert norm.bias.tolist() == [0, 0, 0]
    assert nn.PReLU(2).weight.tolist() == [0.25, 0.25]
