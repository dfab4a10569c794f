"""The one graph every picture, text and export is made from: plain data, no Tensor, no node of the engine kept alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LEAVES = ("param", "input", "const", "frozen")


@dataclass(eq=False)
class Box:
    """A module's call or a `viz.scope`: what a picture frames or folds into one node."""

    id: str
    name: str
    kind: str = "module"  # or "scope"
    class_name: str = ""
    detail: str = ""  # "4 → 8" of Linear(4 → 8)
    params: int = 0
    parent: Box | None = None
    index: int = 0  # which call of the same module
    module_id: int = 0

    @property
    def path(self) -> tuple[str, ...]:
        return (*(self.parent.path if self.parent else ()), self.id)

    @property
    def names(self) -> tuple[str, ...]:
        return (*(self.parent.names if self.parent else ()), self.name)


@dataclass(eq=False, slots=True)
class Vertex:
    """An operation, a leaf tensor, or the output."""

    id: str
    kind: str  # op, scope (composite), module (collapsed), more (folded repeats), saved, output, or one of LEAVES
    label: str  # the symbol in the circle, or the name
    op: str = ""
    name: str = ""  # of the tensor it makes: the user's, or u₁, u₂, ...
    named: bool = False  # the name is the user's
    others: tuple[str, ...] = ()  # further names of the same tensor
    shape: tuple[int, ...] = ()
    dtype: str = ""
    value: np.ndarray | None = None
    grad: np.ndarray | None = None  # total
    seq: int = 0
    box: Box | None = None
    caption: str = ""  # local derivative, as the operation declares it
    elementwise: bool = False
    constants: tuple = ()
    saved: tuple = ()  # (name, text) of what it keeps for backward
    saved_bytes: int = 0
    line: str = ""  # where the user called it
    hidden: int = 0  # operations inside
    params: int = 0
    order: int = 0  # 1: belongs to a derivative (create_graph), 2: to a second one
    version: int = 0  # of the memory, after an operation that wrote in place
    flags: tuple[str, ...] = ()
    dim: bool = False  # outside the highlighted part
    inner: Sequence[Vertex] = ()
    leaves: Sequence[Vertex] = ()  # the parameters inside
    given: tuple[int, ...] | None = None  # shape of what a folded part receives
    detail: str = ""  # "Linear(4 → 8)" of a folded module
    inner_edges: Sequence[Edge] = ()

    @property
    def is_leaf(self) -> bool:
        return self.kind in LEAVES


@dataclass(eq=False, slots=True)
class Edge:
    """One use of a tensor: from what made it to what uses it."""

    id: str
    source: Vertex
    target: Vertex
    use: int  # position among the arguments of the target
    value: np.ndarray | None = None
    grad: np.ndarray | None = None  # this use's contribution
    local: np.ndarray | None = None  # local derivative, for elementwise operations
    caption: str = ""
    order: int = -1  # when its gradient was computed: 0 first
    kind: str = "wire"  # or kept; in the derivative view forward, backward, onward, across or saved; reversed
    text: str = ""  # of a saved link
    via: Any = None  # the inner operation that consumes it, when the target is a composite
    flags: tuple[str, ...] = ()
    dim: bool = False
    alias: bool = False  # both ends show the same memory
    carried: tuple[int, ...] | None = None  # its tensor's shape, where a folded source has several results

    @property
    def shape(self) -> tuple[int, ...]:
        return self.source.shape if self.carried is None else self.carried


@dataclass(eq=False)
class Graph:
    """Vertices in order of creation, edges in order of use."""

    vertices: list[Vertex] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    view: str = "forward"
    root_name: str = "y"

    def inputs(self, v: Vertex) -> list[Edge]:
        return self._index()[0].get(v.id, [])

    def uses(self, v: Vertex) -> list[Edge]:
        return self._index()[1].get(v.id, [])

    def changed(self) -> None:
        """Forget what was looked up before: edges or vertices were renamed."""
        self._cache: tuple | None = None

    def _index(self) -> tuple[dict, dict]:
        cached = getattr(self, "_cache", None)
        if cached is None or cached[0] != (len(self.edges), id(self.edges)):
            into: dict[str, list[Edge]] = {}
            out: dict[str, list[Edge]] = {}
            for e in self.edges:
                if e.kind in ("saved", "kept"):
                    continue
                into.setdefault(e.target.id, []).append(e)
                out.setdefault(e.source.id, []).append(e)
            for found in into.values():
                found.sort(key=lambda e: e.use)
            cached = self._cache = ((len(self.edges), id(self.edges)), into, out)
        return cached[1], cached[2]

    @property
    def operations(self) -> list[Vertex]:
        return [v for v in self.vertices if v.kind in ("op", "scope", "module", "more")]

    @property
    def leaves(self) -> list[Vertex]:
        return [v for v in self.vertices if v.is_leaf]

    @property
    def outputs(self) -> list[Vertex]:
        return [v for v in self.vertices if v.kind == "output"]
