"""The functions on sparse tensors at PyTorch's top level."""

from __future__ import annotations

from .sparse import dsmm, hspmm, smm, sparse_coo_tensor, sparse_csr_tensor, spmm

__all__ = ["dsmm", "hspmm", "smm", "sparse_coo_tensor", "sparse_csr_tensor", "spmm"]
