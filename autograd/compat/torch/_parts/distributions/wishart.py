"""Random positive-definite matrices, and what lies beyond a threshold."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..... import (
    arange,
    broadcast_tensors,
    diag_embed,
    diagonal,
    digamma,
    log1p,
    matmul,
    mvlgamma,
    rand,
    randn,
    tril_indices,
    where,
)
from ....._tensor import Tensor
from .....linalg import cholesky, inv
from . import constraints
from .base import Distribution, ExponentialFamily, broadcast_all
from .gammas import Chi2
from .vectors import ByOneMatrix, _log_diagonal, one_matrix

_POSITIVE_DEFINITE = constraints.positive_definite


class Wishart(ByOneMatrix, ExponentialFamily):
    """The scatter matrix of `df` normal vectors, by covariance, precision or scale_tril."""

    has_rsample = True
    support = _POSITIVE_DEFINITE  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {
        "covariance_matrix": _POSITIVE_DEFINITE, "precision_matrix": _POSITIVE_DEFINITE,
        "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(0)}  # fmt: skip

    def __init__(self, df: Any, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
                 scale_tril: Tensor | None = None, validate_args: bool | None = None) -> None:  # fmt: skip
        name, matrix = one_matrix(covariance_matrix, precision_matrix, scale_tril)
        df = df if isinstance(df, Tensor) else matrix.new_tensor(df)
        batch = broadcast_tensors(df, matrix[..., 0, 0])[0].shape
        event = matrix.shape[-2:]
        self.df, self.__dict__[name] = df.expand(batch), matrix.expand(batch + event)
        if bool((self.df <= event[-1] - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {event[-1] - 1}.")
        super().__init__(batch, event, validate_args=validate_args)
        self._factorise(name)

    @property
    def _size(self) -> int:
        return self._event_shape[-1]

    @property
    def mean(self) -> Tensor:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = (self.df - self._size - 1)[..., None, None]
        return where(factor > 0, factor, math.nan) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        own = diagonal(self.covariance_matrix, 0, -2, -1)
        return self.df[..., None, None] * (self.covariance_matrix**2 + own.unsqueeze(-1) * own.unsqueeze(-2))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """By Bartlett's decomposition. The first draw is thrown away, as PyTorch's check for singular ones does."""
        self._drawn(sample_shape)
        return self._drawn(sample_shape)

    def _drawn(self, sample_shape: Any) -> Tensor:
        steps = self.df.unsqueeze(-1) - arange(self._size, dtype=self.df.dtype)
        noise = diag_embed(Chi2(steps).rsample(sample_shape).sqrt())
        rows, columns = tril_indices(self._size, self._size, -1)
        noise[..., rows, columns] = randn(*noise.shape[:-2], len(rows), dtype=noise.dtype)
        factor = matmul(self._lower, noise)
        return matmul(factor, factor.mT)

    def log_prob(self, value: Tensor) -> Tensor:
        value, p = self._valid(value), self._size
        trace = diagonal(matmul(inv(self.covariance_matrix), value), 0, -2, -1).sum(-1)
        return (self.df - p - 1) * _log_diagonal(cholesky(value)) - trace / 2 - self._log_constant()

    def _log_constant(self) -> Tensor:
        half = self.df / 2
        return half * (self._size * math.log(2) + 2 * _log_diagonal(self._lower)) + mvlgamma(half, self._size)

    def _digamma(self) -> Tensor:
        """The derivative of the logarithm of the gamma function of matrices."""
        return digamma((self.df.unsqueeze(-1) - arange(self._size, dtype=self.df.dtype)) / 2).sum(-1)

    def entropy(self) -> Tensor:
        p = self._size
        log_volume = self._digamma() + p * math.log(2) + 2 * _log_diagonal(self._lower)
        return self._log_constant() - (self.df - p - 1) / 2 * log_volume + self.df * p / 2


class GeneralizedPareto(Distribution):
    """What lies beyond a threshold `loc`: density (1 + k y)^(-1/k - 1) / scale with y = (x - loc) / scale, k = concentration."""

    has_rsample = True
    arg_constraints: ClassVar[dict] = {
        "loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}  # fmt: skip

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def _exponential(self) -> Tensor:
        return self.concentration.isclose(self.concentration.new_zeros(()))

    @property
    def _k(self) -> Tensor:
        return where(self._exponential, 1.0, self.concentration)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def icdf(self, value: Tensor) -> Tensor:
        beyond = -log1p(-value)
        return self.loc + self.scale * where(self._exponential, beyond, (self._k * beyond).expm1() / self._k)

    def _rate(self, value: Any) -> Tensor:
        """-log of the probability beyond a value."""
        y = (self._valid(value) - self.loc) / self.scale
        return where(self._exponential, y, log1p(self._k * y) / self._k)

    def log_prob(self, value: Any) -> Tensor:
        k = where(self._exponential, 0.0, self.concentration)
        return -(1 + k) * self._rate(value) - self.scale.log()

    def cdf(self, value: Any) -> Tensor:
        return 1 - (-self._rate(value)).exp()

    def log_survival_function(self, value: Any) -> Tensor:
        return -self._rate(value)

    def log_cdf(self, value: Any) -> Tensor:
        return log1p(-(-self._rate(value)).exp())

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1

    mode = property(lambda self: self.loc)

    @property
    def mean(self) -> Tensor:
        k = self.concentration
        return where(k < 1, self.loc + self.scale / (1 - k), math.nan)

    @property
    def variance(self) -> Tensor:
        k = self.concentration
        return where(k < 0.5, self.scale**2 / ((1 - k) ** 2 * (1 - 2 * k)), math.nan)

    @property
    def support(self) -> Any:  # type: ignore[override]
        k = self.concentration
        return constraints.interval(self.loc, where(k < 0, self.loc - self.scale / where(k < 0, k, -1.0), math.inf))


__all__ = ["GeneralizedPareto", "Wishart"]
