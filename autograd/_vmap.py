"""`vmap`: a function of one slice made a function of all of them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from ._batch import Asked, Level, Mapped, Refused, is_at, mapping, slices_of
from ._tensor import Tensor
from .ops.index import narrow, select
from .ops.join import cat, stack
from .ops.shape import movedim
from .random import get_rng_state, set_rng_state


def vmapped(func: Callable, in_dims: Any, out_dims: Any, randomness: str, chunk_size: int | None) -> Callable:
    """See `func.vmap`."""
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        dims = _dims_of(args, in_dims)
        size = _size_of(args, dims, kwargs, f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)")
        run = functools.partial(_run, func, dims=dims, kwargs=kwargs, out_dims=out_dims, randomness=randomness)
        if chunk_size is None or size <= chunk_size:
            return run(args, size=size)
        parts = []
        for at in range(0, size, chunk_size):
            count = min(chunk_size, size - at)
            given = _along(args, dims, lambda t, d, at=at, count=count: narrow(t, d, at, count))
            parts.append(run(given, size=count))
        return _zipped(parts, out_dims, cat)

    return mapped


def _run(func: Callable, args: tuple, *, dims: Any, kwargs: dict, size: int, out_dims: Any, randomness: str) -> Any:
    """Over all slices at once; where that fails, one after the other, whose result or error is the user's."""
    try:
        with mapping(size, randomness) as level:
            given = _along(args, dims, lambda t, d: Mapped(movedim(t, d, 0), level))
            keywords = {k: _along(v, 0, lambda t, d: Mapped(movedim(t, d, 0), level)) for k, v in kwargs.items()}
            return _lowered(_checked(func(*given, **keywords), func), level, out_dims)
    except Exception as failure:
        if isinstance(failure, Refused) or (isinstance(failure, Asked) and not Mapped.may_ask):
            raise RuntimeError(str(failure)) from None
        result = _one_by_one(func, args, dims, kwargs, size, out_dims, randomness)
        if randomness != "different":
            warnings.warn(f"vmap: slices run one after the other, since {failure}", UserWarning, stacklevel=3)
        return result


def _one_by_one(func: Callable, args: tuple, dims: Any, kwargs: dict, size: int, out_dims: Any, randomness: str) -> Any:
    results, start = [], get_rng_state() if randomness == "same" else None
    with mapping(size, randomness, at_once=False):
        for i in range(size):
            if start is not None:
                set_rng_state(start)
            pick = lambda t, d, i=i: select(t, d, i)  # noqa: E731
            results.append(
                _checked(func(*_along(args, dims, pick), **{k: _along(v, 0, pick) for k, v in kwargs.items()}), func)
            )
    return _zipped(results, out_dims, _stacked)


def _stacked(slices: list, dim: Any) -> Tensor:
    """Results of the slices along `dim`; None leaves out the axis, where all are equal."""
    first, *rest = slices
    if dim is not None:
        return stack([first, *rest], dim)
    if any(first.shape != t.shape or not bool((first == t).all()) for t in rest):
        raise ValueError("vmap: an output that differs between slices cannot have out_dims=None")
    return first


def _checked(result: Any, func: Any) -> Any:
    """The result, which must be made of Tensors."""
    parts = result.values() if isinstance(result, dict) else result if isinstance(result, (tuple, list)) else ()
    for part in parts:
        _checked(part, func)
    if not isinstance(result, (Tensor, dict, tuple, list)):
        raise ValueError(
            f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type {type(result)}. Did you mean to "
            "set out_dims= to None for output?"
        )
    return result


def _lowered(result: Any, level: Level, out_dims: Any) -> Any:
    """What the function returned, the mapped axis put where `out_dims` says; None leaves out the axis."""

    def lower(group: list, dim: Any) -> Any:
        t = group[0]
        if dim is None:
            if is_at(t, level):
                raise ValueError("vmap: an output that differs between slices cannot have out_dims=None")
            return t
        return movedim(slices_of(t, level), 0, dim)

    return _zipped([result], out_dims, lower)


def _zipped(results: list, dims: Any, join: Callable) -> Any:
    """Nested results of one form joined place by place: `join(list of leaves, dim)`."""
    first = results[0]
    if isinstance(first, (tuple, list)):
        given = dims if isinstance(dims, (tuple, list)) else (dims,) * len(first)
        if len(given) != len(first):
            raise ValueError(f"vmap: out_dims has {len(given)} entries for {len(first)} outputs")
        made = [_zipped(list(column), d, join) for column, d in zip(zip(*results, strict=True), given, strict=True)]
        return type(first)(*made) if hasattr(first, "_fields") else type(first)(made)
    if isinstance(first, dict):
        return {k: _zipped([r[k] for r in results], dims[k] if isinstance(dims, dict) else dims, join) for k in first}
    if isinstance(dims, (tuple, list)):
        if len(dims) != 1:
            raise ValueError(f"vmap: out_dims has {len(dims)} entries for 1 output")
        dims = dims[0]
    return join(results, dims)


def _dims_of(args: tuple, in_dims: Any) -> tuple:
    """One entry of `in_dims` per argument."""
    if not isinstance(in_dims, (int, tuple, list)):
        raise ValueError(
            "vmap: expected in_dims to be int or a (potentially nested) tuple matching the structure of inputs, got "
            f"{type(in_dims)}"
        )
    if not args:
        raise ValueError("vmap: got no inputs. Maybe you forgot to add inputs, or the function takes no arguments.")
    dims = tuple(in_dims) if isinstance(in_dims, (tuple, list)) else (in_dims,) * len(args)
    if len(dims) != len(args):
        raise ValueError(
            f"vmap: in_dims has {len(dims)} entries for {len(args)} arguments; in_dims is not compatible with the structure "
            "of inputs"
        )
    return dims


def _name(func: Any) -> str:
    return getattr(func, "__name__", repr(func))


def _size_of(args: tuple, dims: tuple, kwargs: dict, what: str) -> int:
    sizes: list[int] = []

    def note(t: Tensor, dim: int) -> Tensor:
        if not isinstance(dim, int) or not -t.ndim <= dim < t.ndim:
            raise ValueError(
                f"{what}: Got in_dim={dim!r} for some input, but that input is a Tensor of dimensionality {t.ndim} so "
                f"expected in_dim to satisfy -{t.ndim} <= in_dim < {t.ndim}."
            )
        sizes.append(t.shape[dim])
        return t

    _along(args, dims, note)
    _along(tuple(kwargs.values()), 0, note)
    if not sizes:
        raise ValueError(
            "vmap: at least one argument must be mapped; in_dims is None for all of them, or no input is a Tensor"
        )
    if len(set(sizes)) > 1:
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the mapped "
            "dimension"
        )
    return sizes[0]


def _along(tree: Any, dims: Any, do: Callable) -> Any:
    """`do(tensor, dim)` for every tensor that has a mapped axis, in nested tuples, lists and dicts."""
    if dims is None:
        return tree
    if isinstance(tree, Tensor):
        return do(tree, dims)
    if isinstance(tree, dict):
        return type(tree)((k, _along(v, dims[k] if isinstance(dims, dict) else dims, do)) for k, v in tree.items())
    if isinstance(tree, (tuple, list)):
        given = dims if isinstance(dims, (tuple, list)) else (dims,) * len(tree)
        if len(given) != len(tree):
            raise ValueError(f"vmap: in_dims {dims!r} is not compatible with an input of {len(tree)} parts")
        made = [_along(v, d, do) for v, d in zip(tree, given, strict=True)]
        return type(tree)(*made) if hasattr(tree, "_fields") else type(tree)(made)
    return tree
