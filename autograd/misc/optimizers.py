"""Gradient descent over nested parameters, with HIPS autograd's names, arguments and defaults.

Each takes `grad(parameters, iteration)` and gives the parameters after `num_iters` steps, in the form of `x0`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .flatten import flatten


def _on_vectors(optimize: Callable) -> Callable:
    """An optimizer of vectors as one of nested containers."""

    @functools.wraps(optimize)
    def optimizer(grad: Callable, x0: Any, callback: Callable | None = None, *args: Any, **kwargs: Any) -> Any:
        start, unflatten = flatten(x0)

        def slope(x: Any, i: int) -> Any:
            g = flatten(grad(unflatten(x), i))[0]
            if callback:
                callback(unflatten(x), i, unflatten(g))
            return g

        return unflatten(optimize(slope, start, *args, **kwargs))

    return optimizer


@_on_vectors
def sgd(grad: Callable, x: Any, num_iters: int = 200, step_size: float = 0.1, mass: float = 0.9) -> Any:
    """Descent with momentum: v ← mass v - (1 - mass) g, x ← x + step_size v."""
    velocity = np.zeros(len(x))
    for i in range(num_iters):
        velocity = mass * velocity - (1.0 - mass) * grad(x, i)
        x = x + step_size * velocity
    return x


@_on_vectors
def rmsprop(grad: Callable, x: Any, num_iters: int = 100, step_size: float = 0.1, gamma: float = 0.9,
            eps: float = 1e-8) -> Any:  # fmt: skip
    """Steps divided by the root of a running mean of squared gradients."""
    mean_square = np.ones(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        mean_square = mean_square * gamma + g**2 * (1 - gamma)
        x = x - step_size * g / (np.sqrt(mean_square) + eps)
    return x


@_on_vectors
def adam(grad: Callable, x: Any, num_iters: int = 100, step_size: float = 0.001, b1: float = 0.9, b2: float = 0.999,
         eps: float = 1e-8) -> Any:  # fmt: skip
    """Kingma and Ba's Adam (arXiv:1412.6980): running means of the gradient and its square, corrected for their start."""
    mean, square = np.zeros(len(x)), np.zeros(len(x))
    for i in range(num_iters):
        g = grad(x, i)
        mean = (1 - b1) * g + b1 * mean
        square = (1 - b2) * g**2 + b2 * square
        x = x - step_size * mean / (1 - b1 ** (i + 1)) / (np.sqrt(square / (1 - b2 ** (i + 1))) + eps)
    return x
