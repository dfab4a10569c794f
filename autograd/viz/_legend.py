"""The key to a picture: what its outlines, wires and marks mean, and only those that occur."""

from __future__ import annotations

from typing import Any

from ._fonts import width

SIZE, SAMPLE, GAP = 10.5, 24.0, 18.0

_NODES = {"param": "parameter", "input": "input", "const": "constant", "frozen": "frozen parameter ❄", "output": "result",
          "module": "folded module", "more": "folded repeats", "saved": "kept for the backward pass"}  # fmt: skip
_UNUSUAL = ("frozen", "saved", "alias", "version", "back2", "alarm", "origin")


def entries(scene: Any) -> list[tuple[str, str]]:
    """(mark, meaning) of what occurs; with legend="auto" only where something unusual does."""
    if not scene.legend:
        return []
    graph = scene.graph
    found = [(k, text) for k, text in _NODES.items() if any(v.kind == k for v in graph.vertices)]
    found += [("value", "value"), ("grad", "gradient")]
    found += _marks(graph)
    if scene.legend is True:
        return found
    return [(k, text) for k, text in found if k in _UNUSUAL]


def _marks(graph: Any) -> list[tuple[str, str]]:
    found = []
    if any(e.alias for e in graph.edges):
        found.append(("alias", "same memory"))
    if any(v.version for v in graph.vertices):
        found.append(("version", "written in place, version of the memory"))
    if any(v.order == 1 for v in graph.vertices):
        found.append(("back", "part of a derivative"))
    if any(v.order > 1 for v in graph.vertices):
        found.append(("back2", "part of a second derivative"))
    if any("origin" in v.flags for v in graph.vertices):
        found.append(("origin", "first to make a number that is not finite"))
    return found


def rows(found: list[tuple[str, str]], room: float) -> tuple[list[list], float]:
    """The entries in lines no longer than `room`, and the width they take."""
    lines: list[list] = []
    x, widest = room, 0.0
    for mark, text in found:
        wide = SAMPLE + 6 + width(text, SIZE) + GAP
        if x + wide > room:
            lines.append([])
            x = 12.0
        lines[-1].append((x, mark, text))
        x += wide
        widest = max(widest, x)
    return lines, widest


def paint(painter: Any, lines: list[list], top: float) -> None:
    for i, line in enumerate(lines):
        for x, mark, text in line:
            _sample(painter, mark, x, top + 20 * i + 10)
            painter.text(x + SAMPLE + 6, top + 20 * i + 13.5, text, "muted", SIZE, anchor="start")


def _sample(painter: Any, mark: str, x: float, y: float) -> None:
    if mark in ("value", "grad"):
        painter.text(x + SAMPLE / 2, y + 3.5, "1.23", "fwd" if mark == "value" else "bwd", SIZE)
    elif mark == "version":
        painter.text(x + SAMPLE / 2, y + 3.5, "⟨v1⟩", "ink", SIZE)
    elif mark == "alias":
        dots = 'stroke-width="1.6" stroke-dasharray="0.1 3.8" stroke-linecap="round"'
        painter.parts.append(f'<path d="M{x:g},{y:g}h{SAMPLE:g}" {dots} {painter.paint_class("wire")}/>')
    else:
        kind = "savedbox" if mark == "saved" else mark
        dashed = ' stroke-dasharray="4 2.5"' if mark in ("const", "frozen", "saved") else ""
        painter.rect(x, y - 6.5, SAMPLE, 13, kind, 3 if mark == "param" else 6.5, 1.4, dashed)
        if mark == "param":
            painter.rect(x + 3, y - 4, 3, 8, "bar", 1)
        elif mark == "output":
            painter.rect(x + 2.5, y - 4, SAMPLE - 5, 8, "outring", 4, 0.9)
