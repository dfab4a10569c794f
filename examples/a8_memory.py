"""A8. How a 2 x 3 tensor lies in memory: one row of numbers, and strides that say how far to step."""

from __future__ import annotations

from typing import Any

from _shared import options, pyplot, save

import autograd


def table(t: autograd.Tensor) -> str:
    """One line per element: its indices, its place in memory, its value."""
    rows, columns = t.shape
    return "\n".join(
        f"t[{i}][{j}]   {i} * {t.stride(0)} + {j} * {t.stride(1)} = {offset(t, i, j)}   {t[i][j].item():g}"
        for i in range(rows) for j in range(columns)
    )  # fmt: skip


def offset(t: autograd.Tensor, *indices: int) -> int:
    """Where an element lies, counted in elements from the start of the storage."""
    return t.storage_offset() + sum(i * step for i, step in zip(indices, t.stride(), strict=True))


def draw(t: autograd.Tensor, path: Any) -> None:
    """The tensor as a table above, the same numbers in one row of memory below, t[1][2] marked."""
    figure, axes = pyplot().subplots(figsize=(6, 2.8))
    flat = t.flatten().tolist()
    for place, value in enumerate(flat):
        i, j = divmod(place, t.shape[1])
        marked = "#f4c27a" if (i, j) == (1, 2) else "#dcebf7"
        for x, y in ((j + 1.5, 3 - i), (place, 0)):
            axes.add_patch(pyplot().Rectangle((x, y), 1, 1, facecolor=marked, edgecolor="#345"))
            axes.text(x + 0.5, y + 0.5, f"{value:g}", ha="center", va="center")
        axes.text(place + 0.5, -0.3, str(place), ha="center", va="center", color="#777", fontsize=8)
    axes.text(4.8, 2.5, f"stride {t.stride()}\nt[1][2] at {offset(t, 1, 2)}", va="center")
    axes.set(xlim=(-0.2, 8), ylim=(-0.6, 4.2))
    axes.axis("off")
    save(figure, path)


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments)
    t = autograd.tensor([[1.0, 2, 3], [4, 5, 6]])
    print(f"{t}\nstride {t.stride()}: 3 steps to the next row, 1 to the next column\n{table(t)}")
    print(f"its transpose shares the memory, with stride {t.t().stride()}")
    print(f"t[1][2] as a view begins at {t[1][2].storage_offset()}")
    draw(t, chosen.out / "a8_memory.png")
    return {
        "stride": t.stride(),
        "offset": offset(t, 1, 2),
        "view": t[1][2].storage_offset(),
        "transposed": t.t().stride(),
    }


if __name__ == "__main__":
    main()
