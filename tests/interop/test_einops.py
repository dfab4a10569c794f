"""einops on Tensors: found by itself, whether it is imported before or after, and recorded."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag

from .common import leaf, program

einops = pytest.importorskip("einops")

CALLS = {
    "rearrange": (lambda e, x: e.rearrange(x, "a b (c d) -> d b (a c)", d=2)),
    "rearrange a list": (lambda e, x: e.rearrange([x, x * 2], "n a b c -> (n a) c b")),
    "repeat": (lambda e, x: e.repeat(x, "a b c -> a k (b c)", k=3)),
    "einsum": (lambda e, x: e.einsum(x, x, "a b c, d b c -> a d")),
    "pack": (lambda e, x: e.pack([x, x[:, :, 0]], "a b *")[0]),
    "unpack": (lambda e, x: e.unpack(x, [(2,), ()], "a c *")[0] if x.shape[2] == 3 else e.unpack(x, [(3,), ()], "a c *")[0]),
} | {f"reduce by {how}": (lambda e, x, how=how: e.reduce(x, "a (b k) c -> b a", how, k=3))
     for how in ("sum", "mean", "max", "min", "prod")}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    x = leaf(2, 3, 4)
    out, expected = CALLS[name](einops, x), CALLS[name](einops, x.detach().numpy())
    assert isinstance(out, ag.Tensor)
    np.testing.assert_allclose(out.detach(), expected)
    assert ag.gradcheck(lambda x: CALLS[name](einops, x), (x,))


def test_facts_and_refusals():
    x = leaf(2, 3)
    assert einops.parse_shape(x, "a b") == {"a": 2, "b": 3}
    assert isinstance(einops.asnumpy(x), np.ndarray)
    assert einops.reduce(ag.tensor([[True, False]]), "a b -> a", "any").tolist() == [True]
    with pytest.raises(NotImplementedError, match="reduce_mean is not available for non-floating tensors"):
        einops.reduce(ag.tensor([[1, 2]]), "a b -> a", "mean")


@pytest.mark.parametrize("order", [("autograd", "einops"), ("einops", "autograd")])
def test_order_of_imports(order):
    out = program(f"""
        import sys
        before = len(sys.meta_path)
        import {order[0]}
        import {order[1]}
        import autograd, einops
        print(einops.rearrange(autograd.ones(2, 3), "a b -> b a").shape, len(sys.meta_path) - before)
    """)
    assert out.strip() == "Size([3, 2]) 0"
