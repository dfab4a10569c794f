"""What operations keep for the backward pass, as nodes and dashed links of the forward picture."""

from __future__ import annotations

from typing import Any

from ._model import Edge, Graph, Vertex


def add(graph: Graph) -> None:
    """Link everything that is kept to the operations that keep it: each tensor once, however many keep it."""
    kept: dict[str, Vertex] = {}  # id of what made a tensor -> the node that stands for the kept tensor
    for v in graph.operations:
        for role, value in v.saved:
            source = _source(graph, v, role)
            if source is None:
                continue
            held = source if source.is_leaf else kept.get(source.id)
            if held is None:
                held = kept[source.id] = _held(graph, source, value)
            if source is not v:
                _link(graph, held, v)
    graph.changed()


def _source(graph: Graph, v: Vertex, role: Any) -> Vertex | None:
    """What made the tensor that an operation keeps under this role: its own result, an argument by place or by name."""
    if role == "out":
        return v
    return next((e.source for e in graph.inputs(v) if role in (e.use, e.source.name)), None)


def _held(graph: Graph, source: Vertex, value: Any) -> Vertex:
    alone = source.box is not None and sum(v.box is source.box for v in graph.vertices) == 1
    made = Vertex(f"k{source.id}", "saved", source.name, name=source.name, shape=source.shape, dtype=source.dtype,
                  value=value, seq=source.seq, saved_bytes=value.nbytes, box=source.box.parent if alone and source.box else source.box)  # fmt: skip
    graph.vertices.append(made)
    _link(graph, source, made)
    return made


def _link(graph: Graph, a: Vertex, b: Vertex) -> None:
    if any(e.kind == "kept" and e.source is a and e.target is b for e in graph.edges):
        return
    graph.edges.append(
        Edge(f"k{len(graph.edges)}", a, b, 0, kind="kept", text=f"{a.name} is kept for the backward pass")
    )
