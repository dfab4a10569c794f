"""`torch.nn.utils.prune`: weights set to zero by a mask that stays while the rest is trained.

A pruned parameter `weight` becomes the parameter `weight_orig` and the buffer `weight_mask`; before each call of the
module `weight` is their product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nn

from .... import cat, no_grad, ones_like, rand, topk, zeros_like
from ...._tensor import Tensor
from ....linalg import vector_norm


def _count(amount: float, n: int) -> int:
    """How many of n an amount means: a share of them, or that many.

    Raises:
        ValueError: the share is not within [0, 1], or there are not that many.
    """
    if isinstance(amount, bool) or not isinstance(amount, (int, float)):
        raise TypeError(f"prune: amount must be a number, got {amount!r}")
    if amount < 0 or (isinstance(amount, float) and amount > 1) or (isinstance(amount, int) and amount > n):
        raise ValueError(f"prune: amount={amount} should be a share in [0.0, 1.0] or a count of at most {n}")
    return round(amount * n) if isinstance(amount, float) else amount


def _without_smallest(mask: Tensor, importance: Tensor, amount: float) -> Tensor:
    """The mask with the least important of its remaining places cleared as well."""
    kept = (mask.reshape(-1) > 0).nonzero().reshape(-1)  # type: ignore[operator]
    k = _count(amount, kept.numel())
    if k:
        gone = kept[topk(importance.reshape(-1)[kept], k, largest=False).indices]
        mask = mask.clone()
        mask.view(-1)[gone] = 0
    return mask


class _Recompute:
    """The hook that multiplies by the mask."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: nn.Module, inputs: Any) -> None:
        object.__setattr__(module, self.name, _masked(module, self.name))


def _masked(module: nn.Module, name: str) -> Tensor:
    return getattr(module, name + "_orig") * getattr(module, name + "_mask")


def _hooks(module: nn.Module) -> dict:
    found = {key: kept.function for key, kept in module._forward_pre_hooks.items()}
    return {key: hook for key, hook in found.items() if isinstance(hook, _Recompute)}


def _apply(module: nn.Module, name: str, new_mask: Callable[[Tensor, Tensor], Tensor]) -> nn.Module:
    with no_grad():
        if hasattr(module, name + "_mask"):
            mask = getattr(module, name + "_mask")
            setattr(module, name + "_mask", new_mask(mask, getattr(module, name + "_orig")))
        else:
            original = getattr(module, name)
            mask = new_mask(ones_like(original), original)
            del module._parameters[name]
            module.register_parameter(name + "_orig", original)
            module.register_buffer(name + "_mask", mask)
            module.register_forward_pre_hook(_Recompute(name))
    object.__setattr__(module, name, _masked(module, name))
    return module


def identity(module: nn.Module, name: str) -> nn.Module:
    """Prune nothing yet."""
    return _apply(module, name, lambda mask, t: mask)


def custom_from_mask(module: nn.Module, name: str, mask: Tensor) -> nn.Module:
    """Prune where `mask` is zero."""
    return _apply(module, name, lambda old, t: old * mask.to(old.dtype))


def random_unstructured(module: nn.Module, name: str, amount: float) -> nn.Module:
    """Prune places at random."""
    return _apply(module, name, lambda mask, t: _without_smallest(mask, rand(mask.numel()), amount))


def l1_unstructured(module: nn.Module, name: str, amount: float, importance_scores: Any = None) -> nn.Module:
    """Prune the smallest in size."""

    def new_mask(mask: Tensor, t: Tensor) -> Tensor:
        return _without_smallest(mask, (t if importance_scores is None else importance_scores).abs(), amount)

    return _apply(module, name, new_mask)


def ln_structured(
    module: nn.Module, name: str, amount: float, n: Any, dim: int, importance_scores: Any = None
) -> nn.Module:
    """Prune whole slices along `dim`, those with the smallest n-norm."""

    def new_mask(mask: Tensor, t: Tensor) -> Tensor:
        others = [i for i in range(t.dim()) if i != dim % t.dim()]
        sizes = vector_norm(t * mask if importance_scores is None else importance_scores, n, others)
        alive = (vector_norm(mask, 1, others) > 0).to(t.dtype)
        keep = _without_smallest(alive, sizes, amount)
        return mask * keep.reshape([-1 if i == dim % t.dim() else 1 for i in range(t.dim())])

    return _apply(module, name, new_mask)


def random_structured(module: nn.Module, name: str, amount: float, dim: int) -> nn.Module:
    """Prune whole slices along `dim` at random."""
    t = getattr(module, name)
    shape = [-1 if i == dim % t.dim() else 1 for i in range(t.dim())]
    drawn = rand(t.shape[dim]).reshape(shape)
    return ln_structured(module, name, amount, 1, dim, zeros_like(t).detach() + drawn)


class L1Unstructured:
    """For `global_unstructured`: the smallest in size of all parameters together."""


class RandomUnstructured:
    """For `global_unstructured`: at random over all parameters."""


def global_unstructured(parameters: Any, pruning_method: type, importance_scores: Any = None, **kwargs: Any) -> None:
    """Prune a share of several parameters together; `parameters` are pairs (module, name)."""
    pairs = list(parameters)
    for module, name in pairs:
        identity(module, name)
    with no_grad():
        masks = [getattr(m, name + "_mask") for m, name in pairs]
        values = cat([getattr(m, name + "_orig").reshape(-1) for m, name in pairs])
        importance = values.abs() if pruning_method is L1Unstructured else rand(values.numel())
        whole = _without_smallest(cat([m.reshape(-1) for m in masks]), importance, kwargs["amount"])
        parts = whole.split([m.numel() for m in masks])
    for (module, name), old, part in zip(pairs, masks, parts, strict=True):
        custom_from_mask(module, name, part.reshape(old.shape))


def remove(module: nn.Module, name: str) -> nn.Module:
    """Make the zeros permanent: `name` is an ordinary parameter again.

    Raises:
        ValueError: `name` was not pruned.
    """
    found = [key for key, hook in _hooks(module).items() if hook.name == name]
    if not found:
        raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")
    original = module._parameters.pop(name + "_orig")
    with no_grad():
        original.data = _masked_by(original, module._buffers.pop(name + "_mask"))
    del module._forward_pre_hooks[found[0]]
    module.__dict__.pop(name, None)
    module.register_parameter(name, original)
    return module


def _masked_by(original: Tensor, mask: Tensor) -> Tensor:
    return original.detach() * mask  # type: ignore[operator]


def is_pruned(module: nn.Module) -> bool:
    """Whether something in `module` is pruned."""
    return any(_hooks(part) for part in module.modules())


__all__ = ["L1Unstructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
           "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove"]  # fmt: skip
