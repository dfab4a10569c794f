"""Programs in the manner of public PyTorch tutorials, run unmodified through the facade.

`tests/programs/expected/` holds what PyTorch 2.13 printed; weights, batches and dropout masks are the same there,
because the facade draws random numbers as PyTorch does. Numbers are compared, words must be the same.
"""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent / "programs"
PROGRAMS = sorted(p for p in HERE.glob("*.py") if p.stem != "record")
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*(?:[eE][-+]?\d+)?|\.\d+|\d+(?:[eE][-+]?\d+)?)|\bnan\b|\binf\b")
# A loss after some hundred float32 steps carries their rounding.
RELATIVE, ABSOLUTE = 2e-3, 2e-4


def words(line: str) -> str:
    """A line without its numbers and without its spaces, which follow the widths of the numbers."""
    return re.sub(r"\s+", "", NUMBER.sub("#", line))


def near(a: float, b: float) -> bool:
    return a == b or (a != a and b != b) or abs(a - b) <= ABSOLUTE + RELATIVE * abs(a)


def differing(expected: str, found: str) -> list[tuple[str, str]]:
    """Pairs of lines that do not agree."""
    left, right = ([line for line in text.splitlines() if line.strip()] for text in (expected, found))
    length = max(len(left), len(right))
    left, right = left + ["<nothing>"] * (length - len(left)), right + ["<nothing>"] * (length - len(right))
    return [(a, b) for a, b in zip(left, right, strict=True) if not agree(a, b)]


def agree(a: str, b: str) -> bool:
    x, y = ([float(n) for n in NUMBER.findall(line)] for line in (a, b))
    return words(a) == words(b) and len(x) == len(y) and all(map(near, x, y))


def test_lines_are_compared():
    assert agree("loss:  0.5000  [ 1]", "loss: 0.5001 [1]")
    assert not agree("loss: 0.5", "loss: 0.6")
    assert not agree("loss: 0.5", "cost: 0.5")
    assert not agree("[1, 2]", "[1, 2, 3]")
    assert agree("tensor([nan, 1.])", "tensor([nan, 1.])")
    assert not agree("nan", "1.0")
    assert differing("a\n1\n", "a\n") == [("1", "<nothing>")]


@pytest.fixture
def facade():
    from autograd.compat import torch

    torch.install()
    yield torch
    torch.uninstall()


def run(program: Path) -> str:
    printed = io.StringIO()
    # What a program chooses for NumPy's printing is its own.
    with contextlib.redirect_stdout(printed), warnings.catch_warnings(), np.printoptions():
        warnings.simplefilter("ignore")  # what is deprecated in the programs
        runpy.run_path(str(program), run_name="__main__")
    return printed.getvalue()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.stem)
def test_a_program_prints_what_it_prints_in_pytorch(program, facade):
    expected = (HERE / "expected" / f"{program.stem}.txt").read_text(encoding="utf-8")
    assert differing(expected, run(program)) == []


def test_every_recorded_output_has_its_program():
    recorded = {p.stem for p in (HERE / "expected").glob("*.txt")}
    assert recorded == {p.stem for p in PROGRAMS}
    assert len(PROGRAMS) >= 40


@pytest.mark.slow
def test_pytorch_still_prints_what_was_recorded():
    pytest.importorskip("torch")
    wrong = {}
    for program in PROGRAMS:
        command = [sys.executable, "-W", "ignore", str(program)]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        expected = (HERE / "expected" / f"{program.stem}.txt").read_text(encoding="utf-8")
        if found := differing(expected, printed):
            wrong[program.stem] = found
    assert not wrong
