"""NumPy's functions on Tensors, all families: importing this module fills the table."""

from __future__ import annotations

from . import _algebra, _arrays, _reductions  # noqa: F401
from ._table import FUNCTIONS, Foreign, holds_tensor, joined

__all__ = ["FUNCTIONS", "Foreign", "holds_tensor", "joined"]
