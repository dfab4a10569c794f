"""SciPy's spelling over this library's operations, as HIPS autograd has it: `special`, `stats`, `linalg`, `signal`, `integrate`.

Plain arrays give plain results, Tensors are recorded. What is not here is SciPy's own.
"""

from __future__ import annotations

from . import integrate, linalg, signal, special, stats

__all__ = ["integrate", "linalg", "signal", "special", "stats"]
