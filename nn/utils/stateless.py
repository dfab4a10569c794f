"""Calling a module with other parameters than its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from autograd import Tensor

from ..module import Module


def functional_call(
    module: Module, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: dict | None = None, *, tie_weights: bool = True,
    strict: bool = False,
) -> Any:  # fmt: skip
    """module(*args, **kwargs) with the parameters and buffers given, by path, in place of the module's own.

    Args:
        parameter_and_buffer_dicts: path -> tensor, or several such dicts without a common path.
            A path that the module does not have is an attribute while it runs.
        args: one argument or a tuple of them.
        tie_weights: tensors that the module shares between paths are replaced in all of them.
        strict: every parameter and buffer must be given, and nothing else.

    Raises:
        ValueError: a path appears in two dicts, or tied tensors get different values.
        RuntimeError: strict and the paths do not match.
        TypeError: not a tensor, or a path of something that is no tensor. AttributeError: no such submodule.

    Example:
        >>> import nn
        >>> layer = nn.Linear(1, 1, bias=False)
        >>> nn.utils.stateless.functional_call(layer, {"weight": autograd.tensor([[3.0]])}, autograd.ones(1))
        tensor([3.])
    """
    given = _merged(parameter_and_buffer_dicts)
    if strict:
        _check_complete(module, given)
    places = _places(module, given, tie_weights)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _swapped(places):
        return module(*args, **(kwargs or {}))


def _merged(dicts: Any) -> dict[str, Tensor]:
    if isinstance(dicts, Mapping):
        return dict(dicts)
    if not isinstance(dicts, Sequence) or not all(isinstance(d, Mapping) for d in dicts):
        raise ValueError(
            "Expected all elements of parameter_and_buffer_dicts to be dictionaries: give one dict or a sequence of dicts"
        )
    found: dict[str, Tensor] = {}
    for d in dicts:
        repeated = sorted(found.keys() & d.keys())
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        found.update(d)
    return found


def _owned(module: Module) -> dict[str, Tensor]:
    own: dict[str, Tensor] = dict(module.named_parameters(remove_duplicate=False))
    own.update(module.named_buffers(remove_duplicate=False))
    return own


def _check_complete(module: Module, given: dict) -> None:
    own = _owned(module)
    lines = []
    for what, keys in (("Unexpected", given.keys() - own.keys()), ("Missing", own.keys() - given.keys())):
        if keys:
            lines.append(f"\n\t{what} key(s): " + ", ".join(repr(k) for k in sorted(keys)) + ".")
    if lines:
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:{''.join(lines)}")


def _places(module: Module, given: dict, tie: bool) -> list[tuple[Module, str, Tensor]]:
    """Where each tensor goes, tied paths included."""
    own = _owned(module)
    paths = dict(given)
    if tie:
        by_identity: dict[int, Any] = {}
        for path, value in given.items():
            if path in own:
                before = by_identity.setdefault(id(own[path]), value)
                if before is not value:
                    raise ValueError(f"functional_call: got two different values for {path!r} and a path tied to it")
        for path, mine in own.items():
            if id(mine) in by_identity:
                paths.setdefault(path, by_identity[id(mine)])
    found = []
    for path, value in paths.items():
        parent, _, name = path.rpartition(".")
        if not name:
            raise KeyError('tensor name can\'t be empty string ""')
        found.append((module.get_submodule(parent), name, value))
    return found


_MISSING: Any = object()


@contextmanager
def _swapped(places: list) -> Iterator[None]:
    """The tensors in place, and the module's own back afterwards, whatever happens."""
    kept = []
    try:
        for module, name, value in places:
            _check_tensor(value, str(value))
            table = next((t for t in (module._parameters, module._buffers) if name in t), None)
            if table is not None:
                kept.append((module, name, table, table[name]))
                table[name] = value
            else:
                kept.append((module, name, None, _attribute(module, name)))
                setattr(module, name, value)
        yield
    finally:
        for module, name, table, before in reversed(kept):
            _put_back(module, name, table, before)


def _attribute(module: Module, name: str) -> Any:
    """What a name that is no parameter or buffer stands for; only a tensor, or nothing, may be replaced."""
    before = getattr(module, name, _MISSING)
    if before is not _MISSING:
        _check_tensor(before, f"attribute `{name}`: {before}")
    return before


def _put_back(module: Module, name: str, table: dict | None, before: Any) -> None:
    if table is not None:
        table[name] = before
    elif before is _MISSING:
        delattr(module, name)
    else:
        module._parameters.pop(name, None)  # what stood there meanwhile
        setattr(module, name, before)


def _check_tensor(value: Any, what: str) -> None:
    if value is not None and not isinstance(value, Tensor):
        raise TypeError(f"{what} is not an instance of torch.Tensor")
