"""The parent's side of a DataLoader's worker processes; `_worker` is theirs."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import warnings
import weakref
from collections.abc import Callable
from multiprocessing import connection
from typing import Any

from ._fetch import Fetcher
from ._info import WorkerInfo
from ._worker import Orders, work

STOP_SECONDS = 0.5  # how long a worker may take to stop by itself


class Pool:
    """The workers of one pass over a loader, or with persistent workers of all."""

    def __init__(self, make_fetcher: Callable[[], Fetcher], dataset: Any, count: int, seed: int,
                 init: Callable | None, context: Any) -> None:  # fmt: skip
        self.epoch = 0
        self.pipes: list[connection.Connection] = []
        self.processes: list[Any] = []
        # Runs when the pool is dropped, when the program ends, or when starting fails half way.
        self.close = weakref.finalize(self, _stop, os.getpid(), self.processes, self.pipes)
        try:
            for i in range(count):
                self._start(Orders(make_fetcher, WorkerInfo(i, count, seed + i, dataset), init, []), context)
        except BaseException:
            self.close()
            raise

    def _start(self, orders: Orders, context: Any) -> None:
        here, there = context.Pipe()
        if context.get_start_method() == "fork":
            orders.inherited = [*self.pipes, here]
        process = context.Process(target=work, args=(there, orders), daemon=True)
        with warnings.catch_warnings():
            # Python warns of fork in a process with threads, which NumPy's BLAS always has and prepares for.
            warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
            process.start()
        self.processes.append(process)
        self.pipes.append(here)
        there.close()  # so that no later sibling inherits it and the pipe ends when the worker does

    def begin(self) -> int:
        """Start a new pass: every worker makes a fresh stream; what the last pass left unread will be skipped."""
        self.epoch += 1
        for worker in range(len(self.pipes)):
            self.request(worker, None)
        return self.epoch

    def request(self, worker: int, numbers: Any) -> None:
        try:
            self.pipes[worker].send((self.epoch, numbers))
        except OSError:
            self._died(worker)

    def reply(self, worker: int, timeout: float) -> Any:
        """The next batch of a worker, END, or the Failure it met."""
        while True:
            epoch, value = pickle.loads(self._receive(worker, timeout))  # noqa: S301  (from our own child)
            if epoch == self.epoch:
                return value

    def _receive(self, worker: int, timeout: float) -> bytes:
        pipe, process = self.pipes[worker], self.processes[worker]
        if not connection.wait([pipe, process.sentinel], timeout or None):
            self.close()
            raise RuntimeError(
                f"DataLoader timed out after {timeout} seconds waiting for worker {worker}; raise timeout=, or look "
                "for what holds the dataset up"
            )
        try:
            if pipe.poll():  # also what a worker sent before it died
                return pipe.recv_bytes()
        except (EOFError, OSError):
            pass
        return self._died(worker)

    def _died(self, worker: int) -> Any:
        process = self.processes[worker]
        process.join(STOP_SECONDS)
        pid, code = process.pid, process.exitcode
        self.close()
        raise RuntimeError(
            f"DataLoader worker (pid(s) {pid}) exited unexpectedly: {_reason(code)}. The system ends a process that "
            "needs too much memory; num_workers=0 shows errors in the dataset itself"
        )


def _reason(code: int | None) -> str:
    if code is None:
        return "it closed its connection"
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"it was killed by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"it was killed by signal {-code}"


def _stop(owner: int, processes: list[Any], pipes: list[connection.Connection]) -> None:
    """End all workers and wait for each, so that none is left, not even as a zombie."""
    if os.getpid() != owner:  # a copy of the pool in a forked child
        return
    for pipe in pipes:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.set_blocking(pipe.fileno(), False)  # a worker that hangs must not hang its parent
            pipe.send(None)
        pipe.close()
    for ask in (lambda p: None, lambda p: p.terminate(), lambda p: p.kill()):
        for process in processes:
            if process.is_alive():
                ask(process)
        for process in processes:
            process.join(STOP_SECONDS)
    processes.clear()
    pipes.clear()


def default_context(given: Any) -> Any:
    """The multiprocessing context a loader was given: None, a start method's name, or a context."""
    if given is None or isinstance(given, str):
        if given is not None and given not in multiprocessing.get_all_start_methods():
            raise ValueError(
                "DataLoader: multiprocessing_context option should specify a valid start method in "
                f"{multiprocessing.get_all_start_methods()}, but got {given!r}"
            )
        return multiprocessing.get_context(given)
    return given
