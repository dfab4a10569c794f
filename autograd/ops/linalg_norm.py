"""Norms and distances. Where a norm is not differentiable its gradient is PyTorch's subgradient: 0 at 0, shared at ties."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._array import Array, wrap_dim, wrap_dims
from .._dtype import as_dtype
from .._inplace import write_out
from .._op import composite, op
from .._samples import call, cases
from ._matrix import check_floating, check_matrix, check_square, mT, raw
from .cast import _to_copy
from .compare import nothing, where
from .linalg_decompose import svdvals
from .linalg_solve import _inv_ex
from .pointwise import abs, sgn
from .reduce import amax, amin, sum
from .shape import movedim, reshape, unsqueeze

_NORMS = cases(
    lambda r: [
        call(r(3, 4)),
        call(r(3, 4), ord=1, dim=1),
        call(r(2, 3), ord=3, dim=0, keepdim=True),
        call(r(4), ord=math.inf),
        call(r(2, 3), ord=-math.inf, dim=-1),
        call(r(2, 3, 2), ord=1.5, dim=(0, 2)),
        call(r(3, lo=0.5), ord=0.5),
        call(r(4, lo=0.5), ord=-1),
    ]
)


# ---------------------------------------------------------------------------------------------- vectors


def _norm(x: Array, p: float, axes: tuple[int, ...], keepdim: bool) -> Array:
    if p == 2 and x.dtype.kind == "f":
        return np.sqrt(np.sum(x * x, axis=axes, keepdims=keepdim))
    m = np.abs(x)
    if p == 0:
        return np.sum(m != 0, axis=axes, keepdims=keepdim).astype(m.dtype)
    if p == 1:
        return np.sum(m, axis=axes, keepdims=keepdim)
    if math.isinf(p):
        return (np.max if p > 0 else np.min)(m, axis=axes, keepdims=keepdim)
    if p == 2:
        return np.sqrt(np.sum(m * m, axis=axes, keepdims=keepdim))
    return np.sum(m**p, axis=axes, keepdims=keepdim) ** (1.0 / p)


def _check_nonempty(x: Array, p: float, axes: tuple[int, ...]) -> None:
    if (p < 0 or math.isinf(p)) and any(x.shape[a] == 0 for a in axes):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {p} norm on an empty tensor because the operation does not have an identity: "
            f"shape {tuple(x.shape)}"
        )


@op(sample=_NORMS, namespace="linalg", holomorphic=False, quiet=True, wide=True, symbol="‖x‖", caption="× x/‖x‖")
def vector_norm(x, *, ord=2, dim=None, keepdim=False, dtype=None):
    """(Σ |x|^ord)^(1/ord) over `dim`, as vectors; over all elements when dim is None.

    Args:
        ord: any number; inf and -inf are the largest and the smallest modulus, 0 counts what is not zero.
        dtype: convert to it first.

    Note:
        The gradient is 0 where the norm is 0, and is shared equally among several largest (smallest) elements.
    """
    if dtype is not None:
        x = x.astype(as_dtype(dtype).dtype)
    if x.dtype.kind not in "fc" and x.dtype.name != "bfloat16":
        check_floating(x, "linalg.vector_norm")
    axes = wrap_dims(dim, x.ndim)
    _check_nonempty(x, ord, axes)
    return _norm(x, ord, axes, keepdim)


@vector_norm.grad("x")
def _(g, x, out, x_shape, ord, dim, keepdim):
    if not keepdim:
        g, out = _against(g, x_shape, dim), _against(out, x_shape, dim)
    if ord == 0:
        return nothing(x)
    if ord == 1:
        return g * sgn(x)
    if ord == 2:
        return g * _divided(x, out)
    if math.isinf(ord):
        hit = _reached(x, out)
        return sgn(x) * (g / sum(hit, dim=dim, keepdim=True) * hit)
    if ord < 1:
        return sgn(x) * where(raw(x) == 0, 0.0, abs(x) ** (ord - 1)) * g * out ** (1 - ord)
    powers = sgn(x) * abs(x) ** (ord - 1) if ord < 2 else x * abs(x) ** (ord - 2)
    return powers * _divided(g, out ** (ord - 1))


def _against(value: Any, shape: tuple[int, ...], dim: Any) -> Any:
    """A reduced value with its lost axes put back as 1, so that it broadcasts against the input."""
    if dim is None or not shape:
        return value
    axes = wrap_dims(dim, len(shape))
    return reshape(value, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _divided(x: Any, norm: Any) -> Any:
    """x / norm, and 0 where the norm is 0. Differentiated once more it is NaN there, as in PyTorch: there is no slope."""
    zero = raw(norm) == 0
    return where(zero, 0.0, x / norm) if zero.any() else x / norm


def _reached(x: Any, out: Any) -> Any:
    """1 where the modulus is the extreme one, else 0; not differentiated."""
    return (np.abs(raw(x)) == raw(out)).astype(raw(out).dtype)


# ---------------------------------------------------------------------------------------------- matrices


def _cast(x: Any, dtype: Any) -> Any:
    return x if dtype is None else _to_copy(x, dtype=as_dtype(dtype).dtype)


def _check_order(ord: Any) -> None:
    if isinstance(ord, str) and ord not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if not isinstance(ord, str) and math.fabs(ord) not in (1, 2, math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")


@composite(namespace="linalg", sample=cases(lambda r: [
    call(r(3, 4)), call(r(2, 3, 3), "nuc"), call(r(3, 4), 2), call(r(2, 3, 2), 1), call(r(3, 4), -math.inf),
    call(r(2, 3, 2), -2, dim=(0, 2), keepdim=True), call(r(3, 4), math.inf), call(r(3, 3), -1)]))  # fmt: skip
def matrix_norm(input, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """Norms of matrices.

    Args:
        ord: "fro" (root of the sum of squares), "nuc" (sum of singular values), 2 and -2 (largest and smallest singular
            value), 1 and -1 (largest and smallest sum of a column's moduli), inf and -inf (of a row's).
        dim: the two axes of the matrices.
    """
    _check_order(ord)
    x = _cast(input, dtype)
    if ord in ("nuc", 2, -2) or x.ndim < 2:  # singular values; the others are sums and maxima, also of float16
        check_matrix(x, "linalg.matrix_norm")
    dim = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {list(dim)}")
    rows, columns = (wrap_dim(d, input.ndim) for d in dim)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got {dim}")
    if ord == "fro":
        return vector_norm(x, ord=2, dim=(rows, columns), keepdim=keepdim)
    result = _matrix_norm(movedim(x, (rows, columns), (-2, -1)), ord)
    if not keepdim:
        return result
    first, second = sorted((rows, columns))
    return unsqueeze(unsqueeze(result, first), second)


def _matrix_norm(x: Any, ord: Any) -> Any:
    if ord == "nuc":
        return sum(svdvals(x), dim=-1)
    extreme = amax if ord > 0 else amin
    values = svdvals(x) if ord in (2, -2) else vector_norm(x, ord=1, dim=-2 if ord in (1, -1) else -1)
    if ord > 0 and not values.shape[-1]:  # the largest of no moduli is 0
        extreme = sum
    return extreme(values, dim=-1)


# ---------------------------------------------------------------------------------------------- either


def _as_dims(dim: Any) -> tuple | None:
    return None if dim is None else tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)


@composite(
    namespace="linalg",
    name="norm",
    sample=cases(
        lambda r: [
            call(r(3, 4)),
            call(r(3)),
            call(r(3, 4), 2),
            call(r(3, 4), "nuc"),
            call(r(2, 3, 4), 1, 1),
            call(r(2, 3, 4), 1, (0, 1), keepdim=True),
        ]
    ),
)
def linalg_norm(input, ord=None, dim=None, keepdim=False, *, dtype=None):
    """A vector norm or a matrix norm, by the shape of the input and of `dim`.

    Args:
        ord: as in `vector_norm` when `dim` is one axis or the input has one; as in `matrix_norm` when `dim` is two axes
            or the input has two. None: the root of the sum of squares of everything.
    """
    dims = _as_dims(dim)
    if ord is None:
        return vector_norm(input, ord=2, dim=dims, keepdim=keepdim, dtype=dtype)
    if dims is None and input.ndim not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. "
            f"Got {input.ndim}D: {tuple(input.shape)}"
        )
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if isinstance(ord, str) or len(dims or input.shape) == 2:
        return matrix_norm(input, ord, dims or (-2, -1), keepdim, dtype=dtype)
    return vector_norm(input, ord=ord, dim=dims, keepdim=keepdim, dtype=dtype)


@composite(
    sample=cases(
        lambda r: [
            call(r(3, 4)),
            call(r(3, 4), 1),
            call(r(2, 3, 4), "fro", (0, 1)),
            call(r(3, 4), "nuc"),
            call(r(3, 4), 3, 1, True),
            call(r(3, 4), dim=1),
        ]
    )
)
def norm(input, p="fro", dim=None, keepdim=False, out=None, dtype=None):
    """(Σ |x|^p)^(1/p) over `dim`, or over everything: the elements as one vector, whatever the shape.

    Args:
        p: a number, inf, -inf, "fro" (2), or "nuc" (sum of singular values, over two axes).

    Note:
        The gradient is 0 where the norm is 0.
    """
    result = _of_kind(input, p, _as_dims(dim), keepdim, dtype)
    return result if out is None else write_out("norm", out, result)


def _of_kind(input, p, dims, keepdim, dtype):
    if p == "nuc":
        return matrix_norm(input, "nuc", (-2, -1) if dims is None else dims, keepdim, dtype=dtype)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: expected p to be a number, 'fro' or 'nuc', got {p!r}")
    return vector_norm(input, ord=2 if p is None or p == "fro" else p, dim=dims, keepdim=keepdim, dtype=dtype)


@composite(
    namespace="linalg",
    sample=cases(lambda r: [call(r(3, 3)), call(r(2, 3, 4), -2), call(r(3, 3), "fro"), call(r(3, 3), 1)]),
)
def cond(input, p=None):
    """Condition number: norm(A) * norm(inv(A)); for p None, 2 and -2 the ratio of extreme singular values.

    Shape: (*, m, n) -> (*); square unless p is None, 2 or -2. Infinite for singular matrices.
    """
    check_matrix(input, "linalg.cond")
    if p in (None, 2, -2):
        s = svdvals(input)
        return s[..., 0] / s[..., -1] if p != -2 else s[..., -1] / s[..., 0]
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    check_square(input, "linalg.cond")
    inverse, info = _inv_ex(input)
    product = matrix_norm(input, p) * matrix_norm(inverse, p)
    return where(raw(info) != 0, math.inf, product) if np.any(raw(info)) else product


# ---------------------------------------------------------------------------------------------- distances


@composite(sample=cases(lambda r: [call(r(3, 4), r(4)), call(r(3), r(3), 1)]))
def dist(input, other, p=2):
    """The norm of input - other over all elements, broadcasting."""
    return vector_norm(input - other, ord=p)


@op(batch="align", name="_euclidean_distances", namespace="_", method=False, quiet=True,
    sample=cases(lambda r: [call(r(3, 4), r(2, 4)), call(r(2, 3, 2), r(2, 4, 2))]))  # fmt: skip
def _euclidean(x, y, *, by_matmul=False):
    """Distances between the rows of x and of y."""
    if not by_matmul:
        difference = x[..., :, None, :] - y[..., None, :, :]
        return np.sqrt(np.sum(difference * difference, axis=-1))
    rows, columns = np.sum(x * x, axis=-1)[..., :, None], np.sum(y * y, axis=-1)[..., None, :]
    return np.sqrt(np.maximum(rows + columns - 2 * (x @ np.swapaxes(y, -1, -2)), 0))


@_euclidean.grad("x")
def _(g, x, y, out):
    w = _divided(g, out)  # a distance of 0 pulls nowhere
    return x * sum(w, dim=-1, keepdim=True) - w @ y


@_euclidean.grad("y")
def _(g, x, y, out):
    w = mT(_divided(g, out))
    return y * sum(w, dim=-1, keepdim=True) - w @ x


_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


@composite(
    method=False,
    sample=cases(
        lambda r: [
            call(r(3, 4), r(2, 4)),
            call(r(2, 3, 2), r(4, 2), 1),
            call(r(3, 4), r(2, 4), 3.0),
            call(r(3, 4), r(2, 4), math.inf),
        ]
    ),
)
def cdist(x1, x2, p=2.0, compute_mode=_MODES[0]):
    """Distances |x1_i - x2_j| between all pairs of rows, in the p-norm.

    Args:
        p: any number >= 0, or inf.
        compute_mode: with p = 2, multiply matrices (faster, less accurate for near points) always, never, or by
            default when a side has more than 25 rows.

    Shape: (*, P, M), (*, R, M) -> (*, P, R).

    Note:
        The gradient at distance 0 is 0.
    """
    _check_points(x1, x2, p, compute_mode)
    if p == 2:
        large = x1.shape[-2] > 25 or x2.shape[-2] > 25
        return _euclidean(x1, x2, by_matmul=compute_mode == _MODES[1] or (compute_mode == _MODES[0] and large))
    return vector_norm(x1[..., :, None, :] - x2[..., None, :, :], ord=p, dim=-1)


def _check_points(x1: Any, x2: Any, p: float, mode: str) -> None:
    for name, x in (("X1", x1), ("X2", x2)):
        if x.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D: shape {tuple(x.shape)}"
            )
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, got {p}")
    if mode not in _MODES:
        raise ValueError(f"cdist: {mode} is not a valid value for compute_mode; use one of {', '.join(_MODES)}")


@composite(
    inplace=True,
    sample=cases(lambda r: [call(r(3, 4), 2, 0, 1.5), call(r(2, 3, 2), 1, 1, 2.0), call(r(3, 4), math.inf, 0, 0.5)]),
)
def renorm(input, p, dim, maxnorm):
    """Slices along `dim` whose p-norm exceeds `maxnorm`, scaled down to it.

    Note:
        The scale is maxnorm / (norm + 1e-7), as in PyTorch.
    """
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    dim = wrap_dim(dim, input.ndim)
    norms = vector_norm(input, ord=p, dim=[d for d in range(input.ndim) if d != dim], keepdim=True)
    factor = where(raw(norms) > maxnorm, maxnorm / (norms + 1e-7), 1.0)
    return input * factor
