"""What a user feels: import time, size on disk, time to the first gradient, peak memory, and growth with the graph."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Callable
from typing import Any

from .libraries import LIBRARIES, ROOT, environment
from .measure import Say
from .pool import Worker, WorkerError

TORCH_LIKE = "x = {}.tensor([1.0, 2.0], requires_grad=True); (x.tanh() * x).sum().backward(); print(x.grad)"
FUNCTION = "lambda x: np.sum(np.tanh(x) * x)"
FIRST = {
    "torch": "import torch; " + TORCH_LIKE.format("torch"),
    "glassgrad": "import autograd; " + TORCH_LIKE.format("autograd"),
    "jax": f"import jax, jax.numpy as np; print(jax.jit(jax.grad({FUNCTION}))(np.array([1.0, 2.0])))",
    "hips": f"import autograd, autograd.numpy as np; print(autograd.grad({FUNCTION})(np.array([1.0, 2.0])))",
    "mygrad": "import mygrad as np; x = np.tensor([1.0, 2.0]); np.sum(np.tanh(x) * x).backward(); print(x.grad)",
    "tinygrad": "from tinygrad import Tensor; x = Tensor([1.0, 2.0]); "
    "print((x.tanh() * x).sum().gradient(x)[0].numpy())",
    "micrograd": "from micrograd.engine import Value; x = Value(2.0); (x * x).backward(); print(x.grad)",
}

TIMED_IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"

# Files of a distribution and of everything it requires, without compiled caches, which no index delivers.
SIZE = """
import importlib.metadata as m, json, re, sys
from pathlib import Path
def files(name):
    d = m.distribution(name)
    for f in d.files or []:
        path = Path(d.locate_file(f))
        if path.suffix != ".pyc" and path.is_file():
            yield path.resolve()
def closure(name, seen):
    try: d = m.distribution(name)
    except m.PackageNotFoundError: return seen
    key = re.sub(r"[-_.]+", "-", d.metadata["Name"]).lower()
    if key in seen: return seen
    seen.add(key)
    for line in d.requires or []:
        if "extra ==" not in line:
            closure(re.match(r"[\\w.-]+", line)[0], seen)
    return seen
names = set()
for name in sys.argv[1:]:
    closure(name, names)
print(json.dumps(sum(p.stat().st_size for p in {p for n in names for p in files(n)})))
"""


def run(interpreter: str, code: str, *arguments: str, ours: bool = False) -> str:
    """What a fresh process prints."""
    variables = environment(2, warm=False) | ({"PYTHONPATH": str(ROOT)} if ours else {})
    command = [interpreter, *([] if ours else ["-P"]), "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, timeout=120, cwd=os.sep, check=True)
    return done.stdout.strip()


def medians(measure: dict[str, Callable[[], float]], rounds: int, say: Say) -> dict[str, float]:
    """Interleaved, after one unrecorded turn each that fills the disk's cache and compiles."""
    seen: dict[str, list[float]] = {}
    for i in range(rounds + 1):
        for name in list(measure):
            try:
                seconds = measure[name]()
            except (subprocess.SubprocessError, ValueError) as error:
                say(f"  {name}: left out ({type(error).__name__})")
                del measure[name]
                continue
            if i:
                seen.setdefault(name, []).append(seconds)
    return {name: statistics.median(times) for name, times in seen.items()}


def import_time(found: dict[str, tuple[str, str]], rounds: int, say: Say) -> dict[str, float]:
    """Seconds inside a started interpreter; NumPy by the interpreter that runs this project."""

    def timer(interpreter: str, module: str, ours: bool) -> Callable[[], float]:
        return lambda: float(run(interpreter, TIMED_IMPORT.format(module), ours=ours))

    timers = {name: timer(path, LIBRARIES[name].module, name == "glassgrad") for name, (path, _) in found.items()}
    if "glassgrad" in found:
        timers["numpy"] = timer(found["glassgrad"][0], "numpy", False)
    return medians(timers, rounds, say)


def first_gradient(found: dict[str, tuple[str, str]], rounds: int, say: Say) -> dict[str, float]:
    """Seconds from starting Python to a printed gradient."""
    import time

    def timer(name: str, interpreter: str) -> Callable[[], float]:
        def once() -> float:
            start = time.perf_counter()
            run(interpreter, FIRST[name], ours=name == "glassgrad")
            return time.perf_counter() - start

        return once

    return medians({name: timer(name, path) for name, (path, _) in found.items()}, rounds, say)


def own_size() -> int:
    """The two packages of this project, as a wheel holds them."""
    files = (path for package in ("autograd", "nn") for path in (ROOT / package).rglob("*"))
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".pyc")


def install_size(found: dict[str, tuple[str, str]]) -> dict[str, float]:
    """Bytes of each library with all it requires; NumPy counts wherever it is required."""
    sizes = {}
    for name, (interpreter, _) in found.items():
        wanted = ["numpy", "graphviz"] if name == "glassgrad" else [LIBRARIES[name].distribution]
        sizes[name] = json.loads(run(interpreter, SIZE, *wanted)) + (own_size() if name == "glassgrad" else 0)
    return sizes


def peak_memory(found: dict[str, tuple[str, str]], threads: int, say: Say) -> dict[str, float]:
    """Bytes at most while the 784-512-10 MLP trains, under the allocator's ordinary settings."""
    peaks = {}
    for name, (interpreter, _) in found.items():
        worker = Worker(name, interpreter, environment(threads, warm=False))
        try:
            worker.ask("open", "mlp_mnist")
            peaks[name] = worker.ask("peak", 30)
        except WorkerError as error:
            if "not written" not in str(error):
                say(f"  peak memory: {name} left out: {error}")
        worker.stop()
    return peaks


CAPTURE = """
import time, autograd
from autograd import viz
weights = [autograd.tensor(0.1 * i, requires_grad=True) for i in range(50)]
def step():
    t = weights[0] * 0.5
    for w in weights:
        t = (t * w + 1.0).tanh()
    t.backward()
    for w in weights:
        w.grad = None
def best(limit):
    viz.capture(limit)
    seconds = []
    for _ in range(300):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
times = [(best(16), best(0)) for _ in range(5)]
print(min(t[0] for t in times), min(t[1] for t in times))
"""


def capture_cost(found: dict[str, tuple[str, str]], say: Say) -> dict[str, dict[str, float]]:
    """Seconds of a scalar training step with small values kept for pictures, and without."""
    if "glassgrad" not in found:
        return {}
    on, off = map(float, run(found["glassgrad"][0], CAPTURE, ours=True).split())
    say(f"  values kept for pictures cost {100 * (on / off - 1):+.1f} % of a scalar training step")
    return {"scalar step, values kept for pictures": {"glassgrad": on}, "scalar step, nothing kept": {"glassgrad": off}}


def measure(found: dict[str, tuple[str, str]], threads: int, quick: bool, say: Say) -> dict[str, Any]:
    """All of them, by the title of their row."""
    rounds = 2 if quick else 9
    return {
        "import time": import_time(dict(found), rounds, say),
        "start to first gradient": first_gradient(dict(found), rounds, say),
        "installed size with requirements": install_size(found),
        "peak memory training the MLP 784-512-10": peak_memory(found, threads, say),
        **capture_cost(found, say),
    }
