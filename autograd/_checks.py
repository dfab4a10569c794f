"""What gradcheck looks at: Jacobians by differences and by backward, and how a backward behaves around them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._backward import gradients
from ._tensor import Tensor, wrap


class GradcheckError(RuntimeError):
    """A gradient differs from its numerical value."""

    __module__ = "autograd.gradcheck"  # where users find it


def as_tuple(value: Any) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def name_of(func: Callable) -> str:
    return getattr(func, "__name__", "the function")


def draw(rng: Any, t: Tensor) -> np.ndarray:
    """Random weights of a tensor's shape and dtype, away from zero."""
    values = rng.uniform(0.5, 1.5, t._data.shape)
    return np.asarray((values + 1j * rng.uniform(0.5, 1.5, t._data.shape)) if t.is_complex() else values, t._data.dtype)


def numerical_jacobian(function: Callable, inputs: Sequence, position: int, eps: float = 1e-6) -> list[np.ndarray]:
    """Derivative of each output by each element of one input, by central differences.

    Returns:
        one array per output, of shape (elements of the input, elements of the output); for complex inputs the
        derivative by the real part plus i times that by the imaginary part, as PyTorch's gradients combine them.
    """
    x = inputs[position]
    data = x._buffer()
    outputs = outputs_of(function, inputs)
    columns = [np.zeros((x.numel(), o.numel()), np.result_type(o._data.dtype, x._data.dtype)) for o in outputs]
    for k in range(x.numel()):
        for direction in (1, 1j) if x.is_complex() else (1,):
            steps = _differences(function, inputs, data, np.unravel_index(k, data.shape), eps * direction)
            for column, step in zip(columns, steps, strict=True):
                column[k] += direction * step / (2 * eps) if direction == 1j else step / (2 * eps)
    return columns


def _differences(function, inputs, data, place, step):
    """By how much each output, flat, is more with a step at a place of an input's array than with one back.

    The array is as before whatever happens meanwhile.
    """
    held, values = data[place].copy(), []
    try:
        for sign in (1, -1):
            data[place] = held + sign * step
            values.append([np.array(o._data).reshape(-1) for o in outputs_of(function, inputs)])
    finally:
        data[place] = held
    return [up - down for up, down in zip(*values, strict=True)]


def outputs_of(function: Callable, inputs: Sequence) -> list[Tensor]:
    result = as_tuple(function(*inputs))
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


def check_backward(func, inputs, i, eps, atol, rtol):
    x = inputs[i]
    expected = numerical_jacobian(func, _detached(inputs, i), i, eps)
    for j, (output, numerical) in enumerate(zip(outputs_of(func, inputs), expected, strict=True)):
        if output.grad_fn is None and not output.requires_grad:
            analytical = np.zeros_like(numerical)
        else:
            analytical = analytical_jacobian(output, x)
        if output.is_complex() or x.is_complex():
            numerical, analytical = _complex_pair(func, inputs, i, j, output, x, eps)
        compare(func, i, j, analytical, numerical, eps, atol, rtol, x, output)


def _complex_pair(func, inputs, i, j, output, x, eps):
    """For complex functions compare dL/dx + i dL/dy for the losses Re(output) and Im(output)."""
    parts = ((1.0, lambda o: o.real), (1j, lambda o: o.imag)) if output.is_complex() else ((1.0, lambda o: o),)
    numerical, analytical = [], []
    for weight, part in parts:
        numerical.append(
            numerical_jacobian(lambda *a, p=part: p(outputs_of(func, a)[j]), _detached(inputs, i), i, eps)[0]
        )
        analytical.append(analytical_jacobian(output, x, weight))
    return np.concatenate(numerical, 1), np.concatenate(analytical, 1)


def _detached(inputs, i):
    """The inputs without their history, on the same memory: steps reach what the function does not take as an argument.

    Such are the parameters of a module. Memory that may not be written is copied.
    """
    found = [v.detach() if isinstance(v, Tensor) else v for v in inputs]
    moved = found[i]._buffer()
    return found if moved.flags.writeable else [*found[:i], wrap(moved.copy()), *found[i + 1 :]]


def compare(func, i, j, analytical, numerical, eps, atol, rtol, x, output, how="analytically"):
    wrong = ~np.isclose(analytical, numerical, rtol=rtol, atol=atol, equal_nan=True)
    if not wrong.any():
        return
    k, m = np.argwhere(wrong)[0]
    where_in = tuple(int(v) for v in np.unravel_index(k, x._data.shape))
    where_out = tuple(int(v) for v in np.unravel_index(m % max(output.numel(), 1), output._data.shape))
    raise GradcheckError(
        f"Jacobian mismatch for output {j} with respect to input {i} in {name_of(func)}: "
        f"d output{list(where_out)} / d input{list(where_in)} is {analytical[k, m]:.10g} {how} and "
        f"{numerical[k, m]:.10g} numerically (central difference, step {eps:g}); {int(wrong.sum())} of {wrong.size} entries "
        f"differ by more than atol={atol:g}, rtol={rtol:g}"
    )


# ---------------------------------------------------------------------------------------------- one random direction


def check_direction(func, inputs, i, eps, atol, rtol):
    """Compare <u, J v> for random u and v: two calls and one backward pass whatever the sizes."""
    x, rng = inputs[i], np.random.default_rng(0)
    v = draw(rng, x)
    moved = _detached(inputs, i)
    steps = _differences(func, moved, moved[i]._buffer(), ..., eps * v)
    for j, (output, step) in enumerate(zip(outputs_of(func, inputs), steps, strict=True)):
        u = draw(rng, output)
        numerical = float((u.conj().reshape(-1) * step).sum().real / (2 * eps))
        (g,) = gradients(output, x, wrap(u), True, False, True) if output.requires_grad else (None,)
        analytical = 0.0 if g is None else float((v.conj() * g._data).sum().real)
        if not np.isclose(analytical, numerical, rtol=rtol, atol=atol * max(u.size, 1) ** 0.5, equal_nan=True):
            raise GradcheckError(
                f"Jacobian mismatch for output {j} with respect to input {i} in {name_of(func)}: along a random direction the "
                f"derivative is {analytical:.10g} analytically and {numerical:.10g} numerically (fast mode, central difference, "
                f"step {eps:g}, atol={atol:g}, rtol={rtol:g}); without fast_mode the element is named"
            )


# ---------------------------------------------------------------------------------------------- forward mode, batches


def check_forward(func, inputs, i, eps, atol, rtol):
    """Compare the tangents of forward mode with differences, column by column."""
    from .func import jvp

    x = inputs[i]
    numerical = numerical_jacobian(func, _detached(inputs, i), i, eps)
    fixed = [v.detach() if isinstance(v, Tensor) else v for v in inputs]
    moving = lambda t: tuple(outputs_of(func, [t if k == i else v for k, v in enumerate(fixed)]))  # noqa: E731
    columns = []
    for k in range(x.numel()):
        unit = np.zeros(x._data.shape, x._data.dtype)
        unit.reshape(-1)[k] = 1.0
        columns.append([np.array(t._data).reshape(-1) for t in jvp(moving, (fixed[i],), (wrap(unit),))[1]])
    for j, output in enumerate(outputs_of(func, inputs)):
        tangents = np.array([c[j] for c in columns]).reshape(numerical[j].shape)
        if not (output.is_complex() or x.is_complex()):
            compare(func, i, j, tangents, numerical[j], eps, atol, rtol, x, output, "in forward mode")


def check_batched(func, inputs):
    """A batch of weights must give what each of them gives."""
    from .functional import grad

    leaves = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    rng = np.random.default_rng(0)
    for j, output in enumerate(o for o in outputs_of(func, inputs) if o.requires_grad):
        weights = [wrap(draw(rng, output)) for _ in range(2)]
        batch = wrap(np.stack([w._data for w in weights]))
        one_by_one = [gradients(output, leaves, w, True, False, True, True) for w in weights]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            together = grad(output, leaves, batch, retain_graph=True, allow_unused=True, is_grads_batched=True)
        for i, (found, *wanted) in enumerate(zip(together, *one_by_one, strict=True)):
            expected = np.stack([w._data for w in wanted])
            if not np.allclose(0 * expected if found is None else found._data, expected, equal_nan=True):
                raise GradcheckError(
                    f"For output {j} and input {i} of {name_of(func)}: a batch of gradients (is_grads_batched=True) gives "
                    f"{None if found is None else found.tolist()}, one by one they are {expected.tolist()}"
                )


# ---------------------------------------------------------------------------------------------- manners of a backward


def check_inputs(inputs: Sequence) -> list[int]:
    """The places of the inputs to be checked; complain about what makes differences meaningless."""
    places = [i for i, v in enumerate(inputs) if isinstance(v, Tensor) and v.requires_grad]
    if not places:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    for i in places:
        data = inputs[i]._data
        if data.dtype.name not in ("float64", "complex128"):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex: it is "
                f"{data.dtype.name}. This check will likely fail if all the inputs are not of double precision.",
                UserWarning,
                stacklevel=4,
            )
        if (
            isinstance(data, np.ndarray)
            and data.size
            and any(s == 0 and n > 1 for s, n in zip(data.strides, data.shape, strict=True))
        ):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping to be "
                "able to compute the numerical gradients correctly. You should call .contiguous on the input before passing it "
                "to gradcheck."
            )
    return places


def check_nothing_comes_out(func, inputs, places, eps, atol, rtol):
    """Where no output requires grad, the numbers must not depend on the inputs either."""
    for i in places:
        for numerical in numerical_jacobian(func, _detached(inputs, i), i, eps):
            if not np.allclose(numerical, 0, rtol=rtol, atol=atol):
                k = int(np.abs(numerical).sum(1).argmax())
                raise GradcheckError(
                    f"Numerical gradient for function expected to be zero, since no output of {name_of(func)} requires grad, but "
                    f"the derivative by element {k} of input {i} is {numerical[k].max():.10g} (central difference, step {eps:g})"
                )


def check_manners(func, inputs, places, nondet_tol, undefined, dtypes):
    """Same gradients when asked twice, nothing for zero weights, the inputs' dtypes, outputs that nobody used."""
    leaves, rng = [inputs[i] for i in places], np.random.default_rng(0)
    outputs = [o for o in outputs_of(func, inputs) if o.requires_grad]
    weights = [wrap(draw(rng, o)) for o in outputs]
    ask = lambda which, given: gradients(which, leaves, given, True, False, True)  # noqa: E731
    first, second = ask(outputs, weights), ask(outputs, weights)
    for i, a, b in zip(places, first, second, strict=True):
        if a is None:
            continue
        if not np.allclose(a._data, b._data, rtol=0, atol=nondet_tol, equal_nan=True):
            worst = np.nanmax(np.abs(a._data - b._data))
            raise GradcheckError(
                "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different "
                f"values, although analytical gradient matches numerical gradient: for input {i} of {name_of(func)} they differ "
                f"by {worst:.3g}. The tolerance for nondeterminism was {nondet_tol}."
            )
        if dtypes and a.dtype is not inputs[i].dtype:
            raise GradcheckError(f"Gradient has dtype mismatch: {a.dtype!r} for input {i} of {inputs[i].dtype!r}")
    for i, a in zip(places, ask(outputs, [wrap(np.zeros_like(w._data)) for w in weights]), strict=True):
        if a is not None and np.any(a._data != 0):
            raise GradcheckError(
                f"backward not multiplied by grad_output: zero weights give {a.tolist()} for input {i}"
            )
    if undefined:
        for j in range(len(outputs) if len(outputs) > 1 else 0):
            try:
                ask(outputs[:j] + outputs[j + 1 :], weights[:j] + weights[j + 1 :])
            except Exception as error:
                raise GradcheckError(
                    f"Expected backward function to handle undefined output grads, but without one for output {j} "
                    f"{name_of(func)} raised {type(error).__name__}: {error}"
                ) from error
