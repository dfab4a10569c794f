"""Both cores for the few kernels that are worth it: pieces of an array worked on by the caller and helper threads.

NumPy lets go of the interpreter's lock inside its loops, so threads help wherever a piece takes some tens of
microseconds. `run` costs about 30 of them; kernels call it for large arrays only.

Whether that is faster is up to the machine: waking a thread takes some tens of microseconds, two threads may share one
core's units or one memory, and each waits when the other holds the interpreter's lock. So the team times short jobs both
ways, shared and alone, keeps to the faster one, and now and then tries both again.

A system may wake a thread on the core of the one that wakes it, above all when another library's threads keep the other
cores busy with waiting, and balance the load many jobs later (Linux, measured: 50 ms in which sharing gained nothing). So
helpers are kept off the core on which the caller runs. There, such waiting threads may keep them from running for one
more turn, 3 ms, in one case of eight; threads that ask for short turns go before them (measured: a job of 0.4 ms ends
0.5 ms after it was handed over instead of 1.1, on average).
"""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import itertools
import os
import platform
import queue
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any

_MOST = 4  # beyond this, memory is the limit of everything done here
_LONG = 1e-2  # seconds of a shared job that is never tried alone
_RUN = 3  # jobs in a row in each way to try a kind of them; the first finds the caches as the other way left them
_TRIED = 2  # such trials before the faster way is chosen where it is not clear after one
_PERIOD, _LONGEST = 256, 1 << 12  # jobs of a kind from one trial to the next
_SOON = 16  # the same at first where sharing lost, doubled each time: helpers, their memory, all is new then
_COST = 0.01  # of the time of jobs that are done alone, which trials of sharing them may take
_TURN = 200_000  # nanoseconds that a helper asks to run at a time
_LARGE = 5 << 18  # bytes of a piece that threads share: calls so long that one seldom waits for the other's lock
FREE = 512  # inner products in such a piece where there are as many: NumPy keeps the lock for 500 of them or less
_SETATTR = {"x86_64": 314, "aarch64": 274}  # the number of sched_setattr(2), which C libraries do not all offer


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # pragma: no cover - not on Linux
        return os.cpu_count() or 1


def _cache(level: int, common: int) -> int:
    """Bytes of a core's cache of this level; what is common where the system does not tell."""
    try:
        with open(f"/sys/devices/system/cpu/cpu0/cache/index{level}/size", encoding="ascii") as size:
            return int(size.read().rstrip("K\n")) << 10
    except (OSError, ValueError):  # not on Linux, or no such level
        return common


OWN_CACHE = _cache(2, 1 << 20)
# Bytes of a thread's part that is not cut any more: longer calls are better still, as long as the four arrays of each
# thread fit in the cache they share, and as much again (measured with 32 MiB: layer norm takes 0.7 of the time).
_WHOLE = max(min(5 << 20, _cache(3, 80 << 20) // 16), _LARGE)


def _current_core() -> Callable[[], int] | None:
    """What tells on which core the calling thread runs, where threads can be kept off one."""
    try:
        return ctypes.PyDLL(None).sched_getcpu if hasattr(os, "sched_setaffinity") else None
    except (OSError, AttributeError):  # pragma: no cover - another C library
        return None


class _Job:
    """Pieces that several threads take one after the other."""

    def __init__(self, work: Callable, pieces: Sequence, helpers: int) -> None:
        self.work, self.count, self.left = work, len(pieces), iter(pieces)
        self.done: queue.SimpleQueue = queue.SimpleQueue()  # a semaphore of `threading` takes 20 us longer
        # NumPy's floating-point error handling is in the context; a context serves one thread at a time.
        self.contexts = [contextvars.copy_context() for _ in range(helpers)]

    def help(self) -> None:
        """Take pieces, and tell of each what became of it."""
        self.contexts.pop().run(self._help)

    def _help(self) -> None:
        for piece in self.left:  # taking from one iterator is atomic
            error = None
            try:
                self.work(piece)
            except BaseException as raised:
                error = raised
            self.done.put(error)

    def finish(self) -> None:
        """Take pieces, and wait for those that helpers took; not for helpers that have not begun.

        A helper may wait for a core for milliseconds. It finds nothing left to do then.
        """
        mine = 0
        try:
            for piece in self.left:
                mine += 1
                self.work(piece)
        finally:
            left = len(list(self.left))  # after an error
            errors = [self.done.get() for _ in range(self.count - mine - left)]
        for error in errors:
            if error is not None:
                raise error


class _Until:
    """What `get` gives, until it gives None: for several threads, of which `iter(get, None)` fails in CPython 3.11.2."""

    def __init__(self, get: Callable[[], Any]) -> None:
        self.get, self.ended = get, False

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        piece = None if self.ended else self.get()
        if piece is None:
            self.ended = True
            raise StopIteration
        return piece


class _Given(_Job):
    """Pieces that are given one by one, while the first are worked on already."""

    def __init__(self, work: Callable) -> None:
        super().__init__(work, (), 1)
        self.pieces: queue.SimpleQueue = queue.SimpleQueue()
        self.left = _Until(self.pieces.get)

    def give(self, piece: Any) -> None:
        """One more piece, for a helper or for `finish`."""
        self.count += 1
        self.pieces.put(piece)

    def finish(self) -> None:
        """Take the pieces that no helper has begun, and wait for the others. May be called again, for nothing."""
        for _ in range(2):  # the caller and the helper, each of which may wait for a piece, are told that none follows
            self.pieces.put(None)
        try:
            super().finish()
        finally:
            self.count = 0


class _Ways:
    """How jobs of a kind are done, shared or alone: as was faster when both were tried last."""

    def __init__(self) -> None:
        self.left, self.shared, self.patience = 0, True, _SOON
        self.took: dict[bool, list[float]] = {True: [], False: []}

    def share(self) -> bool:
        """Whether the next job is shared. The very first is, so that a long one is never done alone."""
        return self.shared if self.left else len(self.took[True]) < _RUN * (self._trials() + 1)

    def _trials(self) -> int:
        """How many have ended. A thread may note what was decided before another's trial began: one too many of a way."""
        return min(len(self.took[True]), len(self.took[False])) // _RUN

    def note(self, shared: bool, seconds: float) -> None:
        """A job has been done. After some of either way the faster one is kept to for a while.

        For longer where sharing cost much: where no core is free it can take ten times as long.
        """
        if self.left:
            self.left -= 1
            return
        self.took[shared].append(seconds)
        faster = self._faster()
        if faster is not None:
            self.left = _PERIOD if faster else self._until_again()
            self.shared, self.took = faster, {True: [], False: []}

    def _until_again(self) -> int:
        """How many jobs to do alone, so that the trial of sharing them has cost little."""
        alone = _middle(self.took[False])
        lost = sum(t - alone for t in self.took[True]) / max(alone, 1e-9)
        until = min(max(int(lost / _COST), _PERIOD), _LONGEST, self.patience)
        self.patience *= 2
        return until

    def _faster(self) -> bool | None:
        """Whether sharing is; None while that is open. Times in the middle decide: one that was lucky says little."""
        if self.took[True] and min(self.took[True]) > _LONG:
            return True
        trials = self._trials()
        if not trials:
            return None
        shared, alone = ([t for i, t in enumerate(self.took[way]) if i % _RUN] for way in (True, False))
        if trials < _TRIED and max(shared) >= min(alone) and max(alone) >= min(shared):
            return None
        return _middle(shared) <= _middle(alone)


def _middle(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


class Team:
    """Helper threads, started when first needed and again after a fork."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.jobs: queue.SimpleQueue | None = None
        self.free = threading.Lock()
        self.kinds: dict[tuple, _Ways] = {}
        self.core: Callable[[], int] | None = None
        self.elsewhere: set[int] = set()  # the cores of the helpers, once they are kept off one

    def start(self) -> queue.SimpleQueue:
        jobs: queue.SimpleQueue = queue.SimpleQueue()
        self.helpers = [threading.Thread(target=_serve, args=(jobs,), daemon=True, name="autograd-helper")
                        for _ in range(self.size - 1)]  # fmt: skip
        for helper in self.helpers:
            helper.start()
        self.jobs, self.core, self.elsewhere = jobs, _current_core(), set()
        return jobs

    def make_room(self) -> None:
        """Keep the helpers off the core of the caller, on the others that the caller may run on, if there are any."""
        if self.core is None:
            return
        try:
            allowed = os.sched_getaffinity(0)
            elsewhere = allowed - {self.core()} or allowed
            if elsewhere != self.elsewhere:
                self.elsewhere = elsewhere
                for helper in self.helpers:
                    os.sched_setaffinity(helper.native_id or 0, elsewhere)
        except OSError:  # not allowed here
            self.core = None

    def run(self, work: Callable[[Any], None], pieces: Sequence, like: Any = None, alone: Sequence = ()) -> None:
        """work(piece) for every piece, in any order; alone when the team is busy or that is faster.

        Jobs of the same function, with as many pieces and an equal `like`, are taken to need the same time. `alone` may
        be the same work in fewer pieces, for the case that it is not shared.
        """
        ways = self._ways(work, pieces, like) if self.size > 1 and len(pieces) > 1 else None
        wanted = ways is not None and ways.share()
        shared = wanted and self.free.acquire(blocking=False)
        start = perf_counter()
        if not shared:
            for piece in alone or pieces:
                work(piece)
        else:
            try:
                self._share(work, pieces)
            finally:
                self.free.release()
        if ways is not None and shared == wanted:
            ways.note(shared, perf_counter() - start)

    @contextlib.contextmanager
    def beside(self, work: Callable[[Any], None]) -> Iterator[_Given | None]:
        """What takes pieces of work for a helper while the caller goes on; None where the caller is to do all by itself.

        This is not tried both ways: a helper that finds no core has begun one piece at most when the caller takes the rest.
        """
        if self.size < 2 or not self.free.acquire(blocking=False):
            yield None
            return
        try:
            job = _Given(work)
            self._call([job])
            try:
                yield job
            finally:
                job.finish()
        finally:
            self.free.release()

    def _ways(self, work: Callable, pieces: Sequence, like: Any) -> _Ways:
        kind = getattr(work, "__code__", None), len(pieces), like
        found = self.kinds.get(kind)
        if found is None:
            if len(self.kinds) > 256:
                self.kinds.clear()
            found = self.kinds[kind] = _Ways()
        return found

    def _share(self, work: Callable, pieces: Sequence) -> None:
        helpers = min(self.size, len(pieces)) - 1
        job = _Job(work, pieces, helpers)
        self._call([job] * helpers)
        job.finish()

    def _call(self, helped: list[_Job]) -> None:
        """A helper to each of these jobs."""
        jobs = self.jobs or self.start()
        self.make_room()
        for job in helped:
            jobs.put(job)

    def reset(self) -> None:
        """In a forked child no helper lives on."""
        self.jobs, self.free = None, threading.Lock()


def _ask_for_short_turns() -> None:
    """So that the system lets the calling thread run as soon as it is woken. From Linux 6.12 on; others take no notice."""
    number = _SETATTR.get(platform.machine()) if sys.platform == "linux" and sys.maxsize > 1 << 32 else None
    if number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        wanted = struct.pack("=IIQiIQQQII", 56, os.SCHED_OTHER, 0, nice, 0, _TURN, 0, 0, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, wanted, 0)


def _serve(jobs: queue.SimpleQueue) -> None:
    _ask_for_short_turns()
    while True:
        jobs.get().help()


team = Team(min(_cores(), _MOST))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: team.reset())


def slices(n: int, step: int) -> list[slice]:
    """0..n in pieces of `step`, at least 1."""
    step = max(step, 1)
    return [slice(i, min(i + step, n)) for i in range(0, n, step)]


def pieces(count: int, bytes_each: int, block: int, sums_each: int = 1) -> list[slice]:
    """Slices of 0..count for all cores to share; for one core of `block` bytes, which stay in its cache.

    `sums_each`: inner products that the work on each makes. What is added up from one piece to the next has other bits if
    they are cut otherwise. Then these are to be taken also where a job is not shared, which is up to how long things take.
    """
    if team.size < 2:
        return slices(count, block // bytes_each)
    step = max(_LARGE // bytes_each, -(-FREE // sums_each))
    each = count // (step * team.size)  # as many pieces for each core, where they are as long as they should be
    if not each:
        return slices(count, _LARGE // bytes_each)
    each = min(each, max(count * bytes_each // (_WHOLE * team.size), 1))
    return slices(count, -(-count // (each * team.size)))


def shares(n: int) -> list[slice]:
    """0..n in a slice for each thread; the caller's, the first, is longer, for it begins while the others wake."""
    each = 5 * n / (5 * team.size + 1)
    ends = [*(n - round(each * k) for k in range(team.size - 1, 0, -1)), n]
    return [slice(a, b) for a, b in itertools.pairwise([0, *ends]) if a < b]


def total(found: dict[int, Any]) -> Any:
    """The sum of the arrays that pieces found, by their starts: added in that order, however threads took turns."""
    first, *rest = (found[start] for start in sorted(found))
    for x in rest:
        first += x
    return first


def run(work: Callable[[slice], None], n: int, step: int, like: Any = None) -> None:
    """work(piece) for slices of `step` that cover 0..n, on all cores."""
    team.run(work, slices(n, step), (n, like))


def in_blocks(
    work: Callable, count: int, bytes_each: int, block: int, like: Any, shared: bool = True, sums_each: int = 1
) -> None:
    """work(slice) for slices that cover 0..count: `pieces` on all cores, or `block` bytes at a time where not `shared`."""
    if shared:
        team.run(work, pieces(count, bytes_each, block, sums_each), like)
        return
    for part in slices(count, block // bytes_each):
        work(part)
