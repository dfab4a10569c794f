"""Derivatives of a function compared with numerical ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._backward import gradients
from .._tensor import Tensor, wrap
from ..functional import hessian, jacobian, jvp, vjp
from ..gradcheck import GradcheckError, numerical_jacobian
from ._numerical import derivative


def _tuple(value: Any) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def assert_close(actual: Any, expected: Any, *, rtol: float | None = None, atol: float | None = None, equal_nan: bool = False,
                 check_dtype: bool = True, msg: str | None = None) -> None:  # fmt: skip
    """Raise AssertionError unless two tensors agree in shape, dtype and, within tolerance, in every element.

    Default tolerances follow the dtype: 1e-7 relative for float64, 1.3e-6 for float32, 1e-3 for float16.
    """
    a, b = (np.asarray(t._data if isinstance(t, Tensor) else t) for t in (actual, expected))
    if a.shape != b.shape:
        raise AssertionError(msg or f"assert_close: shapes differ, {a.shape} and {b.shape}")
    if check_dtype and a.dtype != b.dtype:
        raise AssertionError(msg or f"assert_close: dtypes differ, {a.dtype.name} and {b.dtype.name}")
    defaults = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "complex64": (1.3e-6, 1e-5)}
    wide, narrow = defaults.get(a.dtype.name, (1e-7, 1e-7) if a.dtype.kind in "fc" else (0.0, 0.0))
    rtol, atol = wide if rtol is None else rtol, narrow if atol is None else atol
    wrong = ~np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)
    if wrong.any():
        k = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise AssertionError(
            msg
            or f"assert_close: {int(wrong.sum())} of {wrong.size} elements differ by more than rtol={rtol:g}, atol={atol:g}; "
            f"the first at {list(k)}: {a[k]!s} and {b[k]!s}"
        )


def _total(func: Callable, inputs: Sequence[Tensor], weights: list) -> float:
    outputs = [o for o in _tuple(func(*inputs)) if isinstance(o, Tensor) and o.is_floating_point()]
    if not weights:
        rng = np.random.default_rng(7)
        weights.extend(rng.uniform(0.5, 1.5, tuple(o.shape)) for o in outputs)
    return float(sum((np.asarray(o._data, np.float64) * w).sum() for o, w in zip(outputs, weights, strict=True)))


def check_directional(
    func: Callable, inputs: Any, *, rtol: float = 1e-6, atol: float = 1e-7, seed: int = 0, step: float = 1e-2
) -> bool:
    """Compare the gradient along one random direction with an extrapolated numerical derivative.

    Two evaluations per step instead of two per element: for inputs too large for `gradcheck`.

    Raises:
        GradcheckError: with both numbers and the estimated error of the numerical one.
    """
    inputs = _tuple(inputs)
    moving = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    if not moving:
        raise ValueError("check_directional: no input requires grad; pass tensors made with requires_grad=True")
    rng = np.random.default_rng(seed)
    direction = {i: rng.standard_normal(tuple(inputs[i].shape)) for i in moving}
    weights: list = []

    def along(t: float) -> float:
        moved = [wrap(np.asarray(x._data + t * direction[i])) if i in direction else x for i, x in enumerate(inputs)]
        return _total(func, moved, weights)

    numerical = derivative(along, 0.0, step=step)
    outputs = [o for o in _tuple(func(*inputs)) if isinstance(o, Tensor) and o.is_floating_point()]
    pairs = [(o, wrap(np.asarray(w, o._data.dtype))) for o, w in zip(outputs, weights, strict=True) if o.requires_grad]
    analytical = 0.0
    if pairs:
        found = gradients(
            [o for o, _ in pairs], [inputs[i] for i in moving], [w for _, w in pairs], True, False, True, True
        )
        analytical = float(sum((g._data * direction[i]).sum() for g, i in zip(found, moving, strict=True)))
    if abs(analytical - numerical.value) > atol + rtol * abs(numerical.value) + 10 * numerical.error:
        raise GradcheckError(
            f"{getattr(func, '__name__', 'function')}: the derivative along a random direction is {analytical:.12g} by its "
            f"gradients and {numerical.value:.12g} numerically (estimated error {numerical.error:.2g}, step {numerical.step:.2g})"
        )
    return True


def _numerical(func: Callable, inputs: tuple, i: int) -> np.ndarray:
    plain = [wrap(np.array(x._data, np.float64)) for x in inputs]
    return numerical_jacobian(func, plain, i)[0].T


def _require_close(name: str, func: Callable, got: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> bool:
    wrong = ~np.isclose(got, expected, rtol=rtol, atol=atol)
    if wrong.any():
        k = tuple(int(v) for v in np.argwhere(wrong)[0])
        raise GradcheckError(
            f"{name} of {getattr(func, '__name__', 'function')}: entry {list(k)} is {got[k]:.10g}, numerically {expected[k]:.10g}"
        )
    return True


def check_jacobian(func: Callable, inputs: Any, *, rtol: float = 1e-5, atol: float = 1e-6) -> bool:
    """Compare `jacobian` in both modes with numerical differentiation, for each input."""
    inputs = _tuple(inputs)
    for mode in ("reverse-mode", "forward-mode"):
        for i, found in enumerate(jacobian(func, inputs, strategy=mode)):
            expected = _numerical(func, inputs, i)
            _require_close(f"jacobian ({mode})", func, found._data.reshape(expected.shape), expected, rtol, atol)
    return True


def check_hessian(func: Callable, inputs: Any, *, rtol: float = 1e-4, atol: float = 1e-5) -> bool:
    """Compare `hessian` of a scalar function of one tensor with numerical differentiation of its gradient."""
    (x,) = _tuple(inputs)

    def slope(x: Tensor) -> Tensor:
        v = x.detach().requires_grad_()
        return gradients(func(v), v, None, None, False, True, True)[0]

    expected = _numerical(slope, (x,), 0)
    return _require_close("hessian", func, hessian(func, x)._data.reshape(expected.shape), expected, rtol, atol)


def check_vjp(func: Callable, inputs: Any, v: Tensor, *, rtol: float = 1e-5, atol: float = 1e-6) -> bool:
    """Compare `vjp` with the numerical Jacobian's product from the left."""
    inputs = _tuple(inputs)
    for i, found in enumerate(vjp(func, inputs, v)[1]):
        expected = v._data.reshape(-1) @ _numerical(func, inputs, i)
        _require_close("vjp", func, found._data.reshape(-1), expected, rtol, atol)
    return True


def check_jvp(func: Callable, inputs: Any, v: Any, *, rtol: float = 1e-5, atol: float = 1e-6) -> bool:
    """Compare `jvp` with the numerical Jacobian's product from the right."""
    inputs, v = _tuple(inputs), _tuple(v)
    expected = sum(_numerical(func, inputs, i) @ v[i]._data.reshape(-1) for i in range(len(inputs)))
    return _require_close("jvp", func, jvp(func, inputs, v)[1]._data.reshape(-1), np.asarray(expected), rtol, atol)


__all__ = ["assert_close", "check_directional", "check_hessian", "check_jacobian", "check_jvp", "check_vjp"]
