"""Batching rules of operations whose arguments say where the axes are: shapes, indices, products, losses.

Each is handed the operation, the number of slices, its inputs (mapped axis first), which of them are mapped, and its
parameters; it returns the result with the mapped axis first, or None where it has no answer.
"""

from __future__ import annotations

import builtins
import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from ._batch import TABLE, Level, Mapped, align, moved, named, padded, slices_of, top, whole
from ._dtype import from_numpy_dtype, result_dtype
from ._op import Op
from ._tensor import NotMapped, Tensor
from .ops.arithmetic import mul, sub
from .ops.compare import _where
from .ops.matmul import matmul
from .ops.norm import across
from .ops.reduce import mean, sum
from .ops.shape import expand, movedim, reshape, squeeze, transpose, unsqueeze


def batch(*names: str) -> Any:
    """Decorator: the rule of the named declarations."""

    def declare(rule: Any) -> Any:
        for name in names:
            TABLE[name] = rule
        return rule

    return declare


# ---------------------------------------------------------------------------------------------- shapes


@batch("_._reshape", "_._view", "_._sum_to_size", "_._zeros_for")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    (x,), shape = values, params[0]
    if op.name == "_sum_to_size":
        shape = (*(1,) * (x.ndim - 1 - len(shape)), *shape)  # summed with its axes in place, then without them
        return reshape(op.apply((x,), ((size, *shape),)), (size, *params[0]))
    if -1 in shape:
        inner = math.prod(x.shape[1:])
        known = -math.prod(shape)
        shape = tuple(inner // known if s == -1 else s for s in shape)
    return op.apply((x,), ((size, *shape),))


@batch("_._expand")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    return op.apply((padded(values[0], len(params[0])),), ((size, *params[0]),))


@batch("_._permute")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    rank = values[0].ndim - 1
    return op.apply(tuple(values), ((0, *(moved(params[0], rank) if rank else ())),))


@batch("_._repeat")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    return op.apply((padded(values[0], len(params[0])),), ((1, *params[0]),))


@batch("_._slice", "_._gather_at")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    index = params[0] if isinstance(params[0], tuple) else (params[0],)
    if op.name == "_gather_at" and isinstance(index[0], type(Ellipsis)):
        return None
    return op.apply(tuple(values), ((slice(None), *index),))


@batch("_._spread_slice", "_._add_at")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    shape, index = params
    index = index if isinstance(index, tuple) else (index,)
    if op.name == "_add_at":
        return None
    return op.apply(tuple(values), ((size, *shape), (slice(None), *index)))


@batch("_._diagonal")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    offset, first, second = params
    rank = values[0].ndim - 1
    return op.apply(tuple(values), (offset, moved(first, rank), moved(second, rank)))


@batch("roll")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    (x,), (shifts, dims) = values, params
    if dims is None or dims == ():
        flat = op.apply((reshape(x, (size, math.prod(x.shape[1:]))),), (sum_of(shifts), 1))
        return reshape(flat, x.shape)
    return op.apply((x,), (shifts, moved(dims, x.ndim - 1)))


def sum_of(shifts: Any) -> int:
    return builtins.sum(shifts) if isinstance(shifts, (tuple, list)) else shifts


@batch("_._masked_fill")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    return None if mapped[2] else align(op, size, values, mapped, params)


@batch("gather")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    dim, index, *rest = params
    if not isinstance(index, Tensor) or not index.ndim:
        return None
    return op.apply(tuple(values), (moved(dim, index.ndim), expand(unsqueeze(index, 0), (size, *index.shape)), *rest))


@batch("_._written")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    index = params[0] if isinstance(params[0], tuple) else (params[0],)
    if any(isinstance(i, (type(Ellipsis), np.ndarray)) for i in index):
        return None
    return op.apply(tuple(whole(size, values, mapped)), ((slice(None), *index),))


@batch("_._pivots_to_matrix")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    return op.apply(tuple(whole(size, values, mapped)), params)


# ---------------------------------------------------------------------------------------------- products


@batch("matmul")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    (x, y), (mx, my) = values, mapped
    rank_x, rank_y = x.ndim - mx, y.ndim - my
    if not mx and rank_x <= 2 and rank_y == 1:  # one matrix or vector for many vectors: one product
        return matmul(y, x) if rank_x == 1 else matmul(y, transpose(x, 0, 1))
    if not my and rank_y <= 2 and rank_x <= 2:
        return matmul(x, y)
    if rank_x == 1:
        x = unsqueeze(x, -2)
    if rank_y == 1:
        y = unsqueeze(y, -1)
    rank = max(rank_x, rank_y, 2)
    x, y = (padded(v, rank) if m else v for v, m in ((x, mx), (y, my)))
    z = matmul(x, y)
    z = squeeze(z, -1) if rank_y == 1 else z
    return squeeze(z, -1 if rank_y == 1 else -2) if rank_x == 1 else z


@batch("_._linear")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    (x, weight, bias), (mx, mw, mb) = values, mapped
    if not (mw or mb):
        return op.apply(tuple(values), params)
    rank = x.ndim - mx
    product = matmul(unsqueeze(x, -2) if rank == 1 else x, _between(transpose(weight, -1, -2), rank, mw))
    product = squeeze(product, -2) if rank == 1 else product
    return product if bias is None else product + _between(bias, rank, mb)


def _between(t: Tensor, rank: int, is_mapped: bool) -> Tensor:
    return padded(t, rank) if is_mapped else t


@batch("_._mean_square_error")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    error = sub(*whole(size, values, mapped))
    return mean(reshape(mul(error, error), (size, -1)), dim=1)


@batch("_._conv")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    """Slices join the rows of the batch; kernels of their own become groups of one convolution."""
    (x, weight, bias), (mx, mw, mb) = values, mapped
    if mx and not (mw or mb):
        y = op.apply((reshape(x, (size * x.shape[1], *x.shape[2:])), weight, bias), params)
        return reshape(y, (size, x.shape[1], *y.shape[1:]))
    options = named(op, params)
    x, weight = whole(size, [x, weight], (mx, mw))
    n, channels, out = x.shape[1], x.shape[2], weight.shape[1]
    x = reshape(movedim(x, 0, 1), (n, size * channels, *x.shape[3:]))  # (S, N, C, ...) -> (N, S C, ...)
    weight = reshape(weight, (size * out, *weight.shape[2:]))
    options["groups"] = options["groups"] * size
    y = op.apply((x, weight, None), tuple(options.values()))
    y = movedim(reshape(y, (n, size, out, *y.shape[2:])), 1, 0)
    if bias is None:
        return y
    ones = (1,) * (y.ndim - 3)
    return y + (reshape(bias, (size, 1, out, *ones)) if mb else reshape(bias, (out, *ones)))


# ---------------------------------------------------------------------------------------------- normalisation, embedding


@batch("_._standard", "_._root_mean_square")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    if not mapped[0]:
        return None
    x, *scales = values
    axes, eps = params
    rank = x.ndim - 1
    found = op.apply((x, *(None for _ in scales)), (moved(axes, rank), eps))
    y, *rest = found if isinstance(found, tuple) else (found,)
    for scale, is_mapped, combine in zip(scales, mapped[1:], (mul, lambda a, b: a + b), strict=False):
        if scale is not None:
            if across(axes) and scale.ndim == 1 + is_mapped:  # a number per channel
                scale = reshape(scale, (*scale.shape, *(1,) * (rank - 2)))
            y = combine(y, _between(scale, rank, is_mapped))
    return (y, *rest) if rest else y


@batch("_._embedding")
def _(op: Op, size: int, values: list, mapped: tuple, params: tuple) -> Any:
    return None if mapped[0] else op.apply(tuple(values), params)


# ---------------------------------------------------------------------------------------------- choices


@batch("where")
def chosen(function: Any, args: tuple, options: dict[str, Any]) -> Any:
    """where of tensors and numbers, which the plain function promotes by looking at their values."""
    given = dict(zip(("condition", "input", "other"), args, strict=False)) | options
    if len(given) != 3:
        raise NotMapped("vmap: the number of places where a condition holds differs between slices")
    x, y = given["input"], given["other"]
    # One slice decides the dtype: by its number of axes, not by those of all slices.
    like = [SimpleNamespace(ndim=v.ndim, dtype=v.dtype.dtype) if isinstance(v, Tensor) else v for v in (x, y)]
    target = result_dtype(tuple(like))
    as_target = [v.to(from_numpy_dtype(target)) if isinstance(v, Tensor) else np.asarray(v, target)[()] for v in (x, y)]
    return _where(given["condition"], *as_target)


# ---------------------------------------------------------------------------------------------- losses over classes


@batch("nn.functional.nll_loss", "nn.functional.cross_entropy")
def over_rows(loss: Any, args: tuple, options: dict[str, Any]) -> Any:
    """nll_loss and cross_entropy of class indices: rows of all slices in one call, averaged slice by slice."""
    given = dict(zip(("input", "target", "weight"), args, strict=False)) | options
    input, target = given.pop("input"), given.pop("target")
    level = top((input, target))
    if level is None or len(args) > 3 or given.get("weight") is not None or target.dtype.kind not in "iu":
        raise NotMapped("vmap: this loss asks for single values")
    reduction = given.pop("reduction", "mean")
    losses = _row_losses(loss, input, target, level, given)
    if reduction == "none":
        return Mapped(losses, level)
    total = sum(reshape(losses, (level.size, -1)), dim=1)
    if reduction == "sum":
        return Mapped(total, level)
    counted = slices_of(target, level) != given.get("ignore_index", -100)
    return Mapped(total / sum(reshape(counted, (level.size, -1)), dim=1), level)


def _row_losses(loss: Any, input: Tensor, target: Tensor, level: Level, given: dict) -> Tensor:
    x, labels = slices_of(input, level), slices_of(target, level)
    if input.ndim == 1:
        return loss(x, labels, reduction="none", **given)
    n = x.shape[1]
    flat = loss(reshape(x, (-1, *x.shape[2:])), reshape(labels, (-1, *labels.shape[2:])), reduction="none", **given)
    return reshape(flat, (level.size, n, *flat.shape[1:]))
