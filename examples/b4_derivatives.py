"""B4. Derivative, partial derivatives, gradient, chain rule, direction: the engine beside numerical differentiation."""

from __future__ import annotations

import math
from collections.abc import Callable

from _shared import options, pyplot, save

import autograd

STEP = 1e-6


def numerical(f: Callable, point: list[float]) -> list[float]:
    """(f(p + h) - f(p - h)) / 2h along each axis."""
    found = []
    for i in range(len(point)):
        above, below = list(point), list(point)
        above[i] += STEP
        below[i] -= STEP
        found.append((float(f(*above)) - float(f(*below))) / (2 * STEP))
    return found


def by_engine(f: Callable, point: list[float]) -> list[float]:
    """The gradient by one backward pass."""
    inputs = [autograd.tensor(p, dtype=autograd.float64, requires_grad=True) for p in point]
    return [g.item() for g in autograd.grad(f(*inputs), inputs)]


def cosine(x: float | autograd.Tensor) -> autograd.Tensor:
    return autograd.cos(autograd.as_tensor(x, dtype=autograd.float64) ** 2 - 1)


PROBLEMS = {
    "F = 2x², F' = 4x": (lambda x: 2 * x**2, [3.0], [12.0]),
    "z = 3x + 2y": (lambda x, y: 3 * x + 2 * y, [1.0, 2.0], [3.0, 2.0]),
    "z = x² + y²": (lambda x, y: x**2 + y**2, [3.0, -4.0], [6.0, -8.0]),
    "f = cos(x² - 1), f' = -2x sin(x² - 1)": (cosine, [1.5], [-3.0 * math.sin(1.25)]),
}


def direction(u: tuple[float, float]) -> float:
    """How z = x² + y² + 5 changes at (-3, 3) along the direction u: the gradient times the unit vector."""
    slope = by_engine(lambda x, y: x**2 + y**2 + 5, [-3.0, 3.0])
    return (slope[0] * u[0] + slope[1] * u[1]) / math.hypot(*u)


def draw(path) -> None:
    """f = cos(x² - 1) and its derivative, both by the engine."""
    x = autograd.linspace(-3, 3, 400, dtype=autograd.float64).requires_grad_()
    y = cosine(x)
    (slope,) = autograd.grad(y.sum(), x)
    figure, axes = pyplot().subplots(figsize=(5, 3.2))
    axes.plot(x.detach(), y.detach(), label="cos(x² - 1)")
    axes.plot(x.detach(), slope, label="its derivative")
    axes.axhline(0, color="#999", linewidth=0.8)
    axes.legend()
    save(figure, path)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments)
    by_formula, by_steps = [], []
    print(f"{'':40}{'formula':>24}{'engine':>24}{'numerical':>28}")
    for name, (f, point, exact) in PROBLEMS.items():
        engine, near = by_engine(f, point), numerical(f, point)
        print(f"{name:40}{show(exact, 6):>24}{show(engine, 6):>24}{show(near, 8):>28}")
        by_formula += [abs(a - b) for a, b in zip(engine, exact, strict=True)]
        by_steps += [abs(a - b) for a, b in zip(engine, near, strict=True)]
    inward, outward, across = direction((3, -3)), direction((-3, 3)), direction((1, 1))
    print(f"z = x² + y² + 5 at (-3, 3): {inward:.6f} towards the origin, {outward:.6f} away, {across:.6f} around it")
    draw(chosen.out / "b4_derivatives.png")
    return {
        "formula": max(by_formula),
        "numerical": max(by_steps),
        "inward": inward,
        "outward": outward,
        "across": across,
    }


def show(values: list[float], digits: int) -> str:
    return ", ".join(f"{v:.{digits}f}" for v in values)


if __name__ == "__main__":
    main()
