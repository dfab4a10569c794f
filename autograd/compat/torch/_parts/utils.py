"""`torch.utils` itself."""

from __future__ import annotations

import weakref
from typing import Any

from ...._node import Leaf
from ...._tensor import Tensor

_SLOTS = ("_data", "_grad", "_node", "_root")


def set_module(obj: Any, mod: str) -> None:
    obj.__module__ = mod


def swap_tensors(t1: Tensor, t2: Tensor) -> None:
    """Let each of two tensors be the other: values, history, class and attributes change places, references stay.

    Example:
        >>> import autograd
        >>> from autograd.compat.torch.utils import swap_tensors
        >>> a, b = autograd.zeros(1), autograd.ones(2)
        >>> swap_tensors(a, b)
        >>> a, b
        (tensor([1., 1.]), tensor([0.]))
    """
    t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    first, second = _state(t1), _state(t2)
    for t, (slots, own) in ((t1, second), (t2, first)):
        for name in _SLOTS:
            if name in slots:
                setattr(t, name, slots[name])
            elif hasattr(t, name):
                delattr(t, name)
        t.__dict__.clear()
        t.__dict__.update(own)
        if type(t._node) is Leaf:
            t._node.ref = weakref.ref(t)


def _state(t: Tensor) -> tuple[dict, dict]:
    return {name: getattr(t, name) for name in _SLOTS if hasattr(t, name)}, dict(t.__dict__)


__all__ = ["set_module", "swap_tensors"]
