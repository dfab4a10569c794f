"""Numerical differentiation, and gradients compared with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._backward import gradients
from ._mode import enable_grad
from ._tensor import Tensor, wrap


class GradcheckError(RuntimeError):
    """A gradient differs from its numerical value."""


def _as_tuple(value: Any) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _differentiable(values: Sequence) -> list[int]:
    return [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]


def numerical_jacobian(function: Callable, inputs: Sequence, position: int, eps: float = 1e-6) -> list[np.ndarray]:
    """Derivative of each output by each element of one input, by central differences.

    Returns:
        one array per output, of shape (elements of the input, elements of the output); for complex inputs the
        derivative by the real part plus i times that by the imaginary part, as PyTorch's gradients combine them.
    """
    x = inputs[position]
    flat = x._buffer().reshape(-1) if x._buffer().flags.c_contiguous else None
    outputs = _outputs(function, inputs)
    columns = [np.zeros((x.numel(), o.numel()), np.result_type(o._data.dtype, x._data.dtype)) for o in outputs]
    for k in range(x.numel()):
        for direction in (1, 1j) if x.is_complex() else (1,):
            steps = _central(function, inputs, x, flat, k, eps * direction)
            for column, step in zip(columns, steps, strict=True):
                column[k] += direction * step / (2 * eps) if direction == 1j else step / (2 * eps)
    return columns


def _central(function, inputs, x, flat, k, step):
    place = np.unravel_index(k, x._data.shape) if flat is None else k
    data = x._buffer() if flat is None else flat
    held = data[place].copy()
    values = []
    for sign in (1, -1):
        data[place] = held + sign * step
        values.append([np.array(o._data).reshape(-1) for o in _outputs(function, inputs)])
    data[place] = held
    return [up - down for up, down in zip(*values, strict=True)]


def _outputs(function: Callable, inputs: Sequence) -> list[Tensor]:
    result = _as_tuple(function(*inputs))
    return [o for o in result if isinstance(o, Tensor) and (o.is_floating_point() or o.is_complex())]


def analytical_jacobian(output: Tensor, x: Tensor, weight: complex = 1.0, create_graph: bool = False) -> np.ndarray:
    """Derivative of one output by one input, by one backward pass per output element."""
    rows = np.zeros((x.numel(), output.numel()), np.result_type(output._data.dtype, x._data.dtype))
    for k in range(output.numel()):
        seed = np.zeros(output._data.shape, output._data.dtype)
        seed.reshape(-1)[k] = weight
        (g,) = gradients(output, x, wrap(seed), True, create_graph, True, False)
        if g is not None:
            rows[:, k] = g._data.reshape(-1)
    return rows


def gradcheck(
    func: Callable,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of `func` with central differences, element by element.

    Args:
        func: takes Tensors, returns a Tensor or a tuple of them.
        inputs: a Tensor or tuple; those that require grad are checked and should be float64.
        eps: step of the differences.
        atol, rtol: |analytical - numerical| <= atol + rtol * |numerical| must hold.
        raise_exception: raise on a difference; otherwise return False.

    Raises:
        GradcheckError: naming input, output, element, both numbers and the step.
        ValueError: no input requires grad.

    Example:
        >>> import autograd
        >>> x = autograd.randn(3, dtype=autograd.float64, requires_grad=True)
        >>> autograd.gradcheck(lambda x: (x * x).sum(), x)
        True
    """
    inputs = _as_tuple(inputs)
    places = _differentiable(inputs)
    if not places:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    try:
        with enable_grad():
            for i in places:
                _check_input(func, inputs, i, eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check_input(func, inputs, i, eps, atol, rtol):
    x = inputs[i]
    expected = numerical_jacobian(func, _detached(inputs, i), i, eps)
    for j, (output, numerical) in enumerate(zip(_outputs(func, inputs), expected, strict=True)):
        if output.grad_fn is None and not output.requires_grad:
            analytical = np.zeros_like(numerical)
        else:
            analytical = analytical_jacobian(output, x)
        if output.is_complex() or x.is_complex():
            numerical, analytical = _complex_pair(func, inputs, i, j, output, x, eps)
        _compare(func, i, j, analytical, numerical, eps, atol, rtol, x, output)


def _complex_pair(func, inputs, i, j, output, x, eps):
    """For complex functions compare dL/dx + i dL/dy for the losses Re(output) and Im(output)."""
    parts = ((1.0, lambda o: o.real), (1j, lambda o: o.imag)) if output.is_complex() else ((1.0, lambda o: o),)
    numerical, analytical = [], []
    for weight, part in parts:
        numerical.append(
            numerical_jacobian(lambda *a, p=part: p(_outputs(func, a)[j]), _detached(inputs, i), i, eps)[0]
        )
        analytical.append(analytical_jacobian(output, x, weight))
    return np.concatenate(numerical, 1), np.concatenate(analytical, 1)


def _detached(inputs, i):
    """The inputs with the one to be moved in contiguous memory of its own, so that no step reaches the caller's."""
    return [_own(v) if k == i else (v.detach() if isinstance(v, Tensor) else v) for k, v in enumerate(inputs)]


def _own(t):
    return wrap(np.array(t._data, order="C"))


def _compare(func, i, j, analytical, numerical, eps, atol, rtol, x, output):
    wrong = ~np.isclose(analytical, numerical, rtol=rtol, atol=atol, equal_nan=True)
    if not wrong.any():
        return
    k, m = np.argwhere(wrong)[0]
    where_in = tuple(int(v) for v in np.unravel_index(k, x._data.shape))
    where_out = tuple(int(v) for v in np.unravel_index(m % max(output.numel(), 1), output._data.shape))
    raise GradcheckError(
        f"Jacobian mismatch for output {j} with respect to input {i} in {getattr(func, '__name__', 'the function')}: "
        f"d output{list(where_out)} / d input{list(where_in)} is {analytical[k, m]:.10g} analytically and "
        f"{numerical[k, m]:.10g} numerically (central difference, step {eps:g}); {int(wrong.sum())} of {wrong.size} entries "
        f"differ by more than atol={atol:g}, rtol={rtol:g}"
    )


def gradgradcheck(
    func: Callable,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compare second derivatives with central differences of the first, in the inputs and in the incoming gradient.

    Varying the incoming gradient as well is what sees a rule that forgot to record part of itself.
    """
    inputs = _as_tuple(inputs)
    outputs = [o for o in _outputs(func, inputs) if o.requires_grad]
    rng = np.random.default_rng(0)
    if grad_outputs is None:
        grad_outputs = tuple(wrap(_draw(rng, o)).requires_grad_() for o in outputs)
    grad_outputs = _as_tuple(grad_outputs)
    places = _differentiable(inputs)

    def first(*args):
        given, weights = args[: len(inputs)], args[len(inputs) :]
        leaves = [v if v.requires_grad else v.detach().requires_grad_() for v in (given[i] for i in places)]
        full = list(given)
        for i, leaf in zip(places, leaves, strict=True):
            full[i] = leaf
        outs = [o for o in _outputs(func, full) if o.requires_grad]
        return gradients(outs, leaves, weights, None, True, None, True)

    return gradcheck(first, (*inputs, *grad_outputs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception)


def _draw(rng, o):
    values = rng.uniform(0.5, 1.5, o._data.shape)
    return (values + 1j * rng.uniform(0.5, 1.5, o._data.shape) if o.is_complex() else values).astype(o._data.dtype)


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck", "numerical_jacobian"]
