"""From tensors and options to the graph that is to be shown."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import Any

from . import _collapse, _health
from ._build import Builder, as_roots
from ._model import Graph
from ._names import collect_names


def prepare(
    roots: tuple, frame: Any = None, *, model: Any = None, params: Any = None, inputs: Any = None, names: Any = "caller",
    symbols: bool = True, fold_constants: bool = True, expand: Any = None, grads: bool = True, health: bool = True,
) -> Graph:  # fmt: skip
    """The graph of `roots` with numbers, names and captions, `viz.scope` blocks folded."""
    tensors = as_roots(roots)
    found = collect_names(names, params, inputs, model, frame)
    with unhurried():
        graph = Builder(tensors, found, fold=fold_constants, symbols=symbols, grads=grads).build()
    if health:
        _health.check(graph)
    folded = _collapse.fold(graph, _collapse.scopes(graph, expand))
    return _collapse.renumber(folded) if folded is not graph else graph


@contextlib.contextmanager
def unhurried() -> Iterator[None]:
    """No garbage collection while many objects are made that all stay: it would look through them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
