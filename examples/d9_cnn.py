"""D9. A convolutional network on the digits, its filters and what they answer."""

from __future__ import annotations

from _shared import add_data, begin, curves, fit, images, images_of, parser, right

import autograd
import nn


def build(side: int) -> nn.Sequential:
    """Two convolutions with ReLU, pooling, two linear layers; softmax is in the loss."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.4), nn.Linear(32 * (side // 2) ** 2, 64), nn.ReLU(), nn.Linear(64, 10))  # fmt: skip


def main(arguments: list[str] | None = None) -> dict[str, float]:
    made = add_data(parser(__doc__))
    made.add_argument("--epochs", type=int, default=20, help="passes over the training images (20)")
    chosen = begin(made, arguments)
    x, y, x_test, y_test = images_of(chosen.data)
    model = build(x.shape[-1])
    optimizer = nn.optim.Adam(model.parameters(), lr=0.003)
    rate = nn.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.003, total_steps=chosen.epochs)
    losses = fit(model, x, y, optimizer, chosen.epochs, seed=chosen.seed, scheduler=rate)
    accuracy = right(model, x_test, y_test)
    print(f"loss {losses[0]:.4f} to {losses[-1]:.4f}; held-out images read right: {accuracy:.4f}")

    with autograd.no_grad():
        maps = model[:2](x_test[:1])[0]
    curves(chosen.out / "d9_loss.png", "convolutional network", {"cross-entropy": losses}, log=True)
    images(chosen.out / "d9_filters.png", list(model[0].weight.detach()[:, 0]), columns=8, cmap="RdBu")
    images(chosen.out / "d9_maps.png", [x_test[0, 0], *maps], ["image", *range(16)], columns=9)
    return {"accuracy": accuracy}


if __name__ == "__main__":
    main()
