"""Losses with a linear map inside, for many classes."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import autograd
from autograd import Tensor

from .. import functional as F
from ..containers import ModuleList, Sequential
from ..module import Module
from .linear import Linear

ASMoutput = namedtuple("ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """log p(target | x) for many classes sorted by frequency: rare ones share clusters with narrower projections.

    Args:
        in_features, n_classes: width of x, number of classes; class 0 is the most frequent.
        cutoffs: the first class of each cluster of rare ones.
        div_value: how much narrower each next cluster's projection is.
        head_bias: a bias in the frequent classes' map.

    Shape: x (N, in_features) or (in_features), target (N) or () -> (output (N) or (), loss ())

    Raises:
        ValueError: the cutoffs are not increasing positive integers below n_classes.
        RuntimeError: targets outside the classes, or not one per sample.

    Source: Grave et al., "Efficient softmax approximation for GPUs", 2017.
    """

    def __init__(
        self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0, head_bias: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        edges = list(cutoffs)
        if not edges:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if edges != sorted(set(edges)) or edges[0] <= 0 or edges[-1] > n_classes - 1 or any(int(c) != c for c in edges):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value "
                f"is between 1 and n_classes-1, got {edges} for {n_classes} classes"
            )
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, [*edges, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = edges[0], len(edges)
        self.head_size = self.shortlist_size + self.n_clusters
        kind = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **kind)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            width = int(in_features // (div_value ** (i + 1)))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            first = Linear(in_features, width, bias=False, **kind)
            self.tail.append(Sequential(first, Linear(width, size, bias=False, **kind)))

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> ASMoutput:
        """(log-probability of each target, mean negative log-likelihood)."""
        if target_.dim() not in (0, 1):
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        single = target_.dim() == 0
        if (input_.dim() != 1) if single else (input_.dim() != 2 or input_.shape[0] != target_.shape[0]):
            raise RuntimeError(
                "Input and target should have the same size in the batch dimension, got "
                f"{tuple(input_.shape)} and {tuple(target_.shape)}."
            )
        x, target = (input_.unsqueeze(0), target_.unsqueeze(0)) if single else (input_, target_)
        self._check_targets(target)
        output: Any = self._log_prob_of(x, target)
        output = output.squeeze(0) if single else output
        return ASMoutput(output, -output.mean())

    def _check_targets(self, target: Tensor) -> None:
        low, high = (int(target.min()), int(target.max())) if target.numel() else (0, 0)
        if low < 0 or high >= self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range [{low}, {high}] were found."
            )

    def _log_prob_of(self, x: Any, target: Any) -> Tensor:
        """The head's part for every sample, and the cluster's for those with a rare class."""
        cluster = (target.unsqueeze(1) >= autograd.tensor(self.cutoffs[:-1])).sum(1)  # 0: a frequent class
        place = autograd.where(cluster == 0, target, self.shortlist_size - 1 + cluster)
        head = self.head(x).log_softmax(1)
        output = head.gather(1, place.unsqueeze(1)).squeeze(1)
        for i, part in enumerate(self.tail):
            rows = (cluster == i + 1).nonzero().squeeze(1)
            if rows.numel():
                local = target[rows] - self.cutoffs[i]
                scores = part(x.index_select(0, rows)).log_softmax(1)
                output = output.index_add(0, rows, scores.gather(1, local.unsqueeze(1)).squeeze(1))
        return output

    def log_prob(self, input: Tensor) -> Tensor:
        """log p of every class. Shape: (N, in_features) -> (N, n_classes)"""
        head = self.head(input).log_softmax(1)
        parts = [head[:, : self.shortlist_size]]
        for i, part in enumerate(self.tail):
            parts.append(part(input).log_softmax(1) + head[:, self.shortlist_size + i].unsqueeze(1))
        return autograd.cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each sample."""
        return self.log_prob(input).argmax(1)


class LinearCrossEntropyLoss(Module):
    """Cross-entropy of the scores W x + b: `Linear` and `CrossEntropyLoss` in one.

    Args:
        in_features, num_classes: width of x, number of classes.
        out_features: further axes of the scores, for a loss per place.
        bias: whether b exists.
        Others as for `CrossEntropyLoss`; `options` (PyTorch's choice of memory and speed) is accepted and kept.

    Shape: x (N, in_features) or (in_features), target (N) or () (with out_features (N, *out_features)) -> ()
    """

    weight: Any

    def __init__(
        self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False, device: Any = None,
        dtype: Any = None, reduction: str = "mean", weight: Tensor | None = None, ignore_index: int | None = None,
        label_smoothing: float = 0.0, options: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}")
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        self.in_features, self.num_classes, self.out_features = in_features, num_classes, tuple(out_features)
        self.reduction, self.ignore_index, self.label_smoothing = reduction, ignore_index, label_smoothing
        self.options = options
        outputs = math.prod(self.out_features, start=num_classes)
        self.linear = Linear(in_features, outputs, bias=bias, device=device, dtype=dtype)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of the linear map's scores."""
        axes = (self.num_classes, *self.out_features)
        bias = None if self.linear.bias is None else self.linear.bias.reshape(axes)
        return F.linear_cross_entropy(
            input, self.linear.weight.reshape(*axes, self.in_features), target, linear_bias=bias, weight=self.weight,
            reduction=self.reduction, ignore_index=self.ignore_index, label_smoothing=self.label_smoothing,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Sizes and settings."""
        return (
            f"in_features={self.in_features}, num_classes={self.num_classes}, out_features={self.out_features}, "
            f"bias={self.linear.bias is not None}, reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
