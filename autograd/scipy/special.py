"""SciPy's special functions; on Tensors they are recorded.

Example:
    >>> import numpy
    >>> from autograd import grad
    >>> from autograd.scipy.special import logsumexp
    >>> grad(logsumexp)(numpy.zeros(4))
    array([0.25, 0.25, 0.25, 0.25])
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import numpy as np
from .._extras import require
from .._tensor import Tensor
from ..array_api._common import ops
from ..array_api.special import FUNCTIONS


def _scipy() -> Any:
    return require("scipy.special", extra="scipy", purpose="autograd.scipy.special")


@functools.cache
def _either(name: str) -> Callable:
    """Ours for Tensors, SciPy's for plain arrays."""

    def function(*args: Any, **options: Any) -> Any:
        recorded = any(isinstance(a, Tensor) for a in args)
        return FUNCTIONS[name](*args) if recorded else getattr(_scipy(), name)(*args, **options)

    function.__name__, function.__doc__ = name, FUNCTIONS[name].__doc__
    return function


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """log Σ b eᵃ along axes, without overflow."""
    if not isinstance(a, Tensor) and not isinstance(b, Tensor):
        return _scipy().logsumexp(a, axis, b, keepdims, return_sign)
    if return_sign:
        raise TypeError("logsumexp: return_sign is not supported for Tensors")
    if b is None:
        axes = tuple(range(a.ndim)) if axis is None else axis
        return ops.logsumexp(a, axes, keepdims) if a.ndim else a
    top = ops.as_tensor(np.max(a, axis=axis, keepdims=True)).detach()
    out = np.log(np.sum(b * np.exp(a - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, tuple(range(out.ndim)) if axis is None else axis)


def softmax(x: Any, axis: Any = None) -> Any:
    """eˣ / Σ eˣ along axes."""
    return np.exp(log_softmax(x, axis))


def log_softmax(x: Any, axis: Any = None) -> Any:
    """x - log Σ eˣ along axes."""
    return x - logsumexp(x, axis, keepdims=True)


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of digamma."""
    return ops.polygamma(int(n), x) if isinstance(x, Tensor) else _scipy().polygamma(n, x)


def multigammaln(a: Any, d: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension d."""
    return ops.mvlgamma(a, d) if isinstance(a, Tensor) else _scipy().multigammaln(a, d)


def gammasgn(x: Any) -> Any:
    """The sign of Γ(x), which has no gradient."""
    return _scipy().gammasgn(x.detach().numpy() if isinstance(x, Tensor) else x)


def __getattr__(name: str) -> Any:
    if name in FUNCTIONS:
        return _either(name)
    try:
        if name.startswith("__"):
            raise AttributeError
        return getattr(_scipy(), name)
    except AttributeError:
        raise AttributeError(f"module 'autograd.scipy.special' has no attribute {name!r}") from None
