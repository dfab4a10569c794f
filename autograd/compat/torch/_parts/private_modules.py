"""Base classes of `torch.nn.modules` that programs import although they begin with an underscore."""

from __future__ import annotations

from typing import Any

import nn

_BASES = {"_BatchNorm": "BatchNorm2d", "_NormBase": "BatchNorm2d", "_InstanceNorm": "InstanceNorm2d", "_ConvNd": "Conv2d",
          "_ConvTransposeNd": "ConvTranspose2d", "_Loss": "MSELoss", "_WeightedLoss": "CrossEntropyLoss",
          "_DropoutNd": "Dropout", "_MaxPoolNd": "MaxPool2d", "_AvgPoolNd": "AvgPool2d"}  # fmt: skip


def __getattr__(name: str) -> Any:
    """The class itself where nn has it, else what the public classes of its family derive from."""
    if name in _BASES:
        for cls in getattr(nn, _BASES[name]).__mro__:
            if cls.__name__ == name:
                return cls
        return getattr(nn, _BASES[name]).__mro__[1]
    raise AttributeError(name)


__all__: list[str] = []
