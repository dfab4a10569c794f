"""`Drawing`: a picture that is also a `graphviz.Digraph` to whoever wants one."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Any

from . import _dot, _export, _text
from ._paint import Moment, Painter
from ._scene import Scene

SUFFIXES = (".svg", ".html", ".png", ".pdf", ".gif", ".gv", ".dot", ".mmd", ".json", ".txt")


class Picture:
    """What every drawing can do, with or without the graphviz package."""

    _scene: Scene
    _moment: Moment | None

    def _start(self, scene: Scene, moment: Moment | None = None) -> None:
        self._scene, self._moment = scene, moment
        self._made: list[str] | None = None
        self._original: str | None = None

    @property
    def graph(self) -> Any:
        """The model: vertices, edges, boxes, notes."""
        return self._scene.graph

    @property
    def stats(self) -> dict:
        """How much is shown and hidden."""
        g = self.graph
        return {"nodes": len(g.vertices), "edges": len(g.edges), "operations": len(g.operations),
                "hidden": sum(v.hidden for v in g.vertices), "style": self._scene.style.style,
                "layout": self._scene.place.engine, "size": self._scene.place.size}  # fmt: skip

    def svg(self) -> str:
        """The picture as SVG text."""
        return Painter(self._scene, self._moment).svg()

    def html(self) -> str:
        """A page of its own that needs no network."""
        title = self._scene.title or "computation graph"
        inline = Painter(self._scene, self._moment).svg(namespace=False)
        return _export.to_html(inline, title, self.text())

    def png(self, scale: float = 2.0) -> bytes:
        """PNG bytes (by resvg-py, cairosvg or dot)."""
        return _export.to_png(self._fixed_svg(), scale)

    def pdf(self) -> bytes:
        """PDF bytes."""
        return _export.to_pdf(self._fixed_svg(), self.dot())

    def gif(self) -> bytes:
        """GIF bytes of the one picture (needs Pillow); `viz.steps` gives one that moves."""
        return _export.to_gif([self._fixed_svg()])

    def _fixed_svg(self) -> str:
        """SVG without the rules for dark readers: pixels have one background."""
        return self.svg()

    def mermaid(self) -> str:
        """A Mermaid flowchart."""
        return _export.to_mermaid(self.graph, self._scene.style.direction)

    def json(self, dialect: str = "glassgrad") -> str:
        """The model as JSON; dialect "glassgrad" or "model-explorer"."""
        return _export.to_json(self.graph, dialect)

    def text(self, style: str = "tree") -> str:
        """The picture made of characters."""
        made = _text.tape if style == "tape" else _text.tree
        return made(self.graph, self._scene.style.precision, self._scene.style.max_elems)

    def dot(self, labels: str = "html", dialect: str = "graphviz") -> str:
        """DOT source; labels "html" or "plain", dialect "graphviz" or "netron"."""
        if dialect == "netron":
            return _dot.netron(self.graph)
        return dot_source(self._scene, labels)

    def to(self, path: Any) -> Path:
        """Write a file whose suffix says what: .svg .html .png .pdf .gif .gv .dot .mmd .json .txt."""
        path = Path(path)
        make: Any = {".svg": self.svg, ".html": self.html, ".png": self.png, ".pdf": self.pdf, ".gif": self.gif, ".gv": self.dot, ".dot": self.dot,
                ".mmd": self.mermaid, ".json": self.json, ".txt": self.text}.get(path.suffix.lower())  # fmt: skip
        if make is None:
            raise ValueError(f"to: the suffix says what to write, one of {' '.join(SUFFIXES)}; got {path.name!r}")
        content = make()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def __repr__(self) -> str:
        s = self.stats
        hidden = f", {s['hidden']} hidden" if s["hidden"] else ""
        return f"<Drawing: {s['operations']} operations, {s['nodes']} nodes, {s['edges']} edges{hidden}>"

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **_: Any) -> dict:
        found = {"text/plain": repr(self)}
        try:
            found["text/plain"] = "\n".join(self.text().splitlines()[:40])
            found["image/svg+xml"] = self.svg()
        except Exception as error:  # a notebook cell must never end in a traceback about the picture of its result
            found["text/plain"] += f"\n(no picture: {error})"
        return found

    # ------------------------------------------------------------------ pictures by dot, or by us where there is none

    def _by_us(self, format: str) -> bytes:
        if self._edited():
            raise RuntimeError(
                "this drawing was edited as a Digraph, and only Graphviz's `dot`, which is not installed, can draw that"
            )
        if format == "svg":
            return self.svg().encode()
        if format in ("dot", "gv"):
            return self.dot().encode()
        if format in ("png", "pdf"):
            return self.png() if format == "png" else self.pdf()
        raise RuntimeError(_export.WAYS.format(format.upper()))

    def _edited(self) -> bool:
        if self._made is None:
            return False
        return str(getattr(self, "source", "")) != self._original

    def pipe(self, format: str | None = None, *args: Any, encoding: str | None = None, **kwargs: Any) -> Any:
        """The picture in a format, as bytes (or text with `encoding`)."""
        kind = str(format or getattr(self, "format", "svg"))
        data = _export.run_dot(str(self.source), kind) if shutil.which("dot") else self._by_us(kind)
        return data.decode(encoding) if encoding else data

    def render(self, filename: Any = None, directory: Any = None, view: bool = False, cleanup: bool = False,
               format: str | None = None, *args: Any, outfile: Any = None, **kwargs: Any) -> str:  # fmt: skip
        """Write the DOT source and the picture beside it, as graphviz does; gives the picture's path."""
        format = format or (Path(outfile).suffix[1:] if outfile else getattr(self, "format", "pdf"))
        source = Path(directory or ".") / Path(
            filename or (Path(outfile).with_suffix(".gv") if outfile else "graph.gv")
        )
        picture = Path(outfile) if outfile else source.with_name(f"{source.name}.{format}")
        data = self.pipe(format)
        source.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(data)
        if not cleanup:
            source.write_text(str(self.source), encoding="utf-8")
        if view:
            import webbrowser

            webbrowser.open(picture.resolve().as_uri())
        return str(picture)

    def view(self, filename: Any = None, directory: Any = None, cleanup: bool = False) -> str:
        """Render and open."""
        return self.render(filename, directory, view=True, cleanup=cleanup)


def dot_source(scene: Scene, labels: str = "html") -> str:
    """A whole DOT file."""
    kinds = zip(("graph", "node", "edge"), _dot.attributes(scene), strict=True)
    head = "".join(f"\t{k} [{' '.join(f'{a}={_dot.quote(t)}' for a, t in found.items())}]\n" for k, found in kinds)
    return "digraph G {\n" + head + "".join(_dot.body(scene, labels)) + "}\n"


class PlainDrawing(Picture):
    """A drawing where the graphviz package is not installed."""

    def __init__(self, scene: Scene, moment: Moment | None = None) -> None:
        self._start(scene, moment)
        self.format = "svg"

    @property
    def source(self) -> str:
        """DOT source."""
        return self.dot()

    def save(self, filename: Any = "graph.gv", directory: Any = None) -> str:
        """Write the DOT source."""
        path = Path(directory or ".") / filename
        path.write_text(self.source, encoding="utf-8")
        return str(path)

    def __str__(self) -> str:
        return self.source


@functools.cache
def drawing_class() -> type:
    """The class of drawings: a Digraph when graphviz is installed. Made on first use, since importing it costs."""
    try:
        import graphviz
    except ImportError:
        return PlainDrawing

    class Drawing(Picture, graphviz.Digraph):  # type: ignore[misc]
        """A picture of a computation graph, and a `graphviz.Digraph`."""

        def __init__(self, scene: Scene, moment: Moment | None = None) -> None:
            self._start(scene, moment)
            graph, node, edge = _dot.attributes(scene)
            graphviz.Digraph.__init__(self, "G", graph_attr=graph, node_attr=node, edge_attr=edge, format="svg")

        @property
        def body(self) -> list[str]:
            if self._made is None:
                self._made = list(_dot.body(self._scene))
                self._original = self.source
            return self._made

        @body.setter
        def body(self, lines: list[str]) -> None:
            if lines:
                self._made = list(lines)

        def __str__(self) -> str:
            return self.source

    return Drawing


def drawing(scene: Scene, moment: Moment | None = None) -> Any:
    return drawing_class()(scene, moment)
