"""Comparison, logic, bits, and selection by a condition."""

from __future__ import annotations

import numpy as np

from .._array import is_raw
from .._dtype import category
from .._op import composite, op
from .._samples import call, cases, reals
from .._tensor import Tensor
from ._select import select
from .index import nonzero

_COMPARE = {"promote": "same", "elementwise": True, "inplace": True}


@op(operators=("__eq__",), symbol="=", **_COMPARE)
def eq(x, y):
    """input == other, elementwise."""
    return x == y


@op(operators=("__ne__",), aliases=("not_equal",), symbol="≠", **_COMPARE)
def ne(x, y):
    """input != other, elementwise."""
    return x != y


@op(real=True, operators=("__lt__",), aliases=("less",), symbol="<", **_COMPARE)
def lt(x, y):
    """input < other, elementwise."""
    return x < y


@op(real=True, operators=("__le__",), aliases=("less_equal",), symbol="≤", **_COMPARE)
def le(x, y):
    """input <= other, elementwise."""
    return x <= y


@op(real=True, operators=("__gt__",), aliases=("greater",), symbol=">", **_COMPARE)
def gt(x, y):
    """input > other, elementwise."""
    return x > y


@op(real=True, operators=("__ge__",), aliases=("greater_equal",), symbol="≥", **_COMPARE)
def ge(x, y):
    """input >= other, elementwise."""
    return x >= y


@op(inplace=True, elementwise=True)
def logical_and(x, y):
    """Both nonzero, elementwise."""
    return np.logical_and(x, y)


@op(inplace=True, elementwise=True)
def logical_or(x, y):
    """Either nonzero, elementwise."""
    return np.logical_or(x, y)


@op(inplace=True, elementwise=True)
def logical_xor(x, y):
    """Exactly one nonzero, elementwise."""
    return np.logical_xor(x, y)


@op(inplace=True, elementwise=True)
def logical_not(x):
    """Whether each element is zero."""
    return np.logical_not(x)


def _whole(name: str, *arrays) -> None:
    for a in arrays:
        if getattr(a, "dtype", np.dtype(type(a))).kind not in "biu":
            raise NotImplementedError(
                f"{name} not implemented for {np.dtype(getattr(a, 'dtype', type(a))).name}: it takes integers or bools"
            )


@op(operators=("__and__", "__rand__", "__iand__"), inplace=True, promote="same", elementwise=True)
def bitwise_and(x, y):
    """input & other, bit by bit."""
    _whole("bitwise_and", x, y)
    return x & y


@op(operators=("__or__", "__ror__", "__ior__"), inplace=True, promote="same", elementwise=True)
def bitwise_or(x, y):
    """input | other, bit by bit."""
    _whole("bitwise_or", x, y)
    return x | y


@op(operators=("__xor__", "__rxor__", "__ixor__"), inplace=True, promote="same", elementwise=True)
def bitwise_xor(x, y):
    """input ^ other, bit by bit."""
    _whole("bitwise_xor", x, y)
    return x ^ y


@op(operators=("__lshift__", "__rlshift__", "__ilshift__"), inplace=True, promote="same", elementwise=True)
def bitwise_left_shift(x, y):
    """input * 2**other for integers."""
    _whole("bitwise_left_shift", x, y)
    return np.left_shift(x, y)


@op(operators=("__rshift__", "__rrshift__", "__irshift__"), inplace=True, promote="same", elementwise=True)
def bitwise_right_shift(x, y):
    """input / 2**other rounded down, for integers."""
    _whole("bitwise_right_shift", x, y)
    return np.right_shift(x, y)


@op(operators=("__invert__",), inplace=True, elementwise=True)
def bitwise_not(x):
    """Every bit flipped; for bools, not."""
    _whole("bitwise_not", x)
    return ~x


def _invert(self):
    """~t, whose complaint is Python's and PyTorch's TypeError."""
    if self.dtype.is_floating_point or self.dtype.is_complex:
        raise TypeError(
            f"~ (operator.invert) is only implemented on integer and Boolean-type tensors, this one is {self.dtype!r}"
        )
    return bitwise_not(self)


Tensor.__invert__ = _invert


@op(elementwise=True)
def isnan(x):
    """Whether each element is NaN."""
    return np.isnan(x)


@op(elementwise=True)
def isinf(x):
    """Whether each element is infinite."""
    return np.isinf(x)


@op(elementwise=True)
def isfinite(x):
    """Whether each element is neither infinite nor NaN."""
    return np.isfinite(x)


@op(elementwise=True)
def isposinf(x):
    """Whether each element is +inf."""
    return np.isposinf(x)


@op(elementwise=True)
def isneginf(x):
    """Whether each element is -inf."""
    return np.isneginf(x)


@op(elementwise=True)
def isreal(x):
    """Whether each element has no imaginary part."""
    return np.isreal(x)


@op(elementwise=True)
def signbit(x):
    """Whether each element's sign bit is set (also for -0.0)."""
    return np.signbit(x)


@op(batch="align", promote="same")
def isclose(x, y, *, rtol=1e-5, atol=1e-8, equal_nan=False):
    """|input - other| <= atol + rtol * |other|, elementwise.

    Raises:
        RuntimeError: a negative tolerance.
    """
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"isclose: {name} must be greater than or equal to zero, but got {value}")
    return np.isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)


@composite
def allclose(input, other, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether all elements are close, as a Python bool."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@composite
def equal(input, other):
    """Whether two tensors have the same shape and elements, as a Python bool."""
    return input._data.shape == other._data.shape and bool((input._data == other._data).all())


@op(batch="align", name="_where", namespace="_", method=False, symbol="where", caption="to the branch taken",
    sample=cases(lambda r: [call(r.bools(2, 3), r(2, 3), r(2, 3)), call(r.bools(3), r(2, 1), r()),
                            call(r.bools(2, 3), r(), r(3)), call(r.bools(), r(2), r(2))]))  # fmt: skip
def _where(condition, x, y):
    """x where the condition holds, y elsewhere."""
    return select(condition, x, y)[()]


@_where.grad("x")
def _(g, condition):
    return _where(condition, g, 0.0)


@_where.grad("y")
def _(g, condition):
    return _where(condition, 0.0, g)


def _promoted(*values):
    """Tensors and numbers brought to a common dtype, as arithmetic would."""
    from .._dtype import element, from_numpy_dtype, result_dtype

    arrays = tuple(v._data if isinstance(v, Tensor) else v for v in values)
    target = result_dtype(arrays)
    made = []
    for v in values:
        if isinstance(v, Tensor):
            made.append(v if v._data.dtype == target else v.to(from_numpy_dtype(target)))
        else:
            made.append(np.asarray(element(v, target), target)[()])
    return made


@composite(method=False)
def where(condition, input=None, other=None):
    """input where `condition` holds, other elsewhere; with a condition alone, the indices where it holds.

    Raises:
        RuntimeError: the condition is not bool.

    Note:
        A NaN in the branch not taken stays out of the result and out of the gradient of `where` itself; what made
        the NaN still multiplies its own derivative by that zero, so guard its argument with a second `where`.
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if is_raw(condition) or isinstance(condition, bool):
        return _where(condition, input, other)  # inside a rule that runs on arrays
    if category(condition._data.dtype) != 0 and condition._data.dtype != np.uint8:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype!r}"
        )
    x, y = _promoted(input, other)
    return _where(condition, x, y)


def over(g, d):
    """g / d in a rule, where nothing divided by nothing is nothing.

    `where(x > 0, sqrt(x), 0)` sends a zero gradient to the branch that is not taken; 0 / 0 would make it NaN there.
    """
    quotient = g / d
    if (d._data if isinstance(d, Tensor) else d).all():
        return quotient
    return where((g == 0) & (d == 0), 0.0, quotient)


def times(g, slope):
    """g * slope in a rule, where nothing times infinity is nothing (see `over`)."""
    product = g * slope
    if np.isfinite(slope._data if isinstance(slope, Tensor) else slope).all():
        return product
    return where(g == 0, 0.0, product)


@op(name="_nothing", namespace="_", method=False, symbol="0", linear=True, sample=reals(-3, 3))
def nothing(x):
    """Zeros like the input, whatever it holds: 0 times infinity would be NaN."""
    return np.zeros_like(x) if x.ndim else x.dtype.type(0)


@nothing.grad("x")
def _(g):
    return nothing(g)


@composite(method=True, name="where", namespace="Tensor")
def _method_where(self, condition, other):
    """self where `condition` holds, other elsewhere."""
    return where(condition, self, other)


Tensor.where = _method_where


@op(real=True, promote="same", elementwise=True, symbol="max", caption="to the larger", sample=reals(-3, 3))
def maximum(x, y):
    """The larger of the two, elementwise; NaN if either is. At a tie each gets half the gradient."""
    return np.maximum(x, y)


@op(real=True, promote="same", elementwise=True, symbol="min", caption="to the smaller", sample=reals(-3, 3))
def minimum(x, y):
    """The smaller of the two, elementwise; NaN if either is. At a tie each gets half the gradient."""
    return np.minimum(x, y)


@maximum.grad("x")
def _(g, x, y):
    return _share(g, x, y, x >= y)


@maximum.grad("y")
def _(g, x, y):
    return _share(g, y, x, y >= x)


@minimum.grad("x")
def _(g, x, y):
    return _share(g, x, y, x <= y)


@minimum.grad("y")
def _(g, x, y):
    return _share(g, y, x, y <= x)


def _share(g, mine, theirs, wins):
    """All to the winner, half at a tie, all to a NaN."""
    return where(mine == theirs, g * 0.5, where(wins | (mine != mine), g, nothing(g)))


@op(real=True, promote="same", elementwise=True, sample=reals(-3, 3))
def fmax(x, y):
    """The larger of the two, elementwise; a number beats NaN."""
    return np.fmax(x, y)


@op(real=True, promote="same", elementwise=True, sample=reals(-3, 3))
def fmin(x, y):
    """The smaller of the two, elementwise; a number beats NaN."""
    return np.fmin(x, y)


@fmax.grad("x")
def _(g, x, y):
    return where((x >= y) | (y != y), g, nothing(g))


@fmax.grad("y")
def _(g, x, y):
    return where((x >= y) | (y != y), nothing(g), g)


@fmin.grad("x")
def _(g, x, y):
    return where((x <= y) | (y != y), g, nothing(g))


@fmin.grad("y")
def _(g, x, y):
    return where((x <= y) | (y != y), nothing(g), g)


@op(real=True, namespace="", elementwise=True, inplace=True, spelled={"values": "y"})
def heaviside(x, y):
    """0 below zero, 1 above, `values` at zero; of one dtype with the input.

    Raises:
        RuntimeError: the dtypes differ.
    """
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"heaviside is not yet implemented for tensors with different dtypes: input {x.dtype}, values {y.dtype}"
        )
    return np.where(x == 0, y, (x > 0).astype(x.dtype))[()]
