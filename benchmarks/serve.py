"""Inside a worker process: build a workload, show its result, time it. One JSON line in, one JSON line out."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import probe, workloads  # noqa: F401 (the workloads register themselves)
from .fingerprint import fingerprint
from .peers import ADAPTERS
from .torchlike import TorchLike
from .workload import TORCH_LIKE, WORKLOADS, Task

ROOT = Path(__file__).resolve().parent.parent

STEPS, WITHIN = 5, 0.3  # in a measurement at least, as far as they fit in so many seconds


def build(name: str, library: str) -> Task:
    """The workload's task on the library."""
    builder = WORKLOADS[name].builder(library)
    if builder is None:
        raise LookupError(f"{name} is not written for {library}")
    if library in TORCH_LIKE:
        return builder(TorchLike(library))
    return ADAPTERS[library]().task(builder()) if library in ADAPTERS else builder()


def counts() -> tuple[int, int]:
    """Page faults so far, and how often the system took a core away from this process; 0 where it does not say."""
    try:
        import resource
    except ImportError:
        return 0, 0
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_minflt, usage.ru_nivcsw


def peak_memory() -> int:
    """Largest resident size of this process in bytes; 0 where it cannot be read."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def timed(step: Callable[[], object], times: int) -> float:
    """Seconds per step over a run of steps."""
    start = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - start) / times


class Session:
    """The state behind the commands: one workload at a time is open."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.task: Task | None = None
        self.estimate = 0.0

    def open(self, name: str) -> list[dict]:
        """Build, take the checked steps and give the result's fingerprints."""
        self.task = None
        gc.collect()
        self.task = build(name, self.library)
        for _ in range(WORKLOADS[name].checks):
            self.task.step()
        return [fingerprint(array) for array in self.task.result()]

    def warm(self, seconds: float) -> float:
        """Run until the time is up (three steps at least, one when they are long); estimates the time of a step."""
        spent, times = 0.0, []
        while spent < seconds and (len(times) < 3 or spent < seconds / 2):
            times.append(timed(self.task.step, 1))
            spent += times[-1]
        self.estimate = min(times)
        return self.estimate

    def time(self, seconds: float) -> dict[str, float]:
        """One measurement: as many steps as fit, after one that brings caches and clocks back.

        Several at least, since a library whose graphs are cycles pays for them when Python collects garbage, which is
        not at every step.
        """
        if self.estimate < 0.2:
            self.task.step()
        gc.collect()
        several = min(STEPS, int(WITHIN / self.estimate))
        steps, before = max(1, several, round(seconds / self.estimate)), counts()
        spent = timed(self.task.step, steps)
        faults, taken = (after - start for after, start in zip(counts(), before, strict=True))
        return {"seconds": spent, "steps": steps, "faults": faults / steps, "taken": taken}

    def peak(self, steps: int) -> int:
        """Peak memory of this process after a number of steps."""
        for _ in range(steps):
            self.task.step()
        return peak_memory()

    def growth(self, lengths: list[int]) -> list[dict[str, float]]:
        """Time and memory of chains of several lengths (see `probe.growth`)."""
        return probe.growth(TorchLike(self.library), lengths)

    def limits(self) -> dict[str, float]:
        """What the machine can do at best."""
        return probe.limits()

    def versions(self) -> dict[str, str]:
        """Of Python and NumPy in this process."""
        return {"python": sys.version.split()[0], "numpy": np.__version__}


def answer(session: Session, line: str) -> dict[str, Any]:
    """The reply to one command; an exception becomes its last line."""
    command, *arguments = json.loads(line)
    try:
        return {"ok": getattr(session, command)(*arguments)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"}


def serve(library: str) -> None:
    """Answer commands until standard input ends. What libraries print goes to standard error."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if library == "glassgrad":
        sys.path.insert(0, str(ROOT))
    session = Session(library)
    for line in sys.stdin:
        print(json.dumps(answer(session, line)), file=replies, flush=True)
