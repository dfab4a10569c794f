"""A graph with a shape for every node, a text for every wire and a place for both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from . import _boxes, _columns
from ._boxes import Shape, Style, Tag
from ._engines import arrange
from ._fonts import width
from ._layered import Link, Placement
from ._model import Box, Edge, Graph, Vertex

GAPS = {"LR": (13.0, 22.0), "TB": (24.0, 13.0)}
SMALLER = 1.2  # how much a picture may be shrunk to fit a screen
Point = tuple[float, float]


@dataclass
class Scene:
    """Everything the painter needs."""

    graph: Graph
    style: Style
    shapes: dict[str, Shape]
    tags: dict[str, Tag]
    place: Placement
    title: str = ""
    legend: Any = False
    scale: float = 1.0  # at which the picture is shown


def make(
    graph: Graph, style: Style, layout: str = "auto", title: str = "", legend: Any = False, least: dict | None = None
) -> Scene:  # fmt: skip
    """Shapes, tags and places; `least` gives widths to keep free for what is drawn elsewhere in the same column."""
    shapes = {v.id: _boxes.shape(graph, v, style) for v in graph.vertices}
    tags = {e.id: t for e in graph.edges if e.kind != "kept" and (t := _boxes.tag(graph, e, style)) is not None}
    spine = _spine(graph)
    links = [
        Link(e.id, e.source.id, e.target.id, (t.w, t.h) if (t := tags.get(e.id)) else None, _weight(e, spine))
        for e in graph.edges
    ]
    paths = {v.id: _path(v, graph) for v in graph.vertices}
    headers = {b.id: _boxes.header_width(b) for b in graph.boxes}
    sizes = {k: (max(s.w, (least or {}).get(k, 0.0)), s.h) for k, s in shapes.items()}
    place = arrange(sizes, links, paths, headers, style.direction, GAPS[style.direction], layout)
    return Scene(graph, style, shapes, tags, place, title, legend)


def rectangles(scene: Scene) -> dict[str, tuple[float, float, float, float]]:
    """The room of each node, and under t… of each wire's text."""
    place = scene.place
    found = {k: (x, y, scene.shapes[k].w, scene.shapes[k].h) for k, (x, y) in place.nodes.items()}
    found |= {f"t{k}": (x, y, scene.tags[k].w, scene.tags[k].h) for k, (x, y) in place.tags.items()}
    return {k: (x - w / 2, y - h / 2, x + w / 2, y + h / 2) for k, (x, y, w, h) in found.items()}


def in_columns(scene: Scene, wide: float, high: float) -> Scene:
    """The same scene, set in columns when it is too tall for a screen, and shown a little smaller when that is enough."""
    scene.place = _columns.fit(scene.place, rectangles(scene), wide, high)
    over = max(scene.place.size[0] / wide, scene.place.size[1] / high)
    scene.scale = 1 / over if 1 < over <= SMALLER else 1.0
    return scene


def _path(v: Vertex, graph: Graph) -> tuple[str, ...]:
    """The framed boxes around a vertex; a leaf stands in the box of the module that owns or first uses it."""
    box = v.box
    return tuple(b for b in (box.path if box else ()) if b in framed(graph))


def framed(graph: Graph) -> dict[str, Box]:
    """Boxes that are drawn: those with more than one thing in them."""
    cached = getattr(graph, "_framed", None)
    if cached is not None:
        return cached
    count: dict[str, int] = {}
    for v in graph.vertices:
        for b in v.box.path if v.box else ():
            count[b] = count.get(b, 0) + 1
    found = {b.id: b for b in graph.boxes if count.get(b.id, 0) > 1}
    graph._framed = found
    return found


def _spine(graph: Graph) -> set[str]:
    """Edges of a longest chain of operations: these are kept straight."""
    depth: dict[str, int] = {}
    back: dict[str, Edge] = {}
    for v in graph.vertices:
        best = max(graph.inputs(v), key=lambda e: (depth.get(e.source.id, 0), e.source.kind != "param"), default=None)
        depth[v.id] = 1 + (depth.get(best.source.id, 0) if best else 0)
        if best and (best.source.kind not in ("param", "const", "frozen") or len(graph.inputs(v)) == 1):
            back[v.id] = best
    found = set()
    last = max(graph.vertices, key=lambda v: depth[v.id], default=None)
    while last is not None and last.id in back:
        e = back[last.id]
        found.add(e.id)
        last = e.source
    return found


def _weight(e: Edge, spine: set[str]) -> float:
    return 0.5 if e.kind == "kept" else 12.0 if e.id in spine else 1.0 if e.source.is_leaf else 3.0


# ---------------------------------------------------------------------------------------------- wires


def route(scene: Scene, e: Edge) -> tuple[str, list[Point]]:
    """The path of a wire as SVG commands, and its arrow head."""
    points = [p for p in scene.place.wires.get(e.id, []) if p is not None]
    if len(points) < 2:
        return "", []
    if e.id in scene.place.curves:
        return _given_curve(*scene.place.curves[e.id])
    if e.kind in ("saved", "across") and len(points) == 2:
        return _saved_link(points)
    flat = scene.style.direction == "LR"
    back = e.kind in ("backward", "reversed")  # drawn along the forward wire, with the head at its start
    first, last = (e.target, e.source) if e.kind == "backward" else (e.source, e.target)
    start, out = _border(scene, first, points[0], points[1], flat, leaving=True)
    stop, into = _border(scene, last, points[-1], points[-2], flat, leaving=False)
    heads = _base(start, out) if back else start, stop if back else _base(stop, into)
    way = [heads[0], *points[1:-1], heads[1]]
    flow = (1.0, 0.0) if flat else (0.0, 1.0)
    ways = [out, *[flow] * (len(points) - 2), (-into[0], -into[1])]
    turns = scene.place.turns.get(e.id, {})
    parts = [f"M{_n(way[0][0])},{_n(way[0][1])}"]
    for i, (p, a, q, b) in enumerate(zip(way, ways, way[1:], ways[1:], strict=False)):
        parts.append(_rounded(turns[i]) if i in turns else _segment(p, a, q, b))
    return "".join(parts), _arrow(start, out) if back else _arrow(stop, into)


def _rounded(points: list[Point], radius: float = 7.0) -> str:
    """Straight lines through points, their corners rounded."""
    parts = []
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        ends = []
        for other in (before, after):
            length = math.dist(at, other) or 1.0
            t = min(radius, length / 2) / length
            ends.append((at[0] + t * (other[0] - at[0]), at[1] + t * (other[1] - at[1])))
        (a, b), (c, d) = ends
        parts.append(f"L{_n(a)},{_n(b)}Q{_n(at[0])},{_n(at[1])} {_n(c)},{_n(d)}")
    return "".join([*parts, f"L{_n(points[-1][0])},{_n(points[-1][1])}"])


def _given_curve(points: list[Point], tip: Point) -> tuple[str, list[Point]]:
    """A curve computed by Graphviz."""
    text = [f"M{_n(points[0][0])},{_n(points[0][1])}"]
    for i in range(1, len(points) - 2, 3):
        text.append("C" + " ".join(f"{_n(x)},{_n(y)}" for x, y in points[i : i + 3]))
    x, y = points[-1]
    length = math.hypot(x - tip[0], y - tip[1]) or 1.0
    return "".join(text), _arrow(tip, ((x - tip[0]) / length, (y - tip[1]) / length))


def _base(tip: Point, d: Point) -> Point:
    """Where the line ends and the arrow head begins."""
    return tip[0] + 7 * d[0], tip[1] + 7 * d[1]


def _saved_link(points: list[Point]) -> tuple[str, list[Point]]:
    """Straight down or up; in a curve where the ends are not above one another."""
    (x, y), (to, stop) = points[0], points[-1]
    sign = 1.0 if stop > y else -1.0
    head, bend = stop - 7 * sign, (y + stop) / 2
    way = f"L{_n(to)},{_n(head)}" if abs(to - x) < 1 else f"C{_n(x)},{_n(bend)} {_n(to)},{_n(bend)} {_n(to)},{_n(head)}"
    return f"M{_n(x)},{_n(y)}{way}", _arrow((to, stop), (0.0, -sign))


def _segment(p: Point, a: Point, q: Point, b: Point) -> str:
    dx, dy = q[0] - p[0], q[1] - p[1]
    length = math.hypot(dx, dy)
    if abs(dx * a[1] - dy * a[0]) < 0.4 and abs(dx * b[1] - dy * b[0]) < 0.4:
        return f"L{_n(q[0])},{_n(q[1])}"
    j, k = (_reach(abs(dx * d[0] + dy * d[1]), length) for d in (a, b))
    c = (p[0] + j * a[0], p[1] + j * a[1], q[0] - k * b[0], q[1] - k * b[1], *q)
    return "C" + " ".join(f"{_n(c[i])},{_n(c[i + 1])}" for i in (0, 2, 4))


def _reach(along: float, length: float) -> float:
    """How far a curve keeps its direction: not beyond its other end, or it would bulge into what lies there."""
    return min(0.5 * length, max(0.55 * along, min(0.25 * length, 0.9 * along)))


def _border(scene: Scene, v: Vertex, centre: Point, other: Point, flat: bool, leaving: bool) -> tuple[Point, Point]:
    """Where a wire touches a node, and the direction away from it there (into the wire)."""
    s = scene.shapes[v.id]
    sign = 1.0 if leaving else -1.0
    along, across = (0, 1) if flat else (1, 0)
    off = other[across] - centre[across]
    if s.form == "circle":
        far = abs(other[along] - centre[along])
        angle = 0.0 if abs(off) < 1 else math.copysign(min(1.1, 1.2 * math.atan2(abs(off), max(far, 1.0))), off)
        direction = (sign * math.cos(angle), math.sin(angle))
        r = 20.0
        d = direction if flat else direction[::-1]
        return (centre[0] + r * d[0], centre[1] + r * d[1]), d
    half = ((s.w if flat else s.h) / 2, (s.h if flat else s.w) / 2)
    if s.form == "pill":
        wide = (width(s.lines[0][0], _boxes.OP) + 26) / 2
        half = (wide, 20.0) if flat else (20.0, wide)
    slack = max(0.0, half[1] - (16.0 if s.form == "pill" and not flat else 12.0))
    shift = max(-slack, min(slack, off))
    at = centre[along] + sign * half[0], centre[across] + shift
    return (at, (sign, 0.0)) if flat else (at[::-1], (0.0, sign))


def _arrow(tip: Point, d: Point) -> list[Point]:
    x, y = tip
    bx, by = x + 8 * d[0], y + 8 * d[1]
    return [(x, y), (bx - 3.4 * d[1], by + 3.4 * d[0]), (bx + 3.4 * d[1], by - 3.4 * d[0])]


def _n(v: float) -> str:
    text = f"{v:.1f}"
    return text[:-2] if text.endswith(".0") else text
