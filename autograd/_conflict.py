"""The import name `autograd` also belongs to another distribution; two cannot share one folder of an environment.

Installers overwrite without a warning, so this package looks for the other's files before it imports anything.
"""

from __future__ import annotations

import os

# Files at the top of the PyPI distribution `autograd`, and never in this one.
FOREIGN = ("differential_operators.py", "tracer.py")


def check(folder: str) -> None:
    """Stop the import when `folder`, where this package lies, also holds the files of the other `autograd`.

    Raises:
        ImportError: a file of the PyPI distribution `autograd` is there.
    """
    for name in FOREIGN:
        if os.path.exists(os.path.join(folder, name)):
            raise ImportError(
                f"autograd: the files of two distributions, glassgrad and the PyPI package autograd, are mixed in "
                f"{folder} (found {name}); both are imported as `autograd`, so one environment holds only one of them. "
                f"Repair: pip uninstall -y autograd glassgrad, then pip install glassgrad "
                f"(or give each its own environment: python -m venv)",
                name="autograd",
                path=folder,
            )
