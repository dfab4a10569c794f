"""A3. One memory under a NumPy array and a tensor: what one writes, the other shows."""

from __future__ import annotations

import numpy as np
from _shared import options

import autograd


def main(arguments: list[str] | None = None) -> dict[str, list[float]]:
    options(__doc__, arguments)
    array = np.array([1.0, 2.0, 3.0])
    tensor = autograd.from_numpy(array)
    array[0] = 10
    print(f"array[0] = 10 shows in the tensor: {tensor}")
    tensor[1] = 20
    print(f"tensor[1] = 20 shows in the array: {array}")

    made = autograd.ones(3)
    view = made.numpy()
    made.add_(1)
    view[2] = 30
    print(f"numpy() goes the other way: {made} and {view}; autograd.tensor(array) copies instead")
    return {"array": array.tolist(), "tensor": tensor.tolist(), "made": made.tolist(), "view": view.tolist()}


if __name__ == "__main__":
    main()
