"""NumPy's linear algebra; on Tensors it is recorded."""

from __future__ import annotations

from typing import Any

import numpy as _np


def __getattr__(name: str) -> Any:
    return getattr(_np.linalg, name)


def __dir__() -> list[str]:
    return dir(_np.linalg)
