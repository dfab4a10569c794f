"""What `torch.utils.data` has beside `nn.data`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nn.data import Sampler

from .... import Generator, randperm


class DistributedSampler(Sampler):
    """The share of one process among `num_replicas`: every num_replicas-th number of a common shuffled order."""

    def __init__(self, dataset: Any, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
                 seed: int = 0, drop_last: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas or 1, rank or 0
        self.shuffle, self.seed, self.epoch = shuffle, seed, 0
        n = len(dataset)
        self.num_samples = n // self.num_replicas if drop_last else -(-n // self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        order = list(range(n))
        if self.shuffle:
            order = randperm(n, generator=Generator().manual_seed(self.seed + self.epoch)).tolist()
        order = (order * (self.total_size // max(n, 1) + 1))[: self.total_size]
        return iter(order[self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Another order for another epoch."""
        self.epoch = epoch


__all__ = ["DistributedSampler"]
