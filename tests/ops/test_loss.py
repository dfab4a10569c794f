"""Losses: reductions, targets that do not count, edges of probability; refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn.functional as F

from ._refusals import check, f, i, table

# ------------------------------------------------------------------ classes


def test_every_label_ignored_is_nan_without_gradient():
    for loss in (F.cross_entropy, F.nll_loss):
        x = autograd.randn(2, 3).requires_grad_()
        y = loss(x, i(-100, -100))
        y.backward()
        assert math.isnan(y.item())
        assert x.grad.abs().sum().item() == 0
        assert loss(x, i(-100, -100), reduction="sum").item() == 0


def test_ignored_rows_do_not_count_in_the_mean():
    x = autograd.randn(3, 4)
    assert F.cross_entropy(x, i(1, 7, 2), ignore_index=7).item() == pytest.approx(
        F.cross_entropy(x[[0, 2]], i(1, 2)).item(), rel=1e-6
    )


def test_an_ignored_row_of_nan_stays_out():
    x = autograd.tensor([[1.0, 2.0], [math.nan, math.nan]], requires_grad=True)
    y = F.cross_entropy(x, i(0, -100))
    y.backward()
    assert math.isfinite(y.item())


def test_weighted_mean_divides_by_the_weights():
    x, w = autograd.randn(3, 2), autograd.tensor([1.0, 3.0])
    each = F.cross_entropy(x, i(0, 1, 1), reduction="none")
    expected = (each * autograd.tensor([1.0, 3.0, 3.0])).sum() / 7
    assert F.cross_entropy(x, i(0, 1, 1), w).item() == pytest.approx(expected.item(), rel=1e-6)


def test_large_logits_do_not_overflow():
    x = autograd.tensor([[1000.0, 0.0], [-1000.0, 0.0]], requires_grad=True)
    y = F.cross_entropy(x, i(0, 0), reduction="none")
    y.sum().backward()
    assert y.tolist() == [0.0, 1000.0]
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("scale", [1.0, 40.0, 1e4])
def test_many_rows_in_blocks_are_the_few(scale):
    x = (autograd.randn(400, 500, dtype=autograd.float64) * scale).requires_grad_()
    t = autograd.randint(0, 500, (400,))
    whole, parts = F.cross_entropy(x, t), [F.cross_entropy(x[n : n + 50], t[n : n + 50]) for n in range(0, 400, 50)]
    mean = autograd.stack(parts).mean()
    assert whole.item() == pytest.approx(mean.item(), rel=1e-12)
    a, b = autograd.grad(whole, x)[0], autograd.grad(mean, x)[0]
    np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-15)


def test_probabilities_as_targets_agree_with_indices():
    x, t = autograd.randn(3, 4), i(1, 0, 3)
    for share in (0.0, 0.2):
        a = F.cross_entropy(x, t, label_smoothing=share)
        b = F.cross_entropy(x, F.one_hot(t, 4).float(), label_smoothing=share)
        assert a.item() == pytest.approx(b.item(), rel=1e-5)


def test_linear_cross_entropy_is_its_two_parts():
    x, w, b = autograd.randn(3, 4), autograd.randn(5, 4), autograd.randn(5)
    t = i(1, 0, 4)
    a = F.linear_cross_entropy(x, w, t, linear_bias=b)
    assert a.item() == pytest.approx(F.cross_entropy(F.linear(x, w, b), t).item(), rel=1e-6)


# ------------------------------------------------------------------ numbers and probabilities


def test_sizes_that_broadcast_warn():
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        with pytest.warns(
            UserWarning, match=r"target size \(torch.Size\(\[3\]\)\) that is different to the input size"
        ):
            getattr(F, name)(f(3, 1), f(3))


def test_older_reduction_arguments_warn_and_work():
    x, t = autograd.tensor([1.0, 2.0]), autograd.tensor([0.0, 0.0])
    for flags, expected in (
        ((True, True), 2.5),
        ((False, True), 5.0),
        ((True, False), [1.0, 4.0]),
        ((None, False), [1.0, 4.0]),
    ):
        with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated, please use reduction="):
            assert F.mse_loss(x, t, *flags).tolist() == expected


def test_cross_entropy_of_certain_probabilities_is_clamped():
    p = autograd.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    y = F.binary_cross_entropy(p, autograd.tensor([1.0, 0.0, 0.0, 1.0]), reduction="none")
    y.sum().backward()
    assert y.tolist() == [100.0, 100.0, 0.0, 0.0]
    assert np.isfinite(p.grad.numpy()).all()


def test_logits_at_zero_and_far_out():
    x = autograd.tensor([0.0, 1000.0, -1000.0], requires_grad=True)
    y = F.binary_cross_entropy_with_logits(x, autograd.tensor([1.0, 0.0, 1.0]), reduction="none")
    y.sum().backward()
    assert y.tolist() == [pytest.approx(math.log(2)), 1000.0, 1000.0]
    assert x.grad.tolist() == [-0.5, 1.0, -1.0]


def test_divergence_takes_zero_log_zero_as_zero():
    t = autograd.tensor([0.0, 1.0], requires_grad=True)
    x = autograd.tensor([-1.0, -2.0])
    y = F.kl_div(x, t, reduction="sum")
    assert y.item() == 2.0
    with pytest.warns(UserWarning, match="'batchmean' divides only by the batch size"):
        F.kl_div(x, t)


def test_half_precision_means_do_not_overflow_on_the_way():
    x = autograd.full((4000,), 10.0, dtype=autograd.float16)
    assert F.mse_loss(x, -x).item() == 400
    y = F.normalize(autograd.full((1, 400), 100.0, dtype=autograd.float16))
    assert y.dtype is autograd.float16
    np.testing.assert_allclose(y.numpy(), 0.05, rtol=1e-3)


def test_smooth_l1_with_no_knee_is_l1():
    x, t = autograd.tensor([1.0, -3.0]), autograd.tensor([0.0, 0.0])
    assert F.smooth_l1_loss(x, t, beta=0).item() == F.l1_loss(x, t).item() == 2.0


def test_weights_of_elements():
    x, t, w = autograd.tensor([1.0, 2.0]), autograd.zeros(2), autograd.tensor([1.0, 3.0])
    assert F.mse_loss(x, t, weight=w).item() == 13 / 4
    assert F.l1_loss(x, t, weight=w, reduction="sum").item() == 7
    assert F.huber_loss(x, t, weight=w, reduction="none").tolist() == [0.5, 4.5]


def test_gaussian_accepts_a_number_as_variance():
    assert F.gaussian_nll_loss(f(2), autograd.zeros(2), 1.0).item() == 0.5


# ------------------------------------------------------------------ CTC


def alignments(p, labels, blank=0):
    """The probability of `labels` as the sum over all paths that collapse to it."""
    total = 0.0
    for path in np.ndindex(*(p.shape[1],) * p.shape[0]):
        merged = [c for n, c in enumerate(path) if n == 0 or c != path[n - 1]]
        if [c for c in merged if c != blank] == list(labels):
            total += math.prod(p[t, c] for t, c in enumerate(path))
    return total


@pytest.mark.parametrize("labels", [(1, 2), (2, 2), (1,), (), (1, 2, 1)])
def test_ctc_is_the_sum_over_all_alignments(labels):
    x = autograd.randn(5, 1, 3, dtype=autograd.float64)
    logs = F.log_softmax(x, 2)
    y = F.ctc_loss(
        logs,
        autograd.tensor([list(labels)], dtype=autograd.int64).reshape(1, -1),
        i(5),
        i(len(labels)),
        reduction="sum",
    )
    assert y.item() == pytest.approx(-math.log(alignments(np.exp(logs.numpy()[:, 0]), labels)), rel=1e-10)


def test_ctc_impossible_alignment():
    logs = F.log_softmax(autograd.randn(2, 1, 3), 2).requires_grad_()
    arguments = (autograd.tensor([[1, 1]]), i(2), i(2))
    assert F.ctc_loss(logs, *arguments).item() == math.inf
    y = F.ctc_loss(logs, *arguments, zero_infinity=True)
    y.backward()
    assert y.item() == 0
    assert float(logs.grad.abs().sum()) == 0


def test_ctc_gradient_through_log_softmax():
    x = autograd.randn(4, 2, 3, dtype=autograd.float64).requires_grad_()
    assert autograd.gradcheck(
        lambda a: F.ctc_loss(F.log_softmax(a, 2), autograd.tensor([[1, 2], [2, 0]]), i(4, 3), i(2, 1)), (x,)
    )


P = autograd.full((4, 1, 3), -1.0)


@table(
    ("cross_entropy", (f(2, 3), i(0, 5)), IndexError, "Target 5 is out of bounds"),
    ("cross_entropy", (f(2, 3), i(0, -1)), IndexError, "Target -1 is out of bounds"),
    ("nll_loss", (f(2, 3), i(0, -1)), IndexError, "Target -1 is out of bounds"),
    (
        "cross_entropy",
        (f(2, 3), i(0, 1, 2)),
        ValueError,
        r"Expected input batch_size \(2\) to match target batch_size \(3\)",
    ),
    ("cross_entropy", (f(2, 3), f(2)), RuntimeError, "expected target dtype to be Long or Byte, but got float32"),
    (
        "cross_entropy",
        (f(2, 3), i([0, 1, 0], [0, 1, 0])),
        RuntimeError,
        "Expected floating point type for target .*int64",
    ),
    ("cross_entropy", (f(2, 3), f(4, 3)), ValueError, r"batch_size \(2\) to match target batch_size \(4\)"),
    (
        "cross_entropy",
        (f(2, 3), f(2, 3)),
        {"ignore_index": 1},
        RuntimeError,
        "ignore_index is not supported for floating",
    ),
    (
        "cross_entropy",
        (f(2, 3), i(0, 1), f(3).double()),
        RuntimeError,
        "expected scalar type float32 but found float64",
    ),
    ("nll_loss", (f(2, 3), i(0, 1), f(3).double()), RuntimeError, "expected scalar type float32 but found float64"),
    ("linear_cross_entropy", (f(2, 5), f(3, 4), i(0, 1)), RuntimeError, "got 5 and 4, respectively"),
    ("linear_cross_entropy", (f(), f(3, 4), i(0, 1)), RuntimeError, "dimensionality 1 or 2, got 0"),
    ("linear_cross_entropy", (f(2, 4), f(4), i(0, 1)), RuntimeError, "dimensionality at least 2, got 1"),
    (
        "linear_cross_entropy",
        (f(2, 4), f(3, 4), i(0, 1)),
        {"linear_bias": f(2)},
        RuntimeError,
        r"expected linear_bias shape \(3,\), got \(2,\)",
    ),
    ("linear_cross_entropy", (f(4), f(3, 2, 4), i(0, 1)), RuntimeError, r"requires batched input \(N, 4\)"),
    (
        "linear_cross_entropy",
        (f(2, 4), f(3, 4), f(2, 3)),
        {"ignore_index": 0},
        RuntimeError,
        "ignore_index cannot be specified when target contains probabilities",
    ),
    ("cross_entropy", (f(2, 3), f(2, 4)), RuntimeError, r"torch.Size\(\[2, 3\]\), got torch.Size\(\[2, 4\]\)"),
    (
        "cross_entropy",
        (f(2, 3), i(0, 1), f(2)),
        RuntimeError,
        "weight tensor should be defined either for all 3 classes",
    ),
    ("cross_entropy", (f(2, 3), i(0, 1)), {"reduction": "foo"}, ValueError, "foo is not a valid value for reduction"),
    (
        "cross_entropy",
        (f(2, 3), i(0, 1)),
        {"label_smoothing": 2.0},
        RuntimeError,
        "label_smoothing must be between 0.0 and 1.0. Got: 2.0",
    ),
    (
        "cross_entropy",
        (f(2, 3, 4), i([0, 1], [1, 0])),
        RuntimeError,
        r"size mismatch .*Expected target size \[2, 4\], got \[2, 2\]",
    ),
    ("nll_loss", (f(3), i(0, 1)), ValueError, "expects a target without axes"),
    ("nll_loss", (f(), i(0)), ValueError, "Expected 1 or more dimensions"),
    ("multi_margin_loss", (f(2, 3), i(0, 1), 3), ValueError, "only p == 1 and p == 2 supported"),
    ("multi_margin_loss", (f(2, 3), i(0, 7)), RuntimeError, "target out of range"),
    ("multi_margin_loss", (f(2, 3), i(0, 1), 1, 1.0, f(1, 3)), ValueError, "weight must be one-dimensional"),
    ("multi_margin_loss", (f(2, 3), i(0)), RuntimeError, r"Expected target size \[2\], but got \[1\]"),
    ("multi_margin_loss", (f(2, 3), i([0], [1])), RuntimeError, r"Expected target size \[2\], but got \[2, 1\]"),
    ("multi_margin_loss", (f(2, 3), f(2)), RuntimeError, "expected scalar type Long but found float32"),
    ("multi_margin_loss", (f(2, 3), i(0, 1), 1, 1.0, f(2)), RuntimeError, "either for all 3 classes"),
    ("multi_margin_loss", (f(2, 3, 4), i(0)), RuntimeError, "Expected non-empty vector or matrix"),
    ("multilabel_margin_loss", (f(2, 3), i([0, 1], [1, 0])), RuntimeError, "inconsistent target size"),
    ("mse_loss", (f(2), f(2)), {"reduction": "foo"}, ValueError, "foo is not a valid value for reduction"),
    ("mse_loss", (f(2), f(2)), {"weight": f(3)}, ValueError, "Weights and input must have the same size"),
    ("smooth_l1_loss", (f(2), f(2)), {"beta": -1.0}, RuntimeError, "does not support negative values for beta"),
    ("huber_loss", (f(2), f(2)), {"delta": 1j}, TypeError, "delta must be a float or int, got: <class 'complex'>"),
    ("huber_loss", (f(2), f(2)), {"delta": 0.0}, RuntimeError, "does not support non-positive values for delta"),
    ("binary_cross_entropy", (f(2) * 2, f(2)), RuntimeError, "all elements of input should be between 0 and 1"),
    ("binary_cross_entropy", (f(2), f(3)), ValueError, "that is different to the input size"),
    ("binary_cross_entropy_with_logits", (f(2), f(3)), ValueError, "must be the same as input size"),
    ("gaussian_nll_loss", (f(2), f(2), -f(2)), ValueError, "var has negative entry/entries"),
    ("gaussian_nll_loss", (f(2), f(2), -1.0), ValueError, "var has negative entry/entries: -1.0"),
    ("gaussian_nll_loss", (f(2, 2), f(2, 2), f(3)), ValueError, "var is of incorrect size"),
    ("gaussian_nll_loss", (f(2), f(2), f(2)), {"reduction": "foo"}, ValueError, "foo is not valid"),
    ("cosine_embedding_loss", (f(2, 3), f(2, 3), f(2, 3)), RuntimeError, "0D or 1D target tensor expected"),
    ("cosine_embedding_loss", (f(3), f(3), f(2)), RuntimeError, "1D target tensor expects 2D input tensors"),
    ("cosine_embedding_loss", (f(2, 3), f(2, 3), f(3)), RuntimeError, "the batches differ"),
    ("margin_ranking_loss", (f(2, 3), f(2, 3), f(2)), RuntimeError, "should have same dimension but got sizes"),
    ("triplet_margin_loss", (f(2, 3), f(2, 3), f(2, 3), -1.0), ValueError, "margin must be greater than 0, got -1.0"),
    ("triplet_margin_loss", (f(2, 3), f(2, 3), f(3)), RuntimeError, "expected to have the same number of dimensions"),
    (
        "triplet_margin_with_distance_loss",
        (f(2), f(2), f(2)),
        {"margin": 0.0},
        ValueError,
        "margin must be greater than 0",
    ),
    (
        "triplet_margin_with_distance_loss",
        (f(2), f(2), f(2)),
        {"reduction": "foo"},
        ValueError,
        "foo is not a valid value",
    ),
    (
        "triplet_margin_with_distance_loss",
        (f(2, 1), f(2), f(2)),
        RuntimeError,
        "got: anchor 2D, positive 1D, and negative 1D",
    ),
    ("ctc_loss", (P, i([1, 2]), i(4), i(2), 9), RuntimeError, "blank must be in label range"),
    ("ctc_loss", (P, i([1, 2]), i(5), i(2)), RuntimeError, "input_lengths to have value at most 4, but got value 5"),
    ("ctc_loss", (P, i([1, 2]), i(4), i(3)), RuntimeError, "size at least 3 at dimension 1, but got size 2"),
    ("ctc_loss", (P, i([1, 2]), i(4, 4), i(2)), RuntimeError, "input_lengths must be of size batch_size"),
    ("ctc_loss", (P, i([1, 2]), f(1), i(2)), RuntimeError, "input_lengths must be integral"),
    ("ctc_loss", (P, i([1, 5]), i(4), i(2)), RuntimeError, r"a label lies outside \[0, 3\)"),
    ("ctc_loss", (P, i(1), i(4), i(2)), RuntimeError, "targets hold 1 labels, fewer than the 2"),
    ("ctc_loss", (P, f(1, 2), i(4), i(2)), RuntimeError, "targets must be integers"),
    ("ctc_loss", (P, i([1, 2]), i(4), i(-1)), RuntimeError, "target_lengths to have value at least 0"),
    ("ctc_loss", (f(3), i(1), i(4), i(2)), RuntimeError, r"log_probs must be \(T, N, C\) or \(T, C\)"),
    ("ctc_loss", (i([[1, 1, 1]]), i(1), i(4), i(2)), RuntimeError, "log_probs must be floating point"),
)
def test_refusals(name, args, kwargs, error, phrase):
    check(name, args, kwargs, error, phrase)
