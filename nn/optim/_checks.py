"""Checks of hyperparameters that several optimizers share; PyTorch's exception class and key phrase, our numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Tensor


def number(value: Any) -> float:
    """A hyperparameter as a Python number; PyTorch also takes one-element tensors.

    NumPy's scalars too: float32 weights times a NumPy float64 would be computed in float64.
    """
    return value.item() if isinstance(value, (Tensor, np.generic)) else value


def rate(group: dict[str, Any]) -> Any:
    """The learning rate of a group as a number; under `differentiable` a tensor stays one, with its history."""
    return group["lr"] if group.get("differentiable") else number(group["lr"])


def learning_rate(lr: Any) -> None:
    """A number or one-element tensor, not negative (and not NaN)."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError(f"Tensor lr must be 1-element, got shape {tuple(lr.shape)}")
    if not number(lr) >= 0.0:
        raise ValueError(f"Invalid learning rate: {number(lr)}; expected a number >= 0")


def not_negative(value: Any, what: str) -> None:
    if not number(value) >= 0.0:
        raise ValueError(f"Invalid {what} value: {number(value)}; expected a number >= 0")


def decay_pair(betas: tuple) -> tuple[float, float]:
    """Two decay rates in [0, 1), as Python numbers."""
    if len(betas) != 2:
        raise ValueError(f"betas: expected two numbers, got {len(betas)}: {tuple(betas)}")
    if isinstance(betas[0], Tensor) is not isinstance(betas[1], Tensor):
        raise ValueError("betas must be either both floats or both Tensors")
    for i, beta in enumerate(betas):
        if isinstance(beta, Tensor) and beta.numel() != 1:
            raise ValueError(f"Tensor betas[{i}] must be 1-element, got shape {tuple(beta.shape)}")
        if not 0.0 <= number(beta) < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {number(beta)}; expected 0 <= beta < 1")
    return number(betas[0]), number(betas[1])


def implementation(foreach: bool | None, fused: bool | None, differentiable: bool) -> None:
    """PyTorch's choices of implementation: taken and kept, but there is one implementation here."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
