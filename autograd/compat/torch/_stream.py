"""Random numbers as PyTorch's CPU generator gives them, behind the methods of NumPy's Generator that this library calls.

The source is the Mersenne Twister (Matsumoto & Nishimura, 1998). How its 32-bit words become numbers was found by
comparing with PyTorch 2.13: which bits, in which order, one word or two. So a PyTorch program with a seed starts from
the weights, batches and dropout masks it had there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _counts

_WIDE = 1 << 28  # ranges from here on take two words


def _state(seed: int) -> np.ndarray:
    """The twister's start for a seed: x[j] = 1812433253 (x[j-1] ^ (x[j-1] >> 30)) + j."""
    x = seed & 0xFFFFFFFF
    key = [x]
    for j in range(1, 624):
        x = (1812433253 * (x ^ (x >> 30)) + j) & 0xFFFFFFFF
        key.append(x)
    return np.array(key, np.uint32)


def _each(draw: Any, size: Any, *parameters: Any) -> np.ndarray:
    """One draw for each element of the broadcast parameters."""
    given = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in parameters))
    if size is not None:
        given = [np.broadcast_to(v, size) for v in given]
    columns = zip(*(v.ravel().tolist() for v in given), strict=True)
    return np.array([draw(*row) for row in columns], np.float64).reshape(given[0].shape)


def _count(shape: Any) -> int:
    return math.prod(shape) if isinstance(shape, Sequence) else 1 if shape is None else int(shape)


class TorchStream:
    """Draws in PyTorch's order."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.MT19937(0)
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": _state(seed), "pos": 624}}
        self._spare: float | None = None  # second value of the last pair of normals
        self._apart = False  # drawing into memory with gaps, which PyTorch fills without blocks

    # ------------------------------------------------------------------ state, as Generator.get_state keeps it

    @property
    def bit_generator(self) -> TorchStream:
        return self

    @property
    def state(self) -> dict:
        inner = self._bits.state["state"]
        return {"key": inner["key"].tolist(), "pos": int(inner["pos"]), "spare": self._spare}

    @state.setter
    def state(self, kept: dict) -> None:
        inner: Any = {"key": np.array(kept["key"], np.uint32), "pos": kept["pos"]}
        self._bits.state = {"bit_generator": "MT19937", "state": inner}
        self._spare = kept["spare"]

    # ------------------------------------------------------------------ words

    def _words(self, n: int) -> np.ndarray:
        return self._bits.random_raw(n)

    def _double_words(self, n: int) -> np.ndarray:
        words = self._words(2 * n)
        return (words[0::2] << np.uint64(32)) | words[1::2]

    def _doubles(self, n: int) -> np.ndarray:
        return (self._double_words(n) & np.uint64((1 << 53) - 1)) * 2.0**-53

    def _singles(self, n: int) -> np.ndarray:
        return ((self._words(n) & np.uint64((1 << 24) - 1)) * 2.0**-24).astype(np.float32)

    halves = True  # half precision is drawn here, not made of single precision

    def like(self, array: Any, draw: Any, *args: Any) -> Any:
        """`draw(shape, ...)` laid out as `array` is: axes that lie closer in memory run faster, one number at a time."""
        if array.flags.c_contiguous or 0 in array.strides:  # repeated elements get memory of their own
            return draw(array.shape, *args)
        order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
        self._apart = True
        try:
            drawn = draw(tuple(array.shape[axis] for axis in order), *args)
        finally:
            self._apart = False
        return np.transpose(drawn, np.argsort(order))

    # ------------------------------------------------------------------ NumPy's methods

    def random(self, size: Any = None, dtype: Any = np.float64) -> Any:
        """Uniform in [0, 1): the low 24 bits of a word, or the low 53 of two."""
        n = _count(size)
        flat = self._doubles(n) if np.dtype(dtype) == np.float64 else self._singles(n).astype(dtype, copy=False)
        return flat[0] if size is None else flat.reshape(size)

    def survive(self, shape: Any, p: float) -> np.ndarray:
        """True with probability 1 - p, as dropout draws its mask."""
        return self._doubles(_count(shape)).reshape(shape) < 1 - p

    def standard_normal(self, size: Any = None, dtype: Any = np.float64) -> Any:
        """Box and Muller's pairs: one by one below 16 values, in blocks of 16 from there on."""
        n, d = _count(size), np.dtype(dtype)
        flat = self._few_normals(n) if n < 16 or self._apart else self._blocks(n, d)
        return flat.astype(d)[0] if size is None else flat.astype(d).reshape(size)

    def _few_normals(self, n: int) -> np.ndarray:
        values = [] if self._spare is None or not n else [self._spare]
        if values:
            self._spare = None
        while len(values) < n:
            turn, length = self._doubles(2)
            radius = math.sqrt(-2 * math.log1p(-length))
            values += [radius * math.cos(2 * math.pi * turn), radius * math.sin(2 * math.pi * turn)]
        if len(values) > n:
            self._spare = values.pop()
        return np.array(values)

    def _blocks(self, n: int, d: np.dtype) -> np.ndarray:
        """Each block of 16: eight radii, then eight angles. An incomplete last block is drawn anew over the last 16."""
        draw = self._doubles if d == np.float64 else self._singles
        whole = n - n % 16
        values = draw(whole if d.itemsize == 2 else n).astype(np.float64)
        result = np.empty(n)
        result[:whole] = _box_muller(values[:whole])
        if whole < n:
            result[-16:] = _box_muller(draw(16).astype(np.float64))
        return result

    def integers(self, low: Any, high: Any = None, size: Any = None) -> Any:
        """Words modulo the range."""
        low, high = (0, low) if high is None else (low, high)
        span, n = int(high) - int(low), _count(size)
        words = self._words(n) if span < _WIDE else self._double_words(n)
        found = (words % np.uint64(span)).astype(np.int64) + int(low)
        return found[0] if size is None else found.reshape(size)

    def below(self, high: int, size: Any, wide: bool) -> Any:
        """Words modulo `high`, of 64 bits if `wide` and else of 32: how `random_()` without bounds draws."""
        n = _count(size)
        words = self._double_words(n) if wide else self._words(n)
        return (words % np.uint64(high)).astype(np.int64).reshape(size)

    def permutation(self, n: int) -> np.ndarray:
        """Fisher and Yates, from the front."""
        order = list(range(n))
        steps = self._words(max(n - 1, 0)) % np.arange(n, 1, -1, dtype=np.uint64)
        for i, step in enumerate(steps.tolist()):
            order[i], order[i + step] = order[i + step], order[i]
        return np.array(order, np.int64)

    def exponential(self, scale: Any = 1.0, size: Any = None) -> Any:
        return -np.log1p(-self.random(size)) * scale

    def standard_cauchy(self, size: Any = None) -> Any:
        return np.tan(math.pi * (self.random(size) - 0.5))

    def lognormal(self, mean: float = 0.0, sigma: float = 1.0, size: Any = None) -> Any:
        flat = self._few_normals(_count(size)) * sigma + mean
        return np.exp(flat).reshape(() if size is None else size)

    def geometric(self, p: float, size: Any = None) -> Any:
        return np.ceil(np.log(self.random(size)) / math.log1p(-p))

    # ------------------------------------------------------------------ counts and gammas, one value after the other

    def _one(self) -> float:
        raw = self._bits.random_raw
        return (((raw() << 32) | raw()) & ((1 << 53) - 1)) * 2.0**-53

    def _one_normal(self) -> float:
        return float(self._few_normals(1)[0])

    def poisson(self, lam: Any, size: Any = None) -> Any:
        return _each(lambda rate: _counts.poisson(self._one, rate), size, lam)

    def binomial(self, n: Any, p: Any, size: Any = None) -> Any:
        return _each(lambda count, prob: _counts.binomial(self._one, count, prob), size, n, p)

    def standard_gamma(self, shape: Any, size: Any = None) -> Any:
        return _each(lambda a: _counts.gamma(self._one, self._one_normal, a), size, shape)

    def __getattr__(self, name: str) -> Any:
        """Anything else NumPy can draw: from a generator seeded by this stream."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(np.random.Generator(np.random.PCG64(int(self._words(1)[0]))), name)


def _box_muller(u: np.ndarray) -> np.ndarray:
    pairs = u.reshape(-1, 2, 8)
    radius, turn = np.sqrt(-2 * np.log1p(-pairs[:, 0])), 2 * math.pi * pairs[:, 1]
    return np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1).reshape(-1)
