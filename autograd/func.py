"""Function transforms: functions in, derivative functions out, freely nested."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ._batch import derivatives, jacobian_by_columns, jacobian_by_rows, lifted, root
from ._batch import tangents as moved_along
from ._mode import enable_grad, holding, inference_mode, is_inference_mode_enabled, levels, transforming
from ._node import Leaf, Node
from ._tensor import Tensor
from .ops.join import stack


@contextmanager
def _recording() -> Iterator[None]:
    """Call a function in order to differentiate it."""
    with holding(transforming, True), inference_mode(False) if is_inference_mode_enabled() else enable_grad():
        yield


def _map(function: Callable, tree: Any) -> Any:
    """`function` applied to every Tensor in nested tuples, lists and dicts."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return {k: _map(function, v) for k, v in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(_map(function, v) for v in tree))
    return type(tree)(_map(function, v) for v in tree) if isinstance(tree, (tuple, list)) else tree


def _flat(tree: Any) -> list[Tensor]:
    found: list[Tensor] = []
    _map(found.append, tree)
    return found


def _rebuilt(tree: Any, leaves: Any) -> Any:
    leaves = iter(leaves)
    return _map(lambda _: next(leaves), tree)


def _variable(t: Tensor) -> Tensor:
    """A variable of its own: connected to the caller's graph if there is one, so that transforms nest."""
    if levels.get():
        t = lifted(t)
    return t.view_as(t) if t.requires_grad else t.detach().requires_grad_()


def _for_caller(result: Any, variables: Any) -> Any:
    """The result without its history, unless it leads to more than this transform's own variables.

    What the caller records, directly or around a nested transform, stays connected.
    """
    own = {root(t)._node for t in _flat(variables)}
    found = _flat(result)
    stack, seen = [root(t)._node for t in found if t.requires_grad], set(own)
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, Leaf):
            return result
        stack.extend(node.edges)
    outside = any(isinstance(node, Node) for node in own)  # a variable that is itself part of the caller's graph
    return result if outside else _map(lambda t: t.detach() if t.requires_grad else t, result)


def _places(argnums: int | tuple[int, ...], args: tuple) -> tuple[int, ...]:
    places = argnums if isinstance(argnums, tuple) else (argnums,)
    for i in places:
        if not -len(args) <= i < len(args):
            raise RuntimeError(f"Got argnum={i}, but only {len(args)} positional inputs")
    return tuple(i % len(args) for i in places)


def _marked(args: tuple, places: tuple[int, ...]) -> tuple[list, list]:
    """The arguments with those at `places` as variables, and these trees of variables."""
    filled = list(args)
    for i in places:
        filled[i] = _map(_variable, filled[i])
    return filled, [filled[i] for i in places]


def _split_aux(result: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError("has_aux=True: the function must return a pair (output, auxiliary)")
    return result


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """A function that gives (gradient, value) of a scalar `func`; ((gradient, (value, aux)) with has_aux)."""

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        places = _places(argnums, args)
        with _recording():
            filled, trees = _marked(args, places)
            value, aux = _split_aux(func(*filled, **kwargs), has_aux)
            if not isinstance(value, Tensor):
                raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(value)}")
            if value.numel() != 1:
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
                    f"{value.ndim} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            found = _rebuilt(trees, _gradients(value, _flat(trees)))
        grads = tuple(found) if isinstance(argnums, tuple) else found[0]
        return _for_caller((grads, (value, aux)) if has_aux else (grads, value), trees)

    return transformed


def _gradients(value: Tensor, leaves: list, weight: Any = None) -> tuple:
    if not value.requires_grad:
        return tuple(t.detach() * 0 for t in leaves)
    return derivatives([value], leaves, None if weight is None else [weight])


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """A function that gives the gradient of a scalar `func` by its argument(s) at `argnums`.

    Example:
        >>> import autograd
        >>> from autograd.func import grad
        >>> float(grad(grad(autograd.sin))(autograd.tensor(0.5, dtype=autograd.float64)).round(decimals=6))
        -0.479426
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        grads, rest = both(*args, **kwargs)
        return (grads, rest[1]) if has_aux else grads

    return transformed


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """(output, pull) where pull(cotangents) gives their product with the Jacobian by each primal."""
    with _recording():
        variables = [_map(_variable, p) for p in primals]
        output, aux = _split_aux(func(*variables), has_aux)
    outputs = _flat(output)

    def pull(cotangents: Any, retain_graph: bool = True, create_graph: bool = True) -> tuple:
        pairs = [(o, c) for o, c in zip(outputs, _flat(cotangents), strict=True) if o.requires_grad]
        leaves = _flat(variables)
        found = tuple(t.detach() * 0 for t in leaves)
        if pairs:
            found = derivatives([o for o, _ in pairs], leaves, [c for _, c in pairs], create_graph)
        return _for_caller(tuple(_rebuilt(variables, found)), variables)

    output = _for_caller(output, variables)
    return (output, pull, aux) if has_aux else (output, pull)


def jvp(func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False) -> tuple:
    """(output, tangent of the output) when the primals move along the tangents; forward mode."""
    if len(primals) != len(tangents):
        raise RuntimeError(
            f"jvp: expected primals and tangents of one structure, got {len(primals)} and {len(tangents)}"
        )
    with _recording():
        variables = tuple(_map(_variable, p) for p in primals)
        output, aux = _split_aux(func(*variables), has_aux)
        moved = _rebuilt(output, moved_along(_flat(output), _flat(variables), _flat(tangents)))
    return _for_caller((output, moved, aux) if has_aux else (output, moved), variables)


def _jacobian(func: Callable, argnums: int | tuple[int, ...], has_aux: bool, table: Callable) -> Callable:
    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        places = _places(argnums, args)
        with _recording():
            filled, trees = _marked(args, places)
            output, aux = _split_aux(func(*filled, **kwargs), has_aux)
            rows = iter(table(tuple(_flat(output)), tuple(_flat(trees))))

            def one(_: Tensor) -> Any:
                found = _rebuilt(trees, next(rows))
                return tuple(found) if isinstance(argnums, tuple) else found[0]

            result = _map(one, output)
        return _for_caller((result, aux) if has_aux else result, trees)

    return transformed


def _by_rows(outputs: tuple, variables: tuple) -> list:
    return [jacobian_by_rows(o, variables, True) for o in outputs]


def _by_columns(outputs: tuple, variables: tuple) -> list:
    return list(zip(*[jacobian_by_columns(outputs, x) for x in variables], strict=True))


def jacrev(
    func: Callable, argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable:
    """A function that gives the Jacobian of `func` by reverse mode: one pass for all elements of an output.

    Shape: output (o...) by argument (i...) -> (o..., i...)
    """
    return _jacobian(func, argnums, has_aux, _by_rows)


def jacfwd(
    func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable:
    """A function that gives the Jacobian of `func` by forward mode: one pass for all elements of an argument.

    Shape: output (o...) by argument (i...) -> (o..., i...)
    """
    return _jacobian(func, argnums, has_aux, _by_columns)


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """A function that gives the second derivatives of `func`: forward mode over reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)


def vmap(
    func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Callable:
    """`func` applied to every slice of its arguments along `in_dims`, the results stacked along `out_dims`.

    Args:
        in_dims: the mapped axis of each argument (nested like the arguments), None for one that is the same for all.
        randomness: "error", "different" (each slice draws its own numbers) or "same".
        chunk_size: this many slices at a time, to save memory.

    Raises:
        ValueError: nothing is mapped, or sizes of the mapped axes differ.
        RuntimeError: random numbers are drawn with randomness="error".

    Note:
        Operations run over all slices at once. Where that is impossible (a value is asked for with `item()`, or an
        operation has no rule), slices run one after the other and a warning says so.

    Example:
        >>> import autograd
        >>> rows = autograd.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> autograd.func.vmap(lambda row: row @ row)(rows)
        tensor([ 5., 25.])
    """
    from ._vmap import vmapped

    return vmapped(func, in_dims, out_dims, randomness, chunk_size)


def functional_call(module: Any, parameters: Any, args: Any = None, kwargs: dict | None = None, *, tie_weights: bool = True,
                    strict: bool = False) -> Any:  # fmt: skip
    """`module(*args)` with parameters and buffers taken from the dict(s) given; the module's own stay as they are."""
    from importlib import import_module

    return import_module("nn.utils.stateless").functional_call(
        module, parameters, args, kwargs, tie_weights=tie_weights, strict=strict
    )


def linearize(func: Callable, *primals: Any) -> tuple:
    """(output, push) where push(*tangents) gives the tangent of the output at these primals."""
    with _recording():
        variables = tuple(_map(_variable, p) for p in primals)
        output = func(*variables)
    outputs = tuple(_flat(output))

    def push(*tangents: Any) -> Any:
        moved = _rebuilt(output, moved_along(list(outputs), _flat(variables), _flat(tangents)))
        return _for_caller(moved, variables)

    return _for_caller(output, variables), push


def stack_module_state(models: list) -> tuple[dict, dict]:
    """Parameters and buffers of several modules of one architecture, stacked by name, for `vmap` over models."""
    parameters = {
        n: stack([dict(m.named_parameters())[n].detach() for m in models]).requires_grad_()
        for n, _ in models[0].named_parameters()
    }
    buffers = {n: stack([dict(m.named_buffers())[n] for m in models]) for n, _ in models[0].named_buffers()}
    return parameters, buffers


__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "stack_module_state",
           "vjp", "vmap"]  # fmt: skip
