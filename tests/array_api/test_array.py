"""`Array`: the operators of what the namespace makes follow the standard, those of other tensors PyTorch."""

from __future__ import annotations

import copy
import inspect
import itertools
import math
import operator
import pickle

import numpy as np
import pytest

import autograd as ag
import autograd.array_api as xp

ARITHMETIC = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "floor_divide": operator.floordiv,
    "remainder": operator.mod, "pow": operator.pow,
}  # fmt: skip
BITS = {"bitwise_and": operator.and_, "bitwise_or": operator.or_, "bitwise_xor": operator.xor,
        "bitwise_left_shift": operator.lshift, "bitwise_right_shift": operator.rshift}  # fmt: skip
COMPARISONS = {"equal": operator.eq, "not_equal": operator.ne, "less": operator.lt, "less_equal": operator.le,
               "greater": operator.gt, "greater_equal": operator.ge}  # fmt: skip
MIXED = [*itertools.permutations(("int8", "int16", "uint8", "int64"), 2), *itertools.permutations(("uint16", "uint64"), 2),
         *itertools.permutations(("float32", "float64"), 2)]  # fmt: skip


def is_array(x):
    return type(x) is xp.Array


@pytest.mark.parametrize(("name", "one", "two"), [
    (name, *pair) for name in (*ARITHMETIC, *BITS, *COMPARISONS) for pair in MIXED
    if name not in BITS or pair[0][0] != "f"])  # fmt: skip
def test_an_array_without_axes_widens_one_with_axes(name, one, two):
    f = (ARITHMETIC | BITS | COMPARISONS)[name]
    flat, point = np.array([5, 2], one), np.array(3, two)
    for x1, x2 in ((flat, point), (point, flat)):
        out = f(xp.asarray(x1), xp.asarray(x2))
        joined = np.promote_types(one, two)
        expected = f(x1.astype(joined), x2.astype(joined))
        assert is_array(out)
        assert out.dtype == expected.dtype
        assert out.tolist() == expected.tolist()


def test_values_outside_the_narrower_dtype_are_compared_as_they_are():
    assert (xp.asarray([44], dtype=xp.int8) == xp.asarray(300, dtype=xp.int16)).tolist() == [False]
    assert (xp.asarray([44], dtype=xp.int8) < xp.asarray(300, dtype=xp.int16)).tolist() == [True]


def test_numbers_do_not_widen():
    x = xp.asarray([1, 2], dtype=xp.int8)
    for f in ARITHMETIC.values():
        for out in (f(x, 2), f(2, x)):
            assert is_array(out)
            assert out.dtype is xp.int8


def test_infinite_quotients_are_rounded():
    x = xp.asarray([math.inf, -math.inf, 1.0, -1.0])
    for two in (2.0, xp.asarray(2.0)):
        assert (x // two).tolist() == [math.inf, -math.inf, 0.0, -1.0]
    assert [math.copysign(1, v) for v in (1.0 // x).tolist()] == [1.0, -1.0, 1.0, -1.0]
    x //= 2.0
    assert x.tolist() == [math.inf, -math.inf, 0.0, -1.0]


def test_quotients_in_place_keep_the_dtype_and_refuse_what_a_tensor_refuses():
    x = xp.asarray([7, 9], dtype=xp.int8)
    x //= xp.asarray(2, dtype=xp.int16)
    assert x.dtype is xp.int8
    assert x.tolist() == [3, 4]
    with pytest.raises(RuntimeError, match="can't be cast"):
        x //= 2.5
    with pytest.raises(TypeError):
        x // "2"
    with pytest.raises(TypeError):
        "2" // x


def test_beside_a_tensor_the_operators_are_the_tensors():
    tensor, array = ag.tensor([1, 2], dtype=ag.int8), xp.asarray(3, dtype=xp.int16)
    infinite = xp.asarray([math.inf])
    for out in (tensor + array, array + tensor):
        assert type(out) is ag.Tensor
        assert out.dtype is ag.int8
    for out in (infinite // ag.tensor(2.0), ag.tensor([math.inf]) // xp.asarray(2.0)):
        assert type(out) is ag.Tensor
        assert out.isnan().all()
    assert type(xp.add(tensor, array)) is ag.Tensor
    assert xp.add(tensor, array).dtype is ag.int16


MADE = {
    "numbers": lambda: xp.asarray([1.0, 2.0]),
    "ndarray": lambda: xp.asarray(np.ones(2)),
    "zeros": lambda: xp.zeros((2, 2)),
    "like": lambda: xp.ones_like(xp.zeros(3)),
    "copy": lambda: xp.asarray(xp.zeros(3), copy=True),
    "arange": lambda: xp.arange(3),
    "frequencies": lambda: xp.fft.fftfreq(4),
    "from_dlpack": lambda: xp.from_dlpack(np.ones(3)),
    "item": lambda: xp.zeros((2, 2))[0],
    "scalar": lambda: xp.zeros(2)[1][()],
    "row": lambda: next(iter(xp.zeros((2, 2)))),
    "transposed": lambda: xp.zeros((2, 3)).mT,
    "reversed": lambda: xp.zeros((2, 3)).T,
    "moved": lambda: xp.zeros(2).to_device("cpu"),
    "negative": lambda: -xp.ones(2),
    "positive": lambda: +xp.ones(2),
    "absolute": lambda: abs(xp.ones(2)),
    "inverted": lambda: ~xp.asarray([1, 2]),
    "product": lambda: xp.eye(2) @ xp.eye(2),
    "function": lambda: xp.exp(xp.ones(2)),
    "keyword": lambda: xp.astype(xp.ones(2), xp.int8),
    "joined": lambda: xp.concat([xp.ones(2), xp.zeros(1)]),
    "sum": lambda: xp.sum(xp.ones(2)),
    "determinant": lambda: xp.linalg.det(xp.eye(2)),
    "several": lambda: xp.linalg.svd(xp.eye(2)).S,
    "list": lambda: xp.unstack(xp.eye(2))[1],
    "grid": lambda: xp.meshgrid(xp.arange(2), xp.arange(3))[0],
    "special": lambda: xp.special.gamma(xp.ones(2)),
    "twin": lambda: copy.deepcopy(xp.ones(2)),
    "pickled": lambda: pickle.loads(pickle.dumps(xp.ones(2))),
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_what_the_namespace_makes_is_an_array(made):
    assert is_array(made())


def test_other_tensors_stay_what_they_are():
    t = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert xp.asarray(t) is t
    assert xp.positive(t) is t
    for out in (xp.sum(t), xp.zeros_like(t), xp.concat([xp.ones((1, 2)), t]), xp.linalg.inv(t), xp.unstack(t)[0],
                xp.asarray([t[0, 0], t[1, 1]]), t + xp.ones(2), xp.ones(2) + t, np.add(t, 1.0)):  # fmt: skip
        assert type(out) is ag.Tensor
    assert type(t) is ag.Tensor


def test_arrays_are_differentiable():
    x = xp.asarray([1.0, 2.0, 3.0])
    x.requires_grad_()
    y = xp.sum(x**2 * x[0]) + (x // 2)[1]
    y.backward()
    assert is_array(y)
    assert x.grad.tolist() == pytest.approx([2 + 14, 4.0, 6.0])
    assert ag.func.vmap(lambda row: xp.sum(row * row))(xp.ones((2, 3))).tolist() == [3.0, 3.0]


def test_arrays_hash_compare_print_and_format():
    x = xp.asarray([1.0, 2.0])
    assert x in {x}
    assert x != "word"
    assert (x == None) is False  # noqa: E711
    assert repr(x) == "tensor([1., 2.])"
    assert f"{x[1]:.2f}" == "2.00"


def test_functions_keep_their_signatures():
    assert str(inspect.signature(xp.linalg.svd)) == "(x, /, *, full_matrices=True)"
    assert str(inspect.signature(xp.zeros)) == "(shape, *, dtype=None, device=None)"
