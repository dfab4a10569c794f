"""`torch.nn.init` without the underscore, as it was spelt before 0.4."""

from __future__ import annotations

import warnings
from typing import Any

from nn import init as _init

_OLD = ("uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal", "kaiming_uniform",
        "kaiming_normal", "orthogonal", "sparse")  # fmt: skip


def _deprecated(name: str) -> Any:
    now = getattr(_init, name + "_")

    def fill(*args: Any, **kwargs: Any) -> Any:
        text = f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`."
        warnings.warn(text, FutureWarning, stacklevel=2)
        return now(*args, **kwargs)

    fill.__name__, fill.__doc__ = name, f"Older name of `{name}_`."
    return fill


globals().update({name: _deprecated(name) for name in _OLD if hasattr(_init, name + "_")})

__all__ = [name for name in _OLD if name in globals()]
