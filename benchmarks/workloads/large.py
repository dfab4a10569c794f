"""Large arrays: memory bandwidth and the quality of single kernels decide."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..workload import Functional, Task, labels, normal, workload


@workload("elementwise", "large", "elementwise chain on 1,000,000 numbers")
def elementwise(lib: Any) -> Task:
    x, y = lib.leaves([normal(0, 1_000_000), normal(1, 1_000_000)])

    def loss() -> Any:
        z = (x * y + 1.0).tanh() * x
        return ((z - y) * lib.torch.sigmoid(z) + y.relu()).sum()

    return lib.gradient(loss, [x, y])


@elementwise.functional()
def _() -> Functional:
    def loss(xp: Any, p: Any) -> Any:
        x, y = p
        z = xp.tanh(x * y + 1.0) * x
        return xp.sum((z - y) * xp.sigmoid(z) + xp.relu(y))

    return Functional([normal(0, 1_000_000), normal(1, 1_000_000)], loss)


@workload("cross_entropy", "large", "cross-entropy 4096 x 1000")
def cross_entropy(lib: Any) -> Task:
    (x,), y = lib.leaves([normal(0, 4096, 1000)]), lib.tensor(labels(1, 4096, classes=1000))
    return lib.gradient(lambda: lib.F.cross_entropy(x, y), [x])


@cross_entropy.functional()
def _() -> Functional:
    loss = lambda xp, p, y: xp.cross_entropy(p[0], y)  # noqa: E731
    return Functional([normal(0, 4096, 1000)], loss, (labels(1, 4096, classes=1000),))


@workload("layer_norm", "large", "layer norm 4096 x 768")
def layer_norm(lib: Any) -> Task:
    leaves = lib.leaves([normal(0, 4096, 768), 1 + normal(1, 768, scale=0.1), normal(2, 768, scale=0.1)])
    weight = lib.tensor(normal(3, 4096, 768))
    return lib.gradient(lambda: (lib.F.layer_norm(leaves[0], (768,), leaves[1], leaves[2]) * weight).sum(), leaves)


@layer_norm.functional()
def _() -> Functional:
    params = [normal(0, 4096, 768), 1 + normal(1, 768, scale=0.1), normal(2, 768, scale=0.1)]
    return Functional(params, lambda xp, p, weight: xp.sum(xp.layer_norm(*p) * weight), (normal(3, 4096, 768),))


@workload("matmul", "large", "matmul 1024 x 1024")
def matmul(lib: Any) -> Task:
    leaves = lib.leaves([normal(0, 1024, 1024), normal(1, 1024, 1024)])
    return lib.gradient(lambda: (leaves[0] @ leaves[1]).sum(), leaves)


@matmul.functional()
def _() -> Functional:
    return Functional([normal(0, 1024, 1024), normal(1, 1024, 1024)], lambda xp, p: xp.sum(p[0] @ p[1]))


@workload("reductions", "large", "sum, mean, max, variance over both axes of 2048 x 1024")
def reductions(lib: Any) -> Task:
    (x,) = lib.leaves([normal(0, 2048, 1024)])

    def loss() -> Any:
        rows = x.sum(dim=1) + x.amax(dim=1) + x.var(dim=1, unbiased=False)
        return (rows * rows).sum() + (x.mean(dim=0) * x.sum(dim=0)).sum()

    return lib.gradient(loss, [x])


@reductions.functional()
def _() -> Functional:
    def loss(xp: Any, p: Any) -> Any:
        x = p[0]
        centred = x - xp.mean(x, axis=1, keepdims=True)
        rows = xp.sum(x, axis=1) + xp.max(x, axis=1) + xp.mean(centred * centred, axis=1)
        return xp.sum(rows * rows) + xp.sum(xp.mean(x, axis=0) * xp.sum(x, axis=0))

    return Functional([normal(0, 2048, 1024)], loss)


LAYERS = [(2048, 1024), (2048,), (1024, 2048), (1024,), (800, 1000), (800,)]


@workload("adam_5m", "large", "Adam step alone, 5 million parameters")
def adam_5m(lib: Any) -> Task:
    parameters = lib.leaves([normal(20 + i, *shape) for i, shape in enumerate(LAYERS)])
    for i, p in enumerate(parameters):
        p.grad = lib.tensor(normal(40 + i, *LAYERS[i]))
    optimizer = lib.optim.Adam(parameters, lr=1e-4)
    return Task(optimizer.step, lambda: [np.array(p.detach().numpy()) for p in parameters])


@workload("embedding", "large", "embedding 50,000 x 128, 4096 lookups")
def embedding(lib: Any) -> Task:
    (table,) = lib.leaves([normal(0, 50_000, 128)])
    index, weight = lib.tensor(labels(1, 4096, classes=50_000)), lib.tensor(normal(2, 4096, 128))
    return lib.gradient(lambda: (lib.F.embedding(index, table) * weight).sum(), [table])


@embedding.functional("jax", "hips", "mygrad")
def _() -> Functional:
    loss = lambda xp, p, index, weight: xp.sum(p[0][index] * weight)  # noqa: E731
    return Functional([normal(0, 50_000, 128)], loss, (labels(1, 4096, classes=50_000), normal(2, 4096, 128)))
