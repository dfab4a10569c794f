"""What the machine can do at best, and how one library grows with the length of a graph."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np


def best(function: Callable[[], object], times: int, rounds: int = 7) -> float:
    """Seconds per call in the fastest of several runs: a limit is what is possible, not what is usual."""
    runs = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(times):
            function()
        runs.append((time.perf_counter() - start) / times)
    return min(runs)


def limits() -> dict[str, float]:
    """Matrix multiplication, memory bandwidth and the cost of calling NumPy at all."""
    a = np.ones((1024, 1024), np.float32)
    big, target = np.ones(16_000_000, np.float32), np.empty(16_000_000, np.float32)
    tiny = np.ones((8, 8), np.float32)
    return {
        "sgemm_gflops": 2 * 1024**3 / best(lambda: np.matmul(a, a), 3) / 1e9,
        "copy_gb_per_s": 2 * big.nbytes / best(lambda: np.copyto(target, big), 3) / 1e9,
        "ufunc_call_ns": best(lambda: np.multiply(tiny, tiny), 10_000) * 1e9,
        "matmul_call_ns": best(lambda: np.matmul(tiny, tiny), 10_000) * 1e9,
        "python_call_ns": best(lambda: None, 100_000) * 1e9,
    }


def growth(lib: Any, lengths: list[int]) -> list[dict[str, float]]:
    """Seconds and peak Python memory per operation, forward and backward, of scalar chains of each length."""
    from .workloads.scalar import chain

    (leaf,) = lib.leaves([0.7])

    def step(length: int) -> None:
        leaf.grad = None
        chain(leaf, length).backward()

    runs: dict[int, list[float]] = {n: [] for n in lengths}
    for n in lengths:
        step(n)
    for _ in range(9):  # by turns: a machine that changes its pace changes it for all
        for n in lengths:
            runs[n].append(seconds(step, n))
    return [{"length": n, "seconds": statistics.median(runs[n]) / n, "bytes": peak(step, n) / n} for n in lengths]


def seconds(step: Callable[[int], None], length: int) -> float:
    """Of one step, in a run long enough to be timed well."""
    times = max(1, 20_000 // length)
    start = time.perf_counter()
    for _ in range(times):
        step(length)
    return (time.perf_counter() - start) / times


def peak(step: Callable[[int], None], length: int) -> int:
    """Bytes that Python's allocators held at most during one step."""
    tracemalloc.start()
    step(length)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most
