"""`torch.ops`."""

from __future__ import annotations

from .library import ops

__all__ = ["ops"]
