"""`torch.__version__`: the PyTorch release whose behaviour is followed, marked as this library."""

from __future__ import annotations

import re
from typing import Any


def _numbers(text: Any) -> tuple:
    return (
        tuple(int(n) for n in re.findall(r"\d+", str(text).partition("+")[0])) if isinstance(text, str) else tuple(text)
    )


class TorchVersion(str):
    """A version that compares by its numbers: "2.13.0" >= "2.2"."""

    __slots__ = ()

    def _compare(self, other: Any) -> tuple:
        a, b = _numbers(self), _numbers(other)
        return a[: len(b)], b

    def __lt__(self, other: Any) -> bool:
        a, b = self._compare(other)
        return a < b

    def __le__(self, other: Any) -> bool:
        a, b = self._compare(other)
        return a <= b

    def __gt__(self, other: Any) -> bool:
        return not self <= other

    def __ge__(self, other: Any) -> bool:
        return not self < other

    __eq__ = str.__eq__
    __hash__ = str.__hash__


__version__ = TorchVersion("2.13.0+glassgrad")
cuda = hip = git_version = rocm = xpu = None
debug = False


def show() -> str:
    """What PyTorch was built with; here: NumPy."""
    import numpy as np

    return f"glassgrad's stand-in for PyTorch {__version__}, on NumPy {np.__version__}"


def parallel_info() -> str:
    """Threads are NumPy's."""
    return "threads: as NumPy's linear algebra has them"


__all__ = ["TorchVersion", "cuda", "debug", "git_version", "hip", "parallel_info", "rocm", "show", "xpu"]
