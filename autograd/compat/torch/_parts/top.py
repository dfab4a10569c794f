"""Functions of PyTorch's top level that are neither operations nor settings."""

from __future__ import annotations

from typing import Any

from .... import _dtype, as_tensor, linalg, randn
from ...._tensor import Tensor
from ....func import vmap


def _assert(condition: Any, message: str) -> None:
    """`assert` as a function, which torch.fx can record."""
    assert condition, message


_assert.__module__ = "torch"


def get_device(input: Tensor) -> int:
    """-1: the CPU."""
    return input.get_device()


def lstsq(input: Tensor, A: Tensor) -> Any:
    """Removed from PyTorch; see `torch.linalg.lstsq`."""
    raise RuntimeError(
        "torch.lstsq is deprecated in favor of torch.linalg.lstsq, whose arguments are in the other order"
    )


def matrix_rank(input: Tensor, tol: Any = None, symmetric: bool = False) -> Tensor:
    """Removed from PyTorch; see `torch.linalg.matrix_rank`."""
    raise RuntimeError(
        "torch.matrix_rank was removed: use torch.linalg.matrix_rank, where 'symmetric' is called 'hermitian'"
    )


def nuclear_norm(input: Tensor, dim: Any = (-2, -1), keepdim: bool = False) -> Tensor:
    return linalg.matrix_norm(input, "nuc", dim, keepdim)


def frobenius_norm(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    return linalg.vector_norm(input, 2, dim or None, keepdim)


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A tensor over the memory of a buffer."""
    import numpy as np

    array = np.frombuffer(buffer, _dtype.as_dtype(dtype).dtype, count, offset)
    return as_tensor(array).requires_grad_(requires_grad) if requires_grad else as_tensor(array)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor over memory that another library offers through DLPack."""
    import numpy as np

    return as_tensor(np.from_dlpack(ext_tensor))


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    from .... import set_detect_anomaly

    set_detect_anomaly(mode, check_nan)


def unravel_index(indices: Tensor, shape: Any) -> tuple:
    """Coordinates of flat indices in an array of `shape`."""
    import numpy as np

    return tuple(as_tensor(np.asarray(c)) for c in np.unravel_index(indices._data, tuple(shape)))


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm over every axis but `dim`."""
    return linalg.vector_norm(v, pow, [i for i in range(v.dim()) if i != dim % v.dim()], True)


def constant_pad_nd(input: Tensor, pad: Any, value: float = 0) -> Tensor:
    from nn.functional import pad as padded

    return padded(input, pad, "constant", value)


def _standard_gamma(self: Tensor, generator: Any = None) -> Tensor:
    """Gamma variables of the given shapes and scale 1, with gradients."""
    from .distributions import _standard_gamma as drawn

    return drawn(self)


def _range_basis(a: Tensor, q: int, niter: int) -> Tensor:
    """Orthonormal columns that nearly span those of `a`, from random combinations of them (Halko et al., 2009)."""
    basis = linalg.qr(a @ randn(a.shape[-1], q, dtype=a.dtype)).Q
    for _ in range(niter):
        basis = linalg.qr(a.mT @ basis).Q
        basis = linalg.qr(a @ basis).Q
    return basis


def svd_lowrank(A: Tensor, q: int | None = None, niter: int = 2, M: Tensor | None = None) -> tuple:
    """The first q singular values and vectors (U, S, V) of A - M, nearly, by a random projection."""
    A = A if M is None else A - M.expand(A.shape)
    wide = A.shape[-2] < A.shape[-1]
    A = A.mT if wide else A
    basis = _range_basis(A, 6 if q is None else q, niter)
    u, s, vh = linalg.svd(basis.mT @ A, full_matrices=False)
    u, v = basis @ u, vh.mT
    return (v, s, u) if wide else (u, s, v)


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple:
    """Principal components: `svd_lowrank` of A with its columns' means taken away."""
    q = min(6, *A.shape[-2:]) if q is None else q
    if not 0 <= q <= min(A.shape[-2:]):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(A.shape[-2:])}")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)


def sym_int(a: Any) -> int:
    return int(a)


def sym_float(a: Any) -> float:
    return float(a)


__all__ = [
    "constant_pad_nd",
    "frobenius_norm",
    "from_dlpack",
    "frombuffer",
    "get_device",
    "lstsq",
    "matrix_rank",
    "norm_except_dim",
    "nuclear_norm",
    "pca_lowrank",
    "set_anomaly_enabled",
    "svd_lowrank",
    "sym_float",
    "sym_int",
    "unravel_index",
    "vmap",
]  # fmt: skip
