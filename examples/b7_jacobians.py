"""B7. Derivatives every network uses: sigmoid, softmax, softmax with cross-entropy, LeakyReLU; formula against Jacobian."""

from __future__ import annotations

from collections.abc import Callable

from _shared import options

import autograd
import nn.functional as F
from autograd.functional import jacobian


def sigmoid_rule(x: autograd.Tensor) -> autograd.Tensor:
    """s (1 - s), each output depending on its own input only."""
    s = autograd.sigmoid(x)
    return autograd.diag(s * (1 - s))


def softmax_rule(x: autograd.Tensor) -> autograd.Tensor:
    """diag(p) - p pᵀ: raising one logit takes from all the others."""
    p = F.softmax(x, dim=0)
    return autograd.diag(p) - autograd.outer(p, p)


def loss_rule(x: autograd.Tensor) -> autograd.Tensor:
    """p - y: softmax and cross-entropy cancel to the plain error."""
    return F.softmax(x, dim=0) - F.one_hot(autograd.tensor(2), len(x))


def leaky_rule(x: autograd.Tensor) -> autograd.Tensor:
    """1 to the right of zero, the slope to the left."""
    return autograd.diag(autograd.where(x > 0, autograd.ones_like(x), 0.2))


PAIRS: dict[str, tuple[Callable, Callable]] = {
    "sigmoid' = s (1 - s)": (autograd.sigmoid, sigmoid_rule),
    "softmax' = diag(p) - p pᵀ": (lambda x: F.softmax(x, dim=0), softmax_rule),
    "(cross-entropy of softmax)' = p - y": (lambda x: F.cross_entropy(x, autograd.tensor(2)), loss_rule),
    "LeakyReLU' = 1 or the slope": (lambda x: F.leaky_relu(x, 0.2), leaky_rule),
}


def main(arguments: list[str] | None = None) -> dict[str, float]:
    options(__doc__, arguments)
    x = autograd.tensor([1.0, -0.5, 2.0, 0.3], dtype=autograd.float64)
    apart = {}
    for name, (f, rule) in PAIRS.items():
        by_engine, by_formula = jacobian(f, x), rule(x)
        apart[name] = (by_engine - by_formula).abs().max().item()
        print(f"{name}   (apart by {apart[name]:.1e})\n{by_engine}\n")
    return apart


if __name__ == "__main__":
    main()
