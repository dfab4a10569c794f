"""Making a graph smaller without lying about it: parts become one node that says what it hides."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable

from ._health import worst
from ._model import Box, Edge, Graph, Vertex

ROWS = 4  # parameters a layer's card lists


def fold(graph: Graph, boxes: Iterable[Box]) -> Graph:
    """The graph with each of the boxes drawn as one node, save those that nodes outside lie amidst."""
    chosen = {b.id: b for b in boxes}
    if not chosen:
        return graph
    made = _folded(graph, chosen)
    if _acyclic(made):
        return made
    for key, box in chosen.items():  # threads or tasks took turns: a node would come before and after another
        made = _folded(graph, {key: box})
        graph = made if _acyclic(made) else graph
    return graph


def _folded(graph: Graph, chosen: dict[str, Box]) -> Graph:
    inside: dict[str, list[Vertex]] = {}
    for v in graph.vertices:
        if key := _outermost(v, chosen):
            inside.setdefault(key, []).append(v)
    made = {key: _composite(chosen[key], held, graph) for key, held in inside.items()}
    return _replaced(graph, {v.id: made[key] for key, held in inside.items() for v in held})


def _acyclic(graph: Graph) -> bool:
    waiting = {v.id: len(graph.inputs(v)) for v in graph.vertices}
    ready = [v for v in graph.vertices if not waiting[v.id]]
    for v in ready:  # grows on the way
        for e in graph.uses(v):
            waiting[e.target.id] -= 1
            if not waiting[e.target.id]:
                ready.append(e.target)
    return len(ready) == len(graph.vertices)


def _outermost(v: Vertex, chosen: dict[str, Box]) -> str | None:
    for key in v.box.path if v.box else ():
        if key in chosen:
            return key if not (v.is_leaf and chosen[key].kind == "scope") else None
    return None


def _composite(box: Box, inside: list[Vertex], graph: Graph) -> Vertex:
    ops = [v for v in inside if not v.is_leaf]
    ids = {v.id for v in inside}
    last = max(ops or inside, key=lambda v: v.seq)
    kind = box.kind if box.kind in ("scope", "module") else "more"
    made = Vertex(f"{box.id}n", kind, box.name, op=box.class_name or box.name, box=box.parent, params=box.params)
    for field in ("seq", "value", "grad", "shape", "dtype", "name", "named", "others"):
        setattr(made, field, getattr(last, field))
    if not last.named and box.kind == "scope":
        made.name = box.name
    made.hidden = sum(max(v.hidden, 1) for v in ops)
    made.flags = worst(v.flags for v in inside)
    made.saved_bytes = sum(v.saved_bytes for v in ops)
    made.inner = sorted(ops, key=lambda v: v.seq)
    made.detail = f"{box.class_name}({box.detail})" if box.detail else ""
    made.given = _given(graph, ids)
    made.leaves = [v for v in inside if v.kind in ("param", "frozen")]
    made.inner_edges = [e for e in graph.edges if e.target.id in ids]
    made.saved = tuple(s for v in made.inner for s in _outer_saved(v, ids, graph))
    return made


def _given(graph: Graph, ids: set) -> tuple[int, ...] | None:
    """The shape of the largest tensor that comes in from outside and is no parameter."""
    found = [e.shape for e in graph.edges if e.target.id in ids and e.source.id not in ids and e.source.kind != "param"]
    return max(found, key=math.prod, default=None)


def _outer_saved(v: Vertex, ids: set, graph: Graph) -> list:
    """What an inner operation saves, under the names of the composite's own arguments."""
    found = []
    for role, value in v.saved:
        edge = next((e for e in graph.inputs(v) if role in (e.use, e.source.name)), None) if role != "out" else None
        if edge is not None and edge.source.id not in ids:
            found.append((edge.source.name, value))
    return found


def _replaced(graph: Graph, swap: dict[str, Vertex]) -> Graph:
    vertices = [v for v in graph.vertices if v.id not in swap]
    vertices += list(dict.fromkeys(swap.values()))
    vertices.sort(key=lambda v: v.seq)
    edges: list[Edge] = []
    uses = dict.fromkeys([v.id for v in vertices], 0)
    parallel: dict[tuple, Edge] = {}
    for e in graph.edges:
        source, target = swap.get(e.source.id, e.source), swap.get(e.target.id, e.target)
        if source is target:
            continue
        if source is not e.source:
            target.saved = tuple((source.name if role == e.source.name else role, a) for role, a in target.saved)
        if _joined(e, source, target, parallel):
            continue
        made = dataclasses.replace(e, source=source, target=target, carried=e.shape)
        parallel[e.source.id, target.id] = parallel[source.id, e.target.id] = made
        if target is not e.target:
            made.use = uses[target.id]
            uses[target.id] += 1
        edges.append(made)
    return Graph(vertices, edges, graph.boxes, list(graph.notes), graph.view, graph.root_name)


def _joined(e: Edge, source: Vertex, target: Vertex, parallel: dict[tuple, Edge]) -> bool:
    """Whether the edge was added to one that is there already."""
    if target is not e.target and target.kind != "scope" and (e.source.id, target.id) in parallel:
        _merge(parallel[e.source.id, target.id], e)
        return True
    if source is not e.source and source.kind == "more" and (source.id, e.target.id) in parallel:
        _bundle(parallel[source.id, e.target.id], e)
        return True
    return False


def _merge(into: Edge, e: Edge) -> None:
    """Two uses of one tensor by the same folded part: one wire, with the sum of what comes back."""
    if e.grad is not None:
        into.grad = e.grad if into.grad is None else into.grad + e.grad
    into.order = max(into.order, e.order)
    into.flags = tuple(dict.fromkeys((*into.flags, *e.flags)))
    into.caption = ""


def _bundle(into: Edge, e: Edge) -> None:
    """Several results of a folded part that go to the same place: one wire that counts them."""
    into.via = into.via if isinstance(into.via, int) else 1
    into.via += 1
    into.text, into.caption = f"{into.via} tensors {tuple(e.shape)}", ""
    into.value = into.grad = None
    into.flags = tuple(dict.fromkeys((*into.flags, *e.flags)))


def renumber(graph: Graph) -> Graph:
    """Ids n0, n1, ... in order of creation, as if the graph had always been this small."""
    for i, v in enumerate(graph.vertices):
        v.id = f"n{i}"
    for i, e in enumerate(graph.edges):
        e.id = f"e{i}"
    graph.changed()
    return graph


def scopes(graph: Graph, expand: object = None) -> list[Box]:
    """The `viz.scope` boxes that are drawn as one node."""
    if expand is True:
        return []
    keep = set(expand) if isinstance(expand, (list, tuple, set)) else {expand}
    return [b for b in graph.boxes if b.kind == "scope" and b.name not in keep]


def chosen(graph: Graph, depth: int | None, collapse: object, expand: object) -> list[Box]:
    """The module boxes to draw as one node: deeper than `depth`, or asked for by name, class or predicate."""
    wanted = _matcher(collapse)
    graph_ops: dict[str, int] = {}
    for v in graph.operations:
        for key in v.box.path if v.box else ():
            graph_ops[key] = graph_ops.get(key, 0) + 1
    kept = _matcher(expand) if expand is not True else (lambda b: True)
    found = []
    for b in graph.boxes:
        alone = graph_ops.get(b.id, 0) == 1 and not b.params  # an activation: folding it would hide nothing
        if b.kind == "scope" or alone or kept(b):
            continue
        if (depth is not None and len(b.path) > depth) or wanted(b):
            found.append(b)
    return found


def layers(graph: Graph, expand: object = None) -> list[Box]:
    """The innermost modules with few operations and parameters of their own: each becomes one card with its parameters."""
    kept = _matcher(expand) if expand is not True else (lambda b: True)
    parents = {id(b.parent) for b in graph.boxes}
    found = []
    for b in graph.boxes:
        mine = [v for v in graph.vertices if v.box is b]
        leaves = [v for v in mine if v.is_leaf]
        if (
            b.kind != "module"
            or id(b) in parents
            or not 0 < len(leaves) <= ROWS
            or len(mine) - len(leaves) > 4
            or kept(b)
        ):
            continue
        found.append(b)
    return found


def _matcher(what: object) -> Callable[[Box], bool]:
    if what is None or isinstance(what, bool):
        return lambda b: bool(what)
    if callable(what) and not isinstance(what, type):
        return lambda b: bool(what(b))
    wanted = {
        w.__name__ if isinstance(w, type) else str(w)
        for w in (what if isinstance(what, (list, tuple, set)) else [what])
    }
    return lambda b: b.name in wanted or b.class_name in wanted or ".".join(b.names) in wanted
