"""`torch.cuda.amp` and `torch.cpu.amp`, whose `autocast` names no device."""

from __future__ import annotations

from typing import Any

from .amp import GradScaler as _GradScaler
from .amp import cpu_autocast, cuda_autocast, custom_bwd, custom_fwd


class GradScaler(_GradScaler):
    """Off: there is no GPU."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("cuda", *args, **kwargs)


class cuda:
    """The names of `torch.cuda.amp`."""

    GradScaler, autocast, custom_bwd, custom_fwd = GradScaler, cuda_autocast, custom_bwd, custom_fwd


class cpu:
    """The names of `torch.cpu.amp`."""

    GradScaler, autocast = GradScaler, cpu_autocast
