"""`torch.sparse`'s functions with dense tensors: the values and gradients are the same, the memory is not saved."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from .... import as_tensor, matmul, zeros
from ...._tensor import Tensor


def sparse_coo_tensor(indices: Any, values: Any, size: Any = None, *, dtype: Any = None, device: Any = None,
                      requires_grad: bool = False, check_invariants: Any = None, is_coalesced: Any = None) -> Tensor:  # fmt: skip
    """The dense tensor with `values` added at `indices` (one column per entry); gradients reach `values`.

    Args:
        indices: (sparse axes, entries). values: (entries, ...).
    """
    indices, values = as_tensor(indices), as_tensor(values, dtype=dtype)
    if size is None:
        size = (*[int(row.max()) + 1 for row in indices], *values.shape[1:])
    dense = zeros(tuple(size), dtype=values.dtype)
    made = dense.index_put(tuple(indices), values, accumulate=True)
    return made.requires_grad_() if requires_grad else made


def sparse_csr_tensor(crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
                      requires_grad: bool = False, **ignored: Any) -> Tensor:  # fmt: skip
    """The dense matrix whose row i has the entries crow_indices[i] to crow_indices[i + 1]."""
    ends, columns = as_tensor(crow_indices).tolist(), as_tensor(col_indices).tolist()
    rows = [i for i, (a, b) in enumerate(pairwise(ends)) for _ in range(b - a)]
    shape = (len(ends) - 1, max(columns, default=-1) + 1) if size is None else size
    return sparse_coo_tensor([rows, columns], values, shape, dtype=dtype, requires_grad=requires_grad)


def FloatTensor(indices: Any, values: Any, size: Any = None) -> Tensor:
    """The older name of `sparse_coo_tensor`."""
    return sparse_coo_tensor(indices, values, size)


DoubleTensor = LongTensor = IntTensor = FloatTensor


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Log-softmax over the entries that are not zero."""
    return input.masked_fill(input == 0, float("-inf")).log_softmax(dim)


def sampled_addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    """`beta * input + alpha * mat1 @ mat2` where `input` is not zero."""
    return (beta * input + alpha * matmul(mat1, mat2)) * (input != 0)


def mm(mat1: Tensor, mat2: Tensor, reduce: Any = None) -> Tensor:
    """`mat1 @ mat2`."""
    return matmul(mat1, mat2)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    return beta * input + alpha * matmul(mat1, mat2)


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Softmax over the entries that are not zero."""
    return input.masked_fill(input == 0, float("-inf")).softmax(dim).nan_to_num(0.0)


def sum(input: Tensor, dim: Any = None, dtype: Any = None) -> Tensor:
    return input.sum() if dim is None else input.sum(dim)


spmm = smm = dsmm = hspmm = mm

__all__ = ["DoubleTensor", "FloatTensor", "IntTensor", "LongTensor", "addmm", "log_softmax", "mm", "sampled_addmm",
           "softmax", "sum"]  # fmt: skip
