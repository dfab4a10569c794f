"""Names, signatures, refusals and gradients of `autograd.array_api`."""

from __future__ import annotations

import inspect
import math
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
import autograd.array_api as xp

from .reference import ALL, INTS, KINDS, UINTS, find

LISTED = Path(__file__).parent.parent / "data" / "array_api_signatures.txt"
SIGNATURES = [line for line in LISTED.read_text("utf-8").splitlines() if not line.startswith("#")]


# ------------------------------------------------------------------ names


# Calls beyond the standard that scikit-learn makes: xp.diff(x, 2), xp.where(condition).
WIDER = {"diff": "(x, /, n=1, axis=-1, *, prepend=None, append=None)", "where": "(condition, x1=None, x2=None, /)"}


@pytest.mark.parametrize("line", SIGNATURES)
def test_signature(line):
    name, _, rest = line.partition("(")
    expected = WIDER.get(name, f"({rest}").replace("0.0", "0")
    assert str(inspect.signature(find(name, xp))).split(" ->")[0].replace("0.0", "0") == expected


def test_calls_wider_than_the_standard():
    x = xp.asarray([1.0, 4.0, 9.0, 16.0])
    assert xp.diff(x, 2).tolist() == xp.diff(x, n=2).tolist() == [2.0, 2.0]
    assert xp.diff(xp.asarray([[1, 4]]), 1, 0).shape == (0, 2)
    assert xp.where(x > 3)[0].tolist() == [1, 2, 3]
    assert xp.isinf(math.inf).dtype is xp.bool
    assert xp.sqrt(4.0).dtype is ag.float32


def test_every_other_name():
    for name in (*ALL, "e", "inf", "nan", "newaxis", "pi", "__array_api_version__"):
        assert hasattr(xp, name), name
    assert xp.float32 is ag.float32
    assert xp.bool is ag.bool
    assert xp.newaxis is None
    assert xp.pi == math.pi
    assert set(xp.__all__) <= set(dir(xp))


def test_functions_are_documented_and_named():
    for line in SIGNATURES:
        f = find(line.partition("(")[0], xp)
        assert f.__doc__
        assert f.__name__ == line.partition("(")[0].rpartition(".")[2]


def test_namespace_of_a_tensor():
    t = ag.ones(2)
    assert t.__array_namespace__() is xp
    assert t.__array_namespace__(api_version="2024.12") is xp
    with pytest.raises(ValueError, match=r"version '1999.01' is not one of"):
        t.__array_namespace__(api_version="1999.01")


def test_info():
    info = xp.__array_namespace_info__()
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}
    assert info.default_device() == "cpu"
    assert info.devices() == [info.default_device()]  # a list here and below: the edition is that of 2024.12
    assert xp.__array_api_version__ == "2024.12"
    assert type(xp.meshgrid(xp.arange(2), xp.arange(3))) is type(xp.meshgrid()) is list
    assert info.default_dtypes()["real floating"] is ag.float32
    assert info.default_dtypes()["indexing"] is ag.int64
    assert set(info.dtypes()) == set(ALL)
    for kind in KINDS:
        assert set(info.dtypes(kind=kind)) == {d for d in ALL if np.isdtype(np.dtype(d), kind)}
    assert set(info.dtypes(kind=("bool", "integral"))) == {"bool", *INTS, *UINTS}
    with pytest.raises(ValueError, match="unknown kind"):
        info.dtypes(kind="words")


# ------------------------------------------------------------------ errors and gradients


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: xp.sum(x, axis=5), IndexError, "axis 5 is out of bounds"),
        (lambda x: xp.sum(x, axis=(0, 0)), ValueError, "names an axis twice"),
        (lambda x: xp.squeeze(x, 0), ValueError, "axis 0 has length 2, not 1"),
        (lambda x: xp.max(x[:0]), ValueError, "has no max"),
        (lambda x: xp.take(x, ag.tensor([0])), ValueError, "axis is needed"),
        (lambda x: xp.cumulative_sum(x), ValueError, "axis=None needs an array of one axis"),
        (lambda x: xp.vecdot(x, x[:, :1]), ValueError, "differ"),
        (lambda x: xp.linalg.cross(x, x), ValueError, "must have length 3"),
        (lambda x: xp.linalg.outer(x, x), ValueError, "two vectors are needed"),
        (lambda x: xp.matmul(x, ag.tensor(1.0)), ValueError, "at least one axis"),
        (lambda x: xp.matrix_transpose(x[0]), ValueError, "at least two axes"),
        (lambda x: xp.linalg.matrix_rank(x[0]), ValueError, "at least two axes"),
        (lambda x: xp.meshgrid(x, x, indexing="no"), ValueError, "indexing must be"),
        (lambda x: xp.meshgrid(x[0], ag.tensor([1])), ValueError, "one dtype"),
        (lambda x: xp.searchsorted(x[0], x, side="up"), ValueError, "side must be"),
        (lambda x: x.to_device("cuda"), RuntimeError, "not available"),
        (lambda x: x.to_device("cpu", stream=1), ValueError, "no streams"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call(ag.ones(2, 2))


GRADIENTS = {
    "sum": lambda x: xp.sum(x, axis=0),
    "var": lambda x: xp.var(x, axis=1, correction=1),
    "max": lambda x: xp.max(x, axis=1),
    "sort": lambda x: xp.sort(x, axis=1, descending=True),
    "take": lambda x: xp.take(x, ag.tensor([2, 0, 2]), axis=1),
    "unique_values": xp.unique_values,
    "concat": lambda x: xp.concat([x, x * x], axis=None),
    "cumulative_prod": lambda x: xp.cumulative_prod(x, axis=1, include_initial=True),
    "clip": lambda x: xp.clip(x, -0.5, 0.75),
    "where": lambda x: xp.where(x > 0, x * x, 0.0),
    "tensordot": lambda x: xp.tensordot(x, x, axes=((1,), (1,))),
    "vecdot": lambda x: xp.vecdot(x, x * x),
    "matrix_norm": xp.linalg.matrix_norm,
    "solve": lambda x: xp.linalg.solve(x @ xp.matrix_transpose(x) + xp.eye(2, dtype=x.dtype), x),
    "rfft": lambda x: xp.abs(xp.fft.rfft(x)),
    "expand_dims": lambda x: xp.expand_dims(x, axis=1) * x,
    "astype": lambda x: xp.astype(x, xp.complex128) * 1j,
    "roll": lambda x: xp.roll(x, (1, 1), axis=(0, 1)) * x,
    "repeat": lambda x: xp.repeat(x, 2, axis=0),
    "asarray": lambda x: xp.asarray([x[0, 0], x[1, 2] * 2]),
    "logaddexp": lambda x: xp.logaddexp(x, 0.5),
    "pow": lambda x: xp.pow(xp.abs(x), 1.5),
    "diff": lambda x: xp.diff(x, axis=1) ** 2,
    "trace": lambda x: xp.linalg.trace(x @ xp.matrix_transpose(x)),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    x = ag.tensor([[0.3, -0.7, 1.1], [0.9, 0.2, -1.4]], dtype=ag.float64, requires_grad=True)
    assert GRADIENTS[name](x).requires_grad
    assert ag.gradcheck(GRADIENTS[name], (x,))
