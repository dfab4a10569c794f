"""A4. The same numbers in other shapes: reshape, squeeze, unsqueeze, flatten."""

from __future__ import annotations

from _shared import options

import autograd


def main(arguments: list[str] | None = None) -> dict[str, tuple[int, ...]]:
    options(__doc__, arguments)
    t = autograd.arange(1, 13)
    print(f"{t}\nreshape(2, 6)\n{t.reshape(2, 6)}\nreshape(-1, 4)\n{t.reshape(-1, 4)}\nnumel {t.numel()}")
    thin = t.reshape(2, 1, 6)
    batch = autograd.rand(3, 1, 28, 28)
    shapes = {
        "reshape(2, 6)": t.reshape(2, 6),
        "reshape(-1, 4)": t.reshape(-1, 4),
        "(2, 1, 6).squeeze()": thin.squeeze(),
        "(2, 6).unsqueeze(0)": t.reshape(2, 6).unsqueeze(0),
        "(3, 1, 28, 28).flatten(start_dim=1)": batch.flatten(start_dim=1),
    }
    found = {name: tuple(value.shape) for name, value in shapes.items()}
    for name, shape in found.items():
        print(f"{name:38} {shape}")
    return found | {"numel": (t.numel(),)}


if __name__ == "__main__":
    main()
