"""Python's garbage collector and large graphs.

Nodes never form cycles, so collecting them finds nothing, yet the collector walks a growing graph again and again: of
the time that 100,000 operations and their way back take, a third would be spent there. It is a tenth when Python waits for
10,000 new objects instead of 700 before each young collection.

What lives through a young collection is walked again after a number of them: 50 instead of 10, so that a graph of 100,000
operations is walked once. Old objects are then collected after 2 of these instead of 10: about as often as with 10 of each,
so that what long programs leave is not kept for longer.

And while one graph grows past that, the collector waits for more new objects: those that came were its nodes.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
from collections.abc import Callable

YOUNG = 10_000
MIDDLE, OLD = 50, 2
GROWING = 1 << 18  # new objects that the collector waits for while a graph grows
_LARGE = 9_000  # operations of a graph from which the objects that a young collection walks are nearly all its nodes


def tune_collector(young: int = YOUNG) -> tuple[int, int, int]:
    """Let the collector wait for `young` new objects, unless the program has chosen a larger number already.

    Importing the package calls this; `gc.set_threshold(700, 10, 10)` afterwards restores Python's default.

    Returns:
        the thresholds before the call.
    """
    before = gc.get_threshold()
    if 0 < before[0] < young:
        gc.set_threshold(young, MIDDLE, OLD)
    return before


def watch_graphs(clock: Callable[[], int]) -> Patience:
    """Begin to watch how graphs grow; `clock` numbers the operations that are recorded."""
    patience = Patience(clock)
    gc.callbacks.append(patience.collected)
    atexit.register(patience.stop)
    return patience


class Patience:
    """Lets the collector wait for longer while a graph grows that no backward pass has gone through.

    Only where it has its thresholds from here, and not where a collection found something.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock, self.passed = clock, 0

    def collected(self, phase: str, found: dict[str, int]) -> None:
        """A callback of the collector."""
        if phase == "stop":
            large = self.clock() - self.passed >= _LARGE
            self.wait(GROWING if large and not found["collected"] else YOUNG)

    def end_pass(self) -> None:
        """A backward pass has ended; after that of a large graph the next one may be as large."""
        now = self.clock()
        if now - self.passed < _LARGE and gc.get_threshold()[0] == GROWING:
            self.wait(YOUNG)
        self.passed = now

    def wait(self, young: int) -> None:
        if gc.get_threshold() in ((YOUNG, MIDDLE, OLD), (GROWING, MIDDLE, OLD)):
            gc.set_threshold(young, MIDDLE, OLD)

    def stop(self) -> None:
        """While Python ends, modules lose what the callback needs."""
        with contextlib.suppress(ValueError):
            gc.callbacks.remove(self.collected)


__all__ = ["tune_collector"]
