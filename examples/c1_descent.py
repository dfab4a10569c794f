"""C1. Gradient descent on a bowl, J = w1² + w2² + 2 w2 + 5, from (-2, 3) with steps of 0.1; its path on the contour."""

from __future__ import annotations

from typing import Any

import numpy as np
from _shared import options, pyplot, save

import autograd


def J(w1: Any, w2: Any) -> Any:
    return w1**2 + w2**2 + 2 * w2 + 5


def descend(start: tuple[float, float], rate: float, steps: int) -> list[list[float]]:
    """The points visited, the start included."""
    w = autograd.tensor(start, dtype=autograd.float64, requires_grad=True)
    path = [w.tolist()]
    for _ in range(steps):
        (g,) = autograd.grad(J(w[0], w[1]), w)
        with autograd.no_grad():
            w -= rate * g
        path.append(w.tolist())
    return path


def draw(path: list[list[float]], file: Any) -> None:
    x, y = np.meshgrid(np.linspace(-3, 2, 100), np.linspace(-4, 4, 100))
    figure, axes = pyplot().subplots(figsize=(4.5, 4.5))
    axes.contour(x, y, J(x, y), levels=20, cmap="Blues_r")
    axes.plot(*zip(*path, strict=True), "o-", color="#c0392b", markersize=3)
    axes.set_aspect("equal")
    axes.set(xlabel="w1", ylabel="w2", title="J = w1² + w2² + 2 w2 + 5")
    save(figure, file)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    out = options(__doc__, arguments).out
    path = descend((-2.0, 3.0), 0.1, 20)
    for number, (w1, w2) in enumerate(path):
        print(f"P{number:<3} ({w1:7.4f}, {w2:7.4f})   J = {J(w1, w2):.4f}")
    draw(path, out / "c1_descent.png")
    return {"path": path, "J": [J(*point) for point in path]}


if __name__ == "__main__":
    main()
