"""A minimal `torchvision`."""

from __future__ import annotations

from types import ModuleType


def modules() -> dict[str, ModuleType]:
    return {}
