"""B1. A number that depends on a vector: y = x1² + ... + x5², and its five partial derivatives."""

from __future__ import annotations

from typing import Any

from _shared import options, wrote

import autograd
from autograd import viz


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments)
    x = autograd.arange(1.0, 6.0, requires_grad=True)
    y = (x**2).sum()
    y.backward()
    print(f"x      {x.tolist()}\ny      {y.item():g}\nx.grad {x.grad.tolist()}, twice x\n\n{viz.text(y)}")
    wrote(viz.draw(y).to(chosen.out / "b1_scalar_by_vector.svg"))
    return {"y": y.item(), "grad": x.grad.tolist()}


if __name__ == "__main__":
    main()
