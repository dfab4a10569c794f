"""Arithmetic of two tensors, or of a tensor and a number."""

from __future__ import annotations

import cmath
import math
import operator
from typing import Any

import numpy as np

from .._array import NUMBERS, Array, ndarray
from .._dtype import category, element, result_dtype
from .._large import SHARED, weighted
from .._op import composite, op
from .._samples import call, cases, reals
from .._tensor import Tensor
from .compare import nothing, over, times, where
from .pointwise import log


@op(operators=("__add__", "__radd__"), symbol="+", caption="× 1", promote="same", elementwise=True,
    linear=True, commutes=True, native=operator.add, shared=np.add, method=False, name="_add", namespace="_", sample=reals(-3, 3))  # fmt: skip
def _add(x, y):
    """input + other, elementwise, broadcasting."""
    return x + y


@_add.grad("x", "y")
def _(g):
    return g


def _is_bool(x):
    return hasattr(x, "dtype") and x.dtype.kind == "b"


def _refuse_bools(arrays):
    if any(_is_bool(a) or type(a) is bool for a in arrays) and not all(_is_bool(a) for a in arrays):
        raise RuntimeError(
            "sub: Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the "
            "`~` or `logical_not()` operator instead."
        )


@op(operators=("__sub__", "__rsub__"), symbol="−", caption="× 1, × −1", promote="same", elementwise=True, linear=True, shared=np.subtract,
    refuse=_refuse_bools, method=False, name="_sub", namespace="_", sample=reals(-3, 3))  # fmt: skip
def _sub(x, y):
    """input - other, elementwise, broadcasting."""
    if _is_bool(x) and (y is True or y is False or _is_bool(y)):
        raise RuntimeError(
            "sub: Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )
    return x - y


@_sub.grad("x")
def _(g):
    return g


@_sub.grad("y")
def _(g):
    return -g


@op(operators=("__mul__", "__rmul__", "__imul__"), aliases=("multiply",), inplace=True, symbol="×", caption="× other",
    promote="same", elementwise=True, commutes=True, native=operator.mul, shared=np.multiply, sample=reals(-3, 3))  # fmt: skip
def mul(x, y):
    """input * other, elementwise, broadcasting.

    Example:
        >>> import autograd
        >>> autograd.tensor([1.0, 2.0]) * 3
        tensor([3., 6.])
    """
    return x * y


@mul.grad("x")
def _(g, y):
    return weighted(g, y) if type(g) is ndarray and g.size >= SHARED else g * y


@mul.grad("y")
def _(g, x):
    return weighted(g, x) if type(g) is ndarray and g.size >= SHARED else g * x


@op(operators=("__truediv__", "__rtruediv__", "__div__", "__rdiv__"), symbol="/", caption="× 1/other, × −input/other²", promote="float",
    elementwise=True, quiet=True, shared=np.true_divide, method=False, name="true_divide", namespace="_",
    sample=reals(-3, 3, avoid=(0,), margin=0.4))  # fmt: skip
def _div(x, y):
    """input / other, elementwise, broadcasting; integers are divided as floats."""
    return x / y


@_div.grad("x")
def _(g, y):
    return g / y if type(y) in NUMBERS else over(g, y)


@_div.grad("y")
def _(g, x, y):
    return over(over(-g, y) * x, y)  # y² would overflow long before x/y does


@op(operators=("__neg__",), aliases=("negative",), inplace=True, symbol="×−1", caption="× −1", elementwise=True,
    linear=True, sample=reals(-3, 3))  # fmt: skip
def neg(x):
    """-input."""
    if x.dtype == bool:
        raise RuntimeError(
            "neg: Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use "
            "the `~` or `logical_not()` operator instead."
        )
    return -x


@neg.grad("x")
def _(g):
    return -g


def _is_one(alpha):
    return type(alpha) is int and alpha == 1


def _times(name, input, other, alpha):
    """alpha * other, as `input` can take it: whole numbers take whole factors, and none that their dtype cannot hold."""
    target = result_dtype(tuple(getattr(v, "_data", v) for v in (input, other)))
    _check_alpha(name, target, alpha)
    alpha = element(alpha, target)
    return other * alpha if isinstance(other, (int, float, complex)) else mul(other, alpha)


def _check_alpha(name, target, alpha):
    if isinstance(alpha, bool) and category(target) > 0:
        raise RuntimeError(f"{name}: Boolean alpha only supported for Boolean results, got alpha={alpha}")
    if isinstance(alpha, complex) and category(target) < 3:
        raise RuntimeError(
            f"{name}: For non-complex input tensors, argument alpha must not be a complex number, got {alpha}"
        )
    if isinstance(alpha, float) and category(target) < 2:
        raise RuntimeError(
            f"{name}: For integral input tensors, argument alpha must not be a floating point number, got {alpha}"
        )


@composite(inplace=True, operators=("__iadd__",))
def add(input, other, *, alpha=1):
    """input + alpha * other, elementwise, broadcasting.

    Example:
        >>> import autograd
        >>> autograd.add(autograd.tensor([1.0, 2.0]), 10)
        tensor([11., 12.])
    """
    return _add(input, other if _is_one(alpha) else _times("add", input, other, alpha))


@composite(inplace=True, aliases=("subtract",), operators=("__isub__",))
def sub(input, other, *, alpha=1):
    """input - alpha * other, elementwise, broadcasting."""
    return _sub(input, other if _is_one(alpha) else _times("sub", input, other, alpha))


@composite(method=True)
def rsub(input, other, *, alpha=1):
    """other - alpha * input."""
    return _sub(other, input if _is_one(alpha) else _times("rsub", other, input, alpha))


@composite(inplace=True, aliases=("divide",), operators=("__itruediv__",))
def div(input, other, *, rounding_mode=None):
    """input / other; with rounding_mode "floor" or "trunc" rounded down or towards zero.

    Raises:
        RuntimeError: another rounding_mode.
    """
    if rounding_mode is None:
        return _div(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return _trunc_divide(input, other)
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found {rounding_mode!r}")


@composite(inplace=True, operators=())
def true_divide(input, other):
    """input / other, integers as floats."""
    return _div(input, other)


def _check_zero(name: str, x: Array, y: Any) -> None:
    """Integers have no infinity: dividing them by zero is an error, not a number."""
    whole = (
        getattr(y, "dtype", np.dtype(type(y))).kind in "biu" and getattr(x, "dtype", np.dtype(type(x))).kind in "biu"
    )
    if whole and not np.all(y):
        raise RuntimeError(f"{name}: ZeroDivisionError: an integer tensor was divided by zero")


@op(real=True, inplace=True, operators=("__floordiv__", "__rfloordiv__", "__ifloordiv__"), symbol="//", promote="same", elementwise=True, quiet=True,
    sample=reals(-3, 3, avoid=(0,), margin=0.4))  # fmt: skip
def floor_divide(x, y):
    """input / other rounded down. Its gradient is zero wherever it exists."""
    _check_zero("floor_divide", x, y)
    whole = (
        getattr(x, "dtype", np.dtype(type(x))).kind in "biu" and getattr(y, "dtype", np.dtype(type(y))).kind in "biu"
    )
    return np.floor_divide(x, y) if whole else np.where(np.equal(y, 0), np.divide(x, y), np.floor_divide(x, y))[()]


@op(real=True, name="_trunc_divide", namespace="_", method=False, symbol="trunc /", promote="same", elementwise=True, quiet=True,
    sample=reals(-3, 3, avoid=(0,), margin=0.4))  # fmt: skip
def _trunc_divide(x, y):
    """input / other rounded towards zero."""
    _check_zero("div", x, y)
    kind = x.dtype if hasattr(x, "dtype") else y.dtype
    if kind.kind in "biu":
        quotient = np.abs(x) // np.abs(y)
        return (quotient * np.sign(x) * np.sign(y)).astype(kind)
    return np.trunc(x / y)


@floor_divide.grad("x", "y")
@_trunc_divide.grad("x", "y")
def _(g):
    return nothing(g)


@op(real=True, inplace=True, operators=("__mod__", "__rmod__", "__imod__"), symbol="mod", promote="same", elementwise=True, quiet=True,
    sample=cases(lambda r: [call(r(2, 3), 0.7), call(r(3), r(3, lo=3.0, hi=5.0)), call(r(2, 1), r(3, lo=-5, hi=-3))]))  # fmt: skip
def remainder(x, y):
    """The remainder of division with the sign of the divisor: input - floor(input / other) * other."""
    _check_zero("remainder", x, y)
    return np.remainder(x, y)


@remainder.grad("x")
def _(g):
    return g


@remainder.grad("y")
def _(g, x, y):
    return -g * floor_divide(x, y)


@op(real=True, inplace=True, symbol="fmod", promote="same", elementwise=True, quiet=True,
    sample=cases(lambda r: [call(r(2, 3), 0.7), call(r(3), r(3, lo=3.0, hi=5.0)), call(r(2, 1), r(3, lo=-5, hi=-3)),
                            call(r(2, 3), r(2, 3, lo=0.3, hi=0.5))]))  # fmt: skip
def fmod(x, y):
    """The remainder of division with the sign of the dividend: input - trunc(input / other) * other."""
    _check_zero("fmod", x, y)
    return np.fmod(x, y)


@fmod.grad("x")
def _(g):
    return g


@fmod.grad("y")
def _(g, x, y):
    return -g * _trunc_divide(x, y)


def _power(x: Array, n: Any) -> Array:
    """x ** n with small whole exponents as products: NumPy's pow is 250 times slower than x*x*x."""
    if type(n) in NUMBERS and n in (0, 1, 2, 3, 4, -1, 0.5) and getattr(x, "dtype", None) is not None:
        if x.dtype.kind in "fc":
            return _small_power(x, n)
        if n == -1 or n == 0.5:
            raise RuntimeError(f"pow: Integers to negative integer powers are not allowed, got exponent {n}")
    kind = getattr(x, "dtype", np.dtype(type(x))).kind
    if kind in "iub" and type(n) is int and n < 0:
        raise RuntimeError(f"pow: Integers to negative integer powers are not allowed, got exponent {n}")
    if kind in "iu" and getattr(n, "dtype", None) is not None and n.dtype.kind == "i" and np.any(n < 0):
        # As PyTorch: the integer part of the true value, so only bases 1 and -1 survive.
        return np.where(n >= 0, np.power(x, np.abs(n)), np.where(x == 1, 1, np.where(x == -1, 1 - 2 * (n % 2), 0)))
    return x**n


def _small_power(x: Array, n: float) -> Array:
    if n == 2:
        return x * x
    if n == 3:
        return x * x * x
    if n == 4:
        square = x * x
        return square * square
    if n == 0.5:
        return np.sqrt(x)
    if n == -1:
        return 1 / x
    return np.ones_like(x)[()] if n == 0 else x.copy()


@op(name="_pow", namespace="_", method=False, operators=(), symbol="pow", caption="× n·xⁿ⁻¹", promote="same", fits=("y",),
    elementwise=True, quiet=True, sample=reals(0.3, 3, other=reals(-2, 3, avoid=(0,))))  # fmt: skip
def _pow(x, y):
    """input ** other."""
    return _power(x, y)


@_pow.grad("x")
def _(g, x, y):
    if type(y) in NUMBERS:
        if y == 2:  # by far the most frequent exponent, and its slope has no pole
            return g * (2 * x)
        return nothing(g) if y == 0 else times(g, y * _pow(x, y - 1))
    # Where the exponent is 0 the result is constant, also at 0 ** 0.
    return where(y == 0, nothing(g), times(g, y * _pow(x, where(y == 0, 1.0 + 0.0 * y, y - 1))))


@_pow.grad("y")
def _(g, x, y, out):
    # 0 ** y is flat for y >= 0 (and log 0 would make it NaN); log of a negative base has no real value.
    flat = (x == 0) & (y.real >= 0) if type(x) not in NUMBERS or type(y) not in NUMBERS else False
    if type(x) in NUMBERS:
        return where(y.real >= 0, nothing(g), times(g, out * -math.inf)) if x == 0 else g * (out * _number_log(x, out))
    return where(flat, nothing(g), g * (out * log(where(flat, 1.0 + 0.0 * x, x))))


def _number_log(x: Any, out: Any) -> Any:
    """log x, where a negative number has one only among complex numbers."""
    if out.dtype.kind == "c":
        return cmath.log(x)
    return math.log(x) if x > 0 else math.nan


@composite(inplace=True, operators=("__pow__", "__rpow__", "__ipow__"))
def pow(input, exponent):
    """input ** exponent, elementwise, broadcasting.

    Raises:
        RuntimeError: an integer tensor to a negative whole power.

    Note:
        The gradient at exponent 0 is 0 everywhere, 0 ** 0 included; so is that of 0 ** y in y for y >= 0.
    """
    if type(exponent) is float and type(input) in NUMBERS:
        raise TypeError("pow(): argument 'input' (position 1) must be Tensor, not float")
    if type(exponent) is int and exponent < 0 and isinstance(input, Tensor) and input._data.dtype.kind == "u":
        raise RuntimeError(f"pow: Integers to negative integer powers are not allowed, got exponent {exponent}")
    return _pow(input, exponent)


@composite(inplace=True)
def float_power(input, exponent):
    """input ** exponent computed in float64 (complex128 for complex)."""
    from .cast import to_double_family

    return _pow(to_double_family(input), to_double_family(exponent))


@composite(inplace=True)
def addcmul(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 * tensor2."""
    product = mul(tensor1, tensor2)
    return _add(input, product if value == 1 else mul(product, _factor(input, product, value)))


def _factor(input, product, value):
    """`value` as a number of the result's dtype, or as the tensor it is."""
    return element(value, result_dtype((input._data, product._data))) if isinstance(value, (int, float)) else value


@composite(inplace=True)
def addcdiv(input, tensor1, tensor2, *, value=1):
    """input + value * tensor1 / tensor2."""
    if category(tensor1._data.dtype) < 2 and category(tensor2._data.dtype) < 2:
        raise RuntimeError(
            "addcdiv: Integer division with addcdiv is no longer supported, got tensors of "
            f"{tensor1.dtype!r} and {tensor2.dtype!r}; convert one of them to a floating dtype first"
        )
    quotient = _div(tensor1, tensor2)
    return _add(input, quotient if value == 1 else mul(quotient, _factor(input, quotient, value)))


@op(inplace=True, promote="same", elementwise=True, caption="× 1 − w, × w, × (end − input)",
    sample=cases(lambda r: [call(r(3), r(3), 0.3), call(r(2, 3), r(3), r(2, 1)), call(r(3), r(3), 0.8)]))  # fmt: skip
def lerp(input, end, weight):
    """input + weight * (end - input), counted from the nearer of the two, so that weight 1 gives `end` itself."""
    if category(input.dtype) < 2:
        raise NotImplementedError(f'lerp: "lerp_kernel_scalar" not implemented for {input.dtype.name}; it needs floats')
    gap, nearer = end - input, abs(weight) < 0.5
    if nearer is True:
        return input + gap * weight
    from_end = end - gap * (1 - weight)
    return from_end if nearer is False else np.where(nearer, input + gap * weight, from_end)


@lerp.grad("input")
def _(g, weight):
    return g * (1 - weight)


@lerp.grad("end")
def _(g, weight):
    return g * weight


@lerp.grad("weight")
def _(g, input, end):
    return g * (end - input)


@op(inplace=True, promote="same", elementwise=True)
def gcd(x, y):
    """Greatest common divisor of two integers, elementwise; never negative."""
    return np.gcd(x, y)


@op(inplace=True, promote="same", elementwise=True)
def lcm(x, y):
    """Least common multiple of two integers, elementwise."""
    return np.lcm(x, y)
