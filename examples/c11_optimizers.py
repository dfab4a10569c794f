"""C11. SGD, momentum, AdaGrad, RMSProp and Adam: against their formulas, on one surface, on one network.

One textbook's Adam divides the moments by 1 - β at every step, where the paper (Kingma and Ba, 2015) has 1 - β^t. Both
agree on the first step only; the textbook's never lets the averages warm up and takes larger steps later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _shared import curves, digits, fit, options, pyplot, save

import autograd
import nn

Rule = Callable[[np.ndarray, Callable], Iterator[np.ndarray]]


def sgd(w: np.ndarray, slope: Callable, lr: float = 0.02, momentum: float = 0.0) -> Iterator[np.ndarray]:
    """v ← μ v + g;  w ← w - lr v"""
    v = np.zeros_like(w)
    while True:
        v = momentum * v + slope(w)
        w = w - lr * v
        yield w


def adagrad(w: np.ndarray, slope: Callable, lr: float = 0.3) -> Iterator[np.ndarray]:
    """s ← s + g²;  w ← w - lr g / (√s + ε)"""
    s = np.zeros_like(w)
    while True:
        g = slope(w)
        s = s + g * g
        w = w - lr * g / (np.sqrt(s) + 1e-10)
        yield w


def rmsprop(w: np.ndarray, slope: Callable, lr: float = 0.05, rho: float = 0.99) -> Iterator[np.ndarray]:
    """s ← ρ s + (1 - ρ) g²;  w ← w - lr g / (√s + ε)"""
    s = np.zeros_like(w)
    while True:
        g = slope(w)
        s = rho * s + (1 - rho) * g * g
        w = w - lr * g / (np.sqrt(s) + 1e-8)
        yield w


def adam(w: np.ndarray, slope: Callable, lr: float = 0.1, textbook: bool = False) -> Iterator[np.ndarray]:
    """m ← β₁ m + (1 - β₁) g;  s ← β₂ s + (1 - β₂) g²;  w ← w - lr m̂ / (√ŝ + ε), m̂ = m / (1 - β₁^t), ŝ = s / (1 - β₂^t)"""
    m, s, t = np.zeros_like(w), np.zeros_like(w), 0
    while True:
        g, t = slope(w), t + 1
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
        power = 1 if textbook else t
        w = w - lr * (m / (1 - 0.9**power)) / (np.sqrt(s / (1 - 0.999**power)) + 1e-8)
        yield w


METHODS: dict[str, tuple[Rule, Callable]] = {
    "SGD": (sgd, lambda p: nn.optim.SGD(p, lr=0.02)),
    "momentum": (lambda w, f: sgd(w, f, momentum=0.9), lambda p: nn.optim.SGD(p, lr=0.02, momentum=0.9)),
    "AdaGrad": (adagrad, lambda p: nn.optim.Adagrad(p, lr=0.3)),
    "RMSProp": (rmsprop, lambda p: nn.optim.RMSprop(p, lr=0.05)),
    "Adam": (adam, lambda p: nn.optim.Adam(p, lr=0.1)),
}
START = np.array([-2.0, 1.5])


def surface(w: Any) -> Any:
    """A valley, twenty times as steep across as along."""
    return w[0] ** 2 / 2 + 10 * w[1] ** 2


def follow(make: Callable, steps: int) -> np.ndarray:
    """The path of an optimizer of nn.optim."""
    w = nn.Parameter(autograd.tensor(START))
    optimizer, path = make([w]), [START]
    for _ in range(steps):
        optimizer.zero_grad()
        surface(w).backward()
        optimizer.step()
        path.append(w.detach().clone().numpy())
    return np.array(path)


def by_formula(rule: Callable, steps: int, **options: Any) -> np.ndarray:
    """The path of a formula above."""
    points = rule(START, lambda w: np.array([w[0], 20 * w[1]]), **options)
    return np.array([START, *(next(points) for _ in range(steps))])


def draw(paths: dict[str, np.ndarray], file: Any) -> None:
    x, y = np.meshgrid(np.linspace(-2.5, 1, 100), np.linspace(-2, 2, 100))
    figure, axes = pyplot().subplots(figsize=(6, 4))
    axes.contour(x, y, surface((x, y)), levels=20, cmap="Greys_r", linewidths=0.6)
    for name, path in paths.items():
        axes.plot(path[:, 0], path[:, 1], ".-", markersize=3, linewidth=1, label=name)
    axes.set(xlim=(-2.5, 1), ylim=(-2, 2))
    axes.legend(fontsize=8)
    save(figure, file)


def on_digits(make: Callable, quick: bool) -> list[float]:
    """Losses of one network trained with it."""
    x, y, _, _ = digits(quick)
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    return fit(model, x, y, make(model.parameters()), 3 if quick else 10)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments)
    apart = {}
    for name, (rule, make) in METHODS.items():
        apart[name] = float(np.abs(follow(make, 10) - by_formula(rule, 10)).max())
        print(f"{name:9} from its formula over 10 steps: {apart[name]:.1e}")
    paper, textbook = by_formula(adam, 10), by_formula(adam, 10, textbook=True)
    print("Adam with 1 - β^t and with 1 - β, after each step:")
    for t in (1, 2, 5, 10):
        print(f"  {t:2}   {paper[t]}   {textbook[t]}")

    paths = {name: follow(make, 60) for name, (_, make) in METHODS.items()}
    draw({**paths, "Adam with 1 - β": by_formula(adam, 60, textbook=True)}, chosen.out / "c11_surface.png")
    gentle = {**{name: make for name, (_, make) in METHODS.items()},
              "AdaGrad": lambda p: nn.optim.Adagrad(p, lr=0.02), "RMSProp": lambda p: nn.optim.RMSprop(p, lr=0.002),
              "Adam": lambda p: nn.optim.Adam(p, lr=0.005)}  # fmt: skip
    losses = {name: on_digits(make, chosen.quick) for name, make in gentle.items()}
    curves(chosen.out / "c11_network.png", "one network on the digits", losses, log=True)
    return {"apart": apart, "first step": float(np.abs(paper[1] - textbook[1]).max()),
            "tenth step": float(np.abs(paper[10] - textbook[10]).max()), "losses": losses}  # fmt: skip


if __name__ == "__main__":
    main()
