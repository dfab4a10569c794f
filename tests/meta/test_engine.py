"""A test of the tests: mistakes planted in the engine make the state machine fail, with a program to read."""

from __future__ import annotations

import re

import pytest

from tests.meta import engine
from tests.meta.mistakes import MISTAKES

NAMED = {m.name: m for m in MISTAKES}


def test_mistakes_have_their_places():
    """When the engine's text changes, `mistakes.txt` must follow; the script says which have lost theirs."""
    assert len(engine.twice_or_never()) <= len(MISTAKES) // 20
    assert len(NAMED) == len(MISTAKES)


@pytest.mark.parametrize(
    "name",
    [
        "sweep: a second part is added into a borrowed array",
        "a view looked up again is forgotten",
        "sweep: retain_graph is ignored",
    ],
)
def test_the_state_machine_catches(name):
    with engine.planted(NAMED[name]) as copy:
        fate, text = engine.run(copy, engine.JUDGES["the state machine"])
    assert fate == "caught"
    assert re.search(r"t1 = tensor\(\[\[.*requires_grad=True\)", text)
    assert re.search(r"(grad|backward)\(t\d+", text)
