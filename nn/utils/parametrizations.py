"""The usual parametrisations: weight norm, spectral norm, orthogonal matrices."""

from __future__ import annotations

from typing import Any

import autograd
from autograd import Tensor

from .. import functional as F
from ..module import Module
from . import parametrize
from .spectral_norm import as_matrix, power_iteration, transposed_axis
from .weight_norm import norm_except


def _require_parameter(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


class _WeightNorm(Module):
    """g v / ‖v‖."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Tensor:
        return weight_v * (weight_g / norm_except(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """weight = g v / ‖v‖: original0 is the length g, original1 the direction v.

    Args:
        dim: the axis along which each entry has a length of its own; None for one length in all.

    Note:
        A state_dict with the older names, `weight_g` and `weight_v`, loads too.

    Source: Salimans and Kingma, "Weight normalization", 2016.
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module._register_load_state_dict_pre_hook(_OldNames(name))
    return module


class _OldNames:
    """Reads the names that weight normalisation by a hook gave: name_g and name_v."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, state: Any, prefix: str, *rest: Any) -> None:
        for old, new in (("g", "original0"), ("v", "original1")):
            if f"{prefix}{self.name}_{old}" in state:
                state[f"{prefix}parametrizations.{self.name}.{new}"] = state.pop(f"{prefix}{self.name}_{old}")


class _SpectralNorm(Module):
    """W / σ(W), σ by power iteration while training."""

    _u: Any
    _v: Any

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + weight.ndim
        self.eps, self.n_power_iterations = eps, n_power_iterations
        if weight.ndim > 1:
            matrix = as_matrix(weight.detach(), self.dim)
            rows, columns = matrix.shape
            u = F.normalize(autograd.randn(rows, dtype=weight.dtype), dim=0, eps=eps)
            v = F.normalize(autograd.randn(columns, dtype=weight.dtype), dim=0, eps=eps)
            v, u = power_iteration(matrix.t(), v, u, 15, eps)  # u from v first: the sign is that of v
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._v, self._u = power_iteration(matrix.t(), self._v, self._u, self.n_power_iterations, self.eps)
        return weight / self._u.dot(matrix.mv(self._v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """weight = W / σ(W), with σ the largest singular value.

    Raises:
        ValueError: there is no such parameter, or n_power_iterations is not positive.

    Source: Miyato et al., "Spectral normalization for generative adversarial networks", 2018.
    """
    weight = _require_parameter(module, name)
    dim = transposed_axis(module) if dim is None else dim
    return parametrize.register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


class _Orthogonal(Module):
    """An orthogonal matrix from a free one, times a fixed orthogonal base (dynamic trivialisation)."""

    base: Any

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.orthogonal_map = orthogonal_map
        self.shape = tuple(weight.shape)
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        n, k = x.shape[-2:]
        wide = n < k
        if wide:
            x, n, k = x.transpose(-2, -1), k, n
        made = _householder(x) if self.orthogonal_map == "householder" else self._exponential(x, n, k)
        base = getattr(self, "base", None)
        if base is not None:
            made = base.matmul(made)
        return made.transpose(-2, -1) if wide else made

    def _exponential(self, x: Tensor, n: int, k: int) -> Tensor:
        """exp(A) or the Cayley map of a skew-symmetric A, whose lower triangle is x's."""
        x = x.tril()
        if n != k:  # (n, n) with the columns that x lacks zero
            x = autograd.cat([x, autograd.zeros(*x.shape[:-1], n - k, dtype=x.dtype)], -1)
        skew = x - x.transpose(-2, -1)
        if self.orthogonal_map == "matrix_exp":
            made = autograd.matrix_exp(skew)
        else:
            one = autograd.eye(n, dtype=x.dtype)
            made = autograd.linalg.solve(one - skew * 0.5, one + skew * 0.5)
        return made[..., :k] if n != k else made

    def right_inverse(self, value: Tensor) -> Tensor:
        """The original: for trivialisations the value becomes the base, and minus the identity the start."""
        if tuple(value.shape) != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {tuple(value.shape)}."
            )
        n, k = value.shape[-2:]
        tall = value.transpose(-2, -1) if n < k else value
        if not hasattr(self, "base"):
            raise NotImplementedError(
                "orthogonal: without trivialization there is no inverse; assign to the original instead"
            )
        q = _orthonormal(tall)
        self.base = _completed(q)
        start = autograd.zeros_like(value)
        start.diagonal(0, -2, -1).fill_(-1.0)  # a reflection in every column, which the sign undoes
        return start


def _orthonormal(a: Tensor) -> Tensor:
    """The orthonormal columns nearest in direction to those of `a`; `a` itself when it has them."""
    q, r = autograd.linalg.qr(a)
    sign = r.diagonal(0, -2, -1).sign()
    return q * sign.unsqueeze(-2)


def _completed(q: Tensor) -> Tensor:
    """A square orthogonal matrix whose first columns are q."""
    n, k = q.shape[-2:]
    if n == k:
        return q
    rest = autograd.randn(*q.shape[:-2], n, n - k, dtype=q.dtype)
    return _orthonormal(autograd.cat([q, rest], -1))


def _householder(x: Tensor) -> Tensor:
    """A product of reflections whose vectors are below x's diagonal, with the signs on it; x = -1: the identity's columns."""
    n, k = x.shape[-2:]
    vectors = x.tril(-1) + autograd.eye(n, k, dtype=x.dtype)
    tau = 2.0 / (vectors * vectors).sum(-2)
    sign = x.detach().diagonal(0, -2, -1).sign().unsqueeze(-2)
    return autograd.linalg.householder_product(vectors, tau) * sign


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """Keep a matrix orthogonal (its columns, or its rows when wide, orthonormal) whatever the optimizer does.

    Args:
        orthogonal_map: "matrix_exp", "cayley" or "householder"; the first for square matrices, the last otherwise.
        use_trivialization: optimise around the present value instead of around the identity.

    Raises:
        ValueError: not a matrix, or an unknown map.

    Source: Lezcano-Casado, "Trivializations for gradient-based optimization on manifolds", 2019.
    """
    weight = _require_parameter(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return parametrize.register_parametrization(module, name, made, unsafe=True)
