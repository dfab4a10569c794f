"""Losses over classes: negative log likelihood, cross entropy and the margin losses."""

from __future__ import annotations

import math

import numpy as np

from .. import _parallel
from .._array import along_rows
from .._op import composite, op
from .._samples import call, cases
from .._tensor import Tensor, wrap
from ._pieces import largest_along, sums_along
from .loss import _size, reduced, reduction_of

_F = "nn.functional"


# ---------------------------------------------------------------------------------------------- picking classes


def _places(index, shape):
    """Index tuple of the elements (n, index[n, *], *) of an array (N, C, *)."""
    if index.ndim == 1:
        return np.arange(shape[0]), index
    rows = np.arange(shape[0]).reshape(-1, *(1,) * (index.ndim - 1))
    grid = np.ogrid[tuple(slice(n) for n in index.shape[1:])]
    return (rows, index, *grid)


@op(name="_take_class", symbol="x[target]", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(3, 4), np.array([1, 3, 0])), call(r(2, 3, 2), np.array([[0, 2], [1, 1]]))]))  # fmt: skip
def take_class(x, index):
    """x[n, index[n, *], *]: (N, C, *) -> (N, *)."""
    return x[_places(index, x.shape)]


@take_class.grad("x")
def _(g, x_shape, index):
    return put_class(g, index, classes=x_shape[1])


@op(name="_put_class", symbol="one-hot", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(3), np.array([1, 3, 0]), classes=4)]))  # fmt: skip
def put_class(x, index, *, classes):
    """Zeros (N, C, *) with x[n, *] at class index[n, *]."""
    out = np.zeros_like(x, shape=(x.shape[0], classes, *x.shape[1:]))
    out[_places(index, out.shape)] = x
    return out


@put_class.grad("x")
def _(g, index):
    return take_class(g, index)


_CE_CASES = cases(lambda r: [
    call(r(3, 4), np.array([1, 3, 0])), call(r(2, 3, 2), np.array([[0, 2], [1, 1]])),
    call(r(3, 4), np.array([1, 3, 0]), average=True), call(r(2, 3, 2), np.array([[0, 2], [1, 1]]), average=True)])  # fmt: skip


@op(name="_softmax_nll", symbol="−log softmax", caption="p − onehot", method=False, namespace="_", quiet=True, wide=True,
    aux=("exponentials", "total"), sample=_CE_CASES)  # fmt: skip
def _softmax_nll(x, target, *, average=False):
    """log Σ e^x - x[target] over the classes (axis 1), or its mean; and e^(x - max) with its sums, which the gradient needs."""
    if x.ndim == 2 and x.nbytes > _BLOCK and type(x) is np.ndarray:
        shifted, total, chosen = _large_rows(x, target)
    else:
        shifted = x - largest_along(x, 1)
        chosen = shifted[_places(target, x.shape)]
        np.exp(shifted, out=shifted)
        total = sums_along(shifted, 1)
    losses = np.log(total[:, 0])
    losses -= chosen
    return (np.add.reduce(losses, axis=None) / losses.size if average else losses), shifted, total


_BLOCK = 1 << 19  # bytes of a block of rows
_MILD = 30.0  # rows whose largest element lies within are in no danger of over- or underflow and need no shift


def _large_rows(x, target):
    """The same for many rows, a block at a time while it is in the cache; shifted by the maximum only where needed."""
    n, classes = x.shape
    shifted, total, chosen = np.empty_like(x), np.empty_like(x, shape=(n, 1)), np.empty_like(x, shape=(n,))

    ones = np.ones_like(x, shape=(classes,))

    def work(part):
        rows, out = x[part], shifted[part]
        top = largest_along(rows)
        if not (np.min(top) > -_MILD and np.max(top) < _MILD):
            rows = np.subtract(rows, top, out=out)
        chosen[part] = rows[np.arange(len(out)), target[part]]
        np.exp(rows, out=out)
        np.vecdot(out, ones, out=total[part, 0])

    with along_rows(classes):
        _parallel.in_blocks(work, n, classes * x.itemsize, _BLOCK, x.shape)
    return shifted, total, chosen


@_softmax_nll.grad("x")
def _(g, x, target, target_shape, x_shape, average):
    if average:
        g = expand(g / math.prod(target_shape), target_shape)
    return unsqueeze(g, 1) * softmax(x, 1) - put_class(g, target, classes=x_shape[1])


@_softmax_nll.fast
def _(g, target, exponentials, total, average, needs):
    if average:
        g = g / target.size
        scale = g / total
    else:
        scale = np.expand_dims(g, 1) / total
    gx = np.empty_like(exponentials)
    with along_rows(gx.shape[-1]):
        if gx.nbytes <= _BLOCK or gx.ndim != 2:
            np.multiply(exponentials, scale, out=gx)
        else:
            work = lambda part: np.multiply(exponentials[part], scale[part], out=gx[part])  # noqa: E731
            _parallel.in_blocks(work, len(gx), gx.nbytes // len(gx), _BLOCK, gx.shape)
    gx[_places(target, gx.shape)] -= g
    return gx, None


# ---------------------------------------------------------------------------------------------- targets


def _raw(t):
    return t._data if isinstance(t, Tensor) else t


def _check_labels(name, labels, classes, ignored):
    """Labels that count must be classes; a negative one never wraps round."""
    wrong = ((labels < 0) | (labels >= classes)) & ~ignored
    if np.any(wrong):
        raise IndexError(
            f"{name}: Target {int(labels[wrong].reshape(-1)[0])} is out of bounds: there are {classes} classes"
        )


def _check_nll(name, input, target, weight):
    if input.ndim == 0:
        raise ValueError(f"{name}: Expected 1 or more dimensions (got {input.ndim})")
    if target.dtype.kind not in "iu":
        raise RuntimeError(
            f"{name}: expected target dtype to be Long or Byte, but got {target.dtype!r}; class indices are integers "
            "(target.long()), probabilities have the input's shape"
        )
    if input.ndim == 1:
        if target.ndim:
            raise ValueError(
                f"{name}: a single input {_size(input)} expects a target without axes, got {_size(target)}"
            )
    elif input.shape[0] != (target.shape[0] if target.ndim else None):
        raise ValueError(
            f"{name}: Expected input batch_size ({input.shape[0]}) to match target batch_size "
            f"({target.shape[0] if target.ndim else 'none'})."
        )
    elif tuple(target.shape[1:]) != tuple(input.shape[2:]):
        wanted = [input.shape[0], *input.shape[2:]]
        raise RuntimeError(
            f"{name}: size mismatch (got input: {list(input.shape)} , target: {list(target.shape)}): Expected target "
            f"size {wanted}, got {list(target.shape)}"
        )
    _check_class_weight(name, weight, input)


def _check_class_weight(name, weight, input):
    if weight is None:
        return
    classes = input.shape[1] if input.ndim > 1 else input.shape[0]
    if tuple(weight.shape) != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes but got "
            f"weight tensor of shape: {list(weight.shape)}"
        )
    if weight.dtype != input.dtype:
        raise RuntimeError(
            f"{name}: expected scalar type {input.dtype!r} but found {weight.dtype!r} for the weight of the classes; "
            f"convert it: weight.to({input.dtype!r})"
        )


def _counted(losses, labels, ignored, weight, reduction):
    """Losses (N, *) per label, times the class weights, without the ignored ones, reduced as PyTorch does."""
    any_ignored = bool(np.any(ignored))
    if weight is not None:
        scale = weight[wrap(labels)]
        if any_ignored:
            scale = scale * wrap((~ignored).astype(_raw(losses).dtype))
    elif any_ignored:
        scale = wrap((~ignored).astype(_raw(losses).dtype))
    else:
        return reduced(losses, reduction)
    if any_ignored:
        losses = where(wrap(ignored), 0.0, losses)
    if reduction == "mean":
        total = sum(scale)
        if not float(total._data):
            # Nothing counts: the mean of no losses is NaN, but it pulls no weight anywhere.
            return sum(losses * scale) + math.nan
        return sum(losses * scale) / total
    return reduced(losses * scale, reduction)


def _labels(name, input, target, ignore_index):
    """(labels with 0 where ignored, which are ignored) as arrays."""
    labels = _raw(target)
    ignored = labels == ignore_index
    _check_labels(name, labels, input.shape[1], ignored)
    return (np.where(ignored, 0, labels) if np.any(ignored) else labels).astype(np.int64, copy=False), ignored


@composite(namespace=_F)
def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """Mean of -input[target]: the negative log likelihood of the classes, for log-probabilities `input`.

    Args:
        weight: one per class; the mean is then the weighted one.
        ignore_index: a label that does not count.

    Shape: input (N, C, *) or (C), target (N, *) or () -> () or the target's shape.

    Raises:
        IndexError: a label outside [0, C).

    Note:
        When every label is ignored the mean is NaN and all gradients are 0.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    _check_nll("nll_loss", input, target, weight)
    if input.ndim == 1:
        one = nll_loss(
            unsqueeze(input, 0), unsqueeze(target, 0), weight, ignore_index=ignore_index, reduction=reduction
        )
        return squeeze(one, 0) if reduction == "none" else one
    labels, ignored = _labels("nll_loss", input, target, ignore_index)
    return _counted(-take_class(input, wrap(labels)), labels, ignored, weight, reduction)


@composite(namespace=_F)
def cross_entropy(
    input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean", label_smoothing=0.0
):
    """Mean of -log softmax(input)[target].

    Args:
        target: class indices, or probabilities of the shape of the input.
        weight: one per class; with indices the mean is the weighted one.
        ignore_index: a label that does not count (indices only).
        label_smoothing: this share of each target is spread evenly over the classes.

    Shape: input (N, C, *) or (C), target (N, *) or () for indices -> () or the indices' shape.

    Raises:
        IndexError: a label outside [0, C).

    Note:
        When every label is ignored the mean is NaN and all gradients are 0.

    Example:
        >>> import autograd, nn
        >>> logits = autograd.tensor([[2.0, 0.0, 0.0]])
        >>> nn.functional.cross_entropy(logits, autograd.tensor([0]))
        tensor(0.2395)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if _ordinary(input, target, weight, ignore_index, reduction, label_smoothing):
        return _softmax_nll(input, target, average=True)[0]
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if target.dtype.kind == "f" and target.ndim == input.ndim:
        if ignore_index >= 0:
            raise RuntimeError(
                f"cross_entropy: ignore_index is not supported for floating point target, got {ignore_index} with "
                f"{target.dtype!r} probabilities"
            )
        return _from_probabilities(input, target, weight, reduction, label_smoothing)
    if target.shape == input.shape and input.ndim > 1:
        raise RuntimeError(
            f"cross_entropy: Expected floating point type for target with class probabilities, got {target.dtype!r}"
        )
    _check_nll("cross_entropy", input, target, weight)
    if input.ndim == 1:
        one = cross_entropy(
            unsqueeze(input, 0), unsqueeze(target, 0), weight, None, ignore_index, None, reduction, label_smoothing
        )
        return squeeze(one, 0) if reduction == "none" else one
    labels, ignored = _labels("cross_entropy", input, target, ignore_index)
    if not input.numel():
        return _counted(sum(input, dim=1), labels, ignored, weight, reduction)
    if label_smoothing:
        return _smoothed(input, labels, ignored, weight, reduction, label_smoothing)
    return _counted(_softmax_nll(input, wrap(labels))[0], labels, ignored, weight, reduction)


def _ordinary(input, target, weight, ignore_index, reduction, label_smoothing):
    """Whether this is the loss of every tutorial: rows of logits, one class each, all of which count, averaged."""
    if weight is not None or reduction != "mean" or label_smoothing:
        return False
    try:
        x, labels = input._data, target._data
    except AttributeError:
        return False
    if x.ndim != 2 or labels.ndim != 1 or labels.dtype != np.int64 or len(labels) != len(x) or not x.size:
        return False
    classes = x.shape[1]
    # Read without a sign a negative label is larger than any class, so that one comparison finds both mistakes.
    return not 0 <= ignore_index < classes and np.maximum.reduce(labels.view(np.uint64)) < classes


def _smoothed(input, labels, ignored, weight, reduction, share):
    """(1 - share) of the loss, and share of the mean loss over all classes."""
    logs = log_softmax(input, 1)
    plain = _counted(-take_class(logs, wrap(labels)), labels, ignored, weight, reduction)
    spread = -logs if weight is None else -logs * _along_classes(weight, input.ndim)
    spread = sum(spread, dim=1)
    if np.any(ignored):
        spread = where(wrap(ignored), 0.0, spread)
    if reduction == "mean":
        count = (
            (~ignored).sum()
            if weight is None
            else sum(weight[wrap(labels)] * wrap((~ignored).astype(_raw(weight).dtype)))
        )
        total = float(_raw(count))
        spread = sum(spread) / count if total else sum(spread) + math.nan
    else:
        spread = reduced(spread, reduction)
    return plain * (1 - share) + spread * (share / input.shape[1])


def _along_classes(weight, ndim):
    return reshape(weight, (-1, *(1,) * (ndim - 2))) if ndim > 1 else weight


def _from_probabilities(input, target, weight, reduction, share):
    """-Σ over classes of target log softmax(input), the mean over the batch."""
    if input.ndim > 1 and input.shape[0] != target.shape[0]:
        raise ValueError(
            f"cross_entropy: Expected input batch_size ({input.shape[0]}) to match target batch_size ({target.shape[0]})."
        )
    if input.shape != target.shape:
        raise RuntimeError(
            "cross_entropy: 0D or 1D target tensor expected, multi-target not supported; class probabilities have the "
            f"input's shape {_size(input)}, got {_size(target)}"
        )
    axis = 1 if input.ndim > 1 else 0
    if share:
        target = target * (1 - share) + share / input.shape[axis]
    terms = -log_softmax(input, axis) * target
    if weight is not None:
        terms = terms * _along_classes(weight, input.ndim)
    if reduction == "mean":
        return sum(terms) / max(input.numel() // max(input.shape[axis], 1), 1) if input.numel() else sum(terms) / 0.0
    return reduced(sum(terms, dim=axis), reduction)


@composite(namespace=_F)
def linear_cross_entropy(
    input, linear_weight, target, *, linear_bias=None, weight=None, reduction="mean", ignore_index=None, label_smoothing=0.0,
    options=None,
):  # fmt: skip
    """`cross_entropy` of `linear(input, linear_weight)`.

    Args:
        linear_weight: (C, in), or (C, d1, ..., dK, in) for a loss in K dimensions.
        linear_bias: one per class and place, (C) or (C, d1, ..., dK).
        ignore_index: -100 for class indices when None.
        options: accepted for PyTorch's sake; everything is computed at once.

    Shape: input (N, in) or (in), target as for `cross_entropy` of (N, C, d1, ..., dK) -> () or the indices' shape

    Raises:
        RuntimeError: the widths of input, weight and bias do not fit, or an ignore_index beside probabilities.
    """
    axes = tuple(linear_weight.shape[:-1])
    _check_linear(input, linear_weight, linear_bias, axes)
    bias = None if linear_bias is None else reshape(linear_bias, (-1,))
    flat = linear(input, reshape(linear_weight, (-1, linear_weight.shape[-1])), bias)
    logits = reshape(flat, (*input.shape[:-1], *axes))
    if tuple(target.shape) == tuple(logits.shape) and ignore_index is not None:
        raise RuntimeError(
            f"linear_cross_entropy: ignore_index cannot be specified when target contains probabilities, got {ignore_index}"
        )
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        logits, target, weight, ignore_index=ignored, reduction=reduction, label_smoothing=label_smoothing
    )


def _check_linear(input, weight, bias, axes):
    name = "linear_cross_entropy"
    if input.ndim not in (1, 2):
        raise RuntimeError(f"{name}: expected input with dimensionality 1 or 2, got {input.ndim}")
    if weight.ndim < 2:
        raise RuntimeError(f"{name}: expected linear_weight with dimensionality at least 2, got {weight.ndim}")
    if input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            f"{name}: expected equal input and linear_weight last dimensions (in_features), got {input.shape[-1]} and "
            f"{weight.shape[-1]}, respectively"
        )
    if bias is not None and tuple(bias.shape) != axes:
        raise RuntimeError(f"{name}: expected linear_bias shape {axes}, got {tuple(bias.shape)}")
    if len(axes) > 1 and input.ndim == 1:
        raise RuntimeError(
            f"{name}: a loss in {len(axes) - 1} dimensions, by linear_weight of shape {tuple(weight.shape)}, requires "
            f"batched input (N, {input.shape[0]}), got unbatched input of shape {tuple(input.shape)}"
        )


# ---------------------------------------------------------------------------------------------- margins


def _rows(name, input):
    """(input as (N, C), whether the batch axis was added)."""
    if input.ndim > 2 or (input.ndim and input.shape[-1] == 0):
        raise RuntimeError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}"
        )
    return (input, False) if input.ndim == 2 else (reshape(input, (1, -1)), True)


@composite(namespace=_F)
def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Mean over the batch of Σ over other classes of max(0, margin - x[target] + x[i])^p / C.

    Raises:
        ValueError: p is not 1 or 2, or the weight is not a vector.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"multi_margin_loss: weight must be one-dimensional, got {weight.ndim} dimensions")
    x, added = _rows("multi_margin_loss", input)
    _check_class_weight("multi_margin_loss", weight, x)
    if target.dtype.kind not in "iu":
        raise RuntimeError(f"multi_margin_loss: expected scalar type Long but found {target.dtype!r} for the target")
    labels = _raw(target).reshape(-1)
    if target.ndim > 1 or labels.shape[0] != x.shape[0]:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). "
            f"Expected target size [{x.shape[0]}], but got {list(target.shape)}. Input has shape {list(input.shape)}."
        )
    if labels.size and (labels.min() < 0 or labels.max() >= x.shape[1]):
        raise RuntimeError(
            f"multi_margin_loss: target out of range: labels {labels.min()} to {labels.max()} for {x.shape[1]} classes"
        )
    classes = x.shape[1]
    index = wrap(labels.astype(np.int64))
    others = np.ones(tuple(x.shape), bool)
    others[np.arange(x.shape[0]), labels] = False
    gaps = clamp(margin - unsqueeze(take_class(x, index), 1) + x, min=0)
    gaps = where(wrap(others), gaps if p == 1 else gaps * gaps, 0.0)
    losses = sum(gaps, dim=1)
    if weight is not None:
        losses = losses * weight[index]
    losses = losses / classes
    return squeeze(losses, 0) if added and reduction == "none" and target.ndim == 0 else reduced(losses, reduction)


@composite(namespace=_F)
def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """Mean over the batch of Σ over (target, other) pairs of max(0, 1 - x[target] + x[other]) / C.

    Each row of `target` lists its classes; the list ends at the first -1.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    x, added = _rows("multilabel_margin_loss", input)
    if tuple(target.shape) != tuple(input.shape):
        raise RuntimeError(
            f"multilabel_margin_loss: inconsistent target size: {list(target.shape)} for input of size: "
            f"{list(input.shape)}"
        )
    labels = _raw(target).reshape(tuple(x.shape))
    listed = np.cumprod(labels >= 0, axis=1).astype(bool)
    _check_labels("multilabel_margin_loss", labels, x.shape[1], ~listed)
    safe = np.where(listed, labels, 0).astype(np.int64)
    positive = np.zeros(labels.shape, bool)
    rows, columns = np.nonzero(listed)
    positive[rows, safe[rows, columns]] = True
    chosen = gather(x, 1, wrap(safe))
    gaps = clamp(1 - unsqueeze(chosen, 2) + unsqueeze(x, 1), min=0)
    counted = listed[:, :, None] & ~positive[:, None, :]
    losses = sum(where(wrap(counted), gaps, 0.0), dim=(1, 2)) / x.shape[1]
    return squeeze(losses, 0) if added and reduction == "none" else reduced(losses, reduction)


from .compare import where  # noqa: E402
from .distance import linear  # noqa: E402
from .index import gather  # noqa: E402
from .pointwise import clamp  # noqa: E402
from .reduce import sum  # noqa: E402
from .shape import expand, reshape, squeeze, unsqueeze  # noqa: E402
from .softmax import log_softmax, softmax  # noqa: E402
