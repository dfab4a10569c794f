"""Adam and AdamW."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import maximum, sqrt

from . import _checks
from ._checks import number, rate
from .optimizer import Optimizer


class Adam(Optimizer):
    """Steps of the gradient's running mean over the root of its running square: w ← w - lr m̂ / (√v̂ + ε).

        m ← β₁ m + (1 - β₁) g        m̂ = m / (1 - β₁ᵗ)
        v ← β₂ v + (1 - β₂) g²       v̂ = v / (1 - β₂ᵗ)

    where g is the gradient plus weight_decay · w, and t counts the steps. With `amsgrad`, v̂ is made from the largest v
    so far. With `decoupled_weight_decay`, w is first multiplied by 1 - lr · weight_decay and g is the gradient alone.

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: learning rate; a number or a one-element tensor.
        betas: decay rates β₁, β₂ of the two means.
        eps: ε, keeps the division finite.
        weight_decay: strength of the L2 penalty.
        amsgrad: never let the denominator shrink.
        maximize: climb instead of descending.
        decoupled_weight_decay: AdamW's decay.
        differentiable: record the steps, so that gradients pass through them; the parameters must not be leaves.
        foreach, fused, capturable: PyTorch's choices of implementation; kept, without effect.

    Raises:
        ValueError: a negative option, or a beta outside [0, 1).

    Note:
        Dividing m by 1 - β₁ᵗ is what makes the first steps of size lr; some texts divide by 1 - β₁ at every step, which
        is another method. ε stands outside the root.

    Example:
        >>> import autograd
        >>> from nn.optim import Adam
        >>> w = autograd.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = Adam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([ 0.9000, -1.9000])

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1; Reddi et al., "On the
    convergence of Adam and beyond", 2018 (amsgrad).
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1e-3,
        betas: tuple = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        _checks.learning_rate(lr)
        _checks.not_negative(eps, "epsilon")
        betas = _checks.decay_pair(betas)
        _checks.not_negative(weight_decay, "weight_decay")
        _checks.implementation(foreach, fused, differentiable)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay}  # fmt: skip
        super().__init__(params, defaults)

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")
        return dict.fromkeys(names, 0.0)

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        n["step"] += 1
        t, lr, (beta1, beta2) = float(n["step"]), rate(group), group["betas"]
        keep = 1 - lr * number(group["weight_decay"]) if group["decoupled_weight_decay"] else 1.0
        return keep, lr / (1 - beta1**t), 1 - beta1, beta2, math.sqrt(1 - beta2**t), group["eps"]

    def _formula(self, w, g, s, c):
        keep, size, new1, beta2, root, eps = c
        m = s[0] + new1 * (g - s[0])
        v = beta2 * s[1] + (1 - beta2) * g * g
        largest = [maximum(old, v) for old in s[2:]]
        denominator = sqrt(largest[0] if largest else v) / root + eps
        return keep * w - size * m / denominator, m, v, *largest

    def _kernel(self, w, g, s, c, a, b):
        keep, size, new1, beta2, root, eps = c
        m, v = s[0], s[1]
        if keep != 1:
            np.multiply(w, keep, w)
        np.add(m, np.multiply(np.subtract(g, m, a), new1, a), m)
        np.multiply(v, beta2, v)
        np.add(v, np.multiply(np.multiply(g, g, a), 1 - beta2, a), v)
        if len(s) == 3:
            v = np.maximum(s[2], v, out=s[2])
        if size <= 1e-30:  # a learning rate of zero, or so small that dividing by it overflows in float32
            np.add(np.multiply(np.sqrt(v, a), 1 / root, a), eps, a)
            np.multiply(np.divide(m, a, b), size, b)
        else:  # size folded into the denominator saves a pass
            np.add(np.multiply(np.sqrt(v, a), 1 / (root * size), a), eps / size, a)
            np.divide(m, a, b)
        np.subtract(w, b, w)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: w ← (1 - lr · weight_decay) w - lr m̂ / (√v̂ + ε).

    m̂ and v̂ as in `Adam`, from the gradient alone, so that every weight decays at the same rate however large its
    gradients are.

    Args:
        params, lr, betas, eps, amsgrad, maximize, foreach, fused, capturable, differentiable: see `Adam`.
        weight_decay: share of the weight that is taken off, times lr.

    Raises:
        ValueError: a negative option, or a beta outside [0, 1).

    Example:
        >>> import autograd
        >>> from nn.optim import AdamW
        >>> w = autograd.tensor([1.0], requires_grad=True)
        >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
        >>> (w * 0).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.9500])

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2.
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1e-3,
        betas: tuple = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True)  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # a state saved by PyTorch before it kept this among the options
            group["decoupled_weight_decay"] = True
