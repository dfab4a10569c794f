"""`torch.fx`: recording what a module computes, by running it on proxies."""

from __future__ import annotations

import builtins
import copy
import dis
import functools
import inspect
import operator
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import nn

from ...._tensor import Tensor
from .. import _dispatch
from .fx_graph import INFIX, Graph, Node
from .top import _assert

# Functions of torch.nn.functional that are written in Python there: parameters with defaults arrive by name.
_IN_PYTHON = (
    "adaptive_max_pool1d adaptive_max_pool2d alpha_dropout batch_norm binary_cross_entropy binary_cross_entropy_with_logits "
    "cross_entropy dropout dropout1d dropout2d dropout3d elu embedding group_norm hardswish hardtanh instance_norm interpolate "
    "kl_div l1_loss layer_norm leaky_relu log_softmax max_pool1d max_pool2d max_pool3d mish mse_loss nll_loss normalize relu "
    "relu6 selu silu smooth_l1_loss softmax softmin"
)


class TraceError(ValueError):
    """The function does something that cannot be recorded."""


class Proxy:
    """Stands for a value while a function is recorded: whatever is done with it becomes a node."""

    def __init__(self, node: Node, tracer: Any = None) -> None:
        self.node, self.tracer = node, tracer or GraphAppendingTracer(node.graph)

    def __repr__(self) -> str:
        return f"Proxy({self.node.name})"

    def __getattr__(self, name: str) -> Attribute:
        return Attribute(self, name)

    def __setstate__(self, state: dict) -> None:  # as copying would look for it among what is recorded
        self.__dict__.update(state)

    def __deepcopy__(self, memo: dict) -> Proxy:
        return copy.copy(self)

    def __getitem__(self, index: Any) -> Proxy:
        return self.tracer.create_proxy("call_function", operator.getitem, (self, index), {})

    def __call__(self, *args: Any, **kwargs: Any) -> Proxy:
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self) -> Iterator[Proxy]:
        caller = sys._getframe(1)
        for instruction in dis.get_instructions(caller.f_code):
            if instruction.offset == caller.f_lasti and instruction.opname == "UNPACK_SEQUENCE":
                return (self[i] for i in range(instruction.argval))
        return self.tracer.iter(self)

    def __bool__(self) -> bool:
        return self.tracer.to_bool(self)

    def __len__(self) -> int:
        raise RuntimeError("'len' is not supported in symbolic tracing by default. If you want this call to be recorded, please "
                           "call torch.fx.wrap('len') at module scope")  # fmt: skip

    def keys(self) -> Any:
        return self.tracer.create_proxy("call_method", "keys", (self,), {})

    @classmethod
    def __torch_function__(cls, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Proxy:
        tracer = next(v.tracer for v in _dispatch.values_in(args, kwargs or {}) if isinstance(v, Proxy))
        name = getattr(func, "__name__", "")
        if getattr(Tensor, name, None) is func:
            return tracer.create_proxy("call_method", name, args, kwargs or {})
        return tracer.create_proxy("call_function", func, *_as_written(func, args, kwargs or {}))


def _as_written(func: Callable, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The arguments as PyTorch's own function hands them on."""
    name = getattr(func, "__name__", "")
    if name not in _IN_PYTHON.split() or getattr(nn.functional, name, None) is not func:
        return args, kwargs
    signature = inspect.signature(func)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return args, kwargs
    bound.apply_defaults()
    required = [n for n, p in signature.parameters.items() if p.default is p.empty]
    more = {"_stacklevel": 3} if name in ("softmax", "log_softmax", "softmin") else {}
    positional = tuple(bound.arguments.pop(n) for n in required)
    rest = dict(bound.arguments)
    ordered = {k: rest.pop(k) for k in list(rest) if k == "dim"} if more else {}
    return positional, {**ordered, **more, **rest}


class Attribute(Proxy):
    """An attribute of a proxy: a method about to be called, or a value."""

    def __init__(self, root: Proxy, attr: str) -> None:
        self.root, self.attr, self.tracer = root, attr, root.tracer
        self._node: Node | None = None

    @property
    def node(self) -> Node:  # type: ignore[override]
        if self._node is None:
            self._node = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {}).node
        return self._node

    def __call__(self, *args: Any, **kwargs: Any) -> Proxy:
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


def _recorded(function: Callable, reflected: bool) -> Callable:
    def method(self: Proxy, *args: Any) -> Proxy:
        return self.tracer.create_proxy("call_function", function, (*args, self) if reflected else (self, *args), {})

    return method


for _name in INFIX:
    if _name != "getitem":
        _plain = _name.strip("_")
        setattr(Proxy, f"__{_plain}__", _recorded(getattr(operator, _name), False))
        if _plain not in ("eq", "ne", "lt", "gt", "le", "ge", "pos", "neg", "invert"):
            setattr(Proxy, f"__r{_plain}__", _recorded(getattr(operator, _name), True))
Proxy.__hash__ = object.__hash__  # type: ignore[method-assign, assignment]


class TracerBase:
    """What turns values into arguments of nodes, and nodes into proxies."""

    graph: Graph
    root: nn.Module
    proxy_factory_fn: Any = None

    def create_node(
        self, kind: str, target: Any, args: tuple, kwargs: dict, name: Any = None, type_expr: Any = None
    ) -> Node:
        return self.graph.create_node(kind, target, args, kwargs, name, type_expr)

    def proxy(self, node: Node) -> Proxy:
        return Proxy(node, self)

    def create_proxy(self, kind: str, target: Any, args: tuple, kwargs: dict, name: Any = None, type_expr: Any = None,
                     proxy_factory_fn: Any = None) -> Proxy:  # fmt: skip
        """A node for a call, as the value of its result."""
        made = self.create_node(
            kind, target, self.create_arg(tuple(args)), self.create_arg(dict(kwargs)), name, type_expr
        )
        return self.proxy(made)

    def create_arg(self, a: Any) -> Any:
        """A value as an argument of a node."""
        if isinstance(a, Proxy):
            return a.node
        if isinstance(a, tuple) and hasattr(a, "_fields"):
            return type(a)(*(self.create_arg(v) for v in a))
        if isinstance(a, (tuple, list)):
            return type(a)(self.create_arg(v) for v in a)
        if isinstance(a, dict):
            return {k: self.create_arg(v) for k, v in a.items()}
        if isinstance(a, slice):
            return slice(*(self.create_arg(v) for v in (a.start, a.stop, a.step)))
        return a

    def iter(self, obj: Proxy) -> Iterator:
        raise TraceError("Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as a *args "
                         "or **kwargs function argument. See the torch.fx docs on pytorch.org for a more detailed explanation "
                         "of what types of control flow can be traced, and check out the Proxy docstring for help "
                         "troubleshooting Proxy iteration errors")  # fmt: skip

    def to_bool(self, obj: Proxy) -> bool:
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")


class GraphAppendingTracer(TracerBase):
    """Puts what is done with a proxy at the end of its graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph


class Tracer(TracerBase):
    """Records modules and functions; override `is_leaf_module` to say which modules are one call."""

    def __init__(
        self, autowrap_modules: Any = (), autowrap_functions: Any = (), param_shapes_constant: bool = False
    ) -> None:
        self.tensor_attrs: dict[int, str] = {}
        self.constants: list[Tensor] = []
        self.parameters: dict[str, Proxy] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is recorded as one call: those of torch.nn are, but for Sequential."""
        return type(m).__module__.startswith(("torch.nn", "torch.ao.nn", "nn.")) and not isinstance(m, nn.Sequential)

    def path_of_module(self, mod: nn.Module) -> str:
        """The name of a module within the one that is recorded."""
        for name, module in self.root.named_modules():
            if module is mod:
                return name
        raise NameError("module is not installed as a submodule")

    def call_module(self, m: nn.Module, forward: Callable, args: tuple, kwargs: dict) -> Any:
        name = self.path_of_module(m)
        if not self.is_leaf_module(m, name):
            return forward(*args, **kwargs)
        return self.create_proxy("call_module", name, args, kwargs)

    def create_arg(self, a: Any) -> Any:
        if isinstance(a, tuple) and hasattr(a, "_fields"):
            return self.create_node("call_function", type(a), super().create_arg(tuple(a)), {})
        if isinstance(a, Tensor):
            return self.create_node("get_attr", self._attribute(a), (), {})
        if isinstance(a, nn.Module):
            return self.create_node("get_attr", self.path_of_module(a), (), {})
        return super().create_arg(a)

    def parameter(self, p: nn.Parameter) -> Any:
        """What stands for a parameter that the function asks its module for: one node, however often."""
        name = self.tensor_attrs.get(id(p))
        if name is None:
            return p
        if name not in self.parameters:
            self.parameters[name] = self.create_proxy("get_attr", name, (), {})
        return self.parameters[name]

    def _attribute(self, a: Tensor) -> str:
        """The name of a tensor of the module; another one becomes an attribute."""
        found = self.tensor_attrs.get(id(a))
        if found is None:
            found = f"_tensor_constant{len(self.constants)}"
            self.constants.append(a)
            setattr(self.root, found, a)
            self.tensor_attrs[id(a)] = found
        return found

    def trace(self, root: nn.Module | Callable, concrete_args: dict[str, Any] | None = None) -> Graph:
        """The graph of what a module or function computes."""
        if isinstance(root, nn.Module):
            self.root, function = root, type(root).forward
        else:
            self.root, function = nn.Module(), root
        self.graph, self.parameters = Graph(tracer_cls=type(self)), {}
        self.tensor_attrs = {id(t): name for name, t in (*self.root.named_parameters(), *self.root.named_buffers())}
        for prefix, module in self.root.named_modules():
            for name, t in vars(module).items():
                if isinstance(t, Tensor):
                    self.tensor_attrs[id(t)] = f"{prefix}.{name}" if prefix else name
        function, parameters = _opened(function)
        given, named = self._arguments(parameters[isinstance(root, nn.Module) :], concrete_args or {})
        with _patched(self):
            result = function(*((root, *given) if isinstance(root, nn.Module) else given), **named)
        self.create_node("output", "output", (self.create_arg(result),), {})
        return self.graph

    def _arguments(self, parameters: list[inspect.Parameter], concrete: dict) -> tuple[list, dict]:
        positional: list = []
        named: dict = {}
        for p in parameters:
            if p.name in concrete:
                value = self._specialized(p, concrete[p.name])
            else:
                value = self._placeholder(_STARS.get(p.kind, "") + p.name, p)
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
                positional.append(value)
            else:
                named[p.name] = value
        return positional, named

    def _placeholder(self, name: str, p: inspect.Parameter) -> Proxy:
        return self.create_proxy("placeholder", name, () if p.default is p.empty else (p.default,), {})

    def _specialized(self, p: inspect.Parameter, value: Any) -> Any:
        """The value itself; what is recorded checks that it is called with the same one."""
        given = self._placeholder(f"{p.name}_1", p)
        if value is PH:
            return given
        said = f"{p.name} has been specialized to have value {value} but got another value"
        if value is None:
            self.create_proxy("call_function", _assert_is_none, (given, said), {})
        elif isinstance(value, (bool, int, float, complex, str)):
            self.create_proxy("call_function", _assert, (given == value, said), {})
        else:
            warnings.warn(f"Was not able to add assertion to guarantee correct input {p.name} to specialized function. It is up to "
                          "the user to make sure that your inputs match the inputs you specialized the function with.", stacklevel=5)  # fmt: skip
        return value


PH: Any = type("PHBase", (), {"__repr__": lambda self: "PH"})()  # in concrete_args: an argument like every other


def _assert_is_none(value: Any, msg: str) -> None:
    assert value is None, msg


_assert_is_none.__module__ = "torch.fx._symbolic_trace"  # where the code of a graph finds it


_STARS: dict = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def _opened(function: Callable) -> tuple[Callable, list[inspect.Parameter]]:
    """The function and its parameters; what stars collect is one argument like the others, behind them."""
    parameters = inspect.signature(function).parameters
    stars = sum(p.kind in _STARS for p in parameters.values())
    if not stars:
        return function, list(parameters.values())
    plain: Any = inspect.unwrap(function)
    if not isinstance(plain, types.FunctionType):
        raise TypeError(
            f"symbolic_trace: *args and **kwargs are recorded of functions only, got {type(plain).__name__}"
        )
    code = plain.__code__
    every = code.co_argcount + code.co_kwonlyargcount + stars
    code = code.replace(co_flags=code.co_flags & ~(inspect.CO_VARARGS | inspect.CO_VARKEYWORDS),
                        co_argcount=every, co_posonlyargcount=0, co_kwonlyargcount=0)  # fmt: skip
    opened = types.FunctionType(code, plain.__globals__, plain.__name__, closure=plain.__closure__)
    return opened, [parameters[name] for name in code.co_varnames[:every]]


_wrapped: list[tuple[dict, str]] = []  # global tables and names of functions that are one call


def wrap(fn_or_name: Any) -> Any:
    """Record calls of this global function as one node; also a decorator."""
    if isinstance(fn_or_name, str):
        _wrapped.append((sys._getframe(1).f_globals, fn_or_name))
    elif not hasattr(fn_or_name, "__globals__"):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    else:
        _wrapped.append((fn_or_name.__globals__, fn_or_name.__name__))
    return fn_or_name


def _leaf(found: Callable) -> Callable:
    @functools.wraps(found)
    def call(*args: Any, **kwargs: Any) -> Any:
        proxy = next((v for v in _dispatch.values_in(args, kwargs) if isinstance(v, Proxy)), None)
        if proxy is None:
            return found(*args, **kwargs)
        made = proxy.tracer.create_proxy("call_function", found, args, kwargs)
        made.node.meta["is_wrapped"] = True
        return made

    return call


@contextmanager
def _patched(tracer: Tracer) -> Iterator[None]:
    """While it lasts, modules and wrapped functions ask the tracer."""
    call: Any = nn.Module.__call__
    attribute: Any = nn.Module.__getattr__

    def ask(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return tracer.call_module(module, lambda *a, **k: call(module, *a, **k), args, kwargs)

    def found_of(module: nn.Module, name: str) -> Any:
        found = attribute(module, name)
        return tracer.parameter(found) if isinstance(found, nn.Parameter) else found

    kept = [(table, name, table.get(name, getattr(builtins, name, None))) for table, name in _wrapped]
    _dispatch.wake()
    try:
        nn.Module.__call__ = ask  # type: ignore[method-assign]
        nn.Module.__getattr__ = found_of  # type: ignore[method-assign]
        for table, name, found in kept:
            table[name] = _leaf(found)
        yield
    finally:
        nn.Module.__call__ = call  # type: ignore[method-assign]
        nn.Module.__getattr__ = attribute  # type: ignore[method-assign]
        for table, name, found in kept:
            table[name] = found


__all__ = ["PH", "Attribute", "GraphAppendingTracer", "Proxy", "TraceError", "Tracer", "TracerBase", "wrap"]
