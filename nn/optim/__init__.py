"""Optimizers, with PyTorch's names and arguments: `optimizer.step()` after `loss.backward()`."""

from __future__ import annotations

from . import lr_scheduler, swa_utils
from .adafactor import Adafactor
from .adagrad import Adadelta, Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax, NAdam, RAdam
from .asgd import ASGD
from .lbfgs import LBFGS
from .optimizer import Optimizer, ParamsT, register_optimizer_step_post_hook, register_optimizer_step_pre_hook, required
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "ParamsT",
    "RAdam", "RMSprop", "Rprop", "lr_scheduler", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook",
    "required", "swa_utils"]  # fmt: skip
