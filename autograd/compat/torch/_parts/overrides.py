"""`torch.overrides`: classes with `__torch_function__`, and modes that see every function of torch that runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from types import FunctionType
from typing import Any

from ...._tensor import Tensor
from .. import _dispatch
from .._dispatch import resolve_name


def has_torch_function(relevant_args: Iterable) -> bool:
    """Whether an argument would be asked before a function runs."""
    return any(_dispatch.asks(type(v)) for v in relevant_args)


def has_torch_function_unary(tensor: Any) -> bool:
    return _dispatch.asks(type(tensor))


def has_torch_function_variadic(*tensors: Any) -> bool:
    return has_torch_function(tensors)


def handle_torch_function(public_api: Callable, relevant_args: Iterable, *args: Any, **kwargs: Any) -> Any:
    """Ask the arguments about a function of the program's own; TypeError where none of them answers."""
    takers = _dispatch.overloaded(relevant_args)
    types = tuple(type(v) for v in takers)
    for taker in takers:
        result = taker.__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    name = f"{public_api.__module__}.{public_api.__name__}"
    raise TypeError(f"no implementation found for {name!r} on types that implement __torch_function__: {list(types)}")


def wrap_torch_function(dispatcher: Callable) -> Callable:
    """Decorator of a function of the program's own: the arguments that `dispatcher` names are asked first."""

    def wrapper(function: Callable) -> Callable:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return wrapped

    return wrapper


def is_tensor_like(inp: Any) -> bool:
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


def is_tensor_method_or_property(func: Callable) -> bool:
    """Whether a function is one of Tensor's methods, or the getter of an attribute."""
    return getattr(func, "__name__", "") == "__get__" or func in vars(Tensor).values()


def get_overridable_functions() -> dict[Any, list]:
    """The functions that ask, by the module or class they are in."""
    _dispatch.wake_if_watching()
    places = {Tensor: vars(Tensor), **{module: vars(module) for module in _dispatch.spaces()}}
    return {
        place: [f for f in table.values() if isinstance(f, _dispatch.Dispatched)] for place, table in places.items()
    }


def get_ignored_functions() -> set:
    """The functions of torch that never ask."""
    return {f for module in _dispatch.spaces() for f in vars(module).values() if type(f) is FunctionType}


class TorchFunctionMode:
    """While its block runs, `__torch_function__` of the mode is asked about every function of torch, innermost first.

    Example:
        >>> from autograd.compat import torch
        >>> _ = torch.install()
        >>> from torch.overrides import TorchFunctionMode
        >>> class Names(TorchFunctionMode):
        ...     def __torch_function__(self, func, types, args=(), kwargs=None):
        ...         print(func.__name__)
        ...         return func(*args, **(kwargs or {}))
        >>> with Names():
        ...     x = torch.ones(2) + 1
        ones
        add
        >>> torch.uninstall()
    """

    inner: TorchFunctionMode

    def __torch_function__(self, func: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> TorchFunctionMode:
        _dispatch.wake()
        _dispatch.modes.set((*_dispatch.modes.get(), self))
        return self

    def __exit__(self, *exc: object) -> None:
        _dispatch.modes.set(_dispatch.modes.get()[:-1])

    @classmethod
    def push(cls, *args: Any, **kwargs: Any) -> TorchFunctionMode:
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that runs every function as it is."""

    def __torch_function__(self, func: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None) -> Any:
        return func(*args, **(kwargs or {}))


class _Block:
    """A block during which a context variable has another value."""

    variables: tuple[tuple[ContextVar, Any], ...] = ()

    def __enter__(self) -> None:
        self.tokens = [variable.set(value) for variable, value in self.variables]

    def __exit__(self, *exc: object) -> None:
        for (variable, _), token in zip(self.variables, self.tokens, strict=True):
            variable.reset(token)


class DisableTorchFunctionSubclass(_Block):
    """A block in which classes are not asked."""

    variables = ((_dispatch.asleep, True),)


class DisableTorchFunction(_Block):
    """A block in which neither classes nor modes are asked."""

    variables = ((_dispatch.asleep, True), (_dispatch.modes, ()))


_disabled_torch_function_impl = _dispatch.disabled_impl.__get__(None, Tensor)

__all__ = ["BaseTorchFunctionMode", "DisableTorchFunction", "DisableTorchFunctionSubclass", "TorchFunctionMode",
           "get_ignored_functions", "get_overridable_functions", "handle_torch_function", "has_torch_function",
           "has_torch_function_unary", "has_torch_function_variadic", "is_tensor_like", "is_tensor_method_or_property",
           "resolve_name", "wrap_torch_function"]  # fmt: skip
