"""Large graphs made readable: modules folded, repeats drawn once, and a note that says what is hidden."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import _collapse
from ._model import Box, Graph, Vertex

SCREEN = 40  # operations that fit one screen
LONGEST = 400  # operations of one pass of a loop that is recognised
_Unit = tuple[Box | None, list[Vertex]]  # a box with the operations it holds, or one operation alone


class TooLarge(ValueError):
    """Raised when no folding makes a graph small enough to be a picture."""


def stages(
    graph: Graph, *, depth: Any, collapse: Any, expand: Any, fold_repeats: Any, max_nodes: int
) -> Iterator[Graph]:
    """The graph as asked for, then step by step with more of it folded; each says in a note what it hides.

    The steps work on one graph, so a stage is drawn before the next is asked for.
    """
    state = _State(graph, expand)
    chosen = _collapse.chosen(graph, depth, collapse, expand)
    if chosen:
        state.fold(chosen, f"depth={depth}" if depth is not None else "as asked")
    if fold_repeats is True:
        state.step(_repeats)
        state.step(_periods)
    yield state.noted()
    if expand is True:
        return
    free = depth is None and collapse is None
    for step in _steps(graph, free, fold_repeats == "auto", max_nodes):
        if step(state):
            yield state.noted()


def _to_depth(depth: int, state: _State) -> bool:
    return state.fold(_collapse.chosen(state.graph, depth, None, state.expand), f"depth={depth}")


def _steps(graph: Graph, free: bool, repeats: bool, limit: int) -> Iterator[Callable[[_State], bool]]:
    """Ways to make a graph smaller, the gentlest first."""
    if free:
        yield lambda s: s.fold(_collapse.layers(s.graph, s.expand), "parameters in their layers")
    if repeats:
        yield lambda s: s.step(_repeats)
        yield lambda s: s.step(_periods)
    for depth in range(max((len(b.path) for b in graph.boxes), default=0) - 1, 0, -1):
        yield functools.partial(_to_depth, depth)
        if repeats:
            yield lambda s: s.step(_pairs)
    yield lambda s: len(s.graph.operations) > min(limit, SCREEN) and s.step(_chains)
    yield (
        lambda s: (
            len(s.graph.operations) > limit
            and s.fold([b for b in s.graph.boxes if b.parent is None and b.kind == "module"], "depth=0")
        )
    )


class _State:
    """A graph on its way to a smaller one, and what has been done to it."""

    def __init__(self, graph: Graph, expand: Any) -> None:
        self.graph, self.expand = graph, expand
        self.before, self.notes = len(graph.operations), graph.notes
        self.done: list[str] = []

    def fold(self, boxes: list[Box], what: str) -> bool:
        """Draw the boxes as one node each; whether that changed anything."""
        here = {b for v in self.graph.vertices if v.box for b in v.box.path}
        boxes = [b for b in boxes if b.id in here]
        if not boxes:
            return False
        self.graph = _apply(self.graph, boxes)
        if what.startswith("depth"):
            self.done = [d for d in self.done if not d.startswith("depth")]
        self.done.append(what)
        return True

    def step(self, fold: Callable) -> bool:
        before = self.graph
        self.graph = fold(self.graph, self.done)
        return self.graph is not before

    def noted(self) -> Graph:
        now = len(self.graph.operations)
        self.graph.notes = list(self.notes)
        if self.done and self.done[0] == "as asked":
            self.graph.notes.insert(0, f"collapsed {self.before} → {now} operations (as asked)")
        elif self.done:
            counted = f"collapsed {self.before} → {now} operations" if now < self.before else "compact"
            ways = ", ".join(dict.fromkeys(self.done))
            self.graph.notes.insert(0, f"{counted} ({ways}; all of it: expand=True)")
        return self.graph


def too_large(graph: Graph, limit: int) -> TooLarge:
    """The error for a graph that no folding made small enough."""
    return TooLarge(_advice(graph, limit))


def _apply(graph: Graph, boxes: list[Box]) -> Graph:
    return _collapse.renumber(_collapse.fold(graph, boxes))


def _advice(graph: Graph, limit: int) -> str:
    common = ", ".join(f"{n} {name}" for name, n in Counter(v.op for v in graph.operations).most_common(6))
    return (
        f"draw: {len(graph.operations)} operations are too many for one picture (max_nodes={limit}): {common}. "
        "Ways out: depth=1, collapse='name', highlight=viz.path(a, b) with a larger max_nodes, viz.text(y), or .json()"
    )


# ---------------------------------------------------------------------------------------------- chains and repeats


def _chains(graph: Graph, done: list[str]) -> Graph:
    """Fold the middle of long chains (each operation with one user) into one node that says how many."""
    box_of: dict[str, Box] = {}
    made: list[Box] = []
    for run in _runs(graph):
        middle = run[3:-3]
        if len(middle) < 8:
            continue
        box = Box(f"c{len(made)}", f"… {len(middle)} more", kind="chain", parent=middle[0].box)
        made.append(box)
        for v in middle:
            box_of[v.id] = box
            v.box = box
            for e in graph.inputs(v):
                if e.source.is_leaf and len(graph.uses(e.source)) == 1:
                    e.source.box = box
    if not made:
        return graph
    done.append("middles of chains")
    graph.boxes.extend(made)
    return _apply(graph, made)


def _runs(graph: Graph) -> list[list[Vertex]]:
    """Maximal chains of operations in which each is the only user of the one before."""
    after: dict[str, Vertex] = {}
    for v in graph.operations:
        sources = {e.source.id: e.source for e in graph.inputs(v) if not e.source.is_leaf}
        if len(sources) == 1:
            (source,) = sources.values()
            if len({e.target.id for e in graph.uses(source)}) == 1:
                after[source.id] = v
    inside = {v.id for v in after.values()}
    runs = []
    for v in graph.operations:
        if v.id in after and v.id not in inside:
            run = [v]
            while run[-1].id in after:
                run.append(after[run[-1].id])
            runs.append(run)
    return runs


def _repeats(graph: Graph, done: list[str], least: int = 3) -> Graph:
    """Of siblings of one class and the same operations in a row, the first in full, the others as one."""
    made: list[Box] = []
    for first, *rest in _siblings(graph, least):
        box = Box(
            f"s{len(graph.boxes)}", _more(first, rest), kind="repeat", class_name=first.class_name, parent=first.parent
        )
        box.params = sum(b.params for b in rest if b.module_id != first.module_id)
        for b in rest:
            b.parent = box
        made.append(box)
        graph.boxes.append(box)
    if not made:
        return graph
    done.append("repeats folded")
    return _apply(graph, made)


def _pairs(graph: Graph, done: list[str]) -> Graph:
    return _repeats(graph, done, least=2)


def _more(first: Box, rest: list[Box]) -> str:
    """Whether what is folded is the same module called again or copies with parameters of their own."""
    if all(b.module_id == first.module_id for b in rest):
        return f"↻ {len(rest)} more call{'s' if len(rest) > 1 else ''}"
    return f"{rest[0].name}, own parameters" if len(rest) == 1 else f"… {len(rest)} more, own parameters"


def _siblings(graph: Graph, least: int) -> list[list[Box]]:
    """Runs of modules alike that follow one another with nothing between."""
    inside: dict[str, list[Vertex]] = {}
    for v in graph.operations:
        for key in v.box.path if v.box else ():
            inside.setdefault(key, []).append(v)
    groups: dict[tuple, list[Box]] = {}
    for b in graph.boxes:
        if b.kind == "module" and len(inside.get(b.id, ())) > 1:
            alike = b.parent.id if b.parent else "", b.class_name, b.params, tuple(v.op for v in inside[b.id])
            groups.setdefault(alike, []).append(b)
    runs: list[list[Box]] = []
    for (parent, *_), group in groups.items():
        around = inside.get(parent, graph.operations)
        runs.append([group[0]])
        for a, b in itertools.pairwise(group):
            if any(inside[a.id][-1].seq < v.seq < inside[b.id][0].seq for v in around):
                runs.append([])
            runs[-1].append(b)
    return [run for run in runs if len(run) >= least]


def _periods(graph: Graph, done: list[str]) -> Graph:
    """A loop written out (the time steps of a recurrent layer): the first pass in full, the others as one node."""
    made: list[Box] = []
    for units in _units(graph).values():
        start, period, times = _period([_label(u) for u in units])
        if not times:
            continue
        end = start + times * period
        tail = _tail(units[start : start + period], units[end : end + period])
        times, end = times + (tail > 0), end + tail
        box = _passes(f"r{len(made)}", times - 1, units[start : start + period], units[start + period : end])
        made.append(box)
        _absorb(graph, units[:start], box)
    if not made:
        return graph
    done.append("repeats folded")
    graph.boxes.extend(made)
    return _apply(graph, made)


def _units(graph: Graph) -> dict[str, list[_Unit]]:
    """What follows what directly inside each box: operations, and the boxes within with all they hold."""
    found: dict[str, dict[str, _Unit]] = {}
    for v in graph.operations:
        outside, box = [], v.box
        while box is not None:
            outside.append(box)
            box = box.parent
        inner: Box | None = None
        for within in [*outside, None]:
            key = inner.id if inner else v.id
            unit = found.setdefault(within.id if within else "", {}).setdefault(key, (inner, []))
            unit[1].append(v)
            inner = within
    return {key: list(units.values()) for key, units in found.items()}


def _label(unit: _Unit) -> str:
    box, held = unit
    return " ".join([box.class_name if box else "", *(f"{v.op} {v.kind}" for v in held)])


def _passes(key: str, count: int, first: list[_Unit], rest: list[_Unit]) -> Box:
    """The box of all passes after the first; it says so where their modules are not those of the first."""
    known = {b.module_id for b, _ in first if b}
    own = {b.module_id: b.params for b, _ in rest if b and b.params and b.module_id not in known}
    name = f"… {count} more passes, own parameters" if own else f"↻ {count} more passes"
    beside = first[0][0] or first[0][1][0]
    made = Box(key, name, kind="repeat", parent=beside.parent if isinstance(beside, Box) else beside.box)
    made.params = sum(own.values())
    for unit in rest:
        _move(unit, made)
    return made


def _move(unit: _Unit, into: Box) -> None:
    box, held = unit
    if box:
        box.parent = into
    else:
        held[0].box = into


def _tail(first: list[_Unit], after: list[_Unit]) -> int:
    """How much of what follows is one more pass, with a result left out that nobody used."""
    place, count = 0, 0
    period = [_label(u) for u in first]
    for op in map(_label, after):
        if op not in period[place:]:
            break
        place, count = period.index(op, place) + 1, count + 1
    return count if 2 * count > len(period) else 0


def _absorb(graph: Graph, before: list[_Unit], box: Box) -> None:
    """What was made ahead only for the folded passes (the slices of a sequence) goes with them."""
    for unit in reversed(before):
        if all(box.id in (e.target.box.path if e.target.box else ()) for v in unit[1] for e in graph.uses(v)):
            _move(unit, box)


def _period(labels: list[str]) -> tuple[int, int, int]:
    """(start, period, times) of the stretch of at least three equal passes that covers most; times 0 when none does."""
    codes = np.unique(labels, return_inverse=True)[1] if len(labels) > 8 else np.zeros(0, int)
    best, covered = (0, 1, 0), 0
    alike = len(codes) == 0 or not codes.any()  # one kind of operation only: a chain, not a loop
    for period in range(2, 0 if alike else min(len(codes) // 3, LONGEST) + 1):
        same = np.flatnonzero(np.diff(np.concatenate([[0], codes[:-period] == codes[period:], [0]])))
        for start, stop in zip(same[::2], same[1::2], strict=True):
            times = int(stop - start) // period + 1
            if (
                times >= 3
                and times * period > covered + period // 2
                and len(set(codes[start : start + period].tolist())) > 1
            ):
                best, covered = (int(start), period, times), times * period
    return best
