"""`torch.utils.tensorboard.SummaryWriter`: not written here, and it says so when it is used."""

from __future__ import annotations

from typing import Any


class SummaryWriter:
    """Raises when made: TensorBoard's event files are not written by this library."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ImportError(
            "torch.utils.tensorboard.SummaryWriter: glassgrad writes no TensorBoard event files; collect the numbers in a "
            "list and plot them, or install tensorboardX and use its SummaryWriter, which needs no PyTorch"
        )


FileWriter = SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
