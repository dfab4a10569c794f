"""`torch.utils` itself."""

from __future__ import annotations

from typing import Any


def set_module(obj: Any, mod: str) -> None:
    obj.__module__ = mod


__all__ = ["set_module"]
