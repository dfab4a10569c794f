"""Small helpers around a training loop, each of use without the others: metrics, early stopping, checkpoints, progress.

checkpoint = Checkpoint("run.ckpt", model=model, optimizer=optimizer, stopper=stopper)
for epoch in range(checkpoint.resume(), 20):
    for x, y in progress(loader, f"epoch {epoch}"):
        ...
    checkpoint.save(epoch)
    if stopper(validation_loss):
        break
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Iterable
from typing import Any

import numpy as np

import autograd
from autograd._extras import require

# ------------------------------------------------------------------------------------------------ metrics


class Mean:
    """The mean of what was added since the last `reset`: of losses over an epoch, say.

    Example:
        >>> from nn.training import Mean
        >>> loss = Mean()
        >>> loss.update(2.0, count=3)
        >>> loss.update(4.0)
        >>> loss.compute()
        2.5
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything added."""
        self._total, self._count = 0.0, 0

    def update(self, value: Any, count: int = 1) -> None:
        """Add a mean of `count` samples.

        Raises:
            ValueError: the value is NaN or infinite, which would spoil the mean without a word.
        """
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"Mean: the value is {number} after {self._count} samples; training has diverged")
        self._total += number * count
        self._count += count

    def compute(self) -> float:
        """The mean so far.

        Raises:
            RuntimeError: nothing was added.
        """
        if not self._count:
            raise RuntimeError("Mean: nothing was added since the last reset")
        return self._total / self._count


class ConfusionMatrix:
    """Counts of (true class, predicted class); accuracy, precision and recall come from it.

    Args:
        classes: how many there are.

    Example:
        >>> import autograd
        >>> from nn.training import ConfusionMatrix
        >>> matrix = ConfusionMatrix(2)
        >>> matrix.update(autograd.tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]), autograd.tensor([0, 1, 1]))
        >>> matrix.compute()
        tensor([[1, 0],
                [1, 1]])
        >>> round(matrix.accuracy(), 4)
        0.6667
    """

    def __init__(self, classes: int) -> None:
        if classes < 1:
            raise ValueError(f"ConfusionMatrix: classes must be positive, got {classes}")
        self.classes = classes
        self.reset()

    def reset(self) -> None:
        """Forget all counts."""
        self._counts = np.zeros((self.classes, self.classes), np.int64)

    def update(self, prediction: Any, target: Any) -> None:
        """Add a batch.

        Args:
            prediction: scores (N, classes), of which the largest counts, or classes (N,).
            target: the true classes (N,).

        Raises:
            IndexError: a class outside 0 to classes - 1.
            ValueError: shapes that do not fit.
        """
        guess, truth = _classes(prediction), _array(target)
        if guess.shape != truth.shape or truth.ndim != 1:
            raise ValueError(
                f"ConfusionMatrix: predictions {_array(prediction).shape} do not fit targets {truth.shape}"
            )
        for name, values in (("target", truth), ("prediction", guess)):
            outside = (values < 0) | (values >= self.classes)
            if outside.any():
                first = int(np.flatnonzero(outside)[0])
                raise IndexError(
                    f"ConfusionMatrix: {name}[{first}] is {values[first]} but there are {self.classes} classes"
                )
        np.add.at(self._counts, (truth, guess), 1)

    def compute(self) -> autograd.Tensor:
        """The counts: row i holds what the samples of class i were taken for. (classes, classes), int64."""
        return autograd.tensor(self._counts)

    def accuracy(self) -> float:
        """Share of right predictions; NaN before the first batch."""
        return _ratio(np.trace(self._counts), self._counts.sum())

    def precision(self) -> list[float]:
        """Per class: of the samples taken for it, the share that belong to it; NaN where there are none."""
        return [_ratio(self._counts[i, i], self._counts[:, i].sum()) for i in range(self.classes)]

    def recall(self) -> list[float]:
        """Per class: of the samples that belong to it, the share taken for it; NaN where there are none."""
        return [_ratio(self._counts[i, i], self._counts[i].sum()) for i in range(self.classes)]


def accuracy(prediction: Any, target: Any) -> float:
    """Share of samples whose predicted class is the target's; `prediction` holds scores (N, classes) or classes (N,).

    Raises:
        ValueError: shapes that do not fit, or no samples.

    Example:
        >>> import autograd
        >>> from nn.training import accuracy
        >>> accuracy(autograd.tensor([[0.1, 0.9], [0.8, 0.2]]), autograd.tensor([1, 1]))
        0.5
    """
    guess, truth = _classes(prediction), _array(target)
    if guess.shape != truth.shape or not truth.size:
        raise ValueError(
            f"accuracy: predictions of shape {_array(prediction).shape} do not fit targets of shape {truth.shape}"
        )
    return float(np.mean(guess == truth))


def _array(value: Any) -> np.ndarray:
    return value.detach().numpy() if isinstance(value, autograd.Tensor) else np.asarray(value)


def _classes(prediction: Any) -> np.ndarray:
    values = _array(prediction)
    return values.argmax(axis=1) if values.ndim == 2 else values


def _ratio(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else math.nan


# ------------------------------------------------------------------------------------------------ early stopping


class EarlyStopping:
    """Says when a validation figure has not improved for `patience` calls.

    Args:
        patience: calls without improvement before it says stop.
        min_delta: an improvement smaller than this does not count.
        relative: `min_delta` is a share of the best figure (0.001 is 0.1 %), not an amount.
        mode: "min" for a loss, "max" for an accuracy.

    Attributes:
        best: the best figure so far, None before the first call.
        improved: whether the last call brought one; the moment to save the weights.

    Raises:
        ValueError: an argument out of range.

    Note:
        NaN never counts as an improvement.

    Example:
        >>> from nn.training import EarlyStopping
        >>> stopper = EarlyStopping(patience=2)
        >>> [stopper(loss) for loss in (1.0, 0.8, 0.9, 0.85)]
        [False, False, False, True]
    """

    def __init__(self, patience: int = 3, min_delta: float = 0.0, *, relative: bool = False, mode: str = "min") -> None:
        if patience < 1 or min_delta < 0:
            raise ValueError(f"EarlyStopping: expected patience >= 1, min_delta >= 0; got {patience} and {min_delta}")
        if mode not in ("min", "max"):
            raise ValueError(f"EarlyStopping: mode must be 'min' or 'max', got {mode!r}")
        self.patience, self.min_delta, self.relative, self.mode = patience, min_delta, relative, mode
        self.best: float | None = None
        self.waited = 0
        self.improved = False

    def __call__(self, figure: Any) -> bool:
        """Take the epoch's figure; True when it is time to stop."""
        value = float(figure)
        self.improved = self._is_better(value)
        if self.improved:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.waited >= self.patience

    def _is_better(self, value: float) -> bool:
        if self.best is None or math.isnan(value):
            return not math.isnan(value)
        least = self.min_delta * (abs(self.best) if self.relative else 1.0)
        gain = self.best - value if self.mode == "min" else value - self.best
        return gain > least

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"best": self.best, "waited": self.waited, "improved": self.improved}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict()`."""
        self.best, self.waited, self.improved = state["best"], state["waited"], state["improved"]


# ------------------------------------------------------------------------------------------------ checkpoints


class Checkpoint:
    """One file that holds everything a run needs to continue bit for bit; written whole or not at all.

    Args:
        path: the file.
        parts: by name, objects with `state_dict` and `load_state_dict` (model, optimizer, scheduler, EarlyStopping) or
            random generators (`autograd.Generator`, such as a DataLoader's).

    Raises:
        TypeError: a part is neither.

    Note:
        The default generators of this library, Python and NumPy are kept too. Save at the end of an epoch: a pass over
        a DataLoader cannot be resumed in its middle.

    Example:
        >>> import os, tempfile
        >>> from nn.training import Checkpoint, EarlyStopping
        >>> path = os.path.join(tempfile.mkdtemp(), "run.ckpt")
        >>> Checkpoint(path, stopper=EarlyStopping()).save(epoch=4)
        >>> Checkpoint(path, stopper=EarlyStopping()).resume()
        5
    """

    def __init__(self, path: str | os.PathLike, **parts: Any) -> None:
        self.path = path
        self.extra: dict[str, Any] = {}
        for name, part in parts.items():
            if not isinstance(part, autograd.Generator) and not hasattr(part, "load_state_dict"):
                raise TypeError(
                    f"Checkpoint: {name} is a {type(part).__name__}, which has no state_dict and load_state_dict"
                )
        self.parts = parts

    def save(self, epoch: int, **extra: Any) -> None:
        """Write the state after `epoch`; `extra` (plain data: losses so far, say) comes back as `self.extra`."""
        states = {name: _state(part) for name, part in self.parts.items()}
        autograd.save({"epoch": epoch, "parts": states, "random": _random_state(), "extra": extra}, self.path)

    def resume(self) -> int:
        """Restore every part and return the epoch to go on with; 0 when there is no file yet.

        Raises:
            RuntimeError: the file is damaged, or its parts do not fit; then nothing has changed.
        """
        if not os.path.exists(self.path):
            return 0
        kept = autograd.load(self.path)
        self._check(kept)
        before = {name: _copied(_state(part)) for name, part in self.parts.items()}
        done: list[str] = []
        try:
            for name, part in self.parts.items():
                done.append(name)
                _restore(part, kept["parts"][name])
        except Exception:
            for name in done:
                _restore(self.parts[name], before[name])
            raise
        _restore_random(kept["random"])
        self.extra = kept["extra"]
        return kept["epoch"] + 1

    def _check(self, kept: Any) -> None:
        if not isinstance(kept, dict) or set(kept) != {"epoch", "parts", "random", "extra"}:
            raise RuntimeError(f"Checkpoint: {os.fspath(self.path)!r} was not written by Checkpoint.save")
        missing, unknown = set(self.parts) - set(kept["parts"]), set(kept["parts"]) - set(self.parts)
        if missing or unknown:
            raise RuntimeError(
                f"Checkpoint: {os.fspath(self.path)!r} lacks the parts {sorted(missing)} and holds the unknown "
                f"{sorted(unknown)}"
            )


def _state(part: Any) -> Any:
    return part.get_state() if isinstance(part, autograd.Generator) else part.state_dict()


def _restore(part: Any, state: Any) -> None:
    part.set_state(state) if isinstance(part, autograd.Generator) else part.load_state_dict(state)


def _copied(state: Any) -> Any:
    """A state with tensors of its own: those of a state_dict share memory with the model's."""
    if isinstance(state, autograd.Tensor):
        return state.detach().clone()
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    return type(state)(map(_copied, state)) if type(state) in (list, tuple) else state


def _random_state() -> dict[str, Any]:
    return {
        "autograd": autograd.get_rng_state(),
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),  # noqa: NPY002  (the global generator is what must be kept)
    }


def _restore_random(state: dict[str, Any]) -> None:
    autograd.set_rng_state(state["autograd"])
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002


# ------------------------------------------------------------------------------------------------ progress


def progress(iterable: Iterable, description: str = "", **options: Any) -> Any:
    """`iterable` with a progress line on the terminal, by tqdm: `for batch in progress(loader, "epoch 3"):`.

    Args:
        options: tqdm's own; the returned bar's `set_postfix(loss=...)` shows figures behind it.

    Raises:
        ImportError: tqdm is missing; pip install glassgrad[examples].
    """
    tqdm = require("tqdm.auto", extra="examples", purpose="progress").tqdm
    options.setdefault("leave", False)
    return tqdm(iterable, desc=description or None, **options)


__all__ = ["Checkpoint", "ConfusionMatrix", "EarlyStopping", "Mean", "accuracy", "progress"]
