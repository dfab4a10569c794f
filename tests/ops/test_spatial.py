"""Padding, interpolation, sampling, pixels, embeddings, attention and dropout; refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn.functional as F

from ._refusals import check, f, i, table

# ------------------------------------------------------------------ pad and interpolate


def test_padding_modes():
    x = autograd.arange(3.0).reshape(1, 3)
    assert F.pad(x, (1, 2), value=9.0).tolist() == [[9, 0, 1, 2, 9, 9]]
    assert F.pad(x, (2, 1), "reflect").tolist() == [[2, 1, 0, 1, 2, 1]]
    assert F.pad(x, (2, 1), "replicate").tolist() == [[0, 0, 0, 1, 2, 2]]
    assert F.pad(x, (2, 1), "circular").tolist() == [[1, 2, 0, 1, 2, 0]]
    assert F.pad(x, (-1, 1)).tolist() == [[1, 2, 0]]
    assert F.pad(x, (-1, 1), "circular").tolist() == [[1, 2, 1]]


def test_padding_with_nothing_is_a_copy():
    x = f(2)
    F.pad(x, (0, 0)).zero_()
    assert x.tolist() == [1, 1]


def test_a_masked_pixel_does_not_spread_by_zero_weights():
    x = autograd.tensor([[[-math.inf, 1.0, 2.0, 3.0]]])
    assert F.interpolate(x, size=4, mode="linear")[0, 0, 1:].tolist() == [1, 2, 3]
    assert F.adaptive_avg_pool1d(x, 2)[0, 0].tolist() == [-math.inf, 2.5]


@pytest.mark.parametrize(("mode", "shape"), [("bilinear", (1, 2, 5, 6)), ("bicubic", (1, 2, 5, 6))])
@pytest.mark.parametrize("size", [(3, 4), (2, 9), (11, 2)])
def test_antialias_against_pytorch(mode, shape, size):
    torch = pytest.importorskip("torch")
    a = np.random.default_rng(0).standard_normal(shape)
    ours = F.interpolate(autograd.tensor(a), size, mode=mode, antialias=True)
    theirs = torch.nn.functional.interpolate(torch.tensor(a), size, mode=mode, antialias=True)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-10)


def test_old_names_of_interpolate():
    x = f(1, 1, 2, 2)
    assert (
        F.upsample(x, 4).shape
        == F.upsample_nearest(x, scale_factor=2).shape
        == F.upsample_bilinear(x, 4).shape
        == (1, 1, 4, 4)
    )


def test_shuffles_invert():
    x = autograd.arange(32.0).reshape(1, 8, 2, 2)
    assert (F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2) == x).all()
    assert F.channel_shuffle(x, 2)[0, :, 0, 0].tolist() == [0, 16, 4, 20, 8, 24, 12, 28]


def test_identity_grid_reads_the_image():
    x = autograd.randn(1, 2, 3, 4)
    grid = F.affine_grid(autograd.tensor([[[1.0, 0, 0], [0, 1, 0]]]), (1, 2, 3, 4), align_corners=False)
    for mode in ("bilinear", "nearest", "bicubic"):
        np.testing.assert_allclose(F.grid_sample(x, grid, mode, align_corners=False).numpy(), x.numpy(), atol=1e-5)


def test_sampling_warns_of_the_default():
    with pytest.warns(UserWarning, match="Default grid_sample and affine_grid behavior has changed"):
        F.grid_sample(f(1, 1, 2, 2), autograd.zeros(1, 1, 1, 2))


def test_sampling_far_outside_and_at_nan():
    grid = autograd.tensor([[[[9.0, 9.0], [math.nan, 0.0]]]])
    y = F.grid_sample(f(1, 1, 2, 2), grid, align_corners=True, mode="nearest")
    assert y[0, 0, 0].tolist() == [0, 0]
    assert F.grid_sample(f(1, 1, 2, 2), grid[:, :, :1], padding_mode="border", align_corners=True).item() == 1


# ------------------------------------------------------------------ embeddings


def test_padding_row_gets_no_gradient():
    w = f(4, 2).requires_grad_()
    F.embedding(i(1, 1, 2, 3), w, padding_idx=-1).sum().backward()
    assert w.grad[:, 0].tolist() == [0, 2, 1, 0]


def test_gradient_by_frequency():
    w = f(3, 2).requires_grad_()
    F.embedding(i(1, 1, 2), w, scale_grad_by_freq=True).sum().backward()
    assert w.grad[:, 0].tolist() == [0, 1, 1]


def test_long_rows_are_shortened_in_place():
    w = autograd.tensor([[3.0, 4.0], [30.0, 40.0]])
    F.embedding(i(1), w, max_norm=5.0)
    np.testing.assert_allclose(w.numpy(), [[3, 4], [3, 4]], rtol=1e-5)


def test_bags():
    w = autograd.tensor([[1.0], [2.0], [4.0]], requires_grad=True)
    starts = i(0, 2, 2)
    for mode, expected in (("sum", [3.0, 0.0, 4.0]), ("mean", [1.5, 0.0, 4.0]), ("max", [2.0, 0.0, 4.0])):
        assert F.embedding_bag(i(0, 1, 2), w, starts, mode=mode).reshape(-1).tolist() == expected
    assert F.embedding_bag(autograd.zeros(0, dtype=autograd.int64), w, i(0, 0), mode="max").tolist() == [[0.0], [0.0]]


def test_one_hot():
    assert F.one_hot(i(0, 2)).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert F.one_hot(autograd.zeros(0, dtype=autograd.int64), 3).shape == (0, 3)


# ------------------------------------------------------------------ attention and dropout


def test_a_row_that_sees_nothing_is_zero_without_gradient():
    q, k, v = (autograd.randn(2, 3, dtype=autograd.float64).requires_grad_() for _ in range(3))
    mask = autograd.tensor([[False, False], [True, True]])
    y = F.scaled_dot_product_attention(q, k, v, mask)
    y.sum().backward()
    assert y[0].tolist() == [0, 0, 0]
    assert q.grad[0].tolist() == [0, 0, 0]
    assert np.isfinite(k.grad.numpy()).all()


def test_causal_attention_sees_the_past_only():
    v = autograd.eye(3).unsqueeze(0)
    y = F.scaled_dot_product_attention(f(1, 3, 2), f(1, 3, 2), v, is_causal=True)
    np.testing.assert_allclose(y[0].numpy(), [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3], rtol=1e-6)


def test_a_scale_of_zero_weighs_all_alike():
    q, v = autograd.randn(2, 3, 4), autograd.randn(2, 3, 5)
    y = F.scaled_dot_product_attention(q, q, v, scale=0.0)
    np.testing.assert_allclose(y.numpy(), v.mean(1, keepdim=True).expand(2, 3, 5).numpy(), atol=1e-6)


def test_heads_are_shared():
    q, k, v = autograd.randn(1, 4, 3, 2), autograd.randn(1, 2, 5, 2), autograd.randn(1, 2, 5, 2)
    shared = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    wide = F.scaled_dot_product_attention(q, k.repeat_interleave(2, 1), v.repeat_interleave(2, 1))
    np.testing.assert_allclose(shared.numpy(), wide.numpy(), rtol=1e-6)


def test_no_keys_at_all():
    assert F.scaled_dot_product_attention(f(2, 3), f(0, 3), f(0, 4)).tolist() == [[0.0] * 4] * 2


def test_dropout_keeps_the_mean_and_whole_channels_together():
    autograd.manual_seed(0)
    y = F.dropout(f(10000), 0.3)
    assert y.mean().item() == pytest.approx(1, abs=0.05)
    assert sorted(set(np.round(y.numpy(), 5))) == [0, pytest.approx(1 / 0.7, abs=1e-5)]
    for name, shape in (
        ("dropout1d", (2, 8, 5)),
        ("dropout2d", (2, 8, 5, 5)),
        ("dropout3d", (2, 8, 3, 3, 3)),
        ("feature_alpha_dropout", (2, 8, 5)),
    ):
        z = getattr(F, name)(f(*shape), 0.5, True).numpy().reshape(16, -1)
        assert (z == z[:, :1]).all()
        assert len(set(z[:, 0])) == 2
    assert F.dropout(f(3), 1.0).tolist() == [0, 0, 0]
    x = f(3)
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 0.5, inplace=True) is x


def test_alpha_dropout_keeps_mean_and_variance():
    autograd.manual_seed(0)
    y = F.alpha_dropout(autograd.randn(100000), 0.3, training=True)
    assert y.mean().item() == pytest.approx(0, abs=0.02)
    assert y.std().item() == pytest.approx(1, abs=0.02)
    assert F.alpha_dropout(f(3), 1.0, True).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("name", "shape"), [("dropout2d", (4, 3)), ("dropout3d", (4, 3))])
def test_dropout_warns_of_missing_axes(name, shape):
    with pytest.warns(UserWarning, match=f"Received a 2-D input to {name}"):
        getattr(F, name)(f(*shape))


def test_dropout2d_warns_of_three_axes():
    with pytest.warns(UserWarning, match="Received a 3D input to dropout2d"):
        F.dropout2d(f(2, 3, 4))


# ------------------------------------------------------------------ refusals

X = f(1, 1, 4, 4)
HEADS = (f(6, 2), f(6), None, None, False, 0.0, f(2, 2), f(2))


@table(
    ("pad", (f(2, 3), (1,)), RuntimeError, "Padding length must be divisible by 2"),
    ("pad", (f(2, 3), (1,) * 6), RuntimeError, "less than or equal to two times the input dimension"),
    (
        "pad",
        (f(2, 3), (3, 3), "reflect"),
        RuntimeError,
        r"Padding size should be less than the corresponding input dimension.*\(3, 3\) at dimension 1",
    ),
    ("pad", (f(2, 3), (1, 1), "foo"), NotImplementedError, "Unrecognised padding mode foo"),
    (
        "pad",
        (f(2, 3), (1, 1, 1, 1), "reflect"),
        NotImplementedError,
        "Only 2D, 3D, 4D, 5D padding with non-constant padding",
    ),
    ("pad", (f(2, 3), (-2, -2)), RuntimeError, "resulted in a negative output size"),
    ("pad", (f(2, 3), (4, 4), "circular"), RuntimeError, "wrapping around more than once"),
    ("pad", (f(2, 3), (1, 1), "reflect", 1.0), RuntimeError, '"reflect" doesn\'t take in value argument'),
    ("pad", (f(2, 3), (-2, -2), "replicate"), RuntimeError, "Expected a non-empty result"),
    ("interpolate", (X,), ValueError, "either size or scale_factor should be defined"),
    ("interpolate", (X, 3, 2.0), ValueError, "only one of size or scale_factor should be defined"),
    ("interpolate", (X, 3, None, "nearest", True), ValueError, "align_corners option can only be set"),
    (
        "interpolate",
        (f(1, 1, 4), 3, None, "bilinear"),
        NotImplementedError,
        "Got 3D input, but bilinear mode needs 4D input",
    ),
    ("interpolate", (f(1, 4), 3), NotImplementedError, r"Only 3D, 4D and 5D input Tensors supported \(got 2D\)"),
    ("interpolate", (X, (3,)), ValueError, "must have the same number of spatial dimensions"),
    ("interpolate", (X, 3, None, "foo"), NotImplementedError, "got 'foo'"),
    ("interpolate", (X, 0), RuntimeError, "Input and output sizes should be greater than 0"),
    ("interpolate", (X, 3), {"recompute_scale_factor": True}, ValueError, "not meaningful with an explicit size"),
    ("interpolate", (X, 3), {"antialias": True}, ValueError, "Anti-alias option is restricted to bilinear and bicubic"),
    ("pixel_shuffle", (f(1, 3, 2, 2), 2), RuntimeError, r"input.size\(-3\)=3 is not divisible by 4"),
    ("pixel_shuffle", (f(2, 2), 2), RuntimeError, "at least 3 dimensions, but got input with 2"),
    ("pixel_shuffle", (f(1, 3, 2, 2), 0), RuntimeError, "positive upscale_factor"),
    ("pixel_unshuffle", (f(1, 3, 3, 3), 2), RuntimeError, "not both divisible by 2"),
    ("pixel_unshuffle", (f(2, 2), 2), RuntimeError, "at least 3 dimensions"),
    ("pixel_unshuffle", (f(1, 3, 3, 3), 0), RuntimeError, "positive downscale_factor"),
    ("channel_shuffle", (f(1, 3, 2, 2), 2), RuntimeError, "Got 3 channels and 2 groups"),
    ("channel_shuffle", (f(1, 3), 1), RuntimeError, "input with > 2 dims"),
    ("channel_shuffle", (f(1, 3, 2), 0), RuntimeError, "groups to divide channels in must be positive"),
    ("grid_sample", (X, f(1, 2, 2, 3)), RuntimeError, "grid to have size 2 in last dimension"),
    ("grid_sample", (X, f(2, 2, 2, 2)), RuntimeError, "same batch size"),
    ("grid_sample", (X, f(2, 2, 2)), RuntimeError, "same number of dimensions"),
    ("grid_sample", (X, f(1, 2, 2, 2), "foo"), ValueError, "but got: 'foo'"),
    ("grid_sample", (X, f(1, 2, 2, 2), "bilinear", "foo"), ValueError, "expected padding_mode to be"),
    ("grid_sample", (f(1, 1, 0, 2), f(1, 2, 2, 2)), RuntimeError, "non-empty spatial dimensions"),
    ("grid_sample", (X, f(1, 2, 2, 2, dtype=autograd.float64)), RuntimeError, "input and grid to have same dtype"),
    (
        "grid_sample",
        (f(1, 1, 2, 2, 2), f(1, 1, 1, 1, 3), "bicubic"),
        RuntimeError,
        "bicubic interpolation only supports 4D input",
    ),
    ("affine_grid", (f(1, 2, 2), (1, 1, 2, 2)), ValueError, "Expected a batch of 2D affine matrices of shape Nx2x3"),
    ("affine_grid", (f(1, 2, 3), (1, 1, 2)), NotImplementedError, "only supports 4D and 5D sizes"),
    ("affine_grid", (f(1, 2, 3), (1, 1, 0, 2)), ValueError, "Expected non-zero, positive output size"),
    ("affine_grid", (f(1, 2, 3, dtype=autograd.int64), (1, 1, 2, 2)), ValueError, "floating point type"),
    ("embedding", (i(0, 9), f(4, 2)), IndexError, "index out of range in self: 9 is not one of the 4 rows"),
    ("embedding", (i(0, -1), f(4, 2)), IndexError, "index out of range in self: -1"),
    ("embedding", (f(2), f(4, 2)), RuntimeError, "Long, Int; but got float32 instead"),
    ("embedding", (i(0, 1), f(4, 2), 9), AssertionError, "Padding_idx must be within num_embeddings"),
    ("embedding", (i(0, 1), f(4)), RuntimeError, "'weight' must be 2-D"),
    ("embedding", ([0], f(4, 2)), TypeError, "must be Tensor, not list"),
    ("embedding_bag", (i(0, 1), f(4, 2)), ValueError, "offsets has to be a 1D Tensor but got None"),
    ("embedding_bag", (i(0, 9), f(4, 2), i(0, 1)), RuntimeError, "9 is not one of the 4 rows"),
    ("embedding_bag", (i([0, 1]), f(4, 2), i(0, 1)), ValueError, "if input is 2D, then offsets has to be None"),
    ("embedding_bag", (i(0, 1), f(4, 2), i(1, 1)), RuntimeError, r"offsets\[0\] has to be 0"),
    (
        "embedding_bag",
        (i(0, 1), f(4, 2), i(0, 3)),
        RuntimeError,
        r"offsets\[-1\] can not be greater than input's length\(2\)",
    ),
    ("embedding_bag", (i(0, 1), f(4, 2), i([0])), ValueError, "offsets has to be a 1D Tensor, got dimension 2"),
    ("embedding_bag", (i([[0]]), f(4, 2)), ValueError, "input has to be 1D or 2D Tensor"),
    ("embedding_bag", (i([0]), f(4, 2)), {"mode": "foo"}, ValueError, "mode has to be one of sum, mean or max"),
    (
        "embedding_bag",
        (i([0]), f(4, 2)),
        {"per_sample_weights": f(1, 1)},
        NotImplementedError,
        "only supported for mode='sum'",
    ),
    (
        "embedding_bag",
        (i([0]), f(4, 2)),
        {"mode": "sum", "per_sample_weights": f(2)},
        ValueError,
        "must have the same shape as the input",
    ),
    ("one_hot", (i(0, -1),), RuntimeError, "Class values must be non-negative"),
    ("one_hot", (i(0, 5), 3), RuntimeError, "Class values must be smaller than num_classes"),
    ("one_hot", (f(2),), RuntimeError, "only applicable to index tensor of type LongTensor"),
    ("one_hot", (i(0), 0), RuntimeError, "num_classes should be positive, got 0"),
    (
        "one_hot",
        (autograd.zeros(0, dtype=autograd.int64),),
        RuntimeError,
        "Can not infer total number of classes from empty tensor",
    ),
    ("scaled_dot_product_attention", (f(3), f(3), f(3)), RuntimeError, "at least 2 dimensional"),
    (
        "scaled_dot_product_attention",
        (f(2, 3), f(2, 4), f(2, 3)),
        RuntimeError,
        "query and key need the same last axis",
    ),
    (
        "scaled_dot_product_attention",
        (f(2, 3), f(2, 3), f(2, 3), f(2, 2), 0.0, True),
        RuntimeError,
        "attn_mask should not be set when is_causal=True",
    ),
    (
        "scaled_dot_product_attention",
        (f(2, 3), f(2, 3), f(2, 3, dtype=autograd.float64)),
        RuntimeError,
        "the same dtype",
    ),
    (
        "scaled_dot_product_attention",
        (f(2, 3), f(2, 3), f(2, 3), i([1, 1])),
        RuntimeError,
        "Expected attn_mask dtype to be bool or to match",
    ),
    (
        "scaled_dot_product_attention",
        (f(3, 2, 3), f(2, 2, 3), f(2, 2, 3)),
        {"enable_gqa": True},
        RuntimeError,
        r"query heads \(3\) must be divisible",
    ),
    (
        "multi_head_attention_forward",
        (f(2), f(2), f(2), 2, 1, *HEADS),
        AssertionError,
        "unbatched 2D or batched 3D tensor but received 1-D",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 1, 2), f(3, 2), 2, 1, *HEADS),
        AssertionError,
        "found 3-D and 2-D tensors respectively",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 2), f(3, 2), 4, 1, *HEADS),
        AssertionError,
        "expecting embedding dimension of 4, but got 2",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 2), f(3, 2), 2, 3, *HEADS),
        AssertionError,
        "embed_dim 2 not divisible by num_heads 3",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 2), f(4, 2), 2, 1, *HEADS),
        AssertionError,
        "does not match value shape",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 2), f(3, 2), 2, 1, *HEADS),
        {"is_causal": True},
        RuntimeError,
        "Need attn_mask",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 2), f(3, 2), 2, 1, *HEADS),
        {"attn_mask": f(2, 2)},
        RuntimeError,
        r"2D attn_mask is \(2, 2\)",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 2), f(3, 2), 2, 1, *HEADS),
        {"attn_mask": f(3)},
        AssertionError,
        "2-D or 3-D but found 1-D",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 2), f(3, 2), 2, 1, *HEADS),
        {"key_padding_mask": f(1, 3)},
        AssertionError,
        "1-D but found 2-D",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 2), f(3, 2), 2, 1, *HEADS),
        {"key_padding_mask": f(4)},
        AssertionError,
        "key_padding_mask shape of",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 2), f(3, 2), 2, 1, *HEADS),
        {"key_padding_mask": i(1, 1, 1)},
        AssertionError,
        "only bool and floating types",
    ),
    (
        "multi_head_attention_forward",
        (f(3, 2), f(3, 2), f(3, 2), 2, 1, f(6, 2), f(6), f(1, 1, 2), *HEADS[3:]),
        AssertionError,
        "bias_k is set but bias_v is None",
    ),
    ("dropout", (f(2), 1.5), ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
    ("dropout1d", (f(2), 0.5), RuntimeError, "Expected 2D or 3D input, but received a 1D input"),
    ("alpha_dropout", (f(2), -1.0), ValueError, "dropout probability has to be between 0 and 1, but got -1.0"),
)
def test_refusals(name, args, kwargs, error, phrase):
    check(name, args, kwargs, error, phrase)
