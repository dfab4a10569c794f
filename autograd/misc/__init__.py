"""Small helpers of HIPS autograd: flattening of nested parameters, a few optimizers, fixed points."""

from __future__ import annotations

from collections.abc import Callable

from .flatten import flatten, flatten_func


def const_graph(function: Callable, *_: object, **__: object) -> Callable:
    """The function itself: there is no trace to keep between calls."""
    return function


__all__ = ["const_graph", "flatten", "flatten_func"]
