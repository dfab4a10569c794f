"""Checking gradients against differences of values, under HIPS autograd's names."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ._tensor import Tensor
from .by_argument import Trace, mapped
from .gradcheck import gradcheck, gradgradcheck


def check_grads(function: Callable, argnum: Any = 0, modes: Any = ("fwd", "rev"), order: int = 2) -> Callable:
    """A function that compares derivatives of `function` at its arguments with central differences.

    Args:
        modes: "rev" for gradients, "fwd" for directional derivatives.
        order: 2 to check the second derivatives as well.

    Raises:
        AssertionError: (by the function returned) a derivative is wrong.

    Example:
        >>> import autograd.numpy as np
        >>> from autograd.test_util import check_grads
        >>> check_grads(lambda x: np.sin(x) * x, modes=["rev"])(np.array([0.5, 2.0]))
    """
    if unknown := set(modes) - {"fwd", "rev"}:
        raise ValueError(f"check_grads: modes are 'fwd' and 'rev', got {sorted(unknown)}")

    def check(*args: Any, **kwargs: Any) -> None:
        places = argnum if isinstance(argnum, (tuple, list)) else (argnum,)
        doubled = [_doubled(a) if i in places else a for i, a in enumerate(args)]
        leaves = tuple(Trace(lambda *_: 0.0, argnum, tuple(doubled), {}).leaves)

        def of_leaves(*tensors: Tensor) -> Any:
            each = iter(tensors)
            values = [mapped(a, lambda _: next(each)) if i in places else a for i, a in enumerate(doubled)]
            return function(*values, **kwargs)

        try:
            gradcheck(of_leaves, leaves, check_forward_ad="fwd" in modes, check_backward_ad="rev" in modes)
            if order > 1:
                gradgradcheck(of_leaves, leaves)
        except RuntimeError as error:
            raise AssertionError(f"check_grads: {error}") from error

    return check


def _doubled(value: Any) -> Any:
    """An argument in double precision, in which differences can be trusted."""

    def double(v: Any) -> Any:
        a = np.asarray(v.detach() if isinstance(v, Tensor) else v)
        return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)

    return mapped(value, double)


def combo_check(function: Callable, *args: Any, **kwargs: Any) -> Callable:
    """`check_grads(function, *args, **kwargs)` at every combination of the arguments listed."""

    def check(*choices: Any, **named: Any) -> None:
        names = list(named)
        for values in itertools.product(*choices):
            for options in itertools.product(*named.values()):
                check_grads(function, *args, **kwargs)(*values, **dict(zip(names, options, strict=True)))

    return check


__all__ = ["check_grads", "combo_check"]
