"""The graph as data: JSON, Model Explorer, Mermaid, a web page, and pixels."""

from __future__ import annotations

import functools
import html
import importlib.util
import json
import math
import re
import shutil
import subprocess
import warnings
from typing import Any

from ._fonts import FAMILY, PIXELS, width
from ._model import Edge, Graph, Vertex
from ._numbers import ascii_text, listed, norm, shape_text, stats, values
from ._paint import escape

VERSION = 1
MERMAID_EDGES = 400


def to_json(graph: Graph, dialect: str = "glassgrad") -> str:
    """The model as JSON text; `dialect="model-explorer"` for that viewer's graph format."""
    if dialect == "model-explorer":
        return json.dumps(_model_explorer(graph), ensure_ascii=False)
    data = {
        "format": "glassgrad.graph", "version": VERSION, "view": graph.view,
        "nodes": [_vertex(v) for v in graph.vertices], "edges": [_edge(e) for e in graph.edges],
        "scopes": [{"id": b.id, "name": b.name, "kind": b.kind, "class": b.class_name, "params": b.params,
                    "parent": b.parent.id if b.parent else None} for b in graph.boxes],
        "notes": [t for t in graph.notes if t],
    }  # fmt: skip
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def _numbers(a: Any) -> Any:
    if a is None:
        return None
    found = listed(a)
    return found if found is not None else {"summary": stats(a, 4), "norm": norm(a, 4)}


def _vertex(v: Vertex) -> dict:
    found = {"id": v.id, "kind": v.kind, "label": v.label, "op": v.op, "name": v.name, "shape": list(map(int, v.shape)),
             "dtype": v.dtype, "value": _numbers(v.value), "grad": _numbers(v.grad)}  # fmt: skip
    if v.box:
        found["scope"] = v.box.id
    if v.constants:
        found["constants"] = {str(k): str(c) for k, c in v.constants}
    if v.order:
        found["order"] = v.order
    if v.version:
        found["version"] = v.version
    if v.flags:
        found["flags"] = list(v.flags)
    if v.hidden:
        found["hidden"] = v.hidden
    return found


def _edge(e: Edge) -> dict:
    return {"id": e.id, "source": e.source.id, "target": e.target.id, "use": e.use, "value": _numbers(e.value),
            "grad": _numbers(e.grad), **({"step": e.order} if e.order >= 0 else {}), **({"kind": e.kind} if e.kind != "wire" else {}),
            **({"alias": True} if e.alias else {})}  # fmt: skip


def _model_explorer(graph: Graph) -> dict:
    nodes = []
    for v in graph.vertices:
        nodes.append({
            "id": v.id, "label": v.label or v.name or v.op, "namespace": "/".join(v.box.names) if v.box else "",
            "incomingEdges": [{"sourceNodeId": e.source.id, "sourceNodeOutputId": "0", "targetNodeInputId": str(e.use)}
                              for e in graph.inputs(v)],
            "attrs": [{"key": "shape", "value": shape_text(v.shape)}, {"key": "dtype", "value": v.dtype}],
        })  # fmt: skip
    return {"label": "glassgrad", "graphs": [{"id": "graph", "nodes": nodes}]}


def to_mermaid(graph: Graph, direction: str = "LR") -> str:
    """A Mermaid flowchart, value / gradient on the wires."""
    if len(graph.edges) > MERMAID_EDGES:
        raise ValueError(
            f"mermaid: at most {MERMAID_EDGES} edges are readable there, this graph has {len(graph.edges)}; "
            "draw with depth= or collapse=, or use .json()"
        )
    lines = [f"flowchart {'LR' if direction == 'LR' else 'TB'}"]
    by_box: dict[tuple, list[Vertex]] = {}
    for v in graph.vertices:
        by_box.setdefault(v.box.path if v.box else (), []).append(v)
    names = {b.id: b.name for b in graph.boxes}
    for path, inside in by_box.items():
        lines += [f'{"  " * (i + 1)}subgraph {b}["{_mermaid(names[b])}"]' for i, b in enumerate(path)]
        lines += [f"{'  ' * (len(path) + 1)}{_mermaid_node(v)}" for v in inside]
        lines += [f"{'  ' * (i + 1)}end" for i in reversed(range(len(path)))]
    for e in graph.edges:
        if e.kind == "kept":
            lines.append(f"  {e.source.id} -.-> {e.target.id}")
            continue
        text = " / ".join(ascii_text(values(a)) for a in (e.value, e.grad) if a is not None)
        lines.append(f"  {e.source.id} -->{f'|{chr(34)}{_mermaid(text)}{chr(34)}|' if text else ''} {e.target.id}")
    for kind, style in _CLASS_DEFS.items():
        if any(v.kind == kind for v in graph.vertices):
            lines.append(f"  classDef {kind} {style},color:#1b1f24")
    return "\n".join(lines) + "\n"


_CLASS_DEFS = {
    "param": "fill:#fdedc0,stroke:#a87300", "input": "fill:#daeefb,stroke:#2a7bb5",
    "const": "fill:#edeff1,stroke:#868e99,stroke-dasharray:4 3", "output": "fill:#dff3e6,stroke:#1a7f4f",
}  # fmt: skip


def _mermaid_node(v: Vertex) -> str:
    label = _mermaid(ascii_text(v.label or v.name or v.op) + (f" {shape_text(v.shape)}" if v.is_leaf else ""))
    left, right = (
        ('(("', '"))') if v.kind in ("op", "scope") else ('[["', '"]]') if v.kind == "output" else ('["', '"]')
    )
    style = f":::{v.kind}" if v.kind in ("param", "input", "const", "output") else ""
    return f"{v.id}{left}{label}{right}{style}"


def _mermaid(text: str) -> str:
    safe = "".join(c if c.isalnum() or c in " .,+-*/^()_=:±" or ord(c) > 0x2000 else f"#{ord(c)};" for c in text)
    return safe or " "


def to_html(svg: str, title: str, text: str) -> str:
    """A page of its own: the picture and, folded, its text; nothing is fetched from anywhere."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{PAGE}</style></head>\n<body><main>"
        f'<figure role="group" aria-label="{escape(title)}">{svg}</figure>'
        f"<details><summary>as text</summary><pre>{escape(text)}</pre></details></main></body></html>\n"
    )


PAGE = (
    "body{margin:0;font:15px Helvetica,Arial,sans-serif;background:#fff;color:#1b1f24}main{padding:16px}figure{margin:0;"
    "overflow:auto}svg{max-width:none}pre{overflow:auto}"
    "@media (prefers-color-scheme:dark){body{background:#0e0c14;color:#eceff4}}"
)


# ---------------------------------------------------------------------------------------------- pixels

WAYS = (
    "no program to make {0} is installed; either `pip install resvg-py` (PNG) or `pip install cairosvg` (PNG and PDF), or "
    "install Graphviz so that `dot` is on the PATH, or save an .svg or .html file, which needs nothing"
)


_RUN = re.compile(r"<text ([^>]*)>((?:[^<]|<tspan[^>]*>[^<]*</tspan>)*<tspan(?:[^<]|<tspan[^>]*>|</tspan>)*)</text>")


def _separate(svg: str) -> str:
    """Texts with rare characters, piece by piece: resvg would set the whole of them in its fallback font."""
    return _RUN.sub(lambda m: _pieces(m[1], m[2]), svg)


def _pieces(attributes: str, content: str) -> str:
    found = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
    size, bold = float(found["font-size"]), found.get("font-weight") == "bold"
    parts = re.findall(r"<tspan[^>]*>([^<]*)</tspan>|([^<]+)", content)
    wide = [_wide(html.unescape(rare or text), size, bold) for rare, text in parts]
    x = float(found["x"]) - sum(wide) * {"middle": 0.5, "end": 1.0}.get(found.get("text-anchor", ""), 0.0)
    rest = re.sub(r'(?<![\w-])(x|text-anchor)="[^"]*" ?', "", attributes)
    made = []
    for (rare, text), w in zip(parts, wide, strict=True):
        family = ' font-family="DejaVu Sans"' if rare else ""
        made.append(f'<text x="{x:.2f}" {rest}{family} xml:space="preserve">{rare or text}</text>')
        x += w
    return "".join(made)


def _wide(text: str, size: float, bold: bool) -> float:
    return width(text, size, bold) / (1.035 if bold else 1.02)


def to_png(svg: str, scale: float = 2.0) -> bytes:
    """PNG by resvg-py or cairosvg, whichever is there."""
    svg = _separate(svg).replace(f'font-family="{FAMILY}"', PIXELS)
    if importlib.util.find_spec("resvg_py"):
        import resvg_py

        warn_without_fonts()
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=max(1, math.ceil(scale))))
    if importlib.util.find_spec("cairosvg"):
        import cairosvg  # type: ignore[import-not-found]

        return cairosvg.svg2png(bytestring=svg.encode(), scale=scale)
    raise RuntimeError(WAYS.format("PNG"))


@functools.cache
def warn_without_fonts() -> None:
    """Say so where resvg leaves out every text, because the system has none of the fonts (as in slim containers)."""
    import resvg_py

    page = f'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" {PIXELS}>{{}}</svg>'
    blank, letter = (page.format(text) for text in ("", '<text x="5" y="15">x</text>'))
    if bytes(resvg_py.svg_to_bytes(svg_string=blank)) == bytes(resvg_py.svg_to_bytes(svg_string=letter)):
        warnings.warn(
            "the picture has no text: of the fonts it may be written in, this system has none; install one (the package "
            "fonts-liberation or fonts-dejavu) or save an .svg or .html file",
            UserWarning,
            stacklevel=2,
        )


def to_gif(frames: list[str], seconds: float = 1.5, scale: float = 1.0) -> bytes:
    """SVG pictures one after another as a GIF (by Pillow, from PNGs)."""
    import io

    from .._extras import require

    image = require("PIL.Image", extra="viz", purpose="a GIF of a picture")
    first, *rest = [image.open(io.BytesIO(to_png(svg, scale))).convert("RGB") for svg in frames]
    out = io.BytesIO()
    first.save(out, "GIF", save_all=True, append_images=rest, duration=int(1000 * seconds), loop=0)
    return out.getvalue()


def to_pdf(svg: str, source: str) -> bytes:
    """PDF by cairosvg or dot, or a page that holds the PNG."""
    if importlib.util.find_spec("cairosvg"):
        import cairosvg

        return cairosvg.svg2pdf(bytestring=svg.encode())
    if shutil.which("dot"):
        return run_dot(source, "pdf")
    if importlib.util.find_spec("resvg_py") and importlib.util.find_spec("PIL"):
        import io

        from PIL import Image

        out = io.BytesIO()
        with Image.open(io.BytesIO(to_png(svg, 3))) as image:
            image.convert("RGB").save(out, "PDF", resolution=216)
        return out.getvalue()
    raise RuntimeError(WAYS.format("PDF"))


def run_dot(source: str, format: str, timeout: float = 20.0) -> bytes:
    """What the `dot` program makes of DOT text; never waits longer than `timeout` seconds."""
    program = shutil.which("dot")
    if program is None:
        raise RuntimeError(WAYS.format(format.upper()))
    done = subprocess.run(  # noqa: S603  (the program found on PATH, arguments of ours)
        [program, f"-T{format}"], input=source.encode(), capture_output=True, timeout=timeout, check=False
    )
    if done.returncode:
        raise RuntimeError(f"dot: {done.stderr.decode(errors='replace').strip()[:500]}")
    return done.stdout
