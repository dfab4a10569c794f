"""DataLoader: batches of a dataset, in this process or by worker processes."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import autograd

from ._fetch import END, Failure, Fetcher
from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler

if TYPE_CHECKING:
    from ._pool import Pool


_FIXED = {"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"}


class DataLoader:
    """Batches of a dataset: iterate over it once per epoch.

    Args:
        dataset: has `__getitem__` and `__len__`, or is an IterableDataset.
        batch_size: samples per batch; None gives the samples one by one, uncollated.
        shuffle: a fresh random order each epoch.
        sampler: numbers of samples in the order to read, instead of shuffle.
        batch_sampler: lists of numbers, instead of batch_size, shuffle, sampler and drop_last.
        num_workers: processes that read ahead; 0 reads in this one.
        collate_fn: makes a batch of a list of samples; default_collate.
        pin_memory, pin_memory_device, in_order: accepted for PyTorch's sake, without effect.
        drop_last: leave out a last batch that is not full.
        timeout: seconds to wait for a worker's batch; 0 waits for ever.
        worker_init_fn: called with the worker's number in each worker, after seeding.
        multiprocessing_context: how processes start: "fork", "spawn", "forkserver" or a context.
        generator: source of the order and of the workers' seeds; the default generator when None.
        prefetch_factor: batches each worker reads ahead (2).
        persistent_workers: keep the workers from epoch to epoch.

    Raises:
        ValueError: arguments that exclude each other, or are out of range.
        RuntimeError: a worker died, or none answered within `timeout`. What a worker raises is raised here with the
            worker's traceback in its message.

    Note:
        Worker i is seeded with a number drawn from `generator` plus i (Python's, NumPy's and this library's
        generators), and batch k always goes to worker k modulo their number: same seed, same batches.

    Example:
        >>> import autograd
        >>> from nn.data import DataLoader, TensorDataset
        >>> x = autograd.arange(5)
        >>> for a, b in DataLoader(TensorDataset(x, x * x), batch_size=2):
        ...     print(a, b)
        tensor([0, 1]) tensor([0, 1])
        tensor([2, 3]) tensor([4, 9])
        tensor([4]) tensor([16])
    """

    def __init__(
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None, sampler: Iterable | None = None,
        batch_sampler: Iterable | None = None, num_workers: int = 0, collate_fn: Callable | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None, multiprocessing_context: Any = None,
        generator: autograd.Generator | None = None, *, prefetch_factor: int | None = None,
        persistent_workers: bool = False, pin_memory_device: str = "", in_order: bool = True,
    ) -> None:  # fmt: skip
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        _check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset, self.num_workers, self.timeout, self.generator = dataset, num_workers, timeout, generator
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.persistent_workers, self.worker_init_fn, self.pin_memory = persistent_workers, worker_init_fn, pin_memory
        self.multiprocessing_context = multiprocessing_context
        if multiprocessing_context is not None:
            self._context()
        if sampler is None:
            sampler = self._default_sampler(bool(shuffle))
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.collate_fn = collate_fn or (default_collate if batch_sampler is not None else default_convert)
        self._pool: Pool | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and "_pool" in self.__dict__:
            raise ValueError(f"{name} attribute should not be set after DataLoader is initialized: make another one")
        object.__setattr__(self, name, value)

    def _default_sampler(self, shuffle: bool) -> Iterable:
        if isinstance(self.dataset, IterableDataset):
            return _Endless()
        return RandomSampler(self.dataset, generator=self.generator) if shuffle else SequentialSampler(self.dataset)

    def __iter__(self) -> Iterator:
        seed = int(autograd.randint(0, 2**62, (), generator=self.generator))  # drawn also without workers: same order
        numbers = iter(self.sampler if self.batch_sampler is None else self.batch_sampler)
        if not self.num_workers:
            return _Here(self._make_fetcher()(), numbers)
        ahead = self.prefetch_factor or 2
        return _ByWorkers(self._workers(seed), numbers, ahead, self.timeout, self.persistent_workers)

    def _make_fetcher(self) -> Callable[[], Fetcher]:
        batched = self.batch_sampler is not None
        return functools.partial(Fetcher, self.dataset, self.collate_fn, batched, self.drop_last)

    def _context(self) -> Any:
        from ._pool import default_context

        return default_context(self.multiprocessing_context)

    def _workers(self, seed: int) -> Pool:
        from ._pool import Pool  # multiprocessing is imported by those who use it

        pool = self._pool
        if pool is None or not pool.close.alive:
            pool = Pool(
                self._make_fetcher(),
                self.dataset,
                self.num_workers,
                seed,
                self.worker_init_fn,
                self._context(),
            )
        self._pool = pool if self.persistent_workers else None
        return pool

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]
        n = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_pool": None}

    def __class_getitem__(cls, _: Any) -> type:
        return cls  # DataLoader[T] in annotations


class _Endless:
    """The order of a stream: only how many samples are wanted matters, the numbers do not."""

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 0


class _Here:
    """One pass over the data in this process."""

    def __init__(self, fetcher: Fetcher, numbers: Iterator) -> None:
        self._fetcher, self._numbers = fetcher, numbers

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        batch = self._fetcher.fetch(next(self._numbers))
        if batch is END:
            self._numbers = iter(())
            raise StopIteration
        return batch


class _ByWorkers:
    """One pass over the data by workers; batches come in the order in which they were asked for."""

    def __init__(self, pool: Pool, numbers: Iterator, ahead: int, timeout: float, persistent: bool) -> None:
        self._pool, self._numbers, self._timeout, self._persistent = pool, numbers, timeout, persistent
        self._epoch = pool.begin()
        self._waiting: deque[int] = deque()  # the worker of each batch that is on its way, oldest first
        self._turns = deque(range(len(pool.pipes)))
        for _ in range(ahead * len(pool.pipes)):
            self._request()

    def __iter__(self) -> Iterator:
        return self

    def _request(self) -> None:
        """Ask the worker whose turn it is for the next batch."""
        try:
            numbers = next(self._numbers)
        except StopIteration:
            return
        self._pool.request(self._turns[0], numbers)
        self._waiting.append(self._turns[0])
        self._turns.rotate(-1)

    def __next__(self) -> Any:
        if self._waiting and (self._epoch != self._pool.epoch or not self._pool.close.alive):
            raise RuntimeError("DataLoader: this pass is over, its workers were stopped or began another pass")
        while self._waiting:
            worker = self._waiting.popleft()
            batch = self._pool.reply(worker, self._timeout)
            if batch is END:  # this worker's share of the stream has ended
                if worker in self._turns:
                    self._turns.remove(worker)
                continue
            self._request()
            if isinstance(batch, Failure):
                batch.reraise()
            return batch
        if not self._persistent:
            self._pool.close()
        raise StopIteration


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool) -> None:
    if num_workers < 0:
        raise ValueError(f"DataLoader: num_workers option should be non-negative, got {num_workers}")
    if timeout < 0:
        raise ValueError(f"DataLoader: timeout option should be non-negative, got {timeout}")
    if prefetch_factor is not None and not num_workers:
        raise ValueError("DataLoader: prefetch_factor option could only be specified with num_workers > 0")
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError(f"DataLoader: prefetch_factor option should be positive, got {prefetch_factor}")
    if persistent and not num_workers:
        raise ValueError("DataLoader: persistent_workers option needs num_workers > 0")


def _check_order(
    dataset: Any, batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if isinstance(dataset, IterableDataset):
        for name, value in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
            if value is not None:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value!r}"
                )
    if sampler is not None and shuffle:
        raise ValueError("DataLoader: sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "DataLoader: batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
        )
    if batch_size is None and batch_sampler is None and drop_last:
        raise ValueError(
            "DataLoader: batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
        )
