"""Where a program's time goes: counts, seconds and bytes per operation, and a trace for the browser.

Nothing is measured, and nothing costs anything, outside `profile()`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ._node import Node, Observer
from ._op import Op
from ._registry import registry


class Event(NamedTuple):
    """One run of a kernel ("forward") or of a node's rules ("backward")."""

    name: str
    phase: str
    start: float
    seconds: float
    bytes: int
    thread: int


class Row(NamedTuple):
    """What one operation cost in all."""

    name: str
    calls: int
    forward: float
    backward: float
    bytes: int


class profile:
    """Context manager that measures every operation run inside it.

    Example:
        >>> import autograd
        >>> x = autograd.ones(100, 100, requires_grad=True)
        >>> with autograd.profiler.profile() as p:
        ...     (x @ x).sum().backward()
        >>> sorted(row.name for row in p.rows())
        ['matmul', 'sum']
        >>> [row.calls for row in p.rows()]
        [1, 1]
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.events: list[Event] = []
        self._undo: list[Callable] = []

    def __enter__(self) -> profile:
        if Observer.active is not None:
            raise RuntimeError("profile: another profile is running; leave it first")
        Observer.active = self
        self._begin = time.perf_counter()
        for declared in {id(d): d for d in registry.values() if isinstance(d, Op)}.values():
            self._watch(declared)
        return self

    def __exit__(self, *exc: object) -> None:
        self.seconds = time.perf_counter() - self._begin
        Observer.active = None
        for undo in self._undo:
            undo()
        self._undo.clear()

    def _watch(self, declared: Op) -> None:
        """Time the kernel wherever the operation's public functions hold it (not "_raw", by which rules call it)."""
        kernel = declared.kernel
        timed = self._timing(declared.name, kernel)
        declared.kernel = timed
        self._undo.append(lambda: setattr(declared, "kernel", kernel))
        for space in declared.scopes:
            self._undo.append(lambda s=space, k=space["_kernel"]: s.__setitem__("_kernel", k))
            space["_kernel"] = timed

    def _timing(self, name: str, kernel: Callable) -> Callable:
        def timed(*arrays: Any, **params: Any) -> Any:
            start = time.perf_counter()
            out = kernel(*arrays, **params)
            self._note(name, "forward", start, out)
            return out

        return timed

    def timed(self, node: Node, run: Callable[[], tuple]) -> tuple:
        """Run a node's rules and note how long they took."""
        start = time.perf_counter()
        parts = run()
        self._note(node.plan.op.name, "backward", start, parts)
        return parts

    def _note(self, name: str, phase: str, start: float, made: Any) -> None:
        seconds = time.perf_counter() - start
        parts = made if isinstance(made, (tuple, list)) else (made,)
        size = sum(int(getattr(getattr(p, "_data", p), "nbytes", 0)) for p in parts if p is not None)
        self.events.append(Event(name, phase, start - self._begin, seconds, size, threading.get_ident()))

    # ------------------------------------------------------------------ reading

    def rows(self) -> list[Row]:
        """One row per operation, the most expensive first; seconds, and bytes of the arrays made."""
        found: dict[str, list] = {}
        for e in self.events:
            row = found.setdefault(e.name, [0, 0.0, 0.0, 0])
            row[0] += e.phase == "forward"
            row[1 if e.phase == "forward" else 2] += e.seconds
            row[3] += e.bytes
        return sorted((Row(n, *r) for n, r in found.items()), key=lambda r: r.forward + r.backward, reverse=True)

    def table(self, limit: int = 20) -> str:
        """The rows as text: calls, milliseconds forward and backward, share of the whole, megabytes allocated."""
        rows = self.rows()
        total = sum(r.forward + r.backward for r in rows) or 1.0
        lines = [f"{'operation':<24}{'calls':>8}{'forward ms':>12}{'backward ms':>13}{'share':>8}{'MB':>10}"]
        for r in rows[:limit]:
            share = 100 * (r.forward + r.backward) / total
            lines.append(
                f"{r.name:<24}{r.calls:>8}{1e3 * r.forward:>12.3f}{1e3 * r.backward:>13.3f}{share:>7.1f}%{r.bytes / 1e6:>10.2f}"
            )
        if len(rows) > limit:
            lines.append(f"... and {len(rows) - limit} more")
        return "\n".join(lines)

    __str__ = table

    def export_chrome_trace(self, path: Any) -> None:
        """Write the events for chrome://tracing or Perfetto, one line per operation run."""
        events = [{"name": e.name, "cat": e.phase, "ph": "X", "ts": 1e6 * e.start, "dur": 1e6 * e.seconds, "pid": 0, "tid": e.thread,
                   "args": {"bytes": e.bytes}} for e in self.events]  # fmt: skip
        Path(path).write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}))


__all__ = ["Event", "Row", "profile"]
