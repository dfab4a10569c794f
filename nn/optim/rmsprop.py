"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import clamp, sqrt

from . import _checks
from ._checks import rate
from .optimizer import Optimizer


class RMSprop(Optimizer):
    """Gradient over the root of its running square: w ← w - lr g / (√v + ε), v ← α v + (1 - α) g².

    `centered` uses the variance v - ḡ² instead of v, with ḡ the running mean of the gradient. With momentum μ,
    b ← μ b + g / (√v + ε) and w ← w - lr b. Here g is the gradient plus weight_decay · w.

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: learning rate; a number or a one-element tensor.
        alpha: α, decay rate of the means.
        eps: ε, keeps the division finite; outside the root.
        weight_decay: strength of the L2 penalty.
        momentum: μ.
        centered: divide by the standard deviation.
        maximize: climb instead of descending.
        differentiable: record the steps, so that gradients pass through them; the parameters must not be leaves.
        foreach, capturable: PyTorch's choices of implementation; kept, without effect.

    Raises:
        ValueError: a negative option.

    Note:
        Rounding can make the variance of a constant gradient slightly negative; it counts as zero then.

    Example:
        >>> import autograd
        >>> from nn.optim import RMSprop
        >>> w = autograd.tensor([1.0], requires_grad=True)
        >>> optimizer = RMSprop([w], lr=0.01)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.9000])

    Source: Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012; Graves, "Generating sequences with recurrent
    neural networks", 2013, equations 38 to 45 (centered).
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        _checks.learning_rate(lr)
        _checks.not_negative(eps, "epsilon")
        _checks.not_negative(momentum, "momentum")
        _checks.not_negative(weight_decay, "weight_decay")
        _checks.not_negative(alpha, "alpha")
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable}  # fmt: skip
        super().__init__(params, defaults)

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        wanted = ("square_avg", True), ("momentum_buffer", group["momentum"] > 0), ("grad_avg", group["centered"])
        return {name: 0.0 for name, needed in wanted if needed}

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        n["step"] += 1
        return rate(group), group["alpha"], group["eps"], group["momentum"], group["centered"]

    def _formula(self, w, g, s, c):
        lr, alpha, eps, momentum, centered = c
        v, b, mean = unpacked(s, momentum, centered)
        v = alpha * v + (1 - alpha) * g * g
        if centered:
            mean = mean + (1 - alpha) * (g - mean)
        step = g / (sqrt(clamp(v - mean * mean, min=0.0) if centered else v) + eps)
        if momentum > 0:
            step = b = momentum * b + step
        return w - lr * step, *(x for x in (v, b, mean) if x is not None)

    def _kernel(self, w, g, s, c, a, b):
        lr, alpha, eps, momentum, centered = c
        v, velocity, mean = unpacked(s, momentum, centered)
        np.multiply(v, alpha, v)
        np.add(v, np.multiply(np.multiply(g, g, a), 1 - alpha, a), v)
        if centered:
            np.add(mean, np.multiply(np.subtract(g, mean, a), 1 - alpha, a), mean)
            np.maximum(np.subtract(v, np.multiply(mean, mean, a), a), 0.0, out=a)
        np.add(np.sqrt(a if centered else v, a), eps, a)
        step = np.divide(g, a, b)
        if momentum > 0:
            step = np.add(np.multiply(velocity, momentum, velocity), step, velocity)
        np.subtract(w, np.multiply(step, lr, a), w)


def unpacked(s: list, momentum: float, centered: bool) -> tuple:
    """(square_avg, momentum_buffer or None, grad_avg or None)."""
    return s[0], s[1] if momentum > 0 else None, s[-1] if centered else None
