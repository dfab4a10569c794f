"""Expressions whose answers PyTorch 2.13 gave: values, dtypes, shapes, gradients, and the class of what is refused.

`tests/recorded/TOPIC.txt` has the expressions, `TOPIC.json` the answers; `python -m tests.recorded.record` writes them anew.
"""

from __future__ import annotations

import json
import math

import pytest

from autograd.compat import torch as facade
from tests.recorded.words import HERE, SAID, answer, lines

TOPICS = sorted(p.stem for p in HERE.glob("*.txt"))
CLOSE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-5, "complex64": 2e-5}


@pytest.fixture(scope="module", autouse=True)
def installed():
    """In PyTorch's place, where the facade draws random numbers as PyTorch does."""
    facade.install()
    yield
    facade.uninstall()


def recorded(topic):
    return json.loads((HERE / f"{topic}.json").read_text(encoding="utf-8"))


ROWS = [pytest.param(*row, id=f"{topic}-{n}") for topic in TOPICS for n, row in enumerate(recorded(topic))]


def near(a: float, b: float, close: float) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a == b or (a != a and b != b) or math.isclose(a, b, rel_tol=close, abs_tol=close)
    return a == b


def same(expected, found, close=1e-9) -> bool:
    """Whether two answers agree; numbers up to the rounding of their dtype."""
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(same(a, b, close) for a, b in zip(expected, found, strict=True))
    if isinstance(expected, dict) and isinstance(found, dict):
        close = CLOSE.get(expected.get("dtype"), 1e-9)
        return expected.keys() == found.keys() and all(same(expected[k], found[k], close) for k in expected)
    return near(expected, found, close)


@pytest.mark.parametrize(("expression", "expected"), ROWS)
def test_an_expression_gives_what_pytorch_gives(expression, expected):
    found = answer(expression, facade)
    if isinstance(expected, dict) and "error" in expected:
        assert isinstance(found, dict), found
        assert found.get("error") == expected["error"], (found, expected)
        assert expression.partition(SAID)[2] in found["says"]
    else:
        assert same(expected, found), f"{expression}\n{expected}\n{found}"


def test_every_expression_has_its_answer():
    for topic in TOPICS:
        assert [row[0] for row in recorded(topic)] == lines(topic), f"run: python -m tests.recorded.record {topic}"


def test_answers_are_compared():
    one = {"dtype": "float64", "shape": [1], "values": [1.0]}
    assert same(one, one | {"values": [1.0 + 1e-12]})
    assert not same(one, one | {"values": [1.0 + 1e-6]})
    assert not same(one, one | {"dtype": "float32"})
    assert not same([one], [one, one])
    assert same([math.nan, "a", None], [math.nan, "a", None])
