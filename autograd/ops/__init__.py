"""The operations, by family; importing this package declares the everyday ones.

Lower families first: a family may use those above it. The families of LATER are imported with the first look at an
operation of theirs (`Registry`), because a program that needs none of them should not wait for them.
"""

from importlib import import_module as _import_module

from .._registry import Later as _Later
from .._registry import registry as _registry
from .._tensor import Tensor as _Tensor
from . import index
from . import compare
from . import complex
from . import pointwise
from . import shape
from . import join
from . import axes_inplace
from . import reduce
from . import softmax
from . import running
from . import arithmetic
from . import matmul
from . import cast
from . import create
from . import sort
from . import scatter
from . import diagonals
from . import combine
from . import dropout
from ._names import METHODS as _METHODS

LATER = (
    "linalg_solve",
    "linalg_decompose",
    "linalg_lu",
    "linalg_householder",
    "linalg_functions",
    "linalg_products",
    "linalg_norm",
    "linalg_top",
    "masked",
    "einsum",
    "fft",
    "stft",
    "special",
    "polynomials",
    "windows",
    "activation",
    "gelu",
    "conv",
    "pool",
    "distance",
    "norm",
    "loss",
    "classify",
    "ctc",
    "attention",
    "resample",
    "adaptive",
    "grid",
    "embedding",
    "recurrent",
    "shared",
)


def _load() -> None:
    for family in LATER:
        _import_module(f".{family}", __name__)


_registry.load = _load
for _name in _METHODS:
    setattr(_Tensor, _name, _Later(_name))
