"""glassgrad: automatic differentiation on NumPy with PyTorch's names, every value and gradient visible.

This module re-exports the public names; see autograd/README.md for how it is built.
"""

from __future__ import annotations

from typing import Any as _Any

from ._conflict import check as _check_conflict

_check_conflict(__path__[0])

from ._collector import tune_collector as _tune_collector  # noqa: E402

_tune_collector()  # first of all, so that importing gains from it too

from ._backward import backward  # noqa: E402
from . import ops as _ops  # noqa: E402
from . import func, functional, random  # noqa: E402
from ._dtype import *  # noqa: E402, F403
from ._dtype import (  # noqa: E402
    ALL as _DTYPES,
    can_cast, dtype, finfo, get_default_dtype, iinfo, promote_types, set_default_dtype)  # fmt: skip
from ._mode import (  # noqa: E402
    detect_anomaly, enable_grad, fast_paths, inference_mode, is_anomaly_check_nan_enabled, is_anomaly_enabled,
    is_grad_enabled, is_inference_mode_enabled, no_grad, set_detect_anomaly, set_grad_enabled)  # fmt: skip
from ._op import registry as _registry  # noqa: E402
from .ops._names import FUNCTIONS as _LATER_FUNCTIONS  # noqa: E402
from ._protocols import from_dlpack  # noqa: E402
from ._repr import set_printoptions  # noqa: E402
from ._tensor import Size, Tensor, device, layout, strided  # noqa: E402
from .function import Function  # noqa: E402
from .functional import elementwise_grad, grad, value_and_grad  # noqa: E402
from .gradcheck import GradcheckError, gradcheck, gradgradcheck  # noqa: E402
from .random import (  # noqa: E402
    Generator, default_generator, fork_rng, get_rng_state, initial_seed, manual_seed, seed, set_rng_state)  # fmt: skip
from .save import load, save  # noqa: E402

__version__ = "0.1.0"

# Every operation without a namespace of its own is a function of this module.
globals().update({key: declared.call for key, declared in dict.items(_registry) if "." not in key})


_SUBMODULES = ("array_api", "checkpoint", "compat", "fft", "linalg", "numpy", "profiler", "signal", "special", "testing", "utils", "viz")


def __getattr__(name: str) -> _Any:
    """Submodules and operations that few programs need are imported when they are first named."""
    if name in _SUBMODULES:
        from importlib import import_module

        return import_module(f".{name}", __name__)
    if name in _LATER_FUNCTIONS:
        globals()[name] = found = _registry[name].call
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES, *_LATER_FUNCTIONS})
