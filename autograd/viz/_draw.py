"""`draw`: from tensors and options to a `Drawing`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import _boxes, _reduce, _saved, _scene, _theme
from ._drawing import drawing
from ._names import Frame, caller
from ._prepare import prepare

WIDEST, HIGHEST = 1600, 1080  # pixels of a screen: more is folded, or set in columns
VIEWS = ("forward", "backward", "derivative")


def draw(
    *roots: Any, model: Any = None, params: Any = None, inputs: Any = None, view: str = "forward", style: str = "auto",
    direction: str = "auto", values: str = "auto", grads: str = "auto", precision: int = 2, max_elems: int = 6,
    names: Any = "caller", symbols: bool = True, depth: int | None = None, collapse: Any = None, expand: Any = None,
    fold_repeats: Any = "auto", fold_constants: bool = True, saved: bool = False, memory: bool = False, flow: bool = True,
    health: bool = True, highlight: Any = None, theme: str = "auto", legend: Any = "auto", title: str | None = None,
    layout: str = "auto", max_nodes: int = 600,
) -> Any:  # fmt: skip
    """The graph behind tensors, with the value above and the gradient below every wire.

    Drawing changes nothing: gradients come from a private pass that stores and frees nothing.

    Args:
        roots: tensors to draw.
        model: a module whose parameters give names. params, inputs: tensors by name, told apart by colour.
        view: "forward"; "backward" (the same graph as the engine walks it); "derivative" (a second register).
        style: "wires" (numbers on the wires), "cards" (larger tensors), "compact" (operations only), or "auto".
        direction: "LR", "TB" or "auto".
        values, grads: "all", "stats", "none" or "auto".
        precision, max_elems: decimals, and how many numbers of a vector are written out.
        names: "caller" (names of your variables), a dict, or None.
        depth, collapse, expand: modules to draw as one box, by depth, name, class or predicate.
        fold_repeats, fold_constants: draw repeated blocks once; write constants into the operations.
        saved, memory: show what is kept for the backward pass, and its bytes.
        flow, health: wire width by gradient norm; mark NaN, dead and vanishing parts.
        highlight: `path(a, b)` or `cone(t)`; the rest is faded.
        theme: "auto" (follows the reader), "light", "dark", "print", "contrast".
        layout: "auto", "builtin", "wasi" or "dot".
        max_nodes: fold until at most so many operations are left.

    Returns:
        Drawing: a `graphviz.Digraph` with .svg(), .html(), .png(), .pdf(), .mermaid(), .json(), .text(), .to(path).

    Example:
        >>> import autograd
        >>> from autograd import viz
        >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
        >>> y = (x * x).sum()
        >>> viz.draw(y)
        <Drawing: 2 operations, 4 nodes, 4 edges>
    """
    if view not in VIEWS:
        raise ValueError(f"draw: view must be one of {', '.join(VIEWS)}, got {view!r}")
    _theme.colours(theme)  # refuses an unknown one
    graph = prepare(roots, caller(), model=model, params=params, inputs=inputs, names=names, symbols=symbols,
                    fold_constants=fold_constants, expand=expand, grads=grads != "none", health=health)  # fmt: skip
    options = {"style": style, "direction": direction, "values": values, "grads": grads, "precision": precision,
               "max_elems": max_elems, "flow": flow, "health": health, "theme": theme,
               "memory": memory}  # fmt: skip
    plan = _Plan(options, view, layout, title or "", legend, memory, saved, highlight, max_nodes)
    given = depth is not None or collapse is not None or expand is True
    stages = _reduce.stages(
        graph, depth=depth, collapse=collapse, expand=expand, fold_repeats=fold_repeats, max_nodes=max_nodes
    )
    return drawing(plan.first_that_fits(stages, given))


@dataclass
class _Plan:
    """How the graph of a call to `draw` is to be shown, once it is known how much of it."""

    options: dict
    view: str
    layout: str
    title: str
    legend: Any
    memory: bool
    saved: bool
    highlight: Any
    max_nodes: int

    def first_that_fits(self, stages: Iterator[Any], given: bool) -> Any:
        """The first stage that fits a screen, or is as the caller asked; the last where none does."""
        made: Any = None
        graph: Any = None
        for graph in stages:
            count = len(graph.operations)
            if count > self.max_nodes or (not given and count > 2 * _reduce.SCREEN):
                continue
            made = self.scene(graph)
            if given or (
                made.place.size[0] * made.scale <= WIDEST + 1 and made.place.size[1] * made.scale <= HIGHEST + 1
            ):
                return made
        if len(graph.operations) > self.max_nodes:
            raise _reduce.too_large(graph, self.max_nodes)
        return made if made is not None and made.graph is graph else self.scene(graph)

    def scene(self, graph: Any) -> Any:
        """The graph laid out: from left to right when that is not too wide, else from top to bottom, in columns."""
        _highlight(graph, self.highlight)
        chosen = _boxes.decide(graph, self.options)
        _memory_notes(graph, self.memory)
        if self.view == "derivative":
            from ._derivative import scene as derivative_scene

            return derivative_scene(graph, chosen, self.title)
        if self.view == "backward":
            _turn_round(graph)
        if self.saved:
            _saved.add(graph)
        free = self.options["direction"] == "auto"
        made = _scene.make(graph, chosen, self.layout, self.title, self.legend)
        if free and chosen.direction == "LR" and made.place.size[0] > WIDEST:
            turned = dataclasses.replace(chosen, direction="TB")
            made = _scene.make(graph, turned, self.layout, self.title, self.legend)
        return _scene.in_columns(made, WIDEST, HIGHEST) if free else made


def _turn_round(graph: Any) -> None:
    """Show the graph as the engine walks it: PyTorch's names, arrows against the computation."""
    graph.view = "backward"
    for v in graph.vertices:
        if v.kind == "op":
            v.label = "".join(p[:1].upper() + p[1:] for p in v.op.split("_")) + "Backward0"
    for e in graph.edges:
        e.kind = "reversed"


def _memory_notes(graph: Any, wanted: bool) -> None:
    from ._numbers import size_text

    if wanted:
        total = sum(v.saved_bytes for v in graph.vertices)
        graph.notes.append(f"kept for backward: {size_text(total)}")


# ---------------------------------------------------------------------------------------------- highlighting


@dataclass
class Part:
    """Nodes of a graph to be kept bright: between two tensors, or around one."""

    first: Any
    last: Any = None
    up: bool = True
    down: bool = True


def path(a: Any, b: Any) -> Part:
    """Everything that lies between `a` and `b`; for `draw(highlight=...)`."""
    return Part(a, b)


def cone(t: Any, up: bool = True, down: bool = True) -> Part:
    """Everything `t` was computed from (up) and everything computed from it (down); for `draw(highlight=...)`."""
    return Part(t, None, up, down)


def _highlight(graph: Any, part: Any) -> None:
    if part is None:
        return
    if not isinstance(part, Part):
        part = cone(part)
    first = _vertex(graph, part.first)
    above, below = _reach(graph, first, True), _reach(graph, first, False)
    if part.last is not None:
        last = _vertex(graph, part.last)
        bright = (below & _reach(graph, last, True)) | (above & _reach(graph, last, False))
    else:
        bright = (above if part.up else set()) | (below if part.down else set()) | {first.id}
    bright |= {e.target.id for e in graph.edges if e.target.kind == "output" and e.source.id in bright}
    for v in graph.vertices:
        v.dim = v.id not in bright
    for e in graph.edges:
        e.dim = e.source.id not in bright or e.target.id not in bright


def _vertex(graph: Any, t: Any) -> Any:
    seq = getattr(getattr(t, "_node", None), "seq", None)
    for v in graph.vertices:
        if v.seq == seq or any(u.seq == seq for u in v.inner):
            return v
    raise ValueError(f"highlight: the tensor of shape {tuple(t.shape)} is not part of this picture")


def _reach(graph: Any, start: Any, back: bool) -> set[str]:
    seen, stack = set(), [start]
    while stack:
        v = stack.pop()
        if v.id not in seen:
            seen.add(v.id)
            stack += [e.source for e in graph.inputs(v)] if back else [e.target for e in graph.uses(v)]
    return seen


def steps(root: Any, view: str = "forward+backward", captions: bool = True, **options: Any) -> Any:
    """The computation step by step: one frame per operation forward, one per gradient of a wire backward.

    Args:
        root: the tensor. view: "forward+backward", "forward", "backward" or "derivative".
        captions: write the formula of each step above its frame.
        options: as for `draw`.

    Returns:
        Steps: a sequence of Drawings with one layout; .html(path) is a player, .gif(path), .svg(), .sheet(), .save(pattern).

    Example:
        >>> import autograd
        >>> from autograd import viz
        >>> a = autograd.tensor(3.0, requires_grad=True)
        >>> c = a * a
        >>> frames = viz.steps(c)
        >>> len(frames), frames.captions[0]
        (4, 'c = a × a = 3.00 × 3.00 = 9.00')
    """
    from ._steps import Steps, moments

    if view not in ("forward+backward", "forward", "backward", "derivative"):
        raise ValueError(f"steps: view must be forward+backward, forward, backward or derivative, got {view!r}")
    options.setdefault("names", Frame(caller()))
    if view == "derivative":
        from ._derivative import steps as derivative_steps

        return derivative_steps(draw(root, view="derivative", **options)._scene, captions)
    made = draw(root, **options)._scene
    found = moments(made.graph, captions)
    wanted = {"forward": [m for m in found if not m.backward], "backward": [m for m in found if m.backward]}.get(
        view, found
    )
    return Steps(made, wanted)
