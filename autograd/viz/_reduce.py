"""Large graphs made readable: modules folded, repeats drawn once, and a note that says what is hidden."""

from __future__ import annotations

from collections import Counter
from typing import Any

from . import _collapse
from ._model import Box, Graph, Vertex


class TooLarge(ValueError):
    """Raised when no folding makes a graph small enough to be a picture."""


def reduce(graph: Graph, *, depth: Any, collapse: Any, expand: Any, fold_repeats: Any, max_nodes: int) -> Graph:
    """The graph with what the options ask for folded, and more until at most `max_nodes` operations are left."""
    before = len(graph.operations)
    done: list[str] = []
    chosen = _collapse.chosen(graph, depth, collapse, expand)
    if chosen:
        graph = _apply(graph, chosen)
        done.append(f"depth={depth}" if depth is not None else "collapsed as asked")
    if fold_repeats is True:
        graph = _repeats(graph, done)
    graph = _until(graph, max_nodes, fold_repeats, expand, done)
    if done:
        graph.notes.insert(0, f"collapsed {before} → {len(graph.operations)} operations ({', '.join(done)})")
        graph.notes[:1] = [] if before == len(graph.operations) else graph.notes[:1]
    return graph


def _apply(graph: Graph, boxes: list[Box]) -> Graph:
    return _collapse.renumber(_collapse.fold(graph, boxes))


def _until(graph: Graph, limit: int, fold_repeats: Any, expand: Any, done: list[str]) -> Graph:
    if len(graph.operations) > limit and fold_repeats == "auto":
        graph = _repeats(graph, done)
    deepest = max((len(b.path) for b in graph.boxes), default=0)
    for depth in range(deepest - 1, 0, -1):
        if len(graph.operations) <= limit or expand is True:
            break
        graph = _apply(graph, _collapse.chosen(graph, depth, None, expand))
        done[:] = [d for d in done if not d.startswith("modules")] + [f"modules to depth {depth}"]
    if len(graph.operations) > limit and expand is not True:
        graph = _apply(graph, [b for b in graph.boxes if b.parent is None and b.kind == "module"])
    if len(graph.operations) > limit:
        graph = _chains(graph, limit, done)
    if len(graph.operations) > limit:
        raise TooLarge(_advice(graph, limit))
    return graph


def _advice(graph: Graph, limit: int) -> str:
    common = ", ".join(f"{n} {name}" for name, n in Counter(v.op for v in graph.operations).most_common(6))
    return (
        f"draw: {len(graph.operations)} operations are too many for one picture (max_nodes={limit}): {common}. "
        "Ways out: depth=1, collapse='name', highlight=viz.path(a, b) with a larger max_nodes, viz.text(y), or .json()"
    )


# ---------------------------------------------------------------------------------------------- chains and repeats


def _chains(graph: Graph, limit: int, done: list[str]) -> Graph:
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
    folded = _apply(graph, made)
    for v in folded.vertices:
        if v.kind == "module" and v.label.startswith("… "):
            v.kind = "more"
    return folded


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
