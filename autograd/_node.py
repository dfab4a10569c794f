"""What a recorded graph is made of: nodes for operations, leaves for tensors that require grad on their own, hooks."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ._array import Array, ndarray, tick
from ._dtype import HALVES

new = object.__new__


class Complex:
    """Whether a complex tensor was ever recorded: until then every pass takes the lane that need not conjugate."""

    seen = False


class Half:
    """Whether a tensor of 16 bits was ever recorded: rules run on the gradients of those in float32."""

    seen = False


class Capture:
    """How much a node keeps for pictures: values and incoming gradients of up to `limit` elements (0: none)."""

    limit = 16


capture = Capture()

# Of the latest passes that were recorded (create_graph): first and last number on the clock, number of the root. A
# picture tells by it which operations are part of a derivative, and of which order.
recorded_passes: deque[tuple[int, int, int]] = deque(maxlen=512)


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
        self._table = table

    def remove(self) -> None:
        self._table.pop(self.id, None)

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
        version: of the memory, where the operation wrote in place; 0 otherwise.
    """

    __slots__ = ("__weakref__", "_grad", "_metadata", "hooks", "plan", "saved", "scope", "seq", "value")
    edges: tuple
    given: tuple
    params: tuple
    shape: Any
    dtype: Any
    kind: Any

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
    def version(self) -> int:
        return getattr(self, "_metadata", {}).get("version", 0)

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
        return add_hook(hooks_of(self).pre, Before(hook))

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


class Wide(Node):
    """A node that holds everything itself: an operation of any number of inputs and parameters."""

    __slots__ = ("dtype", "edges", "given", "kind", "params", "shape")


NOTHING: Any = object()


class Pair(Node):
    """A node of an elementwise operation of one or two inputs and no parameters.

    Programs that work number by number consist of these. Each is one object without tuples of its own: with them, a
    node took 540 bytes instead of 230, and a scalar program was twice as slow, because its graph left the cache.
    """

    __slots__ = ("constant", "left", "right")
    params = ()

    @property
    def edges(self) -> tuple:  # type: ignore[override]
        return (self.left,) if len(self.plan.op.inputs) == 1 else (self.left, self.right)

    @property
    def given(self) -> tuple:  # type: ignore[override]
        found = getattr(self, "constant", NOTHING)
        return () if found is NOTHING else ((int(self.left is not None), found),)


class ArrayPair(Pair):
    """A `Pair` whose result is an array."""

    __slots__ = ("dtype", "shape")
    kind = None


def _scalar_pair(kind: type) -> type[Pair]:
    """The class of `Pair`s whose result is a NumPy scalar of one type: what follows from the type is kept once."""
    members = {"__slots__": (), "__doc__": f"A `Pair` whose result is a {kind.__name__}.",
               "shape": (), "dtype": np.dtype(kind), "kind": kind}  # fmt: skip
    return type(f"Pair_{kind.__name__}", (Pair,), members)


SCALAR_PAIRS = {kind: _scalar_pair(kind)
                for kind in (np.float16, np.float32, np.float64, np.complex64, np.complex128)}  # fmt: skip


class Before:
    """A hook of a node: it sees the gradients of all its results, in a tuple, and gives as many back."""

    def __init__(self, hook: Callable) -> None:
        self.hook = hook

    def __call__(self, g: Any) -> Any:
        return self.of_all((g,))[0]

    def of_all(self, given: tuple) -> tuple:
        result = self.hook(given)
        if result is None:
            return given
        if not isinstance(result, tuple):
            raise TypeError(f"register_prehook: expected tuple, but hook returned {type(result).__name__!r}")
        if len(result) != len(given):
            raise RuntimeError(
                f"register_prehook: the hook has returned an incorrect number of values (got {len(result)}, but expected "
                f"{len(given)})"
            )
        return result


leaves: weakref.WeakSet[Leaf] = weakref.WeakSet()  # all that are alive


class Leaf:
    """The end of the graph at a tensor that requires grad: gradients arriving here go to its `.grad`."""

    __slots__ = ("__weakref__", "dtype", "hooks", "kind", "ref", "seq", "shape")
    edges: tuple = ()
    next_functions: tuple = ()
    saved = None
    scope = None

    def __init__(self, tensor: Any) -> None:
        self.ref = weakref.ref(tensor)
        self.follow(tensor)
        Complex.seen = Complex.seen or self.dtype.kind == "c"
        Half.seen = Half.seen or self.dtype in HALVES
        self.seq = tick()
        self.hooks: Hooks | None = None
        leaves.add(self)

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


class Recomputed:
    """Stands for saved values that are computed again when they are read: nobody can have changed those."""

    __slots__ = ()

    def detach(self, buffer: Array) -> None:
        """Be told that `buffer` is about to be overwritten."""


def hooks_of(node: Any) -> Hooks:
    if node.hooks is None:
        node.hooks = Hooks()
    return node.hooks


def freed_text(node: Node) -> str:
    return (
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
        f"been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(): "
        f"{node.name()} has none left. Specify retain_graph=True if you need to backward through the graph a second time"
    )
