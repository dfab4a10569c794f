"""Rearranging, joining and repeating arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._array import may_share
from .._tensor import Tensor
from ._common import axes_of, ops, promoted, tensor


def broadcast_arrays(*arrays):
    """All arrays in the shape they have together."""
    return tuple(ops.broadcast_tensors(*[tensor(a) for a in arrays])) if arrays else ()


def broadcast_shapes(*shapes):
    """The shape that several shapes broadcast to.

    Raises:
        ValueError: they do not fit.
    """
    try:
        return tuple(ops_broadcast_shapes(*shapes))
    except RuntimeError as error:
        raise ValueError(str(error)) from None


from .._array import broadcast_shapes as ops_broadcast_shapes  # noqa: E402


def broadcast_to(x, /, shape):
    """x repeated to `shape`, without copying."""
    return ops.broadcast_to(tensor(x), tuple(shape))


def concat(arrays, /, *, axis=0):
    """Arrays joined along an axis; flattened first when it is None."""
    found = promoted(arrays)
    if axis is None:
        found, axis = [ops.reshape(a, (-1,)) for a in found], 0
    return ops.cat(found, axes_of(axis, found[0].ndim)[0])


def stack(arrays, /, *, axis=0):
    """Arrays joined along a new axis."""
    found = promoted(arrays)
    return ops.stack(found, axes_of(axis, found[0].ndim + 1)[0])


def expand_dims(x, /, axis):
    """A new axis of length one at `axis` (or at each of several).

    Raises:
        IndexError: outside the result.
    """
    x = tensor(x)
    places = axes_of(axis, x.ndim + (len(axis) if isinstance(axis, tuple) else 1))
    for place in sorted(places):
        x = ops.unsqueeze(x, place)
    return x


def flip(x, /, *, axis=None):
    """Elements in reverse order along the axes named, or all."""
    x = tensor(x)
    return ops.flip(x, axes_of(axis, x.ndim))


def moveaxis(x, source, destination, /):
    """Axes at `source` moved to `destination`, the others in their order."""
    return ops.movedim(tensor(x), source, destination)


def permute_dims(x, /, axes):
    """Axes in a new order."""
    return ops.permute(tensor(x), tuple(axes))


def repeat(x, repeats, /, *, axis=None):
    """Each element repeated, in place, along an axis (flattened when None)."""
    x = tensor(x)
    if axis is None:
        x, axis = ops.reshape(x, (-1,)), 0
    axis = axes_of(axis, x.ndim)[0]
    if isinstance(repeats, Tensor) and repeats.numel() == 1:
        repeats = int(repeats.item())
    return ops.repeat_interleave(x, repeats, axis)


def reshape(x, /, shape, *, copy=None):
    """The elements in another shape; one length may be -1.

    Raises:
        ValueError: `copy=False` where the memory layout needs a copy.
    """
    x = tensor(x)
    out = ops.reshape(x, tuple(shape))
    if copy is False and out.numel() and not may_share(out._buffer(), x._buffer()) and x.ndim:
        raise ValueError(f"reshape: copy=False, but {tuple(x.shape)} cannot become {tuple(shape)} without a copy")
    return out.clone() if copy and out.numel() and (out is x or may_share(out._buffer(), x._buffer())) else out


def roll(x, /, shift, *, axis=None):
    """Elements moved along an axis, those pushed out coming in at the other end."""
    x = tensor(x)
    return _roll(x, shift, axis) if x.numel() and x.ndim else x.clone()


def _roll(x: Tensor, shift: Any, axis: Any) -> Tensor:
    if axis is None:
        return ops.roll(x, shift)
    axes = axis if isinstance(axis, tuple) else (axis,)
    shifts = shift if isinstance(shift, tuple) else (shift,) * len(axes)
    for s, a in zip(shifts, axes, strict=True):
        x = ops.roll(x, int(s), axes_of(a, x.ndim)[0])
    return x


def squeeze(x, /, axis):
    """Without the axes named, which must have length one.

    Raises:
        ValueError: one is longer. IndexError: outside the array.
    """
    x = tensor(x)
    axes = axes_of(axis, x.ndim)
    for a in axes:
        if x.shape[a] != 1:
            raise ValueError(f"squeeze: axis {a} has length {x.shape[a]}, not 1")
    return ops.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in axes))


def tile(x, repetitions, /):
    """The array repeated as a whole along each axis."""
    return ops.tile(tensor(x), tuple(repetitions))


def unstack(x, /, *, axis=0):
    """The slices along an axis, as a tuple."""
    x = tensor(x)
    return tuple(ops.unbind(x, axes_of(axis, x.ndim)[0]))


FUNCTIONS: dict[str, Callable] = {f.__name__: f for f in (
    broadcast_arrays, broadcast_shapes, broadcast_to, concat, expand_dims, flip, moveaxis, permute_dims, repeat, reshape,
    roll, squeeze, stack, tile, unstack)}  # fmt: skip
