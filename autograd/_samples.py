"""The domains on which operations are tested: each declaration names its own, the tests read them all.

`reals(lo, hi)` suits an elementwise operation; `cases(lambda r: [call(r(3, 4), dim=1), ...])` anything else, where
`r(*shape)` draws a float64 array of distinct values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Call(NamedTuple):
    """Arguments of one trial; arrays of floating dtype among the positional ones are differentiated."""

    args: tuple
    kwargs: dict


def call(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs)


class Reals(NamedTuple):
    """Real numbers between `lo` and `hi`, at least `margin` away from each point of `avoid` (kinks and poles).

    A second input has its own bounds when `other` is given.
    """

    lo: float
    hi: float
    avoid: tuple[float, ...] = ()
    margin: float = 0.1
    other: Reals | None = None

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        values = rng.uniform(self.lo, self.hi, shape)
        for point in self.avoid:
            near = np.abs(values - point) < self.margin
            values = np.where(
                near, point + np.where(values >= point, 1, -1) * (self.margin + np.abs(values - point)), values
            )
        return values

    def calls(self, rng: np.random.Generator, inputs: int) -> list[Call]:
        """Trials over shapes: 0-d, a vector, a matrix, and for several inputs each kind of broadcasting."""
        second = self.other or self
        shapes: list[tuple] = [((),), ((3,),), ((2, 3),)]
        if inputs == 2:
            shapes = [
                ((), ()),
                ((3,), (3,)),
                ((2, 3), (2, 3)),
                ((2, 1), (3,)),
                ((), (2, 3)),
                ((4, 1, 2), (3, 1)),
                ((2, 3), ()),
            ]
        elif inputs > 2:
            shapes = [((),) * inputs, ((2, 3),) * inputs, ((2, 1),) + ((3,),) * (inputs - 1)]
        return [
            Call(tuple((self if i == 0 else second).draw(rng, s) for i, s in enumerate(group)), {}) for group in shapes
        ]


def reals(
    lo: float, hi: float, *, avoid: tuple[float, ...] = (), margin: float = 0.1, other: Reals | None = None
) -> Reals:
    return Reals(lo, hi, avoid, margin, other)


class Draw:
    """What a `cases` function gets: draws arrays of any shape."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def __call__(self, *shape: int, lo: float = -2.0, hi: float = 2.0) -> np.ndarray:
        """Distinct values, so that sorting and maxima have no ties within reach of a numerical step."""
        n = int(np.prod(shape)) if shape else 1
        steps = (np.arange(n) + self.rng.uniform(0.2, 0.8, n)) / n
        return lo + (hi - lo) * self.rng.permutation(steps).reshape(shape)

    def ints(self, *shape: int, high: int, low: int = 0) -> np.ndarray:
        return self.rng.integers(low, high, shape)

    def bools(self, *shape: int) -> np.ndarray:
        return self.rng.random(shape) < 0.5

    def complexes(self, *shape: int) -> np.ndarray:
        return self(*shape) + 1j * self(*shape)


class Cases(NamedTuple):
    make: Callable[[Draw], list[Call]]

    def calls(self, rng: np.random.Generator, inputs: int) -> list[Call]:
        return self.make(Draw(rng))


def cases(make: Callable[[Draw], list[Call]]) -> Cases:
    return Cases(make)
