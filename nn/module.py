"""Module: parameters, buffers and submodules by name, hooks around forward, and a state that can be saved."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import autograd
from autograd import Tensor
from autograd._mode import scope
from autograd._node import RemovableHandle, Scope, capture, new

from . import _hooks, _state
from ._hooks import Hook, everywhere, keep
from ._tables import (
    LoadHook,
    attach,
    cast,
    cast_floating,
    cast_target,
    check_name,
    choose_backward,
    convert,
    forget,
    indent,
    is_computed,
    kind_of,  # fmt: skip
    lookup,
    put,
    registered,
    require_init,
)
from .parameter import Buffer, Parameter

_calls = itertools.count()
current, enter = scope.get, scope.set
_TABLES = ("_parameters", "_buffers", "_modules")
_HOOKS = (
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks",
    "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip


class Module:
    """Base of all layers and networks: a function with parameters of its own.

    A subclass calls `super().__init__()`, assigns its parameters and submodules to attributes, and defines `forward`.

    Attributes:
        training: True while training; `train()` and `eval()` change it, Dropout and BatchNorm look at it.

    Example:
        >>> import nn
        >>> class Two(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.first = nn.Linear(3, 4)
        ...         self.second = nn.Linear(4, 1)
        ...
        ...     def forward(self, x):
        ...         return self.second(self.first(x).relu())
        >>> net = Two()
        >>> net(autograd.zeros(2, 3)).shape
        Size([2, 1])
        >>> [name for name, _ in net.named_parameters()]
        ['first.weight', 'first.bias', 'second.weight', 'second.bias']
    """

    _version = 1
    dump_patches = False
    call_super_init = False
    training: bool
    _scope_name: str | None = None  # the attribute under which the module was registered last, for pictures

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and (args or kwargs):
            got = (
                f"{len(args) + 1} were given" if args else f"got an unexpected keyword argument {next(iter(kwargs))!r}"
            )
            raise TypeError(f"{type(self).__name__}.__init__() takes 1 positional argument but {got}" if args
                            else f"{type(self).__name__}.__init__() {got}")  # fmt: skip
        own = self.__dict__
        own["training"] = True
        for table in _TABLES:
            own[table] = {}
        own["_non_persistent_buffers_set"] = set()
        own["_is_full_backward_hook"] = None
        for table in _HOOKS:
            own[table] = OrderedDict()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # ------------------------------------------------------------------------------------------ running

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`forward`, with the hooks around it."""
        call = self.forward
        if (
            self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks or everywhere
        ):  # fmt: skip
            call = self._call_with_hooks
        if not capture.limit:  # nobody will draw this: no scope needed
            return call(*args, **kwargs)
        scope = new(Scope)
        scope.name, scope.module = self._scope_name or type(self).__name__, self
        scope.index, scope.parent = next(_calls), current()
        try:  # with the switch inside: an interrupt may come right after it
            enter(scope)
            return call(*args, **kwargs)
        finally:
            enter(scope.parent)

    def _call_with_hooks(self, *args: Any, **kwargs: Any) -> Any:
        return _hooks.call_with_hooks(self, args, kwargs)

    # ------------------------------------------------------------------------------------------ registering

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name`; None reserves the name (as `bias=False` does).

        Raises:
            KeyError, TypeError: the name is taken or no name at all, or the value is not a Parameter.
            AttributeError: `super().__init__()` has not run.
        """
        require_init(self, "_parameters", "parameter")
        check_name(self, "parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign {kind_of(param)!r} object to parameter {name!r} (nn.Parameter or None required)"
                + (
                    "; a result of a computation cannot be a parameter: keep its inputs instead"
                    if is_computed(param)
                    else ""
                )
            )
        self._parameters[name] = registered("parameter", self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the state but is not learnt; `persistent=False` keeps it out of the state_dict.

        Raises:
            KeyError, TypeError: the name is taken or no name at all, or the value is not a Tensor.
            AttributeError: `super().__init__()` has not run.
        """
        require_init(self, "_buffers", "buffer")
        check_name(self, "buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign {kind_of(tensor)!r} object to buffer {name!r} (Tensor or None required)")
        self._buffers[name] = registered("buffer", self, name, tensor)
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule under `name`.

        Raises:
            KeyError, TypeError: the name is taken or no name at all, or the value is not a Module.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{kind_of(module)} is not a Module subclass")
        require_init(self, "_modules", "module")
        check_name(self, "module", name, self._modules)
        attach(self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Another name of `add_module`."""
        self.add_module(name, module)

    # ------------------------------------------------------------------------------------------ attributes

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        if "_parameters" in own:
            if name in (table := own["_parameters"]):
                return table[name]
            if name in (table := own["_buffers"]):
                return table[name]
            if name in (table := own["_modules"]):
                return table[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            require_init(self, "_parameters", "parameters")
            forget(self, name, "_buffers", "_modules")
            self.register_parameter(name, value)
        elif name in self.__dict__.get("_parameters", ()):
            put(self, "_parameters", name, value, "parameter", "nn.Parameter or None")
        elif isinstance(value, Module):
            require_init(self, "_modules", "module")
            forget(self, name, "_parameters", "_buffers")
            attach(self, name, value)
        elif name in self.__dict__.get("_modules", ()):
            put(self, "_modules", name, value, "child module", "nn.Module or None")
        elif isinstance(value, Buffer):
            require_init(self, "_buffers", "buffer")
            forget(self, name, "_parameters", "_modules")
            self.register_buffer(name, value, value.persistent)
        elif name in self.__dict__.get("_buffers", ()):
            put(self, "_buffers", name, value, "buffer", "nn.Buffer, Tensor or None", Tensor)
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for table in _TABLES:
            if name in self.__dict__.get(table, ()):
                del self.__dict__[table][name]
                self._non_persistent_buffers_set.discard(name)
                return
        if name not in self.__dict__ and not hasattr(type(self), name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        keys = [*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers]
        return sorted(key for key in set(keys) if not key[:1].isdigit())

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        for table in _HOOKS:
            self.__dict__.setdefault(table, OrderedDict())

    # ------------------------------------------------------------------------------------------ looking around

    def _named_members(
        self, members: Callable, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in members(module):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield f"{path}.{name}" if path else name, value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once."""
        return (value for _, value in self.named_parameters(recurse=recurse))

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(path, parameter) for all parameters; a shared one comes once unless remove_duplicate=False."""
        return self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once."""
        return (value for _, value in self.named_buffers(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(path, buffer) for all buffers."""
        return self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def children(self) -> Iterator[Module]:
        """The direct submodules, each once."""
        return (module for _, module in self.named_children())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the direct submodules, each once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """(path, module) for this module and all below it."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                inner = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, inner, remove_duplicate)

    def get_submodule(self, target: str) -> Module:
        """The submodule at a dotted path.

        Raises:
            AttributeError: there is nothing at the path, or it is no Module.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` at a dotted path; with strict=True something must be there already.

        Raises:
            ValueError: the path is empty, or the value is not a Module.
            AttributeError: the path does not exist.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"set_submodule: {kind_of(module)} is not an nn.Module")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path."""
        found = lookup(self, target)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{target.rpartition('.')[2]}` is not an nn.Parameter")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path."""
        path, _, name = target.rpartition(".")
        found = lookup(self, target)
        if name not in self.get_submodule(path)._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return found

    # ------------------------------------------------------------------------------------------ changing

    def apply(self, fn: Callable[[Module], Any]) -> Any:
        """Call `fn` on every submodule, then on this module; returns itself."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Replace every parameter's data, gradient and every buffer by `fn` of it; parameters keep their identity."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        with autograd.no_grad():
            for param in self._parameters.values():
                if param is not None:
                    convert(param, fn)
            for name, buffer in self._buffers.items():
                if buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Cast floating parameters and buffers: `to(dtype)`, `to(device)`, `to(tensor)`, in any combination.

        With `memory_format=autograd.channels_last` those with four axes are laid out so.

        Raises:
            TypeError: the dtype is not a floating or complex one.
            RuntimeError: the device is not the CPU.
        """
        dtype, device = cast_target(args, kwargs)
        if device is not None:
            autograd.empty(0, device=device)
        if (memory_format := kwargs.get("memory_format")) is not None:
            self._apply(lambda t: t.to(memory_format=memory_format) if t.ndim == len(memory_format.axes or ()) else t)
        if dtype is None:
            return self
        if not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype!r}"
            )
        return self._apply(lambda t: cast(t, dtype) if t.is_floating_point() or t.is_complex() else t)

    def type(self, dst_type: Any) -> Any:
        """Cast all parameters and buffers."""
        return self._apply(lambda t: cast(t, dst_type))

    def float(self) -> Any:
        """Cast floating parameters and buffers to float32."""
        return cast_floating(self, autograd.float32)

    def double(self) -> Any:
        """Cast floating parameters and buffers to float64."""
        return cast_floating(self, autograd.float64)

    def half(self) -> Any:
        """Cast floating parameters and buffers to float16."""
        return cast_floating(self, autograd.float16)

    def bfloat16(self) -> Any:
        """Cast floating parameters and buffers to bfloat16."""
        return cast_floating(self, autograd.bfloat16)

    def cpu(self) -> Any:
        """Nothing to do: tensors live on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Any:
        """Refused: tensors live on the CPU here."""
        return self.to("cuda")

    def to_empty(self, *, device: Any = None, recurse: bool = True) -> Any:
        """Give every tensor fresh uninitialised memory."""
        return self._apply(lambda t: autograd.empty_like(t), recurse=recurse)

    def share_memory(self) -> Any:
        """`share_memory_` of every parameter and buffer; returns itself."""
        return self._apply(lambda t: t.share_memory_())

    def train(self, mode: bool = True) -> Any:
        """Training mode on or off, here and in all submodules."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Any:
        """Evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Whether gradients of the parameters are recorded (False freezes the module)."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the parameters' gradients, or set them to zero."""
        for param in self.parameters():
            if param.grad is None:
                continue
            if set_to_none:
                param.grad = None
            else:
                param.grad = param.grad.detach_() if param.grad.grad_fn is not None else param.grad
                param.grad.requires_grad_(False).zero_()

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do; here so that programs that call it run."""

    # ------------------------------------------------------------------------------------------ hooks

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` (or `(module, args, kwargs)`) before forward; it may return new arguments."""
        return keep(self._forward_pre_hooks, Hook(hook, with_kwargs).plain(), prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward; it may return a new output.

        Args:
            prepend: before the hooks that are there.
            with_kwargs: call it as `hook(module, args, kwargs, output)`.
            always_call: also when forward has raised.
        """
        return keep(self._forward_hooks, Hook(hook, with_kwargs, always_call).plain(), prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the outputs' gradients have arrived; it may return others."""
        return keep(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the inputs' gradients are known; it may return others.

        Example:
            >>> import nn
            >>> layer = nn.Linear(2, 1)
            >>> handle = layer.register_full_backward_hook(lambda m, gi, go: print(go[0]))
            >>> layer(autograd.ones(1, 2, requires_grad=True)).sum().backward()
            tensor([[1.]])
        """
        choose_backward(self, True)
        return keep(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """PyTorch's older hook: sees only the module's last operation. Prefer `register_full_backward_hook`."""
        choose_backward(self, False)
        return keep(self._backward_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the state_dict is made."""
        return keep(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after the module's part of the state_dict is made."""
        return keep(self._state_dict_hooks, hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, metadata, strict, missing, unexpected, errors)` before loading."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> RemovableHandle:
        return keep(self._load_state_dict_pre_hooks, LoadHook(hook, self if with_module else None))

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after loading; it may remove keys from the report."""
        return keep(self._load_state_dict_post_hooks, hook)

    # ------------------------------------------------------------------------------------------ state

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """All parameters and persistent buffers by path, sharing memory with the module.

        Args:
            destination: a dict to fill instead of a new one.
            prefix: put before every name.
            keep_vars: the parameters themselves instead of detached tensors.
        """
        given = dict(zip(("destination", "prefix", "keep_vars"), args, strict=False))
        return _state.collect(
            self, given.get("destination", destination), given.get("prefix", prefix), given.get("keep_vars", keep_vars)
        )

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        _state.save_own(self, destination, prefix, keep_vars)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Copy tensors into the parameters and buffers of the same names: all of them, or none when something is wrong.

        Args:
            state_dict: names to tensors, as `state_dict()` gives.
            strict: refuse missing and unexpected names; with False they are only reported.
            assign: put the tensors themselves in place of the parameters, keeping their dtype.

        Returns:
            (missing_keys, unexpected_keys).

        Raises:
            RuntimeError: names or shapes do not match; nothing has been changed.
            TypeError: not a mapping.

        Example:
            >>> import nn
            >>> a, b = nn.Linear(2, 1), nn.Linear(2, 1)
            >>> b.load_state_dict(a.state_dict())
            <All keys matched successfully>
        """
        return _state.load(self, state_dict, strict, assign)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: dict, strict: bool, missing_keys: list,
        unexpected_keys: list, error_msgs: list,
    ) -> None:  # fmt: skip
        _state.load_own(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)

    def get_extra_state(self) -> Any:
        """What a subclass wants in its state_dict besides tensors; define it together with `set_extra_state`."""
        raise RuntimeError(f"{type(self).__name__}: get_extra_state is called only where a subclass defines it")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError(f"{type(self).__name__}: set_extra_state is called only where a subclass defines it")

    # ------------------------------------------------------------------------------------------ printing

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """The text between the brackets of the module's repr; a subclass defines it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): {indent(repr(module))}" for name, module in self._modules.items()]
        if len(extra) == 1 and not children:
            return f"{self._get_name()}({extra[0]})"
        lines = extra + children
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)" if lines else f"{self._get_name()}()"
