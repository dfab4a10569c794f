"""Which libraries are compared, and which interpreter has each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = "GLASSGRAD_BENCH_PEERS"


@dataclass(frozen=True)
class Library:
    """A column of the table."""

    name: str
    label: str
    distribution: str  # on PyPI
    module: str  # what is imported, for the felt measurements


LIBRARIES = {
    library.name: library
    for library in (
        Library("torch", "PyTorch eager", "torch", "torch"),
        Library("glassgrad", "glassgrad", "numpy", "autograd"),
        Library("jax", "JAX jit", "jax", "jax"),
        Library("hips", "HIPS autograd", "autograd", "autograd"),
        Library("mygrad", "MyGrad", "mygrad", "mygrad"),
        Library("tinygrad", "tinygrad", "tinygrad", "tinygrad"),
        Library("micrograd", "micrograd", "micrograd", "micrograd.engine"),
    )
}

ASK = """
import importlib.metadata as m, json, sys
def version(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return None
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


def environment(threads: int, warm: bool = True) -> dict[str, str]:
    """What every worker runs under, all alike: no foreign import path, equal threads, a heap that keeps its pages.

    glibc otherwise returns freed memory to the system and asks for it back, page by page: the same expression on
    256x512 numbers then takes 0.15 or 1.0 ms depending on what ran before.
    """
    unwanted = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")  # the last would compile at every import
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        kept[name] = str(threads)
    if warm:
        kept |= {"MALLOC_TRIM_THRESHOLD_": str(2**33), "MALLOC_MMAP_MAX_": "0", "MALLOC_TOP_PAD_": str(2**26)}
    kept["JAX_PLATFORMS"], kept["DEV"] = "cpu", "CPU"
    return kept


def interpreters(chosen: list[str] | None = None) -> list[str]:
    """This interpreter, then those named by option or environment."""
    named = chosen or [p for p in os.environ.get(PEERS, "").split(os.pathsep) if p]
    return list(dict.fromkeys([sys.executable, *named]))


def installed(interpreter: str) -> dict[str, str]:
    """Versions of the compared distributions that the interpreter has; empty when it does not run."""
    names = [library.distribution for library in LIBRARIES.values()]
    command = [interpreter, "-P", "-c", ASK, *names]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment(1), timeout=60, cwd=os.sep)
        return {name: version for name, version in json.loads(done.stdout).items() if version}
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}


def find(chosen: list[str] | None = None) -> dict[str, tuple[str, str]]:
    """Library name to (interpreter, version), for those that some interpreter has."""
    found: dict[str, tuple[str, str]] = {}
    for interpreter in interpreters(chosen):
        versions = installed(interpreter)
        for name, library in LIBRARIES.items():
            if library.distribution in versions:
                found.setdefault(name, (interpreter, versions[library.distribution]))
    return {name: found[name] for name in LIBRARIES if name in found}


def missing(found: dict[str, tuple[str, str]]) -> list[str]:
    """One line for each library that nothing has."""
    advice = f"pip install it into an environment and name its Python in {PEERS}"
    return [
        f"{library.label}: skipped, not installed ({advice})"
        for name, library in LIBRARIES.items()
        if name not in found
    ]
