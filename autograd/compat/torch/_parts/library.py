"""`torch.library`: functions of one's own as operations, with a gradient; and `torch.ops`, where they are found again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from .... import Function, no_grad
from ...._tensor import Tensor

_defined: dict[str, CustomOpDef] = {}


class CustomOpDef:
    """An operation defined in Python.

    Example:
        >>> import autograd
        >>> from autograd.compat import torch
        >>> @torch.library.custom_op("doctest::double", mutates_args=())
        ... def double(x: torch.Tensor) -> torch.Tensor:
        ...     return x * 2
        >>> double.register_autograd(lambda ctx, g: g * 2)
        >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
        >>> torch.ops.doctest.double(x).sum().backward()
        >>> x.grad
        tensor([2., 2.])
    """

    def __init__(self, name: str, fn: Callable, mutates_args: Any = ()) -> None:
        self._qualname, self._fn = name, fn
        self._signature = inspect.signature(fn)
        self._mutated = tuple(self._signature.parameters) if mutates_args == "unknown" else tuple(mutates_args)
        self._fake: Callable | None = None
        self._backward: Callable | None = None
        self._setup: Callable | None = None
        self.__name__, self.__doc__ = name.rpartition("::")[2], fn.__doc__
        self._function = _recorded(self)

    default = property(lambda self: self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = self._signature.bind(*args, **kwargs)
        given.apply_defaults()
        if self._mutated and self._backward is None:
            return self.run(tuple(given.arguments.values()))
        return self._function.apply(*given.arguments.values())

    def run(self, values: tuple) -> Any:
        """The function itself, its arguments in order: it sees plain tensors, and nothing in it is recorded."""
        given = self._signature.bind_partial()
        plain = [v.detach() if isinstance(v, Tensor) else v for v in values]
        given.arguments.update(zip(self._signature.parameters, plain, strict=True))
        with no_grad():
            result = self._fn(*given.args, **given.kwargs)
        if any(result is v for v in plain if isinstance(v, Tensor)):
            raise RuntimeError(f"{self._qualname}: The output of this custom operator must not also be an input to this "
                               "custom operator and may not alias any inputs to it; return a clone()")  # fmt: skip
        return result

    def register_autograd(self, backward: Callable, /, *, setup_context: Callable | None = None) -> None:
        """Let `backward(ctx, *gradients)` give one gradient per argument, from what `setup_context` kept in ctx."""
        self._backward, self._setup = backward, setup_context

    def register_fake(self, fn: Callable, /) -> Callable:
        """Note a function that gives the result's shape; here the operation itself is run for that."""
        self._fake = fn
        return fn

    def register_kernel(self, device_types: Any, fn: Callable | None = None, /) -> Callable:
        """Take `fn` for the CPU; what is registered for other devices has no use here."""
        names = (device_types,) if isinstance(device_types, (str, type(None))) else tuple(device_types)

        def register(fn: Callable) -> Callable:
            if None in names or "cpu" in names:
                self._fn = fn
            return fn

        return register if fn is None else register(fn)

    def register_vmap(self, func: Callable | None = None) -> Callable:
        """Note a batching rule; without it the operation runs slice by slice, and so it does here."""
        return (lambda f: f) if func is None else func

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"


def _recorded(op: CustomOpDef) -> type[Function]:
    """The Function that an operation is where gradients are wanted."""

    class Recorded(Function):
        @staticmethod
        def forward(ctx: Any, *values: Any) -> Any:
            result = op.run(values)
            if op._setup is not None:
                op._setup(ctx, values, result)
            return result

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            if op._backward is None:
                name = op._qualname.replace("::", ".")
                raise RuntimeError(f"Trying to backward through {name}.default but no autograd formula was registered. "
                                   "Please use register_autograd to add one.")  # fmt: skip
            return op._backward(ctx, *grads)

    Recorded.__name__ = Recorded.__qualname__ = f"GeneratedBackwardFor_{op._qualname.replace('::', '_')}_default"
    return Recorded


def custom_op(name: str, fn: Callable | None = None, /, *, mutates_args: str | Iterable[str] = (), device_types: Any = None,
              schema: str | None = None, tags: Any = None) -> Any:  # fmt: skip
    """Make a function an operation called "namespace::name".

    Raises:
        ValueError: the name has no namespace.
    """
    if name.count("::") != 1:
        raise ValueError(f"expected namespace::name, got {name!r}")

    def define(fn: Callable) -> CustomOpDef:
        _defined[name] = CustomOpDef(name, fn, mutates_args)
        return _defined[name]

    return define if fn is None else define(fn)


def _found(op: Any) -> CustomOpDef:
    if isinstance(op, str):
        if op not in _defined:
            raise RuntimeError(f"{op}: no such operator; define it by torch.library.custom_op")
        return _defined[op]
    return op


def register_autograd(
    op: Any, backward: Callable, /, *, setup_context: Callable | None = None, lib: Any = None
) -> None:
    """`op.register_autograd` for an operation or its name."""
    _found(op).register_autograd(backward, setup_context=setup_context)


def register_fake(op: Any, func: Callable | None = None, /, *, lib: Any = None, **ignored: Any) -> Callable:
    """`op.register_fake` for an operation or its name; a decorator without a function."""
    return _found(op).register_fake if func is None else _found(op).register_fake(func)


def register_kernel(op: Any, device_types: Any, func: Callable | None = None, /, *, lib: Any = None) -> Callable:
    """`op.register_kernel` for an operation or its name."""
    return _found(op).register_kernel(device_types, func)


def register_vmap(op: Any, func: Callable | None = None, /, *, lib: Any = None) -> Callable:
    """`op.register_vmap` for an operation or its name."""
    return _found(op).register_vmap(func)


def opcheck(
    op: Any, args: tuple, kwargs: dict | None = None, *, raise_exception: bool = True, **ignored: Any
) -> dict[str, str]:
    """Run an operation, and compare what its `register_fake` function says of the result's shape.

    Raises:
        RuntimeError: the shapes differ, or there is no such function.
    """
    found = _found(op)
    result = found(*args, **(kwargs or {}))
    outcome = dict.fromkeys(_CHECKS, "SUCCESS")
    wrong = _wrong_shape(found, result, args, kwargs or {})
    if wrong and raise_exception:
        raise RuntimeError(f"opcheck(op, ...): test_faketensor failed with {wrong}")
    if wrong:
        outcome["test_faketensor"] = wrong
    return outcome


_CHECKS = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")


def _wrong_shape(op: CustomOpDef, result: Any, args: tuple, kwargs: dict) -> str | None:
    """What the function registered for shapes says wrongly of a result."""
    if op._fake is None and result is not None:
        return f"There was no fake impl registered for {op!r}. Please use register_fake to add one."
    if not isinstance(result, Tensor):
        return None
    said = op._fake(*args, **kwargs)  # type: ignore[misc]
    if tuple(said.shape) == tuple(result.shape) and said.dtype is result.dtype:
        return None
    return (
        f"{op._qualname}: register_fake gives {list(said.shape)} {said.dtype!r}, the operation "
        f"{list(result.shape)} {result.dtype!r}"
    )


class _Namespace:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> CustomOpDef:
        try:
            return _defined[f"{self._name}::{name}"]
        except KeyError:
            raise AttributeError(f"'_OpNamespace' '{self._name}' object has no attribute '{name}'") from None


class _Ops:
    """`torch.ops`: the operations that were defined, by namespace and name."""

    def __getattr__(self, name: str) -> _Namespace:
        return _Namespace(name)


ops = _Ops()

__all__ = [
    "CustomOpDef",
    "custom_op",
    "opcheck",
    "register_autograd",
    "register_fake",
    "register_kernel",
    "register_vmap",
]
