"""Distances and similarities of vectors."""

from __future__ import annotations

from autograd import Tensor

from .. import functional as F
from ..module import Module


class PairwiseDistance(Module):
    """‖x1 - x2 + eps‖_p along the last axis.

    Shape: x1 (*, D), x2 (*, D) -> (*) (or (*, 1) with keepdim)
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The p-norm of the difference."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """x1·x2 / max(‖x1‖ ‖x2‖, eps) along `dim`.

    Shape: x1 (*, D, *), x2 (*, D, *) -> (*, *)
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The cosine of the angle."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
