"""`Function`: operations whose forward and backward the user writes."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ._array import changes, exports, may_share, ndarray, tick
from ._dtype import FLOATING, HALVES
from ._mode import _anomaly, enable_grad, is_grad_enabled, no_grad, scope, transforming
from ._node import Complex, Half, Leaf, Node, Recomputed, Wide, capture, new
from ._plan import pick
from ._tensor import Tensor, history, note_view, trace_here, wrap


class FunctionCtx:
    """What forward hands to backward: saved tensors, flags, and any attribute of the user's."""

    def __init__(self, needs: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs
        self._to_save: tuple = ()
        self._not_differentiable: tuple = ()
        self._dirty: tuple = ()
        self._materialize = True
        self._saved: list | None = []
        self._arrays: Any = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward; a change of one in place in the meantime is an error there."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument is of type {type(t).__name__}"
                )
        self._to_save = tensors

    save_for_forward = save_for_backward

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Outputs that have no gradient."""
        self._not_differentiable = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Inputs that forward changed in place."""
        self._dirty = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (True, the default) or None for outputs that were not used."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple:
        """What `save_for_backward` kept, in its order."""
        if self._saved is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they have "
                "already been freed). Specify retain_graph=True if you need to backward through the graph a second time"
            )
        return tuple(self._unpack(entry) for entry in self._saved)

    def _unpack(self, entry: Any) -> Any:
        if entry is None:
            return None
        position, edge, when = entry
        data = self._arrays[position]
        again = isinstance(self._arrays, Recomputed)
        if type(data) is ndarray and not again and (changes.when(data) > when or exports.changed(data, when)):
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"a tensor of shape {tuple(data.shape)} given to save_for_backward"
            )
        return wrap(data, edge)

    def _seal(self, outputs: dict, recorded: bool) -> None:
        """After forward: remember arrays and edges, never the output Tensors (that would be a reference cycle)."""
        now = tick()
        arrays = tuple(None if t is None else t._data for t in self._to_save)
        self._arrays = exports.guarded(arrays) if recorded else arrays
        self._saved = [
            None if t is None else (i, outputs[id(t)] if id(t) in outputs else history(t), now)
            for i, t in enumerate(self._to_save)
        ]
        self._to_save = self._dirty = ()


class _FunctionOp:
    """What a graph node of a user's Function shows as its operation."""

    holomorphic = lends_result = False
    aux: tuple = ()

    def __init__(self, cls: type) -> None:
        self.name = cls.__name__
        self.symbol = cls.__name__
        self.caption = "custom backward"
        self.node_name = f"{cls.__name__}Backward"
        self.outputs: tuple = ()
        self.inputs: tuple = ()
        self.differentiable = True

    def public_name(self, name: str) -> str:
        return name

    def constants(self, params: tuple) -> tuple:
        return ()


class _FunctionPlan:
    """Runs a user's backward where an operation would run its rules."""

    names: tuple = ()
    keeps = True
    widens = False
    steps = recorded = None

    def __init__(self, cls: type, ctx: FunctionCtx, count: int, tensor_places: tuple[int, ...], outputs: int) -> None:
        self.cls, self.ctx, self.count, self.places = cls, ctx, count, tensor_places
        self.op = _FunctionOp(cls)
        self.op.outputs = tuple(f"output{i}" for i in range(outputs)) if outputs > 1 else ()
        self.shapes: list = []
        self.picks: dict[int, Any] = {}

    def towards(self, wanted: tuple[bool, ...]) -> _FunctionPlan:
        return self

    def run(self, g: Any, saved: tuple) -> tuple:
        # A copy, because what comes in may be on its way elsewhere as well, and backward may write into it.
        given = self._call(self._incoming(g, lambda a: wrap(a.copy())))
        return tuple(None if t is None else t._data for t in given)

    def run_recorded(self, g: Any, node: Node) -> tuple:
        with enable_grad():
            return self._call(self._incoming(g, lambda t: t))

    def _incoming(self, g: Any, dress: Any) -> list:
        if not self.op.outputs:
            return [dress(g)]
        return [
            (wrap(np.zeros(shape, dtype)) if self.ctx._materialize else None) if part is None else dress(part)
            for part, (shape, dtype) in zip(g, self.shapes, strict=True)
        ]

    def _call(self, incoming: list) -> tuple:
        result = self.cls.backward(self.ctx, *incoming)
        result = result if isinstance(result, tuple) else (result,)
        while len(result) > self.count and result[-1] is None:
            result = result[:-1]
        if len(result) != self.count:
            raise RuntimeError(
                f"function {self.cls.__name__}Backward returned an incorrect number of gradients (expected {self.count}, "
                f"got {len(result)})"
            )
        for i, t in enumerate(result):
            if t is not None and not isinstance(t, Tensor):
                raise RuntimeError(
                    f"function {self.cls.__name__}Backward returned a gradient of type {type(t).__name__} at position {i}; "
                    "expected a Tensor or None"
                )
        return tuple(result[i] for i in self.places)

    def as_tensors(self, node: Node) -> tuple:
        return self.ctx.saved_tensors

    def push(self, tangents: list) -> Any:
        """The tangents of the results by the user's `jvp`; NotImplemented where there is none."""
        if self.cls.jvp is Function.jvp:
            return NotImplemented
        given: list = [None] * self.count
        for i, tangent in zip(self.places, tangents, strict=True):
            given[i] = tangent
        return self.cls.jvp(self.ctx, *given)


class Function:
    """Base of operations with a forward and backward of one's own.

    Example:
        >>> import autograd
        >>> class Cube(autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x * x
        ...
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         (x,) = ctx.saved_tensors
        ...         return g * 3 * x * x
        >>> x = autograd.tensor(2.0, requires_grad=True)
        >>> Cube.apply(x).backward()
        >>> x.grad
        tensor(12.)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        import warnings

        warnings.warn(
            f"{type(self).__name__} should not be instantiated. Methods on autograd functions are all static, so call "
            f"{type(self).__name__}.apply(...)",
            DeprecationWarning,
            stacklevel=2,
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The result, from the context (unless there is a `setup_context`) and the arguments; to be written by you."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """One gradient (or None) per argument of `forward`, from the gradients of its results; to be written by you."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the results from those of the arguments; where it is not written, `backward` gives them."""
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with "
                                  "forward mode AD.")  # fmt: skip

    vjp = backward
    setup_context: Any = None
    generate_vmap_rule = False

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward without recording it, and record this function as one node."""
        mapped = next((a for a in args if isinstance(a, Tensor) and a._apply is not None), None)
        if mapped is not None:
            return mapped._custom(cls, args)
        edges = tuple(history(a) if isinstance(a, Tensor) else None for a in args)
        ctx = FunctionCtx(tuple(e is not None for e in edges))
        with no_grad():
            if cls.setup_context is not None:
                result = cls.forward(*_inside(args), **kwargs)
                cls.setup_context(ctx, args, result)
            else:
                result = cls.forward(ctx, *args, **kwargs)
        several = isinstance(result, tuple)
        outputs = list(result) if several else [result]
        recorded = any(e is not None for e in edges) and is_grad_enabled()
        if is_grad_enabled() and any(type(history(t)) is Leaf for t in ctx._dirty):
            raise RuntimeError(
                f"{cls.__name__}: a leaf Variable that requires grad has been used in an in-place operation."
            )
        outputs = _own_outputs(outputs, args, ctx)
        if recorded:
            _record(cls, ctx, args, edges, outputs)
            _note_aliases(cls, ctx, args, outputs)
        ctx._seal({id(o): o._node for o in outputs if isinstance(o, Tensor)}, recorded)
        return tuple(outputs) if several else outputs[0]


def _inside(args: tuple) -> tuple:
    """What forward gets: in a function transform the tensors alone, since their derivatives are the transform's business."""
    if not transforming.get():
        return args
    return tuple(a.detach() if isinstance(a, Tensor) else a for a in args)


def _own_outputs(outputs: list, args: tuple, ctx: FunctionCtx) -> list:
    """Results as Tensors of their own: an input returned as it is becomes a fresh view, unless it was changed in place."""
    dirty = {id(t) for t in ctx._dirty}
    given = {id(a) for a in args if isinstance(a, Tensor)}
    return [wrap(o._data) if id(o) in given and id(o) not in dirty else o for o in outputs]


def _note_aliases(cls: type, ctx: FunctionCtx, args: tuple, outputs: list) -> None:
    """Results that show an argument's memory: a write of either would change the other, whose history would not know."""
    dirty = {id(t) for t in ctx._dirty}
    for i, o in enumerate(outputs):
        if not isinstance(o, Tensor) or id(o) in dirty:
            continue
        shown = next((a for a in args if isinstance(a, Tensor) and may_share(o._data, a._data)), None)
        if shown is not None:
            if o._base is None:
                note_view(o, shown)
            o._alias = f"Output {i} of {cls.__name__}Backward"


def _record(cls: type, ctx: FunctionCtx, args: tuple, edges: tuple, outputs: list) -> None:
    tensors = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor))
    plan = _FunctionPlan(cls, ctx, len(args), tensors, len(outputs))
    first = next(o for o in outputs if isinstance(o, Tensor))
    node = new(Wide)
    node.edges = tuple(edges[i] for i in tensors)
    node.plan, node.saved, node.seq = plan, (_Saved(ctx),), tick()
    node.shape, node.dtype = first._data.shape, first._data.dtype
    node.kind = None
    node.value = first._data if first._data.size <= capture.limit else None
    node.given, node.params = tuple((i, a) for i, a in enumerate(args) if not isinstance(a, Tensor)), ()
    node.scope, node.hooks = scope.get(), None
    if _anomaly.get()[0]:
        node.metadata["traceback"] = trace_here()
    Half.seen = Half.seen or any(isinstance(o, Tensor) and o._data.dtype in HALVES for o in outputs)
    Complex.seen = Complex.seen or any(isinstance(o, Tensor) and o._data.dtype.kind == "c" for o in outputs)
    skip = {id(t) for t in ctx._not_differentiable}
    for i, o in enumerate(outputs):
        if not isinstance(o, Tensor):
            plan.shapes.append(((), np.float32))
            continue
        plan.shapes.append((o._data.shape, o._data.dtype))
        if id(o) not in skip and o._data.dtype in FLOATING:
            o._node = node if len(outputs) == 1 else pick(node, i, o._data)


class _Saved:
    """Frees what ctx saved when the node's saved values are freed."""

    __slots__ = ("ctx",)

    def __init__(self, ctx: FunctionCtx) -> None:
        self.ctx = ctx

    def __del__(self) -> None:
        self.ctx._saved, self.ctx._arrays = None, ()


class _Refuse(Function):
    """Passes gradients on; differentiating them again raises."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, *grads: Any) -> Any:
        return tuple(g.detach() if isinstance(g, Tensor) else g for g in grads)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def once_differentiable(backward: Any) -> Any:
    """Decorator for a backward that must not be differentiated again: doing so raises instead of being silently wrong."""

    @functools.wraps(backward)
    def wrapped(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            result = backward(ctx, *grads)
        if not is_grad_enabled():
            return result
        result = result if isinstance(result, tuple) else (result,)
        return _Refuse.apply(wrap(np.zeros(())).requires_grad_(), *result)

    return wrapped


__all__ = ["Function", "FunctionCtx", "once_differentiable"]
