"""Samplers: the order in which a DataLoader reads its dataset. Same seed, same order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import autograd

_PORTION = 32


class Sampler:
    """Numbers of samples, or lists of them, in the order to read: a subclass defines `__iter__`, maybe `__len__`."""

    def __init__(self, data_source: Any = None) -> None:
        """Takes and ignores the dataset, for programs that pass it."""

    def __iter__(self) -> Iterator:
        raise NotImplementedError(f"{type(self).__name__}: a Sampler defines __iter__")

    def __class_getitem__(cls, _: Any) -> type:
        return cls  # Sampler[int] in annotations


class SequentialSampler(Sampler):
    """0, 1, 2, ... in order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """A fresh random order each time.

    Args:
        data_source: the dataset; only its length is used.
        replacement: draw each sample anew, so that one may come twice.
        num_samples: how many to draw; the dataset's length when None.
        generator: source of the order; the default generator when None.

    Raises:
        ValueError: there is nothing to draw from.
    """

    def __init__(
        self, data_source: Any, replacement: bool = False, num_samples: int | None = None,
        generator: autograd.Generator | None = None,
    ) -> None:  # fmt: skip
        self.data_source, self.replacement, self.generator = data_source, _flag(replacement, "RandomSampler"), generator
        self._num_samples = num_samples
        _check_count(self.num_samples, "RandomSampler")

    @property
    def num_samples(self) -> int:
        """How many samples one pass draws."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, count = len(self.data_source), self.num_samples
        generator = self.generator or _own_generator()
        if self.replacement:  # in small portions: num_samples may be as good as endless
            for start in range(0, count, _PORTION):
                yield from autograd.randint(0, n, (min(_PORTION, count - start),), generator=generator).tolist()
            return
        for _ in range(count // n):
            yield from autograd.randperm(n, generator=generator).tolist()
        # Drawn also when nothing is left, as PyTorch does: a caller's generator then stands where it would there.
        yield from autograd.randperm(n, generator=generator).tolist()[: count % n]

    def __len__(self) -> int:
        return self.num_samples


def _own_generator() -> autograd.Generator:
    """A generator seeded by the default one: what a program draws between two samples does not change their order."""
    return autograd.Generator().manual_seed(int(autograd.empty((), dtype=autograd.int64).random_()))


class SubsetRandomSampler(Sampler):
    """The given numbers in a fresh random order each time."""

    def __init__(self, indices: Sequence[int], generator: autograd.Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        for i in autograd.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Sample i is drawn with probability weights[i] / sum(weights).

    Args:
        weights: one number >= 0 per sample; they need not sum to 1.
        num_samples: how many to draw.
        replacement: whether one sample may be drawn twice.
        generator: source of the draws; the default generator when None.

    Raises:
        ValueError: num_samples is not positive, or weights is not one row of numbers.
    """

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True,
        generator: autograd.Generator | None = None,
    ) -> None:  # fmt: skip
        _check_count(num_samples, "WeightedRandomSampler")
        self.weights = autograd.as_tensor(weights, dtype=autograd.float64)
        if self.weights.ndim != 1:
            raise ValueError(
                "WeightedRandomSampler: weights should be a 1d sequence but given weights have shape "
                f"{tuple(self.weights.shape)}"
            )
        self.num_samples, self.generator = num_samples, generator
        self.replacement = _flag(replacement, "WeightedRandomSampler", error=ValueError)

    def __iter__(self) -> Iterator[int]:
        drawn = autograd.multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of `batch_size` numbers from another sampler; the last may be shorter unless `drop_last`.

    Raises:
        ValueError: batch_size is not a positive whole number.

    Example:
        >>> from nn.data import BatchSampler
        >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size <= 0:
            raise ValueError(
                f"BatchSampler: batch_size should be a positive integer, but got batch_size={batch_size!r}"
            )
        self.sampler, self.batch_size = sampler, batch_size
        self.drop_last = _flag(drop_last, "BatchSampler", "drop_last", ValueError)

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        while batch := list(itertools.islice(numbers, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


def _flag(value: Any, who: str, name: str = "replacement", error: type[Exception] = TypeError) -> bool:
    if not isinstance(value, bool):
        raise error(f"{who}: {name} should be a boolean value, but got {name}={value!r}")
    return value


def _check_count(count: Any, who: str) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count <= 0:
        hint = " (the dataset is empty)" if count == 0 else ""
        raise ValueError(f"{who}: num_samples should be a positive integer value, but got num_samples={count!r}{hint}")
