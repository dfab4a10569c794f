"""Limited-memory BFGS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from autograd import Tensor, enable_grad
from autograd._array import quiet
from autograd._tensor import stamp, wrap

from . import _checks
from ._checks import number
from ._line_search import Point, strong_wolfe
from ._update import real
from .optimizer import Optimizer


class LBFGS(Optimizer):
    """Quasi-Newton steps: w ← w + t d, d = -H g, H an inverse Hessian built from the last steps s and changes y of g.

        H ← (I - s yᵀ/yᵀs) H (I - y sᵀ/yᵀs) + s sᵀ/yᵀs  for each remembered pair, from H₀ = (yᵀs / yᵀy) I

    One `step` makes up to `max_iter` such steps; it needs a closure, called for every evaluation of the loss.

    Args:
        params: tensors or (name, tensor) pairs; one group only.
        lr: step length t (first guess of it under a line search).
        max_iter: iterations per call of `step`.
        max_eval: evaluations of the closure per call; None for 1.25 max_iter.
        tolerance_grad: stop when no component of the gradient is larger.
        tolerance_change: stop when the weights or the loss change less.
        history_size: how many pairs to remember.
        line_search_fn: None for steps of length lr, or "strong_wolfe".

    Raises:
        ValueError: a negative learning rate, or several groups.
        RuntimeError: another name of a line search.
        TypeError: `step` without a closure.

    Example:
        >>> import autograd
        >>> from nn.optim import LBFGS
        >>> w = autograd.tensor([-1.0, 2.0], requires_grad=True)
        >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe", max_iter=50)
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2  # Rosenbrock's valley, minimum at (1, 1)
        ...     loss.backward()
        ...     return loss
        >>> start = optimizer.step(closure)
        >>> bool(closure() < 1e-6)
        True

    Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989; Nocedal and Wright,
    "Numerical optimization", 2006, algorithm 7.4.
    """

    def __init__(
        self,
        params: Iterable,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        _checks.learning_rate(lr)
        defaults = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn}  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable) -> Any:  # type: ignore[override]
        """Up to `max_iter` quasi-Newton steps.

        Args:
            closure: zeroes the gradients, computes the loss, calls backward, returns the loss.

        Returns:
            what the closure returned at the start.
        """
        group = self.param_groups[0]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError(
                f"LBFGS: only 'strong_wolfe' is supported as line_search_fn, got {group['line_search_fn']!r}"
            )
        state = self.state[group["params"][0]]  # one state for all, kept with the first parameter, as PyTorch does
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = self._evaluate(closure)
        state["func_evals"] += 1
        g = self._gradient()
        if np.abs(g).max(initial=0.0) > group["tolerance_grad"]:
            with quiet():
                self._iterate(closure, float(first), g)
        return first

    def _evaluate(self, closure: Callable) -> Any:
        with enable_grad():
            return closure()

    def _iterate(self, closure: Callable, loss: float, g: np.ndarray) -> None:
        group = self.param_groups[0]
        state, tolerance = self.state[group["params"][0]], group["tolerance_change"]
        evaluations = 1
        for left in reversed(range(group["max_iter"])):
            state["n_iter"] += 1
            d = direction(state, g, group["history_size"])
            before, t = loss, self._first_length(state, g)
            state.update(d=wrap(d), t=t, prev_flat_grad=wrap(g.copy()), prev_loss=before)
            slope = float(g @ d)
            if slope > -tolerance:
                return
            start = Point(0.0, loss, g, slope)
            loss, g, t, used = self._move(closure, start, d, t, left, group["max_eval"] - evaluations)
            state["t"] = t
            evaluations += used
            state["func_evals"] += used
            if not left or evaluations >= group["max_eval"] or np.abs(g).max() <= group["tolerance_grad"]:
                return
            if np.abs(d * t).max() <= tolerance or abs(loss - before) < tolerance:
                return

    def _first_length(self, state: dict, g: np.ndarray) -> float:
        """The very first step has no curvature to go by: it is at most lr long in the 1-norm."""
        lr = number(self.param_groups[0]["lr"])
        return min(1.0, 1.0 / float(np.abs(g).sum())) * lr if state["n_iter"] == 1 else lr

    def _move(
        self, closure: Callable, start: Point, d: np.ndarray, t: float, left: int, evaluations: int
    ) -> tuple[float, np.ndarray, float, int]:
        """Go along d; the loss and gradient there, the length and the number of evaluations."""
        group, x = self.param_groups[0], self._weights()
        if group["line_search_fn"] is not None:
            reach = float(np.abs(d).max())
            at = lambda length: self._point(closure, x, d, length)  # noqa: E731
            found, used = strong_wolfe(at, start, t, reach, group["tolerance_change"], evaluations)
            self._set_weights(x + d * x.dtype.type(found.t))
            return found.loss, found.g, found.t, used
        self._set_weights(x + d * x.dtype.type(t))
        if not left:  # the last iteration's end is the next call's beginning: no use to evaluate it twice
            return start.loss, start.g, t, 0
        return float(self._evaluate(closure)), self._gradient(), t, 1

    def _point(self, closure: Callable, x: np.ndarray, d: np.ndarray, t: float) -> Point:
        self._set_weights(x + d * x.dtype.type(t))
        loss = float(self._evaluate(closure))
        g = self._gradient()
        return Point(t, loss, g, float(g @ d))

    # ------------------------------------------------------------------------------------------ flat vectors

    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    def _gradient(self) -> np.ndarray:
        """All gradients as one vector of real numbers; zeros where there is none."""
        parts = [np.zeros_like(p._data) if p.grad is None else p.grad._data for p in self._params()]
        return np.concatenate([real(np.ascontiguousarray(part)) for part in parts])

    def _weights(self) -> np.ndarray:
        return np.concatenate([real(np.ascontiguousarray(p._data)) for p in self._params()])

    def _set_weights(self, flat: np.ndarray) -> None:
        end = 0
        for p in self._params():
            w = p._buffer()
            start, end = end, end + w.size * (2 if w.dtype.kind == "c" else 1)
            w[...] = flat[start:end].astype(w.real.dtype).view(w.dtype).reshape(w.shape)
            stamp(p)


def direction(state: dict, g: np.ndarray, history_size: int) -> np.ndarray:
    """-H g by the two-loop recursion; takes the last step into the memory first."""
    if state["n_iter"] == 1:
        state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
        return -g
    remember(state, g, history_size)
    changes, steps = ([t._data for t in state[name]] for name in ("old_dirs", "old_stps"))
    ro = [number(r) for r in state["ro"]]
    q, al = -g, [0.0] * len(ro)
    for i in reversed(range(len(ro))):
        al[i] = float(steps[i] @ q) * ro[i]
        q -= q.dtype.type(al[i]) * changes[i]
    r = q * q.dtype.type(number(state["H_diag"]))
    for i in range(len(ro)):
        r += r.dtype.type(al[i] - float(changes[i] @ r) * ro[i]) * steps[i]
    return r


def remember(state: dict, g: np.ndarray, history_size: int) -> None:
    """Keep the last step and the change of the gradient over it, if the curvature along it is positive."""
    y = g - state["prev_flat_grad"]._data
    s = state["d"]._data * g.dtype.type(number(state["t"]))
    ys = float(y @ s)
    if ys <= 1e-10:
        return
    for name, value in (("old_dirs", wrap(y)), ("old_stps", wrap(s)), ("ro", 1.0 / ys)):
        if len(state[name]) == history_size:
            state[name].pop(0)
        state[name].append(value)
    state["H_diag"] = ys / float(y @ y)
