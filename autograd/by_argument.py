"""Derivatives of functions by the argument at a position, as HIPS autograd has them: `grad(f)`, `jacobian(f)`, `make_vjp(f)`.

Each takes a function and gives a function of the same arguments. An argument may be a number, an array, or a list, tuple or
dict of them; what comes back has its form. Plain arguments give plain results (NumPy's arrays and scalars), unless the
result still depends on tensors of the caller's that require grad.

Note:
    A gradient by a complex argument z is ∂f/∂Re z - i ∂f/∂Im z, HIPS's (and JAX's) convention, so that a holomorphic
    function's is its derivative; `backward` and `grad(outputs, inputs)` give the conjugate, as PyTorch does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ._backward import gradients
from ._mode import enable_grad
from ._node import Leaf
from ._registry import registry
from ._tensor import Tensor, history, wrap
from .forward import push_forward


class Trace:
    """One evaluation of a function with the arguments at some positions made variables of a graph."""

    def __init__(self, function: Callable, argnum: Any, args: tuple, kwargs: dict) -> None:
        places = argnum if isinstance(argnum, (tuple, list)) else (argnum,)
        self.leaves: list[Tensor] = []
        self.several, self.given = isinstance(argnum, (tuple, list)), [args[i] for i in places]
        values = list(args)
        with enable_grad():
            for i in places:
                values[i] = mapped(args[i], self._variable)
            self.out = function(*values, **kwargs)

    def _variable(self, value: Any) -> Tensor:
        self.leaves.append(variable(value))
        return self.leaves[-1]

    @cached_property
    def result(self) -> Tensor:
        """What the function returned, as a Tensor; a constant has no graph.

        Raises:
            TypeError: it is not an array.
        """
        if isinstance(self.out, (int, float, complex, np.ndarray, np.generic)):
            return wrap(np.asarray(self.out))
        if not isinstance(self.out, Tensor):
            raise TypeError(f"grad: the function must return a Tensor or an array, got {type(self.out).__name__}")
        return self.out

    @cached_property
    def alone(self) -> bool:
        """Whether nothing of the caller's that requires grad had a part in the result."""
        own, seen = {id(history(t)) for t in self.leaves}, set()
        stack: list[Any] = [history(self.result)]
        while stack:
            node = stack.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if type(node) is Leaf and id(node) not in own:
                return False
            stack.extend(node.edges)
        return True

    def pull(self, weight: Tensor, again: bool = False) -> Any:
        """The gradient of the result, weighted, in the form of the arguments."""
        return self.formed(self.pulled(weight, not self.alone, again))

    def pulled(self, weight: Tensor, create: bool, again: bool = False) -> list[Tensor]:
        if history(self.result) is None:
            return [wrap(np.zeros_like(x._data)) for x in self.leaves]
        found = gradients(self.result, self.leaves, unturned(weight), again or None, create, materialize_grads=True)
        return [unturned(g) for g in found]

    def formed(self, found: list[Tensor], alone: bool | None = None) -> Any:
        """One tensor per variable, put into the form that the arguments have."""
        alone, each = self.alone if alone is None else alone, iter(found)
        parts = tuple(mapped(g, lambda value: as_given(next(each), value, alone)) for g in self.given)
        return parts if self.several else parts[0]

    def plain(self, value: Tensor) -> Any:
        """A result as the caller gave the arguments: plain when they are."""
        if not self.alone:
            return value
        kinds: list[bool] = []
        for g in self.given:
            mapped(g, lambda v: kinds.append(isinstance(v, Tensor)))
        return value.detach() if any(kinds) else value.detach().numpy()[()]


def unturned(g: Tensor) -> Tensor:
    """From PyTorch's convention for complex gradients to HIPS's, and back."""
    return g.conj() if g.is_complex() else g


def mapped(value: Any, f: Callable) -> Any:
    """`f` of every array in nested lists, tuples and dicts; a list of plain numbers counts as an array."""
    if isinstance(value, dict):
        return {k: mapped(v, f) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and any(isinstance(v, (Tensor, np.ndarray, list, tuple, dict)) for v in value):
        parts = [mapped(v, f) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return f(value)


def as_given(g: Tensor, value: Any, alone: bool) -> Any:
    """A gradient as a plain array or scalar where its argument was one."""
    if not alone:
        return g
    return g.detach() if isinstance(value, Tensor) else g.detach().numpy()[()]


def variable(value: Any) -> Tensor:
    """An argument to differentiate by: a recorded tensor joins the caller's graph, anything else starts one."""
    if isinstance(value, Tensor):
        return value.view_as(value) if value.requires_grad else value.detach().requires_grad_()
    data = np.asarray(value)
    return wrap(np.array(data, data.dtype if data.dtype.kind in "fc" else np.float64)).requires_grad_()


def ones(x: Tensor) -> Tensor:
    return wrap(np.ones_like(x._data))


def by_argument(derivative: Callable[[Trace], Any], word: str) -> Callable:
    """A function of (function, argnum) whose result traces a call and takes a derivative of the trace."""

    def of(function: Callable, argnum: Any = 0) -> Callable:
        def derived(*args: Any, **kwargs: Any) -> Any:
            return derivative(Trace(function, argnum, args, kwargs))

        name = getattr(function, "__name__", "function")
        derived.__name__ = f"{word}_{name}"
        derived.__doc__ = f"{derivative.__doc__} Of {name}, by argument {argnum}."
        return derived

    of.__name__ = of.__qualname__ = word
    of.__doc__ = derivative.__doc__
    return of


def _one_element(trace: Trace) -> Tensor:
    if trace.result.numel() != 1:
        raise TypeError(
            f"grad: the function must return one number, got shape {tuple(trace.result.shape)}; use jacobian or elementwise_grad"
        )
    return ones(trace.result)


def _grad(trace: Trace) -> Any:
    """The gradient of a function that returns one number."""
    return trace.pull(_one_element(trace))


def _value_and_grad(trace: Trace) -> tuple:
    """The value of a function that returns one number, and its gradient."""
    slope = _grad(trace)
    return trace.plain(trace.result), slope


def _grad_and_aux(trace: Trace) -> tuple:
    """The gradient of the first of two results, and the second as it is."""
    trace.out, aux = trace.out
    slope = _grad(trace)
    return slope, trace.plain(aux) if isinstance(aux, Tensor) else aux


def _elementwise_grad(trace: Trace) -> Any:
    """The derivative of an elementwise function: the gradient of the sum of its results."""
    if trace.result.is_complex():
        raise TypeError("elementwise_grad: the function must return real numbers; use holomorphic_grad")
    return trace.pull(ones(trace.result))


def _deriv(trace: Trace) -> Any:
    """The derivative of the results when every element of the argument moves alike."""
    return trace.plain(_pushed(trace, [ones(x) for x in trace.leaves]))


def _pushed(trace: Trace, tangents: list[Tensor]) -> Tensor:
    (moved,) = push_forward((trace.result,), {x._node: t for x, t in zip(trace.leaves, tangents, strict=True)})
    return moved


def _jacobian(trace: Trace) -> Any:
    """All derivatives of the results by the argument, of shape (results..., argument...)."""
    out, alone, stack = trace.result, trace.alone, registry["stack"].call
    units = np.eye(out.numel(), dtype=out._data.dtype).reshape(out.numel(), *out.shape)
    rows = [trace.pulled(wrap(u), not alone, again=True) for u in units]
    columns = (
        [stack(list(column)) for column in zip(*rows, strict=True)] if rows else [x[None][:0] for x in trace.leaves]
    )
    return trace.formed([c.reshape(*out.shape, *x.shape) for c, x in zip(columns, trace.leaves, strict=True)], alone)


def _make_vjp(trace: Trace) -> tuple:
    """(vjp, value): `vjp(g)` is g times the Jacobian, as often as asked."""

    def vjp(g: Any) -> Any:
        weight = g if isinstance(g, Tensor) else wrap(np.asarray(g, trace.result._data.dtype))
        return trace.pull(weight.expand(trace.result.shape), again=True)

    return vjp, trace.plain(trace.result)


def _make_jvp(trace: Trace) -> Callable:
    """jvp: `jvp(v)` gives the value and the Jacobian times v."""

    def jvp(v: Any) -> tuple:
        tangents: list[Tensor] = []
        for part in v if trace.several else (v,):
            mapped(part, lambda t: tangents.append(t if isinstance(t, Tensor) else wrap(np.asarray(t))))
        tangents = [t.to(x.dtype).expand(x.shape) for t, x in zip(tangents, trace.leaves, strict=True)]
        return trace.plain(trace.result), trace.plain(_pushed(trace, tangents))

    return jvp


gradient_function = by_argument(_grad, "grad")
value_and_grad = by_argument(_value_and_grad, "value_and_grad")
grad_and_aux = by_argument(_grad_and_aux, "grad_and_aux")
elementwise_grad = by_argument(_elementwise_grad, "elementwise_grad")
deriv = by_argument(_deriv, "deriv")
jacobian = by_argument(_jacobian, "jacobian")
make_vjp = by_argument(_make_vjp, "make_vjp")
make_jvp = by_argument(_make_jvp, "make_jvp")


def hessian(function: Callable, argnum: Any = 0) -> Callable:
    """All second derivatives of a function that returns one number.

    Example:
        >>> import autograd, numpy
        >>> autograd.hessian(lambda x: x[0] ** 2 * x[1])(numpy.array([3.0, 5.0]))
        array([[10.,  6.],
               [ 6.,  0.]])
    """
    return jacobian(jacobian(function, argnum), argnum)


def holomorphic_grad(function: Callable, argnum: Any = 0) -> Callable:
    """The derivative of a holomorphic function of complex numbers."""
    return gradient_function(lambda *args, **kwargs: function(*args, **kwargs).real, argnum)


def grad_named(function: Callable, argname: str) -> Callable:
    """The gradient of a function by the argument of a name."""
    return gradient_function(function, list(inspect.signature(function).parameters).index(argname))


def multigrad_dict(function: Callable) -> Callable:
    """The gradients of a function by all its arguments at once, by their names."""
    signature = inspect.signature(function)

    def gradient(*args: Any, **kwargs: Any) -> dict:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        names = list(bound.arguments)
        found = gradient_function(
            lambda *values: function(**dict(zip(names, values, strict=True))), tuple(range(len(names)))
        )
        return dict(zip(names, found(*bound.arguments.values()), strict=True))

    return gradient


def make_hvp(function: Callable, argnum: Any = 0) -> Callable:
    """(hvp, gradient) at a point: `hvp(v)` is the Hessian times v."""
    return make_vjp(gradient_function(function, argnum), argnum)


def hessian_tensor_product(function: Callable, argnum: int = 0) -> Callable:
    """The Hessian times a tensor, which comes after the function's own arguments."""

    def directional(*args: Any, **kwargs: Any) -> Any:
        *own, v = args
        return (gradient_function(function, argnum)(*own, **kwargs) * _tensor(v)).sum()

    return gradient_function(directional, argnum)


def tensor_jacobian_product(function: Callable, argnum: int = 0) -> Callable:
    """A tensor, which comes after the function's own arguments, contracted with all axes of the results' Jacobian."""

    def contracted(*args: Any, **kwargs: Any) -> Any:
        *own, v = args
        v = _tensor(v)
        return registry["tensordot"].call(v, function(*own, **kwargs), v.ndim)

    return jacobian(contracted, argnum)


def _tensor(v: Any) -> Tensor:
    return v if isinstance(v, Tensor) else wrap(np.asarray(v))


def make_ggnvp(f: Callable, g: Callable = lambda x: (x * x).sum(-1) / 2, f_argnum: int = 0) -> Callable:
    """Products of vectors with the generalised Gauss-Newton matrix Jᵀ H J of g(f(x)): J is f's Jacobian, H is g's Hessian."""

    def at(*args: Any, **kwargs: Any) -> Callable:
        jvp = make_jvp(f, f_argnum)(*args, **kwargs)
        vjp, value = make_vjp(f, f_argnum)(*args, **kwargs)
        hvp, _ = make_hvp(g)(value)
        return lambda v: vjp(hvp(jvp(v)[1]))

    return at


hessian_vector_product, vector_jacobian_product = hessian_tensor_product, tensor_jacobian_product

__all__ = ["deriv", "elementwise_grad", "grad_and_aux", "grad_named", "hessian", "hessian_tensor_product",
           "hessian_vector_product", "holomorphic_grad", "jacobian", "make_ggnvp", "make_hvp", "make_jvp", "make_vjp",
           "multigrad_dict", "tensor_jacobian_product", "value_and_grad", "vector_jacobian_product"]  # fmt: skip
