"""What `torch.compile` gives back: the function itself, or the module inside another one, whose names it shows."""

from __future__ import annotations

from typing import Any

import nn


class OptimizedModule(nn.Module):
    """A module that holds the one it was made of as `_orig_mod`: its state is named `_orig_mod.…`, as PyTorch's is.

    Example:
        >>> import nn
        >>> from autograd.compat import torch
        >>> list(torch.compile(nn.Linear(2, 1)).state_dict())
        ['_orig_mod.weight', '_orig_mod.bias']
    """

    def __init__(self, mod: nn.Module, dynamo_ctx: Any = None) -> None:
        super().__init__()
        self._modules["_orig_mod"] = mod
        del self.__dict__["training"]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._orig_mod(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        inner = self.__dict__.get("_modules", {}).get("_orig_mod")
        if inner is None:
            raise AttributeError(f"'OptimizedModule' object has no attribute {name!r}")
        return inner if name == "_orig_mod" else getattr(inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_orig_mod" or "_orig_mod" not in self.__dict__.get("_modules", ()):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __len__(self) -> int:
        return len(self._orig_mod)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._orig_mod)})


def compile(model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: Any = None,
            mode: str | None = None, options: dict | None = None, name: str | None = None,
            disable: bool = False, **ignored: Any) -> Any:  # fmt: skip
    """Nothing is compiled here: a function comes back as it is, a module inside an `OptimizedModule`."""
    if model is None:
        return lambda m: compile(m, disable=disable)
    return OptimizedModule(model) if isinstance(model, nn.Module) and not disable else model


__all__ = ["OptimizedModule", "compile"]
