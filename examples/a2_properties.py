"""A2. What a tensor knows of itself, and tensors joined to a 4 x 6 table."""

from __future__ import annotations

from typing import Any

from _shared import options

import autograd


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    options(__doc__, arguments)
    table = autograd.tensor([[10.0 * row + column for column in range(1, 6)] for row in (1, 2, 3)])
    print(f"dtype {table.dtype}, device {table.device}, layout {table.layout}, size() {table.size()}")

    row = autograd.tensor([[41.0, 42, 43, 44, 45]])
    column = autograd.tensor([[101.0], [102], [103], [104]])
    taller = autograd.cat((table, row), dim=0)
    wider = autograd.cat((taller, column), dim=1)
    print(f"3 x 5\n{table}\nwith a row, {tuple(taller.shape)}\n{taller}\nwith a column, {tuple(wider.shape)}\n{wider}")
    return {"shape": tuple(wider.shape), "last row": str(wider[3])}


if __name__ == "__main__":
    main()
