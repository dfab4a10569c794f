"""Datasets: what a DataLoader reads samples from, and ways to join and divide them."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import autograd


class Dataset:
    """Samples by number: a subclass defines `__getitem__` and `__len__`.

    `__getitems__(numbers)`, if there is one, is called instead to fetch a whole batch as a list of samples.

    Example:
        >>> from nn.data import Dataset
        >>> class Squares(Dataset):
        ...     def __len__(self):
        ...         return 10
        ...
        ...     def __getitem__(self, i):
        ...         return i, i * i
        >>> Squares()[3]
        (3, 9)
    """

    def __getitem__(self, index: Any) -> Any:
        """The sample at `index`."""
        raise NotImplementedError(f"{type(self).__name__}: a Dataset defines __getitem__")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])

    def __class_getitem__(cls, _: Any) -> type:
        return cls  # Dataset[T] in annotations


class IterableDataset(Dataset):
    """Samples in a stream: a subclass defines `__iter__`.

    With several workers each has a copy and would yield everything: divide the stream by `get_worker_info()`.

    Example:
        >>> from nn.data import DataLoader, IterableDataset
        >>> class Count(IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(5))
        >>> [batch.tolist() for batch in DataLoader(Count(), batch_size=2)]
        [[0, 1], [2, 3], [4]]
    """

    def __iter__(self) -> Iterator:
        raise NotImplementedError(f"{type(self).__name__}: an IterableDataset defines __iter__")

    def __add__(self, other: Dataset) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Sample i is (tensors[0][i], tensors[1][i], ...).

    Raises:
        AssertionError: the tensors differ in their first axis.
        ValueError: there are none.

    Example:
        >>> import autograd
        >>> from nn.data import TensorDataset
        >>> TensorDataset(autograd.arange(3), autograd.arange(3) * 10)[1]
        (tensor(1), tensor(10))
    """

    def __init__(self, *tensors: autograd.Tensor) -> None:
        if not tensors:
            raise ValueError("TensorDataset: expected at least one tensor")
        lengths = [t.shape[0] if t.ndim else None for t in tensors]
        if None in lengths or len(set(lengths)) > 1:
            raise AssertionError(f"TensorDataset: Size mismatch between tensors, their first axes are {lengths} long")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]


class StackDataset(Dataset):
    """Sample i is the tuple (or, from keywords, the dict) of the datasets' samples i.

    Raises:
        ValueError: the datasets differ in length, there are none, or both forms are mixed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset: give at least one dataset, and either all by position or all by keyword")
        self.datasets: Any = kwargs or args
        lengths = [len(d) for d in (kwargs.values() if kwargs else args)]
        if len(set(lengths)) > 1:
            raise ValueError(f"StackDataset: Size mismatch between datasets, their lengths are {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.datasets, dict):
            return {k: d[index] for k, d in self.datasets.items()}
        return tuple(d[index] for d in self.datasets)

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset):
    """One dataset after another.

    Raises:
        AssertionError: the list is empty.
        TypeError: one of them is an IterableDataset; ChainDataset joins those.
        IndexError, ValueError: an index behind the end, or before the beginning.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("ConcatDataset: datasets should not be an empty iterable")
        for i, d in enumerate(self.datasets):
            if isinstance(d, IterableDataset):
                raise TypeError(f"ConcatDataset does not support IterableDataset (datasets[{i}]); use ChainDataset")
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            if index < 0:
                raise ValueError(
                    f"ConcatDataset: absolute value of index should not exceed dataset length, got {index} for {len(self)}"
                )
            raise IndexError(f"ConcatDataset: index {index} is outside its {len(self)} samples")
        which = bisect.bisect_right(self.cumulative_sizes, place)
        return self.datasets[which][place - (self.cumulative_sizes[which - 1] if which else 0)]


class ChainDataset(IterableDataset):
    """One IterableDataset after another.

    Raises:
        AssertionError: when iterated, if one of them is not an IterableDataset.
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator:
        for i, d in enumerate(self.datasets):
            if not isinstance(d, IterableDataset):
                raise AssertionError(
                    f"ChainDataset only supports IterableDataset, datasets[{i}] is a {type(d).__name__}"
                )
            yield from d

    def __len__(self) -> int:
        return sum(map(len, self.datasets))  # type: ignore[arg-type]


class Subset(Dataset):
    """The samples of `dataset` whose numbers are in `indices`, in that order."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list:
        """A batch at once, when the dataset below can."""
        places = [self.indices[i] for i in indices]
        if callable(getattr(self.dataset, "__getitems__", None)):
            return self.dataset.__getitems__(places)
        return [self.dataset[i] for i in places]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Any, lengths: Sequence[float], generator: autograd.Generator | None = None) -> list[Subset]:
    """Divide a dataset at random into parts that do not overlap.

    Args:
        lengths: sizes that sum to the dataset's, or fractions that sum to 1 (what rounding down leaves over goes to the
            first parts, one sample each).
        generator: source of the order; the default generator when None.

    Raises:
        ValueError: the sizes do not sum to the dataset's, or a fraction is outside [0, 1].

    Example:
        >>> from nn.data import random_split
        >>> [len(part) for part in random_split(range(10), [0.7, 0.3])]
        [7, 3]
    """
    total = len(dataset)
    sizes = _sizes(lengths, total)
    if sum(sizes) != total:
        raise ValueError(
            f"random_split: Sum of input lengths does not equal the length of the input dataset: "
            f"{sum(sizes)} != {total}"
        )
    order = autograd.randperm(total, generator=generator).tolist()
    ends = list(itertools.accumulate(sizes))
    return [Subset(dataset, order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def _sizes(lengths: Sequence[float], total: int) -> list[int]:
    """Whole sizes from sizes or fractions; [1, 0] are fractions, as in PyTorch, unless they fit as sizes."""
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 and (total != 1 or any(n % 1 for n in lengths)):
        return _from_fractions(lengths, total)
    if any(n != int(n) or n < 0 for n in lengths):
        raise ValueError(f"random_split: lengths must be sizes, or fractions that sum to 1, got {list(lengths)}")
    return [int(n) for n in lengths]


def _from_fractions(fractions: Sequence[float], total: int) -> list[int]:
    for i, part in enumerate(fractions):
        if not 0 <= part <= 1:
            raise ValueError(f"random_split: Fraction at index {i} is not between 0 and 1: {part}")
    sizes = [math.floor(total * part) for part in fractions]
    for i in range(total - sum(sizes)):
        sizes[i % len(sizes)] += 1
    for i, size in enumerate(sizes):
        if not size:
            warnings.warn(f"random_split: Length of split at index {i} is 0. This part is empty.", stacklevel=4)
    return sizes
