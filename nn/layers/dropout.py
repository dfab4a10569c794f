"""Dropout: random zeros while training, the identity in evaluation."""

from __future__ import annotations

from autograd import Tensor

from .. import functional as F
from ..module import Module


class _Dropout(Module):
    """What all kinds of dropout have: the probability p of a zero, and `inplace`."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Zero each element with probability p and scale the rest by 1/(1-p), while training.

    Raises:
        ValueError: p outside [0, 1].

    Source: Hinton et al., "Improving neural networks by preventing co-adaptation of feature detectors", 2012.

    Example:
        >>> import nn
        >>> nn.Dropout(0.2).eval()(autograd.ones(3))
        tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop elements."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Zero whole channels with probability p while training. Shape: (N, C, L) or (C, L), kept."""

    def forward(self, input: Tensor) -> Tensor:
        """Drop channels."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Zero whole channels with probability p while training. Shape: (N, C, H, W), kept."""

    def forward(self, input: Tensor) -> Tensor:
        """Drop channels."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """Zero whole channels with probability p while training. Shape: (N, C, D, H, W) or (C, D, H, W), kept."""

    def forward(self, input: Tensor) -> Tensor:
        """Drop channels."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean 0 and variance 1 behind SELU: dropped elements take the value SELU saturates at.

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop elements."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """AlphaDropout of whole channels. Shape: (N, C, *), kept."""

    def forward(self, input: Tensor) -> Tensor:
        """Drop channels."""
        return F.feature_alpha_dropout(input, self.p, self.training)
