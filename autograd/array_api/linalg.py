"""Linear algebra of the standard; the first four are in the main namespace too."""

from __future__ import annotations

from collections import namedtuple
from math import inf

from ._common import axes_of, linalg_ops, ops, pair, tensor
from ._statistics import _reduced, all_long
from ._statistics import sum as _sum

EigResult = namedtuple("EigResult", ("eigenvalues", "eigenvectors"))
EighResult = namedtuple("EighResult", ("eigenvalues", "eigenvectors"))
QrResult = namedtuple("QrResult", ("Q", "R"))
SlogdetResult = namedtuple("SlogdetResult", ("sign", "logabsdet"))
SvdResult = namedtuple("SvdResult", ("U", "S", "Vh"))


def matmul(x1, x2, /):
    """The matrix product over the last two axes."""
    x1, x2 = pair(x1, x2)
    if not (x1.ndim and x2.ndim):
        raise ValueError("matmul: both arrays need at least one axis")
    return ops.matmul(x1, x2)


def matrix_transpose(x, /):
    """The last two axes exchanged."""
    x = tensor(x)
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose: at least two axes are needed, got {x.ndim}")
    return ops.transpose(x, -1, -2)


def tensordot(x1, x2, /, *, axes=2):
    """Sums of products over several axes: the last `axes` of x1 with the first of x2, or two sequences of axes."""
    x1, x2 = pair(x1, x2)
    dims = axes if isinstance(axes, int) else tuple(tuple(a) if isinstance(a, (tuple, list)) else (a,) for a in axes)
    return ops.tensordot(x1, x2, dims)


def vecdot(x1, x2, /, *, axis=-1):
    """Dot products along an axis, x1 conjugated."""
    x1, x2 = pair(x1, x2)
    for x in (x1, x2):
        axes_of(axis, x.ndim)
    if x1.shape[axis] != x2.shape[axis]:
        raise ValueError(f"vecdot: lengths {x1.shape[axis]} and {x2.shape[axis]} along axis {axis} differ")
    first = ops.conj(x1) if x1.is_complex() else x1
    return _sum(first * x2, axis=axis, dtype=x1.dtype)


def cholesky(x, /, *, upper=False):
    """The triangular factor L of x = L Lᴴ."""
    return linalg_ops.cholesky(tensor(x), upper=upper)


def cross(x1, x2, /, *, axis=-1):
    """The vector product of three-vectors along an axis."""
    x1, x2 = pair(x1, x2)
    if not (x1.ndim and x2.ndim) or x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(f"cross: axis {axis} must have length 3, got shapes {tuple(x1.shape)} and {tuple(x2.shape)}")
    x1, x2 = ops.broadcast_tensors(x1, x2)
    return linalg_ops.cross(x1, x2, dim=axis)


def det(x, /):
    """The determinant."""
    return linalg_ops.det(tensor(x))


def diagonal(x, /, *, offset=0):
    """The diagonal of the last two axes."""
    return ops.diagonal(tensor(x), offset, -2, -1)


def eig(x, /):
    """Eigenvalues and eigenvectors, complex."""
    return EigResult(*linalg_ops.eig(tensor(x)))


def eigh(x, /):
    """Eigenvalues, ascending, and eigenvectors of a symmetric or Hermitian matrix."""
    return EighResult(*linalg_ops.eigh(tensor(x)))


def eigvals(x, /):
    """Eigenvalues, complex."""
    return linalg_ops.eigvals(tensor(x))


def eigvalsh(x, /):
    """Eigenvalues, ascending, of a symmetric or Hermitian matrix."""
    return linalg_ops.eigvalsh(tensor(x))


def inv(x, /):
    """The inverse."""
    return linalg_ops.inv(tensor(x))


def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """A norm of the matrices in the last two axes."""
    x = tensor(x)
    if x.ndim > 1 and 0 in x.shape[-2:] and not (isinstance(ord, (int, float)) and ord < 0):
        return _sum(ops.abs(x), axis=(-2, -1), keepdims=keepdims)  # every norm of nothing is 0
    return linalg_ops.matrix_norm(x, ord=ord, keepdim=keepdims)


def matrix_power(x, n, /):
    """The n-th power of square matrices, of the inverse for negative n."""
    return linalg_ops.matrix_power(tensor(x), n)


def matrix_rank(x, /, *, rtol=None):
    """The number of singular values above rtol times the largest."""
    x = tensor(x)
    if x.ndim < 2:
        raise ValueError(f"matrix_rank: at least two axes are needed, got {x.ndim}")
    return linalg_ops.matrix_rank(x) if rtol is None else linalg_ops.matrix_rank(x, rtol=rtol)


def outer(x1, x2, /):
    """Every element of one vector times every element of the other."""
    x1, x2 = pair(x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"outer: two vectors are needed, got {x1.ndim} and {x2.ndim} axes")
    return ops.unsqueeze(x1, 1) * ops.unsqueeze(x2, 0)


def pinv(x, /, *, rtol=None):
    """The Moore-Penrose inverse, without singular values below rtol times the largest."""
    return linalg_ops.pinv(tensor(x)) if rtol is None else linalg_ops.pinv(tensor(x), rtol=rtol)


def qr(x, /, *, mode="reduced"):
    """Orthonormal Q and triangular R with x = Q R."""
    return QrResult(*linalg_ops.qr(tensor(x), mode=mode))


def slogdet(x, /):
    """Sign and logarithm of the absolute value of the determinant."""
    return SlogdetResult(*linalg_ops.slogdet(tensor(x)))


def solve(x1, x2, /):
    """The x with x1 x = x2; x2 is one vector when it has one axis, else matrices."""
    x1, x2 = pair(x1, x2)
    if x2.ndim == 1:
        return ops.squeeze(linalg_ops.solve(x1, ops.unsqueeze(x2, 1)), -1)
    lead = ops.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
    return linalg_ops.solve(*(ops.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (x1, x2)))


def svd(x, /, *, full_matrices=True):
    """U, S, Vh with x = U diag(S) Vh."""
    return SvdResult(*linalg_ops.svd(tensor(x), full_matrices=full_matrices))


def svdvals(x, /):
    """Singular values, descending."""
    return linalg_ops.svdvals(tensor(x))


def trace(x, /, *, offset=0, dtype=None):
    """The sum of the diagonal of the last two axes."""
    return _sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """A norm of vectors along one or several axes, of all elements when none is named."""
    x = tensor(x)
    if ord == inf and not all_long(x.shape, axes_of(axis, x.ndim)):
        return _sum(ops.abs(x), axis=axis, keepdims=keepdims)
    return _reduced(x, axis, keepdims, lambda x, axes, keep: linalg_ops.vector_norm(x, ord, axes, keep))


__all__ = ["cholesky", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv", "matmul", "matrix_norm",
           "matrix_power", "matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals",
           "tensordot", "trace", "vecdot", "vector_norm"]  # fmt: skip
