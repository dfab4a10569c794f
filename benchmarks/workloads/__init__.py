"""The workloads by band; importing this package registers them all."""

from . import higher, large, medium, scalar, small

__all__ = ["higher", "large", "medium", "scalar", "small"]
