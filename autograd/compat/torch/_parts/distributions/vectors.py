"""Distributions of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..... import arange, broadcast_tensors, cat, diag_embed, diagonal, finfo, lgamma, matmul, mvlgamma, randn, zeros
from ....._tensor import Size, Tensor
from .....linalg import cholesky, inv, solve_triangular
from . import constraints
from .base import Distribution, lazy_property, standard_normal
from .composed import TransformedDistribution
from .continuous import Normal
from .transforms import StickBreakingTransform

_LOG_TWO_PI = math.log(2 * math.pi)


def _squared_distance(lower: Tensor, x: Tensor) -> Tensor:
    """|L^-1 x|^2."""
    return solve_triangular(lower, x.unsqueeze(-1), upper=False).squeeze(-1).pow(2).sum(-1)


def _log_diagonal(lower: Tensor) -> Tensor:
    return diagonal(lower, 0, -2, -1).log().sum(-1)


def _lower_of_precision(precision: Tensor) -> Tensor:
    """The Cholesky factor of the inverse, by way of the reversed matrix."""
    reversed_factor = cholesky(precision.flip((-2, -1)))
    factor_inverse = reversed_factor.flip((-2, -1)).mT
    eye = diag_embed(precision.new_ones(precision.shape[-1]))
    return solve_triangular(factor_inverse, eye.expand(precision.shape), upper=False)


def one_matrix(covariance_matrix: Any, precision_matrix: Any, scale_tril: Any) -> tuple[str, Tensor]:
    """The name and value of the one matrix that was given."""
    kinds = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
    given = {name: m for name, m in kinds.items() if m is not None}
    if len(given) != 1:
        raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
    ((name, matrix),) = given.items()
    if matrix.dim() < 2:
        raise ValueError(f"{name} must be at least two-dimensional, with optional leading batch dimensions")
    return name, matrix


class ByOneMatrix:
    """Distributions given by a covariance, a precision or a scale_tril: the other two follow from its lower factor."""

    _lower: Tensor
    _stretched = ("_lower",)

    def _factorise(self, name: str) -> None:
        how = {"scale_tril": lambda m: m, "covariance_matrix": cholesky, "precision_matrix": _lower_of_precision}
        self._lower = how[name](self.__dict__[name])

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._lower

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        return matmul(self._lower, self._lower.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        return inv(matmul(self._lower, self._lower.mT))


class MultivariateNormal(ByOneMatrix, Distribution):
    """Density e^(-(x - loc)^T C^-1 (x - loc) / 2) / sqrt((2 pi)^n det C), by covariance, precision or scale_tril."""

    has_rsample = True
    support = constraints.real_vector  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {
        "loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky}  # fmt: skip

    def __init__(self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
                 scale_tril: Tensor | None = None, validate_args: bool | None = None) -> None:  # fmt: skip
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = one_matrix(covariance_matrix, precision_matrix, scale_tril)
        batch = broadcast_tensors(loc[..., 0], matrix[..., 0, 0])[0].shape
        self.__dict__[name] = matrix.expand(batch + matrix.shape[-2:])
        self.loc = loc.expand(batch + loc.shape[-1:])
        super().__init__(batch, loc.shape[-1:], validate_args=validate_args)
        self._factorise(name)

    mean = mode = property(lambda self: self.loc)
    variance = property(lambda self: self._lower.pow(2).sum(-1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        eps = standard_normal(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + matmul(self._lower, eps.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        distance = _squared_distance(self._lower, self._valid(value) - self.loc)
        return -0.5 * (self._event_shape[0] * _LOG_TWO_PI + distance) - _log_diagonal(self._lower)

    def entropy(self) -> Tensor:
        return 0.5 * self._event_shape[0] * (1.0 + _LOG_TWO_PI) + _log_diagonal(self._lower)


class LowRankMultivariateNormal(Distribution):
    """A multivariate normal with covariance W W^T + diag(D)."""

    has_rsample = True
    support = constraints.real_vector  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {
        "loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1)}  # fmt: skip

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        if cov_factor.dim() < 2 or cov_factor.shape[-2] != loc.shape[-1]:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {loc.shape[-1]} x m")
        if cov_diag.shape[-1] != loc.shape[-1]:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {loc.shape[-1:]}")
        batch = broadcast_tensors(loc[..., 0], cov_factor[..., 0, 0], cov_diag[..., 0])[0].shape
        self.loc, self.cov_diag = loc.expand(batch + loc.shape[-1:]), cov_diag.expand(batch + loc.shape[-1:])
        self.cov_factor = cov_factor.expand(batch + cov_factor.shape[-2:])
        super().__init__(batch, loc.shape[-1:], validate_args=validate_args)

    mean = mode = property(lambda self: self.loc)
    variance = property(lambda self: self.cov_factor.pow(2).sum(-1) + self.cov_diag)

    @property
    def covariance_matrix(self) -> Tensor:
        return matmul(self.cov_factor, self.cov_factor.mT) + diag_embed(self.cov_diag)

    scale_tril = property(lambda self: cholesky(self.covariance_matrix))
    precision_matrix = property(lambda self: inv(self.covariance_matrix))
    _lower = scale_tril

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape, dtype = self._extended_shape(sample_shape), self.loc.dtype
        narrow = standard_normal(shape[:-1] + self.cov_factor.shape[-1:], dtype)
        wide = standard_normal(shape, dtype)
        return self.loc + matmul(self.cov_factor, narrow.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * wide

    log_prob, entropy = MultivariateNormal.log_prob, MultivariateNormal.entropy


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices, density proportional to det^(concentration - 1).

    Source: D. Lewandowski, D. Kurowicka and H. Joe, "Generating random correlation matrices" (2009), the onion method.
    """

    support = constraints.corr_cholesky  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"concentration": constraints.positive}
    _stretched = ("_beta",)

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        from .base import broadcast_all
        from .gammas import Beta

        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        marginal = self.concentration + 0.5 * (dim - 2)
        offset = arange(dim - 1, dtype=self.concentration.dtype)
        offset = cat([zeros(1, dtype=offset.dtype), offset])
        self._beta = Beta(offset + 0.5, marginal.unsqueeze(-1) - 0.5 * offset)
        super().__init__(self.concentration.shape, (dim, dim), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> LKJCholesky:
        return LKJCholesky(self.dim, self.concentration.expand(batch_shape))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        y = self._beta.sample(sample_shape).unsqueeze(-1)
        u = randn(self._extended_shape(sample_shape), dtype=y.dtype).tril(-1)
        direction = u / u.norm(dim=-1, keepdim=True)
        direction[..., 0, :] = 0.0
        w = y.sqrt() * direction
        rest = (1 - (w**2).sum(-1)).clamp(min=finfo(w.dtype).tiny).sqrt()
        return w + diag_embed(rest)

    def log_prob(self, value: Tensor) -> Tensor:
        diagonals = self._valid(value).diagonal(0, -1, -2)[..., 1:]
        n = self.dim - 1
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - arange(2, self.dim + 1)
        alpha = self.concentration + 0.5 * n
        normal = 0.5 * n * math.log(math.pi) + mvlgamma(alpha - 0.5, n) - lgamma(alpha) * n
        return (order * diagonals.log()).sum(-1) - normal


class LogisticNormal(TransformedDistribution):
    """Shares made of a normal vector by breaking a stick."""

    support = constraints.simplex  # type: ignore[assignment]
    arg_constraints: ClassVar[dict] = {"loc": constraints.real, "scale": constraints.positive}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args)
        base = base if base.batch_shape else base.expand(Size((1,)))
        super().__init__(base, StickBreakingTransform(), validate_args)

    loc = property(lambda self: self.base_dist.base_dist.loc)
    scale = property(lambda self: self.base_dist.base_dist.scale)


__all__ = ["LKJCholesky", "LogisticNormal", "LowRankMultivariateNormal", "MultivariateNormal"]
