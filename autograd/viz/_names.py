"""Names of tensors: the user's own variables, found in the frame that asked for the picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from .._tensor import Tensor

FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_DATA_NAMES = ("x", "X", "inp", "img", "image", "data", "tok", "idx", "ids", "batch")


class Names:
    """Tensors by identity with their names, best first, and by what a graph knows of them.

    Attributes:
        by_node: node or leaf -> names. by_array: id of a tensor's array -> (names, tensor). live: node -> array.
    """

    def __init__(self) -> None:
        self._found: dict[int, tuple[Any, list[str]]] = {}
        self.parameters: set[int] = set()
        self.inputs: set[int] = set()
        self.modules: dict[int, str] = {}

    def add(self, tensor: Any, name: str) -> None:
        names = self._found.setdefault(id(tensor), (tensor, []))[1]
        if name not in names:
            names.append(name)

    def add_tree(self, value: Any, name: str, depth: int = 2) -> None:
        """A tensor, or the tensors of a list, tuple, dict or module called `name`."""
        if isinstance(value, Tensor):
            self.add(value, name)
        elif depth and type(value) in (list, tuple):
            for i, item in enumerate(value[:200]):
                self.add_tree(item, f"{name}[{i}]", depth - 1)
        elif depth and type(value) is dict:
            for key, item in list(value.items())[:200]:
                self.add_tree(item, f"{name}[{key!r}]", depth - 1)
        elif is_module(value):
            self.add_module(value, name)

    def add_module(self, module: Any, name: str) -> None:
        self.modules.setdefault(id(module), name)
        for path, p in module.named_parameters():
            self.add(p, path)
            self.parameters.add(id(p))

    def tensors(self) -> Iterable[tuple[Any, list[str]]]:
        return self._found.values()

    def index(self) -> tuple[dict, dict, dict]:
        """(node -> names, id of array -> (tensor, names), node -> array), for looking a graph's nodes up."""
        by_node: dict = {}
        by_array: dict = {}
        live: dict = {}
        for tensor, names in self.tensors():
            node = getattr(tensor, "_node", None)
            if node is not None:
                by_node.setdefault(node, []).extend(names)
                live[node] = tensor._data
            by_array.setdefault(id(tensor._data), (tensor, names))
        return by_node, by_array, live


class Frame:
    """The frame whose variables give names, handed on by a function that was called from it."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame


def is_module(value: Any) -> bool:
    """Whether this is a module with parameters (by what it can do: this package does not import `nn`)."""
    return not isinstance(value, type) and hasattr(value, "named_parameters") and hasattr(value, "named_modules")


def collect_names(names: Any, params: Any, inputs: Any, model: Any, frame: Any) -> Names:
    """Names in order of preference: given, the model's, the caller's local and then global variables."""
    found = Names()
    if isinstance(names, Frame):
        names, frame = "caller", names.frame
    if isinstance(names, dict):
        for name, tensor in names.items():
            found.add_tree(tensor, name)
    for name, tensor in dict(params or {}).items():
        found.add(tensor, name)
        found.parameters.add(id(tensor))
    _add_inputs(found, inputs)
    if model is not None:
        found.add_module(model, _name_of(model, frame) or "model")
    if names == "caller" and frame is not None:
        _add_variables(found, frame)
    return found


def _add_inputs(found: Names, inputs: Any) -> None:
    if inputs is None:
        return
    if isinstance(inputs, Tensor):
        inputs = [inputs]
    items = inputs.items() if isinstance(inputs, dict) else ((None, t) for t in inputs)
    for name, tensor in items:
        found.inputs.add(id(tensor))
        if name:
            found.add(tensor, name)


def _name_of(model: Any, frame: Any) -> str | None:
    for scope in (frame.f_locals, frame.f_globals) if frame is not None else ():
        for name, value in scope.items():
            if value is model and not name.startswith("_"):
                return name
    return None


def _add_variables(found: Names, frame: Any) -> None:
    inner = frame.f_code.co_name  # the variables a lambda or a comprehension stands among are the reader's too
    while inner.startswith("<") and inner != "<module>" and frame.f_back is not None:
        _add_scopes(found, frame)
        frame = frame.f_back
        inner = frame.f_code.co_name
    _add_scopes(found, frame)


def _add_scopes(found: Names, frame: Any) -> None:
    for scope in (frame.f_locals, frame.f_globals):
        items = [(n, v) for n, v in list(scope.items()) if isinstance(n, str) and _wanted(n, v)]
        for name, value in sorted(items, key=lambda item: (isinstance(item[1], (list, tuple, dict)), len(item[0]))):
            found.add_tree(value, name)
        if frame.f_locals is frame.f_globals:
            break


def _wanted(name: str, value: Any) -> bool:
    if name.startswith("_") or not name.isidentifier():
        return False
    return isinstance(value, Tensor) or type(value) in (list, tuple, dict) or is_module(value)


def looks_like_data(name: str) -> bool:
    """Whether a name is one people give to data (x, x1, X_train, images), not to what is learnt."""
    stem = name.split("[")[0].rstrip("0123456789").split("_")[0]
    return stem in _DATA_NAMES or stem.rstrip("s") in _DATA_NAMES or stem.startswith(("input", "xs"))


def caller(depth: int = 2) -> Any:
    """The frame that called into this package."""
    frame: Any = sys._getframe(depth)
    while frame is not None and frame.f_code.co_filename.startswith(FOLDER):
        frame = frame.f_back
    return frame
