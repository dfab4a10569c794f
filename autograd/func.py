"""Function transforms: functions in, derivative functions out, freely nested."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ._backward import gradients
from ._graph import Leaf, Node
from ._mode import enable_grad
from ._tensor import Tensor
from .forward import push_forward
from .functional import _columns, _rows
from .ops.shape import stack


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
    return t.view_as(t) if t.requires_grad else t.detach().requires_grad_()


def _for_caller(result: Any, variables: Any) -> Any:
    """The result without its history, unless it leads to more than this transform's own variables.

    What the caller records, directly or around a nested transform, stays connected.
    """
    own = {t._node for t in _flat(variables)}
    found = _flat(result)
    stack, seen = [t._node for t in found if t.requires_grad], set(own)
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
    args = list(args)
    for i in places:
        args[i] = _map(_variable, args[i])
    return args, [args[i] for i in places]


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
        with enable_grad():
            filled, trees = _marked(args, places)
            value, aux = _split_aux(func(*filled, **kwargs), has_aux)
            if not isinstance(value, Tensor):
                raise RuntimeError(
                    f"Expected the function given to grad to return a Tensor, got {type(value).__name__}"
                )
            if value.numel() != 1:
                raise RuntimeError(
                    f"Expected the function given to grad to return a scalar tensor, got tensor with {value.ndim} dims: shape {tuple(value.shape)}"
                )
            found = _rebuilt(trees, _gradients(value, _flat(trees)))
        grads = tuple(found) if isinstance(argnums, tuple) else found[0]
        return _for_caller((grads, (value, aux)) if has_aux else (grads, value), trees)

    return transformed


def _gradients(value: Tensor, leaves: list, weight: Any = None) -> tuple:
    if not value.requires_grad:
        return tuple(t.detach() * 0 for t in leaves)
    return gradients(value, leaves, weight, None, True, True, True)


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
    with enable_grad():
        variables = [_map(_variable, p) for p in primals]
        output, aux = _split_aux(func(*variables), has_aux)
    outputs = _flat(output)

    def pull(cotangents: Any, retain_graph: bool = True, create_graph: bool = True) -> tuple:
        pairs = [(o, c) for o, c in zip(outputs, _flat(cotangents), strict=True) if o.requires_grad]
        leaves = _flat(variables)
        found = [t.detach() * 0 for t in leaves]
        if pairs:
            found = gradients([o for o, _ in pairs], leaves, [c for _, c in pairs], True, create_graph, True, True)
        return tuple(_rebuilt(variables, found))

    return (output, pull, aux) if has_aux else (output, pull)


def jvp(func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False) -> tuple:
    """(output, tangent of the output) when the primals move along the tangents; forward mode."""
    if len(primals) != len(tangents):
        raise RuntimeError(
            f"jvp: expected primals and tangents of one structure, got {len(primals)} and {len(tangents)}"
        )
    with enable_grad():
        variables = tuple(_map(_variable, p) for p in primals)
        output, aux = _split_aux(func(*variables), has_aux)
        seeds = {x._node: t for x, t in zip(_flat(variables), _flat(tangents), strict=True)}
        moved = _rebuilt(output, push_forward(tuple(_flat(output)), seeds))
    return _for_caller((output, moved, aux) if has_aux else (output, moved), variables)


def _jacobian(func: Callable, argnums: int | tuple[int, ...], has_aux: bool, table: Callable) -> Callable:
    @functools.wraps(func)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        places = _places(argnums, args)
        with enable_grad():
            filled, trees = _marked(args, places)
            output, aux = _split_aux(func(*filled, **kwargs), has_aux)
            rows = iter(table(tuple(_flat(output)), tuple(_flat(trees))))

            def one(_: Tensor) -> Any:
                found = _rebuilt(trees, next(rows))
                return tuple(found) if isinstance(argnums, tuple) else found[0]

            result = _map(one, output)
        return _for_caller((result, aux) if has_aux else result, trees)

    return transformed


def jacrev(
    func: Callable, argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable:
    """A function that gives the Jacobian of `func` by reverse mode: a pass per output element.

    Shape: output (o...) by argument (i...) -> (o..., i...)
    """
    return _jacobian(func, argnums, has_aux, lambda outputs, xs: [_rows(o, xs, True, False) for o in outputs])


def jacfwd(
    func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable:
    """A function that gives the Jacobian of `func` by forward mode: a pass per input element.

    Shape: output (o...) by argument (i...) -> (o..., i...)
    """
    return _jacobian(func, argnums, has_aux, _columns)


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """A function that gives the second derivatives of `func`: forward mode over reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)


def vmap(
    func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Callable:
    """`func` applied to every slice of its arguments along `in_dims`, the results stacked along `out_dims`.

    Args:
        in_dims: the mapped axis of each argument (nested like the arguments), None for one that is the same for all.

    Note:
        Slices run one after the other and their results are stacked: gradients pass, and any function works.
    """

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        dims = in_dims if isinstance(in_dims, (tuple, list)) else (in_dims,) * len(args)
        if len(dims) != len(args):
            raise ValueError(f"vmap: in_dims has {len(dims)} entries for {len(args)} arguments")
        sizes = {n for a, d in zip(args, dims, strict=True) for n in _mapped_sizes(a, d)}
        if len(sizes) != 1:
            what = (
                "vmap: at least one argument must be mapped"
                if not sizes
                else f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sorted(sizes)}"
            )
            raise ValueError(what)
        slices = [
            func(*[_slice(a, d, i) for a, d in zip(args, dims, strict=True)], **kwargs) for i in range(sizes.pop())
        ]
        return _stacked(slices, out_dims)

    return mapped


def _dims_like(tree: Any, dim: Any) -> Any:
    if isinstance(dim, (tuple, list, dict)):
        return dim
    return _map(lambda t: dim, tree)


def _mapped_sizes(arg: Any, dim: Any) -> list[int]:
    if isinstance(arg, Tensor):
        return [] if dim is None else [arg.shape[dim]]
    if isinstance(arg, (tuple, list)):
        dims = dim if isinstance(dim, (tuple, list)) else (dim,) * len(arg)
        return [n for a, d in zip(arg, dims, strict=True) for n in _mapped_sizes(a, d)]
    if isinstance(arg, dict):
        return [n for k, a in arg.items() for n in _mapped_sizes(a, dim[k] if isinstance(dim, dict) else dim)]
    return []


def _slice(arg: Any, dim: Any, i: int) -> Any:
    if isinstance(arg, Tensor):
        return arg if dim is None else arg.select(dim, i)
    if isinstance(arg, (tuple, list)):
        dims = dim if isinstance(dim, (tuple, list)) else (dim,) * len(arg)
        return type(arg)(_slice(a, d, i) for a, d in zip(arg, dims, strict=True))
    if isinstance(arg, dict):
        return {k: _slice(a, dim[k] if isinstance(dim, dict) else dim, i) for k, a in arg.items()}
    return arg


def _stacked(slices: list, out_dims: Any) -> Any:
    first = slices[0]
    if isinstance(first, Tensor):
        return stack(slices, out_dims if isinstance(out_dims, int) else out_dims[0])
    if isinstance(first, (tuple, list)):
        dims = out_dims if isinstance(out_dims, (tuple, list)) else (out_dims,) * len(first)
        made = [_stacked(list(column), d) for column, d in zip(zip(*slices, strict=True), dims, strict=True)]
        return type(first)(*made) if hasattr(first, "_fields") else type(first)(made)
    if isinstance(first, dict):
        return {k: _stacked([s[k] for s in slices], out_dims) for k in first}
    raise ValueError(f"vmap: the function must return Tensors, got {type(first).__name__}")


def functional_call(module: Any, parameters: Any, args: Any = None, kwargs: dict | None = None, *, tie_weights: bool = True,
                    strict: bool = False) -> Any:  # fmt: skip
    """`module(*args)` with parameters and buffers taken from the dict(s) given; the module's own stay as they are."""
    from importlib import import_module

    return import_module("nn.utils.stateless").functional_call(
        module, parameters, args, kwargs, tie_weights=tie_weights, strict=strict
    )


def linearize(func: Callable, *primals: Any) -> tuple:
    """(output, push) where push(*tangents) gives the tangent of the output at these primals."""
    with enable_grad():
        variables = tuple(_map(_variable, p) for p in primals)
        output = func(*variables)
    outputs = tuple(_flat(output))

    def push(*tangents: Any) -> Any:
        seeds = {x._node: t for x, t in zip(_flat(variables), _flat(tangents), strict=True)}
        return _rebuilt(output, push_forward(outputs, seeds))

    return output, push


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
