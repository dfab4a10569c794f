"""Writing into a tensor's memory, and what that does to histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._array import changes, may_share, ndarray, quiet, tick
from ._dtype import as_dtype, can_cast, from_numpy_dtype
from ._inference import check_written
from ._mode import fast, grad_mode
from ._node import Leaf, Node, Observer, Recomputed
from ._tensor import Tensor, alias_text, forget_views, history, move_retained, region_of


def check_writable(t: Tensor, name: str) -> None:
    """Raise where PyTorch forbids an in-place change, before anything is touched."""
    check_history(t, name)
    check_memory(t._data, name)


def check_history(t: Tensor, name: str) -> None:
    """Raise for a leaf, which has no history that could tell of a change, and for its views."""
    check_written(t._data, name)
    if grad_mode() is not False:
        node, base = history(t), t._base
        if hasattr(t, "_alias"):
            raise RuntimeError(f"{name}: {alias_text(t)}")
        if type(node) is Leaf:
            raise RuntimeError(f"{name}: a leaf Variable that requires grad is being used in an in-place operation.")
        if base is not None and type(history(base)) is Leaf:
            raise RuntimeError(
                f"{name}: a view of a leaf Variable that requires grad is being used in an in-place operation."
            )
        if base is not None and node is None and history(base) is not None:
            raise RuntimeError(
                f"{name}: a view was created in no_grad mode and is being modified in place with grad mode enabled, so that "
                "it is not clear whether its base shall know of it: move both into the no_grad block, or both out of it"
            )


def check_memory(data: Any, name: str) -> None:
    """Raise unless an array can be written, and each of its elements on its own."""
    if isinstance(data, ndarray):
        if not data.flags.c_contiguous and overlaps(data):
            raise RuntimeError(
                f"{name}: unsupported operation: more than one element of the written-to tensor refers to a single memory "
                "location. Please clone() the tensor before performing the operation."
            )
        if not data.flags.writeable:
            raise RuntimeError(
                f"{name}: the tensor's memory is read-only (it came from a read-only array); clone() it first"
            )


def overlaps(data: ndarray) -> bool:
    """Whether two elements of an array lie in the same place."""
    reach = 0
    for step, n in sorted((abs(s), n) for s, n in zip(data.strides, data.shape, strict=True) if n > 1):
        if not step:
            return True
        if step <= reach:  # not nested one in another, as the axes of almost every view are
            places = np.zeros(data.shape, np.int64)
            for axis, (s, k) in enumerate(zip(data.strides, data.shape, strict=True)):
                places += (np.arange(k) * s).reshape((-1,) + (1,) * (data.ndim - axis - 1))
            return np.unique(places).size < data.size
        reach += step * (n - 1)
    return False


def assign(t: Tensor, result: Tensor, name: str) -> Tensor:
    """Write `result` into the memory of `t` and give `t` its history."""
    check_writable(t, name)
    value, buffer = result._data, t._buffer()
    if value.shape != buffer.shape:
        raise RuntimeError(
            f"{name}: output with shape {list(buffer.shape)} doesn't match the broadcast shape {list(value.shape)}"
        )
    if value.dtype != buffer.dtype:
        if not can_cast(from_numpy_dtype(value.dtype), from_numpy_dtype(buffer.dtype)):
            raise RuntimeError(
                f"{name}: result type {from_numpy_dtype(value.dtype)!r} can't be cast to the desired output type "
                f"{from_numpy_dtype(buffer.dtype)!r}"
            )
        result = result.to(from_numpy_dtype(buffer.dtype))
    node = history(result)
    take_back(t, buffer)
    if isinstance(node, Node):
        detach_saved(node, buffer)
    buffer[...] = result._data
    changes.stamp(buffer)
    if grad_mode() is not False:
        rebase(t, node if isinstance(node, Node) else None)
    return t


# What NumPy's functions do that write where their first operand is.
DIRECT = {"add": np.add, "sub": np.subtract, "subtract": np.subtract, "mul": np.multiply, "multiply": np.multiply,
          "div": np.true_divide, "divide": np.true_divide, "true_divide": np.true_divide, "truediv": np.true_divide}  # fmt: skip
_MOST = 1e30  # size of a number that these dtypes can hold
_PLAIN = (np.float32, np.float64)


def direct(ufunc: Callable, t: Tensor, name: str, other: Any, alpha: Any = 1) -> bool:
    """Change `t` in place by a function of NumPy, if that is all that is to be done; nothing else is written.

    It is where nothing is recorded, for floating numbers of one dtype and shape, or a number, and so nothing broadcast.
    """
    scaled = type(alpha) is not int or alpha != 1
    if t._apply is not None or Observer.active is not None or not fast.enabled:
        return False
    buffer = t._data
    y = _operand(other, buffer)
    if y is None:
        return False
    if scaled and (y is other or ufunc not in (np.add, np.subtract) or not _is_plain(alpha)):
        return False
    if grad_mode() is not False and (history(t) is not None or (y is not other and history(other) is not None)):
        return False
    check_writable(t, name + "_")
    take_back(t, buffer)
    with quiet():
        ufunc(buffer, y * alpha if scaled else y, out=buffer)
    changes.stamp(buffer)
    if grad_mode() is not False:
        rebase(t, None)
    return True


def _operand(other: Any, buffer: Any) -> Any:
    """What NumPy may read of an operand as it is; None where there is more to it."""
    if type(buffer) is not ndarray or buffer.dtype not in _PLAIN:
        return None
    if not isinstance(other, Tensor):
        return other if _is_plain(other) else None
    y = other._data if other._apply is None else None
    return y if type(y) is ndarray and y.shape == buffer.shape and y.dtype is buffer.dtype else None


def _is_plain(a: Any) -> bool:
    return (type(a) is float or type(a) is int) and -_MOST < a < _MOST


def take_back(t: Tensor, buffer: ndarray) -> None:
    """Before `t` is written: the node of an operation that lends its result keeps a copy of it instead."""
    node = history(t if t._base is None else t._base)
    if isinstance(node, Node) and node.plan.op.lends_result:
        detach_saved(node, buffer)


def detach_saved(node: Node, buffer: ndarray) -> None:
    """Give the node copies of what it saved of memory that is about to be overwritten."""
    if isinstance(node.saved, Recomputed):
        node.saved.detach(buffer)
    elif node.saved:
        node.saved = tuple(v.copy() if may_share(v, buffer) else v for v in node.saved)


def rebase(t: Tensor, node: Node | None) -> None:
    """Make `node` the history of `t`'s new contents, and of its base and their views."""
    base = t._base
    if base is None:
        if node is not None:
            node.seq = tick()  # younger than the stamp of its own write
            node.metadata["version"] = t._version
        before, t._node = history(t), node
        move_retained(t, before)
        if hasattr(t, "_views") and (before is not None or node is not None):
            forget_views(t)
        return
    root = history(base)
    if root is None and node is None:
        return
    base._node = written = region_written(base, root, t, node)
    written.metadata["version"] = base._version
    move_retained(base, root)
    forget_views(base)
    if hasattr(t, "_node"):
        t._region = region_of(t._data, base._data)
        del t._node


def region_written(base: Tensor, root: Any, view: Tensor, node: Node | None) -> Node:
    """Node of `base` after `view` of it got new contents; the operations' package puts its own function here."""
    raise AssertionError("autograd.ops has not been imported")


def set_region_written(make: Callable) -> None:
    global region_written
    region_written = make


def typed_by(out: Any, name: str, places: Sequence[str], args: tuple, kwargs: dict) -> dict:
    """The keyword arguments of a function that has a `dtype`, with the one that `out=` asks for.

    Args:
        places: the arguments that may be given by place, in order.

    Raises:
        RuntimeError: another dtype was given.
    """
    if not isinstance(out, Tensor) or "dtype" in places[: len(args)]:
        return kwargs
    dtype = kwargs.get("dtype")
    if dtype is not None and as_dtype(dtype) is not out.dtype:
        raise RuntimeError(f"{name}: dtype {as_dtype(dtype)!r} does not match dtype of out parameter ({out.dtype!r})")
    return {**kwargs, "dtype": out.dtype}


def write_out(name: str, out: Any, result: Any) -> Any:
    """PyTorch's `out=`: the result in memory the caller gave."""
    if isinstance(result, tuple):
        for o, r in zip(out, result, strict=True):
            write_out(name, o, r)
        return out
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if grad_mode() is not False and (result.requires_grad or out.requires_grad):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )
    if not can_cast(result.dtype, out.dtype):
        raise RuntimeError(
            f"{name}: result type {result.dtype!r} can't be cast to the desired output type {out.dtype!r}"
        )
    if out._data.shape != result._data.shape:
        out._data = np.empty_like(result._data, dtype=out._data.dtype)
    buffer = out._buffer()
    check_written(buffer, name)
    check_memory(buffer, name)
    buffer[...] = result._data
    changes.stamp(buffer)
    return out
