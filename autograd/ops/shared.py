"""Functions of `nn.functional` that PyTorch also has, with the same arguments, in its main namespace."""

from __future__ import annotations

from .._registry import registry
from .._tensor import Tensor
from . import activation, adaptive, conv, distance, dropout, norm, pool, resample  # noqa: F401  (they declare the functions)

NAMES = (
    "celu", "celu_", "prelu", "relu_", "rrelu", "rrelu_", "selu_", "threshold", "threshold_",
    "alpha_dropout", "dropout", "feature_alpha_dropout",
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "adaptive_avg_pool1d", "avg_pool1d", "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool3d",
    "group_norm", "layer_norm", "rms_norm",
    "bilinear", "cosine_similarity", "pairwise_distance", "pdist",
    "channel_shuffle", "pixel_shuffle", "pixel_unshuffle",
)  # fmt: skip

for _name in NAMES:
    registry.setdefault(_name, registry[f"nn.functional.{_name}"])

Tensor.prelu = registry["prelu"].call
