"""Padding, interpolation and rearranging of pixels.

Every separable change of size is one primitive per axis: a result element is a weighted sum of a few elements along it.
"""

from __future__ import annotations

import math

import numpy as np

from .._dtype import element
from .._mode import fast
from .._op import composite, op
from .._samples import call, cases
from ._columns import padded

_F = "nn.functional"


# ---------------------------------------------------------------------------------------------- along one axis


def _lift(weight, dim, ndim):
    return weight.reshape(-1, *(1,) * (ndim - 1 - dim))


def _multiplied(x, dim, index, weight, size, back):
    """`resample` (or `back`) of an axis of `size` by a product with its matrix: where that is small, the fastest; else None."""
    kind = type(x) is np.ndarray and x.dtype in (np.float32, np.float64)
    if not (kind and fast.enabled and x.size and max(size, index.shape[1]) <= _NARROW):
        return None
    matrix = np.zeros((index.shape[1], size), x.dtype)
    for t, places in enumerate(index):
        matrix[np.arange(len(places)), places] += 1 if weight is None else weight[t].astype(x.dtype)
    if back:
        matrix = matrix.T
    if dim == x.ndim - 1:
        found = np.matmul(x, matrix.T)
    else:
        lines = np.matmul(matrix, x.reshape(-1, x.shape[dim], math.prod(x.shape[dim + 1 :])))
        found = lines.reshape(*x.shape[:dim], len(matrix), *x.shape[dim + 1 :])
    return found if np.isfinite(found).all() else None  # what is infinite in one place would be NaN in the others


_OFTEN = 16  # elements added to one place up to which NumPy's `reduceat`, slow for each place, is slower
_NARROW = 128  # elements along an axis up to which a product with all of them takes no longer than adding a few
_TAPS = np.array([[0, 0, 2, 1], [1, 1, 0, 2]])
_WEIGHTS = np.array([[0.3, 1.0, -0.5, 0.2], [0.7, 0.1, 0.4, 2.0]])


@op(name="_resample", symbol="resample", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 3, 2), dim=1, index=_TAPS, weight=_WEIGHTS), call(r(2, 3), dim=1, index=_TAPS[:1])]))  # fmt: skip
def resample(x, *, dim, index, weight=None):
    """out[i] = Σ over taps t of weight[t, i] x[index[t, i]] along `dim`; one tap of weight 1 without weights."""
    if weight is None:
        return np.take(x, index[0], axis=dim)
    found = _multiplied(x, dim, index, weight, x.shape[dim], False)
    if found is not None:
        return found
    total = None
    for places, factors in zip(index, weight.astype(x.dtype), strict=True):
        part = np.take(x, places, axis=dim)
        part *= _lift(factors, dim, x.ndim)
        total = part if total is None else np.add(total, part, out=total)
    return total


@resample.grad("x")
def _(g, x_shape, dim, index, weight):
    return _resample_back(g, dim=dim, index=index, weight=weight, size=x_shape[dim])


@op(name="_resample_back", symbol="spread", linear=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 4, 2), dim=1, index=_TAPS, weight=_WEIGHTS, size=3)]))  # fmt: skip
def _resample_back(x, *, dim, index, weight=None, size):
    """The transpose of `resample`: every element added, weighted, to the places it was made of."""
    found = _multiplied(x, dim, index, weight, size, True)
    if found is not None:
        return found
    out = np.zeros_like(x, shape=(*x.shape[:dim], size, *x.shape[dim + 1 :]))
    if not x.size:
        return out
    for t, places in enumerate(index):
        part = x if weight is None else x * _lift(weight[t].astype(x.dtype), dim, x.ndim)
        _add_along(out, places, part, dim)
    return out


def _add_along(out, places, part, dim):
    """out[..., places, ...] += part along `dim`: first all places' first elements, then their second, and so on."""
    order = np.argsort(places, kind="stable")
    ranked = places[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    counts = np.diff(np.r_[starts, len(ranked)])
    lead = (slice(None),) * dim
    if counts.max() > _OFTEN:
        out[(*lead, ranked[starts])] += np.add.reduceat(np.take(part, order, axis=dim), starts, axis=dim)
        return
    for turn in range(counts.max()):
        found = starts[counts > turn]
        out[(*lead, _run(ranked[found]))] += part[(*lead, _run(order[found + turn]))]


def _run(places):
    """The slice that picks the same, if they are evenly apart: a view, where places give a copy."""
    step = int(places[1] - places[0]) if len(places) > 1 else 1
    if step > 0 and (np.diff(places) == step).all():
        return slice(int(places[0]), int(places[-1]) + 1, step)
    return places


@_resample_back.grad("x")
def _(g, dim, index, weight):
    return resample(g, dim=dim, index=index, weight=weight)


# ---------------------------------------------------------------------------------------------- pad


@op(batch="align", name="_pad", symbol="pad", caption="crop", bitwise=True, method=False, namespace="_", sample=cases(lambda r: [
    call(r(2, 3), pads=((0, 1), (2, 0)), value=0.5), call(r(3, 4), pads=((-1, 1), (0, -2)))]))  # fmt: skip
def pad_constant(x, *, pads, value=0.0):
    """x with `value` put around it; a negative pad crops. One pair per axis."""
    out = padded(x, pads, element(value, x.dtype))
    return out.copy() if out is x else out


@pad_constant.grad("x")
def _(g, pads):
    return pad_constant(g, pads=tuple((-lo, -hi) for lo, hi in pads))


def _pairs(pad, ndim):
    """PyTorch's flat list, which starts with the last axis, as a pair per axis."""
    if len(pad) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, got {len(pad)} numbers: {list(pad)}")
    if len(pad) // 2 > ndim:
        raise RuntimeError(
            "pad: Padding length should be less than or equal to two times the input dimension but got padding "
            f"length {len(pad)} and input "
            f"of dimension {ndim}"
        )
    pairs = [(int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad), 2)]
    return tuple(reversed(pairs + [(0, 0)] * (ndim - len(pairs))))


def _folded(mode, n, lo, hi):
    """For every place of the padded axis, the element of the axis that is seen there."""
    places = np.arange(-lo, n + hi)
    if mode == "replicate":
        return np.clip(places, 0, n - 1)
    if mode == "circular":  # what is left after cropping goes round
        kept = np.arange(max(-lo, 0), n - max(-hi, 0))
        return kept[np.arange(-max(lo, 0), len(kept) + max(hi, 0)) % len(kept)]
    places = np.abs(places)
    return np.where(places >= n, 2 * (n - 1) - places, places)


def _check_fold(mode, shape, axis, lo, hi):
    n = shape[axis]
    if n + lo + hi <= 0 or n == 0:
        raise RuntimeError(
            f"pad: Expected a non-empty result: input of size {list(shape)} padded by ({lo}, {hi}) at dimension {axis}"
        )
    if mode == "reflect" and max(lo, hi) >= n:
        raise RuntimeError(
            "pad: Argument #4: Padding size should be less than the corresponding input dimension, but got: "
            f"padding ({lo}, {hi}) at "
            f"dimension {axis} of input {list(shape)}"
        )
    if mode == "circular" and max(lo, hi) > n:
        raise RuntimeError(
            f"pad: Padding value causes wrapping around more than once: ({lo}, {hi}) at dimension {axis} of input "
            f"{list(shape)}"
        )


@composite(namespace=_F, images=True)
def pad(input, pad, mode="constant", value=None):
    """The input with a border.

    Args:
        pad: numbers before and after, for the last axis first; negative ones crop.
        mode: 'constant' (filled with `value`, 0 by default), 'reflect' (mirrored without repeating the edge), 'replicate'
            (the edge repeated) or 'circular' (the other side). All but 'constant' work on the last 1 to 3 axes.

    Raises:
        RuntimeError: the border does not fit the input.
        NotImplementedError: an unknown mode, or one that these axes do not have.
    """
    pairs = _pairs(pad, input.ndim)
    if mode == "constant":
        if any(n + lo + hi < 0 for n, (lo, hi) in zip(input.shape, pairs, strict=True)):
            raise RuntimeError(
                f"pad: The input size {list(input.shape)}, plus negative padding {list(pad)}, resulted in a "
                "negative output size"
            )
        return pad_constant(input, pads=pairs, value=0.0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode}")
    if value not in (None, 0):
        raise RuntimeError(f'pad: Padding mode "{mode}" doesn\'t take in value argument')
    spatial = len(pad) // 2
    if spatial not in (1, 2, 3) or input.ndim not in (spatial + 1, spatial + 2):
        raise NotImplementedError(
            f"pad: Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: got {len(pad)} "
            "numbers for a "
            f"{input.ndim}-D input and mode {mode!r}"
        )
    for axis, (lo, hi) in enumerate(pairs):
        if axis >= input.ndim - spatial:
            _check_fold(mode, input.shape, axis, lo, hi)
            if lo or hi:
                input = resample(input, dim=axis, index=_folded(mode, input.shape[axis], lo, hi)[None])
    return input


# ---------------------------------------------------------------------------------------------- interpolate

_LINEAR = {"linear": 3, "bilinear": 4, "trilinear": 5}


def _nearest(n, out, ratio, exact):
    # float32, as PyTorch rounds: at exact halves a float64 ratio would pick the other neighbour.
    places = (np.arange(out, dtype=np.float32) + np.float32(0.5 if exact else 0.0)) * np.float32(ratio)
    return np.minimum(np.floor(places).astype(np.int64), n - 1)[None], None


def _sources(n, out, ratio, align_corners, dtype):
    """Where, in the input's coordinates, the centres of the result's elements lie."""
    places = np.arange(out, dtype=dtype)
    return (
        places * dtype.type(ratio)
        if align_corners
        else (places + dtype.type(0.5)) * dtype.type(ratio) - dtype.type(0.5)
    )


def _linear(n, out, ratio, align_corners, dtype):
    source = np.maximum(_sources(n, out, ratio, align_corners, dtype), 0)
    left = np.minimum(source.astype(np.int64), n - 1)
    share = np.clip(source - left, 0, 1)
    return np.stack([left, np.minimum(left + 1, n - 1)]), np.stack([1 - share, share])


def cubic_weights(t, a=-0.75):
    """Weights of the four neighbours at distance 1+t, t, 1-t, 2-t. Source: Keys, "Cubic convolution", 1981."""

    def far(x):
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    def near(x):
        return ((a + 2) * x - (a + 3)) * x * x + 1

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _cubic(n, out, ratio, align_corners, dtype):
    source = _sources(n, out, ratio, align_corners, dtype)
    left = np.floor(source)
    index = np.clip(left.astype(np.int64) + np.arange(-1, 3)[:, None], 0, n - 1)
    return index, np.stack(cubic_weights(source - left))


def _antialiased(n, out, ratio, cubic, dtype):
    """A filter that widens as the image shrinks, normalised at the borders."""
    wide = max(ratio, 1.0)
    reach = (2 if cubic else 1) * wide
    centre = ratio * (np.arange(out) + 0.5)
    first = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + reach + 0.5).astype(np.int64), n)
    index = first[None] + np.arange(int((last - first).max()))[:, None]
    distance = np.abs((index - centre + 0.5) / wide)
    if cubic:
        a = -0.5
        near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
        far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
        weight = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    else:
        weight = np.maximum(1 - distance, 0.0)
    weight = np.where(index < last, weight, 0.0)
    return np.minimum(index, last - 1), (weight / weight.sum(axis=0)).astype(dtype)


def _taps(mode, n, out, scale, align_corners, antialias, dtype):
    """(index, weight) of one axis."""
    ratio = 1.0 / scale if scale else n / out
    if align_corners:
        ratio = (n - 1) / (out - 1) if out > 1 else 0.0
    if mode.startswith("nearest"):
        return _nearest(n, out, ratio, mode == "nearest-exact")
    if antialias:
        return _antialiased(n, out, ratio, mode == "bicubic", dtype)
    return (_cubic if mode == "bicubic" else _linear)(n, out, ratio, align_corners, dtype)


def _sizes(input, size, scale_factor, recompute):
    """(result's spatial size, scales or None)."""
    spatial = input.ndim - 2
    if size is not None and scale_factor is not None:
        raise ValueError("interpolate: only one of size or scale_factor should be defined")
    given = size if size is not None else scale_factor
    if not isinstance(given, (tuple, list)):
        given = (given,) * spatial
    if len(given) != spatial:
        raise ValueError(
            "interpolate: Input and output must have the same number of spatial dimensions, but got input with "
            "spatial dimensions of "
            f"{list(input.shape[2:])} and {'output size' if size is not None else 'scale_factor'} of {list(given)}"
        )
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor is not meaningful with an explicit size.")
        return tuple(int(n) for n in given), (None,) * spatial
    size = tuple(math.floor(float(n) * float(s)) for n, s in zip(input.shape[2:], given, strict=True))
    return size, (None,) * spatial if recompute else tuple(float(s) for s in given)


def _check_mode(input, mode, align_corners, antialias):
    if mode in ("nearest", "nearest-exact", "area"):
        if align_corners is not None:
            raise ValueError(
                "interpolate: align_corners option can only be set with the interpolating modes: linear | "
                "bilinear | bicubic | trilinear"
            )
        needed: tuple = (3, 4, 5)
    elif mode in _LINEAR or mode == "bicubic":
        needed = (_LINEAR.get(mode, 4),)
    else:
        raise NotImplementedError(
            "interpolate: expected one of the modes nearest | linear | bilinear | bicubic | trilinear | area | "
            f"nearest-exact, got {mode!r}"
        )
    if input.ndim not in (3, 4, 5):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: nearest "
            "| linear | bilinear | "
            f"bicubic | trilinear | area | nearest-exact (got {mode})"
        )
    if input.ndim not in needed:
        raise NotImplementedError(f"interpolate: Got {input.ndim}D input, but {mode} mode needs {needed[0]}D input")
    if antialias and not (mode in ("bilinear", "bicubic") and input.ndim == 4):
        raise ValueError(
            "interpolate: Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            "tensor as input"
        )


@composite(namespace=_F, images=True)
def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    """Another size by interpolation over the spatial axes.

    Args:
        size, scale_factor: one of them, a number or one per spatial axis.
        mode: nearest, nearest-exact, linear (3-D input), bilinear, bicubic (4-D), trilinear (5-D) or area.
        align_corners: the centres of the corner pixels stay in place, instead of the image's edges.
        recompute_scale_factor: use the ratio of the sizes rather than scale_factor itself.
        antialias: widen the filter when shrinking (bilinear and bicubic).

    Shape: (N, C, *in) -> (N, C, *out)
    """
    if size is None and scale_factor is None:
        raise ValueError("interpolate: either size or scale_factor should be defined")
    _check_mode(input, mode, align_corners, antialias)
    size, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    if any(n <= 0 for n in size) or 0 in input.shape[1:]:
        raise RuntimeError(
            "interpolate: Input and output sizes should be greater than 0, but got input (spatial) "
            f"{tuple(input.shape[2:])} and "
            f"output {size}"
        )
    if input._data.dtype == np.uint8 and not mode.startswith("nearest"):  # pixels: rounded, and kept in their range
        return _pixels(input, size, scales, mode, align_corners, antialias)
    if mode == "area":
        from .adaptive import adaptive_average

        return adaptive_average("interpolate", input, size)
    dtype = input._data.dtype if input._data.dtype in (np.float32, np.float64) else np.dtype(np.float32)
    for axis, (out, scale) in enumerate(zip(size, scales, strict=True), 2):
        n = input.shape[axis]
        index, weight = _taps(mode, n, out, scale, bool(align_corners), antialias, dtype)
        if out == n and weight is None and (index[0] == np.arange(n)).all():
            continue
        input = resample(input, dim=axis, index=index, weight=weight)
    return input


def _pixels(input, size, scales, mode, align_corners, antialias):
    """Bytes: rounded and kept in their range after each axis, the last axis first, as PyTorch's (and Pillow's) do."""
    for axis in reversed(range(2, input.ndim)):
        out, scale = size[axis - 2], scales[axis - 2]
        index, weight = _taps(mode, input.shape[axis], out, scale, bool(align_corners), antialias, np.dtype(np.float32))
        input = (resample(input.float(), dim=axis, index=index, weight=weight) + 0.5).floor().clamp(0, 255).byte()
    return input


@composite(namespace=_F)
def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """The old name of `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners)


@composite(namespace=_F)
def upsample_nearest(input, size=None, scale_factor=None):
    """`interpolate` with mode 'nearest'."""
    return interpolate(input, size, scale_factor, "nearest")


@composite(namespace=_F)
def upsample_bilinear(input, size=None, scale_factor=None):
    """`interpolate` with mode 'bilinear' and align_corners."""
    return interpolate(input, size, scale_factor, "bilinear", True)


# ---------------------------------------------------------------------------------------------- pixels


@composite(namespace=_F, images=True)
def pixel_shuffle(input, upscale_factor):
    """Channels become pixels: (*, C r², H, W) -> (*, C, H r, W r).

    Raises:
        RuntimeError: fewer than 3 axes, or channels that r² does not divide.
    """
    r = upscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            "upscale_factor, but "
            f"input.size(-3)={c} is not divisible by {r * r}"
        )
    if r == 1:
        return input.clone()
    n = len(lead)
    split = reshape(input, (*lead, c // (r * r), r, r, h, w))
    mixed = permute(split, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(mixed, (*lead, c // (r * r), h * r, w * r))


@composite(namespace=_F, images=True)
def pixel_unshuffle(input, downscale_factor):
    """Pixels become channels: (*, C, H r, W r) -> (*, C r², H, W).

    Raises:
        RuntimeError: fewer than 3 axes, or a size that r does not divide.
    """
    r = downscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise RuntimeError(
            "pixel_unshuffle expects height and width to be divisible by downscale_factor, but "
            f"input.size(-2)={h} and "
            f"input.size(-1)={w} are not both divisible by {r}"
        )
    if r == 1:
        return input.clone()
    n = len(lead)
    split = reshape(input, (*lead, c, h // r, r, w // r, r))
    mixed = permute(split, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(mixed, (*lead, c * r * r, h // r, w // r))


@composite(namespace=_F, aliases=("native_channel_shuffle",))
def channel_shuffle(input, groups):
    """Channels dealt out over the groups: (N, g c, *) with channel i c + j moved to j g + i.

    Raises:
        RuntimeError: fewer than 3 axes, or channels that groups does not divide.
    """
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    if groups <= 0:
        raise RuntimeError(
            f"channel_shuffle: Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    n, c = input.shape[:2]
    if c % groups:
        raise RuntimeError(
            f"channel_shuffle: Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    rest = tuple(input.shape[2:])
    return reshape(transpose(reshape(input, (n, groups, c // groups, *rest)), 1, 2), (n, c, *rest))


from .shape import permute, reshape, transpose  # noqa: E402
