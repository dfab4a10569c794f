"""`autograd.array_api.special`: SciPy's special functions of Tensors, found by name or through SciPy's own ufuncs."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd as ag
from autograd.array_api import special

X = np.array([0.3, 0.6, 1.4, 2.5, -0.5, -1.3])
U = np.array([0.2, 0.5, 0.8])
# name -> arguments; arrays are differentiated by, numbers are not
CASES = dict.fromkeys(
    (
        "cbrt",
        "digamma",
        "erf",
        "erfc",
        "erfcx",
        "exp10",
        "exp2",
        "expit",
        "expm1",
        "gamma",
        "gammaln",
        "i0",
        "i0e",
        "i1",
        "i1e",
        "j0",
        "j1",
        "log_ndtr",
        "ndtr",
        "psi",
        "rgamma",
    ),
    (X,),
)
CASES |= dict.fromkeys(
    ("entr", "erfcinv", "erfinv", "k0", "k0e", "k1", "k1e", "log1p", "logit", "ndtri", "y0", "y1"), (U,)
)
CASES |= dict.fromkeys(("beta", "betaln", "kl_div", "rel_entr", "xlog1py", "xlogy"), (U, U / 2 + 0.1))
CASES |= {"betainc": (2.0, 1.5, U), "gammainc": (2.0, U), "gammaincc": (2.0, U)}
SCIPY_KERNELS = {"betainc", "gammainc", "gammaincc", "j0", "j1", "k0", "k0e", "k1", "k1e", "y0", "y1"}
# Values from tables and closed forms, for a machine without SciPy.
KNOWN = {
    "gamma": (
        (0.5, math.sqrt(math.pi)),
        (5.0, 24.0),
        (-0.5, -2 * math.sqrt(math.pi)),
        (-1.5, 4 * math.sqrt(math.pi) / 3),
    ),
    "rgamma": ((5.0, 1 / 24),),
    "erf": ((1.0, math.erf(1.0)),),
    "erfcinv": ((math.erfc(0.7), 0.7),),
    "expit": ((math.log(3), 0.75),),
    "psi": ((1.0, -0.5772156649015329),),
    "cbrt": ((-8.0, -2.0), (27.0, 3.0)),
    "exp10": ((2.0, 100.0),),
    "entr": ((math.exp(-1), math.exp(-1)),),
    "i0": ((0.0, 1.0),),
    "ndtr": ((0.0, 0.5),),
}


def tracked(args):
    return [ag.tensor(a, requires_grad=True) if isinstance(a, np.ndarray) else a for a in args]


def test_every_function_has_a_case():
    assert set(CASES) == set(special.__all__) == set(special.FUNCTIONS)
    for name, f in special.FUNCTIONS.items():
        assert f.__name__ == name
        assert name in f.__doc__


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_known_values(name):
    for x, y in KNOWN[name]:
        assert float(special.FUNCTIONS[name](ag.tensor(x, dtype=ag.float64))) == pytest.approx(y, rel=1e-12)


def test_pairs_of_functions_without_scipy():
    a, b = ag.tensor(U), ag.tensor(U / 2 + 0.1)
    np.testing.assert_allclose(special.beta(a, b).log(), special.betaln(a, b), rtol=1e-12)
    np.testing.assert_allclose(special.beta(a, 1.0), 1 / U, rtol=1e-12)
    np.testing.assert_allclose(special.rel_entr(a, b), U * np.log(U / (U / 2 + 0.1)), rtol=1e-12)
    np.testing.assert_allclose(special.kl_div(a, b), special.rel_entr(a, b) - a + b, rtol=1e-12)
    assert special.rel_entr(ag.tensor([0.0, 0.0]), ag.tensor([2.0, 0.0])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", sorted(CASES))
def test_gradients(name):
    if name in SCIPY_KERNELS:
        pytest.importorskip("scipy")
    args = tracked(CASES[name])
    free = [a for a in args if isinstance(a, ag.Tensor)]
    fixed = args[: len(args) - len(free)]
    assert ag.gradcheck(lambda *ts: special.FUNCTIONS[name](*fixed, *ts), tuple(free))
    assert ag.gradgradcheck(lambda *ts: special.FUNCTIONS[name](*fixed, *ts), tuple(free))


@pytest.mark.parametrize("name", sorted(CASES))
def test_scipys_own_ufuncs_are_recorded(name):
    scipy = pytest.importorskip("scipy.special")
    args = tracked(CASES[name])
    out, expected = getattr(scipy, name)(*args), getattr(scipy, name)(*CASES[name])
    assert isinstance(out, ag.Tensor)
    assert out.requires_grad
    np.testing.assert_allclose(out.detach(), expected, rtol=1e-10, atol=1e-13)


def test_scipy_ufuncs_without_a_counterpart_refuse_to_lose_a_gradient():
    scipy = pytest.importorskip("scipy.special")
    x = ag.tensor(U)
    np.testing.assert_allclose(scipy.struve(1.0, x), scipy.struve(1.0, U))
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        scipy.struve(1.0, x.requires_grad_())


def test_a_ufunc_of_another_library_is_not_mistaken_for_scipys():
    imposter = np.frompyfunc(lambda v: -v, 1, 1)
    x = ag.tensor(U)
    assert [float(v) for v in np.asarray(imposter(x))] == [-v for v in U]


def test_integers_and_numbers_become_floats():
    assert special.gammaln(ag.tensor([1, 2])).dtype is ag.float32
    assert special.xlogy(2.0, ag.tensor(U)).dtype is ag.float64
    assert special.expit(ag.tensor([0.0])).dtype is ag.float32


def test_parameters_of_incomplete_functions_have_no_derivative():
    pytest.importorskip("scipy")
    y = special.betainc(ag.tensor(U, requires_grad=True), 2.0, 0.5).sum()
    with pytest.raises(RuntimeError, match="betainc: the derivative for 'input' is not implemented"):
        y.backward()
