"""The operations, by family; importing this package declares them all.

Lower families first: a family may use those above it in this list.
"""

from . import index  # noqa: I001
from . import compare
from . import complex  # noqa: A004
from . import pointwise
from . import shape
from . import reduce
from . import arithmetic
from . import matmul
from . import cast
from . import create

__all__ = ["arithmetic", "cast", "compare", "complex", "create", "index", "matmul", "pointwise", "reduce", "shape"]
