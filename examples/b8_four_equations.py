"""B8. The four equations of backpropagation, by hand for a 3-4-2 network with squared error, against backward().

With z = W a + b and a = s(z) in every layer and J = |a - y|² / 2:
  (1) the last error    δ = (a - y) * s'(z)
  (2) an earlier error  δ = Wᵀ(next) δ(next) * s'(z)
  (3) weights           dJ/dW = δ a(before)ᵀ
  (4) biases            dJ/db = δ
"""

from __future__ import annotations

import itertools

from _shared import options

import autograd

SIZES = (3, 4, 2)
Layers = list[tuple[autograd.Tensor, autograd.Tensor]]


def forward(layers: Layers, x: autograd.Tensor) -> list[autograd.Tensor]:
    """The activations of every layer, the input first."""
    activations = [x]
    for W, b in layers:
        activations.append(autograd.sigmoid(W @ activations[-1] + b))
    return activations


def by_hand(layers: Layers, x: autograd.Tensor, y: autograd.Tensor) -> list[tuple[autograd.Tensor, autograd.Tensor]]:
    """dJ/dW and dJ/db of every layer by the four equations."""
    activations = forward(layers, x)
    error = (activations[-1] - y) * slope(activations[-1])  # (1)
    found = [(autograd.outer(error, activations[-2]), error)]  # (3), (4)
    for (W, _), a, before in zip(layers[:0:-1], activations[-2:0:-1], activations[-3::-1], strict=True):
        error = W.T @ error * slope(a)  # (2)
        found.append((autograd.outer(error, before), error))
    return found[::-1]


def slope(a: autograd.Tensor) -> autograd.Tensor:
    """s'(z), written with a = s(z)."""
    return a * (1 - a)


def main(arguments: list[str] | None = None) -> dict[str, float]:
    options(__doc__, arguments)
    make = {"dtype": autograd.float64, "requires_grad": True}
    layers = [(autograd.randn(n, m, **make), autograd.randn(n, **make)) for m, n in itertools.pairwise(SIZES)]
    x, y = autograd.rand(3, dtype=autograd.float64), autograd.tensor([0.0, 1.0], dtype=autograd.float64)

    J = ((forward(layers, x)[-1] - y) ** 2).sum() / 2
    J.backward()
    with autograd.no_grad():
        hand = by_hand(layers, x, y)
    apart = 0.0
    for number, ((W, b), (dW, db)) in enumerate(zip(layers, hand, strict=True), 1):
        apart = max(apart, (W.grad - dW).abs().max().item(), (b.grad - db).abs().max().item())
        print(f"layer {number}: dJ/dW by hand\n{dW}\nby backward()\n{W.grad}")
        print(f"dJ/db by hand {db}\nby backward() {b.grad}\n")
    print(f"furthest apart: {apart:.1e}")
    return {"apart": apart, "loss": J.item()}


if __name__ == "__main__":
    main()
