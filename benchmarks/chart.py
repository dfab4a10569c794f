"""The ratios to PyTorch eager as an SVG: one line per workload, one dot per library, faster to the left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from .libraries import LIBRARIES
from .workload import BANDS

COLOURS = {
    "glassgrad": "#0072b2",
    "torch": "#555555",
    "jax": "#e69f00",
    "hips": "#009e73",
    "mygrad": "#cc79a7",
    "tinygrad": "#56b4e9",
    "micrograd": "#d55e00",
}
LEFT, WIDTH, STEP, TOP = 370, 560, 22, 64


def place(value: float, low: float, high: float) -> float:
    """Horizontal position on the logarithmic axis."""
    return LEFT + WIDTH * (math.log10(value) - low) / (high - low)


def label(x: float, y: float, words: str, anchor: str = "end", colour: str = "#222") -> str:
    """A line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def dot(x: float, y: float, name: str, words: str) -> str:
    """One measurement; its numbers show on hover."""
    size = 5.5 if name == "glassgrad" else 3.5
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{COLOURS[name]}"><title>{escape(words)}</title></circle>'
    )


def grid(low: int, high: int, bottom: float) -> list[str]:
    """A line for each power of ten; the one at PyTorch is dark."""
    drawn = []
    for power in range(low, high + 1):
        x, colour = place(10.0**power, low, high), "#555" if power == 0 else "#ddd"
        drawn.append(f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{colour}"/>')
        drawn.append(label(x, TOP - 14, "PyTorch eager = 1" if power == 0 else f"{10.0**power:g}", "middle"))
    return drawn


def legend(names: Sequence[str]) -> list[str]:
    """Names beside their dots, in a row on top."""
    drawn, x = [], 20.0
    for name in names:
        drawn += [dot(x, 18, name, LIBRARIES[name].label), label(x + 10, 22, LIBRARIES[name].label, "start")]
        x += 30 + 7.2 * len(LIBRARIES[name].label)
    return drawn


def svg(rows: Sequence[dict[str, Any]]) -> str:
    """The drawing; rows without PyTorch's time are left out."""
    rows = sorted((row for row in rows if "torch" in row["times"]), key=lambda row: BANDS.index(row["band"]))
    points = [{n: t["median"] / row["times"]["torch"]["median"] for n, t in row["times"].items()} for row in rows]
    every = [value for point in points for value in point.values()] or [1.0]
    low, high = math.floor(math.log10(min(every)) - 0.01), math.ceil(math.log10(max(every)) + 0.01)
    bottom, drawn = TOP + STEP * len(rows), []
    for i, (row, point) in enumerate(zip(rows, points, strict=True)):
        y = TOP + STEP * i + STEP / 2
        drawn.append(label(LEFT - 12, y + 4, row["title"]))
        ordered = sorted(point, key=lambda name: name == "glassgrad")
        drawn += [dot(place(point[n], low, high), y, n, f"{LIBRARIES[n].label}: {point[n]:.2f}") for n in ordered]
    names = [name for name in LIBRARIES if any(name in point for point in points)]
    page = f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 40}" height="{bottom + 20:.0f}" '
    page += 'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([page, *grid(low, high, bottom), *legend(names), *drawn, "</svg>\n"])
