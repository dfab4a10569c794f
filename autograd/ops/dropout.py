"""Random zeros: dropout of elements and of channels, and the draws that other random layers use."""

from __future__ import annotations

import math

import numpy as np

from .._inplace import assign
from .._op import composite
from .._tensor import wrap

_F = "nn.functional"


def generator():
    """The NumPy generator behind `autograd.random`'s default generator, which `autograd.random` puts here."""
    raise AssertionError("autograd.random has not been imported")


def set_generator(get):
    """Make `get()` the source of this module's numbers; random stands above the operations and uses them."""
    global generator
    generator = get


def slopes(like, low, high):
    """Uniform numbers in [low, high) where a tensor is not positive, 1 elsewhere; one is drawn for each."""
    below = like._data <= 0
    found = np.ones(below.shape)
    found[below] = generator().random(int(below.sum()), np.float64) * (high - low) + low
    return wrap(found.astype(like._data.dtype)[()])


def exponential(like):
    """Positive numbers of density e ** -x with the shape and dtype of a tensor."""
    d = like._data.dtype
    drawn = np.asarray(generator().exponential(1.0, like._data.shape)).astype(d)
    return wrap(np.maximum(drawn, np.finfo(d).tiny)[()])


def _check(name, p):
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")


def _kept(input, p, shape):
    """A mask of `shape`: 1 with probability 1 - p, of the input's dtype."""
    source = generator()
    if hasattr(source, "survive"):  # the facade's stream, which knows how PyTorch draws a mask
        whole = shape == tuple(input.shape)
        mask = source.like(input._data, source.survive, p) if whole else source.survive(shape, p)
        return mask.astype(input._data.dtype, copy=False, order="K")[()]
    return (source.random(shape, np.float32) >= p).astype(input._data.dtype)[()]


def _drop(name, input, p, training, inplace, shape):
    _check(name, p)
    if not training or p == 0.0 or not input.numel():
        return input
    if p == 1.0:
        mask = np.zeros(shape, input._data.dtype)[()]
    else:
        mask = _kept(input, p, shape)
        mask = mask * mask.dtype.type(1 / (1 - p))
    result = input * wrap(mask)
    return assign(input, result, name + "_") if inplace else result


def _channels(name, input, spatial):
    """The shape of a mask that has one entry per channel."""
    if input.ndim not in (spatial + 1, spatial + 2):
        import warnings

        warnings.warn(
            f"{name}: Received a {input.ndim}-D input to {name}, which is deprecated and will result in an error "
            "in a future "
            "release. To retain the behavior and silence this warning, please use dropout instead. Note that "
            f"{name} exists "
            f"to provide channel-wise dropout on inputs with {spatial} spatial dimensions, a channel dimension, "
            "and an "
            "optional batch dimension.",
            UserWarning,
            stacklevel=4,
        )
    if input.ndim < 2:
        raise RuntimeError(f"{name}: Feature dropout requires at least 2 dimensions in the input, got {input.ndim}")
    return (*input.shape[:2], *(1,) * (input.ndim - 2))


@composite(namespace=_F, images=True, spelled={"train": "training"})
def dropout(input, p=0.5, training=True, inplace=False):
    """Zero each element with probability p while training and scale the others by 1/(1-p); the identity otherwise.

    Raises:
        ValueError: p outside [0, 1].
    """
    return _drop("dropout", input, p, training, inplace, tuple(input.shape))


@composite(namespace=_F)
def dropout1d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels with probability p while training. Shape: (N, C, L) or (C, L)."""
    _check("dropout1d", p)
    if input.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input.")
    return _drop("dropout1d", input, p, training, inplace, _batched(input, 1))


@composite(namespace=_F, images=True)
def dropout2d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels with probability p while training. Shape: (N, C, H, W).

    Note:
        As in PyTorch, a 3-D input is (N, C, L): its first two axes are batch and channel.
    """
    _check("dropout2d", p)
    if input.ndim == 3:
        import warnings

        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is "
            "desired - "
            "input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a "
            "future "
            "release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain "
            "the 1D "
            "channel-wise dropout behavior, please switch to using dropout1d instead.",
            UserWarning,
            stacklevel=3,
        )
        return _drop("dropout2d", input, p, training, inplace, _channels("dropout2d", input, 2))
    return _drop("dropout2d", input, p, training, inplace, _channels("dropout2d", input, 2))


@composite(namespace=_F, images=True)
def dropout3d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels with probability p while training. Shape: (N, C, D, H, W) or (C, D, H, W)."""
    _check("dropout3d", p)
    shape = _batched(input, 3) if input.ndim == 4 else _channels("dropout3d", input, 3)
    return _drop("dropout3d", input, p, training, inplace, shape)


def _batched(input, spatial):
    """One mask entry per channel, for inputs with or without a batch axis."""
    lead = input.ndim - spatial
    return (*input.shape[:lead], *(1,) * spatial)


# What selu tends to for large negative inputs; dropped elements take it so that mean and variance stay.
_SATURATION = -1.7580993408473766


def _alpha_drop(name, input, p, training, inplace, shape):
    _check(name, p)
    if not training or p == 0.0 or not input.numel():
        return input
    if p == 1.0:
        result = input * 0.0
    else:
        kept = _kept(input, p, shape)
        a = 1 / math.sqrt((1 - p) * (1 + p * _SATURATION**2))
        result = input * wrap(kept * kept.dtype.type(a)) + wrap(
            (1 - kept) * kept.dtype.type(a * _SATURATION) - kept.dtype.type(a * _SATURATION * p)
        )
    return assign(input, result, name + "_") if inplace else result


@composite(namespace=_F, spelled={"train": "training"})
def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout that keeps mean 0 and variance 1: dropped elements take the value selu saturates at."""
    return _alpha_drop("alpha_dropout", input, p, training, inplace, tuple(input.shape))


@composite(namespace=_F, spelled={"train": "training"})
def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """`alpha_dropout` of whole channels."""
    shape = (*input.shape[:2], *(1,) * (input.ndim - 2))
    return _alpha_drop("feature_alpha_dropout", input, p, training, inplace, shape)
