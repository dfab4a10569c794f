"""The recorded graph from outside: packing what operations save, edges, and hooks on several gradients at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ._array import exports, tick
from ._mode import no_grad
from ._node import Node, RemovableHandle
from ._plan import itself
from ._tensor import Tensor, stamp, wrap


class _Packed:
    """Saved values of which arrays were given to a pack hook; reading one unpacks it."""

    __slots__ = ("_unpack", "_values")

    def __init__(self, values: list, unpack: Callable) -> None:
        self._values, self._unpack = values, unpack

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, i: int) -> Any:
        packed, value = self._values[i]
        return self._unpack(value)._data if packed else value

    def __iter__(self) -> Iterator:
        return (self[i] for i in range(len(self)))


class saved_tensors_hooks:
    """A block in which `pack_hook(tensor)` is kept in place of a tensor that backward needs, and given to `unpack_hook`.

    Args:
        pack_hook: from the tensor to whatever is kept: a file name, a smaller dtype, the tensor itself.
        unpack_hook: from that to a tensor of the same shape and dtype; called when backward needs it.

    Example:
        >>> import autograd
        >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
        >>> with autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), lambda kept: autograd.tensor(kept) * 10):
        ...     y = (x * x).sum()
        >>> y.backward()
        >>> x.grad
        tensor([20., 40.])
    """

    def __init__(self, pack_hook: Callable, unpack_hook: Callable) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._open: Any = None  # the block of `kept_by` of the last entry, and the same of the entries before

    def _keep(self, saved: tuple, node: Any) -> Any:
        edges = dict(zip(node.plan.op.inputs, node.edges, strict=False)) if node is not None else {}
        names = node.plan.names if node is not None else (None,) * len(saved)
        with no_grad():
            kept = [
                (isinstance(v, (np.ndarray, np.generic)), v, edges.get(n)) for n, v in zip(names, saved, strict=True)
            ]
            return _Packed(
                [(p, self.pack_hook(itself(wrap(v, e), e)) if p else v) for p, v, e in kept], self.unpack_hook
            )

    def __enter__(self) -> saved_tensors_hooks:
        if exports.refused is not None:
            raise RuntimeError(exports.refused)
        block = exports.kept_by(self._keep)
        block.__enter__()
        self._open = block, self._open
        return self

    def __exit__(self, *exc: object) -> None:
        block, self._open = self._open
        block.__exit__(None, None, None)
        # Nodes older than this run all their rules in one go, and unpack in the order of packing.
        exports.latest = tick()


class save_on_cpu(saved_tensors_hooks):
    """A block whose saved values would go to the CPU, where they are already."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda t: t, lambda t: t)


class disable_saved_tensors_hooks:
    """A block in which entering `saved_tensors_hooks` raises `error_message`."""

    def __init__(self, error_message: str) -> None:
        self._message = error_message

    def __enter__(self) -> None:
        self._before, exports.refused = exports.refused, self._message

    def __exit__(self, *exc: object) -> None:
        exports.refused = self._before


class GradientEdge(NamedTuple):
    """One result of a node."""

    node: Any
    output_nr: int


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """Where the gradient of `tensor` arrives.

    Raises:
        RuntimeError: it does not require grad.
    """
    node = getattr(tensor, "_node", None)
    if node is None or not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(node, 0)


class _Handles(RemovableHandle):
    def __init__(self, handles: list) -> None:
        self._handles = handles

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable, *, mode: str = "all") -> RemovableHandle:
    """Call `fn` once all gradients (or any first one) of `tensors` have been computed in a backward pass.

    Args:
        fn: of the list of gradients with mode "all", of the first gradient with mode "any".
    """
    if mode not in ("all", "any"):
        raise ValueError(f'Expects mode to be one of ("all", "any") but got {mode}')
    seen: dict[int, Tensor] = {}

    def hook(i: int, g: Tensor) -> None:
        if mode == "any" and not seen:
            fn(g)
        seen[i] = g
        if len(seen) == len(tensors):
            if mode == "all":
                fn([seen[k] for k in range(len(tensors))])
            seen.clear()

    return _Handles([t.register_hook(lambda g, i=i: hook(i, g)) for i, t in enumerate(tensors)])


def increment_version(tensor: Tensor) -> None:
    """Note that the memory of `tensor` was changed."""
    stamp(tensor)


__all__ = ["GradientEdge", "Node", "RemovableHandle", "disable_saved_tensors_hooks", "get_gradient_edge", "increment_version",
           "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks"]  # fmt: skip
