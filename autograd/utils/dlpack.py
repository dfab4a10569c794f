"""Memory shared with other array libraries through DLPack, under PyTorch's names."""

from .._protocols import from_dlpack, to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]
