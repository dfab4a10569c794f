"""Settings of `torch.utils.checkpoint` that have nothing to set here."""

from __future__ import annotations

import contextlib
import enum
from typing import Any

from ...._tensor import Tensor


def noop_context_fn() -> tuple:
    return contextlib.nullcontext(), contextlib.nullcontext()


def set_checkpoint_debug_enabled(enabled: bool | None) -> Any:
    return contextlib.nullcontext()


def set_checkpoint_early_stop(enable: bool) -> Any:
    return contextlib.nullcontext()


class CheckpointPolicy(enum.Enum):
    """Whether a selected operation's result is kept or computed again. Here the whole function is run again."""

    MUST_SAVE, PREFER_SAVE, MUST_RECOMPUTE, PREFER_RECOMPUTE, MUST_CPU_OFFLOAD, PREFER_CPU_OFFLOAD = range(6)


def create_selective_checkpoint_contexts(policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False) -> tuple:
    """What `context_fn` gives for a policy; values and gradients do not depend on it."""
    if not callable(policy_fn_or_list) and not isinstance(policy_fn_or_list, list):
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    return noop_context_fn()


def detach_variable(inputs: tuple) -> tuple:
    """The tensors without history, requiring grad where they did."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(t.detach().requires_grad_(t.requires_grad) if isinstance(t, Tensor) else t for t in inputs)


__all__ = [
    "CheckpointPolicy",
    "create_selective_checkpoint_contexts",
    "detach_variable",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
]
