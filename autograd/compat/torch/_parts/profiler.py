"""`torch.profiler`'s names: the block runs, nothing is measured, and the table says so."""

from __future__ import annotations

import contextlib
from typing import Any


class profile:
    """A block that PyTorch would measure."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Options are accepted and not used."""

    def __enter__(self) -> profile:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    start = stop = step = lambda self: None

    def key_averages(self, *args: Any, **kwargs: Any) -> profile:
        return self

    def table(self, *args: Any, **kwargs: Any) -> str:
        return "glassgrad's facade does not measure; see cProfile"

    def total_average(self) -> profile:
        return self

    def export_chrome_trace(self, path: str) -> None:
        raise NotImplementedError("profiler.export_chrome_trace: nothing was measured; see cProfile")


class record_function(contextlib.nullcontext):
    """A named part of a measured block."""

    def __init__(self, name: str = "", args: Any = None) -> None:
        super().__init__()


class ProfilerActivity:
    """What a profiler may measure."""

    CPU, CUDA, XPU, MTIA = "CPU", "CUDA", "XPU", "MTIA"


def schedule(**kwargs: Any) -> Any:
    return lambda step: None


def tensorboard_trace_handler(*args: Any, **kwargs: Any) -> Any:
    return lambda prof: None


emit_nvtx = emit_itt = profile

__all__ = [
    "ProfilerActivity",
    "emit_itt",
    "emit_nvtx",
    "profile",
    "record_function",
    "schedule",
    "tensorboard_trace_handler",
]
