"""LU, LDL and Householder factorisations, in compact form and unpacked."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._array import Array
from .._dtype import int32
from .._extras import require
from .._op import composite, op
from .._samples import call, cases
from ._elimination import eliminate, permutation
from ._matrix import (
    LinAlgError,
    adjoint,
    batch_text,
    check_matrix,
    check_square,
    eye_like,
    first_failure,
    mT,
    raw,
    result_type,
)
from .diagonals import tril, triu
from .join import cat
from .linalg_solve import check_same_dtype, solve_matrix, solve_triangular

_LINALG: dict[str, Any] = {"namespace": "linalg", "holomorphic": False, "quiet": True}
_PRIVATE: dict[str, Any] = {"namespace": "_", "method": False, "holomorphic": False, "quiet": True}

LuFactor = result_type("lu_factor", ("LU", "pivots"))
LuFactorEx = result_type("lu_factor_ex", ("LU", "pivots", "info"))
Lu = result_type("lu", ("P", "L", "U"))
LdlFactor = result_type("ldl_factor", ("LD", "pivots"))
LdlFactorEx = result_type("ldl_factor_ex", ("LD", "pivots", "info"))


# ---------------------------------------------------------------------------------------------- LU


@op(name="_pivots_to_matrix", **_PRIVATE)
def _pivots_to_matrix(pivots, LU):
    """The permutation matrix P with A = P L U, in the dtype of LU."""
    m = LU.shape[-2]
    order = permutation(pivots, m)
    return np.swapaxes((order[..., None] == np.arange(m)).astype(LU.dtype), -1, -2)


@op(batch="align", sample=cases(lambda r: [call(r(3, 3)), call(r(2, 2, 4)), call(r(4, 2))]), name="_lu_factor", aux=("pivots",),
    result_name="LU", **_PRIVATE)  # fmt: skip
def _lu_factor(A):
    """Compact LU factors and pivots."""
    return eliminate(A)


def _unpack(LU: Any) -> tuple[Any, Any]:
    """L with its unit diagonal, and U."""
    m, n = LU.shape[-2:]
    k = min(m, n)
    return tril(LU[..., :k], -1) + eye_like(raw(LU), m, k), triu(LU[..., :k, :])


@_lu_factor.grad("A")
def _(g, out, pivots):
    m, n = out.shape[-2:]
    k = min(m, n)
    L, U = _unpack(out)
    top_L, left_U = L[..., :k, :], U[..., :k]
    gL, gU = tril(g[..., :k], -1), triu(g[..., :k, :])
    # Outside the leading square lies L2 = A2 U⁻¹ below it or U2 = L⁻¹ A2 beside it; one of the two is empty.
    below = solve_triangular(adjoint(left_U), gL[..., k:, :], upper=False, left=False)
    beside = solve_triangular(adjoint(top_L), gU[..., k:], upper=True, unitriangular=True)
    gL = gL[..., :k, :] - beside @ adjoint(U[..., k:])
    gU = gU[..., :k] - adjoint(L[..., k:, :]) @ below
    inner = tril(adjoint(top_L) @ gL, -1) + triu(gU @ adjoint(left_U))
    inner = solve_triangular(adjoint(left_U), inner, upper=False, left=False)
    inner = solve_triangular(adjoint(top_L), inner, upper=True, unitriangular=True)
    whole = cat([inner, below], -2) if m > k else cat([inner, beside], -1)
    return _pivots_to_matrix(pivots, out) @ whole


@op(batch="align", name="_info", **_PRIVATE)
def _info(LU):
    """Per matrix, 1 plus the index of the first zero on the diagonal (0: none)."""
    zeros = np.diagonal(LU, axis1=-2, axis2=-1) == 0
    if not zeros.shape[-1]:
        return np.zeros_like(LU, shape=LU.shape[:-2], dtype=np.int32)
    return np.where(zeros.any(-1), np.argmax(zeros, axis=-1) + 1, 0).astype(np.int32)


def _check_pivot(pivot: bool, name: str) -> None:
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU; use pivot=True")


@composite(namespace="linalg")
def lu_factor_ex(A, *, pivot=True, check_errors=False):
    """Compact LU factors, pivots, and `info`: 0, or 1 plus the index of the first zero pivot."""
    check_matrix(A, "linalg.lu_factor_ex")
    _check_pivot(pivot, "linalg.lu_factor")
    LU, pivots = _lu_factor(A)
    info = _info(LU)
    found = first_failure(raw(info)) if check_errors else None
    if found is not None:
        raise LinAlgError(
            f"linalg.lu_factor_ex: {batch_text(found[0], info.shape)}U[{found[1]},{found[1]}] is zero and using it on "
            "lu_solve would result in a division by zero. If you still want to perform the factorization, consider calling "
            "linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
        )
    return LuFactorEx(LU, pivots, info)


@composite(namespace="linalg", sample=cases(lambda r: [call(r(3, 3)), call(r(2, 2, 4))]))
def lu_factor(A, *, pivot=True):
    """Compact LU factors of A = P L U and the pivots: row i was swapped with row pivots[i] (counted from 1).

    Shape: (*, m, n) -> LU (*, m, n), pivots (*, min(m, n)) int32.
    """
    check_matrix(A, "linalg.lu_factor")
    _check_pivot(pivot, "linalg.lu_factor")
    return LuFactor(*_lu_factor(A))


@composite(namespace="linalg", sample=cases(lambda r: [call(r(3, 3)), call(r(2, 2, 4)), call(r(4, 2))]))
def lu(A, *, pivot=True):
    """A = P L U: a permutation, L with unit diagonal, U upper triangular.

    Shape: (*, m, n) -> P (*, m, m), L (*, m, k), U (*, k, n) with k = min(m, n).
    """
    check_matrix(A, "linalg.lu")
    _check_pivot(pivot, "linalg.lu")
    LU, pivots = _lu_factor(A)
    return Lu(_pivots_to_matrix(pivots, LU), *_unpack(LU))


@composite(sample=cases(lambda r: [call(*_factored(r, 3, 3)), call(*_factored(r, 2, 2, 4))]))
def lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True):
    """P, L and U from what `linalg.lu_factor` gives; parts that are not asked for are empty."""
    if LU_pivots.dtype not in (np.int32, int32):
        raise RuntimeError(
            f"torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype, got {LU_pivots.dtype}"
        )
    empty = LU_data[..., :0, :0]
    P = _pivots_to_matrix(LU_pivots, LU_data) if unpack_pivots else empty
    return Lu(P, *(_unpack(LU_data) if unpack_data else (empty, empty)))


def _factored(r: Any, *shape: int) -> tuple[Array, Array]:
    return eliminate(r(*shape) + 4 * np.eye(shape[-2], shape[-1]))


@composite(namespace="linalg", sample=cases(lambda r: [
    call(*_factored(r, 3, 3), r(3, 2)), call(*_factored(r, 2, 2, 2), r(2, 2, 1), adjoint=True),
    call(*_factored(r, 3, 3), r(2, 3), left=False)]))  # fmt: skip
def lu_solve(LU, pivots, B, *, left=True, adjoint=False):
    """X with A X = B, given A's compact LU factors.

    Args:
        left: solve X A = B when False.
        adjoint: solve with Aᴴ in place of A.
    """
    check_square(LU, "linalg.lu_solve", "LU")
    check_same_dtype(LU, B, "linalg.lu_solve")
    if LU.shape[-1] != B.shape[-2 if left else -1]:
        raise RuntimeError(
            f"linalg.lu_solve: Incompatible shapes of A and B for the equation {'AX' if left else 'XA'} = B "
            f"({LU.shape[-2]}x{LU.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    P = _pivots_to_matrix(pivots, LU)
    if not left:  # X A = B is Aᴴ Xᴴ = Bᴴ
        return _adjoint(_lu_solve(LU, P, _adjoint(B), not adjoint))
    return _lu_solve(LU, P, B, adjoint)


_adjoint = adjoint  # `lu_solve` has a parameter of that name


def _lu_solve(LU: Any, P: Any, B: Any, adjointed: bool) -> Any:
    if adjointed:
        half = solve_triangular(adjoint(LU), B, upper=False)
        return P @ solve_triangular(adjoint(LU), half, upper=True, unitriangular=True)
    half = solve_triangular(LU, mT(P) @ B, upper=False, unitriangular=True)
    return solve_triangular(LU, half, upper=True)


# ---------------------------------------------------------------------------------------------- LDL


def _ldl_one(a: Array, hermitian: bool) -> tuple[Array, Array, int]:
    lapack = require("scipy.linalg", extra="scipy", purpose="linalg.ldl_factor").lapack
    kind = "hetrf" if hermitian and a.dtype.kind == "c" else "sytrf"
    routine = {"f": "s", "d": "d", "F": "c", "D": "z"}[a.dtype.char] + kind
    LD, pivots, info = getattr(lapack, routine)(a, lower=1)
    return np.tril(LD), pivots, info


@op(batch="align", name="_ldl_factor", aux=("pivots", "info"), result_name="LD", **_PRIVATE)
def _ldl_factor(x, *, hermitian=False):
    """Compact LDL factors by LAPACK's Bunch-Kaufman routine, from the lower triangle."""
    LD = np.zeros_like(x)
    pivots = np.zeros_like(x, shape=x.shape[:-1], dtype=np.int32)
    info = np.zeros_like(x, shape=x.shape[:-2], dtype=np.int32)
    for index in np.ndindex(*x.shape[:-2]):
        LD[index], pivots[index], info[index] = _ldl_one(x[index], hermitian)
    return LD, pivots, info


@composite(namespace="linalg")
def ldl_factor_ex(input, *, hermitian=False, check_errors=False):
    """Compact LDL factors, pivots and `info` of a symmetric (or Hermitian) matrix. Needs SciPy; no gradient."""
    check_square(input, "linalg.ldl_factor_ex")
    LD, pivots, info = _ldl_factor(input, hermitian=hermitian)
    found = first_failure(raw(info)) if check_errors else None
    if found is not None:
        raise LinAlgError(
            f"linalg.ldl_factor_ex: {batch_text(found[0], info.shape)}D[{found[1]},{found[1]}] is zero, the matrix is singular"
        )
    return LdlFactorEx(LD, pivots, info)


@composite(namespace="linalg")
def ldl_factor(input, *, hermitian=False):
    """Compact LDL factors and pivots of a symmetric (or Hermitian) matrix, for `ldl_solve`. Needs SciPy; no gradient."""
    check_square(input, "linalg.ldl_factor")
    return LdlFactor(*_ldl_factor(input, hermitian=hermitian)[:2])


def _ldl_blocks(LD: Array, pivots: Array, hermitian: bool) -> tuple[Array, Array]:
    """One compact factor as M and D with A = M D Mᴴ (Mᵀ unless `hermitian`); D has blocks of 1 or 2 rows."""
    n = LD.shape[-1]
    M, D, k = eye_like(LD, n), np.zeros_like(LD), 0
    flip = np.conj if hermitian else np.asarray
    while k < n:
        size = 1 if pivots[k] > 0 else 2
        at, last = slice(k, k + size), k + size - 1
        D[at, at] = np.tril(LD[at, at])
        D[at, at] += flip(np.tril(LD[at, at], -1)).T
        swapped = abs(int(pivots[k])) - 1
        M[:, [last, swapped]] = M[:, [swapped, last]]
        M[:, at] += M[:, k + size :] @ LD[k + size :, at]
        k += size
    return M, D


@op(batch="align", name="_ldl_matrix", **_PRIVATE)
def _ldl_matrix(LD, pivots, *, hermitian=False):
    """The matrix A that was factored."""
    A = np.zeros_like(LD)
    for index in np.ndindex(*LD.shape[:-2]):
        M, D = _ldl_blocks(LD[index], pivots[index], hermitian)
        A[index] = M @ D @ (np.conj(M.T) if hermitian else M.T)
    return A


@composite(namespace="linalg")
def ldl_solve(LD, pivots, B, *, hermitian=False):
    """X with A X = B, given A's compact LDL factors; differentiable in B alone, as in PyTorch."""
    check_square(LD, "linalg.ldl_solve", "LD")
    if B.ndim < 2:
        raise RuntimeError(
            f"linalg.ldl_solve: Expected B to have at least 2 dimensions, but it has {B.ndim}: shape {tuple(B.shape)}"
        )
    check_same_dtype(LD, B, "linalg.ldl_solve")
    return solve_matrix(_ldl_matrix(LD, pivots, hermitian=hermitian), B)
