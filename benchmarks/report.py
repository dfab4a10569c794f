"""The results as tables: for the terminal, for the README, and against the targets."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .libraries import LIBRARIES
from .measure import brief, peers_of
from .workload import BANDS

# band: (geometric mean of the ratios to PyTorch eager, ratio of the slowest workload) at most
TARGETS = {
    "scalar": (0.25, 0.25),
    "small": (0.55, 0.8),
    "medium": (1.0, 1.5),
    "large": (1.2, 2.0),
    "higher": (0.6, 0.6),
}
ALLOWED = {"lenet": 2.0, "conv_bn": 2.0}  # single workloads with a limit of their own
BEATEN = {"hips": 3.0, "mygrad": 3.0, "micrograd": 3.0}  # geometric mean of the speed-ups over these, at least
MARKS = "<!-- benchmarks -->", "<!-- /benchmarks -->"


def geometric_mean(numbers: Sequence[float]) -> float:
    """NaN when there are none."""
    return math.exp(statistics.fmean(map(math.log, numbers))) if numbers else math.nan


def ratio(row: dict[str, Any], to: str) -> float | None:
    """Our median time over the other's; below 1 we are faster."""
    times = row["times"]
    if "glassgrad" not in times or to not in times:
        return None
    return times["glassgrad"]["median"] / times[to]["median"]


def best_peer(row: dict[str, Any]) -> str | None:
    """The fastest library besides PyTorch and this one."""
    names = peers_of(row["times"])
    return min(names, key=lambda name: row["times"][name]["median"]) if names else None


def noise(row: dict[str, Any]) -> float:
    """Half the interquartile range over the median, the larger of ours and PyTorch's."""
    shown = [t for name, t in row["times"].items() if name in ("glassgrad", "torch")] or list(row["times"].values())
    return max(((t["high"] - t["low"]) / 2 / t["median"] for t in shown), default=0.0)


def number(value: float | None) -> str:
    """Two decimals; a dash for what was not measured."""
    return "-" if value is None or math.isnan(value) else f"{value:.2f}"


def cell(row: dict[str, Any], name: str) -> str:
    """A library's time, or why there is none."""
    if name in row["times"]:
        return brief(row["times"][name]["median"])
    return "WRONG" if name in row["wrong"] else "failed" if name in row["failed"] else "-"


def lines(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> list[list[str]]:
    """Header and body of the table of times."""
    head = ["workload", *(LIBRARIES[name].label for name in names), "to PyTorch", "to best peer", "noise"]
    body = []
    for row in rows:
        peer = best_peer(row)
        versus = f"{number(ratio(row, peer))} {peer}" if peer and "glassgrad" in row["times"] else "-"
        figures = [number(ratio(row, "torch")), versus, f"{noise(row):.0%}"]
        body.append([row["title"], *(cell(row, name) for name in names), *figures])
    return [head, *body]


def columns(table: Sequence[Sequence[str]]) -> str:
    """Aligned text: the first column to the left, the others to the right."""
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    told = []
    for line in table:
        first, *rest = (
            text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths, strict=True))
        )
        told.append("  ".join([first, *rest]).rstrip())
    return "\n".join(told)


def markdown(table: Sequence[Sequence[str]]) -> str:
    """The same as a Markdown table."""
    head, *body = table
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *body])


def libraries_in(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Those that took part, in the order of the table."""
    seen = {name for row in rows for key in ("times", "wrong", "failed") for name in row[key]}
    return [name for name in LIBRARIES if name in seen]


def band_lines(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Per band: geometric mean and slowest ratio to PyTorch, with what is asked."""
    table = [["band", "geometric mean", "asked", "slowest", "asked", "holds"]]
    for band in BANDS:
        ratios = {r["name"]: ratio(r, "torch") for r in rows if r["band"] == band and ratio(r, "torch") is not None}
        if not ratios:
            continue
        mean, worst = geometric_mean(list(ratios.values())), max(ratios, key=ratios.get)
        asked, limit = TARGETS[band]
        holds = mean <= asked and all(value <= ALLOWED.get(name, limit) for name, value in ratios.items())
        slowest = f"{ratios[worst]:.2f} {worst}"
        table.append(
            [band, number(mean), f"{asked:.2f}", slowest, f"{ALLOWED.get(worst, limit):.2f}", "yes" if holds else "NO"]
        )
    return table


def peer_lines(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """How many times faster than each peer, on what it can express."""
    table = [["peer", "workloads", "times faster (geometric mean)", "least", "asked", "holds"]]
    for name in (name for name in LIBRARIES if name not in ("torch", "glassgrad")):
        speedups = {r["name"]: 1 / ratio(r, name) for r in rows if ratio(r, name) is not None}
        if not speedups:
            continue
        mean, least = geometric_mean(list(speedups.values())), min(speedups, key=speedups.get)
        asked = BEATEN.get(name)
        holds = "" if asked is None else "yes" if mean >= asked and speedups[least] > 1 else "NO"
        slow = f"{speedups[least]:.2f} {least}"
        table.append(
            [LIBRARIES[name].label, str(len(speedups)), number(mean), slow, f"{asked:.1f}" if asked else "", holds]
        )
    return table


def felt_lines(felt: dict[str, Any]) -> list[list[str]]:
    """What a user feels before any step is timed."""
    names = [name for name in (*LIBRARIES, "numpy") if any(name in column for column in felt.values())]
    labels = [LIBRARIES[name].label if name in LIBRARIES else "NumPy alone" for name in names]
    table = [["", *labels, "to PyTorch"]]
    for title, values in felt.items():
        show = brief if title in SECONDS else megabytes
        versus = values["glassgrad"] / values["torch"] if {"glassgrad", "torch"} <= values.keys() else None
        table.append([title, *(show(values[n]) if n in values else "-" for n in names), number(versus)])
    return table


SECONDS = (
    "import time",
    "start to first gradient",
    "scalar step, values kept for pictures",
    "scalar step, nothing kept",
)


def megabytes(size: float) -> str:
    """Decimal megabytes."""
    return f"{size / 1e6:#.3g} MB".replace(". ", " ")


def growth_line(growth: list[dict[str, float]]) -> str:
    """How cost per operation changes between the shortest and the longest chain."""
    short, long = growth[0], growth[-1]
    time, memory = (long[key] / short[key] for key in ("seconds", "bytes"))
    return (
        f"growth of a scalar chain from {short['length']:,} to {long['length']:,} operations, against proportional: "
        f"time {time:.2f}, memory {memory:.2f} (asked: at most 1.20)"
    )


def limits_line(limits: dict[str, float]) -> str:
    """The machine's bounds in one sentence."""
    return (
        f"machine: sgemm {limits['sgemm_gflops']:.0f} GFLOP/s, copy {limits['copy_gb_per_s']:.1f} GB/s, "
        f"ufunc call {limits['ufunc_call_ns']:.0f} ns, matmul call {limits['matmul_call_ns']:.0f} ns, "
        f"Python call {limits['python_call_ns']:.0f} ns"
    )


def parts(results: dict[str, Any], table: Any) -> list[str]:
    """Every part of the report that there are results for, each table through `table`."""
    rows, told = results["rows"], []
    if rows:
        told += [table(lines(rows, libraries_in(rows)))]
    for small in (band_lines(rows), peer_lines(rows)):
        if len(small) > 1:
            told.append(table(small))
    if results.get("felt"):
        told.append(table(felt_lines(results["felt"])))
    told += [growth_line(results["growth"])] if results.get("growth") else []
    return told


def text(results: dict[str, Any]) -> str:
    """For the terminal."""
    machine = [limits_line(results["limits"])] if results.get("limits") else []
    notes = [*machine, faults(results["rows"]), conditions(results)]
    return "\n\n".join(filter(None, [*parts(results, columns), *notes]))


def conditions(results: dict[str, Any]) -> str:
    """How the numbers came about."""
    noises = [noise(row) for row in results["rows"]]
    spread = f"; median noise {statistics.median(noises):.0%}" if noises else ""
    versions = ", ".join(f"{LIBRARIES[n].label} {v}" for n, v in results["versions"].items() if n != "glassgrad")
    return (
        f"Medians of {results['rounds']} interleaved rounds on {results['threads']} threads, warm heap, results "
        f"checked against each other first. Noise is half the interquartile range over the median{spread}. "
        f"{busy(results)}{results['date']}, {results['system']}, Python {results['python']}, "
        f"NumPy {results['numpy']}, {versions}."
    )


def busy(results: dict[str, Any]) -> str:
    """A warning when other programs were running: two-thread kernels then wait for each other."""
    load = results.get("load") or 0.0
    told = (
        f"The machine was busy with other work (load {load}) when this began. "
        if load > 0.3 * results["threads"]
        else ""
    )
    held = [row["name"] for row in results["rows"] if any(t["taken"] > 1 for t in row["times"].values())]
    return told + (f"Other programs held up the measurements of {', '.join(held)}. " if held else "")


def faults(rows: Sequence[dict[str, Any]]) -> str:
    """Where fresh memory was still asked for while timing."""
    many = [(t["faults"], row["name"], name) for row in rows for name, t in row["times"].items() if t["faults"] >= 100]
    told = ", ".join(f"{name} in {row} {count:,.0f}" for count, row, name in sorted(many, reverse=True)[:6])
    return f"page faults per step, where 100 or more: {told}" if many else ""


def readme(results: dict[str, Any]) -> str:
    """The README's performance section, between its marks."""
    body = [conditions(results), *parts(results, markdown)]
    return "\n\n".join([MARKS[0], *body, MARKS[1]])


def rewrite(path: Path, results: dict[str, Any]) -> None:
    """Replace what stands between the marks in the file.

    Raises:
        ValueError: the file has no such marks.
    """
    old = path.read_text(encoding="utf-8")
    start, end = old.find(MARKS[0]), old.find(MARKS[1])
    if start < 0 or end < start:
        raise ValueError(f"{path.name} has no {MARKS[0]} ... {MARKS[1]} to put the table between")
    path.write_text(old[:start] + readme(results) + old[end + len(MARKS[1]) :], encoding="utf-8")
