"""Base classes of `torch.nn.modules` that programs import although they begin with an underscore."""

from __future__ import annotations

from typing import Any

import nn

# PyTorch's name -> a public class, and the name of its base class here
_BASES = {"_BatchNorm": ("BatchNorm2d", "_BatchNorm"), "_NormBase": ("BatchNorm2d", "_Running"),
          "_InstanceNorm": ("InstanceNorm2d", "_InstanceNorm"), "_ConvNd": ("Conv2d", "_Conv"),
          "_ConvTransposeNd": ("ConvTranspose2d", "_Transposed"), "_Loss": ("MSELoss", "_Loss"),
          "_WeightedLoss": ("CrossEntropyLoss", "_WeightedLoss"), "_DropoutNd": ("Dropout", "_Dropout"),
          "_MaxPoolNd": ("MaxPool2d", "_MaxPool"), "_AvgPoolNd": ("AvgPool2d", "_AvgPool")}  # fmt: skip


def __getattr__(name: str) -> Any:
    """The base class of a family of layers."""
    if name not in _BASES:
        raise AttributeError(name)
    public, own = _BASES[name]
    return next(cls for cls in getattr(nn, public).__mro__ if cls.__name__ == own)


__all__: list[str] = []
