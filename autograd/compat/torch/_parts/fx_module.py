"""`torch.fx`: modules made from graphs, running a graph node by node, and replacing patterns in it."""

from __future__ import annotations

import copy
import sys
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import nn

from ...._tensor import Tensor
from .._facade import HERE
from .fx_graph import Graph, Node, map_arg
from .fx_trace import Attribute, GraphAppendingTracer, Proxy, Tracer
from .pytree import tree_leaves, tree_map


def _fetched(root: nn.Module, target: str) -> Any:
    found: Any = root
    for part in target.split("."):
        if not hasattr(found, part):
            raise RuntimeError(f"Node referenced nonexistent target {target}")
        found = getattr(found, part)
    return found


def _copied(source: nn.Module, to: nn.Module, target: str) -> None:
    """Hang the attribute at a dotted name into another module, with empty modules on the way."""
    *path, last = target.split(".")
    for part in path:
        child, source = getattr(to, part, None), getattr(source, part)
        if child is None:
            child = nn.Module()
            setattr(to, part, child)
        if child is source:
            return
        to = child
    _hang(to, last, getattr(source, last))


def _hang(to: nn.Module, name: str, value: Any) -> None:
    """A tensor that is no parameter becomes a buffer."""
    if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
        to.register_buffer(name, value)
    else:
        setattr(to, name, value)


class GraphModule(nn.Module):
    """A module whose `forward` is written from a graph; after editing the graph call `recompile()`.

    Example:
        >>> import autograd
        >>> from autograd.compat.torch import fx
        >>> module = fx.symbolic_trace(lambda x: x * 2 + 1)
        >>> module(autograd.tensor([1.0, 2.0]))
        tensor([3., 5.])
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> GraphModule:
        """Of a class of its own, as each has its own `forward`."""
        own = type(cls.__name__, (cls,), {}) if "_written" not in vars(cls) else cls
        own._written = True  # type: ignore[attr-defined]
        return object.__new__(own)

    def __init__(self, root: Any, graph: Graph, class_name: str = "GraphModule") -> None:
        super().__init__()
        type(self).__name__ = type(self).__qualname__ = class_name
        if isinstance(root, dict):
            self._from_table(root, graph)
        else:
            self.training = root.training
            for node in graph.nodes:
                if node.op in ("get_attr", "call_module"):
                    _copied(root, self, node.target)
        self.graph = graph

    def _from_table(self, table: dict, graph: Graph) -> None:
        for node in graph.nodes:
            if node.op in ("get_attr", "call_module"):
                if node.target not in table:
                    raise RuntimeError(
                        f"Node {node} referenced target {node.target} but that target was not provided in ``root``!"
                    )
                *path, last = node.target.split(".")
                place: nn.Module = self
                for part in path:
                    if not hasattr(place, part):
                        setattr(place, part, nn.Module())
                    place = getattr(place, part)
                _hang(place, last, table[node.target])

    @property
    def graph(self) -> Graph:
        return self.__dict__["_graph"]

    @graph.setter
    def graph(self, graph: Graph) -> None:
        graph.owning_module = self
        self.__dict__["_graph"] = graph
        self.recompile()

    @property
    def code(self) -> str:
        """The source of `forward`."""
        return self.__dict__["_code"]

    def recompile(self) -> Any:
        """Write `forward` anew from the graph."""
        made = self.graph.python_code("self")
        self.__dict__["_code"] = made.src
        torch: Any = sys.modules[HERE]
        scope = {"torch": torch, "device": torch.device, "inf": torch.inf, "nan": torch.nan, **made.globals}
        body = made.src[made.src.index("def forward(") :]
        exec(compile(body.rstrip() + "\n", "<eval_with_key>", "exec"), scope)  # noqa: S102  (written from the graph)
        type(self).forward = scope["forward"]
        return made

    def print_readable(self, print_output: bool = True, **options: Any) -> str:
        """The source as a class; printed, too."""
        body = self.code.strip("\n ").replace("\n", "\n    ")
        text = f"class {type(self).__name__}(torch.nn.Module):\n    {body}"
        if print_output:
            print(text)
        return text

    def add_submodule(self, target: str, m: nn.Module) -> bool:
        *path, last = target.split(".")
        place: nn.Module = self
        for part in path:
            if not hasattr(place, part):
                setattr(place, part, nn.Module())
            place = getattr(place, part)
        setattr(place, last, m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Take a module out; whether there was one."""
        *path, last = target.split(".")
        place: Any = self
        for part in path:
            place = getattr(place, part, None)
        if not isinstance(getattr(place, last, None), nn.Module):
            return False
        delattr(place, last)
        return True

    def delete_all_unused_submodules(self) -> None:
        """Take out the modules that the graph does not call."""
        used = {n.target for n in self.graph.nodes if n.op in ("call_module", "get_attr")}
        for name in [name for name, _ in self.named_modules() if name]:
            if not any(f"{k}.".startswith(f"{name}.") or name.startswith(f"{k}.") for k in used):
                self.delete_submodule(name)

    def __deepcopy__(self, memo: dict) -> GraphModule:
        made = GraphModule(nn.Module(), Graph(), type(self).__name__)
        for table in ("_parameters", "_buffers", "_modules"):
            made.__dict__[table].update(copy.deepcopy(self.__dict__[table], memo))
        made.training = self.training
        made.graph = copy.deepcopy(self.graph, memo)
        return made

    def __repr__(self) -> str:
        shown = nn.Module.__repr__(self)
        return "\n".join([shown, self.code, "# To see more debug info, please use `graph_module.print_readable()`"])

    __str__ = __repr__


def symbolic_trace(root: Any, concrete_args: dict[str, Any] | None = None) -> GraphModule:
    """The module or function as a `GraphModule`."""
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    return GraphModule(tracer.root, graph, getattr(root, "__name__", type(root).__name__))


class Interpreter:
    """Runs a graph node by node; override a method to do something else for a kind of node."""

    def __init__(self, module: nn.Module, garbage_collect_values: bool = True, graph: Graph | None = None) -> None:
        self.module: Any = module
        self.graph: Graph = graph or self.module.graph
        self.env: dict[Node, Any] = {}
        self.submodules = dict(module.named_modules())

    def run(self, *args: Any, initial_env: dict | None = None, enable_io_processing: bool = True) -> Any:
        self.env, self.args_iter = dict(initial_env or {}), iter(args)
        for node in self.graph.nodes:
            if node not in self.env:
                self.env[node] = self.run_node(node)
            if node.op == "output":
                return self.env[node]
        return None

    def run_node(self, n: Node) -> Any:
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        return getattr(self, n.op)(n.target, args, kwargs)

    def placeholder(self, target: str, args: tuple, kwargs: dict) -> Any:
        if target.startswith("*"):
            return list(self.args_iter)
        try:
            return next(self.args_iter)
        except StopIteration:
            if args:
                return args[0]
            raise RuntimeError(
                f"Expected positional argument for parameter {target}, but one was not passed in!"
            ) from None

    def get_attr(self, target: str, args: tuple, kwargs: dict) -> Any:
        return self.fetch_attr(target)

    def call_function(self, target: Callable, args: tuple, kwargs: dict) -> Any:
        return target(*args, **kwargs)

    def call_method(self, target: str, args: tuple, kwargs: dict) -> Any:
        owner, *rest = args
        return getattr(owner, target)(*rest, **kwargs)

    def call_module(self, target: str, args: tuple, kwargs: dict) -> Any:
        return self.fetch_attr(target)(*args, **kwargs)

    def output(self, target: str, args: tuple, kwargs: dict) -> Any:
        return args[0]

    def fetch_attr(self, target: str) -> Any:
        return _fetched(self.module, target)

    def fetch_args_kwargs_from_env(self, n: Node) -> tuple[tuple, dict]:
        return self.map_nodes_to_values(n.args, n), self.map_nodes_to_values(n.kwargs, n)

    def map_nodes_to_values(self, args: Any, n: Node) -> Any:
        return map_arg(args, self.env.__getitem__)


class Transformer(Interpreter):
    """Runs a graph on proxies and so writes a new one."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(module)
        self.new_graph = Graph()
        self.tracer: Any = GraphAppendingTracer(self.new_graph)
        self.tracer.root = module

    def placeholder(self, target: str, args: tuple, kwargs: dict) -> Proxy:
        return Proxy(self.new_graph.placeholder(target, default_value=args[0] if args else ...), self.tracer)

    def get_attr(self, target: str, args: tuple, kwargs: dict) -> Proxy:
        return self.tracer.create_proxy("get_attr", target, args, kwargs)

    def call_module(self, target: str, args: tuple, kwargs: dict) -> Any:
        return self.tracer.create_proxy("call_module", target, args, kwargs)

    def transform(self) -> GraphModule:
        """The module of the new graph."""
        result = super().run()
        if result is not None:
            self.new_graph.output(self.tracer.create_arg(result))
        return GraphModule(self.module, self.new_graph)


class ShapeProp(Interpreter):
    """Runs a graph and notes shape and dtype of every tensor in `node.meta["tensor_meta"]`."""

    def run_node(self, n: Node) -> Any:
        result = super().run_node(n)
        if any(isinstance(found, Tensor) for found in tree_leaves(result)):
            n.meta["tensor_meta"] = tree_map(_metadata, result)
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args: Any) -> Any:
        return self.run(*args)


TensorMetadata = namedtuple(
    "TensorMetadata", ("shape", "dtype", "requires_grad", "stride", "memory_format", "is_quantized", "qparams")
)


def _metadata(t: Any) -> Any:
    if not isinstance(t, Tensor):
        return t
    return TensorMetadata(t.shape, t.dtype, t.requires_grad, t.stride(), None, False, {})


Match = namedtuple("Match", ("anchor", "nodes_map"))


def _matches(pattern: Node, node: Any, found: dict) -> bool:
    """Whether a node computes what the pattern's node computes; placeholders fit everything."""
    if pattern in found:
        return found[pattern] is node
    if pattern.op == "placeholder":
        found[pattern] = node
        return True
    if not isinstance(node, Node) or pattern.op != node.op or pattern.target != node.target:
        return False
    found[pattern] = node
    return _same(pattern.args, node.args, found) and _same(pattern.kwargs, node.kwargs, found)


def _same(pattern: Any, value: Any, found: dict) -> bool:
    if isinstance(pattern, Node):
        return _matches(pattern, value, found)
    if isinstance(pattern, (tuple, list)):
        fits = isinstance(value, (tuple, list)) and len(pattern) == len(value)
        return fits and all(_same(p, v, found) for p, v in zip(pattern, value, strict=True))
    if isinstance(pattern, dict):
        return pattern.keys() == value.keys() and all(_same(p, value[k], found) for k, p in pattern.items())
    return bool(pattern == value)


def _contained(found: dict, anchor: Node) -> bool:
    """Whether nothing but the match itself uses what is inside it."""
    inside = {n for p, n in found.items() if p.op != "placeholder"}
    return all(n is anchor or set(n.users) <= inside for n in inside)


def _graph_of(given: Any) -> Graph:
    return given.graph if isinstance(given, GraphModule) else Tracer().trace(given)


def replace_pattern(gm: GraphModule, pattern: Any, replacement: Any) -> list:
    """Replace everything that computes what `pattern` computes by what `replacement` computes; returns the matches."""
    wanted, new = _graph_of(pattern), _graph_of(replacement)
    end = wanted.output_node().args[0]
    matches: list = []
    for node in list(gm.graph.nodes):
        found: dict = {}
        if node._erased or not _matches(end, node, found) or not _contained(found, node):
            continue
        inputs = [found[p] for p in wanted.nodes if p.op == "placeholder"]
        val_map = dict(zip((p for p in new.nodes if p.op == "placeholder"), inputs, strict=True))
        with gm.graph.inserting_before(next((n for n in gm.graph.nodes if n in node.users), node)):
            result = gm.graph.graph_copy(new, val_map)
        node.replace_all_uses_with(result)
        for inner in reversed(list(gm.graph.nodes)):
            if inner in {n for p, n in found.items() if p.op != "placeholder"} and not inner.users:
                gm.graph.erase_node(inner)
        matches.append(Match(node, found))
    gm.recompile()
    return matches


__all__ = ["Attribute", "GraphModule", "Interpreter", "Match", "ShapeProp", "TensorMetadata", "Transformer", "replace_pattern",
           "symbolic_trace"]  # fmt: skip
