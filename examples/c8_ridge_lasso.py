"""C8. Ridge and lasso: a price on weights, squared (λ ||w||²) or by amount (λ ||w||₁). Lasso makes most of them zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from _shared import options, pyplot, save

import autograd
import nn
from nn.training import progress

LAMBDA = 0.1


def data(seed: int) -> tuple[autograd.Tensor, autograd.Tensor]:
    """60 samples of 12 inputs, of which 3 matter."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(60, 12))
    y = x[:, :3] @ [3.0, -2.0, 1.0] + random.normal(0, 0.5, 60)
    return autograd.tensor(x), autograd.tensor(y[:, None])


def fit(x: Any, y: Any, steps: int, penalty: Callable | None = None, weight_decay: float = 0.0) -> np.ndarray:
    """Weights after full-batch gradient descent on mean squared error plus the penalty."""
    model = nn.Linear(12, 1, bias=False, dtype=autograd.float64)
    nn.init.zeros_(model.weight)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.05, weight_decay=weight_decay)
    for _ in progress(range(steps), "training"):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        if penalty is not None:
            loss = loss + penalty(model.weight)
        loss.backward()
        optimizer.step()
    return model.weight.detach().numpy()[0]


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments)
    x, y = data(chosen.seed)
    steps = 500 if chosen.quick else 2000
    weights = {
        "plain": fit(x, y, steps),
        "ridge by weight_decay": fit(x, y, steps, weight_decay=2 * LAMBDA),  # the derivative of λ w² is 2 λ w
        "ridge by its term": fit(x, y, steps, lambda w: LAMBDA * (w**2).sum()),
        "lasso": fit(x, y, steps, lambda w: 2 * LAMBDA * w.abs().sum()),
    }
    figure, axes = pyplot().subplots(figsize=(6, 3.2))
    for place, (name, w) in enumerate(weights.items()):
        near_zero = int((np.abs(w) < 0.01).sum())
        shown = " ".join(f"{v:6.3f}" for v in w)
        print(f"{name:22} ||w|| {np.linalg.norm(w):.4f}   near zero {near_zero:2}   [{shown}]")
        axes.bar(np.arange(12) + 0.2 * place, w, 0.2, label=name)
    axes.legend(fontsize=8)
    axes.set(xlabel="weight")
    save(figure, chosen.out / "c8_ridge_lasso.png")
    return {"norm": {name: float(np.linalg.norm(w)) for name, w in weights.items()},
            "near zero": {name: int((np.abs(w) < 0.01).sum()) for name, w in weights.items()},
            "apart": float(np.abs(weights["ridge by weight_decay"] - weights["ridge by its term"]).max())}  # fmt: skip


if __name__ == "__main__":
    main()
