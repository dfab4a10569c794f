"""A graph that holds a derivative (create_graph) laid out in registers: what was computed, beneath it what a pass recorded.

The registers run in turn from left to right and from right to left, as a pass runs back over what it differentiates.
"""

from __future__ import annotations

import statistics

from ._engines import arrange
from ._layered import Link, Placement
from ._model import Edge, Graph, Vertex
from ._scene import GAPS, Scene

BETWEEN = 74.0


def levels(graph: Graph) -> dict[str, int]:
    """The register of each vertex: the order of its operation; a leaf stands with the first that uses it."""
    found = {v.id: v.order for v in graph.operations}
    for v in reversed(graph.vertices):
        if v.is_leaf:
            found[v.id] = min((found.get(e.target.id, 0) for e in graph.uses(v)), default=0)
    for v in graph.outputs:
        found[v.id] = found[graph.inputs(v)[0].source.id]
    return found


def place(made: Scene, sizes: dict, level: dict[str, int]) -> Placement:
    """One layered layout for each register, beneath one another; links between registers are left to `links`."""
    result = Placement(direction="LR")
    top, wide = 0.0, 0.0
    for k in sorted(set(level.values())):
        mine = {key: size for key, size in sizes.items() if level[key] == k}
        wires = [e for e in made.graph.edges if level[e.source.id] == level[e.target.id] == k]
        tagged = {e.id: (t.w, t.h) for e in wires if (t := made.tags.get(e.id))}
        asked = [Link(e.id, e.source.id, e.target.id, tagged.get(e.id), 3.0) for e in wires]
        part = arrange(mine, asked, dict.fromkeys(mine, ()), {}, "LR", GAPS["LR"], "builtin")
        _add(result, _mirrored(part) if k % 2 else part, _shift(result, part, made.graph, level, k), top)
        top += part.size[1] + BETWEEN
    low = min(x - sizes[key][0] / 2 for key, (x, _) in result.nodes.items()) - 8
    _move(result, -low)
    wide = max(x + sizes[key][0] / 2 for key, (x, _) in result.nodes.items()) + 8
    result.size = wide, top - BETWEEN
    return result


def _mirrored(part: Placement) -> Placement:
    """The same places seen from the right; wires keep running from their left end to their right one."""
    w = part.size[0]
    part.nodes = {key: (w - x, y) for key, (x, y) in part.nodes.items()}
    part.tags = {key: (w - x, y) for key, (x, y) in part.tags.items()}
    part.wires = {key: [(w - x, y) for x, y in reversed(way)] for key, way in part.wires.items()}
    return part


def _shift(result: Placement, part: Placement, graph: Graph, level: dict[str, int], k: int) -> float:
    """How far to the right a register stands best beneath what it receives from the registers above."""
    gaps = [
        result.nodes[e.source.id][0] - part.nodes[e.target.id][0]
        for e in graph.edges
        if level[e.target.id] == k and e.source.id in result.nodes and e.target.id in part.nodes
    ]
    return statistics.median(gaps) if gaps else 0.0


def _add(result: Placement, part: Placement, right: float, down: float) -> None:
    result.nodes |= {key: (x + right, y + down) for key, (x, y) in part.nodes.items()}
    result.tags |= {key: (x + right, y + down) for key, (x, y) in part.tags.items()}
    result.wires |= {key: [(x + right, y + down) for x, y in way] for key, way in part.wires.items()}


def _move(result: Placement, right: float) -> None:
    moved = Placement()
    _add(moved, result, right, 0.0)
    result.nodes, result.tags, result.wires = moved.nodes, moved.tags, moved.wires


def clear(place: Placement, sizes: dict, graph: Graph, level: dict[str, int]) -> bool:
    """Whether the links between registers are few and meet no node on their way: else one register shows it better."""
    links = [e for e in graph.edges if crosses(level, e)]
    rects = {key: (x, y, sizes[key][0] / 2 + 6, sizes[key][1] / 2 + 6) for key, (x, y) in place.nodes.items()}
    return len(links) <= 8 and not any(
        abs(x - a) < w and abs(y - b) < h
        for e in links
        for x, y in _samples(place.nodes[e.source.id], place.nodes[e.target.id])
        for key, (a, b, w, h) in rects.items()
        if key not in (e.source.id, e.target.id)
    )


def _samples(a: tuple[float, float], b: tuple[float, float]) -> list[tuple[float, float]]:
    """Points of the curve from one node down to another."""
    steps = [i / 16 for i in range(1, 16)]
    return [(a[0] + (b[0] - a[0]) * t * t * (3 - 2 * t), a[1] + (b[1] - a[1]) * t) for t in steps]


def link(scene: Scene, a: Vertex, b: Vertex) -> list[tuple[float, float]]:
    """Straight from a node to one in another register, from border to border."""
    (x0, y0), (x1, y1) = scene.place.nodes[a.id], scene.place.nodes[b.id]
    sign = 1.0 if y1 > y0 else -1.0
    high = [20.0 if scene.shapes[v.id].form in ("circle", "pill") else scene.shapes[v.id].h / 2 for v in (a, b)]
    return [(x0, y0 + sign * high[0]), (x1, y1 - sign * high[1])]


def crosses(level: dict[str, int], e: Edge) -> bool:
    return level[e.source.id] != level[e.target.id]
