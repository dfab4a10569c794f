"""Where every declaration is found by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Registry(dict):
    """ "namespace.name" (or "name") -> its declaration.

    Importing the package declares the everyday families only; the others are imported when the registry is looked
    through, or asked for a name it does not know yet.
    """

    load: Callable[[], None] | None = None  # imports the remaining families, once

    def complete(self) -> Registry:
        if self.load is not None:
            load, self.load = self.load, None
            load()
        return self

    def __missing__(self, key: str) -> Any:
        if self.load is None:
            raise KeyError(key)
        return self.complete()[key]

    def get(self, key: str, default: Any = None) -> Any:
        return dict.get(self, key) or dict.get(self.complete(), key, default)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or dict.__contains__(self.complete(), key)

    def __iter__(self) -> Any:
        return dict.__iter__(self.complete())

    def __len__(self) -> int:
        return dict.__len__(self.complete())

    def keys(self) -> Any:
        return dict.keys(self.complete())

    def values(self) -> Any:
        return dict.values(self.complete())

    def items(self) -> Any:
        return dict.items(self.complete())


registry: Registry = Registry()


class Later:
    """Stands for a method of Tensor whose family has not been imported yet, and imports it when it is asked for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        registry.complete()
        if owner.__dict__.get(self.name) is self:  # nothing declares it any more
            delattr(owner, self.name)
        return getattr(owner if instance is None else instance, self.name)
