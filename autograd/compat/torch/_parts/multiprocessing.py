"""`torch.multiprocessing`: Python's own, and `spawn`."""

from __future__ import annotations

import multiprocessing
import sys
import traceback
from collections.abc import Callable
from multiprocessing import Event, Lock, Manager, Pipe, Pool, Process, Queue, cpu_count, current_process, get_context
from typing import Any

set_start_method = multiprocessing.set_start_method
get_start_method = multiprocessing.get_start_method


class ProcessException(Exception):
    """A process that `spawn` started did not end well.

    Attributes:
        error_index: which one. error_pid: its number in the system.
    """

    def __init__(self, msg: str, error_index: int, pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.error_pid = msg, error_index, pid


class ProcessRaisedException(ProcessException):
    """It raised an error."""


class ProcessExitedException(ProcessException):
    """It ended by itself or by a signal.

    Attributes:
        exit_code: with this code.
    """

    def __init__(self, msg: str, error_index: int, error_pid: int, exit_code: int) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code = exit_code


def _run(fn: Callable, i: int, args: tuple, errors: Any) -> None:
    try:
        fn(i, *args)
    except Exception:
        errors.put(traceback.format_exc())
        sys.exit(1)


def _raise_for(i: int, process: Any, errors: Any) -> None:
    if process.exitcode == 1 and not errors.empty():
        text = f"\n\n-- Process {i} terminated with the following error:\n{errors.get()}"
        raise ProcessRaisedException(text, i, process.pid)
    raise ProcessExitedException(
        f"process {i} terminated with exit code {process.exitcode}", i, process.pid, process.exitcode
    )


def spawn(fn: Callable, args: tuple = (), nprocs: int = 1, join: bool = True, daemon: bool = False,
          start_method: str = "spawn") -> Any:  # fmt: skip
    """Run `fn(i, *args)` in `nprocs` processes; the processes themselves, still running, without `join`.

    Raises:
        ProcessRaisedException, ProcessExitedException: one of them did not end well.
    """
    context = multiprocessing.get_context(start_method)
    errors = [context.SimpleQueue() for _ in range(nprocs)]
    started = [context.Process(target=_run, args=(fn, i, args, errors[i]), daemon=daemon) for i in range(nprocs)]
    for process in started:
        process.start()
    if not join:
        return started
    for i, process in enumerate(started):
        process.join()
        if process.exitcode:
            _raise_for(i, process, errors[i])
    return None


def set_sharing_strategy(new_strategy: str) -> None:
    """Tensors are copied between processes."""


def get_sharing_strategy() -> str:
    return "file_system"


__all__ = ["Event", "Lock", "Manager", "Pipe", "Pool", "Process", "ProcessException", "ProcessExitedException",
           "ProcessRaisedException", "Queue", "cpu_count", "current_process", "get_context",
           "get_sharing_strategy", "get_start_method", "set_sharing_strategy", "set_start_method", "spawn"]  # fmt: skip
