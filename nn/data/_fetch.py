"""How one batch is read: shared by the loader in this process and by its workers."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from .collate import default_collate
from .dataset import IterableDataset, Subset, TensorDataset


class Fetcher:
    """Reads batches of a dataset by lists of numbers, or of a stream by their count.

    Args:
        batched: numbers come in lists (automatic batching); otherwise one number is one sample.
        drop_last: leave out a stream's last, shorter batch.
    """

    def __init__(self, dataset: Any, collate: Callable, batched: bool, drop_last: bool) -> None:
        self.dataset, self.collate, self.batched, self.drop_last = dataset, collate, batched, drop_last
        self.stream: Iterator | None = iter(dataset) if isinstance(dataset, IterableDataset) else None

    def fetch(self, numbers: Any) -> Any:
        """The collated batch; `END` when a stream has no more."""
        if self.batched and self.collate is default_collate and (batch := at_once(self.dataset, numbers)) is not None:
            return batch
        samples = self._from_stream(numbers) if self.stream is not None else self._by_number(numbers)
        return END if samples is END else self.collate(samples)

    def _by_number(self, numbers: Any) -> Any:
        try:
            if not self.batched:
                return self.dataset[numbers]
            if callable(getattr(self.dataset, "__getitems__", None)):
                return self.dataset.__getitems__(numbers)
            return [self.dataset[i] for i in numbers]
        except StopIteration as error:  # would end the loop over the loader as if the data were all read
            raise RuntimeError(f"DataLoader: the dataset raised StopIteration for {numbers!r}") from error

    def _from_stream(self, numbers: Any) -> Any:
        assert self.stream is not None
        if not self.batched:
            return next(self.stream, END)
        samples = list(itertools.islice(self.stream, len(numbers)))
        return END if not samples or (self.drop_last and len(samples) < len(numbers)) else samples


def at_once(dataset: Any, numbers: Any) -> list | None:
    """What `default_collate` makes of these samples of a TensorDataset, by one indexing per tensor.

    None for every other dataset. It exists because sample by sample takes ten times as long.
    """
    while type(dataset) is Subset:
        numbers, dataset = [dataset.indices[i] for i in numbers], dataset.dataset
    if type(dataset) is not TensorDataset or not numbers or any(type(i) is not int for i in numbers):
        return None
    return [t[numbers] for t in dataset.tensors]


class _End:
    """Marks a stream's end; one object, also after pickling."""

    def __reduce__(self) -> str:
        return "END"


END = _End()


class Failure:
    """An error that crosses processes: its class and its traceback as text (the objects in it may not be picklable)."""

    def __init__(self, error: BaseException, where: str) -> None:
        self.kind, self.where = type(error), where
        self.text = "".join(traceback.format_exception(error))

    def reraise(self) -> None:
        """Raise the same class with the worker's traceback as its message."""
        message = f"Caught {self.kind.__name__} {self.where}.\nOriginal {self.text}"
        if issubclass(self.kind, KeyError):
            raise self.kind(_Verbatim(message))
        if issubclass(self.kind, StopIteration):
            raise RuntimeError(message)
        try:
            error = self.kind(message)
        except Exception:  # a class whose constructor wants other arguments
            error = RuntimeError(message)
        raise error


class _Verbatim(str):
    """KeyError shows the repr of its argument, which would print a traceback on one line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
