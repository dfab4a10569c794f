"""Resilient backpropagation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd import clamp, sign, where

from . import _checks
from ._checks import number
from .optimizer import Optimizer


class Rprop(Optimizer):
    """Every weight has its own step, only the gradient's sign counts: w ← w - sign(g) s.

        g · g_before > 0:  s ← min(η₊ s, s_max)
        g · g_before < 0:  s ← max(η₋ s, s_min),  and g counts as zero, now and at the next step

    Meant for whole-batch training: with mini-batches the signs are noise.

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: the first step of every weight; a number or a one-element tensor.
        etas: (η₋, η₊), factors for a changed and a kept sign.
        step_sizes: (s_min, s_max).
        maximize: climb instead of descending.
        differentiable: record the steps, so that gradients pass through them; the parameters must not be leaves.
        foreach, capturable: PyTorch's choices of implementation; kept, without effect.

    Raises:
        ValueError: a negative learning rate, or not 0 < η₋ < 1 < η₊.

    Example:
        >>> import autograd
        >>> from nn.optim import Rprop
        >>> w = autograd.tensor([1.0, -200.0], requires_grad=True)
        >>> optimizer = Rprop([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([   0.5000, -199.5000])

    Source: Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm",
    1993; this variant, without taking a step back, is iRprop- of Igel and Hüsken, 2000.
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        _checks.learning_rate(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}; expected 0 < eta minus < 1 < eta plus")
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable}  # fmt: skip
        super().__init__(params, defaults)

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"prev": 0.0, "step_size": number(group["lr"])}

    def _coefficients(self, group: dict[str, Any], n: dict[str, float], fresh: bool) -> tuple:
        n["step"] += 1
        return *group["etas"], *group["step_sizes"]

    def _formula(self, w, g, s, c):
        minus, plus, smallest, largest = c
        turn = g * s[0]
        size = where(turn > 0, s[1] * plus, where(turn < 0, s[1] * minus, s[1]))
        size = clamp(size, min=smallest, max=largest)
        g = where(turn < 0, 0.0, g)
        return w - sign(g) * size, g, size

    def _kernel(self, w, g, s, c, a, b):
        minus, plus, smallest, largest = c
        prev, size = s
        np.multiply(g, prev, a)
        turned = a < 0
        np.multiply(size, plus, size, where=a > 0)
        np.multiply(size, minus, size, where=turned)
        np.minimum(np.maximum(size, smallest, out=size), largest, out=size)
        prev[...] = g
        prev[turned] = 0
        np.subtract(w, np.multiply(np.sign(prev, b), size, b), w)
