"""The normal distribution."""

from __future__ import annotations

from typing import Any

from ... import numpy as np
from .. import special

_HALF_LOG_TWO_PI = 0.9189385332046727


def logpdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """-z²/2 - log(scale √(2π)) with z = (x - loc) / scale."""
    z = (x - loc) / scale
    return -0.5 * z * z - np.log(scale) - _HALF_LOG_TWO_PI


def pdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The density."""
    return np.exp(logpdf(x, loc, scale))


def cdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The probability of less than x."""
    return special.ndtr((x - loc) / scale)


def logcdf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The logarithm of `cdf`, exact far out on the left."""
    return special.log_ndtr((x - loc) / scale)


def sf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The probability of more than x."""
    return special.ndtr((loc - x) / scale)


def logsf(x: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The logarithm of `sf`, exact far out on the right."""
    return special.log_ndtr((loc - x) / scale)
