"""C9. Logistic regression: the line between two clouds of 200 points, and how sure it is away from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from _shared import options, pyplot, save

import autograd
import nn
from nn.training import progress


def data(seed: int) -> tuple[autograd.Tensor, autograd.Tensor]:
    """100 points around (-2, -2) with deviation 0.8 and 100 around (2, 2) with 1.2."""
    random = np.random.default_rng(seed)
    points = np.concatenate([random.normal(-2, 0.8, (100, 2)), random.normal(2, 1.2, (100, 2))])
    return autograd.tensor(points).float(), autograd.tensor(np.repeat([[0.0], [1.0]], 100, axis=0)).float()


def draw(x: autograd.Tensor, y: autograd.Tensor, layer: nn.Linear, file: Any) -> None:
    (w1, w2), b = layer.weight[0].tolist(), layer.bias.item()
    ends = np.array([-5.0, 5.0])
    figure, axes = pyplot().subplots(figsize=(4.5, 4))
    axes.scatter(x[:, 0], x[:, 1], c=y[:, 0], cmap="coolwarm", s=10)
    axes.plot(ends, -(w1 * ends + b) / w2, "k--", label="p = 0.5")
    axes.set(xlim=(-5, 6), ylim=(-5, 6))
    axes.legend()
    save(figure, file)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments)
    x, y = data(chosen.seed)
    model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    optimizer, loss_of = nn.optim.SGD(model.parameters(), lr=0.01), nn.BCELoss()
    for _ in (bar := progress(range(1000), "training")):
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bar.set_postfix(loss=f"{loss.item():.4f}")

    with autograd.no_grad():
        right = ((model(x) > 0.5) == (y > 0.5)).float().mean().item()
        far, other = model(autograd.tensor([[4.0, 4.0], [-4.0, -4.0]])).flatten().tolist()
    print(f"loss {loss.item():.4f}, right {right:.3f}, p(4, 4) = {far:.4f}, p(-4, -4) = {other:.4f}")
    draw(x, y, model[0], chosen.out / "c9_logistic_regression.png")
    return {"right": right, "far": far, "other": other}


if __name__ == "__main__":
    main()
