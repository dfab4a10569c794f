"""Adagrad and Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import sqrt

from . import _checks, _update
from ._checks import rate
from .optimizer import Optimizer


class Adagrad(Optimizer):
    """Steps that shrink with the sum of squared gradients so far: w ← w - lrₜ g / (√s + ε), s ← s + g².

    lrₜ = lr / (1 + (t - 1) lr_decay), and g is the gradient plus weight_decay · w.

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: learning rate; a number or a one-element tensor.
        lr_decay: how fast the learning rate itself falls.
        weight_decay: strength of the L2 penalty.
        initial_accumulator_value: s before the first step.
        eps: ε, keeps the division finite.
        maximize: climb instead of descending.
        differentiable: record the steps, so that gradients pass through them; the parameters must not be leaves.
        foreach, fused: PyTorch's choices of implementation; kept, without effect.

    Raises:
        ValueError: a negative option.

    Example:
        >>> import autograd
        >>> from nn.optim import Adagrad
        >>> w = autograd.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = Adagrad([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([ 0.9000, -1.9000])

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization", 2011.
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        _checks.learning_rate(lr)
        _checks.not_negative(lr_decay, "lr_decay")
        _checks.not_negative(weight_decay, "weight_decay")
        _checks.not_negative(initial_accumulator_value, "initial_accumulator_value")
        _checks.not_negative(eps, "epsilon")
        _checks.implementation(foreach, fused, differentiable)
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused}  # fmt: skip
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize further parameters; their sums exist from now on, so that they may be shared between processes."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            _update.prepare(self, p, group)

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        n["step"] += 1
        return rate(group) / (1 + (float(n["step"]) - 1) * group["lr_decay"]), group["eps"]

    def _formula(self, w, g, s, c):
        lr, eps = c
        total = s[0] + g * g
        return w - lr * g / (sqrt(total) + eps), total

    def _kernel(self, w, g, s, c, a, b):
        lr, eps = c
        (total,) = s
        np.add(total, np.multiply(g, g, a), total)
        np.add(np.sqrt(total, a), eps, a)
        np.divide(np.multiply(g, lr, b), a, b)
        np.subtract(w, b, w)


class Adadelta(Optimizer):
    """Steps whose size comes from the steps before, not from a learning rate: w ← w - lr Δ, Δ = g √(u + ε) / √(v + ε).

        v ← ρ v + (1 - ρ) g²  first,      u ← ρ u + (1 - ρ) Δ²  last

    where g is the gradient plus weight_decay · w. lr is 1 in the paper.

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: factor on Δ; a number or a one-element tensor.
        rho: ρ, decay rate of both means.
        eps: ε; also sets the size of the first steps.
        weight_decay: strength of the L2 penalty.
        maximize: climb instead of descending.
        differentiable: record the steps, so that gradients pass through them; the parameters must not be leaves.
        foreach, capturable: PyTorch's choices of implementation; kept, without effect.

    Raises:
        ValueError: a negative option, or rho outside [0, 1].

    Example:
        >>> import autograd
        >>> from nn.optim import Adadelta
        >>> w = autograd.tensor([1.0], requires_grad=True)
        >>> optimizer = Adadelta([w])
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.9968])

    Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012, algorithm 1.
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        _checks.learning_rate(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}; expected 0 <= rho <= 1")
        _checks.not_negative(eps, "epsilon")
        _checks.not_negative(weight_decay, "weight_decay")
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable}  # fmt: skip
        super().__init__(params, defaults)

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        n["step"] += 1
        return rate(group), group["rho"], group["eps"]

    def _formula(self, w, g, s, c):
        lr, rho, eps = c
        v = rho * s[0] + (1 - rho) * g * g
        delta = g * sqrt(s[1] + eps) / sqrt(v + eps)
        return w - lr * delta, v, rho * s[1] + (1 - rho) * delta * delta

    def _kernel(self, w, g, s, c, a, b):
        lr, rho, eps = c
        v, u = s
        np.multiply(v, rho, v)
        np.add(v, np.multiply(np.multiply(g, g, a), 1 - rho, a), v)
        np.sqrt(np.add(v, eps, a), a)
        np.sqrt(np.add(u, eps, b), b)
        delta = np.multiply(np.divide(b, a, b), g, b)
        np.multiply(u, rho, u)
        np.add(u, np.multiply(np.multiply(delta, delta, a), 1 - rho, a), u)
        np.subtract(w, np.multiply(delta, lr, a), w)
