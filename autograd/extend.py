"""Primitives in HIPS autograd's manner: a function of plain arrays, and the gradient of each of its arguments.

`Function` is this library's own way; these names let programs written for HIPS autograd run. Forward mode needs nothing of
its own: it is derived from the gradients, so `defjvp` has nothing to keep.

Example:
    >>> import numpy
    >>> from autograd import grad
    >>> from autograd.extend import defvjp, primitive
    >>> @primitive
    ... def cube(x):
    ...     return x**3
    >>> defvjp(cube, lambda ans, x: lambda g: g * 3 * x**2)
    >>> grad(lambda x: cube(x).sum())(numpy.array([1.0, 2.0]))
    array([ 3., 12.])
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ._mode import is_grad_enabled
from ._tensor import Tensor, wrap
from .function import Function


class primitive:
    """Decorator: a function that sees plain arrays only, and whose gradients `defvjp` gives."""

    def __init__(self, function: Callable) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.makers: dict[int, Callable] = {}
        self.general: Callable | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Its value; recorded when an argument is a Tensor."""
        if any(isinstance(a, Tensor) for a in args):
            return _Recorded.apply(self, kwargs, *args)
        return self.function(*args, **kwargs)

    def pull(self, argnum: int, ans: Any, args: tuple, kwargs: dict, g: Any) -> Any:
        """The gradient of one argument.

        Raises:
            NotImplementedError: nobody has defined it.
        """
        if self.general is not None:
            return self.general(argnum, ans, args, kwargs)(g)
        if argnum not in self.makers:
            raise NotImplementedError(
                f"{self.__name__}: the gradient by argument {argnum} is not defined; give it to defvjp"
            )
        return self.makers[argnum](ans, *args, **kwargs)(g)


class _Recorded(Function):
    """A call of a primitive in the graph."""

    @staticmethod
    def forward(ctx: Any, called: primitive, kwargs: dict, *args: Any) -> Tensor:
        plain = [a.detach().numpy()[()] if isinstance(a, Tensor) else a for a in args]
        out = wrap(np.asarray(called.function(*plain, **kwargs)))
        ctx.called, ctx.kwargs = called, kwargs
        ctx.others = [None if isinstance(a, Tensor) else a for a in args]
        ctx.tensors = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(out, *[args[i] for i in ctx.tensors])
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple:
        ans, *saved = ctx.saved_tensors
        dress = (lambda t: t) if is_grad_enabled() else (lambda t: t.detach().numpy()[()])
        args = list(ctx.others)
        for i, t in zip(ctx.tensors, saved, strict=True):
            args[i] = dress(t)
        found: list = [None] * len(args)
        for i, t in zip(ctx.tensors, saved, strict=True):
            if ctx.needs_input_grad[i + 2]:
                found[i] = _shaped(ctx.called.pull(i, dress(ans), tuple(args), ctx.kwargs, dress(g)), t)
        return (None, None, *found)


def _shaped(g: Any, like: Tensor) -> Tensor:
    """A gradient as a tensor of the argument's dtype and shape."""
    g = g if isinstance(g, Tensor) else wrap(np.asarray(g))
    return g.to(like.dtype).expand(like.shape)


def defvjp(function: primitive, *makers: Callable | None, argnums: Any = None) -> None:
    """The gradients of a primitive's arguments, in order (or those of `argnums`).

    Args:
        makers: each `(ans, *args, **kwargs) -> (g -> gradient)`; None stands for zero.
    """
    for argnum, maker in zip(range(len(makers)) if argnums is None else argnums, makers, strict=True):
        function.makers[argnum] = _nothing(argnum) if maker is None else maker


def _nothing(argnum: int) -> Callable:
    return lambda ans, *args, **kwargs: lambda g: np.zeros(np.shape(args[argnum]))


def defvjp_argnum(function: primitive, maker: Callable) -> None:
    """The gradients of all arguments from one function: `maker(argnum, ans, args, kwargs)` gives g -> gradient."""
    function.general = maker


def defvjp_argnums(function: primitive, maker: Callable) -> None:
    """As `defvjp_argnum`, for a maker that takes several positions and gives a gradient for each."""
    function.general = lambda argnum, ans, args, kwargs: lambda g: maker((argnum,), ans, args, kwargs)(g)[0]


def defjvp(function: primitive, *rules: Any, argnums: Any = None) -> None:
    """Accepted and not needed: forward mode follows from the gradients."""


defjvp_argnum = defjvp_argnums = def_linear = defjvp


def notrace_primitive(function: Callable) -> Callable:
    """Decorator: a function whose result has no gradient; it sees plain arrays."""

    @functools.wraps(function)
    def untraced(*args: Any, **kwargs: Any) -> Any:
        return function(*[a.detach().numpy()[()] if isinstance(a, Tensor) else a for a in args], **kwargs)

    return untraced


__all__ = ["def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums", "defvjp", "defvjp_argnum", "defvjp_argnums",
           "notrace_primitive", "primitive"]  # fmt: skip
