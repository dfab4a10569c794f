"""Matrix decompositions: Cholesky, QR, singular values, eigenvalues, LU. All take batches and complex matrices.

The gradients are the usual ones (Giles 2008; Townsend 2016 for singular vectors; Walter and Lehmann 2010 for QR and
eigenvectors), written with adjoints so that they hold for complex matrices. Gradients through singular vectors or
eigenvectors are finite only for distinct singular values or eigenvalues, and are meaningful only for losses that do
not depend on the vectors' free phase; the complex case checks this.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._array import Array
from .._op import composite, op
from .._samples import call, cases
from . import linalg_solve
from ._matrix import (
    LinAlgError,
    adjoint,
    batch_text,
    check_matrix,
    check_square,
    conjugate,
    eye_like,
    first_failure,
    is_complex,
    main_diagonal,
    raw,
    result_type,
)
from .complex import real
from .diagonals import diag_embed, tril, triu
from .join import cat
from .linalg_solve import solve_triangular

_LINALG: dict[str, Any] = {"namespace": "linalg", "holomorphic": False, "quiet": True}
_PRIVATE: dict[str, Any] = {"namespace": "_", "method": False, "holomorphic": False, "quiet": True}
# Kernels that read one triangle only are differentiated as functions of symmetric matrices, so a numerical step of one
# element is no test for them: their samples are 1 by 1, and tests/ops/test_linalg.py checks them on a @ a.mT.
_ONE = cases(lambda r: [call(r(1, 1, lo=1, hi=2)), call(r(3, 1, 1, lo=1, hi=2))])

CholeskyEx = result_type("cholesky_ex", ("L", "info"))


# ---------------------------------------------------------------------------------------------- Cholesky


def _leading_minor(a: Array) -> int:
    """Order of the first leading minor that is not positive-definite."""
    for k in range(1, a.shape[-1] + 1):
        try:
            np.linalg.cholesky(a[:k, :k])
        except np.linalg.LinAlgError:
            return k
    return 0


def _cholesky(x: Array, upper: bool) -> tuple[Array, Array]:
    """Lower factors and, per matrix, the order of the first bad minor (0: none)."""
    if upper:
        x = np.conj(np.swapaxes(x, -1, -2))
    info = np.zeros_like(x, shape=x.shape[:-2], dtype=np.int32)
    try:
        return np.linalg.cholesky(x), info
    except np.linalg.LinAlgError:
        pass
    factors = np.zeros_like(x)
    for index in np.ndindex(*x.shape[:-2]):
        info[index] = k = _leading_minor(x[index])
        k = k - 1 if k else x.shape[-1]
        factors[index][:k, :k] = np.linalg.cholesky(x[index][:k, :k])
    return factors, info


def _check_definite(info: Array) -> None:
    found = first_failure(info)
    if found is not None:
        index, k = found
        raise LinAlgError(
            f"linalg.cholesky: {batch_text(index, info.shape)}The factorization could not be completed because the input "
            f"is not positive-definite (the leading minor of order {k} is not positive-definite)."
        )


def _cholesky_gradient(g, out, upper):
    # Murray 2016, eq. 10; only the lower triangle of the factor's gradient matters.
    L, gL = (adjoint(out), adjoint(g)) if upper else (out, g)
    phi = tril(adjoint(L) @ gL)
    phi = phi + adjoint(tril(phi, -1))  # twice the symmetric part, the diagonal once
    half = solve_triangular(adjoint(L), 0.5 * phi, upper=True)
    return solve_triangular(L, half, upper=False, left=False)


@op(batch="align", sample=_ONE, name="_cholesky_ex", aux=("info",), result_name="L", **_PRIVATE)
def _cholesky_ex(x, *, upper=False):
    """The Cholesky factor with, per matrix, the order of the first minor that is not positive-definite (0: none)."""
    check_square(x, "linalg.cholesky")
    factors, info = _cholesky(x, upper)
    return (np.conj(np.swapaxes(factors, -1, -2)) if upper else factors), info


@op(batch="align", sample=_ONE, **_LINALG)
def cholesky(x, *, upper=False):
    """L with input = L Lᴴ, lower triangular (or Lᴴ when `upper`), for Hermitian positive-definite matrices.

    Only the lower triangle of the input is read (the upper one when `upper`); its gradient is Hermitian.

    Shape: (*, n, n) -> (*, n, n).

    Raises:
        LinAlgError: a matrix is not positive-definite.

    Source: Murray, "Differentiation of the Cholesky decomposition", 2016.
    """
    check_square(x, "linalg.cholesky")
    factors, info = _cholesky(x, upper)
    _check_definite(info)
    return np.conj(np.swapaxes(factors, -1, -2)) if upper else factors


cholesky.grad("x")(_cholesky_gradient)
_cholesky_ex.grad("x")(_cholesky_gradient)


@composite(namespace="linalg")
def cholesky_ex(input, *, upper=False, check_errors=False):
    """Cholesky factor `L` and `info`: 0, or the order of the leading minor that is not positive-definite."""
    L, info = _cholesky_ex(input, upper=upper)
    if check_errors:
        _check_definite(raw(info))
    return CholeskyEx(L, info)


# ---------------------------------------------------------------------------------------------- QR


def _check_mode(mode: str) -> None:
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode {mode!r} but expected one of 'reduced' (default), 'r', or 'complete'"
        )


@op(batch="align", sample=cases(lambda r: [call(r(3, 3)), call(r(4, 2)), call(r(2, 3, 5)), call(r(2, 2), mode="complete")]),
    outputs=("Q", "R"), **_LINALG)  # fmt: skip
def qr(A, *, mode="reduced"):
    """A = Q R with orthonormal columns in Q and R upper triangular.

    Args:
        mode: "reduced", "complete" (Q square), or "r" (R alone; Q is empty).

    Shape: (*, m, n) -> Q (*, m, k), R (*, k, n) with k = min(m, n).

    Note:
        Not differentiable for mode "r", nor for "complete" with more rows than columns.

    Source: Walter and Lehmann, "Algorithmic differentiation of linear algebra functions", 2010.
    """
    check_matrix(A, "linalg.qr")
    _check_mode(mode)
    if mode == "r":
        return np.zeros_like(A, shape=(0,)), np.linalg.qr(A, mode="r")
    return tuple(np.linalg.qr(A, mode=mode))


def _check_qr_differentiable(A_shape: Any, mode: str) -> None:
    if mode == "r":
        raise RuntimeError(
            "linalg.qr: The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
            "linalg.qr(A, mode='reduced') if you are going to require gradients through linalg.qr."
        )
    if mode == "complete" and A_shape[-2] > A_shape[-1]:
        raise RuntimeError(
            "linalg.qr: The QR decomposition is not differentiable when mode='complete' and nrows > ncols; use mode='reduced'"
        )


def _symmetric_from_upper(x: Any) -> Any:
    """x + xᴴ with half the diagonal: the adjoint of taking a triangle of a Hermitian matrix."""
    x = triu(x)
    return x + adjoint(x) - diag_embed(real(main_diagonal(x)))


def _tall_qr_gradient(Q: Any, R: Any, gQ: Any, gR: Any) -> Any:
    """Gradient of A = Q R with at least as many rows as columns; either part may be None."""
    m = 0
    if gR is not None:
        m = gR @ adjoint(R)
    if gQ is not None:
        m = m - adjoint(Q) @ gQ
    gA = Q @ _symmetric_from_upper(m)
    gA = gA if gQ is None else gA + gQ
    return solve_triangular(adjoint(R), gA, upper=False, left=False)


@qr.grad("A")
def _(g, Q, R, A_shape, mode):
    gQ, gR = g
    _check_qr_differentiable(A_shape, mode)
    m, n = A_shape[-2:]
    if m >= n:
        return _tall_qr_gradient(Q, R, gQ, gR)
    # A = [X Y] with X square: Q and the left part of R are the QR of X, the rest of R is Qᴴ Y.
    left, right = R[..., :m], R[..., m:]
    if gR is None:
        return cat([_tall_qr_gradient(Q, left, gQ, None), 0 * right], -1)
    g_left, g_right = gR[..., :m], gR[..., m:]
    more = Q @ right @ adjoint(g_right)
    gX = _tall_qr_gradient(Q, left, more if gQ is None else gQ + more, g_left)
    return cat([gX, Q @ g_right], -1)


# ---------------------------------------------------------------------------------------------- singular values


@op(batch="align", sample=cases(lambda r: [call(r(3, 3)), call(r(4, 2), full_matrices=False), call(r(2, 2, 4), full_matrices=False)]),
    outputs=("U", "S", "Vh"), **_LINALG)  # fmt: skip
def svd(A, *, full_matrices=True, driver=None):
    """A = U diag(S) Vh with orthonormal columns in U, orthonormal rows in Vh, and S ≥ 0 in descending order.

    Args:
        full_matrices: U and Vh square; otherwise only their first min(m, n) columns and rows.
        driver: accepted for PyTorch's sake; NumPy has one.

    Shape: (*, m, n) -> U (*, m, k), S (*, k), Vh (*, k, n).

    Note:
        Gradients that go through U or Vh are finite only where all singular values differ (and for rectangular
        matrices are not zero); S alone is always safe. The extra vectors of full matrices have no gradient.

    Source: Townsend, "Differentiating the singular value decomposition", 2016.
    """
    check_matrix(A, "linalg.svd")
    return tuple(np.linalg.svd(A, full_matrices=full_matrices))


def _check_phase(inner: Any, scale: Any, name: str, what: str) -> None:
    """Raise when a loss depends on the free phase of complex vectors: an imaginary part is left on a diagonal."""
    part = raw(inner)
    left = np.abs(np.imag(np.diagonal(part, axis1=-2, axis2=-1)))
    allowed = 1e-2 if part.dtype == np.complex64 else 1e-5
    if left.size and np.max(left) > allowed * max(float(np.max(np.abs(raw(scale)))), 1e-30):
        raise RuntimeError(
            f"{name}: The {what} in the complex case are specified up to multiplication by e^{{i phi}}. The specified loss "
            "function depends on this phase term, making it ill-defined."
        )


def _skew(x: Any) -> Any:
    return x - adjoint(x)


def _gaps(values: Any) -> Any:
    """values_j - values_i off the diagonal, 1 on it."""
    gaps = values[..., None, :] - values[..., :, None]
    return gaps + eye_like(raw(values), values.shape[-1])


def _svd_core(U: Any, S: Any, Vh: Any, gU: Any, gVh: Any) -> Any:
    """What the vectors contribute to the gradient, in the bases U and V: (*, k, k)."""
    skew_U = 0 if gU is None else _skew(adjoint(U) @ gU)
    skew_V = 0 if gVh is None else _skew(Vh @ adjoint(gVh))
    core = (skew_U * S[..., None, :] + S[..., :, None] * skew_V) / _gaps(S * S)
    if is_complex(U):
        _check_phase(skew_U + skew_V, abs(skew_U) + abs(skew_V), "svd_backward", "singular vectors")
        if gU is not None and gVh is not None:
            core = core + diag_embed(main_diagonal(skew_U) / (2 * S))
    return core


def _outside(U: Any, x: Any) -> Any:
    """The part of the columns of `x` outside the span of the orthonormal columns of U."""
    return x - U @ (adjoint(U) @ x)


@svd.grad("A")
def _(g, U, S, Vh):
    gU, gS, gVh = g
    k = S.shape[-1]
    U, Vh = U[..., :k], Vh[..., :k, :]
    gU, gVh = None if gU is None else gU[..., :k], None if gVh is None else gVh[..., :k, :]
    if gU is None and gVh is None:
        return (U * gS[..., None, :]) @ Vh
    core = _svd_core(U, S, Vh, gU, gVh)
    gA = U @ (core if gS is None else core + diag_embed(gS)) @ Vh
    if gU is not None and U.shape[-2] > k:
        gA = gA + _outside(U, gU / S[..., None, :]) @ Vh
    if gVh is not None and Vh.shape[-1] > k:
        gA = gA + U @ adjoint(_outside(adjoint(Vh), adjoint(gVh) / S[..., None, :]))
    return gA


@op(batch="align", sample=cases(lambda r: [call(r(3, 3)), call(r(4, 2)), call(r(2, 2, 4))]), **_LINALG)
def svdvals(A, *, driver=None):
    """Singular values of A in descending order; differentiable also where some coincide.

    Shape: (*, m, n) -> (*, min(m, n)), real.
    """
    check_matrix(A, "linalg.svdvals")
    return np.linalg.svd(A, compute_uv=False)


@svdvals.grad("A")
def _(g, A):
    U, _, Vh = svd(A, full_matrices=False)
    return (U * g[..., None, :]) @ Vh


# ---------------------------------------------------------------------------------------------- eigenvalues


@op(batch="align", sample=_ONE, outputs=("eigenvalues", "eigenvectors"), **_LINALG)
def eigh(x, *, UPLO="L"):
    """input = Q diag(L) Qᴴ of a Hermitian matrix: real eigenvalues in ascending order, orthonormal eigenvectors.

    Args:
        UPLO: "L" or "U", the triangle that is read.

    Note:
        Gradients that go through the eigenvectors are finite only where all eigenvalues differ.
    """
    check_square(x, "linalg.eigh")
    _check_triangle(UPLO)
    return tuple(np.linalg.eigh(x, UPLO=UPLO))


def _check_triangle(UPLO: str) -> None:
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")


@eigh.grad("x")
def _(g, eigenvalues, eigenvectors):
    gL, gV = g
    V, Vh = eigenvectors, adjoint(eigenvectors)
    if gV is None:
        return (V * gL[..., None, :]) @ Vh
    inner = Vh @ gV
    if is_complex(V):
        _check_phase(inner, inner, "linalg_eigh_backward", "eigenvectors")
    inner = 0.5 * _skew(inner) / _gaps(eigenvalues)  # only the skew part moves along the unitary matrices
    inner = inner - diag_embed(main_diagonal(inner))
    return V @ (inner if gL is None else inner + diag_embed(gL)) @ Vh


@op(batch="align", sample=_ONE, **_LINALG)
def eigvalsh(x, *, UPLO="L"):
    """Eigenvalues of a Hermitian matrix in ascending order; differentiable also where some coincide."""
    check_square(x, "linalg.eigvalsh")
    _check_triangle(UPLO)
    return np.linalg.eigvalsh(x, UPLO=UPLO)


@eigvalsh.grad("x")
def _(g, x, UPLO):
    V = eigh(x, UPLO=UPLO)[1]
    return (V * g[..., None, :]) @ adjoint(V)


def _complex_like(a: Array, like: Array) -> Array:
    """`a` in the complex dtype that goes with `like`: NumPy gives real eigenvalues when it can, PyTorch never."""
    return a.astype(np.result_type(like.dtype, np.complex64), copy=False)


# No sample with complex results: tests/ops/test_linalg.py checks real functions of them.
@op(batch="align", sample=cases(lambda r: []), outputs=("eigenvalues", "eigenvectors"), **_LINALG)
def eig(x):
    """input = V diag(L) V⁻¹ of a square matrix: complex eigenvalues, eigenvectors of norm 1.

    Note:
        Gradients are finite only where all eigenvalues differ, and only for losses that do not depend on the
        eigenvectors' phase.

    Source: Boeddeker et al., "On the computation of complex-valued gradients with application to statistically
    optimum beamforming", 2017.
    """
    check_square(x, "linalg.eig")
    values, vectors = np.linalg.eig(x)
    return _complex_like(values, x), _complex_like(vectors, x)


@eig.grad("x")
def _(g, eigenvalues, eigenvectors):
    gL, gV = g
    V, Vh = eigenvectors, adjoint(eigenvectors)
    if gV is None:
        return linalg_solve.solve_matrix(Vh, gL[..., :, None] * Vh)
    inner = Vh @ gV
    d = real(main_diagonal(inner))
    _check_phase(inner, inner, "linalg_eig_backward", "eigenvectors")
    inner = inner - (Vh @ V) * d[..., None, :]
    inner = inner / conjugate(_gaps(eigenvalues))
    inner = inner - diag_embed(main_diagonal(inner))
    return linalg_solve.solve_matrix(Vh, (inner if gL is None else inner + diag_embed(gL)) @ Vh)


@op(batch="align", sample=cases(lambda r: []), **_LINALG)
def eigvals(x):
    """Eigenvalues of a square matrix, complex, in no particular order."""
    check_square(x, "linalg.eigvals")
    return _complex_like(np.linalg.eigvals(x), x)


@eigvals.grad("x")
def _(g, x):
    Vh = adjoint(eig(x)[1])
    return linalg_solve.solve_matrix(Vh, g[..., :, None] * Vh)
