"""Diagonals and triangles of the last (or any) two axes, strided windows, and writing into views."""

from __future__ import annotations

import numpy as np

from .._array import in_c_order, wrap_dim
from .._op import composite, op
from .._samples import call, cases
from .._tensor import Tensor
from .index import written
from .reduce import sum
from .shape import reshape, sizes


def _matrix(name, x):
    if x.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions, got shape {tuple(x.shape)}")


@op(batch="align", inplace=True, symbol="◣", caption="keep the triangle", linear=True, sample=cases(lambda r: [
    call(r(3, 4)), call(r(2, 3, 3), diagonal=-1), call(r(3, 2), diagonal=1)]))  # fmt: skip
def tril(x, *, diagonal=0):
    """The elements on and below a diagonal, zeros above."""
    _matrix("tril", x)
    return in_c_order(np.tril(x, diagonal))


@tril.grad("x")
def _(g, diagonal):
    return tril(g, diagonal=diagonal)


@op(batch="align", inplace=True, symbol="◥", caption="keep the triangle", linear=True, sample=cases(lambda r: [
    call(r(3, 4)), call(r(2, 3, 3), diagonal=-1), call(r(3, 2), diagonal=1)]))  # fmt: skip
def triu(x, *, diagonal=0):
    """The elements on and above a diagonal, zeros below."""
    _matrix("triu", x)
    return in_c_order(np.triu(x, diagonal))


@triu.grad("x")
def _(g, diagonal):
    return triu(g, diagonal=diagonal)


@op(name="_diagonal", namespace="_", method=False, symbol="diagonal", caption="scatter", view=True, linear=True,
    sample=cases(lambda r: [call(r(3, 4)), call(r(2, 3, 4), offset=1, dim1=1, dim2=2), call(r(3, 2), offset=-1)]))  # fmt: skip
def _diagonal(x, *, offset=0, dim1=0, dim2=1):
    return (
        np.diagonal(x, offset, dim1, dim2)
        if not isinstance(x, np.ndarray)
        else _writable_diagonal(x, offset, dim1, dim2)
    )


def _writable_diagonal(x, offset, dim1, dim2):
    """NumPy's diagonal is read-only; a strided view of the same elements is not."""
    moved = np.moveaxis(x, (dim1, dim2), (-2, -1))
    rows, columns = moved.shape[-2:]
    start = (0, offset) if offset >= 0 else (-offset, 0)
    n = max(0, min(rows - start[0], columns - start[1]))
    corner = moved[..., min(start[0], rows) :, min(start[1], columns) :]
    step = moved.strides[-2] + moved.strides[-1]
    return np.lib.stride_tricks.as_strided(
        corner, (*moved.shape[:-2], n), (*moved.strides[:-2], step), writeable=x.flags.writeable
    )


@_diagonal.grad("x")
def _(g, x_shape, offset, dim1, dim2):
    return _diagonal_spread(g, shape=x_shape, offset=offset, dim1=dim1, dim2=dim2)


@op(name="_diagonal_spread", namespace="_", method=False, symbol="diagonal", linear=True,
    sample=cases(lambda r: [call(r(3), shape=(3, 4)), call(r(2, 2), shape=(3, 2, 2), offset=0, dim1=0, dim2=2)]))  # fmt: skip
def _diagonal_spread(x, *, shape, offset=0, dim1=0, dim2=1):
    """Zeros of `shape` with the input on a diagonal."""
    out = np.zeros_like(x, shape=shape)
    _writable_diagonal(out, offset, dim1, dim2)[...] = x
    return out


@_diagonal_spread.grad("x")
def _(g, offset, dim1, dim2):
    return _diagonal(g, offset=offset, dim1=dim1, dim2=dim2)


def _two_axes(name, dim1, dim2, ndim):
    a, b = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if a == b:
        raise RuntimeError(f"{name}: diagonal dimensions cannot be identical {dim1}, {dim2}")
    return a, b


@composite
def diagonal(input, offset=0, dim1=0, dim2=1):
    """A view of a diagonal of two axes, put last."""
    dim1, dim2 = _two_axes("diagonal", dim1, dim2, input.ndim)
    return _diagonal(input, offset=offset, dim1=dim1, dim2=dim2)


@composite
def diag_embed(input, offset=0, dim1=-2, dim2=-1):
    """Matrices with the last axis of the input on a diagonal and zeros elsewhere."""
    ndim = input.ndim + 1
    dim1, dim2 = _two_axes("diag_embed", dim1, dim2, ndim)
    n = input.shape[-1] + abs(offset)
    rest = iter(input.shape[:-1])
    shape = tuple(n if i in (dim1, dim2) else next(rest) for i in range(ndim))
    return _diagonal_spread(input, shape=shape, offset=offset, dim1=dim1, dim2=dim2)


@composite
def diag(input, diagonal=0):
    """The matrix with a vector on a diagonal, or that diagonal of a matrix."""
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return _diagonal(input, offset=diagonal).clone()


@composite
def diagflat(input, offset=0):
    """The matrix with all elements of the input on a diagonal."""
    return diag_embed(reshape(input, (-1,)), offset)


@composite
def trace(input):
    """Sum of the main diagonal of a matrix."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return sum(_diagonal(input))


def _fill_diagonal_(self, fill_value, wrap=False):
    """Write one value on the main diagonal (of all axes)."""
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim == 2:
        if wrap and self.shape[0] > self.shape[1]:
            at = np.arange(0, self.numel(), self.shape[1] + 1)
            self[at // self.shape[1], at % self.shape[1]] = fill_value
        else:
            _diagonal(self).fill_(fill_value)
        return self
    at = np.arange(self.shape[0])
    self[(at,) * self.ndim] = fill_value
    return self


Tensor.fill_diagonal_ = _fill_diagonal_


# ---------------------------------------------------------------------------------------------- copies of views with a part replaced


@composite
def diagonal_scatter(input, src, offset=0, dim1=0, dim2=1):
    """The input with `src` on a diagonal."""
    dim1, dim2 = _two_axes("diagonal_scatter", dim1, dim2, input.ndim)
    places = _writable_diagonal(np.arange(input.numel()).reshape(input.shape), offset, dim1, dim2)
    return _flat_written(input, src, places)


def _flat_written(input, src, places):
    if tuple(src.shape) != places.shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = "
            f"{list(places.shape)}"
        )
    return written(input, src, index=np.unravel_index(places, input.shape))


@composite
def select_scatter(input, src, dim, index):
    """The input with `src` at one index along `dim`."""
    dim = wrap_dim(dim, input.ndim)
    expected = tuple(input.shape[:dim] + input.shape[dim + 1 :])
    if tuple(src.shape) != expected:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(expected)}"
        )
    return written(input, src, index=(slice(None),) * dim + (index,))


@composite
def slice_scatter(input, src, dim=0, start=None, end=None, step=1):
    """The input with `src` in a slice along `dim`."""
    dim = wrap_dim(dim, input.ndim)
    index = (slice(None),) * dim + (slice(start, end, step),)
    expected = np.empty(input.shape, bool)[index].shape
    if tuple(src.shape) != expected:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(expected)}"
        )
    return written(input, src, index=index)


# ---------------------------------------------------------------------------------------------- windows and strides


@op(batch="rows", name="_unfold", namespace="_", method=False, symbol="windows", caption="Σ of overlaps", view=True, linear=True,
    sample=cases(lambda r: [call(r(5), dim=0, size=3, step=1), call(r(2, 6), dim=1, size=2, step=3)]))  # fmt: skip
def _unfold(x, *, dim, size, step):
    if not x.ndim:
        return np.reshape(x, (1,))[:size]
    views = np.lib.stride_tricks.sliding_window_view(
        x, size, axis=dim, writeable=bool(getattr(x, "flags", None) and x.flags.writeable)
    )
    return views[(slice(None),) * dim + (slice(None, None, step),)]


@_unfold.grad("x")
def _(g, x_shape, dim, size, step):
    return _fold_windows(g, shape=x_shape, dim=dim, size=size, step=step)


@op(name="_fold_windows", namespace="_", method=False, linear=True,
    sample=cases(lambda r: [call(r(3, 3), shape=(5,), dim=0, size=3, step=1)]))  # fmt: skip
def _fold_windows(x, *, shape, dim, size, step):
    """Zeros of `shape` with every window added back to its place."""
    out = np.zeros_like(x, shape=shape)
    if not shape:
        return np.sum(x)
    windows = np.moveaxis(x, -1, 0)
    for k in range(size):  # one strided addition per place in the window; windows do not overlap within one
        n = windows.shape[1 + dim]
        out[(slice(None),) * dim + (slice(k, k + (n - 1) * step + 1, step),)] += windows[k]
    return out


@_fold_windows.grad("x")
def _(g, dim, size, step):
    return _unfold(g, dim=dim, size=size, step=step)


@composite(namespace="Tensor", method=True)
def unfold(self, dimension, size, step):
    """A view of all windows of `size` taken every `step` along a dimension; the window is the last axis."""
    dim = wrap_dim(dimension, self.ndim)
    n = self.shape[dim] if self.ndim else 1
    if size > n or size < 0:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return _unfold(self, dim=dim, size=size, step=step)


def _strided_places(size, stride, offset):
    places = np.full(size, offset, np.int64)
    for axis, (n, step) in enumerate(zip(size, stride, strict=True)):
        places += (np.arange(n) * step).reshape((-1,) + (1,) * (len(size) - axis - 1))
    return places


@op(name="_as_strided", namespace="_", method=False, symbol="as strided", view=True, linear=True,
    sample=cases(lambda r: [call(r(3, 4), size=(2, 2), stride=(4, 1), offset=1), call(r(6), size=(3, 2), stride=(1, 1), offset=0)]))  # fmt: skip
def _as_strided(x, *, size, stride, offset):
    flat = np.array(x, order="C", copy=None).reshape(-1)
    return np.lib.stride_tricks.as_strided(flat[offset:], size, [s * flat.itemsize for s in stride])


@_as_strided.grad("x")
def _(g, x_shape, size, stride, offset):
    from .index import _region_added

    return _region_added(g, region=(_strided_places(size, stride, offset),), shape=x_shape)


@composite
def as_strided(input, size, stride, storage_offset=None):
    """A view of the tensor's memory with the given sizes, strides and start, in elements.

    Raises:
        RuntimeError: the view would reach outside the tensor's elements.
    """
    size, stride = sizes((size,)), sizes((stride,))
    offset = input.storage_offset() if storage_offset is None else int(storage_offset)
    base = input._base
    source = input if base is None or not base.is_contiguous() else base
    start = offset - source.storage_offset()
    last = start + int(np.sum([(n - 1) * s for n, s in zip(size, stride, strict=True)])) if all(size) else start
    if start < 0 or last >= max(source.numel(), 1) or not source.is_contiguous():
        raise RuntimeError(
            f"as_strided: setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} are out of bounds for "
            f"storage of {source.numel()} elements"
        )
    return _as_strided(source, size=size, stride=stride, offset=start)


@composite
def as_strided_scatter(input, src, size, stride, storage_offset=None):
    """A copy of the input with `src` in the strided region."""
    places = _strided_places(sizes((size,)), sizes((stride,)), int(storage_offset or 0))
    return _flat_written(input, src, places)


def _resize_(self, *size, memory_format=None):
    """Change the shape in place; elements are kept as far as there is room, new ones are uninitialised."""
    shape = sizes(size)
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    flat, n = self._data.reshape(-1), int(np.prod(shape))
    if n <= flat.size:
        self._data = flat[:n].reshape(shape)
    else:
        grown = np.empty(n, flat.dtype)
        grown[: flat.size] = flat
        self._data = grown.reshape(shape)
    return self


Tensor.resize_ = _resize_
Tensor.resize_as_ = lambda self, the_template, memory_format=None: _resize_(self, tuple(the_template.shape))
