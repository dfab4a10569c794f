"""glassgrad: automatic differentiation on NumPy with PyTorch's names, every value and gradient visible.

This module re-exports the public names; see autograd/README.md for how it is built.
"""

from __future__ import annotations

from typing import Any as _Any

from ._conflict import check as _check_conflict

_check_conflict(__path__[0])

from ._collector import tune_collector as _tune_collector

_tune_collector()  # first of all, so that importing gains from it too

from ._heap import keep_freed_memory as _keep_freed_memory

_keep_freed_memory()

from ._backward import backward
from . import ops as _ops
from . import func, functional, random
from ._dtype import *
from ._dtype import (
    ALL as _DTYPES,
    can_cast, dtype, finfo, get_default_dtype, iinfo, promote_types, result_type, set_default_dtype)  # fmt: skip
from ._memory_format import channels_last, channels_last_3d, contiguous_format, memory_format, preserve_format
from ._mode import (
    detect_anomaly, enable_grad, fast_paths, inference_mode, is_anomaly_check_nan_enabled, is_anomaly_enabled,
    is_grad_enabled, is_inference_mode_enabled, no_grad, set_detect_anomaly, set_grad_enabled)  # fmt: skip
from ._registry import registry as _registry
from .ops._names import FUNCTIONS as _LATER_FUNCTIONS
from ._protocols import from_dlpack
from ._repr import set_printoptions
from ._tensor import Size, Tensor, device, layout, strided
from .function import Function
from .functional import grad
from .by_argument import (
    deriv, elementwise_grad, grad_and_aux, grad_named, hessian, hessian_tensor_product, hessian_vector_product,
    holomorphic_grad, jacobian, make_ggnvp, make_hvp, make_jvp, make_vjp, multigrad_dict, tensor_jacobian_product,
    value_and_grad, vector_jacobian_product)  # fmt: skip
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .random import (
    Generator, default_generator, fork_rng, get_rng_state, initial_seed, manual_seed, seed, set_rng_state)  # fmt: skip
from .save import load, save
from ._einops import watch as _watch_for_einops

__version__ = "0.1.0"

# Every operation without a namespace of its own is a function of this module.
globals().update({key: declared.call for key, declared in dict.items(_registry) if "." not in key})


_watch_for_einops()

_SUBMODULES = (
    "array_api",
    "checkpoint",
    "compat",
    "fft",
    "graph",
    "linalg",
    "masked",
    "numpy",
    "profiler",
    "scipy",
    "signal",
    "special",
    "test_util",
    "testing",
    "utils",
    "viz",
)


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
