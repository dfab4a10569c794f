"""A picture of boxes and lines made of characters, laid out like the drawn one."""

from __future__ import annotations

import itertools

from . import _boxes
from ._boxes import Style
from ._layered import Link, place
from ._model import Graph, Vertex
from ._scene import _spine, _weight

WIDE, HIGH = 8.0, 16.0  # pixels of the layout that one character takes
MOST = 60  # operations; beyond it nobody finds a way through
_LINES = {
    "lr": "─", "du": "│", "dr": "┌", "dl": "┐", "ru": "└", "lu": "┘", "dlr": "┬", "lru": "┴", "dlu": "┤", "dru": "├",
    "dlru": "┼", "l": "─", "r": "─", "d": "│", "u": "│",
}  # fmt: skip


def boxes(graph: Graph, precision: int = 2, max_elems: int = 6) -> str:
    """Each node in a box, on each wire its value above and its gradient below."""
    if len(graph.operations) > MOST:
        raise ValueError(f"text: at most {MOST} operations make a picture of boxes, this graph has {len(graph.operations)}; "
                         "use style='tree' or style='tape'")  # fmt: skip
    style = Style("wires", "LR", "all", "all", precision, max_elems)
    names = {v.id: _name(v) for v in graph.vertices}
    tags = {e.id: t for e in graph.edges if (t := _boxes.tag(graph, e, style))}
    room = {k: ((max(len(t.value), len(t.grad)) + 2) * WIDE, 3 * HIGH) for k, t in tags.items()}
    spine = _spine(graph)
    links = [Link(e.id, e.source.id, e.target.id, room.get(e.id), _weight(e, spine)) for e in graph.edges]
    sizes = {k: ((len(name) + 4) * WIDE, 3 * HIGH) for k, name in names.items()}
    made = place(sizes, links, dict.fromkeys(sizes, ()), {}, "LR", (HIGH, 3 * WIDE))
    page = _Page()
    for e in graph.edges:
        page.wire([_cell(p) for p in made.wires[e.id]], _half(names, e.source), _half(names, e.target))
    for v in graph.vertices:
        page.box(*_cell(made.nodes[v.id]), names[v.id], double=v.kind == "output")
    for key, t in tags.items():
        column, row = _cell(made.tags[key])
        page.text(column - len(t.value) // 2, row - 1, t.value)
        page.text(column - len(t.grad) // 2, row + 1, t.grad)
    return page.written()


def _name(v: Vertex) -> str:
    name = v.label or v.name or v.op
    return name if len(name) <= 24 else name[:23] + "…"


def _half(names: dict[str, str], v: Vertex) -> int:
    return (len(names[v.id]) + 4) // 2


def _cell(p: tuple[float, float]) -> tuple[int, int]:
    return round(p[0] / WIDE), round(p[1] / HIGH)


class _Page:
    """Characters by place; wires are kept as directions until the end, so that those that meet are joined."""

    def __init__(self) -> None:
        self.ink: dict[tuple[int, int], str] = {}
        self.lines: dict[tuple[int, int], set[str]] = {}

    def wire(self, way: list[tuple[int, int]], leave: int, arrive: int) -> None:
        (x0, y0), (x1, y1) = way[0], way[-1]
        points = [(x0 + leave, y0), *[p for p in way[1:-1] if x0 + leave < p[0] < x1 - arrive], (x1 - arrive - 1, y1)]
        for (a, b), (c, d) in itertools.pairwise(points):
            turn = max(a, min(c, (a + c) // 2))
            self.across(a, turn, b)
            self.down(turn, b, d)
            self.across(turn, c, d)
        self.ink[points[-1]] = "▶"

    def across(self, a: int, b: int, row: int) -> None:
        for x in range(a, b):
            self.lines.setdefault((x, row), set()).add("r")
            self.lines.setdefault((x + 1, row), set()).add("l")

    def down(self, column: int, a: int, b: int) -> None:
        for y in range(min(a, b), max(a, b)):
            self.lines.setdefault((column, y), set()).add("d")
            self.lines.setdefault((column, y + 1), set()).add("u")

    def box(self, column: int, row: int, name: str, double: bool) -> None:
        left, wide = column - (len(name) + 4) // 2, len(name) + 2
        corners = "╔═╗║╚╝" if double else "┌─┐│└┘"
        self.text(left, row - 1, corners[0] + corners[1] * wide + corners[2])
        self.text(left, row, f"{corners[3]} {name} {corners[3]}")
        self.text(left, row + 1, corners[4] + corners[1] * wide + corners[5])

    def text(self, column: int, row: int, text: str) -> None:
        self.ink |= {(column + i, row): c for i, c in enumerate(text)}

    def written(self) -> str:
        drawn = {at: _LINES["".join(sorted(ways))] for at, ways in self.lines.items()} | self.ink
        rows: dict[int, dict[int, str]] = {}
        for (x, y), c in drawn.items():
            rows.setdefault(y, {})[x] = c
        left = min((x for x, _ in drawn), default=0)
        lines = ["".join(rows.get(y, {}).get(x, " ") for x in range(left, max(rows.get(y, {left: ""})) + 1))
                 for y in range(min(rows, default=0), max(rows, default=0) + 1)]  # fmt: skip
        return "\n".join(line.rstrip() for line in lines)
