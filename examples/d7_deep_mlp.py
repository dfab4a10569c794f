"""D7. A deep MLP trained as in practice: validation, early stopping, the best state kept in a file, training resumed.

520, 320, 240 and 120 hidden units, Dropout 0.2 after the first layer, ReLU, cross-entropy, SGD 0.01 with momentum 0.5,
batches of 32. Training stops when the validation loss has not fallen by 0.1 % for three epochs. The file written at the
best epoch holds weights, optimizer and random generators: going on from it repeats the last epochs bit for bit.
"""

from __future__ import annotations

from typing import Any

from _shared import add_data, begin, curves, epoch, images_of, parser, right

import autograd
import nn
from nn.training import Checkpoint, EarlyStopping


class Run:
    """A model and all that its training needs."""

    def __init__(self, pixels: int, train: nn.data.Dataset, valid: nn.data.Dataset, path: Any, seed: int) -> None:
        autograd.manual_seed(seed)
        self.model = nn.Sequential(
            nn.Flatten(), nn.Linear(pixels, 520), nn.Dropout(0.2), nn.ReLU(), nn.Linear(520, 320), nn.ReLU(),
            nn.Linear(320, 240), nn.ReLU(), nn.Linear(240, 120), nn.ReLU(), nn.Linear(120, 10))  # fmt: skip
        for layer in self.model:
            if isinstance(layer, nn.Linear):  # so that signals keep their size through all six layers
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        self.optimizer = nn.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.5)
        self.stopper = EarlyStopping(patience=3, min_delta=0.001, relative=True)
        order = autograd.Generator().manual_seed(seed)
        self.loader = nn.data.DataLoader(train, batch_size=32, shuffle=True, generator=order)
        self.valid, self.loss_of = valid[:], nn.CrossEntropyLoss()
        self.checkpoint = Checkpoint(
            path, model=self.model, optimizer=self.optimizer, stopper=self.stopper, order=order
        )
        self.losses: list[tuple[float, float]] = []

    def go(self, first: int, last: int, keep: bool) -> int:
        """Train from epoch `first` until the stopper says so or `last` is done; the last epoch trained."""
        for number in range(first, last):
            batches = nn.training.progress(self.loader, f"epoch {number}")
            training = epoch(self.model, batches, self.loss_of, self.optimizer)
            validation = self.validate()
            self.losses.append((training, validation))
            print(f"epoch {number:3}   training {training:.4f}   validation {validation:.4f}")
            stop = self.stopper(validation)
            if keep and self.stopper.improved:
                self.checkpoint.save(number)
            if stop:
                return number
        return last - 1

    @autograd.no_grad()
    def validate(self) -> float:
        x, y = self.valid
        return self.loss_of(self.model.eval()(x), y).item()


def same(one: nn.Module, other: nn.Module) -> bool:
    """Whether all parameters are equal to the last bit."""
    return all(autograd.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    made = add_data(parser(__doc__))
    made.add_argument("--epochs", type=int, help="at most so many (5 on MNIST, 100 on the small digits)")
    chosen = begin(made, arguments)
    x, y, x_test, y_test = images_of(chosen.data)
    data = nn.data.TensorDataset(x, y)
    train, valid = nn.data.random_split(data, [0.9, 0.1], autograd.Generator().manual_seed(chosen.seed))
    limit = chosen.epochs or (100 if chosen.data == "digits" else 5)
    path = chosen.out / "d7_best.ckpt"
    path.unlink(missing_ok=True)

    run = Run(x[0].numel(), train, valid, path, chosen.seed)
    last = run.go(0, limit, keep=True)
    again = Run(x[0].numel(), train, valid, path, chosen.seed + 1)  # other weights, until the file is read
    first = again.checkpoint.resume()
    accuracy = right(again.model, x_test, y_test)
    print(f"best epoch {first - 1}; with its weights {accuracy:.4f} of the held-out images are read right; resuming")
    again.go(first, last + 1, keep=False)
    equal = same(run.model, again.model)
    print(f"epochs {first} to {last} again from the file: {'equal to the last bit' if equal else 'DIFFERENT'}")

    guess = again.model.eval()(x_test[:1]).softmax(dim=1)
    print(f"one sample: a {y_test[0].item()} is read as {guess.argmax().item()} with p = {guess.max().item():.4f}")
    training, validation = zip(*run.losses, strict=True)
    curves(chosen.out / "d7_loss.png", "deep MLP", {"training": training, "validation": validation}, log=True)
    return {"accuracy": accuracy, "equal": equal, "repeated": last + 1 - first}


if __name__ == "__main__":
    main()
