"""`torch.multiprocessing`: Python's own, and `spawn`."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing import Event, Lock, Manager, Pipe, Pool, Process, Queue, cpu_count, current_process, get_context
from typing import Any

set_start_method = multiprocessing.set_start_method
get_start_method = multiprocessing.get_start_method


def spawn(fn: Callable, args: tuple = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
          start_method: str = "spawn") -> Any:  # fmt: skip
    """Run `fn(i, *args)` in `nprocs` processes."""
    context = multiprocessing.get_context(start_method)
    started = [context.Process(target=fn, args=(i, *args), daemon=daemon) for i in range(nprocs)]
    for process in started:
        process.start()
    for process in started if join else ():
        process.join()
        if process.exitcode:
            raise RuntimeError(f"spawn: process {process.name} ended with exit code {process.exitcode}")
    return None if join else started


def set_sharing_strategy(new_strategy: str) -> None:
    """Tensors are copied between processes."""


def get_sharing_strategy() -> str:
    return "file_system"


__all__ = ["Event", "Lock", "Manager", "Pipe", "Pool", "Process", "Queue", "cpu_count", "current_process", "get_context",
           "get_sharing_strategy", "get_start_method", "set_sharing_strategy", "set_start_method", "spawn"]  # fmt: skip
