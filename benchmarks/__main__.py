"""python -m benchmarks: compare this project with PyTorch eager and its peers on this machine."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import chart, felt, libraries, measure, report, workloads  # noqa: F401 (workloads register themselves)
from .pool import Worker, WorkerError
from .workload import BANDS, WORKLOADS, Workload

RESULTS = Path(__file__).resolve().parent / "results"


def say(line: str) -> None:
    """Progress, apart from the report."""
    print(line, file=sys.stderr, flush=True)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="benchmarks", description=__doc__.split(": ", 1)[1])
    p.add_argument("--quick", action="store_true", help="fewer and shorter measurements: under two minutes")
    p.add_argument("--band", action="append", choices=[*BANDS, "felt"], help="only this band (may be repeated)")
    p.add_argument(
        "--only", action="append", metavar="NAME", help="only workloads whose name contains NAME (may be repeated)"
    )
    p.add_argument("--libraries", metavar="A,B", help=f"only these of {', '.join(libraries.LIBRARIES)}")
    p.add_argument(
        "--python",
        action="append",
        metavar="PATH",
        help=f"an interpreter that has some of the libraries (may be repeated; default: ${libraries.PEERS}, "
        f"paths separated by {os.pathsep!r})",
    )
    p.add_argument("--threads", type=int, default=usable_cores(), help="threads for every library (default: the cores)")
    p.add_argument("--rounds", type=int, help="interleaved measurements per library")
    p.add_argument("--list", action="store_true", help="name the workloads and stop")
    p.add_argument("--out", type=Path, help="where to keep the results (JSON; the chart goes beside it)")
    p.add_argument("--show", type=Path, metavar="JSON", help="print kept results instead of measuring")
    p.add_argument("--readme", type=Path, metavar="FILE", help="put the tables between the marks in this file")
    return p


def usable_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def selected(options: argparse.Namespace) -> list[Workload]:
    """The workloads asked for."""
    wanted = [w for w in WORKLOADS.values() if not options.band or w.band in options.band]
    if options.only:
        wanted = [w for w in wanted if any(part in w.name for part in options.only)]
    left_out = [w.name for w in wanted if w.slow and options.quick]
    if left_out:
        say(f"--quick leaves out {', '.join(left_out)}")
    return by_band(w for w in wanted if w.name not in left_out)


def by_band(found: Iterable[Workload]) -> list[Workload]:
    """In the order of the table."""
    return sorted(found, key=lambda w: BANDS.index(w.band))


def available(options: argparse.Namespace) -> dict[str, tuple[str, str]]:
    """The libraries to compare and where they are; says which are not there."""
    found = libraries.find(options.python)
    for line in libraries.missing(found):
        say(line)
    chosen = options.libraries.split(",") if options.libraries else list(found)
    unknown = set(chosen) - set(libraries.LIBRARIES)
    if unknown:
        raise SystemExit(f"benchmarks: no library is called {', '.join(sorted(unknown))}")
    return {name: found[name] for name in found if name in chosen}


def effort(options: argparse.Namespace) -> measure.Effort:
    """How long to measure."""
    chosen = measure.QUICK if options.quick else measure.FULL
    return dataclasses.replace(chosen, rounds=options.rounds) if options.rounds else chosen


def header(options: argparse.Namespace, found: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """What a reader must know to judge the numbers."""
    import numpy

    return {
        "date": datetime.date.today().isoformat(),
        "system": f"{platform.system()} {platform.machine()}{processor()}",
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "threads": options.threads,
        "rounds": effort(options).rounds,
        "quick": options.quick,
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "versions": {name: version for name, (_, version) in found.items()},
    }


def processor() -> str:
    """Its name in brackets, where the system gives one: ratios are not the same on every kind."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f" ({named[0]})" if named else ""


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure what was asked for."""
    found = available(options)
    results, everything = header(options, found), not options.band and not options.only
    workers = {name: Worker(name, path, libraries.environment(options.threads)) for name, (path, _) in found.items()}
    results["limits"] = limits(workers)
    results["rows"] = measure.all_of(selected(options), workers, effort(options), say)
    if everything or "felt" in (options.band or []):
        results["growth"] = growth(workers)
        results["felt"] = felt.measure(found, options.threads, options.quick, say)
    for worker in workers.values():
        worker.stop()
    return results


def limits(workers: dict[str, Worker]) -> dict[str, float]:
    """The machine's, through a worker so that threads and heap are those of the measurements."""
    return next(iter(workers.values())).ask("limits") if workers else {}


def growth(workers: dict[str, Worker]) -> list[dict[str, float]]:
    """Of this project; empty when it cannot run."""
    try:
        return workers["glassgrad"].ask("growth", [1_000, 100_000])
    except (KeyError, WorkerError) as error:
        say(f"  growth: {error}")
        return []


def keep(results: dict[str, Any], options: argparse.Namespace) -> Path:
    """Write JSON and chart; partial and quick runs do not overwrite the full one."""
    partial = options.band or options.only or options.libraries
    name = "partial" if partial else "quick" if options.quick else "latest"
    path = options.out or RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".svg").write_text(chart.svg(results["rows"]), encoding="utf-8")
    return path


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 when a library's result was wrong or this project failed."""
    options = parser().parse_args(arguments)
    if options.list:
        print(
            "\n".join(
                f"{w.band:8} {w.name:18} {w.title}"
                for w in sorted(WORKLOADS.values(), key=lambda w: BANDS.index(w.band))
            )
        )
        return 0
    results = json.loads(options.show.read_text(encoding="utf-8")) if options.show else run(options)
    print(report.text(results))
    if not options.show:
        path = keep(results, options)
        print(f"\nkept in {path} and {path.with_suffix('.svg').name}")
    if options.readme:
        report.rewrite(options.readme, results)
    return int(any(row["wrong"] or "glassgrad" in row["failed"] for row in results["rows"]))


if __name__ == "__main__":
    raise SystemExit(main())
