"""PyTorch and this project behind one namespace: they share each workload's text."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from .workload import Task, weights

# where each keeps its tensors, `grad`, layers, functions and optimizers
NAMES = {
    "torch": ("torch", "torch.autograd", "torch.nn", "torch.nn.functional", "torch.optim"),
    "glassgrad": ("autograd", "autograd", "nn", "nn.functional", "nn.optim"),
}


class TorchLike:
    """`lib.torch`, `lib.nn`, `lib.F`, `lib.optim`, `lib.grad`, and the two shapes a task takes: gradients, or training steps."""

    def __init__(self, library: str) -> None:
        self.names = NAMES[library]
        self.torch = importlib.import_module(self.names[0])
        self.grad = importlib.import_module(self.names[1]).grad
        if library == "torch":
            self.torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

    @cached_property
    def nn(self) -> Any:
        return importlib.import_module(self.names[2])

    @cached_property
    def F(self) -> Any:
        return importlib.import_module(self.names[3])

    @cached_property
    def optim(self) -> Any:
        return importlib.import_module(self.names[4])

    def tensor(self, array: Any, **options: Any) -> Any:
        """A tensor that owns a copy of the array."""
        return self.torch.tensor(array, **options)

    def leaves(self, arrays: Sequence[np.ndarray]) -> list[Any]:
        """Tensors that ask for a gradient."""
        return [self.tensor(array, requires_grad=True) for array in arrays]

    def fill(self, module: Any, seed: int) -> Any:
        """The module with starting parameters that every library gets alike."""
        parameters = list(module.parameters())
        with self.torch.no_grad():
            for p, value in zip(parameters, weights(seed, *(tuple(p.shape) for p in parameters)), strict=True):
                p.copy_(self.tensor(value))
        return module

    def gradient(self, loss: Callable[[], Any], leaves: Sequence[Any]) -> Task:
        """Forward and backward; the result is the loss and every gradient."""
        last = []

        def step() -> None:
            for leaf in leaves:
                leaf.grad = None
            value = loss()
            value.backward()
            last[:] = [value.detach()]

        return Task(step, lambda: arrays([*last, *(leaf.grad for leaf in leaves)]))

    def training(self, loss: Callable[[], Any], parameters: Sequence[Any], optimizer: Any) -> Task:
        """Forward, backward and update; the result is the loss and the parameters."""
        last = []

        def step() -> None:
            optimizer.zero_grad()
            value = loss()
            value.backward()
            optimizer.step()
            last[:] = [value.detach()]

        return Task(step, lambda: arrays([*last, *parameters]))


def arrays(tensors: Sequence[Any]) -> list[np.ndarray]:
    """Copies of the tensors' values."""
    return [np.array(tensor.detach().numpy()) for tensor in tensors]
