"""A5. Element by element: operators and their names, a number or a row against a table, comparisons."""

from __future__ import annotations

from typing import Any

from _shared import options

import autograd


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    options(__doc__, arguments)
    t1 = autograd.tensor([[1.1, 1.2, 1.3], [2.1, 2.2, 2.3]])
    t2 = autograd.tensor([[10.1, 11, 12], [20, 21, 22]])
    pairs = {
        "+": (t1 + t2, autograd.add(t1, t2)),
        "-": (t1 - t2, t1.sub(t2)),
        "*": (t1 * t2, autograd.mul(t1, t2)),
        "/": (t1 / t2, t1.div(t2)),
    }
    for symbol, (by_operator, by_name) in pairs.items():
        print(f"t1 {symbol} t2\n{by_operator}\nthe same by name: {bool((by_operator == by_name).all())}")
    row = autograd.tensor([1.0, 10.0, 100.0])
    print(f"t1 + 100\n{t1 + 100}\nt1 * row\n{t1 * row}\nt1 > 2\n{t1 > 2}\nt1.eq(1.2)\n{t1.eq(1.2)}")
    return {"t1 / t2": pairs["/"][0].tolist(), "same": all(bool((a == b).all()) for a, b in pairs.values()),
            "t1 * row": (t1 * row).tolist(), "t1 > 2": (t1 > 2).tolist()}  # fmt: skip


if __name__ == "__main__":
    main()
