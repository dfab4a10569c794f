"""D10. Recurrent networks read an image row by row, top to bottom, and then say which digit it was."""

from __future__ import annotations

from _shared import curves, digits, fit, options, right

import autograd
import nn


class Reader(nn.Module):
    """A recurrent layer over the rows; the state after the last one is classified."""

    def __init__(self, layer: type[nn.Module], hidden: int = 64) -> None:
        super().__init__()
        self.rows = layer(8, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def forward(self, x: autograd.Tensor) -> autograd.Tensor:
        states, _ = self.rows(x.squeeze(1))  # (N, 1, 8, 8) -> (N, 8 rows, 8 pixels) -> (N, 8, hidden)
        return self.head(states[:, -1])


def main(arguments: list[str] | None = None) -> dict[str, float]:
    chosen = options(__doc__, arguments)
    x, y, x_test, y_test = digits()
    epochs, losses, accuracies = 20 if chosen.quick else 40, {}, {}
    for name, layer in {"RNN": nn.RNN, "LSTM": nn.LSTM}.items():
        autograd.manual_seed(chosen.seed)
        model = Reader(layer)
        optimizer = nn.optim.Adam(model.parameters(), lr=0.01)
        rate = nn.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=epochs)
        losses[name] = fit(model, x, y, optimizer, epochs, seed=chosen.seed, scheduler=rate)
        accuracies[name] = right(model, x_test, y_test)
        print(f"{name:4}  loss {losses[name][-1]:.4f}, held-out digits read right {accuracies[name]:.4f}")
    curves(chosen.out / "d10_loss.png", "reading row by row", losses, log=True)
    return accuracies


if __name__ == "__main__":
    main()
