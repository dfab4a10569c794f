"""state_dict and load_state_dict: a module's tensors by name, checked as a whole before anything is written."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from autograd import Size, Tensor, no_grad
from autograd._mode import holding
from autograd._tensor import stamp, wrap

from .parameter import Parameter, is_lazy

EXTRA = "_extra_state"


class IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What did not match when a state_dict was loaded with strict=False."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return "_" + super().__repr__()

    __str__ = __repr__


# ---------------------------------------------------------------------------------------------- writing


def collect(module: Any, destination: Any, prefix: str, keep_vars: bool) -> Any:
    """Fill `destination` with the state of `module` and its submodules."""
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    metadata = {"version": module._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = metadata
    for hook in module._state_dict_pre_hooks.values():
        hook(module, prefix, keep_vars)
    module._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook in module._state_dict_hooks.values():
        found = hook(module, destination, prefix, metadata)
        if found is not None:
            destination = found
    return destination


def save_own(module: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
    """The parameters and persistent buffers of one module, without its submodules."""
    for name, value in persistent(module):
        destination[prefix + name] = value if keep_vars else value.detach()
    if has_extra(module):
        destination[prefix + EXTRA] = module.get_extra_state()


def has_extra(module: Any) -> bool:
    from .module import Module

    return type(module).get_extra_state is not Module.get_extra_state


def persistent(module: Any) -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of what a state_dict holds of one module."""
    for name, value in module._parameters.items():
        if value is not None:
            yield name, value
    for name, value in module._buffers.items():
        if value is not None and name not in module._non_persistent_buffers_set:
            yield name, value


# ---------------------------------------------------------------------------------------------- reading

_pending: ContextVar[list | None] = ContextVar("nn.load_state_dict", default=None)


def load(module: Any, state_dict: Any, strict: bool, assign: bool) -> IncompatibleKeys:
    """All or nothing: collect every copy to be made and every complaint, then copy, or raise with nothing changed."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    metadata = getattr(state_dict, "_metadata", None)
    state_dict = OrderedDict(state_dict)
    if metadata is not None:
        state_dict._metadata = metadata
    loading = _Loading(state_dict, metadata or {}, strict, assign)
    undo = _Undo(module)
    try:
        with holding(_pending, loading.copies):
            loading.visit(module, state_dict, "")
            loading.finish(module, undo)
    except BaseException:
        undo.restore()
        raise
    return loading.keys


class _Loading:
    """One call of load_state_dict."""

    def __init__(self, state: Any, metadata: Any, strict: bool, assign: bool) -> None:
        self.state, self.metadata, self.strict, self.assign = state, metadata, strict, assign
        self.keys = IncompatibleKeys([], [])
        self.errors: list[str] = []
        self.copies: list[tuple[Any, str, Tensor, bool]] = []

    def visit(self, module: Any, state: Any, prefix: str) -> None:
        local = dict(self.metadata.get(prefix[:-1], {}))
        if self.assign:
            local["assign_to_params_buffers"] = True
        given = (local, True, self.keys.missing_keys, self.keys.unexpected_keys, self.errors)
        module._load_from_state_dict(state, prefix, *given)
        for name, child in module._modules.items():
            if child is not None:
                inner = f"{prefix}{name}."
                self.visit(child, {k: v for k, v in state.items() if k.startswith(inner)}, inner)

    def finish(self, module: Any, undo: _Undo) -> None:
        """Write, when nothing forbids it; hooks run afterwards and may still excuse missing keys."""
        hooks = [(m, h) for m in module.modules() for h in m._load_state_dict_post_hooks.values()]
        if self.errors or (self.complaints() and not hooks):
            raise RuntimeError(self.text(module))
        if hooks:
            undo.keep_data(module)
        for owner, name, value, assign in self.copies:
            write(owner, name, value, assign)
        for owner, hook in hooks:
            if hook(owner, self.keys) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new values, "
                    "if incompatible_keys need to be modified, it should be done inplace."
                )
        if self.complaints():
            raise RuntimeError(self.text(module))

    def complaints(self) -> list[str]:
        if not self.strict:
            return []
        found = []
        for what, keys in (("Missing", self.keys.missing_keys), ("Unexpected", self.keys.unexpected_keys)):
            if keys:
                listed = ", ".join(f'"{k}"' for k in dict.fromkeys(keys))
                found.append(f"{what} key(s) in state_dict: {listed}. ")
        return found

    def text(self, module: Any) -> str:
        lines = "\n\t".join([*self.complaints(), *self.errors])
        return f"Error(s) in loading state_dict for {type(module).__name__}:\n\t{lines}"


class _Undo:
    """How a module was before loading: what each name held and, for modules with code of their own, the numbers too."""

    def __init__(self, module: Any) -> None:
        from .module import Module

        self.tables = [(m, dict(m._parameters), dict(m._buffers)) for m in module.modules()]
        self.data: dict[int, tuple[Tensor, Any]] = {}
        for m in module.modules():
            own = type(m)._load_from_state_dict is not Module._load_from_state_dict
            if own or m._load_state_dict_pre_hooks:
                self.keep_tensors(m)

    def keep_tensors(self, module: Any) -> None:
        for value in (*module._parameters.values(), *module._buffers.values()):
            if value is not None and not is_lazy(value):
                self.data.setdefault(id(value), (value, value._buffer().copy()))

    def keep_data(self, module: Any) -> None:
        for m in module.modules():
            self.keep_tensors(m)

    def restore(self) -> None:
        for module, parameters, buffers in self.tables:
            for table, before in ((module._parameters, parameters), (module._buffers, buffers)):
                table.clear()
                table.update(before)
        for value, data in self.data.values():
            if value._data.shape != data.shape or value._data.dtype != data.dtype:
                value.data = wrap(np.empty_like(data))
            value._buffer()[...] = data
            stamp(value)


def load_own(
    module: Any, state: Any, prefix: str, local: dict, strict: bool, missing: list, unexpected: list, errors: list
) -> None:
    """Check one module's tensors against `state`, and note the copies to be made (or make them, outside a load)."""
    for hook in module._load_state_dict_pre_hooks.values():
        hook(state, prefix, local, strict, missing, unexpected, errors)
    assign = local.get("assign_to_params_buffers", False)
    for name, value in persistent(module):
        key = prefix + name
        if key not in state:
            if strict:
                missing.append(key)
            continue
        complaint = mismatch(key, value, state[key], assign)
        if complaint:
            errors.append(complaint)
        else:
            schedule(module, name, state[key], assign)
    _load_extra(module, state, prefix, strict, missing, unexpected)
    if strict:
        unexpected.extend(key for key in state if key.startswith(prefix) and not _known(module, key[len(prefix) :]))


def _load_extra(module: Any, state: Any, prefix: str, strict: bool, missing: list, unexpected: list) -> None:
    from .module import Module

    key = prefix + EXTRA
    if type(module).set_extra_state is not Module.set_extra_state:
        if key in state:
            module.set_extra_state(state[key])
        elif strict:
            missing.append(key)
    elif strict and key in state:
        unexpected.append(key)


def _known(module: Any, rest: str) -> bool:
    """Whether a key, without the module's prefix, belongs to the module or to one of its submodules."""
    first, dot, _ = rest.partition(".")
    if dot:
        return module._modules.get(first) is not None
    return rest == EXTRA or any(rest == name for name, _ in persistent(module))


def mismatch(key: str, mine: Tensor, given: Any, assign: bool) -> str | None:
    """Why `given` cannot be loaded into `mine`; None when it can."""
    if not isinstance(given, Tensor):
        return (
            f'While copying the parameter named "{key}", expected Tensor or Tensor-like object from checkpoint but received '
            f"{type(given)}"
        )
    if is_lazy(mine) or is_lazy(given):
        if is_lazy(given) and not is_lazy(mine):
            return f"size mismatch for {key}: the checkpoint's tensor is uninitialized, the model's has a shape."
        return None
    # A 0-d parameter may come from a checkpoint that kept it with one axis, as old ones did.
    if tuple(mine.shape) == () and tuple(given.shape) == (1,):
        return None
    if tuple(mine.shape) != tuple(given.shape):
        return (
            f"size mismatch for {key}: copying a param with shape {Size(given.shape)!r} from checkpoint, the shape in "
            f"current model is {Size(mine.shape)!r}."
        )
    if given.is_complex() and not mine.is_complex() and not assign:
        return f'While copying the parameter named "{key}", the checkpoint holds complex numbers, the model {mine.dtype!r}.'
    return None


def schedule(module: Any, name: str, value: Tensor, assign: bool) -> None:
    copies = _pending.get()
    if copies is None:
        write(module, name, value, assign)
    else:
        copies.append((module, name, value, assign))


def write(module: Any, name: str, value: Tensor, assign: bool) -> None:
    """Put `value` into the tensor called `name`, or in its place."""
    if is_lazy(value):
        return
    table = module._parameters if name in module._parameters else module._buffers
    mine = table[name]
    with no_grad():
        if assign:
            table[name] = _as_parameter(value, mine) if isinstance(mine, Parameter) else value
            return
        if is_lazy(mine):
            mine.materialize(value.shape)
        data = mine._buffer()
        data[...] = value._data.reshape(data.shape)
        stamp(mine)


def _as_parameter(value: Tensor, mine: Parameter) -> Parameter:
    if isinstance(value, Parameter):
        value.requires_grad_(mine.requires_grad)
        return value
    return Parameter(value, mine.requires_grad)
