"""`nn.DataParallel` without devices to spread over: the module itself."""

from __future__ import annotations

from typing import Any

import nn


class DataParallel(nn.Module):
    """Calls the module it holds; its parameters are named `module.…`, as PyTorch's are."""

    def __init__(self, module: nn.Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(DataParallel):
    """As DataParallel: one process is all there is."""


def data_parallel(module: Any, inputs: Any, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> Any:
    """`module(*inputs)`."""
    return module(*inputs) if isinstance(inputs, tuple) else module(inputs)


__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]
