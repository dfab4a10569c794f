"""Mixed precision's names, doing nothing: everything is computed in the dtype it has."""

from __future__ import annotations

import functools
from typing import Any


class autocast:
    """A block, or a decorator, in which PyTorch would compute in half precision."""

    def __init__(
        self, device_type: str = "cpu", dtype: Any = None, enabled: bool = True, cache_enabled: Any = None
    ) -> None:
        self.device, self.fast_dtype = device_type, dtype

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def __call__(self, function: Any) -> Any:
        return function


class GradScaler:
    """Scales nothing: `scale(loss)` is the loss, `step(optimizer)` is `optimizer.step()`."""

    def __init__(self, device: Any = "cuda", *args: Any, **kwargs: Any) -> None:
        self._scale = 1.0

    def scale(self, outputs: Any) -> Any:
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Nothing was scaled."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """The scale stays 1."""

    def get_scale(self) -> float:
        return self._scale

    def is_enabled(self) -> bool:
        return False

    def state_dict(self) -> dict:
        return {}

    def load_state_dict(self, state_dict: dict) -> None:
        """There is no state."""


def custom_fwd(function: Any = None, **options: Any) -> Any:
    """A forward of an autograd.Function, as it is."""
    return function if function is not None else functools.partial(custom_fwd, **options)


def custom_bwd(function: Any = None, **options: Any) -> Any:
    """A backward of an autograd.Function, as it is."""
    return function if function is not None else functools.partial(custom_bwd, **options)


def is_autocast_available(device_type: str) -> bool:
    return False


__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
