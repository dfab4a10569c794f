"""Blocks that mark what is recorded: `scope` names a part of a computation, `record` keeps all its numbers."""

from __future__ import annotations

import contextlib
import gc
from typing import Any

from .. import _graph, _mode
from .._array import tick
from .._node import Node, Scope
from .._tensor import Tensor


class scope(_mode.Switch):
    """Operations inside become one node of a picture, called `name`.

    Example:
        >>> import autograd
        >>> from autograd import viz
        >>> w, x, b = (autograd.tensor(v, requires_grad=True) for v in (1.0, 3.0, 2.0))
        >>> with viz.scope("z"):
        ...     z = w * x + b
        >>> print(viz.text(z.exp()))  # doctest: +ELLIPSIS
        out = 148.41...
    """

    changed = (_mode.scope,)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = str(name)

    def _switch(self) -> None:
        _mode.scope.set(Scope(self.name, None, 0, _mode.scope.get()))

    def _fresh(self) -> scope:
        return scope(self.name)


class capture:
    """How large a value or gradient each node keeps for pictures: up to `max_elems` elements, 0 for none.

    Takes effect at once; as a context manager, until the end of the block.
    """

    def __init__(self, max_elems: int = 16) -> None:
        self._before = _graph.capture.limit
        _graph.capture.limit = int(max_elems)

    def __enter__(self) -> capture:
        return self

    def __exit__(self, *exc: object) -> None:
        _graph.capture.limit = self._before


class record:
    """Keep every value and gradient of what is computed inside, whatever its size, for pictures.

    When the block raises, the graph recorded until then is kept: `.draw()` shows how far it came.

    Args:
        stack: also remember the line that called each operation.
        keep: "all", or "small" for the usual limit.
    """

    def __init__(self, stack: bool = False, keep: str = "all") -> None:
        if keep not in ("all", "small"):
            raise ValueError(f"record: keep must be 'all' or 'small', got {keep!r}")
        self.stack, self.keep = stack, keep
        self.error: BaseException | None = None
        self._roots: list = []

    def __enter__(self) -> record:
        self._limit = _graph.capture.limit
        if self.keep == "all":
            _graph.capture.limit = 1 << 62
        self._start = tick()
        self._lines = _mode.detect_anomaly(check_nan=False) if self.stack else contextlib.nullcontext()
        self._lines.__enter__()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        _graph.capture.limit = self._limit
        self._lines.__exit__(kind, error, trace)
        self.error = error
        self._roots = self._ends()

    def _ends(self) -> list:
        """Tensors made inside that nothing else made inside was computed from."""
        nodes = [o for o in gc.get_objects() if issubclass(type(o), Node) and o.seq > self._start]
        used = {id(edge) for node in nodes for edge in node.edges}
        ends = sorted((n for n in nodes if id(n) not in used), key=lambda n: n.seq)
        return [_tensor_of(n) for n in ends if n.dtype is not None]

    def _given(self) -> list:
        if not self._roots:
            raise RuntimeError(
                "record: nothing was recorded inside the block; compute from tensors with requires_grad=True"
            )
        return self._roots

    def draw(self, **options: Any) -> Any:
        """The picture of what was recorded; options as for `draw`."""
        from . import draw

        made = draw(*self._given(), **options)
        if self.error is not None:
            made.graph.notes.append(f"stopped by {type(self.error).__name__}: {str(self.error)[:160]}")
        return made

    def steps(self, **options: Any) -> Any:
        """The step-by-step frames of the last result recorded."""
        from . import steps

        return steps(self._given()[-1], **options)

    def table(self) -> str:
        """One line per operation: what it computed, with value and gradient."""
        from . import text

        return "\n".join(text(root, style="tape") for root in self._given())


def _tensor_of(node: Node) -> Tensor:
    """A tensor that has this history (the one the program made may be gone)."""
    made: Any = object.__new__(Tensor)
    made._data, made._node = node.value, node
    return made
