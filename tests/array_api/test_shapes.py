"""Rearranging, joining and indexing in `autograd.array_api` against the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd as ag
import autograd.array_api as xp

from .reference import ALL, arrays, axes, compare, pairs, small, to_ours, to_reference

# ------------------------------------------------------------------ rearranging


@given(data=st.data())
def test_shapes_of_one_array(data):
    x = data.draw(arrays(ALL))
    axis = data.draw(axes(x.ndim, several=False))
    compare("flip", x, axis=data.draw(axes(x.ndim)))
    compare("roll", x, data.draw(st.integers(-4, 4)), axis=axis)
    compare("expand_dims", x, axis=data.draw(st.integers(-x.ndim - 1, x.ndim)))
    compare("permute_dims", x, tuple(data.draw(st.permutations(range(x.ndim)))))
    compare("reshape", x, (x.size,))
    compare("tile", x, data.draw(st.lists(st.integers(0, 2), max_size=4).map(tuple)))
    compare("squeeze", x.reshape(1, *x.shape, 1), (0, -1))
    compare("repeat", x, data.draw(st.integers(0, 3)), axis=axis)
    compare("broadcast_to", x, (2, *x.shape))


@given(data=st.data())
def test_shapes_along_an_axis(data):
    x = data.draw(arrays(ALL, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3)))
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    n = x.shape[axis]
    compare("unstack", x, axis=axis)
    compare("moveaxis", x, axis, data.draw(st.integers(-x.ndim, x.ndim - 1)))
    compare(
        "repeat", x, np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), dtype="int64"), axis=axis
    )
    compare("roll", x, (1, -2), axis=(axis, 0))
    if n:
        places = data.draw(hnp.arrays("int64", st.integers(0, 4), elements=st.integers(-n, n - 1)))
        compare("take", x, places, axis=axis)
        shape = tuple(2 if i == axis % x.ndim else s for i, s in enumerate(x.shape))
        compare("take_along_axis", x, data.draw(hnp.arrays("int64", shape, elements=st.integers(0, n - 1))), axis=axis)


@given(data=st.data())
def test_joining(data):
    d = data.draw(st.sampled_from(ALL))
    x = data.draw(arrays(d, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3)))
    other = x.astype("float64") if x.dtype.kind == "f" else x
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    compare("concat", [x, other, x], axis=data.draw(st.sampled_from((axis, None))))
    compare("stack", [x, x], axis=data.draw(st.integers(-x.ndim - 1, x.ndim)))
    a, b = data.draw(pairs())
    compare("broadcast_arrays", a, b)
    compare("meshgrid", np.arange(3), np.arange(2), indexing=data.draw(st.sampled_from(("xy", "ij"))))


def test_broadcast_shapes():
    assert xp.broadcast_shapes((3, 1), (1, 4)) == (3, 4)
    assert xp.broadcast_shapes() == ()
    with pytest.raises(ValueError, match="must match the size"):
        xp.broadcast_shapes((3,), (4,))


@given(data=st.data())
def test_triangles(data):
    x = data.draw(arrays(ALL, hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=4)))
    k = data.draw(st.integers(-4, 4))
    compare("tril", x, k=k)
    compare("triu", x, k=k)


# ------------------------------------------------------------------ indexing


@st.composite
def keys(draw, shape):
    if draw(st.integers(0, 3)) == 0:
        return draw(hnp.arrays("bool", shape[: draw(st.integers(0, len(shape)))], elements=st.booleans()))
    return draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))


def index(x, key):
    return x[to_reference(key)] if not isinstance(x, ag.Tensor) else x[to_ours(key)]


@given(data=st.data())
def test_getitem(data):
    x = data.draw(arrays(ALL))
    key = data.draw(keys(x.shape))
    note(f"{x!r} {key!r}")
    assert np.array_equal(ag.from_numpy(x)[to_ours(key)].numpy(), x[key], equal_nan=x.dtype.kind in "fc")


@given(data=st.data())
def test_setitem(data):
    x = data.draw(arrays(ALL))
    key = data.draw(keys(x.shape))
    value = data.draw(small(x.dtype))
    expected, t = x.copy(), ag.tensor(x)
    expected[key] = value
    t[to_ours(key)] = value
    assert np.array_equal(t.numpy(), expected, equal_nan=x.dtype.kind in "fc")


@given(data=st.data())
def test_integer_arrays_as_keys(data):
    x = data.draw(arrays(ALL, hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)))
    key = tuple(data.draw(hnp.integer_array_indices(x.shape)))
    assert np.array_equal(ag.from_numpy(x)[to_ours(key)].numpy(), x[key], equal_nan=x.dtype.kind in "fc")
