"""What all learning-rate schedulers share: counting, writing into the optimizer's groups, saving."""

from __future__ import annotations

import functools
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import ref

from autograd import Tensor
from autograd._tensor import stamp, wrap

from ..optimizer import Optimizer

HELP = "https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
EPOCH = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler; with an epoch the closed form is used where there is one."
)


def read(group: dict, key: str) -> Any:
    """An option of a group; a tensor is copied, since it is changed in place later."""
    value = group[key]
    return wrap(value._data.copy()) if isinstance(value, Tensor) else value


def write(group: dict, key: str, value: Any) -> None:
    """Set an option; a tensor keeps its identity and gets a new value."""
    held = group[key]
    if isinstance(held, Tensor):
        held._buffer()[...] = value._data if isinstance(value, Tensor) else value
        stamp(held)
    else:
        group[key] = value


def rates(optimizer: Optimizer, key: str = "lr") -> list:
    """An option of all groups."""
    return [read(group, key) for group in optimizer.param_groups]


def per_group(name: str, optimizer: Optimizer, value: Any) -> list:
    """One value for each group, from one for all or a list."""
    n = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * n
    if len(value) != n:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
            f"param_groups has {n}."
        )
    return list(value)


def check_optimizer(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


class LRScheduler:
    """Base class: sets the learning rate of each group to what `get_lr` gives, once at the start and at each `step`.

    Args:
        optimizer: whose groups are changed.
        last_epoch: -1 to begin; otherwise the number of steps already made, with `initial_lr` in every group.

    Attributes:
        base_lrs: learning rates of the groups before the schedule.
        last_epoch: steps made.

    Raises:
        TypeError: not an optimizer.
        KeyError: last_epoch is given and a group has no `initial_lr`.

    Note:
        Call `optimizer.step()` first, then `scheduler.step()`; otherwise the first value of the schedule is skipped,
        of which a warning tells.
    """

    _get_lr_called_within_step = False
    _is_initial = False
    unsaved: tuple[str, ...] = ("optimizer",)

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        check_optimizer(optimizer)
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", read(group, "lr"))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with last_epoch >= 0; "
                    "load the optimizer's state first, or begin with last_epoch=-1"
                )
        self.base_lrs = rates(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        note_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_last_lr(self) -> list:
        """The learning rates set last, one for each group."""
        return self._last_lr

    def get_lr(self) -> list:
        """The learning rates for step `last_epoch`; called by `step`, use `get_last_lr` to read them."""
        raise NotImplementedError(f"{type(self).__name__}: define get_lr()")

    def step(self, epoch: int | None = None) -> None:
        """Set the next learning rate."""
        if self._step_count == 1:
            self._warn_of_order()
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _warn_of_order(self) -> None:
        if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
            warnings.warn(
                "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, "
                f"make sure to call `optimizer.step()` before `lr_scheduler.step()`. See more details at {HELP}",
                UserWarning,
                stacklevel=3,
            )
        elif not getattr(self.optimizer, "_opt_called", False):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call them in the opposite "
                "order: `optimizer.step()` before `lr_scheduler.step()`. Failure to do this will result in skipping the "
                f"first value of the learning rate schedule. See more details at {HELP}",
                UserWarning,
                stacklevel=3,
            )

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        with self._stepping():
            closed = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
            values = closed() if closed else self.get_lr()
        self._set(values)

    def _set(self, values: Sequence) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            write(group, "lr", lr)
        self._last_lr = rates(self.optimizer)

    @contextmanager
    def _stepping(self) -> Iterator[None]:
        self._get_lr_called_within_step = True
        try:
            yield
        finally:
            self._get_lr_called_within_step = False

    def _check_reader(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def _scaled(self, factor: float) -> list:
        """The present learning rates times a factor."""
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _same(self) -> list:
        return rates(self.optimizer)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, whose own state_dict holds its learning rates."""
        return {key: value for key, value in self.__dict__.items() if key not in self.unsaved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave; load the optimizer's state as well."""
        self.__dict__.update(state_dict)


class _LRScheduler(LRScheduler):
    """The base class under its former name."""


def note_steps(optimizer: Optimizer) -> None:
    """Let the optimizer note that `step` was called, for the warning about the order."""
    step = optimizer.step
    if hasattr(step, "_wrapped_by_lr_sched"):
        return
    function, held = step.__func__, ref(optimizer)  # not the optimizer itself: it holds this function

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        owner: Any = held()
        owner._opt_called = True
        return function(owner, *args, **kwargs)

    wrapper._wrapped_by_lr_sched = True
    optimizer.step = wrapper


def saved_callables(functions: Sequence[Callable]) -> list[dict | None]:
    """What can be saved of functions: the attributes of callable objects; nothing of plain functions."""
    return [None if isinstance(f, types.FunctionType) else f.__dict__.copy() for f in functions]


def restore_callables(functions: Sequence[Callable], saved: Sequence[dict | None]) -> None:
    for function, attributes in zip(functions, saved, strict=True):
        if attributes is not None:
            function.__dict__.update(attributes)
