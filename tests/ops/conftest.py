"""What tests of operations share."""

import pytest

from autograd import _large


@pytest.fixture
def pieces(monkeypatch):
    """The pieces of large arrays that were taken."""
    taken: list = []
    real = _large._part
    monkeypatch.setattr(_large, "_part", lambda values, part: taken.append(part) or real(values, part))
    return taken
