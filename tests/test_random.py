"""Random numbers: the same on every machine for the same seed, from the right distributions, or a clear refusal."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import autograd as ag

# What each draw gave on the machine where this was written, after manual_seed(7).
RECORDED = {
    "rand": (lambda: ag.rand(3), [0.944905, 0.625095, 0.68418]),
    "rand double": (lambda: ag.rand(3, dtype=ag.float64), [0.625095, 0.897214, 0.775686]),
    "rand half": (lambda: ag.rand(3, dtype=ag.float16), [0.944824, 0.625, 0.684082]),
    "rand complex": (lambda: ag.rand(2, dtype=ag.complex64), [(0.944905+0.625095j), (0.68418+0.897214j)]),
    "randn": (lambda: ag.randn(3), [1.521969, -1.144106, 1.150162]),
    "randn double": (lambda: ag.randn(3, dtype=ag.float64), [0.00123, 0.298746, -0.274138]),
    "randn complex": (lambda: ag.randn(2, dtype=ag.complex64), [(1.076195-0.809005j), (0.813287-1.26194j)]),
    "randint": (lambda: ag.randint(2, 50, (4,)), [47, 32, 34, 45]),
    "randperm": (lambda: ag.randperm(6), [5, 2, 0, 4, 1, 3]),
    "rand_like": (lambda: ag.rand_like(ag.ones(2, 1)), [[0.944905], [0.625095]]),
    "randn_like": (lambda: ag.randn_like(ag.ones(2)), [1.521969, -1.144106]),
    "randint_like": (lambda: ag.randint_like(ag.ones(3), 9), [8.0, 5.0, 6.0]),
    "normal": (lambda: ag.normal(1.0, 2.0, (3,)), [4.043939, -1.288212, 3.300323]),
    "normal of tensors": (lambda: ag.normal(ag.tensor([0.0, 10.0]), ag.tensor([1.0, 0.1])), [1.521969, 9.88559]),
    "bernoulli": (lambda: ag.bernoulli(ag.full((8,), 0.3)), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
    "multinomial": (lambda: ag.multinomial(ag.tensor([1.0, 2.0, 3.0, 4.0]), 3), [2, 3, 1]),
    "multinomial with replacement": (lambda: ag.multinomial(ag.tensor([1.0, 2.0, 3.0, 4.0]), 8, True), [3, 3, 3, 1, 2, 3, 0, 3]),
    "poisson": (lambda: ag.poisson(ag.full((4,), 3.5)), [4.0, 1.0, 4.0, 5.0]),
    "binomial": (lambda: ag.binomial(ag.full((4,), 9.0), ag.full((4,), 0.4)), [4.0, 5.0, 5.0, 2.0]),
    "uniform_": (lambda: ag.empty(3).uniform_(2, 4), [3.88981, 3.250191, 3.36836]),
    "normal_": (lambda: ag.empty(3).normal_(5, 0.5), [5.760984, 4.427947, 5.575081]),
    "random_": (lambda: ag.empty(3, dtype=ag.int64).random_(5, 500), [472, 314, 343]),
    "exponential_": (lambda: ag.empty(3).exponential_(2.0), [0.353765, 0.512602, 0.284274]),
    "geometric_": (lambda: ag.empty(4).geometric_(0.3), [2.0, 3.0, 2.0, 3.0]),
    "cauchy_": (lambda: ag.empty(3).cauchy_(1.0, 2.0), [1.008235, 1.615631, 1.917002]),
    "log_normal_": (lambda: ag.empty(3).log_normal_(0.0, 0.5), [1.000615, 1.161106, 0.87191]),
    "bernoulli_": (lambda: ag.empty(6).bernoulli_(0.5), [0.0, 0.0, 0.0, 1.0, 1.0, 0.0]),
    "dropout": (lambda: ag.dropout(ag.ones(8), 0.25, True), [1.333333, 1.333333, 1.333333, 1.333333, 1.333333, 1.333333, 1.333333, 0.0]),
}  # fmt: skip


@pytest.fixture(autouse=True)
def seeded():
    state = ag.get_rng_state()
    ag.manual_seed(7)
    yield
    ag.set_rng_state(state)


@pytest.mark.parametrize("name", RECORDED)
def test_same_seed_same_numbers_on_every_machine(name):
    draw, expected = RECORDED[name]
    first = draw()
    np.testing.assert_allclose(first.to(ag.complex64 if first.is_complex() else ag.float64), expected, atol=2e-6)
    ag.manual_seed(7)
    assert draw().tolist() == first.tolist()


def drawn(draw):
    return ag.manual_seed(0) and draw().double().numpy()


N = 40000
# draws -> mean, variance (None: not finite)
MOMENTS = {
    "rand": (lambda: ag.rand(N), 1 / 2, 1 / 12),
    "rand half": (lambda: ag.rand(N, dtype=ag.float16), 1 / 2, 1 / 12),
    "randn": (lambda: ag.randn(N), 0.0, 1.0),
    "randint": (lambda: ag.randint(-3, 4, (N,)), 0.0, 4.0),
    "normal": (lambda: ag.normal(ag.full((N,), 3.0), 0.5), 3.0, 0.25),
    "bernoulli": (lambda: ag.bernoulli(ag.full((N,), 0.3)), 0.3, 0.21),
    "bernoulli_": (lambda: ag.empty(N).bernoulli_(ag.full((N,), 0.8)), 0.8, 0.16),
    "poisson": (lambda: ag.poisson(ag.full((N,), 3.5)), 3.5, 3.5),
    "binomial": (lambda: ag.binomial(ag.full((N,), 9.0), ag.full((N,), 0.4)), 3.6, 2.16),
    "exponential_": (lambda: ag.empty(N).exponential_(2.0), 0.5, 0.25),
    "geometric_": (lambda: ag.empty(N).geometric_(0.3), 1 / 0.3, 0.7 / 0.09),
    "log_normal_": (lambda: ag.empty(N).log_normal_(0.0, 0.5), math.exp(0.125), (math.exp(0.25) - 1) * math.exp(0.25)),
    "uniform_": (lambda: ag.empty(N).uniform_(2, 5), 3.5, 0.75),
    "random_": (lambda: ag.empty(N).random_(10), 4.5, 8.25),
    "multinomial": (lambda: ag.multinomial(ag.tensor([1.0, 2.0, 1.0]), N, True), 1.0, 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", MOMENTS)
def test_moments(name):
    draw, mean, variance = MOMENTS[name]
    x = drawn(draw)
    assert x.mean() == pytest.approx(mean, abs=6 * math.sqrt(variance / N))
    assert x.var() == pytest.approx(variance, rel=0.1)


def test_cauchy_has_its_quartiles():
    x = drawn(lambda: ag.empty(N).cauchy_(1.0, 2.0))
    np.testing.assert_allclose(np.quantile(x, [0.25, 0.5, 0.75]), [-1.0, 1.0, 3.0], atol=0.15)


def test_ranges():
    for dtype in (ag.float16, ag.float32, ag.float64):
        x = ag.rand(N, dtype=dtype)
        assert x.dtype is dtype
        assert 0 <= x.min().item() <= x.max().item() < 1
    assert sorted(ag.randperm(50).tolist()) == list(range(50))
    assert set(ag.randint(3, (200,)).tolist()) == {0, 1, 2}
    rows = ag.multinomial(ag.ones(5, 4), 4)
    assert all(sorted(row) == [0, 1, 2, 3] for row in rows.tolist())
    assert set(ag.multinomial(ag.tensor([0.0, 1.0, 0.0]), 20, True).tolist()) == {1}
    assert ag.empty(1000, dtype=ag.uint8).random_().max().item() > 200
    assert set(ag.empty(100, dtype=ag.bool).random_().tolist()) == {True, False}


def test_shapes_dtypes_and_options():
    assert ag.rand(()).shape == ()
    assert ag.rand((2, 3)).shape == ag.randn(2, 3).shape == ag.rand(size=(2, 3)).shape == (2, 3)
    assert ag.randint(high=5, size=(2,)).dtype is ag.int64
    assert ag.randint(5, (2,), dtype=ag.float32).dtype is ag.float32
    assert ag.randperm(4, dtype=ag.int32).dtype is ag.int32
    assert ag.randn(2, requires_grad=True).is_leaf
    out = ag.empty(2)
    assert ag.rand(2, out=out) is out
    assert ag.rand_like(ag.ones(2, 3), dtype=ag.float64).dtype is ag.float64
    assert ag.randn_like(ag.ones(2, dtype=ag.complex64)).is_complex()
    x = ag.ones(2, 3)
    assert x.normal_() is x


# ------------------------------------------------------------------ generators


def test_generators_have_streams_of_their_own():
    a, b = ag.Generator().manual_seed(1), ag.Generator().manual_seed(1)
    before = ag.get_rng_state()
    first = ag.rand(3, generator=a)
    assert ag.rand(3, generator=b).tolist() == first.tolist()
    assert ag.get_rng_state().tolist() == before.tolist()
    assert ag.randperm(9, generator=a).tolist() == ag.randperm(9, generator=b).tolist()
    assert a.initial_seed() == 1
    assert a.clone_state().get_state().tolist() == a.get_state().tolist()
    assert (
        ag.rand(3, generator=copy.deepcopy(a)).tolist() == ag.rand(3, generator=pickle.loads(pickle.dumps(a))).tolist()
    )
    fresh = a.seed()
    assert a.initial_seed() == fresh
    assert ag.Generator().initial_seed() == ag.Generator().initial_seed()
    assert str(a.device) == "cpu"


def test_state_continues_bit_for_bit():
    ag.rand(5)
    ag.randint(9, (3,))  # leaves half a word of the stream unused
    state = ag.get_rng_state()
    expected = [ag.rand(4).tolist(), ag.randint(9, (5,)).tolist(), ag.randn(3).tolist()]
    ag.set_rng_state(state)
    assert [ag.rand(4).tolist(), ag.randint(9, (5,)).tolist(), ag.randn(3).tolist()] == expected
    with ag.fork_rng():
        inside = ag.rand(2).tolist()
    assert ag.rand(2).tolist() == inside
    with ag.fork_rng(enabled=False):
        inside = ag.rand(2).tolist()
    assert ag.rand(2).tolist() != inside


def test_seeds():
    assert ag.manual_seed(3) is ag.default_generator
    assert ag.initial_seed() == 3
    assert ag.manual_seed(-1).initial_seed() == 2**64 - 1
    assert ag.seed() == ag.initial_seed()


# ------------------------------------------------------------------ refusals

INTS = {"dtype": ag.int64}
REFUSALS = {
    "rand(2, dtype=int64)": (lambda: ag.rand(2, **INTS), NotImplementedError, "rand: not implemented for int64"),
    "randn_like of ints": (lambda: ag.randn_like(ag.ones(2, **INTS)), NotImplementedError, "not implemented for int64"),
    "rand(-2)": (lambda: ag.rand(2, -2), RuntimeError, r"negative dimension -2: \[2, -2\]"),
    "randperm(-1)": (lambda: ag.randperm(-1), RuntimeError, "negative dimension -1"),
    "randint(5, 5)": (lambda: ag.randint(5, 5, (2,)), RuntimeError, "got from=5 >= to=5"),
    "randint()": (lambda: ag.randint(size=(2,)), TypeError, r"takes \(high, size\) or"),
    "normal, std < 0": (lambda: ag.normal(0.0, -1.0, (2,)), RuntimeError, "found std -1.0"),
    "normal, some std < 0": (lambda: ag.normal(0.0, ag.tensor([1.0, -2.0])), RuntimeError, "all elements of std >= 0.0, but found -2.0"),
    "bernoulli, p > 1": (lambda: ag.bernoulli(ag.tensor([0.5, 1.5])), RuntimeError, "p_in <= 1"),
    "bernoulli of ints": (lambda: ag.bernoulli(ag.ones(2, **INTS)), NotImplementedError, "bernoulli: not implemented for int64"),
    "bernoulli_, p > 1": (lambda: ag.empty(2).bernoulli_(1.5), RuntimeError, r"p to be in \[0, 1\], but got p=1.5"),
    "multinomial, too many": (lambda: ag.multinomial(ag.ones(3), 4), RuntimeError, r"cannot sample n_sample \(4\)"),
    "multinomial of ints": (lambda: ag.multinomial(ag.ones(3, **INTS), 1), RuntimeError, "only supports floating-point"),
    "multinomial of zeros": (lambda: ag.multinomial(ag.zeros(3), 1), RuntimeError, "sum of probabilities <= 0"),
    "multinomial < 0": (lambda: ag.multinomial(-ag.ones(3), 1), RuntimeError, "element < 0"),
    "multinomial, 3 axes": (lambda: ag.multinomial(ag.ones(1, 1, 3), 1), RuntimeError, "1 or 2 dim, got 3"),
    "poisson < 0": (lambda: ag.poisson(-ag.ones(2)), RuntimeError, "invalid Poisson rate"),
    "poisson of ints": (lambda: ag.poisson(ag.ones(2, **INTS)), NotImplementedError, "poisson: not implemented for int64"),
    "binomial, p > 1": (lambda: ag.binomial(ag.ones(2), ag.full((2,), 2.0)), RuntimeError, r"probabilities in \[0, 1\]"),
    "uniform_(3, 2)": (lambda: ag.empty(2).uniform_(3, 2), RuntimeError, "found from=3 > to=2"),
    "uniform_ of ints": (lambda: ag.empty(2, **INTS).uniform_(), NotImplementedError, "uniform_: not implemented for int64"),
    "normal_ of ints": (lambda: ag.empty(2, **INTS).normal_(), NotImplementedError, "normal_: not implemented for int64"),
    "normal_, std < 0": (lambda: ag.empty(2).normal_(0, -1), RuntimeError, "found std -1"),
    "exponential_(0)": (lambda: ag.empty(2).exponential_(0.0), RuntimeError, "lambda > 0.0, but found lambda=0.0"),
    "exponential_ of ints": (lambda: ag.empty(2, **INTS).exponential_(), RuntimeError, "the distribution is continuous"),
    "geometric_(1)": (lambda: ag.empty(2).geometric_(1.0), RuntimeError, r"p to be in \(0, 1\), but got p=1.0"),
    "cauchy_, sigma < 0": (lambda: ag.empty(2).cauchy_(0.0, -1.0), RuntimeError, "sigma > 0.0, but found sigma=-1.0"),
    "log_normal_, std < 0": (lambda: ag.empty(2).log_normal_(0.0, -1.0), RuntimeError, "std > 0.0, but found std=-1.0"),
    "random_(6, 2)": (lambda: ag.empty(2).random_(6, 2), RuntimeError, "from=6 >= to=2"),
    "manual_seed(2**64)": (lambda: ag.manual_seed(2**64), ValueError, "takes 64 bits, got 18446744073709551616"),
    "generator": (lambda: ag.rand(2, generator=np.random.default_rng()), TypeError, "must be an autograd.Generator, got Generator"),
    "set_state": (lambda: ag.set_rng_state(ag.zeros(4, dtype=ag.uint8)), RuntimeError, "expected a state that get_state returned"),
    "leaf": (lambda: ag.ones(2, requires_grad=True).normal_(), RuntimeError, "leaf"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name):
    call, error, text = REFUSALS[name]
    with pytest.raises(error, match=text):
        call()


# ------------------------------------------------------------------ making tensors: what PyTorch refuses too


def test_ends_that_are_complex_or_not_finite():
    assert ag.linspace(0, 1j, 3).tolist() == [0j, 0.5j, 1j]
    assert ag.linspace(ag.tensor(1j), 2, 3).dtype is ag.complex64
    np.testing.assert_allclose(ag.logspace(0, 1j, 3), 10 ** np.linspace(0, 1j, 3), rtol=1e-6)
    for end in (math.nan, math.inf):
        with pytest.raises(RuntimeError, match=f"unsupported range: 0 -> {end}"):
            ag.arange(end)
    with pytest.raises(RuntimeError, match="expects all tensors to have the same dtype"):
        ag.meshgrid(ag.arange(2), ag.ones(2), indexing="ij")
    with pytest.raises(RuntimeError, match="Could not infer dtype of NoneType"):
        ag.tensor(None)
    with pytest.raises(ValueError, match="Overflow when unpacking long long"):
        ag.tensor(2**70)


@pytest.mark.parametrize("dtype", [ag.float16, ag.bfloat16])
def test_normal_numbers_of_16_bits_are_those_of_32_rounded(dtype):
    ag.manual_seed(7)
    found = ag.randn(50, dtype=dtype)
    ag.manual_seed(7)
    assert found.dtype is dtype
    assert found.equal(ag.randn(50).to(dtype))
