"""Lengths and angles of vectors: normalize, cosine similarity, distances of pairs; linear and bilinear maps."""

from __future__ import annotations

import math

import numpy as np

from .._array import wrap_dim
from .._op import composite, op
from .._samples import call, cases
from ._products import LIGHT, product

_F = "nn.functional"


@op(name="_length", symbol="‖·‖", caption="× x/‖x‖", method=False, namespace="_", quiet=True, wide=True, holomorphic=False,
    sample=cases(lambda r: [
    call(r(2, 3), p=2.0, dim=1), call(r(2, 3), p=1.0, dim=0), call(r(3, 4), p=3.5, dim=-1), call(r(4), p=math.inf, dim=0),
    call(r(3, 4), p=1.5, dim=0), call(r(4), p=-math.inf, dim=0)]))  # fmt: skip
def length(x, *, p, dim):
    """(Σ |x|^p)^(1/p) along `dim`, which stays with length one. Its gradient at 0 is 0."""
    size = np.abs(x)
    if p == 2:
        return np.sqrt(np.sum(size * size, axis=dim, keepdims=True))
    if p == 1:
        return np.sum(size, axis=dim, keepdims=True)
    if p == math.inf:
        return np.max(size, axis=dim, keepdims=True)
    if p == -math.inf:
        return np.min(size, axis=dim, keepdims=True)
    if p == 0:
        return np.sum(x != 0, axis=dim, keepdims=True).astype(size.dtype)
    return np.sum(size**p, axis=dim, keepdims=True) ** (1.0 / p)


@length.grad("x")
def _(g, x, out, p, dim):
    if p == 0:
        return None
    if p == 1:
        return g * sgn(x)
    if math.isinf(p):
        hit = abs(x) == out
        return where(hit, g * sgn(x) / sum(hit, dim=dim, keepdim=True), 0.0)
    zero = out == 0
    scale = where(zero, 0.0, g / where(zero, 1.0, out))
    if p == 2:
        return scale * x
    nonzero = where(x == 0, 1.0, abs(x))
    ratio = nonzero / where(zero, 1.0, out)
    # |x| ^ (p-1) / ‖x‖ ^ (p-1) as a power of the ratio: neither factor can overflow alone.
    return where(x == 0, 0.0, where(zero, 0.0, g) * sgn(x) * ratio ** (p - 1.0))


def _pairs(name, x, y):
    if x.dtype.is_complex or y.dtype.is_complex or (x.dtype.is_floating_point and y.dtype.is_floating_point):
        return
    raise RuntimeError(
        f"{name}: expected common dtype to be floating point, yet common dtype is {x.dtype!r}, {y.dtype!r}"
    )


@composite(namespace=_F)
def normalize(input, p=2.0, dim=1, eps=1e-12):
    """input / max(‖input‖_p, eps) along `dim`.

    Note:
        Where the norm is below eps the result is input / eps, and the gradient there is 0 rather than 1/eps.
    """
    if not input.ndim:
        wrap_dim(dim, 0)
        return reshape(_normalized(reshape(input, (1,)), p, 0, eps), ())
    return _normalized(input, p, dim, eps)


def _normalized(input, p, dim, eps):
    dim = tuple(wrap_dim(d, input.ndim) for d in dim) if isinstance(dim, (tuple, list)) else wrap_dim(dim, input.ndim)
    size = length(input, p=p, dim=dim)
    tiny = size._data < eps
    if not np.any(tiny):
        return input / clamp(size, min=eps)
    # Too short to have a direction: the slope 1/eps would only blow up whatever comes below.
    held = where(wrap(tiny), input.detach(), input)
    return held / clamp(size, min=eps)


@composite(namespace=_F)
def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along `dim`: the cosine of the angle between them.

    Shape: x1 and x2 broadcast; the result lacks `dim`.
    """
    _pairs("cosine_similarity", x1, x2)
    x1, x2 = broadcast_tensors(x1, x2)
    dim = wrap_dim(dim, x1.ndim)
    if not x1.ndim:
        x1, x2 = reshape(x1, (1,)), reshape(x2, (1,))
    left = x1 / clamp(length(x1, p=2.0, dim=dim), min=eps)
    right = x2 / clamp(length(x2, p=2.0, dim=dim), min=eps)
    return sum(left * right, dim=dim)


@composite(namespace=_F)
def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """‖x1 - x2 + eps‖_p along the last axis. Shape: (N, D), (N, D) -> (N), or (N, 1) with keepdim."""
    difference = x1 - x2 + eps
    out = length(difference, p=p, dim=-1)
    return out if keepdim else squeeze(out, -1)


@composite(namespace=_F)
def pdist(input, p=2.0):
    """The distance of every pair of rows: the upper triangle of cdist(input, input), as a vector.

    Shape: (N, M) -> (N (N-1) / 2)
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    n = input.shape[0]
    rows, columns = np.triu_indices(n, 1)
    difference = input[rows] - input[columns]
    if not rows.size or not input.shape[1]:
        return sum(difference, dim=1)
    if p == 0:  # a count, whose gradient is 0 and not missing
        return sum(difference != 0, dim=1).to(input.dtype) + sum(nothing(difference), dim=1)
    return squeeze(length(difference, p=p, dim=1), 1)


# ---------------------------------------------------------------------------------------------- linear maps


@op(name="_linear", symbol="Wx+b", caption="∂x = g·W, ∂W = gᵀ·x, ∂b = Σg", method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 3), r(4, 3), r(4)), call(r(3), r(4, 3)), call(r(2, 5, 3), r(4, 3), r(4)), call(r(3), r(4, 3), r(4)),
    call(r(2, 5, 3), r(1, 3))]))  # fmt: skip
def _linear(x, weight, bias=None):
    """x @ weight.T + bias over the last axis, in one node."""
    shape = x.shape
    # NumPy hands BLAS matrices only, never stacks of them. (-1 cannot be inferred where there is nothing.)
    rows = x if len(shape) < 3 else x.reshape(-1 if x.size else math.prod(shape[:-1]), shape[-1])
    y = rows.dot(weight.T) if rows.size * len(weight) < LIGHT else product(rows, weight.T)
    if bias is not None:
        y += bias
    return y if rows is x else y.reshape(*shape[:-1], -1 if y.size else weight.shape[0])


@_linear.grad("x")
def _(g, weight):
    return matmul(g, weight)


@_linear.grad("weight")
def _(g, x):
    if x.ndim == 1:
        return unsqueeze(g, 1) * x
    if x.ndim > 2:
        g, x = _rows(g), _rows(x)
    return _joined(g, x)


# One operation, so that a recorded backward pass keeps one node for a weight's gradient instead of two.
@op(name="_joined", symbol="gᵀ x", caption="∂g = x·Gᵀ, ∂x = g·G", method=False, namespace="_", sample=cases(lambda r: [
    call(r(5, 2), r(5, 3)), call(r(1, 4), r(1, 1))]))  # fmt: skip
def _joined(x, y):
    """xᵀ y: the products of two matrices' rows, summed over the rows."""
    return x.T.dot(y) if type(x) is type(y) is np.ndarray else np.matmul(np.transpose(x), y)


@_joined.grad("x")
def _(g, y):
    return matmul(y, g.T)


@_joined.grad("y")
def _(g, x):
    return matmul(x, g)


@_linear.grad("bias")
def _(g):
    return g if g.ndim == 1 else sum(_rows(g) if g.ndim > 2 else g, dim=0)


@_linear.fast
def _(g, x, weight, needs):
    rows, given = (g, x) if x.ndim == 2 else (g.reshape(-1, g.shape[-1]), x.reshape(-1, x.shape[-1]))
    gx = product(rows, weight) if needs[0] else None
    if gx is not None and rows is not g:
        gx = gx.reshape(x.shape)
    gw = product(rows.T, given) if needs[1] else None
    return gx, gw, column_sums(rows) if needs[2] else None


def _rows(x):
    return reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


@composite(namespace=_F)
def linear(input, weight, bias=None):
    """input @ weight.T + bias: every output a weighted sum of the inputs.

    Shape: input (..., in), weight (out, in) or (in), bias (out) -> (..., out), or (...) for a vector weight.

    Raises:
        RuntimeError: the last axis of the input is not as long as the weight's, or the dtypes differ.

    Example:
        >>> import autograd, nn
        >>> x, w, b = autograd.ones(2, 3), autograd.ones(1, 3), autograd.tensor([0.5])
        >>> nn.functional.linear(x, w, b)
        tensor([[3.5000],
                [3.5000]])
    """
    try:
        x, w = input._data, weight._data
        ready = x.ndim and w.ndim == 2 and x.shape[-1] == w.shape[1] and x.dtype is w.dtype
        ready = ready and (bias is None or (bias._data.shape == (w.shape[0],) and bias._data.dtype is x.dtype))
    except AttributeError:
        ready = False
    return _linear(input, weight, bias) if ready else _unusual_linear(input, weight, bias)


def _unusual_linear(input, weight, bias):
    """Vector weights, biases that broadcast, and the errors."""
    from .._tensor import Tensor

    for i, (what, t) in enumerate((("input", input), ("weight", weight), ("bias", bias))):
        if not isinstance(t, Tensor) and not (i == 2 and t is None):
            raise TypeError(f"linear(): argument {what!r} (position {i + 1}) must be Tensor, not {type(t).__name__}")
    if input.dtype != weight.dtype or (bias is not None and bias.dtype != input.dtype):
        raise RuntimeError(
            f"linear: expected m1 and m2 to have the same dtype, but got: {input.dtype!r} != {weight.dtype!r}"
            if input.dtype != weight.dtype
            else f"linear: expected bias to have the dtype of the input, {input.dtype!r}, but got {bias.dtype!r}"
        )
    if not input.ndim or not weight.ndim or weight.ndim > 2:
        raise RuntimeError(
            f"linear: both arguments to linear need to be at least 1D (weight at most 2D), they are {input.ndim}D "
            f"and {weight.ndim}D"
        )
    if input.shape[-1] != weight.shape[-1]:
        rows = math.prod(input.shape[:-1])
        columns = f"{weight.shape[1]}x{weight.shape[0]}" if weight.ndim == 2 else f"{weight.shape[0]}"
        raise RuntimeError(
            f"linear: mat1 and mat2 shapes cannot be multiplied ({rows}x{input.shape[-1]} and {columns}): input "
            f"{tuple(input.shape)} has {input.shape[-1]} features on its last axis, weight {tuple(weight.shape)} "
            f"expects {weight.shape[-1]}"
        )
    y = matmul(input, transpose(weight, 0, 1) if weight.ndim == 2 else weight)
    return y if bias is None else y + bias


@composite(namespace=_F)
def bilinear(input1, input2, weight, bias=None):
    """y[k] = input1 · weight[k] · input2 + bias[k].

    Shape: input1 (*, H1), input2 (*, H2), weight (out, H1, H2), bias (out) -> (*, out)
    """
    if input1.ndim != input2.ndim:
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.ndim} and {input2.ndim}")
    if tuple(input1.shape[:-1]) != tuple(input2.shape[:-1]):
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match: got {tuple(input1.shape[:-1])} and "
            f"{tuple(input2.shape[:-1])}"
        )
    for i, t in ((1, input1), (2, input2)):
        if t.shape[-1] != weight.shape[i]:
            raise RuntimeError(
                f"bilinear(): input{i} size does not match weight size: got {t.shape[-1]} but expected "
                f"{weight.shape[i]}"
            )
    if bias is not None and bias.shape[0] != weight.shape[0]:
        raise RuntimeError(
            f"bilinear(): bias size does not match weight size: got {bias.shape[0]} but expected {weight.shape[0]}"
        )
    n, h1, h2 = math.prod(input1.shape[:-1]), input1.shape[-1], input2.shape[-1]
    filters = weight.shape[0]
    left = matmul(reshape(input1, (n, h1)), reshape(permute(weight, (1, 0, 2)), (h1, filters * h2)))
    y = sum(reshape(left, (n, filters, h2)) * reshape(input2, (n, 1, h2)), dim=2)
    y = reshape(y, (*input1.shape[:-1], filters))
    return y if bias is None else y + bias


from .._tensor import wrap  # noqa: E402
from .compare import nothing, where  # noqa: E402
from .matmul import matmul  # noqa: E402
from .pointwise import abs, clamp, sgn  # noqa: E402
from .reduce import column_sums, sum  # noqa: E402
from .shape import broadcast_tensors, permute, reshape, squeeze, transpose, unsqueeze  # noqa: E402
