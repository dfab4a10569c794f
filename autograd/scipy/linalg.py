"""SciPy's linear algebra; what is listed here is recorded on Tensors."""

from __future__ import annotations

from typing import Any

from .. import numpy as np
from .._extras import require
from .._tensor import Tensor
from ..array_api._common import linalg_ops, ops

# Functions that NumPy has too, under the same name and with the same first arguments.
_NUMPYS = ("det", "eig", "eigh", "eigvals", "eigvalsh", "inv", "norm", "pinv", "solve", "svdvals")


def cholesky(a: Any, lower: bool = False) -> Any:
    """The triangular factor of a positive definite matrix; upper unless `lower`."""
    factor = np.linalg.cholesky(a)
    return factor if lower else np.swapaxes(np.conj(factor), -1, -2)


def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, **options: Any) -> Any:
    """The x with a x = b (aᵀ x = b when `trans`) for a triangular matrix."""
    if not isinstance(a, Tensor) and not isinstance(b, Tensor):
        return _scipy().solve_triangular(a, b, trans, lower, **options)
    a, b = (ops.as_tensor(v) for v in (a, b))
    if trans in (1, 2, "T", "C"):
        a, lower = np.swapaxes(np.conj(a) if trans in (2, "C") else a, -1, -2), not lower
    columns = b[:, None] if b.ndim == 1 else b
    out = linalg_ops.solve_triangular(a, columns, upper=not lower, unitriangular=options.get("unit_diagonal", False))
    return out[:, 0] if b.ndim == 1 else out


def expm(a: Any) -> Any:
    """The matrix exponential."""
    return linalg_ops.matrix_exp(a) if isinstance(a, Tensor) else _scipy().expm(a)


def block_diag(*arrays: Any) -> Any:
    """Matrices along the diagonal of a larger one."""
    if not any(isinstance(a, Tensor) for a in arrays):
        return _scipy().block_diag(*arrays)
    return ops.block_diag(*[ops.as_tensor(a) for a in arrays])


def _scipy() -> Any:
    return require("scipy.linalg", extra="scipy", purpose="autograd.scipy.linalg")


def __getattr__(name: str) -> Any:
    if name in _NUMPYS:
        return getattr(np.linalg, name)
    try:
        if name.startswith("__"):
            raise AttributeError
        return getattr(_scipy(), name)
    except AttributeError:
        raise AttributeError(f"module 'autograd.scipy.linalg' has no attribute {name!r}") from None
