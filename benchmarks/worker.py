"""The process that runs one library: started by path, it loads `benchmarks` without the repository on the import path.

So `import autograd` finds HIPS's package in the process that measures HIPS, and this project's only where asked.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def load_package(folder: Path) -> None:
    """Make `benchmarks` importable from its folder alone."""
    here = (str(folder), str(folder.parent), "")
    sys.path[:] = [entry for entry in sys.path if entry not in here]
    spec = importlib.util.spec_from_file_location(
        "benchmarks", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules["benchmarks"] = importlib.util.module_from_spec(spec)


if __name__ == "__main__":
    load_package(Path(__file__).resolve().parent)
    from benchmarks.serve import serve

    serve(sys.argv[1])
