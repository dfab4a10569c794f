"""Pictures made of characters: the graph as a tree, as a tape, as explained steps."""

from __future__ import annotations

import sys
from typing import Any

from ._captions import backward_line, forward_caption
from ._model import Graph, Vertex
from ._numbers import ascii_text, shape_text, values


def tree(graph: Graph, precision: int = 2, max_elems: int = 6, limit: int | None = None) -> str:
    """The result at the top, what it was computed from beneath it; a tensor met again is referred to."""
    rows: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    stack = [(v, "", "") for v in reversed(_tops(graph))]
    while stack and (limit is None or len(rows) < limit):
        v, lead, rest = stack.pop()
        if v.id in seen and graph.inputs(v):
            rows.append((f"{lead}↑ see {v.name}", "", ""))
            continue
        seen.add(v.id)
        rows.append(_row(graph, v, lead, precision, max_elems))
        below = [e.source for e in graph.inputs(v)]
        indent = rest if len(rest) < 120 else rest[:120]
        for i in reversed(range(len(below))):
            last = i == len(below) - 1
            stack.append((below[i], indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  ")))
    return "\n".join(_aligned(rows))


def _tops(graph: Graph) -> list[Vertex]:
    tops = [graph.inputs(v)[0].source for v in graph.outputs]
    return list(dict.fromkeys(tops)) or graph.vertices[-1:]


def _row(graph: Graph, v: Vertex, lead: str, precision: int, max_elems: int) -> tuple[str, str, str]:
    value = "" if v.value is None else values(v.value, precision, max_elems)
    grad = "" if v.grad is None else f"∂ {values(v.grad, precision, max_elems)}"
    if v.is_leaf:
        name = f"{lead}{v.name} {shape_text(v.shape)} {v.kind}"
        return f"{name} {value}".rstrip(), grad, ""
    shape = f" {shape_text(v.shape)}" if v.shape else ""
    return f"{lead}{v.name}{shape}" + (f" = {value}" if value else " (freed)"), grad, v.label


def _aligned(rows: list[tuple[str, str, str]]) -> list[str]:
    wide = [max((len(r[c]) for r in rows if len(r[c]) <= 70), default=0) for c in (0, 1)]
    return [f"{a.ljust(wide[0])}  {b.ljust(wide[1])}  {c}".rstrip() for a, b, c in rows]


def tape(graph: Graph, precision: int = 2, max_elems: int = 6) -> str:
    """One numbered line per operation in the order of execution: what it computes, from what, with value and gradient."""
    rows = []
    for i, v in enumerate(graph.operations, 1):
        arguments = ", ".join(e.source.name for e in graph.inputs(v))
        value = "(freed)" if v.value is None else values(v.value, precision, max_elems)
        grad = "" if v.grad is None else f"∂ {values(v.grad, precision, max_elems)}"
        rows.append((f"{i:>3}  {v.name} = {v.label} {arguments}", f"{shape_text(v.shape)} {value}", grad))
    return "\n".join(_aligned(rows))


def explain(graph: Graph, precision: int = 2) -> str:
    """The walk: each forward step as a formula with its numbers, then each step of the chain rule."""
    lines = ["forward"]
    lines += [f"  {v.name} = {values(v.value, precision)}" for v in graph.leaves if v.value is not None]
    lines += ["  " + forward_caption(graph, v, precision) for v in graph.operations]
    steps = backward_steps(graph)
    if steps:
        lines += ["backward", *(f"  {backward_line(graph, e)}" for e in steps), *_totals(graph, precision)]
    return "\n".join(lines)


def backward_steps(graph: Graph) -> list:
    """Edges in the order in which their gradients were computed."""
    return sorted((e for e in graph.edges if e.order >= 0 and e.grad is not None), key=lambda e: e.order)


def _totals(graph: Graph, precision: int) -> list[str]:
    """What a tensor used more than once receives in all."""
    found = []
    for v in graph.vertices:
        parts = [e.grad for e in graph.uses(v) if e.grad is not None]
        if len(parts) > 1 and v.grad is not None:
            terms = " + ".join(f"({t})" if t.startswith("−") else t for t in (values(p, precision) for p in parts))
            found.append(f"  ∂{graph.root_name}/∂{v.name} = Σ = {terms} = {values(v.grad, precision)}")
    return found


def for_stream(text: str, stream: Any = None) -> str:
    """The text, or its ASCII form when the stream cannot show it."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ascii_text(text)
    return text
