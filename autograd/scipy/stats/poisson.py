"""The Poisson distribution."""

from __future__ import annotations

from typing import Any

from ... import numpy as np
from .. import special


def logpmf(k: Any, mu: Any) -> Any:
    """k log mu - mu - log k!; differentiable by mu."""
    return special.xlogy(k, mu) - mu - special.gammaln(k + 1.0)


def pmf(k: Any, mu: Any) -> Any:
    """The probability of k."""
    return np.exp(logpmf(k, mu))


def cdf(k: Any, mu: Any) -> Any:
    """The probability of at most k; differentiable by mu."""
    return special.gammaincc(np.floor(k) + 1.0, mu)
