"""`torch.accelerator`: there is none."""

from __future__ import annotations

from typing import Any


def current_accelerator(check_available: bool = False) -> Any:
    """None: everything runs on the CPU."""
    return None


__all__ = ["current_accelerator"]
