"""The same picture as a sequence: one step per frame, one layout for all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import _player
from ._captions import backward_line, forward_caption
from ._drawing import drawing
from ._model import Graph
from ._paint import Moment, Painter
from ._scene import Scene
from ._text import backward_steps


def moments(graph: Graph, captions: bool = True) -> list[Moment]:
    """A moment per forward step, then one per gradient of a wire, in the order of computation."""
    value_at: dict[str, int] = {}
    grad_at: dict[str, int] = {}
    rings: list[tuple[int, str, str]] = []
    words: list[tuple[str, str, bool]] = []
    operations, backward = graph.operations, backward_steps(graph)
    for e in graph.edges:
        value_at[e.id] = 0
    for k, v in enumerate(operations, 1):
        value_at |= {e.id: k for e in graph.uses(v)}
        rings.append((k, v.id, "f"))
        words.append((f"forward {k}/{len(operations)}", forward_caption(graph, v), False))
    for k, e in enumerate(backward, 1):
        step = len(operations) + k
        grad_at[e.id] = step
        rings.append((step, e.target.id, "b"))
        words.append((f"backward {k}/{len(backward)}", backward_line(graph, e), True))
    words = words or [("", "", False)]  # a leaf alone: nothing is computed, and there it is
    return [
        Moment(value_at, grad_at, rings, i, caption=text if captions else "", heading=head, backward=back)
        for i, (head, text, back) in enumerate(words, 1)
    ]


class Steps:
    """The frames of a computation: a sequence of Drawings with one layout, a player, a GIF, a sheet.

    Attributes:
        captions: the line of text of each frame.
    """

    def __init__(self, scene: Scene, moments: list[Moment]) -> None:
        self._scene, self._moments = scene, moments
        self.captions = [m.caption for m in moments]

    def __len__(self) -> int:
        return len(self._moments)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [drawing(self._scene, m) for m in self._moments[i]]
        return drawing(self._scene, self._moments[i])

    def __iter__(self) -> Iterator:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<Steps: {len(self)} frames>"

    @property
    def graph(self) -> Graph:
        """The model all frames share."""
        return self._scene.graph

    def html(self, path: Any = None) -> str:
        """The player, one HTML file that needs no network: buttons, slider, arrow keys, `#step=9`."""
        page = _player.page(self._scene, self._moments)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def _repr_html_(self) -> str:
        from ._paint import escape

        height = int(self._scene.place.size[1]) + 180
        return (
            f'<iframe sandbox="allow-scripts" title="steps of the computation" style="width:100%;height:{height}px;border:0" '
            f'srcdoc="{escape(self.html())}"></iframe>'
        )

    def svg(self) -> str:
        """One animated SVG that plays the frames; the last one where motion is not wanted."""
        return _player.animated(self._scene, self._moments)

    def _frames(self) -> list[str]:
        """SVG of every frame, all of one size."""
        widest = max(self._moments, key=lambda m: len(m.caption))
        sizes = [Painter(self._scene, m).svg() for m in self._moments]
        frame = _player.box_of(Painter(self._scene, widest).svg())
        return [_player.sized(svg, max(frame, *(_player.box_of(s) for s in sizes))) for svg in sizes]

    def gif(self, path: Any = None, seconds: float = 1.5, scale: float = 1.0) -> bytes:
        """An animated GIF (needs Pillow, and resvg-py or cairosvg)."""
        from ._export import to_gif

        made = to_gif(self._frames(), seconds, scale)
        if path is not None:
            Path(path).write_bytes(made)
        return made

    def sheet(self, columns: int = 2) -> Sheet:
        """All frames on one page."""
        return Sheet(_player.sheet(self._frames(), columns))

    def save(self, pattern: str = "step_{:02d}.svg") -> list[Path]:
        """One file per frame; the pattern's suffix says of which kind."""
        return [d.to(str(pattern).format(i)) for i, d in enumerate(self, 1)]

    def to(self, path: Any) -> Path:
        """Write .html (player), .gif or .svg (animated)."""
        path = Path(path)
        make: Any = {".html": self.html, ".gif": self.gif, ".svg": self.svg}.get(path.suffix.lower())
        if make is None:
            raise ValueError(f"to: the suffix says what to write, one of .html .gif .svg; got {path.name!r}")
        content = make()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


class Sheet:
    """All frames of a sequence in one picture."""

    def __init__(self, svg: str) -> None:
        self._svg = svg

    def svg(self) -> str:
        """The sheet as SVG text."""
        return self._svg

    def png(self, scale: float = 1.0) -> bytes:
        """The sheet as PNG."""
        from ._export import to_png

        return to_png(self._svg, scale)

    def to(self, path: Any) -> Path:
        """Write .svg or .png."""
        path = Path(path)
        if path.suffix.lower() not in (".svg", ".png"):
            raise ValueError(f"to: a sheet is written as .svg or .png; got {path.name!r}")
        path.write_bytes(self.png() if path.suffix.lower() == ".png" else self._svg.encode())
        return path

    def _repr_svg_(self) -> str:
        return self._svg
