"""Making arrays, and dtypes, in `autograd.array_api`."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.array_api import make_strategies_namespace

import autograd as ag
import autograd.array_api as xp

from .reference import ALL, INTS, KINDS, SHAPES, arrays, compare, small

# ------------------------------------------------------------------ making arrays


@given(data=st.data())
def test_creation(data):
    d = data.draw(st.sampled_from([getattr(ag, n) for n in ALL]))
    shape = data.draw(SHAPES)
    x = data.draw(arrays(ALL, shape))
    for name in ("zeros", "ones"):
        compare(name, shape, dtype=d)
        compare(f"{name}_like", x)
        compare(f"{name}_like", x, dtype=d)
    value = data.draw(small(d.name))
    compare("full", shape, value, dtype=d)
    compare("full_like", np.zeros(shape, d.dtype), value)
    assert xp.empty(shape, dtype=d).dtype is d
    assert tuple(xp.empty_like(ag.from_numpy(x)).shape) == x.shape
    compare(
        "eye", *data.draw(st.sampled_from(((3,), (2, 3), (0,), (3, None)))), k=data.draw(st.integers(-3, 3)), dtype=d
    )
    compare("asarray", x.tolist(), dtype=getattr(ag, x.dtype.name))


@given(data=st.data())
def test_ranges(data):
    d = data.draw(st.sampled_from((None, ag.int64, ag.float64, ag.float32)))
    start, stop, step = (data.draw(st.integers(-9, 9)) for _ in range(3))
    assume(step)
    compare("arange", start, stop, step, dtype=d)
    compare("arange", stop, dtype=d)
    compare("arange", start / 4, stop / 2, step / 4, dtype=data.draw(st.sampled_from((ag.float32, ag.float64))))
    compare("linspace", start / 2, stop / 2, abs(step), endpoint=data.draw(st.booleans()), dtype=data.draw(st.sampled_from(
        (ag.float32, ag.float64, ag.complex128))))  # fmt: skip


@pytest.mark.parametrize("d", ALL)
def test_hypothesis_makes_our_arrays(d):
    """Hypothesis's own strategies for array API namespaces fill, compare and convert arrays by the standard's means only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for the newest version it knows
        xps = make_strategies_namespace(xp, api_version="2024.12")

    @given(xps.arrays(d, xps.array_shapes(min_dims=0, min_side=0)))
    def check(x):
        assert x.dtype is getattr(ag, d)

    check()


def test_large_unsigned_integers_stay_exact():
    high = 2**64 - 1
    d = xp.uint64
    for t in (xp.asarray([high, 0], dtype=d), ag.tensor([high, 0], dtype=d), xp.full((2,), high, dtype=d)):
        assert t[0].item() == high
    assert xp.arange(2**63 + 2, 2**63, -1, dtype=d).tolist() == [2**63 + 2, 2**63 + 1]


def test_norms_of_nothing():
    for shape in ((0, 3), (3, 0)):
        for order in ("fro", "nuc", 1, 2, math.inf):
            assert xp.linalg.matrix_norm(xp.ones(shape), ord=order).item() == 0.0
    assert xp.linalg.vector_norm(xp.ones((0,)), ord=math.inf).item() == 0.0


def test_python_numbers_become_the_default_dtype():
    assert xp.asarray(1.5).dtype is ag.float32
    assert xp.asarray([1, 2]).dtype is ag.int64
    assert xp.asarray(True).dtype is ag.bool
    assert xp.asarray([1j]).dtype is ag.complex64
    assert xp.full(2, 1.5).dtype is ag.float32
    assert xp.full((), 3).dtype is ag.int64
    assert xp.zeros(2).dtype is xp.linspace(0, 1, 3).dtype is xp.fft.fftfreq(3).dtype is ag.float32
    with pytest.raises(OverflowError):
        xp.asarray(2**70)


def test_asarray_shares_memory_or_copies():
    a = np.zeros(3)
    t = xp.asarray(a)
    a[0] = 1.0
    assert t.tolist() == [1.0, 0.0, 0.0]
    assert xp.asarray(t) is t
    separate = xp.asarray(t, copy=True)
    a[1] = 1.0
    assert separate.tolist() == [1.0, 0.0, 0.0]
    for source, options in ((t, {"dtype": xp.float32}), (a, {"dtype": xp.float32}), ([1.0], {})):
        with pytest.raises(ValueError, match="copy=False"):
            xp.asarray(source, copy=False, **options)
    assert xp.asarray(memoryview(bytearray(b"ab"))).tolist() == [97, 98]


def test_reshape_copies_as_asked():
    x = ag.arange(6.0)
    assert xp.reshape(x, (2, 3)).data_ptr() == x.data_ptr() == xp.reshape(x, (2, 3), copy=False).data_ptr()
    assert xp.reshape(x, (2, 3), copy=True).data_ptr() != x.data_ptr()
    with pytest.raises(ValueError, match="without a copy"):
        xp.reshape(x.reshape(2, 3).T, (6,), copy=False)


# ------------------------------------------------------------------ dtypes


GROUPS = ("b", "iu", "fc")  # kinds that the standard mixes


@pytest.mark.parametrize("a", ALL)
@pytest.mark.parametrize("b", ALL)
def test_promotion(a, b):
    ours, theirs = getattr(ag, a), getattr(ag, b)
    if not any(ours.kind in group and theirs.kind in group for group in GROUPS) or {a, b} in (
        {"uint64", n} for n in INTS
    ):
        return
    assert xp.result_type(ours, theirs).name == np.result_type(a, b).name
    x, y = xp.ones(2, dtype=ours), xp.ones((), dtype=theirs)
    assert xp.result_type(x, y) is xp.result_type(ours, theirs)
    assert xp.can_cast(ours, theirs) == np.can_cast(a, b)
    if a != "bool":
        assert xp.add(x, y).dtype is xp.result_type(ours, theirs)


def test_python_numbers_only_raise_the_kind():
    for value, beside, expected in (
        (1, "float32", "float32"), (2.5, "float32", "float32"), (1j, "float32", "complex64"), (True, "int8", "int8"),
        (300, "int8", "int8"), (1j, "float64", "complex128"), (1.5, "complex64", "complex64"),
    ):  # fmt: skip
        assert xp.result_type(value, getattr(ag, beside)) is xp.result_type(getattr(ag, beside), value)
        assert xp.result_type(value, getattr(ag, beside)).name == expected
        assert xp.result_type(xp.ones((), dtype=getattr(ag, beside)), value).name == expected


@pytest.mark.parametrize("d", ALL)
def test_kinds_and_limits(d):
    ours = getattr(ag, d)
    for kind in KINDS:
        assert xp.isdtype(ours, kind) == np.isdtype(np.dtype(d), kind)
    assert xp.isdtype(ours, (ours, "bool"))
    assert not xp.isdtype(ours, ag.float16)
    if d != "bool":
        name = "iinfo" if "int" in d else "finfo"
        found, expected = getattr(xp, name)(ours), getattr(np, name)(d)
        for field in ("bits", "max", "min") + (() if "int" in d else ("eps", "smallest_normal")):
            assert getattr(found, field) == getattr(expected, field)
            assert type(getattr(found, field)) in (int, float)
        assert isinstance(found.dtype, ag.dtype)
        assert getattr(xp, name)(xp.ones(1, dtype=ours)).dtype is found.dtype
        assert name in repr(found)


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="unknown kind 'words'"):
        xp.isdtype(ag.float32, "words")
    assert xp.isdtype(ag.float16, "real floating")
    with pytest.raises(ValueError, match="at least one array or dtype"):
        xp.result_type(1, 2.0)
    with pytest.raises(TypeError, match="one operand must be an array"):
        xp.add(1, 2)
    with pytest.raises(TypeError, match="expected a Tensor or an array"):
        xp.sum([1, 2])


def test_a_complex_number_is_true_unless_both_parts_are_zero():
    x = ag.tensor([0.25j, 1.0 + 0j, 0j])
    assert xp.astype(x, xp.bool).tolist() == [True, True, False]
    assert xp.astype(x, xp.float32).tolist() == [0.0, 1.0, 0.0]


@given(data=st.data())
def test_astype(data):
    x = data.draw(arrays(ALL, values=small))
    d = data.draw(st.sampled_from([getattr(ag, n) for n in ALL]))
    assume(d.kind != "u" or x.dtype.kind in "bu")
    compare("astype", x, d)
    t = ag.from_numpy(x)
    assert xp.astype(t, t.dtype, copy=False) is t
    assert xp.astype(t, t.dtype) is not t


def test_arrays_of_one_value_take_a_tensors_value():
    value = ag.tensor(2.0, requires_grad=True)
    made = xp.full((2, 3), value)
    made.sum().backward()
    assert value.grad.item() == 6.0
    assert xp.full((2,), ag.tensor(2.0), dtype=xp.int64).dtype is xp.int64


def test_arrays_convert_where_a_copy_may_be_made():
    assert xp.asarray(np.arange(2), dtype=xp.float64).tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="at least one array or dtype"):
        xp.result_type()


def test_numpys_own_numbers_are_arrays_and_an_int_raises_a_bool():
    assert xp.sqrt(np.float32(4.0)).dtype is ag.float32
    assert xp.result_type(xp.bool, 1) is xp.int64
    assert xp.result_type(xp.bool, True) is xp.bool
