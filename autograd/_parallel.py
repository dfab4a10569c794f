"""Both cores for the few kernels that are worth it: pieces of an array worked on by the caller and helper threads.

NumPy lets go of the interpreter's lock inside its loops, so threads help wherever a piece takes some tens of
microseconds. `run` costs about 30 of them; kernels call it for large arrays only.

Whether they do run at the same time is up to the system: a virtual machine may keep both on one core for milliseconds.
So the team compares, for short jobs, the time of its processors with what went by, and does alone for a while what was
not worth it.
"""

from __future__ import annotations

import contextvars
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

_MOST = 4  # beyond this, memory is the limit of everything done here
_GAIN = 1.1  # processors' seconds in a second from which sharing pays
_SHORT = 2e-3  # seconds below which that is doubtful: during longer jobs systems find the other core
_PATIENCE = 256  # jobs of a kind done alone, at most, before sharing is tried again
thread_time = getattr(time, "thread_time", perf_counter)
_EXACT = thread_time is not perf_counter and time.get_clock_info("thread_time").resolution < 1e-5  # else who can tell


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
        self.busy: list[float] = []  # seconds of each thread's processor
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
        start = thread_time()
        for piece in self.left:  # taking from one iterator is atomic
            self.work(piece)
        self.busy.append(thread_time() - start)


class _Worth:
    """Whether jobs of a kind are shared: after one that was not worth it, twice as many as the last time are done alone."""

    alone = left = 0

    def shared(self) -> bool:
        self.left -= 1
        return self.left < 0

    def judge(self, gain: float) -> None:
        self.alone = 0 if gain >= _GAIN else min(max(2 * self.alone, 4), _PATIENCE)
        self.left = self.alone


class Team:
    """Helper threads, started when first needed and again after a fork."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.jobs: queue.SimpleQueue | None = None
        self.free = threading.Lock()
        self.kinds: dict[tuple, _Worth] = {}

    def start(self) -> queue.SimpleQueue:
        jobs: queue.SimpleQueue = queue.SimpleQueue()
        self.jobs = jobs
        for _ in range(self.size - 1):
            threading.Thread(target=_serve, args=(jobs,), daemon=True, name="autograd-helper").start()
        return jobs

    def run(self, work: Callable[[Any], None], pieces: Sequence) -> None:
        """work(piece) for every piece, in any order; alone when the team is busy or there is nothing to share."""
        worth = self._worth(work, pieces) if self.size > 1 and len(pieces) > 1 else None
        if worth is None or not worth.shared() or not self.free.acquire(blocking=False):
            for piece in pieces:
                work(piece)
            return
        try:
            start = perf_counter()
            busy = self._share(work, pieces)
            passed = perf_counter() - start
            if _EXACT and passed < _SHORT:
                worth.judge(busy / passed)
        finally:
            self.free.release()

    def _worth(self, work: Callable, pieces: Sequence) -> _Worth:
        """What is known about jobs like this one: the same function, as many pieces of the same length."""
        kind = getattr(work, "__code__", None), len(pieces), getattr(pieces[0], "stop", 0)
        found = self.kinds.get(kind)
        if found is None:
            if len(self.kinds) > 256:
                self.kinds.clear()
            found = self.kinds[kind] = _Worth()
        return found

    def _share(self, work: Callable, pieces: Sequence) -> float:
        """The seconds that all processors took."""
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
        return sum(job.busy)

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
