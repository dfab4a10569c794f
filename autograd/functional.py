"""`grad`: gradients as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._backward import gradients
from ._tensor import Tensor


def grad(
    outputs: Any,
    inputs: Any = None,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """Gradients of the sum of `outputs`, weighted by `grad_outputs`, with respect to `inputs`.

    Nothing is stored: no `.grad` changes, leaves outside `inputs` are not visited. With a function as its first
    argument it returns that function's gradient function, as HIPS autograd's and JAX's `grad` do; the second is
    then the position (or positions) to differentiate by, 0 by default.

    Args:
        outputs: tensor or sequence of tensors, each the end of a recorded graph; or a callable.
        inputs: tensors to differentiate by; intermediate results are allowed.
        grad_outputs: one weight per output, of its shape; may be omitted for one-element outputs.
        retain_graph: keep saved values for another pass; follows create_graph when None.
        create_graph: record the gradient's own computation, so that it can be differentiated again.
        allow_unused: give None, not an error, for an input the outputs do not depend on.
        is_grads_batched: `grad_outputs` have a leading axis of weights, each gives one gradient.
        materialize_grads: give zeros instead of None for unused inputs.

    Returns:
        tuple of tensors shaped like `inputs`.

    Raises:
        RuntimeError: an output has no graph or needs a weight, an input is unused, or a saved value is gone or was
            changed in place.

    Example:
        >>> import autograd
        >>> x = autograd.tensor(2.0, requires_grad=True)
        >>> (first,) = autograd.grad(x ** 3, x, create_graph=True)
        >>> (second,) = autograd.grad(first, x)
        >>> float(first), float(second)
        (12.0, 12.0)
    """
    if callable(outputs) and not isinstance(outputs, Tensor):
        return gradient_function(outputs, 0 if inputs is None else inputs)
    if inputs is None:
        raise TypeError("grad() missing required argument 'inputs' (position 2): the tensors to differentiate by")
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
    return gradients(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)


def _batched(outputs, inputs, weights, retain_graph, create_graph, allow_unused, materialize_grads) -> tuple:
    from .ops.shape import stack

    weights = tuple(weights) if isinstance(weights, (tuple, list)) else (weights,)
    rows = [
        gradients(outputs, inputs, tuple(w[i] for w in weights), True, create_graph, allow_unused, materialize_grads)
        for i in range(len(weights[0]))
    ]
    return tuple(None if column[0] is None else stack(column) for column in zip(*rows, strict=True))


def gradient_function(function: Callable, argnum: Any) -> Callable:
    """The gradient of a scalar function with respect to the argument(s) at `argnum`."""
    places = argnum if isinstance(argnum, (tuple, list)) else (argnum,)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        args = list(args)
        wanted = []
        for i in places:
            args[i] = _variable(args[i])
            wanted.append(args[i])
        out = function(*args, **kwargs)
        if not isinstance(out, Tensor):
            raise TypeError(f"grad: the function must return a Tensor, got {type(out).__name__}")
        nested = any(_is_recorded(a) for a in wanted)
        found = gradients(out, wanted, create_graph=nested or True, materialize_grads=True)
        return tuple(found) if isinstance(argnum, (tuple, list)) else found[0]

    gradient.__name__ = f"grad_{getattr(function, '__name__', 'function')}"
    gradient.__doc__ = f"Gradient of {getattr(function, '__name__', 'the function')} by argument {argnum}."
    return gradient


def _is_recorded(t: Tensor) -> bool:
    return t.grad_fn is not None


def _variable(value: Any) -> Tensor:
    """An argument to differentiate by: a recorded tensor joins the caller's graph, anything else starts one."""
    if isinstance(value, Tensor):
        return value.view_as(value) if value.requires_grad else value.detach().requires_grad_()
    from .ops.create import tensor

    return tensor(float(value) if isinstance(value, int) else value).requires_grad_()


__all__ = ["grad"]
