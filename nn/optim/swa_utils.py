"""Averages of a model's weights over training: stochastic weight averaging (SWA) and exponential moving averages (EMA).

Source: Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018; Polyak and Juditsky,
"Acceleration of stochastic approximation by averaging", 1992.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import autograd
from autograd import Tensor, no_grad
from autograd._tensor import stamp

from ..module import Module
from .lr_scheduler._base import LRScheduler, per_group
from .optimizer import Optimizer


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def _lerp(averaged: Tensor, current: Tensor, share: float) -> None:
    """averaged += share (current - averaged), in place; whole numbers are rounded towards zero."""
    buffer, value = averaged._buffer(), current._data
    if buffer.dtype.kind in "biu":
        buffer[...] = (buffer + share * (value.astype(float) - buffer)).astype(buffer.dtype)
    else:
        buffer += share * (value - buffer)
    stamp(averaged)


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """For `AveragedModel(multi_avg_fn=...)`: a ← decay · a + (1 - decay) · w, for lists of tensors.

    Raises:
        ValueError: decay outside [0, 1].
    """
    _check_decay(decay)

    def ema_update(averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Any) -> None:
        for a, w in zip(averaged, current, strict=True):
            _lerp(a, w, 1 - decay)

    return ema_update


def get_swa_multi_avg_fn() -> Callable:
    """For `AveragedModel(multi_avg_fn=...)`: the mean of all weights so far, a ← a + (w - a) / (n + 1), for lists."""

    def swa_update(averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Any) -> None:
        for a, w in zip(averaged, current, strict=True):
            _lerp(a, w, 1 / (float(num_averaged) + 1))

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """For `AveragedModel(avg_fn=...)`: a ← decay · a + (1 - decay) · w.

    Raises:
        ValueError: decay outside [0, 1].
    """
    _check_decay(decay)

    def ema_update(averaged: Any, current: Any, num_averaged: Any) -> Any:
        return decay * averaged + (1 - decay) * current

    return ema_update


def get_swa_avg_fn() -> Callable:
    """For `AveragedModel(avg_fn=...)`: the mean of all weights so far, a ← a + (w - a) / (n + 1)."""

    def swa_update(averaged: Any, current: Any, num_averaged: Any) -> Any:
        return averaged + (current - averaged) / (num_averaged + 1)

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose weights are the average of the model's over the calls of `update_parameters`.

    Args:
        model: what is averaged; copied.
        device: only the CPU here.
        avg_fn: new average from (average, weight, number so far), for one tensor.
        multi_avg_fn: the same in place for lists of tensors; without either the plain mean.
        use_buffers: average buffers too; otherwise they are copied from the model.

    Raises:
        AssertionError: both functions are given.

    Example:
        >>> import nn
        >>> from nn.optim.swa_utils import AveragedModel
        >>> model = nn.Linear(1, 1, bias=False)
        >>> averaged = AveragedModel(model)
        >>> for value in (1.0, 2.0, 6.0):
        ...     model.weight.data.fill_(value)
        ...     averaged.update_parameters(model)
        tensor([[1.]])
        tensor([[2.]])
        tensor([[6.]])
        >>> averaged.module.weight.item()
        3.0
    """

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable | None = None,
        multi_avg_fn: Callable | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", autograd.tensor(0, dtype=autograd.int64))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The averaged model's output."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the model's present weights into the average; the first time they are the average."""
        mine, theirs = self._averaged(self.module), self._averaged(model)
        count = int(self.n_averaged)
        with no_grad():
            if count == 0:
                copy_all(mine, theirs)
            elif self.avg_fn is not None:
                for a, w in zip(mine, theirs, strict=True):
                    a.copy_(self.avg_fn(a, w, self.n_averaged))
            else:
                (self.multi_avg_fn or get_swa_multi_avg_fn())(mine, theirs, self.n_averaged)
            if not self.use_buffers:
                copy_all([*self.module.buffers()], [*model.buffers()])
            self.n_averaged += 1

    def _averaged(self, module: Module) -> list[Tensor]:
        tensors = chain(module.parameters(), module.buffers() if self.use_buffers else ())
        return [t.detach() for t in tensors]


def copy_all(to: Sequence[Tensor], source: Sequence[Tensor]) -> None:
    """Copy values from tensors into tensors, one by one."""
    for a, w in zip(to, source, strict=True):
        a._buffer()[...] = w._data
        stamp(a)


def is_batch_norm(module: Module) -> bool:
    """Whether a module normalises by running statistics of batches (instance norms do not)."""
    return hasattr(module, "reset_running_stats") and any("BatchNorm" in c.__name__ for c in type(module).__mro__)


def update_bn(loader: Iterable, model: Module, device: Any = None) -> None:
    """Compute the running statistics of all BatchNorm layers anew, as plain means over one pass through `loader`.

    The weights of an averaged model never saw data, so its running statistics mean nothing until this has run.

    Args:
        loader: batches, or sequences whose first item is one.
        model: in training mode during the pass, then as before.
        device: where batches are brought; only the CPU here.
    """
    momenta = {module: module.momentum for module in model.modules() if is_batch_norm(module)}
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        module.reset_running_stats()
        module.momentum = None
    try:
        with no_grad():
            for batch in loader:
                x = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(x if device is None else x.to(device))
    finally:
        for module, momentum in momenta.items():
            module.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """From each group's learning rate to swa_lr in anneal_epochs steps, along a half cosine or a line; then constant.

    Args:
        optimizer: whose groups are changed.
        swa_lr: final learning rate; a number, or a list with one for each group.
        anneal_epochs: steps until it is reached.
        anneal_strategy: "cos" or "linear".
        last_epoch: -1 to begin; otherwise the number of steps already made.

    Raises:
        ValueError: an unknown strategy, a negative number of steps, a list of the wrong length.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        for group, lr in zip(optimizer.param_groups, per_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = lr
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        """How much of swa_lr is in the learning rate after `step` steps."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list:
        """The learning rates for this step; use `get_last_lr` to read them."""
        self._check_reader()
        # Undo the mixture of the step before, so that another scheduler may change the other part meanwhile.
        step = self._step_count - 1 if self.anneal_epochs else max(1, self._step_count - 1)
        before, now = self._share(step - 1), self._share(step)
        lrs = []
        for group in self.optimizer.param_groups:
            goal = group["swa_lr"]
            start = goal if before == 1 else (group["lr"] - before * goal) / (1 - before)
            lrs.append(goal * now + start * (1 - now))
        return lrs
