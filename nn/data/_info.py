"""What a worker process of a DataLoader knows of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker process knows of itself.

    Attributes:
        id: its number, from 0.
        num_workers: how many there are.
        seed: what its random generators were seeded with.
        dataset: its own copy of the dataset.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


current: WorkerInfo | None = None  # set in each worker


def get_worker_info() -> WorkerInfo | None:
    """In a worker process of a DataLoader, its `WorkerInfo`; None in the main process.

    Example:
        >>> from nn.data import get_worker_info
        >>> get_worker_info() is None
        True
    """
    return current
