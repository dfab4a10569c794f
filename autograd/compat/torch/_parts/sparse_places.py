"""Lists of places of sparse tensors put together."""

from __future__ import annotations

import numpy as np


def merged_places(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two lists of places as one, and where the entries of each are in it: of the next two, the smaller one comes first.

    Where both lists are in order and repeat nothing, the result has each place once.
    """
    left, right = a.T.tolist(), b.T.tolist()
    places: list = []
    at: tuple[list, list] = ([], [])
    i = j = 0
    while i < len(left) or j < len(right):
        first = j == len(right) or (i < len(left) and left[i] <= right[j])
        second = i == len(left) or (j < len(right) and right[j] <= left[i])
        places.append(left[i] if first else right[j])
        at[0].extend([len(places) - 1] * first)
        at[1].extend([len(places) - 1] * second)
        i, j = i + first, j + second
    joined = np.asarray(places, np.int64).reshape(len(places), len(a)).T
    return joined, np.asarray(at[0], np.int64), np.asarray(at[1], np.int64)


__all__ = ["merged_places"]
