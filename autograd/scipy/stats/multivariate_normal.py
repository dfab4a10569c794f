"""The normal distribution of vectors."""

from __future__ import annotations

from typing import Any

from ... import numpy as np

_LOG_TWO_PI = 1.8378770664093453


def _matrix(cov: Any, size: int) -> Any:
    """A covariance given as a number or as the diagonal, as a matrix."""
    axes = np.ndim(cov)
    return cov if axes > 1 else cov * np.eye(size) if axes == 0 else np.diag(cov)


def logpdf(x: Any, mean: Any = 0.0, cov: Any = 1.0, allow_singular: bool = False) -> Any:
    """-(zᵀ cov⁻¹ z + log det(2π cov)) / 2 with z = x - mean; x has one vector in its last axis."""
    size = max(np.shape(mean)[-1:] + np.shape(cov)[-1:], default=1)
    x = np.expand_dims(x, -1) if size == 1 and np.shape(x)[-1:] != (1,) else x
    z, cov = x - mean, _matrix(cov, np.shape(x)[-1])
    if allow_singular:
        solved = np.dot(z, np.linalg.pinv(cov))
        values = np.linalg.eigvalsh(cov)
        logdet = np.sum(np.log(values[np.asarray(values > 1e-10)]))
    else:
        solved = np.linalg.solve(cov, np.expand_dims(z, -1))[..., 0]
        logdet = np.linalg.slogdet(cov)[1]
    return -0.5 * (np.sum(z * solved, axis=-1) + np.shape(z)[-1] * _LOG_TWO_PI + logdet)


def pdf(x: Any, mean: Any = 0.0, cov: Any = 1.0, allow_singular: bool = False) -> Any:
    """The density."""
    return np.exp(logpdf(x, mean, cov, allow_singular))


def entropy(mean: Any = 0.0, cov: Any = 1.0) -> Any:
    """log det(2πe cov) / 2."""
    cov = _matrix(cov, max(np.shape(mean)[-1:], default=1))
    return 0.5 * (np.shape(cov)[-1] * (_LOG_TWO_PI + 1.0) + np.linalg.slogdet(cov)[1])
