"""The beta distribution."""

from __future__ import annotations

from typing import Any

from ... import numpy as np
from .. import special


def logpdf(x: Any, a: Any, b: Any) -> Any:
    """(a-1) log x + (b-1) log(1-x) - log B(a, b)."""
    return special.xlogy(a - 1.0, x) + special.xlog1py(b - 1.0, -x) - special.betaln(a, b)


def pdf(x: Any, a: Any, b: Any) -> Any:
    """The density."""
    return np.exp(logpdf(x, a, b))


def cdf(x: Any, a: Any, b: Any) -> Any:
    """The probability of less than x; not differentiable by a and b."""
    return special.betainc(a, b, x)
