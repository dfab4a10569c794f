"""`torch.nn.attention`: there is one way of computing attention here."""

from __future__ import annotations

import contextlib
from typing import Any


class SDPBackend:
    """PyTorch's ways of computing attention."""

    MATH, FLASH_ATTENTION, EFFICIENT_ATTENTION, CUDNN_ATTENTION = (
        "MATH",
        "FLASH_ATTENTION",
        "EFFICIENT_ATTENTION",
        "CUDNN",
    )


def sdpa_kernel(backends: Any = None, set_priority: bool = False) -> Any:
    """A block in which PyTorch would choose among its ways."""
    return contextlib.nullcontext()


__all__ = ["SDPBackend", "sdpa_kernel"]
