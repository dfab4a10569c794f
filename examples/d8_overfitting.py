"""D8. Over-fitting seen and cured: 150 digits, a large network; then with weight decay; then stopped at the right time."""

from __future__ import annotations

from typing import Any

from _shared import digits, epoch, options, pyplot, save

import autograd
import nn
from nn.training import EarlyStopping, progress


def train(x: Any, y: Any, u: Any, v: Any, epochs: int, weight_decay: float = 0.0, patience: int = 10**9) -> list[tuple]:
    """(training loss, validation loss) of each epoch, until the epochs or the patience end."""
    autograd.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )
    optimizer, loss_of = nn.optim.AdamW(model.parameters(), lr=0.001, weight_decay=weight_decay), nn.CrossEntropyLoss()
    stopper, losses = EarlyStopping(patience), []
    for _ in progress(range(epochs), "training"):
        training = epoch(model, [(x, y)], loss_of, optimizer)
        with autograd.no_grad():
            losses.append((training, loss_of(model.eval()(u), v).item()))
        if stopper(losses[-1][1]):
            break
    return losses


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    chosen = options(__doc__, arguments)
    x, y, u, v = digits()
    noisy = x[:150] + 0.4 * autograd.randn(150, 1, 8, 8)  # noise to learn by heart
    data = noisy, y[:150], u + 0.4 * autograd.randn(*u.shape), v
    epochs = 150 if chosen.quick else 300
    runs = {
        "over-fitting": train(*data, epochs),
        "L2 (weight decay)": train(*data, epochs, weight_decay=20.0),
        "early stopping": train(*data, epochs, patience=10),
    }
    figure, places = pyplot().subplots(1, 3, figsize=(10, 3), sharey=True)
    for axes, (name, losses) in zip(places, runs.items(), strict=True):
        axes.plot(losses, label=("training", "validation"))
        axes.set(title=name, xlabel="epoch")
        axes.legend()
        lowest, (last, there) = min(loss for _, loss in losses), losses[-1]
        print(f"{name:18} {len(losses):4} epochs   training {last:.4f}   validation {there:.4f} (lowest {lowest:.4f})")
    save(figure, chosen.out / "d8_overfitting.png")
    return {name: {"training": losses[-1][0], "validation": losses[-1][1], "lowest": min(w for _, w in losses)}
            for name, losses in runs.items()}  # fmt: skip


if __name__ == "__main__":
    main()
