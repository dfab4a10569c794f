"""Functions of PyTorch's top level that are neither operations nor settings."""

from __future__ import annotations

from typing import Any

from .... import _dtype, as_tensor, linalg
from ....func import vmap
from ...._tensor import Tensor



def is_storage(obj: Any) -> bool:
    return False


def get_device(input: Tensor) -> int:
    """-1: the CPU."""
    return input.get_device()


def lstsq(input: Tensor, A: Tensor) -> Any:
    """Removed from PyTorch; see `torch.linalg.lstsq`."""
    raise RuntimeError("torch.lstsq is deprecated in favor of torch.linalg.lstsq, whose arguments are in the other order")


def matrix_rank(input: Tensor, tol: Any = None, symmetric: bool = False) -> Tensor:
    return linalg.matrix_rank(input, tol=tol, hermitian=symmetric)


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


def is_deterministic() -> bool:
    return True


def sym_int(a: Any) -> int:
    return int(a)


def sym_float(a: Any) -> float:
    return float(a)


__all__ = ["frobenius_norm", "from_dlpack", "frombuffer", "get_device", "lstsq", "matrix_rank", "nuclear_norm",
           "set_anomaly_enabled", "sym_float", "sym_int", "vmap"]  # fmt: skip
