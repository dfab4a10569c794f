"""Bad settings and bad input of layers: PyTorch's class, the numbers received."""

from __future__ import annotations

import pytest

import autograd
import nn
from autograd import ones, tensor

SEQ, Q = ones(5, 2, 3), ones(3, 2, 4)


@pytest.mark.parametrize(
    ("build", "error", "text"),
    [
        (lambda: nn.Bilinear(0, 1, 1), ValueError, "in1_features must be > 0, but got 0"),
        (lambda: nn.Dropout(1.5), ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
        (lambda: nn.AlphaDropout(-0.1), ValueError, "dropout probability has to be between 0 and 1, but got -0.1"),
        (lambda: nn.Hardtanh(1, 1), ValueError, "max_val must be larger than min_val"),
        (
            lambda: nn.Conv2d(3, 4, 3, groups=2),
            ValueError,
            "in_channels must be divisible by groups: in_channels=3, groups=2",
        ),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible by groups"),
        (lambda: nn.Conv2d(4, 4, 3, groups=0), ValueError, "groups must be a positive integer, got 0"),
        (lambda: nn.Conv2d(1, 1, 3, padding="half"), ValueError, "Invalid padding string 'half'"),
        (
            lambda: nn.Conv2d(1, 1, 3, padding="same", stride=2),
            ValueError,
            "padding='same' is not supported for strided",
        ),
        (lambda: nn.Conv2d(1, 1, 3, padding_mode="wrap"), ValueError, "padding_mode must be one of"),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3, padding_mode="reflect"),
            ValueError,
            'Only "zeros" padding mode is supported',
        ),
        (lambda: nn.GroupNorm(2, 3), ValueError, r"num_channels \(3\) must be divisible by num_groups \(2\)"),
        (
            lambda: nn.Embedding(3, 2, padding_idx=3),
            ValueError,
            "padding_idx must be within num_embeddings, got 3 for 3",
        ),
        (lambda: nn.EmbeddingBag(3, 2, padding_idx=-4), ValueError, "padding_idx must be within num_embeddings"),
        (lambda: nn.Embedding(3, 2, _weight=ones(2, 3)), ValueError, "Shape of weight does not match num_embeddings"),
        (lambda: nn.Embedding.from_pretrained(ones(3)), ValueError, "expected to be 2-dimensional, got 1"),
        (lambda: nn.Unflatten(0, 3), TypeError, "unflattened_size must be a tuple of ints, but found type int"),
        (lambda: nn.Unflatten(0, (1, "a")), TypeError, "found element of type str at pos 1"),
        (lambda: nn.Unflatten("n", (1,)), TypeError, "axes have no names here"),
        (lambda: nn.Unflatten(1.5, (1,)), TypeError, "invalid argument type for dim"),
        (
            lambda: nn.FractionalMaxPool2d(2),
            ValueError,
            "requires specifying either an output size, or a pooling ratio",
        ),
        (
            lambda: nn.FractionalMaxPool2d(2, 2, 0.5),
            ValueError,
            "only one of output_size and output_ratio may be specified",
        ),
        (lambda: nn.FractionalMaxPool3d(2, output_ratio=1.5), ValueError, "output_ratio must be between 0 and 1"),
        (lambda: nn.MultiMarginLoss(p=3), ValueError, "only p == 1 and p == 2 supported, got p=3"),
        (lambda: nn.MultiMarginLoss(weight=ones(1, 2)), ValueError, "weight must be .None, 1D tensor., got 2D"),
        (lambda: nn.TripletMarginLoss(margin=0), ValueError, "expected margin to be greater than 0, got 0"),
        (
            lambda: nn.TripletMarginWithDistanceLoss(margin=-1),
            ValueError,
            "expected margin to be greater than 0, got -1",
        ),
        (
            lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5, 2]),
            ValueError,
            "cutoffs should be a sequence of unique, positive",
        ),
        (
            lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 10, []),
            ValueError,
            "cutoffs should be a sequence of length larger than 0",
        ),
        (lambda: nn.LSTM(3, 4, dropout=2), ValueError, r"dropout should be a number in range \[0, 1\]"),
        (lambda: nn.LSTM(3, "a"), TypeError, "hidden_size should be of type int, got: str"),
        (lambda: nn.LSTM(3.0, 4), TypeError, "input_size should be of type int, got: float"),
        (lambda: nn.LSTM(0, 4), ValueError, "input_size must be greater than zero, got 0"),
        (lambda: nn.LSTM(3, 4, bias=1), TypeError, "bias should be of type bool, got: int"),
        (lambda: nn.LSTM(3, 4, batch_first="False"), TypeError, "batch_first should be of type bool, got: str"),
        (lambda: nn.HuberLoss(delta=1j), TypeError, "delta must be a float or int, got: <class 'complex'>"),
        (
            lambda: nn.LinearCrossEntropyLoss(3, 2, weight=ones(3)),
            RuntimeError,
            r"expected weight shape to be \(2,\), got \(3,\)",
        ),
        (
            lambda: nn.LinearCrossEntropyLoss(3, 2, label_smoothing=2.0),
            RuntimeError,
            r"label_smoothing to be in range \[0, 1\], got 2.0",
        ),
        (lambda: nn.LSTM(3, 0), ValueError, "hidden_size must be greater than zero"),
        (lambda: nn.LSTM(3, 4, 0), ValueError, "num_layers must be greater than zero"),
        (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, "proj_size has to be smaller than hidden_size"),
        (lambda: nn.LSTM(3, 4, proj_size=-1), ValueError, "proj_size should be a positive integer or zero"),
        (lambda: nn.GRU(3, 4, proj_size=2), ValueError, "only supported for LSTM, not RNN or GRU"),
        (lambda: nn.RNN(3, 4, proj_size=2), ValueError, "only supported for LSTM, not RNN or GRU"),
        (lambda: nn.RNN(3, 4, nonlinearity="x"), ValueError, "Unknown nonlinearity 'x'. Select from 'tanh' or 'relu'"),
        (lambda: nn.MultiheadAttention(5, 2), AssertionError, "embed_dim must be divisible by num_heads, got 5 and 2"),
        (lambda: nn.MultiheadAttention(0, 2), ValueError, "embed_dim and num_heads must be greater than 0"),
        (
            lambda: nn.TransformerEncoderLayer(4, 2, 8, activation="q"),
            RuntimeError,
            "activation should be relu/gelu, not q",
        ),
        (lambda: nn.Linear(1, 1, device="cuda"), RuntimeError, "device 'cuda' is not available"),
        (lambda: nn.LazyLinear(1, device="cuda"), RuntimeError, "device 'cuda' is not available"),
    ],
)
def test_bad_settings(build, error, text):
    with pytest.raises(error, match=text):
        build()


@pytest.mark.parametrize(
    ("run", "error", "text"),
    [
        (lambda: nn.Linear(3, 2)(ones(1, 4)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied|expects 3|weight"),
        (lambda: nn.Softmax2d()(ones(2, 2)), ValueError, "expected input to be 3D or 4D, got 2D"),
        (lambda: nn.BatchNorm1d(3)(ones(2, 3, 1, 1)), ValueError, r"expected 2D or 3D input \(got 4D input\)"),
        (lambda: nn.BatchNorm2d(3)(ones(2, 3)), ValueError, r"expected 4D input \(got 2D input\)"),
        (lambda: nn.BatchNorm1d(3, eps=0.0)(ones(2, 3)), ValueError, "batch_norm eps must be positive during training, but got 0.0"),
        (lambda: nn.BatchNorm1d(3, eps=-1.0).eval()(ones(2, 3)), ValueError, "batch_norm eps must be non-negative, but got -1.0"),
        (lambda: nn.BatchNorm1d(3)(ones(1, 3)), ValueError, "Expected more than 1 value per channel when training"),
        (lambda: nn.SyncBatchNorm(3)(ones(3)), ValueError, r"expected at least 2D input \(got 1D input\)"),
        (lambda: nn.InstanceNorm1d(3)(ones(3)), ValueError, "expected 2D or 3D input"),
        (lambda: nn.InstanceNorm2d(3, affine=True)(ones(2, 2, 2, 2)), ValueError, r"to match num_features \(3\), but got: 2"),
        (lambda: nn.CircularPad1d(1)(ones(3)), ValueError, r"expected 2D or 3D input \(got 1D input\)"),
        (lambda: nn.ConvTranspose1d(1, 1, 3, stride=2)(ones(1, 1, 3), output_size=[20]), ValueError, "requested an output size of"),
        (lambda: nn.ConvTranspose1d(1, 1, 3)(ones(1, 1, 3), output_size=[1, 2]), ValueError, "output_size must have 1 or 3 elements"),
        (lambda: nn.FractionalMaxPool2d(2, 2)(ones(3)), RuntimeError, "Expected 3D or 4D tensor for input"),
        (lambda: nn.FractionalMaxPool2d(3, 3)(ones(1, 4, 4)), RuntimeError, "pool size 3 too large relative to input size 4"),
        (lambda: nn.functional.fractional_max_pool2d(ones(1, 4, 4), 2), ValueError, "either an output_size or an output_ratio"),
        (lambda: nn.LSTM(3, 4)(ones(5, 2, 7)), RuntimeError, r"input.size\(-1\) must be equal to input_size. Expected 3, got 7"),
        (lambda: nn.LSTM(3, 4)(ones(5)), ValueError, "LSTM: Expected input to be 2D or 3D, got 1D instead"),
        (lambda: nn.LSTM(3, 4)(SEQ, (ones(1, 3, 4), ones(1, 2, 4))), RuntimeError, r"Expected hidden\[0\] size \(1, 2, 4\), got \[1, 3, 4\]"),
        (lambda: nn.LSTM(3, 4)(SEQ, (ones(1, 2, 4), ones(1, 3, 4))), RuntimeError, r"Expected hidden\[1\] size"),
        (lambda: nn.LSTM(3, 4)(SEQ, ones(1, 2, 4)), RuntimeError, r"LSTM: expected the state as \(h_0, c_0\)"),
        (lambda: nn.LSTM(3, 4)(SEQ, (ones(1, 4), ones(1, 4))), RuntimeError, r"hx and cx should also be 3-D but got \(2-D, 2-D\) tensors"),
        (lambda: nn.GRU(3, 4)(SEQ, ones(1, 4)), RuntimeError, "For batched 3-D input, hx should also be 3-D but got 2-D tensor"),
        (lambda: nn.GRU(3, 4)(ones(5, 3), ones(1, 1, 4)), RuntimeError, "For unbatched 2-D input, hx should also be 2-D"),
        (lambda: nn.GRU(3, 4)(SEQ.double()), ValueError, r"RNN input dtype \(float64\) does not match weight dtype \(float32\)"),
        (lambda: nn.LSTMCell(3, 4)(ones(2, 5)), RuntimeError, "input has inconsistent input_size: got 5 expected 3"),
        (lambda: nn.LSTMCell(3, 4)(ones(2, 3), (ones(3, 4), ones(2, 4))), RuntimeError, "Input batch size 2 doesn't match hidden0 batch size 3"),
        (lambda: nn.LSTMCell(3, 4)(ones(2, 3, 1)), ValueError, "LSTMCell: Expected input to be 1D or 2D, got 3D instead"),
        (lambda: nn.GRUCell(3, 4)(ones(2, 3), ones(2, 1, 1, 4)), ValueError, "GRUCell: Expected hidden to be 1D or 2D, got 4D instead"),
        (lambda: nn.LSTMCell(3, 4)(ones(2, 3), (ones(2, 4), ones(2, 1, 4))), ValueError, r"LSTMCell: Expected hx\[1\] to be 1D or 2D, got 3D"),
        (lambda: nn.RNNCell(3, 4)(ones(3), ones(2, 4)), RuntimeError, "For 1-D input, hidden0 should also be 1-D but got 2-D tensor"),
        (lambda: nn.RNNCell(3, 4)(ones(2, 3), ones(2, 5)), RuntimeError, "hidden0 has inconsistent hidden_size: got 5, expected 4"),
        (lambda: nn.RNNCell(3, 4, nonlinearity="q")(ones(2, 3)), RuntimeError, "Unknown nonlinearity: q"),
        (lambda: nn.MultiheadAttention(4, 2)(Q, Q[:, :1], Q), AssertionError, "does not match value"),
        (lambda: nn.MultiheadAttention(4, 2)(Q[0], Q, Q), AssertionError, "expected `key` and `value` to be 2-D"),
        (lambda: nn.MultiheadAttention(4, 2)(ones(3, 2, 5), Q, Q), AssertionError, "was expecting embedding dimension of 4, but got 5"),
        (lambda: nn.MultiheadAttention(4, 2)(Q, Q, Q, attn_mask=ones(2, 3)), RuntimeError, "The shape of the 2D attn_mask is"),
        (lambda: nn.MultiheadAttention(4, 2)(Q, Q, Q, is_causal=True), RuntimeError, "Need attn_mask if specifying the is_causal hint"),
        (lambda: nn.MultiheadAttention(4, 2)(Q, Q, Q, attn_mask=ones(3, 3, dtype=autograd.int64)), AssertionError, "only bool and floating types of attn_mask"),
        (lambda: nn.Transformer(4, 2, 1, 1, 8)(Q, ones(3, 3, 4)), RuntimeError, "the batch number of src and tgt must be equal"),
        (lambda: nn.Transformer(4, 2, 1, 1, 8)(ones(3, 2, 5), ones(3, 2, 5)), RuntimeError, r"equal to d_model \(4\), got 5 and 5"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5])(ones(2, 8), tensor([0, 11])), RuntimeError, r"in \[0, 9\], but values in range \[0, 11\]"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5])(ones(2, 8), tensor([0])), RuntimeError, "same size in the batch dimension"),
        (lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5])(ones(2, 8), tensor([[0, 1]])), RuntimeError, "multi-target not supported"),
        (lambda: nn.Embedding(3, 2)(tensor([3])), IndexError, "index out of range in self|out of range"),
        (lambda: nn.Embedding(3, 2)(tensor([-1])), IndexError, "out of range"),
        (lambda: nn.CrossEntropyLoss()(ones(1, 3), tensor([3])), IndexError, "Target 3 is out of bounds"),
    ],
)  # fmt: skip
def test_bad_input(run, error, text):
    with pytest.raises(error, match=text):
        run()


def test_warnings():
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last recurrent layer"):
        nn.LSTM(3, 4, dropout=0.5)
    with pytest.warns(UserWarning, match="does not match num_features. You can silence this warning"):
        nn.InstanceNorm2d(3)(ones(1, 2, 2, 3))
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax has been deprecated"):
        assert nn.Softmax()(ones(2, 4)).tolist() == [[0.25] * 4] * 2
    with pytest.warns(FutureWarning, match="keyword argument `min_value` is deprecated"):
        assert nn.Hardtanh(min_value=-3).min_val == -3
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="please use reduction='none' instead"):
        assert nn.L1Loss(reduce=False).reduction == "none"
    with pytest.warns(FutureWarning, match="NLLLoss2d has been deprecated"):
        nn.NLLLoss2d()
