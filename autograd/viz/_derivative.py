"""Two registers: the computation above, its derivative below as a graph of its own, what is handed down between."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from . import _boxes, _registers, _scene
from ._boxes import Shape, Style, Tag
from ._captions import _names, forward_caption
from ._fonts import cut, width
from ._model import Edge, Graph, Vertex
from ._numbers import number, values
from ._paint import Moment
from ._scene import Point, Scene
from ._steps import Steps
from ._symbols import local
from ._text import backward_steps

GAP = 26.0


def scene(graph: Graph, style: Style, title: str = "") -> Scene:
    """The scene of both registers; they have one layout, op under op."""
    style = dataclasses.replace(style, direction="LR", style="wires", tags=True, flow=False)
    below = {v.id: _mirror(graph, v) for v in graph.vertices if _has_derivative(graph, v)}
    least = {k: shape_of(v)[1] for k, v in below.items()}
    made = _scene.make(graph, style, "auto", title, least=least)
    level = _registers.levels(graph)
    if any(level.values()):
        sizes = {k: (max(s.w, least.get(k, 0.0)), s.h) for k, s in made.shapes.items()}
        found = _registers.place(made, sizes, level)
        level = level if _registers.clear(found, sizes, graph, level) else dict.fromkeys(level, 0)
        made.place, graph.boxes = (found, []) if any(level.values()) else (made.place, graph.boxes)
    drop, flipped = made.place.size[1] + GAP, any(level.values())
    lower = _lowered(drop, made.place.size[1] if flipped else None)
    both = Graph(list(graph.vertices), [], graph.boxes, list(graph.notes), "derivative", graph.root_name)
    result = Scene(
        both, style, {k: dataclasses.replace(s, total="") for k, s in made.shapes.items()}, {}, made.place, title
    )
    for key, v in below.items():
        both.vertices.append(v)
        result.shapes[v.id] = shape_of(v)[0]
        x, y = made.place.nodes[key]
        made.place.nodes[v.id] = lower((x, y))
    for e in list(graph.edges):
        if _registers.crosses(level, e):
            _handed_down(result, e, below)
        else:
            _wires(result, e, below, made.tags.get(e.id), lower, level[e.source.id] % 2 == 1)
    for v in graph.operations:
        if v.id in below:
            _saved(result, graph, v, below[v.id], linked=not flipped or level[v.id] > 0)
    ends = [
        made.place.tags[k][0] + 14 + width(t.value, t.size) for k, t in result.tags.items() if k[0] == "s" or not t.w
    ]
    made.place.size = (
        max([made.place.size[0], *ends]),
        made.place.size[1] + (drop + (16 if flipped else 0) if below else 0.0),
    )
    return result


def _lowered(drop: float, high: float | None) -> Callable[[Point], Point]:
    """Where a node's derivative stands: op under op, or, beneath several registers, the last of them first."""
    return lambda p: (p[0], p[1] + drop if high is None else drop + high - p[1])


def _has_derivative(graph: Graph, v: Vertex) -> bool:
    return v.grad is not None or any(e.grad is not None for e in graph.inputs(v))


def _mirror(graph: Graph, v: Vertex) -> Vertex:
    """The node of the derivative beneath a node of the computation."""
    name = f"∂{graph.root_name}/∂{v.name}"
    label = _factor(graph, v) if v.kind in ("op", "scope", "module", "more") else name
    made = Vertex(f"d{v.id}", "back", label, op=f"{v.op} derivative" if v.op else "", name=name, shape=v.shape,
                  dtype=v.dtype, value=v.grad, grad=None, seq=v.seq)  # fmt: skip
    made.others, made.order = (v.kind,), v.order + 1
    return made


def _factor(graph: Graph, v: Vertex) -> str:
    """What the derivative multiplies by: ×eᵘ, ×1, ×−1/u²."""
    uses = [e for e in graph.inputs(v) if e.grad is not None]
    if v.kind != "op":
        return f"∂{v.label}"
    found = dict.fromkeys(local(v.op, e.use, _names(graph, v), v.caption, dict(v.constants)) for e in uses)
    texts = [t[1:-1] if t.startswith("(−") and t.endswith(")") else t for t in found]
    if not texts or not all(texts) or sum(map(len, texts)) > 24:
        return f"∂{v.label}"
    return ", ".join(f"×{t}" for t in texts)


def shape_of(v: Vertex) -> tuple[Shape, float]:
    """The form of a node of the derivative, and its width."""
    if v.others[0] in ("op", "scope", "module", "more"):
        text = cut(v.label, _boxes.OP, 150)
        wide = width(text, _boxes.OP)
        w = 40.0 if wide <= 27 else wide + 26
        return Shape("circle" if w == 40.0 else "pill", w, 40.0, [(text, "btext", _boxes.OP, False)]), w
    text = cut(v.label, _boxes.NAME, 170, True)
    w = width(text, _boxes.NAME, True) + 30
    return Shape("back", w, 34.0, [(text, "btext", _boxes.NAME, True), ("", "muted", 10.0, False)]), w


def _wires(result: Scene, e: Edge, below: dict, tag: Tag | None, lower: Callable, turned: bool = False) -> None:
    """The forward wire, with its value; beneath it the wire of the gradient, the other way."""
    graph, place = result.graph, result.place
    forward = dataclasses.replace(e, kind="backward" if turned else "forward", grad=None)
    graph.edges.append(forward)
    if tag:
        value, grad = ("", tag.value) if turned else (tag.value, "")
        result.tags[e.id] = dataclasses.replace(tag, value=value, grad=grad)
    if tag is None or e.grad is None or e.source.id not in below or e.target.id not in below:
        return
    back = Edge(f"d{e.id}", below[e.target.id], below[e.source.id], e.use, None, e.grad, kind="onward" if turned else "backward", order=e.order,
                caption=e.caption, via=e.via)  # fmt: skip
    graph.edges.append(back)
    place.wires[back.id] = [lower(p) for p in place.wires[e.id]]
    result.tags[back.id] = dataclasses.replace(tag, value="")
    place.tags[back.id] = lower(place.tags[e.id])


def _handed_down(result: Scene, e: Edge, below: dict) -> None:
    """A value that a recorded pass took from what it differentiates, and the gradient that goes back up."""
    graph, place = result.graph, result.place
    handed = dataclasses.replace(e, kind="saved", grad=None, text=e.source.name)
    graph.edges.append(handed)
    place.wires[e.id] = way = _registers.link(result, e.source, e.target)
    result.tags[e.id] = Tag(cut(_given(e.source.name, e.value, result.style), 10.5, 150), size=10.5)
    place.tags[e.id] = way[1][0], way[1][1] - 14
    if e.grad is None or e.source.id not in below or e.target.id not in below:
        return
    back = Edge(f"d{e.id}", below[e.target.id], below[e.source.id], e.use, None, e.grad, kind="across", order=e.order,
                caption=e.caption, via=e.via)  # fmt: skip
    graph.edges.append(back)
    place.wires[back.id] = way = _registers.link(result, back.source, back.target)
    result.tags[back.id] = Tag("", _short(e.grad, result.style), size=10.5)
    place.tags[back.id] = way[0][0], way[0][1] + 16


def _saved(result: Scene, graph: Graph, v: Vertex, under: Vertex, linked: bool) -> None:
    """The dashed link that hands a saved value down."""
    texts = [_given(_role(graph, v, role), a, result.style) for role, a in v.saved]
    if not texts:
        return
    text = ("save " if linked else "with ") + ", ".join(dict.fromkeys(texts))
    link = Edge(f"s{v.id}", v, under, 0, kind="saved", text=text)
    result.graph.edges.append(link)
    (x, y), (_, stop) = result.place.nodes[v.id], result.place.nodes[under.id]
    result.place.wires[link.id] = [(x, y + 20), (x, stop - 20)] if linked else []
    result.tags[link.id] = Tag(cut(text, 10.5, 220), size=10.5)
    result.place.tags[link.id] = (x, stop - 44) if linked else (x - 18, stop + 30)


def _role(graph: Graph, v: Vertex, role: object) -> str:
    if role == "out":
        return "eᵘ" if v.op == "exp" else v.name
    if isinstance(role, str):
        return role
    edge = next((e for e in graph.inputs(v) if e.use == role), None)
    return edge.source.name if edge is not None else "const"


def _given(name: str, a: np.ndarray | None, style: Style) -> str:
    return name if a is None or style.values == "none" else f"{name} = {_short(a, style)}"


def _short(a: np.ndarray, style: Style) -> str:
    if a.ndim == 0:
        return number(a[()], style.precision)
    if a.ndim == 1 and a.size <= style.max_elems and a.dtype.kind == "f" and np.all(a == np.round(a)):
        return "[" + ", ".join(number(int(t)) for t in a) + "]"
    return values(a, style.precision, style.max_elems)


def steps(made: Scene, captions: bool = True) -> Steps:
    """Forward one operation at a time with what it saves, then the derivative one rule at a time."""
    graph = made.graph
    forward = graph.operations
    rules: dict[int, list[Edge]] = {}
    for e in backward_steps(graph):
        if e.order > 0:
            rules.setdefault(id(e.via), []).append(e)
    value_at: dict[str, int] = {e.id: 0 for e in graph.edges if e.kind == "forward"}
    rings: list[tuple[int, str, str]] = []
    words: list[tuple[str, str, bool]] = []
    for k, v in enumerate(forward, 1):
        value_at |= {e.id: k for e in graph.edges if e.kind == "forward" and e.source is v}
        value_at[f"s{v.id}"] = k
        rings.append((k, v.id, "f"))
        words.append((f"build {k}/{len(forward)}", forward_caption(_above(graph), v), False))
    grad_at: dict[str, int] = {e.id: len(forward) + 1 for e in graph.edges if e.kind == "backward"}
    for k, group in enumerate(rules.values(), len(forward) + 1):
        grad_at |= {e.id: k for e in group}
        rings.append((k, group[0].source.id, "b"))
        lines = ", ".join(f"{e.target.name} = {e.caption}" for e in group)
        words.append((f"evaluate {k - len(forward)}/{len(rules)}", lines, True))
    found = [Moment(value_at, grad_at, rings, i, caption=text if captions else "", heading=head, backward=back)
             for i, (head, text, back) in enumerate(words, 1)]  # fmt: skip
    return Steps(made, found)


def _above(graph: Graph) -> Graph:
    return Graph([v for v in graph.vertices if v.kind != "back"], [e for e in graph.edges if e.kind == "forward"],
                 root_name=graph.root_name)  # fmt: skip
