"""What einops needs to take Tensors: it asks the subclasses of its backend class, so one is declared when it is imported."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder
from typing import Any

_MODULE = "einops._backends"


def declare(backends: Any) -> None:
    """Make einops' module of backends know Tensors; a version of it that is built otherwise stays as it is."""
    with suppress(AttributeError):
        backends.AutogradBackend = _backend(
            backends.AbstractBackend
        )  # kept there: a base class forgets lost subclasses


def _backend(base: Any) -> type:
    """The subclass by which einops finds what to do with Tensors."""
    from . import arange, cat, int64, prod, stack, unsqueeze
    from ._tensor import Tensor

    class AutogradBackend(base):  # type: ignore[misc]
        framework_name = "autograd"

        def is_appropriate_type(self, tensor: Any) -> bool:
            facade = getattr(sys.modules.get("torch"), "Tensor", ())  # einops serves it as PyTorch's
            return isinstance(tensor, Tensor) and not isinstance(tensor, facade)

        def from_numpy(self, x: Any) -> Any:
            from . import from_numpy

            return from_numpy(x)

        def to_numpy(self, x: Any) -> Any:
            return x.detach().numpy()

        def arange(self, start: int, stop: int) -> Any:
            return arange(start, stop, dtype=int64)

        def reduce(self, x: Any, operation: str, axes: tuple) -> Any:
            if operation == "prod":
                for a in sorted(axes, reverse=True):
                    x = prod(x, a)
                return x
            return getattr(x, {"min": "amin", "max": "amax"}.get(operation, operation))(tuple(axes))

        def transpose(self, x: Any, axes: tuple) -> Any:
            return x.permute(tuple(axes))

        def stack_on_zeroth_dimension(self, tensors: list) -> Any:
            return stack(tensors)

        def add_axis(self, x: Any, new_position: int) -> Any:
            return unsqueeze(x, new_position)

        def tile(self, x: Any, repeats: tuple) -> Any:
            return x.repeat(tuple(repeats))

        def concat(self, tensors: list, axis: int) -> Any:
            return cat(tensors, axis)

        def is_float_type(self, x: Any) -> bool:
            return x.dtype.is_floating_point

        def einsum(self, pattern: str, *x: Any) -> Any:
            from . import einsum  # not yet there when einops was imported first

            return einsum(pattern, *x)

    return AutogradBackend


class _Declaring(Loader):
    """einops' own loader, after which the backend is declared."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def create_module(self, spec: Any) -> Any:
        return self.inner.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self.inner.exec_module(module)
        declare(module)


class _Watcher(MetaPathFinder):
    """Waits for einops to be imported, once."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Declaring(spec.loader)
        return spec


def watch() -> None:
    """Declare the backend now if einops is imported already, else when it will be."""
    if _MODULE in sys.modules:
        declare(sys.modules[_MODULE])
    else:
        sys.meta_path.insert(0, _Watcher())
