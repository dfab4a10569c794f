"""Softmax, its logarithm, and the logarithm of a sum of exponentials, shifted so that nothing overflows."""

from __future__ import annotations

import math

import numpy as np

from .._array import in_c_order, wrap_dim, wrap_dims
from .._op import composite, op
from .._samples import call, cases
from ._pieces import inner_along, largest_along, sums_along
from .compare import where
from .pointwise import exp
from .reduce import spread, sum


@op(symbol="log Σ e", caption="× softmax", quiet=True, wide=True, promote="float", sample=cases(lambda r: [
    call(r(2, 3), dim=1), call(r(2, 3, 4), dim=(0, 2), keepdim=True), call(r(4), dim=0)]))  # fmt: skip
def logsumexp(x, *, dim, keepdim=False):
    """log of the sum of e ** input over `dim`, without overflow; -inf (with zero gradient) for a row of -inf."""
    axes = wrap_dims(dim, x.ndim)
    if len(axes) == 1 and x.size and x.dtype.kind == "f":
        top = largest_along(x, axes[0])
    else:
        top = np.max(np.real(x), axis=axes, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0.0).astype(x.dtype)
    shifted = x - top
    shifted = np.exp(shifted, out=shifted if type(shifted) is np.ndarray else None)
    total = sums_along(shifted, axes[0]) if len(axes) == 1 else np.sum(shifted, axis=axes, keepdims=True)
    out = np.log(total) + top
    return out if keepdim else np.squeeze(out, axes)[()]


@logsumexp.grad("x")
def _(g, x, out, x_shape, dim, keepdim):
    total = where(out == -math.inf, 0.0, out)  # a row of -inf has no gradient; a NaN shows in all of it
    share = exp(x - spread(total, x_shape, dim, keepdim))
    return spread(g, x_shape, dim, keepdim) * share


def _softmax(x, dim):
    x = in_c_order(x)
    if not x.size:
        return np.exp(x)
    e = x - largest_along(x, dim)
    np.exp(e, out=e)
    e /= sums_along(e, dim)
    return e


_ROWS = cases(lambda r: [call(r(2, 3), dim=1), call(r(2, 3, 4), dim=0), call(r(4), dim=-1), call(r(), dim=0)])


@op(name="_softmax", namespace="_", method=False, symbol="softmax", caption="y⊙(g−⟨g,y⟩)", promote="float", quiet=True,
    wide=True, sample=_ROWS)  # fmt: skip
def _softmax_op(x, *, dim):
    return _softmax(x, wrap_dim(dim, x.ndim)) if x.ndim else np.ones_like(x)[()]


@_softmax_op.grad("x")
def _(g, out, dim):
    product = g * out
    return product - out * sum(product, dim=dim, keepdim=True)


@_softmax_op.fast
def _(g, out, dim, needs):
    """As the rule, but no products are written to be added."""
    slope = g - (inner_along(g, out, dim) if out.ndim else g * out)
    slope *= out
    return (slope,)


@op(
    name="_log_softmax",
    namespace="_",
    method=False,
    symbol="log softmax",
    promote="float",
    quiet=True,
    wide=True,
    sample=_ROWS,
)
def _log_softmax_op(x, *, dim):
    if not x.ndim or not x.size:
        return np.zeros_like(x)[()]
    dim = wrap_dim(dim, x.ndim)
    x = in_c_order(x)
    shifted = x - largest_along(x, dim)
    shifted -= np.log(sums_along(np.exp(shifted), dim))
    return shifted


@_log_softmax_op.grad("x")
def _(g, out, dim):
    return g - exp(out) * sum(g, dim=dim, keepdim=True)


@_log_softmax_op.fast
def _(g, out, dim, needs):
    """As the rule, in place."""
    slope = np.exp(out)
    slope *= sums_along(g, dim) if out.ndim else g
    return (g - slope,)


@composite(aliases=())
def softmax(input, dim=None, dtype=None, _stacklevel=3):
    """e ** input / sum over `dim` of e ** input.

    Shape: (*) -> (*); the result sums to one along `dim`.
    """
    return _softmax_op(input if dtype is None else input.to(dtype), _softmax_dim("softmax", input, dim))


@composite(aliases=())
def log_softmax(input, dim=None, dtype=None, _stacklevel=3):
    """log of softmax over `dim`, without overflow or log of zero."""
    return _log_softmax_op(input if dtype is None else input.to(dtype), _softmax_dim("log_softmax", input, dim))


def _softmax_dim(name, input, dim):
    """PyTorch's old choice of axis where the caller named none, with its warning."""
    if dim is not None:
        return dim
    import warnings

    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
        stacklevel=4,
    )
    return 0 if input.ndim in (0, 1, 3) else 1
