"""A6. Many numbers to few: sum, mean, standard deviation, the largest and where it is."""

from __future__ import annotations

from typing import Any

from _shared import options

import autograd


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    options(__doc__, arguments)
    t = autograd.tensor([[1.0, 2, 3], [4, 5, 6]])
    largest = t.max(dim=1)
    print(f"{t}\nsum {t.sum()}, of columns {t.sum(dim=0)}, of rows {t.sum(dim=1)}")
    print(f"mean {t.mean()}\nstd {t.std()}, divided by n - 1 = {t.numel() - 1}")
    print(f"max {t.max()}, of rows {largest.values} at {largest.indices}")
    print(f"argmax {t.argmax()} of all, {t.argmax(dim=1)} of rows")
    return {"sum": t.sum().item(), "mean": t.mean().item(), "std": t.std().item(), "argmax": t.argmax().item(),
            "max": largest.values.tolist(), "at": largest.indices.tolist()}  # fmt: skip


if __name__ == "__main__":
    main()
