"""Property-testing one's own function in one line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .._extras import require
from ..gradcheck import gradcheck, gradgradcheck
from ._compare import check_directional


def property_test(
    *domains: Any, order: int = 2, max_elements: int = 60, atol: float = 1e-6, rtol: float = 1e-5, **settings: Any
) -> Callable:
    """Decorator that turns a function of tensors into a test of its gradients over random inputs.

    Args:
        domains: one strategy (such as `tensors(...)`) per argument; `tensors()` for each when none is given.
        order: 1 checks first derivatives, 2 second ones as well.
        max_elements: inputs with more elements are checked along a random direction.
        settings: passed to `hypothesis.settings`, e.g. max_examples=50.

    Returns:
        the test; calling it (or letting pytest find it) runs it.

    Example:
        >>> import autograd
        >>> from autograd.testing import property_test, tensors
        >>> @property_test(tensors((3,), lo=0.5, hi=2.0), max_examples=5)
        ... def test_entropy(p):
        ...     return -(p * p.log()).sum()
        >>> test_entropy()
    """
    hypothesis = require("hypothesis", extra="testing", purpose="property tests")
    from ._strategies import tensors

    def decorate(function: Callable) -> Callable:
        count = len(inspect.signature(function).parameters)
        drawn = domains or (tensors(),) * count
        if len(drawn) != count:
            raise TypeError(
                f"property_test: {function.__name__} takes {count} arguments, {len(drawn)} domains were given"
            )

        @hypothesis.settings(**{"deadline": None, "report_multiple_bugs": False, **settings})
        @hypothesis.given(hypothesis.strategies.tuples(*drawn))
        def test(inputs: tuple) -> None:
            if sum(t.numel() for t in inputs) > max_elements:
                check_directional(function, inputs)
                return
            gradcheck(function, inputs, atol=atol, rtol=rtol)
            if order > 1:
                gradgradcheck(function, inputs, atol=10 * atol, rtol=10 * rtol)

        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(test, name, getattr(function, name))
        return test

    return decorate


__all__ = ["property_test"]
