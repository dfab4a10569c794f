"""The chi-squared distribution."""

from __future__ import annotations

from typing import Any

from ... import numpy as np
from . import gamma

_LOG_TWO = 0.6931471805599453


def logpdf(x: Any, df: Any) -> Any:
    """The density's logarithm: that of a gamma distribution at x/2, over 2."""
    return gamma.logpdf(0.5 * x, 0.5 * df) - _LOG_TWO


def pdf(x: Any, df: Any) -> Any:
    """The density."""
    return np.exp(logpdf(x, df))


def cdf(x: Any, df: Any) -> Any:
    """The probability of less than x; not differentiable by df."""
    return gamma.cdf(0.5 * x, 0.5 * df)
