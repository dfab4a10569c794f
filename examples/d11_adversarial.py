"""D11. The gradient with respect to the input: small steps that raise the loss until a digit is read as another."""

from __future__ import annotations

from typing import Any

from _shared import digits, fit, images, options, right

import autograd
import nn
import nn.functional as F


def fool(
    model: nn.Module, x: autograd.Tensor, label: autograd.Tensor, step: float = 0.02, most: int = 50
) -> autograd.Tensor:
    """x moved along the sign of the loss's gradient, a little at a time, until its class changes."""
    moved = x.clone()
    for _ in range(most):
        moved.requires_grad_()
        scores = model(moved)
        if scores.argmax(dim=1) != label:
            break
        (slope,) = autograd.grad(F.cross_entropy(scores, label), moved)
        moved = (moved.detach() + step * slope.sign()).clamp(0, 1)
    return moved.detach()


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments)
    x, y, x_test, y_test = digits(chosen.quick)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    fit(model, x, y, nn.optim.Adam(model.parameters(), lr=0.003), 15, seed=chosen.seed)
    print(f"held-out digits read right: {right(model, x_test, y_test):.4f}")

    pictures, titles, changes = [], [], []
    with autograd.no_grad():
        read = model(x_test).argmax(dim=1)
    for digit in (2, 4, 6, 8):
        place = ((y_test == digit) & (read == digit)).nonzero()[0]
        image, label = x_test[place], y_test[place]
        moved = fool(model, image, label)
        before, after = (model(v).argmax().item() for v in (image, moved))
        changes.append((before, after, (moved - image).abs().max().item()))
        print(f"a {label.item()}: read as {before}, after changes of at most {changes[-1][2]:.2f} per pixel as {after}")
        pictures += [image[0, 0], (moved - image)[0, 0].abs(), moved[0, 0]]
        titles += [f"read as {before}", "change", f"read as {after}"]
    images(chosen.out / "d11_adversarial.png", pictures, titles, columns=6)
    return {"changes": changes}


if __name__ == "__main__":
    main()
