"""Tensors with a hidden axis, over which `vmap` maps, and how operations carry that axis along.

A `Mapped` tensor shows a function the shape of one slice and holds all of them, the mapped axis first. Operations meet
it in `Op.apply` and hand it to `apply_mapped`, which finds the operation's batching rule:

- elementwise operations, and those declared with `batch="align"` (whose kernels take leading axes as a batch), line up
  the axes of one slice and broadcast;
- operations with a parameter `dim` or `dims` act along axes that move one place;
- operations with `batch="rows"` treat their first axis as independent rows: the mapped axis joins it;
- `_batch_rules` has the rules of those whose arguments say where the axes are.

Where there is no rule, the operation runs slice by slice, with a warning.
"""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ._backward import gradients
from ._mode import holding, levels
from ._op import Op
from ._tensor import NotMapped, Size, Tensor, device, new
from .forward import push_forward
from .ops.create import eye
from .ops.index import select
from .ops.join import stack
from .ops.shape import expand, movedim, reshape, unsqueeze


class Level(NamedTuple):
    """One `vmap` that is running."""

    depth: int  # how deep it is nested
    size: int  # how many slices it has
    randomness: str  # what random numbers may do: "error", "different" or "same"
    at_once: bool  # all slices at once, or one after the other
    says_so: bool = True  # whether operations without a rule are named in a warning


class Asked(NotMapped):
    """The mapped function itself asked for a number."""


class Refused(RuntimeError):
    """What running slice by slice would not mend."""


def _asks(text: str) -> Callable:
    def ask(self: Mapped, *args: Any, **kwargs: Any) -> Any:
        raise Asked(text)

    return ask


_ITEM = (
    "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a Tensor, please "
    "try to rewrite what you're doing with other operations. If error is occurring somewhere inside PyTorch internals, "
    "please file a bug report."
)
_CHOICE = (
    "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support that yet, "
    "please file an issue at https://github.com/pytorch/pytorch/issues ."
)
_MEMORY = "Cannot access data pointer of Tensor that doesn't have storage"


class Mapped(Tensor):
    """All slices of a tensor in a function under `vmap`; its shape is that of one slice."""

    # Whether a function may ask for single numbers, at the price of running slice by slice. In PyTorch it may not.
    may_ask = True

    item = __float__ = __int__ = __complex__ = __index__ = _asks(_ITEM)
    __bool__ = _asks(_CHOICE)
    numpy = tolist = __array__ = _asks(_MEMORY)

    def __init__(self, value: Tensor, level: Level) -> None:
        self.value, self.level = value, level

    def __new__(cls, value: Tensor, level: Level) -> Mapped:
        return new(cls)

    @property
    def _data(self) -> Any:
        raise NotMapped("vmap: a single value was asked of all slices at once")

    @property
    def _node(self) -> Any:
        raise NotMapped("vmap: a single history was asked of all slices at once")

    _base = _root = _node

    @property
    def shape(self) -> Size:
        return Size(self.value.shape[1:])

    @property
    def ndim(self) -> int:
        return self.value.ndim - 1

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def device(self) -> device:
        return self.value.device

    @property  # type: ignore[misc]
    def requires_grad(self) -> bool:
        return root(self).requires_grad

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        root(self).requires_grad_(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        return root(self).is_leaf

    def dim(self) -> int:
        return self.ndim

    ndimension = dim

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        return self.shape.numel()

    nelement = numel

    def detach(self) -> Tensor:
        return Mapped(self.value.detach(), self.level)

    @property  # type: ignore[misc]
    def data(self) -> Tensor:
        return self.detach()

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return self.value.is_contiguous()

    def contiguous(self, memory_format: Any = None) -> Tensor:
        return Mapped(self.value.contiguous(), self.level)

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        return Mapped(self.value.to(*args, **kwargs), self.level)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter([self[i] for i in range(len(self))])

    def __repr__(self) -> str:
        inner = textwrap.indent(repr(self.value), "    ")
        return f"BatchedTensor(lvl={self.level.depth}, bdim=0, value=\n{inner}\n)"

    def _apply(self, op: Op, inputs: tuple, params: tuple) -> Any:
        return apply_mapped(op, inputs, params)

    def _compose(self, function: Any, args: tuple, kwargs: dict) -> Any:
        """A composed function that asked for single values, by a rule of its own."""
        rule = TABLE.get(key_of(function))
        if rule is None:
            raise NotMapped(f"vmap: {function.name} asks for single values")
        return rule(function.call, args, kwargs)

    def _custom(self, function: Any, args: tuple) -> Any:
        """A user's `Function`."""
        from ._batch_custom import apply_custom

        return apply_custom(function, args)


# ---------------------------------------------------------------------------------------------- levels


@contextmanager
def mapping(size: int, randomness: str, at_once: bool = True, says_so: bool = True) -> Iterator[Level]:
    """A level of its own for one run of a mapped function."""
    from . import _batch_rules  # noqa: F401  (rules put themselves into their table)

    outer = levels.get()
    level = Level(len(outer) + 1, size, randomness, at_once, says_so)
    with holding(levels, (*outer, level)):
        yield level


def root(t: Tensor) -> Tensor:
    """The tensor of numbers below all mapped axes."""
    while isinstance(t, Mapped):
        t = t.value
    return t


def top(tensors: Iterable[Any]) -> Level | None:
    """The innermost level that any of the values is mapped over."""
    found = [t.level for t in tensors if isinstance(t, Mapped)]
    return max(found, key=lambda level: level.depth) if found else None


def is_at(t: Any, level: Level) -> bool:
    return isinstance(t, Mapped) and t.level is level


def slices_of(t: Tensor, level: Level) -> Tensor:
    """The tensor with the level's axis first; one that is the same for all slices is shown once for each."""
    if is_at(t, level):
        return t.value
    return expand(unsqueeze(t, 0), (level.size, *t.shape))


def _all(tensors: list, level: Level) -> list[Tensor]:
    return [slices_of(t, level) for t in tensors]


def lifted(t: Tensor) -> Tensor:
    """The tensor mapped over every running level, so that each slice has a gradient of its own."""

    def lift(t: Tensor, running: tuple[Level, ...]) -> Tensor:
        if not running:
            return t
        *outer, level = running
        if is_at(t, level):
            return Mapped(lift(t.value, tuple(outer)), level)
        return Mapped(slices_of(lift(t, tuple(outer)), level), level)

    return lift(t, tuple(level for level in levels.get() if level.at_once))


# ---------------------------------------------------------------------------------------------- operations


def apply_mapped(op: Op, inputs: tuple, params: tuple) -> Any:
    """Run an operation of which some input is Mapped: over all slices at once by its rule, else one by one."""
    level = top(inputs)
    assert level is not None
    values = [t.value if is_at(t, level) else t for t in inputs]
    mapped = tuple(is_at(t, level) for t in inputs)
    rule = rule_of(op)
    result = None if rule is None else rule(op, level.size, values, mapped, params)
    if result is None:
        if level.says_so:
            text = f"vmap: {op.name} has no batching rule for these arguments; it runs slice by slice"
            warnings.warn(text, UserWarning, stacklevel=4)
        result = one_by_one(op, level.size, values, mapped, params)
    result = each(result, lambda t: Mapped(t, level))
    return op.fields(*result) if isinstance(result, tuple) else result


TABLE: dict[str, Callable] = {}  # rules of single operations, which `_batch_rules` puts here


def key_of(declared: Any) -> str:
    return f"{declared.namespace}.{declared.name}" if declared.namespace else declared.name


def rule_of(op: Op) -> Callable | None:
    """The rule an operation declares or that follows from its declaration."""
    special = TABLE.get(key_of(op))
    if special is not None:
        return special
    if op.batch is not None:
        return RULES[op.batch]
    if op.elementwise:
        return align
    return along if not op.variadic and {"dim", "dims"} & set(op.parameters) else None


def one_by_one(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    """The operation on each slice, the results stacked."""
    rows = [
        op.apply(tuple(select(v, 0, i) if m else v for v, m in zip(values, mapped, strict=True)), params)
        for i in range(size)
    ]
    return tuple(map(stack, zip(*rows, strict=True))) if isinstance(rows[0], tuple) else stack(rows)


def whole(size: int, values: list, mapped: tuple) -> list:
    """The inputs with the mapped axis; those without one are shown once for each slice."""
    return [
        v if m or not isinstance(v, Tensor) else expand(unsqueeze(v, 0), (size, *v.shape))
        for v, m in zip(values, mapped, strict=True)
    ]


def named(op: Op, params: tuple) -> dict[str, Any]:
    """The values of an operation's parameters by name."""
    return dict(zip(op.parameters, params, strict=True))


def align(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    """Axes of a slice are lined up at the end, as broadcasting does it; unmapped inputs broadcast by themselves."""
    ranks = [v.ndim - m for v, m in zip(values, mapped, strict=True) if isinstance(v, Tensor)]
    rank = max(ranks)
    found = [padded(v, rank) if m and len(values) > 1 else v for v, m in zip(values, mapped, strict=True)]
    return op.apply(tuple(found), params)


def padded(v: Tensor, rank: int) -> Tensor:
    """Slices with axes of length 1 put before their own, up to `rank` axes."""
    missing = rank - (v.ndim - 1)
    return v if missing <= 0 else reshape(v, (v.shape[0], *(1,) * missing, *v.shape[1:]))


def along(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    """Operations that act along axes of their first input: every axis moves one place."""
    if any(mapped[1:]):  # several tensors along the same axes
        values = whole(size, values, mapped)
    (x, *others), rank = values, values[0].ndim - 1
    if any(isinstance(t, Tensor) and t.ndim != x.ndim for t in others):
        return None
    given = named(op, params)
    everything = given.get("dim", 0) is None
    if (everything and "keepdim" not in given) or ("dims" in given and given["dims"] is None):
        return None
    if rank and not everything:
        given.update({key: moved(given[key], rank) for key in given.keys() & {"dim", "dims"}})
        return op.apply((x, *others), tuple(given.values()))
    # A slice without axes, or a reduction of all of them, is a reduction of one axis that holds everything.
    given.update(dict.fromkeys(given.keys() & {"dim", "dims"}, 1))
    kept = rank if given.get("keepdim") else 0
    flat = [reshape(t, (size, math.prod(t.shape[1:]))) if isinstance(t, Tensor) else t for t in (x, *others)]
    found = op.apply(tuple(flat), tuple(given.values()))
    return each(found, lambda t: reshape(t, (size, *(1,) * kept)))


def moved(dims: Any, rank: int) -> Any:
    """Axes of one slice as axes of all slices."""
    if isinstance(dims, (tuple, list)):
        return tuple(d % rank + 1 for d in dims) or tuple(range(1, rank + 1))
    return dims % rank + 1


def rows(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    """The first axis of every input holds independent rows: those of all slices are put one below the other."""
    given = whole(size, values, mapped)
    if any(v.ndim < 2 for v in given):
        return None
    n = given[0].shape[1]
    found = op.apply(tuple(reshape(v, (size * v.shape[1], *v.shape[2:])) for v in given), params)
    return each(found, lambda t: reshape(t, (size, n, *t.shape[1:])))


def each(found: Any, do: Callable) -> Any:
    """`do` of a result, or of each of several."""
    return tuple(map(do, found)) if isinstance(found, tuple) else do(found)


def joined(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    """Operations on a list of tensors along an axis, as cat and stack."""
    options, given = named(op, params), whole(size, values, mapped)
    rank = given[0].ndim - 1 + (op.name == "_stack")
    options["dim"] = moved(options["dim"], rank)
    return op.apply(tuple(given), tuple(options.values()))


RULES: dict[str, Callable] = {"align": align, "along": along, "rows": rows, "joined": joined}


# ---------------------------------------------------------------------------------------------- derivatives


def derivatives(
    outputs: list[Tensor], leaves: list[Tensor], weights: list[Tensor] | None, create_graph: bool = True
) -> tuple:
    """Gradients of the weighted outputs by the leaves, zeros where there is none; slice by slice of mapped leaves."""
    weights = [o.detach() * 0 + 1 for o in outputs] if weights is None else weights

    def run(outputs: list, leaves: list, weights: list) -> tuple:
        many = top(weights) is not None  # rules then run on Tensors, whether their own derivatives are wanted or not
        found = gradients(outputs, leaves, weights, True, create_graph or many, True, True)
        return found if create_graph else tuple(g.detach() for g in found)

    return tuple(through_levels(run, outputs, leaves, weights))


def tangents(outputs: list[Tensor], leaves: list[Tensor], directions: list[Tensor]) -> list[Tensor]:
    """How the outputs move when the leaves move along the directions, slice by slice of mapped ones."""

    def run(outputs: list, leaves: list, directions: list) -> list:
        return push_forward(tuple(outputs), {x._node: t for x, t in zip(leaves, directions, strict=True)})

    return list(through_levels(run, outputs, leaves, directions))


def through_levels(run: Callable, outputs: list, leaves: list, vectors: list) -> Iterable[Tensor]:
    """`run(outputs, leaves, vectors)` on the one graph below all mapped axes.

    Where only the vectors are mapped over a level, its axis stays hidden in them: one pass carries all of them.
    """
    level, outer = top([*outputs, *leaves, *vectors]), top([*outputs, *leaves])
    if outer is None:
        return run(outputs, leaves, vectors)
    if level is outer:
        found = through_levels(run, _all(outputs, level), _all(leaves, level), _all(vectors, level))
        return [Mapped(t, level) for t in found]
    assert level is not None
    inside = [Mapped(movedim(slices_of(slices_of(v, level), outer), 0, 1), level) for v in vectors]
    found = through_levels(run, _all(outputs, outer), _all(leaves, outer), inside)
    return [Mapped(Mapped(movedim(slices_of(t, level), 1, 0), outer), level) for t in found]


def at_once(count: int, given: list[Tensor], run: Callable) -> list[Tensor]:
    """`run` of all rows of the tensors given in one pass; row by row where a rule asks for single values."""
    try:
        with mapping(count, "error", says_so=False) as level:
            return [slices_of(t, level) for t in run([Mapped(g, level) for g in given])]
    except Exception:
        return [stack(column) for column in zip(*[run([g[i] for g in given]) for i in range(count)], strict=True)]


def _units(t: Tensor) -> Tensor:
    """One-element directions: (numel, *shape), a 1 at each place in turn."""
    return reshape(eye(t.numel(), dtype=t.dtype), (t.numel(), *t.shape))


def jacobian_by_rows(o: Tensor, variables: tuple, create_graph: bool) -> list[Tensor]:
    """The Jacobian of one output by each variable, in one pass backwards for all elements of the output."""
    n, units = o.numel(), _units(o)
    if n and o.requires_grad:
        rows = at_once(n, [units], lambda given: derivatives([o], list(variables), given, create_graph))
    else:
        rows = [expand(x.detach() * 0, (n, *x.shape)) for x in variables]
    return [reshape(g, (*o.shape, *x.shape)) for g, x in zip(rows, variables, strict=True)]


def jacobian_by_columns(outputs: tuple, x: Tensor) -> list[Tensor]:
    """The Jacobian of each output by one variable, in one pass forwards for all elements of the variable."""
    n = x.numel()
    columns = [expand(o, (0, *o.shape)) for o in outputs]
    if n:
        columns = at_once(n, [_units(x)], lambda given: tangents(list(outputs), [x], given))
    return [reshape(movedim(c, 0, -1), (*o.shape, *x.shape)) for c, o in zip(columns, outputs, strict=True)]
