"""Products of matrices and vectors."""

from __future__ import annotations

import numpy as np

from .._array import in_c_order, ndarray
from .._dtype import element
from .._op import composite, op
from .._samples import call, cases
from ._pieces import FEW
from ._products import LIGHT, product
from .arithmetic import add, mul
from .cast import convert
from .reduce import sum
from .shape import reshape, squeeze, transpose, unsqueeze

_PAIRS = cases(lambda r: [
    call(r(2, 3), r(3, 4)), call(r(3), r(3)), call(r(2, 3), r(3)), call(r(3), r(3, 2)), call(r(5, 2, 3), r(3, 4)),
    call(r(5, 2, 3), r(5, 3, 4)), call(r(2, 1, 2, 3), r(5, 3, 2)), call(r(3), r(2, 3, 4)), call(r(2, 3, 4), r(4))])  # fmt: skip


def check_product(name, x, y):
    """Raise PyTorch's errors for what cannot be multiplied."""
    for at, a in enumerate((x, y)):
        if not hasattr(a, "dtype"):
            raise TypeError(
                f"{name}(): argument {('input', 'other')[at]!r} (position {at + 1}) must be Tensor, not {type(a).__name__}; "
                "use * for a number"
            )
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"{name}: expected m1 and m2 to have the same dtype, but got: {x.dtype.name} != {y.dtype.name}"
        )
    if not x.ndim or not y.ndim:
        raise RuntimeError(f"both arguments to {name} need to be at least 1D, but they are {x.ndim}D and {y.ndim}D")
    inner = y.shape[-2] if y.ndim > 1 else y.shape[0]
    if x.shape[-1] != inner:
        if x.ndim == 2 and y.ndim == 2:
            raise RuntimeError(
                f"{name}: mat1 and mat2 shapes cannot be multiplied ({x.shape[0]}x{x.shape[1]} and {y.shape[0]}x{y.shape[1]})"
            )
        if x.ndim == 1 and y.ndim == 1:
            raise RuntimeError(
                f"inconsistent tensor size, expected tensor {list(x.shape)} and src {list(y.shape)} to have the same number of "
                f"elements, but got {x.size} and {y.size} elements respectively"
            )
        raise RuntimeError(
            f"{name}: the last axis of the first operand is {x.shape[-1]} long and the axis before the last of the second "
            f"is {inner}: size mismatch, got {tuple(x.shape)} @ {tuple(y.shape)}"
        )


@op(operators=("__matmul__", "__rmatmul__"), symbol="@", caption="∂A = g·Bᵀ, ∂B = Aᵀ·g", sample=_PAIRS)
def matmul(x, y):
    """The matrix product; vectors are rows on the left and columns on the right, leading axes are batches.

    Shape: (..., n, k) @ (..., k, m) -> (..., n, m)

    Raises:
        RuntimeError: the inner lengths, the dtypes or the batches do not match.
    """
    # Small matrices that fit are asked for first: they take as long as these questions.
    if type(x) is type(y) is ndarray and x.ndim == 2 == y.ndim and x.shape[1] == y.shape[0] and x.dtype is y.dtype:
        return x.dot(y) if x.size < FEW and x.size * y.shape[1] < LIGHT else product(x, y)
    check_product("matmul", x, y)
    if x.ndim <= 2 and y.ndim <= 2 and x.dtype.kind != "b":
        return product(x, y)
    return in_c_order(np.matmul(x, y))


@matmul.grad("x")
def _(g, x_shape, y):
    if len(x_shape) == 1 and y.ndim == 1:
        return g * y
    if y.ndim == 1:
        return unsqueeze(g, -1) * y
    if len(x_shape) == 1:
        return _row(y, g)
    return matmul(g, _swapped(y))


@matmul.grad("y")
def _(g, x, y_shape):
    if len(y_shape) == 1 and x.ndim == 1:
        return g * x
    if len(y_shape) == 1:
        return _row(_swapped(x), g)
    if x.ndim == 1:
        return unsqueeze(x, -1) * unsqueeze(g, -2)
    if x.ndim > 2 and len(y_shape) == 2:
        # One product over the flattened batch instead of a batch of products that are summed afterwards.
        rows = _product(g.shape[:-1])
        return matmul(_swapped(reshape(x, (rows, x.shape[-1]))), reshape(g, (rows, g.shape[-1])))
    return matmul(_swapped(x), g)


def _row(matrix, vector):
    """matrix @ vector for a batch of matrices and a batch of vectors."""
    if matrix.ndim == 2 and vector.ndim == 1:
        return matmul(matrix, vector)
    return squeeze(matmul(matrix, unsqueeze(vector, -1)), -1)


def _swapped(x):
    return x.T if x.ndim == 2 else transpose(x, -1, -2)


@composite
def mm(input, mat2):
    """Product of two matrices."""
    if input.ndim != 2:
        raise RuntimeError("mm: self must be a matrix")
    if mat2.ndim != 2:
        raise RuntimeError("mm: mat2 must be a matrix")
    return matmul(input, mat2)


@composite
def mv(input, vec):
    """Product of a matrix and a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input.ndim}, {vec.ndim}")
    if input.shape[1] != vec.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({input.shape[0]}), mat ({input.shape[0]}x{input.shape[1]}), vec ({vec.shape[0]})"
        )
    return matmul(input, vec)


@composite
def bmm(input, mat2):
    """Products of two batches of matrices, one by one."""
    for name, x in (("batch1", input), ("batch2", mat2)):
        if x.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor, got {tuple(x.shape)}")
    if input.shape[0] != mat2.shape[0] or input.shape[2] != mat2.shape[1]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{input.shape[0]}, {input.shape[2]}] but got: "
            f"[{mat2.shape[0]}, {mat2.shape[1]}]."
        )
    return matmul(input, mat2)


@composite
def dot(input, tensor):
    """Sum of the products of two vectors' elements."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    return matmul(input, tensor)


@composite
def inner(input, other):
    """Sum of products over the last axes of both."""
    if not input.ndim or not other.ndim:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(input.shape)} and "
            f"{list(other.shape)}"
        )
    left = reshape(input, (_product(input.shape[:-1]), input.shape[-1]))
    right = reshape(other, (_product(other.shape[:-1]), other.shape[-1]))
    return reshape(matmul(left, transpose(right, 0, 1)), (*input.shape[:-1], *other.shape[:-1]))


def _product(shape):
    n = 1
    for s in shape:
        n *= s
    return n


@composite(aliases=("ger",))
def outer(input, vec2):
    """All products of two vectors' elements: (n), (m) -> (n, m)."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D argument self, but got {input.ndim}-D and {vec2.ndim}-D")
    return mul(unsqueeze(input, 1), vec2)


def _scaled_sum(name, input, product, beta, alpha):
    """beta * input + alpha * product; input is not looked at when beta is 0. Integers take integer factors.

    Raises:
        RuntimeError: addr of integers with a fractional factor; the others cut it off, as in PyTorch.
    """
    whole = product.dtype
    if whole.kind in "biu":
        for factor, value in (("beta", beta), ("alpha", alpha)):
            if name == "addr" and isinstance(value, float):
                raise RuntimeError(
                    f"addr: For integral input tensors, argument {factor} must not be a floating point number."
                )
        beta, alpha = (int(f) if whole.kind == "b" else f for f in (beta, alpha))
    beta, alpha = element(beta, product._data.dtype), element(alpha, product._data.dtype)
    product = product if alpha == 1 else mul(product, alpha)
    if beta == 0:
        return product
    total = add(input if beta == 1 else mul(input, beta), product)
    return convert(total, whole) if whole.kind == "b" else total


@composite(inplace=True)
def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta * input + alpha * mat1 @ mat2."""
    return _scaled_sum("addmm", input, mm(mat1, mat2), beta, alpha)


@composite(inplace=True)
def addmv(input, mat, vec, *, beta=1, alpha=1):
    """beta * input + alpha * mat @ vec."""
    return _scaled_sum("addmv", input, mv(mat, vec), beta, alpha)


@composite(inplace=True)
def addr(input, vec1, vec2, *, beta=1, alpha=1):
    """beta * input + alpha * outer(vec1, vec2)."""
    return _scaled_sum("addr", input, outer(vec1, vec2), beta, alpha)


@composite(inplace=True)
def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta * input + alpha * batch1 @ batch2."""
    return _scaled_sum("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@composite(inplace=True)
def addbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta * input + alpha * the sum over the batch of batch1 @ batch2."""
    return _scaled_sum("addbmm", input, _batch_sum(bmm(batch1, batch2)), beta, alpha)


def _batch_sum(product):
    """The sum over the batch, of integers in their own dtype."""
    return sum(product, dim=0, dtype=product.dtype if product.dtype.kind in "biu" else None)
