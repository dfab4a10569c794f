"""DOT that Graphviz itself draws well: rich HTML-like labels, or plain ones, or records that Netron reads."""

from __future__ import annotations

from . import _theme
from ._boxes import Style, header, pen
from ._boxes import tag as tag_of
from ._model import Edge, Graph, Vertex
from ._numbers import norm, shape_text, stats
from ._paint import node_title
from ._scene import Scene, _spine, framed
from ._theme import CLASSES, LIGHT, THEMES

FONT = "Helvetica"


def quote(text: str) -> str:
    """A DOT string: what Graphviz treats specially is escaped."""
    text = "".join(c if c >= " " or c == "\n" else " " for c in str(text))
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def html(text: str) -> str:
    text = "".join(c if c >= " " else " " for c in str(text))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text.replace("[", "&#91;").replace("]", "&#93;")


def attributes(scene: Scene) -> tuple[dict, dict, dict]:
    """Attributes of the graph, of all nodes and of all edges."""
    c, flat = _colours(scene.style), scene.style.direction == "LR"
    graph = {"rankdir": scene.style.direction, "bgcolor": c["bg"], "outputorder": "edgesfirst", "fontname": FONT,
             "nodesep": "0.22", "ranksep": "0.15" if flat else "0.2"}  # fmt: skip
    notes = [t for t in (scene.title, *scene.graph.notes) if t]
    if notes:
        graph |= {"label": "\n".join(notes), "labelloc": "b", "fontsize": "10", "fontcolor": c["muted"]}
    node = {"fontname": FONT, "fontsize": "12", "style": "filled", "penwidth": "1.3", "fontcolor": c["ink"]}
    edge = {"color": c["wire"], "arrowsize": "0.6", "fontname": FONT, "fontsize": "10"}
    return graph, node, edge


def _colours(style: Style) -> dict:
    return THEMES.get(style.theme, LIGHT)


def body(scene: Scene, labels: str = "html") -> list[str]:
    """The statements between the braces."""
    writer = _Writer(scene, labels)
    writer.cluster((), "\t")
    for e in scene.graph.edges:
        writer.edge(e)
    return writer.lines


class _Writer:
    def __init__(self, scene: Scene, labels: str) -> None:
        self.scene, self.graph, self.style = scene, scene.graph, scene.style
        self.rich = labels == "html"
        self.c = _colours(scene.style)
        self.boxes = framed(self.graph)
        self.spine = _spine(self.graph)
        self.lines: list[str] = []

    def path(self, v: Vertex) -> tuple[str, ...]:
        return tuple(b for b in (v.box.path if v.box else ()) if b in self.boxes)

    def cluster(self, path: tuple[str, ...], indent: str) -> None:
        """The nodes and clusters directly inside `path`; a wire's tag belongs to the box of its consumer."""
        inner: dict[str, None] = {}
        for v in self.graph.vertices:
            mine = self.path(v)
            if mine == path:
                self.node(v, indent)
            elif mine[: len(path)] == path:
                inner[mine[len(path)]] = None
        for e in self.graph.edges:
            if self.path(e.target) == path:
                self.tag(e, indent)
        for box in inner:
            self.subgraph(box, path, indent)

    def subgraph(self, box: str, path: tuple[str, ...], indent: str) -> None:
        name, what = header(self.boxes[box])
        label = f"<<B>{html(name)}</B>  {html(what)}>" if self.rich else quote(f"{name}  {what}".strip())
        fill = self.c["panel-fill" if len(path) % 2 == 0 else "panel2-fill"]
        self.lines.append(f"{indent}subgraph cluster_{box} {{\n")
        self.lines.append(
            f'{indent}\tlabel={label} labeljust=l style="rounded,filled" fillcolor="{fill}" color="{self.c["panel-line"]}" '
            f'fontsize=11 fontcolor="{self.c["ink"]}" tooltip={quote(" ".join((name, what)))}\n'
        )
        self.cluster((*path, box), indent + "\t")
        self.lines.append(f"{indent}}}\n")

    # ------------------------------------------------------------------ nodes

    def node(self, v: Vertex, indent: str) -> None:
        found = {"tooltip": quote(node_title(self.scene, v)), "class": quote(v.kind)}
        if v.kind in ("op", "scope"):
            found |= self.operation(v)
        elif self.scene.shapes[v.id].form == "card":
            found |= self.card(v)
        else:
            found |= self.plate(v)
        fill, line = CLASSES[_theme.look(v)]
        if v.dim:
            fill, line = "bg", "panel-line"
        if found.get("shape") != "plain":
            found |= {"fillcolor": quote(self.c[str(fill)]), "color": quote(self.c[str(line)])}
        self.lines.append(f"{indent}{v.id} [{' '.join(f'{k}={t}' for k, t in found.items())}]\n")

    def operation(self, v: Vertex) -> dict:
        text = (v.label or v.op) + (f" ⟨v{v.version}⟩" if v.version else "")
        label = {"label": quote(text), "group": "spine"}
        if len(text) <= 4:
            return label | {"shape": "circle", "fixedsize": "true", "width": "0.53"}
        return label | {"shape": "box", "style": '"rounded,filled"', "height": "0.5", "margin": '"0.14,0.05"'}

    def plate(self, v: Vertex) -> dict:
        second = shape_text(v.shape) if v.is_leaf or v.kind == "saved" else (v.op if v.kind == "module" else "")
        name = v.label or v.name
        small = f' <FONT POINT-SIZE="9" COLOR="{self.c["muted"]}">{html(second)}</FONT>' if second else ""
        text = f"<<B>{html(name) or ' '}</B>{small}>"
        found = {"label": text if self.rich else quote(f"{name} {second}".strip()), "shape": "box", "height": "0.44"}
        if v.kind in ("const", "frozen", "saved"):
            found["style"] = '"filled,dashed"'
        elif v.kind != "param":
            found["style"] = '"rounded,filled"'
        return found | ({"peripheries": "2"} if v.kind == "output" else {})

    def card(self, v: Vertex) -> dict:
        fill, line = CLASSES[v.kind]
        rows = [("val", stats(v.value), "forward")] if v.value is not None else []
        rows.append(("grad", norm(v.grad) if v.grad is not None else "—", "backward"))
        if not self.rich:
            text = "\n".join([f"{v.label or v.name} {shape_text(v.shape)}", *(f"{k} {t}" for k, t, _ in rows)])
            return {"label": quote(text), "shape": "box"}
        small = lambda t, c: f'<FONT POINT-SIZE="10" COLOR="{self.c[c]}">{html(t)}</FONT>'  # noqa: E731
        head = (f'<TR><TD ALIGN="LEFT" BGCOLOR="{self.c[str(fill)]}"><B>{html(v.label or v.name)}</B></TD>'
                f'<TD ALIGN="RIGHT" BGCOLOR="{self.c[str(fill)]}">{small(shape_text(v.shape), "muted")}</TD></TR>')  # fmt: skip
        cells = "".join(
            f'<TR><TD ALIGN="LEFT">{small(k, "muted")}</TD><TD ALIGN="RIGHT">{small(t, c)}</TD></TR>'
            for k, t, c in rows
        )
        table = (f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" COLOR="{self.c[str(line)]}" '
                 f'BGCOLOR="{self.c["card-fill"]}">{head}{cells}</TABLE>')  # fmt: skip
        return {"label": f"<{table}>", "shape": "plain", "style": '""'}

    # ------------------------------------------------------------------ wires

    def tag(self, e: Edge, indent: str) -> None:
        t = tag_of(self.graph, e, self.style) if e.kind != "kept" else None
        if t is None or not self.rich:
            return
        blue, red = self.c["forward"], self.c["backward"]
        cell = lambda text, c: f'<TD><FONT POINT-SIZE="10" COLOR="{c}">{html(text) or " "}</FONT></TD>'  # noqa: E731
        flat = self.style.direction == "LR"
        line = f'<TD PORT="w" BGCOLOR="{self.c["wire"]}" CELLPADDING="0" {"HEIGHT" if flat else "WIDTH"}="1" '
        line += f'{"WIDTH" if flat else "HEIGHT"}="{round(t.w if flat else t.h)}"></TD>'
        if flat:
            rows = f"<TR>{cell(t.value, blue)}</TR><TR>{line}</TR><TR>{cell(t.grad, red)}</TR>"
        else:
            rows = f"<TR>{cell(t.value, blue)}{line}{cell(t.grad, red)}</TR>"
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>'
        self.lines.append(f'{indent}t{e.id} [label=<{table}> shape=plain style="" group=spine]\n')

    def edge(self, e: Edge) -> None:
        t = tag_of(self.graph, e, self.style)
        if e.kind == "kept":
            hue = self.c["saved"]
            self.lines.append(f'\t{e.source.id} -> {e.target.id} [style=dashed color="{hue}" weight=0]\n')
            return
        common = [f"weight={20 if e.id in self.spine else 1}", f"penwidth={pen(e, self.style):.2f}"]
        if {"nan", "nan-grad"} & set(e.flags):
            common += [f'color="{self.c["alarm"]}"', "style=dashed"]
        elif e.alias:
            common.append("style=dotted")
        elif e.dim:
            common.append(f'color="{self.c["wire"]}40"')
        text = " ".join(common)
        tip = f"edgetooltip={quote(e.caption)} tooltip={quote(e.caption)}" if e.caption else ""
        if t is None or not self.rich:
            label = f"label={quote(' / '.join(filter(None, (t.value, t.grad))))} " if t else ""
            self.lines.append(f"\t{e.source.id} -> {e.target.id} [{label}{text} {tip}]\n")
            return
        a, b = ("w", "e") if self.style.direction == "LR" else ("n", "s")
        self.lines.append(f"\t{e.source.id} -> t{e.id}:w:{a} [arrowhead=none {text}]\n")
        self.lines.append(f"\tt{e.id}:w:{b} -> {e.target.id} [{text} {tip}]\n")


def netron(graph: Graph) -> str:
    """DOT with the record labels Netron's reader of DOT understands."""
    lines = ["digraph G {"]
    clean = lambda t: "".join("_" if c in '{}|<>"\\\n' else c for c in str(t))  # noqa: E731
    for v in graph.vertices:
        fields = [f"op_code={clean(v.op or v.kind)}", f"shape={clean(shape_text(v.shape))}", f"dtype={clean(v.dtype)}"]
        label = "{" + "|".join([f"name={clean(v.name or v.label)}", "\\l".join(fields) + "\\l"]) + "}"
        lines.append(f'\t{v.id} [shape=record label="{label}"]')
    lines += [f"\t{e.source.id} -> {e.target.id}" for e in graph.edges]
    return "\n".join([*lines, "}"]) + "\n"
