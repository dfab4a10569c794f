"""The hazards listed in `hazards.txt`, and that each has its tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def listed() -> dict[str, list[str]]:
    """Each hazard, with its family before it, and its tests."""
    found: dict[str, list[str]] = {}
    family = name = ""
    for line in (TESTS / "hazards.txt").read_text().splitlines():
        if line.startswith("== "):
            family = line[3:]
        elif line.startswith("    "):
            found[name].append(line.strip())
        elif line and not line.startswith("#"):
            name = f"{family}: {line}"
            assert name not in found, f"listed twice: {name}"
            found[name] = []
    return found


def test_the_list_is_whole():
    assert len(listed()) == 125


@pytest.mark.parametrize("name", listed())
def test_each_hazard_has_its_tests(name):
    tests = listed()[name]
    assert tests
    for place in tests:
        file, _, function = place.partition("::")
        assert re.search(rf"^def {function}\(", (TESTS / file).read_text(), re.MULTILINE), place
