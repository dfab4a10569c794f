"""Shapes: views and copies with the same elements in another arrangement, joining and splitting."""

from __future__ import annotations

import math
import operator

import numpy as np

from .._array import broadcast_to as _broadcast_to
from .._array import in_c_order, may_share, ndarray, wrap_dim, wrap_dims
from .._dtype import dtype as DType
from .._op import composite, op
from .._samples import call, cases
from .._tensor import Tensor


def sizes(args):
    """Sizes given one by one or as one sequence, as a tuple of ints."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = args[0]
    try:
        return tuple(map(operator.index, args))
    except TypeError:
        raise TypeError(f"sizes must be ints, got {args!r}") from None


def infer(shape, numel, name):
    """A shape with its -1 filled in.

    Raises:
        RuntimeError: the sizes do not hold `numel` elements.
    """
    shape = tuple(map(operator.index, shape))
    known = math.prod(shape)
    if known == numel and (not shape or min(shape) >= 0):
        return shape
    known = -known if -1 in shape else known
    if shape.count(-1) > 1:
        raise RuntimeError(f"{name}: only one dimension can be inferred, got shape {list(shape)}")
    if any(s < -1 for s in shape):
        raise RuntimeError(f"{name}: invalid shape dimension in {list(shape)}")
    if -1 in shape:
        if not known:
            raise RuntimeError(
                f"cannot reshape tensor of {numel} elements into shape {list(shape)} because the unspecified dimension size "
                "-1 can be any value and is ambiguous"
            )
        if numel % known:
            raise RuntimeError(f"{name}: shape '{list(shape)}' is invalid for input of size {numel}")
        return tuple(numel // known if s == -1 else s for s in shape)
    raise RuntimeError(f"{name}: shape '{list(shape)}' is invalid for input of size {numel}")


_SHAPES = cases(
    lambda r: [
        call(r(2, 3), shape=(3, 2)),
        call(r(2, 3, 2), shape=(4, -1)),
        call(r(), shape=(1, 1)),
        call(r(1), shape=()),
    ]
)


@op(
    name="_reshape",
    namespace="_",
    method=False,
    symbol="reshape",
    caption="undo",
    view=True,
    linear=True,
    sample=_SHAPES,
)
def _reshape(x, *, shape):
    return x.reshape(infer(shape, x.size, "reshape"))


@_reshape.grad("x")
def _(g, x_shape):
    return _reshape(g, shape=x_shape)


@op(name="_view", namespace="_", method=False, symbol="view", caption="undo", view=True, linear=True, sample=_SHAPES)
def _view(x, *, shape):
    shape = infer(shape, x.size, "view")
    found = x.reshape(shape)
    if not x.flags.c_contiguous and not may_share(found, x):
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            f"contiguous subspaces). Use .reshape(...) instead. Input {tuple(x.shape)}, view {shape}"
        )
    return found


@_view.grad("x")
def _(g, x_shape):
    return _reshape(g, shape=x_shape)


@composite(method=False)
def reshape(input, shape):
    """The same elements in the same order with another shape; one size may be -1.

    Returns a view when the memory allows it, else a copy.

    Example:
        >>> import autograd
        >>> autograd.arange(6).reshape(2, 3)
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    return _reshape(input, shape=sizes((shape,)))


def _method_reshape(self, *lengths, shape=None):
    """See `reshape`; sizes may be given one by one."""
    return _reshape(self, shape=sizes(lengths if shape is None else (shape,)))


Tensor.reshape = _method_reshape


@composite
def view(input, *shape, size=None, dtype=None):
    """A view with another shape, or the same memory read as another dtype.

    Raises:
        RuntimeError: the memory layout does not allow a view; use reshape.
    """
    if len(shape) == 1 and isinstance(shape[0], DType):
        dtype = shape[0]
    if dtype is not None:
        return _reinterpret(input, dtype)
    return _view(input, shape=sizes(shape if size is None else (size,)))


def _reinterpret(input, dtype):
    from .._tensor import wrap

    if dtype is input.dtype:
        return input
    if input.requires_grad and dtype.kind in "fc":  # of integers nobody expects a gradient
        raise RuntimeError("view: reading memory as another dtype has no gradient; detach() first")
    return wrap(input._buffer().view(dtype.dtype))


@composite
def view_as(input, other):
    """A view with the shape of `other`."""
    return _view(input, shape=other.shape)


@composite
def reshape_as(input, other):
    """Reshaped to the shape of `other`."""
    return _reshape(input, shape=other.shape)


@composite
def flatten(input, start_dim=0, end_dim=-1):
    """Axes from `start_dim` to `end_dim` made one."""
    n = input.ndim
    if n == 0:
        return _reshape(input, shape=(1,))
    start, end = wrap_dim(start_dim, n), wrap_dim(end_dim, n)
    if start > end:
        raise RuntimeError(f"flatten() has invalid args: start_dim ({start_dim}) cannot come after end_dim ({end_dim})")
    if start == end:
        return input
    shape = tuple(input.shape)
    middle = 1
    for s in shape[start : end + 1]:
        middle *= s
    return _reshape(input, shape=(*shape[:start], middle, *shape[end + 1 :]))


@composite
def unflatten(input, dim, sizes):
    """One axis split into several whose product is its length; one may be -1."""
    at = wrap_dim(dim, input.ndim)
    shape = tuple(input.shape)
    parts = tuple(sizes)
    known = 1
    for s in parts:
        known *= s if s != -1 else 1
    if (-1 not in parts and known != shape[at]) or (-1 in parts and (not known or shape[at] % known)):
        raise RuntimeError(
            f"unflatten: Provided sizes {list(parts)} don't multiply up to the size of dim {dim} ({shape[at]})"
        )
    return _view(input, shape=(*shape[:at], *infer(parts, shape[at], "unflatten"), *shape[at + 1 :]))


@composite
def ravel(input):
    """All elements along one axis: a view where the memory is in C order, else a copy."""
    return _reshape(input if input.is_contiguous() else input.clone(), shape=(-1,))


@op(name="_permute", namespace="_", method=False, symbol="permute", caption="undo", view=True, linear=True,
    sample=cases(lambda r: [call(r(2, 3, 4), dims=(2, 0, 1)), call(r(2, 3), dims=(1, 0))]))  # fmt: skip
def _permute(x, *, dims):
    return x.transpose(dims)


@_permute.grad("x")
def _(g, dims):
    inverse = [0] * len(dims)
    for i, d in enumerate(dims):
        inverse[d] = i
    return _permute(g, dims=tuple(inverse))


@composite(method=False)
def permute(input, dims):
    """Axes in another order; a view.

    Raises:
        RuntimeError: `dims` does not name each axis once.
    """
    dims = sizes((dims,))
    if len(dims) != input.ndim:
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering "
            f"of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(dims)}"
        )
    return _permute(input, dims=wrap_dims(dims, input.ndim) if dims else ())


def _listing(function):
    """The method of a function of sizes or dimensions: they come as one sequence, one by one, or by name."""

    def method(self, *args, **named):
        return function(self, *args, **named) if named else function(self, sizes(args))

    method.__name__ = method.__qualname__ = function.__name__
    method.__doc__ = function.__doc__
    return method


Tensor.permute = _listing(permute)


@composite(aliases=("swapaxes", "swapdims"), inplace=False, spelled={"axis0": "dim0", "axis1": "dim1"})
def transpose(input, dim0, dim1):
    """Two axes exchanged; a view."""
    n = input.ndim
    if n == 0:
        wrap_dim(dim0, 0), wrap_dim(dim1, 0)
        return _permute(input, dims=())
    order = list(range(n))
    a, b = wrap_dim(dim0, n), wrap_dim(dim1, n)
    order[a], order[b] = order[b], order[a]
    return _permute(input, dims=tuple(order))


@composite
def t(input):
    """The transpose of a matrix; vectors and scalars unchanged.

    Raises:
        RuntimeError: more than two axes.
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return _permute(input, dims=tuple(range(input.ndim))[::-1])


def _matrix_axes(name, input):
    if input.ndim < 2:
        raise RuntimeError(
            f"tensor.{name} is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor."
        )
    return (*range(input.ndim - 2), input.ndim - 1, input.ndim - 2)


Tensor.T = property(lambda self: _permute(self, dims=tuple(range(self.ndim))[::-1]))  # type: ignore[assignment]
Tensor.mT = property(lambda self: _permute(self, dims=_matrix_axes("mT", self)))  # type: ignore[assignment]


@composite(aliases=("moveaxis",))
def movedim(input, source, destination):
    """Axes moved from the `source` positions to the `destination` positions; the others keep their order."""
    source = wrap_dims(source if isinstance(source, (tuple, list)) else (source,), input.ndim)
    target = wrap_dims(destination if isinstance(destination, (tuple, list)) else (destination,), input.ndim)
    if len(source) != len(target):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(source)} dims) should contain the same number of "
            f"dims as destination ({list(target)} dims)"
        )
    rest = iter(i for i in range(input.ndim) if i not in source)
    where_from = dict(zip(target, source, strict=True))
    return _permute(input, dims=tuple(where_from[i] if i in where_from else next(rest) for i in range(input.ndim)))


@op(name="_expand", namespace="_", method=False, symbol="expand", caption="Σ over dims", view=True, linear=True,
    sample=cases(lambda r: [call(r(3, 1), shape=(2, 3, 4)), call(r(), shape=(2, 2)), call(r(1, 3), shape=(2, 3))]))  # fmt: skip
def _expand(x, *, shape):
    return _broadcast_to(x, shape)


@_expand.grad("x")
def _(g, x_shape):
    return sum_to_size(g, x_shape)


@composite(method=False)
def expand(input, size):
    """Axes of length one repeated without copying; -1 keeps an axis. More axes may be added in front.

    Raises:
        RuntimeError: an axis longer than one would change its length.
    """
    shape = sizes((size,))
    own = tuple(input.shape)
    lead = len(shape) - len(own)
    if lead < 0:
        raise RuntimeError(
            f"expand({list(own)}, size={list(shape)}): the number of sizes provided ({len(shape)}) must be greater or equal "
            f"to the number of dimensions in the tensor ({len(own)})"
        )
    full = tuple(own[i - lead] if s == -1 and i >= lead else s for i, s in enumerate(shape))
    for i, s in enumerate(full):
        if s < 0 or (i >= lead and own[i - lead] not in (1, s)):
            raise RuntimeError(
                f"The expanded size of the tensor ({s}) must match the existing size ({own[i - lead] if i >= lead else 1}) at "
                f"non-singleton dimension {i}. Target sizes: {list(shape)}. Tensor sizes: {list(own)}"
            )
    return input if full == own and type(input) is ndarray else _expand(input, shape=full)


Tensor.expand = _listing(expand)


@composite
def expand_as(input, other):
    """Expanded to the shape of `other`."""
    return expand(input, other.shape)


@composite
def broadcast_to(input, size):
    """Expanded to `size`."""
    return expand(input, size)


@composite(method=False)
def broadcast_tensors(*tensors):
    """The tensors expanded to their common shape."""
    from .._array import broadcast_shapes

    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"broadcast_tensors: expected Tensor as element {i}, but got {type(t).__name__}")
    shape = broadcast_shapes(*[t.shape for t in tensors])
    return tuple(expand(t, shape) for t in tensors)


@composite(method=False)
def broadcast_shapes(*shapes):
    """The shape that several shapes broadcast to."""
    from .. import _array
    from .._tensor import Size

    return Size(_array.broadcast_shapes(*[(s,) if isinstance(s, int) else s for s in shapes]))


@op(name="_sum_to_size", namespace="_", method=False, symbol="Σ", caption="broadcast", linear=True,
    sample=cases(lambda r: [call(r(2, 3, 4), shape=(3, 1)), call(r(2, 2), shape=())]))  # fmt: skip
def _sum_to_size(x, *, shape):
    from .._array import sum_to

    return sum_to(x, tuple(shape))


@_sum_to_size.grad("x")
def _(g, x_shape):
    return _expand(g, shape=x_shape)


@composite
def sum_to_size(input, *size):
    """Summed over the axes along which a tensor of `size` would have to be repeated."""
    size = sizes(size)
    own = tuple(input.shape)
    if own == size:
        return input
    lead = len(own) - len(size)
    if lead < 0 or any(s != 1 and s != n for s, n in zip(size, own[lead:], strict=True)):
        raise RuntimeError(f"size {{{list(size)}}} is not expandable to size {{{list(own)}}}.")
    return _sum_to_size(input, shape=size)


@composite(inplace=False)
def unsqueeze(input, dim):
    """An axis of length one inserted at `dim`."""
    at = wrap_dim(dim, input.ndim + 1)
    shape = tuple(input.shape)
    return _reshape(input, shape=(*shape[:at], 1, *shape[at:]))


@composite
def squeeze(input, dim=None):
    """Axes of length one removed, all or those named; an axis of another length is left alone."""
    shape = tuple(input.shape)
    axes = wrap_dims(dim, len(shape)) if dim is None or dim == 0 or dim else ()
    if not shape:
        return _reshape(input, shape=())
    return _reshape(input, shape=tuple(s for i, s in enumerate(shape) if s != 1 or i not in axes))


@op(symbol="flip", caption="undo", linear=True, name="_flip", namespace="_", method=False,
    sample=cases(lambda r: [call(r(2, 3), dims=(0,)), call(r(2, 3, 2), dims=(0, 2))]))  # fmt: skip
def _flip(x, *, dims):
    return np.flip(x, dims).copy()


@_flip.grad("x")
def _(g, dims):
    return _flip(g, dims=dims)


@composite(method=False)
def flip(input, dims):
    """The order of elements reversed along `dims`; a copy."""
    dims = sizes((dims,)) if not isinstance(dims, int) else (dims,)
    # Without axes nothing is reversed, while to operations that reduce, and so to `vmap`, no axes mean all of them.
    return _flip(input, dims=wrap_dims(dims, input.ndim)) if dims else input.clone()


Tensor.flip = _listing(flip)


@op(symbol="roll", caption="undo", linear=True,
    sample=cases(lambda r: [call(r(2, 3), shifts=1, dims=1), call(r(2, 3), shifts=2), call(r(2, 3), shifts=(1, -1), dims=(0, 1))]))  # fmt: skip
def roll(x, *, shifts, dims=None):
    """Elements shifted along `dims`, those pushed out coming back at the other end; all axes as one without dims."""
    shifts = tuple(shifts) if isinstance(shifts, (tuple, list)) else (shifts,)
    if not shifts:
        raise RuntimeError("roll: `shifts` required, got none")
    if dims is None or dims == ():
        return np.roll(x, sum(shifts))
    dims = tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
    if len(dims) != len(shifts):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    for d in dims:
        wrap_dim(d, x.ndim)
    if not x.ndim:
        raise IndexError(f"roll: Dimension specified as {dims[0]} but tensor has no dimensions")
    return np.roll(in_c_order(x), shifts, dims)


@roll.grad("x")
def _(g, shifts, dims):
    back = tuple(-s for s in shifts) if isinstance(shifts, (tuple, list)) else -shifts
    return roll(g, shifts=back, dims=dims)


@op(symbol="repeat", caption="Σ of copies", linear=True, name="_repeat", namespace="_", method=False,
    sample=cases(lambda r: [call(r(2, 3), repeats=(2, 1)), call(r(3), repeats=(2, 2)), call(r(), repeats=(3,))]))  # fmt: skip
def _repeat(x, *, repeats):
    return np.tile(x, repeats)


@_repeat.grad("x")
def _(g, x_shape, repeats):
    own = (1,) * (len(repeats) - len(x_shape)) + tuple(x_shape)
    split_up = tuple(n for pair in zip(repeats, own, strict=True) for n in pair)
    folded = sum_to_size(_reshape(g, shape=split_up), tuple(n for size in own for n in (1, size)))
    return _reshape(folded, shape=x_shape)


@composite
def repeat(input, *counts, repeats=None):
    """Copies side by side, so many along each axis (NumPy's tile)."""
    repeats = sizes(counts if repeats is None else (repeats,))
    if len(repeats) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: "
            f"{len(repeats)} repeats for shape {tuple(input.shape)}"
        )
    return _repeat(input, repeats=repeats)


@composite
def tile(input, dims):
    """Copies side by side; missing counts in front are 1."""
    dims = sizes((dims,))
    return _repeat(input, repeats=(1,) * (input.ndim - len(dims)) + dims)


Tensor.tile = _listing(tile)
