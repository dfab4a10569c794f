"""One neuron differentiated and drawn, step by step; then a network learns to read handwritten digits.

The first part is the logistic neuron y = 1 / (1 + e^-(w·x + b)): every value of the forward pass, every line of the
chain rule on the way back, and the same numbers above and below the wires of a picture. The second part trains a
multilayer perceptron on 1,437 real digits of 8 x 8 pixels and tests it on 360 others.
"""

from __future__ import annotations

from pathlib import Path

from _shared import begin, curves, digits, fit, images, parser, right

import autograd
import nn
from autograd import viz


def walk_through(out: Path) -> list[Path]:
    """Print and draw the logistic neuron at w = [1, -2], x = [3, 2], b = 2."""
    w = autograd.tensor([1.0, -2.0], dtype=autograd.float64, requires_grad=True)
    x = autograd.tensor([3.0, 2.0], dtype=autograd.float64, requires_grad=True)
    b = autograd.tensor(2.0, dtype=autograd.float64, requires_grad=True)
    with viz.scope("z"):  # one node in the pictures
        z = w @ x + b
    y = 1 / (1 + autograd.exp(-z))
    y.backward()

    print("y = 1 / (1 + e^-(w·x + b)), from left to right and back again\n")
    print(viz.explain(y, precision=4))
    print()
    print(viz.text(y))
    print(f"\ny = {y.item():.6f}   ∂y/∂w = {numbers(w.grad)}   ∂y/∂x = {numbers(x.grad)}   ∂y/∂b = {b.grad.item():.6f}")

    player = viz.steps(y)
    return [
        viz.draw(y, title="value above, gradient below").to(out / "walk_through.svg"),
        player.to(out / "walk_through.html"),
        player.sheet().to(out / "walk_through_steps.svg"),
        viz.draw(y, view="derivative", title="the derivative's graph").to(out / "walk_through_derivative.svg"),
    ]


def numbers(t: autograd.Tensor) -> str:
    return "[" + ", ".join(f"{value:.6f}" for value in t.tolist()) + "]"


def read_digits(out: Path, seed: int, epochs: int) -> tuple[float, list[Path]]:
    """Train on the digits, draw what happened, return the share of held-out digits read right."""
    x, y, x_test, y_test = digits()
    autograd.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 64), nn.ReLU(),
                          nn.Linear(64, 10))  # fmt: skip
    count = sum(p.numel() for p in model.parameters())
    print(f"\nA network of {count:,} parameters learns from {len(x):,} digits:\n{model}")

    losses = fit(model, x, y, nn.optim.Adam(model.parameters(), 0.002), epochs, seed=seed)
    print(f"loss {losses[0]:.4f} after the first epoch, {losses[-1]:.4f} after {epochs}")
    accuracy = right(model, x_test, y_test)
    return accuracy, [*draw_network(model, x[:8], y[:8], out), *draw_results(model, losses, x_test, y_test, out)]


def draw_network(model: nn.Module, x: autograd.Tensor, y: autograd.Tensor, out: Path) -> list[Path]:
    """The computation graph of one batch, loss included."""
    loss = nn.functional.cross_entropy(model(x), y)
    return [viz.draw(loss, model=model, title="the network's graph").to(out / "digits_graph.svg")]


def draw_results(
    model: nn.Module, losses: list[float], x: autograd.Tensor, y: autograd.Tensor, out: Path
) -> list[Path]:
    """The loss curve, and the held-out digits the network takes for others."""
    curve, page = out / "digits_loss.png", out / "digits_mistakes.png"
    curves(curve, "cross-entropy on the training digits", {"training": losses}, log=True)
    with autograd.no_grad():
        guess = model.eval()(x).argmax(1)
    wrong = (guess != y).nonzero().flatten().tolist()
    titles = [f"{y[i].item()} read as {guess[i].item()}" for i in wrong]
    images(page, [x[i, 0].numpy() for i in wrong], titles, columns=max(4, min(6, len(wrong))))
    return [curve, page]


def main(arguments: list[str] | None = None) -> dict[str, float]:
    made = parser(__doc__)
    made.add_argument("--epochs", type=int, help="passes over the training digits (40; --quick 15)")
    options = begin(made, arguments)
    files = walk_through(options.out)
    accuracy, more = read_digits(options.out, options.seed, options.epochs or (15 if options.quick else 40))
    print("\nfiles:\n" + "\n".join(f"  {path}" for path in files + more))
    print(f"test accuracy: {accuracy:.4f}")
    return {"accuracy": accuracy}


if __name__ == "__main__":
    main()
