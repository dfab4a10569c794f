"""Convolutions in one to three dimensions, their transposes, and unfold / fold.

Three primitives, each bilinear and each the gradient of the others: the convolution, its gradient for the input
(which is the transposed convolution) and its gradient for the weight.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import numpy as np

from .._op import composite, op
from .._samples import call, cases
from . import _columns
from ._pieces import row_sums

_F = "nn.functional"
_PARAMETERS = {"stride": (2,), "pads": ((1, 0),), "dilation": (1,), "groups": 1}


def _sample(*extra):
    def make(r):
        trials = []
        plane = {"stride": (2, 1), "pads": ((1, 1), (0, 2)), "dilation": (1, 2), "groups": 1}
        for x, w, given in (
            ((2, 2, 5), (4, 1, 3), {"stride": (1,), "pads": ((1, 1),), "dilation": (2,), "groups": 2}),
            ((1, 2, 4, 3), (3, 2, 2, 2), plane),
            ((2, 2, 4), (2, 1, 2), {**_PARAMETERS, "groups": 2}),
            ((2, 3, 4), (2, 3, 1), {"stride": (1,), "pads": ((0, 0),), "dilation": (1,), "groups": 1}),
        ):
            out = _columns.out_size(x[2:], w[2:], given["stride"], given["pads"], given["dilation"])
            shapes = {"x": x, "w": w, "y": (x[0], w[0], *out), "b": (w[0],)}
            sizes = {"size": x[2:], "kernel": w[2:]}
            trials.append(
                call(
                    *(r(*shapes[e]) for e in extra if e in shapes),
                    **given,
                    **{e: sizes[e] for e in extra if e in sizes},
                )
            )
        return trials

    return cases(make)


_CONV = {"method": False, "namespace": "_", "promote": "same", "linear": False}


@op(name="_conv", symbol="∗", caption="∂x = g ⋆ w, ∂w = x ⋆ g", sample=_sample("x", "w", "b"), **_CONV)
def _conv(x, weight, bias=None, *, stride, pads, dilation, groups):
    """Convolution (as in all of deep learning, without turning the kernel around), plus a bias per filter."""
    y = _columns.convolve(x, weight, stride, pads, dilation, groups)
    if bias is not None:
        y += np.reshape(bias, (-1, *(1,) * (x.ndim - 2)))
    return y


@_conv.grad("x")
def _(g, x_shape, weight, stride, pads, dilation, groups):
    return _conv_input(g, weight, size=x_shape[2:], stride=stride, pads=pads, dilation=dilation, groups=groups)


@_conv.grad("weight")
def _(g, x, weight_shape, stride, pads, dilation, groups):
    return _conv_weight(x, g, kernel=weight_shape[2:], stride=stride, pads=pads, dilation=dilation, groups=groups)


@_conv.grad("bias")
def _(g):
    return sum(g, dim=(0, *range(2, g.ndim)))


@_conv.fast
def _(g, x, weight, stride, pads, dilation, groups, needs):
    given = stride, pads, dilation, groups
    if needs[0] and needs[1]:
        gx, gw = _columns.convolve_gradients(g, x, weight, *given)
    else:
        gx = _columns.convolve_input(g, weight, x.shape[2:], *given) if needs[0] else None
        gw = _columns.convolve_weight(x, g, weight.shape[2:], *given) if needs[1] else None
    return gx, gw, _filter_sums(g) if needs[2] else None


def _filter_sums(g):
    """The sum of each filter's gradients: along images as `row_sums` does it, in a third of NumPy's time."""
    if type(g) is np.ndarray and g.size:
        images = row_sums(g.reshape(*g.shape[:2], -1))
        if images is not None:
            return column_sums(images)
    return sum(g, dim=(0, *range(2, g.ndim)))


@op(name="_conv_input", symbol="∗ᵀ", caption="∂y = g ∗ w", sample=_sample("y", "w", "size"), **_CONV)
def _conv_input(x, weight, *, size, stride, pads, dilation, groups):
    """The convolution's gradient for its input, of spatial size `size`: the transposed convolution."""
    return _columns.convolve_input(x, weight, size, stride, pads, dilation, groups)


@_conv_input.grad("x")
def _(g, weight, stride, pads, dilation, groups):
    return _conv(g, weight, None, stride=stride, pads=pads, dilation=dilation, groups=groups)


@_conv_input.grad("weight")
def _(g, x, weight_shape, stride, pads, dilation, groups):
    return _conv_weight(g, x, kernel=weight_shape[2:], stride=stride, pads=pads, dilation=dilation, groups=groups)


@op(name="_conv_weight", symbol="∗ʷ", sample=_sample("x", "y", "kernel"), **_CONV)
def _conv_weight(x, y, *, kernel, stride, pads, dilation, groups):
    """The convolution's gradient for its weight, with windows of `kernel`: input correlated with the result's gradient."""
    return _columns.convolve_weight(x, y, kernel, stride, pads, dilation, groups)


@_conv_weight.grad("x")
def _(g, x_shape, y, stride, pads, dilation, groups):
    return _conv_input(y, g, size=x_shape[2:], stride=stride, pads=pads, dilation=dilation, groups=groups)


@_conv_weight.grad("y")
def _(g, x, stride, pads, dilation, groups):
    return _conv(x, g, None, stride=stride, pads=pads, dilation=dilation, groups=groups)


# ---------------------------------------------------------------------------------------------- arguments


def per_axis(name, what, value, spatial):
    """One number per spatial axis, from a number or a sequence of 1 or `spatial` numbers."""
    if isinstance(value, int):
        return (value,) * spatial
    try:
        value = tuple(map(int, value))
    except TypeError:
        raise TypeError(f"{name}(): argument {what!r} must be an int or a sequence of ints, got {value!r}") from None
    if len(value) == 1:
        return value * spatial
    if len(value) != spatial:
        raise RuntimeError(
            f"{name}: expected {what} to be a single integer value or a list of {spatial} values, got {list(value)}"
        )
    return value


def _positive(name, what, values):
    if any(v <= 0 for v in values):
        raise RuntimeError(f"{name}: non-positive {what} is not supported, got {list(values)}")


def _paddings(name, padding, kernel, stride, dilation):
    """Pairs (before, after) from a tuple, 'same' or 'valid'."""
    spatial = len(kernel)
    if padding == "valid":
        return ((0, 0),) * spatial
    if padding == "same":
        if any(s != 1 for s in stride):
            raise RuntimeError(
                f"{name}: padding='same' is not supported for strided convolutions, got stride {list(stride)}"
            )
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    if isinstance(padding, str):
        raise RuntimeError(f"{name}: Invalid padding string {padding!r}, should be one of 'valid', 'same'")
    if any(p < 0 for p in padding):
        raise RuntimeError(f"{name}: negative padding is not supported, got {list(padding)}")
    return tuple((p, p) for p in padding)


def _check_ranks(name, input, weight, spatial):
    """Raise for shapes of another number of axes."""
    if len(weight) != spatial + 2:
        raise RuntimeError(
            f"{name}: Expected {spatial + 2}-dimensional weight for {spatial + 2}-dimensional input, got weight "
            f"of size {list(weight)}"
        )
    if len(input) not in (spatial + 1, spatial + 2):
        raise RuntimeError(
            f"Expected {spatial + 1}D (unbatched) or {spatial + 2}D (batched) input to {name}, but got input of "
            f"size: {list(input)}"
        )


def _check_bias(name, bias, weight, filters):
    """Raise for the shape of a bias that does not hold a number per filter."""
    if bias is not None and bias != (filters,):
        raise RuntimeError(
            f"{name}: Given weight of size {list(weight)}, expected bias to be 1-dimensional with {filters} elements, but "
            f"got bias of size {list(bias)} instead"
        )


def _check_dtypes(name, input, weight, bias):
    for what, t in (("weight", weight), ("bias", bias)):
        if t is not None and t.dtype != input.dtype:
            raise RuntimeError(f"{name}: Input type ({input.dtype!r}) and {what} type ({t.dtype!r}) should be the same")


def _fixed(*values):
    """The values, sequences as tuples: what was checked is remembered by them."""
    return tuple([v if isinstance(v, (int, str, tuple)) or not isinstance(v, Iterable) else tuple(v) for v in values])


@functools.lru_cache(1024)
def _checked(spatial, x, weight, bias, stride, padding, dilation, groups):
    """(stride, padding as pairs (before, after), dilation) for input, weight and bias of these shapes, and all else checked."""
    name = f"conv{spatial}d"
    _check_ranks(name, x, weight, spatial)
    x = x if len(x) == spatial + 2 else (1, *x)
    filters, kernel = weight[0], weight[2:]
    stride, dilation = per_axis(name, "stride", stride, spatial), per_axis(name, "dilation", dilation, spatial)
    _positive(name, "stride", stride)
    _positive(name, "dilation", dilation)
    if not isinstance(padding, str):
        padding = per_axis(name, "padding", padding, spatial)
    pads = _paddings(name, padding, kernel, stride, dilation)
    if groups <= 0:
        raise RuntimeError(f"{name}: non-positive groups is not supported, got {groups}")
    if filters < groups or filters % groups:
        raise RuntimeError(
            f"{name}: Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got "
            f"weight of size {list(weight)} instead"
        )
    if x[1] != weight[1] * groups:
        raise RuntimeError(
            f"{name}: Given groups={groups}, weight of size {list(weight)}, expected input{list(x)} to have "
            f"{weight[1] * groups} channels, but got {x[1]} channels instead"
        )
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    room = [n + lo + hi for n, (lo, hi) in zip(x[2:], pads, strict=True)]
    if any(r > n for r, n in zip(reach, room, strict=True)):
        raise RuntimeError(
            f"{name}: Calculated padded input size per channel: ({' x '.join(map(str, room))}). Kernel size: "
            f"({' x '.join(map(str, reach))}). Kernel size can't be greater than actual input size"
        )
    _check_bias(name, bias, weight, filters)
    return stride, pads, dilation


def _convolution(spatial, input, weight, bias, stride, padding, dilation, groups):
    shapes = input.shape, weight.shape, None if bias is None else bias.shape
    stride, pads, dilation = _checked(spatial, *shapes, *_fixed(stride, padding, dilation), groups)
    _check_dtypes(f"conv{spatial}d", input, weight, bias)
    x = input if input.ndim == spatial + 2 else unsqueeze(input, 0)
    y = _conv(x, weight, bias, stride=stride, pads=pads, dilation=dilation, groups=groups)
    return y if x is input else squeeze(y, 0)


@composite(namespace=_F)
def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slide every filter over the input and sum the products: y = weight ⋆ input + bias.

    Args:
        padding: zeros added on both sides; 'same' keeps the size (stride 1 only), 'valid' adds none.
        groups: channels and filters are divided into that many groups that do not see each other.

    Shape: input (N, C, L) or (C, L), weight (O, C/groups, k) -> (N, O, Lout) with
        out = floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.

    Raises:
        RuntimeError: channels, groups or sizes do not fit.
    """
    return _convolution(1, input, weight, bias, stride, padding, dilation, groups)


@composite(namespace=_F, images=True)
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slide every filter over the input and sum the products: y = weight ⋆ input + bias.

    Args:
        padding: zeros added on both sides; 'same' keeps the size (stride 1 only), 'valid' adds none.
        groups: channels and filters are divided into that many groups that do not see each other.

    Shape: input (N, C, H, W) or (C, H, W), weight (O, C/groups, kh, kw) -> (N, O, Hout, Wout) with
        out = floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.

    Raises:
        RuntimeError: channels, groups or sizes do not fit.

    Example:
        >>> import autograd, nn
        >>> image, edge = autograd.eye(3).reshape(1, 1, 3, 3), autograd.tensor([[[[1.0, -1.0]]]])
        >>> nn.functional.conv2d(image, edge)[0, 0]
        tensor([[ 1.,  0.],
                [-1.,  1.],
                [ 0., -1.]])
    """
    return _convolution(2, input, weight, bias, stride, padding, dilation, groups)


@composite(namespace=_F, images=True)
def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slide every filter over the input and sum the products: y = weight ⋆ input + bias.

    Args:
        padding: zeros added on both sides; 'same' keeps the size (stride 1 only), 'valid' adds none.
        groups: channels and filters are divided into that many groups that do not see each other.

    Shape: input (N, C, D, H, W) or (C, D, H, W), weight (O, C/groups, kd, kh, kw) -> (N, O, Dout, Hout, Wout) with
        out = floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1.

    Raises:
        RuntimeError: channels, groups or sizes do not fit.
    """
    return _convolution(3, input, weight, bias, stride, padding, dilation, groups)


def _transposed(spatial, input, weight, bias, stride, padding, output_padding, groups, dilation):
    name = f"conv_transpose{spatial}d"
    _check_ranks(name, input.shape, weight.shape, spatial)
    _check_dtypes(name, input, weight, bias)
    stride, dilation = per_axis(name, "stride", stride, spatial), per_axis(name, "dilation", dilation, spatial)
    padding, extra = (
        per_axis(name, "padding", padding, spatial),
        per_axis(name, "output_padding", output_padding, spatial),
    )
    _positive(name, "stride", stride)
    _positive(name, "dilation", dilation)
    if any(p < 0 for p in padding):
        raise RuntimeError(f"{name}: negative padding is not supported, got {list(padding)}")
    x = input if input.ndim == spatial + 2 else unsqueeze(input, 0)
    _check_transposed(name, x, weight, bias, groups, extra, stride, dilation)
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(x.shape[2:], stride, padding, dilation, weight.shape[2:], extra, strict=True)
    )
    if any(n <= 0 for n in size):
        raise RuntimeError(
            f"{name}: Given input size per channel: ({' x '.join(map(str, x.shape[2:]))}). Calculated output size "
            "per channel: "
            f"({' x '.join(map(str, size))}). Output size is too small"
        )
    # Where output_padding exceeds the stride another window would fit: crop, so that the way back has as many as came in.
    pads = tuple((p, p if e < s else p - e) for p, e, s in zip(padding, extra, stride, strict=True))
    y = _conv_input(x, weight, size=size, stride=stride, pads=pads, dilation=dilation, groups=groups)
    if bias is not None:
        y = y + reshape(bias, (-1, *(1,) * spatial))
    return y if x is input else squeeze(y, 0)


def _check_transposed(name, x, weight, bias, groups, extra, stride, dilation):
    if groups <= 0 or weight.shape[0] % groups:
        raise RuntimeError(
            f"{name}: Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got "
            "weight of size "
            f"{list(weight.shape)} instead"
        )
    if x.shape[1] != weight.shape[0]:
        raise RuntimeError(
            f"{name}: Given transposed=1, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have "
            f"{weight.shape[0]} channels, but got {x.shape[1]} channels instead"
        )
    shape = None if bias is None else bias.shape
    _check_bias(name, shape, weight.shape, weight.shape[1] * groups)
    if any(e < 0 or (e >= s and e >= d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise RuntimeError(
            f"{name}: output padding must be smaller than either stride or dilation, but got output_padding "
            f"{list(extra)}, "
            f"stride {list(stride)}, dilation {list(dilation)}"
        )


@composite(namespace=_F)
def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The gradient of `conv1d` for its input, as a layer of its own: spreads where a convolution gathers.

    Shape: input (N, C, L) or (C, L), weight (C, O/groups, k) -> (N, O, Lout) with
        out = (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.

    Raises:
        RuntimeError: channels, groups or sizes do not fit.
    """
    return _transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite(namespace=_F, images=True)
def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The gradient of `conv2d` for its input, as a layer of its own: spreads where a convolution gathers.

    Shape: input (N, C, H, W) or (C, H, W), weight (C, O/groups, kh, kw) -> (N, O, Hout, Wout) with
        out = (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.

    Raises:
        RuntimeError: channels, groups or sizes do not fit.
    """
    return _transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite(namespace=_F, images=True)
def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The gradient of `conv3d` for its input, as a layer of its own: spreads where a convolution gathers.

    Shape: input (N, C, D, H, W) or (C, D, H, W), weight (C, O/groups, kd, kh, kw) -> (N, O, Dout, Hout, Wout) with
        out = (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.

    Raises:
        RuntimeError: channels, groups or sizes do not fit.
    """
    return _transposed(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite(namespace=_F)
def conv_tbc(input, weight, bias=None, pad=0):
    """`conv1d` with time first. Shape: input (T, N, C), weight (k, C, O) -> (Tout, N, O).

    Raises:
        RuntimeError: input or weight does not have three axes.
    """
    if input.ndim != 3 or weight.ndim != 3:
        raise RuntimeError(
            f"conv_tbc: Input must have 3 dims: time, batch, in_channel, and weight 3: got {input.ndim} and {weight.ndim}"
        )
    y = conv1d(permute(input, (1, 2, 0)), permute(weight, (2, 1, 0)), bias, padding=pad)
    return permute(y, (2, 0, 1))


# ---------------------------------------------------------------------------------------------- unfold and fold


@op(batch="rows", name="_unfold", symbol="unfold", caption="fold", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(1, 2, 4, 5), kernel=(2, 3), dilation=(1, 1), pads=((1, 1), (0, 0)), stride=(2, 1)),
    call(r(2, 1, 5, 4), kernel=(2, 2), dilation=(2, 1), pads=((0, 0), (0, 0)), stride=(1, 1))]))  # fmt: skip
def _unfold(x, *, kernel, dilation, pads, stride):
    """Columns of windows: (N, C, H, W) -> (N, C * kh * kw, L)."""
    out = _columns.out_size(x.shape[2:], kernel, stride, pads, dilation)
    columns = np.empty_like(x, shape=(*x.shape[:2], kernel[0] * kernel[1], *out), order="C")
    _columns.fill_columns(columns, _columns.padded(x, pads), kernel, stride, dilation, out)
    return columns.reshape(x.shape[0], x.shape[1] * kernel[0] * kernel[1], out[0] * out[1])


@_unfold.grad("x")
def _(g, x_shape, kernel, dilation, pads, stride):
    return _fold(g, size=x_shape[2:], kernel=kernel, dilation=dilation, pads=pads, stride=stride)


@op(batch="rows", name="_fold", symbol="fold", caption="unfold", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(1, 8, 9), size=(4, 4), kernel=(2, 2), dilation=(1, 1), pads=((0, 0), (0, 0)), stride=(1, 1))]))  # fmt: skip
def _fold(x, *, size, kernel, dilation, pads, stride):
    """Columns added back to where they came from: (N, C * kh * kw, L) -> (N, C, H, W)."""
    out = _columns.out_size(size, kernel, stride, pads, dilation)
    places = kernel[0] * kernel[1]
    channels = x.shape[1] // places
    whole = [n + lo + hi for n, (lo, hi) in zip(size, pads, strict=True)]
    xp = np.zeros_like(x, shape=(x.shape[0], channels, *whole), order="C")
    _columns.add_columns(xp, np.reshape(x, (x.shape[0], channels, places, *out)), kernel, stride, dilation, out)
    (top, _), (left, _) = pads
    return np.ascontiguousarray(xp[:, :, top : top + size[0], left : left + size[1]])


@_fold.grad("x")
def _(g, kernel, dilation, pads, stride):
    return _unfold(g, kernel=kernel, dilation=dilation, pads=pads, stride=stride)


def _sliding(name, kernel_size, dilation, padding, stride):
    kernel = per_axis(name, "kernel_size", kernel_size, 2)
    dilation, stride = per_axis(name, "dilation", dilation, 2), per_axis(name, "stride", stride, 2)
    padding = per_axis(name, "padding", padding, 2)
    for what, values in (("kernel size", kernel), ("dilation", dilation), ("stride", stride)):
        if any(v <= 0 for v in values):
            raise RuntimeError(f"{name}: {what} should be greater than zero, but got {what} {list(values)}")
    if any(p < 0 for p in padding):
        raise RuntimeError(f"{name}: padding should be non-negative, but got padding {list(padding)}")
    return kernel, dilation, tuple((p, p) for p in padding), stride


@composite(namespace=_F)
def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Every window of an image as a column: (N, C, H, W) -> (N, C kh kw, L), or the same without N.

    Raises:
        RuntimeError: the windows do not fit.
    """
    kernel, dilation, pads, stride = _sliding("unfold", kernel_size, dilation, padding, stride)
    if input.ndim not in (3, 4):
        raise RuntimeError(
            "unfold: Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            "dimensions for input, "
            f"but got: {list(input.shape)}"
        )
    x = input if input.ndim == 4 else unsqueeze(input, 0)
    out = _columns.out_size(x.shape[2:], kernel, stride, pads, dilation)
    if any(n < 1 for n in out):
        raise RuntimeError(
            f"unfold: Given input with spatial size {tuple(x.shape[2:])}, kernel_size={kernel}, dilation={dilation}, "
            f"padding={tuple(lo for lo, _ in pads)}, calculated shape of the array of sliding blocks as {out}, "
            "but its "
            "components must be at least one."
        )
    y = _unfold(x, kernel=kernel, dilation=dilation, pads=pads, stride=stride)
    return y if x is input else squeeze(y, 0)


@composite(namespace=_F)
def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns of windows added back into an image: (N, C kh kw, L) -> (N, C, *output_size), or the same without N.

    Raises:
        RuntimeError: the number of rows or columns is not what these windows have.
    """
    kernel, dilation, pads, stride = _sliding("fold", kernel_size, dilation, padding, stride)
    size = per_axis("fold", "output_size", output_size, 2)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            "fold: Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size, but got: "
            f"{list(input.shape)}"
        )
    x = input if input.ndim == 3 else unsqueeze(input, 0)
    if x.shape[1] % (kernel[0] * kernel[1]):
        raise RuntimeError(
            "fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={x.shape[1]} and kernel_size={kernel}."
        )
    out = _columns.out_size(size, kernel, stride, pads, dilation)
    if x.shape[2] != out[0] * out[1] or min(out) < 1:
        raise RuntimeError(
            f"fold: Given output_size={size}, kernel_size={kernel}, dilation={dilation}, "
            f"padding={tuple(lo for lo, _ in pads)}, "
            f"stride={stride}, expected size of input's dimension 2 to match the calculated number of sliding blocks "
            f"{out[0]} * {out[1]} = {out[0] * out[1]}, but got input.size(2)={x.shape[2]}."
        )
    y = _fold(x, size=size, kernel=kernel, dilation=dilation, pads=pads, stride=stride)
    return y if x is input else squeeze(y, 0)


from .reduce import column_sums, sum  # noqa: E402
from .shape import permute, reshape, squeeze, unsqueeze  # noqa: E402
