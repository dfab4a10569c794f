"""C4. A network learns the area of trapezoids of height 1 from 50 examples of their two parallel sides."""

from __future__ import annotations

from _shared import curves, options

import autograd
import nn
from nn.training import progress

SIDES = [[0.90, 0.78], [0.80, 0.60], [0.91, 0.80], [0.73, 0.60], [0.50, 0.58]]
AREAS = [0.84, 0.70, 0.855, 0.665, 0.54]


def main(arguments: list[str] | None = None) -> dict[str, list[float]]:
    chosen = options(__doc__, arguments)
    x = autograd.rand(50, 2)
    y = x.sum(dim=1, keepdim=True) / 2  # (a + b) / 2 times the height
    model = nn.Sequential(nn.Linear(2, 50), nn.Sigmoid(), nn.Linear(50, 1))
    optimizer, loss_of = nn.optim.Adam(model.parameters(), lr=0.003), nn.MSELoss()
    losses = []
    for _ in progress(range(1000), "training"):
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    with autograd.no_grad():
        found = model(autograd.tensor(SIDES)).flatten().tolist()
    for (a, b), area, guess in zip(SIDES, AREAS, found, strict=True):
        print(f"sides {a:.2f} and {b:.2f}: area {area:.3f}, predicted {guess:.3f}")
    curves(chosen.out / "c4_trapezoid.png", "area of trapezoids", {"mean squared error": losses}, log=True)
    return {"found": found, "areas": AREAS, "loss": losses[-1:]}


if __name__ == "__main__":
    main()
