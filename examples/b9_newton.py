"""B9. Newton's method finds a root: follow the tangent to zero, again and again. f(x) = x² - 2.25 from 4.5."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from _shared import options, pyplot, save

import autograd


def f(x: Any) -> Any:
    return x**2 - 2.25


def newton(start: float, steps: int) -> list[float]:
    """x, x - f(x) / f'(x), and so on."""
    path = [start]
    for _ in range(steps):
        x = autograd.tensor(path[-1], dtype=autograd.float64, requires_grad=True)
        value = f(x)
        (slope,) = autograd.grad(value, x)
        path.append((x - value / slope).item())
    return path


def draw(path: list[float], file: Any) -> None:
    x = np.linspace(0, 5, 200)
    figure, axes = pyplot().subplots(figsize=(5, 3.4))
    axes.plot(x, f(x), label="x² - 2.25")
    axes.axhline(0, color="#999", linewidth=0.8)
    for here, there in itertools.pairwise(path):
        axes.plot([here, here, there], [0, f(here), 0], "--o", markersize=3, label=f"{here:.4f} to {there:.4f}")
    axes.legend(fontsize=7)
    save(figure, file)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    out = options(__doc__, arguments).out
    path = newton(4.5, 6)
    for number, x in enumerate(path):
        print(f"{number}  x = {x:.10f}   f(x) = {f(x): .2e}")
    draw(path[:5], out / "b9_newton.png")
    return {"path": path}


if __name__ == "__main__":
    main()
