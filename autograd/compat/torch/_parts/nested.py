"""`torch.nested`: tensors of several parts, each with lengths of its own.

A nested tensor is a list of tensors; functions of it run part by part. An axis of the nested tensor is the axis one
place further left in a part.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .... import cat, full
from ...._tensor import Tensor
from .._dispatch import values_in, wake_if_watching
from .._facade import HERE


class Nested(Tensor):
    """Several tensors that differ in the lengths of their axes, as one."""

    is_nested = True
    parts: list[Tensor]

    def __new__(cls, parts: list[Tensor]) -> Nested:
        wake_if_watching()
        return object.__new__(cls)

    def __init__(self, parts: list[Tensor]) -> None:
        ranks = {t.ndim for t in parts}
        if len(ranks) > 1:
            raise RuntimeError(
                f"All Tensors given to nested_tensor must have the same dimension. Found dimensions {sorted(ranks)}"
            )
        self.__dict__["parts"] = list(parts)

    @classmethod
    def __torch_function__(cls, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """The function of each part."""
        kwargs = kwargs or {}
        nested = [a for a in values_in(args, {}) if isinstance(a, Nested)]
        count = len(nested[0].parts)
        if any(len(n.parts) != count for n in nested):
            raise RuntimeError(
                "Expected nested tensors of as many parts: " + ", ".join(str(len(n.parts)) for n in nested)
            )
        if getattr(func, "__name__", "") == "bmm":
            func = sys.modules[HERE].matmul  # type: ignore[attr-defined]
        return _of_parts([func(*_picked(args, i), **_picked(kwargs, i)) for i in range(count)])

    @property
    def ndim(self) -> int:
        return self.parts[0].ndim + 1 if self.parts else 1

    def dim(self) -> int:
        return self.ndim

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Internal error: a nested tensor has no shape of its own; use size(dim), or unbind() its parts"
        )

    @property
    def dtype(self) -> Any:
        return self.parts[0].dtype

    @property
    def requires_grad(self) -> bool:  # type: ignore[override]
        return any(t.requires_grad for t in self.parts)

    @property
    def device(self) -> Any:
        return self.parts[0].device

    grad_fn = None  # type: ignore[assignment]

    def size(self, dim: int | None = None) -> Any:
        """The length along an axis that all parts share."""
        axis = dim % self.ndim if dim is not None else 1
        if axis == 0:
            return len(self.parts)
        lengths = {t.shape[axis - 1] for t in self.parts}
        if dim is None or len(lengths) > 1:
            raise RuntimeError(
                f"Given dimension {dim} is irregular and does not have a size: lengths {sorted(lengths)}; unbind() shows them"
            )
        return lengths.pop()

    def numel(self) -> int:
        return sum(t.numel() for t in self.parts)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The parts."""
        if dim:
            raise RuntimeError(f"NestedTensor can only be unbound along dimension 0 got dimension {dim} instead.")
        return tuple(self.parts)

    def __iter__(self) -> Any:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: Any) -> Any:
        """A part, or with a slice or `...` first, the rest of the index in each of these parts."""
        first, *rest = index if isinstance(index, tuple) else (index,)
        if isinstance(first, int):
            if not -len(self.parts) <= first < len(self.parts):
                raise IndexError(f"index {first} is out of bounds for dimension 0 with size {len(self.parts)}")
            return self.parts[first][tuple(rest)]
        return _of_parts([t[tuple(rest)] for t in (self.parts if first is ... else self.parts[first])])

    def _moved(self, dim: int) -> int:
        axis = dim % self.ndim
        if axis == 0:
            raise RuntimeError("a nested tensor's first axis counts its parts and takes no part in this")
        return axis - 1

    def transpose(self, dim0: int, dim1: int) -> Nested:
        return _of_parts([t.transpose(self._moved(dim0), self._moved(dim1)) for t in self.parts])

    def reshape(self, *shape: Any) -> Nested:
        """Each part with the lengths after the first; -1 keeps or finds an axis's own."""
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        found = []
        for t in self.parts:
            own = [
                t.shape[i] if s == -1 and i < t.ndim and len(sizes) - 1 >= t.ndim else s
                for i, s in enumerate(sizes[1:])
            ]
            found.append(t.reshape(own))
        return _of_parts(found)

    view = reshape

    def softmax(self, dim: int, dtype: Any = None) -> Nested:
        return _of_parts([t.softmax(self._moved(dim), dtype=dtype) for t in self.parts])

    def sum(self, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:  # type: ignore[override]
        if dim is None:
            return cat([t.reshape(-1) for t in self.parts]).sum()
        return _of_parts([t.sum(self._moved(dim), keepdim) for t in self.parts])

    def detach(self) -> Nested:
        return _of_parts([t.detach() for t in self.parts])

    def clone(self, *, memory_format: Any = None) -> Nested:
        return _of_parts([t.clone() for t in self.parts])

    def contiguous(self, memory_format: Any = None) -> Nested:
        return _of_parts([t.contiguous() for t in self.parts])

    def to(self, *args: Any, **kwargs: Any) -> Nested:
        return _of_parts([t.to(*args, **kwargs) for t in self.parts])

    def requires_grad_(self, requires_grad: bool = True) -> Nested:
        for t in self.parts:
            t.requires_grad_(requires_grad)
        return self

    def to_padded_tensor(self, padding: float, output_size: Any = None) -> Tensor:
        """One dense tensor, the parts filled up with a number."""
        return to_padded_tensor(self, padding, output_size)

    def __repr__(self) -> str:
        inner = ",\n".join("  " + repr(t).replace("\n", "\n  ") for t in self.parts)
        return f"nested_tensor([\n{inner}\n])"


Nested.__module__, Nested.__qualname__, Nested.__name__ = "torch", "Tensor", "Tensor"  # what it is in PyTorch


def _picked(value: Any, i: int) -> Any:
    """The arguments for part i."""
    if isinstance(value, Nested):
        return value.parts[i]
    if isinstance(value, (tuple, list)):
        return type(value)(_picked(v, i) for v in value)
    return {k: _picked(v, i) for k, v in value.items()} if isinstance(value, dict) else value


def _of_parts(parts: list) -> Any:
    return Nested(parts) if parts and all(isinstance(t, Tensor) for t in parts) else parts


def nested_tensor(tensor_list: list, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
                  pin_memory: bool = False) -> Nested:  # fmt: skip
    """A nested tensor of copies of the parts.

    Example:
        >>> from autograd.compat import torch
        >>> _ = torch.install()
        >>> nt = torch.nested.nested_tensor([torch.ones(2), torch.zeros(1)])
        >>> torch.nested.to_padded_tensor(nt, 5.0)
        tensor([[1., 1.],
                [0., 5.]])
        >>> torch.uninstall()
    """
    torch: Any = sys.modules[HERE]
    made = [t.detach().clone() if isinstance(t, Tensor) else torch.tensor(t, dtype=dtype) for t in tensor_list]
    dtype = made[0].dtype if made and dtype is None else dtype
    found = Nested([t.to(dtype) for t in made])
    return found.requires_grad_() if requires_grad else found


def as_nested_tensor(ts: Any, dtype: Any = None, device: Any = None, layout: Any = None) -> Nested:
    """A nested tensor of the parts themselves; gradients reach them."""
    return ts if isinstance(ts, Nested) else Nested([t if dtype is None else t.to(dtype) for t in ts])


def to_padded_tensor(input: Nested, padding: float, output_size: Any = None) -> Tensor:
    """One dense tensor, the parts filled up with a number to the longest (or to `output_size`)."""
    torch: Any = sys.modules[HERE]
    longest = [max(t.shape[i] for t in input.parts) for i in range(input.ndim - 1)]
    size = longest if output_size is None else list(output_size)[1:]
    rows = []
    for t in input.parts:
        short = [(0, n - m) for n, m in zip(size, t.shape, strict=True)]
        rows.append(torch.nn.functional.pad(t, [n for pair in reversed(short) for n in pair], value=padding))
    return torch.stack(rows) if rows else full((0,), padding)


__all__ = ["as_nested_tensor", "nested_tensor", "to_padded_tensor"]
