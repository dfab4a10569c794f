"""`torch.sparse`: making tensors with a sparse layout, and functions of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import as_tensor, cat, matmul
from ...._tensor import Tensor
from . import types
from .sparse_tensors import (
    Coo,
    Sparse,
    compressed,
    coo,
    from_dense,
    product,
    rows_of,
    sparse_coo,
    sparse_csr,
)


def sparse_coo_tensor(indices: Any = None, values: Any = None, size: Any = None, *, dtype: Any = None, device: Any = None,
                      requires_grad: bool = False, check_invariants: Any = None, is_coalesced: Any = None) -> Coo:  # fmt: skip
    """A tensor with `values` added at `indices` (one column per entry); gradients reach `values`.

    Args:
        indices: (sparse axes, entries); or the size alone, of a tensor without entries. values: (entries, ...).
    """
    if values is None:
        size = tuple(indices if size is None else size)
        indices, values = np.zeros((len(size), 0), np.int64), as_tensor([], dtype=dtype)
    indices, values = as_tensor(indices), as_tensor(values, dtype=dtype)
    indices = indices.reshape(1, -1) if indices.ndim == 1 else indices
    if size is None:
        size = (*[int(row.max()) + 1 for row in indices], *values.shape[1:])
    _check(indices, values, tuple(size))
    made = coo(indices, values.detach() if requires_grad else values, size, bool(is_coalesced))
    return made.requires_grad_() if requires_grad else made  # type: ignore[return-value]


def _check(indices: Tensor, values: Tensor, size: tuple) -> None:
    entries = indices.shape[1]
    if entries != values.shape[0]:
        raise RuntimeError(
            f"indices and values must have same nnz, but got nnz from indices: {entries}, nnz from values: {values.shape[0]}"
        )
    for axis, row in enumerate(indices):
        if entries and int(row.min()) < 0:
            raise RuntimeError(f"found negative index {int(row.min())} for dim {axis}")
        if entries and int(row.max()) >= size[axis]:
            raise RuntimeError(f"size is inconsistent with indices: for dim {axis}, size is {size[axis]} but found index "
                               f"{int(row.max())}")  # fmt: skip


def _compressed_tensor(
    ends: Any, others: Any, values: Any, size: Any, dtype: Any, requires_grad: bool, axis: int
) -> Tensor:
    lines, across = rows_of(ends), as_tensor(others)
    values = as_tensor(values, dtype=dtype)
    shape = [len(as_tensor(ends)) - 1, int(across.max()) + 1 if len(across) else 0]
    places = np.stack([np.asarray(lines, np.int64), np.asarray(across._data, np.int64)])
    made = compressed(
        places[::-1] if axis else places, values, (shape[::-1] if axis else shape) if size is None else size, axis
    )
    return made.requires_grad_() if requires_grad else made


def sparse_csr_tensor(crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
                      device: Any = None, requires_grad: bool = False, check_invariants: Any = None) -> Tensor:  # fmt: skip
    """The matrix whose row i has the entries crow_indices[i] to crow_indices[i + 1]."""
    return _compressed_tensor(crow_indices, col_indices, values, size, dtype, requires_grad, 0)


def sparse_csc_tensor(ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
                      device: Any = None, requires_grad: bool = False, check_invariants: Any = None) -> Tensor:  # fmt: skip
    """The matrix whose column j has the entries ccol_indices[j] to ccol_indices[j + 1]."""
    return _compressed_tensor(ccol_indices, row_indices, values, size, dtype, requires_grad, 1)


class _sparsetype(types.tensortype):
    """The type of `torch.sparse.FloatTensor`: calling one is `sparse_coo_tensor`, isinstance looks at layout and dtype."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Coo) and value.dtype is cls.dtype

    def __call__(cls, indices: Any = (0,), *values: Any) -> Any:
        if isinstance(indices, int):
            return sparse_coo_tensor(size=(indices, *values), dtype=cls.dtype)
        return sparse_coo_tensor(indices, *values, dtype=cls.dtype)


def _typed(name: str) -> _sparsetype:
    return _sparsetype(name, (), {"dtype": types.TYPED[name].dtype, "__module__": "torch.sparse"})


FloatTensor, DoubleTensor, LongTensor, IntTensor = map(
    _typed, ("FloatTensor", "DoubleTensor", "LongTensor", "IntTensor")
)


def _dense(t: Any) -> Any:
    return t.dense() if isinstance(t, Sparse) else t


def _given(input: Tensor) -> Tensor:
    """True where a sparse tensor has entries; where a dense one is not zero."""
    return input.to_sparse_coo().pattern() if isinstance(input, Sparse) else input != 0


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Log-softmax over the entries that are given."""
    given = _given(input)
    rows = _dense(input).to(dtype or input.dtype).masked_fill(~given, float("-inf")).log_softmax(dim)
    return from_dense(rows.masked_fill(~given, 0.0), given)


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Softmax over the entries that are given."""
    given = _given(input)
    rows = _dense(input).to(dtype or input.dtype).masked_fill(~given, float("-inf")).softmax(dim)
    return from_dense(rows.nan_to_num(0.0), given)


def sampled_addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    """`beta * input + alpha * mat1 @ mat2` where `input` has entries."""
    made = from_dense((beta * _dense(input) + alpha * matmul(mat1, mat2)) * _given(input), _given(input))
    return made.to_sparse_csr() if input.layout is sparse_csr else made


def mm(mat1: Tensor, mat2: Tensor, reduce: Any = None) -> Tensor:
    """`mat1 @ mat2`: sparse when both are."""
    return product(mat1, mat2)


def smm(input: Tensor, mat: Tensor) -> Tensor:
    """`input @ mat`, sparse."""
    return from_dense(product(input, mat))


hsmm = hspmm = smm


def spmm(input: Tensor, mat: Tensor) -> Tensor:
    """`input @ mat`, dense."""
    return matmul(_dense(input), _dense(mat))


dsmm = spmm


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    """`beta * input + alpha * mat1 @ mat2`, dense."""
    return beta * _dense(input) + alpha * matmul(_dense(mat1), _dense(mat2))


def sum(input: Tensor, dim: Any = None, dtype: Any = None) -> Tensor:
    """Over all axes a number, over some of them a sparse tensor."""
    return input.sum(dtype=dtype) if dim is None else input.sum(dim, dtype=dtype)


def spdiags(diagonals: Tensor, offsets: Tensor, shape: Any, layout: Any = None) -> Tensor:
    """The matrix with the rows of `diagonals` on the diagonals that `offsets` names."""
    rows, at, values = diagonals.reshape(-1, diagonals.shape[-1]), offsets.reshape(-1).tolist(), []
    if len(rows) != len(at):
        raise RuntimeError(f"Number of diagonals ({len(rows)}) does not match the number of offsets ({len(at)})")
    if len(set(at)) != len(at):
        raise RuntimeError("Offset tensor contains duplicate values")
    places: list[tuple[int, int]] = []
    for row, offset in zip(rows, at, strict=True):
        columns = [j for j in range(rows.shape[-1]) if 0 <= j - offset < shape[0] and j < shape[1]]
        places += [(j - offset, j) for j in columns]
        values.append(row[columns])
    made = coo(np.array(places, np.int64).reshape(-1, 2).T, cat(values), shape).coalesce()
    return made if layout in (None, sparse_coo) else made.to_sparse_csr().to_sparse(layout=layout)


class check_sparse_tensor_invariants:
    """Places and values are always checked here."""

    def __enter__(self) -> check_sparse_tensor_invariants:
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing was switched."""

    enable = disable = staticmethod(lambda: None)

    @staticmethod
    def is_enabled() -> bool:
        return True


__all__ = ["DoubleTensor", "FloatTensor", "IntTensor", "LongTensor", "addmm", "check_sparse_tensor_invariants", "log_softmax",
           "mm", "sampled_addmm", "softmax", "spdiags", "sum"]  # fmt: skip
