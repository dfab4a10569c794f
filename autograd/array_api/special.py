"""SciPy's special functions of arrays, differentiable: the names, arguments and values of `scipy.special`.

The standard has no such extension yet. SciPy looks for one in an array's namespace, so `scipy.special.erf(t)` keeps the
graph when SCIPY_ARRAY_API is set; without it, `Tensor.__array_ufunc__` finds the same functions here.

Example:
    >>> import autograd
    >>> from autograd.array_api import special
    >>> x = autograd.tensor([0.5, 2.0], requires_grad=True)
    >>> special.gammaln(x)
    tensor([0.5724, 0.0000], grad_fn=<LgammaBackward0>)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._registry import registry
from ._common import NUMBER, cast, default_or, number, ops, publish, tensor
from ._data_types import result_type


def _declared(name: str) -> Callable:
    return registry[name].call


def _gamma(x: Any) -> Any:
    """Γ(x): its magnitude from its logarithm; left of 0 its sign alternates between the poles."""
    sign = ops.where(ops.logical_or(x > 0, ops.remainder(ops.floor(x), 2) == 0), 1.0, -1.0)
    return sign * ops.exp(ops.lgamma(x))


def _beta_logarithm(a: Any, b: Any) -> Any:
    return ops.lgamma(a) + ops.lgamma(b) - ops.lgamma(a + b)


def _relative_entropy(x: Any, y: Any) -> Any:
    return ops.where(ops.logical_and(x == 0, y >= 0), 0.0, ops.xlogy(x, x / y))


# SciPy's name -> the operation, or what it is made of.
_MADE_OF: dict[str, Callable] = {
    "beta": lambda a, b: ops.exp(_beta_logarithm(a, b)),
    "betainc": _declared("_._betainc"),
    "betaln": _beta_logarithm,
    "cbrt": lambda x: ops.sgn(x) * ops.abs(x) ** (1 / 3),
    "digamma": ops.digamma,
    "entr": _declared("special.entr"),
    "erf": ops.erf,
    "erfc": ops.erfc,
    "erfcinv": lambda x: ops.erfinv(1.0 - x),
    "erfcx": _declared("special.erfcx"),
    "erfinv": ops.erfinv,
    "exp10": lambda x: 10.0**x,
    "exp2": ops.exp2,
    "expit": ops.sigmoid,
    "expm1": ops.expm1,
    "gamma": _gamma,
    "gammainc": ops.igamma,
    "gammaincc": ops.igammac,
    "gammaln": ops.lgamma,
    "i0": ops.i0,
    "i0e": _declared("special.i0e"),
    "i1": _declared("special.i1"),
    "i1e": _declared("special.i1e"),
    "j0": _declared("special.bessel_j0"),
    "j1": _declared("special.bessel_j1"),
    "k0": _declared("special.modified_bessel_k0"),
    "k0e": _declared("special.scaled_modified_bessel_k0"),
    "k1": _declared("special.modified_bessel_k1"),
    "k1e": _declared("special.scaled_modified_bessel_k1"),
    "kl_div": lambda x, y: _relative_entropy(x, y) - x + y,
    "log1p": ops.log1p,
    "log_ndtr": _declared("special.log_ndtr"),
    "logit": ops.logit,
    "ndtr": _declared("special.ndtr"),
    "ndtri": _declared("special.ndtri"),
    "psi": ops.digamma,
    "rel_entr": _relative_entropy,
    "rgamma": lambda x: 1.0 / _gamma(x),
    "xlog1py": _declared("special.xlog1py"),
    "xlogy": ops.xlogy,
    "y0": _declared("special.bessel_y0"),
    "y1": _declared("special.bessel_y1"),
}


def _floats(args: tuple) -> list:
    """The arguments in their common floating-point dtype; numbers do not widen arrays."""
    arrays = [a if isinstance(a, NUMBER) else tensor(a) for a in args]
    d = result_type(*arrays)
    d = d if d.is_floating_point or d.is_complex else default_or(None)
    return [number(a, d) if isinstance(a, NUMBER) else cast(a, d) for a in arrays]


def _special(name: str, operation: Callable) -> Callable:
    def function(*args):
        return operation(*_floats(args))

    return publish(function, name, f"scipy.special.{name} of Tensors.", __name__)


FUNCTIONS: dict[str, Callable] = {name: _special(name, operation) for name, operation in _MADE_OF.items()}
globals().update(FUNCTIONS)
__all__ = sorted(FUNCTIONS)
