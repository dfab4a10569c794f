"""Joining tensors along an axis, and taking them apart along one."""

from __future__ import annotations

import itertools
import operator

import numpy as np

from .._array import in_c_order, wrap_dim
from .._op import composite, op
from .._samples import call, cases
from .._tensor import Tensor
from .index import _slice, narrow, select


@op(batch="joined", name="_cat", namespace="_", method=False, symbol="cat", caption="split", promote="same", linear=True,
    sample=cases(lambda r: [call(r(2, 3), r(1, 3)), call(r(2, 3), r(2, 2), r(2, 1), dim=-1), call(r(2), r(0))]))  # fmt: skip
def _cat(*xs, dim=0):
    return in_c_order(np.concatenate(xs, axis=dim))


@_cat.grad("xs")
def _(g, xs_shape, dim):
    at, parts = 0, []
    for shape in xs_shape:
        parts.append(narrow(g, dim, at, shape[dim]))
        at += shape[dim]
    return parts


@composite(method=False, aliases=("concat", "concatenate"))
def cat(tensors, dim=0):
    """Tensors joined along an existing axis.

    Raises:
        RuntimeError: shapes differ along another axis.
        ValueError: there is nothing to join.
    """
    tensors = list(tensors)
    shapes = [getattr(t, "shape", ()) for t in tensors]
    if not shapes or shapes[0] in ((), (0,)) or shapes.count(shapes[0]) != len(shapes):
        tensors = _joinable(tensors, dim)
    return _cat(*tensors, dim=wrap_dim(dim, tensors[0].ndim))


def _joinable(tensors, dim):
    """Those of the tensors that hold something, after checking that they can be joined."""
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for i, t in enumerate(tensors):
        if not hasattr(t, "shape"):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}")
        if not t.ndim:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    full = [t for t in tensors if tuple(t.shape) != (0,)] or tensors[:1]  # an empty vector joins with anything
    at = wrap_dim(dim, full[0].ndim)
    for i, t in enumerate(full):
        _check_joinable(full[0].shape, t.shape, at, i)
    return full


def _check_joinable(first, other, dim, i):
    if len(first) != len(other):
        raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(other)}")
    for d, (a, b) in enumerate(zip(first, other, strict=True)):
        if d != dim and a != b:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {dim}. Expected size {a} but got size {b} for tensor "
                f"number {i} in the list: {tuple(first)} and {tuple(other)}"
            )


@composite(method=False)
def stack(tensors, dim=0):
    """Tensors of one shape joined along a new axis.

    Raises:
        RuntimeError: the shapes differ, or there is nothing to stack.
    """
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = tensors[0].shape
    for i, t in enumerate(tensors):
        if t.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and {list(t.shape)} at entry {i}"
            )
    return _stack(*tensors, dim=wrap_dim(dim, len(shape) + 1))


@op(batch="joined", name="_stack", namespace="_", method=False, symbol="stack", caption="split", promote="same", linear=True,
    sample=cases(lambda r: [call(r(2, 3), r(2, 3)), call(r(2), r(2), r(2), dim=1), call(r(), r())]))  # fmt: skip
def _stack(*xs, dim=0):
    if dim == 0 and np.ndim(xs[0]):  # the same numbers in the same order, in half of the time
        return in_c_order(np.concatenate(xs)).reshape(len(xs), *xs[0].shape)
    return in_c_order(np.stack(xs, axis=dim))


@_stack.grad("xs")
def _(g, xs_shape, dim):
    return [select(g, dim, i) for i in range(len(xs_shape))]


def _lengths(name, n, size):
    if isinstance(size, int):
        if size <= 0 and n:
            raise RuntimeError(f"{name} expects split_size be positive, but got split_size={size}")
        return [min(size, n - at) for at in range(0, n, size)] if n else [0]
    lengths = [operator.index(s) for s in size]
    if sum(lengths) != n:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension), but got "
            f"split_sizes={lengths}"
        )
    return lengths


@composite(
    aliases=("split_with_sizes", "unsafe_split", "unsafe_split_with_sizes"),
    spelled={"split_size": "split_size_or_sections", "split_sizes": "split_size_or_sections"},
)
def split(input, split_size_or_sections, dim=0):
    """Views of consecutive pieces along `dim`: of one length (the last may be shorter), or of the lengths listed."""
    dim = wrap_dim(dim, input.ndim)
    parts, at = [], 0
    for length in _lengths("split", input.shape[dim], split_size_or_sections):
        parts.append(narrow(input, dim, at, length))
        at += length
    return tuple(parts)


@composite(aliases=("unsafe_chunk",))
def chunk(input, chunks, dim=0):
    """At most `chunks` views of nearly equal length along `dim`."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[wrap_dim(dim, input.ndim)]
    return split(input, max(-(-n // chunks), 1), dim)


@composite(spelled=dict.fromkeys(("indices", "sections", "tensor_indices_or_sections"), "indices_or_sections"))
def tensor_split(input, indices_or_sections, dim=0):
    """Views of consecutive pieces: into so many, or at the indices listed."""
    dim = wrap_dim(dim, input.ndim)
    n = input.shape[dim]
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        k = indices_or_sections
        if k <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {k}")
        cuts = [i * (n // k) + min(i, n % k) for i in range(1, k)]
    else:
        cuts = list(indices_or_sections)
    edges = [0, *(max(0, c + n) if c < 0 else min(c, n) for c in cuts), n]
    return tuple(narrow(input, dim, a, max(b - a, 0)) for a, b in itertools.pairwise(edges))


@composite
def unbind(input, dim=0):
    """Views along `dim`, one per index."""
    dim = wrap_dim(dim, input.ndim)
    if not input.ndim:
        raise IndexError("unbind: Dimension specified as 0 but tensor has no dimensions")
    lead = (slice(None),) * dim
    return tuple([_slice(input, index=(*lead, i) if lead else i) for i in range(input.shape[dim])])
