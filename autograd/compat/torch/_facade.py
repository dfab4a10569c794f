"""A module whose names come from other modules, and that says what is close when a name is missing."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ..._registry import registry

HERE = __package__ or ""
ABSENT: Any = object()
dress: Callable[[Any, str, Any], Any] | None = None  # what else is made of a function that a module has looked up


class Operations:
    """The declared operations of one namespace, seen as a module: `Operations("linalg").svd`."""

    def __init__(self, namespace: str = "", only: Iterable[str] | None = None) -> None:
        self._start = namespace + "." if namespace else ""
        self._only = None if only is None else frozenset(only)

    def __dir__(self) -> list[str]:
        names = (key[len(self._start) :] for key in registry if key.startswith(self._start))
        return [n for n in names if "." not in n and (self._only is None or n in self._only)]

    def __getattr__(self, name: str) -> Any:
        if self._only is None or name in self._only:
            try:
                return registry[self._start + name].call
            except KeyError:
                pass
        raise AttributeError(name)


class Methods:
    """Tensor's methods as functions: `torch.sin_(t)` is `t.sin_()`."""

    def __init__(self, owner: type, names: Iterable[str] = ()) -> None:
        self._owner, self._names = owner, frozenset(names)

    def _offered(self, name: str) -> bool:
        return name in self._names or (name.endswith("_") and not name.startswith("_"))

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._owner) if self._offered(name) and callable(getattr(self._owner, name))]

    def __getattr__(self, name: str) -> Any:
        if self._offered(name) and callable(found := getattr(self._owner, name)):
            return found
        raise AttributeError(name)


def public(source: Any) -> list[str]:
    """The names a source offers: its `__all__`, else what has no underscore and is not an imported module."""
    listed = getattr(source, "__all__", None) if isinstance(source, ModuleType) else dir(source)
    if listed is not None:
        return [name for name in listed if not name.startswith("_")]
    own = source.__dict__.items()
    return [name for name, value in own if not name.startswith("_") and _belongs(source, name, value)]


def _belongs(source: ModuleType, name: str, value: Any) -> bool:
    return not isinstance(value, ModuleType) and name not in ("annotations", "Any")


class FacadeModule(ModuleType):
    """Names looked up in `__sources__`, first found wins, and kept.

    Example:
        >>> from autograd.compat import torch
        >>> torch.nn.functional.relu(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    __sources__: tuple = ()

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return public_names(self)
        if name.startswith("__"):  # asked of every module by `inspect`, which would wait for seconds for what is close
            raise AttributeError(f"module {torch_name(self)!r} has no attribute {name!r}", name=None, obj=None)
        for source in self.__sources__:
            found = _take(source, name)
            if found is not ABSENT:
                setattr(self, name, found)
                return found if dress is None else dress(self, name, found)
        raise AttributeError(missing(self, name), name=None, obj=None)

    def __dir__(self) -> list[str]:
        names = {name for name in self.__dict__ if not name.startswith("_")}
        return sorted(names.union(*(public(source) for source in self.__sources__)))


def _take(source: Any, name: str) -> Any:
    """`source.name` unless it is a module that the source merely imported."""
    found = getattr(source, name, ABSENT)
    return ABSENT if isinstance(found, ModuleType) and not isinstance(found, FacadeModule) else found


def public_names(module: FacadeModule) -> list[str]:
    """What `from module import *` brings."""
    return [name for name in dir(module) if not name.startswith("_")]


def torch_name(module: ModuleType) -> str:
    """`autograd.compat.torch.nn` -> `torch.nn`."""
    name = module.__name__
    return "torch" + name.removeprefix(HERE) if name.startswith(HERE) else name


def missing(module: ModuleType, name: str) -> str:
    """The text for a name that is not there: which, where, what is close, where else it is."""
    text = f"{torch_name(module)} has no {name!r} here (glassgrad's stand-in for PyTorch)"
    close = difflib.get_close_matches(name, dir(module), n=3, cutoff=0.6)
    elsewhere = [f"{torch_name(other)}.{name}" for other in built() if other is not module and name in dir(other)][:2]
    if elsewhere:
        text += f"; it is {' and '.join(elsewhere)}"
    return text + (f"; closest: {', '.join(close)}" if close else "")


def built() -> list[FacadeModule]:
    """Every module of the facade."""
    start = HERE + "."
    found = [m for key, m in list(sys.modules.items()) if key == HERE or key.startswith(start)]
    return [m for m in found if isinstance(m, FacadeModule)]


def build(name: str, sources: Iterable[Any], doc: str = "") -> FacadeModule:
    """Make (or, for the package itself, turn into) the facade module `torch.<name>` and hang it on its parent."""
    full = f"{HERE}.{name}" if name else HERE
    module = sys.modules.get(full)
    if module is None:
        module = sys.modules[full] = FacadeModule(full, doc)
        module.__spec__ = ModuleSpec(full, None, is_package=True)
        module.__path__ = []
        module.__package__ = full
    module.__class__ = FacadeModule
    module.__sources__ = tuple(sources)
    if name:
        parent, _, last = full.rpartition(".")
        sys.modules[parent].__dict__[last] = module
    return module  # type: ignore[return-value]
