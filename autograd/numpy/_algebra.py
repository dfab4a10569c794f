"""NumPy's products, linear algebra and Fourier transforms on Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import array_api as xp
from ..array_api._common import NUMBER, fft_ops, linalg_ops, ops, pair, promoted
from ._table import FUNCTIONS, axis_of, floating, into, stands_for, tensor, typed, unsupported


@stands_for(np.dot)
def dot(a, b, out=None):
    a, b = pair(*(v if isinstance(v, NUMBER) else tensor(v) for v in (a, b)))
    if not (a.ndim and b.ndim):
        return into(out, a * b)
    second = -2 if b.ndim > 1 else -1
    return into(out, ops.tensordot(a, b, ((a.ndim - 1,), (b.ndim + second,))))


@stands_for(np.inner)
def inner(a, b, /):
    a, b = pair(tensor(a), tensor(b))
    return ops.tensordot(a, b, ((a.ndim - 1,), (b.ndim - 1,))) if a.ndim and b.ndim else a * b


@stands_for(np.vdot)
def vdot(a, b, /):
    a, b = pair(tensor(a), tensor(b))
    return xp.vecdot(ops.reshape(a, (-1,)), ops.reshape(b, (-1,)))


@stands_for(np.outer)
def outer(a, b, out=None):
    a, b = pair(tensor(a), tensor(b))
    return into(out, xp.linalg.outer(ops.reshape(a, (-1,)), ops.reshape(b, (-1,))))


@stands_for(np.tensordot)
def tensordot(a, b, axes=2):
    return xp.tensordot(tensor(a), tensor(b), axes=axes)


@stands_for(np.einsum)
def einsum(*operands, out=None, optimize=False, dtype=None, order="K", casting="safe"):
    subscripts, arrays = _spelled(operands)
    return into(out, typed(ops.einsum(subscripts, *promoted([tensor(a) for a in arrays])), dtype))


def _spelled(operands: tuple) -> tuple[str, list]:
    """Subscripts as a string; NumPy also takes lists of integers, each after its array."""
    if isinstance(operands[0], str):
        return operands[0], list(operands[1:])
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    words = ["".join("..." if i is Ellipsis else letters[i] for i in places) for places in operands[1::2]]
    arrays = list(operands[: 2 * len(words) : 2])
    if len(operands) % 2:
        out = "".join("..." if i is Ellipsis else letters[i] for i in operands[-1])
        return ",".join(words) + "->" + out, arrays
    return ",".join(words), arrays


@stands_for(np.cross)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = xp.moveaxis(tensor(a), axisa, -1), xp.moveaxis(tensor(b), axisb, -1)
    return xp.moveaxis(xp.linalg.cross(a, b), -1, axisc)


@stands_for(np.linalg.cross)
def linalg_cross(x1, x2, /, *, axis=-1):
    return cross(x1, x2, axis=axis)


@stands_for(np.linalg.vecdot)
def vecdot(x1, x2, /, *, axis=-1):
    return xp.vecdot(xp.moveaxis(tensor(x1), axis, -1), xp.moveaxis(tensor(x2), axis, -1))


@stands_for(np.linalg.matrix_power)
def matrix_power(a, n):
    return xp.linalg.matrix_power(floating(a), n)


@stands_for(np.linalg.matrix_rank)
def matrix_rank(A, tol=None, hermitian=False, *, rtol=None):
    unsupported("matrix_rank", rtol=rtol)
    return (
        linalg_ops.matrix_rank(floating(A), tol, hermitian) if tol is not None else xp.linalg.matrix_rank(floating(A))
    )


@stands_for(np.kron)
def kron(a, b):
    return ops.kron(*pair(tensor(a), tensor(b)))


@stands_for(np.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return into(out, xp.sum(ops.diagonal(tensor(a), offset, axis1, axis2), axis=-1, dtype=dtype))


@stands_for(np.diagonal)
def diagonal(a, offset=0, axis1=0, axis2=1):
    return ops.diagonal(tensor(a), offset, axis1, axis2)


@stands_for(np.diag)
def diag(v, k=0):
    return ops.diag(tensor(v), k)


FUNCTIONS[np.tril] = lambda m, k=0: xp.tril(_square(m), k=k)
FUNCTIONS[np.triu] = lambda m, k=0: xp.triu(_square(m), k=k)


def _square(m: Any) -> Any:
    """A matrix; a vector stands for a square one with equal rows."""
    m = tensor(m)
    return m.expand(len(m), len(m)) if m.ndim == 1 else m


@stands_for(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    return linalg_ops.norm(floating(x), ord, axis_of(axis), keepdims)


@stands_for(np.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    a = floating(a)
    return xp.linalg.svd(a, full_matrices=full_matrices) if compute_uv else xp.linalg.svdvals(a)


@stands_for(np.linalg.pinv)
def pinv(a, rcond=None, hermitian=False, *, rtol=None):
    rtol = rcond if rtol is None or rtol is np._NoValue else rtol
    return xp.linalg.pinv(floating(a), rtol=1e-15 if rtol is None else rtol)


@stands_for(np.linalg.solve)
def solve(a, b):
    return xp.linalg.solve(floating(a), floating(b))


@stands_for(np.linalg.eigh)
def eigh(a, UPLO="L"):
    return xp.linalg.EighResult(*linalg_ops.eigh(floating(a), UPLO))


@stands_for(np.linalg.eigvalsh)
def eigvalsh(a, UPLO="L"):
    return linalg_ops.eigvalsh(floating(a), UPLO)


for _name in ("cholesky", "det", "eig", "eigvals", "inv", "qr", "slogdet", "svdvals"):
    _function = getattr(xp.linalg, _name)
    FUNCTIONS[getattr(np.linalg, _name)] = lambda a, *args, _of=_function, **options: _of(floating(a), *args, **options)
for _name in ("outer", "tensordot", "matmul"):
    _function = getattr(xp.linalg, _name)
    FUNCTIONS[getattr(np.linalg, _name)] = lambda a, b, /, _of=_function, **options: _of(
        tensor(a), tensor(b), **options
    )
for _name in ("trace", "diagonal", "matrix_transpose", "vector_norm", "matrix_norm"):
    _function = getattr(xp.linalg, _name)
    FUNCTIONS[getattr(np.linalg, _name)] = lambda a, /, _of=_function, **options: _of(tensor(a), **options)


def _transform(operation: Callable) -> Callable:
    """A Fourier transform with NumPy's words for the axes."""

    def ours(a, *args, axis=None, axes=None, out=None, **options):
        dim = axis if axes is None else axes
        return into(out, operation(tensor(a), *args, **({} if dim is None else {"dim": dim}), **options))

    return ours


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2",
              "irfft2", "fftshift", "ifftshift"):  # fmt: skip
    FUNCTIONS[getattr(np.fft, _name)] = _transform(getattr(fft_ops, _name))


@stands_for(np.convolve)
def convolve(a, v, mode="full"):
    """Sums over all pairs whose places add up, by the windows of one vector against the other turned round."""
    a, v = pair(ops.atleast_1d(tensor(a)), ops.atleast_1d(tensor(v)))
    a, v = (v, a) if len(v) > len(a) else (a, v)
    ends = {"full": len(v) - 1, "valid": 0, "same": len(v) - 1}[mode]
    padded = xp.concat([a.new_zeros(ends), a, a.new_zeros(ends)])
    out = padded.unfold(0, len(v), 1) @ xp.flip(v)
    return out[(len(v) - 1) // 2 :][: len(a)] if mode == "same" else out


@stands_for(np.correlate)
def correlate(a, v, mode="valid"):
    return convolve(a, xp.flip(xp.conj(tensor(v))), mode)


@stands_for(np.polyval)
def polyval(p, x):
    p, x = pair(tensor(p), tensor(x))
    out = xp.zeros_like(x)
    for coefficient in p:
        out = out * x + coefficient
    return out


@stands_for(np.vander)
def vander(x, N=None, increasing=False):
    return ops.vander(tensor(x), N, increasing)


@stands_for(np.linalg.multi_dot)
def multi_dot(arrays, *, out=None):
    return into(out, linalg_ops.multi_dot(promoted([tensor(a) for a in arrays])))


@stands_for(np.linalg.lstsq)
def lstsq(a, b, rcond=None):
    a, b = pair(floating(a), floating(b))
    columns = b[:, None] if b.ndim == 1 else b
    solution = xp.linalg.pinv(a, rtol=rcond if rcond is None or rcond > 0 else None) @ columns
    residual = xp.sum(xp.abs(a @ solution - columns) ** 2, axis=0) if a.shape[0] > a.shape[1] else a.new_zeros(0)
    return (solution[:, 0] if b.ndim == 1 else solution), residual, xp.linalg.matrix_rank(a), xp.linalg.svdvals(a)


@stands_for(np.linalg.cond)
def cond(x, p=None):
    return linalg_ops.cond(floating(x), p)


FUNCTIONS[np.linalg.tensorinv] = lambda a, ind=2: linalg_ops.tensorinv(floating(a), ind)
FUNCTIONS[np.linalg.tensorsolve] = lambda a, b, axes=None: linalg_ops.tensorsolve(floating(a), floating(b), axes)
