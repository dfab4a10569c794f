"""The mistakes listed in `mistakes.txt`, as places in the engine's source and what to put there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Mistake(NamedTuple):
    file: str
    name: str
    old: str
    new: str


def read(text: str) -> Iterator[Mistake]:
    """Each `== file: name` with the lines beneath: removed (-), put in their place (+), or staying."""
    for part in text.split("\n== ")[1:]:
        title, *lines = part.rstrip("\n").split("\n")
        file, _, name = title.partition(": ")
        old = [line[1:] for line in lines if line[:1] != "+"]
        new = [line[1:] for line in lines if line[:1] != "-"]
        yield Mistake(file, name, "".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new))


MISTAKES = list(read(Path(__file__).with_suffix(".txt").read_text()))
