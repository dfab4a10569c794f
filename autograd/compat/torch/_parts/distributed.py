"""`torch.distributed`: one process."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    return False


is_initialized = is_available


def get_rank(group: Any = None) -> int:
    return 0


def get_world_size(group: Any = None) -> int:
    return 1


def barrier(*args: Any, **kwargs: Any) -> None:
    """One process waits for nobody."""


def init_process_group(*args: Any, **kwargs: Any) -> None:
    """Raises: see autograd.distributed, if your version has it."""
    raise RuntimeError("torch.distributed.init_process_group: glassgrad's facade runs in one process")


__all__ = ["barrier", "get_rank", "get_world_size", "init_process_group", "is_available", "is_initialized"]
