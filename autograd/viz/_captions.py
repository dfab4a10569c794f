"""The words of one step: a formula forward, `upstream × local = result` backward, with the numbers."""

from __future__ import annotations

import numpy as np

from ._model import Edge, Graph, Vertex
from ._numbers import MINUS, number, plain, shape_text, stats, values
from ._symbols import PRODUCTS, formula, local


def fill(graph: Graph, precision: int = 2) -> None:
    """Write `caption` of every edge, while all operations still have their own arguments."""
    for e in graph.edges:
        e.caption = backward_caption(graph, e, precision)


def arguments(graph: Graph, v: Vertex) -> list[Edge | object]:
    """Edges and constants of an operation by position."""
    found: dict = {e.use: e for e in graph.inputs(v)}
    for position, value in v.constants:
        if isinstance(position, int) and position not in found:
            found[position] = value
    return [found[i] for i in sorted(found)]


def _names(graph: Graph, v: Vertex) -> list[str]:
    return [a.source.name if isinstance(a, Edge) else plain(a) for a in arguments(graph, v)]


def forward_caption(graph: Graph, v: Vertex, precision: int = 2) -> str:
    """`u₃ = u₂ + 1 = 0.37 + 1 = 1.37`."""
    if v.kind == "scope":
        return _composite_caption(v, precision)
    if v.kind != "op":
        return f"{v.name} = {_shown(v.value, v.shape, precision)}"
    names = _names(graph, v)
    parts = [v.name, formula(v.op, v.label, names)]
    found = [_argument_text(a, precision) for a in arguments(graph, v)]
    if v.shape == () and all(t is not None for t in found):
        parts.append(formula(v.op, v.label, [str(t) for t in found]))
    parts.append(_shown(v.value, v.shape, precision))
    return " = ".join(dict.fromkeys(parts))


def _composite_caption(v: Vertex, precision: int) -> str:
    inside = Graph(list(v.inner), list(v.inner_edges))
    text: dict[str, str] = {}
    for u in v.inner:
        terms = [
            text.get(a.source.id, a.source.name) if isinstance(a, Edge) else plain(a) for a in arguments(inside, u)
        ]
        text[u.id] = formula(u.op, u.label, terms)
    last = text.get(v.inner[-1].id, v.label) if v.inner else v.label
    parts = [v.name, *([last] if len(last) <= 60 else []), _shown(v.value, v.shape, precision)]
    return " = ".join(dict.fromkeys(parts))


def _argument_text(a: object, precision: int) -> str | None:
    if not isinstance(a, Edge):
        return plain(a)
    return number(a.value[()], precision) if a.value is not None and a.value.ndim == 0 else None


def _shown(a: np.ndarray | None, shape: tuple, precision: int) -> str:
    if a is None:
        return f"{shape_text(shape)} (freed)"
    text = values(a, precision)
    return f"{shape_text(shape)} {text}" if a.ndim and "±" in text else text


def backward_caption(graph: Graph, e: Edge, precision: int = 2) -> str:
    """`−0.53 × eᵘ = −0.53 × 0.37 = −0.20`, without the left-hand side."""
    if e.target.kind == "output":
        return _shown(e.grad, e.shape, precision) if e.grad is not None else ""
    if e.grad is None:
        return ""
    v = e.target
    upstream = v.grad
    symbolic = local(v.op, _position(graph, e), _names(graph, v), v.caption, dict(v.constants))
    result = _shown(e.grad, e.shape, precision)
    g = "g" if upstream is None or upstream.ndim else number(upstream[()], precision)
    if not symbolic:
        return f"{v.caption or v.label}: {result}"
    if v.op in PRODUCTS:
        return f"{g} · {symbolic} = {result}" if upstream is None or not upstream.ndim else f"{v.caption}: {result}"
    parts = [f"{g} × {symbolic}"]
    if e.local is not None and g != "g":
        value = number(np.asarray(e.local)[()], precision) if symbolic not in ("1", "(−1)") else symbolic
        parts.append(f"{g} × {f'({value})' if value.startswith(MINUS) else value}")
    return " = ".join(dict.fromkeys([*parts, result]))


def _position(graph: Graph, e: Edge) -> int:
    uses = arguments(graph, e.target)
    return next((i for i, a in enumerate(uses) if a is e), e.use)


def derivative(graph: Graph, name: str) -> str:
    return f"∂{graph.root_name}/∂{name}"


def backward_line(graph: Graph, e: Edge) -> str:
    """`∂y/∂u₂ = −0.53 × eᵘ = ...`."""
    return f"{derivative(graph, e.source.name)} = {e.caption}"


__all__ = ["backward_caption", "backward_line", "derivative", "fill", "forward_caption", "stats"]
