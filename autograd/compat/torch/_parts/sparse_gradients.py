"""Gradients of embeddings with `sparse=True`: tensors that list the rows which were looked up, as PyTorch's do.

The engine's own gradients are dense. A hook on what was looked up notes rows and their gradients; when the table's
gradient is complete and consists of nothing else, `.grad` becomes the sparse tensor of these rows.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

import nn
from nn.optim.optimizer import register_optimizer_step_pre_hook

from ...._node import Leaf, Node
from ...._tensor import Tensor, wrap
from ....ops.embedding import _bags
from .._facade import HERE
from .._swaps import Swaps
from .sparse_tensors import Coo, Sparse, coo

_FINE = {"SGD", "Adagrad", "SparseAdam"}


class _Rows:
    """What was noted for one table since its gradient was last complete."""

    def __init__(self, weight: Tensor) -> None:
        self.before: Any = None
        self.places: list[np.ndarray] = []
        self.values: list[np.ndarray] = []
        weight.register_post_accumulate_grad_hook(self.settle)

    def note(self, weight: Tensor, rows: np.ndarray, values: np.ndarray) -> None:
        if not self.places:
            held = weight.grad
            self.before = (held.places, held._values()._data.copy()) if isinstance(held, Coo) else None
        self.places.append(rows[None])
        self.values.append(values)

    def settle(self, weight: Tensor) -> None:
        """Make the complete gradient sparse, unless more than lookups went into it."""
        if not self.places:
            return
        places, values = list(self.places), list(self.values)
        self.places, self.values = [], []
        if self.before is not None:
            places.insert(0, self.before[0])
            values.insert(0, self.before[1])
        found = coo(np.concatenate(places, 1), wrap(np.concatenate(values)), weight.shape)
        dense: Any = weight.grad
        if np.allclose(found._data, dense._data, rtol=1e-3, atol=1e-5, equal_nan=True):
            weight.grad = found


_tables: weakref.WeakKeyDictionary[Leaf, _Rows] = weakref.WeakKeyDictionary()


def _follow(weight: Tensor, result: Any, listed: Callable[[np.ndarray], tuple]) -> None:
    """Note the rows that go into a table's gradient when the result's gradient is known."""
    leaf = weight._node
    if type(leaf) is not Leaf or not isinstance(getattr(result, "_node", None), Node):
        return
    _watch_optimizers()
    rows = _tables.get(leaf) or _tables.setdefault(leaf, _Rows(weight))
    table = weakref.ref(weight)

    def hook(g: Tensor) -> None:
        if (alive := table()) is not None:
            rows.note(alive, *listed(g._data))

    result.register_hook(hook)


def _looked_up(input: Tensor, padding: int | None) -> Callable:
    def listed(g: np.ndarray) -> tuple:
        rows, values = input._data.reshape(-1), g.reshape(-1, g.shape[-1])
        kept = slice(None) if padding is None else rows != padding
        return rows[kept].astype(np.int64), values[kept]

    return listed


def _bagged(input: Tensor, offsets: Any, mode: str, weights: Any, last: bool) -> Callable:
    numbers, bags, count = _bags(input, offsets, last)

    def listed(g: np.ndarray) -> tuple:
        values = g[bags]
        if mode == "mean":
            values = values / np.bincount(bags, minlength=count)[bags][:, None].astype(values.dtype)
        if weights is not None:
            values = values * weights._data.reshape(-1, 1)
        return numbers.astype(np.int64), values

    return listed


def embedding(found: Callable) -> Callable:
    @functools.wraps(found)
    def call(input: Tensor, weight: Tensor, padding_idx: Any = None, max_norm: Any = None, norm_type: float = 2.0,
             scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:  # fmt: skip
        result = found(input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        if sparse:
            padding = None if padding_idx is None else padding_idx % weight.shape[0]
            _follow(weight, result, _looked_up(input, padding))
        return result

    return call


def embedding_bag(found: Callable) -> Callable:
    @functools.wraps(found)
    def call(input: Tensor, weight: Tensor, offsets: Any = None, max_norm: Any = None, norm_type: float = 2,
             scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Any = None,
             include_last_offset: bool = False, padding_idx: Any = None) -> Tensor:  # fmt: skip
        result = found(input, weight, offsets, max_norm, norm_type, scale_grad_by_freq, mode, sparse,
                       per_sample_weights, include_last_offset, padding_idx)  # fmt: skip
        if sparse and mode != "max" and padding_idx is None:
            _follow(weight, result, _bagged(input, offsets, mode, per_sample_weights, include_last_offset))
        return result

    return call


def _check(optimizer: Any, args: Any, kwargs: Any) -> None:
    """Refuse sparse gradients where the optimizer's formula concerns every row."""
    name = type(optimizer).__name__
    if name in _FINE or not any(
        isinstance(p.grad, Sparse) for group in optimizer.param_groups for p in group["params"]
    ):
        return
    way = ", please consider SparseAdam instead" if "Adam" in name else ""
    raise RuntimeError(f"{name} does not support sparse gradients{way}")


_swaps = Swaps()
_watching: list[Any] = []  # the hook on optimizers, once there is one


def attached() -> bool:
    """Whether `sparse=True` means that now."""
    return bool(_swaps)


def attach() -> None:
    """Let `sparse=True` mean what it means in PyTorch."""
    for wrapped in (embedding, embedding_bag):
        new = wrapped(getattr(nn.functional, wrapped.__name__))
        for place in (sys.modules[HERE + ".nn.functional"], nn.functional):  # where the first looks names up
            _swaps.put(place, wrapped.__name__, new)


def _watch_optimizers() -> None:
    """From the first sparse gradient on, look at what optimizers are given."""
    if not _watching:
        _watching.append(register_optimizer_step_pre_hook(_check))


def detach() -> None:
    """Make gradients dense again."""
    _swaps.undo()
    while _watching:
        _watching.pop().remove()


__all__ = ["attach", "detach", "embedding", "embedding_bag"]
