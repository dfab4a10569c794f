"""One run: every workload on every library, checked against each other, then timed in interleaved rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .fingerprint import disagreement
from .pool import Worker, WorkerError
from .workload import TORCH_LIKE, Workload

Say = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int
    seconds: float  # per measurement
    warm: float  # seconds of steps before the first
    patience: float  # seconds after which a slow library has had its rounds
    least: int  # rounds that every library gets all the same
    budget: float  # seconds for one workload on all libraries, after which no further round begins
    tries: int  # measurements at most to find one that other programs did not disturb


FULL = Effort(rounds=11, seconds=0.05, warm=0.3, patience=15.0, least=3, budget=90.0, tries=4)
QUICK = Effort(rounds=5, seconds=0.01, warm=0.05, patience=1.0, least=1, budget=1.0, tries=1)


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Median and quartiles."""
    if len(seconds) < 2:
        return dict.fromkeys(("median", "low", "high"), seconds[0])
    low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high}


def opened(workload: Workload, workers: dict[str, Worker], say: Say) -> tuple[dict[str, list[dict]], dict[str, str]]:
    """Results of the libraries that can express the workload, and what went wrong with the others."""
    results, problems = {}, {}
    for name, worker in workers.items():
        if workload.builder(name) is None:
            continue
        try:
            results[name] = worker.ask("open", workload.name)
        except WorkerError as error:
            problems[name] = str(error)
            say(f"  {workload.name}: {name} failed: {error}")
    return results, problems


def verified(workload: Workload, results: dict[str, list[dict]], say: Say) -> dict[str, str]:
    """The libraries whose result is wrong, and how. The first is the reference: PyTorch when it is there."""
    if not results:
        return {}
    reference, *others = results
    wrong = {}
    for name in others:
        reason = disagreement(results[name], results[reference], workload.tolerance)
        if reason:
            wrong[name] = reason
            say(f"  {workload.name}: {name} disagrees with {reference}: {reason}")
    return wrong


def rounds(workers: dict[str, Worker], names: list[str], effort: Effort) -> dict[str, list[dict[str, float]]]:
    """Measurements by library. Each round starts with another library, so that none always follows the same one."""
    estimates = {name: workers[name].ask("warm", effort.warm) for name in names}
    wanted = {name: min(effort.rounds, max(effort.least, int(effort.patience / estimates[name]))) for name in names}
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    start = time.monotonic()
    for i in range(effort.rounds):
        if i >= effort.least and time.monotonic() - start > effort.budget:
            break
        turn = i % len(names) if names else 0
        for name in [*names[turn:], *names[:turn]]:
            if i < wanted[name]:
                seen[name].append(undisturbed(workers[name], effort))
    return seen


def undisturbed(worker: Worker, effort: Effort) -> dict[str, float]:
    """A measurement during which other programs left the cores alone, or the least disturbed of a few tries.

    Two threads that wait for each other lose far more than their share when one of them is held up, so such a
    measurement says little about the library.
    """
    tries: list[dict[str, float]] = []
    while not tries or (tries[-1]["taken"] > 1 and len(tries) < effort.tries):
        tries.append(worker.ask("time", effort.seconds))
    return min(tries, key=lambda m: m["taken"])


def one(workload: Workload, workers: dict[str, Worker], effort: Effort, say: Say) -> dict[str, Any]:
    """The row of one workload."""
    results, problems = opened(workload, workers, say)
    wrong = verified(workload, results, say)
    names = [name for name in results if name not in wrong]
    times = {}
    for name, seen in rounds(workers, names, effort).items():
        times[name] = summary([m["seconds"] for m in seen]) | {
            "faults": statistics.median(m["faults"] for m in seen),
            "taken": statistics.median(m["taken"] for m in seen),
            "steps": seen[0]["steps"],
            "rounds": len(seen),
        }
    return {
        "name": workload.name,
        "band": workload.band,
        "title": workload.title,
        "times": times,
        "wrong": wrong,
        "failed": problems,
    }


def all_of(workloads: Iterable[Workload], workers: dict[str, Worker], effort: Effort, say: Say) -> list[dict[str, Any]]:
    """Every row, told as it comes."""
    rows = []
    for workload in workloads:
        try:
            rows.append(one(workload, workers, effort, say))
        except WorkerError as error:
            say(f"  {workload.name}: given up while timing: {error}")
            continue
        times = rows[-1]["times"]
        say(f"  {workload.name:18}" + "  ".join(f"{name} {brief(t['median'])}" for name, t in times.items()))
    return rows


def brief(seconds: float) -> str:
    """Three figures and a unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale or unit == "us":
            return f"{seconds / scale:#.3g} {unit}".replace(". ", " ")
    return ""


def peers_of(times: dict[str, Any]) -> list[str]:
    """The libraries of a row besides the two that every row is about."""
    return [name for name in times if name not in TORCH_LIKE]
