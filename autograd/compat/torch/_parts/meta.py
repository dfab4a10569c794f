"""Tensors on the `meta` device: shape and dtype without values.

A `Meta` tensor is zeros that take no memory (one number, repeated by strides). Functions of it run as always, which
gives the shape and dtype of their results, and the values of these are thrown away. In-place functions change nothing.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

import nn
from nn import _state

from .... import _dtype, random
from ...._repr import closed, is_default, of_history
from ...._tensor import Tensor, check_device, device, wrap
from .._dispatch import remade, run_asleep, values_in, wake
from .._facade import HERE
from .._swaps import Swaps

META = device("meta")
_default: ContextVar[bool] = ContextVar("meta", default=False)  # whether tensors are made there unless told otherwise
_MADE = "tensor as_tensor zeros ones empty full arange linspace logspace eye rand randn randint randperm scalar_tensor"
_LIKE = "zeros_like ones_like empty_like full_like rand_like randn_like randint_like"
_NO_DATA = "Cannot copy out of meta tensor; no data!"


def is_meta(wanted: Any) -> bool:
    """Whether a device is that one, by any of its names."""
    return wanted is not None and str(getattr(wanted, "type", wanted)).partition(":")[0] == "meta"


def memory_of(a: Any) -> np.ndarray:
    """An array of that shape and dtype over a single number, which may be written."""
    return np.ndarray(a.shape, a.dtype, np.zeros(1, a.dtype), 0, (0,) * a.ndim)


def emptied(t: Tensor, cls: type | None = None) -> Any:
    """The tensor without its values; its history stays."""
    made: Any = object.__new__(cls or Meta)
    made._data = memory_of(t._data)
    made._node = t._node
    return made


def _refuse(error: type[Exception], text: str) -> Callable:
    def refuse(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise error(text)

    return refuse


class Meta(Tensor):
    """A tensor of which only shape and dtype are known."""

    is_meta = True
    device = property(lambda self: META)
    item = __bool__ = __float__ = __int__ = __index__ = _refuse(
        RuntimeError, "Tensor.item() cannot be called on meta tensors"
    )
    tolist = cpu = _refuse(NotImplementedError, _NO_DATA)
    numpy = __array__ = _refuse(TypeError, "can't convert meta device type tensor to numpy. Use Tensor.cpu() to copy the "
                                           "tensor to host memory first.")  # fmt: skip

    @classmethod
    def __torch_function__(cls, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        if name in _LIKE.split() and kwargs.get("device") is not None and not is_meta(kwargs["device"]):
            return run_asleep(func, *args, **{k: v for k, v in kwargs.items() if k != "device"})
        if name.endswith("_") and not name.endswith("__") and name not in ("requires_grad_", "detach_"):
            return args[0] if args else kwargs["tensor"]
        _check_devices(args)
        state = random.get_rng_state()
        try:
            return _meta_of(run_asleep(func, *args, **kwargs), name)
        finally:
            random.set_rng_state(state)

    def to(self, *args: Any, device: Any = None, **kwargs: Any) -> Any:
        """In another dtype; to another device it cannot go."""
        named = next((a for a in args if isinstance(a, (str, _device))), device)
        if named is not None and not is_meta(named):
            raise NotImplementedError(_NO_DATA)
        rest = [a for a in args if not isinstance(a, (str, _device))]
        return emptied(run_asleep(Tensor.to, self, *rest, **kwargs)) if rest or kwargs else self

    def stride(self, dim: int | None = None) -> Any:
        steps = tuple(int(np.prod(self.shape[i + 1 :])) for i in range(self.ndim))
        return steps if dim is None else steps[dim]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return True

    def detach(self) -> Tensor:
        return emptied(wrap(self._data))

    def clone(self, *, memory_format: Any = None) -> Tensor:
        return emptied(self)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        if dtype is None:
            return run_asleep(Tensor.type, self).replace("torch.", "torch.meta.")
        if not isinstance(dtype, _dtype.dtype):  # a class of tensors in memory
            raise NotImplementedError(_NO_DATA)
        return self.to(dtype)

    def _buffer(self) -> Any:
        return self._data

    def __deepcopy__(self, memo: dict) -> Any:
        made = emptied(wrap(self._data), type(self))
        return memo.setdefault(id(self), made.requires_grad_(self.requires_grad))

    def __repr__(self) -> str:
        dtype = [] if is_default(self.dtype) and self.dtype.is_floating_point else [f"dtype={self.dtype!r}"]
        return closed("tensor(", "...", ["device='meta'", f"size={tuple(self.shape)}", *dtype, *of_history(self)])


_device = device


class MetaParameter(Meta, nn.Parameter):
    """A Parameter of which only shape and dtype are known."""

    def __repr__(self) -> str:
        return "Parameter containing:\n" + Meta.__repr__(self)


for _cls, _where, _what in ((Meta, "torch", "Tensor"), (MetaParameter, "torch.nn.parameter", "Parameter")):
    _cls.__module__, _cls.__qualname__, _cls.__name__ = _where, _what, _what  # what they are in PyTorch


def _check_devices(args: tuple) -> None:
    there = [a for a in values_in(args, {}) if isinstance(a, Tensor) and a.ndim and not isinstance(a, Meta)]
    if there:
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, meta and cpu! "
            f"The one on the cpu has shape {tuple(there[0].shape)}"
        )


_QUESTIONS = {"size", "dim", "numel", "stride", "requires_grad_", "detach_", "is_floating_point"}


def _meta_of(result: Any, name: str) -> Any:
    if isinstance(result, (tuple, list)) and not isinstance(result, type(Tensor.shape)):
        return remade(result, [_meta_of(r, name) for r in result])
    if not isinstance(result, Tensor) or isinstance(result, Meta) or name in _QUESTIONS:
        return result
    return emptied(result)


# ---------------------------------------------------------------------------------------------- making them


def _making(found: Callable) -> Callable:
    """A creating function that knows the meta device."""

    @functools.wraps(found)
    def make(*args: Any, **kwargs: Any) -> Any:
        wanted = kwargs.get("device")
        if not (is_meta(wanted) if wanted is not None else _default.get()):
            return found(*args, **kwargs)
        wake()
        kwargs.pop("device", None)
        gradient, state = kwargs.pop("requires_grad", False), random.get_rng_state()
        try:
            made = emptied(run_asleep(found, *args, **kwargs))
        finally:
            random.set_rng_state(state)
        return made.requires_grad_() if gradient else made

    return make


def _parameter(found: Callable) -> Callable:
    def new(cls: type, data: Any = None, *args: Any, **kwargs: Any) -> Any:
        made = found(cls, data, *args, **kwargs)
        if isinstance(data, Meta) and cls is nn.Parameter:
            made.__class__ = MetaParameter
        return made

    return new


def _moving(found: Callable) -> Callable:
    @functools.wraps(found)
    def to(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        if any(is_meta(a) for a in (*args, kwargs.get("device")) if isinstance(a, (str, device))):
            wake()
            return emptied(self)
        return found(self, *args, **kwargs)

    return to


def _module_to(found: Callable) -> Callable:
    @functools.wraps(found)
    def to(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        named = next((a for a in (*args, kwargs.get("device")) if isinstance(a, (str, device))), None)
        if named is not None and is_meta(named):
            wake()
            return _replaced(self, memory_of, MetaParameter, Meta)
        if named is not None and any(isinstance(p, Meta) for p in self.parameters()):
            raise NotImplementedError(
                f"{_NO_DATA} Please use torch.nn.Module.to_empty() instead of torch.nn.Module.to() when moving module from "
                "meta to a different device."
            )
        return found(self, *args, **kwargs)

    return to


def _to_empty(found: Callable) -> Callable:
    @functools.wraps(found)
    def to_empty(self: nn.Module, *, device: Any = None, recurse: bool = True) -> Any:
        if is_meta(device):
            return self.to("meta")
        if not any(isinstance(p, Meta) for p in (*self.parameters(), *self.buffers())):
            return found(self, device=device, recurse=recurse)
        return _replaced(self, lambda t: np.empty(t.shape, t.dtype), nn.Parameter, Tensor)

    return to_empty


def _replaced(module: nn.Module, memory: Callable, parameter: type, buffer: type) -> nn.Module:
    """Every parameter and buffer over other memory, as tensors of other classes; parameters keep their identity."""
    for part in module.modules():
        for p in (p for p in part._parameters.values() if type(p) in (nn.Parameter, MetaParameter)):
            p._data, p.__class__ = memory(p._data), parameter  # type: ignore[assignment, union-attr]
        for name, b in part._buffers.items():
            if b is not None:
                made: Any = object.__new__(buffer)
                made._data, made._node = memory(b._data), None
                part._buffers[name] = made
    return module


def _skipping(found: Callable) -> Callable:
    @functools.wraps(found)
    def skip_init(module_cls: type, *args: Any, device: Any = "cpu", **kwargs: Any) -> Any:
        return found(module_cls, *args, device="meta", **kwargs).to_empty(device=device)

    return skip_init


def _writing(found: Callable) -> Callable:
    @functools.wraps(found)
    def write(module: Any, name: str, value: Tensor, assign: bool) -> None:
        mine = module._parameters.get(name, module._buffers.get(name))
        if not isinstance(mine, Meta) or assign:
            return found(module, name, value, assign)
        warnings.warn(
            f"for {name}: copying from a non-meta parameter in the checkpoint to a meta parameter in the current model, which "
            "is a no-op. (Did you mean to pass `assign=True` to assign items in the state dictionary to their corresponding "
            "key in the module instead of copying them in place?)",
            UserWarning,
            stacklevel=2,
        )

    return write


def _enter(self: device) -> device:
    check_device(self)
    if is_meta(self):
        self.__dict__.setdefault("tokens", []).append(_default.set(True))
    return self


def _exit(self: device, *exc: object) -> None:
    if is_meta(self):
        _default.reset(self.__dict__["tokens"].pop())


_swaps = Swaps()


def attach(library: Any) -> None:
    """Let creating functions, modules and devices know the meta device."""
    for name in (*_MADE.split(), *_LIKE.split()):
        made = _making(getattr(library, name))
        for place in (sys.modules[HERE], library):  # where the first looks names up
            _swaps.put(place, name, made)
    _swaps.put(nn.Parameter, "__new__", staticmethod(_parameter(nn.Parameter.__new__)))
    _swaps.put(Tensor, "to", _moving(Tensor.to))  # type: ignore[attr-defined]
    _swaps.put(nn.Module, "to", _module_to(nn.Module.to))
    _swaps.put(nn.Module, "to_empty", _to_empty(nn.Module.to_empty))
    for place in (sys.modules[f"{HERE}.nn.utils"], nn.utils):
        _swaps.put(place, "skip_init", _skipping(nn.utils.init.skip_init))
    _swaps.put(_state, "write", _writing(_state.write))
    _swaps.put(device, "__enter__", _enter)
    _swaps.put(device, "__exit__", _exit)


def detach() -> None:
    """Forget the meta device."""
    _swaps.undo()


__all__ = ["META", "Meta", "MetaParameter", "attach", "detach", "is_meta"]
