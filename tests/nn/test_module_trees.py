"""Random trees of modules, with shared parts and empty places: the same names as PyTorch, and loss-free round trips."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn

# A plan is plain data, from which the same tree is built in either library. ("again", i) is the i-th module made so far.
LEAVES = st.one_of(
    st.tuples(st.just("linear"), st.integers(1, 3), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("norm"), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("relu")),
    st.tuples(st.just("none")),
    st.tuples(st.just("again"), st.integers(0, 5)),
)
PLANS = st.recursive(
    LEAVES,
    lambda inner: st.tuples(st.sampled_from(["sequential", "list", "dict", "holder"]), st.lists(inner, max_size=4)),
    max_leaves=8,
)


def build(library, plan, made):
    kind, *rest = plan
    if kind == "none":
        return None
    if kind == "again":
        return made[rest[0] % len(made)] if made else library.ReLU()
    if kind in ("linear", "norm", "relu"):
        module = {"linear": library.Linear, "relu": library.ReLU}.get(kind) or (
            lambda n, affine: library.BatchNorm1d(n, affine=affine)
        )
        module = module(*rest)
    else:
        module = branch(library, kind, [build(library, p, made) for p in rest[0]])
    made.append(module)
    return module


def branch(library, kind, parts):
    if kind == "holder":
        module = library.Module()
        module.register_buffer("own", None)
        for i, part in enumerate(parts):
            module.add_module(f"part{i}", part)
        return module
    parts = [p for p in parts if p is not None]
    if kind == "dict":
        return library.ModuleDict({f"k{i}": p for i, p in enumerate(parts)})
    return library.Sequential(*parts) if kind == "sequential" else library.ModuleList(parts)


def tree(library, plan):
    return build(library, ("holder", [plan]), [])


def described(module):
    return {
        "repr": repr(module),
        "modules": [(n, type(m).__name__) for n, m in module.named_modules()],
        "all modules": [n for n, _ in module.named_modules(remove_duplicate=False)],
        "children": [n for n, _ in module.named_children()],
        "parameters": [(n, tuple(p.shape)) for n, p in module.named_parameters()],
        "all parameters": [n for n, _ in module.named_parameters(remove_duplicate=False)],
        "buffers": [n for n, _ in module.named_buffers()],
        "state": {k: tuple(v.shape) for k, v in module.state_dict().items()},
        "versions": dict(module.state_dict()._metadata),
    }


@given(PLANS)
def test_named_as_in_pytorch(plan):
    torch = pytest.importorskip("torch")
    assert described(tree(nn, plan)) == described(tree(torch.nn, plan))


def equal(a, b):
    x, y = a.state_dict(), b.state_dict()
    return list(x) == list(y) and all(np.array_equal(x[k].numpy(), y[k].numpy()) for k in x)


@given(PLANS)
def test_copies_and_pickles(plan):
    module = tree(nn, plan)
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert described(twin) == described(module)  # shared parts stay shared: the lists without duplicates agree
        assert equal(twin, module)
        assert not {id(p) for p in twin.parameters()} & {id(p) for p in module.parameters()}


@given(PLANS, st.booleans())
def test_states_move(plan, assign):
    a, b = tree(nn, plan), tree(nn, plan)
    b.load_state_dict(a.state_dict(), assign=assign)
    assert equal(a, b)
    assert described(a)["all parameters"] == described(b)["all parameters"]


@given(PLANS, st.data())
def test_a_spoilt_state_changes_nothing(plan, data):
    module, state = tree(nn, plan), tree(nn, plan).state_dict()
    before = {k: v.numpy().copy() for k, v in module.state_dict().items()}
    if state and data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(state)))
        state[key] = autograd.zeros(7, 7, 7)
    else:
        state["odd"] = autograd.zeros(1)
    with pytest.raises(RuntimeError, match=r"Error\(s\) in loading state_dict"):
        module.load_state_dict(state)
    assert all(np.array_equal(before[k], v.numpy()) for k, v in module.state_dict().items())


@given(PLANS)
def test_casting_reaches_everything_once(plan):
    module = tree(nn, plan)
    ids = [id(p) for p in module.parameters()]
    module.double()
    assert [id(p) for p in module.parameters()] == ids
    assert all(t.dtype == autograd.float64 for t in module.state_dict().values() if t.is_floating_point())
    module.eval()
    assert not any(m.training for m in module.modules())
