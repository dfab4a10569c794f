"""From the engine's nodes to the model of a picture."""

from __future__ import annotations

import os
import weakref
from typing import Any

import numpy as np

from .._array import may_share
from .._node import Leaf, recorded_passes
from .._tensor import Tensor, history
from . import _captions
from ._model import Box, Edge, Graph, Vertex
from ._names import FOLDER, Names, looks_like_data
from ._numbers import subscript
from ._symbols import symbol
from ._values import CAPTION_LIMIT, Numbers, constant

_ROOT = os.path.dirname(os.path.dirname(FOLDER[:-1])) + os.sep
_OURS = tuple(f'File "{_ROOT}{package}{os.sep}' for package in ("autograd", "nn"))  # and code written out: in _entry
_MAY_COPY = ("reshape", "flatten", "contiguous")  # give a view only where the order of the elements allows it


class Builder:
    """One conversion: what is known of the nodes, and the graph that grows."""

    def __init__(
        self, roots: list, names: Names, *, fold: bool = True, symbols: bool = True, grads: bool = True
    ) -> None:
        self.tensors, self.names = roots, names
        self.fold, self.symbols = fold, symbols
        self.by_node, self.by_array, self.live = names.index()
        nodes = list(dict.fromkeys(history(t) for t in roots))
        self.numbers = Numbers(nodes, self.live, grads)
        self.graph = Graph()
        self.made: dict = {}  # node or id of a constant's array -> Vertex
        self.boxes: dict[int, Box] = {}
        self.passes = list(recorded_passes)
        self._keep: list = []  # constants whose id() is a key while we build
        self._texts: dict = {}  # texts written out before: names of dtypes, labels of operations

    def build(self) -> Graph:
        for node in self.numbers.order:
            if type(node) is Leaf:
                self.leaf(node)
            else:
                self.operation(node)
        for t in {id(history(t)): t for t in self.tensors}.values():  # one result each, however often it was given
            self.output(t)
        self.number_vertices()
        self.house_leaves()
        self.gradient_order()
        if len(self.graph.vertices) <= CAPTION_LIMIT:
            _captions.fill(self.graph)
        return self.graph

    # ------------------------------------------------------------------ vertices

    def vertex(self, key: Any, kind: str, label: str, **fields: Any) -> Vertex:
        v = Vertex("", kind, label, **fields)
        self.graph.vertices.append(v)
        self.made[key] = v
        return v

    def leaf(self, leaf: Any) -> None:
        tensor = leaf.variable
        names = self.names_of(leaf, tensor)
        kind = self.leaf_kind(tensor, names)
        self.vertex(leaf, kind, names[0] if names else "", name=names[0] if names else "", named=bool(names),
                    others=tuple(names[1:]), shape=leaf.shape, dtype=str(leaf.dtype), seq=leaf.seq,
                    value=_copy(self.numbers.value.get(leaf)), grad=_copy(self.numbers.grad.get(leaf)),
                    params=int(np.prod(leaf.shape, dtype=np.int64)))  # fmt: skip

    def dtype_text(self, dtype: Any) -> str:
        found = self._texts.get(dtype)
        if found is None:
            found = self._texts[dtype] = str(dtype)
        return found

    def names_of(self, node: Any, tensor: Any) -> list[str]:
        own = getattr(tensor, "name", None) if tensor is not None else None
        found = self.by_node.get(node, [])
        return list(dict.fromkeys([own, *found] if isinstance(own, str) and own else found))

    def leaf_kind(self, tensor: Any, names: list[str]) -> str:
        if id(tensor) in self.names.inputs:
            return "input"
        if id(tensor) in self.names.parameters or type(tensor).__name__ == "Parameter":
            return "param"
        return "input" if not names or looks_like_data(names[0]) else "param"

    def operation(self, node: Any) -> None:
        op, name = node.plan.op, node.plan.op.name.strip("_")
        given = {k: constant(v) for k, v in node.constants}
        plain = tuple((k, v) for k, v in given.items() if isinstance(k, str) or self.folds(v))
        names = self.names_of(node, None)
        v = Vertex(
            "", "op", self.label(op, name, plain, node.shape), name, names[0] if names else "", bool(names), tuple(names[1:]),
            node.shape, self.dtype_text(node.dtype), _copy(self.numbers.value.get(node)),
            _copy(self.numbers.grad.get(node)), node.seq, self.box(node.scope), op.caption or "",
            bool(getattr(op, "elementwise", False)), plain, self.saved(node), line=_line(node),
        )  # fmt: skip
        self.graph.vertices.append(v)
        self.made[node] = v
        v.version = getattr(node, "version", 0)
        v.order = self.order_of(node.seq) if self.passes else 0
        v.saved_bytes = sum([getattr(a, "nbytes", 0) for a in node.saved or ()])
        self.connect(node, v, given)

    def label(self, op: Any, name: str, plain: tuple, shape: tuple) -> str:
        """What stands in the circle; written out once for all calls that look the same."""
        try:
            key = (op.name, shape == (), *[(k, type(v), v) for k, v in plain])
            found = self._texts.get(key)
        except TypeError:  # an array among the constants
            key, found = None, None
        if found is None:
            found = symbol(name, op.symbol if self.symbols else op.name, dict(plain), self.fold)
            found = "·" if found == "@" and shape == () else found
            if key is not None:
                self._texts[key] = found
        return found

    def order_of(self, seq: int) -> int:
        """0 for what the program computed, 1 for what a recorded pass made of it, 2 for what a pass made of that, ..."""
        for start, stop, root in self.passes:
            if start < seq < stop:
                return 1 + self.order_of(root)
        return 0

    def folds(self, value: Any) -> bool:
        """Whether a constant is written into the operation's symbol, not drawn as a node."""
        if isinstance(value, (bool, int, float, complex, np.generic)):
            return self.fold and id(value) not in self.by_array
        return isinstance(value, np.ndarray) and value.ndim == 0 and self.fold and id(value) not in self.by_array

    def connect(self, node: Any, v: Vertex, given: dict) -> None:
        for i, edge in enumerate(node.edges):
            if edge is not None:
                g = self.numbers.contribution.get((node, i))
                made = self.edge(self.made[edge], v, i, _copy(g), self.numbers.local_of(node, i))
                made.alias = i == 0 and self.same_memory(node, edge, v.version)
            elif i in given and given[i] is not None and not self.folds(given[i]):
                self.edge(self.constant(given[i], node), v, i, None, None)

    def same_memory(self, node: Any, edge: Any, version: int) -> bool:
        """Whether an operation's result lies in the memory of its first input: a view, or written in place."""
        if version or not getattr(node.plan.op, "view", False):
            return version > 0
        here, there = self.numbers.value.get(node), self.numbers.value.get(edge)
        return node.plan.op.name.strip("_") not in _MAY_COPY or (
            here is not None and there is not None and may_share(here, there)
        )

    def edge(self, source: Vertex, target: Vertex, use: int, grad: Any, local: Any) -> Edge:
        made = Edge(f"e{len(self.graph.edges)}", source, target, use, source.value, grad, local)
        made.via = target
        self.graph.edges.append(made)
        return made

    def constant(self, value: Any, node: Any) -> Vertex:
        """The vertex of a tensor that is used without being recorded."""
        key = id(value)
        if key in self.made:
            return self.made[key]
        self._keep.append(value)
        tensor, names = self.by_array.get(key, (None, []))
        a = np.asarray(value)
        data = id(tensor) in self.names.inputs or bool(names and looks_like_data(names[0]))
        frozen = id(tensor) in self.names.parameters
        kind = "frozen" if frozen else "input" if data or (not names and node.scope is not None) else "const"
        name = names[0] if names else ""
        return self.vertex(key, kind, name, name=name, named=bool(names), others=tuple(names[1:]), shape=a.shape,
                           dtype=str(a.dtype), seq=node.seq - 0.5, value=_copy(value))  # fmt: skip

    def output(self, t: Any) -> None:
        node = history(t)
        source = self.made[node]
        names = self.names_of(node, t)
        if source.is_leaf:
            return
        label = names[0] if names else ("out" if len(self.tensors) == 1 else f"out{self.tensors.index(t)}")
        seed = self.seed(node)
        v = self.vertex((node, "out"), "output", label, name=label, named=bool(names), shape=source.shape,
                        dtype=source.dtype, value=source.value, grad=_copy(seed), seq=float("inf"))  # fmt: skip
        if not source.named:
            source.name = label
        self.edge(source, v, 0, _copy(seed), None)
        self.graph.root_name = label if not source.shape else f"Σ{label}"

    def seed(self, node: Any) -> Any:
        """What the pass starts with; none where no gradients were asked for."""
        return self.numbers._seed(node) if node in self.numbers.grad else None

    # ------------------------------------------------------------------ the rest

    def saved(self, node: Any) -> tuple:
        """What the node keeps for its backward pass, as (role, array): role is an argument's position or "out"."""
        plan, found = node.plan, []
        if not plan.names:
            return ()
        for name in plan.names:
            if name == "out":
                found.append(("out", self.numbers.value.get(node)))
            elif name in plan.op.inputs and not plan.op.variadic:
                i = plan.op.inputs.index(name)
                edge = node.edges[i]
                found.append((i, self.numbers.value.get(edge) if edge is not None else None))
        return tuple((role, _copy(a)) for role, a in found if a is not None)

    def box(self, scope: Any) -> Box | None:
        if scope is None:
            return None
        found = self.boxes.get(id(scope))
        if found is None:
            parent = self.box(scope.parent)
            module = scope.module() if isinstance(scope.module, weakref.ref) else scope.module
            found = Box(f"b{len(self.boxes)}", str(scope.name), parent=parent, index=scope.index)
            if module is None:
                found.kind = "scope"
            else:
                _describe(found, module, self.names.modules.get(id(module)))
            self.boxes[id(scope)] = found
            self.graph.boxes.append(found)
        return found

    def number_vertices(self) -> None:
        g = self.graph
        g.vertices.sort(key=lambda v: v.seq)
        for i, v in enumerate(g.vertices):
            v.id = f"n{i}"
        unnamed = [v for v in g.vertices if v.kind == "op" and not v.name]
        for i, v in enumerate(sorted(unnamed, key=_inside_scope), 1):  # those a scope hides are numbered last
            v.name = f"u{subscript(i)}"
        for role in ("input", "const", "param"):
            unnamed = [v for v in g.vertices if v.kind == role and not v.name]
            for i, v in enumerate(unnamed):
                v.name = v.label = role if len(unnamed) == 1 and role == "const" else f"{role}{i}"
        if self.numbers.freed:
            g.notes.append("some numbers were freed: draw before the parameters change, or compute under viz.record()")

    def house_leaves(self) -> None:
        """Put a parameter into the box of the module that uses it (what they share, when several do)."""
        count: dict[str, int] = {}
        for v in self.graph.vertices:
            if v.kind == "op" and v.box:
                count[v.box.id] = count.get(v.box.id, 0) + 1
            if v.kind not in ("param", "frozen"):
                continue
            paths = [_modules(e.target.box) for e in self.graph.uses(v)]
            shared = [b for b, *rest in zip(*paths, strict=False) if all(b is c for c in rest)] if paths else []
            if shared:
                v.box = shared[-1]
                v.label = v.name.rsplit(".", 1)[-1]
        for v in self.graph.vertices:
            box = v.box
            alone = box and box.kind == "module" and not box.params and count[box.id] == 1 and v.kind == "op"
            if box and alone and not any(b.parent is box for b in self.graph.boxes):
                v.label = f"{box.name} · {v.label}"

    def gradient_order(self) -> None:
        place = {(node, i): n for n, (node, i) in enumerate(self.numbers.ran)}
        vertex_of = {id(v): k for k, v in self.made.items()}
        for e in self.graph.edges:
            key = vertex_of[id(e.target)]
            e.order = 0 if e.target.kind == "output" else 1 + place.get((key, e.use), -2)


def _describe(box: Box, module: Any, name: str | None) -> None:
    box.class_name = type(module).__name__
    box.module_id = id(module)
    box.params = int(sum(p.numel() for p in module.parameters()))
    if name is not None and box.parent is None:
        box.name = name
    for a, b in (("in_features", "out_features"), ("in_channels", "out_channels"), ("num_embeddings", "embedding_dim"),
                 ("input_size", "hidden_size")):  # fmt: skip
        if hasattr(module, a) and hasattr(module, b):
            box.detail = f"{getattr(module, a)} → {getattr(module, b)}"


def _modules(box: Box | None) -> list[Box]:
    """The module boxes around something, outermost first."""
    found = []
    while box is not None:
        found.append(box)
        box = box.parent
    return [b for b in found[::-1] if b.kind == "module"]


def _inside_scope(v: Vertex) -> bool:
    box = v.box
    while box is not None and box.kind != "scope":
        box = box.parent
    return box is not None


def _copy(a: Any) -> Any:
    """Numbers of our own, so that what the program changes later does not change a picture."""
    if a is None or isinstance(a, (list, tuple)):
        return None
    if isinstance(a, np.generic):
        return np.asarray(a)
    a = np.asarray(a)
    return a.copy() if a.base is not None or a.size <= 4096 else a


def _line(node: Any) -> str:
    """The last line of the reader's own on the way to the operation, where it was remembered."""
    trace = getattr(node, "_metadata", {}).get("traceback") or ""
    lines = [part.strip() for part in trace.splitlines() if part.strip().startswith("File ")]
    return next((t for t in reversed(lines) if not t.startswith(_OURS) and not t.endswith(" in _entry")), "")


def as_roots(values: tuple) -> list:
    """The tensors to draw; each must have a graph.

    Raises:
        TypeError: not a Tensor. ValueError: a tensor that has no history.
    """
    flat: list = []
    for v in values:
        flat.extend(v) if isinstance(v, (list, tuple)) else flat.append(v)
    if not flat:
        raise TypeError("draw: expected at least one tensor to draw, got none")
    for t in flat:
        if not isinstance(t, Tensor):
            raise TypeError(
                f"draw: expected Tensors, got {type(t).__name__}; give the result of a computation, such as loss"
            )
        if history(t) is None:
            raise ValueError(
                f"draw: the tensor of shape {tuple(t.shape)} has no graph; compute it from tensors with requires_grad=True, "
                "outside no_grad"
            )
    return flat
