"""Memory of what is made under inference mode: it may not be saved for backward, nor written outside the mode."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from ._array import exports, ndarray, owner, watch
from ._mode import _inference, transforming

REFUSED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation "
    "tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or use "
    "`torch.no_grad()` instead of `torch.inference_mode()`."
)

table: dict[int, weakref.ref] = {}  # id of the owner of such memory -> what tells when it dies
SENTINEL = -1  # in the table of memory held outside, which operations look at before they save: it is not empty then


making = _inference.get  # whether what is made here and now is not for backward


def mark(t: Any, given: tuple = ()) -> None:
    """Note that tensor `t` was made under inference mode, unless it shows memory of one of the arrays `given`."""
    if not making():
        return
    t._data = t._buffer()
    mark_array(t._data, given)


def mark_array(a: Any, given: tuple = ()) -> None:
    root = owner(a) if type(a) is ndarray else None
    if root is None or id(root) in table or any(root is owner(g) for g in given if isinstance(g, ndarray)):
        return
    key = id(root)
    exports.table[SENTINEL], exports.refuse = None, refuse
    table[key] = watch(a, lambda _: forget(key))


def mark_all(results: Iterable, given: tuple) -> None:
    """The same for several results at once, arrays or tensors."""
    if making():
        for t in results:
            mark_array(getattr(t, "_data", t), given)


def forget(key: int) -> None:
    table.pop(key, None)
    if not table:
        exports.table.pop(SENTINEL, None)


def is_marked(a: Any) -> bool:
    return bool(table) and type(a) is ndarray and id(owner(a)) in table


def refuse(saved: tuple, node: Any) -> None:
    """Raise where a value that a rule of `node` will read was made under inference mode; transforms have no such memory."""
    if not table or transforming.get():
        return
    read = None if node is None else {name for rule in node.plan.rules if rule is not None for name in rule[1]}
    for i, value in enumerate(saved):
        if read is None or node.plan.names[i] in read:
            for v in value if isinstance(value, (tuple, list)) else (value,):
                if is_marked(getattr(v, "_data", v)):
                    raise RuntimeError(REFUSED)


def check_written(a: Any, name: str) -> None:
    """Raise for an array that is about to be written, made under inference mode and written outside it."""
    if table and not _inference.get() and is_marked(a):
        raise RuntimeError(
            f"{name}: Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get "
            "a normal tensor before doing inplace update."
        )
