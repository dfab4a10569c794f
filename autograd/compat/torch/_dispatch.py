"""`__torch_function__`: classes and modes that are asked before a function of torch runs.

Nothing is looked at until a program writes a class with `__torch_function__`, a subclass of Tensor, or enters a
`TorchFunctionMode`: then the functions of the facade and the methods of Tensor are replaced by ones that ask. A program
without these pays nothing.
"""

from __future__ import annotations

import builtins
import functools
import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import FunctionType, MethodType
from typing import Any

import nn
from nn.layers import linear

from ..._registry import registry
from ..._tensor import Tensor
from . import _facade
from ._facade import HERE
from ._swaps import Swaps

modes: ContextVar[tuple] = ContextVar("modes", default=())
asleep: ContextVar[bool] = ContextVar("asleep", default=False)  # whether classes are not asked now
_OURS = HERE.partition(".")[0]
_SPACES = ("", "nn.functional", "linalg", "fft", "special", "nn.init", "functional")
_swaps = Swaps()

# What operators are called where PyTorch has them do a method's work.
_OPERATORS = {
    "__add__": "add", "__radd__": "add", "__iadd__": "add_", "__sub__": "sub", "__isub__": "sub_", "__mul__": "mul",
    "__rmul__": "mul", "__imul__": "mul_", "__truediv__": "div", "__itruediv__": "div_", "__mod__": "remainder",
    "__neg__": "neg", "__abs__": "abs", "__matmul__": "matmul", "__ne__": "ne", "__lt__": "lt", "__le__": "le",
    "__gt__": "gt", "__ge__": "ge",
}  # fmt: skip
_QUERIES = {"dim", "size", "numel", "ndimension", "stride", "is_contiguous", "requires_grad_", "is_floating_point", "is_complex",
            "__len__"}  # fmt: skip
_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
_BINARY = {f"__{r}{name}__" for name in _ARITHMETIC for r in ("", "r")}
_SHOWN = {"__pow__": "pow", "__rtruediv__": "__rdiv__"}
_LEFT = {
    "__new__", "__init__", "__hash__", "__dir__", "__reduce_ex__", "__array_ufunc__", "__array_function__", "as_subclass",
    "__torch_function__", "__iter__", "__format__",
}  # fmt: skip
# Functions that are no declared operations and are asked about all the same.
_MORE = {"rand", "tensor", "as_tensor", "sparse_coo_tensor", "is_floating_point", "is_complex", "numel", "detach"}
_UNASKED = {"from_numpy", "is_tensor"}
_CREATING = {"zeros", "ones", "empty", "full", "arange", "linspace", "logspace", "eye", "randn", "randint", "randperm"}


def disabled(cls: type, func: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None) -> Any:
    """What a class has as `__torch_function__` that does not want to be asked."""
    return NotImplemented


disabled_impl = classmethod(disabled)


def asks(kind: type) -> bool:
    """Whether values of this class take part in the choice."""
    found = getattr(kind, "__torch_function__", None)
    return found is not None and kind is not Tensor and getattr(found, "__func__", None) is not disabled


def values_in(args: tuple, kwargs: dict) -> list:
    """The arguments, and what lies in lists and tuples among them."""
    found: list = []
    for value in (*args, *kwargs.values()):
        found.extend(value) if type(value) in (list, tuple) else found.append(value)
    return found


def overloaded(values: Any) -> list:
    """One value of each class that is to be asked, subclasses before their bases, else from left to right."""
    found: list = []
    for value in values:
        kind = type(value)
        if asks(kind) and all(type(v) is not kind for v in found):
            at = next((i for i, v in enumerate(found) if issubclass(kind, type(v))), len(found))
            found.insert(at, value)
    return found


class Refused(Exception):
    """Everybody was asked and nobody answered."""


def ask(func: Callable, raw: Callable, args: tuple, kwargs: dict) -> Any:
    """The result of the first mode or class that gives one, or of the function itself where nobody is to be asked."""
    running = modes.get()
    takers = [] if asleep.get() else overloaded(values_in(args, kwargs))
    if not running and not takers:
        return raw(*args, **kwargs)
    types = tuple(type(v) for v in takers)
    if running:
        token = modes.set(running[:-1])
        try:
            result = running[-1].__torch_function__(func, types, args, kwargs or None)
        finally:
            modes.reset(token)
        if result is not NotImplemented:
            return result
    for taker in takers:
        result = taker.__torch_function__(func, types, args, kwargs or None)
        if result is not NotImplemented:
            return result
    raise Refused(_refused(func, running, types))


def _refused(func: Callable, running: tuple, types: tuple) -> str:
    lines = [f"  - mode object {mode!r}" for mode in running[-1:]] + [f"  - tensor subclass {t!r}" for t in types]
    name = resolve_name(func) or getattr(func, "__name__", repr(func))
    return (
        f"Multiple dispatch failed for {name!r}; all __torch_function__ handlers returned NotImplemented:\n\n"
        + "\n".join(lines)
        + "\n\nhandle it in __torch_function__, or return super().__torch_function__(func, types, args, kwargs) there"
    )


def resolve_name(f: Callable) -> str | None:
    """Where a function of torch is found: `torch.nn.functional.relu`, `torch.Tensor.add`."""
    spaces = {name: sys.modules[f"{HERE}.{name}" if name else HERE] for name in _SPACES}
    for space, module in (*spaces.items(), ("nn.functional", nn.functional)):
        for key, found in vars(module).items():
            if found is f and not key.startswith("_"):
                return ".".join(part for part in ("torch", space, key) if part)
    for key, found in vars(Tensor).items():
        if found is f:
            return f"torch.Tensor.{key}"
        if isinstance(found, property) and found is getattr(f, "__self__", None):
            return f"torch.Tensor.{key}.__get__"
    return None


def _called_by_us() -> bool:
    """Whether this package's own code asks, which is no call of the program's."""
    return sys._getframe(2).f_globals.get("__name__", "").partition(".")[0] in (_OURS, "nn")


class Dispatched:
    """A function or method that asks first; equal to the function it stands for, as programs keep these in tables."""

    def __init__(self, raw: Callable, method: bool = False) -> None:
        functools.update_wrapper(self, raw)
        self.raw, self.func, self.method = raw, self, method

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.method and self.__name__ in _QUERIES and _called_by_us():
            return self.raw(*args, **kwargs)
        try:
            return ask(self.func, self.raw, args, kwargs)
        except Refused as nobody:
            if self.__name__ in _BINARY:
                return NotImplemented  # Python then says so, or asks the other operand
            raise TypeError(str(nobody)) from None

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None or not self.method else MethodType(self, instance)

    def __eq__(self, other: object) -> bool:
        return self is other or self.raw is (other.raw if isinstance(other, Dispatched) else other)

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return repr(self.raw)


class DispatchedProperty(property):
    """An attribute of Tensor that asks first, as the function `Tensor.shape.__get__`."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None or (type(instance) is Tensor and not modes.get()) or _called_by_us():
            return property.__get__(self, instance, owner)
        return ask(self.__get__, self.fget, (instance,), {})  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------- waking up


def spaces() -> list[Any]:
    """The facade's modules with functions that ask."""
    return [sys.modules[f"{HERE}.{name}" if name else HERE] for name in _SPACES]


def wake() -> None:
    """Let every function ask from now on."""
    if _swaps:
        return
    registry.complete()
    for module in (nn.functional, nn.init, *spaces()):
        for name, found in list(vars(module).items()):
            _dress(module, name, found)
    _dress_linear()
    for name, member in list(vars(Tensor).items()):
        new = _dressed_member(name, member)
        if new is not member:
            _swaps.put(Tensor, name, new)
    for operator, method in _OPERATORS.items():
        vars(Tensor)[operator].func = vars(Tensor)[method]
    _facade.dress = _dress


def wake_if_watching() -> None:
    """Wake up, provided that the facade answers for torch."""
    if not _swaps and builtins.__build_class__ is _watching:
        wake()


def sleep() -> None:
    """Put the functions themselves back."""
    _swaps.undo()
    _facade.dress = None


def _dress_linear() -> None:
    """The layer calls its function without the binding of keywords."""
    direct = Dispatched(linear._linear)
    direct.func = nn.functional.linear
    _swaps.put(linear, "_linear", direct)


def _dress(module: Any, name: str, found: Any) -> Any:
    """Let a module have the form of a function that asks, until `sleep()`."""
    new = _dressed(module, name, found) if module in (nn.functional, nn.init, *spaces()) else found
    if isinstance(new, Dispatched):  # found as one where the module looks its names up, or made one here
        _swaps.put(module, name, new, new.raw)
    return new


def _dressed(module: Any, name: str, found: Any) -> Any:
    """A function of a module, asking first if it is one of those that PyTorch asks about."""
    same = vars(nn.functional).get(name) if module.__name__ == HERE + ".nn.functional" else None
    if isinstance(same, Dispatched):
        return same
    if isinstance(found, Dispatched) or not callable(found) or isinstance(found, type) or name.startswith("__"):
        return found
    known = hasattr(found, "op") or name in _MORE or name in _CREATING
    known = known and name not in _UNASKED
    return Dispatched(found) if known or vars(nn.init).get(name) is found else found


def _dressed_member(name: str, member: Any) -> Any:
    if name in _LEFT or (name.startswith("_") and not name.endswith("__")):
        return member
    if type(member) is property:
        return DispatchedProperty(member.fget, member.fset, member.fdel, member.__doc__)
    if not isinstance(member, FunctionType):
        return member
    made = Dispatched(member, method=True)
    made.__name__ = _SHOWN.get(name, name)
    return made


def convert(result: Any, cls: type) -> Any:
    """Results as tensors of the subclass."""
    if cls is Tensor:
        return result
    if isinstance(result, Tensor) and not isinstance(result, cls):
        return result.as_subclass(cls)  # type: ignore[attr-defined]
    if isinstance(result, (tuple, list)):
        return remade(result, [convert(r, cls) for r in result])
    return result


def remade(container: Any, parts: list) -> Any:
    """A list, tuple or named tuple like `container` with other parts."""
    return type(container)(*parts) if hasattr(container, "_fields") else type(container)(parts)


def run_asleep(func: Callable, *args: Any, **kwargs: Any) -> Any:
    """The function, with classes asleep."""
    token = asleep.set(True)
    try:
        return func(*args, **kwargs)
    finally:
        asleep.reset(token)


def default(cls: type, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
    """Tensor's own answer: run the function with classes asleep, and give its results the class."""
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    result = run_asleep(func, *args, **(kwargs or {}))
    return result if _stays_plain(func) else run_asleep(convert, result, cls)


def _stays_plain(func: Callable) -> bool:
    """Whether what it gives is somebody else's tensor."""
    return func in (vars(Tensor)["grad"].__get__,) or getattr(func, "__name__", "") == "__repr__"


# ---------------------------------------------------------------------------------------------- watching for classes

_build_class = builtins.__build_class__


def _watching(body: Callable, name: str, *bases: Any, **kwargs: Any) -> Any:
    """Make a class, as always, and wake up if it is one that wants to be asked."""
    made = _build_class(body, name, *bases, **kwargs)
    if not _swaps and isinstance(made, type) and not _is_ours(made) and asks(made):
        wake()
    return made


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in (_OURS, "nn")


def attach() -> None:
    """Give Tensor its answer and watch for classes that have their own."""
    Tensor.__torch_function__ = classmethod(default)  # type: ignore[attr-defined]
    for cls in (nn.Parameter, nn.Buffer):
        cls.__torch_function__ = disabled_impl  # type: ignore[attr-defined]
    builtins.__build_class__ = _watching


def detach() -> None:
    sleep()
    builtins.__build_class__ = _build_class
    for cls in (Tensor, nn.Parameter, nn.Buffer):
        del cls.__torch_function__


__all__ = ["Dispatched", "ask", "asks", "asleep", "attach", "detach", "disabled_impl", "modes", "overloaded", "remade", "resolve_name",
           "run_asleep", "spaces", "values_in", "wake", "wake_if_watching"]  # fmt: skip
