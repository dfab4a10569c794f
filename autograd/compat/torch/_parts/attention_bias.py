"""`torch.nn.attention.bias`: causal masks of queries and keys of different lengths."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from .... import ones
from ...._tensor import Tensor


class CausalVariant(IntEnum):
    """Where the diagonal of a causal mask ends."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """A causal mask: True where a query may look at a key."""

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> Any:
        shift = seq_len_kv - seq_len_q if variant is CausalVariant.LOWER_RIGHT else 0
        made: Any = object.__new__(cls)
        made._data, made._node = ones(seq_len_q, seq_len_kv, dtype=bool).tril(shift)._data, None
        return made

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        self.variant, self.seq_len_q, self.seq_len_kv = variant, seq_len_q, seq_len_kv

    def __repr__(self) -> str:
        return Tensor.__repr__(self)


def causal_upper_left(*size: int) -> CausalBias:
    """A query looks at the keys up to its own number.

    Example:
        >>> from autograd.compat.torch.nn.attention.bias import causal_lower_right, causal_upper_left
        >>> causal_upper_left(2, 3)
        tensor([[ True, False, False],
                [ True,  True, False]])
        >>> causal_lower_right(2, 3)
        tensor([[ True,  True, False],
                [ True,  True,  True]])
    """
    return CausalBias(CausalVariant.UPPER_LEFT, *size)


def causal_lower_right(*size: int) -> CausalBias:
    """The last query looks at all keys, each one before it at one fewer."""
    return CausalBias(CausalVariant.LOWER_RIGHT, *size)


__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]
