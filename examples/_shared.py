"""What the examples share: the command line, pictures, the digits, one training loop.

Importing it first puts the repository on the import path, so that `python examples/a1_creation.py` needs no installation.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import autograd  # noqa: E402
import nn  # noqa: E402
from nn.training import progress  # noqa: E402

# ------------------------------------------------------------------ command line


def parser(text: str | None, seed: int = 0) -> argparse.ArgumentParser:
    """The options every example has; a program may add its own."""
    made = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seed", type=int, default=seed, help=f"where the random numbers start ({seed})")
    made.add_argument("--out", type=Path, default=Path("out"), help="folder for pictures and other files (out)")
    made.add_argument("--quick", action="store_true", help="less data or fewer steps, for a test")
    return made


def begin(made: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line, make the folder, seed the generator."""
    if hasattr(sys.stdout, "reconfigure"):  # a Windows console may not know ∂
        sys.stdout.reconfigure(errors="replace")
    options = made.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    one_thread()
    autograd.manual_seed(options.seed)
    return options


def one_thread() -> None:
    """Let NumPy's matrix library use one core: these matrices are small, and threads would wait for each other."""
    try:
        from threadpoolctl import threadpool_limits  # scikit-learn brings it
    except ImportError:
        return
    threadpool_limits(1)


def options(text: str | None, arguments: Sequence[str] | None, seed: int = 0) -> argparse.Namespace:
    """The command line of a program without options of its own."""
    return begin(parser(text, seed), arguments)


# ------------------------------------------------------------------ pictures


def pyplot() -> Any:
    """matplotlib's pyplot, drawing into files only."""
    matplotlib = autograd._extras.require("matplotlib", extra="examples", purpose="plotting")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def save(figure: Any, path: Path) -> None:
    """Write a matplotlib figure, close it, say where it is."""
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot().close(figure)
    wrote(path)


def wrote(path: Path) -> None:
    """Say where a file is."""
    print(f"wrote {path}")


def curves(path: Path, title: str, lines: dict[str, Sequence[float]], ylabel: str = "loss", log: bool = False) -> None:
    """Plot sequences against their index."""
    figure, axes = pyplot().subplots(figsize=(5, 3.2))
    for name, values in lines.items():
        axes.plot(range(1, len(values) + 1), values, label=name)
    axes.set(title=title, xlabel="epoch", ylabel=ylabel, yscale="log" if log else "linear")
    axes.legend()
    save(figure, path)


def images(
    path: Path, pictures: Sequence[Any], titles: Sequence[Any] = (), columns: int = 8, cmap: str = "gray_r"
) -> None:
    """A page of grey pictures."""
    rows = -(-len(pictures) // columns)
    figure, axes = pyplot().subplots(rows, columns, figsize=(columns * 0.9, rows * 1.15), squeeze=False)
    for i, place in enumerate(axes.flat):
        place.axis("off")
        if i < len(pictures):
            place.imshow(np.asarray(pictures[i]), cmap=cmap)
            place.set_title(str(titles[i]) if len(titles) else "", fontsize=8)
    save(figure, path)


# ------------------------------------------------------------------ data


def digits(quick: bool = False) -> tuple[autograd.Tensor, autograd.Tensor, autograd.Tensor, autograd.Tensor]:
    """scikit-learn's real digits: training images (N, 1, 8, 8) and labels, held-out images and labels."""
    train, test = nn.data.digits("train"), nn.data.digits("test")
    (x, y), (u, v) = train.tensors, test.tensors
    return (x[:600], y[:600], u[:150], v[:150]) if quick else (x, y, u, v)


def add_data(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The option that puts MNIST, or a file like it, in the place of the small digits."""
    forms = "digits (8 x 8, scikit-learn's), mnist (downloaded once), or a folder of IDX files, a .csv, a .pkl.gz"
    made.add_argument("--data", default="digits", help=forms)
    return made


def images_of(
    name: str, quick: bool = False
) -> tuple[autograd.Tensor, autograd.Tensor, autograd.Tensor, autograd.Tensor]:
    """What --data names, as `digits` gives it."""
    if name == "digits":
        return digits(quick)
    path = None if name == "mnist" else name
    (x, y), (u, v) = (nn.data.mnist(path, split).tensors for split in ("train", "test"))
    if path and ".csv" in path.lower():  # one file, no test set of its own: every sixth image is held out
        held = autograd.arange(len(x)) % 6 == 0
        return x[~held], y[~held], x[held], y[held]
    return x, y, u, v


# ------------------------------------------------------------------ training


def right(model: Callable, x: autograd.Tensor, y: autograd.Tensor) -> float:
    """Share of samples classified right, dropout and the like switched off."""
    if isinstance(model, nn.Module):
        model.eval()
    with autograd.no_grad():
        return nn.training.accuracy(model(x), y)


def epoch(model: nn.Module, batches: Iterable, loss_of: Callable, optimizer: nn.optim.Optimizer) -> float:
    """One pass over the data; the mean loss."""
    model.train()
    mean = nn.training.Mean()
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        mean.update(loss.item(), len(x))
    return mean.compute()


def fit(
    model: nn.Module, x: autograd.Tensor, y: autograd.Tensor, optimizer: nn.optim.Optimizer, epochs: int,
    batch_size: int = 32, seed: int = 0, scheduler: nn.optim.lr_scheduler.LRScheduler | None = None,
) -> list[float]:  # fmt: skip
    """Train a classifier with shuffled batches and a progress bar; the mean cross-entropy of each epoch."""
    order = autograd.Generator().manual_seed(seed)
    loader = nn.data.DataLoader(nn.data.TensorDataset(x, y), batch_size, shuffle=True, generator=order)
    losses: list[float] = []
    for _ in (bar := progress(range(epochs), "training")):
        losses.append(epoch(model, loader, nn.CrossEntropyLoss(), optimizer))
        if scheduler:
            scheduler.step()
        bar.set_postfix(loss=f"{losses[-1]:.4f}")
    return losses
