"""Connectionist temporal classification: the likelihood of a label sequence summed over all its alignments."""

from __future__ import annotations

import math

import numpy as np

from .._array import real_only
from .._dtype import float32
from .._op import composite
from .._samples import call, cases
from .._tensor import Tensor, wrap
from .cast import convert
from .loss import reduced

_F = "nn.functional"
_NEVER = -1e30  # log of a probability that is none; finite, so that differences of two of them are numbers


def _lengths(name, values, batch):
    data = values._data if isinstance(values, Tensor) else np.asarray(values)
    data = np.atleast_1d(np.asarray(data))
    if data.dtype.kind not in "iu":
        raise RuntimeError(f"ctc_loss: {name} must be integral, got {data.dtype.name}")
    if data.shape != (batch,):
        raise RuntimeError(f"ctc_loss: {name} must be of size batch_size: got {data.shape} for a batch of {batch}")
    return data.astype(np.int64)


def _padded_targets(targets, lengths, classes, blank):
    """Targets as rows (N, S), from rows or from one concatenated vector."""
    data = targets._data
    if data.dtype.kind not in "iu":
        raise RuntimeError(f"ctc_loss: targets must be integers, got {data.dtype.name}")
    longest = int(lengths.max(initial=0))
    if data.ndim == 1:
        if data.shape[0] < lengths.sum():
            raise RuntimeError(
                f"ctc_loss: targets hold {data.shape[0]} labels, fewer than the {int(lengths.sum())} that "
                "target_lengths add up to"
            )
        rows = np.full((len(lengths), longest), blank, np.int64)
        start = 0
        for i, n in enumerate(lengths):
            rows[i, :n] = data[start : start + n]
            start += n
        return rows
    if data.shape[1] < longest:
        raise RuntimeError(
            f"ctc_loss: Expected tensor to have size at least {longest} at dimension 1, but got size "
            f"{data.shape[1]} for targets"
        )
    rows = data[:, :longest].astype(np.int64)
    return np.where(np.arange(longest) < lengths[:, None], rows, blank)


def _with_blanks(rows, blank):
    """(labels with blanks around each (N, 2S+1), where a label may follow the one before without a blank between)."""
    n, s = rows.shape
    labels = np.full((n, 2 * s + 1), blank, np.int64)
    labels[:, 1::2] = rows
    skip = np.zeros(labels.shape, bool)
    skip[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
    return labels, skip


def _shifted(a, by):
    """a moved right by `by` along axis 1, filled with what never happens."""
    if a.shape[1] <= by:
        return a * 0.0 + _NEVER
    edge = narrow(a, 1, 0, by) * 0.0 + _NEVER
    return cat([edge, narrow(a, 1, 0, a.shape[1] - by)], dim=1)


def _log_likelihood(log_probs, labels, skip, steps, lengths):
    """log of the probability of each label row: the forward recursion over time. (T, N, C) -> (N)"""
    batch, places = labels.shape
    emitted = gather(log_probs, 2, wrap(np.broadcast_to(labels, (log_probs.shape[0], batch, places)).copy()))
    start = wrap(np.broadcast_to(np.arange(places) < 2, labels.shape).copy())
    alpha = where(start, emitted[0], _NEVER)
    can_skip = wrap(skip)
    for t in range(1, log_probs.shape[0]):
        stay = logaddexp(alpha, _shifted(alpha, 1))
        following = logaddexp(stay, where(can_skip, _shifted(alpha, 2), _NEVER)) + emitted[t]
        running = steps > t
        alpha = following if running.all() else where(wrap(running[:, None]), following, alpha)
    last = gather(alpha, 1, wrap(2 * lengths[:, None]))
    before = gather(alpha, 1, wrap(np.maximum(2 * lengths[:, None] - 1, 0)))
    before = where(wrap(lengths[:, None] > 0), before, _NEVER)
    found = squeeze(logaddexp(last, before), 1)
    if steps.all():
        return found
    nothing = wrap(np.where(lengths == 0, 0.0, _NEVER)).to(found.dtype)  # no step emits only nothing
    return where(wrap(steps > 0), found, nothing)


def _check(log_probs, targets, blank):
    if log_probs.ndim not in (2, 3):
        raise RuntimeError(f"ctc_loss: log_probs must be (T, N, C) or (T, C), got {tuple(log_probs.shape)}")
    if not log_probs.dtype.is_floating_point:
        raise RuntimeError(f"ctc_loss: log_probs must be floating point, got {log_probs.dtype!r}")
    if not 0 <= blank < log_probs.shape[-1]:
        raise RuntimeError(f"ctc_loss: blank must be in label range [0, {log_probs.shape[-1]}), got {blank}")


_SAMPLE = cases(lambda r: [
    call(r(5, 2, 3), np.array([[1, 2], [2, 2]]), steps=np.array([5, 4]), lengths=np.array([2, 2])),
    call(r(4, 1, 3), np.array([[1, 0]]), steps=np.array([4]), lengths=np.array([1]))])  # fmt: skip


@composite(namespace="_", name="_ctc", method=False, sample=_SAMPLE)
def _ctc(log_probs, rows, steps, lengths, blank=0):
    """-log of the probability of each label row, with log_probs taken as independent numbers."""
    real_only("ctc_loss", log_probs)
    labels, skip = _with_blanks(rows._data, blank)
    wide = convert(log_probs, float32) if log_probs.dtype.itemsize < 4 else log_probs  # 16 bits do not hold _NEVER
    return convert(-_log_likelihood(wide, labels, skip, steps, lengths), log_probs.dtype)


@composite(namespace=_F)
def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction="mean", zero_infinity=False):
    """-log of the probability that the network emits `targets`, summed over all alignments.

    Args:
        log_probs: log softmax of the outputs, (T, N, C) or (T, C).
        targets: labels as rows (N, S) or one after the other.
        input_lengths, target_lengths: how much of each row counts.
        blank: the class that stands for no label.
        reduction: 'mean' divides each loss by its target's length first.
        zero_infinity: losses of impossible alignments count as 0.

    Raises:
        RuntimeError: lengths, labels or blank out of range.

    Note:
        As in PyTorch the gradient takes log_probs to be the output of log_softmax: a part that log_softmax would take away
        again is already gone, so that it is zero summed over the classes.

    Source: Graves et al., "Connectionist temporal classification", 2006.
    """
    _check(log_probs, targets, blank)
    batched = log_probs.ndim == 3
    if not batched:
        log_probs = unsqueeze(log_probs, 1)
        targets = targets if targets.ndim == 2 else unsqueeze(targets, 0)
    batch, time = log_probs.shape[1], log_probs.shape[0]
    steps, lengths = _lengths("input_lengths", input_lengths, batch), _lengths("target_lengths", target_lengths, batch)
    if steps.max(initial=0) > time or steps.min(initial=0) < 0:
        raise RuntimeError(
            f"ctc_loss: Expected input_lengths to have value at most {time}, but got value {int(steps.max())}"
        )
    if lengths.min(initial=0) < 0:
        raise RuntimeError(f"ctc_loss: Expected target_lengths to have value at least 0, but got {int(lengths.min())}")
    rows = _padded_targets(targets, lengths, log_probs.shape[2], blank)
    if rows.size and (rows.min() < 0 or rows.max() >= log_probs.shape[2]):
        raise RuntimeError(f"ctc_loss: a label lies outside [0, {log_probs.shape[2]})")
    losses = _ctc(log_probs, wrap(rows), steps, lengths, blank) + _projection(log_probs, steps)
    impossible = wrap(losses._data > 1e29)
    if np.any(impossible._data):
        losses = where(impossible, 0.0 if zero_infinity else math.inf, losses)
    if reduction == "mean":
        losses = losses / wrap(np.maximum(lengths, 1).astype(losses._data.dtype))
    return reduced(losses if batched or reduction != "none" else squeeze(losses, 0), reduction)


def _projection(log_probs, steps):
    """Zero, whose gradient e^log_probs makes the loss's gradient that of log_softmax's input."""
    total = exp(log_probs)
    running = np.arange(log_probs.shape[0])[:, None] < steps
    total = sum(where(wrap(running[:, :, None]), total, 0.0), dim=(0, 2))
    return total - total.detach()


from .compare import where  # noqa: E402
from .index import gather, narrow  # noqa: E402
from .join import cat  # noqa: E402
from .pointwise import exp, logaddexp  # noqa: E402
from .reduce import sum  # noqa: E402
from .shape import squeeze, unsqueeze  # noqa: E402
