"""A7. Parts of a batch of 16 colour images: slices, steps, chosen channels, masks."""

from __future__ import annotations

from typing import Any

from _shared import options

import autograd


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    options(__doc__, arguments)
    batch = autograd.rand(16, 3, 32, 32)
    parts = {
        "batch[:2]": batch[:2],
        "batch[-1:]": batch[-1:],
        "batch[::2]": batch[::2],
        "batch[0]": batch[0],
        "batch.index_select(1, [0, 2])": batch.index_select(1, autograd.tensor([0, 2])),
        "batch[:, :, 0:8, 0:12:2]": batch[:, :, 0:8, 0:12:2],
        "batch[..., :8, :6]": batch[..., :8, :6],
    }
    shapes = {name: tuple(value.shape) for name, value in parts.items()}
    for name, shape in shapes.items():
        print(f"{name:32} {shape}")

    t = autograd.tensor([[3, 3.1, 3.2], [3.3, 3.4, 3.5]])
    mask = t.ge(3.25)
    chosen, taken = t.masked_select(mask), t.take(autograd.tensor([0, 1, 5]))
    print(f"{t}\nge(3.25)\n{mask}\nmasked_select {chosen}\ntake([0, 1, 5]) {taken}, counted along the flat tensor")
    return {**shapes, "masked_select": chosen.tolist(), "take": taken.tolist()}


if __name__ == "__main__":
    main()
