"""Hooks of modules: the tables, and what runs them around a forward and a backward pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from autograd import Function, Tensor, is_grad_enabled
from autograd._node import RemovableHandle, add_hook


class Hook(NamedTuple):
    """A registered function and how it wants to be called; a function without wishes is kept as it is."""

    function: Callable
    with_kwargs: bool = False
    always: bool = False

    @classmethod
    def of(cls, kept: Any) -> Hook:
        return kept if isinstance(kept, cls) else cls(kept)

    def plain(self) -> Any:
        """What is put into a table, where programs look for the function they registered."""
        return self if self.with_kwargs or self.always else self.function


def keep(table: dict[int, Any], hook: Any, prepend: bool = False) -> RemovableHandle:
    """Put a hook, with what belongs to it, into a table."""
    return add_hook(table, hook, prepend)


# Hooks of all modules at once, of every kind, in one table: an ordinary call asks only whether it is empty.
everywhere: dict[int, tuple[str, Any]] = {}


def _of_all(kind: str) -> dict[int, Any]:
    return {key: hook for key, (wanted, hook) in everywhere.items() if wanted == kind}


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(module, args)` before the forward of every module."""
    return keep(everywhere, ("pre", hook))


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after the forward of every module."""
    return keep(everywhere, ("forward", Hook(hook, with_kwargs, always_call).plain()))


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(module, grad_output)` before the backward pass of every module."""
    return keep(everywhere, ("backward pre", hook))


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` when the gradients of every module's inputs are known."""
    return keep(everywhere, ("backward", hook))


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(module, name, submodule)` when a submodule is registered; what it returns, if anything, takes its place."""
    return keep(everywhere, ("module", hook))


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(module, name, parameter)` when a parameter is registered; what it returns, if anything, takes its place."""
    return keep(everywhere, ("parameter", hook))


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(module, name, tensor)` when a buffer is registered; what it returns, if anything, takes its place."""
    return keep(everywhere, ("buffer", hook))


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """What is to be kept of a new module, parameter or buffer, after the hooks of all modules."""
    for hook in _of_all(kind).values():
        found = hook(module, name, value)
        value = value if found is None else found
    return value


# ---------------------------------------------------------------------------------------------- forward


def run_pre_hooks(module: Any, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The arguments after the forward-pre hooks; a hook may return new ones."""
    for hook in map(Hook.of, (*_of_all("pre").values(), *module._forward_pre_hooks.values())):
        if not hook.with_kwargs:
            found = hook.function(module, args)
            if found is not None:
                args = found if isinstance(found, tuple) else (found,)
            continue
        found = hook.function(module, args, kwargs)
        if found is None:
            continue
        if not (isinstance(found, tuple) and len(found) == 2):
            raise RuntimeError(
                f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {found}."
            )
        args, kwargs = found
    return args, kwargs


def run_hook(kept: Any, module: Any, args: tuple, kwargs: dict, result: Any) -> Any:
    hook = Hook.of(kept)
    found = hook.function(module, args, kwargs, result) if hook.with_kwargs else hook.function(module, args, result)
    return result if found is None else found


def call_with_hooks(module: Any, args: tuple, kwargs: dict) -> Any:
    """`module.forward` with everything that was registered around it."""
    done: set[int] = set()
    result = None
    try:
        args, kwargs = run_pre_hooks(module, args, kwargs)
        watch = BackwardWatch.of(module)
        if watch is not None:
            args = watch.inputs(args)
        result = module.forward(*args, **kwargs)
        for key, hook in (*_of_all("forward").items(), *module._forward_hooks.items()):
            done.add(key)
            result = run_hook(hook, module, args, kwargs, result)
        if watch is not None:
            result = watch.outputs(result)
    except Exception:
        _run_remaining(module, args, kwargs, result, done)
        raise
    _attach_legacy(module, result)
    return result


def _run_remaining(module: Any, args: tuple, kwargs: dict, result: Any, done: set[int]) -> None:
    """After an error: the hooks that asked to be called always. Their own errors become warnings."""
    for key, hook in (*_of_all("forward").items(), *module._forward_hooks.items()):
        if Hook.of(hook).always and key not in done:
            try:
                result = run_hook(hook, module, args, kwargs, result)
            except Exception as error:  # the forward's own error is the one to report
                warnings.warn(
                    f"module forward hook with ``always_call=True`` raised an exception that was silenced as another error "
                    f"was raised in forward: {error!s}",
                    stacklevel=5,
                )


# ---------------------------------------------------------------------------------------------- backward


class _Tap(Function):
    """The identity on several tensors, whose gradients pass through `callback` together."""

    @staticmethod
    def forward(ctx: Any, callback: Callable, *tensors: Tensor) -> Any:
        ctx.callback = callback
        ctx.set_materialize_grads(False)
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        return (None, *ctx.callback(grads))


def _tap(values: tuple, callback: Callable) -> tuple[tuple, tuple[int, ...]]:
    """`values` with the tensors that need a gradient passed through a `_Tap`; and where those stand."""
    places = tuple(i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad)
    if not places:
        return values, places
    changed = list(values)
    for i, t in zip(places, _Tap.apply(callback, *(values[i] for i in places)), strict=True):
        changed[i] = t
    return tuple(changed), places


class BackwardWatch:
    """One forward call of a module whose backward pass hooks want to see."""

    def __init__(self, module: Any, pre: list[Callable], post: list[Callable]) -> None:
        self.module, self.pre, self.post = module, pre, post
        self.grad_outputs: tuple | None = None
        self.input_places: tuple[int, ...] = ()
        self.input_count = 0

    @classmethod
    def of(cls, module: Any) -> BackwardWatch | None:
        if not is_grad_enabled():
            return None
        pre = [*_of_all("backward pre").values(), *module._backward_pre_hooks.values()]
        full = module._backward_hooks.values() if module._is_full_backward_hook else ()
        post = [*_of_all("backward").values(), *full]
        return cls(module, pre, post) if pre or post else None

    def inputs(self, args: tuple) -> tuple:
        self.input_count = len(args)
        changed, self.input_places = _tap(args, self.leave)
        return changed

    def outputs(self, result: Any) -> Any:
        """Only tensors at the top level of the result are watched, as in PyTorch."""
        many = isinstance(result, (tuple, list))
        values = tuple(result) if many else (result,)
        changed, self.output_places = _tap(values, self.enter)
        self.output_count = len(values)
        if not many:
            return changed[0]
        return type(result)(*changed) if hasattr(result, "_fields") else type(result)(changed)

    def enter(self, grads: tuple) -> tuple:
        """The gradients of the outputs have arrived."""
        full = _spread(grads, self.output_places, self.output_count)
        for hook in self.pre:
            found = hook(self.module, full)
            if found is not None:
                full = _checked(found, len(full), "grad_output")
        self.grad_outputs = full
        if not self.input_places:  # nobody will bring gradients of the inputs
            self.call_post((None,) * self.input_count)
        return tuple(full[i] for i in self.output_places)

    def leave(self, grads: tuple) -> tuple:
        """The gradients of the inputs are known. A pass that did not come through the outputs is none of the hooks'."""
        if self.grad_outputs is None:
            return grads
        full = self.call_post(_spread(grads, self.input_places, self.input_count))
        return tuple(full[i] for i in self.input_places)

    def call_post(self, full: tuple) -> tuple:
        for hook in self.post:
            found = hook(self.module, full, self.grad_outputs)
            if found is not None:
                if not self.input_places:
                    raise RuntimeError(
                        "Backward hooks for Modules where no input requires gradient should always return None or None for "
                        f"all gradients: a hook of {type(self.module).__name__} returned {type(found).__name__}"
                    )
                full = _checked(found, len(full), "grad_input")
        self.grad_outputs = None
        return full


def _spread(grads: tuple, places: tuple[int, ...], count: int) -> tuple:
    full: list = [None] * count
    for i, g in zip(places, grads, strict=True):
        full[i] = g
    return tuple(full)


def _checked(found: Any, expected: int, what: str) -> tuple:
    found = found if isinstance(found, tuple) else (found,)
    if len(found) != expected:
        raise RuntimeError(
            f"Backward hook returned an invalid number of {what}, got {len(found)}, but expected {expected}"
        )
    return found


def _attach_legacy(module: Any, result: Any) -> None:
    """`register_backward_hook`: PyTorch's first kind sees the last node of the module only."""
    if not module._backward_hooks or module._is_full_backward_hook:
        return
    value = result
    while not isinstance(value, Tensor):
        if isinstance(value, dict):
            value = next((v for v in value.values() if isinstance(v, Tensor)), None)
        else:
            value = value[0] if isinstance(value, (tuple, list)) and value else None
        if value is None:
            return
    node = value.grad_fn
    if node is not None:
        for hook in module._backward_hooks.values():
            node.register_hook(lambda given, got, hook=hook: hook(module, given, got))
