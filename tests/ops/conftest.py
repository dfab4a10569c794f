"""What tests of operations share."""

import pytest

from autograd import _large, _parallel
from autograd.ops import _batch_last, _by_row, _strided


@pytest.fixture
def pieces(monkeypatch):
    """The pieces of large arrays that were taken."""
    taken: list = []
    real = _large._part
    monkeypatch.setattr(_large, "_part", lambda values, part: taken.append(part) or real(values, part))
    return taken


@pytest.fixture
def three_threads(monkeypatch):
    """Three threads to share kernels' work, and no layout from before: these follow from settings that tests change."""
    monkeypatch.setattr(_parallel, "team", _parallel.Team(3))
    known = _strided.layout, _batch_last.layout, _by_row.layout
    for found in known:
        found.cache_clear()
    yield
    for found in known:
        found.cache_clear()
