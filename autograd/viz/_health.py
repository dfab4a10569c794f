"""What is wrong with the numbers of a graph: where a NaN was born, dead units, gradients that vanish or explode."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ._model import Graph, Vertex
from ._numbers import magnitude, not_finite

ORDER = ("origin", "nan", "dead", "zero", "vanishing", "exploding")


def worst(flags: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The flags of a folded part: all that occur inside, worst first."""
    seen = {f for group in flags for f in group}
    return tuple(f for f in ORDER if f in seen)


def check(graph: Graph) -> Graph:
    """Set `flags` of vertices and edges."""
    for v in graph.vertices:
        v.flags = tuple(_vertex_flags(graph, v))
    norms = {e.id: magnitude(e.grad) for e in graph.edges if e.grad is not None and not not_finite(e.grad)}
    live = [n for n in norms.values() if n > 0]
    top, middle = max(live, default=0.0), float(np.median(live)) if live else 0.0
    for e in graph.edges:
        e.flags = tuple(_edge_flags(e, norms.get(e.id), top, middle))
    return graph


def _vertex_flags(graph: Graph, v: Vertex) -> Iterable[str]:
    if v.value is not None and not_finite(v.value):
        inputs = [e.value for e in graph.inputs(v) if e.value is not None]
        if v.kind == "op" and inputs and not any(not_finite(a) for a in inputs):
            yield "origin"
        yield "nan"
    if v.op == "relu" and v.value is not None and v.value.size > 1 and dead_fraction(v.value) >= 0.9:
        yield "dead"
    if v.is_leaf and v.grad is not None and not np.any(v.grad):
        yield "zero"


def _edge_flags(e: object, norm: float | None, top: float, middle: float) -> Iterable[str]:
    value, grad = e.value, e.grad
    if value is not None and not_finite(value):
        yield "nan"
    if grad is None:
        return
    if not_finite(grad):
        yield "nan-grad"
    elif norm == 0:
        yield "zero"
    elif norm is not None and norm < 1e-6 * top:
        yield "vanishing"
    elif norm is not None and middle and norm > 1e3 * middle:
        yield "exploding"


def dead_fraction(a: np.ndarray) -> float:
    """Share of a ReLU's outputs that are zero."""
    return float(np.mean(a == 0))
