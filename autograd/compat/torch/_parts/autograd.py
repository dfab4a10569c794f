"""`torch.autograd`."""

from __future__ import annotations

import functools
from typing import Any

from .... import (
    Function,
    backward,
    detect_anomaly,
    empty_like,
    enable_grad,
    grad,
    gradcheck,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_detect_anomaly,  # fmt: skip
    set_grad_enabled,
)
from .... import gradgradcheck as _gradgradcheck
from ...._tensor import Tensor
from .types import Variable


@functools.wraps(_gradgradcheck)
def gradgradcheck(func: Any, inputs: Any, grad_outputs: Any = None, **options: Any) -> bool:
    if grad_outputs is None and not options.get("gen_non_contig_grad_outputs"):
        given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        results = func(*given)
        results = (results,) if isinstance(results, Tensor) else tuple(results)
        moving = [r for r in results if isinstance(r, Tensor) and r.requires_grad]
        if all(
            r.is_floating_point() for r in moving
        ):  # drawn as PyTorch draws them, so that later numbers are the same
            grad_outputs = tuple(empty_like(r).detach().uniform_(-1, 1).requires_grad_() for r in moving)
    return _gradgradcheck(func, inputs, grad_outputs, **options)


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
