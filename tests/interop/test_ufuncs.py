"""NumPy's ufuncs on Tensors: dispatched to our operations, differentiable, never silently losing a gradient."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import autograd as ag
from autograd._protocols import _counterpart

from .common import CANT, leaf

UFUNCS = sorted(
    {n for n in dir(np) if isinstance(getattr(np, n), np.ufunc) and _counterpart(getattr(np, n)) is not None}
)
SMOOTH = {
    n for n in UFUNCS
    if n in [
        "absolute", "add", "arccos", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "conjugate",
        "cos", "cosh", "deg2rad", "degrees", "divide", "exp", "exp2", "expm1", "fabs", "fmax", "fmin",
        "float_power", "hypot", "log", "log10", "log1p", "log2", "logaddexp", "logaddexp2", "matmul",
        "maximum", "minimum", "multiply", "negative", "positive", "power", "rad2deg", "radians", "reciprocal",
        "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh",
    ]
}  # fmt: skip


def ufunc_arguments(name):
    f = getattr(np, name)
    if name in ("matmul", "vecdot", "matvec", "vecmat"):
        return np.full((2, 2), 0.5), np.array([[0.2, 0.7], [0.3, 0.4]])
    if name.startswith(("bitwise", "left_", "right_")) or name in ("invert", "gcd", "lcm"):
        return (np.array([1, 2, 3]), np.array([2, 1, 1]))[: f.nin]
    if name == "ldexp":
        return np.array([0.3, 0.5]), np.array([1, 2])
    if name == "arccosh":
        return (np.array([1.5, 2.5]),)
    return (np.array([0.3, 0.8, 0.5]), np.array([0.6, 0.2, 0.4]))[: f.nin]


@pytest.mark.parametrize("name", UFUNCS)
def test_ufunc(name):
    f, args = getattr(np, name), ufunc_arguments(name)
    with np.errstate(all="ignore"):
        expected = f(*args)
    for found in (
        f(*map(ag.from_numpy, args)),
        f(args[0], *map(ag.from_numpy, args[1:])) if len(args) > 1 else f(ag.tensor(args[0])),
    ):
        for a, b in zip(found if isinstance(found, tuple) else (found,), expected if isinstance(expected, tuple) else (expected,),
                        strict=True):  # fmt: skip
            assert isinstance(a, ag.Tensor)
            np.testing.assert_allclose(a.numpy(), b, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(SMOOTH))
def test_ufunc_is_differentiable(name):
    f = getattr(np, name)
    args = [ag.tensor(a, requires_grad=True) for a in ufunc_arguments(name)]
    assert isinstance(f(*args), ag.Tensor)
    assert ag.gradcheck(f, tuple(args))


def test_about_sixty_ufuncs_have_a_counterpart():
    assert len({getattr(np, n) for n in UFUNCS}) >= 75


def test_numpy_scalars_do_not_widen():
    t = ag.ones(2, requires_grad=True)
    for y in (
        np.float64(2) * t,
        np.float64(2) / t,
        np.float64(2) ** t,
        t - np.float64(2),
        np.float64(1) - t,
        np.multiply(t, np.float64(2)),
    ):
        assert y.dtype is ag.float32
        assert y.requires_grad
    assert (np.float64(2) < t).dtype is ag.bool


def test_arrays_on_the_left():
    t = leaf(3)
    a = np.array([1.0, 2.0, 3.0])
    for y in (a + t, a - t, a * t, a / t, a**t, a @ t, np.ones((2, 3)) @ t, np.ones(3, np.float32) @ t):
        assert isinstance(y, ag.Tensor)
        assert y.requires_grad
        assert y.dtype is ag.float64
    (g,) = ag.grad((a @ t), t)
    assert g.tolist() == [1.0, 2.0, 3.0]
    assert (a > t).dtype is ag.bool
    assert (a == ag.from_numpy(a)).all()


def test_out_of_an_array_is_refused():
    t, a = leaf(3), np.zeros(3)
    for call in (
        lambda: np.add(a, t, out=a),
        lambda: np.exp(t.detach(), out=a),
        lambda: operator.iadd(a, t),
        lambda: np.sum(t, out=a[0:1]),
    ):
        with pytest.raises(TypeError, match=r"out= .* with a NumPy array"):
            call()
    assert a.tolist() == [0.0, 0.0, 0.0]
    out = ag.zeros(3, dtype=ag.float64)
    assert np.exp(t.detach(), out=out) is out
    assert out.tolist() == np.exp(t.detach().numpy()).tolist()
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        np.exp(t, out=out)


M = np.random.default_rng(3).uniform(0.2, 0.9, (2, 3))
METHODS = {
    "add.reduce": np.add.reduce,
    "add.reduce keepdims": lambda x: np.add.reduce(x, axis=1, keepdims=True),
    "add.reduce all": lambda x: np.add.reduce(x, axis=None),
    "multiply.reduce": lambda x: np.multiply.reduce(x, 1),
    "maximum.reduce": np.maximum.reduce,
    "minimum.reduce": lambda x: np.minimum.reduce(x, initial=0.5),
    "add.accumulate": np.add.accumulate,
    "multiply.accumulate": lambda x: np.multiply.accumulate(x, axis=1),
    "multiply.outer": lambda x: np.multiply.outer(x, x[0]),
    "subtract.outer": lambda x: np.subtract.outer(x[:, 0], x),
    "power.outer": lambda x: np.power.outer([1.0, 2.0], x),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_ufuncs_are_recorded(name):
    t = ag.tensor(M, requires_grad=True)
    out = METHODS[name](t)
    assert out.requires_grad
    np.testing.assert_allclose(out.detach(), METHODS[name](M))
    assert ag.gradcheck(METHODS[name], (t,))


def test_logical_reductions():
    t = ag.tensor([[True, False], [True, True]])
    assert np.logical_and.reduce(t).tolist() == [True, False]
    assert np.logical_or.reduce(t, axis=1).tolist() == [True, True]


def test_methods_of_ufuncs_without_a_counterpart():
    t = leaf(3)
    for call in (lambda: np.add.at(t, [0], 1.0), lambda: np.add.reduceat(t, [0, 1]), lambda: np.logaddexp.reduce(t),
                 lambda: np.exp(t, where=np.array([True, False, True])), lambda: np.spacing(t), lambda: np.frexp(t)):  # fmt: skip
        with pytest.raises(RuntimeError, match=CANT):
            call()
    assert isinstance(np.add.reduceat(t.detach(), [0, 1]), np.ndarray)
    assert np.exp(t, dtype=np.float32).dtype is ag.float32


def test_options_of_ufuncs():
    t = leaf(3)
    with pytest.raises(RuntimeError, match=CANT):
        np.vecdot(t, t, keepdims=True)
    assert np.vecdot(t.detach(), t.detach(), keepdims=True).shape == (1,)
    assert np.vecdot(t, t, keepdims=False).shape == ()
    quotient, rest = np.divmod(t, 0.4, dtype=np.float32)
    assert quotient.dtype is rest.dtype is ag.float32
