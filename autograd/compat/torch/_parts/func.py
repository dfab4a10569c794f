"""What `torch.func` has beside `autograd.func`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nn
from nn.utils.stateless import functional_call


def functionalize(func: Any, *, remove: str = "mutations") -> Any:
    """The function itself: nothing is traced here that in-place operations could disturb."""
    return func


def replace_all_batch_norm_modules_(root: nn.Module) -> nn.Module:
    """Stop every BatchNorm in `root` from keeping running estimates."""
    for module in root.modules():
        if "BatchNorm" in type(module).__name__:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def make_functional_with_buffers(
    model: nn.Module, disable_autograd_tracking: bool = False
) -> tuple[Callable, tuple, tuple]:
    """(f, parameters, buffers) with f(parameters, buffers, *args) the model's forward.

    Example:
        >>> import autograd, nn
        >>> from autograd.compat.torch.func import make_functional_with_buffers
        >>> f, parameters, buffers = make_functional_with_buffers(nn.Linear(2, 1))
        >>> f([p * 0 for p in parameters], buffers, autograd.ones(1, 2))
        tensor([[0.]], grad_fn=<LinearBackward0>)
    """
    names, values = zip(*model.named_parameters(), strict=True)
    kept = dict(model.named_buffers())
    parameters = tuple(p.detach() if disable_autograd_tracking else p for p in values)

    def call(parameters: Any, buffers: Any, *args: Any, **kwargs: Any) -> Any:
        state = {**dict(zip(names, parameters, strict=True)), **dict(zip(kept, buffers, strict=True))}
        return functional_call(model, state, args, kwargs)

    return call, parameters, tuple(kept.values())


def make_functional(model: nn.Module, disable_autograd_tracking: bool = False) -> tuple[Callable, tuple]:
    """(f, parameters) with f(parameters, *args) the forward of a model without buffers."""
    call, parameters, buffers = make_functional_with_buffers(model, disable_autograd_tracking)
    if buffers:
        raise RuntimeError(
            "make_functional(model): `model` has buffers. Please use make_functional_with_buffers(model) instead."
        )
    return lambda parameters, *args, **kwargs: call(parameters, (), *args, **kwargs), parameters


__all__ = ["functionalize", "make_functional", "make_functional_with_buffers", "replace_all_batch_norm_modules_"]
