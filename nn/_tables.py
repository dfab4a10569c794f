"""What a Module does to its tables: checks of names and values, registering, casting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import autograd
from autograd import Tensor

from . import _hooks
from ._hooks import everywhere
from .parameter import Parameter, is_lazy

if TYPE_CHECKING:
    from .module import Module


class LoadHook:
    """A load pre-hook, with the module before its arguments when it asked for that."""

    def __init__(self, hook: Callable, module: Module | None) -> None:
        self.hook, self.module = hook, module

    def __call__(self, *args: Any) -> None:
        self.hook(*args) if self.module is None else self.hook(self.module, *args)


def indent(text: str) -> str:
    """All lines but the first two spaces further right."""
    return text.replace("\n", "\n  ")


def cast(t: Any, dtype: Any) -> Any:
    """`t` in another dtype; a tensor without a shape only remembers it."""
    return t.cast(dtype) if is_lazy(t) else t.type(dtype) if isinstance(dtype, str) else t.to(dtype)


def convert(param: Parameter, fn: Callable) -> None:
    applied = fn(param)
    if is_lazy(param) or applied is param:
        return
    grad = param.grad
    param.data = applied
    if grad is not None:
        param.grad = None
        param.grad = fn(grad).requires_grad_(grad.requires_grad)


def cast_target(args: tuple, kwargs: dict) -> tuple[Any, Any]:
    """(dtype, device) of the arguments of `to`."""
    kwargs = dict(kwargs)
    dtype, device, other = kwargs.pop("dtype", None), kwargs.pop("device", None), kwargs.pop("tensor", None)
    for name in ("non_blocking", "memory_format"):
        kwargs.pop(name, None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument {next(iter(kwargs))!r}")
    for value in (*args, other):
        if isinstance(value, Tensor):
            dtype = value.dtype
        elif isinstance(value, autograd.dtype):
            dtype = value
        elif value is not None and not isinstance(value, bool):
            device = value
    return dtype, device


def kind_of(value: Any) -> str:
    return "Tensor" if isinstance(value, Tensor) and not isinstance(value, Parameter) else type(value).__name__


def is_computed(value: Any) -> bool:
    return isinstance(value, Tensor) and value.grad_fn is not None


def attach(parent: Module, name: str, module: Module | None) -> None:
    """Register a submodule; it remembers its name for pictures."""
    parent._modules[name] = module = registered("module", parent, name, module)
    if module is not None:
        module.__dict__["_scope_name"] = name


def registered(kind: str, module: Module, name: str, value: Any) -> Any:
    return _hooks.registered(kind, module, name, value) if everywhere and value is not None else value


def require_init(module: Module, table: str, what: str) -> None:
    if table not in module.__dict__:
        raise AttributeError(f"cannot assign {what} before Module.__init__() call")


def check_name(module: Module, what: str, name: Any, table: Mapping) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{what} name should be a string. Got {type(name).__name__}")
    if "." in name:
        raise KeyError(f'{what} name can\'t contain ".", got: {name}')
    if name == "":
        raise KeyError(f'{what} name can\'t be empty string ""')
    if name not in table and hasattr(module, name):
        raise KeyError(f"attribute {name!r} already exists")


def put(module: Module, table: str, name: str, value: Any, what: str, expected: str, kind: type | None = None) -> None:
    if value is not None and not (kind and isinstance(value, kind)):
        raise TypeError(f"cannot assign {kind_of(value)!r} as {what} {name!r} ({expected} expected)")
    module.__dict__[table][name] = value


def forget(module: Module, name: str, *tables: str) -> None:
    """Make room for a new registration of `name`."""
    module.__dict__.pop(name, None)
    for table in tables:
        module.__dict__[table].pop(name, None)
    module._non_persistent_buffers_set.discard(name)


def lookup(module: Module, target: str) -> Any:
    path, _, name = target.rpartition(".")
    module = module.get_submodule(path)
    if not hasattr(module, name):
        raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
    return getattr(module, name)


def cast_floating(module: Module, dtype: Any) -> Any:
    return module._apply(lambda t: cast(t, dtype) if t.is_floating_point() else t)


def choose_backward(module: Module, full: bool) -> None:
    if module._is_full_backward_hook is (not full):
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks on a single Module. Please use only one of them."
        )
    module._is_full_backward_hook = full
