"""Mixed precision on the CPU: matrix products and convolutions in half precision inside `autocast`, losses in single."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import nn

from .... import bfloat16, float16, float32, isfinite
from ...._tensor import Tensor
from .._facade import HERE
from .._swaps import Swaps

_LOWER = "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d scaled_dot_product_attention".split()  # noqa: SIM905
_LOWER_AT_TOP = "matmul mm bmm addmm baddbmm addbmm conv1d conv2d conv3d __matmul__".split()  # noqa: SIM905
_SINGLE = ("mse_loss binary_cross_entropy l1_loss smooth_l1_loss huber_loss kl_div cosine_embedding_loss margin_ranking_loss "  # noqa: SIM905
           "hinge_embedding_loss triplet_margin_loss multi_margin_loss grid_sample ctc_loss poisson_nll_loss").split()  # fmt: skip
_blocks: list[Any] = []  # the dtype of each autocast block around the program, None where it is switched off
_swaps = Swaps()


def _cast(value: Any, dtype: Any) -> Any:
    if isinstance(value, Tensor) and value.dtype in (float32, bfloat16, float16) and value.dtype is not dtype:
        return value.to(dtype)
    return type(value)(_cast(v, dtype) for v in value) if type(value) in (tuple, list) else value


def _in(function: Callable, low: bool) -> Callable:
    """The function with its floating arguments in the block's dtype, or in single precision."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        dtype = _blocks[-1] if _blocks else None
        if dtype is None:
            return function(*args, **kwargs)
        dtype = dtype if low else float32
        named = {key: _cast(value, dtype) for key, value in kwargs.items()}
        return function(*(_cast(value, dtype) for value in args), **named)

    return call


def _start() -> None:
    places = [
        sys.modules[HERE + ".nn.functional"],
        sys.modules[HERE],
        nn.functional,
        Tensor,
    ]  # the first two look up in the others
    wanted = [*((n, True) for n in {*_LOWER, *_LOWER_AT_TOP}), *((n, False) for n in _SINGLE)]
    linear = sys.modules["nn.layers.linear"]
    _swaps.put(linear, "_linear", _in(linear._linear, True))
    for place in places:
        for name, low in wanted:
            found = getattr(place, name, None)
            if callable(found):
                _swaps.put(place, name, _in(found, low))


class autocast:
    """A block, or a decorator, in which products are computed in `dtype` (bfloat16) and losses in float32.

    Example:
        >>> from autograd.compat import torch
        >>> with torch.autocast("cpu", dtype=torch.bfloat16):
        ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
        bfloat16
    """

    def __init__(
        self, device_type: str = "cpu", dtype: Any = None, enabled: bool = True, cache_enabled: Any = None
    ) -> None:
        self.device, self.fast_dtype = device_type, bfloat16 if dtype is None else dtype
        self._enabled = enabled and device_type == "cpu" and self.fast_dtype in (bfloat16, float16)

    def __enter__(self) -> autocast:
        if self._enabled and not _swaps:
            _start()
        _blocks.append(self.fast_dtype if self._enabled else None)
        return self

    def __exit__(self, *exc: object) -> None:
        _blocks.pop()
        if not any(_blocks):
            _swaps.undo()

    def __call__(self, function: Any) -> Any:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return call


class cuda_autocast(autocast):
    """`torch.cuda.amp.autocast`: there is no GPU, so nothing changes."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled)


class cpu_autocast(autocast):
    """`torch.cpu.amp.autocast`."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        super().__init__("cpu", dtype, enabled)


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    return device_type == "cpu" and bool(_blocks) and _blocks[-1] is not None


def get_autocast_dtype(device_type: str = "cpu") -> Any:
    return _blocks[-1] if _blocks and _blocks[-1] is not None else bfloat16


def is_autocast_cpu_enabled() -> bool:
    return is_autocast_enabled("cpu")


class GradScaler:
    """Multiplies losses so that small half-precision gradients survive; steps only where all gradients are finite.

    Off for "cuda", which is not here: then `scale(loss)` is the loss and `step(optimizer)` is `optimizer.step()`.
    """

    def __init__(self, device: Any = "cuda", init_scale: float = 65536.0, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True) -> None:  # fmt: skip
        self._enabled = enabled and device == "cpu"
        self._scale, self._tracker = float(init_scale) if self._enabled else 1.0, 0
        self._factors, self._interval = (growth_factor, backoff_factor), growth_interval
        self._found: dict[int, bool] = {}  # optimizer -> whether a gradient was infinite or NaN
        self._used = False  # whether anything was scaled yet

    def scale(self, outputs: Any) -> Any:
        if not self._enabled:
            return outputs
        self._used = True
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        if isinstance(outputs, (tuple, list)):
            return type(outputs)(self.scale(o) for o in outputs)
        raise ValueError(f"outputs must be a Tensor or an iterable of Tensors, got {type(outputs).__name__}")

    def _require(self, name: str) -> None:
        if not self._used:
            raise AssertionError(f"Attempted {name} but _scale is None.  This may indicate your script did not use "
                                 "scaler.scale(loss or outputs) earlier in the iteration.")  # fmt: skip

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients by the scale.

        Raises:
            RuntimeError: they were unscaled already since the last update.
        """
        if not self._enabled:
            return
        if id(optimizer) in self._found:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        self._require("unscale_")
        grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        for g in grads:
            g.mul_(1.0 / self._scale)
        if grads:
            self._found[id(optimizer)] = not all(bool(isfinite(g).all()) for g in grads)

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if id(optimizer) not in self._found:
            self.unscale_(optimizer)
        if id(optimizer) not in self._found:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        return None if self._found[id(optimizer)] else optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Lower the scale after an infinite gradient; raise it after many steps without one."""
        if not self._enabled:
            return
        self._require("update")
        if new_scale is None and not self._found:
            raise AssertionError("No inf checks were recorded prior to update.")
        if new_scale is not None:
            self._scale = float(new_scale)
        elif any(self._found.values()):
            self._scale, self._tracker = self._scale * self._factors[1], 0
        else:
            self._tracker += 1
            if self._tracker == self._interval:
                self._scale, self._tracker = self._scale * self._factors[0], 0
        self._found.clear()

    def get_scale(self) -> float:
        return self._scale

    def is_enabled(self) -> bool:
        return self._enabled

    def state_dict(self) -> dict:
        if not self._enabled:
            return {}
        growth, backoff = self._factors
        return {"scale": self._scale, "growth_factor": growth, "backoff_factor": backoff,
                "growth_interval": self._interval, "_growth_tracker": self._tracker}  # fmt: skip

    def load_state_dict(self, state_dict: dict) -> None:
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("The source state dict is empty, possibly because it was saved from a disabled instance of "
                               "GradScaler.")  # fmt: skip
        self._scale, self._tracker = state_dict["scale"], state_dict["_growth_tracker"]
        self._factors = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._interval = state_dict["growth_interval"]


def custom_fwd(function: Any = None, **options: Any) -> Any:
    """A forward of an autograd.Function, as it is."""
    return function if function is not None else functools.partial(custom_fwd, **options)


def custom_bwd(function: Any = None, **options: Any) -> Any:
    """A backward of an autograd.Function, as it is."""
    return function if function is not None else functools.partial(custom_bwd, **options)


def is_autocast_available(device_type: str) -> bool:
    return device_type == "cpu"


__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "get_autocast_dtype", "is_autocast_available",
           "is_autocast_cpu_enabled", "is_autocast_enabled"]  # fmt: skip
