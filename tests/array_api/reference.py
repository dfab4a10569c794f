"""What the tests of `autograd.array_api` share: arrays to draw, and a namespace to compare with.

The reference is array_api_strict where it is installed, else NumPy, whose main namespace follows the standard too. What the
reference refuses is left open by the standard and not compared.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd as ag
import autograd.array_api as xp

try:
    import array_api_strict as reference

    STRICT = True
except ImportError:
    reference, STRICT = np, False

INTS = ("int8", "int16", "int32", "int64")
UINTS = ("uint8", "uint16", "uint32", "uint64")
FLOATS = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
ALL = ("bool", *INTS, *UINTS, *FLOATS, *COMPLEX)
REAL = (*INTS, *UINTS, *FLOATS)
NUMERIC = (*REAL, *COMPLEX)
KINDS = ("bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric")
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -1.5, 2.0, 3.25, math.inf, -math.inf, math.nan, 1e-8, -7.0)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)


def find(name, module):
    for part in name.split("."):
        module = getattr(module, part)
    return module


def elements(d):
    kind = np.dtype(d).kind
    if kind == "b":
        return st.booleans()
    if kind in "iu":
        info = np.iinfo(d)
        return st.one_of(st.integers(max(-5, info.min), 5), st.sampled_from((info.min, info.max)))
    if kind == "f":
        return st.one_of(st.sampled_from(SPECIAL), st.floats(-9, 9, width=32))
    return st.builds(complex, st.floats(-9, 9, width=32), st.floats(-9, 9, width=32))


def small(d):
    """Elements without special values or overflow."""
    kind = np.dtype(d).kind
    if kind == "b":
        return st.booleans()
    if kind in "iu":
        return st.integers(0 if kind == "u" else -4, 4)
    parts = st.integers(-16, 16).map(lambda n: n / 4)
    return parts if kind == "f" else st.builds(complex, parts, parts)


@st.composite
def arrays(draw, dtypes, shapes=SHAPES, values=elements):
    d = draw(st.sampled_from(dtypes)) if isinstance(dtypes, tuple) else dtypes
    shape = draw(shapes) if not isinstance(shapes, tuple) else shapes
    a = draw(hnp.arrays(d, shape, elements=values(d)))
    if a.ndim > 1 and draw(st.booleans()):
        a = np.asfortranarray(a)
    return a[::-1] if a.ndim and draw(st.booleans()) else a


def to_reference(v):
    if isinstance(v, np.ndarray):
        return reference.asarray(v.copy())
    if isinstance(v, ag.dtype):
        return getattr(reference, v.name)
    if isinstance(v, (list, tuple)):
        return type(v)(to_reference(x) for x in v)
    return v


def to_ours(v):
    if isinstance(v, np.ndarray):
        return ag.from_numpy(v)
    if isinstance(v, (list, tuple)):
        return type(v)(to_ours(x) for x in v)
    return v


def same(ours, theirs, loose=1.0):
    if isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b, loose)
        return
    if not isinstance(theirs, (type(reference.asarray(0)), np.generic)):
        assert ours == theirs or (ours != ours and theirs != theirs)
        return
    assert isinstance(ours, ag.Tensor)
    expected = np.asarray(theirs)
    assert tuple(ours.shape) == expected.shape
    assert ours.dtype.name == expected.dtype.name
    tolerance = {"float32": 2e-5, "complex64": 2e-5}.get(ours.dtype.name, 1e-11) * loose
    np.testing.assert_allclose(ours.numpy(), expected, rtol=tolerance, atol=tolerance)


def compare(name, *args, loose=1.0, **kwargs):
    """Call a function of both namespaces; what the reference refuses is not compared."""
    note(f"{name} {args} {kwargs}")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            theirs = find(name, reference)(*to_reference(args), **{k: to_reference(v) for k, v in kwargs.items()})
        except Exception:
            return
    same(find(name, xp)(*to_ours(args), **{k: to_ours(v) for k, v in kwargs.items()}), theirs, loose)


@st.composite
def axes(draw, ndim, several=True):
    one = st.integers(-ndim, ndim - 1) if ndim else st.none()
    some = st.lists(st.integers(0, max(ndim - 1, 0)), unique=True, max_size=ndim).map(tuple)
    return draw(st.one_of(st.none(), one, some) if several else st.one_of(st.none(), one))


FAMILIES = (("bool",), INTS, UINTS, FLOATS, COMPLEX)


@st.composite
def pairs(draw, values=elements, kinds=FAMILIES):
    """Two arrays of broadcastable shapes, with dtypes of one group."""
    dtypes = draw(st.sampled_from(kinds))
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3)).input_shapes
    return tuple(draw(arrays(dtypes, s, values)) for s in shapes)
