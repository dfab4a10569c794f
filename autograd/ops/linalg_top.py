"""PyTorch's older names for linear algebra: functions and methods without the `linalg` in front."""

from __future__ import annotations

import numpy as np

from .._op import composite
from .._samples import call, cases
from . import linalg_decompose, linalg_functions, linalg_lu, linalg_solve
from ._matrix import adjoint, mT, result_type
from .linalg_decompose import _ONE

_SQUARE = cases(lambda r: [call(r(3, 3) + 4 * np.eye(3)), call(r(2, 2, 2) + 4 * np.eye(2))])

SlogDet = result_type("slogdet", ("sign", "logabsdet"))
LuFactor = result_type("_lu_with_info", ("LU", "pivots"))
Qr = result_type("qr", ("Q", "R"))
Svd = result_type("svd", ("U", "S", "V"))
TriangularSolve = result_type("triangular_solve", ("solution", "cloned_coefficient"))


@composite(sample=_SQUARE)
def inverse(input):
    """The inverse of square matrices; see `linalg.inv`."""
    return linalg_solve.inv(input)


@composite(sample=_SQUARE)
def det(input):
    """Determinants of square matrices; see `linalg.det`."""
    return linalg_solve.det(input)


@composite(sample=_SQUARE)
def slogdet(input):
    """Sign and log |det input|; see `linalg.slogdet`."""
    return SlogDet(*linalg_solve.slogdet(input))


@composite(sample=_SQUARE)
def logdet(input):
    """log det input of square matrices: -inf where it is 0, NaN where it is negative."""
    sign, logabs = linalg_solve.slogdet(input)
    return logabs + sign.log()


@composite(sample=_ONE)
def cholesky(input, upper=False):
    """The Cholesky factor; see `linalg.cholesky`."""
    return linalg_decompose.cholesky(input, upper=upper)


@composite(sample=cases(lambda r: [call(r(4, 2)), call(r(2, 2, 3))]))
def qr(input, some=True):
    """Q and R; square Q unless `some`. See `linalg.qr`."""
    return Qr(*linalg_decompose.qr(input, mode="reduced" if some else "complete"))


def _zero_matrix(input, n):
    return input.new_zeros((*input.shape[:-2], n, n))


@composite(sample=cases(lambda r: [call(r(3, 3)), call(r(4, 2))]))
def svd(input, some=True, compute_uv=True):
    """U, S, V with input = U diag(S) Vᴴ (V, not Vᴴ as in `linalg.svd`); square U and V unless `some`."""
    if not compute_uv:
        m, n = input.shape[-2:]
        return Svd(_zero_matrix(input, m), linalg_decompose.svdvals(input), _zero_matrix(input, n))
    U, S, Vh = linalg_decompose.svd(input, full_matrices=not some)
    return Svd(U, S, adjoint(Vh))


@composite(sample=_SQUARE)
def matrix_exp(input):
    """The exponential of square matrices; see `linalg.matrix_exp`."""
    return linalg_functions.matrix_exp(input)


@composite(sample=cases(lambda r: [call(r(3, 3), 2)]))
def matrix_power(input, n):
    """Integer powers of square matrices; see `linalg.matrix_power`."""
    return linalg_functions.matrix_power(input, n)


@composite(sample=cases(lambda r: [call(r(3, 3))]))
def lu(input, pivot=True, get_infos=False):
    """Compact LU factors and pivots (and `info` when `get_infos`); see `linalg.lu_factor`."""
    found = linalg_lu.lu_factor_ex(input, pivot=pivot)
    return found if get_infos else LuFactor(found.LU, found.pivots)


@composite(sample=cases(lambda r: [call(r(3, 2), *linalg_lu._factored(r, 3, 3))]))
def lu_solve(input, LU_data, LU_pivots):
    """X with A X = input, given A's compact LU factors; see `linalg.lu_solve`."""
    return linalg_lu.lu_solve(LU_data, LU_pivots, input)


@composite(
    sample=cases(
        lambda r: [call(r(3, 2), r(3, 3) + 4 * np.eye(3)), call(r(3, 2), r(3, 3) + 4 * np.eye(3), False, True)]
    )
)
def triangular_solve(input, A, upper=True, transpose=False, unitriangular=False):
    """X with A X = input (Aᵀ X = input when `transpose`), reading one triangle of A; and a copy of A."""
    coefficient = mT(A) if transpose else A
    solution = linalg_solve.solve_triangular(coefficient, input, upper=upper != transpose, unitriangular=unitriangular)
    return TriangularSolve(solution, A.clone())
