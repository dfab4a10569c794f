"""Attention: softmax(q kᵀ / √d + mask) v, alone and with the projections of several heads."""

from __future__ import annotations

import functools
import math

import numpy as np

from .._mode import fast
from .._op import composite, op
from .._samples import call, cases
from .._tensor import wrap
from ._pieces import inner_along, sums_along

_F = "nn.functional"


_HIGH, _LOW = 60.0, 1e-20  # e^60 is far from overflow, and a sum above 1e-20 from where float32 loses digits


def _rows(scores):
    """softmax over the last axis, perhaps in place; a row of -inf gives zeros, not NaN."""
    if fast.enabled and type(scores) is np.ndarray and scores.dtype in (np.float32, np.float64) and scores.size:
        found = _rows_in_range(scores)
        if found is not None:
            return found
    top = np.maximum.reduce(scores, axis=-1, keepdims=True, initial=-np.inf)
    lost = top == -np.inf
    masked = np.logical_or.reduce(lost, axis=None)
    if masked:
        top[lost] = 0
    scores -= top
    np.exp(scores, out=scores)
    total = sums_along(scores)
    if masked:
        total[lost] = 1
    scores /= total
    return scores


def _rows_in_range(scores):
    """softmax without the usual shift of each row by its largest, where the numbers need none; else None."""
    if not np.maximum.reduce(scores, axis=None) <= _HIGH:
        return None
    weights = np.exp(scores)
    total = sums_along(weights)
    if not np.minimum.reduce(total, axis=None) >= _LOW:
        return None
    weights /= total
    return weights


@op(batch="align", name="_safe_softmax", symbol="softmax", caption="y⊙(g−⟨g,y⟩)", method=False, namespace="_", quiet=True,
    wide=True, sample=cases(lambda r: [call(r(2, 3)), call(r(2, 2, 4))]))  # fmt: skip
def _safe_softmax(x):
    """softmax over the last axis, zero where all of it is -inf."""
    return _rows(np.array(x))


@_safe_softmax.grad("x")
def _(g, out):
    product = g * out
    return product - out * sum(product, dim=-1, keepdim=True)


@op(batch="align", name="_attend", symbol="attention", method=False, namespace="_", quiet=True, aux=("weights",), sample=cases(lambda r: [
    call(r(2, 3, 4), r(2, 5, 4), r(2, 5, 2), r(3, 5), scale=0.5), call(r(3, 4), r(5, 4), r(5, 2), scale=0.7),
    call(r(2, 2, 3, 2), r(2, 1, 4, 2), r(2, 1, 4, 3), r(2, 1, 1, 4), scale=0.7)]))  # fmt: skip
def _attend(query, key, value, mask=None, *, scale):
    """softmax(q kᵀ scale + mask) v, and the weights that the gradients need."""
    scores = np.matmul(query * scale, key.swapaxes(-1, -2))
    if mask is not None:
        if np.broadcast_shapes(scores.shape, mask.shape) != scores.shape:
            scores = scores + mask
        else:
            scores += mask
    weights = _rows(scores)
    return _weighted(weights, value, query), weights


def _weighted(weights, value, query):
    """weights @ value, in memory in the order of the queries: heads split off by transposing can be joined by a view."""
    if type(query) is not np.ndarray or query.ndim != 4 or query.strides[1] >= query.strides[2]:
        return np.matmul(weights, value)
    batch, heads, rows, _ = weights.shape
    out = np.empty((batch, rows, heads, value.shape[-1]), np.result_type(weights, value)).swapaxes(1, 2)
    return np.matmul(weights, value, out=out)


def _weights(query, key, mask, scale):
    scores = matmul(query * scale, transpose(key, -1, -2))
    return _safe_softmax(scores if mask is None else scores + mask)


def _score_gradient(g, query, key, value, mask, scale):
    weights = _weights(query, key, mask, scale)
    product = matmul(g, transpose(value, -1, -2)) * weights
    return product - weights * sum(product, dim=-1, keepdim=True)


@_attend.grad("query")
def _(g, query, key, value, mask, scale):
    return matmul(_score_gradient(g, query, key, value, mask, scale), key) * scale


@_attend.grad("key")
def _(g, query, key, value, mask, scale):
    return matmul(transpose(_score_gradient(g, query, key, value, mask, scale), -1, -2), query) * scale


@_attend.grad("value")
def _(g, query, key, mask, scale):
    return matmul(transpose(_weights(query, key, mask, scale), -1, -2), g)


@_attend.grad("mask")
def _(g, query, key, value, mask, scale):
    return _score_gradient(g, query, key, value, mask, scale)


@_attend.fast
def _(g, query, key, value, mask, weights, scale, needs):
    """As the rules, with the weights kept and the scores' gradient formed once."""
    gv = np.matmul(weights.swapaxes(-1, -2), g) if needs[2] else None
    if not (needs[0] or needs[1] or needs[3]):
        return None, None, gv, None
    slope = np.matmul(g, value.swapaxes(-1, -2))
    slope -= inner_along(slope, weights)
    slope *= weights
    gm = slope.copy() if needs[3] else None
    slope *= scale
    gq = np.matmul(slope, key) if needs[0] else None
    gk = np.matmul(slope.swapaxes(-1, -2), query) if needs[1] else None
    return gq, gk, gv, gm


def _additive(mask, dtype):
    """A mask as numbers to add: -inf where a bool mask does not hold."""
    if mask.dtype.name != "bool":
        return mask
    return wrap(np.where(mask._data, 0.0, -np.inf).astype(dtype)[()])


@functools.lru_cache(1024)
def _check_shapes(query, key, value):
    name = "scaled_dot_product_attention"
    if min(len(query), len(key), len(value)) < 2:
        raise RuntimeError(
            f"{name}: Expected query, key, and value to all be at least 2 dimensional, but got query.dim(): "
            f"{len(query)}, "
            f"key.dim(): {len(key)} and value.dim(): {len(value)} instead."
        )
    if query[-1] != key[-1] or key[-2] != value[-2]:
        raise RuntimeError(
            f"{name}: query and key need the same last axis, key and value as many rows: query {tuple(query)}, "
            f"key {tuple(key)}, value {tuple(value)}"
        )


def _check(query, key, value, attn_mask, is_causal):
    name = "scaled_dot_product_attention"
    _check_shapes(query.shape, key.shape, value.shape)
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            f"{name}: Expected query, key, and value to have the same dtype, but got query.dtype: {query.dtype!r} "
            "key.dtype: "
            f"{key.dtype!r} and value.dtype: {value.dtype!r} instead."
        )
    if is_causal and attn_mask is not None:
        raise RuntimeError(f"{name}: Explicit attn_mask should not be set when is_causal=True")
    if attn_mask is not None and attn_mask.dtype.name != "bool" and attn_mask.dtype != query.dtype:
        raise RuntimeError(
            f"{name}: Expected attn_mask dtype to be bool or to match query dtype, but got attn_mask.dtype: "
            f"{attn_mask.dtype!r} and "
            f"query.dtype: {query.dtype!r} instead."
        )


def _shared_heads(x, heads):
    """Every head of x repeated for the query heads that share it: (..., h, S, E) -> (..., heads, S, E)"""
    own = x.shape[-3]
    if not own or heads % own:
        raise RuntimeError(
            f"scaled_dot_product_attention: with enable_gqa the number of query heads ({heads}) must be divisible "
            "by the number of "
            f"heads of key and value ({own})"
        )
    times = heads // own
    if times == 1:
        return x
    lead, tail = tuple(x.shape[:-3]), tuple(x.shape[-2:])
    return reshape(expand(unsqueeze(x, -3), (*lead, own, times, *tail)), (*lead, heads, *tail))


@composite(namespace=_F)
def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    """softmax(q kᵀ scale + mask) v.

    Args:
        attn_mask: bool (True: takes part) or numbers that are added; broadcasts to (..., L, S).
        dropout_p: probability with which a weight is dropped.
        is_causal: row i sees columns 0..i only.
        scale: 1/√E by default.
        enable_gqa: heads of key and value (third axis from the end) are shared by groups of query heads.

    Shape: query (..., L, E), key (..., S, E), value (..., S, Ev) -> (..., L, Ev)

    Note:
        A row that may see nothing gives zeros and passes no gradient.

    Source: Vaswani et al., "Attention is all you need", 2017, eq. 1.
    """
    _check(query, key, value, attn_mask, is_causal)
    if query.dtype in (float16, bfloat16):
        mask = attn_mask if attn_mask is None or attn_mask.dtype.name == "bool" else convert(attn_mask, float32)
        return halves_in_float32(
            lambda q, k, v: scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal, scale, enable_gqa),
            query, key, value,
        )  # fmt: skip
    if enable_gqa:
        key, value = _shared_heads(key, query.shape[-3]), _shared_heads(value, query.shape[-3])
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1] or 1)
    dtype = query._data.dtype
    mask = None if attn_mask is None else _additive(attn_mask, dtype)
    if is_causal:
        mask = wrap(_causal(query.shape[-2], key.shape[-2], dtype))
    if dropout_p == 0.0:
        return _attend(query, key, value, mask, scale=scale)[0]
    return matmul(dropout(_weights(query, key, mask, scale), dropout_p), value)


def _causal(rows, columns, dtype):
    """-inf where a column comes after the row."""
    return (_kept_causal if rows * columns <= _KEPT else _made_causal)(rows, columns, dtype)


def _made_causal(rows, columns, dtype):
    mask = np.where(np.arange(columns) <= np.arange(rows)[:, None], 0.0, -np.inf).astype(dtype)
    mask.flags.writeable = False
    return mask


_KEPT = 1 << 16  # elements of a mask that is kept: making it takes a sixth of the attention of a small model
_kept_causal = functools.lru_cache(16)(_made_causal)


# ---------------------------------------------------------------------------------------------- several heads


def _number_mask(name, mask, dtype):
    """-inf where a bool mask holds (nn.MultiheadAttention's masks say what to leave out), numbers as they are."""
    if mask is None:
        return None
    if mask.dtype.name == "bool":
        return wrap(np.where(mask._data, -np.inf, 0.0).astype(dtype)[()])
    if not mask.dtype.is_floating_point:
        raise AssertionError(f"only bool and floating types of {name} are supported, got {mask.dtype!r}")
    return mask


def _projected(query, key, value, weights, biases):
    return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))


def _more_keys(t, extra):
    """A mask with one more column, of zeros."""
    return None if t is None else cat([t, wrap(np.zeros((*t.shape[:-1], extra), t._data.dtype))], dim=-1)


def _heads(x, batch, heads):
    """(T, N, E) -> (N heads, T, E/heads)"""
    return transpose(reshape(x, (x.shape[0], batch * heads, -1)), 0, 1)


def _check_heads(query, key, value, key_padding_mask, attn_mask, embed_dim, heads, separate):
    if query.ndim not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
        )
    if not query.ndim == key.ndim == value.ndim:
        raise AssertionError(
            f"For {'batched' if query.ndim == 3 else 'unbatched'} ({query.ndim}-D) `query`, expected `key` and "
            f"`value` to be {query.ndim}-D "
            f"but found {key.ndim}-D and {value.ndim}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.ndim != query.ndim - 1:
        raise AssertionError(
            f"expected `key_padding_mask` to be `None` or {query.ndim - 1}-D but found {key_padding_mask.ndim}-D "
            "tensor instead"
        )
    if attn_mask is not None and attn_mask.ndim not in (2, 3):
        raise AssertionError(
            f"expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.ndim}-D tensor instead"
        )
    if query.shape[-1] != embed_dim:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim}, but got {query.shape[-1]}")
    if embed_dim % heads:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {heads}")
    if not separate and tuple(key.shape) != tuple(value.shape):
        raise AssertionError(f"key shape {tuple(key.shape)} does not match value shape {tuple(value.shape)}")
    if separate and tuple(key.shape[:-1]) != tuple(value.shape[:-1]):
        raise AssertionError(
            f"key's sequence and batch dims {tuple(key.shape[:-1])} do not match value's {tuple(value.shape[:-1])}"
        )


def _merged_mask(attn_mask, padding, batch, heads, rows, columns):
    """One additive mask (N heads or 1, L, S) from the two kinds."""
    if attn_mask is not None:
        expected = (rows, columns) if attn_mask.ndim == 2 else (batch * heads, rows, columns)
        if tuple(attn_mask.shape) != expected:
            raise RuntimeError(
                f"The shape of the {attn_mask.ndim}D attn_mask is {tuple(attn_mask.shape)}, but should be {expected}."
            )
        if attn_mask.ndim == 2:
            attn_mask = unsqueeze(attn_mask, 0)
    if padding is None:
        return attn_mask
    if tuple(padding.shape) != (batch, columns):
        raise AssertionError(f"expecting key_padding_mask shape of {(batch, columns)}, but got {tuple(padding.shape)}")
    spread = reshape(
        expand(reshape(padding, (batch, 1, 1, columns)), (batch, heads, 1, columns)), (batch * heads, 1, columns)
    )
    return spread if attn_mask is None else attn_mask + spread


@composite(namespace=_F)
def multi_head_attention_forward(
    query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k, bias_v, add_zero_attn, dropout_p,
    out_proj_weight, out_proj_bias, training=True, key_padding_mask=None, need_weights=True, attn_mask=None,
    use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, static_k=None, static_v=None,
    average_attn_weights=True, is_causal=False,
):  # fmt: skip
    """Attention of several heads between learnt projections: what `nn.MultiheadAttention` computes.

    Shape: query (L, N, E) or (L, E), key and value (S, N, E) or (S, E).

    Returns:
        (output like query, weights (N, L, S), per head (N, heads, L, S) unless averaged, or None).
    """
    _check_heads(
        query, key, value, key_padding_mask, attn_mask, embed_dim_to_check, num_heads, use_separate_proj_weight
    )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    batched = query.ndim == 3
    if not batched:
        query, key, value = unsqueeze(query, 1), unsqueeze(key, 1), unsqueeze(value, 1)
        key_padding_mask = key_padding_mask if key_padding_mask is None else unsqueeze(key_padding_mask, 0)
    length, batch, embed = query.shape
    dtype = query._data.dtype
    padding = _number_mask("key_padding_mask", key_padding_mask, dtype)
    mask = _merged_mask(_number_mask("attn_mask", attn_mask, dtype), padding, batch, num_heads, length, key.shape[0])
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else chunk(in_proj_weight, 3)
    biases = (None,) * 3 if in_proj_bias is None else chunk(in_proj_bias, 3)
    q, k, v = _projected(query, key, value, weights, biases)
    if (bias_k is None) != (bias_v is None):
        raise AssertionError(
            "bias_k is set but bias_v is None" if bias_v is None else "bias_v is set but bias_k is None"
        )
    if bias_k is not None:
        k, v = (cat([x, expand(b, (1, batch, embed))]) for x, b in ((k, bias_k), (v, bias_v)))
        mask = _more_keys(mask, 1)
    q = _heads(q, batch, num_heads)
    k = _heads(k, batch, num_heads) if static_k is None else static_k
    v = _heads(v, batch, num_heads) if static_v is None else static_v
    if add_zero_attn:
        k, v = (cat([x, wrap(np.zeros((x.shape[0], 1, x.shape[2]), dtype))], dim=1) for x in (k, v))
        mask = _more_keys(mask, 1)
    out, found = _attended(q, k, v, mask, dropout_p if training else 0.0, need_weights)
    out = reshape(transpose(out, 0, 1), (length, batch, embed))
    out = linear(out, out_proj_weight, out_proj_bias)
    if found is not None:
        found = reshape(found, (batch, num_heads, length, k.shape[1]))
        found = mean(found, dim=1) if average_attn_weights else found
        found = found if batched else squeeze(found, 0)
    return (out if batched else squeeze(out, 1)), found


def _attended(q, k, v, mask, dropout_p, need_weights):
    scale = 1 / math.sqrt(q.shape[-1])
    if not need_weights and dropout_p == 0.0:
        return _attend(q, k, v, mask, scale=scale)[0], None
    scores = matmul(q * scale, transpose(k, -1, -2))
    weights = softmax(scores if mask is None else scores + mask, -1)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p)
    return matmul(weights, v), weights if need_weights else None


from .._dtype import bfloat16, float16, float32  # noqa: E402
from .cast import convert, halves_in_float32  # noqa: E402
from .distance import linear  # noqa: E402
from .dropout import dropout  # noqa: E402
from .join import cat, chunk  # noqa: E402
from .matmul import matmul  # noqa: E402
from .reduce import mean, sum  # noqa: E402
from .shape import expand, reshape, squeeze, transpose, unsqueeze  # noqa: E402
from .softmax import softmax  # noqa: E402
