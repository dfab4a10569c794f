"""Adafactor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd import Tensor, enable_grad
from autograd._array import quiet
from autograd._tensor import stamp, wrap

from . import _checks
from ._checks import number
from ._update import counter_dtype, filled, narrow
from .optimizer import Optimizer


class Adafactor(Optimizer):
    """Adam's denominator from row and column means alone: w ← w - α u / max(1, rms(u) / d), u = g / √v.

        r ← mean of g² along rows, c ← along columns (running means, newest share tᵝ),   v = r c / mean(r)
        α = max(ε₂, rms(w)) min(lr, 1/√t)

    so that the memory is one number per row and column, not one per weight. Vectors keep a full v. β is beta2_decay;
    weight_decay first multiplies w by 1 - lr · weight_decay.

    Args:
        params: tensors, (name, tensor) pairs or group dicts.
        lr: upper bound of the relative step; a number or a one-element tensor.
        beta2_decay: β, at most 0.
        eps: (ε₁, ε₂); v is at least ε₁² (None: the dtype's machine epsilon).
        d: threshold above which the update is scaled down, at least 1.
        weight_decay: share of the weight that is taken off, times lr.
        maximize: climb instead of descending.
        foreach: PyTorch's choice of implementation; kept, without effect.

    Raises:
        ValueError: an option outside its range.
        RuntimeError: a complex parameter, in `step`.

    Example:
        >>> import autograd
        >>> from nn.optim import Adafactor
        >>> w = autograd.ones(2, 3, requires_grad=True)
        >>> optimizer = Adafactor([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([[0.9000, 0.9000, 0.9000],
                [0.9000, 0.9000, 0.9000]])
        >>> optimizer.state[w]["row_var"].shape, optimizer.state[w]["col_var"].shape
        (Size([2, 1]), Size([1, 3]))

    Source: Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, algorithms 4 and 5.
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        _checks.learning_rate(lr)
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        for i, value in enumerate(eps, 1):
            if value is not None and not value >= 0.0:
                raise ValueError(f"epsilon{i} should be >= 0 but is: {value}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        _checks.not_negative(weight_decay, "weight_decay")
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize}  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable | None = None) -> Any:
        """Change every parameter that has a gradient once; see `Optimizer.step`."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    with quiet():
                        self._step_one(p, group)
                    stamp(p)
        return loss

    def _shapes(self, p: Tensor, group: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        shape = tuple(p.shape)
        if len(shape) < 2:
            return {"variance": shape}
        return {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, shape[-1])}

    def _state_of(self, p: Tensor, group: dict[str, Any]) -> dict[str, Tensor]:
        state = self.state[p]
        if not isinstance(state.get("step"), Tensor):
            state["step"] = wrap(np.array(state.get("step", 0.0), counter_dtype()))
        for name, shape in self._shapes(p, group).items():
            if name not in state:
                state[name] = wrap(filled(np.empty(shape, p._data.dtype), 0.0))
        return state

    def _step_one(self, p: Any, group: dict[str, Any]) -> None:
        if p.is_complex():
            raise RuntimeError(f"Adafactor does not support complex parameters, got {p.dtype!r}")
        state, w, lr = self._state_of(p, group), p._buffer(), number(group["lr"])
        wide = np.float32 if narrow(w.dtype) else w.dtype
        x, g = w.astype(wide), p.grad._data.astype(wide)
        g = -g if group["maximize"] else g
        state["step"]._buffer()[...] += 1
        t, (eps1, eps2) = state["step"].item(), group["eps"]
        eps1 = float(np.finfo(wide).eps) if eps1 is None else eps1
        alpha = max(eps2, rms(x)) * min(lr, t**-0.5)
        v = estimate({n: state[n]._buffer() for n in self._shapes(p, group)}, g, t ** group["beta2_decay"], eps1)
        u = g / np.sqrt(np.maximum(v, eps1 * eps1))
        w[...] = x * (1 - lr * group["weight_decay"]) - alpha / max(1.0, rms(u) / group["d"]) * u


def estimate(means: dict[str, np.ndarray], g: np.ndarray, share: float, eps: float) -> np.ndarray:
    """Take g² into the running means; the estimate of its mean for every element."""
    square = g * g
    for name, mean in means.items():
        axis = {"row_var": -1, "col_var": -2}.get(name)
        newest = square if axis is None else square.mean(axis=axis, keepdims=True)
        mean += share * (newest - mean)
    if "variance" in means:
        return means["variance"].astype(g.dtype)
    rows, columns = (means[name].astype(g.dtype) for name in ("row_var", "col_var"))
    return rows * columns / np.maximum(rows.mean(axis=-2, keepdims=True), eps)


def rms(a: np.ndarray) -> float:
    """Root of the mean square; 0 of nothing."""
    return float(np.sqrt((a * a).mean())) if a.size else 0.0
