"""Student's distribution."""

from __future__ import annotations

from typing import Any

from ... import numpy as np
from .. import special


def logpdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """log Γ((df+1)/2) - log Γ(df/2) - log(scale √(df π)) - (df+1)/2 log(1 + z²/df) with z = (x - loc) / scale."""
    z = (x - loc) / scale
    constant = special.gammaln(0.5 * (df + 1.0)) - special.gammaln(0.5 * df) - 0.5 * np.log(np.pi * df) - np.log(scale)
    return constant - 0.5 * (df + 1.0) * np.log1p(z * z / df)


def pdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The density."""
    return np.exp(logpdf(x, df, loc, scale))


def cdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The probability of less than x; not differentiable by df."""
    z = (x - loc) / scale
    tail = 0.5 * special.betainc(0.5 * df, 0.5, df / (df + z * z))
    return np.where(z > 0, 1.0 - tail, tail)


def logcdf(x: Any, df: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
    """The logarithm of `cdf`."""
    return np.log(cdf(x, df, loc, scale))
