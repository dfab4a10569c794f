"""Sequences of different lengths in one tensor: padded or packed."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import autograd
from autograd import Tensor

_Fields = namedtuple("_Fields", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"])


class PackedSequence(_Fields):
    """Sequences of different lengths without padding: the first steps of all, then the second steps, and so on.

    Attributes:
        data: (Σ lengths, *), the steps in that order, the longest sequence first within each.
        batch_sizes: how many sequences reach each step.
        sorted_indices, unsorted_indices: to the longest-first order and back; None when the caller sorted.
    """

    __slots__ = ()

    def __new__(
        cls, data: Tensor, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:  # fmt: skip
        """The four fields; the order back is computed when it is missing."""
        if batch_sizes is None:  # PackedSequence((data, batch_sizes)), PyTorch's old form
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same with its data cast."""
        return type(self)(self.data.to(*args, **kwargs), *self[1:])

    def double(self) -> PackedSequence:
        """float64 data."""
        return self.to(autograd.float64)

    def float(self) -> PackedSequence:
        """float32 data."""
        return self.to(autograd.float32)

    def cpu(self) -> PackedSequence:
        """Itself."""
        return self

    @property
    def is_cuda(self) -> bool:
        """Never: tensors live on the CPU."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes this one."""
    if permutation is None:
        return None
    return autograd.tensor(np.argsort(permutation.numpy()))


def _lengths(lengths: Any) -> np.ndarray:
    found = lengths.numpy() if isinstance(lengths, Tensor) else np.asarray(lengths)
    if found.dtype.kind not in "iu" or found.ndim != 1:
        raise TypeError(
            f"pack_padded_sequence: `lengths` should be a 1-D sequence of integers, got {found.dtype} of shape {found.shape}"
        )
    return found.astype(np.int64)


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Drop the padding of (T, B, *) sequences (B, T, * with batch_first).

    Args:
        lengths: the true length of each sequence.
        enforce_sorted: the longest comes first already; False sorts and remembers the order.

    Raises:
        RuntimeError: a length is not positive, the lengths are not sorted, or not one per sequence.

    Example:
        >>> import nn
        >>> x = autograd.tensor([[1, 2, 0], [3, 0, 0]])
        >>> nn.utils.rnn.pack_padded_sequence(x, [2, 1], batch_first=True).data
        tensor([1, 3, 2])
    """
    sizes = _lengths(lengths)
    order = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
        input = input.index_select(0 if batch_first else 1, autograd.tensor(order))
    if batch_first:
        input = input.transpose(0, 1)
    _check_lengths(sizes, tuple(input.shape))
    batch_sizes = (sizes[None, :] > np.arange(sizes[0])[:, None]).sum(1)
    flat = input.flatten(0, 1)
    kept = np.concatenate([t * len(sizes) + np.arange(n) for t, n in enumerate(batch_sizes)])
    sorted_indices = None if order is None else autograd.tensor(order)
    return PackedSequence(flat.index_select(0, autograd.tensor(kept)), autograd.tensor(batch_sizes), sorted_indices)


def _check_lengths(sizes: np.ndarray, shape: tuple[int, ...]) -> None:
    if len(sizes) != shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={shape[1]})"
        )
    if not len(sizes):
        raise RuntimeError("Cannot pack empty tensors.")
    if sizes.min() <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if (np.diff(sizes) > 0).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence to sidestep this requirement"
        )
    if sizes[0] > shape[0]:
        raise RuntimeError(f"pack_padded_sequence: a length of {sizes[0]} exceeds the {shape[0]} steps of the input")


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The padded sequences and their lengths: the inverse of `pack_padded_sequence`.

    Args:
        total_length: pad to this length instead of the longest sequence's.

    Raises:
        ValueError: total_length is smaller than that.
    """
    batch_sizes = sequence.batch_sizes.numpy()
    steps = len(batch_sizes)
    if total_length is not None and total_length < steps:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {steps}"
        )
    width = int(batch_sizes[0])
    lengths = (batch_sizes[None, :] > np.arange(width)[:, None]).sum(1)
    rows = int(sequence.data.shape[0])
    place = np.full((total_length or steps, width), rows)  # the row behind the last holds the padding
    place[:steps][np.arange(width)[None, :] < batch_sizes[:, None]] = np.arange(rows)
    row = autograd.full((1, *sequence.data.shape[1:]), padding_value, dtype=sequence.data.dtype)
    padded: Any = autograd.cat([sequence.data, row])[autograd.tensor(place)]
    sizes = autograd.tensor(lengths)
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(1, sequence.unsorted_indices)
        sizes = sizes[sequence.unsorted_indices]
    return (padded.transpose(0, 1) if batch_first else padded), sizes


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stack sequences (L_i, *) of different lengths, padded: (L, B, *), or (B, L, *) with batch_first.

    Example:
        >>> import nn
        >>> nn.utils.rnn.pad_sequence([autograd.ones(2), autograd.ones(1)], batch_first=True)
        tensor([[1., 1.],
                [1., 0.]])
    """
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"padding_side should be one of 'left' or 'right', got {padding_side!r}")
    rows = list(sequences)
    if not rows:
        raise RuntimeError("pad_sequence: received an empty list of sequences")
    longest = max(row.shape[0] for row in rows)
    padded = [_padded(row, longest - row.shape[0], padding_value, padding_side) for row in rows]
    return autograd.stack(padded, 0 if batch_first else 1)


def _padded(row: Tensor, missing: int, value: float, side: str) -> Tensor:
    if not missing:
        return row
    block = autograd.full((missing, *row.shape[1:]), value, dtype=row.dtype)
    return autograd.cat([block, row] if side == "left" else [row, block])


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences without their padding."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    rows: Any = padded_sequences
    return [row[: int(n)] for row, n in zip(rows, lengths, strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L_i, *) of different lengths."""
    lengths = autograd.tensor([int(s.shape[0]) for s in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that were packed."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
