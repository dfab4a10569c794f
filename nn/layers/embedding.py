"""Tables of vectors: Embedding and EmbeddingBag."""

from __future__ import annotations

from typing import Any

import autograd
from autograd import Tensor

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter, empty_parameter
from ._show import shown


class _Table(Module):
    weight: Any
    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None

    def _start(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None, max_norm: float | None,
               norm_type: float, scale_grad_by_freq: bool, sparse: bool, _weight: Tensor | None, device: Any, dtype: Any,
               _freeze: bool = False) -> None:  # fmt: skip
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(
                    f"{type(self).__name__}: padding_idx must be within num_embeddings, got {padding_idx} for {num_embeddings}"
                )
            padding_idx %= num_embeddings
        self.padding_idx, self.max_norm, self.norm_type = padding_idx, max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        if _weight is None:
            self.weight = empty_parameter(num_embeddings, embedding_dim, dtype=dtype, device=device)
            self.weight.requires_grad_(not _freeze)
            self.reset_parameters()
            return
        if tuple(_weight.shape) != (num_embeddings, embedding_dim):
            raise ValueError(
                f"Shape of weight does not match num_embeddings and embedding_dim: {tuple(_weight.shape)}, "
                f"not {(num_embeddings, embedding_dim)}"
            )
        self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw the table from N(0, 1); the padding's row is 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with autograd.no_grad():
                self.weight[self.padding_idx].fill_(0)

    def _shown(self) -> list[str]:
        text = [f"{self.num_embeddings}, {self.embedding_dim}"]
        for name, default in (("padding_idx", None), ("max_norm", None), ("norm_type", 2.0)):
            if getattr(self, name) != default:
                text.append(shown(self, name))
        return text


class Embedding(_Table):
    """weight[i] for each number i of the input.

    Args:
        num_embeddings, embedding_dim: rows and columns of the table.
        padding_idx: a row that starts at 0 and gets no gradient.
        max_norm: rows that are looked up are first scaled down to this norm (of order norm_type), in place.
        scale_grad_by_freq: divide a row's gradient by how often it was looked up.
        sparse: accepted; gradients are dense here.

    Shape: (*) integers -> (*, embedding_dim)

    Attributes:
        weight: the table, drawn from N(0, 1).

    Example:
        >>> import nn
        >>> nn.Embedding(10, 3)(autograd.tensor([[1, 2], [4, 4]])).shape
        Size([2, 2, 3])
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Tensor | None = None,
        _freeze: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._start(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight,
                    device, dtype, _freeze)  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        """Look the rows up."""
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        """The table and what differs from the default."""
        text = self._shown()
        if self.scale_grad_by_freq:
            text.append(shown(self, "scale_grad_by_freq"))
        if self.sparse:
            text.append("sparse=True")
        return ", ".join(text)

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
    ) -> Embedding:  # fmt: skip
        """An Embedding of a given table, not learnt unless freeze=False."""
        return cls(
            *_sizes(embeddings), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze
        )


def _sizes(table: Tensor) -> tuple[int, int]:
    if table.ndim != 2:
        raise ValueError(f"Embeddings parameter is expected to be 2-dimensional, got {table.ndim} dimensions")
    rows, columns = table.shape
    return rows, columns


class EmbeddingBag(_Table):
    """The sum, mean or max of the rows of each bag, without making the rows themselves.

    Args:
        mode: "sum", "mean" or "max".
        include_last_offset: `offsets` ends with the total length.
        Others as for `Embedding`; a padding row does not count.

    Shape: input (B, N), or (M) with offsets (B) -> (B, embedding_dim)
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Tensor | None = None,
        include_last_offset: bool = False, padding_idx: int | None = None, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode, self.include_last_offset = mode, include_last_offset
        self._start(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight,
                    device, dtype)  # fmt: skip

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """Reduce each bag."""
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse,
            per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The table and what differs from the default."""
        text = [f"{self.num_embeddings}, {self.embedding_dim}"]
        if self.max_norm is not None:
            text.append(shown(self, "max_norm"))
        if self.norm_type != 2:
            text.append(shown(self, "norm_type"))
        if self.scale_grad_by_freq:
            text.append(shown(self, "scale_grad_by_freq"))
        text.append(f"mode={self.mode!r}")
        if self.padding_idx is not None:
            text.append(shown(self, "padding_idx"))
        return ", ".join(text)

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:  # fmt: skip
        """An EmbeddingBag of a given table, not learnt unless freeze=False."""
        made = cls(*_sizes(embeddings), max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
                   include_last_offset, padding_idx)  # fmt: skip
        made.weight.requires_grad_(not freeze)
        return made
