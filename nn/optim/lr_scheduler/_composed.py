"""Schedulers made of schedulers, and the one that watches a measurement."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, SupportsFloat

from ..optimizer import Optimizer
from ._base import EPOCH, LRScheduler, check_optimizer, rates, write


class _Composed(LRScheduler):
    """Several schedulers of one optimizer."""

    unsaved = ("optimizer", "_schedulers")

    def _check_parts(self, schedulers: Sequence, optimizer: Any, use: str) -> None:
        name = type(self).__name__
        if len(schedulers) < 1:
            raise ValueError(f"{name} expects at least one scheduler{use}, but got no scheduler.")
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(f"{name} at index {i} should have `optimizer` as its attribute.")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} does not support `ReduceLROnPlateau` scheduler as it requires additional kwargs to be "
                    f"specified when calling `step`, but got one at index {i} in the given schedulers sequence."
                )
            if optimizer is not None and scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, but the scheduler "
                    f"{type(scheduler).__name__} at index {i} has another one, a {type(scheduler.optimizer).__name__}"
                )

    def _initial_step(self) -> None:
        """The first step as a part of another scheduler: no step of the optimizer was due before it."""
        optimizer = self.optimizer
        called, optimizer._opt_called = getattr(optimizer, "_opt_called", False), True
        try:
            super()._initial_step()
        finally:
            optimizer._opt_called = called

    def state_dict(self) -> dict[str, Any]:
        """Own state and that of the parts."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        parts = state_dict["_schedulers"]
        if len(parts) != len(self._schedulers):
            raise ValueError(
                f"load_state_dict: the loaded state has {len(parts)} schedulers, this {type(self).__name__} "
                f"has {len(self._schedulers)}"
            )
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for scheduler, saved in zip(self._schedulers, parts, strict=True):
            scheduler.load_state_dict(saved)


class SequentialLR(_Composed):
    """One scheduler after the other: the i-th from step milestones[i - 1] on, begun anew there.

    Args:
        optimizer: whose groups are changed.
        schedulers: in the order of use.
        milestones: steps at which the next takes over, one fewer than schedulers.
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Raises:
        ValueError: no scheduler, a wrong number of milestones, another optimizer's scheduler, ReduceLROnPlateau.
        TypeError: something without an optimizer.

    Example:
        >>> import autograd
        >>> from nn.optim import SGD
        >>> from nn.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
        >>> optimizer = SGD([autograd.zeros(1, requires_grad=True)], lr=1.0)
        >>> warm_up = LinearLR(optimizer, start_factor=0.5, total_iters=2)
        >>> scheduler = SequentialLR(optimizer, [warm_up, ExponentialLR(optimizer, gamma=0.5)], milestones=[2])
        >>> rates = []
        >>> for _ in range(5):
        ...     rates += scheduler.get_last_lr()
        ...     optimizer.step()
        ...     scheduler.step()
        >>> rates
        [0.5, 0.75, 1.0, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        self._check_parts(schedulers, optimizer, "")
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone "
                f"points, but got number of schedulers {len(schedulers)} and the number of milestones to be equal to "
                f"{len(milestones)}"
            )
        self._schedulers, self._milestones = schedulers, milestones
        self.last_epoch, self.optimizer = last_epoch + 1, optimizer
        # Every part made its first step when it was constructed: take that back, then let the first one begin.
        for group in optimizer.param_groups:
            write(group, "lr", group["initial_lr"])
        undo(self)
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Step the scheduler whose turn it is."""
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def undo(scheduler: Any) -> None:
    """Take back one step of a scheduler and of its parts."""
    if hasattr(scheduler, "_schedulers"):
        for part in scheduler._schedulers:
            undo(part)
    elif hasattr(scheduler, "last_epoch"):
        scheduler.last_epoch -= 1


class ChainedScheduler(_Composed):
    """All schedulers at every step, each changing what the one before it left: their factors multiply.

    Args:
        schedulers: in the order of application.
        optimizer: theirs; None takes it from the first.

    Raises:
        ValueError: no scheduler, schedulers of several optimizers, ReduceLROnPlateau.
        TypeError: something without an optimizer.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        first = getattr(schedulers[0], "optimizer", None) if len(schedulers) else None
        self._check_parts(schedulers, optimizer or first, " to be chained")
        self._schedulers, self.optimizer = schedulers, optimizer or schedulers[0].optimizer
        self._last_lr = rates(self.optimizer)

    def step(self) -> None:  # type: ignore[override]
        """Step all schedulers."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = rates(self.optimizer)


class ReduceLROnPlateau(LRScheduler):
    """lr ← max(factor · lr, min_lr) once a measurement has not improved for more than `patience` steps.

    Args:
        optimizer: whose groups are changed.
        mode: "min" when small measurements are good, "max" when large ones are.
        factor: below 1.
        patience: how many steps without improvement are tolerated.
        threshold: an improvement must exceed this,
        threshold_mode: as a share of the best ("rel") or in its unit ("abs").
        cooldown: steps after a reduction during which nothing is counted.
        min_lr: lower bound; a number, or a list with one for each group.
        eps: smaller reductions are not made.

    Raises:
        TypeError: not an optimizer.
        ValueError: factor >= 1, an unknown mode, a list of the wrong length.

    Example:
        >>> import autograd
        >>> from nn.optim import SGD
        >>> from nn.optim.lr_scheduler import ReduceLROnPlateau
        >>> optimizer = SGD([autograd.zeros(1, requires_grad=True)], lr=1.0)
        >>> scheduler = ReduceLROnPlateau(optimizer, patience=1)
        >>> for loss in (3.0, 3.0, 3.0):
        ...     scheduler.step(loss)
        >>> scheduler.get_last_lr()
        [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: Any = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0, got {factor}.")
        check_optimizer(optimizer)
        n = len(optimizer.param_groups)
        several = isinstance(min_lr, (list, tuple))
        if several and len(min_lr) != n:
            raise ValueError(f"expected {n} min_lrs, got {len(min_lr)}")
        self.optimizer, self.factor = optimizer, factor
        self.default_min_lr = None if several else min_lr
        self.min_lrs = list(min_lr) if several else [min_lr] * n
        self.patience, self.cooldown, self.eps, self.last_epoch = patience, cooldown, eps, 0
        self._last_lr = rates(optimizer)
        self._init_is_better(mode, threshold, threshold_mode)
        self._reset()

    def _init_is_better(self, mode: str, threshold: float, threshold_mode: str) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown! Expected min or max")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown! Expected rel or abs")
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf

    def _reset(self) -> None:
        self.best, self.cooldown_counter, self.num_bad_epochs = self.mode_worse, 0, 0

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of a measurement, and reduce the learning rate if it is time."""
        if epoch is not None:
            warnings.warn(EPOCH, UserWarning, stacklevel=2)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        current = float(metrics)
        if self._is_better(current, self.best):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = rates(self.optimizer)

    def _reduce_lr(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"The number of param groups in the `optimizer` ({len(groups)}) differs from when `ReduceLROnPlateau` "
                    f"was initialized ({len(self.min_lrs)}), usually due to a new param group being added to the "
                    "optimizer. Please modify the `min_lrs` field to match the length of the `optimizer` param groups."
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, smallest in zip(groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, smallest)
            if old - new > self.eps:
                write(group, "lr", new)

    @property
    def in_cooldown(self) -> bool:
        """Whether measurements are not counted now."""
        return self.cooldown_counter > 0

    def _is_better(self, a: float, best: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        goal = best * (1.0 + sign * self.threshold) if self.threshold_mode == "rel" else best + sign * self.threshold
        return a > goal if self.mode == "max" else a < goal

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        super().load_state_dict(state_dict)
        self._init_is_better(self.mode, self.threshold, self.threshold_mode)
