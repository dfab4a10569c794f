"""C7. Polynomials of degree 1, 2 and 9 through noisy samples of (x + 0.5)(8x - 1): under-fit, fit, over-fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from _shared import options, pyplot, save

import autograd
import nn


def truth(x: np.ndarray) -> np.ndarray:
    return (x + 0.5) * (8 * x - 1)


def powers(x: np.ndarray, degree: int) -> autograd.Tensor:
    """x, x², ..., one column each."""
    return autograd.tensor(np.stack([x**k for k in range(1, degree + 1)], axis=1))


def fit(x: np.ndarray, y: np.ndarray, degree: int) -> nn.Linear:
    """Least squares by L-BFGS."""
    model = nn.Linear(degree, 1, dtype=autograd.float64)
    inputs, targets = powers(x, degree), autograd.tensor(y[:, None])
    optimizer = nn.optim.LBFGS(model.parameters(), max_iter=5000, tolerance_grad=1e-9, tolerance_change=1e-14,
                               history_size=30, line_search_fn="strong_wolfe")  # fmt: skip

    def closure() -> autograd.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        return loss

    optimizer.step(closure)
    return model


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments, seed=1)
    x = np.linspace(-1, 1, 12)
    y = truth(x) + np.random.default_rng(chosen.seed).normal(0, 0.8, len(x))
    between = np.linspace(-1, 1, 201)
    errors = {"on": {}, "off": {}}
    figure, axes = pyplot().subplots(figsize=(5.5, 3.6))
    axes.scatter(x, y, color="#333", s=14, label="samples")
    for degree in (1, 2, 9):
        model = fit(x, y, degree)
        with autograd.no_grad():
            there, curve = model(powers(x, degree)).numpy()[:, 0], model(powers(between, degree)).numpy()[:, 0]
        errors["on"][degree] = float(np.mean((there - y) ** 2))
        errors["off"][degree] = float(np.mean((curve - truth(between)) ** 2))
        axes.plot(between, curve, label=f"degree {degree}")
        print(f"degree {degree}: error {errors['on'][degree]:.4f} on the samples, {errors['off'][degree]:.4f} off them")
    axes.legend()
    save(figure, chosen.out / "c7_polynomials.png")
    return errors


if __name__ == "__main__":
    main()
