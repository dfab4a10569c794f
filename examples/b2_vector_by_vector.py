"""B2. A vector that depends on a vector: y = x² has a Jacobian, and backward(v) gives v times it."""

from __future__ import annotations

from typing import Any

from _shared import options

import autograd
from autograd.functional import jacobian


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    options(__doc__, arguments)
    x = autograd.arange(1.0, 6.0, requires_grad=True)
    y = x**2
    try:
        y.backward()
    except RuntimeError as error:
        print(f"y.backward() alone does not say which of the {len(y)} numbers is meant:\n  {error}")
    y.backward(autograd.ones(5))
    full = jacobian(lambda x: x**2, x.detach())
    print(f"backward(ones): {x.grad}\nthe Jacobian, whose columns that sums:\n{full}")
    return {"grad": x.grad.tolist(), "jacobian": full.tolist()}


if __name__ == "__main__":
    main()
