"""Gaussian elimination in NumPy, over batches: NumPy itself gives no LU factors."""

from __future__ import annotations

import numpy as np

from .._array import Array


def eliminate(A: Array) -> tuple[Array, Array]:
    """Gaussian elimination with partial pivoting, one column at a time over the whole batch.

    Returns:
        L and U in one array (L's unit diagonal left out), and the row (from 1) each row was swapped with.
    """
    if A.ndim == 2:
        return _eliminate_one(A) if min(A.shape) <= _BLOCK else _eliminate_blocks(A)
    LU = A.copy()
    m, n = A.shape[-2:]
    k = min(m, n)
    pivots = np.zeros_like(A, shape=(*A.shape[:-2], k), dtype=np.int32)
    for j in range(k):
        pivot = j + np.argmax(_size(LU[..., j:, j]), axis=-1)
        pivots[..., j] = pivot + 1
        _swap_rows(LU, j, pivot[..., None, None])
        head = LU[..., j, j, None]
        column = LU[..., j + 1 :, j]
        column = np.where(head == 0, column, column / np.where(head == 0, 1, head))
        LU[..., j + 1 :, j] = column
        LU[..., j + 1 :, j + 1 :] -= column[..., None] * LU[..., j : j + 1, j + 1 :]
    return LU, pivots


def _eliminate_one(A: Array) -> tuple[Array, Array]:
    """The same for one matrix, without the batch's fancy indexing."""
    LU = A.copy()
    k = min(A.shape)
    pivots = np.zeros_like(A, shape=(k,), dtype=np.int32)
    for j in range(k):
        pivot = j + int(np.argmax(_size(LU[j:, j])))
        pivots[j] = pivot + 1
        if pivot != j:
            LU[[j, pivot]] = LU[[pivot, j]]
        if LU[j, j] != 0:
            LU[j + 1 :, j] /= LU[j, j]
        LU[j + 1 :, j + 1 :] -= LU[j + 1 :, j, None] * LU[j, j + 1 :]
    return LU, pivots


_BLOCK = 48  # columns; beyond it most of the work is one matrix product per block


def _eliminate_blocks(A: Array) -> tuple[Array, Array]:
    """The same for one large matrix: a block of columns at a time, the rest brought up to date by a product."""
    LU = A.copy()
    k = min(A.shape)
    pivots = np.zeros_like(A, shape=(k,), dtype=np.int32)
    for start in range(0, k, _BLOCK):
        end = min(start + _BLOCK, k)
        panel, swaps = _eliminate_one(LU[start:, start:end])
        LU[start:] = LU[start:][permutation(swaps, len(panel))]
        LU[start:, start:end] = panel
        pivots[start:end] = swaps + start
        if end < A.shape[1]:
            unit = np.tril(panel[: end - start], -1) + np.eye(end - start, dtype=A.dtype)
            LU[start:end, end:] = np.linalg.solve(unit, LU[start:end, end:])
            LU[end:, end:] -= LU[end:, start:end] @ LU[start:end, end:]
    return LU, pivots


def _size(x: Array) -> Array:
    """LAPACK's measure of a pivot: |re| + |im|."""
    return np.abs(x.real) + np.abs(x.imag) if x.dtype.kind == "c" else np.abs(x)


def _swap_rows(LU: Array, j: int, pivot: Array) -> None:
    other = np.take_along_axis(LU, pivot, axis=-2)
    np.put_along_axis(LU, pivot, LU[..., j : j + 1, :].copy(), axis=-2)
    LU[..., j : j + 1, :] = other


def permutation(pivots: Array, m: int) -> Array:
    """Order of the rows after all swaps: (P A)[i] = A[order[i]]."""
    order = np.zeros_like(pivots, shape=(*pivots.shape[:-1], m), dtype=np.int64)
    order[...] = np.arange(m)
    for j in range(pivots.shape[-1]):
        p = pivots[..., j, None] - 1
        other = np.take_along_axis(order, p, axis=-1)
        np.put_along_axis(order, p, order[..., j : j + 1].copy(), axis=-1)
        order[..., j : j + 1] = other
    return order
