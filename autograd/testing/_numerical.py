"""Numerical derivatives with an error estimate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple


class Derivative(NamedTuple):
    """A numerical derivative: its value, an estimate of its error, and the step that gave the best value."""

    value: float
    error: float
    step: float


def derivative(
    f: Callable[[float], float], at: float, *, step: float = 0.05, shrink: float = 1.4, rounds: int = 10
) -> Derivative:
    """f'(at) by central differences with ever smaller steps, extrapolated to step zero.

    Each difference (f(x+h) - f(x-h)) / 2h is off by powers of h²; combining those of several steps cancels one power
    after the other (Richardson). The table stops growing once rounding, not the step, makes it worse.

    Args:
        step: the largest step; the function should be smooth within it.

    Returns:
        value, estimated error and best step; the error is inf when the function is not finite nearby.

    Source: C. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Advances in Engineering Software 4 (1982).
    """
    best = Derivative(math.nan, math.inf, step)
    previous: list[float] = []
    for round_ in range(rounds):
        row = [(f(at + step) - f(at - step)) / (2 * step)]
        factor = shrink * shrink
        for k, older in enumerate(previous):
            row.append((row[k] * factor - older) / (factor - 1))
            factor *= shrink * shrink
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - older))
            if error <= best.error:
                best = Derivative(row[-1], error, step)
        if round_ and abs(row[-1] - previous[-1]) >= 2 * best.error:
            break
        previous, step = row, step / shrink
    return best


__all__ = ["Derivative", "derivative"]
