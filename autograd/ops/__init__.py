"""The operations, by family; importing this package declares them all.

Lower families first: a family may use those above it in this list.
"""

from . import index  # noqa: I001
from . import compare
from . import complex  # noqa: A004
from . import pointwise
from . import shape
from . import axes_inplace
from . import reduce
from . import arithmetic
from . import matmul
from . import cast
from . import create
from . import sort
from . import scatter
from . import diagonals
from . import combine
from . import linalg_solve
from . import linalg_decompose
from . import linalg_lu
from . import linalg_householder
from . import linalg_functions
from . import linalg_products
from . import linalg_norm
from . import linalg_top
from . import fft
from . import stft
from . import special
from . import polynomials
from . import windows

from . import activation
from . import dropout
from . import conv
from . import pool
from . import distance
from . import norm
from . import loss
from . import classify
from . import ctc
from . import attention
from . import resample
from . import adaptive
from . import grid
from . import embedding
from . import shared
