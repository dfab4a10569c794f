"""`torch.nn.modules.utils`: one number for every axis."""

from __future__ import annotations

import collections.abc
from itertools import repeat
from typing import Any


def _ntuple(n: int) -> Any:
    def parse(x: Any) -> tuple:
        return tuple(x) if isinstance(x, collections.abc.Iterable) else tuple(repeat(x, n))

    return parse


_single, _pair, _triple, _quadruple = map(_ntuple, (1, 2, 3, 4))


def consume_prefix_in_state_dict_if_present(state_dict: dict, prefix: str) -> None:
    """Strip `prefix` from the keys and from the names of the modules in the metadata, in place."""
    _stripped(state_dict, prefix, prefix)
    _stripped(getattr(state_dict, "_metadata", {}), prefix, prefix.removesuffix("."))


def _stripped(table: dict, prefix: str, whole: str) -> None:
    for key in [k for k in table if k.startswith(prefix) or k == whole]:
        table[key.removeprefix(prefix) if key != whole else ""] = table.pop(key)


__all__ = ["consume_prefix_in_state_dict_if_present"]
