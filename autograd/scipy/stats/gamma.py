"""The gamma distribution."""

from __future__ import annotations

from typing import Any

from ... import numpy as np
from .. import special


def logpdf(x: Any, a: Any) -> Any:
    """(a-1) log x - x - log Γ(a)."""
    return special.xlogy(a - 1.0, x) - x - special.gammaln(a)


def pdf(x: Any, a: Any) -> Any:
    """The density."""
    return np.exp(logpdf(x, a))


def cdf(x: Any, a: Any) -> Any:
    """The probability of less than x; not differentiable by a."""
    return special.gammainc(a, x)
