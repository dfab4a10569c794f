"""`torch.nn.utils.prune`: weights set to zero by a mask that stays while the rest is trained.

A pruned parameter `weight` becomes the parameter `weight_orig` and the buffer `weight_mask`; before each call of the
module `weight` is their product. Pruning again narrows the mask; the hook then is a `PruningContainer` of the methods.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nn

from .... import cat, no_grad, ones_like, rand, topk, zeros, zeros_like
from ...._tensor import Tensor
from ....linalg import vector_norm


def _checked(amount: Any) -> None:
    if isinstance(amount, bool) or not isinstance(amount, (int, float)):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if amount < 0 or (isinstance(amount, float) and amount > 1):
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")


def _count(amount: float, n: int) -> int:
    """How many of n an amount means: a share of them, or that many.

    Raises:
        ValueError: there are not that many.
    """
    if isinstance(amount, int) and amount > n:
        raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={n}")
    return round(amount * n) if isinstance(amount, float) else amount


def _cleared(mask: Tensor, places: Any) -> Tensor:
    """The mask with the places (of its flat form) set to zero."""
    mask = mask.clone()
    mask.reshape(-1)[places] = 0
    return mask


class BasePruningMethod:
    """A way to choose what is pruned: a subclass defines `compute_mask(t, default_mask)` and `PRUNING_TYPE`.

    Attributes:
        PRUNING_TYPE: "unstructured" (any places that the mask still keeps), "structured" (whole slices), "global".
    """

    _tensor_name: str
    PRUNING_TYPE = "unstructured"

    def __call__(self, module: nn.Module, inputs: Any) -> None:
        object.__setattr__(module, self._tensor_name, self.apply_mask(module))

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: a pruning method defines compute_mask")

    def apply_mask(self, module: nn.Module) -> Tensor:
        """The parameter times its mask."""
        original = getattr(module, self._tensor_name + "_orig")
        return getattr(module, self._tensor_name + "_mask").to(original.dtype) * original

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """The tensor with what this method prunes set to zero."""
        mask = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(t if importance_scores is None else importance_scores, mask)

    @classmethod
    def apply(cls, module: nn.Module, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any) -> Any:
        """Prune the parameter `name` of `module`, which may have been pruned before."""
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        earlier = [(k, hook) for k, hook in _hooks(module).items() if hook._tensor_name == name]
        if earlier:
            method = PruningContainer(earlier[0][1], method)
            module._forward_pre_hooks.pop(earlier[0][0])
        with no_grad():
            _masked(module, name, method, importance_scores)
        method(module, None)
        module.register_forward_pre_hook(method)
        return method

    def remove(self, module: nn.Module) -> None:
        """Make the zeros permanent: the name is an ordinary parameter again."""
        name = self._tensor_name
        with no_grad():
            values = self.apply_mask(module)
            original = module._parameters.pop(name + "_orig")
            original.data = values
        module._buffers.pop(name + "_mask")
        module.__dict__.pop(name, None)
        module.register_parameter(name, original)


def _masked(module: nn.Module, name: str, method: Any, scores: Any) -> None:
    """Give the module its mask, narrowed by `method`."""
    if hasattr(module, name + "_mask"):
        now, old = getattr(module, name), getattr(module, name + "_mask")  # what was pruned counts as zero
        setattr(module, name + "_mask", method.compute_mask(now if scores is None else scores, old))
        return
    original = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(name + "_orig", original)
    mask = method.compute_mask(original if scores is None else scores, ones_like(original))
    module.register_buffer(name + "_mask", mask)


class PruningContainer(BasePruningMethod):
    """Several methods on one parameter, each pruning what the ones before it left."""

    def __init__(self, *methods: Any) -> None:
        first = methods[0]
        self._methods = [*first, *methods[1:]] if isinstance(first, PruningContainer) else list(methods)
        self._tensor_name = methods[-1]._tensor_name

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        self._methods.append(method)

    def __len__(self) -> int:
        return len(self._methods)

    def __iter__(self) -> Iterator:
        return iter(self._methods)

    def __getitem__(self, i: int) -> Any:
        return self._methods[i]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The default mask, narrowed by the newest method among the places it keeps."""
        method, mask = self._methods[-1], default_mask
        if method.PRUNING_TYPE == "unstructured":
            kept = mask == 1
        elif method.PRUNING_TYPE == "global":
            kept = ones_like(mask) == 1
        else:
            kept = _slices(mask, method.dim) > 0
            kept = kept.reshape(_along(t, method.dim)).expand_as(t)
        new = mask.clone().to(t.dtype)
        part = t[kept]
        if method.PRUNING_TYPE == "structured":
            part = part.reshape([-1 if i == method.dim % t.dim() else n for i, n in enumerate(t.shape)])
        narrowed = method.compute_mask(part, mask[kept].reshape(part.shape))
        new[kept] = narrowed.to(new.dtype).reshape(-1)
        return new


def _slices(t: Tensor, dim: int) -> Tensor:
    """The sum over every axis but one."""
    return t.transpose(0, dim).reshape(t.shape[dim], -1).sum(1)


def _along(t: Tensor, dim: int) -> list:
    """The shape of one number per slice along `dim`."""
    return [-1 if i == dim % t.dim() else 1 for i in range(t.dim())]


class Identity(BasePruningMethod):
    """Prune nothing yet."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class CustomFromMask(BasePruningMethod):
    """Prune where a given mask is zero."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask * self.mask.reshape(default_mask.shape).to(default_mask.dtype)


class RandomUnstructured(BasePruningMethod):
    """Prune places at random."""

    def __init__(self, amount: float) -> None:
        _checked(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _count(self.amount, t.numel())
        return _cleared(default_mask, topk(rand(t.numel()), count).indices) if count else default_mask.clone()


class L1Unstructured(RandomUnstructured):
    """Prune the places of smallest size."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _count(self.amount, t.numel())
        smallest = topk(t.detach().abs().reshape(-1), count, largest=False).indices if count else None
        return default_mask.clone() if smallest is None else _cleared(default_mask, smallest)


class RandomStructured(RandomUnstructured):
    """Prune whole slices along `dim` at random."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _sizes(self, t: Tensor) -> Tensor:
        return rand(t.shape[self.dim])

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.dim() < 2:
            raise ValueError("Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                             f"{tuple(t.shape)} with {t.dim()} dims")  # fmt: skip
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {tuple(t.shape)}")
        n = t.shape[self.dim]
        count = _count(self.amount, n)
        kept = zeros(n) if count == n else _best(self._sizes(t), n - count)
        return default_mask * kept.reshape(_along(t, self.dim)).to(default_mask.dtype)


def _best(sizes: Tensor, count: int) -> Tensor:
    """1 at the `count` largest."""
    mask = zeros_like(sizes).detach()
    mask[topk(sizes, count).indices] = 1
    return mask


class LnStructured(RandomStructured):
    """Prune the slices along `dim` with the smallest n-norm."""

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _sizes(self, t: Tensor) -> Tensor:
        return vector_norm(t.detach(), self.n, [i for i in range(t.dim()) if i != self.dim % t.dim()])


def _hooks(module: nn.Module) -> dict:
    return {key: hook for key, hook in module._forward_pre_hooks.items() if isinstance(hook, BasePruningMethod)}


def identity(module: nn.Module, name: str) -> nn.Module:
    """Prune nothing yet."""
    Identity.apply(module, name)
    return module


def custom_from_mask(module: nn.Module, name: str, mask: Tensor) -> nn.Module:
    """Prune where `mask` is zero."""
    CustomFromMask.apply(module, name, mask)
    return module


def random_unstructured(module: nn.Module, name: str, amount: float) -> nn.Module:
    """Prune places at random."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: nn.Module, name: str, amount: float, importance_scores: Any = None) -> nn.Module:
    """Prune the smallest in size."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def ln_structured(module: nn.Module, name: str, amount: float, n: Any, dim: int,
                  importance_scores: Any = None) -> nn.Module:  # fmt: skip
    """Prune whole slices along `dim`, those with the smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def random_structured(module: nn.Module, name: str, amount: float, dim: int) -> nn.Module:
    """Prune whole slices along `dim` at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def global_unstructured(parameters: Any, pruning_method: Any, importance_scores: Any = None, **kwargs: Any) -> None:
    """Prune a share of several parameters together; `parameters` are pairs (module, name)."""
    pairs, scores = list(parameters), importance_scores or {}
    with no_grad():
        now = [getattr(module, name) for module, name in pairs]
        values = cat([scores.get(pair, t).reshape(-1) for pair, t in zip(pairs, now, strict=True)])
        masks = [getattr(m, name + "_mask", ones_like(t)) for (m, name), t in zip(pairs, now, strict=True)]
        container = PruningContainer(_named(pruning_method(**kwargs)))
        whole = container.compute_mask(values, cat([m.reshape(-1) for m in masks]))
        parts = whole.split([m.numel() for m in masks])
    for (module, name), old, part in zip(pairs, masks, parts, strict=True):
        custom_from_mask(module, name, part.reshape(old.shape))


def _named(method: Any) -> Any:
    method._tensor_name = "temp"
    return method


def remove(module: nn.Module, name: str) -> nn.Module:
    """Make the zeros permanent: `name` is an ordinary parameter again.

    Raises:
        ValueError: `name` was not pruned.
    """
    for key, hook in _hooks(module).items():
        if hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: nn.Module) -> bool:
    """Whether something in `module` is pruned."""
    return any(_hooks(part) for part in module.modules())


__all__ = ["BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
           "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
           "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove"]  # fmt: skip
