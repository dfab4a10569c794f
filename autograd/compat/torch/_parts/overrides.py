"""`torch.overrides`: questions about `__torch_function__`, which this engine's Tensor does not call."""

from __future__ import annotations

from typing import Any

from ...._tensor import Tensor


def has_torch_function(relevant_args: Any) -> bool:
    """Whether an argument would take over the call: none does here."""
    return False


def has_torch_function_unary(tensor: Any) -> bool:
    return False


def has_torch_function_variadic(*tensors: Any) -> bool:
    return False


def is_tensor_like(inp: Any) -> bool:
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


__all__ = ["has_torch_function", "has_torch_function_unary", "has_torch_function_variadic", "is_tensor_like"]
