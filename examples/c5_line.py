"""C5. A line through 10 points of y = 2x + noise: the gradient worked out in NumPy, and by backward(). Same numbers."""

from __future__ import annotations

import numpy as np
from _shared import options, pyplot, save

import autograd

RATE, EPOCHS = 0.01, 200


def by_numpy(x: np.ndarray, y: np.ndarray) -> list[float]:
    """w after every step, with dJ/dw = mean of 2 (w x - y) x written out."""
    w, path = 0.0, []
    for _ in range(EPOCHS):
        w -= RATE * np.mean(2 * (w * x - y) * x)
        path.append(float(w))
    return path


def by_tensors(x: np.ndarray, y: np.ndarray) -> list[float]:
    """The same with the derivative left to the engine."""
    inputs, targets = autograd.tensor(x), autograd.tensor(y)
    w, path = autograd.zeros(1, dtype=autograd.float64, requires_grad=True), []
    for _ in range(EPOCHS):
        loss = ((w * inputs - targets) ** 2).mean()
        loss.backward()
        w.data -= RATE * w.grad.data
        w.grad.data.zero_()
        path.append(w.item())
    return path


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments)
    x = np.arange(1.0, 11.0) / 2
    y = 2 * x + np.random.default_rng(chosen.seed).normal(0, 0.3, 10)
    one, other = by_numpy(x, y), by_tensors(x, y)
    apart = float(np.max(np.abs(np.subtract(one, other))))
    print(f"by NumPy w = {one[-1]:.10f}\nby graph w = {other[-1]:.10f}\nfurthest apart on the way: {apart:.1e}")
    figure, axes = pyplot().subplots(figsize=(4.5, 3.2))
    axes.scatter(x, y)
    axes.plot(x, other[-1] * x, color="#c0392b", label=f"y = {other[-1]:.3f} x")
    axes.legend()
    save(figure, chosen.out / "c5_line.png")
    return {"w": other[-1], "apart": apart}


if __name__ == "__main__":
    main()
