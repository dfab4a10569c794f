"""Attention and the Transformer."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import autograd
from autograd import Tensor

from .. import functional as F
from .. import init
from ..containers import ModuleList
from ..module import Module
from ..parameter import empty_parameter
from .dropout import Dropout
from .linear import Linear, NonDynamicallyQuantizableLinear
from .norm import LayerNorm

# ---------------------------------------------------------------------------------------------- attention


class MultiheadAttention(Module):
    """Concat(head_1, ..., head_h) W_O with head_i = softmax(Q_i K_iᵀ / sqrt(d)) V_i, Q_i, K_i, V_i linear in the inputs.

    Args:
        embed_dim, num_heads: the width E, split among the heads.
        dropout: of the attention weights, while training.
        bias: of the projections.
        add_bias_kv: learn one more key and value, joined to the sequence.
        add_zero_attn: join a key and a value of zeros.
        kdim, vdim: widths of keys and values; embed_dim when None.
        batch_first: sequences come as (N, L, E) instead of (L, N, E).

    Shape: query (L, N, E), key (S, N, kdim), value (S, N, vdim), all without N for one sequence
        -> (L, N, E), and weights (N, L, S) (per head with average_attn_weights=False, None with need_weights=False)

    Raises:
        ValueError, AssertionError: the sizes do not fit.

    Source: Vaswani et al., "Attention is all you need", 2017.
    """

    in_proj_weight: Any
    in_proj_bias: Any
    q_proj_weight: Any
    k_proj_weight: Any
    v_proj_weight: Any
    bias_k: Any
    bias_v: Any

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError(f"embed_dim must be divisible by num_heads, got {embed_dim} and {num_heads}")
        self.add_zero_attn = add_zero_attn
        self._make(bias, add_bias_kv, {"device": device, "dtype": dtype})
        self._reset_parameters()

    def _make(self, bias: bool, bias_kv: bool, kind: dict) -> None:
        e, same = self.embed_dim, self._qkv_same_embed_dim
        for name, width in (("q", e), ("k", self.kdim), ("v", self.vdim)):
            self.register_parameter(f"{name}_proj_weight", None if same else empty_parameter(e, width, **kind))
        self.register_parameter("in_proj_weight", empty_parameter(3 * e, e, **kind) if same else None)
        self.register_parameter("in_proj_bias", empty_parameter(3 * e, **kind) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(e, e, bias=bias, **kind)
        self.register_parameter("bias_k", empty_parameter(1, 1, e, **kind) if bias_kv else None)
        self.register_parameter("bias_v", empty_parameter(1, 1, e, **kind) if bias_kv else None)

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if getattr(self, name) is not None:
                init.xavier_uniform_(getattr(self, name))
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for name in ("bias_k", "bias_v"):
            if getattr(self, name) is not None:
                init.xavier_normal_(getattr(self, name))

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None, need_weights: bool = True,
        attn_mask: Tensor | None = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """Attend from each query to all keys.

        Args:
            key_padding_mask: (N, S), True (or -inf) for keys that do not count.
            need_weights: also give the attention weights.
            attn_mask: (L, S) or (N h, L, S), True (or -inf) where a query may not look.
            is_causal: a hint that attn_mask is the causal one.
        """
        swap = self.batch_first and query.ndim == 3
        if swap:  # one transpose for tensors that are the same, so that the projections see it
            known = {id(t): t.transpose(0, 1) for t in (query, key, value) if t.ndim == 3}
            query, key, value = (known.get(id(t), t) for t in (query, key, value))
        out, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k, self.bias_v,
            self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, self.training, key_padding_mask,
            need_weights, attn_mask, not self._qkv_same_embed_dim, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight,
            average_attn_weights=average_attn_weights, is_causal=is_causal,
        )  # fmt: skip
        return (out.transpose(0, 1) if swap else out), weights


# ---------------------------------------------------------------------------------------------- Transformer


def _activation(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if given not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {given}")
    return F.relu if given == "relu" else F.gelu


def _copies(module: Module, n: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(n)])


class _Layer(Module):
    """What encoder and decoder layers share: two linear maps with an activation between, and their norms."""

    activation: Any

    def _feed(
        self, d_model: int, width: int, dropout: float, activation: Any, eps: float, norms: int, norm_first: bool, bias: bool,
        kind: dict,
    ) -> None:  # fmt: skip
        self.linear1 = Linear(d_model, width, bias=bias, **kind)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(width, d_model, bias=bias, **kind)
        self.norm_first = norm_first
        for i in range(1, norms + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, eps=eps, bias=bias, **kind))
        for i in range(1, norms + 1):
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = _activation(activation)
        self.activation_relu_or_gelu = {F.relu: 1, F.gelu: 2}.get(self.activation, 0)

    # The blocks are PyTorch's, by name and arguments: a subclass overrides one to change or to watch it.

    def _sa_block(self, x: Tensor, attn_mask: Any, key_padding_mask: Any, is_causal: bool = False) -> Tensor:
        """Attention of the sequence to itself."""
        seen = self.self_attn(x, x, x, key_padding_mask, False, attn_mask, is_causal=is_causal)[0]
        return self.dropout1(seen)

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def _residual(self, x: Tensor, norm: Module, block: Callable[[Tensor], Tensor]) -> Tensor:
        """x plus what the block makes of it, normalised before or after."""
        return x + block(norm(x)) if self.norm_first else norm(x + block(x))


class TransformerEncoderLayer(_Layer):
    """x = norm1(x + attention(x)), x = norm2(x + linear2(activation(linear1(x)))).

    Args:
        d_model, nhead: the width and the number of heads.
        dim_feedforward: width between the two linear maps.
        activation: "relu", "gelu" or a function.
        norm_first: normalise before attention and feed-forward instead of behind.
        Others as for `MultiheadAttention`.

    Shape: src (S, N, E) or (S, E), (N, S, E) with batch_first; kept

    Source: Vaswani et al., "Attention is all you need", 2017.

    Example:
        >>> import nn
        >>> nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)(autograd.zeros(4, 5, 8)).shape
        Size([4, 5, 8])
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1, activation: Any = "relu",
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        kind = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias=bias, batch_first=batch_first, **kind)
        self._feed(d_model, dim_feedforward, dropout, activation, layer_norm_eps, 2, norm_first, bias, kind)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """One layer."""
        attend = lambda x: self._sa_block(x, src_mask, src_key_padding_mask, is_causal)  # noqa: E731
        return self._residual(self._residual(src, self.norm1, attend), self.norm2, self._ff_block)

    def _ff_block(self, x: Tensor) -> Tensor:
        """The two linear maps with the activation between."""
        return self.dropout2(self._feed_forward(x))


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output, and feed-forward, each with its residual and norm.

    Arguments as for `TransformerEncoderLayer`. Shape: tgt (T, N, E), memory (S, N, E) -> (T, N, E)
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1, activation: Any = "relu",
        layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        kind = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias=bias, batch_first=batch_first, **kind)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, bias=bias, batch_first=batch_first, **kind)
        self._feed(d_model, dim_feedforward, dropout, activation, layer_norm_eps, 3, norm_first, bias, kind)

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """One layer."""
        look_back = lambda x: self._sa_block(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal)  # noqa: E731
        look_over = lambda x: self._mha_block(x, memory, memory_mask, memory_key_padding_mask, memory_is_causal)  # noqa: E731
        x = self._residual(self._residual(tgt, self.norm1, look_back), self.norm2, look_over)
        return self._residual(x, self.norm3, self._ff_block)

    def _mha_block(
        self, x: Tensor, mem: Tensor, attn_mask: Any, key_padding_mask: Any, is_causal: bool = False
    ) -> Tensor:
        """Attention of the sequence to the encoder's output."""
        seen = self.multihead_attn(x, mem, mem, key_padding_mask, False, attn_mask, is_causal=is_causal)[0]
        return self.dropout2(seen)

    def _ff_block(self, x: Tensor) -> Tensor:
        """The two linear maps with the activation between."""
        return self.dropout3(self._feed_forward(x))


class TransformerEncoder(Module):
    """A stack of copies of one encoder layer, and a norm behind them."""

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None, enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        # Neither has an effect: there are no nested tensors.
        self.enable_nested_tensor, self.mask_check = enable_nested_tensor, mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """All layers, one after the other."""
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal))
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """A stack of copies of one decoder layer, and a norm behind them."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """All layers, one after the other."""
        for layer in self.layers:
            tgt = layer(
                tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=bool(tgt_is_causal),
                memory_is_causal=memory_is_causal,
            )  # fmt: skip
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """decoder(tgt, encoder(src)): the whole encoder-decoder network.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, ...: as for `TransformerEncoderLayer`.
        num_encoder_layers, num_decoder_layers: the depth of each stack.
        custom_encoder, custom_decoder: modules to use instead.

    Shape: src (S, N, E), tgt (T, N, E) -> (T, N, E); without N for one sequence

    Source: Vaswani et al., "Attention is all you need", 2017.
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: Any = "relu", custom_encoder: Any = None,
        custom_decoder: Any = None, layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False,
        bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        kind = {"device": device, "dtype": dtype}
        given = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
        norm = lambda: LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **kind)  # noqa: E731
        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(*given, **kind), num_encoder_layers, norm()
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(*given, **kind), num_decoder_layers, norm()
        )
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.dim() > 1:
                init.xavier_uniform_(p)

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """Encode src, decode tgt."""
        batch = 0 if self.batch_first else 1
        if src.dim() == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError(
                f"the batch number of src and tgt must be equal, got {src.shape[batch]} and {tgt.shape[batch]}"
            )
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(
                f"the feature number of src and tgt must be equal to d_model ({self.d_model}), got {src.shape[-1]} and "
                f"{tgt.shape[-1]}"
            )
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal, memory_is_causal=memory_is_causal,
        )  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """-inf above the diagonal, 0 elsewhere: a step sees only those before it."""
        return autograd.full((sz, sz), -math.inf, dtype=dtype, device=device).triu(diagonal=1)
