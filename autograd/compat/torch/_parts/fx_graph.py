"""`torch.fx`: graphs of recorded calls, which can be edited, printed and written as Python code."""

from __future__ import annotations

import builtins
import keyword
import operator
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .._dispatch import resolve_name

INFIX = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "truediv": "{} / {}", "floordiv": "{} // {}", "mod": "{} % {}",
    "pow": "{} ** {}", "lshift": "{} << {}", "rshift": "{} >> {}", "and_": "{} & {}", "or_": "{} | {}", "xor": "{} ^ {}",
    "matmul": "{} @ {}", "eq": "{} == {}", "ne": "{} != {}", "lt": "{} < {}", "gt": "{} > {}", "le": "{} <= {}",
    "ge": "{} >= {}", "pos": "+{}", "neg": "-{}", "invert": "~{}", "getitem": "{}[{}]",
}  # fmt: skip
_TAKEN = {"inf", "nan", "NoneType", "torch", "device", "fx_pytree", "pytree", *keyword.kwlist}
_OPERATIONS = ("placeholder", "call_method", "call_module", "call_function", "get_attr", "output")


def map_arg(value: Any, do: Callable[[Node], Any]) -> Any:
    """`do` of every node in nested tuples, lists, dicts and slices."""
    if isinstance(value, Node):
        return do(value)
    if isinstance(value, tuple):
        parts = [map_arg(v, do) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [map_arg(v, do) for v in value]
    if isinstance(value, dict):
        return {k: map_arg(v, do) for k, v in value.items()}
    if isinstance(value, slice):
        return slice(*(map_arg(v, do) for v in (value.start, value.stop, value.step)))
    return value


def qualified(target: Callable) -> str:
    """Where a function is found, as code writes it."""
    if getattr(builtins, getattr(target, "__name__", ""), None) is target:
        return target.__name__
    found = resolve_name(target)
    if found is not None:
        return found
    module = getattr(target, "__module__", None) or ""
    return f"{module.replace('_operator', 'operator')}.{target.__name__}"


class Node:
    """One call of a graph: its kind (`op`), what is called (`target`), the arguments, and who uses the result."""

    def __init__(
        self, graph: Graph, name: str, op: str, target: Any, args: tuple, kwargs: dict, type_expr: Any = None
    ) -> None:
        self.graph, self.name, self.op, self.target, self.type = graph, name, op, target, type_expr
        self.users: dict[Node, None] = {}
        self.meta: dict[str, Any] = {}
        self._erased = False
        self._args: tuple = ()
        self._kwargs: dict = {}
        self._set(args, kwargs)

    def _set(self, args: tuple, kwargs: dict) -> None:
        for before in self.all_input_nodes:
            before.users.pop(self, None)
        self._args, self._kwargs = tuple(args), dict(kwargs)
        for before in self.all_input_nodes:
            before.users.setdefault(self)

    @property
    def args(self) -> tuple:
        return self._args

    @args.setter
    def args(self, args: tuple) -> None:
        self._set(args, self._kwargs)

    @property
    def kwargs(self) -> dict:
        return self._kwargs

    @kwargs.setter
    def kwargs(self, kwargs: dict) -> None:
        self._set(self._args, kwargs)

    @property
    def all_input_nodes(self) -> list[Node]:
        """The nodes among the arguments, each once."""
        found: dict[Node, None] = {}
        map_arg((self._args, self._kwargs), lambda n: found.setdefault(n))
        return list(found)

    _input_nodes = all_input_nodes

    def update_arg(self, idx: int, arg: Any) -> None:
        args = list(self._args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg: Any) -> None:
        self.args = (*self._args[:idx], arg, *self._args[idx:])

    def update_kwarg(self, key: str, arg: Any) -> None:
        self.kwargs = {**self._kwargs, key: arg}

    def replace_input_with(self, old_input: Node, new_input: Node) -> None:
        """Use another node in place of one of the inputs."""
        swap = lambda n: new_input if n is old_input else n  # noqa: E731
        self._set(map_arg(self._args, swap), map_arg(self._kwargs, swap))

    def replace_all_uses_with(self, replace_with: Node, delete_user_cb: Callable = lambda user: True,
                              *, propagate_meta: bool = False) -> list[Node]:  # fmt: skip
        """Let everybody who uses this node use another one; returns the users."""
        users = [user for user in self.users if delete_user_cb(user)]
        for user in users:
            user.replace_input_with(self, replace_with)
        return users

    def _beside(self, step: int) -> Node:
        order = self.graph._nodes
        return order[(order.index(self) + step) % len(order)]

    next = property(lambda self: self._beside(1))
    prev = property(lambda self: self._beside(-1))

    def prepend(self, x: Node) -> None:
        """Move a node before this one."""
        self.graph._nodes.remove(x)
        self.graph._nodes.insert(self.graph._nodes.index(self), x)

    def append(self, x: Node) -> None:
        """Move a node behind this one."""
        self.graph._nodes.remove(x)
        self.graph._nodes.insert(self.graph._nodes.index(self) + 1, x)

    def is_impure(self, impure_random: bool = True) -> bool:
        """Whether it must stay, even if nobody uses its result."""
        return self.op in ("placeholder", "output")

    def __repr__(self) -> str:
        return self.name

    def format_node(self, placeholder_names: list | None = None, maybe_return_typename: list | None = None) -> str:
        """The line that a printed graph has for this node."""
        start = f"%{self.name} : [num_users={len(self.users)}] = {self.op}[target={self._shown_target()}]"
        if self.op == "placeholder":
            return start + (f"(default={self._args[0]})" if self._args else "")
        if self.op == "get_attr":
            return start
        if self.op == "output":
            return f"return {self._args[0]}"
        return f"{start}(args = {_shown(self._args)}, kwargs = {_shown(self._kwargs)})"

    def _shown_target(self) -> str:
        if isinstance(self.target, str):
            return self.target
        name = qualified(self.target).replace("_operator", "operator")
        return f"builtins.{name}" if "." not in name else name


def _shown(value: Any) -> str:
    """Arguments as a printed graph has them."""
    if isinstance(value, Node):
        return f"%{value.name}"
    if isinstance(value, tuple):
        inner = ", ".join(map(_shown, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_shown(v)}" for k, v in value.items()) + "}"
    return qualified(value) if callable(value) and hasattr(value, "__name__") else str(value)


class Graph:
    """A list of nodes in the order in which they run.

    Example:
        >>> import operator
        >>> from autograd.compat.torch import fx
        >>> graph = fx.Graph()
        >>> x = graph.placeholder("x")
        >>> _ = graph.output(graph.call_function(operator.mul, (x, 2)))
        >>> print(graph)
        graph():
            %x : [num_users=1] = placeholder[target=x]
            %mul : [num_users=1] = call_function[target=operator.mul](args = (%x, 2), kwargs = {})
            return mul
    """

    def __init__(self, owning_module: Any = None, tracer_cls: Any = None, tracer_extras: Any = None) -> None:
        self.owning_module = owning_module
        self._nodes: list[Node] = []
        self._names: dict[str, int] = {}  # names that are taken -> the last number behind them
        self._at: int | None = None  # where new nodes go; None: at the end

    @property
    def nodes(self) -> NodeList:
        return NodeList(self)

    # ------------------------------------------------------------------------------------------ making nodes

    def _free(self, candidate: str) -> str:
        """A name that nobody has, like the one wished for."""
        wish = re.sub("[^0-9a-zA-Z_]+", "_", candidate) or "_unnamed"
        wish = "_" + wish if wish[0].isdigit() else wish
        match = re.fullmatch(r"(.*)_(\d+)", wish)
        base, number = (match[1], int(match[2])) if match else (wish, 0)
        name, number = wish, number or self._names.get(base, 0)
        while name in self._names or name in _TAKEN or hasattr(builtins, name):
            number += 1
            name = f"{base}_{number}"
        self._names[name] = self._names.get(name, 0)
        self._names[base] = number
        return name

    def create_node(self, op: str, target: Any, args: Any = None, kwargs: dict | None = None, name: str | None = None,
                    type_expr: Any = None) -> Node:  # fmt: skip
        """A node at the place where nodes are inserted now."""
        assert op in _OPERATIONS, f"{op!r} is not one of {_OPERATIONS}"
        node = Node(self, self._free(name or _wish(target)), op, target, args or (), kwargs or {}, type_expr)
        if self._at is None:
            self._nodes.append(node)
        else:
            self._nodes.insert(self._at, node)
            self._at += 1
        return node

    def placeholder(self, name: str, type_expr: Any = None, default_value: Any = ...) -> Node:
        """An argument of the function."""
        return self.create_node(
            "placeholder", name, () if default_value is ... else (default_value,), type_expr=type_expr
        )

    def get_attr(self, qualified_name: str, type_expr: Any = None) -> Node:
        """A parameter, buffer or other attribute of the module."""
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def call_function(self, the_function: Callable, args: Any = None, kwargs: Any = None, type_expr: Any = None,
                      name: Any = None) -> Node:  # fmt: skip
        return self.create_node("call_function", the_function, args, kwargs, name, type_expr)

    def call_method(self, method_name: str, args: Any = None, kwargs: Any = None, type_expr: Any = None) -> Node:
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_module(self, module_name: str, args: Any = None, kwargs: Any = None, type_expr: Any = None) -> Node:
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def output(self, result: Any, type_expr: Any = None) -> Node:
        """What the function returns."""
        return self.create_node("output", "output", (result,), type_expr=type_expr)

    def node_copy(self, node: Node, arg_transform: Callable = lambda n: n) -> Node:
        """A node of another graph, its inputs translated."""
        args, kwargs = map_arg(node.args, arg_transform), map_arg(node.kwargs, arg_transform)
        made = self.create_node(node.op, node.target, args, kwargs, node.name, node.type)
        made.meta = dict(node.meta)
        return made

    def graph_copy(self, g: Graph, val_map: dict, return_output_node: bool = False) -> Any:
        """All nodes of another graph; returns what it returned."""
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                found = map_arg(node.args[0], val_map.__getitem__)
                return (found, node) if return_output_node else found
            val_map[node] = self.node_copy(node, val_map.__getitem__)
        return None

    # ------------------------------------------------------------------------------------------ editing

    @contextmanager
    def _inserting(self, at: int | None) -> Iterator[None]:
        before, self._at = self._at, at
        try:
            yield
        finally:
            self._at = before

    def inserting_before(self, n: Node | None = None) -> Any:
        """A block in which new nodes go before this one."""
        return self._inserting(0 if n is None else self._nodes.index(n))

    def inserting_after(self, n: Node | None = None) -> Any:
        """A block in which new nodes go behind this one."""
        return self._inserting(None if n is None else self._nodes.index(n) + 1)

    def erase_node(self, to_erase: Node) -> None:
        """Take a node out that nobody uses."""
        if to_erase.users:
            raise RuntimeError(f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in the graph: "
                               f"{to_erase.users}!")  # fmt: skip
        to_erase._set((), {})
        to_erase._erased = True
        self._nodes.remove(to_erase)

    def eliminate_dead_code(self, is_impure_node: Callable | None = None) -> bool:
        """Take out what nobody uses; whether there was anything."""
        self.lint()
        keep = is_impure_node or Node.is_impure
        dead = [node for node in reversed(self._nodes) if not keep(node)]
        changed = False
        for node in dead:
            if not node.users:
                self.erase_node(node)
                changed = True
        return changed

    def find_nodes(self, *, op: str, target: Any = None, sort: bool = True) -> list[Node]:
        return [n for n in self._nodes if n.op == op and (target is None or n.target == target)]

    def lint(self) -> None:
        """Raise unless every argument comes before its use, from this graph, and names are unique."""
        seen: set[Node] = set()
        names: set[str] = set()
        for node in self._nodes:
            for before in node.all_input_nodes:
                if before.graph is not self:
                    raise RuntimeError(f"Argument '{before}' of Node '{node}' does not belong to this Graph, but was used as an argument! "
                                       "If you are copying nodes from another graph, make sure to use ``arg_transform`` on node_copy() "
                                       f"to remap values\n{self}")  # fmt: skip
                if before not in seen:
                    raise RuntimeError(f"Argument '{before}' of Node '{node}' was used before it has been defined! Please check "
                                       f"that Nodes in the graph are topologically ordered\n{self}")  # fmt: skip
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            seen.add(node)
            names.add(node.name)

    def output_node(self) -> Node:
        return next(n for n in reversed(self._nodes) if n.op == "output")

    # ------------------------------------------------------------------------------------------ printing

    def __str__(self) -> str:
        return "graph():" + "".join(f"\n    {node.format_node()}" for node in self._nodes)

    def __deepcopy__(self, memo: Any) -> Graph:
        made = Graph()
        found = made.graph_copy(self, {}, return_output_node=True)
        if found is not None:
            made.output(found[0])
        return made

    def python_code(self, root_module: str = "self", **options: Any) -> PythonCode:
        """The graph as the source of a function `forward`."""
        return PythonCode(*_source(self, root_module))


class NodeList:
    """The nodes of a graph in their order, also backwards; the graph may be changed meanwhile."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __len__(self) -> int:
        return len(self._graph._nodes)

    def __iter__(self) -> Iterator[Node]:
        return self._walk(1)

    def __reversed__(self) -> Iterator[Node]:
        return self._walk(-1)

    def _walk(self, step: int) -> Iterator[Node]:
        node, rest = None, self._graph._nodes[::step]
        while rest:
            node = rest[0]
            behind = rest[1:]
            yield node
            order = self._graph._nodes[::step]
            rest = [n for n in behind if not n._erased] if node._erased else order[order.index(node) + 1 :]


def _wish(target: Any) -> str:
    """What a node that calls this would like to be called."""
    name = target if isinstance(target, str) else target.__name__
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
    return re.sub("([a-z0-9])([A-Z])", r"\1_\2", name).lower().rstrip("_" if not isinstance(target, str) else "")


class PythonCode:
    """Source, and the values that its global names stand for."""

    def __init__(self, src: str, globals: dict[str, Any]) -> None:
        self.src, self.globals = src, globals


def _source(graph: Graph, root: str) -> tuple[str, dict[str, Any]]:
    given: dict[str, Any] = {}
    arguments, lines, wrapped = [], [], []  # type: ignore[var-annotated]
    finished = _finished(graph)
    for node in graph._nodes:
        if node.op == "placeholder":
            arguments.append(f"{node.target} = {node.args[0]!r}" if node.args else node.target)
            if node.name != (plain := node.target.strip("*")):
                lines.append(f"{node.name} = {plain}")
        elif node.op == "output":
            lines.append(f"return {_written(node.args[0], given)}")
        else:
            forget = f";  {' = '.join(finished[node])} = None" if finished[node] else ""
            lines.append(f"{node.name} = {_call(node, root, given, wrapped)}{forget}")
    body = "".join(f"    {line}\n" for line in lines or ["pass"])
    head = "\n".join(f'torch.fx._symbolic_trace.wrap("{name}")' for name in wrapped)
    return f"\n{head}\n\ndef forward({', '.join([root, *arguments])}):\n{body}    ", given


def _finished(graph: Graph) -> dict[Node, list[str]]:
    """The names that are used for the last time by each node; its own where nobody uses it."""
    last: dict[Node, Node] = {}
    for node in reversed(graph._nodes):
        for before in node.all_input_nodes:
            last.setdefault(before, node)
    found: dict[Node, list[str]] = {node: [] for node in graph._nodes}
    for before, node in last.items():
        found[node].append(before.name)
    for node in graph._nodes:
        if node not in last and node.op not in ("placeholder", "output"):
            found[node].append(node.name)
    return found


def _call(node: Node, root: str, given: dict, wrapped: list) -> str:
    args = [_written(a, given) for a in node.args]
    inner = ", ".join(args + [f"{k} = {_written(v, given)}" for k, v in node.kwargs.items()])
    if node.op == "get_attr":
        return _path(root, node.target)
    if node.op == "call_module":
        return f"{_path(root, node.target)}({inner})"
    if node.op == "call_method":
        rest = ", ".join(args[1:] + [f"{k} = {_written(v, given)}" for k, v in node.kwargs.items()])
        return f"{args[0]}.{node.target}({rest})"
    if (
        getattr(operator, node.target.__name__, None) is node.target
        and node.target.__name__ in INFIX
        and not node.kwargs
    ):
        return INFIX[node.target.__name__].format(*args)
    if node.target is getattr and isinstance(node.args[1], str) and node.args[1].isidentifier():
        return f"{args[0]}.{node.args[1]}"
    name = _global(node.target, given)
    if node.meta.get("is_wrapped") and name not in wrapped:
        wrapped.append(name)
    return f"{name}({inner})"


def _path(root: str, target: str) -> str:
    """`self.layers` or `getattr(self.layers, "0")`."""
    found = root
    for part in target.split("."):
        found = f"{found}.{part}" if part.isidentifier() else f'getattr({found}, "{part}")'
    return found


def _global(value: Any, given: dict) -> str:
    """The name by which code refers to a function or class."""
    name = qualified(value)
    if "." not in name or name.startswith("torch."):
        return name
    short = name.replace(".", "_")
    given[short] = value
    return short


def _written(value: Any, given: dict) -> str:
    """An argument as source."""
    if isinstance(value, Node):
        return value.name
    if isinstance(value, tuple):
        inner = ", ".join(_written(v, given) for v in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(_written(v, given) for v in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_written(v, given)}" for k, v in value.items()) + "}"
    if isinstance(value, slice):
        return f"slice({', '.join(_written(v, given) for v in (value.start, value.stop, value.step))})"
    return _global(value, given) if isinstance(value, type) or callable(value) else repr(value)


__all__ = ["Graph", "Node", "PythonCode", "map_arg"]
