"""Zeros, infinities and NaN in `autograd.array_api`: the special cases that the array API standard lists.

They stand in `data/array_api_special_cases.txt`; the same cases are asked of the operators and of their in-place forms.
"""

from __future__ import annotations

import cmath
import itertools
import math
import operator
import warnings
from pathlib import Path

import pytest

import autograd.array_api as xp
from autograd import Tensor

inf, nan, pi = math.inf, math.nan, math.pi
NUMBERS = {
    "0": 0.0, "-0": -0.0, "1": 1.0, "-1": -1.0, "inf": inf, "-inf": -inf, "nan": nan, "-nan": -nan, "pi": pi, "-pi": -pi,
    "pi/2": pi / 2, "-pi/2": -pi / 2, "pi/4": pi / 4, "-pi/4": -pi / 4, "3pi/4": 3 * pi / 4, "-3pi/4": -3 * pi / 4,
}  # fmt: skip
POS, NEG = (0.3, 2.0, 7.5, 1e-200, 3e200), (-0.3, -2.0, -7.5, -1e-200, -3e200)
FINITE = (*POS, *NEG, 0.0, -0.0)
KINDS = {
    "±0": (0.0, -0.0), "±inf": (inf, -inf), "|1|": (1.0, -1.0), "|<1|": (0.0, -0.0, 0.5, -0.25), "|>1|": (1.5, -4.0, inf),
    ">1": (1.5, 1e9, inf), "<1": (0.5, 0.0, -3.0, -inf), "<-1": (-1.25, -1e9, -inf), ">0": (*POS, inf), "<0": (*NEG, -inf),
    "pos": POS, "neg": NEG, "finite": FINITE, "nonzero": POS + NEG, "any": (*FINITE, inf, -inf, nan),
    "!nan": (*FINITE, inf, -inf), "!1": (*FINITE, inf, -inf, nan), "whole": (3.0, -5.0, 0.0, -0.0, 1e17),
    "odd+": (1.0, 3.0, 11.0), "odd-": (-1.0, -5.0), "even+": (2.0, 0.5, 2.5, inf), "even-": (-2.0, -0.5, -inf),
    "broken": (0.5, -1.25, 1e-9), "halves": (0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 1e4 + 0.5),
}  # fmt: skip
TRIGONOMETRY = {"sin": "sinh", "tan": "tanh", "asin": "asinh", "atan": "atanh"}


def table():
    section, found = "", {"real": {}, "complex": {}, "pairs": {}}
    for line in (Path(__file__).parent.parent / "data" / "array_api_special_cases.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, rest = line.split(None, 1)
            found[section][name] = [tuple(side.split() for side in case.split("->")) for case in rest.split(";")]
    return found


TABLE = table()


def rows(section):
    return [(name, *case) for name, cases in TABLE[section].items() for case in cases]


def values(word):
    return KINDS[word] if word in KINDS else (NUMBERS[word],)


def holds(got, word, *given):
    """Whether a number is what a word of the table says."""
    if word in ("x", "x1", "x2", "-x2"):
        value = given[1] if word.endswith("2") else given[0]
        return exactly(got, -value if word[0] == "-" else value)
    if word in ("+", "-"):
        return math.copysign(1.0, got) == (1.0 if word == "+" else -1.0) and got == got
    if word == "even":
        return got == round(given[0])
    if word[0] == "?":
        return abs(got) == NUMBERS[word[1:]]
    if word[0] == "~":
        return math.isclose(got, NUMBERS[word[1:]], rel_tol=1e-6)
    return exactly(got, NUMBERS[word])


def exactly(got, value):
    if math.isnan(value):
        return math.isnan(got)
    return got == value and math.copysign(1.0, got) == math.copysign(1.0, value)


def array(value, d):
    return xp.asarray(value, dtype=d)


def names(name, operators):
    return operators.get(name, ())


def said(rule):
    return " ".join(map(str, rule))


UNARY_OPERATORS = {"abs": (operator.abs,)}
BINARY_OPERATORS = {
    "add": (operator.add, operator.iadd), "divide": (operator.truediv, operator.itruediv), "equal": (operator.eq,),
    "floor_divide": (operator.floordiv, operator.ifloordiv), "multiply": (operator.mul, operator.imul),
    "not_equal": (operator.ne,), "pow": (operator.pow, operator.ipow), "remainder": (operator.mod, operator.imod), "subtract": (operator.sub, operator.isub),
}  # fmt: skip


@pytest.mark.parametrize("rule", rows("real"), ids=said)
def test_real(rule):
    name, (kind,), (word,) = rule
    for value, f in itertools.product(values(kind), (getattr(xp, name), *names(name, UNARY_OPERATORS))):
        for d in (xp.float64, xp.float32):
            x = array(value, d)
            if (kind not in ("±0", "0", "-0") and float(x) == 0.0 != value) or math.isinf(float(x)) != math.isinf(
                value
            ):
                continue  # outside float32
            out = f(x)
            assert isinstance(out, Tensor)
            assert holds(float(out), word, float(x)), f"{name}({value}) is {float(out)} in {d}"
            assert holds(float(f(xp.stack([x, x]))[1]), word, float(x)), f"{name}([{value}]) in {d}"


@pytest.mark.parametrize("rule", rows("complex"), ids=said)
def test_complex(rule):
    name, kinds, words = rule
    for a, b in itertools.product(*map(values, kinds)):
        out = complex(getattr(xp, name)(array(complex(a, b), xp.complex128)))
        parts = (out.real, out.imag)[: len(words)]
        assert all(map(holds, parts, words)), f"{name}({a} + {b}j) is {out}, not {words}"


@pytest.mark.parametrize("name", ["acos", "acosh", "asinh", "atanh", "cosh", "exp", "expm1", "log", "log1p", "sinh", "sqrt",
                                  "tanh"])  # fmt: skip
def test_complex_functions_commute_with_conjugation(name):
    f = getattr(xp, name)
    for case in TABLE["complex"][name]:
        for a, b in itertools.product(*map(values, case[0])):
            up, down = (complex(f(array(z, xp.complex128))) for z in (complex(a, b), complex(a, -b)))
            if "?" not in "".join(case[1]):
                assert exactly(down.real, up.real)
                assert exactly(down.imag, -up.imag)


@pytest.mark.parametrize(("name", "other"), TRIGONOMETRY.items())
def test_complex_trigonometry_is_hyperbolic_turned(name, other):
    """sin z = -j sinh(jz), and so on, at the values that the table lists for the hyperbolic ones."""
    for kinds, words in TABLE["complex"][other]:
        for a, b in itertools.product(*map(values, kinds)):
            turned = complex(getattr(xp, other)(array(complex(a, b), xp.complex128)))
            got = complex(getattr(xp, name)(array(complex(b, -a), xp.complex128)))
            assert same_or_nan(got.real, turned.imag), (name, b, -a)
            assert same_or_nan(got.imag, -turned.real) or words[0][0] == "?", (name, b, -a)


def same_or_nan(a, b):
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-9)


@pytest.mark.parametrize("rule", rows("pairs"), ids=said)
def test_pairs(rule):
    name, kinds, (word,) = rule
    for x1, x2 in itertools.product(*map(values, kinds)):
        for f in (getattr(xp, name), *names(name, BINARY_OPERATORS)):
            out = float(f(array(x1, xp.float64), array(x2, xp.float64)))
            assert holds(out, word, x1, x2), f"{f.__name__}({x1}, {x2}) is {out}, not {word}"
        vectors = [xp.asarray([v, v, v], dtype=xp.float64) for v in (x1, x2)]
        assert holds(float(getattr(xp, name)(*vectors)[2]), word, x1, x2), f"{name}([{x1}], [{x2}])"


@pytest.mark.parametrize("rule", rows("pairs"), ids=said)
def test_pairs_with_a_number(rule):
    name, kinds, (word,) = rule
    for x1, x2 in itertools.product(*map(values, kinds)):
        for one, two in ((x1, array(x2, xp.float64)), (array(x1, xp.float64), x2)):
            assert holds(float(getattr(xp, name)(one, two)), word, x1, x2), f"{name}({x1}, {x2})"


def test_complex_absolute_value_does_not_overflow():
    assert float(xp.abs(array(3e200 + 4e200j, xp.complex128))) == pytest.approx(5e200)
    assert float(xp.abs(array(3e-200 + 4e-200j, xp.complex128))) == pytest.approx(5e-200)


@pytest.mark.parametrize("name", ["exp", "expm1", "cosh", "sinh"])
@pytest.mark.parametrize("a", [inf, -inf])
@pytest.mark.parametrize("b", [1.0, 2.5, -1.0])
def test_infinite_real_part_turned_by_a_finite_angle(name, a, b):
    """±infinity and ±0 times cis(b) keep the signs of cos(b) and sin(b)."""
    out = complex(getattr(xp, name)(array(complex(a, b), xp.complex128)))
    assert out == pytest.approx(getattr(cmath, "exp" if name == "expm1" else name)(complex(a, b)) - (name == "expm1"))


@pytest.mark.parametrize(("name", "value"), [("mean", nan), ("prod", 1.0), ("std", nan), ("sum", 0.0), ("var", nan)])
def test_statistics_of_nothing(name, value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = getattr(xp, name)(xp.asarray([]))
    assert out.shape == ()
    assert exactly(float(out), value)


@pytest.mark.parametrize("name", ["max", "mean", "min", "prod", "std", "sum", "var"])
@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 1, 2)])
def test_statistics_pass_nan_on(name, shape):
    for d in (xp.float32, xp.float64):
        x = xp.reshape(xp.arange(math.prod(shape), dtype=d), shape)
        place = (0,) * len(shape)
        x[place] = nan
        assert math.isnan(float(getattr(xp, name)(x)))
