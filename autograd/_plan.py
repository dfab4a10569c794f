"""What an operation saves and runs when some of its inputs need a gradient.

The names of a rule's parameters say what it needs; a `Plan`, made once per operation and set of inputs that need a
gradient, compiles two functions from them: `save`, which picks the values to keep, and `run`, which hands them to the rules.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

from ._array import NUMBERS, Array, tick
from ._large import by_pieces, is_large
from ._mode import fast
from ._node import Leaf, Node, Out, Wide, capture, freed_text
from ._tensor import wrap

_GIVES_G = (lambda g: g).__code__.co_code


class Plan:
    """What one operation saves and runs when a given set of its inputs needs a gradient."""

    widens = True  # its rules take gradients of 16 bits in float32

    def __init__(self, op: Any, needs: tuple[bool, ...], numbers: bool = False) -> None:
        self.op, self.needs = op, needs
        self.rules = op.rules_for(needs)
        self.names = op.names_for(self.rules, needs)
        # Whether it saves arrays (or only shapes and parameters, which need not be freed).
        arrays = [n for n, need in zip(op.inputs, needs, strict=False) if need] if numbers else op.inputs
        self.keeps = any(n in (*arrays, *op.aux, *op.outputs, "out") for n in self.names)
        self.save = self._compile_save()
        self.run = self._compile_run()
        self.steps = self._compile_steps()
        self.picks: dict[int, PickPlan] = {}
        self._others: dict[tuple, Plan] = {}

    def _compile_save(self) -> Callable | None:
        """lambda A, P, out: the saved tuple, from input arrays, parameters and result (with aux values)."""
        if not self.names:
            return None
        where = [self.op.place(name) for name in self.names]
        return eval(f"lambda A, P, out: ({', '.join(where)},)")  # noqa: S307  (built from identifiers of a declaration)

    def _compile_run(self) -> Callable:
        """lambda g, s: the gradients, one per input."""
        run, closed = self._compile_rules(), self.op.fast_rule
        if closed is not None:
            given = "".join(f"s[{self.names.index(n)}], " for n in self.op.fast_names)
            more, into = (", into=into", ", into=None") if self.op.fast_into else ("", "")
            scope_ = {"closed": closed, "needs": self.needs, "rules": run, "fast": fast}
            run = eval(  # noqa: S307
                f"lambda g, s{into}: closed(g, {given}needs=needs{more}) if fast.enabled else rules(g, s)", scope_
            )
        return _pieced(run, self.op.fast_into) if self.op.pieced else run

    def _compile_rules(self) -> Callable:
        if self.op.variadic:
            rule, names = self.rules[0]
            places = [self.names.index(n) for n in names]
            return lambda g, s: rule(g, *[s[i] for i in places])
        calls, scope_ = [], {}
        for i, entry in enumerate(self.rules):
            if entry is None:
                calls.append("None")
                continue
            scope_[f"rule{i}"], names = entry
            calls.append(f"rule{i}({', '.join(['g', *(f's[{self.names.index(n)}]' for n in names)])})")
        return eval(f"lambda g, s: ({', '.join(calls)},)", scope_)  # noqa: S307

    def _compile_steps(self) -> tuple | None:
        """((position, lambda g, s: gradient of that input), ...); None instead of a rule that gives g itself.

        None where the rules are not run one by one.
        """
        if self.op.variadic or self.op.pieced or self.op.fast_rule is not None:
            return None
        live = [(i, entry) for i, entry in enumerate(self.rules) if entry is not None]
        return tuple((i, self._compile_one(*entry)) for i, entry in reversed(live))  # the last is often the youngest

    def _compile_one(self, rule: Callable, names: tuple[str, ...]) -> Callable | None:
        if not names and rule.__code__.co_code == _GIVES_G:
            return None
        given = ", ".join(["g", *(f"s[{self.names.index(n)}]" for n in names)])
        return eval(f"lambda g, s: rule({given})", {"rule": rule})  # noqa: S307

    @functools.cached_property
    def recorded(self) -> tuple | None:
        """`steps` for a pass that is recorded: ((position, lambda g, s, node: gradient of that input), ...).

        Each rule gets the Tensors it names and no others. None where the rules are not run one by one, or not twice.
        """
        if self.op.variadic or not self.op.differentiable_twice:
            return None
        live = [(i, entry) for i, entry in enumerate(self.rules) if entry is not None]
        return tuple((i, self._compile_recorded(*entry)) for i, entry in reversed(live))

    def _compile_recorded(self, rule: Callable, names: tuple[str, ...]) -> Callable | None:
        if not names and rule.__code__.co_code == _GIVES_G:
            return None
        given = ", ".join(["g", *map(self._recorded_source, names)])
        scope_ = {"rule": rule, "wrap": wrap, "tensor": _as_tensor, "pick": pick}
        return eval(f"lambda g, s, node: rule({given})", scope_)  # noqa: S307

    def _recorded_source(self, name: str) -> str:
        """What `_reconnect` does to a saved value, as source text."""
        op, value = self.op, f"s[{self.names.index(name)}]"
        if name == "out":
            return f"wrap({value}, node)"
        if name in op.outputs:
            return f"wrap({value}, pick(node, {op.outputs.index(name)}, {value}))"
        if name in op.inputs:
            return f"tensor({value}, node.edges[{op.inputs.index(name)}])"
        return f"tensor({value}, None)" if name in op.aux else value

    def towards(self, wanted: tuple[bool, ...]) -> Plan:
        """This plan without the rules of the inputs whose gradient nobody wants."""
        if wanted == self.needs or self.op.variadic:
            return self
        found = self._others.get(wanted)
        if found is None:
            found = self._others[wanted] = copy.copy(self)
            for cached in ("_plain", "plain", "needed", "recorded"):
                found.__dict__.pop(cached, None)
            found.needs = tuple(need and want for need, want in zip(self.needs, wanted, strict=True))
            found.rules = [rule if want else None for rule, want in zip(self.rules, wanted, strict=True)]
            found.run, found.steps = found._compile_run(), found._compile_steps()
        return found

    @functools.cached_property
    def plain(self) -> Plan:
        """This plan without the operation's closed form, which may look at values that the rules do not need."""
        found = copy.copy(self)
        found.run = self._compile_rules()
        return found

    @functools.cached_property
    def needed(self) -> set[str]:
        """What the rules look at."""
        return {name for entry in self.rules if entry is not None for name in entry[1]}

    def as_tensors(self, node: Node) -> tuple:
        """The saved values as Tensors that are connected to the graph again, for rules that are to be recorded."""
        saved = node.saved
        if saved is None:
            raise RuntimeError(freed_text(node))
        return tuple(self._reconnect(node, n, v) for n, v in zip(self.names, saved, strict=True))

    def _reconnect(self, node: Node, name: str, value: Any) -> Any:
        op = self.op
        if op.variadic and name == op.inputs[0]:
            return tuple(_as_tensor(v, e) for v, e in zip(value, node.edges, strict=True))
        if name == "out":
            return wrap(value, node)
        if name in op.outputs:
            return wrap(value, pick(node, op.outputs.index(name), value))
        if name in op.inputs:
            return _as_tensor(value, node.edges[op.inputs.index(name)])
        return _as_tensor(value, None) if name in op.aux else value

    def run_recorded(self, g: Any, node: Node) -> tuple:
        """The rules on Tensors, so that the gradient's own computation is recorded."""
        if not self.op.differentiable_twice:
            raise RuntimeError(
                f"{self.op.name}: no differentiable rule yet, so create_graph=True cannot pass through it"
            )
        return self._plain(g, self.as_tensors(node))

    @functools.cached_property
    def _plain(self) -> Callable:
        return self._compile_rules()

    def saved_tensor(self, node: Node, which: Any) -> Any:
        name = "out" if which == "out" else dict(enumerate(self.op.inputs)).get(which)
        if not any(name in needed for _, needed in self.op.rules.values()):
            own = self.op.name.strip("_")
            what = "the result" if which == "out" else f"input {which}"
            raise AttributeError(f"{node.name()} saves no such value: no gradient of {own} needs {what}")
        if name not in self.names:  # none of the gradients wanted here
            return None
        value = self.as_tensors(node)[self.names.index(name)]
        return value if which == "out" else itself(value, node.edges[which])


def _pieced(run: Callable, takes: bool) -> Callable:
    """The same of large arrays by pieces of them. `takes`: it can be told where to write its first array."""
    piece = (lambda v, into: run(v[0], v[1:], into)) if takes else (lambda v, into: run(v[0], v[1:]))
    return lambda g, s: by_pieces(piece, (g, *s), run) if is_large(g) else run(g, s)


def itself(value: Any, edge: Node | Leaf | None) -> Any:
    """The leaf whose memory a saved value is, or the value: what is saved of a leaf is shown as the leaf."""
    leaf = edge.variable if type(edge) is Leaf else None
    return value if leaf is None or getattr(value, "_data", None) is not leaf._data else leaf


def _as_tensor(value: Any, edge: Node | Leaf | None) -> Any:
    return value if value is None or type(value) in NUMBERS else wrap(value, edge)


def pick(node: Node, position: int, value: Array) -> Node:
    """The node of one result of an operation with several."""
    plan = node.plan.picks.get(position)
    if plan is None:
        plan = node.plan.picks[position] = PickPlan(node.plan.op, position)
    picked = Wide()
    picked.edges, picked.plan, picked.saved = (node,), plan, ()
    picked.seq, picked.shape, picked.dtype = tick(), value.shape, value.dtype
    picked.kind = None
    picked.value = value if value.size <= capture.limit else None
    picked.given, picked.params = (("output", position),), ()
    picked.scope, picked.hooks = node.scope, None
    return picked


class PickPlan:
    """Hands the gradient of one result to the node of the whole operation."""

    names: tuple = ()
    keeps = widens = False
    steps = recorded = None

    def __init__(self, op: Any, position: int) -> None:
        self.op, self.position = op, position

    def run(self, g: Any, saved: tuple) -> tuple:
        return (Out(self.position, g),)

    def towards(self, wanted: tuple[bool, ...]) -> PickPlan:
        return self

    def run_recorded(self, g: Any, node: Node) -> tuple:
        return (Out(self.position, g),)
