"""`torch.utils.benchmark.Timer`: the time of a statement, measured with the standard library."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Iterable
from typing import Any


class Measurement:
    """Times of several runs, in seconds for one execution.

    Attributes:
        times: one per run. number_per_run: executions in each.
    """

    def __init__(self, number_per_run: int, raw_times: list, label: str | None, sub_label: str | None,
                 description: str | None) -> None:  # fmt: skip
        self.number_per_run, self.raw_times = number_per_run, raw_times
        self.label, self.sub_label, self.description = label, sub_label, description

    @property
    def times(self) -> list:
        return [t / self.number_per_run for t in self.raw_times]

    median = property(lambda self: statistics.median(self.times))
    mean = property(lambda self: statistics.fmean(self.times))

    def __repr__(self) -> str:
        title = self.label or self.description or "statement"
        runs = f"{len(self.raw_times)} runs of {self.number_per_run}"
        return f"<Measurement>\n{title}\n  Median: {self.median * 1e6:.2f} us\n  {runs}"


class Timer:
    """Runs `stmt` repeatedly; `globals` are the names it uses.

    Example:
        >>> from autograd.compat.torch.utils.benchmark import Timer
        >>> Timer("x + 1", globals={"x": 1}).timeit(10).number_per_run
        10
    """

    def __init__(self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Any = timeit.default_timer,
                 globals: dict | None = None, label: str | None = None, sub_label: str | None = None,
                 description: str | None = None, env: str | None = None, num_threads: int = 1,
                 language: Any = None) -> None:  # fmt: skip
        self._timer = timeit.Timer(stmt, setup, timer, globals)
        self._named = (label or stmt, sub_label, description)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One run of `number` executions."""
        return Measurement(number, [self._timer.timeit(number)], *self._named)

    def blocked_autorange(self, callback: Any = None, min_run_time: float = 0.2) -> Measurement:
        """Runs of equal length until `min_run_time` seconds have passed."""
        number, first = self._timer.autorange()
        times = [first]
        while sum(times) < min_run_time:
            times.append(self._timer.timeit(number))
        return Measurement(number, times, *self._named)

    adaptive_autorange = blocked_autorange


class Compare:
    """Measurements in a table, one line each."""

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results = list(results)

    def trim_significant_figures(self) -> None:
        """The table shows few digits already."""

    colorize = trim_significant_figures

    def __str__(self) -> str:
        lines = (
            f"{r.label} | {r.sub_label or ''} | {r.description or ''} | {r.median * 1e6:.1f} us" for r in self._results
        )
        return "\n".join(lines)

    def print(self) -> None:
        print(self)


__all__ = ["Compare", "Measurement", "Timer"]
