"""Derivatives of derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..torchlike import arrays
from ..workload import Functional, Task, normal, weights, workload
from .small import dense, dense_shapes


def rosenbrock(x: Any) -> Any:
    """Sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2."""
    head, tail = x[:-1], x[1:]
    return (100.0 * (tail - head * head) ** 2 + (1.0 - head) ** 2).sum()


@workload("hessian", "higher", "Hessian of Rosenbrock in 20 variables, row by row")
def hessian(lib: Any) -> Task:
    (x,), rows = lib.leaves([normal(0, 20)]), []

    def step() -> None:
        (slope,) = lib.grad(rosenbrock(x), x, create_graph=True)
        rows[:] = [lib.grad(slope[i], x, retain_graph=True)[0] for i in range(20)]

    return Task(step, lambda: [np.stack([row.detach().numpy() for row in rows])])


@hessian.functional("jax", "hips")
def _() -> Functional:
    return Functional([normal(0, 20)], lambda xp, p: rosenbrock(p[0]), update="hessian")


def mlp_loss(lib: Any, parameters: Any, x: Any, y: Any) -> Any:
    """Mean squared error of a tanh MLP."""
    h = x
    for i in range(0, 6, 2):
        h = lib.F.linear(h, parameters[i], parameters[i + 1])
        h = h.tanh() if i < 4 else h
    return ((h - y) ** 2).mean()


@workload("hvp", "higher", "Hessian-vector product of an MLP 8-32-32-1, batch 64")
def hvp(lib: Any) -> Task:
    parameters = lib.leaves(weights(30, *dense_shapes(8, 32, 32, 1)))
    vector = [lib.tensor(v) for v in weights(31, *dense_shapes(8, 32, 32, 1))]
    x, y, last = lib.tensor(normal(0, 64, 8)), lib.tensor(normal(1, 64, 1)), []

    def step() -> None:
        slopes = lib.grad(mlp_loss(lib, parameters, x, y), parameters, create_graph=True)
        last[:] = lib.grad(slopes, parameters, grad_outputs=vector)

    return Task(step, lambda: arrays(last))


@hvp.functional("jax", "hips")
def _() -> Functional:
    vector = weights(31, *dense_shapes(8, 32, 32, 1))

    def loss(xp: Any, p: Any, x: Any, y: Any) -> Any:
        slopes = xp.gradient(lambda q: xp.mean((dense(xp, q, x, xp.tanh) - y) ** 2), p)
        return sum(xp.sum(slope * v) for slope, v in zip(slopes, vector, strict=True))

    params = weights(30, *dense_shapes(8, 32, 32, 1))
    return Functional(params, loss, (normal(0, 64, 8), normal(1, 64, 1)), value=False)


@workload("gradient_penalty", "higher", "gradient penalty of a critic 16-64-64-1, batch 64")
def gradient_penalty(lib: Any) -> Task:
    parameters = lib.leaves(weights(32, *dense_shapes(16, 64, 64, 1)))
    (x,) = lib.leaves([normal(0, 64, 16)])

    def critic() -> Any:
        h = lib.F.linear(x, parameters[0], parameters[1]).tanh()
        h = lib.F.linear(h, parameters[2], parameters[3]).tanh()
        return lib.F.linear(h, parameters[4], parameters[5])

    def loss() -> Any:
        score = critic()
        (slope,) = lib.grad(score.sum(), x, create_graph=True)
        norm = (slope * slope).sum(dim=1).sqrt()
        return score.mean() + 10.0 * ((norm - 1.0) ** 2).mean()

    return lib.gradient(loss, parameters)


@gradient_penalty.functional("jax", "hips")
def _() -> Functional:
    def loss(xp: Any, p: Any, x: Any) -> Any:
        slope = xp.gradient(lambda z: xp.sum(dense(xp, p, z, xp.tanh)), x)
        norm = xp.sqrt(xp.sum(slope * slope, axis=1))
        return xp.mean(dense(xp, p, x, xp.tanh)) + 10.0 * xp.mean((norm - 1.0) ** 2)

    return Functional(weights(32, *dense_shapes(16, 64, 64, 1)), loss, (normal(0, 64, 16),))
