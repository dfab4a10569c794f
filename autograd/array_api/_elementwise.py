"""Elementwise functions of the standard, each the operation of the same meaning after the standard's promotion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._common import NUMBER, cast, number, ops, pair, publish, tensor, weak


def _unary(name: str, operation: Callable, doc: str) -> Callable:
    def function(x, /):
        return operation(tensor(x))

    return publish(function, name, doc, __name__)


def _binary(name: str, operation: Callable, doc: str) -> Callable:
    def function(x1, x2, /):
        return operation(*pair(x1, x2))

    return publish(function, name, doc, __name__)


def _same(x: Any) -> Any:
    return x


def _unless(kinds: str, operation: Callable, otherwise: Callable = _same) -> Callable:
    """An operation that leaves dtypes of the given kinds to `otherwise`."""
    return lambda x: otherwise(x) if x.dtype.kind in kinds else operation(x)


def _imag(x: Any) -> Any:
    return x.imag if x.is_complex() else ops.zeros_like(x)


def _never(x: Any) -> Any:
    return ops.zeros_like(x, dtype=ops_bool)


def _always(x: Any) -> Any:
    return ops.ones_like(x, dtype=ops_bool)


def _square(x: Any) -> Any:
    return x * x


def _floor_divide(x1: Any, x2: Any) -> Any:
    """The standard rounds x1 / x2 where an operand is infinite; PyTorch's operation, as Python's `//`, does not."""
    out = ops.floor_divide(x1, x2)
    if out.dtype.kind != "f":
        return out
    infinite = ops.logical_or(ops.isinf(x1), ops.isinf(x2))
    return ops.where(infinite, (x1 / x2).detach(), out) if infinite.any() else out


def _expm1(x: Any) -> Any:
    """The standard gives 0 for a complex x of -0 + 0j, as e^x - 1 does; only real numbers keep their sign there."""
    out = ops.expm1(x)
    return out + complex(0.0, -0.0) if x.is_complex() else out


def _tanh(x: Any) -> Any:
    """Where the real part is infinite, the standard has the imaginary part vanish with x's sign, not sin(2 Im x)'s."""
    out = ops.tanh(x)
    if not x.is_complex():
        return out
    real, imag = x.detach().real, x.detach().imag
    limit = ops.complex(ops.copysign(ops.ones_like(real), real), ops.copysign(ops.zeros_like(imag), imag))
    return ops.where(ops.isinf(real), limit, out)


from .._dtype import bool as ops_bool  # noqa: E402  (a name that is not the builtin's)

_UNARY: dict[str, tuple[Callable, str]] = {
    "abs": (_unless("bu", ops.abs), "|x|."),
    "acos": (ops.acos, "Inverse cosine."),
    "acosh": (ops.acosh, "Inverse hyperbolic cosine."),
    "asin": (ops.asin, "Inverse sine."),
    "asinh": (ops.asinh, "Inverse hyperbolic sine."),
    "atan": (ops.atan, "Inverse tangent."),
    "atanh": (ops.atanh, "Inverse hyperbolic tangent."),
    "bitwise_invert": (ops.bitwise_not, "Every bit inverted; logical not for bool."),
    "ceil": (_unless("biu", ops.ceil), "The smallest integer not below x."),
    "conj": (_unless("biuf", ops.conj), "The complex conjugate."),
    "cos": (ops.cos, "Cosine."),
    "cosh": (ops.cosh, "Hyperbolic cosine."),
    "exp": (ops.exp, "e to the x."),
    "expm1": (_expm1, "e to the x, minus one, exact near 0."),
    "floor": (_unless("biu", ops.floor), "The largest integer not above x."),
    "imag": (_imag, "The imaginary part."),
    "isfinite": (_unless("biu", ops.isfinite, _always), "Whether neither infinite nor NaN."),
    "isinf": (_unless("biu", ops.isinf, _never), "Whether infinite."),
    "isnan": (_unless("biu", ops.isnan, _never), "Whether NaN."),
    "log": (ops.log, "Natural logarithm."),
    "log1p": (ops.log1p, "log(1 + x), exact near 0."),
    "log2": (ops.log2, "Logarithm to base 2."),
    "log10": (ops.log10, "Logarithm to base 10."),
    "logical_not": (ops.logical_not, "Whether zero."),
    "negative": (ops.neg, "-x."),
    "positive": (_same, "+x."),
    "real": (_unless("biuf", ops.real), "The real part."),
    "reciprocal": (ops.reciprocal, "1 / x."),
    "round": (_unless("biu", ops.round), "The nearest integer, halves to even."),
    "sign": (_unless("b", ops.sgn), "-1, 0 or 1; x / |x| for complex x."),
    "signbit": (ops.signbit, "Whether the sign bit is set."),
    "sin": (ops.sin, "Sine."),
    "sinh": (ops.sinh, "Hyperbolic sine."),
    "square": (_square, "x²."),
    "sqrt": (ops.sqrt, "Square root."),
    "tan": (ops.tan, "Tangent."),
    "tanh": (_tanh, "Hyperbolic tangent."),
    "trunc": (_unless("biu", ops.trunc), "The integer part."),
}

_BINARY: dict[str, tuple[Callable, str]] = {
    "add": (ops.add, "x1 + x2."),
    "atan2": (ops.atan2, "The angle of the point (x2, x1)."),
    "bitwise_and": (ops.bitwise_and, "x1 & x2."),
    "bitwise_left_shift": (ops.bitwise_left_shift, "x1 << x2."),
    "bitwise_or": (ops.bitwise_or, "x1 | x2."),
    "bitwise_right_shift": (ops.bitwise_right_shift, "x1 >> x2."),
    "bitwise_xor": (ops.bitwise_xor, "x1 ^ x2."),
    "copysign": (ops.copysign, "|x1| with the sign of x2."),
    "divide": (ops.div, "x1 / x2."),
    "equal": (ops.eq, "Whether equal, element by element."),
    "floor_divide": (_floor_divide, "The integer not above x1 / x2."),
    "greater": (ops.gt, "x1 > x2."),
    "greater_equal": (ops.ge, "x1 >= x2."),
    "hypot": (ops.hypot, "√(x1² + x2²)."),
    "less": (ops.lt, "x1 < x2."),
    "less_equal": (ops.le, "x1 <= x2."),
    "logaddexp": (ops.logaddexp, "log(e^x1 + e^x2)."),
    "logical_and": (ops.logical_and, "Whether both are nonzero."),
    "logical_or": (ops.logical_or, "Whether one is nonzero."),
    "logical_xor": (ops.logical_xor, "Whether exactly one is nonzero."),
    "maximum": (ops.maximum, "The larger, element by element."),
    "minimum": (ops.minimum, "The smaller, element by element."),
    "multiply": (ops.mul, "x1 x2."),
    "nextafter": (ops.nextafter, "The next number after x1 towards x2."),
    "not_equal": (ops.ne, "Whether different, element by element."),
    "pow": (ops.pow, "x1 to the x2."),
    "remainder": (ops.remainder, "x1 - x2 ⌊x1 / x2⌋, with the sign of x2."),
    "subtract": (ops.sub, "x1 - x2."),
}

FUNCTIONS: dict[str, Callable] = {name: _unary(name, f, doc) for name, (f, doc) in _UNARY.items()}
FUNCTIONS |= {name: _binary(name, f, doc) for name, (f, doc) in _BINARY.items()}


def clip(x, /, min=None, max=None):
    """x kept between `min` and `max`, each a number, an array or None; the dtype stays that of x."""
    x = tensor(x)
    low, high = _bound(min, x), _bound(max, x)
    out = x if low is None else ops.maximum(x, low)
    return out if high is None else ops.minimum(out, high)


def _bound(value: Any, x: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, NUMBER):
        return _number_bound(value, x)
    return cast(tensor(value), x.dtype)


def _number_bound(value: Any, x: Any) -> Any:
    """A Python number as a bound: one outside an integer dtype's range is cut to it."""
    if x.dtype.kind not in "iu" or weak(value, x.dtype) is not x.dtype:
        return number(value, weak(value, x.dtype))
    from .._dtype import iinfo

    limits = iinfo(x.dtype)
    return number(sorted((limits.min, value, limits.max))[1], x.dtype)


FUNCTIONS["clip"] = clip
