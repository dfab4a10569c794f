"""What tests of kernels for large arrays share."""

import numpy as np

from autograd import _parallel


def drawn(shape, dtype=np.float64, seed=0):
    """Normally distributed numbers, the same each time."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


class Backwards(_parallel.Team):
    """A team whose threads take the pieces in another order."""

    def run(self, work, pieces, like=None, alone=()):
        super().run(work, pieces[::-1], like)
