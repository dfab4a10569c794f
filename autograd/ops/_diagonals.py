"""Triangles and diagonals of matrices, on the last two axes, for the linear algebra."""

from __future__ import annotations

import numpy as np

from .._op import op
from .._samples import call, cases

_PRIVATE = {"namespace": "_", "method": False, "linear": True}


@op(name="_lower_triangle", sample=cases(lambda r: [call(r(3, 3)), call(r(2, 3, 2), k=-1)]), **_PRIVATE)
def tril(x, *, k=0):
    """The elements on and below the k-th diagonal."""
    return np.tril(x, k)


@tril.grad("x")
def _(g, k):
    return tril(g, k=k)


@op(name="_upper_triangle", sample=cases(lambda r: [call(r(3, 3)), call(r(2, 3, 2), k=1)]), **_PRIVATE)
def triu(x, *, k=0):
    """The elements on and above the k-th diagonal."""
    return np.triu(x, k)


@triu.grad("x")
def _(g, k):
    return triu(g, k=k)


@op(name="_main_diagonal", sample=cases(lambda r: [call(r(3, 3)), call(r(2, 3, 2))]), **_PRIVATE)
def diagonal(x):
    """The main diagonals of matrices."""
    return np.diagonal(x, axis1=-2, axis2=-1)


@diagonal.grad("x")
def _(g, x_shape):
    return _spread_diagonal(g, rows=x_shape[-2], columns=x_shape[-1])


@op(name="_spread_diagonal", sample=cases(lambda r: [call(r(2, 3), rows=3, columns=4)]), **_PRIVATE)
def _spread_diagonal(x, *, rows, columns):
    """Matrices that are zero but for their main diagonal."""
    made = np.zeros_like(x, shape=(*x.shape[:-1], rows, columns))
    i = np.arange(x.shape[-1])
    made[..., i, i] = x
    return made


@_spread_diagonal.grad("x")
def _(g):
    return diagonal(g)


def diag_embed(x):
    """Square matrices with `x` on the main diagonal."""
    return _spread_diagonal(x, rows=x.shape[-1], columns=x.shape[-1])
