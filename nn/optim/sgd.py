"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from . import _checks
from ._checks import number, rate
from .optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted: w ← w - lr g.

    With momentum μ and dampening τ a velocity is kept, started with the first gradient:

        v ← μ v + (1 - τ) g,      w ← w - lr v,      nesterov: w ← w - lr (g + μ v)

    where g is the gradient plus weight_decay · w (and minus the gradient under `maximize`).

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: learning rate; a number or a one-element tensor.
        momentum: μ; 0 keeps no velocity.
        dampening: τ.
        weight_decay: strength of the L2 penalty.
        nesterov: look ahead along the velocity.
        maximize: climb instead of descending.
        differentiable: record the steps, so that gradients pass through them; the parameters must not be leaves.
        foreach, fused: PyTorch's choices of implementation; kept, without effect.

    Raises:
        ValueError: a negative option, or nesterov without momentum or with dampening.

    Note:
        The learning rate multiplies the velocity, as in PyTorch; some texts put it inside the velocity, which differs
        when lr changes during training.

    Example:
        >>> import autograd
        >>> from nn.optim import SGD
        >>> w = autograd.tensor([1.0], requires_grad=True)
        >>> optimizer = SGD([w], lr=0.1, momentum=0.9)
        >>> for _ in range(2):
        ...     optimizer.zero_grad()
        ...     (w * 3).sum().backward()
        ...     optimizer.step()
        >>> w.detach()
        tensor([0.1300])

    Source: Robbins and Monro, "A stochastic approximation method", 1951; Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964; Sutskever et al., "On the importance of initialization and momentum in deep
    learning", 2013 (Nesterov's momentum).
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        _checks.learning_rate(lr)
        _checks.not_negative(momentum, "momentum")
        _checks.not_negative(weight_decay, "weight_decay")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening, "
                f"got momentum={momentum} and dampening={dampening}"
            )
        _checks.implementation(foreach, fused, differentiable)
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused}  # fmt: skip
        super().__init__(params, defaults)

    def _numbers(self, group: dict[str, Any]) -> dict[str, float]:
        return {}

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        # The first velocity is the gradient itself, not damped.
        share = 1.0 if fresh else 1.0 - number(group["dampening"])
        return rate(group), number(group["momentum"]), share, group["nesterov"]

    def _formula(self, w, g, s, c):
        lr, momentum, share, nesterov = c
        if not s:
            return (w - lr * g,)
        v = momentum * s[0] + share * g
        return w - lr * (g + momentum * v if nesterov else v), v

    def _kernel(self, w, g, s, c, a, b):
        lr, momentum, share, nesterov = c
        direction = g
        if s:
            (v,) = s
            np.multiply(v, momentum, v)
            np.add(v, g if share == 1 else np.multiply(g, share, a), v)
            direction = np.add(np.multiply(v, momentum, a), g, a) if nesterov else v
        np.subtract(w, np.multiply(direction, lr, a), w)
