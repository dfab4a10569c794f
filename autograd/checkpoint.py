"""Recomputing instead of keeping: less memory for a second forward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._backward import backward as _backward
from ._mode import enable_grad, is_grad_enabled, no_grad
from ._tensor import Tensor, wrap
from .function import Function
from .random import fork_rng, get_rng_state, set_rng_state


class _Recomputed(Function):
    """Forward without recording; backward runs forward again, recorded, and differentiates that."""

    @staticmethod
    def forward(ctx: Any, function: Callable, state: Any, *args: Any) -> Any:
        ctx.function, ctx.state = function, state
        ctx.plain = [None if isinstance(a, Tensor) else a for a in args]
        ctx.save_for_backward(*[a if isinstance(a, Tensor) else None for a in args])
        with no_grad():
            return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        saved = ctx.saved_tensors
        args = [
            p if s is None else s.detach().requires_grad_(s.requires_grad)
            for s, p in zip(saved, ctx.plain, strict=True)
        ]
        with enable_grad(), fork_rng():
            if ctx.state is not None:
                set_rng_state(ctx.state)
            result = ctx.function(*args)
        outputs = result if isinstance(result, tuple) else (result,)
        pairs = [(o, g) for o, g in zip(outputs, grads, strict=True) if isinstance(o, Tensor) and o.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        _backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *[a.grad if isinstance(a, Tensor) else None for a in args])


def checkpoint(function: Callable, *args: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True,
               **kwargs: Any) -> Any:  # fmt: skip
    """`function(*args)` whose inner values are not kept but computed again in backward.

    Args:
        function: returns a Tensor or a tuple of them; parameters of modules inside get their gradients as usual.
        preserve_rng_state: use the same random numbers (dropout masks) in the second run.

    Note:
        Memory between forward and backward is that of the arguments alone; the price is a second forward pass.
    """
    if not is_grad_enabled():
        return function(*args, **kwargs)
    state = get_rng_state() if preserve_rng_state else None
    call = (lambda *a: function(*a, **kwargs)) if kwargs else function
    # Parameters used inside need a backward even when no argument does: a variable of our own keeps the node alive.
    anchor = wrap(np.zeros(())).requires_grad_()
    return _Recomputed.apply(lambda anchor, *a: call(*a), state, anchor, *args)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """A sequence of functions run as `segments` checkpointed stretches, the last one kept."""
    functions = list(functions.children() if hasattr(functions, "children") else functions)
    size = max(len(functions) // segments, 1)

    def stretch(start: int, end: int) -> Callable:
        def run(value: Any) -> Any:
            for f in functions[start:end]:
                value = f(value)
            return value

        return run

    end = 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        input = checkpoint(stretch(start, end), input, **kwargs)
    return stretch(end, len(functions))(input)


__all__ = ["checkpoint", "checkpoint_sequential"]
