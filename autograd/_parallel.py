"""Both cores for the few kernels that are worth it: pieces of an array worked on by the caller and helper threads.

NumPy lets go of the interpreter's lock inside its loops, so threads help wherever a piece takes some tens of
microseconds. `run` costs about 30 of them; kernels call it for large arrays only.
"""

from __future__ import annotations

import contextvars
import os
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

_MOST = 4  # beyond this, memory is the limit of everything done here


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # pragma: no cover - not on Linux
        return os.cpu_count() or 1


class _Job:
    """Pieces that several threads take one after the other."""

    def __init__(self, work: Callable, pieces: Sequence, helpers: int) -> None:
        self.work, self.left = work, iter(pieces)
        self.error: BaseException | None = None
        self.ended = threading.Semaphore(0)
        # NumPy's floating-point error handling is in the context; a context serves one thread at a time.
        self.contexts = [contextvars.copy_context() for _ in range(helpers)]

    def help(self) -> None:
        try:
            self.contexts.pop().run(self.finish)
        except BaseException as error:
            self.error = error
        finally:
            self.ended.release()

    def finish(self) -> None:
        for piece in self.left:  # taking from one iterator is atomic
            self.work(piece)


class Team:
    """Helper threads, started when first needed and again after a fork."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.jobs: queue.SimpleQueue | None = None
        self.free = threading.Lock()

    def start(self) -> queue.SimpleQueue:
        jobs: queue.SimpleQueue = queue.SimpleQueue()
        self.jobs = jobs
        for _ in range(self.size - 1):
            threading.Thread(target=_serve, args=(jobs,), daemon=True, name="autograd-helper").start()
        return jobs

    def run(self, work: Callable[[Any], None], pieces: Sequence) -> None:
        """work(piece) for every piece, in any order; alone when the team is busy or there is nothing to share."""
        if self.size < 2 or len(pieces) < 2 or not self.free.acquire(blocking=False):
            for piece in pieces:
                work(piece)
            return
        try:
            self._share(work, pieces)
        finally:
            self.free.release()

    def _share(self, work: Callable, pieces: Sequence) -> None:
        jobs = self.jobs or self.start()
        helpers = min(self.size, len(pieces)) - 1
        job = _Job(work, pieces, helpers)
        for _ in range(helpers):
            jobs.put(job)
        try:
            job.finish()
        finally:
            job.left = iter(())
            for _ in range(helpers):
                job.ended.acquire()
        if job.error is not None:
            raise job.error

    def reset(self) -> None:
        """In a forked child no helper lives on."""
        self.jobs, self.free = None, threading.Lock()


def _serve(jobs: queue.SimpleQueue) -> None:
    while True:
        jobs.get().help()


team = Team(min(_cores(), _MOST))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: team.reset())


def slices(n: int, step: int) -> list[slice]:
    """0..n in pieces of `step`, at least 1."""
    step = max(step, 1)
    return [slice(i, min(i + step, n)) for i in range(0, n, step)]


def run(work: Callable[[slice], None], n: int, step: int) -> None:
    """work(piece) for slices of `step` that cover 0..n, on all cores."""
    team.run(work, slices(n, step))
