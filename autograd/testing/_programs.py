"""Random differentiable programs, drawn from the registry, that shrink to a readable text."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._extras import require
from .._op import Op
from .._registry import registry
from .._samples import Reals
from .._tensor import Tensor, wrap

st = require("hypothesis.strategies", extra="testing", purpose="drawing random programs")


class Step(NamedTuple):
    """One line of a program: the expression, with the names it uses, and how to compute it."""

    text: str
    run: Callable[[dict[str, Tensor]], Tensor]


class Program:
    """A function of tensors made of steps; `text()` prints it as Python, calling it runs it."""

    def __init__(self) -> None:
        self.inputs: dict[str, np.ndarray] = {}
        self.steps: list[tuple[str, Step]] = []
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.kinds: list[str] = []  # of the steps: "view", "reduction", ...
        self._values: dict[str, Tensor] = {}  # of the inputs as drawn

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The sum of everything computed: each value reaches the result."""
        values = dict(zip(self.inputs, inputs, strict=True))
        for name, step in self.steps:
            values[name] = step.run(values)
        total = None
        for value in values.values():
            part = (value * value).mean() if value.numel() else value.sum()
            total = part if total is None else total + part
        return total  # type: ignore[return-value]

    def leaves(self) -> list[Tensor]:
        """The inputs as tensors that require grad."""
        return [wrap(a.copy()).requires_grad_() for a in self.inputs.values()]

    def text(self) -> str:
        """The program as Python source."""
        lines = [f"{name} = tensor({np.round(a, 4).tolist()})  # {a.shape}" for name, a in self.inputs.items()]
        return "\n".join(lines + [f"{name} = {step.text}  # {self.shapes[name]}" for name, step in self.steps])

    __repr__ = __str__ = text

    def add(self, step: Step) -> None:
        """Append a step, run once for its shape."""
        for name, a in self.inputs.items():
            self._values.setdefault(name, wrap(a.copy()))
        name = f"v{len(self.steps)}"
        self._values[name] = step.run(self._values)
        self.shapes[name] = tuple(self._values[name].shape)
        self.steps.append((name, step))


def _smooth_unary() -> list[Op]:
    """Elementwise operations of one input whose domain has no kinks, from the registry."""
    found = {d.name: d for d in registry.values() if isinstance(d, Op) and d.elementwise and len(d.inputs) == 1}
    return [d for _, d in sorted(found.items())
            if d.rules and d.differentiable_twice and isinstance(d.sample, Reals) and not d.sample.avoid and not d.parameters]  # fmt: skip


_UNARY = _smooth_unary()


def _squashed(x: Tensor, domain: Reals) -> Tensor:
    """The input moved smoothly into the operation's domain."""
    middle, half = (domain.lo + domain.hi) / 2, (domain.hi - domain.lo) / 2
    return x.tanh() * half + middle


@st.composite
def _unary(draw: Any, p: Program) -> Step:
    name, op = draw(_value(p)), draw(st.sampled_from(_UNARY))
    return Step(f"{op.name}(squash({name}))", lambda v: op.call(_squashed(v[name], op.sample)))


@st.composite
def _binary(draw: Any, p: Program) -> Step:
    a = draw(_value(p))
    b = draw(st.sampled_from([n for n, s in _all_shapes(p).items() if _fits(s, _all_shapes(p)[a])]))
    symbol = draw(st.sampled_from(["+", "-", "*", "/", "atan2", "logaddexp"]))
    if symbol == "/":
        return Step(f"{a} / (1.5 + {b}.tanh())", lambda v: v[a] / (1.5 + v[b].tanh()))
    if symbol == "atan2":
        return Step(f"atan2({a}, 2 + {b} * {b})", lambda v: v[a].atan2(2 + v[b] * v[b]))
    if symbol == "logaddexp":
        return Step(f"logaddexp({a}, {b})", lambda v: v[a].logaddexp(v[b]))
    run = {"+": lambda v: v[a] + v[b], "-": lambda v: v[a] - v[b], "*": lambda v: v[a] * v[b]}[symbol]
    return Step(f"{a} {symbol} {b}", run)


def _fits(a: tuple, b: tuple) -> bool:
    try:
        return math.prod(np.broadcast_shapes(a, b)) <= 64
    except ValueError:
        return False


@st.composite
def _number(draw: Any, p: Program) -> Step:
    name, c = draw(_value(p)), draw(st.sampled_from([0.5, 2.0, -1.5, 3]))
    form = draw(st.sampled_from(["{x} * {c}", "{c} - {x}", "{x} + {c}", "{x} / {c}", "{x} ** 2", "{x} ** 3"]))
    code = compile(form.format(x="x", c=c), "step", "eval")
    return Step(form.format(x=name, c=c), lambda v: eval(code, {"x": v[name]}))  # noqa: S307


@st.composite
def _reduction(draw: Any, p: Program) -> Step:
    name = draw(_value(p, least=1))
    dim, keep = draw(st.integers(0, len(_all_shapes(p)[name]) - 1)), draw(st.booleans())
    what = draw(st.sampled_from(["sum", "mean", "logsumexp", "cumsum", "softmax", "var"]))
    if what in ("cumsum", "softmax"):
        return Step(f"{name}.{what}({dim})", lambda v: getattr(v[name], what)(dim))
    if what == "var":
        return Step(f"{name}.var({dim}, correction=0)", lambda v: v[name].var(dim, correction=0))
    return Step(f"{name}.{what}({dim}, {keep})", lambda v: getattr(v[name], what)(dim, keep))


@st.composite
def _view(draw: Any, p: Program) -> Step:
    name = draw(_value(p, least=1))
    shape = _all_shapes(p)[name]
    a, b = (draw(st.integers(0, len(shape) - 1)) for _ in range(2))
    form = draw(st.sampled_from(["transpose", "reshape", "unsqueeze", "flip", "roll", "expand"]))
    if form == "transpose":
        return Step(f"{name}.transpose({a}, {b})", lambda v: v[name].transpose(a, b))
    if form == "reshape":
        return Step(f"{name}.reshape(-1)", lambda v: v[name].reshape(-1))
    if form == "expand":
        return Step(f"{name}.unsqueeze(0).expand(2, ...)", lambda v: v[name].unsqueeze(0).expand(2, *shape))
    return Step(f"{name}.{form}({a})", {"unsqueeze": lambda v: v[name].unsqueeze(a), "flip": lambda v: v[name].flip(a),
                                        "roll": lambda v: v[name].roll(1, a)}[form])  # fmt: skip


@st.composite
def _index(draw: Any, p: Program) -> Step:
    name = draw(_value(p, least=1))
    n = _all_shapes(p)[name][0]
    kind = draw(st.sampled_from(["int", "slice", "repeat", "mask"]))
    if kind == "int":
        i = draw(st.integers(-n, n - 1))
        return Step(f"{name}[{i}]", lambda v: v[name][i])
    if kind == "slice":
        return Step(f"{name}[::2]", lambda v: v[name][::2])
    places = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4))
    if kind == "repeat":
        return Step(f"{name}[tensor({places})]", lambda v: v[name][wrap(np.array(places))])
    mask = np.isin(np.arange(n), places)
    return Step(f"{name}[tensor({mask.tolist()})]", lambda v: v[name][wrap(mask)])


@st.composite
def _join(draw: Any, p: Program) -> Step:
    name = draw(_value(p, least=1))
    same = [n for n, s in _all_shapes(p).items() if s == _all_shapes(p)[name]]
    other, how = draw(st.sampled_from(same)), draw(st.sampled_from(["cat", "stack", "where"]))
    join = registry[how].call
    if how == "where":
        return Step(
            f"where({name} > {other}, {name}, 2 * {other})",
            lambda v: join(v[name] > v[other], v[name] * v[name], 2 * v[other]),
        )
    return Step(f"{how}([{name}, {other}])", lambda v: join([v[name], v[other]]))


@st.composite
def _product(draw: Any, p: Program) -> Step:
    name = draw(_value(p, least=1))
    k = _all_shapes(p)[name][-1]
    partners = [n for n, s in _all_shapes(p).items() if len(s) in (1, 2) and s[0] == k]
    if not partners:
        return (
            Step(f"{name} @ {name}.mT", lambda v: v[name] @ v[name].mT)
            if len(_all_shapes(p)[name]) > 1
            else draw(_unary(p))
        )
    other = draw(st.sampled_from(partners))
    return Step(f"{name} @ {other}", lambda v: v[name] @ v[other])


@st.composite
def _in_place(draw: Any, p: Program) -> Step:
    name, form = draw(_value(p, least=1)), draw(st.sampled_from(["mul_", "add_self", "view", "setitem", "tanh_"]))

    def run(v: dict[str, Tensor]) -> Tensor:
        t = v[name] * 1.0
        if form == "mul_":
            t.mul_(0.7)
        elif form == "add_self":
            t.add_(v[name])
        elif form == "view":
            t[0].mul_(3.0)
        elif form == "setitem":
            t[-1] = v[name][0] * 2.0
        else:
            t.tanh_()
        return t

    body = {
        "mul_": "t.mul_(0.7)",
        "add_self": f"t.add_({name})",
        "view": "t[0].mul_(3.0)",
        "setitem": f"t[-1] = {name}[0] * 2.0",
        "tanh_": "t.tanh_()",
    }
    return Step(f"(t := {name} * 1.0, {body[form]})[0]", run)


# Differentiable operations that a program does not draw, by reason: their samples leave no room to move, or a program's
# values and slopes would not stay within a difference's reach.
_LEFT_OUT: frozenset[str] = frozenset()


def _declared() -> list[tuple[str, Any]]:
    """Every differentiable declaration with a sample that is not drawn as a smooth elementwise one."""
    smooth = {id(d) for d in _UNARY}
    found = {d.name if d.namespace in ("", "_") else f"{d.namespace}.{d.name}": d for d in registry.values()}
    return [
        (n, d) for n, d in sorted(found.items())
        if d.sample is not None and d.differentiable and id(d) not in smooth and n not in _LEFT_OUT
    ]  # fmt: skip


@functools.cache
def _trials() -> list[tuple[str, Any, Any]]:
    """(name, declaration, its sample's calls), those that differentiate some number."""
    made = []
    for name, declared in _declared():
        calls = declared.sample.calls(np.random.default_rng(3), len(getattr(declared, "inputs", ("x",))))
        fit = [c for c in calls if any(a.size for a in _floats(c.args))]
        if fit:
            made.append((name, declared, fit))
    return made


def _is_floating(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.inexact)) and value.dtype.kind in "fc"


def _floats(args: Any) -> list:
    return [np.asarray(v) for v in args if _is_floating(v)]


def _result(declared: Any, call: Any, near: Callable) -> Tensor:
    """The operation on its sample's arguments, real arrays replaced by `near` of them: its results side by side, flat."""

    def dress(value: Any) -> Any:
        if _is_floating(value):
            return near(np.asarray(value))
        return wrap(np.array(value)) if isinstance(value, (np.ndarray, np.generic)) else value

    result = declared.call(*map(dress, call.args), **call.kwargs)
    parts = [t for t in _flat(result[0] if getattr(declared, "aux", ()) else result) if t.numel()]
    seen = [registry["view_as_real"].call(t) if t.is_complex() else t for t in parts]
    return registry["cat"].call([t.reshape(-1)[:12] for t in seen])


def _flat(result: Any) -> list[Tensor]:
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in _flat(r)]
    return [result] if isinstance(result, Tensor) and result.dtype.kind in "fc" else []


def _near(source: Tensor) -> Callable:
    """Arrays of a sample, moved a little by a value of the program, whose elements are repeated as often as it takes."""

    def near(a: np.ndarray) -> Tensor:
        if not a.size:
            return wrap(a.copy())
        places = wrap(np.arange(a.size) % source.numel())
        return wrap(a.copy()) + 0.01 * source.reshape(-1)[places].reshape(a.shape).tanh()

    return near


@st.composite
def _operation(draw: Any, p: Program) -> Step:
    """Any differentiable operation of the registry, near a call of its sample."""
    name, (title, declared, calls) = draw(_value(p)), draw(st.sampled_from(_trials()))
    i = draw(st.integers(0, len(calls) - 1))

    def run(v: dict[str, Tensor]) -> Tensor:
        return _result(declared, calls[i], _near(v[name]))

    return Step(f"{title}(*sample_{i} + 0.01 * {name}.tanh())", run)


def _all_shapes(p: Program) -> dict[str, tuple]:
    return {**{n: a.shape for n, a in p.inputs.items()}, **p.shapes}


def _value(p: Program, least: int = 0) -> Any:
    """The name of a value with at least so many axes, none of them empty, and not too large."""
    fit = [n for n, s in _all_shapes(p).items() if len(s) >= least and np.prod(s, dtype=np.int64) <= 64 and all(s)]
    return st.sampled_from(fit)


_KINDS = (_unary, _binary, _number, _reduction, _view, _index, _join, _product, _in_place, _operation, _operation)


@st.composite
def programs(draw: Any, min_steps: int = 5, max_steps: int = 60) -> Program:
    """Programs of 5 to 60 operations with broadcasting, views, indexing, reductions, in-place changes and reuse.

    Example:
        >>> from hypothesis import given
        >>> from autograd.testing import check_directional, programs
        >>> @given(programs())
        ... def test(program):
        ...     check_directional(program, program.leaves())
    """
    p = Program()
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    for i in range(draw(st.integers(1, 3))):
        shape = draw(st.sampled_from([(3,), (2, 3), (3, 3), (1, 3), (2, 1), (2, 2, 3)]))
        p.inputs[f"x{i}"] = rng.uniform(-1.5, 1.5, shape)
    for _ in range(draw(st.integers(min_steps, max_steps))):
        kind = draw(st.sampled_from(_KINDS))
        p.add(draw(kind(p)))
        p.kinds.append(kind.__name__.strip("_").replace("_", " "))
    return p


__all__ = ["Program", "programs"]
