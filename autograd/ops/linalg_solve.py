"""Linear systems, inverses and determinants. All take batches and complex matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._array import Array
from .._op import composite, op
from .._samples import call, cases
from ._elimination import eliminate
from ._matrix import (
    LinAlgError,
    adjoint,
    batch_text,
    check_square,
    conjugate,
    eye_like,
    first_failure,
    is_complex,
    is_vector_side,
    mT,
    raw,
    result_type,
)
from .complex import imag
from .diagonals import tril, triu
from .shape import permute, reshape

_LINALG: dict[str, Any] = {"namespace": "linalg", "holomorphic": False, "quiet": True}
_PRIVATE: dict[str, Any] = {"namespace": "_", "method": False, "holomorphic": False, "quiet": True}

InvEx = result_type("inv_ex", ("inverse", "info"))
SolveEx = result_type("solve_ex", ("result", "info"))


def _regular(r: Any, *shape: int) -> Array:
    """A well-conditioned matrix for tests."""
    return r(*shape) + 4 * np.eye(shape[-1])


# ---------------------------------------------------------------------------------------------- triangular systems


def _triangle(A: Array, upper: bool, unitriangular: bool) -> Array:
    A = np.triu(A) if upper else np.tril(A)
    if unitriangular:
        n = A.shape[-1]
        A = A * (1 - eye_like(A, n)) + eye_like(A, n)
    return A


def _substitute(A: Array, B: Array, upper: bool) -> Array:
    """Row by row; a zero on the diagonal gives infinities, as in PyTorch, where `np.linalg.solve` would raise."""
    n = A.shape[-1]
    batch = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    X = np.zeros_like(B, shape=batch + B.shape[-2:])
    for i in range(n - 1, -1, -1) if upper else range(n):
        known = slice(i + 1, n) if upper else slice(0, i)
        row = B[..., i, :] - (A[..., i : i + 1, known] @ X[..., known, :])[..., 0, :]
        X[..., i, :] = row / A[..., i, i, None]
    return X


def _solve_triangle(A: Array, B: Array, upper: bool) -> Array:
    try:
        return np.linalg.solve(A, B)
    except np.linalg.LinAlgError:
        return _substitute(A, B, upper)


def _check_sides(A: Any, B: Any, name: str, left: bool = True) -> None:
    """Raise unless the systems A X = B (or X A = B) fit together; A is known to be square."""
    if B.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor B must have at least 2 dimensions, got shape {tuple(B.shape)}")
    check_same_dtype(A, B, name)
    if A.shape[-1] != B.shape[-2 if left else -1]:
        side, product = ("rows", "AX = B") if left else ("columns", "XA = B")
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {product} ({A.shape[-2]}x{A.shape[-1]} and "
            f"{B.shape[-2]}x{B.shape[-1]}): B needs {A.shape[-1]} {side}"
        )
    try:
        np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    except ValueError:
        raise RuntimeError(
            f"{name}: the batches of A {tuple(A.shape)} and B {tuple(B.shape)} do not broadcast; must match the size of tensor"
        ) from None


def check_same_dtype(A: Any, B: Any, name: str) -> None:
    """Raise unless the two sides of a system have one dtype."""
    if A.dtype != B.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {A.dtype} and B of type {B.dtype}"
        )


@op(
    batch="align",
    sample=cases(
        lambda r: [
            call(_regular(r, 3, 3), r(3, 2), upper=True),
            call(_regular(r, 2, 3, 3), r(3, 2), upper=False),
            call(_regular(r, 3, 3), r(4, 2, 3), upper=True, left=False),
            call(_regular(r, 3, 3), r(3, 1), upper=False, unitriangular=True),
        ]
    ),
    **_LINALG,
)
def solve_triangular(x, B, *, upper, left=True, unitriangular=False):
    """X with A X = B (X A = B unless `left`), reading only the upper or lower triangle of A.

    Args:
        upper: which triangle of `input` is A.
        unitriangular: take the diagonal as ones, without reading it.

    Shape: A (*, n, n), B (*, n, k) -> (*, n, k); (*, k, n) unless left.

    Note:
        A zero on the diagonal gives infinities or NaN, not an error.
    """
    check_square(x, "linalg.solve_triangular")
    _check_sides(x, B, "linalg.solve_triangular", left)
    A = _triangle(x, upper, unitriangular)
    if left:
        return _solve_triangle(A, B, upper)
    return np.swapaxes(_solve_triangle(np.swapaxes(A, -1, -2), np.swapaxes(B, -1, -2), not upper), -1, -2)


@solve_triangular.grad("B")
def _(g, x, upper, left, unitriangular):
    return solve_triangular(adjoint(x), g, upper=not upper, left=left, unitriangular=unitriangular)


@solve_triangular.grad("x")
def _(g, x, out, upper, left, unitriangular):
    gB = solve_triangular(adjoint(x), g, upper=not upper, left=left, unitriangular=unitriangular)
    gA = -(gB @ adjoint(out)) if left else -(adjoint(out) @ gB)
    k = 1 if unitriangular else 0
    return triu(gA, k) if upper else tril(gA, -k)


# ---------------------------------------------------------------------------------------------- general systems


def _first_zero_pivot(a: Array) -> int:
    """1 plus the index of the first zero on the diagonal of U in A = P L U; 0 when there is none."""
    U = eliminate(a)[0]
    zeros = np.flatnonzero(np.diagonal(U) == 0)
    return int(zeros[0]) + 1 if zeros.size else 0


def _each(solver: Any, A: Array, *sides: Array) -> tuple[Array, Array]:
    """Run `solver` on the whole batch, or where that fails on each matrix; failures give infinities and a code."""
    info = np.zeros_like(A, shape=A.shape[:-2], dtype=np.int32)
    try:
        return solver(A, *sides), info
    except np.linalg.LinAlgError:
        pass
    batch = np.broadcast_shapes(A.shape[:-2], *(s.shape[:-2] for s in sides))
    A, *spread = (np.broadcast_to(a, batch + a.shape[-2:]) for a in (A, *sides))
    info = np.broadcast_to(info, batch).copy()
    result = np.full_like(A, np.inf, shape=(spread[0] if spread else A).shape)
    for index in np.ndindex(*batch):
        try:
            result[index] = solver(A[index], *(s[index] for s in spread))
        except np.linalg.LinAlgError:
            info[index] = _first_zero_pivot(A[index])
    return result, info


def _check_invertible(info: Array) -> None:
    found = first_failure(info)
    if found is not None:
        index, k = found
        raise LinAlgError(
            f"linalg.inv: {batch_text(index, info.shape)}The diagonal element {k} is zero, the inversion could not be completed "
            "because the input matrix is singular."
        )


def _check_solved(info: Array) -> None:
    found = first_failure(info)
    if found is not None:
        raise LinAlgError(
            f"torch.linalg.solve: {batch_text(found[0], info.shape)}The solver failed because the input matrix is singular."
        )


@op(batch="align", sample=cases(lambda r: [call(_regular(r, 3, 3)), call(_regular(r, 2, 2, 2))]), **_LINALG)
def inv(A):
    """The inverse of square matrices. Prefer `solve(A, B)` to `inv(A) @ B`: faster and more accurate.

    Shape: (*, n, n) -> (*, n, n).

    Raises:
        LinAlgError: a matrix is singular.
    """
    check_square(A, "linalg.inv")
    result, info = _each(np.linalg.inv, A)
    _check_invertible(info)
    return result


@op(
    batch="align",
    sample=cases(lambda r: [call(_regular(r, 3, 3))]),
    name="_inv_ex",
    aux=("info",),
    result_name="inverse",
    **_PRIVATE,
)
def _inv_ex(A):
    """Inverses and, per matrix, 1 plus the index of the first zero pivot (0: none)."""
    check_square(A, "linalg.inv")
    return _each(np.linalg.inv, A)


def _inv_gradient(g, out):
    outh = adjoint(out)
    return -(outh @ g @ outh)


inv.grad("A")(_inv_gradient)
_inv_ex.grad("A")(_inv_gradient)


@composite(namespace="linalg")
def inv_ex(A, *, check_errors=False):
    """Inverse and `info`: 0, or 1 plus the index of the first zero pivot; singular matrices do not raise."""
    inverse, info = _inv_ex(A)
    if check_errors:
        _check_invertible(raw(info))
    return InvEx(inverse, info)


@op(batch="align", sample=cases(lambda r: [call(_regular(r, 3, 3), r(3, 2)), call(_regular(r, 2, 3, 3), r(3, 1))]), name="_solve_ex",
    aux=("info",), result_name="result", **_PRIVATE)  # fmt: skip
def _solve_ex(A, B):
    """X with A X = B for matrices B, and per system 1 plus the index of the first zero pivot (0: none)."""
    return _each(np.linalg.solve, A, B)


@_solve_ex.grad("B")
def _(g, A):
    return solve_matrix(adjoint(A), g)


@_solve_ex.grad("A")
def _(g, A, out):
    return -(solve_matrix(adjoint(A), g) @ adjoint(out))


def solve_matrix(A: Any, B: Any) -> Any:
    """X with A X = B for a matrix B; infinities where A is singular."""
    return _solve_ex(A, B)[0]


def _solve(A: Any, B: Any, left: bool) -> tuple[Any, Any]:
    check_square(A, "linalg.solve")
    vector = is_vector_side(A, B)
    if vector and not left:
        raise RuntimeError("linalg.solve: Vector broadcasting of the left hand side is not supported for left=False")
    B = B[..., None] if vector else B
    _check_sides(A, B, "linalg.solve", left)
    if left:
        result, info = _solve_ex(A, B)
    else:
        result, info = _solve_ex(mT(A), mT(B))
        result = mT(result)
    return (result[..., 0] if vector else result), info


@composite(
    namespace="linalg",
    sample=cases(
        lambda r: [
            call(_regular(r, 3, 3), r(3)),
            call(_regular(r, 2, 3, 3), r(2, 3)),
            call(_regular(r, 3, 3), r(2, 3), left=False),
        ]
    ),
)
def solve(A, B, *, left=True):
    """X with A X = B (X A = B unless `left`); B may be a vector, a matrix, or a batch of either.

    Shape: A (*, n, n), B (*, n) or (*, n, k) -> the shape of B, batches broadcast.

    Raises:
        LinAlgError: a matrix is singular.
    """
    result, info = _solve(A, B, left)
    _check_solved(raw(info))
    return result


@composite(namespace="linalg")
def solve_ex(A, B, *, left=True, check_errors=False):
    """`solve` that reports singular matrices in `info` and does not raise."""
    result, info = _solve(A, B, left)
    if check_errors:
        _check_solved(raw(info))
    return SolveEx(result, info)


# ---------------------------------------------------------------------------------------------- determinants


def _products_without(s: Array, omit: int) -> Array:
    """Products of the last axis without one value (omit=1: (*, n)) or without two (omit=2: (*, n, n), 0 on the diagonal)."""
    n = s.shape[-1]
    if omit == 1:
        keep = ~np.eye(n, dtype=bool)
        return np.prod(np.where(keep, s[..., None, :], 1), axis=-1)
    eye = np.eye(n, dtype=bool)
    keep = ~(eye[:, None, :] | eye[None, :, :])
    products = np.prod(np.where(keep, s[..., None, None, :], 1), axis=-1)
    return np.where(eye, 0, products)


def _svd_with_sign(A: Array) -> tuple[Array, Array, Array, Array]:
    U, S, Vh = np.linalg.svd(A)
    sign = np.conj(np.linalg.det(U) * np.linalg.det(Vh))
    return U, S, Vh, sign[..., None, None]


@op(
    batch="align",
    sample=cases(lambda r: [call(r(3, 3)), call(r(2, 2, 2)), call(_regular(r, 1, 1))]),
    name="_cofactor",
    differentiable_twice=False,
    **_PRIVATE,
)
def _cofactor(A):
    """conj(det A) A⁻ᴴ, the gradient of the determinant; from singular values where A is singular or nearly so."""
    direct = _cofactor_by_inverse(A)
    if direct is not None:
        return direct
    U, S, Vh, sign = _svd_with_sign(A)
    return sign * ((U * _products_without(S, 1)[..., None, :]) @ Vh)


def _cofactor_by_inverse(A: Array) -> Array | None:
    """The same by the inverse; None where a condition number is too large for it."""
    try:
        inverse = np.linalg.inv(A)
    except np.linalg.LinAlgError:
        return None
    conditions = np.sqrt(np.sum(np.abs(A) ** 2, axis=(-2, -1)) * np.sum(np.abs(inverse) ** 2, axis=(-2, -1)))
    if not np.all(conditions < np.finfo(A.dtype).eps ** -0.6):
        return None
    return np.conj(np.linalg.det(A)[..., None, None] * np.swapaxes(inverse, -1, -2))


@_cofactor.grad("A")
def _(g, A):
    return _cofactor_gradient(A, g)


@op(batch="align", name="_cofactor_gradient", differentiable_twice=False, **_PRIVATE)
def _cofactor_gradient(A, G):
    """The second derivative of the determinant in the direction G, valid for singular A too.

    In the bases of the singular vectors, with Y = Uᴴ G V and P_ij the product of the singular values but i and j, it is
    sum_j P_ij conj(Y_jj) on the diagonal and -P_ij conj(Y_ji) off it.
    """
    U, S, Vh, sign = _svd_with_sign(A)
    P = _products_without(S, 2)
    Yh = Vh @ np.conj(np.swapaxes(G, -1, -2)) @ U
    on = P @ np.diagonal(Yh, axis1=-2, axis2=-1)[..., None]
    return U @ (sign * (on * eye_like(S, S.shape[-1]) - P * Yh)) @ Vh


@op(batch="align", sample=cases(lambda r: [call(r(3, 3)), call(r(2, 2, 2)), call(r(1, 1))]), **_LINALG)
def det(A):
    """Determinants of square matrices; differentiable twice also where they are 0.

    Shape: (*, n, n) -> (*).
    """
    check_square(A, "linalg.det")
    return np.linalg.det(A)


@det.grad("A")
def _(g, A):
    return g[..., None, None] * _cofactor(A)


@op(
    batch="align",
    sample=cases(lambda r: [call(_regular(r, 3, 3)), call(r(2, 2, 2))]),
    outputs=("sign", "logabsdet"),
    **_LINALG,
)
def slogdet(A):
    """Sign (of modulus 1 for complex matrices) and log |det A|; (0, -inf) for a singular matrix.

    Shape: (*, n, n) -> (*), (*).

    Note:
        Neither overflows nor underflows where `det` does.
    """
    check_square(A, "linalg.slogdet")
    return tuple(np.linalg.slogdet(A))


@slogdet.grad("A")
def _(g, A, sign):
    g_sign, g_log = g
    scale: Any = 0 if g_log is None else g_log
    if is_complex(sign) and g_sign is not None:
        scale = imag(g_sign * conjugate(sign)) * 1j + scale  # in this order: 1j * a NumPy float is a Python complex
    elif g_log is None:
        return None
    return scale[..., None, None] * adjoint(_inv_ex(A)[0])


# ---------------------------------------------------------------------------------------------- tensors as matrices


@composite(namespace="linalg", sample=cases(lambda r: [call(r(2, 3, 6), ind=2), call(r(4, 2, 2), ind=1)]))
def tensorinv(input, ind=2):
    """The inverse of `input` as a linear map from its last axes to its first `ind`.

    tensordot(tensorinv(A), A, A.ndim - ind) is the identity.

    Raises:
        RuntimeError: ind is not positive, or the two groups of axes have different sizes.
    """
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', got {ind}")
    shape = tuple(input.shape)
    rows, columns = math.prod(shape[:ind]), math.prod(shape[ind:])
    if rows != columns:
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{columns} != {rows}: shape {shape}, ind={ind}"
        )
    return reshape(inv(reshape(input, (rows, rows))), (*shape[ind:], *shape[:ind]))


@composite(namespace="linalg", sample=cases(lambda r: [call(r(2, 3, 6), r(2, 3)), call(r(2, 2, 4), r(2, 2))]))
def tensorsolve(input, other, dims=None):
    """X with tensordot(input, X, X.ndim) = other.

    Args:
        dims: axes of `input` moved to its end first.
    """
    A, shape = input, tuple(input.shape)
    if dims is not None:
        dims = [d % len(shape) for d in dims]
        A = permute(A, (*(d for d in range(len(shape)) if d not in dims), *dims))
    rest = tuple(A.shape)[other.ndim :]
    n, size = math.prod(other.shape), math.prod(rest)
    if n != size:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got "
            f"{size} != {n}: shapes {shape} and {tuple(other.shape)}"
        )
    return reshape(solve(reshape(A, (n, n)), reshape(other, (n,))), rest)


# ---------------------------------------------------------------------------------------------- from a Cholesky factor


@composite(sample=cases(lambda r: [call(r(3, 2), _regular(r, 3, 3)), call(r(3, 2), _regular(r, 2, 3, 3), upper=True)]))
def cholesky_solve(input, L, upper=False):
    """X with A X = input, given the Cholesky factor of A: A = L Lᴴ, or Lᴴ L when `upper`.

    Shape: input (*, n, k), L (*, n, n) -> (*, n, k).
    """
    _check_factor(L, "cholesky_solve")
    _check_sides(L, input, "cholesky_solve")
    return _cholesky_solve(input, L, upper=upper)


# Both read one triangle of L, and differentiate as if A had been computed from all of L, as PyTorch does: a step of one
# element is no test for them, so their samples are 1 by 1, and tests/ops/test_linalg.py has recorded values.
@op(
    sample=cases(lambda r: [call(r(1, 2), r(1, 1, lo=1, hi=2)), call(r(3, 1, 2), r(1, 1, lo=1, hi=2), upper=True)]),
    **_PRIVATE,
)
def _cholesky_solve(x, L, *, upper=False):
    if upper:
        return solve_triangular(L, solve_triangular(adjoint(L), x, upper=False), upper=True)
    return solve_triangular(adjoint(L), solve_triangular(L, x, upper=False), upper=True)


@_cholesky_solve.grad("x")
def _(g, L, upper):
    return _cholesky_solve(g, L, upper=upper)


@_cholesky_solve.grad("L")
def _(g, L, out, upper):
    product = _cholesky_solve(g, L, upper=upper) @ adjoint(out)
    both = product + adjoint(product)
    return -(L @ both) if upper else -(both @ L)


def _check_factor(L: Any, name: str) -> None:
    check_square(L, name, "L")


@composite(sample=cases(lambda r: [call(_regular(r, 3, 3)), call(_regular(r, 2, 3, 3), upper=True)]))
def cholesky_inverse(L, upper=False):
    """The inverse of A given its Cholesky factor: A = L Lᴴ, or Lᴴ L when `upper`."""
    _check_factor(L, "cholesky_inverse")
    return _cholesky_inverse(L, upper=upper)


@op(sample=cases(lambda r: [call(r(1, 1, lo=1, hi=2)), call(r(3, 1, 1, lo=1, hi=2), upper=True)]), **_PRIVATE)
def _cholesky_inverse(x, *, upper=False):
    half = solve_triangular(x, eye_like(x, x.shape[-1]), upper=upper)
    return half @ adjoint(half) if upper else adjoint(half) @ half


@_cholesky_inverse.grad("x")
def _(g, x, out, upper):
    both = out @ (g + adjoint(g)) @ out
    return -(x @ both) if upper else -(both @ x)
