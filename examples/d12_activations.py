"""D12. Activation functions and their derivatives, both computed and drawn by the engine."""

from __future__ import annotations

from collections.abc import Callable

from _shared import options, pyplot, save

import autograd
import nn.functional as F

ACTIVATIONS: dict[str, Callable] = {
    "sigmoid": autograd.sigmoid,
    "tanh": autograd.tanh,
    "ReLU": F.relu,
    "LeakyReLU": lambda x: F.leaky_relu(x, 0.2),
    "SELU": F.selu,
    "ELU": F.elu,
    "GELU": F.gelu,
}


def slopes(f: Callable, x: autograd.Tensor) -> autograd.Tensor:
    """f' at every point: each output depends on its own input, so the gradient of the sum holds them all."""
    x = x.detach().requires_grad_()
    (g,) = autograd.grad(f(x).sum(), x)
    return g


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments)
    x = autograd.linspace(-4, 4, 321, dtype=autograd.float64)
    figure, places = pyplot().subplots(2, 4, figsize=(11, 5))
    apart = {}
    for axes, (name, f) in zip(places.flat, ACTIVATIONS.items(), strict=False):
        g, h = slopes(f, x), 1e-6
        near = (f(x + h) - f(x - h)) / (2 * h)
        smooth = x != 0  # at a corner there is no derivative
        apart[name] = (g - near)[smooth].abs().max().item()
        at = slopes(f, autograd.tensor([-1.0, 1.0], dtype=autograd.float64)).tolist()
        print(f"{name:10} f'(-1) = {at[0]:8.5f}   f'(1) = {at[1]:8.5f}   from differences: {apart[name]:.1e}")
        axes.plot(x, f(x), label=name)
        axes.plot(x, g, "--", label="derivative")
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    places.flat[-1].axis("off")
    save(figure, chosen.out / "d12_activations.png")
    return apart


if __name__ == "__main__":
    main()
