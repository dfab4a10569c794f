"""Operations over the elements that a mask names, the others standing for the operation's neutral value."""

from __future__ import annotations

import math

import numpy as np

from .. import _dtype
from .._array import wrap_dim
from .._dtype import from_numpy_dtype, get_default_dtype
from .._op import composite
from .._samples import call, cases
from .._tensor import wrap
from . import linalg_norm, pointwise, reduce, running, softmax, sort
from .cast import convert
from .compare import where
from .shape import broadcast_to

_REDUCTION = cases(lambda r: [
    call(r(2, 3)), call(r(2, 3), 1), call(r(2, 3), 0, keepdim=True), call(r(2, 3), (0, 1))])  # fmt: skip
_ROWS = cases(lambda r: [call(r(2, 3), 1), call(r(2, 3), 0)])


def _checked(input, mask):
    """The mask in the shape of the input.

    Raises:
        IndexError: a mask with more axes than the input.
    """
    if mask.ndim > input.ndim:
        raise IndexError(
            "_input_mask expected broadcastable mask (got mask dimensionality higher than of the input): "
            f"mask {tuple(mask.shape)}, input {tuple(input.shape)}"
        )
    return broadcast_to(mask.bool(), input.shape)


def _filled(input, mask, value):
    """The input with `value` where the mask does not hold."""
    if mask is None:
        return input
    return where(_checked(input, mask), input, wrap(np.asarray(value, input._data.dtype)))


def _least(input):
    """The smallest value of the input's dtype: neutral for a maximum."""
    kind = input._data.dtype.kind
    return np.iinfo(input._data.dtype).min if kind in "iu" else -math.inf


def _greatest(input):
    """The largest value of the input's dtype: neutral for a minimum."""
    kind = input._data.dtype.kind
    return np.iinfo(input._data.dtype).max if kind in "iu" else math.inf


def _cast(result, dtype):
    return result if dtype is None else convert(result, dtype)


def _dims(input, dim):
    """`dim` as a tuple: None and () are all dimensions."""
    if isinstance(dim, int):
        dim = (dim,)
    return tuple(range(input.ndim)) if dim is None or not len(dim) or not input.ndim else tuple(dim)


@composite(name="sum", namespace="masked", method=False, sample=_REDUCTION)
def _sum(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The sum of the elements where the mask holds; 0 where there are none."""
    return reduce.sum(_filled(input, mask, 0), dim=dim, keepdim=keepdim, dtype=dtype)


@composite(name="prod", namespace="masked", method=False, sample=_REDUCTION)
def _prod(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The product of the elements where the mask holds; 1 where there are none."""
    result = _filled(input, mask, 1)
    if dtype is not None or not input.ndim:
        result = running.prod(result, dtype=dtype) if not input.ndim else convert(result, dtype)
    for d in sorted((wrap_dim(d, input.ndim) for d in _dims(input, dim)), reverse=True):
        result = running.prod(result, dim=d, keepdim=keepdim)
    return result


@composite(name="cumsum", namespace="masked", method=False, sample=_ROWS)
def _cumsum(input, dim, *, dtype=None, mask=None):
    """Running sums along `dim` in which elements outside the mask count as 0."""
    return running.cumsum(_filled(input, mask, 0), dim=dim, dtype=dtype or input.dtype)


@composite(name="cumprod", namespace="masked", method=False, sample=_ROWS)
def _cumprod(input, dim, *, dtype=None, mask=None):
    """Running products along `dim` in which elements outside the mask count as 1."""
    return running.cumprod(_filled(input, mask, 1), dim=dim, dtype=dtype or input.dtype)


@composite(name="amax", namespace="masked", method=False, sample=_REDUCTION)
def _amax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The largest element where the mask holds; the dtype's smallest value where there is none."""
    return _cast(reduce.amax(_filled(input, mask, _least(input)), _dims(input, dim), keepdim), dtype)


@composite(name="amin", namespace="masked", method=False, sample=_REDUCTION)
def _amin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The smallest element where the mask holds; the dtype's largest value where there is none."""
    return _cast(reduce.amin(_filled(input, mask, _greatest(input)), _dims(input, dim), keepdim), dtype)


@composite(namespace="masked", method=False)
def argmax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The index of the largest element where the mask holds, in the input's dtype unless `dtype` says otherwise."""
    return convert(reduce.argmax(_filled(input, mask, _least(input)), dim=dim, keepdim=keepdim), dtype or input.dtype)


@composite(namespace="masked", method=False)
def argmin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The index of the smallest element where the mask holds, in the input's dtype unless `dtype` says otherwise."""
    return convert(
        reduce.argmin(_filled(input, mask, _greatest(input)), dim=dim, keepdim=keepdim), dtype or input.dtype
    )


def _count(input, dim, keepdim, mask):
    """How many elements of each slice the mask holds for."""
    held = wrap(np.ones(input.shape, bool)) if mask is None else _checked(input, mask)
    return reduce.sum(held, dim=dim, keepdim=keepdim)


@composite(name="mean", namespace="masked", method=False, sample=_REDUCTION)
def _mean(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The mean of the elements where the mask holds; NaN where there are none.

    Raises:
        ValueError: neither the input nor `dtype` is floating or complex.
    """
    wanted = dtype or input.dtype
    if not (wanted.is_floating_point or wanted.is_complex):
        raise ValueError(
            f"mean(): Could not infer output dtype. {'Optional' if dtype else 'Input'} dtype must be either a floating "
            f"point or complex dtype. Got: {wanted!r}"
        )
    return _sum(input, dim, keepdim=keepdim, dtype=wanted, mask=mask) / _count(input, dim, keepdim, mask)


@composite(namespace="masked", method=False, real=True, sample=_ROWS)
def median(input, dim=-1, *, keepdim=False, dtype=None, mask=None):
    """The median along `dim` of the elements where the mask holds; NaN where there are none.

    Raises:
        ValueError: an integer input with a slice for which the mask never holds.
    """
    values = input if input.is_floating_point() else convert(input, _dtype.float32)
    found = sort.nanmedian(_filled(values, mask, math.nan), dim, keepdim).values
    if values is input:
        return found
    if np.isnan(found._data).any():
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return convert(found, dtype or input.dtype)


@composite(name="logsumexp", namespace="masked", method=False, sample=_REDUCTION)
def _logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """log of the sum of e ** input over the elements where the mask holds; -inf where there are none."""
    result = softmax.logsumexp(_filled(input, mask, _least(input)), dim=_dims(input, dim), keepdim=keepdim)
    return convert(result, dtype or input.dtype)


@composite(name="logaddexp", namespace="masked", method=False, sample=cases(lambda r: [call(r(2, 3), r(3))]))
def _logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """log(e ** input + e ** other), where elements outside their mask add nothing."""
    result = pointwise.logaddexp(_filled(input, input_mask, -math.inf), _filled(other, other_mask, -math.inf))
    return convert(result, dtype or input.dtype)


@composite(name="norm", namespace="masked", method=False, sample=cases(lambda r: [
    call(r(2, 3)), call(r(2, 3), 2.0, 1), call(r(2, 3), 3.0, 0, keepdim=True)]))  # fmt: skip
def _norm(input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The vector norm of order `ord` of the elements where the mask holds."""
    neutral = math.inf if ord == -math.inf else 0
    return linalg_norm.vector_norm(_filled(input, mask, neutral), ord, _dims(input, dim), keepdim, dtype=dtype)


def _spread(input, dim, unbiased, correction, keepdim, dtype, mask):
    """The variance of the elements where the mask holds, over their number less the correction."""
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    wanted = dtype or (get_default_dtype() if input._data.dtype.kind in "biu" else input.dtype)
    count = _count(input, dim, True, mask)
    centre = _sum(input, dim, keepdim=True, dtype=wanted, mask=mask) / count
    away = input - centre
    total = _sum(away * away.conj(), dim, keepdim=keepdim, dtype=wanted, mask=mask)
    free = _free(count, total.shape, correction, wanted)
    return convert(total / free, wanted)


def _free(count, shape, correction, dtype):
    """The number of elements less the correction, at least 0, as real numbers."""
    real = from_numpy_dtype(np.zeros((), dtype.dtype).real.dtype)
    return (convert(count.reshape(shape), real) - correction).clamp(min=0)


@composite(name="var", namespace="masked", method=False, sample=_REDUCTION)
def _var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The variance of the elements where the mask holds; NaN where there are none."""
    return _spread(input, dim, unbiased, correction, keepdim, dtype, mask)


@composite(name="std", namespace="masked", method=False, sample=_REDUCTION)
def _std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The standard deviation of the elements where the mask holds; NaN where there are none."""
    return pointwise.sqrt(_spread(input, dim, unbiased, correction, keepdim, dtype, mask))


@composite(name="softmax", namespace="masked", method=False, sample=_ROWS)
def _softmax(input, dim, *, dtype=None, mask=None):
    """e ** input over its sum along `dim`, elements outside the mask counting as e ** -inf."""
    return softmax.softmax(_filled(input, mask, _least(input)), dim, dtype=dtype)


@composite(name="log_softmax", namespace="masked", method=False, sample=_ROWS)
def _log_softmax(input, dim, *, dtype=None, mask=None):
    """The logarithm of `masked.softmax`."""
    return softmax.log_softmax(_filled(input, mask, _least(input)), dim, dtype=dtype)


@composite(namespace="masked", method=False, sample=_ROWS)
def softmin(input, dim, *, dtype=None, mask=None):
    """e ** -input over its sum along `dim`, elements outside the mask counting as e ** -inf."""
    return softmax.softmax(-_filled(input, mask, _greatest(input)), dim, dtype=dtype)


@composite(namespace="masked", method=False, sample=cases(lambda r: [call(r(2, 3), 2.0, 1), call(r(2, 3), 1.0, 0)]))
def normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask=None):
    """The elements over the norm, along `dim`, of those where the mask holds; 0 outside the mask."""
    length = _norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _filled(input, mask, 0) / length.clamp(min=eps)
