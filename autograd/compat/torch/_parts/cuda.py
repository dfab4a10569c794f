"""`torch.cuda` (and mps, xpu) on a machine without one: asking is answered, using raises."""

from __future__ import annotations

import contextlib
from typing import Any

from .types import CUDA_TYPED, OutOfMemoryError

globals().update(CUDA_TYPED)


def is_available() -> bool:
    return False


def device_count() -> int:
    return 0


def is_initialized() -> bool:
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    return False


def manual_seed(seed: int) -> None:
    """No GPU to seed."""


manual_seed_all = manual_seed


def empty_cache() -> None:
    """No GPU memory to give back."""


def synchronize(device: Any = None) -> None:
    """Nothing runs ahead here."""


def init() -> None:
    """No GPU to start."""


def memory_allocated(device: Any = None) -> int:
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_cached = max_memory_cached = memory_allocated


def reset_peak_memory_stats(device: Any = None) -> None:
    """Nothing is counted."""


reset_max_memory_allocated = reset_peak_memory_stats


def ipc_collect() -> None:
    """Nothing is shared."""


def get_rng_state_all() -> list:
    return []


def set_rng_state_all(states: Any) -> None:
    """No GPU to set."""


def _absent(name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            f"torch.cuda.{name}: Found no NVIDIA driver: there is no GPU here, everything runs on the CPU"
        )

    call.__name__ = name
    return call


current_device, set_device, get_device_name, get_device_properties, get_device_capability, get_rng_state = map(
    _absent,
    (
        "current_device",
        "set_device",
        "get_device_name",
        "get_device_properties",
        "get_device_capability",
        "get_rng_state",
    ),
)


@contextlib.contextmanager
def device(index: Any = None) -> Any:
    """A block that would use one GPU."""
    yield


@contextlib.contextmanager
def stream(s: Any = None) -> Any:
    """A block that would run on one stream."""
    yield


class Event:
    """Measures time on a GPU in PyTorch."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _absent("Event")()


class Stream(Event):
    """A queue of work on a GPU in PyTorch."""


class nvtx:
    """Marks for a GPU profiler, which mark nothing."""

    @staticmethod
    def range_push(msg: str) -> int:
        return 0

    @staticmethod
    def range_pop() -> int:
        return 0

    mark = range_push

    @staticmethod
    def range(msg: str, *args: Any, **kwargs: Any) -> Any:
        return contextlib.nullcontext()


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    return "there is no GPU here"


def memory_stats(device: Any = None) -> dict:
    return {}


def get_arch_list() -> list:
    return []


seed = seed_all = empty_cache
default_stream = current_stream = mem_get_info = _absent("current_stream")

__all__ = [
    "Event", "OutOfMemoryError", "Stream", "current_device", "current_stream", "default_stream", "device",
    "device_count", "empty_cache", "get_arch_list", "get_device_capability", "get_device_name", "get_device_properties",
    "get_rng_state", "get_rng_state_all", "init", "ipc_collect", "is_available", "is_bf16_supported", "is_initialized",
    "manual_seed", "manual_seed_all", "max_memory_allocated", "max_memory_cached", "max_memory_reserved",
    "mem_get_info", "memory_allocated", "memory_cached", "memory_reserved", "memory_stats", "memory_summary", "nvtx",
    "reset_max_memory_allocated", "reset_peak_memory_stats", "seed", "seed_all", "set_device", "set_rng_state_all",
    "stream", "synchronize", *CUDA_TYPED]  # fmt: skip
