"""What the reprs and constructors of several families share."""

from __future__ import annotations

from typing import Any


def shown(module: Any, *names: str) -> str:
    """`name=value, ...` for a repr; `inplace=True` at the end when the module has that."""
    text = [f"{name}={getattr(module, name)!r}" for name in names]
    if getattr(module, "inplace", False):
        text.append("inplace=True")
    return ", ".join(text)


def ntuple(value: Any, n: int) -> tuple:
    """A number for each of n axes; sequences are kept."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * n
