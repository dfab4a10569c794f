"""`torch.serialization`: the list of classes that a program calls safe to load.

The loader here builds tensors and plain containers by itself and asks nobody; the list is kept for programs that look.
"""

from __future__ import annotations

from typing import Any

_safe: list[Any] = []


def add_safe_globals(safe_globals: list) -> None:
    _safe.extend(g for g in safe_globals if g not in _safe)


def get_safe_globals() -> list:
    return list(_safe)


def clear_safe_globals() -> None:
    _safe.clear()


class safe_globals:
    """A block in which more classes are on the list."""

    def __init__(self, safe_globals: list) -> None:
        self.more = safe_globals

    def __enter__(self) -> None:
        self.before = list(_safe)
        add_safe_globals(self.more)

    def __exit__(self, *exc: object) -> None:
        _safe[:] = self.before


__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "safe_globals"]
