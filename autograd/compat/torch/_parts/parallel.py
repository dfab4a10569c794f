"""`nn.DataParallel` and `DistributedDataParallel` with nothing to spread over: the module itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nn

from .distributed import get_world_size


class DataParallel(nn.Module):
    """Calls the module it holds; its parameters are named `module.…`, as PyTorch's are."""

    def __init__(self, module: nn.Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.dim, self.output_device = dim, output_device
        self.device_ids: list = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(nn.Module):
    """Calls the module it holds, whose gradients are those of the one process there is."""

    def __init__(self, module: nn.Module, device_ids: Any = None, output_device: Any = None, dim: int = 0,
                 broadcast_buffers: Any = None, init_sync: bool = True, process_group: Any = None, bucket_cap_mb: Any = None,
                 find_unused_parameters: bool = False, check_reduction: bool = False, gradient_as_bucket_view: bool = False,
                 static_graph: bool = False, **ignored: Any) -> None:  # fmt: skip
        super().__init__()
        get_world_size(process_group)  # refuses before init_process_group, as it must
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient."
            )
        self.module = module
        self.dim, self.device_ids, self.output_device = dim, device_ids, output_device
        self.find_unused_parameters, self.require_backward_grad_sync = find_unused_parameters, True

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Gradients accumulate without being exchanged, which they never are here."""
        old, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = old

    @contextmanager
    def join(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        """Waits for nobody."""
        yield

    def register_comm_hook(self, state: object, hook: Any) -> None:
        """Nothing is exchanged, so the hook is never called."""


def data_parallel(module: Any, inputs: Any, device_ids: Any = None, output_device: Any = None, dim: int = 0,
                  module_kwargs: dict | None = None) -> Any:  # fmt: skip
    """`module(*inputs, **module_kwargs)`."""
    return module(*(inputs if isinstance(inputs, tuple) else (inputs,)), **(module_kwargs or {}))


__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]
