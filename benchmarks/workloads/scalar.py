"""Scalar programs: every number is a tensor of its own, so the cost is the engine's and nothing else."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..workload import Functional, Task, workload

SIZES = (2, 16, 16, 1)


def moons(points: int) -> tuple[list[list[float]], list[float]]:
    """Two interleaved half circles, classes -1 and 1, as plain Python numbers."""
    random = np.random.default_rng(7)
    angle = random.uniform(0, math.pi, points)
    upper = np.arange(points) % 2 == 0
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle)) + random.normal(0, 0.1, points)
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle)) + random.normal(0, 0.1, points)
    return np.stack([x, y], 1).tolist(), np.where(upper, 1.0, -1.0).tolist()


def starting_parameters() -> list[float]:
    """Weights and bias of each neuron in turn, as micrograd orders them."""
    random, numbers = np.random.default_rng(1), []
    for inputs, outputs in pairwise(SIZES):
        for _ in range(outputs):
            numbers += [*random.uniform(-1, 1, inputs).tolist(), random.uniform(-0.1, 0.1)]
    return numbers


def forward(x: Sequence[Any], numbers: Iterator[Any], relu: Callable[[Any], Any]) -> Any:
    """micrograd's MLP on one point: nothing but +, * and relu of single numbers."""
    for outputs in SIZES[1:]:
        layer = []
        for _ in range(outputs):
            row = [next(numbers) for _ in x]
            total = next(numbers)
            for weight, value in zip(row, x, strict=True):
                total = total + weight * value
            layer.append(total if outputs == 1 else relu(total))
        x = layer
    return x[0]


def hinge(parameters: Sequence[Any], relu: Callable[[Any], Any]) -> Any:
    """Mean hinge loss over ten points."""
    points, classes = moons(10)
    total = 0.0
    for point, label in zip(points, classes, strict=True):
        total = total + relu(1.0 + (-label) * forward(point, iter(parameters), relu))
    return total * 0.1


@workload("moons_mlp", "scalar", "micrograd's MLP 2-16-16-1 on moons, scalar by scalar")
def moons_mlp(lib: Any) -> Task:
    leaves = lib.leaves(starting_parameters())
    return lib.gradient(lambda: hinge(leaves, lambda x: x.relu()), leaves)


@moons_mlp.functional("hips", "mygrad")
def _() -> Functional:
    numbers = [np.array(number, np.float32) for number in starting_parameters()]
    return Functional(numbers, lambda xp, p: hinge(p, xp.relu))


def micrograd_task(loss: Callable[[Sequence[Any]], Any], numbers: Sequence[float]) -> Task:
    """Forward and backward on micrograd's values; its topological sort recurses once per operation."""
    from micrograd.engine import Value

    sys.setrecursionlimit(1_000_000)
    leaves, last = [Value(number) for number in numbers], []

    def step() -> None:
        for leaf in leaves:
            leaf.grad = 0
        value = loss(leaves)
        value.backward()
        last[:] = [value.data]

    return Task(step, lambda: [np.array(number) for number in [*last, *(leaf.grad for leaf in leaves)]])


@moons_mlp.variant("micrograd")
def _() -> Task:
    return micrograd_task(lambda leaves: hinge(leaves, lambda x: x.relu()), starting_parameters())


def chain(x: Any, length: int) -> Any:
    """`length` operations, each on the result of the one before; stays near 0.5."""
    for _ in range(length // 2):
        x = x * 0.99999 + 0.000005
    return x


@workload("chain_1000", "scalar", "chain of 1,000 scalar operations")
def chain_1000(lib: Any) -> Task:
    leaves = lib.leaves([0.7])
    return lib.gradient(lambda: chain(leaves[0], 1000), leaves)


@chain_1000.functional("hips", "mygrad")
def _() -> Functional:
    return Functional([np.array(0.7, np.float32)], lambda xp, p: chain(p[0], 1000))


@chain_1000.variant("micrograd")
def _() -> Task:
    return micrograd_task(lambda leaves: chain(leaves[0], 1000), [0.7])


@workload("chain_200000", "scalar", "chain of 200,000 scalar operations", slow=True, checks=1)
def chain_200000(lib: Any) -> Task:
    leaves = lib.leaves([0.7])
    return lib.gradient(lambda: chain(leaves[0], 200_000), leaves)


@chain_200000.functional("hips", "mygrad")
def _() -> Functional:
    return Functional([np.array(0.7, np.float32)], lambda xp, p: chain(p[0], 200_000))
