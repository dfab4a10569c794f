"""Fixed points of parametrised maps, differentiated at the fixed point and not through the iteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..by_argument import make_vjp
from ..extend import defvjp, primitive


@primitive
def fixed_point(f: Callable, a: Any, x0: Any, distance: Callable, tol: float) -> Any:
    """The x with f(a)(x) = x, found by iterating from x0 until two iterates are within `tol`.

    Note:
        Its derivative by a solves w = w ∂f/∂x + g by the same iteration, and is w ∂f/∂a.

    Example:
        >>> from autograd import grad
        >>> def root(a):
        ...     return fixed_point(lambda a: lambda x: (x + a / x) / 2, a, 1.0, lambda x, y: abs(x - y), 1e-12)
        >>> print(round(root(4.0), 6), round(grad(root)(4.0), 6))
        2.0 0.25
    """
    step = f(a)
    x, before = step(x0), x0
    while distance(x, before) > tol:
        x, before = step(x), x
    return x


def _by_parameter(x: Any, f: Callable, a: Any, x0: Any, distance: Callable, tol: float) -> Callable:
    by_x, _ = make_vjp(lambda x: f(a)(x))(x)
    by_a, _ = make_vjp(lambda a: f(a)(x))(a)

    def pull(g: Any) -> Any:
        return by_a(fixed_point(lambda _: lambda w: by_x(w) + g, None, np.zeros(np.shape(x)), distance, tol))

    return pull


defvjp(fixed_point, None, _by_parameter, None)
