"""Products of vectors and matrices, Vandermonde matrices, covariances, block-diagonal matrices."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .._op import composite, op
from .._samples import call, cases
from ._matrix import conjugate, is_complex, raw
from .complex import complex_, imag, real
from .diagonals import diagonal
from .join import cat
from .matmul import matmul as _matmul
from .pointwise import clamp, sqrt
from .reduce import sum
from .running import cumprod
from .shape import expand, flip, reshape, transpose

# ---------------------------------------------------------------------------------------------- vectors


@op(sample=cases(lambda r: [call(r(4, 3), r(4, 3)), call(r(4, 3, 1), r(4, 3, 2), dim=-2), call(r(1, 3), r(2, 3))]),
    promote="same", name="_cross_product", namespace="_", method=False, holomorphic=False)  # fmt: skip
def _cross(x, y, *, dim=-1):
    """Cross products of vectors of 3 elements along `dim`."""
    (x_next, x_last), (y_next, y_last) = ((np.roll(a, -1, axis=dim), np.roll(a, 1, axis=dim)) for a in (x, y))
    return x_next * y_last - x_last * y_next


@_cross.grad("x")
def _(g, y, dim):
    return _cross(conjugate(y), g, dim=dim)


@_cross.grad("y")
def _(g, x, dim):
    return _cross(g, conjugate(x), dim=dim)


@composite(
    namespace="linalg",
    name="cross",
    sample=cases(lambda r: [call(r(4, 3), r(4, 3)), call(r(4, 3, 1), r(4, 3, 2), dim=-2)]),
)
def linalg_cross(input, other, *, dim=-1):
    """Cross products of vectors of 3 elements along `dim`, broadcasting the rest.

    Shape: (*, 3), (*, 3) -> (*, 3).

    Example:
        >>> import autograd
        >>> autograd.linalg.cross(autograd.tensor([1.0, 0.0, 0.0]), autograd.tensor([0.0, 1.0, 0.0]))
        tensor([0., 0., 1.])
    """
    if input.ndim != other.ndim:
        raise RuntimeError(
            f"linalg.cross: inputs must have the same number of dimensions, got {tuple(input.shape)} and {tuple(other.shape)}"
        )
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and {other.shape[dim]}"
        )
    return _cross(input, other, dim=dim)


@composite(sample=cases(lambda r: [call(r(3, 4), r(3, 4)), call(r(2, 3), r(2, 3), dim=1)]))
def cross(input, other, dim=None):
    """Cross products along `dim`; by default the first axis of length 3."""
    if dim is None:
        found = [i for i, n in enumerate(input.shape) if n == 3]
        if not found:
            raise RuntimeError(f"cross: no dimension of size 3 in input: shape {tuple(input.shape)}")
        dim = found[0]
    return linalg_cross(input, other, dim=dim)


@composite(namespace="linalg", sample=cases(lambda r: [call(r(4, 3), r(4, 3)), call(r(3, 4), r(3, 1), dim=0)]))
def vecdot(x, y, *, dim=-1):
    """sum of conj(x) * y along `dim`, broadcasting the rest."""
    return sum(conjugate(x) * y, dim=dim)


@composite(namespace="linalg", name="diagonal")
def linalg_diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """Diagonals of matrices: `autograd.diagonal` with the last two axes as default."""
    return diagonal(A, offset, dim1, dim2)


@composite(namespace="linalg", name="matmul")
def linalg_matmul(input, other):
    """Alias of `autograd.matmul`."""
    return _matmul(input, other)


# ---------------------------------------------------------------------------------------------- built from vectors


@composite(namespace="linalg", name="vander", sample=cases(lambda r: [call(r(3)), call(r(2, 3), N=5), call(r(3), N=2)]))
def linalg_vander(x, N=None):
    """Rows of powers: (1, x, x², ..., x^(N-1)) for each element.

    Shape: (*, n) -> (*, n, N), N = n by default.
    """
    x = x[None] if x.ndim == 0 else x
    if N is not None and N <= 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, got {N}")
    N = x.shape[-1] if N is None else N
    x = x[..., None]
    factors = cat([x * 0 + 1, expand(x, (*x.shape[:-1], N - 1))], -1)
    return cumprod(factors, dim=-1)


@composite(sample=cases(lambda r: [call(r(3)), call(r(3), N=5, increasing=True), call(r(3), N=1)]))
def vander(x, N=None, increasing=False):
    """Vandermonde matrix of a vector: columns x^(N-1), ..., x, 1; from the right when `increasing`."""
    if x.ndim != 1:
        raise RuntimeError(f"vander: x must be a one-dimensional tensor, got shape {tuple(x.shape)}")
    N = x.shape[0] if N is None else N
    if N < 0:
        raise RuntimeError(f"vander: N must be non-negative, got {N}")
    if N <= 1:
        return (x[:, None] * 0 + 1)[:, :N]
    rows = linalg_vander(x, N)
    return rows if increasing else flip(rows, (-1,))


@composite(sample=cases(lambda r: [call(r(2, 3), r(3, 2)), call(r(2), r(2, 3)), call(r(), r(2, 2))]))
def kron(input, other):
    """Kronecker product: each element of `input` times the whole of `other`.

    Shape: (a_0, ..., a_k), (b_0, ..., b_k) -> (a_0 b_0, ..., a_k b_k); the one with fewer axes gets leading ones.
    """
    n = max(input.ndim, other.ndim)
    a = (1,) * (n - input.ndim) + tuple(input.shape)
    b = (1,) * (n - other.ndim) + tuple(other.shape)
    spread_a = tuple(k for size in a for k in (size, 1))
    spread_b = tuple(k for size in b for k in (1, size))
    product = reshape(input, spread_a) * reshape(other, spread_b)
    return reshape(product, tuple(i * j for i, j in zip(a, b, strict=True)))


@op(sample=cases(lambda r: [call(r(2, 3), r(1, 2)), call(r(3), r(), r(2, 2))]), promote="same", name="_block_diag", namespace="_",
    method=False, linear=True)  # fmt: skip
def _block_diag(*xs):
    """A matrix with the given ones along its diagonal."""
    blocks = [np.reshape(x, _block_shape(x.shape)) for x in xs]
    made = np.zeros_like(blocks[0], shape=np.sum([b.shape for b in blocks], axis=0))
    for block, place in zip(blocks, _places([x.shape for x in xs]), strict=True):
        made[place] = block
    return made


def _block_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (1,) * (2 - len(shape)) + tuple(shape)


def _places(shapes: Any) -> list[tuple[slice, slice]]:
    """Where each block lies."""
    found, row, column = [], 0, 0
    for shape in shapes:
        m, n = _block_shape(shape)
        found.append((slice(row, row + m), slice(column, column + n)))
        row, column = row + m, column + n
    return found


@_block_diag.grad("xs")
def _(g, xs_shape):
    return [reshape(g[place], tuple(shape)) for place, shape in zip(_places(xs_shape), xs_shape, strict=True)]


@composite(method=False)
def block_diag(*tensors):
    """A matrix with the given matrices along its diagonal; vectors count as rows, numbers as 1 by 1."""
    for i, t in enumerate(tensors):
        if t.ndim > 2:
            raise RuntimeError(
                f"block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {t.ndim} dimensions: {tuple(t.shape)}"
            )
    return _block_diag(*tensors)


# ---------------------------------------------------------------------------------------------- covariance


def _weights(input: Any, fweights: Any, aweights: Any) -> Any:
    n = input.shape[1]
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is not None and (w.ndim != 1 or w.shape[0] != n):
            raise RuntimeError(
                f"cov(): expected {name} to have {n} elements, one per observation, got shape {tuple(w.shape)}"
            )
        whole = w is None or raw(w).dtype.kind in "iu"
        if w is not None and whole != (name == "fweights"):
            kind = "integral" if name == "fweights" else "floating point"
            raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {name} with dtype {raw(w).dtype}")
        if w is not None and np.any(raw(w) < 0):
            raise RuntimeError(f"cov(): {name} cannot be negative")
    if fweights is None or aweights is None:
        return aweights if fweights is None else fweights
    return fweights * aweights


@composite(
    sample=cases(
        lambda r: [
            call(r(3, 5)),
            call(r(4)),
            call(r(3, 5), correction=0),
            call(r(2, 4), fweights=np.array([1, 2, 1, 3])),
        ]
    )
)
def cov(input, *, correction=1, fweights=None, aweights=None):
    """Covariances of variables (rows) over observations (columns): X Xᴴ / (n - correction), X centred.

    Args:
        fweights: how often each observation occurred (integers).
        aweights: relative weight of each observation.

    Shape: (p, n) -> (p, p); (n,) -> ().
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} "
            f"dimensions: {tuple(input.shape)}"
        )
    x = reshape(input, (1, -1)) if input.ndim < 2 else input
    w = _weights(x, fweights, aweights)
    total = x.shape[1] if w is None else sum(w)
    mean = sum(x if w is None else x * w, dim=1, keepdim=True) / total
    norm = total - correction
    if aweights is not None and correction != 0:
        norm = total - correction * sum(w * aweights) / total
    x = x - mean
    weighted = x if w is None else x * w
    product = weighted @ conjugate(transpose(x, 0, 1)) / _at_least_zero(norm)
    return reshape(product, ()) if x.shape[0] == 1 else product


def _at_least_zero(norm: Any) -> Any:
    """Too few observations divide by zero, with PyTorch's warning."""
    if raw(norm) > 0:
        return norm
    warnings.warn(
        "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations.",
        stacklevel=3,
    )
    return norm * 0


@composite(sample=cases(lambda r: [call(r(3, 5)), call(r(2, 6))]))
def corrcoef(input):
    """Correlation coefficients of variables (rows): covariances over the product of standard deviations, within ±1.

    Shape: (p, n) -> (p, p); (n,) -> ().
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.ndim} "
            f"dimensions: {tuple(input.shape)}"
        )
    c = cov(input)
    if c.ndim == 0:
        return c / c
    deviation = sqrt(real(diagonal(c)) if is_complex(c) else diagonal(c))
    c = c / deviation[:, None] / deviation[None, :]
    return _within_one(c)


def _within_one(c: Any) -> Any:
    return clamp(c, -1, 1) if not is_complex(c) else complex_(clamp(real(c), -1, 1), clamp(imag(c), -1, 1))
