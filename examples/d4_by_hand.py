"""D4. An MLP by hand in NumPy, layer by layer, and the same network by the engine: the same gradients.

LeakyReLU after 512 hidden units, softmax with cross-entropy, Adam. Every layer knows its forward step and how to turn
the gradient of its output into those of its input and parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _shared import curves, digits, options

import autograd
import nn
import nn.functional as F
from nn.training import progress


class Dense:
    """z = x Wᵀ + b;  dW = δᵀ x, db = Σ δ, dx = δ W"""

    def __init__(self, W: np.ndarray, b: np.ndarray) -> None:
        self.W, self.b = W, b

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x @ self.W.T + self.b

    def backward(self, delta: np.ndarray) -> np.ndarray:
        self.dW, self.db = delta.T @ self.x, delta.sum(axis=0)
        return delta @ self.W


class LeakyReLU:
    """a = z where z > 0, else slope z;  dz = δ or slope δ"""

    def __init__(self, slope: float = 0.2) -> None:
        self.slope = slope

    def forward(self, z: np.ndarray) -> np.ndarray:
        self.factor = np.where(z > 0, 1.0, self.slope)
        return self.factor * z

    def backward(self, delta: np.ndarray) -> np.ndarray:
        return self.factor * delta


class SoftmaxCrossEntropy:
    """J = -Σ y log p with p = softmax(z);  dz = p - y"""

    def forward(self, z: np.ndarray, y: np.ndarray) -> float:
        power = np.exp(z - z.max(axis=1, keepdims=True))
        self.p, self.y = power / power.sum(axis=1, keepdims=True), y
        return float(-np.sum(y * np.log(self.p)))

    def backward(self) -> np.ndarray:
        return self.p - self.y


class Adam:
    """w ← w - lr m̂ / (√ŝ + ε)"""

    def __init__(self, lr: float) -> None:
        self.lr, self.t, self.state = lr, 0, {}

    def step(self, pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self.t += 1
        for i, (w, g) in enumerate(pairs):
            m, s = self.state.get(i, (0.0, 0.0))
            m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
            self.state[i] = m, s
            w -= self.lr * (m / (1 - 0.9**self.t)) / (np.sqrt(s / (1 - 0.999**self.t)) + 1e-8)


def softmax_layer() -> tuple[np.ndarray, np.ndarray]:
    """A single dense layer and softmax on four rows of numbers: gradients that anyone can recompute."""
    np.random.seed(100)  # noqa: NPY002  (the numbers of NumPy's first generator are wanted)
    bound = 1 / np.sqrt(3)
    layer, loss = Dense(np.random.uniform(-bound, bound, (5, 3)), np.zeros(5)), SoftmaxCrossEntropy()  # noqa: NPY002
    loss.forward(layer.forward(np.arange(1.0, 13.0).reshape(4, 3)), np.eye(5)[:4])
    layer.backward(loss.backward())
    return layer.dW, layer.db


def network(model: nn.Sequential) -> tuple[Dense, LeakyReLU, Dense]:
    """The hand-made twin of Linear, LeakyReLU, Linear, starting from copies of its parameters."""
    first, activation, last = model
    pairs = [(layer.weight.detach().numpy().copy(), layer.bias.detach().numpy().copy()) for layer in (first, last)]
    return Dense(*pairs[0]), LeakyReLU(activation.negative_slope), Dense(*pairs[1])


def step_by_hand(layers: tuple, x: np.ndarray, y: np.ndarray) -> tuple[float, list[np.ndarray]]:
    """The mean loss and the gradients of all parameters."""
    loss, z = SoftmaxCrossEntropy(), x
    for layer in layers:
        z = layer.forward(z)
    value = loss.forward(z, y) / len(x)
    delta = loss.backward() / len(x)
    for layer in reversed(layers):
        delta = layer.backward(delta)
    return value, [g for layer in layers if isinstance(layer, Dense) for g in (layer.dW, layer.db)]


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments)
    dW, db = softmax_layer()
    print(f"softmax layer: dW =\n{dW}\ndb = {db}\nLeakyReLU(0.2) of -1: {LeakyReLU(0.2).forward(np.array([-1.0]))}")

    x, y, x_test, y_test = (t.flatten(1).double() if t.ndim > 1 else t for t in digits(chosen.quick))
    model = nn.Sequential(nn.Linear(64, 512), nn.LeakyReLU(0.2), nn.Linear(512, 10)).double()
    layers, by_hand = network(model), Adam(0.001)
    optimizer, losses, apart = nn.optim.Adam(model.parameters(), lr=0.001), [], 0.0
    order = np.random.default_rng(chosen.seed)
    for _ in progress(range(2 if chosen.quick else 8), "training both"):
        total = 0.0
        for chunk in np.array_split(order.permutation(len(x)), len(x) // 64):
            batch = autograd.tensor(chunk)
            value, gradients = step_by_hand(layers, x[batch].numpy(), np.eye(10)[y[batch].numpy()])
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[batch]), y[batch])
            loss.backward()
            pairs = list(zip(model.parameters(), gradients, strict=True))
            apart = max([apart, abs(loss.item() - value), *(np.abs(p.grad.numpy() - g).max() for p, g in pairs)])
            optimizer.step()
            by_hand.step(list(zip((layers[0].W, layers[0].b, layers[2].W, layers[2].b), gradients, strict=True)))
            total += value * len(chunk)
        losses.append(total / len(x))
    accuracy = nn.training.accuracy(layers[2].forward(layers[1].forward(layers[0].forward(x_test.numpy()))), y_test)
    print(f"loss {losses[0]:.4f} to {losses[-1]:.4f}, held-out digits read right {accuracy:.4f}")
    print(f"gradients by hand and by the engine, over the whole training: {apart:.1e} apart")
    curves(chosen.out / "d4_loss.png", "by hand, in NumPy", {"cross-entropy": losses})
    return {"dW": dW.tolist(), "db": db.tolist(), "leaky": float(LeakyReLU(0.2).forward(np.array([-1.0]))[0]),
            "apart": float(apart), "accuracy": accuracy}  # fmt: skip


if __name__ == "__main__":
    main()
