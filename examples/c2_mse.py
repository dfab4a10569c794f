"""C2. The mean squared error, and the halved one that some textbooks use: twice apart, in value and in gradient."""

from __future__ import annotations

from _shared import options

import autograd
import nn


def main(arguments: list[str] | None = None) -> dict[str, float]:
    options(__doc__, arguments)
    y, y_hat = autograd.tensor([1.0, 2.0, 3.0]), autograd.tensor([2.0, 2.0, 1.0], requires_grad=True)
    halved = ((y_hat - y) ** 2).mean() / 2
    full = nn.MSELoss()(y_hat, y)
    slopes = [autograd.grad(loss, y_hat)[0] for loss in (halved, full)]
    print(f"halved  {halved.item():.4f}   gradient {slopes[0]}\nMSELoss {full.item():.4f}   gradient {slopes[1]}")
    return {"halved": halved.item(), "MSELoss": full.item()}


if __name__ == "__main__":
    main()
