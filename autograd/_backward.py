"""Backward from tensors: what a pass starts from, and where its gradients are put."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from threading import RLock
from typing import Any

import numpy as np

from . import _dtype, _graph
from ._array import Array, changes, ndarray, private
from ._mode import enable_grad
from ._node import Leaf, Node
from ._tensor import Tensor, history, wrap

_storing = RLock()  # two threads whose graphs share a leaf must not read its .grad at the same time


def _let_go() -> None:
    """In a forked child no other thread lives on that could open the lock."""
    global _storing
    _storing = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _as_tuple(value: Any) -> tuple:
    if type(value) is tuple:  # asking whether something is Iterable takes a microsecond
        return value
    return (value,) if isinstance(value, Tensor) or not isinstance(value, Iterable) else tuple(value)


def _seeds(tensors: tuple, gradients: tuple, create: bool) -> dict:
    """What backward starts from: node of each output -> its weight."""
    seeds: dict = {}
    if len(gradients) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(gradients)} gradients")
    for i, (t, g) in enumerate(zip(tensors, gradients, strict=True)):
        if not isinstance(t, Tensor):
            raise TypeError(f"element {i} of tensors must be a Tensor, got {type(t).__name__}")
        node = history(t)
        if node is None:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        weight = _weight(t, g, create)
        seeds[node] = seeds[node] + weight if node in seeds else weight
    return seeds


def _weight(t: Tensor, g: Any, create: bool) -> Any:
    if g is None:
        if t._data.size != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs: this one has shape {tuple(t.shape)}; "
                "pass gradient= of that shape, or reduce it with sum() or mean()"
            )
        if t._data.dtype.kind not in "f" and _dtype.category(t._data.dtype) != 2:
            raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {t.dtype!r}")
        one = np.ones_like(t._data) if t._data.ndim else t._data.dtype.type(1)
        return wrap(one) if create else one
    if type(g) is type(t) is Tensor and g._data.shape == t._data.shape and g._data.dtype is t._data.dtype:
        return g if create else g._data
    if not isinstance(g, Tensor):
        raise TypeError(f"gradients can be either Tensors, or None, but got {type(g).__name__}")
    if g.shape != t.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output has a shape of {tuple(g.shape)} and output has a shape of {tuple(t.shape)}"
        )
    if g.dtype != t.dtype:
        g = g.to(t.dtype)
    return g if create else g._data


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradients of `tensors` (weighted by `grad_tensors`) to the `.grad` of the graph's leaves.

    See `Tensor.backward`; this form takes several outputs at once.
    """
    tensors = _as_tuple(tensors)
    weights = _as_tuple(grad_tensors) if grad_tensors is not None else (None,) * len(tensors)
    wanted = None
    if inputs is not None:
        inputs = _as_tuple(inputs)
        if not inputs:
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        wanted = [_differentiable_node(t, i) for i, t in enumerate(inputs)]
    keep = create_graph if retain_graph is None else retain_graph
    found = _graph.backward(_seeds(tensors, weights, create_graph), keep=keep, create=create_graph, wanted=wanted)
    if wanted is not None:
        for t, node in zip(inputs, wanted, strict=True):
            if isinstance(node, Node) and node in found:
                g = found.pop(node)
                if not t.retains_grad:  # else the pass has put it there
                    _accumulate(t, g, create_graph)
    _store(found, create_graph)


def _store(found: dict, create: bool) -> None:
    """Add the gradients to the leaves' `.grad`, then call their hooks."""
    told: list = []
    with _storing:
        while found:
            leaf, g = found.popitem()
            t = leaf.ref() if type(leaf) is Leaf else None
            if t is None or getattr(t, "_node", None) is None:  # gone, or frozen since
                continue
            _accumulate(t, g, create)
            if leaf.hooks is not None and leaf.hooks.accumulated:
                told.append((leaf, t))
            g = None
    for leaf, t in reversed(told):
        for hook in tuple(leaf.hooks.accumulated.values()):
            hook(t)


def _accumulate(t: Tensor, g: Any, create: bool) -> None:
    held = getattr(t, "_grad", None)
    if create:
        with enable_grad():
            t._grad = g.clone() if held is None else held + g
        return
    if held is None:
        t._grad = wrap(private(g, depth=2))
        return
    if held._node is not None or isinstance(held._data, np.generic):
        t._grad = wrap(held._data + g, None) if held._node is None else held + wrap(g)
        return
    held._data += g
    changes.stamp(held._data)


def _differentiable_node(t: Any, i: int) -> Node | Leaf:
    if not isinstance(t, Tensor):
        raise TypeError(f"grad: inputs[{i}] must be a Tensor, got {type(t).__name__}")
    node = history(t)
    if node is None:
        raise RuntimeError(
            f"One of the differentiated Tensors does not require grad: inputs[{i}] of shape {tuple(t.shape)}"
        )
    return node


def gradients(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple:
    """Gradients as `autograd.grad` returns them, for tensors."""
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    weights = _as_tuple(grad_outputs) if grad_outputs is not None else (None,) * len(outputs)
    if allow_unused is False and materialize_grads:
        raise ValueError("grad: materialize_grads=True needs allow_unused=True or None, got False")
    nodes = [_differentiable_node(t, i) for i, t in enumerate(inputs)]
    keep = create_graph if retain_graph is None else retain_graph
    found = _graph.backward(_seeds(outputs, weights, create_graph), keep=keep, create=create_graph, wanted=nodes)
    result: list = []
    taken = {id(w) for w in weights}
    for i, (t, node) in enumerate(zip(inputs, nodes, strict=True)):
        g = found.get(node)
        if g is None and materialize_grads:
            g = wrap(np.zeros_like(t._data))
        elif g is None and not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {i} (shape {tuple(t.shape)}) appears to not have been used in the "
                "graph. Set allow_unused=True if this is the desired behavior."
            )
        result.append(_recorded(g, taken) if isinstance(g, Tensor) else None if g is None else wrap(_own(g)))
    return tuple(result)


def _recorded(g: Tensor, taken: set) -> Tensor:
    """A recorded gradient whose memory no other result and no caller's weight has: itself, or a recorded copy."""
    if id(g) in taken or (type(g) is Tensor and type(g._data) is ndarray and not g._data.flags.owndata):
        with enable_grad():
            g = g.clone()
    taken.add(id(g))
    return g


def _own(a: Array) -> Array:
    """An array that a caller may keep and change: gradients on their way may be borrowed from one another."""
    return a.copy() if type(a) is ndarray and (a.base is not None or sys.getrefcount(a) > 4) else a


def _method(
    self,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of this tensor with respect to the graph's leaves to their `.grad`.

    Args:
        gradient: weight of each element, of this tensor's shape; may be omitted for one element.
        retain_graph: keep saved values for another pass; follows create_graph when None.
        create_graph: record the gradient's own computation, to differentiate it again.
        inputs: accumulate only into these tensors.

    Raises:
        RuntimeError: nothing was recorded, the tensor has several elements and no `gradient`, or the graph's
            saved values are gone or were changed in place.
    """
    backward((self,), (gradient,), retain_graph, create_graph, inputs=inputs)


_method.__name__ = _method.__qualname__ = "backward"
Tensor.backward = _method
