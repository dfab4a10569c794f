"""The C library's heap and large arrays.

A backward pass makes arrays of megabytes and lets go of them a moment later. glibc at first maps each of them anew and
gives freed memory back, so that every step pays for pages that the system clears again: of a chain of elementwise
operations on a million numbers, a third of the time. It learns from the largest block that was ever freed to keep as
much, and twice that of what lies free at the heap's end (mallopt(3), "dynamic mmap threshold"). One block of the
largest size that it learns from, never written to and so never in memory, teaches it at once.
"""

from __future__ import annotations

import numpy as np

_LEARNT = (1 << 25) - (1 << 16)  # bytes: glibc learns from no block above 32 MiB with its own head


def keep_freed_memory() -> None:
    """Let glibc keep up to 64 MiB that was freed; other C libraries and a heap tuned by MALLOC_... take no notice.

    Importing the package calls this.
    """
    np.empty(_LEARNT, np.uint8)


__all__ = ["keep_freed_memory"]
