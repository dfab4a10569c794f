"""Ordinary differential equations, differentiated by integrating their adjoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import numpy as np
from .._extras import require
from ..by_argument import make_vjp
from ..extend import defvjp_argnum, primitive
from ..misc.flatten import flatten


@primitive
def _solved(func: Callable, y0: Any, t: Any, args: Any, unflatten: Callable, options: dict) -> Any:
    solver = require("scipy.integrate", extra="scipy", purpose="odeint").odeint
    return solver(lambda y, s: np.asarray(func(y, s, *unflatten(args))), y0, t, **options)


def odeint(func: Callable, y0: Any, t: Any, args: tuple = (), **options: Any) -> Any:
    """The solution of dy/dt = func(y, t, *args) at the times t; differentiable by y0, t and args.

    Note:
        The gradient integrates the adjoint equation backwards (Chen et al., arXiv:1806.07366), together with y itself.

    Example:
        >>> import numpy
        >>> from autograd import grad
        >>> decay = lambda rate: odeint(lambda y, t, k: -k * y, numpy.ones(1), numpy.array([0.0, 1.0]), (rate,))[-1, 0]
        >>> print(round(grad(decay)(2.0), 4))
        -0.1353
    """
    parameters, unflatten = flatten(tuple(args))
    return _solved(func, y0, t, parameters, unflatten, options)


def _adjoint(argnum: int, ys: Any, given: tuple, _: dict) -> Callable:
    func, y0, t, args, unflatten, options = given

    def rate(y: Any, s: Any, a: Any) -> Any:
        return func(y, s, *unflatten(a))

    def together(state: Any, s: Any) -> Any:
        """The rates of y, of its adjoint, of the adjoint of time and of that of the parameters."""
        y, adjoint = state[: len(y0)], state[len(y0) : 2 * len(y0)]
        pull, value = make_vjp(rate, (0, 1, 2))(y, s, args)
        by_y, by_t, by_args = pull(-adjoint)
        return np.concatenate([np.ravel(value), np.ravel(by_y), np.reshape(by_t, (1,)), np.ravel(by_args)])

    def pull(g: Any) -> Any:
        size, adjoint, at_time, by_args = len(y0), g[-1], 0.0, np.zeros(np.shape(args))
        by_t = []
        for i in range(len(t) - 1, 0, -1):
            slope = np.dot(np.ravel(rate(ys[i], t[i], args)), np.ravel(g[i]))
            by_t.append(slope)
            at_time = at_time - slope
            state = np.concatenate([np.ravel(ys[i]), np.ravel(adjoint), np.reshape(at_time, (1,)), np.ravel(by_args)])
            end = odeint(together, state, np.array([t[i], t[i - 1]]), **options)[1]
            adjoint, at_time, by_args = end[size : 2 * size] + g[i - 1], end[2 * size], end[2 * size + 1 :]
        by_t.append(at_time)
        return {1: adjoint, 2: np.array(by_t[::-1]), 3: by_args}[argnum]

    return pull


defvjp_argnum(_solved, _adjoint)

__all__ = ["odeint"]
