"""Search along a line for a step that fulfils the strong Wolfe conditions.

    f(t) ≤ f(0) + c₁ t f'(0)      the loss fell enough
    |f'(t)| ≤ c₂ |f'(0)|          the slope got flat enough

Source: Nocedal and Wright, "Numerical optimization", 2006, algorithms 3.5 (bracket) and 3.6 (zoom), equation 3.59
(cubic interpolation); safeguards and constants as in PyTorch, so that trajectories agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

C1, C2 = 1e-4, 0.9


class Point(NamedTuple):
    """A step tried: its length, the loss there, the gradient and its component along the line."""

    t: float
    loss: float
    g: np.ndarray
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, reach: float, tolerance: float, most: int
) -> tuple[Point, int]:
    """The point found, and how often the loss was evaluated.

    Args:
        evaluate: the point at a step length.
        start: the point at length 0; its slope is negative.
        t: first length to try.
        reach: largest component of the direction; with it `tolerance` bounds the bracket.
        tolerance: stop when the bracket is smaller.
        most: tries after the first.
    """
    bracket, done, tries = find_bracket(evaluate, start, t, most)
    low, high = (bracket[0], bracket[-1]) if bracket[0].loss <= bracket[-1].loss else (bracket[-1], bracket[0])
    stuck = False
    while not done and tries < most and abs(high.t - low.t) * reach >= tolerance:
        t, stuck = trial(low, high, stuck)
        new = evaluate(t)
        tries += 1
        low, high, done = narrowed(start, low, high, new)
    return low, tries + 1


def too_high(start: Point, new: Point) -> bool:
    """The first Wolfe condition does not hold."""
    return new.loss > start.loss + C1 * new.t * start.slope


def flat(start: Point, new: Point) -> bool:
    """The second Wolfe condition holds."""
    return abs(new.slope) <= -C2 * start.slope


def find_bracket(
    evaluate: Callable[[float], Point], start: Point, t: float, most: int
) -> tuple[list[Point], bool, int]:
    """Lengthen the step until a good one is found, alone in the list, or two with a good one between them."""
    before, new = start, evaluate(t)
    for tries in range(most):
        if too_high(start, new) or (tries > 1 and new.loss >= before.loss):
            return [before, new], False, tries
        if flat(start, new):
            return [new], True, tries
        if new.slope >= 0:
            return [before, new], False, tries
        t = cubic(before, new, new.t + 0.01 * (new.t - before.t), new.t * 10)
        before, new = new, evaluate(t)
    return [start, new], False, most


def trial(low: Point, high: Point, stuck: bool) -> tuple[float, bool]:
    """The next length to try inside a bracket, and whether it came close to an end.

    The second time in a row, or at the very end, it is moved a tenth of the bracket inwards.
    """
    left, right = min(low.t, high.t), max(low.t, high.t)
    t = cubic(low, high, left, right)
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if not stuck and left < t < right:
        return t, True
    return (right - margin if abs(t - right) < abs(t - left) else left + margin), False


def narrowed(start: Point, low: Point, high: Point, new: Point) -> tuple[Point, Point, bool]:
    """The bracket after a further point (`low` has the smaller loss), and whether that point is good."""
    if too_high(start, new) or new.loss >= low.loss:
        return (low, new, False) if low.loss <= new.loss else (new, low, False)
    if flat(start, new):
        return new, high, True
    return new, (low if new.slope * (high.t - low.t) >= 0 else high), False


def cubic(p: Point, q: Point, left: float, right: float) -> float:
    """Minimum of the cubic with the losses and slopes of two points, kept within [left, right]."""
    if p.t > q.t:
        p, q = q, p
    with np.errstate(all="ignore"):
        d1 = p.slope + q.slope - 3 * np.divide(p.loss - q.loss, p.t - q.t)
        square = d1 * d1 - p.slope * q.slope
        if not square >= 0:
            return (left + right) / 2
        d2 = math.sqrt(square)
        t = q.t - (q.t - p.t) * np.divide(q.slope + d2 - d1, q.slope - p.slope + 2 * d2)
    return float(min(max(t, left), right))
