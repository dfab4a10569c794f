"""A user's `Function` under `vmap`: by its own static `vmap`, or slice by slice where it asks for a rule to be made."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from ._batch import Level, Mapped, Refused, is_at, top
from ._mode import holding, levels
from ._tensor import NotMapped, Tensor
from .ops.index import select
from .ops.join import stack
from .ops.shape import movedim

VmapInfo = namedtuple("VmapInfo", ("batch_size", "randomness"))
_MORE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


def apply_custom(cls: Any, args: tuple) -> Any:
    """`cls.apply(*args)` where some of the arguments stand for all slices."""
    level = top(args)
    assert level is not None
    own = "vmap" in dir(cls)
    if own and cls.generate_vmap_rule:
        raise Refused(
            f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an overridden vmap "
            "staticmethod. Please set generate_vmap_rule=False or delete the overridden vmap staticmethod to avoid "
            f"ambiguity. {_MORE}"
        )
    if own:
        return _by_its_rule(cls, level, args)
    if not cls.generate_vmap_rule:
        raise _no_rule(cls)
    rows = [cls.apply(*(select(a.value, 0, i) if is_at(a, level) else a for a in args)) for i in range(level.size)]
    several = isinstance(rows[0], tuple)
    found = tuple(_mapped(stack(c), 0, level) for c in zip(*(r if several else (r,) for r in rows), strict=True))
    return found if several else found[0]


def _no_rule(cls: Any) -> Exception:
    if Mapped.may_ask:
        return NotMapped(f"vmap: {cls.__name__} has no static vmap and no generate_vmap_rule = True")
    if cls.setup_context is None:
        return Refused(
            "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must "
            f"override the setup_context staticmethod. {_MORE}"
        )
    return Refused(
        f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and implement the "
        f"vmap staticmethod or set generate_vmap_rule=True. {_MORE}"
    )


def _by_its_rule(cls: Any, level: Level, args: tuple) -> Any:
    """What the user's `vmap(info, in_dims, *args)` gives for the tensors of all slices, outside of this level."""
    dims = tuple(0 if is_at(a, level) else None for a in args)
    values = [a.value if is_at(a, level) else a for a in args]
    with holding(levels, levels.get()[: level.depth - 1]):
        result, out_dims = cls.vmap(VmapInfo(level.size, level.randomness), dims, *values)
    if not isinstance(result, tuple):
        return _mapped(result, out_dims[0] if isinstance(out_dims, tuple) else out_dims, level)
    wanted = out_dims if isinstance(out_dims, tuple) else (out_dims,) * len(result)
    return tuple(_mapped(t, d, level) for t, d in zip(result, wanted, strict=True))


def _mapped(t: Any, dim: int | None, level: Level) -> Any:
    return t if dim is None or not isinstance(t, Tensor) else Mapped(movedim(t, dim, 0), level)
