"""Normalisation: batch, layer, group, instance, root mean square and local response."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .._mode import fast
from .._op import composite, op
from .._samples import call, cases
from . import _channel_norm, _group_norm, _row_norm
from .reduce import _total

_F = "nn.functional"


# ---------------------------------------------------------------------------------------------- the primitives


def _moments(x, axes):
    """(x - mean, mean, variance) over axes; two passes, since E[x²] - E[x]² cancels."""
    n = math.prod(x.shape[a] for a in axes)
    mean = _total(x, axes, True) / n
    centred = x - mean
    return centred, mean, _total(centred * centred, axes, True) / n


def across(axes):
    """Whether `axes` are all but that of the channels, (N, C, *): factors may be vectors then, one number per channel."""
    return axes[:2] == (0, 2)


def _placed(factor, x, axes):
    """A factor with its axis where that of x is, as broadcasting wants it."""
    return factor if factor is None or factor.ndim != 1 or not across(axes) else _per_channel(factor, x.ndim)


@op(name="_standard", symbol="norm", caption="r(ĝ − mean ĝ − x̂ mean ĝx̂)", method=False, namespace="_", quiet=True,
    aux=("average", "variance"), sample=cases(lambda r: [
        call(r(3, 4), r(4), r(4), axes=(1,), eps=1e-5), call(r(3, 2, 2), r(1, 2, 1), r(1, 2, 1), axes=(0, 2), eps=1e-3),
        call(r(2, 5), axes=(1,), eps=1e-5), call(r(2, 2, 3), r(2, 3), axes=(1, 2), eps=1e-5),
        call(r(3, 2, 2), r(2), r(2), axes=(0, 2), eps=1e-3), call(r(2, 2, 3, 2), r(1, 2, 3, 1), r(1, 2, 3, 1), axes=(2, 3), eps=1e-3)]))  # fmt: skip
def _standard(x, weight=None, bias=None, *, axes, eps):
    """(x - mean) / sqrt(variance + eps) over `axes`, times weight plus bias: they broadcast, or both hold a number per channel."""
    if fast.enabled and _row_norm.suits(x, weight, axes):
        return _row_norm.forward(x, weight, bias, len(axes), eps)
    if fast.enabled and _channel_norm.suits(x, weight, axes):
        return _channel_norm.forward(x, weight, bias, eps)
    if fast.enabled and _group_norm.suits(x, weight, axes):
        return _group_norm.forward(x, weight, bias, eps)
    y, mean, variance = _moments(x, axes)
    y *= 1 / np.sqrt(variance + eps)
    if weight is not None:
        y *= _placed(weight, x, axes)
    if bias is not None:
        y += _placed(bias, x, axes)
    return y, mean, variance


def _restored(x, axes, eps):
    """(normalised x, 1 / standard deviation), in operations that record."""
    centred = x - mean(x, dim=axes, keepdim=True)
    scale = rsqrt(mean(centred * centred, dim=axes, keepdim=True) + eps)
    return centred * scale, scale


@_standard.grad("x")
def _(g, x, weight, axes, eps):
    normal, scale = _restored(x, axes, eps)
    if weight is not None:
        g = g * _placed(weight, x, axes)
    return scale * (g - mean(g, dim=axes, keepdim=True) - normal * mean(g * normal, dim=axes, keepdim=True))


@_standard.grad("weight")
def _(g, x, weight_shape, axes, eps):
    return _per_factor(g * _restored(x, axes, eps)[0], weight_shape, axes)


@_standard.grad("bias")
def _(g, bias_shape, axes):
    return _per_factor(g, bias_shape, axes)


def _per_factor(g, shape, axes):
    """Summed over all but the channels where factors are vectors; elsewhere the engine undoes the broadcasting."""
    return sum(g, dim=axes) if len(shape) == 1 and across(axes) else g


@_standard.fast
def _(g, x, weight, average, variance, axes, eps, needs):
    """As the rules, but each sum is formed once."""
    if _row_norm.suits(x, weight, axes):
        return _row_norm.backward(g, x, weight, average, variance, len(axes), eps, needs)
    if _channel_norm.suits(x, weight, axes):
        return _channel_norm.backward(g, x, weight, average, variance, eps, needs)
    if _group_norm.suits(x, weight, axes):
        return _group_norm.backward(g, x, weight, average, variance, eps, needs)
    scale = 1 / np.sqrt(variance + eps)
    normal = (x - average) * scale
    product = g * normal
    gw = gb = gx = None
    placed = _placed(weight, x, axes)
    shape: Any = None if weight is None else placed.shape
    if needs[1]:
        gw = sum_to(product, shape)
    if needs[2]:
        gb = g if shape is None else sum_to(g, shape)
    if needs[0]:
        gx = _standard_slope(g, product, normal, placed, scale, axes, gw, gb)
    if placed is not weight:
        gw, gb = (None if part is None else part.reshape(weight.shape) for part in (gw, gb))
    return gx, gw, gb


def _standard_slope(g, product, normal, weight, scale, axes, gw, gb):
    n = math.prod(g.shape[a] for a in axes)
    if weight is not None and all(weight.ndim == g.ndim and weight.shape[a] == 1 for a in axes):
        # The weight is the same all over each group: its gradient is the sum this formula needs.
        along = sum_to(product, weight.shape) if gw is None else gw
        whole = sum_to(g, weight.shape) if gb is None else gb
        if along.shape == scale.shape:
            normal *= along / -n
            normal += g
            normal -= whole / n
            normal *= scale * weight
            return normal
    if weight is not None:
        g = g * weight
        product = g * normal
    normal *= _total(product, axes, True) / -n
    normal += g
    normal -= _total(g, axes, True) / n
    normal *= scale
    return normal


@op(name="_root_mean_square", symbol="rms norm", method=False, namespace="_", sample=cases(lambda r: [
    call(r(3, 4), r(4), axes=(1,), eps=1e-5), call(r(2, 2, 3), axes=(1, 2), eps=1e-3)]))  # fmt: skip
def _root_mean_square(x, weight=None, *, axes, eps):
    """x / sqrt(mean(x²) + eps) over `axes`, times weight."""
    n = math.prod(x.shape[a] for a in axes)
    y = x / np.sqrt(_total(x * x, axes, True) / n + eps)
    return y if weight is None else y * weight


def _unit(x, axes, eps):
    scale = rsqrt(mean(x * x, dim=axes, keepdim=True) + eps)
    return x * scale, scale


@_root_mean_square.grad("x")
def _(g, x, weight, axes, eps):
    unit, scale = _unit(x, axes, eps)
    if weight is not None:
        g = g * weight
    return scale * (g - unit * mean(g * unit, dim=axes, keepdim=True))


@_root_mean_square.grad("weight")
def _(g, x, axes, eps):
    return g * _unit(x, axes, eps)[0]


@op(batch="align", name="_affine", symbol="(x−m)s+b", method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 3, 2), r(1, 3, 1), r(1, 3, 1), r(1, 3, 1))]))  # fmt: skip
def _affine(x, mean, scale, bias=None):
    """(x - mean) * scale + bias in one node."""
    y = x - mean
    y *= scale
    if bias is not None:
        y += bias
    return y


@_affine.grad("x")
def _(g, scale):
    return g * scale


@_affine.grad("mean")
def _(g, scale):
    return -g * scale


@_affine.grad("scale")
def _(g, x, mean):
    return g * (x - mean)


@_affine.grad("bias")
def _(g):
    return g


# ---------------------------------------------------------------------------------------------- batch and instance


@functools.lru_cache(1024)
def _check_batch(shape, training, eps):
    if training and math.prod(shape[:1] + shape[2:]) == 1:
        raise ValueError(f"batch_norm: Expected more than 1 value per channel when training, got input size {shape}")
    if eps < 0 or (training and eps == 0):
        wanted = "positive during training" if training else "non-negative"
        raise ValueError(f"batch_norm eps must be {wanted}, but got {eps}")


def _check_parts(name, channels, parts):
    for what, t in parts.items():
        if t is not None and t.numel() != channels:
            raise RuntimeError(f"{name}: {what} should contain {channels} elements not {t.numel()}")


def _per_channel(t, ndim):
    return None if t is None else reshape(t, (1, -1, *(1,) * (ndim - 2)))


def _update(running, new, momentum):
    """running = (1 - momentum) running + momentum new, in place and without a graph."""
    if running is None:
        return
    buffer = running._buffer()
    np.add(buffer * (1 - momentum), momentum * new.astype(buffer.dtype, copy=False), out=buffer)
    del buffer  # or the nodes of this graph would be searched for it
    stamp(running)


def _batch(x, running_mean, running_var, weight, bias, momentum, eps):
    """Normalised with the batch's own statistics, which the running ones then take in."""
    axes = (0, *range(2, x.ndim))
    if weight is None:
        bias = _per_channel(bias, x.ndim)
    y, mean, variance = _standard(x, weight, bias, axes=axes, eps=eps)
    n = x.numel() // max(x.shape[1], 1)
    if not n or (running_mean is None and running_var is None):
        return y  # no values, or no statistics to take them in
    _update(running_mean, mean._data.reshape(-1), momentum)
    _update(running_var, variance._data.reshape(-1) * (n / max(n - 1, 1)), momentum)
    return y


@composite(namespace=_F, images=True)
def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """(x - mean) / sqrt(variance + eps) * weight + bias, per channel over batch and space.

    Args:
        running_mean, running_var: statistics used when not training, and updated in place while training
            (the variance with its unbiased estimate).
        momentum: the share of the new batch in the running statistics.

    Shape: input (N, C, *); the others (C).

    Raises:
        ValueError: training with one value per channel, which has no variance, or with eps <= 0.
        RuntimeError: lengths differ from C, or no statistics are there to use.

    Source: Ioffe and Szegedy, "Batch normalization", 2015.
    """
    if input.ndim < 2:
        if not input.numel():
            return input * 1.0
        raise RuntimeError(
            f"batch_norm: expected an input with a channel axis (N, C, ...), got shape {tuple(input.shape)}"
        )
    _check_batch(input.shape, training, eps)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    _check_parts("batch_norm", input.shape[1], given)
    if input.dtype in (float16, bfloat16):
        return halves_in_float32(
            lambda x, w, b: batch_norm(x, running_mean, running_var, w, b, training, momentum, eps), input, weight, bias
        )
    if training:
        return _batch(input, running_mean, running_var, weight, bias, momentum, eps)
    if running_mean is None or running_var is None:
        raise RuntimeError("batch_norm: Expected running_mean and running_var to be defined when training=False")
    scale = rsqrt(running_var + eps)
    if weight is not None:
        scale = scale * weight
    n = input.ndim
    return _affine(input, _per_channel(running_mean, n), _per_channel(scale, n), _per_channel(bias, n))


@composite(namespace=_F)
def instance_norm(
    input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5
):
    """`batch_norm` of every example by itself: per example and channel, over space.

    Raises:
        ValueError: an image with one place, which has no variance.
    """
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise ValueError(
            f"instance_norm: Expected more than 1 spatial element when training, got input size {input.shape}"
        )
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    _check_parts(
        "instance_norm",
        input.shape[1],
        {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias},
    )
    y, mean, variance = _grouped(input, input.shape[1], weight, bias, eps)
    count = math.prod(input.shape[2:])
    _update(running_mean, mean._data.mean(axis=0).reshape(-1), momentum)
    _update(running_var, variance._data.mean(axis=0).reshape(-1) * (count / max(count - 1, 1)), momentum)
    return y


# ---------------------------------------------------------------------------------------------- layer and group


def _trailing(name, input, normalized_shape, weight, bias=None):
    """The axes that normalized_shape names, after checking that they are there."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    parts = [None if t is None else t.shape for t in (weight, bias)]
    return _checked_trailing(name, input.shape, shape, *parts)


@functools.lru_cache(1024)
def _checked_trailing(name, size, shape, weight, bias):
    if not shape:
        raise RuntimeError(
            f"{name}: Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got normalized_shape = []"
        )
    for what, own in (("weight", weight), ("bias", bias)):
        if own is not None and own != shape:
            raise RuntimeError(
                f"{name}: Expected {what} to be of same shape as normalized_shape, but got {what} of shape "
                f"{list(own)} and "
                f"normalized_shape = {list(shape)}"
            )
    if size[-len(shape) :] != shape:
        raise RuntimeError(
            f"{name}: Given normalized_shape={list(shape)}, expected input with shape [*, "
            f"{', '.join(map(str, shape))}], but got input "
            f"of size{list(size)}"
        )
    return tuple(range(len(size) - len(shape), len(size)))


@composite(namespace=_F)
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last axes, those of normalized_shape.

    Shape: input (*, *normalized_shape), weight and bias normalized_shape.

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.
    """
    axes = _trailing("layer_norm", input, normalized_shape, weight, bias)
    if input.dtype in (float16, bfloat16):
        return halves_in_float32(lambda x, w, b: layer_norm(x, normalized_shape, w, b, eps), input, weight, bias)
    return _standard(input, weight, bias, axes=axes, eps=eps)[0]


@composite(namespace=_F)
def rms_norm(input, normalized_shape, weight=None, eps=None):
    """x / sqrt(mean(x²) + eps) * weight over the last axes; eps is the machine's when None, float32's for 16-bit floats.

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.
    """
    axes = _trailing("rms_norm", input, normalized_shape, weight)
    if input.dtype in (float16, bfloat16):
        return halves_in_float32(lambda x, w: rms_norm(x, normalized_shape, w, eps), input, weight)
    return _root_mean_square(input, weight, axes=axes, eps=finfo(input.dtype).eps if eps is None else eps)


@composite(namespace=_F, images=True)
def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """`layer_norm` over groups of channels and space, then weight and bias per channel.

    Raises:
        RuntimeError: the channels do not divide into num_groups.

    Source: Wu and He, "Group normalization", 2018.
    """
    if input.ndim < 2:
        raise RuntimeError(f"group_norm: Expected at least 2 dimensions for input tensor but received {input.ndim}")
    batch, channels = input.shape[:2]
    if num_groups <= 0 or channels % num_groups:
        raise RuntimeError(
            "group_norm: Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(input.shape)} "
            f"and num_groups={num_groups}"
        )
    for what, t in (("weight", weight), ("bias", bias)):
        if t is not None and tuple(t.shape) != (channels,):
            raise RuntimeError(
                f"group_norm: Expected {what} to be a vector of size equal to the number of channels in input, "
                f"but got {what} of shape "
                f"{list(t.shape)} and input of shape {list(input.shape)}"
            )
    if batch * math.prod(input.shape[2:]) * channels == 0:
        return _empty_group(input, weight, bias)
    if input.dtype in (float16, bfloat16):
        return halves_in_float32(lambda x, w, b: group_norm(x, num_groups, w, b, eps), input, weight, bias)
    return _grouped(input, num_groups, weight, bias, eps)[0]


def _grouped(x, groups, weight, bias, eps):
    """(normalised over each group of channels and space, times weight plus bias per channel; mean, variance)."""
    images = reshape(x, (x.shape[0], groups, x.shape[1] // groups, -1))
    weight, after = (None if t is None else reshape(t, (1, *images.shape[1:3], 1)) for t in (weight, bias))
    y, mean, variance = _standard(images, weight, None if weight is None else after, axes=(2, 3), eps=eps)
    if weight is None and after is not None:
        y = y + after
    return reshape(y, tuple(x.shape)), mean, variance


def _empty_group(input, weight, bias):
    y = input * 1.0
    for t in (weight, bias):
        if t is not None:
            y = y * _per_channel(t, input.ndim)
    return y


@composite(namespace=_F, images=True)
def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """x / (k + alpha mean(x² over `size` neighbouring channels)) ^ beta.

    Source: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012.
    """
    if input.ndim < 3:
        raise ValueError(
            f"local_response_norm: Expected 3D or higher dimensionality input (got {input.ndim} dimensions)"
        )
    if input.numel() == 0:
        return input
    flat = reshape(input * input, (input.shape[0], 1, input.shape[1], -1))
    around = ((size // 2, (size - 1) // 2), (0, 0))
    mean = _window_sum(flat, kernel=(size, 1), stride=(1, 1), pads=around, count=(input.shape[1], flat.shape[3])) / size
    return input / (reshape(mean, tuple(input.shape)) * alpha + k) ** beta


from .._array import sum_to  # noqa: E402
from .._dtype import bfloat16, finfo, float16  # noqa: E402
from .._tensor import stamp  # noqa: E402
from .cast import halves_in_float32  # noqa: E402
from .pointwise import rsqrt  # noqa: E402
from .pool import _window_sum  # noqa: E402
from .reduce import mean, sum  # noqa: E402
from .shape import reshape  # noqa: E402
