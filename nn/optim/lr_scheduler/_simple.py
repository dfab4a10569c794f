"""Schedules that are one formula of the step number: multiplied on, or computed from the first learning rate."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ..optimizer import Optimizer
from ._base import LRScheduler, restore_callables, saved_callables


class _Lambdas(LRScheduler):
    """A function of the step number for each group."""

    unsaved = ("optimizer", "lr_lambdas")

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        n = len(optimizer.param_groups)
        if not isinstance(lr_lambda, (list, tuple)):
            lr_lambda = [lr_lambda] * n
        if len(lr_lambda) != n:
            raise ValueError(f"Expected {n} lr_lambdas, but got {len(lr_lambda)}")
        for function in lr_lambda:
            if not callable(function):
                raise TypeError(f"lr_lambda should be a function, but got {type(function).__name__}")
        self.lr_lambdas: list[Callable[[int], float]] = list(lr_lambda)
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Attributes of callable objects are saved with the rest; plain functions and lambdas cannot be."""
        return {**super().state_dict(), "lr_lambdas": saved_callables(self.lr_lambdas)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave; functions and lambdas stay those given here."""
        restore_callables(self.lr_lambdas, state_dict["lr_lambdas"])
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "lr_lambdas"})


class LambdaLR(_Lambdas):
    """lrₜ = lr₀ f(t).

    Args:
        optimizer: whose groups are changed.
        lr_lambda: f, or a list with one function for each group.
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Raises:
        ValueError: the list has another length than the groups.
        TypeError: not a function.

    Example:
        >>> import autograd
        >>> from nn.optim import SGD
        >>> from nn.optim.lr_scheduler import LambdaLR
        >>> optimizer = SGD([autograd.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = LambdaLR(optimizer, lambda t: 0.5**t)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def get_lr(self) -> list:
        self._check_reader()
        return [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(_Lambdas):
    """lrₜ = lrₜ₋₁ f(t), unchanged at the start.

    Args:
        optimizer: whose groups are changed.
        lr_lambda: f, or a list with one function for each group.
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Raises:
        ValueError: the list has another length than the groups.
        TypeError: not a function.
    """

    def get_lr(self) -> list:
        self._check_reader()
        if self._is_initial:
            return self._same()
        groups = self.optimizer.param_groups
        return [group["lr"] * f(self.last_epoch) for f, group in zip(self.lr_lambdas, groups, strict=True)]


class StepLR(LRScheduler):
    """lrₜ = lr₀ γ^⌊t / step_size⌋.

    Args:
        optimizer: whose groups are changed.
        step_size: steps between two reductions.
        gamma: γ.
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Example:
        >>> import autograd
        >>> from nn.optim import SGD
        >>> from nn.optim.lr_scheduler import StepLR
        >>> optimizer = SGD([autograd.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = StepLR(optimizer, step_size=2)
        >>> for _ in range(4):
        ...     print(scheduler.get_last_lr())
        ...     optimizer.step()
        ...     scheduler.step()
        [1.0]
        [1.0]
        [0.1]
        [0.1]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._check_reader()
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return self._same()
        return self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list:
        return [lr * self.gamma ** (self.last_epoch // self.step_size) for lr in self.base_lrs]


class MultiStepLR(LRScheduler):
    """lrₜ = lr₀ γ^(number of milestones ≤ t).

    Args:
        optimizer: whose groups are changed.
        milestones: steps at which the learning rate falls.
        gamma: γ.
        last_epoch: -1 to begin; otherwise the number of steps already made.
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._check_reader()
        if self.last_epoch not in self.milestones:
            return self._same()
        return self._scaled(self.gamma ** self.milestones[self.last_epoch])

    def _get_closed_form_lr(self) -> list:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [lr * self.gamma**passed for lr in self.base_lrs]


class ConstantLR(LRScheduler):
    """lrₜ = factor · lr₀ before step total_iters, lr₀ from then on.

    Args:
        optimizer: whose groups are changed.
        factor: between 0 and 1.
        total_iters: number of reduced steps.
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Raises:
        ValueError: factor outside [0, 1].
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1, got {factor}.")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._check_reader()
        if self.last_epoch == 0:
            return self._scaled(self.factor)
        return self._scaled(1.0 / self.factor) if self.last_epoch == self.total_iters else self._same()

    def _get_closed_form_lr(self) -> list:
        return [lr * (1 if self.last_epoch >= self.total_iters else self.factor) for lr in self.base_lrs]


class LinearLR(LRScheduler):
    """Warm-up: lrₜ = lr₀ (start + (end - start) min(t, total_iters) / total_iters).

    Args:
        optimizer: whose groups are changed.
        start_factor: start, in (0, 1].
        end_factor: end, in [0, 1].
        total_iters: steps from start to end.
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Raises:
        ValueError: a factor outside its range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and less or equal to 1, "
                f"got {start_factor}."
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(f"Ending multiplicative factor expected to be between 0 and 1, got {end_factor}.")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._check_reader()
        if self.last_epoch == 0:
            return self._scaled(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._same()
        rise = self.end_factor - self.start_factor
        return self._scaled(1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise))

    def _get_closed_form_lr(self) -> list:
        done = min(self.total_iters, self.last_epoch) / self.total_iters
        return [lr * (self.start_factor + (self.end_factor - self.start_factor) * done) for lr in self.base_lrs]


class ExponentialLR(LRScheduler):
    """lrₜ = lr₀ γᵗ.

    Args:
        optimizer: whose groups are changed.
        gamma: γ.
        last_epoch: -1 to begin; otherwise the number of steps already made.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._check_reader()
        return self._same() if self._is_initial else self._scaled(self.gamma)

    def _get_closed_form_lr(self) -> list:
        return [lr * self.gamma**self.last_epoch for lr in self.base_lrs]


class PolynomialLR(LRScheduler):
    """lrₜ = lr₀ (1 - min(t, total_iters) / total_iters)^power.

    Args:
        optimizer: whose groups are changed.
        total_iters: steps until zero.
        power: 1 for a straight line.
        last_epoch: -1 to begin; otherwise the number of steps already made.
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._check_reader()
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._same()
        left, before = (1.0 - t / self.total_iters for t in (self.last_epoch, self.last_epoch - 1))
        return self._scaled((left / before) ** self.power)

    def _get_closed_form_lr(self) -> list:
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [lr * left**self.power for lr in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """lrₜ = eta_min + (lr₀ - eta_min) (1 + cos(π t / T_max)) / 2.

    Computed from the step before, so that it can be chained; after T_max it rises again along the cosine.

    Args:
        optimizer: whose groups are changed.
        T_max: steps down to eta_min.
        eta_min: smallest learning rate.
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017 (without the restarts).
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._check_reader()
        t, low = self.last_epoch, self.eta_min
        if self._is_initial:
            return self._same()
        if self._step_count == 1 and t > 0:  # entered in the middle, by SequentialLR
            return self._get_closed_form_lr()
        groups = self.optimizer.param_groups
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:  # the step before was at the bottom, whence no factor leads
            up = (1 - math.cos(math.pi / self.T_max)) / 2
            return [group["lr"] + (lr - low) * up for lr, group in zip(self.base_lrs, groups, strict=True)]
        now, before = (1 + math.cos(math.pi * i / self.T_max) for i in (t, t - 1))
        return [now / before * (group["lr"] - low) + low for group in groups]

    def _get_closed_form_lr(self) -> list:
        height = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr = eta_min + (lr₀ - eta_min) (1 + cos(π T_cur / T_i)) / 2, begun anew after T_0, then T_0 T_mult, ... steps.

    Args:
        optimizer: whose groups are changed.
        T_0: steps of the first cycle.
        T_mult: factor between the lengths of two cycles.
        eta_min: smallest learning rate.
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Raises:
        ValueError: T_0 or T_mult is not a positive integer, or eta_min no number.

    Note:
        `step(epoch)` takes fractions: `step(epoch + i / batches)` inside an epoch.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0, self.T_i, self.T_mult, self.eta_min, self.T_cur = T_0, T_0, T_mult, eta_min, last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._check_reader()
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (lr - self.eta_min) * height for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the next learning rate, or that of `epoch`, which may be a fraction."""
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur % self.T_i, self.T_i * self.T_mult
        else:
            epoch = 0 if epoch is None else epoch
            self._enter(epoch)
        self.last_epoch = math.floor(epoch)
        with self._stepping():
            values = self.get_lr()
        self._set(values)

    def _enter(self, epoch: float) -> None:
        """Find the cycle in which `epoch` lies, and the place in it."""
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        start: float = 0
        self.T_i = self.T_0
        if self.T_mult == 1:
            start = epoch // self.T_0 * self.T_0
        else:
            while epoch >= start + self.T_i:
                start, self.T_i = start + self.T_i, self.T_i * self.T_mult
        self.T_cur = epoch - start  # type: ignore[assignment]
