"""What each node and wire shows, and the room it takes: decided before layout, painted after."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from ._collapse import ROWS
from ._fonts import cut, width
from ._model import Box, Edge, Graph, Vertex
from ._numbers import magnitude, norm, not_finite, number, shape_text, size_text, stats, values

OP, NAME, NUM, SMALL = 13.0, 13.0, 11.5, 10.0
CARD_W, CARD_H, STRIP = 186.0, 80.0, 74.0
ROW_H, SHORT = 20.0, 44.0  # height of a row, width of a strip in the card of a layer


@dataclass
class Style:
    """How much is shown, once "auto" has been decided."""

    style: str = "wires"
    direction: str = "LR"
    values: str = "all"
    grads: str = "all"
    precision: int = 2
    max_elems: int = 6
    flow: bool = True
    health: bool = True
    tags: bool = True
    theme: str = "auto"
    memory: bool = False


@dataclass
class Row:
    """A parameter in the card of its layer: its texts, where its columns begin, and the numbers of its strips."""

    texts: tuple[str, str, str, str]  # name, shape, value, gradient
    columns: tuple[float, float, float, float, float]  # shape, value strip, value's end, gradient strip, gradient's end
    leaf: Vertex


@dataclass
class Shape:
    """A node to be painted: its form, size and lines of text."""

    form: str  # circle, pill, leaf, card, module
    w: float
    h: float
    lines: list[tuple[str, str, float, bool]] = field(default_factory=list)  # text, class, size, bold
    total: str = ""  # sum of the contributions, beneath
    kept: str = ""  # what is saved for the backward pass, beneath
    rows: list[Row] = field(default_factory=list)  # parameters listed in a layer's card


@dataclass
class Tag:
    """The texts on a wire: value and gradient."""

    value: str = ""
    grad: str = ""
    size: float = NUM
    w: float = 0.0
    h: float = 0.0


def decide(graph: Graph, options: dict) -> Style:
    """Replace every "auto" by what suits this graph."""
    small = all(math.prod(v.shape) <= options["max_elems"] for v in graph.vertices)
    count = len(graph.operations)
    style = options["style"]
    if style == "auto":
        style = "compact" if count > 150 else "wires" if small else "cards"
    direction = options["direction"]
    if direction == "auto":
        direction = "LR" if _ranks(graph) <= 13 and not any(b.kind == "module" for b in graph.boxes) else "TB"
    shown = lambda what: {"auto": "all" if style == "wires" else "stats"}.get(what, what)  # noqa: E731
    return Style(style, direction, str(shown(options["values"])), str(shown(options["grads"])), options["precision"],
                 options["max_elems"], bool(options["flow"]) and not (style == "wires" and small), bool(options["health"]),
                 style != "compact", options["theme"], bool(options.get("memory")))  # fmt: skip


def _ranks(graph: Graph) -> int:
    depth: dict[str, int] = {}
    for v in graph.vertices:
        depth[v.id] = 1 + max((depth.get(e.source.id, 0) for e in graph.inputs(v)), default=0)
    return max(depth.values(), default=0)


# ---------------------------------------------------------------------------------------------- nodes


def shape(graph: Graph, v: Vertex, s: Style) -> Shape:
    if v.kind == "module" and 0 < len(v.leaves) <= ROWS and v.hidden <= 4:
        return _layer(v, s)
    if v.kind in ("module", "more") or (v.kind == "scope" and len(v.label) > 14):
        return _module(v)
    if v.kind in ("op", "scope"):
        return _operation(graph, v, s)
    if v.kind == "saved":
        return _saved(v, s)
    if v.kind == "output":
        return _output(v, s)
    if s.style == "cards" and _has_card(v):
        return _card(v, s)
    return _leaf(graph, v, s)


def _has_card(v: Vertex) -> bool:
    """Whether a leaf is shown with its numbers: not a constant, and no data the program gave no name and no gradient."""
    return v.value is not None and v.kind != "const" and (v.named or v.grad is not None or v.kind != "input")


def _operation(graph: Graph, v: Vertex, s: Style) -> Shape:
    text = cut(v.label, OP, 150) + (f" ⟨v{v.version}⟩" if v.version else "")
    wide = width(text, OP)
    d = 40.0
    total = _total(graph, v, s)
    w = d if wide <= 27 else wide + 26
    if v.flags and "dead" in v.flags and v.value is not None:
        total = (total + "  " if total else "") + f"⚠ {100 * float(np.mean(v.value == 0)):.0f}% zero"
    made = Shape("circle" if w == d else "pill", w, d, [(text, "btext" if v.order else "ink", OP, False)], total)
    made.kept = f"keeps {size_text(v.saved_bytes)}" if s.memory and v.saved_bytes else ""
    if total or made.kept:
        beneath = max(width(total, SMALL), width(made.kept, SMALL)) + 6
        below = 56 if total and made.kept else 32
        made.w, made.h = (max(w, beneath), d + below) if s.direction == "LR" else (w + 2 * beneath + 8, d)
    return made


def _saved(v: Vertex, s: Style) -> Shape:
    """What is kept for the backward pass: a name, and its value or how large it is."""
    few = v.value is not None and v.value.size <= s.max_elems and s.values != "none"
    what = values(v.value, s.precision, s.max_elems) if few else f"{shape_text(v.shape)} {size_text(v.saved_bytes)}"
    name = cut(v.label, NAME, 110, bold=True)
    lines = [(name, "saved", NUM, True), (what, "saved", SMALL, False)]
    return Shape("leaf", width(name, NUM, True) + 8 + width(what, SMALL) + 26, 28.0, lines)


def _total(graph: Graph, v: Vertex, s: Style) -> str:
    """What a tensor with several uses receives in all."""
    if s.grads == "none" or not s.tags or v.grad is None or len([e for e in graph.uses(v) if e.grad is not None]) < 2:
        return ""
    return "Σ " + _grad_text(v.grad, s)


def _leaf(graph: Graph, v: Vertex, s: Style) -> Shape:
    name = cut(v.label or v.name, NAME, 150, bold=True)
    name += " ❄" if v.kind == "frozen" else ""
    lines = [(name, "ink", NAME, True)]
    lines.append((shape_text(v.shape), "muted", SMALL, False))
    total = _total(graph, v, s)
    w = width(name, NAME, True) + 8 + width(lines[1][0], SMALL) + 30
    return Shape("leaf", max(w, 48.0, width(total, SMALL) + 16), 48.0 if total else 34.0, lines, total)


def _output(v: Vertex, s: Style) -> Shape:
    name = cut(v.label, NAME, 150, bold=True)
    lines = [(name, "ink", NAME, True)]
    w = width(name, NAME, True) + 26
    if s.style != "wires" and s.values != "none" and v.value is not None and v.value.ndim == 0:
        text = not_finite(v.value) or number(v.value[()], s.precision)
        lines.append((text, "muted", SMALL, False))
        w += width(text, SMALL) + 8
    return Shape("output", max(w, 34.0), 34.0, lines)


def _card(v: Vertex, s: Style) -> Shape:
    name = cut(v.label or v.name, NAME, CARD_W - 30 - width(shape_text(v.shape), SMALL), bold=True)
    lines = [(name, "ink", NAME, True), (shape_text(v.shape), "muted", SMALL, False)]
    text = values(v.value, s.precision, s.max_elems)
    lines.append((text if s.values != "none" else "", "fwd", NUM, False))
    missing = "—" if s.grads != "none" and v.dtype.startswith(("float", "complex", "bfloat")) else ""
    lines.append((missing if v.grad is None else _grad_text(v.grad, s) if v.grad.size > s.max_elems else
                  values(v.grad, s.precision, s.max_elems), "bwd", NUM, False))  # fmt: skip
    wide = max(width(t[0], NUM) for t in lines[2:]) + (STRIP + 34 if v.shape else 24)
    least = CARD_W if v.shape else width(name, NAME, True) + width("()", SMALL) + 40
    return Shape("card", max(least, wide), CARD_H, lines)


def _layer(v: Vertex, s: Style) -> Shape:
    """A folded layer as a card: its name above, a row for each parameter."""
    texts = [(cut(p.label or p.name, SMALL, 90), shape_text(p.shape), *_leaf_texts(p, s)) for p in v.leaves]
    widest = [max(width(t[c], SMALL if c < 2 else NUM) for t in texts) for c in range(4)]
    strips = SHORT + 6 if s.values != "none" else 0.0
    at = 14 + widest[0] + 6
    value = at + widest[1] + 12 + strips + widest[2]
    grad = value + (14 + SHORT + 6 + widest[3] if widest[3] else 0.0)
    columns = (at, at + widest[1] + 12, value, value + 14, grad)
    lines = [*_module_lines(v, 200 + grad / 3), *_flag_lines(v)]
    w = max(grad + 14, sum(width(t, size, bold) + 12 for t, _, size, bold in lines[:2]) + 20)
    high = 30 + ROW_H * len(texts) + 6 + (16 if v.flags else 0)
    return Shape("layer", w, high, lines, rows=[Row(t, columns, p) for t, p in zip(texts, v.leaves, strict=True)])


def _leaf_texts(p: Vertex, s: Style) -> tuple[str, str]:
    """Value and gradient of a parameter, as a card writes them."""
    value = "" if p.value is None or s.values == "none" else values(p.value, s.precision, min(3, s.max_elems))
    if p.grad is None or s.grads == "none":
        return value, "" if p.kind == "frozen" or s.grads == "none" else "—"
    return value, _grad_text(p.grad, s) if p.grad.size > min(3, s.max_elems) else values(p.grad, s.precision)


def _module_lines(v: Vertex, limit: float) -> list[tuple[str, str, float, bool]]:
    what = [v.detail or v.op] if v.op and v.op != v.label else []
    if v.params:
        what.append(f"{v.params:,} params")
    if v.hidden != 1:
        what.append(f"{v.hidden} ops")
    name = cut(v.label, NAME, 240, bold=True)
    return [(name, "ink", NAME, True), (cut(" · ".join(what), SMALL, limit), "muted", SMALL, False)]


def _flag_lines(v: Vertex) -> list[tuple[str, str, float, bool]]:
    return [("⚠ " + ", ".join(v.flags), "alarm", SMALL, True)] if v.flags else []


def _module(v: Vertex) -> Shape:
    lines = _module_lines(v, 300)
    if v.given is not None and v.kind == "module":
        lines.append((f"{shape_text(v.given)} → {shape_text(v.shape)}", "muted", SMALL, False))
    lines += _flag_lines(v)
    w = max(width(t, size, bold) for t, _, size, bold in lines) + 28
    return Shape("module", w, 24.0 + 15 * len(lines), lines)


# ---------------------------------------------------------------------------------------------- wires


def tag(graph: Graph, e: Edge, s: Style) -> Tag | None:
    """The texts of a wire, or None where the ends say it all."""
    if not s.tags:
        return None
    if s.style == "cards" and e.source.is_leaf and not _alarming(e):
        return None
    if s.style == "cards" and e.target.kind == "output" and e.value is not None and e.value.ndim == 0:
        return None
    made = Tag(_value_text(e, s), "" if e.grad is None or s.grads == "none" else _grad_text(e.grad, s, e.flags))
    if not made.value and not made.grad:
        return None
    wide = width(made.value, NUM, True), width(made.grad, NUM, True)
    if s.direction == "LR":
        made.w, made.h = max(wide) + 10, 36.0
    else:
        made.w, made.h = 2 * max(wide) + 22, 18.0
    return made


def _alarming(e: Edge) -> bool:
    return bool(e.flags)


def _value_text(e: Edge, s: Style) -> str:
    if s.values == "none":
        return ""
    if e.text:
        return e.text
    if e.value is None:
        return f"{shape_text(e.shape)} freed" if e.shape else "freed"
    if bad := not_finite(e.value):
        return f"⚠ {bad}" if e.value.ndim else "⚠ " + bad
    if s.values == "all" or e.value.ndim == 0:
        text = values(e.value, s.precision, s.max_elems)
        return text if "±" not in text else f"{shape_text(e.shape)} {text}" if s.style != "wires" else text
    return f"{shape_text(e.shape)} {stats(e.value, s.precision)}"


def _grad_text(g: np.ndarray, s: Style, flags: tuple = ()) -> str:
    if bad := not_finite(g):
        return f"⚠ {bad}"
    if "zero" in flags and g.size > 1:
        return "0 ∅"
    mark = " ▾" if "vanishing" in flags else " ▴" if "exploding" in flags else ""
    text = values(g, s.precision, s.max_elems) if s.grads == "all" or g.ndim == 0 else norm(g, s.precision)
    return (norm(g, s.precision) if "±" in text else text) + mark


def pen(e: Edge, s: Style) -> float:
    """Width of a wire: by the size of the gradient that flows back through it."""
    if not s.flow or e.grad is None or not_finite(e.grad):
        return 1.6
    size, widest = magnitude(e.grad), 2.5 if e.target.kind == "output" else 6.0
    return 0.8 if size <= 0 else min(widest, max(0.8, 3.4 + 1.1 * math.log10(size)))


def header(box: Box) -> tuple[str, str]:
    """Name of a box, and what is written after it."""
    what = f"{box.class_name}({box.detail})" if box.detail else box.class_name
    if box.params:
        what += f" · {box.params:,} params"
    return cut(box.name, NAME, 240, True), cut(what, SMALL, 300)


def header_width(box: Box) -> float:
    name, what = header(box)
    return width(name, NAME, True) + (8 + width(what, SMALL) if what else 0)
