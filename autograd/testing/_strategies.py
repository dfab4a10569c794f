"""Hypothesis strategies for tensors and what goes with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _dtype
from .._extras import require
from .._tensor import Tensor, wrap

st = require("hypothesis.strategies", extra="testing", purpose="drawing random tensors")

FLOATING = (_dtype.float32, _dtype.float64)


def dtypes(kinds: str = "f") -> Any:
    """dtypes of the kinds given by NumPy's letters (b, i, u, f, c); float16 and bfloat16 are left out."""
    narrow = ("float16", "bfloat16")
    return st.sampled_from([d for d in _dtype.ALL if d.name not in narrow and d.kind in kinds])


def shapes(min_dims: int = 0, max_dims: int = 4, min_side: int = 0, max_side: int = 4) -> Any:
    """Tuples of sizes; 0-d and empty shapes included by default."""
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable(draw: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts with `shape` (and to it): leading axes may be missing, others may have length one."""
    keep = draw(st.integers(0, len(shape)))
    return tuple(1 if draw(st.booleans()) else n for n in shape[len(shape) - keep :])


@st.composite
def tensors(draw: Any, shape: Any = None, dtype: Any = None, lo: float = -2.0, hi: float = 2.0, avoid: tuple[float, ...] = (),
            margin: float = 0.05, requires_grad: bool = True, distinct: bool = False) -> Tensor:  # fmt: skip
    """Tensors whose values stay between `lo` and `hi` and at least `margin` away from each point of `avoid`.

    Args:
        shape: a shape or a strategy for one.
        dtype: a dtype or a strategy for one; float64 by default.
        avoid: kinks and poles of the function under test, where a numerical derivative means nothing.
        distinct: no two values closer than (hi - lo) / (2 n), for functions that sort or take maxima.
    """
    shape = draw(shape if hasattr(shape, "example") else st.just(shape) if shape is not None else shapes())
    dtype = draw(dtype if hasattr(dtype, "example") else st.just(dtype or _dtype.float64))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = int(np.prod(shape, dtype=np.int64))
    values = rng.permutation((np.arange(n) + rng.uniform(0.25, 0.75, n)) / max(n, 1)) if distinct else rng.random(n)
    values = lo + (hi - lo) * values
    for point in avoid:
        near = np.abs(values - point) < margin
        values = np.where(near, point + np.where(values >= point, margin, -margin), values)
    t = wrap(values.reshape(shape).astype(dtype.dtype))
    return t.requires_grad_() if requires_grad and dtype.kind in "fc" else t


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> Any:
    """Valid indices of a shape: numbers, slices with steps, None, Ellipsis, index tensors and masks, mixed."""
    parts: list[Any] = []
    dots = draw(st.booleans())
    for axis, n in enumerate(shape):
        kind = draw(st.sampled_from(["slice", "int", "tensor", "none"] if n else ["slice"]))
        if kind == "none":
            parts.append(None)
            kind = "slice"
        if kind == "int":
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "tensor":
            parts.append(wrap(np.asarray(draw(st.lists(st.integers(-n, n - 1), min_size=1, max_size=3)), np.int64)))
        else:
            parts.append(
                slice(*draw(st.tuples(*[st.one_of(st.none(), st.integers(-n, n))] * 2, st.sampled_from([None, 1, 2]))))
            )
        if dots and axis == 0:
            break
    _equal_lengths(parts)
    return tuple([*parts, Ellipsis] if dots else parts)


def _equal_lengths(parts: list) -> None:
    """Index tensors of one index broadcast together."""
    places = [i for i, p in enumerate(parts) if isinstance(p, Tensor)]
    shortest = min((len(parts[i]) for i in places), default=0)
    for i in places:
        parts[i] = parts[i][:shortest]


__all__ = ["broadcastable", "dtypes", "indices", "shapes", "tensors"]
