"""The Tensor: its memory, its place in the graph, and Python's and NumPy's protocols. It contains no operation.

Operations attach themselves as methods when they are declared (see `_op`), which is what keeps this module
below them: a Tensor needs `add` for `__add__`, and `add` needs Tensors.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from . import _dtype, _graph
from ._array import Array, changes, exports, held_once, ndarray, offset, outermost, owner, wrap_dim
from ._convert import legacy_constructor
from ._dtype import from_numpy_dtype
from ._inference import is_marked
from ._memory_format import preserve_format
from ._mode import is_inference_mode_enabled, transforming
from ._node import Leaf, Node, RemovableHandle, add_hook, hooks_of

new = object.__new__


class Size(tuple):
    """The shape of a tensor: a tuple that prints as PyTorch's and knows its number of elements."""

    __slots__ = ()

    def numel(self) -> int:
        return _product(self)

    def __repr__(self) -> str:
        return f"{_dtype.dtype.prefix}Size({list(self)})"

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: tuple) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __reduce__(self) -> tuple:
        return Size, (tuple(self),)


def _product(shape: tuple) -> int:
    n = 1
    for s in shape:
        n *= s
    return n


class device:
    """Where a tensor lives; here always the CPU. Compares equal to its name."""

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        name = str(getattr(type, "type", type))
        self.type, _, number = name.partition(":")
        self.index = int(number) if number else index
        if self.type not in ("cpu", "cuda", "mps", "meta", "xpu"):
            raise RuntimeError(
                f"Expected one of cpu, cuda, mps, xpu, meta device type at start of device string: {name!r}"
            )

    def __enter__(self) -> device:
        check_device(self)
        return self

    def __exit__(self, *exc: object) -> None:
        """A block of `with device("cpu")` changes nothing: tensors are made on the CPU anyway."""

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return (
            f"device(type={self.type!r})" if self.index is None else f"device(type={self.type!r}, index={self.index})"
        )

    def __reduce__(self) -> tuple:
        return device, (str(self),)


CPU = device("cpu")
here = {"cpu"}  # the types of devices that mean this memory


def check_device(wanted: Any) -> None:
    """Accept the CPU under any of its names; refuse what this engine cannot use."""
    if wanted is not None and device(wanted).type not in here:
        raise RuntimeError(f"device {str(wanted)!r} is not available: tensors live on the CPU here; use device='cpu'")


class layout:
    """How elements lie in memory: `strided`, as NumPy's; what PyTorch's other names say is known to its stand-in."""

    named: ClassVar[dict[str, layout]] = {}

    def __new__(cls, name: str) -> layout:
        return cls.named.setdefault(name, new(cls))

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"{_dtype.dtype.prefix}{self.name}"

    def __reduce__(self) -> tuple:
        return layout, (self.name,)


strided = layout("strided")


class NotMapped(AttributeError):
    """Something asked for one array of numbers where a tensor stands for many; `vmap` then runs slice by slice."""


class Tensor:
    """An array of one dtype that can record what is computed from it and carry a gradient.

    Attributes:
        data: the same memory without history.
        grad: gradient accumulated by `backward()`, a Tensor or None.
        requires_grad, is_leaf, grad_fn: its place in the recorded graph.

    Example:
        >>> import autograd
        >>> x = autograd.tensor([1.0, 2.0, 3.0], requires_grad=True)
        >>> y = (x * x).sum()
        >>> y.backward()
        >>> x.grad
        tensor([2., 4., 6.])
    """

    # _data: ndarray, or a NumPy scalar for a tensor without axes. _node: None, a Leaf or a Node; unset on a view
    # whose base was changed in place since (see `history`). The others are set when first needed.
    __slots__ = ("__dict__", "__weakref__", "_data", "_grad", "_node", "_root")

    _apply: Callable | None = None  # how a tensor that stands for something else runs an operation

    def __new__(cls, *args: Any, **kwargs: Any) -> Tensor:
        data = legacy_constructor(*args, **kwargs)
        self = new(cls)
        self._data, self._node = data, None
        return self

    # ------------------------------------------------------------------------------------------ memory

    def _buffer(self) -> ndarray:
        """The array behind this tensor, to write into: a NumPy scalar becomes a 0-d array first."""
        data = self._data
        if isinstance(data, np.generic):
            data = self._data = np.array(data)
        return data

    @property
    def data(self) -> Tensor:
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if _dtype.category(value._data.dtype) < 2 and history(self) is not None:
            raise RuntimeError(
                f"data set to a tensor that requires gradients must be floating point or complex dtype, not {value.dtype!r}"
            )
        self._data = value._data if isinstance(value._data, np.generic) else value._buffer()
        node = self._node
        if type(node) is Leaf:
            node.follow(self)

    @property
    def _base(self) -> Tensor | None:
        """The tensor whose memory this view shows; None for one that is no view."""
        return getattr(self, "_root", None)

    def detach(self) -> Tensor:
        """The same memory without history: a change of one shows in the other."""
        return wrap(self._buffer())

    def detach_(self) -> Tensor:
        """Forget this tensor's history."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead")
        self._node = None
        return self

    @property
    def shape(self) -> Size:
        return Size(self._data.shape)

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def dtype(self) -> _dtype.dtype:
        return from_numpy_dtype(self._data.dtype)

    @property
    def device(self) -> device:
        return CPU

    @property
    def layout(self) -> layout:
        return strided

    @property
    def itemsize(self) -> int:
        return self._data.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self._data.size * self._data.dtype.itemsize

    @property
    def is_cuda(self) -> bool:
        return False

    is_sparse = is_quantized = is_meta = is_mps = is_nested = is_cuda

    def dim(self) -> int:
        """Number of axes."""
        return self._data.ndim

    ndimension = dim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or its length along `dim`."""
        if dim is None:
            return Size(self._data.shape)
        return self._data.shape[_own_axis(dim, self._data.ndim)]

    def numel(self) -> int:
        """Number of elements."""
        return int(self._data.size)

    nelement = numel

    def element_size(self) -> int:
        """Bytes per element."""
        return self._data.dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Steps between neighbours along each axis, in elements."""
        data = self._data
        if data.size:
            strides = tuple(s // data.itemsize for s in data.strides)
        else:  # where NumPy has none
            strides = tuple(_product(tuple(max(n, 1) for n in data.shape[axis + 1 :])) for axis in range(data.ndim))
        return strides if dim is None else strides[_own_axis(dim, data.ndim)]

    def storage_offset(self) -> int:
        """Elements between the start of the memory and the first element."""
        data = self._data
        if isinstance(data, np.generic):
            return 0
        return offset(data, outermost(data)) // data.itemsize

    def data_ptr(self) -> int:
        """Address of the first element."""
        return self._buffer().__array_interface__["data"][0]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        if memory_format is not None:
            return memory_format.fits(self._data)
        return isinstance(self._data, np.generic) or self._data.flags.c_contiguous

    def dim_order(self) -> tuple[int, ...]:
        """The axes from the slowest to the fastest in memory."""
        return preserve_format.order(self._data)

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        return self.dtype.is_signed

    def is_inference(self) -> bool:
        """Whether this memory was made under inference mode."""
        return is_marked(self._data)

    def is_pinned(self, device: Any = None) -> bool:
        return False

    def share_memory_(self) -> Tensor:
        """Itself: threads see its memory anyway, other processes get copies; `is_shared` says from now on that it was asked."""
        self.__dict__["_shared"] = True
        return self

    def is_shared(self) -> bool:
        """Whether `share_memory_` was called."""
        return "_shared" in self.__dict__

    def get_device(self) -> int:
        return -1

    @property
    def _version(self) -> int:
        if is_marked(self._data):
            raise RuntimeError("Inference tensors do not track version counter.")
        return 0 if isinstance(self._data, np.generic) else changes.count(self._data)

    # ------------------------------------------------------------------------------------------ the graph

    @property
    def requires_grad(self) -> bool:
        return history(self) is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start (or stop) recording what is computed from this leaf; returns itself.

        Raises:
            RuntimeError: the dtype has no gradients, or the tensor is a result of a recorded operation.
        """
        node = history(self)
        if isinstance(node, Node):
            if not requires_grad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed variable "
                    "in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
        elif not requires_grad:
            if node is not None:
                self._leaf = node  # what was recorded still ends there, should it require grad again
            self._node = None
        elif node is None:
            if is_marked(self._data) and not (is_inference_mode_enabled() or transforming.get()):
                raise RuntimeError(
                    "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
                )
            check_differentiable(self._data.dtype)
            self._node = self.__dict__.pop("_leaf", None) or Leaf(self)
            self._node.follow(self)
        return self

    @property
    def is_leaf(self) -> bool:
        return not isinstance(history(self), Node)

    @property
    def grad_fn(self) -> Node | None:
        node = history(self)
        return node if isinstance(node, Node) else None

    @property
    def output_nr(self) -> int:
        return 0

    @property
    def grad(self) -> Tensor | None:
        try:
            return self._grad
        except AttributeError:
            if isinstance(history(self), Node) and not self.retains_grad:
                _warn_no_grad()
            return None

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
                )
            if value._data.shape != self._data.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: the tensor is {tuple(self.shape)}, "
                    f"the gradient {tuple(value.shape)}"
                )
            if value._data.dtype != self._data.dtype:
                raise RuntimeError(f"assigned grad has data of a different type: {value.dtype!r}, not {self.dtype!r}")
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def retains_grad(self) -> bool:
        return getattr(self, "_retain", False)

    def retain_grad(self) -> None:
        """Keep this result's gradient in `.grad` after backward, as a leaf does."""
        node = history(self)
        if node is None:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if isinstance(node, Node) and not self.retains_grad:
            self._retain = True
            hooks_of(node).retain.append(weakref.ref(self))

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad)` when this tensor's gradient is complete; a returned tensor replaces it.

        Example:
            >>> import autograd
            >>> x = autograd.tensor(3.0, requires_grad=True)
            >>> handle = x.register_hook(lambda g: g * 10)
            >>> (x * 2).backward()
            >>> x.grad
            tensor(20.)
        """
        node = history(self)
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        return add_hook(hooks_of(node).pre, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(tensor)` after backward has added to this leaf's `.grad`."""
        node = history(self)
        if type(node) is not Leaf:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        return add_hook(hooks_of(node).accumulated, hook)

    # ------------------------------------------------------------------------------------------ to Python and NumPy

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        if self._data.size != 1:
            raise RuntimeError(f"a Tensor with {self._data.size} elements cannot be converted to Scalar")
        value = self._data.item()
        return float(value) if self._data.dtype.name == "bfloat16" else value

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a 0-d tensor."""
        return self._data.tolist()

    def numpy(self, *, force: bool = False) -> ndarray:
        """This tensor's memory as an array: writing to either shows in both.

        Raises:
            RuntimeError: the tensor requires grad, so gradients would be lost; detach() first.
        """
        if history(self) is not None and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        data = self._buffer()
        return exports.lend(data) if type(data) is ndarray else data

    # NumPy's ufuncs and functions on Tensors, DLPack and the array API are attached by `_protocols`.

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> ndarray:
        data = self.numpy()
        return np.array(data, dtype=dtype, copy=copy) if dtype is not None or copy else data

    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._data.shape[0]

    def __bool__(self) -> bool:
        if self._data.size != 1:
            if not self._data.size:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self._data.item())

    def _single(self) -> Any:
        if self._data.size != 1:
            raise ValueError(
                f"only one element tensors can be converted to Python scalars, this one has {self._data.size}"
            )
        return self._data.item()

    def __float__(self) -> float:
        return float(self._single())

    def __int__(self) -> int:
        return int(self._single())

    def __complex__(self) -> complex:
        return complex(self._single())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iub" or self._data.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._data.item())

    def __hash__(self) -> int:
        return id(self)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._data.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        from ._repr import tensor_text

        return tensor_text(self)

    def __format__(self, spec: str) -> str:
        if not self._data.ndim and type(self) is Tensor:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __deepcopy__(self, memo: dict) -> Tensor:
        if isinstance(history(self), Node):
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment; "
                "detach() this result first"
            )
        if id(self) in memo:
            return memo[id(self)]
        twin = new(type(self))
        memo[id(self)] = twin
        root = getattr(self, "_data")  # noqa: B009
        twin._data = _deepcopy_memory(root, memo)
        twin._node = None
        if self.requires_grad:
            twin._node = Leaf(twin)
        if getattr(self, "_grad", None) is not None:
            twin._grad = copy.deepcopy(self._grad, memo)
        twin.__dict__.update({k: copy.deepcopy(v, memo) for k, v in _attributes(self).items()})
        return twin

    def __copy__(self) -> Tensor:
        if isinstance(history(self), Node):
            raise RuntimeError(
                "copy: the shallow copy of a non-leaf tensor would have no history, and its gradient would be lost; use "
                "clone(), view_as() or detach()"
            )
        make, given = self.__reduce_ex__(2)
        return make(*given)

    def __reduce_ex__(self, protocol: Any) -> tuple:
        """What pickle keeps: of a result too, its value as a leaf, as PyTorch does; its history stays behind."""
        return rebuild, (type(self), self._data, self.requires_grad, _attributes(self) or None)

    def __dir__(self) -> list[str]:
        return sorted({*dir(type(self)), *self.__dict__})


def _own_axis(dim: Any, ndim: int) -> int:
    """A dimension that a tensor has; one without axes has none."""
    if not ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return wrap_dim(dim, ndim)


def _attributes(t: Tensor) -> dict:
    """What the user put on a tensor; what the engine keeps there belongs to this very tensor."""
    return {k: v for k, v in t.__dict__.items() if k not in ("_views", "_region", "_retain", "_leaf", "_alias")}


def _deepcopy_memory(data: Array, memo: dict) -> Array:
    """Copy an array; arrays that shared memory before share it afterwards (tied weights, views of one buffer)."""
    if not isinstance(data, ndarray) or data.base is None:
        return copy.deepcopy(data, memo)
    root = outermost(data)
    twin = copy.deepcopy(root, memo)
    if twin.strides != root.strides:  # memory of another library, with gaps that a copy does not have
        return data.copy()
    flat = twin.ravel("K").view(np.uint8)
    return ndarray(data.shape, data.dtype, buffer=flat, offset=offset(data, root), strides=data.strides)


def rebuild(cls: type, data: Array, requires_grad: bool, extra: dict | None = None) -> Tensor:
    """What pickle calls to make a tensor again."""
    self = new(cls)
    self._data, self._node = _dtype.usual(data) if isinstance(data, ndarray) else data, None
    if requires_grad:
        self._node = Leaf(self)
    if extra:
        self.__dict__.update(extra)
    return self


def wrap(data: Array, node: Node | Leaf | None = None) -> Tensor:
    """A Tensor over an array, without copying."""
    self = new(Tensor)
    self._data = data
    self._node = node
    return self


_graph.set_tensor_maker(wrap)


def check_differentiable(d: np.dtype) -> None:
    if _dtype.category(d) < 2:
        raise RuntimeError(
            f"Only Tensors of floating point and complex dtype can require gradients, not {from_numpy_dtype(d)!r}"
        )


def _warn_no_grad() -> None:
    import warnings

    warnings.warn(
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
        "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, "
        "use .retain_grad() on the non-leaf Tensor.",
        UserWarning,
        stacklevel=3,
    )


def stamp(t: Tensor) -> None:
    """Note that the memory of `t` has just been written outside an operation.

    Memory that only `t` holds is saved by no node. Of a caller's own variable for it nobody knows what that is.
    """
    buffer = t._buffer()
    if held_once(buffer):
        changes.stamp_unsaved(buffer)
    else:
        changes.stamp(buffer)


# ---------------------------------------------------------------------------------------------- views and history


def history(t: Tensor) -> Node | Leaf | None:
    """The node of a tensor; that of a view whose base was changed in place is made anew from its base."""
    try:
        return t._node
    except AttributeError:
        base = t._base
        if hasattr(t, "_alias"):
            raise RuntimeError(alias_text(t)) from None
        root = history(base)
        t._node = None if root is None else region_node(base, root, t._region)
        base._views.append(weakref.ref(t))
        if getattr(t, "_retain", False):
            move_retained(t, None)
        return t._node


def alias_text(t: Tensor) -> str:
    """Why a result of a custom Function that shows an argument's memory can have no other history than that function."""
    return (
        f"{t._alias} is a view and is being modified inplace. This view was created inside a custom Function (or because an "
        "input was returned as-is) and the autograd logic to handle view+inplace would override the custom backward "
        "associated with the custom Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by "
        "cloning the output of the custom Function."
    )


def region_node(base: Tensor, root: Node | Leaf, region: Any) -> Node:
    """Node of the view `region` of `base`; the operations' package puts its own function here."""
    raise AssertionError("autograd.ops has not been imported")


def set_region_node(make: Callable) -> None:
    global region_node
    region_node = make


def note_view(view: Tensor, source: Tensor) -> None:
    """Remember that `view` shows memory of `source`, so that an in-place change of one rewrites both histories."""
    base = getattr(source, "_root", None)
    view._root = base = source if base is None else base
    if hasattr(source, "_alias"):
        view._alias = source._alias
    try:
        views = base._views
    except AttributeError:
        views = base._views = []
    views.append(weakref.ref(view))
    if len(views) > 64 and len(views) & (len(views) - 1) == 0:  # at each doubling, forget views that died
        base._views = [r for r in views if r() is not None]


def move_retained(t: Tensor, before: Any) -> None:
    """`retain_grad` is about the tensor as it is at the end, so it moves from the node `before` to the newest."""
    if getattr(t, "_retain", False) and isinstance(node := history(t), Node):
        if before is not None:
            before.hooks.retain = [ref for ref in before.hooks.retain if ref() is not t]
        hooks_of(node).retain.append(weakref.ref(t))


def forget_views(base: Tensor) -> None:
    """The base got a new history: views of it look theirs up when they are used next."""
    views, base._views = getattr(base, "_views", ()), []
    for ref in views:
        view = ref()
        if view is not None and hasattr(view, "_node"):
            if getattr(view, "_region", None) is None:
                view._region = region_of(view._data, base._data)
            if getattr(view, "_retain", False):
                hooks = view._node.hooks
                hooks.retain = [r for r in hooks.retain if r() is not view]
            del view._node


def region_of(view: ndarray, base: ndarray) -> tuple:
    """Where a view's elements lie in its base, as (shape, strides, offset) in elements of a C-ordered base.

    A base that is not C-ordered gets the flat indices themselves. Where one is complex and the other real, the region
    is that of their real numbers, with a mark that says which.
    """
    if (view.dtype.kind == "c") != (base.dtype.kind == "c") and view.dtype.kind in "fc":
        return ("view" if view.dtype.kind == "c" else "base", region_of(_as_real(view), _as_real(base)))
    start = offset(view, base)
    size = base.itemsize
    if base.flags.c_contiguous and view.dtype == base.dtype:
        return view.shape, tuple(s // size for s in view.strides), start // size
    return (_same_view(_places(base), view, base, start),)


def _as_real(a: ndarray) -> ndarray:
    """A complex array's memory as real numbers, with a last axis of two."""
    return a[..., None].view(a.real.dtype) if a.dtype.kind == "c" else a


def _places(base: ndarray) -> ndarray:
    """Flat indices of a base, laid out in memory as the base itself is."""
    order = sorted(range(base.ndim), key=lambda i: -abs(base.strides[i]))
    laid = np.empty([base.shape[i] for i in order], np.int64).transpose(np.argsort(order))
    laid[...] = np.arange(base.size).reshape(base.shape)
    return laid


def _same_view(places: ndarray, view: ndarray, base: ndarray, start: int) -> ndarray:
    ratio = lambda s: s // base.itemsize * 8  # noqa: E731
    return np.lib.stride_tricks.as_strided(
        ndarray((1,), np.int64, buffer=owner(places), offset=ratio(start)), view.shape, [ratio(s) for s in view.strides]
    ).copy()


def trace_here() -> str:
    """The stack of the caller's code, recorded for anomaly mode."""
    import traceback

    return "".join(traceback.format_stack()[:-3])
