"""The order in which a tensor's axes lie in memory.

PyTorch's names. NumPy's elementwise functions keep the order of their argument, so a format travels through a program by
itself; only what builds arrays of its own has to ask.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._dtype import dtype


class memory_format:
    """An order of axes in memory: `contiguous_format`, `preserve_format` (that of the input), `channels_last`."""

    def __init__(self, name: str, axes: tuple[int, ...] | None = None) -> None:
        self.name = name
        self.axes = axes  # from the slowest to the fastest; None: not fixed by the format

    def __repr__(self) -> str:
        return dtype.prefix + self.name

    def __reduce__(self) -> str:
        return self.name

    def check(self, ndim: int) -> None:
        if self.axes is not None and ndim != len(self.axes):
            raise RuntimeError(f"required rank {len(self.axes)} tensor to use {self.name} format, got rank {ndim}")

    def fits(self, array: Any) -> bool:
        """Whether the array lies in memory like this."""
        if self.axes is None:
            return array.flags.c_contiguous
        return array.ndim == len(self.axes) and array.transpose(self.axes).flags.c_contiguous

    def order(self, array: Any) -> tuple[int, ...]:
        """The axes of an array from the slowest to the fastest: this format's, or for `preserve_format` its own."""
        self.check(array.ndim)
        if self.axes is not None:
            return self.axes
        own = self is preserve_format and not isinstance(array, np.generic)
        return tuple(sorted(range(array.ndim), key=lambda i: -abs(array.strides[i]) if own else i))

    def empty(self, shape: tuple[int, ...], dtype: Any, like: Any = None) -> Any:
        """An uninitialised array of this format (`like`: whose order to preserve)."""
        order = self.order(np.empty((0,) * len(shape)) if like is None else like)
        return np.empty([shape[i] for i in order], dtype).transpose(np.argsort(order))

    def arranged(self, values: Any, like: Any = None) -> Any:
        """An array in C order put into this format (`like`: whose order to preserve); itself where that changes nothing."""
        if self.axes is None and (like is None or like.flags.c_contiguous):
            return values
        out = self.empty(values.shape, values.dtype, like)
        if out.flags.c_contiguous:
            return values
        out[...] = values
        return out

    def copy(self, array: Any) -> Any:
        """The array's numbers in memory of their own and of this format."""
        if self is preserve_format:
            return array.copy() if isinstance(array, np.generic) or 0 in array.strides else array.copy(order="K")
        out = self.empty(array.shape, array.dtype, array)
        out[...] = array
        return out


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last", (0, 2, 3, 1))
channels_last_3d = memory_format("channels_last_3d", (0, 2, 3, 4, 1))
_OF_CHANNELS = {4: channels_last, 5: channels_last_3d}


def channels_format(array: Any) -> memory_format | None:
    """The channels-last format if images (N, C, *) lie in memory so, and not also in the order of their axes."""
    if array.flags.c_contiguous:
        return None
    found = _OF_CHANNELS.get(array.ndim)
    return found if found is not None and found.fits(array) else None


__all__ = ["channels_last", "channels_last_3d", "contiguous_format", "memory_format", "preserve_format"]
