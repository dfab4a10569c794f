"""Large graphs made readable: modules folded, repeats drawn once, and a note that says what is hidden."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from . import _collapse
from ._model import Box, Graph, Vertex

SCREEN = 40  # operations that fit one screen


class TooLarge(ValueError):
    """Raised when no folding makes a graph small enough to be a picture."""


def reduce(graph: Graph, *, depth: Any, collapse: Any, expand: Any, fold_repeats: Any, max_nodes: int) -> Graph:
    """The graph with what the options ask for folded; left to itself, with what makes it fit one screen."""
    before = len(graph.operations)
    done: list[str] = []
    chosen = _collapse.chosen(graph, depth, collapse, expand)
    if chosen:
        graph = _apply(graph, chosen)
        done.append(f"depth={depth}" if depth is not None else "as asked")
    if fold_repeats is True:
        graph = _periods(_repeats(graph, done), done)
    if expand is not True:
        free = depth is None and collapse is None
        graph = _until(graph, min(SCREEN, max_nodes) if free else max_nodes, max_nodes, fold_repeats, expand, done)
    if len(graph.operations) > max_nodes:
        raise TooLarge(_advice(graph, max_nodes))
    if len(graph.operations) < before:
        ways = f"{', '.join(dict.fromkeys(done))}; all of it: expand=True" if "as asked" not in done else "as asked"
        graph.notes.insert(0, f"collapsed {before} → {len(graph.operations)} operations ({ways})")
    return graph


def _apply(graph: Graph, boxes: list[Box]) -> Graph:
    return _collapse.renumber(_collapse.fold(graph, boxes))


def _until(graph: Graph, aim: int, limit: int, fold_repeats: Any, expand: Any, done: list[str]) -> Graph:
    """Fold modules from the inside out, then repeated stretches, until at most `aim` operations are left."""
    deepest = max((len(b.path) for b in graph.boxes), default=0)
    for depth in range(deepest - 1, 0, -1):
        if len(graph.operations) <= aim:
            break
        graph = _apply(graph, _collapse.chosen(graph, depth, None, expand))
        done[:] = [d for d in done if not d.startswith("depth")] + [f"depth={depth}"]
    if len(graph.operations) > aim and fold_repeats == "auto":
        graph = _periods(graph, done)
    if len(graph.operations) > limit:
        graph = _chains(graph, done)
    if len(graph.operations) > limit:
        graph = _apply(graph, [b for b in graph.boxes if b.parent is None and b.kind == "module"])
    return graph


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


def _repeats(graph: Graph, done: list[str]) -> Graph:
    """Of siblings of one class and the same operations, fold all but the first."""
    groups: dict[tuple, list[Box]] = {}
    for b in graph.boxes:
        if b.kind == "module":
            inside = tuple(v.op for v in graph.operations if v.box and b.id in v.box.path)
            if len(inside) > 1:
                groups.setdefault((b.parent.id if b.parent else "", b.class_name, b.params, inside), []).append(b)
    folded = [b for group in groups.values() if len(group) > 2 for b in group[1:]]
    if not folded:
        return graph
    done.append("repeats folded")
    for group in groups.values():
        same = len(group) > 2 and len({b.module_id for b in group}) == 1
        for b in group[1:] if len(group) > 2 else ():
            b.name = f"{b.name} ↻" if same else b.name
    return _apply(graph, folded)


def _periods(graph: Graph, done: list[str]) -> Graph:
    """A loop written out (the time steps of a recurrent layer): the first pass in full, the others as one node."""
    by_box: dict[str, list[Vertex]] = {}
    for v in graph.operations:
        by_box.setdefault(v.box.id if v.box else "", []).append(v)
    made: list[Box] = []
    for inside in by_box.values():
        start, period, times = _period([f"{v.op} {v.kind}" for v in inside])
        if not times:
            continue
        first, last = inside[start + period].seq, inside[start + times * period - 1].seq
        box = Box(f"r{len(made)}", f"↻ {times - 1} more passes", kind="repeat", parent=inside[start].box)
        made.append(box)
        for v in inside:
            if first <= v.seq <= last:
                v.box = box
        _absorb(graph, [v for v in inside if v.seq < first], box)
    if not made:
        return graph
    done.append("repeats folded")
    graph.boxes.extend(made)
    return _apply(graph, made)


def _absorb(graph: Graph, before: list[Vertex], box: Box) -> None:
    """What was made ahead only for the folded passes (the slices of a sequence) goes with them."""
    for v in reversed(before):
        if all(e.target.box is box for e in graph.uses(v)):
            v.box = box


def _period(labels: list[str]) -> tuple[int, int, int]:
    """(start, period, times) of the stretch of at least three equal passes that covers most; times 0 when none does."""
    codes = np.unique(labels, return_inverse=True)[1] if len(labels) > 8 else np.zeros(0, int)
    best, covered = (0, 1, 0), 0
    for period in range(2, len(codes) // 3 + 1):
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
