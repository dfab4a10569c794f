"""`torch.utils.flop_counter`: multiplications and additions of matrix products and convolutions.

Attention in one call is not counted, as on PyTorch's CPU.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from ...._node import Node
from ...._tensor import Tensor
from .overrides import TorchFunctionMode

_PRODUCTS = {"matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "linear"}


def _of_product(a: tuple, b: tuple) -> int:
    """Of a @ b; products with a vector are not counted, as in PyTorch."""
    if len(a) < 2 or len(b) < 2:
        return 0
    batch = math.prod(max(a[:-2], b[:-2], key=math.prod))
    return 2 * batch * a[-2] * a[-1] * b[-1]


def _of_convolution(small: tuple, weight: tuple, batch: int) -> int:
    """Every weight meets every place of the side with fewer places once."""
    return 2 * batch * math.prod(weight) * math.prod(small)


def _flops(name: str, given: list[tuple], result: tuple) -> tuple[str, int]:
    """The operation a call is counted as, and its number."""
    if name == "linear":
        return ("addmm" if len(given) > 2 else "mm"), 2 * math.prod(result) * given[1][-1]
    if name in _PRODUCTS:
        a, b = given[-2:]
        counted = {"__matmul__": "matmul", "__rmatmul__": "matmul"}.get(name, name)
        return (
            "bmm" if len(result) > 2 and counted == "matmul" else "mm" if counted == "matmul" else counted
        ), _of_product(a, b)
    if name.startswith("conv_transpose"):
        return "convolution", _of_convolution(given[0][2:], given[1], given[0][0])
    if name.startswith("conv"):
        return "convolution", _of_convolution(result[2:], given[1], result[0])
    return name, 0


class FlopCounterMode(TorchFunctionMode):
    """Counts the floating point operations of what runs in its block, and of backward passes through it.

    Example:
        >>> from autograd.compat import torch
        >>> _ = torch.install()
        >>> from torch.utils.flop_counter import FlopCounterMode
        >>> with FlopCounterMode(display=False) as counter:
        ...     _ = torch.ones(2, 3) @ torch.ones(3, 4)
        >>> counter.get_total_flops()
        48
        >>> torch.uninstall()
    """

    def __init__(
        self, mods: Any = None, depth: int = 2, display: bool = True, custom_mapping: dict | None = None
    ) -> None:
        self.display, self.depth, self.custom = display, depth, dict(custom_mapping or {})
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> FlopCounterMode:
        self.counts.clear()
        super().__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        if self.display:
            print(self.get_table(self.depth))

    def __torch_function__(self, func: Callable, types: tuple, args: tuple = (), kwargs: dict | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self._note(getattr(func, "__name__", ""), args, kwargs or {}, result)
        return result

    def _note(self, name: str, args: tuple, kwargs: dict, result: Tensor) -> None:
        tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor)]
        if len(tensors) < 2:
            return
        what, number = _flops(name, [tuple(t.shape) for t in tensors], tuple(result.shape))
        if not number:
            return
        self.counts[what] += number
        node, sides = result._node, sum(t.requires_grad for t in tensors if t.ndim > 1)
        if isinstance(node, Node) and sides:
            backward = what if what != "convolution" else "convolution_backward"
            result.register_hook(lambda g: self.counts.update({backward: number * sides}))

    def get_total_flops(self) -> int:
        """The sum of all counts."""
        return sum(self.counts.values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """Counts of each operation, for the whole block."""
        return {"Global": dict(self.counts)}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as lines of a table."""
        total = self.get_total_flops()
        rows = [("Global", total), *((f" - aten.{name}", number) for name, number in self.counts.items())]
        lines = [f"{name:<40} {number:>16} {number / max(total, 1):>9.2%}" for name, number in rows]
        return "\n".join([f"{'Module':<40} {'FLOP':>16} {'% Total':>9}", *lines])


__all__ = ["FlopCounterMode"]
