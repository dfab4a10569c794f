"""Training steps of real, small networks: engine and array kernels share the time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..workload import Functional, Task, labels, normal, weights, workload
from .small import attend, attention_block, attention_shapes, dense, dense_shapes, lstm_step


@workload("mlp_mnist", "medium", "MLP 784-512-10, Adam, batch 256")
def mlp_mnist(lib: Any) -> Task:
    model = lib.fill(lib.nn.Sequential(lib.nn.Linear(784, 512), lib.nn.ReLU(), lib.nn.Linear(512, 10)), 10)
    x, y = lib.tensor(normal(0, 256, 784)), lib.tensor(labels(1, 256, classes=10))
    parameters = list(model.parameters())
    return lib.training(lambda: lib.F.cross_entropy(model(x), y), parameters, lib.optim.Adam(parameters, lr=1e-4))


@mlp_mnist.functional()
def _() -> Functional:
    def loss(xp: Any, p: Any, x: Any, y: Any) -> Any:
        return xp.cross_entropy(dense(xp, p, x, xp.relu), y)

    batch = normal(0, 256, 784), labels(1, 256, classes=10)
    return Functional(weights(10, *dense_shapes(784, 512, 10)), loss, batch, "adam", 1e-4)


DEEP = (64, 128, 128, 128, 128, 10)


@workload("mlp_deep", "medium", "5-layer MLP 64-128-128-128-128-10, SGD, batch 32")
def mlp_deep(lib: Any) -> Task:
    nn, layers = lib.nn, []
    for m, n in pairwise(DEEP):
        layers += [nn.Linear(m, n), nn.ReLU()]
    model = lib.fill(nn.Sequential(*layers[:-1]), 11)
    x, y = lib.tensor(normal(0, 32, 64)), lib.tensor(labels(1, 32, classes=10))
    parameters = list(model.parameters())
    return lib.training(lambda: lib.F.cross_entropy(model(x), y), parameters, lib.optim.SGD(parameters, lr=0.01))


@mlp_deep.functional()
def _() -> Functional:
    def loss(xp: Any, p: Any, x: Any, y: Any) -> Any:
        return xp.cross_entropy(dense(xp, p, x, xp.relu), y)

    return Functional(
        weights(11, *dense_shapes(*DEEP)), loss, (normal(0, 32, 64), labels(1, 32, classes=10)), "sgd", 0.01
    )


@workload("lenet", "medium", "LeNet-5 on 28x28, SGD, batch 32")
def lenet(lib: Any) -> Task:
    nn = lib.nn
    features = [
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]
    head = [nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    model = lib.fill(nn.Sequential(*features, *head), 12)
    x, y = lib.tensor(normal(0, 32, 1, 28, 28)), lib.tensor(labels(1, 32, classes=10))
    parameters = list(model.parameters())
    return lib.training(lambda: lib.F.cross_entropy(model(x), y), parameters, lib.optim.SGD(parameters, lr=0.01))


@lenet.functional("jax", "mygrad", "tinygrad")
def _() -> Functional:
    def loss(xp: Any, p: Any, x: Any, y: Any) -> Any:
        x = xp.max_pool(xp.relu(xp.conv2d(x, p[0], padding=2) + xp.reshape(p[1], (1, 6, 1, 1))))
        x = xp.max_pool(xp.relu(xp.conv2d(x, p[2]) + xp.reshape(p[3], (1, 16, 1, 1))))
        return xp.cross_entropy(dense(xp, p[4:], xp.reshape(x, (32, 400)), xp.relu), y)

    shapes = [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), *dense_shapes(400, 120, 84, 10)]
    batch = normal(0, 32, 1, 28, 28), labels(1, 32, classes=10)
    return Functional(weights(12, *shapes), loss, batch, "sgd", 0.01)


@workload("lstm", "medium", "LSTM h=128, 100 steps, batch 16")
def lstm(lib: Any) -> Task:
    model = lib.fill(lib.nn.LSTM(64, 128), 13)
    inputs = lib.tensor(normal(0, 100, 16, 64))
    return lib.gradient(lambda: (model(inputs)[0] ** 2).mean(), list(model.parameters()))


@lstm.functional("jax", "hips", "mygrad")
def _() -> Functional:
    def loss(xp: Any, p: Any, inputs: Any, zeros: Any) -> Any:
        h = xp.states(lambda state, x: lstm_step(xp, p, state, x), (zeros, zeros), inputs)
        return xp.mean(h * h)

    batch = normal(0, 100, 16, 64), np.zeros((16, 128), np.float32)
    return Functional(weights(13, (512, 64), (512, 128), (512,), (512,)), loss, batch)


def gpt_model(nn: Any, F: Any) -> Any:
    """Two blocks between an embedding and a linear read-out."""

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.position = nn.Embedding(65, 128), nn.Embedding(64, 128)
            self.blocks = nn.Sequential(*(attention_block(nn, F, 128, 4, causal=True) for _ in range(2)))
            self.norm, self.read = nn.LayerNorm(128), nn.Linear(128, 65)

        def forward(self, tokens: Any) -> Any:
            return self.read(self.norm(self.blocks(self.token(tokens) + self.position.weight)))

    return GPT()


@workload("gpt", "medium", "GPT, 2 layers d=128, 64 tokens x 4, Adam")
def gpt(lib: Any) -> Task:
    model = lib.fill(gpt_model(lib.nn, lib.F), 14)
    tokens, target = lib.tensor(labels(0, 4, 64, classes=65)), lib.tensor(labels(1, 256, classes=65))
    parameters = list(model.parameters())
    optimizer = lib.optim.Adam(parameters, lr=1e-4)
    return lib.training(lambda: lib.F.cross_entropy(model(tokens).view(256, 65), target), parameters, optimizer)


@gpt.functional("jax", "hips", "mygrad")
def _() -> Functional:
    mask = np.triu(np.full((64, 64), -1e9, np.float32), 1)

    def loss(xp: Any, p: Any, tokens: Any, target: Any) -> Any:
        x = p[0][tokens] + p[1]
        x = attend(xp, p[14:26], attend(xp, p[2:14], x, 4, mask), 4, mask)
        x = xp.layer_norm(x, p[26], p[27]) @ p[28].T + p[29]
        return xp.cross_entropy(xp.reshape(x, (256, 65)), target)

    block = attention_shapes(128)
    shapes = [(65, 128), (64, 128), *block, *block, (128,), (128,), (65, 128), (65,)]
    return Functional(
        weights(14, *shapes), loss, (labels(0, 4, 64, classes=65), labels(1, 256, classes=65)), "adam", 1e-4
    )


@workload("conv_bn", "medium", "conv 3x3 32-32, batch norm, ReLU on 16x32x16x16")
def conv_bn(lib: Any) -> Task:
    nn = lib.nn
    block = lib.fill(nn.Sequential(nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()), 15)
    (x,) = lib.leaves([normal(0, 16, 32, 16, 16)])
    return lib.gradient(lambda: (block(x) ** 2).mean(), [*block.parameters(), x])


@conv_bn.functional("jax", "mygrad", "tinygrad")
def _() -> Functional:
    def loss(xp: Any, p: Any) -> Any:
        y, axes, shape = xp.conv2d(p[3], p[0], padding=1), (0, 2, 3), (1, 32, 1, 1)
        centred = y - xp.mean(y, axis=axes, keepdims=True)
        scale = xp.sqrt(xp.mean(centred * centred, axis=axes, keepdims=True) + 1e-5)
        y = xp.relu(centred / scale * xp.reshape(p[1], shape) + xp.reshape(p[2], shape))
        return xp.mean(y * y)

    return Functional([*weights(15, (32, 32, 3, 3), (32,), (32,)), normal(0, 16, 32, 16, 16)], loss)
