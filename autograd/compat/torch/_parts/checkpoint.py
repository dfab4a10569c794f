"""Settings of `torch.utils.checkpoint` that have nothing to set here."""

from __future__ import annotations

import contextlib
from typing import Any


def noop_context_fn() -> tuple:
    return contextlib.nullcontext(), contextlib.nullcontext()


def set_checkpoint_debug_enabled(enabled: bool | None) -> Any:
    return contextlib.nullcontext()


def set_checkpoint_early_stop(enable: bool) -> Any:
    return contextlib.nullcontext()


__all__ = ["noop_context_fn", "set_checkpoint_debug_enabled", "set_checkpoint_early_stop"]
