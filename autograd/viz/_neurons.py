"""A fully connected network as textbooks draw it: neurons in columns, real weights between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .._mode import no_grad
from .._tensor import Tensor
from . import _export, _theme
from ._fonts import FAMILY, cut, width
from ._numbers import number, subscript, superscript
from ._paint import _glyphs, escape

ROW, COLUMN, RADIUS, TOP = 46.0, 176.0, 16.0, 34.0


@dataclass
class Column:
    """One layer of neurons: how many, what is written beneath, and the weights that lead to it."""

    size: int
    title: str
    below: str
    kind: str = "op"
    weight: np.ndarray | None = None
    values: np.ndarray | None = None
    dropped: np.ndarray | None = None
    places: list[tuple[int | None, float]] = field(default_factory=list)  # (neuron or None for the dots, y)


class Neurons:
    """The drawing; ends a notebook cell as a picture. `.svg()`, `.html()`, `.png()`, `.pdf()`, `.to(path)`."""

    def __init__(self, columns: list[Column], weights: bool, notation: str | None, theme: str) -> None:
        self.columns, self.weights, self.notation, self.theme = columns, weights, notation, theme
        self.colours = _theme.colours(theme)

    def __repr__(self) -> str:
        return f"<Neurons: {' - '.join(str(c.size) for c in self.columns)}>"

    def svg(self) -> str:
        """The picture as SVG text."""
        return self._svg(True)

    def _svg(self, namespace: bool) -> str:
        high = max(len(c.places) for c in self.columns) * ROW + TOP
        w, h = COLUMN * len(self.columns) + 30, high + 62
        parts = [f'<rect width="{w:g}" height="{h:g}" {self._paint("bg")}/>']
        for i in range(1, len(self.columns)):
            parts += self._wires(i)
        for i in range(len(self.columns)):
            parts += self._column(i, high)
        xmlns = 'xmlns="http://www.w3.org/2000/svg" ' if namespace else ""
        sheet = _theme.style_sheet(self.theme)
        return (
            f'<svg {xmlns}width="{w:g}" height="{h:g}" viewBox="0 0 {w:g} {h:g}" role="img" font-family="{FAMILY}">'
            f"<title>{escape(repr(self)[1:-1])}</title>{f'<style>{sheet}</style>' if sheet else ''}{''.join(parts)}</svg>"
        )

    def _paint(self, name: str) -> str:
        fill, stroke = _theme.CLASSES[name]
        line = f' stroke="{self.colours[stroke]}"' if stroke else ""
        return f'class="v-{name}" fill="{self.colours[fill] if fill else "none"}"{line}'

    def _x(self, i: int) -> float:
        return 15 + COLUMN * (i + 0.5)

    def _wires(self, i: int) -> list[str]:
        """Lines between the neurons that are shown: orange for positive weights, purple for negative, width by size."""
        before, here = self.columns[i - 1], self.columns[i]
        weight = here.weight
        scale = float(np.abs(weight).max()) if weight is not None and weight.size else 0.0
        plain = not self.weights or weight is None or not scale or len(before.places) * len(here.places) > 60
        found = []
        for a, y0 in before.places:
            for b, y1 in here.places:
                if a is None or b is None:
                    continue
                ends = f'x1="{self._x(i - 1) + RADIUS:g}" y1="{y0:g}" x2="{self._x(i) - RADIUS:g}" y2="{y1:g}"'
                value = None if weight is None else weight[b, a]
                data = "" if value is None else f' data-weight="{value}"'
                tip = "" if value is None else f"<title>w({b + 1}, {a + 1}) = {number(value)}</title>"
                found.append(f"<line {ends}{data} {self._pen(value, scale, plain)}>{tip}</line>")
        return found

    def _pen(self, value: Any, scale: float, plain: bool) -> str:
        if plain:
            return f'{self._paint("wire")} stroke-width="0.7" stroke-opacity="0.6"'
        share = min(1.0, abs(float(value)) / scale)
        colour = "#e66101" if value > 0 else "#7b4bb0"
        return f'stroke="{colour}" stroke-width="{0.5 + 3.3 * share:.2f}" stroke-opacity="{0.25 + 0.7 * share:.2f}"'

    def _column(self, i: int, high: float) -> list[str]:
        c, x = self.columns[i], self._x(i)
        found = []
        for neuron, y in c.places:
            found += self._dots(x, y) if neuron is None else self._neuron(i, neuron, x, y)
        for text, y, size, kind, bold in (
            (c.title, high + 22, 13, "ink", True),
            (c.below, high + 40, 10.5, "muted", False),
        ):
            weight = ' font-weight="bold"' if bold else ""
            found.append(
                f'<text x="{x:g}" y="{y:g}" font-size="{size}"{weight} text-anchor="middle" {self._paint(kind)}>'
                f"{escape(cut(text, size, COLUMN - 8, bold))}</text>"
            )
        return found

    def _dots(self, x: float, y: float) -> list[str]:
        return [f'<circle cx="{x:g}" cy="{y + d:g}" r="2.4" {self._paint("muted")}/>' for d in (-9, 0, 9)]

    def _neuron(self, i: int, neuron: int, x: float, y: float) -> list[str]:
        c = self.columns[i]
        if c.dropped is not None and c.dropped[neuron]:
            d = RADIUS * 0.45
            return [
                f'<g class="dropped"><title>dropped</title><circle cx="{x:g}" cy="{y:g}" r="{RADIUS:g}" {self._paint("const")} '
                f'stroke-width="1.4" stroke-dasharray="4 3"/><path d="M{x - d:g},{y - d:g}l{2 * d:g},{2 * d:g}'
                f'M{x + d:g},{y - d:g}l{-2 * d:g},{2 * d:g}" stroke-width="1.3" {self._paint("wire")}/></g>'
            ]
        text = self._label(i, neuron)
        size = min(11.0, round(11 * (2 * RADIUS - 3) / max(1.0, width(text, 11)), 1))
        place = f'x="{x:g}" y="{y + 0.36 * size:g}" font-size="{size:g}" text-anchor="middle"'
        label = f"<text {place} {self._paint('ink')}>{_glyphs(text)}</text>"
        ring = f'<circle cx="{x:g}" cy="{y:g}" r="{RADIUS:g}" stroke-width="1.6" {self._paint(c.kind)}/>'
        return [ring, label] if text else [ring]

    def _label(self, i: int, neuron: int) -> str:
        c = self.columns[i]
        if self.notation == "values" and c.values is not None:
            return number(c.values[neuron])
        return f"a{subscript(neuron + 1)}{superscript(str(i + 1))}" if self.notation == "math" else ""

    # ------------------------------------------------------------------ what a drawing can do

    def html(self) -> str:
        """A page of its own that needs no network."""
        return _export.to_html(self._svg(False), "neurons", repr(self))

    def png(self, scale: float = 2.0) -> bytes:
        """PNG bytes (by resvg-py or cairosvg)."""
        return _export.to_png(self.svg(), scale)

    def to(self, path: Any) -> Path:
        """Write a file whose suffix says what: .svg .html .png."""
        path = Path(path)
        make: Any = {".svg": self.svg, ".html": self.html, ".png": self.png}.get(path.suffix.lower())
        if make is None:
            raise ValueError(f"to: the suffix says what to write, one of .svg .html .png; got {path.name!r}")
        content = make()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def _repr_svg_(self) -> str:
        return self.svg()


def neurons(
    model: Any, x: Any = None, max_neurons: int = 9, weights: bool = True, notation: str | None = "math", theme: str = "auto"
) -> Neurons:  # fmt: skip
    """The neurons of a fully connected model: one column per layer, a line per weight by size and sign.

    Args:
        model: a module whose Linear layers follow one another. x: an input, for activations and dropped neurons.
        max_neurons: a column shows at most so many, its middle elided. weights: colour and width from the weights.
        notation: "math" (a₁² is neuron 1 of layer 2), "values" (activations, needs x) or None.

    Raises:
        ValueError: no Linear layer, or an unknown notation.

    Example:
        >>> import nn
        >>> from autograd import viz
        >>> viz.neurons(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)))
        <Neurons: 3 - 4 - 2>
    """
    if notation not in ("math", "values", None):
        raise ValueError(f"neurons: notation must be 'math', 'values' or None, got {notation!r}")
    layers = [(name, m) for name, m in model.named_modules() if not list(m.children())]
    if not any(_is_linear(m) for _, m in layers):
        raise ValueError(
            f"neurons: {type(model).__name__} has no Linear layer; the picture is of fully connected networks"
        )
    columns = _columns(layers, _activations(model, layers, x))
    for c in columns:
        c.places = _places(c.size, max_neurons)
    tallest = max(len(c.places) for c in columns)
    for c in columns:
        shift = (tallest - len(c.places)) * ROW / 2
        c.places = [(n, y + shift) for n, y in c.places]
    return Neurons(columns, weights, notation, theme)


def _is_linear(m: Any) -> bool:
    return (
        hasattr(m, "in_features") and hasattr(m, "out_features") and getattr(getattr(m, "weight", None), "ndim", 0) == 2
    )


def _columns(layers: list, seen: dict) -> list[Column]:
    first = next(m for _, m in layers if _is_linear(m))
    columns = [Column(first.in_features, "input", f"{first.in_features}", "input", values=seen.get("input"))]
    for name, m in layers:
        if _is_linear(m):
            count = sum(p.numel() for p in m.parameters())
            below = f"{m.out_features} · {count:,} params"
            columns.append(
                Column(m.out_features, name or "output", below, weight=_array(m.weight), values=seen.get(id(m)))
            )
        elif len(columns) > 1 and "Dropout" in type(m).__name__:
            out = seen.get(id(m))
            columns[-1].dropped = None if out is None or not m.training else (out == 0) & (columns[-1].values != 0)
        elif len(columns) > 1 and id(m) in seen and seen[id(m)].shape == (columns[-1].size,):
            columns[-1].values = seen[id(m)]
            columns[-1].title += f" · {type(m).__name__}"
        elif len(columns) > 1 and not list(m.parameters()) and type(m).__name__ not in ("Flatten", "Identity"):
            columns[-1].title += f" · {type(m).__name__}"
    columns[-1].kind = "output"
    for i, c in enumerate(columns[1:], 1):  # a place in a Sequential is no name
        name, *after = c.title.split(" · ")
        if name.isdigit():
            c.title = " · ".join(["output" if i == len(columns) - 1 else "hidden", *after])
    return columns


def _array(t: Tensor) -> np.ndarray:
    return np.array(t._data)


def _activations(model: Any, layers: list, x: Any) -> dict:
    """What each layer gives for the first sample of `x`."""
    seen: dict = {}
    if x is None:
        return seen

    def keep(m: Any, args: tuple, out: Any) -> None:
        seen.setdefault("input", _sample(args[0]))
        seen[id(m)] = _sample(out)

    handles = [m.register_forward_hook(keep) for _, m in layers]
    try:
        with no_grad():
            model(x)
    finally:
        for h in handles:
            h.remove()
    return seen


def _sample(t: Tensor) -> np.ndarray:
    a = _array(t)
    return a[0].ravel() if a.ndim > 1 else a.ravel()


def _places(size: int, most: int) -> list[tuple[int | None, float]]:
    """Which neurons are shown and where: all, or the first and last with dots between."""
    if size <= most:
        shown: list[int | None] = list(range(size))
    else:
        half = max(1, (most - 1) // 2)
        shown = [*range(half), None, *range(size - half, size)]
    return [(n, TOP + ROW * i) for i, n in enumerate(shown)]
