"""Values and gradients of a recorded graph, found without changing it.

What a node keeps (small values) is used first, then tensors that are still alive, then what the graph saved for its
backward pass; what is left is computed again from the inputs, which a graph always leads to. Gradients come from a
pull-back of our own that stores nothing, frees nothing and runs no hook, so that a picture drawn before, after or
between backward passes shows the same numbers.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from .._array import Part, changes, quiet, sum_to
from .._graph import _conj, _touches_complex, collect
from .._mode import no_grad
from .._node import Complex, Leaf, Node, Out
from .._plan import PickPlan

REPLAY_LIMIT = 50_000_000  # elements computed again at most, over the whole graph
CAPTION_LIMIT = 3000  # operations; beyond it a chain-rule line for each would cost more than anyone reads


class _Missing:
    """Stands for an input whose value is gone where only its shape may be needed."""

    def __init__(self, shape: tuple) -> None:
        self.shape, self.ndim = shape, len(shape or ())


class Numbers:
    """Values of nodes, gradients of nodes, contributions of edges.

    Attributes:
        order: nodes and leaves, oldest first.
        value, grad: by node. contribution: by (node, position). ran: (node, position) in order of computation.
    """

    def __init__(self, roots: list, live: dict | None = None, want_grads: bool = True) -> None:
        self.roots = roots
        self.order = collect(roots)[::-1]
        self.value: dict = {}
        self.grad: dict = {}
        self.contribution: dict = {}
        self.local: dict = {}
        self.ran: list = []
        self.freed = False  # some number could not be found
        self._live = live or {}
        self._budget = REPLAY_LIMIT
        self._explained = len(self.order) <= CAPTION_LIMIT
        with no_grad(), quiet():
            self._find_values()
            if want_grads:
                self._pull_back()

    # ------------------------------------------------------------------ values

    def _find_values(self) -> None:
        for node in self.order:
            found = self._leaf_value(node) if type(node) is Leaf else self._node_value(node)
            if found is None:
                self.freed = True
            else:
                self.value[node] = found

    def _leaf_value(self, leaf: Any) -> Any:
        tensor = leaf.variable
        return self._kept_by_users(leaf) if tensor is None else tensor._data

    def _kept_by_users(self, leaf: Any) -> Any:
        """The value of a leaf whose tensor is gone, from what an operation saved of it."""
        for node in self.order:
            if leaf in node.edges and node.saved and not getattr(node.plan.op, "variadic", True):
                name = node.plan.op.inputs[node.edges.index(leaf)]
                if name in node.plan.names:
                    return node.saved[node.plan.names.index(name)]
        return None

    def _node_value(self, node: Any) -> Any:
        if getattr(node.plan.op, "outputs", ()) and not isinstance(node.plan, PickPlan):
            return self._replayed(node)  # a tuple; small anyway, and only its picks are shown
        if node.value is not None and not _changed(node.value, node.seq):
            return node.value
        for a in (self._live.get(node), self._saved_out(node)):
            if a is not None and a.shape == node.shape and not _changed(a, node.seq):
                return a
        return self._replayed(node)

    def _saved_out(self, node: Any) -> Any:
        if node.saved and "out" in node.plan.names:
            return node.saved[node.plan.names.index("out")]
        return None

    def _replayed(self, node: Any) -> Any:
        self._budget -= int(np.prod(node.shape, dtype=np.int64))
        if self._budget < 0:
            return None
        try:
            return self._replay(node)
        except Exception:  # a value gone, an operation that cannot run again: the picture says so instead
            return None

    def _replay(self, node: Any) -> Any:
        if isinstance(node.plan, PickPlan):
            return self.value[node.edges[0]][node.plan.position]
        op = node.plan.op
        if not hasattr(op, "invoke"):
            return None
        arrays, params = self._arguments(node)
        if any(isinstance(a, _Missing) for a in arrays):
            return None
        out = op.invoke(op.raw, arrays, params)
        return out[0] if op.aux else out

    def _arguments(self, node: Any) -> tuple[list, tuple]:
        op, given = node.plan.op, dict(node.constants)
        arrays = [self._argument(node, i, edge, given) for i, edge in enumerate(node.edges)]
        if op.promote is not None and not any(isinstance(a, _Missing) for a in arrays):
            arrays = op.promoted(arrays)
        return arrays, node.params

    def _argument(self, node: Any, i: int, edge: Any, given: dict) -> Any:
        if edge is None:
            held = constant(given.get(i))
            return _Missing(()) if held is None and i in given else held
        a = self.value.get(edge)
        stale = type(edge) is Leaf and a is not None and _changed(a, node.seq)
        return _Missing(edge.shape) if a is None or stale else a

    # ------------------------------------------------------------------ gradients

    def _pull_back(self) -> None:
        for root in self.roots:
            self.grad[root] = self._seed(root)
        for node in reversed(self.order):
            g = self.grad.get(node)
            if g is not None and type(node) is not Leaf:
                self._spread(node, g)
        if self.freed:
            self._read_leaves()

    def _read_leaves(self) -> None:
        """Where a pass could not get through, the gradient a leaf has been given by the program's own."""
        for leaf in self.order:
            tensor = leaf.variable if type(leaf) is Leaf and leaf not in self.grad else None
            given = getattr(tensor, "_grad", None)
            if given is not None and getattr(given, "shape", None) == leaf.shape:
                self.grad[leaf] = np.asarray(getattr(given, "_data", given))

    def _seed(self, root: Any) -> Any:
        kept = getattr(root, "grad", None)
        if kept is not None and root.shape != () and getattr(kept, "shape", None) == root.shape:
            return kept
        return np.ones(root.shape, root.dtype)[()]

    def _spread(self, node: Any, g: Any) -> None:
        try:
            parts = self._rules(node, g)
        except Exception:
            parts = None
        if parts is None:
            self.freed = True
            self._borrow(node)
            return
        for i, (edge, part) in enumerate(zip(node.edges, parts, strict=False)):
            if edge is not None and part is not None:
                self._arrive(node, i, edge, part)

    def _rules(self, node: Any, g: Any) -> tuple | None:
        saved = node.saved
        if saved is None:
            saved = self._revived(node)
            if saved is None:
                return None
        if Complex.seen and getattr(node.plan.op, "holomorphic", False) and _touches_complex(node):
            return tuple(_conj(p) for p in node.plan.run(_conj(g), saved))
        if self._explained and node.shape == () and getattr(node.plan.op, "elementwise", False) and g != 0:
            self.local[node] = node.plan.run(np.ones_like(g)[()], saved)
        return node.plan.run(g, saved)

    def _revived(self, node: Any) -> tuple | None:
        """What the node saved, put together again after a backward pass has freed it."""
        plan = node.plan
        if not plan.names:
            return None if hasattr(plan, "ctx") else ()
        arrays, params = self._arguments(node)
        out = self.value.get(node, _Missing(node.shape))
        if plan.op.aux or plan.op.outputs:
            out = plan.op.invoke(plan.op.raw, arrays, params)
        saved = plan.save(arrays, params, out)
        return None if any(isinstance(s, _Missing) for s in saved) else saved

    def _borrow(self, node: Any) -> None:
        """Gradients the engine kept, where the rule cannot run again and the input has no other use."""
        for i, edge in enumerate(node.edges):
            kept = getattr(edge, "grad", None) if isinstance(edge, Node) else None
            if kept is not None and sum(edge in n.edges for n in self.order) == 1:
                self._arrive(node, i, edge, kept)

    def _arrive(self, node: Any, i: int, edge: Any, part: Any) -> None:
        if type(part) is Out:
            slots = self.grad.setdefault(edge, [None] * len(edge.plan.op.outputs))
            held = slots[part.position]
            slots[part.position] = part.g if held is None else held + part.g
            return
        part = _fitted(part, edge)
        self.contribution[node, i] = part
        self.ran.append((node, i))
        held = self.grad.get(edge)
        self.grad[edge] = part if held is None else held + part

    # ------------------------------------------------------------------ small helpers for the model

    def local_of(self, node: Any, i: int) -> Any:
        parts = self.local.get(node)
        part = None if parts is None or i >= len(parts) else parts[i]
        return part if isinstance(part, (np.ndarray, np.generic)) and part.shape == () else None


def _fitted(part: Any, edge: Any) -> Any:
    if type(part) is Part:
        full = np.zeros(edge.shape, edge.dtype)
        part.add_to(full)
        return full
    if part.shape != edge.shape:
        part = sum_to(part, edge.shape)
    if part.dtype != edge.dtype:
        part = (part.real if part.dtype.kind == "c" and edge.dtype.kind != "c" else part).astype(edge.dtype)
    return part


def _changed(a: Any, seq: int) -> bool:
    return type(a) is np.ndarray and changes.latest > seq and changes.when(a) > seq


def constant(value: Any) -> Any:
    """A constant of a call; large ones are held weakly and may be gone (None)."""
    return value() if isinstance(value, weakref.ref) else value
