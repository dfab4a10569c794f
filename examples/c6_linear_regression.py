"""C6. Linear regression with two inputs, y = 2 x1 + 3 x2 + 2.6: solved at once, and by gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np
from _shared import options

import autograd
import nn
from nn.training import progress


def solve(x: autograd.Tensor, y: autograd.Tensor) -> autograd.Tensor:
    """(XᵀX)⁻¹ Xᵀ y with a column of ones for the bias."""
    X = autograd.cat((x, autograd.ones_like(x[:, :1])), dim=1)  # -> (10, 3)
    return autograd.linalg.inv(X.T @ X) @ X.T @ y


def descend(x: autograd.Tensor, y: autograd.Tensor, epochs: int) -> nn.Linear:
    """SGD on the sum of squared errors."""
    model = nn.Linear(2, 1, dtype=autograd.float64)
    optimizer, loss_of = nn.optim.SGD(model.parameters(), lr=0.01), nn.MSELoss(reduction="sum")
    for _ in progress(range(epochs), "training"):
        optimizer.zero_grad()
        loss_of(model(x), y).backward()
        optimizer.step()
    return model


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    options(__doc__, arguments)
    np.random.seed(100)  # noqa: NPY002  (the numbers of NumPy's first generator are wanted)
    x = autograd.tensor(np.random.rand(10, 2))  # noqa: NPY002
    y = 2 * x[:, :1] + 3 * x[:, 1:] + 2.6
    exact = solve(x, y).flatten().tolist()
    model = descend(x, y, 1000)
    found = [*model.weight.flatten().tolist(), model.bias.item()]
    with autograd.no_grad():
        at = model(autograd.tensor([[4.0, 5.0]], dtype=autograd.float64)).item()
    for name, (w1, w2, b) in {"at once": exact, "by descent": found}.items():
        print(f"{name:10}  w = [{w1:.4f}, {w2:.4f}], b = {b:.4f}")
    print(f"prediction at (4, 5): {at:.4f}")
    return {"exact": exact, "found": found, "at (4, 5)": at}


if __name__ == "__main__":
    main()
