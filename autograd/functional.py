"""`grad`, and derivatives of functions: jacobian, hessian and their products with vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._backward import gradients
from ._batch import Mapped, derivatives, jacobian_by_columns, jacobian_by_rows, mapping, slices_of
from ._mode import enable_grad
from ._tensor import Tensor, wrap
from .forward import push_forward


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
        >>> (first,) = autograd.grad(x**3, x, create_graph=True)
        >>> (second,) = autograd.grad(first, x)
        >>> float(first), float(second)
        (12.0, 12.0)
    """
    if callable(outputs) and not isinstance(outputs, Tensor):
        from .by_argument import gradient_function

        return gradient_function(outputs, 0 if inputs is None else inputs)
    if inputs is None:
        raise TypeError("grad() missing required argument 'inputs' (position 2): the tensors to differentiate by")
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
    if grad_outputs is not None and any(isinstance(w, Mapped) for w in _tuple(grad_outputs)):
        # Under vmap: one pass carries the weights of all slices.
        return derivatives(list(_tuple(outputs)), list(_tuple(inputs)), list(_tuple(grad_outputs)), create_graph)
    return gradients(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)


def _batched(outputs, inputs, weights, retain_graph, create_graph, allow_unused, materialize_grads) -> tuple:
    weights = tuple(weights) if isinstance(weights, (tuple, list)) else (weights,)
    try:
        with mapping(len(weights[0]), "error", says_so=False) as level:
            mapped = tuple(Mapped(w, level) for w in weights)
            found = gradients(outputs, inputs, mapped, True, True, allow_unused, materialize_grads)
            whole = [None if g is None else slices_of(g, level) for g in found]
        return tuple(g if g is None or create_graph else g.detach() for g in whole)
    except Exception:  # a rule that asks for single values, or the caller's mistake, which the plain way explains
        return _one_by_one(outputs, inputs, weights, create_graph, allow_unused, materialize_grads)


def _one_by_one(outputs, inputs, weights, create_graph, allow_unused, materialize_grads) -> tuple:
    from .ops.join import stack

    rows = [
        gradients(outputs, inputs, tuple(w[i] for w in weights), True, create_graph, allow_unused, materialize_grads)
        for i in range(len(weights[0]))
    ]
    return tuple(None if column[0] is None else stack(column) for column in zip(*rows, strict=True))


# ---------------------------------------------------------------------------------------------- derivatives of functions


def _tuple(value: Any) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _variables(name: str, inputs: Any, keep_graph: bool) -> tuple[Tensor, ...]:
    """The inputs as variables of a graph: their own when the result is to be differentiated further, else fresh ones."""
    found = []
    for i, value in enumerate(_tuple(inputs)):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name}: The inputs given to {name} must be either a Tensor or a tuple of Tensors but the value at "
                f"index {i} has type {type(value)}."
            )
        found.append(value.view_as(value) if keep_graph and value.requires_grad else value.detach().requires_grad_())
    return tuple(found)


def _evaluated(name: str, func: Callable, variables: tuple) -> tuple[tuple[Tensor, ...], bool]:
    with enable_grad():
        result = func(*variables)
    outputs = _tuple(result)
    for o in outputs:
        if not isinstance(o, Tensor):
            raise TypeError(
                f"{name}: The outputs of the user-provided function must be Tensors, got {type(o).__name__}"
            )
    return outputs, isinstance(result, (tuple, list))


def _finished(tensors: Any, create_graph: bool) -> Any:
    return tensors if create_graph else tuple(t.detach() for t in tensors)


def _one(values: tuple, several: bool) -> Any:
    return tuple(values) if several else values[0]


def _strictly(name: str, strict: bool, value: Any, i: int) -> None:
    if strict and value is None:
        raise RuntimeError(
            f"{name}: The output of the user-provided function is independent of input {i}. This is not allowed in strict mode."
        )


def vjp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(outputs, v^T J): one backward pass, weighted by `v`.

    Example:
        >>> import autograd
        >>> _, g = autograd.functional.vjp(lambda x: x * x, autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 10.0]))
        >>> g
        tensor([ 2., 40.])
    """
    variables = _variables("vjp", inputs, create_graph)
    outputs, several = _evaluated("vjp", func, variables)
    weights = _weights("vjp", v, outputs)
    moving = [(o, w) for o, w in zip(outputs, weights, strict=True) if o.requires_grad]
    found = (None,) * len(variables)
    if moving:
        found = gradients([o for o, _ in moving], variables, [w for _, w in moving], None, create_graph, True, False)
    for i, g in enumerate(found):
        _strictly("vjp", strict, g, i)
    grads = tuple(wrap(np.zeros_like(x._data)) if g is None else g for g, x in zip(found, variables, strict=True))
    return _one(_finished(outputs, create_graph), several), _one(
        _finished(grads, create_graph), isinstance(inputs, (tuple, list))
    )


def _weights(name: str, v: Any, outputs: tuple) -> tuple:
    if v is None:
        if len(outputs) != 1 or outputs[0].numel() != 1:
            raise RuntimeError(
                f"{name}: The vector v can only be None if the user-provided function returns a single Tensor with "
                "a single element."
            )
        return (wrap(np.ones_like(outputs[0]._data)),)
    weights = _tuple(v)
    for w, o in zip(weights, outputs, strict=True):
        if w.shape != o.shape:
            raise RuntimeError(f"{name}: v has invalid size: should be {o.shape} but got {w.shape}.")
    return weights


def jvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(outputs, J v): the directional derivative along `v`, in forward mode.

    Example:
        >>> import autograd
        >>> _, t = autograd.functional.jvp(lambda x: x * x, autograd.tensor([1.0, 2.0]), autograd.tensor([1.0, 10.0]))
        >>> t
        tensor([ 2., 40.])
    """
    variables = _variables("jvp", inputs, create_graph)
    outputs, several = _evaluated("jvp", func, variables)
    tangents = _weights("jvp", v, variables)
    for o in outputs:
        _strictly("jvp", strict, o if o.requires_grad else None, 0)
    moved = push_forward(outputs, {x._node: t for x, t in zip(variables, tangents, strict=True)})
    return _one(_finished(outputs, create_graph), several), _one(_finished(tuple(moved), create_graph), several)


def _unit(o: Tensor, k: int) -> Tensor:
    seed = np.zeros(o._data.size, o._data.dtype)
    seed[k] = 1
    return wrap(seed.reshape(o._data.shape))


def _rows(o: Tensor, variables: tuple, create_graph: bool, strict: bool) -> list[Tensor]:
    """The Jacobian of one output by each variable, a backward pass per element of the output."""
    from .ops.join import stack

    rows: list[list] = [[] for _ in variables]
    for k in range(o.numel()):
        found = (None,) * len(variables)
        if o.requires_grad:
            found = gradients(o, variables, _unit(o, k), True, create_graph, True, False)
        for i, (row, g, x) in enumerate(zip(rows, found, variables, strict=True)):
            _strictly("jacobian", strict, g, i)
            row.append(wrap(np.zeros_like(x._data)) if g is None else g)
    empty = lambda x: wrap(np.zeros((0, *x.shape), x._data.dtype))  # noqa: E731
    return [
        (stack(row) if row else empty(x)).reshape(*o.shape, *x.shape) for row, x in zip(rows, variables, strict=True)
    ]


def _columns(outputs: tuple, variables: tuple) -> list[list[Tensor]]:
    """The Jacobians of all outputs by each variable, a forward pass per element of the variable."""
    from .ops.join import stack

    table: list[list[Tensor]] = [[] for _ in outputs]
    for x in variables:
        moved = [push_forward(outputs, {x._node: _unit(x, k)}) for k in range(x.numel())]
        for i, o in enumerate(outputs):
            columns = stack([m[i] for m in moved], -1) if moved else wrap(np.zeros((*o.shape, 0), o._data.dtype))
            table[i].append(columns.reshape(*o.shape, *x.shape))
    return table


def jacobian(func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
             strategy: str = "reverse-mode") -> Any:  # fmt: skip
    """All derivatives of the outputs by the inputs.

    Args:
        func: takes the inputs, returns a Tensor or a tuple of Tensors.
        vectorize: one backward pass for all elements of an output; faster, and it takes their memory at once.
        strategy: "reverse-mode" (a pass per output element) or "forward-mode" (a pass per input element).

    Shape: output (o...) and input (i...) -> (o..., i...); a tuple over outputs of tuples over inputs when there are several.

    Example:
        >>> import autograd
        >>> autograd.functional.jacobian(lambda x: x * x, autograd.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    variables = _variables("jacobian", inputs, create_graph)
    outputs, several = _evaluated("jacobian", func, variables)
    if strategy == "forward-mode":
        columns = [jacobian_by_columns(outputs, x) for x in variables] if vectorize else None
        table = _columns(outputs, variables) if columns is None else [list(row) for row in zip(*columns, strict=True)]
    elif strategy == "reverse-mode" and vectorize and not strict:
        table = [jacobian_by_rows(o, variables, create_graph) for o in outputs]
    elif strategy == "reverse-mode":
        table = [_rows(o, variables, create_graph, strict) for o in outputs]
    else:
        raise ValueError(f"jacobian: strategy must be either 'forward-mode' or 'reverse-mode', got {strategy!r}")
    many = isinstance(inputs, (tuple, list))
    return _one(tuple(_one(_finished(tuple(row), create_graph), many) for row in table), several)


def hessian(func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
            outer_jacobian_strategy: str = "reverse-mode") -> Any:  # fmt: skip
    """All second derivatives of a scalar function of the inputs.

    Shape: input (i...) -> (i..., i...); a tuple of tuples for several inputs.
    """
    many = isinstance(inputs, (tuple, list))

    def first(*variables: Tensor) -> Any:
        outputs, _ = _evaluated("hessian", func, variables)
        if len(outputs) != 1 or outputs[0].numel() != 1:
            raise RuntimeError(
                "hessian: The function given to hessian should return a single Tensor with a single element, got "
                f"shape {tuple(outputs[0].shape)}"
            )
        if not outputs[0].requires_grad:
            _strictly("hessian", strict, None, 0)
            return tuple(x * 0 for x in variables) if many else variables[0] * 0
        found = gradients(outputs[0].reshape(()), variables, None, None, True, True, True)
        return tuple(found) if many else found[0]

    return jacobian(first, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(value, v^T H) of a scalar function: a backward pass over the backward pass."""
    many = isinstance(inputs, (tuple, list))
    variables = _variables("vhp", inputs, create_graph)
    outputs, _ = _evaluated("vhp", func, variables)
    weights = _weights("vhp", v, variables)
    first: tuple[Tensor | None, ...] = (None,) * len(variables)
    found = first
    with enable_grad():
        if outputs[0].requires_grad:
            first = gradients(outputs[0], variables, None, None, True, True, False)
        moving = [(g, w) for g, w in zip(first, weights, strict=True) if g is not None and g.requires_grad]
        if moving:
            found = gradients(
                [g for g, _ in moving], variables, [w for _, w in moving], None, create_graph, True, False
            )
    for i, g in enumerate((*first, *found)):
        _strictly("vhp", strict, g, i % len(variables))
    second = tuple(wrap(np.zeros_like(x._data)) if g is None else g for g, x in zip(found, variables, strict=True))
    return _finished(outputs, create_graph)[0], _one(_finished(second, create_graph), many)


def hvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(value, H v) of a scalar function; the Hessian is symmetric, so this is `vhp`."""
    return vhp(func, inputs, v, create_graph, strict)


__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
