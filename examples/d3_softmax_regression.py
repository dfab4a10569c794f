"""D3. Softmax regression: one linear layer, cross-entropy, SGD. About 90 % on MNIST, 93 % and more on the small digits."""

from __future__ import annotations

from _shared import add_data, begin, curves, fit, images, images_of, parser, right

import nn


def main(arguments: list[str] | None = None) -> dict[str, float]:
    made = add_data(parser(__doc__))
    made.add_argument("--epochs", type=int, default=30, help="passes over the training images (30)")
    chosen = begin(made, arguments)
    x, y, x_test, y_test = images_of(chosen.data, chosen.quick)
    pixels = x[0].numel()
    model = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 10))
    losses = fit(model, x, y, nn.optim.SGD(model.parameters(), lr=0.2), chosen.epochs, seed=chosen.seed)
    accuracy = right(model, x_test, y_test)
    print(f"loss {losses[0]:.4f} to {losses[-1]:.4f}; held-out images read right: {accuracy:.4f}")

    curves(chosen.out / "d3_loss.png", "softmax regression", {"cross-entropy": losses})
    side = x.shape[-1]
    wanted = list(model[1].weight.detach().reshape(10, side, side))  # what each class looks for
    images(chosen.out / "d3_weights.png", wanted, range(10), columns=10, cmap="RdBu")
    return {"accuracy": accuracy}


if __name__ == "__main__":
    main()
