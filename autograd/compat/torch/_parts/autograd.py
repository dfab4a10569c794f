"""`torch.autograd`."""

from __future__ import annotations

from typing import Any

from .... import (
    Function,
    backward,
    detect_anomaly,
    enable_grad,
    grad,
    gradcheck,
    gradgradcheck,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_detect_anomaly,  # fmt: skip
    set_grad_enabled,
)
from .types import Variable


def variable(*args: Any, **kwargs: Any) -> Any:
    """Removed from PyTorch."""
    raise RuntimeError("torch.autograd.variable(...) is deprecated, use torch.tensor(...) instead")


class set_multithreading_enabled:
    """Backward runs in one thread here."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        return None


__all__ = ["Function", "Variable", "backward", "detect_anomaly", "enable_grad", "grad", "gradcheck", "gradgradcheck",
           "inference_mode", "is_grad_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
           "set_multithreading_enabled", "variable"]  # fmt: skip
