"""An operation is declared in one place, and the script that counts says so."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("places", Path(__file__).with_name("places.py"))
places = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(places)


@pytest.fixture(scope="module")
def counts():
    return {operation.name: places.count(operation) for operation in places.primitives()}


def test_every_operation_has_one_place(counts):
    assert [name for name, count in counts.items() if count.places > 1] == []


def test_lines_of_a_known_operation(counts):
    assert counts["exp"][1:4] == (1, 4, 1)  # a `def` and a `return` each for kernel and rule


def test_lines_leave_out_docstring_comment_and_blank_line():
    assert places.code_lines(test_every_operation_has_one_place) == 2

    def sample(x):
        """One."""
        # two

        return x  # three

    assert places.code_lines(sample) == 2


def test_it_prints(capsys):
    assert places.main(["--all"]) == 0
    out = capsys.readouterr().out
    assert "declared in one place" in out
    assert "\ntanh " in out
