"""`torch.masked.MaskedTensor`: values of which only those count where a mask is true."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from typing import Any

from .... import masked
from ...._tensor import Tensor
from .._dispatch import wake_if_watching
from .._facade import HERE

_REDUCTIONS = {"sum", "mean", "amax", "amin", "prod", "argmax", "argmin", "var", "std", "norm", "median"}
_ALONG = {"softmax", "log_softmax", "softmin", "cumsum", "cumprod"}
_VIEWS = {
    "reshape", "view", "transpose", "t", "permute", "squeeze", "unsqueeze", "expand", "flatten", "__getitem__", "contiguous",
    "swapaxes", "movedim", "unflatten", "index_select", "select", "narrow", "flip", "roll", "detach", "clone", "expand_as", "view_as",
}  # fmt: skip


class MaskedTensor(Tensor):
    """Values and a mask of the same shape that is true where a value counts."""

    _values: Tensor
    _counts: Tensor

    def __new__(cls, data: Tensor, mask: Tensor, requires_grad: bool = False) -> MaskedTensor:
        wake_if_watching()
        return object.__new__(cls)

    def __init__(self, data: Tensor, mask: Tensor, requires_grad: bool = False) -> None:
        if data.shape != mask.shape:
            raise ValueError(f"data and mask must have the same shape, got {tuple(data.shape)} and {tuple(mask.shape)}")
        if repr(mask.dtype).rpartition(".")[2] != "bool":
            raise TypeError(f"mask must be a bool tensor, got {mask.dtype!r}")
        self.__dict__.update(_values=data.requires_grad_() if requires_grad else data, _counts=mask)

    @classmethod
    def __torch_function__(cls, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        if name in _REDUCTIONS:
            return _reduced(name, args[0], *args[1:], **kwargs)
        if name in _ALONG:
            given = args[0]
            rest = {**kwargs, **({"dim": args[1]} if len(args) > 1 else {})}
            rest.pop("_stacklevel", None)
            return cls(getattr(masked, name)(given._values, mask=given._counts, **rest), given._counts)
        if name in _VIEWS:
            given = args[0]
            return cls(func(given._values, *args[1:], **kwargs), func(given._counts, *args[1:], **kwargs))
        if name == "where":
            condition, a, b = args
            return cls(func(condition, a._values, b._values), func(condition, a._counts, b._counts))
        return _elementwise(func, args, kwargs)

    shape = property(lambda self: self._values.shape)  # type: ignore[assignment]
    ndim = property(lambda self: self._values.ndim)
    dtype = property(lambda self: self._values.dtype)  # type: ignore[assignment]
    device = property(lambda self: self._values.device)
    requires_grad = property(lambda self: self._values.requires_grad)  # type: ignore[assignment]
    is_leaf = property(lambda self: self._values.is_leaf)
    grad_fn = property(lambda self: self._values.grad_fn)

    @property
    def grad(self) -> Any:
        found = self._values.grad
        return None if found is None else MaskedTensor(found, self._counts)

    def dim(self) -> int:
        return self._values.ndim

    def size(self, dim: int | None = None) -> Any:
        return self._values.size(dim)

    def numel(self) -> int:
        return self._values.numel()

    def __len__(self) -> int:
        return len(self._values)

    def requires_grad_(self, requires_grad: bool = True) -> MaskedTensor:
        self._values.requires_grad_(requires_grad)
        return self

    def backward(self, *args: Any, **kwargs: Any) -> None:
        self._values.backward(*args, **kwargs)  # type: ignore[attr-defined]

    def get_data(self) -> Tensor:
        """The values, also those that do not count."""
        return self._values

    def get_mask(self) -> Tensor:
        """Where values count."""
        return self._counts

    def to_tensor(self, value: Any) -> Tensor:
        """The values, with a number where they do not count."""
        return self._values.masked_fill(~self._counts, value)  # type: ignore[attr-defined]

    def item(self) -> Any:
        return self._values.item()

    def to(self, *args: Any, **kwargs: Any) -> MaskedTensor:
        return MaskedTensor(self._values.to(*args, **kwargs), self._counts)

    def float(self) -> MaskedTensor:
        return MaskedTensor(self._values.float(), self._counts)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        if not self.ndim:
            value = _number(self._values.item()) if self._counts.item() else "--"
            return f"MaskedTensor({value}, {self._counts.item()})"
        return f"MaskedTensor(\n{textwrap.indent(_lines(self._values, self._counts), '  ')}\n)"


def _number(value: Any) -> str:
    return f"{value:8.4f}" if isinstance(value, float) else str(value)


def _lines(values: Tensor, counts: Tensor) -> str:
    if values.ndim > 1:
        rows = [_lines(v, c) for v, c in zip(values.detach().unbind(), counts.unbind(), strict=True)]  # type: ignore[attr-defined]
        return "[\n" + textwrap.indent(",\n".join(rows), "  ") + "\n]"
    shown = [_number(v) for v in values.tolist()]
    width = max((len(e) if c else 8 for e, c in zip(shown, counts.tolist(), strict=True)), default=0)
    return f"[{', '.join(e if c else '--'.rjust(width) for e, c in zip(shown, counts.tolist(), strict=True))}]"


def _reduced(name: str, given: MaskedTensor, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> MaskedTensor:
    """Over what counts; a result counts where something did."""
    function = getattr(masked, name)
    if dim is None:
        counts = given._counts.any()  # type: ignore[attr-defined]
        return MaskedTensor(function(given._values, mask=given._counts, **kwargs), counts)
    counts = given._counts.any(dim, keepdim)  # type: ignore[attr-defined]
    return MaskedTensor(function(given._values, dim, keepdim=keepdim, mask=given._counts, **kwargs), counts)


def _elementwise(func: Callable, args: tuple, kwargs: dict) -> Any:
    """Value by value, where all operands count in the same places."""
    operands = [a for a in (*args, *kwargs.values()) if isinstance(a, MaskedTensor)]
    torch: Any = sys.modules[HERE]
    counts = operands[0]._counts
    if any(not torch.equal(counts, o._counts) for o in operands[1:]):
        raise ValueError("Input masks must match: the operands count in different places; combine the masks first")
    plain = lambda a: a._values if isinstance(a, MaskedTensor) else a  # noqa: E731
    result = func(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})
    if isinstance(result, Tensor) and result.shape == counts.shape:
        return MaskedTensor(result, counts)
    return result


def masked_tensor(data: Tensor, mask: Tensor, requires_grad: bool = False) -> MaskedTensor:
    """A copy of `data`, of which the values count where `mask` is true.

    Example:
        >>> from autograd.compat import torch
        >>> _ = torch.install()
        >>> torch.masked.masked_tensor(torch.tensor([1.0, 2.0]), torch.tensor([True, False])).sum()
        MaskedTensor(  1.0000, True)
        >>> torch.uninstall()
    """
    return MaskedTensor(data.detach().clone(), mask, requires_grad)  # type: ignore[attr-defined]


def as_masked_tensor(data: Tensor, mask: Tensor) -> MaskedTensor:
    """`data` itself, of which the values count where `mask` is true; gradients reach it."""
    return MaskedTensor(data, mask)


def is_masked_tensor(obj: Any, /) -> bool:
    return isinstance(obj, MaskedTensor)


__all__ = ["MaskedTensor", "as_masked_tensor", "is_masked_tensor", "masked_tensor"]
