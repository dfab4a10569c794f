"""Losses between numbers, probabilities and pairs; those over classes are in `classify`, CTC is in `ctc`."""

from __future__ import annotations

import math
import warnings

import numpy as np

from .._array import broadcast_shapes
from .._op import composite, op
from .._samples import call, cases, reals
from ._pieces import within

_F = "nn.functional"


# ---------------------------------------------------------------------------------------------- reductions


def reduction_of(size_average, reduce, reduction):
    """The reduction's name, from PyTorch's older pair of flags when they are given."""
    if size_average is None and reduce is None:
        return reduction
    size_average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce
    found = ("mean" if size_average else "sum") if reduce else "none"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{found}' instead.",
        UserWarning,
        stacklevel=4,
    )
    return found


def reduced(loss, reduction):
    """The loss itself, its mean or its sum."""
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction; use 'none', 'mean' or 'sum'")


def _weighted(loss, weight, input, reduction):
    """Reduced with a weight per element; the mean is the weighted mean."""
    if weight is None:
        return reduced(loss, reduction)
    if tuple(weight.shape) != tuple(input.shape):
        raise ValueError(
            f"Weights and input must have the same size: got {tuple(weight.shape)} and {tuple(input.shape)}"
        )
    loss = loss * weight
    return sum(loss) / sum(weight) if reduction == "mean" else reduced(loss, reduction)


def _warn_sizes(name, input, target):
    """Two shapes that broadcast are nearly always a mistake: (N, 1) with (N) makes N * N differences."""
    if input.shape != target.shape:
        warnings.warn(
            f"{name}: Using a target size ({_size(target)}) that is different to the input size ({_size(input)}). "
            "This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=4,
        )


def _size(t):
    return f"torch.Size({list(t.shape)})"


def _plain_floats(input, target):
    x, y = input._data, target._data
    return x.ndim > 0 and x.size > 0 and x.dtype == y.dtype and x.dtype.kind == "f" and x.dtype.itemsize > 2


# ---------------------------------------------------------------------------------------------- differences


@op(name="_square_error", symbol="(x−y)²", caption="± 2(x−y)", elementwise=True, promote="same", method=False, namespace="_",
    sample=reals(-2, 2))  # fmt: skip
def _square_error(x, y):
    d = x - y
    return d * d


@_square_error.grad("x")
def _(g, x, y):
    return g * ((x - y) * 2.0)


@_square_error.grad("y")
def _(g, x, y):
    return g * ((y - x) * 2.0)


@op(name="_mean_square_error", symbol="mse", caption="± 2(x−y)/n", promote="same", method=False, namespace="_", wide=True,
    sample=cases(lambda r: [call(r(2, 3), r(2, 3)), call(r(4), r(4))]))  # fmt: skip
def _mean_square_error(x, y):
    """Mean of (x - y)² for equal shapes, in one node."""
    d = x - y
    d *= d
    return np.add.reduce(d, axis=None) / d.size


@_mean_square_error.grad("x")
def _(g, x, y, x_shape):
    return (x - y) * (g * (2.0 / math.prod(x_shape)))


@_mean_square_error.grad("y")
def _(g, x, y, x_shape):
    return (y - x) * (g * (2.0 / math.prod(x_shape)))


@composite(namespace=_F)
def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """Mean of (input - target)².

    Args:
        reduction: 'mean', 'sum' or 'none'.
        weight: one per element; the mean is then the weighted one.

    Note:
        Warns when the shapes differ: (N, 1) against (N) would make N * N differences.
    """
    alike = input.shape == target.shape
    if not alike:
        _warn_sizes("mse_loss", input, target)
    reduction = reduction_of(size_average, reduce, reduction)
    if alike and reduction == "mean" and weight is None and _plain_floats(input, target):
        return _mean_square_error(input, target)
    return _weighted(_square_error(input, target), weight, input, reduction)


@composite(namespace=_F)
def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """Mean of |input - target|; the gradient is 0 where they are equal."""
    _warn_sizes("l1_loss", input, target)
    reduction = reduction_of(size_average, reduce, reduction)
    return _weighted(abs(input - target), weight, input, reduction)


@op(pieced=True, real=True, batch="align", name="_huber", symbol="huber", method=False, namespace="_", sample=cases(lambda r: [
    call(r(3, 4), knee=0.77, scale=1.0), call(r(5), knee=1.33, scale=1.33)]))  # fmt: skip
def _huber(x, *, knee, scale):
    """scale * (x² / (2 knee) below the knee, |x| - knee/2 above)."""
    size = np.abs(x)
    near = np.minimum(size, knee)
    # near * (size - near/2) / knee is both branches at once
    return (near * (size - 0.5 * near)) * (scale / knee)


@_huber.grad("x")
def _(g, x, knee, scale):
    return g * (clamp(x, -knee, knee) * (scale / knee))


@composite(namespace=_F)
def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """Mean of d² / (2 beta) where |d| < beta and |d| - beta/2 elsewhere, d = input - target.

    Raises:
        RuntimeError: beta is negative.
    """
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}.")
    _warn_sizes("smooth_l1_loss", input, target)
    reduction = reduction_of(size_average, reduce, reduction)
    difference = input - target
    return reduced(abs(difference) if beta == 0 else _huber(difference, knee=beta, scale=1.0), reduction)


@composite(namespace=_F)
def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """Mean of d²/2 where |d| < delta and delta (|d| - delta/2) elsewhere, d = input - target.

    Raises:
        TypeError: delta is not a real number.
        RuntimeError: delta is not positive.
    """
    if not isinstance(delta, (int, float, np.integer, np.floating)):
        raise TypeError(f"huber_loss: delta must be a float or int, got: {type(delta)}")
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}.")
    _warn_sizes("huber_loss", input, target)
    return _weighted(_huber(input - target, knee=delta, scale=delta), weight, input, reduction)


# ---------------------------------------------------------------------------------------------- probabilities


@op(
    real=True,
    name="_bce",
    symbol="bce",
    elementwise=True,
    promote="same",
    method=False,
    namespace="_",
    quiet=True,
    sample=reals(0.1, 0.9),
)
def _bce(x, y):
    """-(y log x + (1 - y) log(1 - x)), each logarithm at least -100."""
    return (y - 1) * np.maximum(np.log1p(-x), -100) - y * np.maximum(np.log(x), -100)


@_bce.grad("x")
def _(g, x, y):
    return g * (x - y) / clamp(x * (1.0 - x), min=1e-12)


@_bce.grad("y")
def _(g, x):
    return g * (clamp(log1p(-x), min=-100.0) - clamp(log(x), min=-100.0))


@composite(namespace=_F)
def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Mean of -(t log p + (1-t) log(1-p)); logarithms are clamped at -100, so that 0 and 1 give finite losses.

    Raises:
        ValueError: shapes differ.
        RuntimeError: an input outside [0, 1].
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if tuple(target.shape) != tuple(input.shape):
        raise ValueError(
            f"binary_cross_entropy: Using a target size ({_size(target)}) that is different to the input size "
            f"({_size(input)}) is "
            "deprecated. Please ensure they have the same size."
        )
    p = input._data
    if p.size and not (np.min(p) >= 0 and np.max(p) <= 1):
        raise RuntimeError(
            "binary_cross_entropy: all elements of input should be between 0 and 1, they go from "
            f"{float(np.min(p))} to {float(np.max(p))}"
        )
    loss = _bce(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


@op(pieced=True, real=True, name="_bce_logits", symbol="bce", caption="σ(x) − y", elementwise=True, promote="same", method=False, namespace="_",
    sample=reals(-3, 3, avoid=(0,)))  # fmt: skip
def _bce_logits(x, y):
    """log(1 + e^x) - x y, without overflow."""
    return within(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))


@_bce_logits.grad("x")
def _(g, x, y):
    return g * (sigmoid(x) - y)


@_bce_logits.grad("y")
def _(g, x):
    return -g * x


@composite(namespace=_F)
def binary_cross_entropy_with_logits(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None
):
    """Mean of -(t log σ(x) + (1-t) log(1-σ(x))) without ever forming σ(x) near 0 or 1.

    Args:
        pos_weight: multiplies the terms of positive targets; broadcasts.

    Raises:
        ValueError: shapes differ.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if tuple(target.shape) != tuple(input.shape):
        raise ValueError(
            f"binary_cross_entropy_with_logits: Target size ({_size(target)}) must be the same as input size "
            f"({_size(input)})"
        )
    if pos_weight is None:
        loss = _bce_logits(input, target)
    else:
        loss = (1 - target) * input - ((pos_weight - 1) * target + 1) * log_sigmoid(input)
    return reduced(loss if weight is None else loss * weight, reduction)


def _x_log_x(t):
    """t log t, 0 at 0."""
    safe = where(t == 0, 1.0, t)
    return where(t == 0, 0.0 * t, t * log(safe))


@composite(namespace=_F)
def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """target (log target - input) for log-probabilities `input`: the divergence of `input` from `target`.

    Args:
        reduction: 'batchmean' divides the sum by the batch's length, as the definition has it; 'mean' by all elements.
        log_target: `target` holds logarithms as well.
    """
    if size_average is not None or reduce is not None:
        reduction = reduction_of(size_average, reduce, reduction)
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' "
            "divides only by "
            "the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the same as "
            "'batchmean' in the next major release.",
            UserWarning,
            stacklevel=3,
        )
    loss = exp(target) * (target - input) if log_target else _x_log_x(target) - target * input
    if reduction != "batchmean":
        return reduced(loss, reduction)
    return sum(loss) / input.shape[0] if input.ndim else loss


@composite(namespace=_F)
def poisson_nll_loss(
    input, target, log_input=True, full=False, size_average=None, eps=1e-8, reduce=None, reduction="mean"
):
    """e^x - t x for the logarithm x of a rate (x - t log(x + eps) for the rate itself).

    Args:
        full: add Stirling's approximation of log t! for targets above 1.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        safe = where(target > 1, target, 2.0)
        loss = loss + where(target > 1, safe * log(safe) - safe + 0.5 * log(safe * (2 * math.pi)), 0.0)
    return reduced(loss, reduction)


@composite(namespace=_F)
def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """(log v + (x - t)² / v) / 2 for predictions x with variance v = max(var, eps).

    Raises:
        ValueError: a negative variance, or one of another shape than the input's (an axis of length one may be left out).
    """
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError(f"gaussian_nll_loss: var has negative entry/entries: {var}")
        var = full_like(input, var)
    elif np.any(var._data < 0):
        raise ValueError("gaussian_nll_loss: var has negative entry/entries")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"gaussian_nll_loss: {reduction} is not valid")
    var = _fitted_variance(input, var)
    # Clamped in value only: PyTorch lets the gradient pass below eps as well.
    var = var + (clamp(var, min=eps) - var).detach()
    loss = 0.5 * (log(var) + _square_error(input, target) / var)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def _fitted_variance(input, var):
    a, b = tuple(input.shape), tuple(var.shape)
    if a == b:
        return var
    if a[:-1] == b:
        return unsqueeze(var, -1)
    if len(a) == len(b) and [n for m, n in zip(a, b, strict=True) if m != n] == [1]:
        return var
    raise ValueError(f"gaussian_nll_loss: var is of incorrect size: {b} for an input of {a}")


# ---------------------------------------------------------------------------------------------- margins and pairs


@composite(namespace=_F)
def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """Mean of x where the target is 1, and of max(0, margin - x) where it is -1."""
    reduction = reduction_of(size_average, reduce, reduction)
    apart = where(target != 1, clamp(margin - input, min=0), 0.0)
    near = where(target != -1, input, 0.0)
    return reduced(apart + near, reduction)


@composite(namespace=_F)
def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """Mean of log(1 + e^(-t x)) for targets 1 and -1.

    Raises:
        RuntimeError: the target does not broadcast to the input's shape.
    """
    both = broadcast_shapes(target.shape, input.shape)
    if both != tuple(input.shape):
        raise RuntimeError(
            f"soft_margin_loss: output with shape {list(input.shape)} doesn't match the broadcast shape {list(both)} of input "
            f"and target; expand the input to it"
        )
    reduction = reduction_of(size_average, reduce, reduction)
    return reduced(-log_sigmoid(target * input), reduction)


@composite(namespace=_F)
def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Mean over classes (the last axis) of the binary cross entropy with logits, then the reduction over the batch."""
    reduction = reduction_of(size_average, reduce, reduction)
    loss = -(target * log_sigmoid(input) + (1 - target) * log_sigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(sum(loss, dim=-1) / input.shape[-1], reduction)


@composite(namespace=_F)
def cosine_embedding_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.

    Raises:
        RuntimeError: the target is not (N) for inputs (N, D), or () for (D).
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if target.ndim not in (0, 1):
        raise RuntimeError(
            f"cosine_embedding_loss: 0D or 1D target tensor expected, multi-target not supported, got {target.ndim}D"
        )
    if target.ndim + 1 != input1.ndim or target.ndim + 1 != input2.ndim:
        raise RuntimeError(
            f"cosine_embedding_loss: {target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but "
            "found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    if target.ndim and not input1.shape[0] == input2.shape[0] == target.shape[0]:
        raise RuntimeError(
            f"cosine_embedding_loss: the batches differ: inputs {tuple(input1.shape)} and {tuple(input2.shape)}, "
            f"target {tuple(target.shape)}"
        )
    eps = 1e-12
    along = target.ndim
    product = sum(input1 * input2, dim=along)
    cosine = product / sqrt((sum(input1 * input1, dim=along) + eps) * (sum(input2 * input2, dim=along) + eps))
    loss = where(target == 1, 1 - cosine, 0.0) + where(target == -1, clamp(cosine - margin, min=0), 0.0)
    return reduced(loss, reduction)


@composite(namespace=_F)
def margin_ranking_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """Mean of max(0, -t (x1 - x2) + margin): for target 1 the first should be the larger, for -1 the second.

    Raises:
        RuntimeError: the numbers of axes differ.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {list(input1.shape)}, input2: {list(input2.shape)}, target: {list(target.shape)} "
        )
    return reduced(clamp(-target * (input1 - input2) + margin, min=0), reduction)


@composite(namespace=_F)
def triplet_margin_loss(
    anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, size_average=None, reduce=None, reduction="mean"
):
    """Mean of max(0, ‖a - p‖ - ‖a - n‖ + margin); with swap ‖p - n‖ counts where it is the smaller distance.

    Raises:
        ValueError: margin is not positive.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss: margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(_different_ranks(anchor, positive, negative))

    def distance(a, b):
        return pairwise_distance(a, b, p, eps)

    return _triplet(anchor, positive, negative, distance, margin, swap, reduction)


def _different_ranks(anchor, positive, negative):
    return (
        "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
        f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
    )


def _triplet(anchor, positive, negative, distance, margin, swap, reduction):
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(clamp(margin + near - far, min=0), reduction)


@composite(namespace=_F)
def triplet_margin_with_distance_loss(
    anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False, reduction="mean"
):
    """`triplet_margin_loss` with a distance of the caller's; `pairwise_distance` by default.

    Raises:
        ValueError: margin is not positive, or the reduction unknown.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"triplet_margin_with_distance_loss: margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(_different_ranks(anchor, positive, negative))
    return _triplet(anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction)


from .activation import log_sigmoid  # noqa: E402
from .compare import minimum, where  # noqa: E402
from .create import full_like  # noqa: E402
from .distance import pairwise_distance  # noqa: E402
from .pointwise import abs, clamp, exp, log, log1p, sigmoid, sqrt  # noqa: E402
from .reduce import mean, sum  # noqa: E402
from .shape import unsqueeze  # noqa: E402
