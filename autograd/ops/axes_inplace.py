"""In-place forms of operations that only rearrange axes: `x.unsqueeze_(0)` changes the shape of x itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._inplace import check_writable
from .._registry import registry
from .._tensor import Tensor, history, wrap


def _rearranging(name: str) -> Callable:
    entry = registry[name].call

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_writable(self, name + "_")
        self._buffer()
        result = entry(wrap(self._data, history(self)), *args, **kwargs)
        self._data, self._node = result._data, history(result)
        return self

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"In-place form of `{name}`: this tensor shows the same memory with other axes."
    return method


for _name in ("squeeze", "unsqueeze", "transpose", "swapaxes", "swapdims", "t"):
    setattr(Tensor, _name + "_", _rearranging(_name))
