"""Two graphs compared: what stayed, what came, what went."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np

from ._drawing import Picture
from ._model import Graph, Vertex
from ._names import Frame, caller


def diff(a: Any, b: Any, **options: Any) -> Any:
    """The graph of `b`, with what it has in common with `a` faded, what is new in full, and a note of what is gone.

    Operations are matched in the order of their creation by what they do and their shapes; of matched ones, those
    whose values differ are named in a note.

    Args:
        a, b: tensors, or Drawings of them.
        options: as for `draw`.

    Example:
        >>> import autograd
        >>> from autograd import viz
        >>> x = autograd.tensor(2.0, requires_grad=True)
        >>> print([n for n in viz.diff((x * x).exp(), (x * x).sin()).graph.notes])
        ['only in the first: exp', 'only in the second: sin']
    """
    from ._draw import draw

    options.setdefault("names", Frame(caller()))
    before, made = (t if isinstance(t, Picture) else draw(t, **options) for t in (a, b))
    old, new = before.graph, made.graph
    pairs = _matched(old, new)
    same = {v.id for _, v in pairs}
    for v in new.vertices:
        v.dim = v.id in same
    for e in new.edges:
        e.dim = e.source.dim and e.target.dim
    kept = {u.id for u, _ in pairs}
    _note(new, "only in the first", [u.label or u.name for u in old.vertices if u.id not in kept])
    _note(new, "only in the second", [v.label or v.name for v in new.vertices if v.id not in same])
    _note(new, "other values", [v.name or v.label for u, v in pairs if v.kind != "output" and _differ(u, v)])
    return made


def _matched(a: Graph, b: Graph) -> list[tuple[Vertex, Vertex]]:
    first, second = (
        [(v.kind, v.op or v.name, v.label if v.kind == "op" else "", v.shape) for v in g.vertices] for g in (a, b)
    )
    blocks = difflib.SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    return [(a.vertices[m.a + i], b.vertices[m.b + i]) for m in blocks for i in range(m.size)]


def _differ(a: Vertex, b: Vertex) -> bool:
    if a.value is None or b.value is None:
        return False
    return not np.array_equal(a.value, b.value, equal_nan=a.value.dtype.kind in "fc")


def _note(graph: Graph, words: str, found: list[str]) -> None:
    if found:
        more = f", … {len(found) - 12} more" if len(found) > 12 else ""
        graph.notes.append(f"{words}: {', '.join(found[:12])}{more}")
