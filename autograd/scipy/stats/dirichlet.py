"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

from ... import numpy as np
from .. import special


def logpdf(x: Any, alpha: Any) -> Any:
    """Σ (alpha-1) log x - Σ log Γ(alpha) + log Γ(Σ alpha)."""
    constant = special.gammaln(np.sum(alpha)) - np.sum(special.gammaln(alpha))
    return np.sum(special.xlogy((alpha - 1.0), x), axis=-1) + constant


def pdf(x: Any, alpha: Any) -> Any:
    """The density."""
    return np.exp(logpdf(x, alpha))
