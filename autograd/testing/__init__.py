"""Testing gradients: numerical derivatives, property tests of one's own functions, random differentiable programs.

`gradcheck` and `gradgradcheck` need nothing but NumPy; `tensors`, `shapes`, `programs` and `property_test` draw with
hypothesis (`pip install glassgrad[testing]`).

Example:
    >>> import autograd
    >>> from autograd import testing
    >>> round(testing.derivative(lambda t: float(autograd.tensor(t, dtype=autograd.float64).sin()), 0.0).value, 12)
    1.0
"""

from __future__ import annotations

from typing import Any

from ..gradcheck import GradcheckError, gradcheck, gradgradcheck, numerical_jacobian
from ._compare import assert_close, check_directional, check_hessian, check_jacobian, check_jvp, check_vjp
from ._numerical import Derivative, derivative

_DRAWN = {"broadcastable": "_strategies", "dtypes": "_strategies", "indices": "_strategies", "shapes": "_strategies",
          "tensors": "_strategies", "property_test": "_property", "Program": "_programs", "programs": "_programs"}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _DRAWN:
        from importlib import import_module

        return getattr(import_module(f".{_DRAWN[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_DRAWN})


__all__ = ["Derivative", "GradcheckError", "assert_close", "check_directional", "check_hessian", "check_jacobian", "check_jvp",
           "check_vjp", "derivative", "gradcheck", "gradgradcheck", "numerical_jacobian"]  # fmt: skip
