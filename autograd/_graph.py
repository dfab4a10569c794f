"""The recorded graph and its backward pass.

A `Node` is made for each recorded operation, a `Leaf` for each tensor that requires grad on its own.
Edges point from a result to its inputs, so always to something older; `backward` therefore visits nodes by
age, newest first, and has the whole gradient of a node in hand before it runs the node's rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush, heapreplace
from operator import attrgetter
from typing import Any

import numpy as np

from ._array import Array, Part, changes, exports, ndarray, private, quietly, sum_to, tick, zeros
from ._collector import watch_graphs
from ._dtype import FLOATING, HALVES
from ._mode import _anomaly, _grad, fast, recording
from ._node import (
    SCALAR_PAIRS,  # fmt: skip
    ArrayPair,
    Complex,
    Half,
    Leaf,
    Node,
    Observer,
    Out,
    capture,
    freed_text,
    hooks_of,
    leaves,
    recorded_passes,
)

# The classes of nodes that keep their inputs as `left` and `right`, each with the type of a scalar result.
PAIRS: dict[type, Any] = {ArrayPair: False, **{pair: kind for kind, pair in SCALAR_PAIRS.items()}}

_patience = watch_graphs(tick)

# ---------------------------------------------------------------------------------------------- the walk


def collect(roots: Iterable[Any]) -> list:
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


def _leading(seeds: Iterable[Any], targets: set) -> set | None:
    """The nodes from which a target can be reached; what is older than all targets cannot.

    None where every path from the seeds ends at a wanted leaf, as in training: then nothing needs to be looked up. So it is
    where all leaves there are anywhere are wanted.
    """
    only_leaves = set(map(type, targets)) == {Leaf}
    if only_leaves and len(targets) == len(leaves):
        return None
    oldest = min(map(_age, targets), default=0)
    order = list(seeds)
    seen = {None, *order}
    ends = {node for node in order if type(node) is Leaf}  # of the paths, as far as they are walked
    for node in order:  # grows while it is walked
        for edge in (node.left, node.right) if type(node) in PAIRS else node.edges:
            if edge not in seen:
                seen.add(edge)
                if type(edge) is Leaf or edge.seq <= oldest:
                    ends.add(edge)
                else:
                    order.append(edge)
    if ends <= targets:
        if only_leaves:
            return None
        seen.remove(None)
        return seen
    order.sort(key=_age)
    found = set(targets)
    for node in order:
        if not found.isdisjoint((node.left, node.right) if type(node) in PAIRS else node.edges):
            found.add(node)
    return found


def _check_unchanged(node: Node) -> None:
    """Raise if a value that the node saved was changed in place after the node was made."""
    if type(node.saved) is not tuple:  # recomputed, or given to a pack hook: read only where a rule needs it
        return
    for name, value in zip(node.plan.names, node.saved, strict=False):
        for a in value if isinstance(value, (tuple, list)) else (value,):
            a = getattr(a, "_data", a)  # an index or a mask is a parameter, and may be a Tensor
            if type(a) is ndarray and (changes.when(a) > node.seq or exports.changed(a, node.seq)):
                if name in node.plan.needed:
                    raise RuntimeError(_changed_text(node, name, a))
                node.plan = node.plan.plain


def _changed_text(node: Node, name: str, a: Array) -> str:
    what = "its result" if name == "out" else f"its argument {node.plan.op.public_name(name)!r}"
    return (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"{node.plan.op.name} saved {what} of shape {tuple(a.shape)}, output 0 of {node.name()}, which an in-place "
        f"operation (or a NumPy array on the same memory) changed afterwards (it is at version {changes.count(a)}); "
        "use the out-of-place form, or clone() "
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
    before = _grad.get()
    try:  # with the switch inside: an interrupt that comes right after it must not leave recording off
        _grad.set(recording() if create else False)
        return quietly(_pass, seeds, keep, create, wanted)
    finally:
        _grad.set(before)
        _patience.end_pass()


def _pass(seeds: dict, keep: bool, create: bool, wanted: Iterable[Node | Leaf] | None) -> dict:
    pass_ = _Pass(seeds, keep, create, wanted)
    watched = Complex.seen or Half.seen or pass_.anomaly or Observer.active is not None or not fast.enabled
    if create:
        return _recorded(pass_.run if watched else pass_.record, seeds)
    return pass_.run() if watched else pass_.sweep()


def _recorded(run: Callable, roots: Iterable[Any]) -> dict:
    """Run a pass that is itself recorded, and note which numbers its nodes have."""
    start, root = tick(), max((node.seq for node in roots), default=0)
    try:
        return run()
    finally:
        recorded_passes.append((start, tick(), root))


def _widened(g: Any) -> Any:
    """A gradient of 16 bits, or those of several results, in float32: a rule's factors may be no numbers of 16 bits."""
    if isinstance(g, (list, tuple)):
        return [_widened(part) for part in g]
    return g.astype(np.float32) if getattr(g, "dtype", None) in HALVES else g


class _Pass:
    """One backward pass.

    The youngest node that has a gradient comes next, so that nothing is collected or sorted beforehand: the heap holds
    the frontier, which for a chain is one node. Everything is kept by age, -seq: small numbers are found in a table
    three times as fast as nodes, and the smallest is the youngest.

    Attributes:
        nodes, grads: what the pass has reached and not yet passed, and the gradients there. heap: the ages among them
            at which there is something to do (a leaf without hooks just waits for the end).
        owned: ages of nodes whose buffer this pass made, and may add into.
        relevant, targets: with `wanted` nodes, those from which one can be reached (None: all), and these.
    """

    def __init__(self, seeds: dict, keep: bool, create: bool, wanted: Iterable[Node | Leaf] | None) -> None:
        self.roots, self.keep, self.create = seeds, keep, create
        self.nodes = {-node.seq: node for node in seeds}
        self.grads = {-node.seq: g for node, g in seeds.items()}
        self.heap = sorted(self.nodes)
        self.owned: set = set()
        self.found: dict = {}
        self.latest = max(changes.latest, exports.latest)
        self.anomaly, self.check_nan = _anomaly.get()
        self.targets: Any = None
        self.relevant: Any = None
        if wanted is not None:
            self.targets = set(wanted)
            self.relevant = _leading(seeds, self.targets)

    def sweep(self) -> dict:
        """The pass of ordinary training, written out: scalars, arrays that fit, nodes of one or two inputs come first.

        A scalar program is twice as fast as by `run`, to which tests compare it.
        """
        nodes, grads, heap, owned = self.nodes, self.grads, self.heap, self.owned
        free, stale, relevant, targets = not self.keep, -self.latest, self.relevant, self.targets
        ahead = None  # a node just reached, which need not go through the heap if it is the youngest
        ahead_age = ahead_g = None
        while True:
            if ahead is None:
                if not heap:
                    return self.finish()
                age = heappop(heap)
                node, g = nodes.pop(age), grads.pop(age)
            elif heap and heap[0] < ahead_age:
                nodes[ahead_age], grads[ahead_age] = ahead, ahead_g
                age = heapreplace(heap, ahead_age)
                node, g = nodes.pop(age), grads.pop(age)
            else:
                node, g, age = ahead, ahead_g, ahead_age
            ahead = None
            saved = node.saved  # read once: another thread's pass may free it
            if type(saved) is not tuple or node.hooks is not None:
                self.step(node, g)
                continue
            if relevant is not None:
                if node not in relevant:
                    continue
                if node in targets:
                    self.found[node] = g
                    if relevant.isdisjoint(node.edges):
                        continue
            if age > stale:
                _check_unchanged(node)
            if node.value is not None:  # small, so its gradient is
                node._grad = g
            same = type(node)
            kind = PAIRS.get(same)
            edges = node.edges if kind is None else None
            plan = node.plan
            steps, closed = plan.steps, False
            if steps is None:
                steps, closed = enumerate((plan if relevant is None else self.towards(node)).run(g, saved)), True
            for i, rule in steps:
                edge = edges[i] if edges is not None else node.right if i else node.left
                if edge is None or (relevant is not None and edge not in relevant):
                    continue
                part = rule if closed else g if rule is None else rule(g, saved)
                # Arrays of the right shape and dtype fit, scalars of the right type. Each of the three places that look
                # an age up meets one class of nodes, which Python's attribute caches like.
                if type(part) is ndarray and part.shape == edge.shape and part.dtype is edge.dtype:  # noqa: SIM114
                    age = -edge.seq
                elif type(edge) is same and type(part) is kind:  # noqa: SIM114
                    age = -edge.seq
                elif part is not None and type(part) is edge.kind:
                    age = -edge.seq
                else:
                    if ahead is not None:
                        self.reach(ahead_age, ahead, ahead_g)
                        ahead = None
                    if type(part) is Part:  # what `add` would come to
                        self.add_part(edge, part)
                    elif type(part) is Out:
                        self.add_output(edge, part)
                    else:
                        self.add(node, edge, part)
                    continue
                held = grads.get(age)
                if held is None:
                    if type(edge) is Leaf and edge.hooks is None:
                        nodes[age], grads[age] = edge, part
                    elif ahead is None:
                        ahead, ahead_age, ahead_g = edge, age, part
                    elif ahead is edge:
                        ahead_g = ahead_g + part
                    else:
                        nodes[age], grads[age] = edge, part
                        heappush(heap, age)
                elif type(held) is not ndarray:
                    grads[age] = held + part
                elif age in owned:
                    held += part
                else:  # the first contribution was borrowed; the sum is ours, and later ones are added into it
                    grads[age] = held + part
                    owned.add(age)
            # A node that saved no arrays may be passed again from another root, as in PyTorch; a root may not.
            if free and plan.keeps:
                node.saved = None

    def record(self) -> dict:
        """The pass that is itself recorded, written out: rules get Tensors, gradients that fit go on at once."""
        nodes, grads, heap = self.nodes, self.grads, self.heap
        latest, relevant, targets = self.latest, self.relevant, self.targets
        while heap:
            age = heappop(heap)
            node, g = nodes.pop(age), grads.pop(age)
            steps = node.plan.recorded if type(node) is not Leaf else None
            saved = node.saved  # read once: another thread's pass may free it
            watched = node.hooks is not None or latest > -age or (targets is not None and node in targets)
            if steps is None or saved is None or watched or (relevant is not None and node not in relevant):
                self.step(node, g)
                continue
            edges = node.edges
            for i, rule in steps:
                edge = edges[i]
                if edge is None or (relevant is not None and edge not in relevant):
                    continue
                part = g if rule is None else rule(g, saved, node)
                if part is None or part._apply is not None:
                    self.add(node, edge, part)
                    continue
                data = part._data
                if data.shape != edge.shape or data.dtype is not edge.dtype:
                    part = _fit_tensor(node, edge, part)
                age = -edge.seq
                held = grads.get(age)
                if held is not None:
                    grads[age] = held + part
                    continue
                nodes[age], grads[age] = edge, part
                if type(edge) is not Leaf or edge.hooks is not None:
                    heappush(heap, age)
            if not self.keep and node.plan.keeps:
                node.saved = None
        return self.finish()

    def run(self) -> dict:
        """The pass in general, to which tests compare the two written out: watched, or the plain one."""
        while self.heap:
            age = heappop(self.heap)
            self.step(self.nodes.pop(age), self.grads.pop(age))
        return self.finish()

    def step(self, node: Any, g: Any) -> None:
        """Pass one node: hooks, rules, and what comes out to the node's inputs."""
        relevant = self.relevant
        if relevant is not None and node not in relevant:
            return
        if node.hooks is not None:
            g = self.call_hooks(node, g)
        if relevant is not None and node in self.targets:
            self.found[node] = g
            if relevant.isdisjoint(node.edges):  # nobody wants what lies behind: its rules need not run
                return
        if type(node) is Leaf:
            self.found[node] = g
            return
        if self.latest > node.seq:
            _check_unchanged(node)
        parts = self.careful(node, g)
        if node.hooks is not None and node.hooks.post:
            parts = self.call_post_hooks(node, g, parts)
        if not self.keep and node.plan.keeps:
            node.saved = None
        g = None
        for edge, part in zip(node.edges, parts):  # noqa: B905  (lengths agree by construction; zip is hot)
            if edge is not None and part is not None:
                self.add(node, edge, part)

    def reach(self, age: Any, edge: Node | Leaf, g: Any) -> None:
        """The first gradient has come to a node."""
        self.nodes[age], self.grads[age] = edge, g
        if type(edge) is not Leaf or edge.hooks is not None:
            heappush(self.heap, age)

    def add(self, node: Any, edge: Any, part: Any) -> None:
        """Add a part to what has reached an input of the node so far."""
        if part is None or (self.relevant is not None and edge not in self.relevant):
            return
        if self.create or (type(part) is not edge.kind and (part.shape != edge.shape or part.dtype is not edge.dtype)):
            part = self.fit(node, edge, part)
        if part is None:
            return
        age = -edge.seq
        held = self.grads.get(age)
        if held is None:
            self.reach(age, edge, part)
        elif type(held) is not ndarray:
            self.grads[age] = held + part
        elif age in self.owned:
            held += part
        else:
            self.grads[age] = held + part
            self.owned.add(age)

    def finish(self) -> dict:
        """The gradients of the leaves, or of the wanted nodes."""
        nodes, found = self.nodes, self.found
        for age, g in self.grads.items():
            leaf = nodes[age]  # a wanted one: the pass goes nowhere else
            found[leaf] = g if leaf.hooks is None else self.call_hooks(leaf, g)
        if not self.keep:
            for root in self.roots:
                if type(root) is not Leaf and (self.relevant is None or not self.relevant.isdisjoint(root.edges)):
                    root.saved = None
        return found

    def fit(self, node: Node, edge: Any, part: Any) -> Any:
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

    def add_part(self, edge: Any, part: Part) -> None:
        age = -edge.seq
        total = self.grads.get(age)
        if age not in self.owned or type(total) is not ndarray:
            fresh = zeros(part.value, edge.shape, edge.dtype)
            if total is None:
                self.reach(age, edge, fresh)
            else:
                fresh += total
            self.grads[age] = total = fresh
            self.owned.add(age)
        part.add_to(total)

    def add_output(self, edge: Any, part: Out) -> None:
        age = -edge.seq
        slots = self.grads.get(age)
        if slots is None:
            slots = [None] * len(edge.plan.op.outputs)
            self.reach(age, edge, slots)
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
        plan, saved = self.towards(node), node.saved
        if saved is None:
            raise RuntimeError(freed_text(node))
        if self.create:
            parts = plan.run_recorded(g, node)
        else:
            parts = plan.run(_widened(g) if Half.seen and plan.widens else g, saved)
        return tuple(_conj(p) for p in parts) if twist else parts

    def towards(self, node: Node) -> Any:
        """The node's plan, without the rules of inputs from which no wanted node can be reached."""
        relevant = self.relevant
        if relevant is None:
            return node.plan
        return node.plan.towards(tuple([e in relevant for e in node.edges]))

    def stop_at_nan(self, node: Node, parts: tuple) -> None:
        for i, part in enumerate(parts):
            a = getattr(part, "_data", getattr(part, "value", part))
            if isinstance(a, (ndarray, np.generic)) and a.dtype in FLOATING and np.isnan(a).any():
                raise RuntimeError(
                    f"Function '{node.name()}' returned nan values in its {i}th output.\n{_trace_text(node)}"
                )

    def call_hooks(self, node: Any, g: Any) -> Any:
        hooks, wrap = hooks_of(node), _make_tensor
        if hooks.pre:
            g = self.hooked(node, g)
        for ref in hooks.retain:
            tensor = ref()
            if tensor is not None:
                new, held = g.clone() if self.create else wrap(private(g)), getattr(tensor, "_grad", None)
                tensor._grad = new if held is None else held + new
        return g

    def hooked(self, node: Any, g: Any) -> Any:
        """The gradient after the hooks: they see one of their own, since `g` may be on its way elsewhere as well."""
        if isinstance(g, list):
            return self.hooked_together(node, g)
        t = g.clone() if self.create else _make_tensor(g.copy())
        for hook in tuple(node.hooks.pre.values()):
            result = hook(t)
            if result is not None:
                check_hooked(result, node)
                t = result
        return t if self.create else t._data

    def hooked_together(self, node: Any, grads: list) -> list:
        """The same for the node of an operation with several results, which no tensor shows: hooks of nodes only."""
        given = tuple(None if g is None else g.clone() if self.create else _make_tensor(g.copy()) for g in grads)
        for hook in tuple(node.hooks.pre.values()):
            given = hook.of_all(given)
        return [t if t is None or self.create else t._data for t in given]

    def call_post_hooks(self, node: Node, g: Any, parts: tuple) -> tuple:
        inputs = tuple(
            None if p is None or self.create else _make_tensor(_dense(p, e))
            for p, e in zip(parts, node.edges, strict=True)
        )
        if self.create:
            inputs = tuple(parts)
        grads = g if isinstance(g, list) else (g,)
        outputs = tuple(a if a is None or self.create else _make_tensor(a) for a in grads)
        for hook in tuple(node.hooks.post.values()):
            result = hook(inputs, outputs)
            if result is not None:
                inputs = result if isinstance(result, tuple) else (result,)
                parts = inputs if self.create else tuple(None if t is None else t._data for t in inputs)
        return parts


def _touches_complex(node: Node) -> bool:
    return node.dtype.kind == "c" or any(e is not None and e.dtype.kind == "c" for e in node.edges)


def _conj(g: Any) -> Any:
    if type(g) is Part:
        return Part(g.index, np.conj(g.value))
    if isinstance(g, (list, tuple)):
        return type(g)(_conj(x) for x in g)
    if type(g) is Out:
        return Out(g.position, _conj(g.g))
    return None if g is None else g.conj()


def _dense(part: Any, edge: Node | Leaf) -> Array:
    if type(part) is not Part:
        return part
    full = zeros(part.value, edge.shape)
    part.add_to(full)
    return full


def _make_tensor(a: Array) -> Any:
    """Wrap an array in a Tensor; `_tensor` puts its own function here (the graph does not know the class)."""
    raise AssertionError("autograd._tensor has not been imported")


def set_tensor_maker(make: Callable) -> None:
    global _make_tensor
    _make_tensor = make


def check_hooked(result: Any, node: Node | Leaf) -> None:
    """Refuse what a hook must not return: no tensor, or one of another shape or type."""
    if not hasattr(result, "_data"):
        raise TypeError(f"hook of {node.name()}: expected a Tensor or None back, got {type(result).__name__}")
    if tuple(result.shape) != tuple(node.shape):
        raise RuntimeError(
            f"hook of {node.name()} has changed the size of value: the gradient is {tuple(node.shape)}, "
            f"the hook returned {tuple(result.shape)}"
        )
    if result._data.dtype != node.dtype:
        raise RuntimeError(
            f"hook of {node.name()} has changed the type of value: the gradient is {node.dtype.name}, "
            f"the hook returned {result._data.dtype.name}"
        )


def _fit_tensor(node: Node, edge: Node | Leaf, part: Any) -> Any:
    if part._apply is not None:  # many gradients at once, under `vmap`
        part = part if tuple(part.shape) == edge.shape else part.sum_to_size(edge.shape)
        return part if part.dtype.dtype == edge.dtype else part.to(edge.dtype)
    data = part._data
    if data.shape != edge.shape:
        part = _reduce(node, edge, part, lambda: part.sum_to_size(edge.shape))
    if data.dtype is not edge.dtype and data.dtype != edge.dtype:
        if data.dtype.kind == "c" and edge.dtype.kind != "c":
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
    trace = getattr(node, "_metadata", {}).get("traceback")
    if trace is None:
        return f"{node.name()} was recorded before anomaly mode was on, so the line that called it is not known."
    return f"Traceback of forward call that caused the error ({node.plan.op.name}):\n{trace}"
