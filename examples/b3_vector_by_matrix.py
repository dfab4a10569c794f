"""B3. A layer's output W a + b, differentiated by its weights and biases."""

from __future__ import annotations

from typing import Any

from _shared import options, wrote

import autograd
from autograd import viz


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments)
    a = autograd.arange(1.0, 6.0)
    W = autograd.rand(3, 5, requires_grad=True)
    b = autograd.rand(3, requires_grad=True)
    z = W @ a + b
    z.backward(autograd.ones(3))
    print(f"a      {a.tolist()}\nz      {z}\nW.grad, a in every row\n{W.grad}\nb.grad {b.grad}")
    wrote(viz.draw(z).to(chosen.out / "b3_vector_by_matrix.svg"))
    return {"W.grad": W.grad.tolist(), "b.grad": b.grad.tolist()}


if __name__ == "__main__":
    main()
