"""The table of all modules: how to build each, in `nn` or in PyTorch, and what to give it.

Values come from a formula, not from a generator, so that the stored references (tests/data/modules.json, made by
tests/data/make_modules.py with PyTorch) need to hold results only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


def wave(*shape: int, seed: int = 0, lo: float = -1.0, hi: float = 1.0) -> np.ndarray:
    """Distinct numbers spread over [lo, hi) in an order without pattern: multiples of two irrational numbers, modulo 1."""
    n = int(np.prod(shape))
    x = (np.arange(1, n + 1) * 0.7548776662466927 + (seed + 1) * 0.5698402909980532) % 1.0
    return (lo + (hi - lo) * x).reshape(shape)


def ints(*shape: int, below: int, seed: int = 0) -> np.ndarray:
    return np.floor(wave(*shape, seed=seed, lo=0, hi=below)).astype(np.int64)


def signs(*shape: int, seed: int = 0) -> np.ndarray:
    return np.where(wave(*shape, seed=seed) > 0, 1.0, -1.0)


def bools(*shape: int, seed: int = 0) -> np.ndarray:
    return wave(*shape, seed=seed) > 0


class Fixed(NamedTuple):
    """An input without a gradient."""

    value: Any


class Case(NamedTuple):
    name: str  # the class
    label: str
    build: Callable[[Any, Any], Any]  # (nn, tensor) -> module
    inputs: tuple
    kwargs: dict
    random: bool  # the result in training mode is random
    smooth: bool  # the result may be differentiated numerically


CASES: list[Case] = []


def case(
    name: str, build: Callable, *inputs: Any, label: str = "", random: bool = False, smooth: bool = True, **kwargs: Any
) -> None:
    CASES.append(Case(name, f"{name}-{label}" if label else name, build, inputs, kwargs, random, smooth))


def simple(
    name: str, *args: Any, x: Any = None, label: str = "", random: bool = False, smooth: bool = True, **settings: Any
) -> None:
    """A case whose constructor takes plain values."""
    given = x if isinstance(x, tuple) else (wave(2, 3) if x is None else x,)
    case(name, lambda nn, t: getattr(nn, name)(*args, **settings), *given, label=label, random=random, smooth=smooth)


# ------------------------------------------------------------------ linear

simple("Identity", 54, unused=0.1)
simple("Linear", 3, 4)
simple("Linear", 3, 2, label="no-bias", bias=False)
simple("Linear", 3, 2, label="1-d", x=wave(3))
simple("Bilinear", 3, 2, 4, x=(wave(2, 3), wave(2, 2, seed=1)))
simple("Bilinear", 3, 2, 4, False, x=(wave(2, 3), wave(2, 2, seed=1)), label="no-bias")
simple("LazyLinear", 4)
simple("LazyLinear", 4, False, label="no-bias")

# ------------------------------------------------------------------ activations

X = wave(3, 4, seed=3, lo=-4, hi=4)
for _name in ("ReLU", "ReLU6", "Sigmoid", "Hardsigmoid", "Tanh", "SiLU", "Mish", "Hardswish", "SELU", "LogSigmoid", "Softsign",
              "Tanhshrink", "Hardtanh", "ELU", "CELU", "GELU", "Hardshrink", "Softshrink", "LeakyReLU", "Softplus", "GLU",
              "PReLU"):  # fmt: skip
    simple(_name, x=X)
simple("Hardtanh", -2.0, 0.5, x=X, label="range")
simple("ELU", 0.5, x=X, label="alpha")
simple("CELU", 0.5, x=X, label="alpha")
simple("GELU", "tanh", x=X, label="tanh")
simple("Hardshrink", 0.9, x=X, label="lambd")
simple("Softshrink", 0.9, x=X, label="lambd")
simple("LeakyReLU", 0.3, x=X, label="slope")
simple("Softplus", 2.0, 3.0, x=X, label="beta")
simple("GLU", 1, x=wave(2, 4, 3), label="dim")
simple("PReLU", 4, 0.1, x=X, label="channels")
simple("Threshold", 0.5, 7.0, x=X)
simple("RReLU", 0.1, 0.4, x=X, random=True)
for _name, _args in (("ReLU", ()), ("ReLU6", ()), ("SiLU", ()), ("Mish", ()), ("Hardswish", ()), ("Hardsigmoid", ()), ("ELU", (0.5,)),
                     ("CELU", (0.5,)), ("SELU", ()), ("LeakyReLU", (0.2,)), ("Threshold", (0.1, 0.3)), ("Hardtanh", (-0.3, 0.3)),
                     ("Dropout", (0.0,))):  # fmt: skip
    case(
        _name,
        lambda nn, t, n=_name, a=_args: nn.Sequential(nn.Linear(4, 3), getattr(nn, n)(*a, inplace=True)),
        X,
        label="in-place",
    )
simple("Softmin", dim=1, x=X)
simple("Softmax", dim=0, x=X)
simple("LogSoftmax", dim=1, x=X)
simple("Softmax2d", x=wave(2, 3, 2, 2))

# ------------------------------------------------------------------ dropout

simple("Dropout", 0.3, random=True)
simple("Dropout", 0.0, label="none")
simple("Dropout1d", x=wave(2, 3, 4), random=True)
simple("Dropout2d", x=wave(2, 3, 2, 2), random=True)
simple("Dropout3d", x=wave(2, 3, 2, 1, 2), random=True)
simple("AlphaDropout", 0.2, random=True)
simple("FeatureAlphaDropout", 0.2, x=wave(2, 3, 4), random=True)

# ------------------------------------------------------------------ convolution

simple("Conv1d", 2, 3, 3, x=wave(2, 2, 6))
simple("Conv1d", 4, 6, 2, stride=2, padding=1, dilation=2, groups=2, bias=False, x=wave(1, 4, 7), label="settings")
simple("Conv1d", 2, 3, 3, padding="same", padding_mode="reflect", x=wave(2, 5), label="same-reflect")
simple("Conv1d", 2, 2, 2, padding="same", padding_mode="circular", x=wave(1, 2, 5), label="same-even")
simple("Conv2d", 2, 3, 3, x=wave(2, 2, 4, 5))
simple(
    "Conv2d",
    4,
    4,
    (2, 3),
    stride=(1, 2),
    padding=(1, 0),
    dilation=(2, 1),
    groups=2,
    x=wave(1, 4, 5, 5),
    label="settings",
)
simple("Conv2d", 2, 2, 3, padding="same", x=wave(1, 2, 3, 4), label="same")
simple("Conv2d", 2, 2, 3, padding=1, padding_mode="circular", x=wave(1, 2, 3, 4), label="circular")
simple("Conv2d", 2, 2, 2, padding=1, padding_mode="replicate", x=wave(2, 3, 4), label="replicate")
simple("Conv2d", 3, 6, 2, groups=3, padding="valid", x=wave(1, 3, 3, 3), label="depthwise")
simple("Conv3d", 2, 2, 2, x=wave(1, 2, 3, 3, 3))
simple("Conv3d", 2, 4, (1, 2, 2), stride=2, padding=(0, 1, 0), groups=2, x=wave(1, 2, 2, 3, 4), label="settings")
simple("ConvTranspose1d", 2, 3, 3, x=wave(2, 2, 4))
simple(
    "ConvTranspose1d",
    4,
    2,
    3,
    stride=2,
    padding=1,
    output_padding=1,
    groups=2,
    dilation=2,
    x=wave(1, 4, 3),
    label="settings",
)
simple("ConvTranspose2d", 2, 3, 2, x=wave(1, 2, 3, 3))
simple("ConvTranspose2d", 2, 2, (3, 2), stride=(2, 1), padding=(1, 0), output_padding=(1, 0), bias=False, x=wave(2, 2, 3),
       label="settings")  # fmt: skip
simple("ConvTranspose3d", 2, 2, 2, stride=2, x=wave(1, 2, 2, 2, 2))
simple("LazyConv1d", 3, 3, x=wave(2, 2, 5))
simple("LazyConv2d", 4, 2, groups=2, x=wave(1, 2, 3, 3))
simple("LazyConv3d", 2, 2, bias=False, x=wave(1, 2, 2, 3, 2))
simple("LazyConvTranspose1d", 3, 3, x=wave(2, 2, 4))
simple("LazyConvTranspose2d", 2, 2, stride=2, x=wave(1, 2, 2, 3))
simple("LazyConvTranspose3d", 2, 2, x=wave(1, 2, 2, 2, 2))
simple("Unfold", (2, 3), padding=1, stride=2, x=wave(1, 2, 4, 5))
simple("Fold", (4, 5), (2, 2), x=wave(1, 8, 12))

# ------------------------------------------------------------------ pooling

L, HW, DHW = wave(2, 2, 7, seed=5), wave(1, 2, 5, 6, seed=5), wave(1, 2, 4, 5, 4, seed=5)
simple("MaxPool1d", 2, x=L)
simple("MaxPool1d", 3, 2, 1, 2, x=L, label="settings", ceil_mode=True)
simple("MaxPool2d", 2, x=HW)
simple("MaxPool2d", (3, 2), (2, 1), (1, 0), return_indices=True, x=HW, label="settings")
simple("MaxPool3d", 2, x=DHW)
simple("AvgPool1d", 3, x=L)
simple("AvgPool1d", 3, 2, 1, True, False, x=L, label="settings")
simple("AvgPool2d", 2, x=HW)
simple("AvgPool2d", (3, 2), 2, 1, True, False, x=HW, label="settings")
simple("AvgPool2d", 2, divisor_override=3, x=HW, label="divisor")
simple("AvgPool3d", 2, x=DHW)
POSITIVE = wave(1, 2, 6, 4, seed=5, lo=0.2, hi=2.0)
simple("LPPool1d", 2, 3, x=wave(2, 2, 7, lo=0.2, hi=2.0))
simple("LPPool2d", 3, 2, 2, x=POSITIVE)
simple("LPPool3d", 2, 2, x=wave(1, 2, 4, 3, 4, lo=0.2, hi=2.0))
simple("AdaptiveAvgPool1d", 3, x=L)
simple("AdaptiveAvgPool2d", (3, None), x=HW)
simple("AdaptiveAvgPool3d", 2, x=DHW)
simple("AdaptiveMaxPool1d", 3, x=L)
simple("AdaptiveMaxPool2d", (3, None), x=HW)
simple("AdaptiveMaxPool3d", 2, True, x=DHW)
PLACES1 = np.array([[[1, 2, 5], [0, 3, 4]]])
PLACES2 = np.array([[[[0, 3], [9, 10]]]])
PLACES3 = np.arange(0, 64, 8).reshape(1, 1, 2, 2, 2)
simple("MaxUnpool1d", 2, x=(wave(1, 2, 3), PLACES1))
simple("MaxUnpool2d", 2, x=(wave(1, 1, 2, 2), PLACES2))
simple("MaxUnpool3d", 2, x=(wave(1, 1, 2, 2, 2), PLACES3))
case("FractionalMaxPool2d", lambda nn, t: nn.FractionalMaxPool2d((2, 3), (3, 5), _random_samples=t(wave(2, 2, 2, lo=0.01, hi=0.99))),
     wave(2, 2, 9, 14, seed=5))  # fmt: skip
case("FractionalMaxPool2d", lambda nn, t: nn.FractionalMaxPool2d(2, 1, return_indices=True, _random_samples=t(wave(1, 2, 2, lo=0.01, hi=0.99))),
     HW, label="indices")  # fmt: skip
case("FractionalMaxPool3d",
     lambda nn, t: nn.FractionalMaxPool3d(2, output_ratio=0.5, _random_samples=t(wave(1, 2, 3, lo=0.01, hi=0.99))),
     wave(1, 2, 7, 8, 9, seed=5))  # fmt: skip

# ------------------------------------------------------------------ padding, shape, resampling

for _n, _x, _p in (
    (1, wave(1, 2, 4), (2, 1)),
    (2, wave(1, 2, 3, 4), (2, 1, 1, 2)),
    (3, wave(1, 1, 3, 3, 4), (2, 1, 1, 2, 1, 0)),
):
    for _kind in ("ReflectionPad", "ReplicationPad", "ZeroPad", "CircularPad"):
        simple(f"{_kind}{_n}d", _p, x=_x)
    simple(f"ConstantPad{_n}d", _p, 3.5, x=_x)
simple("ReflectionPad1d", 1, x=wave(2, 4), label="number")
simple("ConstantPad2d", 2, -1.0, x=wave(3, 4), label="number")
simple("Flatten", x=wave(2, 2, 3))
simple("Flatten", 0, 1, x=wave(2, 2, 3), label="dims")
simple("Unflatten", 1, (2, 3), x=wave(2, 6))
simple("Unflatten", -1, [3, -1], x=wave(2, 6), label="list")
simple("PixelShuffle", 2, x=wave(1, 8, 2, 2))
simple("PixelUnshuffle", 2, x=wave(1, 2, 4, 2))
simple("ChannelShuffle", 2, x=wave(1, 6, 2, 2))
simple("Upsample", scale_factor=2, x=wave(1, 2, 3))
simple("Upsample", (4, 5), mode="bilinear", align_corners=False, x=wave(1, 2, 2, 3), label="bilinear")
simple("Upsample", scale_factor=(2.0, 1.5), mode="bicubic", align_corners=True, x=wave(1, 1, 3, 4), label="bicubic")
simple("Upsample", scale_factor=2, mode="trilinear", align_corners=True, x=wave(1, 1, 2, 2, 2), label="trilinear")
simple("Upsample", size=5, mode="linear", x=wave(1, 2, 3), label="linear")
simple("UpsamplingNearest2d", scale_factor=2, x=wave(1, 2, 2, 2))
simple("UpsamplingBilinear2d", size=(3, 4), x=wave(1, 2, 2, 2))

# ------------------------------------------------------------------ normalisation

simple("BatchNorm1d", 3, x=wave(4, 3))
simple("BatchNorm1d", 3, 1e-3, None, False, x=wave(4, 3, 2), label="average")
simple("BatchNorm2d", 2, x=wave(2, 2, 2, 3))
simple("BatchNorm2d", 2, track_running_stats=False, x=wave(2, 2, 2, 3), label="no-stats")
simple("BatchNorm3d", 2, x=wave(2, 2, 2, 1, 2))
simple("SyncBatchNorm", 3, x=wave(4, 3))
simple("LazyBatchNorm1d", x=wave(4, 3))
simple("LazyBatchNorm2d", affine=False, x=wave(2, 2, 2, 2))
simple("LazyBatchNorm3d", x=wave(2, 2, 2, 1, 2))
simple("InstanceNorm1d", 3, x=wave(2, 3, 4))
simple("InstanceNorm1d", 3, affine=True, x=wave(3, 4), label="unbatched")
simple("InstanceNorm2d", 2, affine=True, track_running_stats=True, x=wave(2, 2, 2, 3))
simple("InstanceNorm3d", 2, x=wave(1, 2, 2, 2, 2))
simple("LazyInstanceNorm1d", x=wave(2, 3, 4))
simple("LazyInstanceNorm2d", bias=False, track_running_stats=False, x=wave(1, 2, 2, 3))
simple("LazyInstanceNorm3d", x=wave(1, 2, 2, 2, 2))
simple("LayerNorm", 4, x=wave(2, 3, 4))
simple("LayerNorm", (3, 4), 1e-3, False, x=wave(2, 3, 4), label="plain")
simple("LayerNorm", 4, bias=False, x=wave(2, 4), label="no-bias")
simple("GroupNorm", 2, 4, x=wave(2, 4, 3))
simple("BatchNorm1d", 3, bias=False, x=wave(4, 3), label="no-bias")
simple("GroupNorm", 2, 4, bias=False, x=wave(2, 4, 3), label="no-bias")
simple("GroupNorm", 1, 4, affine=False, x=wave(2, 4, 2, 2), label="plain")
simple("RMSNorm", 4, x=wave(2, 4))
simple("RMSNorm", (2, 4), 1e-3, False, x=wave(3, 2, 4), label="plain")
simple("LocalResponseNorm", 2, 0.5, x=wave(1, 4, 3))
simple("CrossMapLRN2d", 3, 0.5, x=wave(1, 2, 2, 2))

# ------------------------------------------------------------------ embedding

simple("Embedding", 5, 3, x=ints(2, 4, below=5))
simple("Embedding", 5, 3, 1, x=ints(6, below=5), label="padding", smooth=False)  # no gradient for the padding
simple("Embedding", 5, 3, max_norm=0.8, norm_type=1.0, scale_grad_by_freq=True, x=ints(6, below=5), label="max-norm",
       smooth=False)  # fmt: skip  # rows are scaled in place
case(
    "Embedding",
    lambda nn, t: nn.Embedding.from_pretrained(t(wave(4, 2)), freeze=False),
    ints(3, below=4),
    label="pretrained",
)
simple("EmbeddingBag", 5, 3, x=ints(2, 4, below=5))
simple("Embedding", 5, 3, sparse=True, x=ints(3, below=5), label="sparse")
simple("EmbeddingBag", 5, 3, 1.5, 1.0, x=ints(2, 4, below=5), label="max-norm", smooth=False)
case("EmbeddingBag", lambda nn, t: nn.EmbeddingBag.from_pretrained(t(wave(4, 2)), mode="sum"), ints(2, 3, below=4), label="pretrained",
     per_sample_weights=wave(2, 3))  # fmt: skip
simple("EmbeddingBag", 5, 3, mode="sum", x=(ints(6, below=5), np.array([0, 2, 2])), label="sum")
simple("EmbeddingBag", 5, 3, mode="max", padding_idx=2, x=ints(2, 4, below=5), label="max", smooth=False)

# ------------------------------------------------------------------ recurrent

SEQ = wave(4, 2, 3)
simple("RNN", 3, 2, x=SEQ)
simple("RNN", 3, 2, 2, "relu", False, bidirectional=True, x=SEQ, label="settings")
simple("LSTM", 3, 2, x=SEQ)
simple("LSTM", 3, 4, 2, batch_first=True, bidirectional=True, proj_size=2, x=wave(2, 4, 3), label="settings")
simple("LSTM", 3, 2, x=(SEQ, (wave(1, 2, 2, seed=1), wave(1, 2, 2, seed=2))), label="state")
simple("LSTM", 3, 2, bias=False, x=wave(4, 3), label="unbatched")
simple("LSTM", 3, 2, 2, dropout=0.5, x=SEQ, label="dropout", random=True)
simple("GRU", 3, 2, x=SEQ)
simple("GRU", 3, 2, 2, bidirectional=True, batch_first=True, x=(wave(2, 4, 3), wave(4, 2, 2, seed=1)), label="settings")
case("RNN", lambda nn, t: _Packed(nn, nn.RNN(3, 2, bidirectional=True), [2, 4, 3]), wave(4, 3, 3), label="packed")
case("LSTM", lambda nn, t: _Packed(nn, nn.LSTM(3, 2, 2, bidirectional=True), [2, 4, 3]), wave(4, 3, 3), label="packed")
case("GRU", lambda nn, t: _Packed(nn, nn.GRU(3, 2, bidirectional=True), [2, 4, 3]), wave(4, 3, 3), label="packed")
simple("RNNCell", 3, 2, x=(wave(2, 3), wave(2, 2, seed=1)))
simple("RNNCell", 3, 2, False, "relu", label="relu")
simple("LSTMCell", 3, 2, x=(wave(2, 3), (wave(2, 2, seed=1), wave(2, 2, seed=2))))
simple("LSTMCell", 3, 2, x=wave(3), label="unbatched")
simple("LSTMCell", 3, 2, x=(wave(3), (wave(2, seed=1), wave(2, seed=2))), label="unbatched-state")
simple("GRUCell", 3, 2, bias=False, x=(wave(2, 3), wave(2, 2, seed=1)))


def _Packed(nn: Any, inner: Any, lengths: list[int]) -> Any:
    """A module that packs its input, runs the network over it and pads the result again."""

    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Any) -> Any:
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
            out, state = self.inner(packed)
            padded, _ = nn.utils.rnn.pad_packed_sequence(out)
            return padded, state

    return Packed()


# ------------------------------------------------------------------ attention

Q, K, V = wave(3, 2, 4), wave(5, 2, 4, seed=1), wave(5, 2, 4, seed=2)
CAUSAL = np.triu(np.ones((3, 3), bool), 1)
PADDED = np.array([[False, False, False, True, False], [False, False, False, False, True]])
simple("MultiheadAttention", 4, 2, x=(Q, K, V))
case("MultiheadAttention", lambda nn, t: nn.MultiheadAttention(4, 2, bias=False, add_zero_attn=True, batch_first=True),
     wave(2, 3, 4), wave(2, 5, 4, seed=1), wave(2, 5, 4, seed=2), label="batch-first", key_padding_mask=PADDED,
     average_attn_weights=False)  # fmt: skip
case("MultiheadAttention", lambda nn, t: nn.MultiheadAttention(4, 2, add_bias_kv=True, kdim=3, vdim=2), wave(3, 4), wave(5, 3),
     wave(5, 2), label="widths", need_weights=False)  # fmt: skip
case(
    "MultiheadAttention",
    lambda nn, t: nn.MultiheadAttention(4, 2),
    Q,
    Q,
    Q,
    label="causal",
    attn_mask=CAUSAL,
    need_weights=False,
)
case("TransformerEncoderLayer", lambda nn, t: nn.TransformerEncoderLayer(4, 2, 6, 0.0), Q, src_mask=CAUSAL)
case("TransformerEncoderLayer", lambda nn, t: nn.TransformerEncoderLayer(4, 2, 6, 0.3, "gelu", 1e-4, True, True, False),
     wave(2, 3, 4), label="norm-first", random=True)  # fmt: skip
case("TransformerDecoderLayer", lambda nn, t: nn.TransformerDecoderLayer(4, 2, 6, 0.0), Q, K, tgt_mask=CAUSAL,
     memory_key_padding_mask=PADDED)  # fmt: skip
case(
    "TransformerDecoderLayer",
    lambda nn, t: nn.TransformerDecoderLayer(4, 2, 6, 0.0, "gelu", norm_first=True),
    Q,
    K,
    label="norm-first",
)
case("TransformerEncoder", lambda nn, t: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, 0.0), 2, nn.LayerNorm(4),
     enable_nested_tensor=False), Q)  # fmt: skip
case("TransformerDecoder", lambda nn, t: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, 0.0), 2), Q, K)
case("Transformer", lambda nn, t: nn.Transformer(4, 2, 1, 1, 6, 0.0), K, Q)
case("TransformerEncoderLayer", lambda nn, t: nn.TransformerEncoderLayer(4, 2, 6, 0.0, nn.Tanh(), batch_first=True), wave(3, 4),
     label="module-activation")  # fmt: skip

# ------------------------------------------------------------------ distances and losses

A, B, C_ = wave(3, 4), wave(3, 4, seed=1), wave(3, 4, seed=2)
simple("PairwiseDistance", x=(A, B))
simple("PairwiseDistance", 1.0, 1e-3, True, x=(A, B), label="settings")
simple("CosineSimilarity", x=(A, B))
simple("CosineSimilarity", 0, 1e-3, x=(A, B), label="settings")


def loss(name: str, *x: Any, smooth: bool = True, **settings: Any) -> None:
    """All three reductions of a loss."""
    for reduction in ("mean", "sum", "none"):
        simple(name, x=x, smooth=smooth, label="-".join([*settings, reduction]), reduction=reduction, **settings)


CLASSES, PROBABILITY = ints(3, below=4), wave(3, 4, seed=4, lo=0.05, hi=0.95)
LOGP = np.log(PROBABILITY / PROBABILITY.sum(1, keepdims=True))
WEIGHT = wave(4, lo=0.5, hi=2.0)
for _name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss"):
    loss(_name, A, B)
loss("SmoothL1Loss", A, B, beta=0.3)
loss("HuberLoss", A, B, delta=0.3)
loss("BCELoss", PROBABILITY, Fixed(bools(3, 4) * 1.0))
loss("BCEWithLogitsLoss", A, Fixed(bools(3, 4) * 1.0))
loss("NLLLoss", LOGP, CLASSES)
loss("CrossEntropyLoss", A, CLASSES)
loss("CrossEntropyLoss", A, CLASSES, label_smoothing=0.2, ignore_index=1)
loss("CrossEntropyLoss", wave(2, 3, 2), ints(2, 2, below=3), ignore_index=0)
simple("CrossEntropyLoss", x=(A, PROBABILITY / PROBABILITY.sum(1, keepdims=True)), label="probabilities")
for _name, _target in (("NLLLoss", CLASSES), ("CrossEntropyLoss", CLASSES), ("MultiLabelSoftMarginLoss", Fixed(bools(3, 4) * 1.0)),
                       ("MultiMarginLoss", CLASSES), ("BCEWithLogitsLoss", Fixed(bools(3, 4) * 1.0))):  # fmt: skip
    case(_name, lambda nn, t, n=_name: getattr(nn, n)(weight=t(WEIGHT)), A, _target, label="weight")
case("BCELoss", lambda nn, t: nn.BCELoss(t(WEIGHT)), PROBABILITY, Fixed(bools(3, 4) * 1.0), label="weight")
case(
    "BCEWithLogitsLoss",
    lambda nn, t: nn.BCEWithLogitsLoss(pos_weight=t(WEIGHT)),
    A,
    Fixed(bools(3, 4) * 1.0),
    label="pos-weight",
)
loss("PoissonNLLLoss", A, Fixed(ints(3, 4, below=5) * 1.0))
loss("PoissonNLLLoss", PROBABILITY, Fixed(ints(3, 4, below=5) * 1.0), log_input=False, full=True)
loss("GaussianNLLLoss", A, B, PROBABILITY)
loss("GaussianNLLLoss", A, B, PROBABILITY, full=True)
loss("KLDivLoss", LOGP, Fixed(PROBABILITY))
simple("KLDivLoss", x=(LOGP, Fixed(LOGP)), label="log-target", log_target=True, reduction="batchmean")
loss("HingeEmbeddingLoss", A, Fixed(signs(3, 4)))
loss("SoftMarginLoss", A, Fixed(signs(3, 4)))
loss("MultiLabelMarginLoss", A, Fixed(np.array([[3, 0, -1, 1], [1, -1, 0, 0], [2, 3, 1, 0]])))
loss("MultiLabelSoftMarginLoss", A, Fixed(bools(3, 4) * 1.0))
loss("CosineEmbeddingLoss", A, B, Fixed(signs(3)), margin=0.1)
loss("MarginRankingLoss", wave(5), wave(5, seed=1), Fixed(signs(5)), margin=0.2)
loss("MultiMarginLoss", A, CLASSES)
loss("MultiMarginLoss", A, CLASSES, p=2, margin=0.7)
loss("TripletMarginLoss", A, B, C_)
loss("TripletMarginLoss", A, B, C_, swap=True, p=1.0)
loss("TripletMarginWithDistanceLoss", A, B, C_)
for _name in (
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
):  # the negative is nearer to the positive than to the anchor
    simple(_name, x=(A, B, B * 0.8 + 0.1), label="swap-near", swap=True)
loss(
    "CTCLoss",
    np.log(wave(5, 2, 4, lo=0.1, hi=0.9)),
    np.array([[1, 2, 2], [3, 1, 0]]),
    np.array([5, 4]),
    np.array([3, 2]),
    smooth=False,
)  # its gradient takes the input to be normalised, as PyTorch's does
simple("NLLLoss2d", x=(np.log(wave(1, 3, 2, 2, lo=0.1, hi=0.9)), ints(1, 2, 2, below=3)))
simple("AdaptiveLogSoftmaxWithLoss", 4, 9, [2, 5], 2.0, True, x=(wave(6, 4), np.array([0, 1, 3, 4, 6, 8])))
simple("LinearCrossEntropyLoss", 4, 3, x=(A, ints(3, below=3)))
simple("LinearCrossEntropyLoss", 4, 3, out_features=(2,), x=(A, ints(3, 2, below=3)), label="places")
simple(
    "LinearCrossEntropyLoss",
    4,
    3,
    bias=True,
    reduction="sum",
    label_smoothing=0.1,
    x=(A, ints(3, below=3)),
    label="settings",
)

# ------------------------------------------------------------------ containers

case("Sequential", lambda nn, t: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), wave(2, 3))


def _using(nn: Any, held: Any, run: Callable) -> Any:
    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.held = held

        def forward(self, x: Any) -> Any:
            return run(self.held, x)

    return Holder()


def _all(held: Any, x: Any) -> Any:
    for module in held:
        x = module(x)
    return x


case(
    "ModuleList",
    lambda nn, t: _using(nn, nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3), nn.ReLU()]), _all),
    wave(2, 3),
)
case("ModuleDict", lambda nn, t: _using(nn, nn.ModuleDict({"a": nn.Linear(3, 2), "b": nn.ReLU()}), lambda d, x: d["b"](d["a"](x))),
     wave(2, 3))  # fmt: skip
case("ParameterList", lambda nn, t: _using(nn, nn.ParameterList([nn.Parameter(t(wave(3))), t(wave(3))]), lambda p, x: x * p[0] + p[1]),
     wave(2, 3))  # fmt: skip
case("ParameterDict", lambda nn, t: _using(nn, nn.ParameterDict({"left": nn.Parameter(t(wave(3)))}), lambda p, x: x * p["left"]),
     wave(2, 3))  # fmt: skip

# Modules that need no case: bases without a forward, and a name that only warns.
NO_CASE = {"Module", "RNNBase", "RNNCellBase", "Container"}
