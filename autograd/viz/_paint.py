"""The picture: SVG written from a scene, with plain attributes any reader understands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from . import _legend, _theme
from ._boxes import SHORT, Row, Shape, Tag, header, pen
from ._fonts import FAMILY, cut, width
from ._model import Edge, Vertex
from ._numbers import exact, shape_text, size_text, superscript, values
from ._scene import Scene, framed, route
from ._scene import _n as n

_BAD = {i: None for i in range(32) if i not in (9, 10, 13)} | {0xFFFE: None, 0xFFFF: None}


@dataclass
class Moment:
    """What a frame shows: the step at which each number appears, and the step shown (None: everything)."""

    value_at: dict[str, int] = field(default_factory=dict)
    grad_at: dict[str, int] = field(default_factory=dict)
    rings: list[tuple[int, str, str]] = field(default_factory=list)  # step, vertex, "f" or "b"
    now: int | None = None
    player: bool = False
    caption: str = ""
    heading: str = ""
    backward: bool = False


def escape(text: str) -> str:
    text = str(text).translate(_BAD)
    text = "".join("�" if 0xD800 <= ord(c) < 0xE000 else c for c in text)
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


_RARE = re.compile("[‖ᵘᵀ₀-₉⁰⁴-⁹⁻ˣ⚠∅▾▴↻❄½⊙⟨⟩]+")  # not in the usual sans-serif fonts


def _glyphs(text: str) -> str:
    """Escaped text; rare characters in runs of their own, or some programs set the whole text in a serif font."""
    return _RARE.sub(lambda m: f'<tspan font-family="DejaVu Sans, sans-serif">{m[0]}</tspan>', escape(text))


class Painter:
    """Writes one scene."""

    def __init__(self, scene: Scene, moment: Moment | None = None) -> None:
        self.scene, self.moment = scene, moment or Moment()
        self.theme = scene.style.theme
        self.colours = _theme.colours(self.theme)
        self.parts: list[str] = []
        self.top = (24.0 if scene.title else 0.0) + (30.0 if self.moment.caption or self.moment.heading else 0.0)

    # ------------------------------------------------------------------ pieces

    def paint_class(self, name: str) -> str:
        fill, stroke = _theme.CLASSES[name]
        text = f'class="v-{name}" fill="{self.colours[fill] if fill else "none"}"'
        return text + (f' stroke="{self.colours[stroke]}"' if stroke else "")

    def text(self, x: float, y: float, text: str, kind: str, size: float, bold: bool = False, anchor: str = "middle",
             more: str = "") -> None:  # fmt: skip
        weight = ' font-weight="bold"' if bold else ""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        place = f'x="{n(x)}" y="{n(y)}" font-size="{n(size)}"{weight}{where}'
        self.parts.append(f"<text {place} {self.paint_class(kind)}{more}>{_glyphs(text)}</text>")

    def rect(
        self, x: float, y: float, w: float, h: float, kind: str, r: float = 0, line: float = 0, more: str = ""
    ) -> None:
        border = f' stroke-width="{n(line)}"' if line else ""
        corner = f' rx="{n(r)}"' if r else ""
        self.parts.append(
            f'<rect x="{n(x)}" y="{n(y)}" width="{n(w)}" height="{n(h)}"{corner}{border} {self.paint_class(kind)}{more}/>'
        )

    # ------------------------------------------------------------------ whole

    def svg(self, namespace: bool = True, uid: str = "v") -> str:
        scene = self.scene
        w, h = scene.place.size
        notes = self.footer()
        w = max([w, *(width(t, 10.5) + 24 for t in notes), width(self.moment.caption, 13) + 140 if self.moment.caption else 0,
                 width(scene.title, 14, True) + 24])  # fmt: skip
        key = _legend.entries(self.scene)
        rows, key_width = _legend.rows(key, max(w, 420.0))
        w, below = max(w, key_width), 20.0 * len(rows) + (4 if rows else 0)
        shift = (w - scene.place.size[0]) / 2
        height = h + self.top + below + (17 * len(notes) + 6 if notes else 0)
        self.rect(0, 0, w, height, "bg")
        self.heading(w)
        self.parts.append(f'<g transform="translate({n(shift)},{n(self.top)})">')
        self.panels()
        for e in scene.graph.edges:
            self.wire(e)
        for v in scene.graph.vertices:
            self.node(v)
        for e in scene.graph.edges:
            self.tag(e)
        self.panel_titles()
        self.parts.append("</g>")
        _legend.paint(self, rows, h + self.top + 4)
        for i, note in enumerate(notes):
            self.text(12, h + self.top + below + 12 + 17 * i, note, "muted", 10.5, anchor="start")
        return self.wrapped(w, height, namespace, uid)

    def wrapped(self, w: float, h: float, namespace: bool, uid: str) -> str:
        from ._text import tree

        graph = self.scene.graph
        xmlns = 'xmlns="http://www.w3.org/2000/svg" ' if namespace else ""
        sheet = _theme.style_sheet(self.theme)
        style = f"<style>{sheet}</style>" if sheet else ""
        title = self.scene.title or f"computation graph of {', '.join(v.name for v in graph.outputs) or 'a tensor'}"
        description = tree(graph, limit=40) if len(graph.vertices) < 2000 else f"{len(graph.vertices)} nodes"
        k = self.scene.scale if self.moment.now is None and not self.moment.player else 1.0
        head = (
            f'<svg {xmlns}width="{n(k * w)}" height="{n(k * h)}" viewBox="0 0 {n(w)} {n(h)}" role="img" '
            f'aria-labelledby="{uid}-title {uid}-desc" font-family="{FAMILY}">'
        )
        return (
            f'{head}<title id="{uid}-title">{escape(title)}</title><desc id="{uid}-desc">{escape(description)}</desc>'
            f"{style}{''.join(self.parts)}</svg>"
        )

    def heading(self, w: float) -> None:
        y = 0.0
        if self.scene.title:
            self.text(12, 18, cut(self.scene.title, 14, 1200, True), "ink", 14, bold=True, anchor="start")
            y = 24
        if self.moment.heading:
            self.text(12, y + 18, self.moment.heading, "muted", 12.5, anchor="start")
            self.text(124, y + 18, self.moment.caption, "bwd" if self.moment.backward else "fwd", 13, anchor="start")

    def footer(self) -> list[str]:
        notes = [t for t in self.scene.graph.notes if t]
        return notes

    # ------------------------------------------------------------------ modules

    def panels(self) -> None:
        boxes = framed(self.scene.graph)
        for key, (x0, y0, x1, y1) in sorted(self.scene.place.boxes.items(), key=lambda item: len(boxes[item[0]].path)):
            kind = "panel" if self.level(key) % 2 == 0 else "panel2"
            self.parts.append(
                f'<g class="module" id="{key}"><title>{escape(" · ".join(filter(None, header(boxes[key]))))}</title>'
            )
            self.rect(x0, y0, x1 - x0, y1 - y0, kind, 8, 1)
            for a, b, c, d in self.scene.place.pieces.get(key, ()):
                self.rect(a, b, c - a, d - b, kind, 8, 1)
            self.parts.append("</g>")

    def level(self, key: str) -> int:
        boxes = framed(self.scene.graph)
        return sum(b in boxes for b in boxes[key].path) - 1

    def panel_titles(self) -> None:
        boxes = framed(self.scene.graph)
        for key, (x0, y0, *_) in self.scene.place.boxes.items():
            name, what = header(boxes[key])
            wide = width(name, 13, True)
            x0 = self.title_place(key, wide + (width(what, 10) + 14 if what else 8))
            self.rect(x0 + 8, y0 + 5, wide + (width(what, 10) + 14 if what else 8), 17,
                      "label1" if self.level(key) % 2 == 0 else "label2", 3)  # fmt: skip
            self.text(x0 + 12, y0 + 18, name, "ink", 13, bold=True, anchor="start")
            if what:
                self.text(x0 + 20 + wide, y0 + 18, what, "muted", 10, anchor="start")

    def title_place(self, key: str, wide: float) -> float:
        """Where along the top of a box its title stands clear of the wires that enter there."""
        x0, y0, x1, _ = self.scene.place.boxes[key]
        wires = self.scene.place.wires.values()
        crossing = sorted({x for way in wires for x, y in way if y0 - 1 <= y <= y0 + 26 and x0 < x < x1})
        for start in (x0, *crossing):
            if start + wide + 16 <= x1 and not any(start + 6 < x < start + wide + 12 for x in crossing):
                return start
        return x0

    # ------------------------------------------------------------------ wires

    def wire(self, e: Edge) -> None:
        path, arrow = route(self.scene, e)
        alarm = self.scene.style.health and ("nan" in e.flags or "nan-grad" in e.flags)
        prefix = "a" if alarm else _PREFIX.get(e.kind, "")
        kind, head = f"{prefix}wire", f"{prefix}head"
        extra = ' stroke-dasharray="5 3"' if alarm or e.kind in ("saved", "kept") else ""
        extra = extra or (' stroke-dasharray="0.1 3.8" stroke-linecap="round"' if e.alias else "")
        fade = ' opacity="0.25"' if e.dim else ""
        self.parts.append(f'<g class="wire" id="{e.id}"{fade}{self.data(e)}><title>{escape(wire_title(e))}</title>')
        self.parts.append(
            f'<path d="{path}" stroke-width="{n(pen(e, self.scene.style))}" {self.paint_class(kind)}{extra}/>'
        )
        if arrow:
            corners = " ".join(f"{n(x)},{n(y)}" for x, y in arrow)
            self.parts.append(f'<polygon points="{corners}" {self.paint_class(head)}/>')
        self.parts.append("</g>")

    def data(self, e: Edge) -> str:
        m = self.moment
        found = [
            ("source", e.source.id),
            ("target", e.target.id),
            ("shape", shape_text(e.shape)),
            ("dtype", e.source.dtype),
        ]
        if e.value is not None and _shown(m, m.value_at.get(e.id)):
            found.append(("value", exact(e.value)))
        if e.grad is not None and _shown(m, m.grad_at.get(e.id)):
            found.append(("grad", exact(e.grad)))
        if e.id in m.grad_at:
            found.append(("step", str(m.grad_at[e.id])))
        return "".join(f' data-{k}="{escape(v)}"' for k, v in found)

    def tag(self, e: Edge) -> None:
        t = self.scene.tags.get(e.id)
        if t is None or e.id not in self.scene.place.tags:
            return
        x, y = self.scene.place.tags[e.id]
        flat = self.scene.style.direction == "LR"
        fade = ' opacity="0.25"' if e.dim else ""
        self.parts.append(f'<g class="tag" data-wire="{e.id}"{fade}>')
        spots = (
            ((x, y - 6, "middle"), (x, y + 15, "middle")) if flat else ((x - 8, y + 4, "end"), (x + 8, y + 4, "start"))
        )
        m = self.moment
        if e.kind == "saved":
            self.tag_text(t.value, (x + 7, y + 4, "start"), "saved", t, m.value_at.get(e.id), False)
            self.parts.append("</g>")
            return
        if e.kind == "across":
            self.tag_text(t.grad, (x + 7, y, "start"), "bwd", t, m.grad_at.get(e.id), False)
            self.parts.append("</g>")
            return
        if e.kind in _PREFIX and e.kind != "forward":
            spots = spots[::-1] if flat else spots
        bad = "nan" in e.flags, bool({"nan-grad", "zero", "vanishing", "exploding"} & set(e.flags))
        kind = "alarm" if bad[0] else "muted" if t.value.endswith("freed") else "fwd"
        self.tag_text(t.value, spots[0], kind, t, m.value_at.get(e.id), bad[0])
        red = "nan-grad" in e.flags
        self.tag_text(t.grad, spots[1], "alarm" if red else "bwd", t, m.grad_at.get(e.id), bad[1])
        self.parts.append("</g>")

    def tag_text(self, text: str, spot: tuple, kind: str, t: Tag, at: int | None, bold: bool) -> None:
        m = self.moment
        if not text or not _shown(m, at):
            return
        more = f' data-from="{at}"' if m.player and at is not None else ""
        self.text(spot[0], spot[1], text, kind, t.size, bold or (at is not None and at == m.now), spot[2], more)

    # ------------------------------------------------------------------ nodes

    def node(self, v: Vertex) -> None:
        x, y = self.scene.place.nodes[v.id]
        s = self.scene.shapes[v.id]
        fade = ' opacity="0.25"' if v.dim else ""
        self.parts.append(f'<g class="node {v.kind}" id="{v.id}"{fade}{self.node_data(v)}>')
        self.parts.append(f"<title>{escape(node_title(self.scene, v))}</title>")
        draw = {"circle": self.operation, "pill": self.operation, "leaf": self.leaf, "output": self.output,
                "card": self.card, "module": self.module, "layer": self.layer, "back": self.leaf}[s.form]  # fmt: skip
        draw(v, s, x, y)
        self.rings(v, s, x, y)
        self.parts.append("</g>")

    def node_data(self, v: Vertex) -> str:
        found = [("op", v.op), ("name", v.name), ("shape", shape_text(v.shape)), ("dtype", v.dtype)]
        if self.moment.now is None:
            found += [("value", exact(v.value))] if v.value is not None else []
            found += [("grad", exact(v.grad))] if v.grad is not None else []
        found += [("flags", " ".join(v.flags))] if v.flags else []
        return "".join(f' data-{k}="{escape(t)}"' for k, t in found if t)

    def rings(self, v: Vertex, s: Shape, x: float, y: float) -> None:
        m = self.moment
        for step, vertex, side in m.rings:
            if vertex == v.id and (m.player or step == m.now):
                more = f' data-only="{step}" display="none"' if m.player else ""
                op = s.form in ("circle", "pill")
                w, h = (self.operation_width(s), 40.0) if op else (s.w, s.h)
                self.rect(x - w / 2, y - h / 2, w, h, f"ring{side}", 20 if op else 6, 3.4, more)

    def operation_width(self, s: Shape) -> float:
        return 40.0 if s.form == "circle" else width(s.lines[0][0], 13) + 26

    def operation(self, v: Vertex, s: Shape, x: float, y: float) -> None:
        kind = _theme.look(v) if self.scene.style.health or "origin" not in v.flags else v.kind
        w = self.operation_width(s)
        self.rect(x - w / 2, y - 20, w, 40, kind, 20, 2.6 if kind == "origin" else 1.7)
        if v.order > 1:
            self.badge(x + w / 2 - 7, y - 18, "∂" + superscript(str(v.order)))
        dot = s.lines[0][0] == "·"
        self.text(x, y + (8 if dot else 4.5), s.lines[0][0], s.lines[0][1], 24 if dot else 13, dot)
        if s.total:
            beside = self.scene.style.direction == "TB"  # beneath the circle runs the wire
            spot = (x + w / 2 + 3, y + 18, "start") if beside else (x, y + 33, "middle")
            self.text(*spot[:2], s.total, "bwd", 10, bold="dead" in v.flags, anchor=spot[2])
        if s.kept:
            below = y + (46 if s.total else 33)
            aside = (x + w / 2 + 3, y - 12, "start") if self.scene.style.direction == "TB" else (x, below, "middle")
            self.text(*aside[:2], s.kept, "saved", 10, anchor=aside[2])

    def badge(self, x: float, y: float, text: str) -> None:
        """A small plate on a node's corner."""
        self.rect(x - 10, y - 7, 20, 14, "plate", 7)
        self.text(x, y + 3.8, text, "plated", 10, True)

    def leaf(self, v: Vertex, s: Shape, x: float, y: float) -> None:
        dashed = ' stroke-dasharray="5 3"' if v.kind in ("const", "frozen", "saved") else ""
        square = v.kind == "param"
        self.rect(x - s.w / 2, y - s.h / 2, s.w, s.h, _theme.look(v), 4 if square else 10, 1.7, dashed)
        if square:
            self.rect(x - s.w / 2 + 3.5, y - s.h / 2 + 6, 4.5, s.h - 12, "bar", 2)
        (name, ink, size, bold), (dims, muted, *_), *_ = s.lines
        wide = width(name, size, bold) + (8 if name and dims else 0) + width(dims, 10)
        left = x - wide / 2 + (3 if square else 0)
        base = y + 4.5 - (7 if s.total else 0)
        self.text(left, base, name, ink, size, bold, "start")
        if dims:
            self.text(left + wide - width(dims, 10), base, dims, muted, 10, anchor="start")
        if s.total:
            self.text(x, y + 17, s.total, "bwd", 10)

    def output(self, v: Vertex, s: Shape, x: float, y: float) -> None:
        self.rect(x - s.w / 2, y - s.h / 2, s.w, s.h, "output", 9, 1.7)
        self.rect(x - s.w / 2 + 3, y - s.h / 2 + 3, s.w - 6, s.h - 6, "outring", 6.5, 1)
        wide = sum(width(t, size, bold) for t, _, size, bold in s.lines) + 8 * (len(s.lines) - 1)
        left = x - wide / 2
        for text, kind, size, bold in s.lines:
            self.text(left, y + 4.5, text, kind, size, bold, "start")
            left += width(text, size, bold) + 8

    def module(self, v: Vertex, s: Shape, x: float, y: float) -> None:
        for k in (6, 3, 0):
            self.rect(x - s.w / 2 + k, y - s.h / 2 + 6 - k, s.w - 6, s.h - 6, v.kind, 7, 1.4)
        top = y + 3 - 7.5 * (len(s.lines) - 1) + 4
        for i, (text, kind, size, bold) in enumerate(s.lines):
            self.text(x - 3, top + 15 * i, text, kind, size, bold)

    def card(self, v: Vertex, s: Shape, x: float, y: float) -> None:
        left, top = x - s.w / 2, y - s.h / 2
        self.rect(left, top, s.w, s.h, v.kind, 6, 0)
        self.rect(left + 1, top + 26, s.w - 2, s.h - 27, "card", 5)
        stroke = _theme.CLASSES[v.kind][1]
        self.parts.append(
            f'<rect x="{n(left)}" y="{n(top)}" width="{n(s.w)}" height="{n(s.h)}" rx="6" fill="none" stroke-width="1.7" '
            f'style="fill:none" class="v-{v.kind}" stroke="{self.colours[str(stroke)]}"/>'
        )
        (name, _, size, _), (dims, *_), value, grad = s.lines
        if v.kind == "param":
            self.rect(left + 4, top + 6, 4.5, 15, "bar", 2)
        self.text(left + 13, top + 18, name, "ink", size, True, "start")
        self.text(left + s.w - 10, top + 18, dims, "muted", 10, anchor="end")
        for i, (line, data, kind) in enumerate(((value, v.value, "hist"), (grad, v.grad, "histg"))):
            if not line[0]:
                continue
            base = top + 46 + 25 * i
            bad = line[0][-3:] in ("NaN", "Inf")
            self.text(left + s.w - 10, base, line[0], "alarm" if bad else line[1], 11.5, bad, "end")
            if data is not None and data.ndim:
                self.strip(left + 11, base + 2, data, kind)

    def layer(self, v: Vertex, s: Shape, x: float, y: float) -> None:
        """A folded layer: its name, and a row for each parameter with value and gradient."""
        left, top = x - s.w / 2, y - s.h / 2
        for k in (5, 2.5) if v.hidden > 1 else ():
            self.rect(left + k, top + k, s.w, s.h, v.kind, 7, 1.2)
        self.rect(left, top, s.w, s.h, v.kind, 7, 1.6)
        (name, ink, size, bold), (what, muted, small, _), *flags = s.lines
        self.text(left + 14, top + 19, name, ink, size, bold, "start")
        self.text(left + 22 + width(name, size, bold), top + 19, what, muted, small, anchor="start")
        self.rect(left + 5, top + 30, 4, s.h - 36 - (16 if flags else 0), "bar", 2)
        for i, row in enumerate(s.rows):
            self.row(left, top + 30 + 20 * i, row)
        for text, kind, size, bold in flags:
            self.text(left + 14, top + s.h - 8, text, kind, size, bold, "start")

    def row(self, left: float, top: float, row: Row) -> None:
        (name, dims, value, grad), (at, strip, end, strip2, end2) = row.texts, row.columns
        base = top + 14
        self.text(left + 14, base, name, "ink", 10, anchor="start")
        self.text(left + at, base, dims, "muted", 10, anchor="start")
        sides = (value, row.leaf.value, strip, end, "fwd", "hist"), (grad, row.leaf.grad, strip2, end2, "bwd", "histg")
        for text, data, start, stop, kind, bars in sides:
            if not text:
                continue
            bad = text[-3:] in ("NaN", "Inf")
            self.text(left + stop, base, text, "alarm" if bad else kind, 11.5, bad, "end")
            if data is not None:
                self.strip(left + start, base + 1, data, bars, SHORT)

    def strip(self, x: float, base: float, data: np.ndarray, kind: str, room: float = 72.0) -> None:
        """A histogram of many numbers, a heat strip of few."""
        a = np.asarray(data).astype(np.float64, copy=False).ravel() if data.dtype.kind != "c" else np.abs(data).ravel()
        a = a[np.isfinite(a)]
        if 0 < a.size <= 12:
            self.heat(x, base, a, room)
        elif a.size:
            counts, _ = np.histogram(a, bins=int(room / 4))
            top, high = counts.max(), 16 if room > 60 else 12
            bars = "".join(
                f"M{n(x + 4 * i)},{n(base)}h3.4v-{n(high * c / top)}h-3.4z" for i, c in enumerate(counts) if c
            )
            self.parts.append(f'<path d="{bars}" {self.paint_class(kind)}/>')
            line = f'd="M{n(x)},{n(base + 0.5)}h{n(room)}" stroke-width="0.8"'
            self.parts.append(f"<path {line} {self.paint_class('axis')}/>")

    def heat(self, x: float, base: float, a: np.ndarray, room: float) -> None:
        scale = float(np.abs(a).max()) or 1.0
        side = min(11.0, room / a.size)
        for i, value in enumerate(a):
            colour = _theme.heat(value / scale)
            self.parts.append(
                f'<rect x="{n(x + side * i)}" y="{n(base - 11)}" width="{n(side)}" height="11" fill="{colour}" '
                'stroke="#868e99" stroke-width="0.5"/>'
            )


def _shown(m: Moment, at: int | None) -> bool:
    return m.now is None or at is None or at <= m.now


def wire_title(e: Edge) -> str:
    lines = [f"{e.source.name} {shape_text(e.shape)} {e.source.dtype}"]
    if e.value is not None:
        lines.append(f"value {values(e.value, 4, 16)}")
    if e.grad is not None:
        lines.append(f"gradient {values(e.grad, 4, 16)}")
    if e.caption:
        lines.append(e.caption)
    return "\n".join(lines)


def node_title(scene: Scene, v: Vertex) -> str:
    from ._captions import forward_caption

    lines = [forward_caption(scene.graph, v)] if v.kind in ("op", "scope") else []
    if v.caption:
        lines.append(f"local derivative {v.caption}")
    lines.append(f"{v.name} {shape_text(v.shape)} {v.dtype}".strip())
    if v.others:
        lines.append("also " + ", ".join(v.others[:5]))
    if v.constants:
        lines.append(", ".join(f"{k}={_short(c)}" for k, c in v.constants))
    if v.value is not None and v.kind != "output":
        trained = v.kind == "param" or v.grad is not None
        lines.append(f"{size_text(v.value.nbytes)}, requires_grad={trained}, is_leaf={v.is_leaf}")
    if v.is_leaf and v.value is not None:
        lines.append(values(v.value, 4, 16))
    if v.saved_bytes:
        lines.append(f"keeps {size_text(v.saved_bytes)} for the backward pass")
    lines += [v.line] if v.line else []
    lines += [f"{v.hidden} operations inside"] if v.hidden else []
    return "\n".join(lines)


def _short(value: object) -> str:
    text = values(value) if isinstance(value, np.ndarray) else str(value)
    return text if len(text) <= 60 else text[:60] + "…"


_PREFIX = {"forward": "f", "backward": "b", "reversed": "b", "onward": "b", "across": "b", "saved": "s", "kept": "s"}
