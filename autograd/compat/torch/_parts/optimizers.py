"""What `torch.optim` has beside `nn.optim`: Muon, for matrices, and Adam for embeddings of which a step touches a few rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from nn.optim import Optimizer, _checks
from nn.optim._checks import number

from .... import enable_grad, no_grad, zeros_like
from ...._tensor import Tensor
from . import sparse_gradients


def _loss(closure: Callable | None) -> Any:
    if closure is None:
        return None
    with enable_grad():
        return closure()


class Muon(Optimizer):
    """Momentum whose singular values are all pushed towards 1: w ← (1 - lr·decay) w - lr √max(1, rows/columns) · O(m).

        m ← m + (1 - momentum)(g - m),      O(m): five steps of X ← aX + (b XXᵀ + c (XXᵀ)²) X from m / |m|

    Args:
        params: matrices, or group dicts of them.
        lr: learning rate.
        weight_decay: taken off the weight, not added to the gradient.
        momentum: decay rate of the mean. nesterov: look one step ahead.
        ns_coefficients: a, b and c. ns_steps: how many steps of the iteration. eps: smallest norm divided by.
        adjust_lr_fn: "original" (the factor above, also for None) or "match_rms_adamw" (0.2 √max(rows, columns)).

    Raises:
        ValueError: a parameter that is not a matrix, or a negative option. RuntimeError: a complex parameter, in `step`.

    Example:
        >>> import autograd
        >>> from autograd.compat.torch.optim import Muon
        >>> w = autograd.eye(2).requires_grad_()
        >>> optimizer = Muon([w], lr=0.1, weight_decay=0.0)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> bool((w.detach().diagonal() < 1).all())
        True

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """

    def __init__(self, params: Iterable, lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
                 nesterov: bool = True, ns_coefficients: tuple = (3.4445, -4.775, 2.0315), eps: float = 1e-7,
                 ns_steps: int = 5, adjust_lr_fn: str | None = None) -> None:  # fmt: skip
        _checks.learning_rate(lr)
        _checks.not_negative(momentum, "momentum")
        _checks.not_negative(weight_decay, "weight_decay")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
                    "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn}  # fmt: skip
        super().__init__(params, defaults)
        for p in (p for group in self.param_groups for p in group["params"] if p.ndim != 2):
            raise ValueError(f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}")

    def step(self, closure: Callable | None = None) -> Any:
        """One step; returns what `closure` returns."""
        loss = _loss(closure)
        with no_grad():
            for group in self.param_groups:
                for p in (p for p in group["params"] if p.grad is not None):
                    self._update(p, p.grad, group)
        return loss

    def _update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        if p.is_complex():
            raise RuntimeError(f"Muon does not support complex parameters, got {p.dtype!r}")
        state = self.state[p]
        mean = state.setdefault("momentum_buffer", zeros_like(g))
        mean.lerp_(g, 1 - group["momentum"])
        ahead = g.lerp(mean, group["momentum"]) if group["nesterov"] else mean
        direction = _levelled(ahead, group["ns_coefficients"], group["ns_steps"], group["eps"])
        lr, (rows, columns) = number(group["lr"]), p.shape
        factor = math.sqrt(max(1, rows / columns))
        if group["adjust_lr_fn"] == "match_rms_adamw":
            factor = 0.2 * math.sqrt(max(rows, columns))
        p.mul_(1 - lr * group["weight_decay"])
        p.add_(direction.to(p.dtype), alpha=-lr * factor)


def _levelled(m: Tensor, coefficients: tuple, steps: int, eps: float) -> Tensor:
    """Nearly U Vᵀ for m = U S Vᵀ, by Newton and Schulz's iteration in half precision."""
    a, b, c = coefficients
    tall = m.shape[0] > m.shape[1]
    x = (m.T if tall else m).bfloat16()
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.T if tall else x


class SparseAdam(Optimizer):
    """Adam that updates only the rows that a sparse gradient holds, with their means: for embeddings of large tables.

    Args:
        params: tensors, or group dicts. lr: learning rate. betas: decay rates of the two means. eps: keeps the division finite.
        maximize: climb instead of descending.

    Raises:
        ValueError: a negative option, or a beta outside [0, 1). RuntimeError: a dense gradient, in `step`.

    Example:
        >>> import autograd.compat.torch as torch
        >>> w = torch.ones(3, 1).requires_grad_()
        >>> optimizer = torch.optim.SparseAdam([w], lr=0.1)
        >>> torch.nn.functional.embedding(torch.tensor([1]), w, sparse=True).sum().backward()
        >>> optimizer.step()
        >>> w.detach().T
        tensor([[1.0000, 0.9000, 1.0000]])
    """

    def __init__(self, params: Iterable, lr: Any = 1e-3, betas: tuple = (0.9, 0.999), eps: float = 1e-8,
                 maximize: bool = False) -> None:  # fmt: skip
        _checks.learning_rate(lr)
        _checks.not_negative(eps, "epsilon")
        super().__init__(params, {"lr": lr, "betas": _checks.decay_pair(betas), "eps": eps, "maximize": maximize})

    def step(self, closure: Callable | None = None) -> Any:
        """One step; returns what `closure` returns."""
        loss = _loss(closure)
        with no_grad():
            for group in self.param_groups:
                for p in (p for p in group["params"] if p.grad is not None):
                    self._update(p, p.grad, group)
        return loss

    def _update(self, p: Tensor, g: Any, group: dict[str, Any]) -> None:
        rows, g = _held(g)
        if group["maximize"]:
            g = -g
        state, (beta1, beta2) = self.state[p], group["betas"]
        state.setdefault("step", 0)
        m = state.setdefault("exp_avg", zeros_like(p))
        v = state.setdefault("exp_avg_sq", zeros_like(p))
        state["step"] += 1
        t = state["step"]
        m[rows] = m[rows].lerp(g, 1 - beta1)
        v[rows] = v[rows].lerp(g * g, 1 - beta2)
        size = number(group["lr"]) * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        p[rows] = p[rows] - size * m[rows] / (v[rows].sqrt() + group["eps"])


def _held(g: Any) -> tuple[Any, Tensor]:
    """Where a sparse gradient has numbers, and these. Of a dense one, where none is sparse, the rows that are not zero.

    Raises:
        RuntimeError: a dense gradient where `sparse=True` makes sparse ones.
    """
    if g.is_sparse:
        g = g.coalesce()
        return tuple(g.indices()), g.values()
    if sparse_gradients.attached():
        raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
    rows = (g.reshape(g.shape[0], -1) != 0).any(1)
    return rows, g[rows]


__all__ = ["Muon", "SparseAdam"]
