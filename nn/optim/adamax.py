"""Relatives of Adam: Adamax, NAdam, RAdam."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import maximum, sqrt

from . import _checks
from ._checks import number, rate
from .optimizer import Optimizer


class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of its root mean square: w ← w - lr / (1 - β₁ᵗ) · m / u.

        m ← β₁ m + (1 - β₁) g,      u ← max(β₂ u, |g| + ε)

    where g is the gradient plus weight_decay · w.

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: learning rate; a number or a one-element tensor.
        betas: decay rates β₁, β₂.
        eps: ε, keeps the division finite.
        weight_decay: strength of the L2 penalty.
        maximize: climb instead of descending.
        differentiable: record the steps, so that gradients pass through them; the parameters must not be leaves.
        foreach, capturable: PyTorch's choices of implementation; kept, without effect.

    Raises:
        ValueError: a negative option, or a beta outside [0, 1).

    Example:
        >>> import autograd
        >>> from nn.optim import Adamax
        >>> w = autograd.tensor([1.0], requires_grad=True)
        >>> optimizer = Adamax([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.9000])

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, section 7.1.
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 2e-3,
        betas: tuple = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        _checks.learning_rate(lr)
        _checks.not_negative(eps, "epsilon")
        betas = _checks.decay_pair(betas)
        _checks.not_negative(weight_decay, "weight_decay")
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable}  # fmt: skip
        super().__init__(params, defaults)

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        n["step"] += 1
        beta1, beta2 = group["betas"]
        return rate(group) / (1 - beta1 ** float(n["step"])), 1 - beta1, beta2, group["eps"]

    def _formula(self, w, g, s, c):
        size, new1, beta2, eps = c
        m = s[0] + new1 * (g - s[0])
        u = maximum(beta2 * s[1], abs(g) + eps)
        return w - size * m / u, m, u

    def _kernel(self, w, g, s, c, a, b):
        size, new1, beta2, eps = c
        m, u = s
        np.add(m, np.multiply(np.subtract(g, m, a), new1, a), m)
        np.add(np.abs(g, a), eps, a)
        np.maximum(np.multiply(u, beta2, u), a, out=u)
        np.divide(np.multiply(m, size, a), u, a)
        np.subtract(w, a, w)


def moments(s: list, g: np.ndarray, new1: float, beta2: float) -> tuple[np.ndarray, np.ndarray]:
    """Adam's running mean and running square after one more gradient."""
    return s[0] + new1 * (g - s[0]), beta2 * s[1] + (1 - beta2) * g * g


def update_moments(s: list, g: np.ndarray, new1: float, beta2: float, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`moments` in place."""
    m, v = s
    np.add(m, np.multiply(np.subtract(g, m, a), new1, a), m)
    np.multiply(v, beta2, v)
    np.add(v, np.multiply(np.multiply(g, g, a), 1 - beta2, a), v)
    return m, v


class NAdam(Optimizer):
    """Adam with Nesterov's momentum: w ← w - lr [μₜ₊₁ m / (1 - Πᵗ⁺¹μ) + (1 - μₜ) g / (1 - Πᵗμ)] / (√v̂ + ε).

        μₜ = β₁ (1 - 0.96^(t ψ) / 2),  Πᵗμ the product of all μ up to t;  m, v, v̂ as in Adam

    where ψ is momentum_decay and g is the gradient plus weight_decay · w, unless the decay is decoupled (see AdamW).

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: learning rate; a number or a one-element tensor.
        betas: decay rates β₁, β₂ of the two means.
        eps: ε, keeps the division finite.
        weight_decay: strength of the L2 penalty.
        momentum_decay: ψ, how fast the momentum reaches β₁.
        decoupled_weight_decay: multiply w by 1 - lr · weight_decay instead.
        maximize: climb instead of descending.
        differentiable: record the steps, so that gradients pass through them; the parameters must not be leaves.
        foreach, capturable: PyTorch's choices of implementation; kept, without effect.

    Raises:
        ValueError: a negative option, or a beta outside [0, 1).

    Example:
        >>> import autograd
        >>> from nn.optim import NAdam
        >>> w = autograd.tensor([1.0], requires_grad=True)
        >>> optimizer = NAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.8944])

    Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016.
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 2e-3,
        betas: tuple = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _checks.learning_rate(lr)
        _checks.not_negative(eps, "epsilon")
        betas = _checks.decay_pair(betas)
        _checks.not_negative(weight_decay, "weight_decay")
        _checks.not_negative(momentum_decay, "momentum_decay")
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable}  # fmt: skip
        super().__init__(params, defaults)

    def _numbers(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "mu_product": 1.0}

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        n["step"] += 1
        t, lr, (beta1, beta2), psi = float(n["step"]), rate(group), group["betas"], group["momentum_decay"]
        mu, following = (beta1 * (1 - 0.5 * 0.96 ** (i * psi)) for i in (t, t + 1))
        n["mu_product"] *= mu
        product = float(n["mu_product"])
        keep = 1 - lr * number(group["weight_decay"]) if group["decoupled_weight_decay"] else 1.0
        on_g, on_m = lr * (1 - mu) / (1 - product), lr * following / (1 - product * following)
        return keep, on_g, on_m, 1 - beta1, beta2, 1 - beta2**t, group["eps"]

    def _formula(self, w, g, s, c):
        keep, on_g, on_m, new1, beta2, correction, eps = c
        m, v = moments(s, g, new1, beta2)
        return keep * w - (on_g * g + on_m * m) / (sqrt(v / correction) + eps), m, v

    def _kernel(self, w, g, s, c, a, b):
        keep, on_g, on_m, new1, beta2, correction, eps = c
        m, v = update_moments(s, g, new1, beta2, a)
        np.add(np.multiply(g, on_g, a), np.multiply(m, on_m, b), a)
        np.add(np.sqrt(np.divide(v, correction, b), b), eps, b)
        if keep != 1:
            np.multiply(w, keep, w)
        np.subtract(w, np.divide(a, b, a), w)


class RAdam(Optimizer):
    """Adam that trusts v only once enough gradients were seen: w ← w - lr m̂ rₜ √(1 - β₂ᵗ) / (√v + ε), else w - lr m̂.

        ρ∞ = 2 / (1 - β₂) - 1,   ρₜ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ),
        rₜ = √[ (ρₜ - 4)(ρₜ - 2) ρ∞ / ((ρ∞ - 4)(ρ∞ - 2) ρₜ) ],  used when ρₜ > 5;  m, m̂, v as in Adam

    where g is the gradient plus weight_decay · w, unless the decay is decoupled (see AdamW).

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: learning rate; a number or a one-element tensor.
        betas: decay rates β₁, β₂ of the two means.
        eps: ε, keeps the division finite.
        weight_decay: strength of the L2 penalty.
        decoupled_weight_decay: multiply w by 1 - lr · weight_decay instead.
        maximize: climb instead of descending.
        differentiable: record the steps, so that gradients pass through them; the parameters must not be leaves.
        foreach, capturable: PyTorch's choices of implementation; kept, without effect.

    Raises:
        ValueError: a negative option, or a beta outside [0, 1).

    Example:
        >>> import autograd
        >>> from nn.optim import RAdam
        >>> w = autograd.tensor([1.0], requires_grad=True)
        >>> optimizer = RAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.8000])

    Source: Liu et al., "On the variance of the adaptive learning rate and beyond", 2020, algorithm 2.
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1e-3,
        betas: tuple = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _checks.learning_rate(lr)
        _checks.not_negative(eps, "epsilon")
        betas = _checks.decay_pair(betas)
        _checks.not_negative(weight_decay, "weight_decay")
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable}  # fmt: skip
        super().__init__(params, defaults)

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        n["step"] += 1
        t, lr, (beta1, beta2) = float(n["step"]), rate(group), group["betas"]
        longest, correction2 = 2 / (1 - beta2) - 1, 1 - beta2**t
        length = longest - 2 * t * beta2**t / correction2
        rectified = 0.0
        if length > 5:
            known = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            rectified = math.sqrt(known * correction2)
        keep = 1 - lr * number(group["weight_decay"]) if group["decoupled_weight_decay"] else 1.0
        return keep, lr / (1 - beta1**t), rectified, 1 - beta1, beta2, group["eps"]

    def _formula(self, w, g, s, c):
        keep, size, rectified, new1, beta2, eps = c
        averages: Any = moments(s, g, new1, beta2)
        m, v = averages
        step = size * m * rectified / (sqrt(v) + eps) if rectified else size * m
        return keep * w - step, m, v

    def _kernel(self, w, g, s, c, a, b):
        keep, size, rectified, new1, beta2, eps = c
        m, v = update_moments(s, g, new1, beta2, a)
        if keep != 1:
            np.multiply(w, keep, w)
        step = np.multiply(m, size * rectified if rectified else size, a)
        if rectified:
            np.divide(step, np.add(np.sqrt(v, b), eps, b), step)
        np.subtract(w, step, w)
