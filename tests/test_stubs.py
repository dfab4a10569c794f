"""What is written from the registry is up to date: type stubs, and the names of what is imported later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_nothing_is_stale():
    done = subprocess.run([sys.executable, "-m", "tests.stubs", "--check"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_editors_see_attached_methods():
    stub = (ROOT / "autograd" / "_tensor.pyi").read_text()
    for name in ("tanh", "relu", "sum", "backward", "__matmul__", "masked_fill_"):
        assert f"def {name}(" in stub
