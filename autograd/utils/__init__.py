"""PyTorch's `utils`: exchange of memory with other libraries."""

from . import dlpack

__all__ = ["dlpack"]
