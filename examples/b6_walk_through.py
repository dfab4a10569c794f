"""B6. The walk-through: one logistic neuron, one node at a time, forward and back, in 13 pictures.

y = 1 / (1 + e^-(w·x + b)) with w = [1, -2], x = [3, 2], b = 2. The value stands above each wire, the gradient below it.
Then the derivative as a graph of its own, beside the forward graph that hands its saved values down.
"""

from __future__ import annotations

from typing import Any

from _shared import options, wrote

import autograd
from autograd import viz


def neuron(w: autograd.Tensor, x: autograd.Tensor, b: autograd.Tensor) -> list[autograd.Tensor]:
    """Every value on the way to y."""
    with viz.scope("z"):  # drawn as one node
        z = w @ x + b
    negative = -z
    power = autograd.exp(negative)
    below = power + 1
    return [z, negative, power, below, 1 / below]


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    out = options(__doc__, arguments).out
    w = autograd.tensor([1.0, -2.0], dtype=autograd.float64, requires_grad=True)
    x = autograd.tensor([3.0, 2.0], dtype=autograd.float64, requires_grad=True)
    b = autograd.tensor(2.0, dtype=autograd.float64, requires_grad=True)
    stages = neuron(w, x, b)
    for stage in stages:
        stage.retain_grad()  # a result keeps its gradient only when asked
    y = stages[-1]
    y.backward()

    names = {"w": w, "x": x, "b": b, "z": stages[0], "y": y}
    frames = viz.steps(y, names=names)
    for number, caption in enumerate(frames.captions, 1):
        print(f"{number:2}  {caption}")
    print("values    " + "  ".join(f"{s.item():9.6f}" for s in stages))
    print("gradients " + "  ".join(f"{s.grad.item():9.6f}" for s in stages))
    print(f"dx {x.grad}\ndw {w.grad}\ndb {b.grad}")
    print("rounded for display only: products of rounded numbers would give dw = [0.60, 0.40] instead of [0.59, 0.39]")

    for path in frames.save(str(out / "b6_step_{:02d}.svg")):
        wrote(path)
    wrote(frames.to(out / "b6_walk_through.html"))
    wrote(viz.draw(y, names=names).to(out / "b6_walk_through.svg"))
    wrote(viz.draw(y, view="derivative", names=names).to(out / "b6_derivative.svg"))
    return {"values": [s.item() for s in stages], "gradients": [s.grad.item() for s in stages], "pictures": len(frames),
            "dx": x.grad.tolist(), "dw": w.grad.tolist(), "db": b.grad.item()}  # fmt: skip


if __name__ == "__main__":
    main()
