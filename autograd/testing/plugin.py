"""The pytest plugin: a `gradcheck` fixture and a `differentiable` marker.

With the package installed pytest finds it by itself; otherwise `pytest -p autograd.testing.plugin`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def pytest_configure(config: Any) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "differentiable(*domains, order=2, **settings): the function is one of tensors; test its gradients on random inputs",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> Any:
    """A marked function becomes the property test of its own gradients."""
    marks = [m for m in getattr(obj, "pytestmark", ()) if m.name == "differentiable"]
    if not marks or not callable(obj):
        return None
    from ._property import property_test

    test = property_test(*marks[0].args, **marks[0].kwargs)(obj)
    return [pytest.Function.from_parent(collector, name=name, callobj=test)]


@pytest.fixture
def gradcheck() -> Callable:
    """`gradcheck(func, inputs)`: first and second derivatives against numerical ones; raises GradcheckError."""
    from ..gradcheck import gradcheck as first
    from ..gradcheck import gradgradcheck as second

    def check(func: Callable, inputs: Any, *, order: int = 2, **tolerances: Any) -> bool:
        return first(func, inputs, **tolerances) and (order < 2 or second(func, inputs, **tolerances))

    return check
