"""Poisson, binomial and gamma variables by rejection, drawing uniforms in the order PyTorch draws them.

Sources: W. Hörmann, "The transformed rejection method for generating Poisson random variables" (1993) and "The
generation of binomial random variates" (1993); G. Marsaglia and W. W. Tsang, "A simple method for generating gamma
variables" (2000).
"""

from __future__ import annotations

import math
from collections.abc import Callable

Uniform = Callable[[], float]


def poisson(uniform: Uniform, rate: float) -> float:
    """A count with mean `rate`."""
    if rate >= 10:
        return _large_poisson(uniform, rate)
    limit, product, count = math.exp(-rate), 1.0, 0
    while rate > 0:
        product *= uniform()
        if product <= limit:
            break
        count += 1
    return count


def _large_poisson(uniform: Uniform, rate: float) -> float:
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    scale, box = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= box:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        bound = k * math.log(rate) - rate - math.lgamma(k + 1)
        if math.log(v) + math.log(scale) - math.log(a / (us * us) + b) <= bound:
            return k


def binomial(uniform: Uniform, count: float, prob: float) -> float:
    """Successes in `count` tries."""
    if count <= 0 or prob <= 0:
        return 0.0
    if prob >= 1:
        return count
    if prob > 0.5:
        return count - _rare_binomial(uniform, count, 1.0 - prob)
    return _rare_binomial(uniform, count, prob)


def _rare_binomial(uniform: Uniform, count: float, prob: float) -> float:
    if count * prob >= 10:
        return _large_binomial(uniform, count, prob)
    spent, successes, step = 0.0, 0, math.log1p(-prob)
    while True:
        spent += math.ceil(math.log(uniform()) / step)
        if spent > count:
            return successes
        successes += 1


def _large_binomial(uniform: Uniform, n: float, p: float) -> float:
    spread = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    box, alpha, mode = 0.92 - 4.2 / b, (2.83 + 5.1 / b) * spread, math.floor((n + 1) * p)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + n * p + 0.5)
        if k < 0 or k > n:
            continue
        if us >= 0.07 and v <= box:
            return k
        if math.log(v * alpha / (a / (us * us) + b)) <= _log_ratio(n, p, k, mode):
            return k


def _log_ratio(n: float, p: float, k: float, mode: float) -> float:
    """The logarithm of the probability of k successes over that of the mode."""
    odds = p / (1 - p)
    return (
        (mode + 0.5) * math.log((mode + 1) / (odds * (n - mode + 1)))
        + (n + 1) * math.log((n - mode + 1) / (n - k + 1))
        + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
        + _tail(mode) + _tail(n - mode) - _tail(k) - _tail(n - k)
    )  # fmt: skip


def _tail(k: float) -> float:
    """What Stirling's formula leaves of log k!."""
    return math.lgamma(k + 1) - ((k + 0.5) * math.log(k + 1) - (k + 1) + 0.5 * math.log(2 * math.pi))


def gamma(uniform: Uniform, normal: Uniform, alpha: float) -> float:
    """A gamma variable of shape `alpha` and scale 1."""
    scale = 1.0
    if alpha < 1:
        if alpha == 0:
            return 0.0
        scale, alpha = (1 - uniform()) ** (1 / alpha), alpha + 1
    d = alpha - 1 / 3
    c = 1 / math.sqrt(9 * d)
    while True:
        x = normal()
        if (y := 1 + c * x) <= 0:
            continue
        v, u, square = y * y * y, 1 - uniform(), x * x
        if u < 1 - 0.0331 * square * square or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v
