"""What a workload is: a name, a band, and for each family of libraries the function that builds its task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

BANDS = ("scalar", "small", "medium", "large", "higher")
TORCH_LIKE = ("torch", "glassgrad")
FUNCTIONAL = ("jax", "hips", "mygrad", "tinygrad")


class Task(NamedTuple):
    """A workload made ready on one library: `step` is what is timed, `result` gives the arrays that are compared."""

    step: Callable[[], object]
    result: Callable[[], list[np.ndarray]]


class Functional(NamedTuple):
    """A workload for libraries that differentiate functions: `loss(xp, params, *batch)` and how params are updated."""

    params: list[np.ndarray]
    loss: Callable[..., Any]
    batch: tuple[np.ndarray, ...] = ()
    update: str = "none"  # "none": loss and gradients are the result; "sgd", "adam": loss and new parameters; "hessian"
    lr: float = 0.0
    value: bool = True  # the loss itself is part of the result


@dataclass
class Workload:
    """One row of the table."""

    name: str
    band: str
    title: str
    torch_like: Callable[..., Task]
    tolerance: float = 1e-3  # largest difference from the reference, relative to the array's largest value
    checks: int = 2  # steps taken before results are compared
    slow: bool = False  # left out by --quick
    others: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def functional(self, *libraries: str) -> Callable:
        """Decorator: the same workload as a loss function, for these libraries (all of FUNCTIONAL when none is named)."""

        def keep(build: Callable[[], Functional]) -> Callable[[], Functional]:
            self.others.update(dict.fromkeys(libraries or FUNCTIONAL, build))
            return build

        return keep

    def variant(self, library: str) -> Callable:
        """Decorator: the workload as that library's own user would write it; builds a Task from its adapter."""

        def keep(build: Callable[..., Task]) -> Callable[..., Task]:
            self.others[library] = build
            return build

        return keep

    def builder(self, library: str) -> Callable[..., Any] | None:
        """What builds this workload for the library; None when it cannot express it."""
        return self.torch_like if library in TORCH_LIKE else self.others.get(library)


WORKLOADS: dict[str, Workload] = {}


def workload(name: str, band: str, title: str, **options: Any) -> Callable[[Callable[..., Task]], Workload]:
    """Register a workload by its PyTorch-like spelling, `build(lib) -> Task`, used by PyTorch and by this project."""

    def register(build: Callable[..., Task]) -> Workload:
        WORKLOADS[name] = Workload(name, band, title, build, **options)
        return WORKLOADS[name]

    return register


# --- data, the same in every process


def normal(seed: int, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Float32 normal numbers that depend on nothing but the seed and the shape."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def labels(seed: int, *shape: int, classes: int) -> np.ndarray:
    """Class numbers, int64."""
    return np.random.default_rng(seed).integers(0, classes, shape)


def weights(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Starting parameters: matrices scaled by their fan-in, vectors small."""
    fans = [int(np.prod(shape[1:])) if len(shape) > 1 else 100 for shape in shapes]
    return [normal(seed + i, *shape, scale=fan**-0.5) for i, (shape, fan) in enumerate(zip(shapes, fans, strict=True))]
