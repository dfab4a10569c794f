"""Parameter and Buffer: tensors that a Module registers by the mere assignment."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd
from autograd import Tensor
from autograd._node import Leaf
from autograd.save import register_tensor_class


class Parameter(Tensor):
    """A tensor to be learnt: assigning it to an attribute of a Module registers it.

    Args:
        data: a Tensor, whose memory is shared.
        requires_grad: whether gradients are recorded, also inside `no_grad()`.

    Example:
        >>> import nn
        >>> nn.Parameter(autograd.zeros(2))
        Parameter containing:
        tensor([0., 0.], requires_grad=True)
    """

    __slots__ = ()

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        """The tensor itself; there is nothing left for `__init__`."""
        self = object.__new__(cls)
        self._data, self._node = _memory(data, cls.__name__), None
        self.requires_grad_(requires_grad)
        return self

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        """Nothing is left to do."""

    def __repr__(self) -> str:
        text = Tensor.__repr__(self)
        return "Parameter containing:\n" + (text if text.startswith("tensor(") else f"Parameter({text})")


def _memory(data: Any, what: str) -> np.ndarray:
    if data is None:
        return np.empty(0, autograd.get_default_dtype().dtype)
    if not isinstance(data, Tensor):
        raise TypeError(f"{what}: data must be a Tensor, got {type(data).__name__}; use autograd.tensor(data)")
    return data._buffer()


class Buffer(Tensor):
    """A tensor that belongs to a Module's state but is not learnt: assigning it registers a buffer.

    Args:
        data: a Tensor, whose memory is shared.
        persistent: whether the buffer is part of the module's state_dict.
    """

    __slots__ = ()

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        """The tensor itself; there is nothing left for `__init__`."""
        self = object.__new__(cls)
        self._data, self._node = _memory(data, cls.__name__), None
        self.persistent = persistent
        return self

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        """Nothing is left to do."""


class _Uninitialized:
    """What parameters and buffers without a shape have in common. Their `_data` is missing until `materialize`."""

    cls_to_become: type = Tensor

    def __getattr__(self, name: str) -> Any:
        if name in ("_data", "_node"):
            raise ValueError(
                f"Attempted to use an uninitialized parameter in an operation: this {type(self).__name__} has no shape yet. "
                "Run one forward pass of its lazy module first (for an optimizer too), or call materialize(shape)"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized module. Call `forward` "
            "to initialize the parameters before accessing their attributes."
        )

    @property
    def dtype(self) -> Any:
        return self.__dict__["wanted_dtype"]

    @property
    def requires_grad(self) -> bool:
        return self.__dict__["wanted_grad"]

    @property
    def is_leaf(self) -> bool:
        return True

    @property
    def grad(self) -> None:
        return None

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Whether the tensor is to require grad once it has a shape."""
        self.__dict__["wanted_grad"] = bool(requires_grad)
        return self

    def cast(self, dtype: Any) -> Any:
        """Choose the dtype of the tensor to be; what `Module.to` calls."""
        self.__dict__["wanted_dtype"] = dtype
        return self

    def detach(self) -> Any:
        return self

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary tensor of this shape, with memory still to be filled."""
        wanted, grad = dtype or self.dtype, self.requires_grad
        made = autograd.empty(tuple(shape), dtype=wanted, device=device)
        self.__dict__.clear()
        self.__class__ = self.cls_to_become
        self._data, self._node = made._data, None
        if grad:
            self._node = Leaf(self)

    def __deepcopy__(self, memo: dict) -> Any:
        return memo.setdefault(id(self), _make_uninitialized(type(self), self.requires_grad, None, self.dtype))

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return _rebuild_uninitialized, (type(self), self.requires_grad, self.dtype)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def _rebuild_uninitialized(cls: type, requires_grad: bool, dtype: Any) -> Any:
    return _make_uninitialized(cls, requires_grad, None, dtype)


def _make_uninitialized(cls: type, requires_grad: bool, device: Any, dtype: Any) -> Any:
    autograd.empty(0, device=device)  # refuses a device that does not exist
    self: Any = object.__new__(cls)
    self.__dict__["wanted_dtype"] = dtype or autograd.get_default_dtype()
    self.__dict__["wanted_grad"] = requires_grad
    return self


class UninitializedParameter(_Uninitialized, Parameter):
    """A Parameter whose shape its lazy module learns from the first input; see `materialize`."""

    cls_to_become = Parameter
    __slots__ = ()

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> UninitializedParameter:
        """The tensor itself; there is nothing left for `__init__`."""
        return _make_uninitialized(cls, requires_grad, device, dtype)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        """Nothing is left to do."""


class UninitializedBuffer(_Uninitialized, Tensor):
    """A buffer whose shape its lazy module learns from the first input; see `materialize`."""

    __slots__ = ()

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> UninitializedBuffer:
        """The tensor itself; there is nothing left for `__init__`."""
        return _make_uninitialized(cls, requires_grad, device, dtype)

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> None:
        """Nothing is left to do."""


def is_lazy(value: Any) -> bool:
    """Whether a tensor still waits for its shape."""
    return isinstance(value, _Uninitialized)


def new_tensor(*shape: int, dtype: Any = None, device: Any = None) -> Tensor:
    """Uninitialised memory for a parameter, of the default dtype unless told."""
    return autograd.empty(shape, dtype=dtype, device=device)


def empty_parameter(*shape: int, dtype: Any = None, device: Any = None) -> Parameter:
    """A Parameter over uninitialised memory; `reset_parameters` fills it."""
    return Parameter(new_tensor(*shape, dtype=dtype, device=device))


register_tensor_class("Parameter", Parameter)
register_tensor_class("Buffer", Buffer)
