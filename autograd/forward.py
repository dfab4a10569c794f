"""Forward mode: tangents pushed through a recorded graph, oldest node first.

No operation needs a second set of rules. A rule of an elementwise operation multiplies by the local derivative, and
multiplying is its own transpose, so it carries tangents as well as gradients; a linear operation is its own tangent;
for everything else the tangent is the gradient of <rule(v), tangent> with respect to v, whose rule is recorded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._backward import gradients
from ._graph import collect
from ._mode import enable_grad
from ._node import Leaf, Node
from ._plan import PickPlan
from ._tensor import Tensor, history, wrap


def push_forward(outputs: tuple[Tensor, ...], seeds: dict) -> list[Tensor]:
    """Tangents of `outputs` when the nodes in `seeds` move along theirs.

    Args:
        seeds: leaf (or node) -> tangent, a Tensor of its shape.

    Returns:
        one Tensor per output, recorded so that it can be differentiated; zeros where an output does not move.
    """
    nodes = [history(o) for o in outputs]
    moving = dict(seeds)
    with enable_grad():
        for node in reversed(collect(n for n in dict.fromkeys(nodes) if n is not None)):
            if node in moving or type(node) is Leaf:
                continue
            given = [moving.get(edge) for edge in node.edges]
            if any(t is not None for t in given):
                moving[node] = _moved(node, given)
    return [moving[n] if n in moving else wrap(np.zeros_like(o._data)) for n, o in zip(nodes, outputs, strict=True)]


def _moved(node: Node, given: list) -> Any:
    """What is noted at a node: its result's tangent; of an operation with several results what each of them needs."""
    written = node.plan.push(given) if hasattr(node.plan, "push") else NotImplemented
    if written is not NotImplemented:
        return written
    several = getattr(node.plan.op, "outputs", ()) and not _picks(node)
    return given if several else _tangent(node, given)


def _picks(node: Node) -> bool:
    """Whether the node stands for one result of an operation with several."""
    return isinstance(node.plan, PickPlan)


def _tangent(node: Node, given: list) -> Any:
    """How the result of one node moves when its inputs move along `given` (None: an input at rest)."""
    op = node.plan.op
    if _picks(node):  # what its operation's inputs do was noted at the operation's own node
        if isinstance(given[0], tuple):  # or already what each result does
            return given[0][node.plan.position]
        return _by_double_transpose(node.edges[0], given[0], node)
    if getattr(op, "elementwise", False) and op.holomorphic:
        return _by_rules(node, given)
    if getattr(op, "linear", False) and not node.given and not op.aux and not op.outputs:
        return _by_itself(node, given)
    return _by_double_transpose(node, given)


def _by_rules(node: Node, given: list) -> Any:
    saved = node.plan.as_tensors(node)
    total = None
    for tangent, entry in zip(given, node.plan.rules, strict=True):
        if tangent is None or entry is None:
            continue
        rule, names = entry
        if tangent.shape != node.shape:
            tangent = tangent.expand(node.shape)
        moved = rule(tangent, *[saved[node.plan.names.index(n)] for n in names])
        total = moved if total is None else total + moved
    return wrap(np.zeros(node.shape, node.dtype)) if total is None else total


def _by_itself(node: Node, given: list) -> Any:
    still = [wrap(np.zeros(e.shape, e.dtype)) if t is None else t for t, e in zip(given, node.edges, strict=True)]
    return node.plan.op.apply(tuple(still), node.params)


def _by_double_transpose(node: Node, given: list, picked: Node | None = None) -> Any:
    """d/dv of sum_i <rule_i(v), tangent_i>: the transpose of the transpose of the derivative.

    Of an operation with several results, `picked` is the node of the one that is asked for.
    """
    result = picked or node
    v = wrap(np.ones(result.shape, result.dtype)).requires_grad_()
    seed: Any = v
    if picked is not None:
        seed = [None] * len(node.plan.op.outputs)
        seed[picked.plan.position] = v
    parts = node.plan.run_recorded(seed, node)
    pairs = [(p, t) for p, t in zip(parts, given, strict=True) if p is not None and t is not None]
    pairs = [(p.sum_to_size(t.shape) if p.shape != t.shape else p, t) for p, t in pairs]
    recorded = [(p, t) for p, t in pairs if p.requires_grad]
    if not recorded:
        return wrap(np.zeros(result.shape, result.dtype))
    # Rules written for real numbers leave the conjugations to the engine; the others are the adjoint already.
    turned = (lambda t: t.conj() if t.is_complex() else t) if node.plan.op.holomorphic else lambda t: t
    weights = [turned(t) for _, t in recorded]
    (moved,) = gradients([p for p, _ in recorded], v, weights, None, True, True, True)
    return turned(moved)


__all__ = ["push_forward"]
