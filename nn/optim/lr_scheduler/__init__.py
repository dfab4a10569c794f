"""Learning-rate schedules, with PyTorch's names: `scheduler.step()` after `optimizer.step()`."""

from __future__ import annotations

from ._base import LRScheduler, _LRScheduler
from ._composed import ChainedScheduler, ReduceLROnPlateau, SequentialLR
from ._cycles import CyclicLR, OneCycleLR
from ._simple import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,  # fmt: skip
    PolynomialLR,
    StepLR,
)

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR",
    "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR", "PolynomialLR",
    "ReduceLROnPlateau", "SequentialLR", "StepLR", "_LRScheduler"]  # fmt: skip
