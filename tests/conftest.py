"""Hypothesis profiles, and the rule that no test changes the world for the next one."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings

pytest_plugins = ["pytester"]

settings.register_profile("dev", max_examples=10, deadline=None)
settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None, print_blob=True)
settings.register_profile(
    "nightly", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# For mistakes planted on purpose: whether they are found counts, not their smallest form.
settings.register_profile(
    "planted", max_examples=100, derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_addoption(parser):
    parser.addoption("--plain", action="store_true", help="force the plain paths (autograd.fast_paths(False))")


def world() -> dict[str, object]:
    """The global state a test could leave behind. `autograd` is looked up, not imported: some tests never need it."""
    state: dict[str, object] = {"NumPy's errstate": np.geterr(), "NumPy's error callback": np.geterrcall()}
    autograd = sys.modules.get("autograd")
    for name in ("is_grad_enabled", "is_inference_mode_enabled", "is_anomaly_enabled", "get_default_dtype"):
        if hasattr(autograd, name):
            state[name] = getattr(autograd, name)()
    mode = sys.modules.get("autograd._mode")
    if mode is not None:
        state |= {"the choice of fast paths": mode.fast.enabled, "how operations are recorded": mode.grad_mode()}
        state |= {var.name: var.get() for var in (mode.scope, mode.transforming, mode.levels)}
    return state


@pytest.fixture(autouse=True)
def plain_paths(request):
    """Under --plain, only the plain paths, except where a test marked `fast` is about the others."""
    if not request.config.getoption("--plain") or request.node.get_closest_marker("fast"):
        yield
        return
    from autograd import fast_paths

    with fast_paths(False):
        yield


@pytest.fixture(autouse=True)
def no_complex_number_yet():
    """Passes take the quick ways of real numbers until a complex one is recorded: by this test, not by another before it."""
    node = sys.modules.get("autograd._node")
    if node is not None:
        node.Complex.seen = node.Half.seen = False


@pytest.fixture(autouse=True)
def leaves_no_trace():
    """Fail a test after which a mode, the module scope, the default dtype or NumPy's error state differ."""
    before = world()
    yield
    after = world()
    leaked = {name: (old, after.get(name)) for name, old in before.items() if after.get(name, old) != old}
    assert not leaked, f"the test left these changed (before, after): {leaked}"
