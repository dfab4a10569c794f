"""B5. Three ways to the derivative of a neuron y = sigmoid(w·x + b): numerical, by formula, by the graph."""

from __future__ import annotations

import numpy as np
from _shared import options

import autograd

W, X, B = np.array([1.0, -2.0]), np.array([3.0, 2.0]), 2.0


def neuron(w: np.ndarray, b: float) -> float:
    return float(1 / (1 + np.exp(-(w @ X + b))))


def numerical(h: float = 1e-5) -> np.ndarray:
    """Central differences: two evaluations for every parameter."""
    unit = np.eye(2) * h
    by_weight = [(neuron(W + e, B) - neuron(W - e, B)) / (2 * h) for e in unit]
    return np.array([*by_weight, (neuron(W, B + h) - neuron(W, B - h)) / (2 * h)])


def formula() -> np.ndarray:
    """dy/dw = y (1 - y) x and dy/db = y (1 - y), worked out on paper."""
    y = neuron(W, B)
    return y * (1 - y) * np.array([*X, 1.0])


def graph() -> np.ndarray:
    """One backward pass gives all of them."""
    w = autograd.tensor(W, requires_grad=True)
    b = autograd.tensor(B, dtype=autograd.float64, requires_grad=True)
    y = autograd.sigmoid(w @ autograd.tensor(X) + b)
    y.backward()
    return np.array([*w.grad.numpy(), b.grad.item()])


def main(arguments: list[str] | None = None) -> dict[str, float]:
    options(__doc__, arguments)
    ways = {"numerical": numerical(), "formula": formula(), "graph": graph()}
    print(f"{'':12}{'dy/dw1':>16}{'dy/dw2':>16}{'dy/db':>16}")
    for name, values in ways.items():
        print(f"{name:12}" + "".join(f"{value:16.12f}" for value in values))
    x = autograd.tensor(X, requires_grad=True)  # the input has a derivative too: y (1 - y) w
    autograd.sigmoid(autograd.tensor(W) @ x + B).backward()
    by_input = neuron(W, B) * (1 - neuron(W, B)) * W
    apart = max(np.ptp(list(ways.values()), axis=0).max(), np.abs(x.grad.numpy() - by_input).max())
    print(f"dy/dx {x.grad} = y (1 - y) w\nfurthest apart: {apart:.1e}")
    return {"apart": float(apart), "db": float(ways["graph"][2])}


if __name__ == "__main__":
    main()
