"""Schedules that also move the momentum: CyclicLR and OneCycleLR."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from ..optimizer import Optimizer
from ._base import LRScheduler, check_optimizer, per_group, write


def uses_beta1(optimizer: Optimizer) -> bool:
    """Whether the optimizer's momentum is the first of its betas.

    Raises:
        ValueError: it has no momentum at all.
    """
    if "betas" not in optimizer.defaults and "momentum" not in optimizer.defaults:
        raise ValueError(
            "optimizer must support momentum or beta1 with `cycle_momentum` option enabled; "
            f"{type(optimizer).__name__} has neither, pass cycle_momentum=False"
        )
    return "betas" in optimizer.defaults


def set_momentum(group: dict, value: float, beta1: bool) -> None:
    if beta1:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


def prepare_momentum(optimizer: Optimizer, base: list, largest: list, beta1: bool) -> None:
    """Begin with the largest momentum, and note both ends in the groups."""
    for group, low, high in zip(optimizer.param_groups, base, largest, strict=True):
        set_momentum(group, high, beta1)
        group["max_momentum"], group["base_momentum"] = high, low


class CyclicLR(LRScheduler):
    """lr = base + (max - base) · height · scale: a triangle wave, up in step_size_up steps and down in step_size_down.

    The scale is 1 ("triangular"), halved after each cycle ("triangular2"), gamma^t ("exp_range"), or `scale_fn` of the
    cycle's number or of t. The momentum moves the other way.

    Args:
        optimizer: whose groups are changed.
        base_lr, max_lr: ends of the wave; numbers, or lists with one for each group.
        step_size_up, step_size_down: steps of a rise and of a fall (None: as many as of a rise).
        mode: "triangular", "triangular2" or "exp_range".
        gamma: base of "exp_range".
        scale_fn: own scale, instead of a mode.
        scale_mode: what scale_fn gets: "cycle" or "iterations".
        cycle_momentum: move the momentum (or first beta) between max_momentum and base_momentum.
        base_momentum, max_momentum: its ends.
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Raises:
        TypeError: not an optimizer.
        ValueError: an unknown mode, a list of the wrong length, or an optimizer without momentum.

    Source: Smith, "Cyclical learning rates for training neural networks", 2017.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Any,
        max_lr: Any,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.8,
        max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(f"mode is invalid and scale_fn is None: mode={mode!r}")
        self.optimizer = optimizer
        base_lrs = per_group("base_lr", optimizer, base_lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        self.total_size = float(step_size_up + (step_size_up if step_size_down is None else step_size_down))
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = uses_beta1(optimizer)
            self.base_momentums = per_group("base_momentum", optimizer, base_momentum)
            self.max_momentums = per_group("max_momentum", optimizer, max_momentum)
        if last_epoch == -1:
            self._begin(base_lrs)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _begin(self, base_lrs: list) -> None:
        for lr, group in zip(base_lrs, self.optimizer.param_groups, strict=True):
            write(group, "lr", lr)
        if self.cycle_momentum:
            prepare_momentum(self.optimizer, self.base_momentums, self.max_momentums, self.use_beta1)

    def scale_fn(self, x: float) -> float:
        """The factor on the height of the wave, for cycle number or step `x`."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        return {"triangular": 1.0, "triangular2": 0.5 ** (x - 1), "exp_range": self.gamma**x}[self.mode]

    def get_lr(self) -> list:
        self._check_reader()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            ends = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in ends:
                set_momentum(group, high - (high - low) * height * scale, self.use_beta1)
        return [low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """The scale_fn is saved only if it is an object with attributes, not a function."""
        saved, f = super().state_dict(), self._scale_fn_custom
        plain = f is None or isinstance(f, types.FunctionType)
        return {**saved, "_scale_fn_custom": None if plain else f.__dict__.copy()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave; scale_fn stays the one given here, with its saved attributes."""
        attributes = state_dict["_scale_fn_custom"]
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_scale_fn_custom"})
        if attributes is not None:
            self._scale_fn_custom.__dict__.update(attributes)


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr, then down to initial_lr / final_div_factor; the momentum the other way.

    One cycle over the whole training: call `step` after each batch, `total_steps` times in all. Between two points
    the way is a half cosine or a straight line.

    Args:
        optimizer: whose groups are changed.
        max_lr: highest learning rate; a number, or a list with one for each group.
        total_steps: length of the cycle, or
        epochs, steps_per_epoch: its two factors.
        pct_start: share of the rise.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: move the momentum (or first beta) between max_momentum and base_momentum.
        base_momentum, max_momentum: its ends.
        div_factor: max_lr / initial_lr.
        final_div_factor: initial_lr / min_lr.
        three_phase: come down to initial_lr in as many steps as up, then to min_lr.
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Raises:
        TypeError: not an optimizer.
        ValueError: no length, a share outside [0, 1], an unknown strategy, an optimizer without momentum; and in
            `step`, more steps than total_steps.

    Source: Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Any,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.85,
        max_momentum: Any = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        self.total_steps = cycle_length(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._schedule_phases = phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        max_lrs = per_group("max_lr", optimizer, max_lr)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = uses_beta1(optimizer)
            ends = (
                per_group("base_momentum", optimizer, base_momentum),
                per_group("max_momentum", optimizer, max_momentum),
            )
            if last_epoch == -1:
                prepare_momentum(optimizer, *ends, self.use_beta1)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, max_lrs, strict=True):
                group["max_lr"], group["initial_lr"] = lr, lr / div_factor
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list:
        self._check_reader()
        t = self.last_epoch
        if t > self.total_steps:
            raise ValueError(f"Tried to step {t} times. The specified number of total steps is {self.total_steps}")
        start, phase = 0.0, self._schedule_phases[0]
        for following in self._schedule_phases[1:]:
            if t <= phase["end_step"]:
                break
            start, phase = phase["end_step"], following
        done = (t - start) / (phase["end_step"] - start)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                set_momentum(group, self._between(group, phase, "momentum", done), self.use_beta1)
        return [self._between(group, phase, "lr", done) for group in self.optimizer.param_groups]

    def _between(self, group: dict, phase: dict, what: str, done: float) -> float:
        start, end = group[phase[f"start_{what}"]], group[phase[f"end_{what}"]]
        if self._anneal_func_type == "linear":
            return (end - start) * done + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)


def cycle_length(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    """Number of steps of a cycle, given directly or by two factors."""
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    given = (
        {"epochs": epochs, "steps_per_epoch": steps_per_epoch} if total_steps is None else {"total_steps": total_steps}
    )
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return math.prod(given.values())  # type: ignore[arg-type]


def phases(total: int, share: float, three: bool) -> list[dict[str, Any]]:
    """The parts of a cycle: where each ends, and between which options of the group it moves."""
    up = float(share * total) - 1
    ways = [(up, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
    if three:
        ways.append((float(2 * share * total) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"))
        ways.append((total - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"))
    else:
        ways.append((total - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"))
    names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    return [dict(zip(names, way, strict=True)) for way in ways]
