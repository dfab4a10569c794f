"""Parametrisations: a parameter computed from other parameters, as `weight = f(original)`."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from autograd import Size, Tensor, no_grad

from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

_cache: dict[tuple[int, str], Tensor] = {}
_cache_depth = 0


@contextmanager
def cached() -> Iterator[None]:
    """Inside, each parametrised tensor is computed once."""
    global _cache_depth
    _cache_depth += 1
    try:
        yield
    finally:
        _cache_depth -= 1
        if not _cache_depth:
            _cache.clear()


def _maybe_parameter(value: Tensor, like: Tensor) -> Tensor:
    return Parameter(value, like.requires_grad) if isinstance(like, Parameter) else value


class ParametrizationList(ModuleList):
    """The functions of one parametrised tensor, in order, and the tensor(s) they start from.

    Attributes:
        original: what the first function takes; `original0`, `original1`, ... when it takes several.
    """

    original: Any

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        start = self._start(original)
        self.is_tensor = isinstance(start, Tensor)
        self.ntensors = 1 if self.is_tensor else len(start)
        self._register(start, original)
        if not unsafe:
            self._check(original)

    def _start(self, value: Tensor) -> Any:
        """What the functions' inverses (`right_inverse`) make of the tensor."""
        with no_grad():
            found: Any = value
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    with suppress(NotImplementedError):
                        found = module.right_inverse(found)
        if not isinstance(found, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
                f"{type(found).__name__}"
            )
        return found

    def _register(self, start: Any, original: Tensor) -> None:
        named = [("original", start)] if self.is_tensor else [(f"original{i}", t) for i, t in enumerate(start)]
        for name, value in named:
            value = value.detach() if value is not original else value
            if isinstance(original, Parameter):
                # The optimizer may know the tensor already: it stays the same object where the memory is the same.
                self.register_parameter(
                    name, original if value is original else Parameter(value, original.requires_grad)
                )
            else:
                self.register_buffer(name, value)

    def _check(self, original: Tensor) -> None:
        with no_grad():
            made = self()
        if not isinstance(made, Tensor):
            raise ValueError(f"A parametrization must return a tensor. Got {type(made).__name__}.")
        for what, before, after in (
            ("dtype", original.dtype, made.dtype),
            ("shape", Size(original.shape), Size(made.shape)),
        ):
            if before != after:
                raise ValueError(
                    f"Registering a parametrization may not change the {what} of the tensor, unless `unsafe` flag is enabled.\n"
                    f"unparametrized {what}: {before!r}\nparametrized {what}: {after!r}"
                )

    def originals(self) -> tuple:
        """The tensor(s) the functions start from."""
        if self.is_tensor:
            return (self.original,)
        return tuple(getattr(self, f"original{i}") for i in range(self.ntensors))

    def right_inverse(self, value: Tensor) -> None:
        """Write into the originals what gives `value`."""
        for module in self:
            if not hasattr(module, "right_inverse"):
                raise RuntimeError(
                    f"parametrization {type(module).__name__} does not implement right_inverse, which says what gives the "
                    "value that is assigned"
                )
        start = self._start(value)
        with no_grad():
            for mine, new in zip(self.originals(), (start,) if self.is_tensor else start, strict=True):
                if tuple(mine.shape) != tuple(new.shape):
                    raise ValueError(f"right_inverse: expected shape {tuple(mine.shape)}, got {tuple(new.shape)}")
                mine.data = new.detach().clone()

    def forward(self) -> Tensor:
        """The tensor."""
        modules = iter(self)
        value = next(modules)(*self.originals())
        for module in modules:
            value = module(value)
        return value


def _property(name: str) -> property:
    def get(self: Any) -> Tensor:
        if not _cache_depth:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def put(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(get, put)


def _parametrized_class(module: Module) -> None:
    """Give the module a class of its own, on which the properties can stand."""
    base = type(module)

    def reduce(self: Any, protocol: Any) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(): save that, or call "
            "remove_parametrizations first"
        )

    def deep_copy(self: Any, memo: dict) -> Any:
        twin = self.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__ = copy.deepcopy(self.__dict__, memo)
        twin.__class__ = base
        _parametrized_class(twin)
        for name in twin.parametrizations:
            setattr(type(twin), name, _property(name))
        return twin

    module.__class__ = type(
        f"Parametrized{base.__name__}", (base,), {"__reduce_ex__": reduce, "__deepcopy__": deep_copy}
    )


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Make `module.<tensor_name>` the result of `parametrization(original)`; several are applied in order.

    Args:
        parametrization: a Module; its `right_inverse`, if it has one, gives the first original and handles assignment.
        unsafe: allow it to change the shape or dtype.

    Raises:
        ValueError: there is no such tensor, or the parametrisation changes its shape or dtype.

    Example:
        >>> import autograd, nn
        >>> class Symmetric(nn.Module):
        ...     def forward(self, x):
        ...         return x.triu() + x.triu(1).transpose(-1, -2)
        >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
        >>> bool((layer.weight == layer.weight.T).all())
        True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_another(module, tensor_name, parametrization)
        module.parametrizations[tensor_name].append(parametrization)
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name '{tensor_name}'"
        )
    original = getattr(module, tensor_name)
    listed = ParametrizationList([parametrization], original, unsafe=unsafe)
    if not is_parametrized(module):
        _parametrized_class(module)
        module.parametrizations = ModuleDict()
    delattr(module, tensor_name)
    setattr(type(module), tensor_name, _property(tensor_name))
    module.parametrizations[tensor_name] = listed
    return module


def _check_another(module: Module, name: str, parametrization: Module) -> None:
    with no_grad():
        before = getattr(module, name)
        after = parametrization(before)
    if tuple(after.shape) != tuple(before.shape) or after.dtype != before.dtype:
        raise ValueError(
            "Registering a parametrization may not change the shape or dtype of the tensor, unless the `unsafe` flag is "
            f"enabled: {tuple(before.shape)} {before.dtype!r} became {tuple(after.shape)} {after.dtype!r}"
        )


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module (or that tensor of it) is parametrised."""
    listed = module._modules.get("parametrizations")
    if not isinstance(listed, ModuleDict):
        return False
    return len(listed) > 0 if tensor_name is None else tensor_name in listed


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Take the parametrisation away; the tensor keeps its present value, or (leave_parametrized=False) the original.

    Raises:
        ValueError: there is none, or the original is not one tensor.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    listed: Any = module.parametrizations[tensor_name]
    first = listed.originals()[0]
    if leave_parametrized:
        with no_grad():
            value = getattr(module, tensor_name).detach().clone()
        kept = _maybe_parameter(value, first)
    elif listed.is_tensor:
        kept = first
    else:
        raise ValueError("Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of "
                         "a sequence of tensors.")  # fmt: skip
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if not len(module.parametrizations):
        del module.parametrizations
        module.__class__ = type(module).__mro__[1]
    if isinstance(kept, Parameter):
        module.register_parameter(tensor_name, kept)
    else:
        module.register_buffer(tensor_name, kept)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The module's class without its parametrisations."""
    return type(module).__mro__[1] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give `to_module` the parametrised tensors of `from_module`: it then shares their functions and their originals.

    Args:
        tensor_name: only this one; all of them when None. Without parametrisations nothing happens.

    Raises:
        KeyError: that tensor is not parametrised.
    """
    if not is_parametrized(from_module):
        return to_module
    listed: Any = from_module.parametrizations
    if tensor_name is not None and tensor_name not in listed:
        raise KeyError(
            f"{type(from_module).__name__} has no parametrization on {tensor_name!r}, only on {list(listed)}"
        )
    for name in list(listed) if tensor_name is None else [tensor_name]:
        for function in listed[name]:
            register_parametrization(to_module, name, function, unsafe=True)
        received: Any = to_module.parametrizations
        for key, value in _originals_by_name(listed[name]):
            setattr(received[name], key, value)
    return to_module


def _originals_by_name(listed: ParametrizationList) -> list[tuple[str, Any]]:
    names = ["original"] if listed.is_tensor else [f"original{i}" for i in range(listed.ntensors)]
    return list(zip(names, listed.originals(), strict=True))
