"""C10. Linear, logistic and Poisson regression are one model: η = X w, a likelihood, and the same routine for all.

Each is fitted by minimising its negative log-likelihood. At the optimum all three obey the same equation,
Xᵀ (y - μ) = 0, with μ = η, s(η) or e^η.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from _shared import options, pyplot, save

import autograd
import nn
import nn.functional as F


class Family(NamedTuple):
    """How one kind of observation follows from η."""

    mean: Callable  # μ of η
    loss: Callable  # negative log-likelihood of y given η, constants left out
    draw: Callable  # observations, given a random generator and μ


FAMILIES = {
    "linear (normal)": Family(lambda eta: eta, F.mse_loss, lambda r, mu: r.normal(mu, 0.5)),
    "logistic (Bernoulli)": Family(
        autograd.sigmoid, F.binary_cross_entropy_with_logits, lambda r, mu: r.binomial(1, mu)
    ),
    "Poisson": Family(autograd.exp, F.poisson_nll_loss, lambda r, mu: r.poisson(mu)),
}
TRUTH = np.array([1.2, 0.5])  # slope, bias


def fit(X: autograd.Tensor, y: autograd.Tensor, family: Family) -> autograd.Tensor:
    """The weights of largest likelihood."""
    w = nn.Parameter(autograd.zeros(X.shape[1], dtype=X.dtype))
    optimizer = nn.optim.LBFGS(
        [w], max_iter=200, tolerance_grad=1e-10, tolerance_change=1e-15, line_search_fn="strong_wolfe"
    )

    def closure() -> autograd.Tensor:
        optimizer.zero_grad()
        loss = family.loss(X @ w, y)
        loss.backward()
        return loss

    optimizer.step(closure)
    return w.detach()


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments)
    random = np.random.default_rng(chosen.seed)
    x = random.uniform(-2, 2, 400)
    X = autograd.tensor(np.column_stack([x, np.ones_like(x)]))
    figure, places = pyplot().subplots(1, 3, figsize=(9, 2.8))
    found = {}
    for axes, (name, family) in zip(places, FAMILIES.items(), strict=True):
        mu = family.mean(X @ autograd.tensor(TRUTH)).numpy()
        y = autograd.tensor(family.draw(random, mu).astype(float))
        w = fit(X, y, family)
        fitted = family.mean(X @ w)
        score = (X.T @ (y - fitted)).abs().max().item()
        print(f"{name:21} w = {w}   truth {TRUTH}   |Xᵀ(y - μ)| = {score:.1e}")
        found[name] = (w.tolist(), score)
        axes.scatter(x, y, s=4, alpha=0.4)
        axes.plot(np.sort(x), fitted.numpy()[np.argsort(x)], color="#c0392b")
        axes.set(title=name)
    save(figure, chosen.out / "c10_generalised.png")
    return found


if __name__ == "__main__":
    main()
