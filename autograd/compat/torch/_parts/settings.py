"""Switches of PyTorch's top level that have little or nothing to switch here, and save and load as it spells them."""

from __future__ import annotations

import functools
import os
from typing import Any

from ...._extras import require
from ....save import load as _load
from ....save import save as _save

_threads: dict[str, Any] = {"intra": os.cpu_count() or 1, "inter": 1, "limiter": None}
_flags: dict[str, Any] = {"deterministic": False, "warn_only": False, "precision": "highest", "warn_always": False}


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: int = 2, **ignored: Any) -> None:
    """Write `obj` to a file; a whole model as well, which only `load(..., weights_only=False)` reads back."""
    try:
        _save(obj, f)
    except TypeError:
        _save(obj, f, weights_only=False)


@functools.wraps(_load)
def load(
    f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None, **kwargs: Any
) -> Any:
    if callable(map_location):
        map_location = None
    return _load(f, map_location, weights_only=True if weights_only is None else weights_only, **kwargs)


def set_num_threads(n: int) -> None:
    """Threads of NumPy's linear algebra, where threadpoolctl is installed."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {n!r}")
    _threads["intra"] = n
    try:
        pools = require("threadpoolctl", extra="threads", purpose="set_num_threads")
    except ImportError:
        return
    _threads["limiter"] = pools.threadpool_limits(n, user_api="blas")


def get_num_threads() -> int:
    return int(_threads["intra"])


def set_num_interop_threads(n: int) -> None:
    _threads["inter"] = n


def get_num_interop_threads() -> int:
    return int(_threads["inter"])


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Everything is deterministic here already."""
    _flags["deterministic"], _flags["warn_only"] = mode, warn_only


def are_deterministic_algorithms_enabled() -> bool:
    return bool(_flags["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    return bool(_flags["warn_only"])


def set_float32_matmul_precision(precision: str) -> None:
    _flags["precision"] = precision


def get_float32_matmul_precision() -> str:
    return str(_flags["precision"])


def set_flush_denormal(mode: bool) -> bool:
    return False


def set_warn_always(mode: bool) -> None:
    _flags["warn_always"] = mode


def is_warn_always_enabled() -> bool:
    return bool(_flags["warn_always"])


def compiled_with_cxx11_abi() -> bool:
    return True


def is_storage(obj: Any) -> bool:
    from .methods import Storage

    return isinstance(obj, Storage)


def is_distributed(input: Any) -> bool:
    return False


def is_vulkan_available() -> bool:
    return False


__all__ = [
    "are_deterministic_algorithms_enabled", "compiled_with_cxx11_abi", "get_float32_matmul_precision",
    "get_num_interop_threads", "get_num_threads",
    "is_deterministic_algorithms_warn_only_enabled", "is_distributed", "is_storage", "is_vulkan_available",
    "is_warn_always_enabled", "load", "save", "set_float32_matmul_precision", "set_flush_denormal",
    "set_num_interop_threads", "set_num_threads", "set_warn_always", "use_deterministic_algorithms"]  # fmt: skip
