"""Mistakes planted in the engine: the smallest of each kind by which gradients go silently wrong.

`python -m tests.meta.engine` plants each in a copy of the package, runs the state machine and then the rest of the
engine's tests on the copy, and prints who noticed. `--only WORDS` chooses by name; `--by machine` stops after the state
machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.meta.mistakes import MISTAKES, Mistake

ROOT = Path(__file__).resolve().parent.parent.parent
JUDGES = {
    "the state machine": ["tests/test_state_machine.py"],
    "the suite": ["tests/test_autograd_rules.py", "tests/test_fast_engine.py", "tests/test_direct.py", "tests/test_hazards.py",
                  "tests/test_hazards_memory.py", "tests/test_hazards_faults.py", "tests/test_hazards_seams.py",
                  "tests/test_hazards_views.py", "tests/test_hazards_numbers.py", "tests/test_checkpoint.py", "tests/test_hazards_saved.py",
                  "tests/test_functional.py", "tests/test_testing.py", "tests/test_vmap.py", "tests/test_save.py",
                  "tests/nn/test_utils.py", "tests/nn/test_training.py"],
}  # fmt: skip


def twice_or_never() -> list[str]:
    """Names of the mistakes whose place in the source is not there any more, or not the only one like it."""
    return [m.name for m in MISTAKES if (ROOT / "autograd" / m.file).read_text().count(m.old) != 1]


@contextmanager
def planted(mistake: Mistake) -> Iterator[Path]:
    """A copy of the package and its tests in which the mistake is made."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("autograd", "nn", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "programs", "viz"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        place = copy / "autograd" / mistake.file
        place.write_text(place.read_text().replace(mistake.old, mistake.new))
        yield copy


def run(copy: Path, tests: list[str], seconds: float = 240) -> tuple[str, str]:
    """What became of the tests on the copy ("caught", "survives", or that they did not run), and what they printed."""
    present = [t for t in tests if (copy / t).exists()]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *present]
    settings = {**os.environ, "HYPOTHESIS_PROFILE": "planted", "PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(
            command, cwd=copy, env=settings, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return "caught", "it never ends"
    return {0: "survives", 1: "caught"}.get(done.returncode, "does not run"), done.stdout


def judge(mistake: Mistake, judges: dict[str, list[str]]) -> str:
    """Who notices the mistake first."""
    with planted(mistake) as copy:
        for name, tests in judges.items():
            fate, _ = run(copy, tests)
            if fate != "survives":
                return f"{fate} by {name}"
    return "survives"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mistakes whose name contains this")
    parser.add_argument("--by", default="", help="judges whose name contains this")
    parser.add_argument("--part", default="0/1", help="k/n: every n-th mistake, from the k-th")
    given = parser.parse_args()
    start, step = map(int, given.part.split("/"))
    judges = {name: tests for name, tests in JUDGES.items() if given.by in name}
    fates: Counter[str] = Counter()
    for name in twice_or_never():
        print(f"has lost its place           {name}")
    for mistake in [m for m in MISTAKES if given.only in m.name][start::step]:
        fate = judge(mistake, judges)
        fates[fate] += 1
        print(f"{fate:28} {mistake.file}: {mistake.name}", flush=True)
    print(f"{fates.total()} mistakes planted: " + ", ".join(f"{n} {fate}" for fate, n in sorted(fates.items())))
    return bool(fates["survives"])


if __name__ == "__main__":
    sys.exit(main())
