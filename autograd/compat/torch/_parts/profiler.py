"""`torch.profiler` and `torch.autograd.profiler`, measured by this library's profiler and laid out as PyTorch's."""

from __future__ import annotations

import contextlib
import enum
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ...._registry import registry
from ....profiler import profile as _measure

_NAMES = {"conv": "convolution", "max_pool": "max_pool2d", "standard": "batch_norm"}
_LABELS: list[profile] = []  # the profiles that note named parts now


class ProfilerActivity(enum.Enum):
    """What a profiler may measure; here the CPU is there to be measured."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3


class ProfilerAction(enum.Enum):
    """What happens in one step of a schedule."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(*, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0) -> Callable:
    """Cycles of `wait` idle, `warmup` unrecorded and `active` recorded steps: a function from the step to its action.

    Example:
        >>> from autograd.compat.torch.profiler import schedule
        >>> plan = schedule(wait=1, warmup=0, active=2, repeat=1)
        >>> [plan(step).name for step in range(4)]
        ['NONE', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """

    def action(step: int) -> ProfilerAction:
        cycle, place = divmod(step - skip_first, wait + warmup + active)
        if step < skip_first or (0 < repeat <= cycle) or place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        last = place == wait + warmup + active - 1
        return ProfilerAction.RECORD_AND_SAVE if last else ProfilerAction.RECORD

    return action


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False) -> Callable:
    """A handler that writes each trace into a folder."""

    def handle(prof: profile) -> None:
        Path(dir_name).mkdir(parents=True, exist_ok=True)
        prof.export_chrome_trace(str(Path(dir_name) / f"{worker_name or 'worker'}.{time.time_ns()}.pt.trace.json"))

    return handle


class FunctionEventAvg:
    """What the runs of one function cost together; times in microseconds, memory in bytes."""

    input_shapes: list = []  # noqa: RUF012  (the shapes of inputs are not kept)
    device_time_total = self_device_time_total = cuda_time_total = self_cuda_time_total = 0.0

    def __init__(self, key: str, count: int = 0, total: float = 0.0, own: float = 0.0, memory: int = 0) -> None:
        self.key, self.count = key, count
        self.cpu_time_total, self.self_cpu_time_total = total, own
        self.cpu_memory_usage = self.self_cpu_memory_usage = memory

    @property
    def cpu_time(self) -> float:
        return self.cpu_time_total / self.count if self.count else 0.0

    def add(self, other: FunctionEventAvg) -> FunctionEventAvg:
        """Count the runs of another event as well."""
        self.count += other.count
        self.cpu_time_total += other.cpu_time_total
        self.self_cpu_time_total += other.self_cpu_time_total
        self.cpu_memory_usage = self.self_cpu_memory_usage = self.cpu_memory_usage + other.cpu_memory_usage
        return self

    def __repr__(self) -> str:
        return f"<FunctionEventAvg key={self.key} self_cpu_time={_time(self.self_cpu_time_total)} cpu_time={_time(self.cpu_time)}>"


def _time(us: float) -> str:
    return f"{us / 1e6:.3f}s" if us >= 1e6 else f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


def _memory(size: float) -> str:
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if abs(size) >= unit:
            return f"{size / unit:.2f} {name}"
    return f"{size:.0f} B"


class EventList(list):
    """Events, and their table."""

    memory = shapes = False

    def table(self, sort_by: str | None = None, row_limit: int = 100, header: str | None = None, **ignored: Any) -> str:
        """The events as text, by `sort_by` (an attribute such as "self_cpu_time_total") from the largest down."""
        rows = list(self)
        if sort_by is not None:
            rows.sort(key=lambda e: getattr(e, sort_by), reverse=True)
        total = sum(e.self_cpu_time_total for e in self)
        cells = [self._titles(), *(self._cells(e, total or 1.0) for e in rows[: None if row_limit < 0 else row_limit])]
        widths = [max(12, *(len(c) for c in column)) for column in zip(*cells, strict=True)]
        widths[0] = max(len(row[0]) for row in cells) + 4
        line = "  ".join("-" * w for w in widths) + "  "
        text = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) + "  " for row in cells]
        return "\n".join([*([header] if header else []), line, text[0], line, *text[1:], line,
                          f"Self CPU time total: {_time(total)}", ""])  # fmt: skip

    def _titles(self) -> list[str]:
        memory = ["CPU Mem", "Self CPU Mem"] if self.memory else []
        shapes = ["Input Shapes"] if self.shapes else []
        return [
            "Name",
            "Self CPU %",
            "Self CPU",
            "CPU total %",
            "CPU total",
            "CPU time avg",
            *memory,
            "# of Calls",
            *shapes,
        ]

    def _cells(self, e: FunctionEventAvg, total: float) -> list[str]:
        shares = [f"{100 * t / total:.2f}%" for t in (e.self_cpu_time_total, e.cpu_time_total)]
        memory = [_memory(e.cpu_memory_usage), _memory(e.self_cpu_memory_usage)] if self.memory else []
        shapes = [str(e.input_shapes)] if self.shapes else []
        return [e.key, shares[0], _time(e.self_cpu_time_total), shares[1], _time(e.cpu_time_total), _time(e.cpu_time),
                *memory, str(e.count), *shapes]  # fmt: skip

    def total_average(self) -> FunctionEventAvg:
        """All of them as one."""
        total = FunctionEventAvg("Total")
        for event in self:
            total.add(event)
        return total

    @property
    def self_cpu_time_total(self) -> float:
        return sum(e.self_cpu_time_total for e in self)

    def __str__(self) -> str:
        return self.table()


class profile:
    """A block whose operations are measured.

    Args:
        schedule: which steps are recorded; a step ends where `step()` is called.
        on_trace_ready: called with this object when a recorded cycle is over.
        profile_memory: show the bytes of what operations made.

    Example:
        >>> import autograd
        >>> from autograd.compat.torch.profiler import profile
        >>> with profile() as p:
        ...     _ = autograd.ones(2).exp()
        >>> [(e.key, e.count) for e in p.key_averages()]
        [('aten::exp', 1)]
    """

    def __init__(self, activities: Iterable | None = None, *args: Any, schedule: Callable | None = None,
                 on_trace_ready: Callable | None = None, profile_memory: bool = False, enabled: bool = True,
                 **ignored: Any) -> None:  # fmt: skip
        self._plan, self.on_trace_ready, self._memory = schedule, on_trace_ready, profile_memory
        self._enabled = enabled and activities is not False
        self.step_num = 0
        self._running: _measure | None = None
        self._kept: tuple[list, list] = ([], [])  # events of operations; (name, start, seconds) of named parts

    def _action(self) -> ProfilerAction:
        return ProfilerAction.RECORD if self._plan is None else self._plan(self.step_num)

    def start(self) -> None:
        """Begin with the first step."""
        if self._enabled and self._action() in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE):
            self._begin()

    def _begin(self) -> None:
        self._running = _measure().__enter__()
        self._kept = (self._running.events, [])
        _LABELS.append(self)

    def _end(self) -> None:
        """Stop recording, and hand the trace on."""
        running, self._running = self._running, None
        if running is None:
            return
        _LABELS.remove(self)
        running.__exit__(None, None, None)
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self) -> None:
        """One step is over."""
        before = self._action()
        self.step_num += 1
        if before is ProfilerAction.RECORD_AND_SAVE:
            self._end()
        if self._running is None:
            self.start()

    def stop(self) -> None:
        """Nothing more is measured."""
        self._end()

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()

    def note(self, name: str, start: float, seconds: float) -> None:
        """A named part of the block has ended."""
        begin = self._running._begin if self._running is not None else 0.0
        self._kept[1].append((name, start - begin, seconds))

    def events(self) -> EventList:
        """One event for each run of an operation, of its gradient's rules, and of each named part."""
        operations, labels = self._kept
        found = EventList(FunctionEventAvg(_key(e.name, e.phase), 1, 1e6 * e.seconds, 1e6 * e.seconds, e.bytes)
                          for e in operations)  # fmt: skip
        for name, start, seconds in labels:
            inside = [e for e in operations if start <= e.start and e.start + e.seconds <= start + seconds]
            own, made = seconds - sum(e.seconds for e in inside), sum(e.bytes for e in inside)
            found.append(FunctionEventAvg(name, 1, 1e6 * seconds, max(1e6 * own, 0.0), made))
        found.memory = self._memory
        return found

    function_events = property(events)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, **ignored: Any) -> EventList:
        """The events of one name together."""
        together: dict[str, FunctionEventAvg] = {}
        for e in self.events():
            together.setdefault(e.key, FunctionEventAvg(e.key)).add(e)
        found = EventList(together.values())
        found.memory, found.shapes = self._memory, group_by_input_shape
        return found

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        return self.events().table(sort_by, row_limit, **options)

    def total_average(self) -> FunctionEventAvg:
        return self.events().total_average()

    @property
    def self_cpu_time_total(self) -> float:
        return self.events().self_cpu_time_total

    def export_chrome_trace(self, path: str) -> None:
        """Write the events for chrome://tracing or Perfetto."""
        operations, labels = self._kept
        rows = [(_key(e.name, e.phase), e.phase, e.start, e.seconds, e.thread) for e in operations]
        rows += [(name, "user_annotation", start, seconds, 0) for name, start, seconds in labels]
        events = [
            {"name": n, "cat": c, "ph": "X", "ts": 1e6 * s, "dur": 1e6 * d, "pid": 0, "tid": t}
            for n, c, s, d, t in rows
        ]
        Path(path).write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}))

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write one line per function; the lines of code that called it are not kept."""
        Path(path).write_text("".join(f"{e.key} {int(getattr(e, metric))}\n" for e in self.key_averages()))

    def add_metadata(self, key: str, value: str) -> None:
        """Traces hold events alone."""

    add_metadata_json = add_metadata

    def __str__(self) -> str:
        return self.table()


def _key(name: str, phase: str) -> str:
    if phase == "forward":
        own = name.strip("_")
        return f"aten::{_NAMES.get(own, own)}"
    node = next((d.node_name for d in registry.values() if d.name == name), name)
    return f"autograd::engine::evaluate_function: {node}"


class record_function(contextlib.ContextDecorator):
    """A named part of a measured block."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self._start = name, 0.0

    def __enter__(self) -> record_function:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *exc: object) -> None:
        for running in _LABELS:
            running.note(self.name, self._start, time.perf_counter() - self._start)


class emit_nvtx(contextlib.nullcontext):
    """A block that tools for GPUs would watch."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        super().__init__()


emit_itt = emit_nvtx

__all__ = ["EventList", "FunctionEventAvg", "ProfilerAction", "ProfilerActivity", "emit_itt", "emit_nvtx", "profile",
           "record_function", "schedule", "tensorboard_trace_handler"]  # fmt: skip
