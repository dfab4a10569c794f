"""Signal processing: the window functions, `autograd.signal.windows`."""

from . import windows

__all__ = ["windows"]
