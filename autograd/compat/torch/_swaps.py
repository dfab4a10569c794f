"""Things of a module or a class with others in their place, until they are put back."""

from __future__ import annotations

from typing import Any


class Swaps:
    """What was put where; true while anything is."""

    def __init__(self) -> None:
        self._held: list[tuple[Any, str, Any]] = []

    def __bool__(self) -> bool:
        return bool(self._held)

    def put(self, place: Any, name: str, new: Any, later: Any = None) -> None:
        """`new` as attribute `name` of `place`, which has one now; what it has later again, if that is something else."""
        found = getattr(place, name)  # a module that looks its names up has it from then on
        self._held.append((place, name, vars(place).get(name, found) if later is None else later))
        setattr(place, name, new)

    def undo(self) -> None:
        """Everything back, the last first."""
        for place, name, found in reversed(self._held):
            setattr(place, name, found)
        self._held.clear()


__all__ = ["Swaps"]
