"""What the tests of tensors in other libraries' hands share."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np

import autograd as ag

ROOT = Path(__file__).resolve().parent.parent.parent
CANT = r"Can't call numpy\(\) on Tensor that requires grad"


def leaf(*shape, low=0.2, high=0.9, dtype=ag.float64):
    values = np.random.default_rng(0).uniform(low, high, shape)
    return ag.tensor(values, dtype=dtype, requires_grad=True)


def program(source, **environment):
    """Run a program in a fresh interpreter; its standard output."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
