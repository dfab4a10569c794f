"""Libraries that differentiate functions of arrays (JAX, HIPS autograd, MyGrad, tinygrad), behind one `xp`.

Each adapter offers NumPy's names as far as workloads use them, plus the few operations every such library has under a
name of its own, and turns a `Functional` into a `Task` the way the library's documentation tells its users to.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .workload import Functional, Task


class Adapter:
    """What the four share: anything not defined here is looked up in the library's NumPy-like module."""

    np: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.np, name)

    def relu(self, x: Any) -> Any:
        return self.np.maximum(x, 0.0)

    def sigmoid(self, x: Any) -> Any:
        return 0.5 * (self.np.tanh(0.5 * x) + 1.0)

    def gelu(self, x: Any) -> Any:
        """The tanh form."""
        return 0.5 * x * (1.0 + self.np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))

    def softmax(self, x: Any) -> Any:
        e = self.np.exp(x - self.np.max(x, axis=-1, keepdims=True))
        return e / self.np.sum(e, axis=-1, keepdims=True)

    def cross_entropy(self, logits: Any, target: Any) -> Any:
        """Mean over rows."""
        shifted = logits - self.np.max(logits, axis=1, keepdims=True)
        picked = shifted[np.arange(len(target)), target]
        return self.np.mean(self.np.log(self.np.sum(self.np.exp(shifted), axis=1)) - picked)

    def layer_norm(self, x: Any, weight: Any, bias: Any) -> Any:
        centred = x - self.np.mean(x, axis=-1, keepdims=True)
        variance = self.np.mean(centred * centred, axis=-1, keepdims=True)
        return centred / self.np.sqrt(variance + 1e-5) * weight + bias

    def loop(self, cell: Callable[[Any, Any], Any], state: Any, inputs: Any) -> Any:
        """The state after the cell has seen every input."""
        for i in range(inputs.shape[0]):
            state = cell(state, inputs[i])
        return state

    def states(self, cell: Callable[[Any, Any], Any], state: Any, inputs: Any) -> Any:
        """The first part of every state, stacked."""
        seen = []
        for i in range(inputs.shape[0]):
            state = cell(state, inputs[i])
            seen.append(state[0])
        return self.np.stack(seen)


class Adam:
    """The update on plain arrays, for libraries without an optimizer of their own."""

    def __init__(self, params: list[np.ndarray], lr: float) -> None:
        self.lr, self.t = lr, 0
        self.m, self.v = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]

    def __call__(self, params: list[np.ndarray], grads: list[np.ndarray]) -> None:
        self.t += 1
        rate = self.lr / (1 - 0.9**self.t)
        correction = math.sqrt(1 - 0.999**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= rate * m / (np.sqrt(v) / correction + 1e-8)


def updater(task: Functional) -> Callable[[list[np.ndarray], list[np.ndarray]], None]:
    """In-place update of NumPy parameters."""
    if task.update == "adam":
        return Adam(task.params, task.lr)

    def sgd(params: list[np.ndarray], grads: list[np.ndarray]) -> None:
        for p, g in zip(params, grads, strict=True):
            p -= task.lr * g

    return sgd


# --- HIPS autograd


class Hips(Adapter):
    def __init__(self) -> None:
        self.np = importlib.import_module("autograd.numpy")
        self.tools = importlib.import_module("autograd")

    def gradient(self, function: Callable, x: Any) -> Any:
        return self.tools.grad(function)(x)

    def task(self, spec: Functional) -> Task:
        params, last = [p.copy() for p in spec.params], []
        if spec.update == "hessian":
            hessian = self.tools.hessian(lambda x: spec.loss(self, [x]))
            return Task(lambda: last.__setitem__(slice(None), [hessian(params[0])]), lambda: last)
        both = self.tools.value_and_grad(lambda p: spec.loss(self, p, *spec.batch))
        update = updater(spec)

        def step() -> None:
            value, grads = both(params)
            if spec.update != "none":
                update(params, grads)
            last[:] = [value, *(grads if spec.update == "none" else params)]

        return Task(step, lambda: [np.array(a) for a in last[not spec.value :]])


# --- JAX


class Jax(Adapter):
    def __init__(self) -> None:
        self.jax = importlib.import_module("jax")
        self.np = importlib.import_module("jax.numpy")

    def gelu(self, x: Any) -> Any:
        return self.jax.nn.gelu(x, approximate=True)

    def cross_entropy(self, logits: Any, target: Any) -> Any:
        logp = self.jax.nn.log_softmax(logits, axis=1)
        return -self.np.mean(self.np.take_along_axis(logp, target[:, None], axis=1))

    def loop(self, cell: Callable, state: Any, inputs: Any) -> Any:
        return self.jax.lax.scan(lambda s, x: (cell(s, x), None), state, inputs)[0]

    def states(self, cell: Callable, state: Any, inputs: Any) -> Any:
        def one(s: Any, x: Any) -> tuple[Any, Any]:
            s = cell(s, x)
            return s, s[0]

        return self.jax.lax.scan(one, state, inputs)[1]

    def conv2d(self, x: Any, weight: Any, padding: int = 0) -> Any:
        return self.jax.lax.conv(x, weight, (1, 1), "SAME" if padding else "VALID")

    def max_pool(self, x: Any) -> Any:
        window = (1, 1, 2, 2)
        return self.jax.lax.reduce_window(x, -self.np.inf, self.jax.lax.max, window, window, "VALID")

    def gradient(self, function: Callable, x: Any) -> Any:
        return self.jax.grad(function)(x)

    def update(self, spec: Functional, params: Any, grads: Any, state: Any) -> tuple[Any, Any]:
        """New parameters and optimizer state, inside the compiled step."""
        if spec.update == "sgd":
            return [p - spec.lr * g for p, g in zip(params, grads, strict=True)], state
        t, m, v = state[0] + 1, state[1], state[2]
        m = [a + 0.1 * (g - a) for a, g in zip(m, grads, strict=True)]
        v = [a + 0.001 * (g * g - a) for a, g in zip(v, grads, strict=True)]
        rate, correction = spec.lr / (1 - 0.9**t), self.np.sqrt(1 - 0.999**t)
        moved = zip(params, m, v, strict=True)
        return [p - rate * a / (self.np.sqrt(b) / correction + 1e-8) for p, a, b in moved], (t, m, v)

    def task(self, spec: Functional) -> Task:
        params = [self.np.asarray(p) for p in spec.params]
        batch = [self.np.asarray(b) for b in spec.batch]
        if spec.update == "hessian":
            hessian = self.jax.hessian(lambda x: spec.loss(self, [x]))
            return self.running(self.jax.jit(lambda p, s: ([hessian(p[0])], p, s)), params, ())
        both = self.jax.value_and_grad(lambda p, *b: spec.loss(self, p, *b))

        def whole(p: Any, state: Any, *b: Any) -> tuple[Any, Any, Any]:
            value, grads = both(p, *b)
            if spec.update == "none":
                return [value, *grads][not spec.value :], p, state
            p, state = self.update(spec, p, grads, state)
            return [value, *p], p, state

        zeros = [self.np.zeros_like(p) for p in params]
        return self.running(self.jax.jit(whole), params, (0.0, zeros, zeros), *batch)

    def running(self, compiled: Callable, params: Any, state: Any, *batch: Any) -> Task:
        kept = {"params": params, "state": state, "last": []}

        def step() -> None:
            kept["last"], kept["params"], kept["state"] = compiled(kept["params"], kept["state"], *batch)
            self.jax.block_until_ready(kept["last"])

        return Task(step, lambda: [np.asarray(a) for a in kept["last"]])


# --- MyGrad


class MyGrad(Adapter):
    def __init__(self) -> None:
        self.np = importlib.import_module("mygrad")
        self.nnet = {
            name: importlib.import_module(f"mygrad.nnet.{name}") for name in ("activations", "losses", "layers")
        }

    def relu(self, x: Any) -> Any:
        return self.nnet["activations"].relu(x)

    def sigmoid(self, x: Any) -> Any:
        return self.nnet["activations"].sigmoid(x)

    def softmax(self, x: Any) -> Any:
        return self.nnet["activations"].softmax(x)

    def cross_entropy(self, logits: Any, target: Any) -> Any:
        return self.nnet["losses"].softmax_crossentropy(logits, target)

    def conv2d(self, x: Any, weight: Any, padding: int = 0) -> Any:
        return self.nnet["layers"].conv_nd(x, weight, stride=1, padding=padding)

    def max_pool(self, x: Any) -> Any:
        return self.nnet["layers"].max_pool(x, (2, 2), 2)

    def task(self, spec: Functional) -> Task:
        params, last = [self.np.tensor(p) for p in spec.params], []
        update = updater(spec)

        def step() -> None:
            value = spec.loss(self, params, *spec.batch)
            value.backward()
            if spec.update != "none":
                update([p.data for p in params], [p.grad for p in params])
            last[:] = [value.data, *(p.grad if spec.update == "none" else p.data for p in params)]

        return Task(step, lambda: [np.array(a) for a in last[not spec.value :]])


# --- tinygrad


class TinyNumpy:
    """The NumPy spellings that workloads use, as tinygrad's methods."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __getattr__(self, name: str) -> Callable:
        return lambda x, *rest: getattr(x, name)(*rest)

    def max(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return x.max(axis=axis, keepdim=keepdims)

    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return x.sum(axis=axis, keepdim=keepdims)

    def mean(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return x.mean(axis=axis, keepdim=keepdims)

    def reshape(self, x: Any, shape: Any) -> Any:
        return x.reshape(shape)

    def transpose(self, x: Any, axes: Any) -> Any:
        return x.permute(axes)

    def stack(self, xs: Any) -> Any:
        return self.tensor.stack(*xs)

    def concatenate(self, xs: Any, axis: int) -> Any:
        return xs[0].cat(*xs[1:], dim=axis)


class TinyGrad(Adapter):
    """Lazy, so every step runs under TinyJit and ends by realizing what it made."""

    def __init__(self) -> None:
        tinygrad = importlib.import_module("tinygrad")
        self.tensor, self.jit, self.context = tinygrad.Tensor, tinygrad.TinyJit, tinygrad.Context
        self.np = TinyNumpy(self.tensor)

    def relu(self, x: Any) -> Any:
        return x.relu()

    def softmax(self, x: Any) -> Any:
        return x.softmax(-1)

    def cross_entropy(self, logits: Any, target: Any) -> Any:
        return logits.cross_entropy(target)

    def conv2d(self, x: Any, weight: Any, padding: int = 0) -> Any:
        return x.conv2d(weight, padding=padding)

    def max_pool(self, x: Any) -> Any:
        return x.max_pool2d((2, 2))

    def task(self, spec: Functional) -> Task:
        params = [self.tensor(p).contiguous().realize() for p in spec.params]
        batch, last = [self.tensor(b).realize() for b in spec.batch], []
        optim = importlib.import_module("tinygrad.nn.optim")
        kind = {"sgd": optim.SGD, "adam": optim.Adam}.get(spec.update)
        optimizer = kind(params, lr=spec.lr) if kind else None

        def whole() -> list[Any]:
            value = spec.loss(self, params, *batch)
            grads = value.gradient(*params)
            if optimizer is None:
                self.tensor.realize(value, *grads)
                return [value, *grads]
            for p, g in zip(params, grads, strict=True):
                p.grad = g
            self.tensor.realize(value, *optimizer.schedule_step())
            return [value]

        compiled = self.jit(whole)

        def step() -> None:
            with self.context(TRAINING=1):
                last[:] = compiled()
            last[0].numpy()

        return Task(step, lambda: [a.numpy() for a in (last if optimizer is None else [*last, *params])])


ADAPTERS = {"hips": Hips, "jax": Jax, "mygrad": MyGrad, "tinygrad": TinyGrad}
