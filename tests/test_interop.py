"""Tensors in other libraries' hands: NumPy's functions, DLPack, SciPy, einops, opt_einsum, HIPS programs, and Python itself."""

from __future__ import annotations

import copy
import io
import math
import operator
import os
import pickle
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
from autograd._protocols import _counterpart

ROOT = Path(__file__).resolve().parent.parent
CANT = r"Can't call numpy\(\) on Tensor that requires grad"


def leaf(*shape, low=0.2, high=0.9, dtype=ag.float64):
    values = np.random.default_rng(0).uniform(low, high, shape)
    return ag.tensor(values, dtype=dtype, requires_grad=True)


def program(source, **environment):
    """Run a program in a fresh interpreter; its standard output."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


# ------------------------------------------------------------------ ufuncs

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


def test_methods_of_ufuncs():
    t = leaf(3)
    for call in (lambda: np.add.reduce(t), lambda: np.add.accumulate(t), lambda: np.multiply.outer(t, t),
                 lambda: np.add.at(t, [0], 1.0),
                 lambda: np.exp(t, where=np.array([True, False, True])), lambda: np.spacing(t), lambda: np.frexp(t)):  # fmt: skip
        with pytest.raises(RuntimeError, match=CANT):
            call()
    d = t.detach()
    assert np.add.reduce(d) == pytest.approx(float(d.sum()))
    assert isinstance(np.multiply.outer(d, d), np.ndarray)
    assert np.exp(t, dtype=np.float32).dtype is ag.float32


# ------------------------------------------------------------------ array functions

M = np.random.default_rng(1).uniform(0.2, 0.9, (3, 4))
S = np.random.default_rng(2).uniform(0.2, 0.9, (3, 3)) + 2 * np.eye(3)
FUNCTIONS = {
    "sum": lambda x: np.sum(x, axis=0),
    "sum all": np.sum,
    "sum keepdims": lambda x: np.sum(x, axis=(0, 1), keepdims=True),
    "prod": lambda x: np.prod(x, axis=1),
    "prod all": np.prod,
    "mean": lambda x: np.mean(x, 1),
    "std": np.std,
    "var": lambda x: np.var(x, axis=0, ddof=1),
    "max": lambda x: np.max(x, axis=1),
    "amin": np.amin,
    "ptp": lambda x: np.ptp(x, axis=0),
    "nansum": np.nansum,
    "nanmean": lambda x: np.nanmean(x, axis=0),
    "median": np.median,
    "quantile": lambda x: np.quantile(x, 0.3, axis=1),
    "percentile": lambda x: np.percentile(x, 30),
    "average": lambda x: np.average(x, axis=1, weights=np.arange(1.0, 5.0)),
    "average all": np.average,
    "average of weights": lambda x: np.average(x, weights=x),
    "cumsum": np.cumsum,
    "cumsum axis": lambda x: np.cumsum(x, axis=0),
    "cumprod": lambda x: np.cumprod(x, axis=1),
    "reshape": lambda x: np.reshape(x, (2, 6)),
    "reshape -1": lambda x: np.reshape(x, -1),
    "reshape F": lambda x: np.reshape(x, (2, 6), order="F"),
    "ravel": np.ravel,
    "transpose": np.transpose,
    "transpose axes": lambda x: np.transpose(x, (1, 0)),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "expand_dims": lambda x: np.expand_dims(x, (0, 2)),
    "squeeze": lambda x: np.squeeze(np.expand_dims(x, 0)),
    "squeeze axis": lambda x: np.squeeze(x[:1], axis=0),
    "concatenate": lambda x: np.concatenate([x, M], axis=1),
    "concatenate flat": lambda x: np.concatenate([x, x * x], axis=None),
    "stack": lambda x: np.stack([x, x], axis=-1),
    "vstack": lambda x: np.vstack([x, x[0:1]]),
    "hstack": lambda x: np.hstack([x, x]),
    "dstack": lambda x: np.dstack([x, x]),
    "column_stack": lambda x: np.column_stack([x, x]),
    "split": lambda x: np.split(x, 2, axis=1)[1],
    "split at": lambda x: np.split(x, [1, 3], axis=1)[1],
    "roll": lambda x: np.roll(x, 1, axis=0),
    "flip": np.flip,
    "fliplr": np.fliplr,
    "flipud": np.flipud,
    "rot90": np.rot90,
    "repeat": lambda x: np.repeat(x, 2, axis=1),
    "tile": lambda x: np.tile(x, 2),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 3, 4)),
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, M[0])[0],
    "pad": lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=1.5),
    "atleast_3d": np.atleast_3d,
    "copy": np.copy,
    "where": lambda x: np.where(M > 0.5, x, 0.0),
    "clip": lambda x: np.clip(x, 0.3, 0.7),
    "clip one": lambda x: np.clip(x, None, 0.7),
    "take": lambda x: np.take(x, [0, 2, 2], axis=0),
    "take_along_axis": lambda x: np.take_along_axis(x, np.argsort(M, axis=1), axis=1),
    "sort": np.sort,
    "diff": np.diff,
    "trapezoid": np.trapezoid,
    "trapezoid x": lambda x: np.trapezoid(x, M.cumsum(1)),
    "gradient": lambda x: np.gradient(x, axis=1),
    "dot": lambda x: np.dot(x, M.T),
    "dot vector": lambda x: np.dot(M[0], x[0]),
    "dot number": lambda x: np.dot(x, 2.0),
    "inner": lambda x: np.inner(x, M),
    "vdot": lambda x: np.vdot(x, M),
    "outer": lambda x: np.outer(x[0], M[:, 0]),
    "tensordot": lambda x: np.tensordot(x, M, axes=([0, 1], [0, 1])),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, M),
    "kron": lambda x: np.kron(x, M[:2, :2]),
    "cross": lambda x: np.cross(x[:, :3], M[:, :3]),
    "trace": np.trace,
    "diagonal": np.diagonal,
    "diag": np.diag,
    "tril": np.tril,
    "triu": lambda x: np.triu(x, 1),
    "real": np.real,
    "nan_to_num": np.nan_to_num,
    "sinc": np.sinc,
    "round": np.round,
    "matrix_transpose": np.matrix_transpose,
    "meshgrid": lambda x: np.meshgrid(x[0], M[0])[0],
    "norm": np.linalg.norm,
    "norm axis": lambda x: np.linalg.norm(x, axis=1),
    "linspace": lambda x: np.linspace(x[0, 0], 2.0, 5),
    "count": np.count_nonzero,
    "argmax": lambda x: np.argmax(x, axis=1),
    "argmin": np.argmin,
    "all": np.all,
    "any": lambda x: np.any(x, axis=0),
    "isclose": lambda x: np.isclose(x, M),
    "nonzero": lambda x: np.nonzero(x)[1],
    "searchsorted": lambda x: np.searchsorted(np.array([0.3, 0.6]), x),
    "isin": lambda x: np.isin(x, M[0]),
    "where one": lambda x: np.where(x > 0.5)[0],
    "zeros_like": np.zeros_like,
    "ones_like": lambda x: np.ones_like(x, dtype=np.float32),
    "full_like": lambda x: np.full_like(x, 3.0, shape=2),
}
LINALG = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "slogdet": lambda x: np.linalg.slogdet(x)[1],
    "solve": lambda x: np.linalg.solve(x, M),
    "cholesky": lambda x: np.linalg.cholesky(x @ x.T),
    "eigvalsh": lambda x: np.linalg.eigvalsh(x + x.T),
    "svd": lambda x: np.linalg.svd(x)[1],
    "eigh": lambda x: np.linalg.eigh(x + x.T).eigenvalues,
    "svdvals": np.linalg.svdvals,
    "pinv": np.linalg.pinv,
    "matrix_power": lambda x: np.linalg.matrix_power(x, 3),
    "svd values": lambda x: np.linalg.svd(x, compute_uv=False),
    "qr": lambda x: np.abs(np.linalg.qr(x)[1]),
    "matrix_norm": np.linalg.matrix_norm,
    "norm nuc": lambda x: np.linalg.norm(x, "nuc"),
    "trace": np.linalg.trace,
    "outer": lambda x: np.linalg.outer(x[0], x[1]),
    "rank": np.linalg.matrix_rank,
    "fft": lambda x: np.abs(np.fft.fft(x, axis=0)),
    "rfft": lambda x: np.abs(np.fft.rfft(x, n=4)),
    "fft2": lambda x: np.real(np.fft.fft2(x)),
    "irfft": lambda x: np.fft.irfft(np.fft.rfft(x), n=3),
    "fftshift": lambda x: np.fft.fftshift(x, axes=0),
    "ifftn": lambda x: np.real(np.fft.ifftn(x, axes=(0,))),
    "hfft": lambda x: np.fft.hfft(x),
}


def check_function(f, array):
    expected, found = f(array), f(ag.tensor(array))
    assert isinstance(found, ag.Tensor)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-12)
    assert found.numpy().shape == np.shape(expected)
    x = ag.tensor(array, requires_grad=True)
    if found.dtype.is_floating_point and f(x).requires_grad:
        assert ag.gradcheck(f, (x,), atol=1e-5)
    return f(x).requires_grad


WITHOUT_GRADIENT = {"count", "argmax", "argmin", "all", "any", "isclose", "nonzero", "searchsorted", "isin", "where one",
                    "zeros_like",
                    "ones_like", "full_like", "rank"}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_array_function(name):
    assert check_function(FUNCTIONS[name], M) == (name not in WITHOUT_GRADIENT)


@pytest.mark.parametrize("name", LINALG)
def test_linear_algebra_and_fourier(name):
    assert check_function(LINALG[name], S) == (name not in WITHOUT_GRADIENT)


def test_facts_about_tracked_tensors():
    t = leaf(2, 3)
    assert np.shape(t) == (2, 3)
    assert np.ndim(t) == 2
    assert np.size(t) == 6
    assert np.size(t, 1) == 3
    assert not np.iscomplexobj(t)
    assert np.isrealobj(t)
    assert np.allclose(t, t)
    assert np.array_equal(t, t)
    assert np.result_type(t, np.float32) == np.float64
    assert "[" in np.array2string(t)
    assert t.size() == (2, 3)
    assert np.shares_memory(t, t)


def test_functions_without_a_counterpart():
    t = leaf(4)
    for f in (np.histogram, np.unwrap, np.bincount, np.asarray, np.array, lambda x: np.testing.assert_allclose(x, x)):
        with pytest.raises(RuntimeError, match=CANT):
            f(t)
    counts, _ = np.histogram(t.detach())
    assert isinstance(counts, np.ndarray)
    assert counts.sum() == 4
    with pytest.raises(RuntimeError, match=CANT):
        np.zeros(4)[:] = t
    with pytest.raises(RuntimeError, match=CANT):
        np.interp(0.5, [0.0, 1.0, 2.0, 3.0], t)


def test_arguments_that_are_no_numbers():
    """Drawing libraries broadcast tensors with None and strings."""
    t = ag.arange(3.0)
    x, none = np.broadcast_arrays(t, None)
    assert x.tolist() == [0.0, 1.0, 2.0]
    assert none.tolist() == [None] * 3
    assert np.where(t > 1, "high", "low").tolist() == ["low", "low", "high"]
    with pytest.raises(RuntimeError, match=CANT):
        np.broadcast_arrays(leaf(2), None)


def test_options_no_operation_has():
    t = leaf(2, 2)
    for call, word in ((lambda: np.sum(t, where=np.ones(2, bool)), "where="), (lambda: np.max(t, initial=0.0), "initial="),
                       (lambda: np.average(t, returned=True), "returned="), (lambda: np.pad(t, 1, mode="wrap"), "mode="),
                       (lambda: np.einsum(t, [0, 1]), "subscripts"), (lambda: np.cross(t, t, axisa=0), "axisa")):  # fmt: skip
        with pytest.raises(TypeError, match=word):
            call()


def test_dtypes_are_accepted_by_numpy():
    for d in (ag.float16, ag.float32, ag.float64, ag.int8, ag.uint16, ag.int64, ag.bool, ag.complex64):
        assert np.zeros(3, dtype=d).dtype == np.dtype(d.name)
        assert np.dtype(d) == np.dtype(d.name)
        assert np.arange(3).astype(d).dtype == np.dtype(d.name)
        assert ag.zeros(2, dtype=np.dtype(d.name)).dtype is d


# ------------------------------------------------------------------ DLPack

DLPACK = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
          "complex64", "complex128")  # fmt: skip


@pytest.mark.parametrize("name", DLPACK)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 2)])
def test_dlpack_round_trip(name, shape):
    t = ag.ones(shape, dtype=getattr(ag, name))
    for back in (
        ag.from_dlpack(t),
        ag.from_dlpack(np.from_dlpack(t)),
        ag.from_dlpack(t, copy=True),
        ag.from_dlpack(t, device="cpu"),
    ):
        assert back.dtype is t.dtype
        assert back.shape == t.shape
        assert back.tolist() == t.tolist()
    assert t.__dlpack_device__() == (1, 0)


def test_dlpack_shares_memory():
    t = ag.arange(6.0).reshape(2, 3).T
    a = np.from_dlpack(t)
    t[0, 0] = 9.0
    assert a[0, 0] == 9.0
    assert a.strides == t.numpy().strides
    assert not np.shares_memory(ag.from_dlpack(t, copy=True).numpy(), a)


def test_dlpack_with_torch():
    torch = pytest.importorskip("torch")
    theirs = torch.ones(3)
    ours = ag.from_dlpack(theirs)
    theirs[0] = 5.0
    ours[1] = 7.0
    assert ours.tolist() == theirs.tolist() == [5.0, 7.0, 1.0]
    t = ag.zeros(2)
    v = torch.from_dlpack(t)
    v[0] = 3.0
    assert t.tolist() == [3.0, 0.0]
    assert v.data_ptr() == t.data_ptr()
    assert ag.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(theirs)).tolist() == theirs.tolist()
    assert torch.utils.dlpack.from_dlpack(ag.utils.dlpack.to_dlpack(t)).tolist() == t.tolist()
    with pytest.raises(BufferError, match="require gradient"):
        ag.from_dlpack(torch.ones(2, requires_grad=True))


def test_dlpack_memory_changed_after_it_was_saved():
    """Memory handed out is guarded as that of numpy() is."""
    w = leaf(3)
    x = ag.ones(3, dtype=ag.float64)
    a = np.from_dlpack(x)
    y = (w * x).sum()
    a[:] = 100.0
    y.backward()
    assert w.grad.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ag.ones(2, requires_grad=True).__dlpack__(), BufferError, "require gradient"),
        (lambda: ag.ones(2).__dlpack__(stream=7), BufferError, "stream 7 means nothing"),
        (lambda: ag.from_dlpack([1.0]), TypeError, "expected an object with __dlpack__"),
        (lambda: ag.from_dlpack(np.ones(1), device="cuda"), RuntimeError, "not available"),
    ],
)
def test_dlpack_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()


# ------------------------------------------------------------------ NumPy's spelling: HIPS programs, opt_einsum


def test_nothing_is_imported_before_it_is_used():
    out = program("""
        import sys, autograd
        print([m for m in sys.modules if m.startswith(("autograd.array_api", "autograd.numpy", "autograd.utils"))])
        print(autograd.array_api.__name__, autograd.numpy.__name__, autograd.utils.dlpack.__name__)
        try:
            autograd.nothing
        except AttributeError as error:
            print(error)
    """)
    assert out.splitlines() == ["[]", "autograd.array_api autograd.numpy autograd.utils.dlpack",
                                "module 'autograd' has no attribute 'nothing'"]  # fmt: skip


def test_the_first_hips_program():
    import autograd.numpy as anp
    from autograd import grad

    def tanh(x):
        return (1.0 - anp.exp(-2 * x)) / (1.0 + anp.exp(-(2 * x)))

    assert float(grad(tanh)(1.0)) == pytest.approx((tanh(1.0001) - tanh(0.9999)) / 0.0002, abs=1e-6)
    third = grad(grad(grad(tanh)))(ag.tensor(1.0, dtype=ag.float64))
    s = 1 - math.tanh(1.0) ** 2
    assert float(third) == pytest.approx(4 * s * math.tanh(1.0) ** 2 - 2 * s * s, abs=1e-9)


def test_a_hips_logistic_regression():
    import autograd.numpy as anp
    from autograd import grad

    inputs = anp.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
    targets = anp.array([True, True, False, True])

    def loss(weights):
        predictions = 0.5 * (anp.tanh(anp.dot(inputs, weights) / 2) + 1)
        likely = predictions * targets + (1 - predictions) * (1 - targets)
        return -anp.sum(anp.log(likely))

    gradient, weights = grad(loss), anp.array([0.0, 0.0, 0.0])
    before = loss(weights)
    assert type(before) is np.float64
    for _ in range(100):
        weights -= gradient(weights) * 0.01
    assert type(weights) is np.ndarray
    assert loss(weights) == pytest.approx(1.0672706757870163)


def test_hips_derivatives_of_high_order():
    import autograd.numpy as anp
    from autograd import elementwise_grad, value_and_grad

    def tanh(x):
        return (1.0 - anp.exp(-2 * x)) / (1.0 + anp.exp(-2 * x))

    x, f = np.linspace(-7, 7, 51), tanh
    for _ in range(4):
        f = elementwise_grad(f)
    t = np.tanh(x)
    exact = 8 * t * (1 - t**2) * (2 - 3 * t**2)
    assert isinstance(f(x), np.ndarray)
    np.testing.assert_allclose(f(x), exact, atol=1e-7)
    value, slope = value_and_grad(lambda x: anp.sum(tanh(x)))(np.zeros(2))
    assert float(value) == 0.0
    assert slope.tolist() == [1.0, 1.0]


def test_gradient_by_a_structure_of_arrays():
    import autograd.numpy as anp

    slopes = ag.grad(lambda p: anp.sum(anp.dot(p["a"], p["b"][0])))(
        {"a": np.ones(2), "b": (np.array([2.0, 3.0]), ag.ones(1))}
    )
    assert slopes["a"].tolist() == [2.0, 3.0]
    assert slopes["b"][0].tolist() == [1.0, 1.0]
    assert isinstance(slopes["b"][1], ag.Tensor)


def test_gradients_come_in_the_order_asked_for():
    slopes = ag.grad(lambda x, y: (x * y**2).sum(), (1, 0))(2.0, 3.0)
    assert [float(g) for g in slopes] == [12.0, 9.0]
    assert float(ag.grad(lambda x, y: (x * y**2).sum(), -1)(2.0, 3.0)) == 12.0


def test_a_gradient_that_depends_on_a_tensor_stays_one():
    w = ag.tensor(2.0, requires_grad=True)
    g = ag.grad(lambda x: (w * x * x).sum())(np.ones(2))
    assert isinstance(g, ag.Tensor)
    (back,) = ag.grad(g.sum(), w)
    assert float(back) == 4.0


def test_quotient_of_huge_and_tiny_numbers():
    y = ag.tensor([1e25, 1e-25], requires_grad=True)
    (g,) = ag.grad((ag.tensor([1e25, 1e-30]) / y).sum(), y)
    np.testing.assert_allclose(g, [-1e-25, -1e20], rtol=1e-5)


def test_numpys_spelling():
    import autograd.numpy as anp
    import autograd.numpy.linalg as anpla
    import autograd.numpy.random as npr
    from autograd.numpy.fft import rfft

    t = leaf(2)
    assert type(anp.array([1.0, 2.0])) is np.ndarray
    assert anp.array(t) is not t
    assert anp.asarray(t) is t
    joined = anp.array([[t[0], t[1] * 2], [1.0, 2.0]])
    assert isinstance(joined, ag.Tensor)
    assert joined.shape == (2, 2)
    (g,) = ag.grad(joined.sum(), t)
    assert g.tolist() == [1.0, 2.0]
    assert anp.asarray([t[0]], dtype=np.float32).dtype is ag.float32
    assert float(anpla.norm(t)) == pytest.approx(np.linalg.norm(t.detach()))
    assert rfft(t).requires_grad
    assert npr.RandomState(0).rand() == np.random.RandomState(0).rand()
    assert anp.pi == np.pi
    assert not anp.isscalar(t)
    assert "concatenate" in dir(anp)
    assert "norm" in dir(anpla)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        anp.nothing


def test_opt_einsum():
    oe = pytest.importorskip("opt_einsum")
    a, b, c = leaf(2, 3), leaf(3, 4), leaf(4, 2)
    y = oe.contract("ij,jk,kl->il", a, b, c)
    assert isinstance(y, ag.Tensor)
    assert ag.gradcheck(lambda *xs: oe.contract("ij,jk,kl->", *xs), (a, b, c))
    np.testing.assert_allclose(y.detach(), (a @ b @ c).detach())
    assert oe.contract("ij,ij->i", a, a).shape == (2,)
    assert oe.contract("ij->ji", a).shape == (3, 2)


def test_einops_array_api():
    pytest.importorskip("einops")
    from einops import array_api as ea

    x = leaf(2, 3, 4)
    assert ea.rearrange(x, "a b c -> b (a c)").shape == (3, 8)
    assert ea.repeat(x, "a b c -> a b c k", k=2).shape == (2, 3, 4, 2)
    for how in ("sum", "mean", "max", "min", "prod"):
        assert ag.gradcheck(lambda x, how=how: ea.reduce(x, "a b c -> a c", how), (x,))
    packed, shapes = ea.pack([x, x[:, :, :2]], "a b *")
    assert packed.requires_grad
    assert [tuple(u.shape) for u in ea.unpack(packed, shapes, "a b *")] == [(2, 3, 4), (2, 3, 2)]


def test_einops_through_the_facade():
    pytest.importorskip("einops")
    out = program("""
        from autograd.compat import torch as facade
        facade.install()
        import torch, einops
        from torch.utils.dlpack import from_dlpack, to_dlpack
        assert from_dlpack(to_dlpack(torch.ones(2))).tolist() == [1.0, 1.0]
        x = torch.arange(24.0).reshape(2, 3, 4).requires_grad_()
        y = einops.rearrange(x, "a b c -> b (a c)")
        z = einops.reduce(x, "a b c -> a c", "mean") + einops.repeat(x[0, 0], "c -> a c", a=2)
        (y.sum() + z.sum()).backward()
        print(tuple(y.shape), tuple(z.shape), x.grad.shape == x.shape, round(float(einops.einsum(x, x, "a b c, a b c -> "))))
    """)
    assert out.strip() == "(3, 8) (2, 4) True 4324"


# ------------------------------------------------------------------ SciPy's array API


def test_scipy_keeps_the_graph():
    pytest.importorskip("scipy")
    out = program(
        """
        import warnings
        warnings.simplefilter("ignore")
        import numpy as np, autograd as ag
        from scipy import special, stats, signal, fft, integrate, ndimage, optimize
        rng = np.random.default_rng(0)
        x = ag.tensor(rng.uniform(0.2, 0.9, 8), requires_grad=True)
        y = ag.tensor(rng.uniform(0.2, 0.9, 8), requires_grad=True)
        calls = {
            "logsumexp": lambda x: special.logsumexp(x), "softmax": lambda x: special.softmax(x) ** 2,
            "log_softmax": special.log_softmax,
            "xlogy": lambda x: special.xlogy(x, y), "rel_entr": lambda x: special.rel_entr(x, y),
            "zscore": stats.zscore, "skew": stats.skew, "kurtosis": stats.kurtosis, "moment": lambda x: stats.moment(x, order=3),
            "gmean": stats.gmean, "variation": stats.variation, "sem": stats.sem,
            "fftconvolve": lambda x: signal.fftconvolve(x, y), "oaconvolve": lambda x: signal.oaconvolve(x, y),
            "hilbert": lambda x: abs(signal.hilbert(x)), "fft": lambda x: abs(fft.fft(x)), "rfft": lambda x: abs(fft.rfft(x)),
            "trapezoid": integrate.trapezoid, "cumulative_trapezoid": integrate.cumulative_trapezoid, "rosen": optimize.rosen,
        }
        for name, f in calls.items():
            try:
                r = f(x)
                plain = f(x.detach())
                ok = isinstance(r, ag.Tensor) and r.requires_grad and np.allclose(r.detach(), plain.detach())
                ok = ok and ag.gradcheck(f, (x,), raise_exception=False)
            except Exception as error:
                ok = f"{type(error).__name__}: {error}"
            print(name, ok)
        """,
        SCIPY_ARRAY_API="1",
    )
    bad = [line for line in out.splitlines() if not line.endswith(" True")]
    assert len(out.splitlines()) == 20
    assert not bad, bad


def test_scipy_refuses_to_lose_a_gradient():
    pytest.importorskip("scipy")
    out = program(
        """
        import warnings
        warnings.simplefilter("ignore")
        import autograd as ag
        from scipy import special, linalg
        t = ag.ones(3, requires_grad=True)
        for call in (lambda: special.j0(t), lambda: linalg.norm(t)):
            try:
                print("silent", call())
            except RuntimeError as error:
                print(error)
        """,
        SCIPY_ARRAY_API="1",
    )
    assert out.count("Can't call numpy() on Tensor that requires grad") == 2


# ------------------------------------------------------------------ Python


def test_pickle_and_copies():
    for t in (ag.arange(6.0).reshape(2, 3).T, ag.tensor(1.5), ag.tensor([True]), ag.zeros(0, 2), leaf(3)):
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            back = pickle.loads(pickle.dumps(t, protocol))
            assert back.tolist() == t.tolist()
            assert back.dtype is t.dtype
            assert back.requires_grad == t.requires_grad
        twin = copy.deepcopy(t)
        assert twin is not t
        assert twin.tolist() == t.tolist()
        assert twin.requires_grad == t.requires_grad
        assert twin.numpy(force=True).base is None or not np.shares_memory(twin.numpy(force=True), t.numpy(force=True))
        assert copy.copy(t).tolist() == t.tolist()
    assert copy.deepcopy(ag.float32) is ag.float32
    assert pickle.loads(pickle.dumps(ag.bool)) is ag.bool
    buffer = io.BytesIO()
    np.save(buffer, ag.ones(2))
    buffer.seek(0)
    assert np.load(buffer).tolist() == [1.0, 1.0]


def test_sequence_protocol():
    t = ag.arange(6).reshape(3, 2)
    assert len(t) == 3
    assert [row.tolist() for row in t] == [[0, 1], [2, 3], [4, 5]]
    assert 4 in t
    first, *rest = t
    assert first.tolist() == [0, 1]
    assert len(rest) == 2
    assert 9 not in t
    with pytest.raises(TypeError, match="0-d"):
        len(ag.tensor(1))
    with pytest.raises(TypeError, match="0-d"):
        iter(ag.tensor(1))


def test_numbers():
    t = ag.tensor(3)
    assert [10, 20, 30, 40][t] == 40
    assert list(range(5))[ag.tensor(1) : t] == [1, 2]
    assert operator.index(t) == 3
    assert hex(t) == "0x3"
    assert int(ag.tensor(2.7)) == 2
    assert float(t) == 3.0
    assert complex(t) == 3 + 0j
    assert bool(t)
    assert math.sqrt(ag.tensor(4.0)) == 2.0
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        [1, 2][ag.tensor(1.0)]
    with pytest.raises(ValueError, match="only one element tensors"):
        float(ag.ones(2))
    assert np.ones(4)[ag.tensor([0, 1])].tolist() == [1.0, 1.0]
    assert round(float(t)) == 3


def test_format():
    assert f"{ag.tensor(3.14159):.2f}" == "3.14"
    assert f"{ag.tensor(5):03d}" == "005"
    assert f"{leaf()._data * 0:.1f}" == "0.0"
    assert f"{ag.tensor([1.0])}" == "tensor([1.])"
    with pytest.raises(TypeError, match="format string"):
        format(ag.ones(2), ".2f")


def test_plain_copies_to_numpy_keep_quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.asarray(ag.ones(2)).tolist() == [1.0, 1.0]
        assert np.array(ag.ones(2), dtype=np.int32).dtype == np.int32
        assert np.array(ag.tensor(2.0)).shape == ()
        assert np.array([ag.tensor(1.0), ag.tensor(2.0)]).tolist() == [1.0, 2.0]
