"""What `torch.utils.data` has beside `nn.data`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nn.data import Sampler

from .... import Generator, randperm
from .distributed import get_rank, get_world_size


class DistributedSampler(Sampler):
    """The share of one process among `num_replicas`: every num_replicas-th number of a common shuffled order."""

    def __init__(self, dataset: Any, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
                 seed: int = 0, drop_last: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.num_replicas = get_world_size() if num_replicas is None else num_replicas
        self.rank = get_rank() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"Invalid rank {self.rank}, rank should be in the interval [0, {self.num_replicas - 1}]")
        self.dataset, self.drop_last = dataset, drop_last
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
