"""The functions on sparse tensors, and the names of layouts, at PyTorch's top level."""

from __future__ import annotations

from ...._tensor import layout
from .sparse import dsmm, hsmm, hspmm, smm, sparse_coo_tensor, sparse_csc_tensor, sparse_csr_tensor, spmm
from .sparse_tensors import sparse_coo, sparse_csc, sparse_csr

sparse_bsr, sparse_bsc, jagged = layout("sparse_bsr"), layout("sparse_bsc"), layout("jagged")

__all__ = ["dsmm", "hsmm", "hspmm", "jagged", "smm", "sparse_bsc", "sparse_bsr", "sparse_coo", "sparse_coo_tensor", "sparse_csc",
           "sparse_csc_tensor", "sparse_csr", "sparse_csr_tensor", "spmm"]  # fmt: skip
