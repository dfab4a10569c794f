"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from . import _checks
from ._checks import number
from .optimizer import Optimizer


class ASGD(Optimizer):
    """Gradient descent that also keeps the average of its weights: w ← (1 - λ η) w - η g, ax ← ax + μ (w - ax).

        η = lr / (1 + λ lr t)^α,      μ = 1 / max(1, t - t₀)

    both from the step before; the average, `state[p]["ax"]`, follows the weights themselves until step t₀. g is the
    gradient plus weight_decay · w.

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: learning rate; a number or a one-element tensor.
        lambd: λ, decay of the weights.
        alpha: α, power with which the learning rate falls.
        t0: t₀, the step at which averaging starts.
        weight_decay: strength of the L2 penalty.
        maximize: climb instead of descending.
        differentiable: record the steps, so that gradients pass through them; the parameters must not be leaves.
        foreach, capturable: PyTorch's choices of implementation; kept, without effect.

    Raises:
        ValueError: a negative learning rate or weight decay.

    Example:
        >>> import autograd
        >>> from nn.optim import ASGD
        >>> w = autograd.tensor([1.0], requires_grad=True)
        >>> optimizer = ASGD([w], lr=0.1, lambd=0.0)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach(), optimizer.state[w]["ax"]
        (tensor([0.8000]), tensor([0.8000]))

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; Bottou, "Large-scale
    machine learning with stochastic gradient descent", 2010 (the schedule).
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        _checks.learning_rate(lr)
        _checks.not_negative(weight_decay, "weight_decay")
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable}  # fmt: skip
        super().__init__(params, defaults)

    def _numbers(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0.0, "eta": number(group["lr"]), "mu": 1.0}

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"ax": 0.0}

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        n["step"] += 1
        t, lr, lambd = float(n["step"]), number(group["lr"]), group["lambd"]
        eta, mu = float(n["eta"]), float(n["mu"])
        n["eta"] = lr / (1 + lambd * lr * t) ** group["alpha"]
        n["mu"] = 1 / max(1.0, t - group["t0"])
        return 1 - lambd * eta, eta, mu

    def _formula(self, w, g, s, c):
        keep, eta, mu = c
        w = keep * w - eta * g
        return w, w if mu == 1 else s[0] + mu * (w - s[0])

    def _kernel(self, w, g, s, c, a, b):
        keep, eta, mu = c
        (ax,) = s
        np.multiply(w, keep, w)
        np.subtract(w, np.multiply(g, eta, a), w)
        if mu == 1:
            ax[...] = w
        else:
            np.add(ax, np.multiply(np.subtract(w, ax, a), mu, a), ax)
