"""Layers and losses as `torch` itself offers them: the arguments of `torch.nn.functional`, in another order or form.

`torch.batch_norm` takes the weight before the running mean, `torch.embedding` the table before the indices, and the losses
count their reductions: 0 for none, which is the default, 1 for the mean, 2 for the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import nn.functional as F

from .... import arange, bincount, bucketize, cat, no_grad, zeros
from ...._tensor import Tensor, wrap
from ....ops.recurrent import Weights, cell

_REDUCTIONS = {0: "none", 1: "mean", 2: "sum"}
_INTERPOLATION, _PADDING = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
_BAGS = ("sum", "mean", "max")


def _reduction(name: str, reduction: Any) -> str:
    if isinstance(reduction, str) or not isinstance(reduction, int):
        raise TypeError(
            f"{name}(): argument 'reduction' must be int, not {type(reduction).__name__}: 0 for none, 1 for mean, 2 for sum; "
            f"nn.functional.{name} takes the words"
        )
    if reduction not in _REDUCTIONS:
        raise ValueError(f"{name}(): reduction must be 0 (none), 1 (mean) or 2 (sum), got {reduction}")
    return _REDUCTIONS[reduction]


# ---------------------------------------------------------------------------------------------- losses


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Any = None, pos_weight: Any = None, reduction: int = 0
) -> Tensor:
    how = _reduction("binary_cross_entropy_with_logits", reduction)
    return F.binary_cross_entropy_with_logits(input, target, weight, pos_weight=pos_weight, reduction=how)


def kl_div(input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False) -> Tensor:
    how = _reduction("kl_div", reduction)
    if how != "mean":
        return F.kl_div(input, target, reduction=how, log_target=log_target)
    return F.kl_div(input, target, reduction="none", log_target=log_target).mean()  # without the word's warning


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0) -> Tensor:
    return F.hinge_embedding_loss(input, target, margin, reduction=_reduction("hinge_embedding_loss", reduction))


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int) -> Tensor:
    how = _reduction("poisson_nll_loss", reduction)
    return F.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=how)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    how = _reduction("cosine_embedding_loss", reduction)
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=how)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    how = _reduction("margin_ranking_loss", reduction)
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=how)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Tensor:
    how = _reduction("triplet_margin_loss", reduction)
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=how)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    how = _reduction("ctc_loss", reduction)
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, how, zero_infinity)


# ---------------------------------------------------------------------------------------------- normalisation


def batch_norm(
    input: Tensor,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    return F.group_norm(input, num_groups, weight, bias, eps)


def _moments(x: Tensor, axes: Any, eps: float, keepdim: bool = False) -> tuple:
    """(mean, 1 / standard deviation) over axes."""
    return x.mean(axes, keepdim), (x.var(axes, correction=0, keepdim=keepdim) + eps).rsqrt()


def native_layer_norm(input: Tensor, normalized_shape: Sequence[int], weight: Any, bias: Any, eps: float) -> tuple:
    """(the normalised input, mean, 1 / standard deviation)."""
    axes = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    y = F.layer_norm(input, normalized_shape, weight, bias, eps)
    return y, *_moments(input.detach(), axes, eps, keepdim=True)


def native_group_norm(input: Tensor, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float) -> tuple:
    """(the normalised input, mean and 1 / standard deviation of each group, which have gradients of their own)."""
    return F.group_norm(input, group, weight, bias, eps), *_moments(input.reshape(N, group, C // group * HxW), 2, eps)


def native_batch_norm(
    input: Tensor,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple:
    """(the normalised input, mean and 1 / standard deviation of each channel; empty when not training)."""
    y = F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if not training:
        return y, zeros(0, dtype=input.dtype), zeros(0, dtype=input.dtype)
    return y, *_moments(input.detach(), (0, *range(2, input.ndim)), eps)


# ---------------------------------------------------------------------------------------------- noise


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    return F.dropout(input, p, train)


def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    return F.dropout(input, p, train, inplace=True)


def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    return F.alpha_dropout(input, p, train)


def alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    return F.alpha_dropout(input, p, train, inplace=True)


def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    return F.feature_alpha_dropout(input, p, train)


def feature_alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    return F.feature_alpha_dropout(input, p, train, inplace=True)


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """`dropout` of whole channels."""
    mask = F.dropout(input.new_ones((*input.shape[:2], *(1,) * (input.ndim - 2))), p, train)
    return input * mask


def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    return input.copy_(feature_dropout(input.clone(), p, train))


def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple:
    """(the input after dropout, where it was kept)."""
    if train is False:
        return input.clone(), wrap(np.ones(tuple(input.shape), bool))
    noise = F.dropout(input.new_ones(tuple(input.shape)), p, True)
    return input * noise, noise != 0


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None
) -> Tensor:
    return F.rrelu(input, lower, upper, training)


# ---------------------------------------------------------------------------------------------- tables, images, cells


def embedding(
    weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Tensor:
    padding = None if padding_idx == -1 else padding_idx
    return F.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def embedding_renorm_(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Scale the rows that are named down to `max_norm`, in place."""
    with no_grad():
        F.embedding(indices, weight, max_norm=max_norm, norm_type=norm_type)
    return weight


def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> tuple:
    """(the bags, which bag each index is in, how many each bag holds, an empty tensor)."""
    bags = F.embedding_bag(
        indices, weight, offsets, scale_grad_by_freq=scale_grad_by_freq, mode=_BAGS[mode], sparse=sparse,
        per_sample_weights=per_sample_weights, include_last_offset=include_last_offset, padding_idx=padding_idx,
    )  # fmt: skip
    starts = offsets[:-1] if include_last_offset else offsets
    places = bucketize(arange(len(indices)), starts, right=True) - 1
    return bags, places, bincount(places, minlength=len(starts)), zeros(0, dtype=offsets.dtype)


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    mode, padding = _INTERPOLATION[interpolation_mode], _PADDING[padding_mode]
    return F.grid_sample(input, grid, mode, padding, align_corners)


grid_sampler_2d = grid_sampler_3d = grid_sampler


def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    return F.affine_grid(theta, size, align_corners)


def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple:
    """(values, indices)."""
    return F.adaptive_max_pool1d(input, output_size, return_indices=True)


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    """A convolution over as many axes as the filters have, or a transposed one."""
    spatial = weight.ndim - 2
    if transposed:
        function = getattr(F, f"conv_transpose{spatial}d")
        return function(
            input, weight, bias, tuple(stride), tuple(padding), tuple(output_padding), groups, tuple(dilation)
        )
    return getattr(F, f"conv{spatial}d")(input, weight, bias, tuple(stride), tuple(padding), tuple(dilation), groups)


def _cell(mode: str, input: Tensor, state: tuple, w_ih: Tensor, w_hh: Tensor, b_ih: Any, b_hh: Any) -> tuple:
    return cell(mode, input, state, Weights(w_ih, w_hh, b_ih, b_hh))


def lstm_cell(input: Tensor, hx: Any, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None) -> tuple:
    """One step of an LSTM: (h, c)."""
    return _cell("LSTM", input, tuple(hx), w_ih, w_hh, b_ih, b_hh)


def gru_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    return _cell("GRU", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


def rnn_tanh_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    return _cell("RNN_TANH", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


def rnn_relu_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None) -> Tensor:
    return _cell("RNN_RELU", input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


# ---------------------------------------------------------------------------------------------- segments

_EMPTY = {"sum": 0.0, "mean": float("nan"), "prod": 1.0, "max": float("-inf"), "min": float("inf")}
_STEPS = {"sum": "sum", "mean": "mean", "prod": "prod", "max": "amax", "min": "amin"}


def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Any = None,
    indices: Any = None,
    offsets: Any = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Any = None,
) -> Tensor:
    """One row for each run of rows: `reduce` over runs of the given lengths, or between offsets.

    Raises:
        RuntimeError: neither lengths nor offsets, another axis than the first, or lengths that do not add up.
    """
    if reduce not in _STEPS:
        raise RuntimeError(f"segment_reduce(): unsupported reduction given! {reduce}: choose from {', '.join(_STEPS)}")
    if axis != 0 or indices is not None:
        raise RuntimeError(
            f"segment_reduce(): only the first axis, without indices, is supported here; got axis {axis}"
        )
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    ends = lengths.cumsum(0) if lengths is not None else offsets[1:]
    starts = ends - lengths if lengths is not None else offsets[:-1]
    if lengths is not None and not unsafe and len(ends) and int(ends[-1]) != len(data):
        raise RuntimeError(
            f"segment_reduce(): Expected all rows of lengths along axis to sum to data.size(axis) = {len(data)}, got "
            f"{int(ends[-1])}"
        )
    empty = _EMPTY[reduce] if initial is None else initial
    return cat([_segment(data[a:b], reduce, empty, initial).unsqueeze(0)
                for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])  # fmt: skip


def _segment(rows: Tensor, reduce: str, empty: Any, initial: Any) -> Tensor:
    if not len(rows):
        return rows.new_full(tuple(rows.shape[1:]), empty)
    if initial is not None:
        start = rows.new_full((1, *rows.shape[1:]), initial)
        if reduce == "mean":
            return (rows.sum(0) + initial) / len(rows)
        rows = cat([start, rows])
    return getattr(rows, _STEPS[reduce])(0)


# ---------------------------------------------------------------------------------------------- copies of views


def select_copy(input: Tensor, dim: int, index: int) -> Tensor:
    return input.select(dim, index).clone()


def slice_copy(input: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Tensor:
    return input[(slice(None),) * (dim % input.ndim) + (slice(start, end, step),)].clone()


def split_copy(input: Tensor, split_size: int, dim: int = 0) -> tuple:
    return tuple(part.clone() for part in input.split(split_size, dim))


def detach_copy(input: Tensor) -> Tensor:
    return input.detach().clone()


def cond(pred: Any, true_fn: Any, false_fn: Any, operands: Any = ()) -> Any:
    """true_fn(*operands) or false_fn(*operands)."""
    return (true_fn if bool(pred) else false_fn)(*operands)


def while_loop(cond_fn: Any, body_fn: Any, carried_inputs: Any) -> Any:
    """body_fn over and over, as long as cond_fn holds of what it returned last."""
    carried = tuple(carried_inputs)
    while bool(cond_fn(*carried)):
        carried = tuple(body_fn(*carried))
    return carried


def sym_max(a: Any, b: Any) -> Any:
    return max(a, b)


def sym_min(a: Any, b: Any) -> Any:
    return min(a, b)


def sym_sum(args: Any) -> Any:
    return sum(args)


def sym_not(a: Any) -> bool:
    return not a


def sym_ite(b: Any, t: Any, f: Any) -> Any:
    return t if b else f


def to_dlpack(ext_tensor: Tensor) -> Any:
    """A DLPack capsule of the tensor's memory."""
    return ext_tensor.__dlpack__()
