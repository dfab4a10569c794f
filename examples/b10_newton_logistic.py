"""B10. Newton's method trains a logistic regression: gradient and Hessian by the engine, a handful of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from _shared import options, pyplot, save

import autograd
import nn.functional as F
from autograd.functional import hessian
from nn.training import progress


def data(seed: int) -> tuple[autograd.Tensor, autograd.Tensor]:
    """Two overlapping clouds of 100 points with a column of ones for the bias. Overlap, or no optimum would exist."""
    random = np.random.default_rng(seed)
    points = np.concatenate([random.normal((-1, -1), 1.2, (100, 2)), random.normal((1, 1), 1.2, (100, 2))])
    return autograd.tensor(np.column_stack([points, np.ones(200)])), autograd.tensor(np.repeat([0.0, 1.0], 100))


def newton(loss: Any, steps: int) -> tuple[autograd.Tensor, list[float]]:
    """w - H⁻¹ g until the gradient is zero; the optimum, and the gradient's length before each step."""
    w, lengths = autograd.zeros(3, dtype=autograd.float64), []
    for _ in range(steps):
        point = w.clone().requires_grad_()
        (g,) = autograd.grad(loss(point), point)
        lengths.append(g.norm().item())
        if lengths[-1] < 1e-12:
            break
        w = w - autograd.linalg.solve(hessian(loss, w), g)
    return w, lengths


def descend(loss: Any, steps: int, rate: float = 1.0) -> tuple[autograd.Tensor, list[float]]:
    """Plain gradient descent, for comparison."""
    w, lengths = autograd.zeros(3, dtype=autograd.float64, requires_grad=True), []
    for _ in progress(range(steps), "gradient descent"):
        (g,) = autograd.grad(loss(w), w)
        lengths.append(g.norm().item())
        w = (w - rate * g).detach().requires_grad_()
    return w.detach(), lengths


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments)
    x, y = data(chosen.seed)

    def loss(w: autograd.Tensor) -> autograd.Tensor:
        return F.binary_cross_entropy_with_logits(x @ w, y)

    best, lengths = newton(loss, 20)
    slow, path = descend(loss, 500 if chosen.quick else 2000)
    for number, length in enumerate(lengths):
        print(f"step {number}: |gradient| = {length:.2e}")
    for name, w in {"Newton": best, "gradient descent": slow}.items():
        print(f"{name:17}{w}, loss {loss(w).item():.8f}")

    figure, axes = pyplot().subplots(figsize=(5, 3.2))
    axes.plot(lengths, "o-", label="Newton")
    axes.plot(path[:40], label="gradient descent")
    axes.set(yscale="log", xlabel="step", title="length of the gradient")
    axes.legend()
    save(figure, chosen.out / "b10_newton_logistic.png")
    return {"steps": len(lengths) - 1, "gradient": lengths[-1], "apart": (best - slow).abs().max().item()}


if __name__ == "__main__":
    main()
