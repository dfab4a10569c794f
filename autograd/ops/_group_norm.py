"""Group and instance normalisation's kernels: images (N, G, D, L) of G groups with D channels each, factors per channel.

Units of whole groups are worked on while they are in the cache: the examples, or single groups where an example is large.
A factor per channel is written out along short images, so that NumPy's loops run over many of them at once.
"""

from __future__ import annotations

import numpy as np

from .. import _parallel
from .._array import along_rows
from ._channel_norm import SHORT, along_images, image_sums
from ._pieces import ones
from ._windows import scratch

_BLOCK = 1 << 19  # bytes of a block of units: the three arrays that meet in it fit in a core's own cache
_SHARED = 1 << 18  # elements from which two threads pay


def suits(x, weight, axes):
    """Whether x is (N, G, D, L), to be normalised over D and L, and the weight one number per channel: (1, G, D, 1)."""
    if type(x) is not np.ndarray or x.dtype.kind != "f" or x.ndim != 4 or axes != (2, 3) or not x.size:
        return False
    return weight is not None and weight.shape == (1, *x.shape[1:3], 1)


class _Units:
    """How arrays are cut: (units, groups of each, channels of a group, numbers of an image)."""

    def __init__(self, x):
        n, groups, channels, length = x.shape
        whole = groups * channels * length * x.itemsize <= _BLOCK
        self.shape = (n, groups, channels, length) if whole else (n * groups, 1, channels, length)
        self.examples, self.count = n, channels * length

    def images(self, a):
        """An array, by unit."""
        return np.ascontiguousarray(a).reshape(self.shape)

    def factors(self, own):
        """(1, G, D, 1) by unit, (units or 1, groups, channels); None as it is."""
        if own is None:
            return None
        if self.shape[1] == own.shape[1]:
            return own.reshape(1, *self.shape[1:3])
        every = np.broadcast_to(own, (self.examples, *own.shape[1:]))
        return every.reshape(self.shape[0], 1, self.shape[2])

    def moments(self, a):
        """Numbers of each group (N, G, 1, 1) by unit, (units, groups, 1)."""
        return a.reshape(*self.shape[:2], 1)

    def by_group(self, a):
        """Images as one run of each group: (units, groups, count)."""
        return a.reshape(*a.shape[:2], self.count)

    def share(self, work, x):
        """work(slice) for units, on all cores if there are many elements."""
        units, groups = self.shape[:2]
        with along_rows(self.shape[3]):
            _parallel.in_blocks(work, units, x.nbytes // units, _BLOCK, self.shape, x.size > _SHARED, groups)


def _of(factors, part):
    """The factors of some units, where they are not the same of all."""
    return factors if len(factors) == 1 else factors[part]


def _scaled(out, images, factors):
    """images · factors, one per channel, into another array: as an outer product, which costs half of it, if they are short."""
    length = images.shape[-1]
    if length >= SHORT:
        np.multiply(images, factors[..., None], out=out)
    else:
        np.dot(factors.reshape(-1, 1), ones(length, out.dtype)[None], out=out.reshape(-1, length))
        out *= images


def _group_sums(a):
    """Σ of images' sums over the channels of each group, which stay as one."""
    return np.add.reduce(a, axis=2, keepdims=True)


def forward(x, weight, bias, eps):
    """(y, mean, variance) as `_standard` returns them."""
    units = _Units(x)
    result = np.empty_like(x, order="C")  # owned by itself: the engine copies gradients that are views
    a, y, weights, biases = units.images(x), result.reshape(units.shape), units.factors(weight), units.factors(bias)
    mean, variance = np.empty((2, *x.shape[:2], 1, 1), x.dtype)
    means, variances = units.moments(mean), units.moments(variance)

    def work(part):
        images, average, spread = a[part], means[part], variances[part]
        np.divide(_group_sums(image_sums(images)), units.count, out=average)
        out = y[part]
        centred = out if out.shape[-1] >= SHORT else scratch(x, out.shape)
        np.subtract(units.by_group(images), average, out=units.by_group(centred))
        np.divide(_group_sums(image_sums(centred, centred)), units.count, out=spread)
        _scaled(out, centred, _of(weights, part) / np.sqrt(spread + eps))
        if biases is not None:
            out += along_images(_of(biases, part), out.shape[-1])

    units.share(work, x)
    return result, mean, variance


def backward(g, x, weight, mean, variance, eps, needs):
    """Gradients of x, weight and bias (None where not needed)."""
    units, result = _Units(x), np.empty_like(x, order="C")
    slopes, a, gx, weights = units.images(g), units.images(x), result.reshape(units.shape), units.factors(weight)
    means, scales = units.moments(mean), 1 / np.sqrt(units.moments(variance) + eps)
    whole, along = np.empty((2, *units.shape[:3]), x.dtype)

    def work(part):
        slope, scale, own, out = slopes[part], scales[part], _of(weights, part), gx[part]
        centred = scratch(x, out.shape)
        np.subtract(units.by_group(a[part]), means[part], out=units.by_group(centred))
        whole[part], along[part] = image_sums(slope), image_sums(slope, centred)
        if needs[0]:  # scale (ĝ - mean ĝ - x̂ mean ĝx̂) with ĝ = g weight
            both = units.by_group(centred)
            both *= _group_sums(along[part] * own) * scale**3 / -units.count
            both -= _group_sums(whole[part] * own) * scale / units.count
            _scaled(out, slope, scale * own)
            out += centred

    units.share(work, x)
    along *= scales
    return (
        result if needs[0] else None,
        _over_examples(along, weight.shape) if needs[1] else None,
        _over_examples(whole, weight.shape) if needs[2] else None,
    )


def _over_examples(sums, shape):
    return np.add.reduce(sums.reshape(-1, *shape[1:]), axis=0)[None]
