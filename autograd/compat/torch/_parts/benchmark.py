"""`torch.utils.benchmark`: times of statements, measured with the standard library and shown as PyTorch shows them."""

from __future__ import annotations

import enum
import statistics
import sys
import textwrap
import timeit
from collections.abc import Iterable
from typing import Any

from .._facade import HERE

_UNITS = (
    (1e-9, "ns", "nanoseconds"),
    (1e-6, "us", "microseconds"),
    (1e-3, "ms", "milliseconds"),
    (1.0, "s", "seconds"),
)


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which a time reads well, and its length in seconds."""
    scale, name, _ = next((u for u in _UNITS if t < 1000 * u[0]), _UNITS[-1])
    return name, scale


def _quartiles(times: list) -> tuple[float, float]:
    if len(times) < 2:
        return times[0], times[0]
    low, _, high = statistics.quantiles(times, n=4, method="inclusive")
    return low, high


class Language(enum.Enum):
    """What a statement is written in."""

    PYTHON = 0
    CPP = 1


class Measurement:
    """Times of several runs, in seconds for one execution.

    Attributes:
        times: one per run. number_per_run: executions in each.
    """

    def __init__(self, number_per_run: int, raw_times: list, stmt: str, setup: str = "pass", label: str | None = None,
                 sub_label: str | None = None, description: str | None = None, env: str | None = None,
                 num_threads: int = 1) -> None:  # fmt: skip
        self.number_per_run, self.raw_times, self.stmt, self.setup = number_per_run, raw_times, stmt, setup
        self.label, self.sub_label, self.description, self.env = label, sub_label, description, env
        self.num_threads = num_threads

    @property
    def times(self) -> list:
        return [t / self.number_per_run for t in self.raw_times]

    median = property(lambda self: statistics.median(self.times))
    mean = property(lambda self: statistics.fmean(self.times))

    @property
    def iqr(self) -> float:
        """From the first quartile to the third."""
        low, high = _quartiles(self.times)
        return high - low

    @property
    def has_warnings(self) -> bool:
        return self.iqr / self.median >= 0.1

    @property
    def title(self) -> str:
        """What was measured, in one line where it fits."""
        if self.label:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        if "\n" not in self.stmt:
            return self.stmt + (f": ({self.sub_label})" if self.sub_label else "")
        inner = "".join(f"  {line}\n" for line in self.stmt.splitlines())
        return f"stmt:{f' ({self.sub_label})' if self.sub_label else ''}\n{inner}"

    @property
    def _setup_text(self) -> list[str]:
        if self.setup == "pass":
            return []
        if "\n" not in self.setup:
            return [f"setup: {self.setup}"]
        return ["setup:\n" + "".join(f"  {line}\n" for line in self.setup.splitlines())]

    def _times_text(self) -> list[str]:
        unit, scale = select_unit(self.median)
        if len(self.times) == 1:
            return [f"  {self.median / scale:.2f} {unit}"]
        lines = [f"  Median: {self.median / scale:.2f} {unit}"]
        if len(self.times) >= 4:
            low, high = _quartiles(self.times)
            lines.append(f"  IQR:    {self.iqr / scale:.2f} {unit} ({low / scale:.2f} to {high / scale:.2f})")
        return lines

    def __repr__(self) -> str:
        n, runs = (
            len(self.times),
            f"{self.number_per_run} runs {'per measurement' if len(self.times) > 1 else ''}".rstrip(),
        )
        counted = f"  {n} measurement{'s' if n > 1 else ''}, {runs}{'' if n > 1 else ' '}, "
        lines = [f"<torch.utils.benchmark.utils.common.Measurement object at {id(self):#x}>", self.title,
                 *([self.description] if self.description else []), *self._setup_text, *self._times_text(),
                 f"{counted}{self.num_threads} thread{'s' if self.num_threads > 1 else ''}"]  # fmt: skip
        if self.has_warnings:
            share = 100 * self.iqr / self.median
            lines.append(f"  WARNING: Interquartile range is {share:.1f}% of the median measurement.")
            lines.append("           This could indicate system fluctuation." if share < 25 else
                         "           This suggests significant environmental influence.")  # fmt: skip
        return "\n".join(lines)


class Timer:
    """Runs `stmt` repeatedly; `globals` are the names it uses, beside torch.

    Example:
        >>> from autograd.compat.torch.utils.benchmark import Timer
        >>> Timer("x + 1", globals={"x": 1}).timeit(10).number_per_run
        10
    """

    def __init__(self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Any = timeit.default_timer,
                 globals: dict | None = None, label: str | None = None, sub_label: str | None = None,
                 description: str | None = None, env: str | None = None, num_threads: int = 1,
                 language: Any = None) -> None:  # fmt: skip
        if language is Language.CPP:
            raise NotImplementedError("Timer: only Python statements can be measured here")
        stmt, setup = (textwrap.dedent(text).strip() for text in (stmt, setup))
        self._timer = timeit.Timer(stmt, setup, timer, {"torch": sys.modules[HERE], **(globals or {})})
        self._named = (stmt, setup, label, sub_label, description, env, num_threads)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One run of `number` executions."""
        self._timer.timeit(max(number // 100, 2))  # warm up
        return Measurement(number, [self._timer.timeit(number)], *self._named)

    def blocked_autorange(self, callback: Any = None, min_run_time: float = 0.2) -> Measurement:
        """Runs of equal length, each long against the overhead of measuring, until `min_run_time` seconds have passed."""
        number, first = 1, self._timer.timeit(1)
        while first < min_run_time / 1000 or first < 1e-4:
            number *= 10
            first = self._timer.timeit(number)
        times: list[float] = []
        while sum(times) < min_run_time:
            times.append(self._timer.timeit(number))
            if callback is not None:
                callback(number, times[-1])
        return Measurement(number, times, *self._named)

    def adaptive_autorange(self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0,
                           callback: Any = None) -> Measurement:  # fmt: skip
        """Longer and longer runs until the times agree to `threshold`, or `max_run_time` has passed."""
        while True:
            found = self.blocked_autorange(callback, min_run_time)
            min_run_time *= 4
            if (len(found.times) > 3 and found.iqr / found.median < threshold) or min_run_time > max_run_time:
                return found


class Compare:
    """Measurements in tables, one for each label: a row for each thread count and sub-label, a column per description.

    Example:
        >>> from autograd.compat.torch.utils.benchmark import Compare, Measurement
        >>> both = [
        ...     Measurement(10, [t], "f()", label="Sum", sub_label="[8]", description=d)
        ...     for t, d in ((1e-4, "loop"), (2e-4, "vector"))
        ... ]
        >>> Compare(both).print()
        [----------- Sum -----------]
                   |  loop  |  vector
        1 threads: ------------------
              [8]  |  10.0  |   20.0
        <BLANKLINE>
        Times are in microseconds (us).
        <BLANKLINE>
    """

    def __init__(self, results: Iterable[Measurement]) -> None:
        self._results = list(results)
        self._digits = 1

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Show these as well."""
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Show whole units."""
        self._digits = 0

    def colorize(self, rowwise: bool = False) -> None:
        """Tables are plain text here."""

    def highlight_warnings(self) -> None:
        """Measurements say of themselves that they vary."""

    def __str__(self) -> str:
        labels = dict.fromkeys(r.label or r.stmt for r in self._results)
        return "\n".join(
            self._table(title, [r for r in self._results if (r.label or r.stmt) == title]) for title in labels
        )

    def _table(self, title: str, results: list[Measurement]) -> str:
        _, scale = select_unit(min(r.median for r in results))
        columns = list(dict.fromkeys(r.description or "" for r in results))
        found = {(r.num_threads, r.sub_label or r.stmt, r.description or ""): f"{r.median / scale:.{self._digits}f}"
                 for r in results}  # fmt: skip
        ordered = sorted(results, key=lambda r: r.num_threads)
        rows = list(dict.fromkeys((r.num_threads, r.sub_label or r.stmt) for r in ordered))
        texts = [self._column(c, [found.get((*row, c), "") for row in rows]) for c in columns]
        head = max(len("      " + name) for _, name in rows)
        lines = ["  |  ".join([" " * head, *(t[0] for t in texts)])]
        width, threads = len("  |  ".join([" " * head, *(t[1] for t in texts)])), None
        for i, (count, name) in enumerate(rows):
            if count != threads:
                threads = count
                lines.append(f"{count} threads: ".ljust(width, "-"))
            lines.append("  |  ".join([("      " + name).ljust(head), *(t[i + 1] for t in texts)]))
        named = next(full for s, _, full in _UNITS if s == scale)
        short = next(short for s, short, _ in _UNITS if s == scale)
        lines = [f"[{f' {title} '.center(width - 2, '-')}]", *lines]
        return "\n".join([line.rstrip() for line in lines] + ["", f"Times are in {named} ({short}).", ""])

    @staticmethod
    def _column(title: str, cells: list[str]) -> list[str]:
        """A column's title and cells, all of one width."""
        widest = max(len(c) for c in cells)
        width = max(len(title), widest)
        return [title.center(width), *(c.rjust(widest).center(width) for c in cells)]

    def print(self) -> None:
        print(str(self))


__all__ = ["Compare", "Language", "Measurement", "Timer", "select_unit"]
