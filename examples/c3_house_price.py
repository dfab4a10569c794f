"""C3. The price of a house from its size: a line through 100 noisy points, by Linear(1, 1) and gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np
from _shared import options, pyplot, save

import autograd
import nn


def data() -> tuple[autograd.Tensor, autograd.Tensor]:
    """Sizes around 5, and prices of 2.8 times the size less a noise of deviation 1."""
    np.random.seed(20)  # noqa: NPY002  (the numbers of NumPy's first generator are wanted)
    x = np.random.normal(5, 1, (100, 1))  # noqa: NPY002
    y = 2.8 * x - np.random.normal(0, 1, (100, 1))  # noqa: NPY002
    return autograd.tensor(x).float(), autograd.tensor(y).float()


def draw(x: autograd.Tensor, y: autograd.Tensor, model: nn.Module, losses: list[float], file: Any) -> None:
    figure, (left, right) = pyplot().subplots(1, 2, figsize=(8, 3.2))
    left.scatter(x, y, s=8)
    left.plot(x, model(x).detach(), color="#c0392b")
    left.set(xlabel="size", ylabel="price")
    right.plot(losses)
    right.set(xlabel="epoch", ylabel="mean squared error", yscale="log")
    save(figure, file)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    out = options(__doc__, arguments).out
    x, y = data()
    model, loss_of = nn.Linear(1, 1), nn.MSELoss()
    optimizer = nn.optim.SGD(model.parameters(), lr=0.003)
    losses = []
    for epoch in range(40):
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1:2}   loss {losses[-1]:.4f}")
    print(f"price = {model.weight.item():.3f} size + {model.bias.item():.3f}")
    draw(x, y, model, losses, out / "c3_house_price.png")
    return {"first": losses[0], "last": losses[-1], "w": model.weight.item()}


if __name__ == "__main__":
    main()
