"""Write the output of every program under real PyTorch to `expected/`: python tests/programs/record.py [names]."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted(p for p in HERE.glob("*.py") if p.stem != "record")


def output(program: Path) -> str:
    """What a program prints when PyTorch itself runs it."""
    command = [sys.executable, "-W", "ignore", str(program)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE.parent).stdout


if __name__ == "__main__":
    for path in PROGRAMS:
        if not sys.argv[1:] or path.stem in sys.argv[1:]:
            (HERE / "expected" / f"{path.stem}.txt").write_text(output(path), encoding="utf-8")
            print(path.stem)
