"""Recognise that `import autograd` brought another distribution's package.

When the PyPI package `autograd` wins the shared import name, this is the only code of glassgrad that still runs.
"""

from __future__ import annotations

from types import ModuleType


def check(package: ModuleType) -> None:
    """Stop the import of `nn` when `package`, what `import autograd` gave, is not glassgrad's.

    Raises:
        ImportError: `package` has no `Tensor`, so it is another distribution's (or what an uninstall left of it).
    """
    if hasattr(package, "Tensor"):
        return
    where = getattr(package, "__file__", None) or ", ".join(getattr(package, "__path__", ())) or "an unknown place"
    raise ImportError(
        f"nn: `import autograd` gave a package that is not glassgrad's, from {where}; glassgrad and the PyPI package "
        f"autograd are both imported as `autograd`, so one environment holds only one of them. "
        f"Repair: pip uninstall -y autograd glassgrad, then pip install glassgrad "
        f"(or give each its own environment: python -m venv)",
        name="autograd",
    )
