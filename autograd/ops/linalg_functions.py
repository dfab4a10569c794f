"""Pseudo-inverse, least squares, rank, matrix functions and products built on the decompositions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._array import Array
from .._op import composite, op
from .._samples import call, cases
from ._matrix import adjoint, check_matrix, check_square, eye_like, is_vector_side, raw, result_type
from .cast import clone
from .complex import real
from .join import cat
from .linalg_solve import inv
from .pointwise import abs
from .reduce import sum
from .shape import reshape

_LINALG: dict[str, Any] = {"namespace": "linalg", "holomorphic": False, "quiet": True}
_PRIVATE: dict[str, Any] = {"namespace": "_", "method": False, "holomorphic": False, "quiet": True}

Lstsq = result_type("lstsq", ("solution", "residuals", "rank", "singular_values"))


# ---------------------------------------------------------------------------------------------- tolerance, rank


def _tolerance(largest: Array, shape: tuple[int, ...], atol: Any, rtol: Any) -> Array:
    """The threshold below which a singular value counts as zero, by PyTorch's defaults."""
    if rtol is None:
        positive = atol is not None and np.any(np.asarray(atol) > 0)
        rtol = 0.0 if positive else float(np.finfo(largest.dtype).eps) * max(shape[-2:])
    return np.maximum(0.0 if atol is None else atol, rtol * largest)


def _moduli(x: Array, hermitian: bool) -> Array:
    return np.abs(np.linalg.eigvalsh(x)) if hermitian else np.linalg.svd(x, compute_uv=False)


@op(batch="align", name="_matrix_rank", **_PRIVATE)
def _matrix_rank(x, atol=None, rtol=None, *, hermitian=False):
    """How many singular values exceed the tolerance."""
    s = _moduli(x, hermitian)
    if not s.shape[-1]:
        return np.zeros_like(s, shape=s.shape[:-1], dtype=np.int64)
    limit = _tolerance(np.max(s, axis=-1), x.shape, atol, rtol)
    return np.sum(s > np.asarray(limit)[..., None], axis=-1)


@composite(namespace="linalg")
def matrix_rank(input, tol=None, hermitian=False, *, atol=None, rtol=None):
    """How many singular values exceed max(atol, rtol * largest); rtol defaults to max(m, n) * eps.

    Shape: (*, m, n) -> (*), int64.
    """
    check_matrix(input, "linalg.matrix_rank", "input")
    if hermitian:
        check_square(input, "linalg.matrix_rank", "input")
    return _matrix_rank(input, tol if tol is not None else atol, 0.0 if tol is not None else rtol, hermitian=hermitian)


# ---------------------------------------------------------------------------------------------- pseudo-inverse


def _pinv(x: Array, atol: Any, rtol: Any, hermitian: bool) -> Array:
    if hermitian:
        values, vectors = np.linalg.eigh(x)
        U, S, Vh = vectors, np.abs(values), np.sign(values)[..., :, None] * np.conj(np.swapaxes(vectors, -1, -2))
    else:
        U, S, Vh = np.linalg.svd(x, full_matrices=False)
    largest = np.max(S, axis=-1, initial=0)
    limit = np.asarray(_tolerance(largest, x.shape, atol, rtol))[..., None]
    inverted = np.where(limit < S, 1 / np.where(S == 0, 1, S), 0).astype(S.dtype)
    return (np.conj(np.swapaxes(Vh, -1, -2)) * inverted[..., None, :]) @ np.conj(np.swapaxes(U, -1, -2))


@op(sample=cases(lambda r: [call(r(3, 3)), call(r(2, 4, 2)), call(r(2, 4))]), name="_pinv", batch="align", **_PRIVATE)
def _pinv_op(x, atol=None, rtol=None, *, hermitian=False):
    """The pseudo-inverse with the tolerances given."""
    return _pinv(x, atol, rtol, hermitian)


@_pinv_op.grad("x")
def _(g, x, out):
    # Golub and Pereyra 1973, for matrices of constant rank; the two ways keep the products small.
    gh, ph = adjoint(g), adjoint(out)
    if x.shape[-2] <= x.shape[-1]:
        K = gh @ out
        Kph = K @ ph
        return -adjoint(out @ K) + Kph - (x @ out) @ Kph + (ph @ out) @ (gh - K @ x)
    K = out @ gh
    phK = ph @ K
    return -adjoint(K @ out) + (gh - x @ K) @ out @ ph + phK - (phK @ out) @ x


@composite(namespace="linalg", sample=cases(lambda r: [call(r(3, 3)), call(r(2, 4, 2)), call(r(2, 4))]))
def pinv(input, rcond=None, hermitian=False, *, atol=None, rtol=None):
    """The Moore-Penrose pseudo-inverse. Singular values up to max(atol, rtol * largest) count as zero.

    Shape: (*, m, n) -> (*, n, m).

    Note:
        The gradient holds among matrices of the same rank.

    Source: Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems", 1973.
    """
    check_matrix(input, "linalg.pinv", "input")
    if hermitian:
        check_square(input, "linalg.pinv", "input")
    if rcond is not None:
        atol, rtol = 0.0, rcond
    return _pinv_op(input, _plain(atol), _plain(rtol), hermitian=hermitian)


def _plain(tolerance: Any) -> Any:
    """A tolerance without its history: it decides, and is not differentiated."""
    return None if tolerance is None else np.asarray(raw(tolerance)) if not isinstance(tolerance, float) else tolerance


@composite
def pinverse(input, rcond=1e-15):
    """The pseudo-inverse with singular values up to rcond * largest taken as zero; see `linalg.pinv`."""
    return pinv(input, rcond)


# ---------------------------------------------------------------------------------------------- least squares


_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def _check_lstsq(A: Any, b: Any, driver: str) -> None:
    check_matrix(A, "torch.linalg.lstsq", "input")
    if driver not in _DRIVERS:
        raise RuntimeError(
            f"torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver!r}"
        )
    if b.shape[-2] != A.shape[-2]:
        raise RuntimeError(
            f"torch.linalg.lstsq: input.size(-2) should match other.size(-2), got {tuple(A.shape)} and {tuple(b.shape)}"
        )


@composite(namespace="linalg", sample=cases(lambda r: [call(r(4, 2), r(4, 3)), call(r(2, 2, 3), r(2, 2, 1))]))
def lstsq(input, b, rcond=None, *, driver=None):
    """X that minimises |input X - b|, of least norm where that leaves a choice.

    Args:
        rcond: singular values up to rcond * largest count as zero; max(m, n) * eps by default.
        driver: "gelsy" (default), "gels", "gelsd" or "gelss"; decides, as in PyTorch, which other fields are filled.

    Shape: input (*, m, n), b (*, m, k) or (*, m) -> solution (*, n, k) or (*, n).

    Returns:
        solution; residuals (squared; empty unless m > n, the rank is full and the driver is not "gelsy");
        rank (empty for "gels"); singular_values (empty but for "gelsd" and "gelss").
    """
    driver = driver or "gelsy"
    vector = is_vector_side(input, b)
    B = b[..., None] if vector else b
    _check_lstsq(input, B, driver)
    m, n = input.shape[-2:]
    rtol = float(np.finfo(raw(input).dtype).eps) * max(m, n) if rcond is None else rcond
    X = _pinv_op(input, 0.0, rtol) @ B
    rank = _matrix_rank(input, 0.0, rtol)
    full = m > n and driver != "gelsy" and bool(np.all(raw(rank) == n))
    residuals = sum(abs(B - input @ X) ** 2, dim=-2) if full else real(reshape(X[..., :0], (0,)))
    values = _moduli_of(input) if driver in ("gelsd", "gelss") else _nothing(residuals)
    return Lstsq(X[..., 0] if vector else X, residuals, _nothing(rank) if driver == "gels" else rank, values)


@op(batch="align", name="_singular_values", **_PRIVATE)
def _moduli_of(x):
    """Singular values, not differentiated."""
    return _moduli(x, False)


@op(name="_nothing", **_PRIVATE)
def _nothing(x):
    """No values, real: what PyTorch gives for a field that was not computed."""
    return np.zeros_like(x, shape=(0,), dtype=np.abs(x).dtype)


# ---------------------------------------------------------------------------------------------- powers, exponential


@composite(
    namespace="linalg",
    sample=cases(
        lambda r: [call(r(3, 3), 3), call(r(2, 2, 2), 0), call(r(3, 3), 1), call(r(2, 2) + 3 * np.eye(2), -2)]
    ),
)
def matrix_power(input, n):
    """input @ input @ ... (n factors), by repeated squaring; the identity for n = 0, powers of the inverse for n < 0.

    Shape: (*, m, m) -> (*, m, m).
    """
    check_square(input, "linalg.matrix_power")
    if n == 0:
        return input * 0 + eye_like(raw(input), input.shape[-1])
    square, result = input if n > 0 else inv(input), None
    n = int(math.fabs(n))
    while True:
        if n & 1:
            result = square if result is None else result @ square
        n >>= 1
        if not n:
            return clone(result) if result is input else result
        square = square @ square


# Padé approximants of the exponential of order m are accurate to double precision up to these 1-norms (Higham 2005).
_PADE = (
    (3, 1.495585217958292e-2),
    (5, 2.539398330063230e-1),
    (7, 9.504178996162932e-1),
    (9, 2.097847961257068),
    (13, 5.371920351148152),
)


def _pade_coefficients(m: int) -> list[float]:
    """Numerator of the [m/m] approximant, of odd degree m; the denominator has the same with alternating signs."""
    c = [1.0]
    for k in range(m):
        c.append(c[-1] * (m - k) / ((2 * m - k) * (k + 1)))
    return c


def _pade(x: Array, m: int) -> Array:
    c, eye = _pade_coefficients(m), eye_like(x, x.shape[-1])
    square = x @ x
    even, odd, power = c[0] * eye, c[1] * eye, eye
    for k in range(2, m, 2):
        power = power @ square
        even = even + c[k] * power
        odd = odd + c[k + 1] * power
    odd = x @ odd
    return np.linalg.solve(even - odd, even + odd)


def _exponential(x: Array) -> Array:
    """Scaling and squaring; the whole batch is scaled by the largest norm, then squared back."""
    if not x.size:
        return x.copy()
    norms = np.max(np.sum(np.abs(x), axis=-2), axis=-1)
    largest = float(np.max(norms))
    if not math.isfinite(largest):
        return np.full_like(x, np.nan)
    for m, bound in _PADE[:-1]:
        if largest <= bound:
            return _pade(x, m)
    # Each matrix is squared as often as its own norm asks, so that small ones of a batch lose nothing.
    times = np.maximum(0, np.ceil(np.log2(np.maximum(norms, 1e-300) / _PADE[-1][1]))).astype(np.int64)
    result = _pade(x * np.exp2(-times)[..., None, None].astype(x.real.dtype), 13)
    for k in range(int(np.max(times))):
        result = np.where((times > k)[..., None, None], result @ result, result)
    return result


@op(batch="align", sample=cases(lambda r: [call(r(3, 3)), call(r(2, 2, 2)), call(r(2, 2, lo=-9, hi=9))]), **_LINALG)
def matrix_exp(x):
    """The exponential of square matrices, sum of input^k / k!.

    Shape: (*, n, n) -> (*, n, n).

    Source: Higham, "The scaling and squaring method for the matrix exponential revisited", 2005; for the gradient
    Najfeld and Havel, "Derivatives of the matrix exponential and their computation", 1995.
    """
    check_square(x, "linalg.matrix_exp")
    return _exponential(x)


@matrix_exp.grad("x")
def _(g, x):
    # The exponential of the block matrix [[xᴴ, g], [0, xᴴ]] holds the derivative of exp at xᴴ towards g.
    # It is linear in g, so a large g is scaled down: it must not decide how often the block matrix is squared.
    n, xh, scale = x.shape[-1], adjoint(x), _scale_down(g, x)
    top, bottom = cat([xh, g * (1 / scale)], -1), cat([0 * g, xh], -1)
    return matrix_exp(cat([top, bottom], -2))[..., :n, n:] * scale


def _scale_down(g: Any, x: Any) -> float:
    """The size of g in units of x, at least 1."""
    size_of_g, size_of_x = (float(np.max(np.abs(raw(a)), initial=0)) for a in (g, x))
    return max(1.0, size_of_g / max(size_of_x, 1.0))


# ---------------------------------------------------------------------------------------------- products


def _chain_order(sizes: list[int]) -> list[list[int]]:
    """Where to split each run of factors so that the multiplications are fewest (the classic dynamic programme)."""
    n = len(sizes) - 1
    cost, split = np.zeros((n, n)), [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            costs = [cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            best = int(np.argmin(costs))
            cost[i, j], split[i][j] = costs[best], i + best
    return split


def _multiply(matrices: list, split: list[list[int]], i: int, j: int) -> Any:
    if i == j:
        return matrices[i]
    k = split[i][j]
    return _multiply(matrices, split, i, k) @ _multiply(matrices, split, k + 1, j)


@composite(namespace="linalg", sample=None)
def multi_dot(tensors):
    """The product of several matrices in the order that needs the fewest multiplications; the ends may be vectors.

    Raises:
        RuntimeError: fewer than two tensors, or shapes that do not chain.
    """
    matrices = list(tensors)
    if len(matrices) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(matrices)}")
    row, column = matrices[0].ndim == 1, matrices[-1].ndim == 1
    _check_chain(matrices)
    matrices[0] = matrices[0][None] if row else matrices[0]
    matrices[-1] = matrices[-1][:, None] if column else matrices[-1]
    sizes = [m.shape[0] for m in matrices] + [matrices[-1].shape[1]]
    for i, m in enumerate(matrices[:-1]):
        if m.shape[1] != sizes[i + 1]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {tuple(m.shape)} and {tuple(matrices[i + 1].shape)} "
                "cannot be multiplied"
            )
    result = _multiply(matrices, _chain_order(sizes), 0, len(matrices) - 1)
    result = result[0] if row else result
    return result[..., 0] if column else result


def _check_chain(matrices: list) -> None:
    last = len(matrices) - 1
    for i, m in enumerate(matrices):
        if m.ndim != 2 and not (m.ndim == 1 and i in (0, last)):
            allowed = "must be 1D or 2D" if i in (0, last) else "must be 2D"
            raise RuntimeError(f"multi_dot(): tensor {i} {allowed}, got {m.ndim}D: shape {tuple(m.shape)}")


@composite(method=False)
def chain_matmul(*matrices):
    """The product of matrices; `linalg.multi_dot` takes them as a list."""
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)
