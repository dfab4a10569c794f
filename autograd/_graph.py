"""The recorded graph and its backward pass.

A `Node` is made for each recorded operation, a `Leaf` for each tensor that requires grad on its own.
Edges point from a result to its inputs, so always to something older; `backward` therefore visits nodes by
age, newest first, and has the whole gradient of a node in hand before it runs the node's rules.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import numpy as np

from ._array import Array, Part, changes, exports, ndarray, quiet, sum_to, tick
from ._mode import _anomaly, _grad, recording

new = object.__new__


class Complex:
    """Whether a complex tensor was ever recorded: until then every pass takes the lane that need not conjugate."""

    seen = False


class Capture:
    """How much a node keeps for pictures: values and incoming gradients of up to `limit` elements (0: none)."""

    limit = 16


capture = Capture()


class Observer:
    """Who is told how long each node's rules took: the profiler while it runs, else None."""

    active: Any = None


class Scope:
    """The call of a module (or a `viz.scope`) during which a node was made; a linked list, innermost first."""

    __slots__ = ("index", "module", "name", "parent")

    def __init__(self, name: str, module: object = None, index: int = 0, parent: Scope | None = None) -> None:
        self.name, self.module, self.index, self.parent = name, module, index, parent


class Hooks:
    """Hooks of a node or leaf: `pre` see the gradient of its output, `post` those of its inputs as well."""

    __slots__ = ("accumulated", "post", "pre", "retain")

    def __init__(self) -> None:
        self.pre: dict[int, Callable] = {}
        self.post: dict[int, Callable] = {}
        self.accumulated: dict[int, Callable] = {}
        self.retain: list[weakref.ref] = []


class RemovableHandle:
    """What a `register_..._hook` returns: `remove()` takes the hook off again."""

    _next = 0

    def __init__(self, table: dict[int, Any]) -> None:
        self.id = RemovableHandle._next
        RemovableHandle._next += 1
        self._table = weakref.ref(table) if hasattr(table, "__weakref__") else lambda: table

    def remove(self) -> None:
        table = self._table()
        if table is not None:
            table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add_hook(table: dict[int, Callable], hook: Callable, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(table)
    table[handle.id] = hook
    if prepend:
        rest = [k for k in table if k != handle.id]
        for key in rest:
            table[key] = table.pop(key)
    return handle


class Node:
    """One recorded operation: its edges, what its rules need, and what a picture shows.

    Attributes:
        edges: for each tensor input, in order, the Node or Leaf it came from, or None.
        saved: what the rules named, aligned with `plan.names`; None once freed.
        plan: the operation's `Plan` for the inputs that need a gradient here.
        seq: number from the global clock; larger is younger.
        shape, dtype: of the output (NumPy dtype). kind: the type of a scalar output, None for an array: a gradient of
            that very type needs no closer look.
        value: the output, when it is small.
        given: ((position, value), ...) of the inputs that are not recorded tensors; a large array weakly.
        params: the values of the operation's parameters, in order.
        scope: innermost `Scope` at the time, or None.
    """

    __slots__ = (
        "__weakref__",
        "_grad",
        "_metadata",
        "_trace",
        "dtype",
        "edges",
        "given",
        "hooks",
        "kind",
        "params",
        "plan",
        "saved",
        "scope",
        "seq",
        "shape",
        "value",
    )  # fmt: skip

    def name(self) -> str:
        """PyTorch's name of the backward function, such as MulBackward0."""
        return self.plan.op.node_name

    @property
    def op(self) -> Any:
        return self.plan.op

    @property
    def constants(self) -> tuple:
        """((position or name, value), ...) of the arguments that no edge leads to."""
        return self.given + self.plan.op.constants(self.params)

    @property
    def grad(self) -> Array | None:
        """The gradient that reached this node in the last backward pass, when it is small."""
        return getattr(self, "_grad", None)

    @property
    def next_functions(self) -> tuple:
        return tuple((edge, 0) for edge in self.edges)

    @property
    def metadata(self) -> dict:
        if not hasattr(self, "_metadata"):
            self._metadata: dict = {}
        return self._metadata

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_inputs, grad_outputs)` after this node's rules; a returned tuple replaces grad_inputs."""
        return add_hook(hooks_of(self).post, hook)

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad_outputs)` before this node's rules; a returned tuple replaces grad_outputs."""
        return add_hook(hooks_of(self).pre, lambda g: _first(hook((g,))))

    # PyTorch's spellings for what a node keeps.
    @property
    def _saved_self(self) -> Any:
        return self.plan.saved_tensor(self, 0)

    @property
    def _saved_other(self) -> Any:
        return self.plan.saved_tensor(self, 1)

    @property
    def _saved_result(self) -> Any:
        return self.plan.saved_tensor(self, "out")

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


class Leaf:
    """The end of the graph at a tensor that requires grad: gradients arriving here go to its `.grad`."""

    __slots__ = ("__weakref__", "dtype", "hooks", "kind", "ref", "seq", "shape")
    edges: tuple = ()
    next_functions: tuple = ()
    saved: tuple = ()
    scope = None

    def __init__(self, tensor: Any) -> None:
        self.ref = weakref.ref(tensor)
        self.follow(tensor)
        Complex.seen = Complex.seen or self.dtype.kind == "c"
        self.seq = tick()
        self.hooks: Hooks | None = None

    def follow(self, tensor: Any) -> None:
        """Note the shape and type of the tensor's data, now or when it has been replaced."""
        data = tensor._data
        self.shape, self.dtype = data.shape, data.dtype
        self.kind = None if type(data) is ndarray or data.ndim else type(data)

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    @property
    def variable(self) -> Any:
        return self.ref()

    register_prehook = Node.register_prehook
    register_hook = Node.register_hook

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self):#x}>"


class Out:
    """The gradient of one output of an operation with several."""

    __slots__ = ("g", "position")
    shape = dtype = None

    def __init__(self, position: int, g: Any) -> None:
        self.position, self.g = position, g


def hooks_of(node: Node | Leaf) -> Hooks:
    if node.hooks is None:
        node.hooks = Hooks()
    return node.hooks


def freed_text(node: Node) -> str:
    return (
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
        f"been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(): "
        f"{node.name()} has none left. Specify retain_graph=True if you need to backward through the graph a second time"
    )


# ---------------------------------------------------------------------------------------------- the walk


def collect(roots: Iterable[Node | Leaf]) -> list:
    """Everything reachable from `roots`, newest first.

    By age, not depth-first: in `b = a + a; c = b + b` a depth-first order that starts at the wrong end could
    visit `b` after one of its two uses. An input is always older than a result, so age is a safe order, and
    it needs no recursion (a chain of 200,000 operations is a legal graph).
    """
    order = list(roots)
    seen = set(order)
    for node in order:  # grows while it is walked
        for edge in node.edges:
            if edge is not None and edge not in seen:
                seen.add(edge)
                order.append(edge)
    order.sort(key=_age, reverse=True)
    return order


_age = attrgetter("seq")


def _relevant(order: list, wanted: set) -> set:
    """The nodes from which a wanted one can be reached."""
    found: set = set()
    for node in reversed(order):
        if node in wanted or any(edge in found for edge in node.edges):
            found.add(node)
    return found


def _oldest(order: list) -> int:
    """The number of the oldest node; leaves are as old as the program and save nothing."""
    return next((node.seq for node in reversed(order) if type(node) is Node), 0)


def _check_unchanged(order: list) -> None:
    """Raise if a value saved by one of the nodes was changed in place after the node was made."""
    latest = max(changes.latest, exports.latest)
    for node in order:
        if latest > node.seq and type(node) is Node:
            for name, value in zip(node.plan.names, node.saved or (), strict=False):
                for a in value if isinstance(value, (tuple, list)) else (value,):
                    if type(a) is ndarray and (changes.when(a) > node.seq or exports.changed(a, node.seq)):
                        raise RuntimeError(_changed_text(node, name, a))


def _changed_text(node: Node, name: str, a: Array) -> str:
    what = "its result" if name == "out" else f"its argument {node.plan.op.public_name(name)!r}"
    return (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"{node.plan.op.name} saved {what} of shape {tuple(a.shape)}, output 0 of {node.name()}, which an in-place "
        f"operation (or a NumPy array on the same memory) changed afterwards (it is at version {changes.count(a)}); use the out-of-place form, or clone() "
        "before changing it"
    )


def backward(
    seeds: dict, *, keep: bool = False, create: bool = False, wanted: Iterable[Node | Leaf] | None = None
) -> dict:
    """Carry gradients from `seeds` (node -> gradient) to the leaves, or only to the `wanted` nodes.

    Gradients are arrays; with `create` they are Tensors and the rules are recorded in their turn.

    Returns:
        dict from leaf (or wanted node) to its gradient. Nothing has been stored in a `.grad` yet, so that a
        failing rule or hook leaves every leaf as it was.
    """
    order = collect(seeds)
    targets = None if wanted is None else set(wanted)
    relevant = None if targets is None else _relevant(order, targets)
    if order and max(changes.latest, exports.latest) > _oldest(order):
        _check_unchanged(order if relevant is None else [n for n in order if n in relevant])
    pass_ = _Pass(seeds, keep, create, targets, relevant)
    token = _grad.set(recording() if create else False)
    try:
        with quiet():
            pass_.run(order)
    finally:
        _grad.reset(token)
    return pass_.found


class _Pass:
    """The state of one backward pass: gradients on their way, by node."""

    def __init__(self, seeds: dict, keep: bool, create: bool, targets: set | None, relevant: set | None) -> None:
        self.grads = dict(seeds)
        self.roots = set(seeds)
        self.keep, self.create, self.targets, self.relevant = keep, create, targets, relevant
        self.owned: set = set()  # nodes whose buffer this pass made, and may add into
        self.found: dict = {}
        self.anomaly, self.check_nan = _anomaly.get()

    def run(self, order: list) -> None:
        grads, relevant, targets = self.grads, self.relevant, self.targets
        free, owned = not self.keep, self.owned
        plain = not (self.create or self.anomaly or Complex.seen or Observer.active is not None)
        for node in order:
            g = grads.pop(node, None)
            if g is None:
                continue
            hooks = node.hooks
            if hooks is not None:
                g = self.call_hooks(node, g)
            if targets is not None:
                if node not in relevant:
                    continue
                if node in targets:
                    self.found[node] = g
            if type(node) is Leaf:
                if targets is None:
                    self.found[node] = g
                continue
            if node.saved is None:
                raise RuntimeError(freed_text(node))
            plan = node.plan
            edges = node.edges
            if not plain:
                parts = self.careful(node, g)
            elif plan.only is None:
                if node.value is not None:
                    node._grad = g
                parts = plan.run(g, node.saved)
            else:
                if node.value is not None:  # small, so its gradient is
                    node._grad = g
                part, edge = plan.one(g, node.saved), edges[plan.only]
                if (
                    edge not in grads
                    and relevant is None
                    and hooks is None
                    and (
                        type(part) is edge.kind
                        or (part is not None and part.shape == edge.shape and part.dtype is edge.dtype)
                    )
                ):  # most nodes of most graphs: one input to go to, and the first to reach it
                    grads[edge] = part
                    if free and plan.keeps:
                        node.saved = None
                    continue
                parts, edges = (part,), (edge,)
            if hooks is not None and hooks.post:
                parts = self.call_post_hooks(node, g, parts)
            # A node that saved no arrays may be passed again from another root, as in PyTorch; a root may not.
            if free and plan.keeps:
                node.saved = None
            g = None
            for edge, part in zip(edges, parts):  # noqa: B905  (lengths agree by construction; zip is hot)
                if edge is None or part is None:
                    continue
                if relevant is not None and edge not in relevant:
                    continue
                if type(part) is not edge.kind and (part.shape != edge.shape or part.dtype is not edge.dtype):
                    part = self.fit(node, edge, part)
                    if part is None:
                        continue
                held = grads.get(edge)
                if held is None:
                    grads[edge] = part
                elif type(held) is not ndarray:
                    grads[edge] = held + part
                elif edge in owned:
                    held += part
                else:  # the first contribution was borrowed; the sum is ours, and later ones are added into it
                    grads[edge] = held + part
                    owned.add(edge)
        if free:
            for root in self.roots:
                if type(root) is Node:
                    root.saved = None

    def fit(self, node: Node, edge: Node | Leaf, part: Any) -> Any:
        """Bring a contribution to the shape and dtype of the input; None when it has been added already."""
        if type(part) is Part:
            return self.add_part(edge, part)
        if type(part) is Out:
            return self.add_output(edge, part)
        if self.create:
            return _fit_tensor(node, edge, part)
        if hasattr(part, "_data"):  # a rule that went through a function which makes Tensors
            part = part._data
        if part.shape != edge.shape:
            part = _reduce(node, edge, part, lambda: sum_to(part, edge.shape))
        if part.dtype != edge.dtype:
            if part.dtype.kind == "c" and edge.dtype.kind != "c":
                part = part.real
            part = part.astype(edge.dtype)
        return part

    def add_part(self, edge: Node | Leaf, part: Part) -> None:
        total = self.grads.get(edge)
        if edge not in self.owned or type(total) is not ndarray:
            fresh = np.zeros_like(part.value, shape=edge.shape, dtype=edge.dtype)
            if total is not None:
                fresh += total
            self.grads[edge] = total = fresh
            self.owned.add(edge)
        part.add_to(total)

    def add_output(self, edge: Any, part: Out) -> None:
        slots = self.grads.setdefault(edge, [None] * len(edge.plan.op.outputs))
        held = slots[part.position]
        slots[part.position] = part.g if held is None else held + part.g

    # ------------------------------------------------------------------ the slow lane: hooks, anomalies, create_graph

    def careful(self, node: Node, g: Any) -> tuple:
        if not self.create:
            node._grad = g if getattr(g, "size", 0) <= capture.limit else None
        try:
            parts = self.apply_rules(node, g)
        except Exception as error:
            if self.anomaly:
                error.add_note(_trace_text(node))
            raise
        if self.anomaly and self.check_nan:
            self.stop_at_nan(node, parts)
        return parts

    def apply_rules(self, node: Node, g: Any) -> tuple:
        """Run the rules; those of complex-differentiable operations are written for real numbers.

        For f with derivative f', PyTorch's gradient is g * conj(f'), which is conj(conj(g) * f').
        """
        if Observer.active is not None:
            return Observer.active.timed(node, lambda: self.apply_plainly(node, g))
        return self.apply_plainly(node, g)

    def apply_plainly(self, node: Node, g: Any) -> tuple:
        twist = Complex.seen and node.plan.op.holomorphic and _touches_complex(node)
        if twist:
            g = _conj(g)
        parts = node.plan.run_recorded(g, node) if self.create else node.plan.run(g, node.saved)
        return tuple(_conj(p) for p in parts) if twist else parts

    def stop_at_nan(self, node: Node, parts: tuple) -> None:
        for i, part in enumerate(parts):
            a = getattr(part, "_data", getattr(part, "value", part))
            if isinstance(a, (ndarray, np.generic)) and a.dtype.kind in "fc" and np.isnan(a).any():
                raise RuntimeError(
                    f"Function '{node.name()}' returned nan values in its {i}th output.\n{_trace_text(node)}"
                )

    def call_hooks(self, node: Node | Leaf, g: Any) -> Any:
        hooks, wrap = node.hooks, _make_tensor
        for hook in tuple(hooks.pre.values()):
            result = hook(g if self.create or isinstance(g, list) else wrap(g))
            if result is not None:
                g = result if self.create else _unwrap(result, node)
        for ref in hooks.retain:
            tensor = ref()
            if tensor is not None:
                tensor._grad = g if self.create else wrap(private(g))
        return g

    def call_post_hooks(self, node: Node, g: Any, parts: tuple) -> tuple:
        inputs = tuple(
            None if p is None or self.create else _make_tensor(_dense(p, e)) for p, e in zip(parts, node.edges)
        )
        if self.create:
            inputs = tuple(parts)
        for hook in tuple(node.hooks.post.values()):
            result = hook(inputs, (g if self.create else _make_tensor(g),))
            if result is not None:
                inputs = result if isinstance(result, tuple) else (result,)
                parts = inputs if self.create else tuple(None if t is None else t._data for t in inputs)
        return parts


def _touches_complex(node: Node) -> bool:
    return node.dtype.kind == "c" or any(e is not None and e.dtype.kind == "c" for e in node.edges)


def _conj(g: Any) -> Any:
    if type(g) is Part:
        return Part(g.index, np.conj(g.value), g.distinct)
    if isinstance(g, (list, tuple)):
        return type(g)(_conj(x) for x in g)
    if type(g) is Out:
        return Out(g.position, _conj(g.g))
    return None if g is None else g.conj()


def _dense(part: Any, edge: Node | Leaf) -> Array:
    if type(part) is not Part:
        return part
    full = np.zeros_like(part.value, shape=edge.shape)
    part.add_to(full)
    return full


def _make_tensor(a: Array) -> Any:
    """Wrap an array in a Tensor; `_tensor` puts its own function here (the graph does not know the class)."""
    raise AssertionError("autograd._tensor has not been imported")


def set_tensor_maker(make: Callable) -> None:
    global _make_tensor
    _make_tensor = make


def _unwrap(result: Any, node: Node | Leaf) -> Array:
    if not hasattr(result, "_data"):
        raise TypeError(f"hook of {node.name()}: expected a Tensor or None back, got {type(result).__name__}")
    if tuple(result.shape) != tuple(node.shape):
        raise RuntimeError(
            f"hook of {node.name()} has changed the size of value: the gradient is {tuple(node.shape)}, "
            f"the hook returned {tuple(result.shape)}"
        )
    return result._data


def _fit_tensor(node: Node, edge: Node | Leaf, part: Any) -> Any:
    if part._apply is not None:  # many gradients at once, under `vmap`
        part = part if tuple(part.shape) == edge.shape else part.sum_to_size(edge.shape)
        return part if part.dtype.dtype == edge.dtype else part.to(edge.dtype)
    if part._data.shape != edge.shape:
        part = _reduce(node, edge, part, lambda: part.sum_to_size(edge.shape))
    if part._data.dtype != edge.dtype:
        if part._data.dtype.kind == "c" and edge.dtype.kind != "c":
            part = part.real
        part = part.to(edge.dtype)
    return part


def _reduce(node: Node, edge: Node | Leaf, part: Any, how: Callable) -> Any:
    try:
        return how()
    except (ValueError, RuntimeError):
        raise RuntimeError(
            f"Function {node.name()} returned an invalid gradient at index {node.edges.index(edge)} - got "
            f"{list(part.shape)} but expected shape compatible with {list(edge.shape)}"
        ) from None


def _trace_text(node: Node) -> str:
    trace = getattr(node, "_trace", None)
    if trace is None:
        return f"{node.name()} was recorded before anomaly mode was on, so the line that called it is not known."
    return f"Traceback of forward call that caused the error ({node.plan.op.name}):\n{trace}"


def private(a: Array) -> Array:
    """An array nobody else holds, to be kept as a `.grad`: `a` itself when it is that, else a copy.

    `sys.getrefcount` sees this function's argument, its caller's variable and its own call; any further
    reference (a saved value, a user's tensor, a small gradient kept for pictures) means a copy.
    """
    if type(a) is not ndarray:
        return a
    if a.base is None and sys.getrefcount(a) <= 3 and a.flags.carray:  # in C order, aligned, writable
        return a
    return a.copy(order="C") if a.flags.c_contiguous or a.ndim < 2 else np.array(a, order="C")
