"""Programs written for HIPS autograd: derivatives of functions by argument, primitives, helpers.

Expected numbers are closed forms, differences, or what HIPS autograd 1.9.1 printed for the same program.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd as ag
import autograd.numpy as anp
from autograd.extend import defvjp, defvjp_argnum, defvjp_argnums, notrace_primitive, primitive
from autograd.misc import const_graph, flatten, flatten_func
from autograd.misc.fixed_points import fixed_point
from autograd.misc.optimizers import adam, rmsprop, sgd
from autograd.test_util import check_grads, combo_check

X = np.array([1.0, 2.0])


# ------------------------------------------------------------------ derivatives by argument


def test_plain_arguments_give_plain_results():
    slope = ag.grad(lambda x: x**3)
    assert type(slope(2.0)) is np.float64
    assert slope(2.0) == slope(2) == 12.0
    assert type(slope(np.float32(2.0))) is np.float32
    assert type(ag.grad(slope)(2.0)) is np.float64
    assert ag.grad(ag.grad(slope))(2.0) == 6.0
    assert type(ag.elementwise_grad(anp.tanh)(X)) is np.ndarray
    value, g = ag.value_and_grad(lambda x: anp.sum(x**2))(X)
    assert type(value) is np.float64
    assert type(g) is np.ndarray
    t = ag.tensor([1.0, 2.0])
    value, g = ag.value_and_grad(lambda x: (x * x).sum())(t)
    assert isinstance(value, ag.Tensor)
    assert isinstance(g, ag.Tensor)
    assert not value.requires_grad
    assert not g.requires_grad
    assert not t.requires_grad


def test_constants_have_zero_gradients():
    assert ag.grad(lambda x: 3.0)(2.0) == 0.0
    assert ag.jacobian(lambda x: np.ones(2))(X).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_gradients_work_where_recording_is_off():
    with ag.no_grad():
        assert ag.grad(lambda x: x * x)(3.0) == 6.0
        assert ag.make_vjp(anp.sin)(0.0)[0](2.0) == 2.0


def test_jacobian_and_hessian():
    np.testing.assert_allclose(ag.jacobian(lambda x: anp.outer(x, x))(X), [[[2, 0], [2, 1]], [[2, 1], [0, 4]]])
    np.testing.assert_allclose(ag.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0])), [[10, 6], [6, 0]])
    assert ag.jacobian(lambda x: anp.sum(x), 0)(np.ones((2, 3))).shape == (2, 3)
    assert ag.jacobian(lambda x: x[:0])(X).shape == (0, 2)
    by_x, by_y = ag.jacobian(lambda x, y: x * y, (0, 1))(X, X + 2)
    np.testing.assert_allclose(by_x, np.diag(X + 2))
    np.testing.assert_allclose(by_y, np.diag(X))
    nested = ag.jacobian(lambda x: ag.grad(lambda y: anp.sum(y * y * x))(x))(X)
    np.testing.assert_allclose(nested, np.diag(4 * X))  # d/dx 2 x x


def test_products():
    vjp, value = ag.make_vjp(anp.sin)(X)
    np.testing.assert_allclose(value, np.sin(X))
    for weight in (np.array([1.0, 10.0]), np.array([3.0, -1.0])):
        np.testing.assert_allclose(vjp(weight), weight * np.cos(X))
    value, moved = ag.make_jvp(lambda x, y: x * y, 1)(X, 3.0)(2.0)
    np.testing.assert_allclose(value, 3 * X)
    np.testing.assert_allclose(moved, 2 * X)
    assert ag.make_jvp(lambda x, y: x * y, (0, 1))(2.0, 3.0)((1.0, 10.0))[1] == 23.0
    assert ag.deriv(anp.sin)(0.5) == pytest.approx(math.cos(0.5))
    cubes = lambda x: anp.sum(x**3)  # noqa: E731
    hvp, slope = ag.make_hvp(cubes)(X)
    np.testing.assert_allclose(slope, 3 * X**2)
    np.testing.assert_allclose(hvp(np.array([1.0, -1.0])), 6 * X * [1, -1])
    np.testing.assert_allclose(ag.hessian_vector_product(cubes)(X, np.array([1.0, -1.0])), 6 * X * [1, -1])
    np.testing.assert_allclose(ag.vector_jacobian_product(lambda x: x**2)(X, np.array([1.0, 2.0])), 2 * X * [1, 2])
    np.testing.assert_allclose(ag.make_ggnvp(lambda x: x**2)(X)(np.array([1.0, 2.0])), 4 * X**2 * [1, 2])


def test_arguments_by_name_and_auxiliary_results():
    product = lambda a, b=5.0: a * b  # noqa: E731
    assert ag.grad_named(product, "b")(2.0, 3.0) == 2.0
    assert ag.multigrad_dict(product)(2.0) == {"a": 5.0, "b": 2.0}
    assert ag.grad(product)(2.0, b=7.0) == 7.0
    slope, aux = ag.grad_and_aux(lambda x: (x**2, x * 3))(3.0)
    assert (slope, aux) == (6.0, 9.0)
    assert type(aux) is np.float64


def test_complex_gradients_follow_hips():
    z = 1 + 2j
    assert ag.holomorphic_grad(lambda z: z**2)(z) == 2 * z
    assert ag.grad(lambda z: anp.real(z * anp.conj(z)) + 3 * anp.imag(z))(z) == 2 - 7j  # df/dx - i df/dy
    assert ag.make_vjp(lambda z: z**2)(z)[0](1j) == 1j * 2 * z
    assert complex(ag.grad(lambda z: z.imag)(ag.tensor(z))) == -1j
    t = ag.tensor(z, requires_grad=True)
    t.imag.backward()
    assert t.grad.item() == 1j


def test_structures_keep_their_form():
    from collections import namedtuple

    Layer = namedtuple("Layer", ("w", "b"))
    slopes = ag.grad(lambda ps: sum(anp.sum(p.w * 2 + p.b) for p in ps))([Layer(X, 1.0), Layer(np.ones(3), 2.0)])
    assert [type(s) for s in slopes] == [Layer, Layer]
    assert slopes[0].b == 2.0
    assert slopes[1].w.tolist() == [2.0, 2.0, 2.0]


def test_refusals():
    with pytest.raises(TypeError, match=r"must return one number, got shape \(2,\); use jacobian"):
        ag.grad(lambda x: x * x)(X)
    with pytest.raises(TypeError, match="must return a Tensor or an array, got str"):
        ag.grad(lambda x: "no")(1.0)
    with pytest.raises(TypeError, match="must return real numbers"):
        ag.elementwise_grad(lambda z: z * z)(1j)


# ------------------------------------------------------------------ primitives


@primitive
def logsumexp(x):
    """Computes log Σ eˣ."""
    assert type(x) is not ag.Tensor
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


defvjp(logsumexp, lambda ans, x: lambda g: anp.full(x.shape, g) * anp.exp(x - anp.full(x.shape, ans)))


def test_a_primitive_with_its_gradient():
    x = np.array([1.0, 2.0, 0.5])
    f = lambda y: logsumexp(y**2)  # noqa: E731
    assert type(f(x)) is np.float64
    assert logsumexp.__name__ == "logsumexp"
    assert logsumexp.__doc__ == "Computes log Σ eˣ."
    weights = np.exp(x**2) / np.exp(x**2).sum()
    np.testing.assert_allclose(ag.grad(f)(x), 2 * x * weights)
    np.testing.assert_allclose(ag.hessian_vector_product(f)(x, np.ones(3)), [-0.07807, 2.45413, -0.01844], atol=1e-5)
    check_grads(f, modes=["rev"])(x)
    check_grads(f)(x)


def test_several_arguments_numbers_and_options():
    @primitive
    def power(x, n, y, shift=0.0):
        return x**n * y + shift

    defvjp(power, lambda ans, x, n, y, shift=0.0: lambda g: g * n * x ** (n - 1) * y,
           lambda ans, x, n, y, shift=0.0: lambda g: g * x**n, argnums=(0, 2))  # fmt: skip
    assert ag.grad(power, (0, 2))(2.0, 3, 5.0, shift=1.0) == (60.0, 8.0)
    check_grads(lambda x, y: power(x, 2, y), (0, 1))(X, X + 1)
    with pytest.raises(NotImplementedError, match="power: the gradient by argument 1 is not defined"):
        ag.grad(power, 1)(2.0, 3.0, 5.0)


def test_gradients_of_all_arguments_from_one_function():
    @primitive
    def product(x, y):
        return x * y

    defvjp_argnum(product, lambda argnum, ans, args, kwargs: lambda g: g * args[1 - argnum])
    assert ag.grad(product, (0, 1))(2.0, 3.0) == (3.0, 2.0)
    defvjp_argnums(product, lambda argnums, ans, args, kwargs: lambda g: [g * args[1 - i] * 10 for i in argnums])
    assert ag.grad(product, (0, 1))(2.0, 3.0) == (30.0, 20.0)


def test_zero_gradients_and_untraced_functions():
    @primitive
    def first(x, y):
        return x + 0 * y

    defvjp(first, lambda ans, x, y: lambda g: g, None)
    assert ag.grad(first, (0, 1))(2.0, 3.0) == (1.0, 0.0)
    rounded = notrace_primitive(np.round)
    assert ag.grad(lambda x: x * rounded(x))(1.7) == 2.0


# ------------------------------------------------------------------ checking


def test_check_grads_finds_a_wrong_gradient():
    @primitive
    def square(x):
        return x * x

    defvjp(square, lambda ans, x: lambda g: g * x)
    with pytest.raises(AssertionError, match="Jacobian mismatch"):
        check_grads(square, modes=["rev"], order=1)(X)
    with pytest.raises(ValueError, match=r"modes are 'fwd' and 'rev', got \['backward'\]"):
        check_grads(square, modes=["backward"])
    combo_check(lambda x, y, z=1.0: anp.sin(x) * y * z, (0, 1), modes=["rev"])([X, 2 * X], [X], z=[1.0, 3.0])
    check_grads(lambda p: anp.sum(p["w"] * p["b"]))({"w": X, "b": 2.0})


# ------------------------------------------------------------------ helpers


def test_flatten_and_back():
    value = {"b": [X, 3.0], "a": (np.ones((2, 2)), [])}
    vector, unflatten = flatten(value)
    assert vector.tolist() == [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0]
    back = unflatten(np.arange(7.0))
    assert list(back) == ["b", "a"]
    assert back["a"][0].tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert back["a"][1] == []
    assert back["b"][0].tolist() == [4.0, 5.0]
    assert back["b"][1] == 6.0
    assert flatten([])[0].shape == (0,)
    slopes = ag.grad(lambda p: anp.sum(flatten(p)[0] ** 2))(value)
    assert slopes["b"][0].tolist() == [2.0, 4.0]
    f, unflatten, vector = flatten_func(lambda p: {"w": p["w"] * 2}, {"w": X})
    assert f(vector).tolist() == [2.0, 4.0]
    assert const_graph(f) is f


@pytest.mark.parametrize(
    ("optimizer", "options", "expected"),
    [(sgd, {"step_size": 0.1}, [0.30712, 0.61424]), (rmsprop, {"step_size": 0.1}, [0.141374, 0.705472]),
     (adam, {"step_size": 0.1}, [0.076249, 1.024587])],
)  # fmt: skip
def test_optimizers(optimizer, options, expected):
    seen = []
    slope = ag.grad(lambda p, i: anp.sum(p["w"] ** 2) + 0.0 * i)
    out = optimizer(
        slope, {"w": X}, callback=lambda p, i, g: seen.append((i, p["w"][0], g["w"][0])), num_iters=10, **options
    )
    np.testing.assert_allclose(out["w"], expected, atol=1e-6)
    assert seen[0] == (0, 1.0, 2.0)
    assert len(seen) == 10


def test_fixed_point():
    def root(a, start=1.0):
        return fixed_point(lambda a: lambda x: 0.5 * (x + a / x), a, start, lambda x, y: abs(x - y), 1e-12)

    assert root(2.0) == pytest.approx(math.sqrt(2))
    assert ag.grad(root)(2.0) == pytest.approx(0.5 / math.sqrt(2))
    assert ag.grad(ag.grad(root))(2.0) == pytest.approx(-0.25 * 2**-1.5)


# ------------------------------------------------------------------ programs


def test_minimizing_with_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    rosenbrock = lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2  # noqa: E731
    found = optimize.minimize(ag.value_and_grad(rosenbrock), np.zeros(2), jac=True, method="BFGS")
    np.testing.assert_allclose(found.x, [1.0, 1.0], atol=1e-4)
    found = optimize.minimize(
        rosenbrock, np.zeros(2), jac=ag.grad(rosenbrock), hess=ag.hessian(rosenbrock), method="Newton-CG"
    )
    np.testing.assert_allclose(found.x, [1.0, 1.0], atol=1e-4)


def test_a_taylor_series_with_a_loop_that_depends_on_values():
    def sine(x):
        total = term = x
        for i in range(1000):
            term = -term * x**2 / ((2 * i + 3) * (2 * i + 2))
            total = total + term
            if anp.abs(term) < 1e-8:
                break
        return total

    slope = ag.grad(sine)
    for x in np.linspace(-3, 3, 7):
        assert slope(x) == pytest.approx(math.cos(x), abs=1e-6)
        assert ag.grad(slope)(x) == pytest.approx(-math.sin(x), abs=1e-5)


def test_a_network_with_nested_parameters():
    rs = anp.random.RandomState(0)
    params = [(rs.randn(m, n) * 0.1, rs.randn(n) * 0.1) for m, n in ((1, 4), (4, 1))]
    inputs = np.linspace(-1, 1, 20).reshape(-1, 1)
    targets = np.cos(2 * inputs)

    def loss(params, i=0):
        h = inputs
        for w, b in params:
            outputs = anp.dot(h, w) + b
            h = anp.tanh(outputs)
        return anp.mean((outputs - targets) ** 2)

    trained = adam(ag.grad(loss), params, num_iters=100, step_size=0.05)
    assert [type(layer) for layer in trained] == [tuple, tuple]
    assert loss(trained) < 0.3 * loss(params)
    check_grads(loss, modes=["rev"], order=1)(params)


def test_an_advected_image():
    """Indices computed from traced values by floor and astype, as in HIPS autograd's fluid simulation."""
    image = np.random.default_rng(0).random((4, 4))

    def moved(shift):
        place = anp.arange(4) - shift
        low = anp.floor(place).astype(int)
        weight = place - low
        low = anp.mod(low, 4)
        return (1 - weight) * image[low] + weight * image[anp.mod(low + 1, 4)]

    check_grads(lambda s: anp.sum(moved(s) ** 2), modes=["rev"], order=1)(0.3)
