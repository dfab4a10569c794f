"""Small tensors: what a teaching notebook or a reinforcement-learning loop does; the engine's overhead dominates."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..workload import Functional, Task, labels, normal, weights, workload


@workload("mul_chain_8x8", "small", "chain of 100 multiplications, 8x8")
def mul_chain(lib: Any) -> Task:
    x, factor = lib.leaves([normal(0, 8, 8)])[0], lib.tensor(1 + normal(1, 8, 8, scale=0.02))

    def loss() -> Any:
        y = x
        for _ in range(100):
            y = y * factor
        return y.sum()

    return lib.gradient(loss, [x])


@mul_chain.functional()
def _() -> Functional:
    def loss(xp: Any, p: Any, factor: Any) -> Any:
        y = p[0]
        for _ in range(100):
            y = y * factor
        return xp.sum(y)

    return Functional([normal(0, 8, 8)], loss, (1 + normal(1, 8, 8, scale=0.02),))


def dense(xp: Any, p: Any, x: Any, activation: Any) -> Any:
    """An MLP on parameters in PyTorch's order and orientation."""
    for i in range(0, len(p), 2):
        x = x @ p[i].T + p[i + 1]
        x = activation(x) if i + 2 < len(p) else x
    return x


def dense_shapes(*sizes: int) -> list[tuple[int, ...]]:
    """Of weight and bias, layer by layer."""
    pairs = [((n, m), (n,)) for m, n in pairwise(sizes)]
    return [shape for pair in pairs for shape in pair]


@workload("mlp_tiny", "small", "MLP 4-32-32-1, one SGD step, batch 32")
def mlp_tiny(lib: Any) -> Task:
    nn = lib.nn
    model = lib.fill(nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)), 2)
    x, y, mse = lib.tensor(normal(0, 32, 4)), lib.tensor(normal(1, 32, 1)), nn.MSELoss()
    parameters = list(model.parameters())
    return lib.training(lambda: mse(model(x), y), parameters, lib.optim.SGD(parameters, lr=0.01))


@mlp_tiny.functional()
def _() -> Functional:
    def loss(xp: Any, p: Any, x: Any, y: Any) -> Any:
        difference = dense(xp, p, x, xp.tanh) - y
        return xp.mean(difference * difference)

    batch = normal(0, 32, 4), normal(1, 32, 1)
    return Functional(weights(2, *dense_shapes(4, 32, 32, 1)), loss, batch, "sgd", 0.01)


@workload("lstm_cell", "small", "LSTM cell, 50 steps, h=32, batch 8")
def lstm_cell(lib: Any) -> Task:
    cell = lib.fill(lib.nn.LSTMCell(16, 32), 3)
    inputs, zeros = lib.tensor(normal(0, 50, 8, 16)), lib.tensor(np.zeros((8, 32), np.float32))

    def loss() -> Any:
        state = zeros, zeros
        for x in inputs:
            state = cell(x, state)
        return (state[0] ** 2).mean()

    return lib.gradient(loss, list(cell.parameters()))


def lstm_step(xp: Any, p: Any, state: Any, x: Any) -> Any:
    """One step of an LSTM with PyTorch's four gates in one matrix."""
    h, c = state
    gates = x @ p[0].T + p[2] + h @ p[1].T + p[3]
    n = h.shape[-1]
    i, f = xp.sigmoid(gates[:, :n]), xp.sigmoid(gates[:, n : 2 * n])
    g, o = xp.tanh(gates[:, 2 * n : 3 * n]), xp.sigmoid(gates[:, 3 * n :])
    c = f * c + i * g
    return o * xp.tanh(c), c


@lstm_cell.functional("jax", "hips", "mygrad")
def _() -> Functional:
    def loss(xp: Any, p: Any, inputs: Any, zeros: Any) -> Any:
        h, _ = xp.loop(lambda state, x: lstm_step(xp, p, state, x), (zeros, zeros), inputs)
        return xp.mean(h * h)

    batch = normal(0, 50, 8, 16), np.zeros((8, 32), np.float32)
    return Functional(weights(3, (128, 16), (128, 32), (128,), (128,)), loss, batch)


@workload("softmax_adam", "small", "softmax regression 64-10, Adam, batch 64")
def softmax_adam(lib: Any) -> Task:
    model = lib.fill(lib.nn.Linear(64, 10), 4)
    x, y = lib.tensor(normal(0, 64, 64)), lib.tensor(labels(1, 64, classes=10))
    parameters = list(model.parameters())
    return lib.training(lambda: lib.F.cross_entropy(model(x), y), parameters, lib.optim.Adam(parameters, lr=1e-3))


@softmax_adam.functional()
def _() -> Functional:
    def loss(xp: Any, p: Any, x: Any, y: Any) -> Any:
        return xp.cross_entropy(x @ p[0].T + p[1], y)

    return Functional(weights(4, (10, 64), (10,)), loss, (normal(0, 64, 64), labels(1, 64, classes=10)), "adam", 1e-3)


def attention_block(nn: Any, F: Any, width: int, heads: int, causal: bool) -> Any:
    """A pre-norm transformer block, written out so that both libraries run the same operations."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.qkv = nn.LayerNorm(width), nn.Linear(width, 3 * width)
            self.out, self.norm2 = nn.Linear(width, width), nn.LayerNorm(width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            b, t, _ = x.shape
            q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, heads, width // heads).permute(2, 0, 3, 1, 4).unbind(0)
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
            x = x + self.out(mixed.transpose(1, 2).reshape(b, t, width))
            return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))

    return Block()


def attention_shapes(d: int) -> list[tuple[int, ...]]:
    """Of the block's parameters, in the order of their making."""
    norm, qkv, out = [(d,), (d,)], [(3 * d, d), (3 * d,)], [(d, d), (d,)]
    return [*norm, *qkv, *out, *norm, (4 * d, d), (4 * d,), (d, 4 * d), (d,)]


def attend(xp: Any, p: Any, x: Any, heads: int, mask: Any = 0.0) -> Any:
    """The same block on arrays."""
    b, t, d = x.shape
    qkv = xp.layer_norm(x, p[0], p[1]) @ p[2].T + p[3]
    q, k, v = xp.transpose(xp.reshape(qkv, (b, t, 3, heads, d // heads)), (2, 0, 3, 1, 4))
    scores = q @ xp.transpose(k, (0, 1, 3, 2)) * (d // heads) ** -0.5 + mask
    mixed = xp.transpose(xp.softmax(scores) @ v, (0, 2, 1, 3))
    x = x + xp.reshape(mixed, (b, t, d)) @ p[4].T + p[5]
    return x + xp.gelu(xp.layer_norm(x, p[6], p[7]) @ p[8].T + p[9]) @ p[10].T + p[11]


@workload("attention", "small", "transformer block d=32, 4 heads, batch 4 x 16 tokens")
def attention(lib: Any) -> Task:
    block = lib.fill(attention_block(lib.nn, lib.F, 32, 4, causal=False), 5)
    x = lib.tensor(normal(0, 4, 16, 32))
    return lib.gradient(lambda: (block(x) ** 2).mean(), list(block.parameters()))


@attention.functional()
def _() -> Functional:
    def loss(xp: Any, p: Any, x: Any) -> Any:
        y = attend(xp, p, x, 4)
        return xp.mean(y * y)

    return Functional(weights(5, *attention_shapes(32)), loss, (normal(0, 4, 16, 32),))
