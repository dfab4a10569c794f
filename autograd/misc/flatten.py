"""Nested lists, tuples and dicts of arrays as one vector, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import numpy as anp
from .._tensor import Tensor


def _leaves(value: Any) -> list:
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in _leaves(v)]
    if isinstance(value, dict):
        return [leaf for k in sorted(value) for leaf in _leaves(value[k])]
    return [value]


def flatten(value: Any) -> tuple[Any, Callable]:
    """(vector, unflatten): all numbers in nested containers, the values of dicts in the order of their keys.

    Example:
        >>> vector, unflatten = flatten({"b": 3.0, "a": [1.0, 2.0]})
        >>> vector
        array([1., 2., 3.])
        >>> unflatten(vector * 2)["b"]
        np.float64(6.0)
    """
    leaves = _leaves(value)
    vector = anp.concatenate([anp.ravel(leaf) for leaf in leaves]) if leaves else np.array([])

    def unflatten(flat: Any) -> Any:
        used = 0

        def rebuilt(v: Any) -> Any:
            nonlocal used
            if isinstance(v, (list, tuple)):
                return type(v)([rebuilt(part) for part in v])
            if isinstance(v, dict):
                parts = {k: rebuilt(v[k]) for k in sorted(v)}
                return {k: parts[k] for k in v}
            shape = anp.shape(v)
            start, used = used, used + int(np.prod(shape, dtype=int))
            part = anp.reshape(flat[start:used], shape)
            return part if shape or isinstance(part, Tensor) else part[()]

        return rebuilt(value)

    return vector, unflatten


def flatten_func(function: Callable, example: Any) -> tuple:
    """(f, unflatten, vector): the function on vectors, made for arguments like `example`."""
    vector, unflatten = flatten(example)
    return lambda x, *args: flatten(function(unflatten(x), *args))[0], unflatten, vector
