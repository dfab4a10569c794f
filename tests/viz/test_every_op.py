"""Every operation can be drawn, explained and exported, and its picture's gradients are those of backward."""

import numpy as np
import pytest

import autograd
from autograd import viz
from autograd._op import Op
from autograd._registry import registry

OPS = {op.name: (key, op) for key, op in registry.items() if isinstance(op, Op) and op.sample is not None and op.rules}


def tensors(value):
    if isinstance(value, np.ndarray):
        return autograd.tensor(value.copy(), requires_grad=value.dtype.kind in "fc")
    return type(value)(map(tensors, value)) if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("name", OPS)
def test_operation_can_be_drawn_before_and_after_backward(name):
    _, op = OPS[name]
    (call, *_) = op.sample.calls(np.random.default_rng(0), len(op.inputs)) or pytest.skip("has no sample of its own")
    args = [tensors(a) for a in call.args]
    out = op.call(*args, **call.kwargs)
    root = next(
        (t for t in (out if isinstance(out, tuple) else (out,)) if isinstance(t, autograd.Tensor) and t.requires_grad),
        None,
    )
    if root is None or root.dtype.is_complex:
        pytest.skip("its sample leads to no real result with a gradient")
    before = viz.draw(root, names=None)
    root.backward(autograd.ones_like(root))
    after = viz.draw(root, names=None)
    for d in (before, after):
        assert all((d.svg(), d.source, d.json(), d.text()))
    assert viz.explain(root)
    found = [v.grad for v in after.graph.leaves if v.grad is not None]
    for t in args:
        if isinstance(t, autograd.Tensor) and t.grad is not None:
            assert any(g.shape == t.shape and np.allclose(g, t.grad.numpy(), rtol=1e-6, equal_nan=True) for g in found)
