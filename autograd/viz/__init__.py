"""Pictures of computation graphs: every value, every gradient, step by step.

`draw(y)` shows the graph behind a tensor, `explain(y)` walks through it in words, `text(y)` prints it, `steps(y)`
plays it; `summary(model)` and `neurons(model)` show a model. Drawing changes nothing: no `.grad`, no graph, no saved value.
"""

from __future__ import annotations

from typing import Any

from . import _text
from ._context import capture, record, scope
from ._diff import diff
from ._draw import cone, draw, path, steps
from ._facades import draw_dot, make_dot
from ._names import caller as _caller
from ._neurons import neurons
from ._prepare import prepare as _prepare
from ._prepare import unhurried as _unhurried
from ._summary import summary

__all__ = [
    "capture", "cone", "diff", "draw", "draw_dot", "explain", "make_dot", "neurons", "path", "record", "scope", "steps",
    "summary", "text",
]  # fmt: skip


def text(root: Any, style: str = "tree", *, precision: int = 2, max_elems: int = 6, **options: Any) -> str:
    """The graph of a tensor as characters.

    Args:
        root: the tensor.
        style: "tree" (the result on top), "tape" (one line per operation), "boxes" (a drawing) or "explain".
        options: names, params, inputs, model, expand as for `draw`.

    Example:
        >>> import autograd
        >>> a = autograd.tensor(3.0, requires_grad=True)
        >>> c = a * a
        >>> print(text(c))
        c = 9.00            ∂ 1.00  ×
        ├─ a () param 3.00  ∂ 6.00
        └─ a () param 3.00  ∂ 6.00
    """
    graph = _prepare((root,), _caller(), health=False, **options)
    if style == "explain":
        return _text.for_stream(_text.explain(graph, precision))
    if style not in ("tree", "tape", "boxes"):
        raise ValueError(f"text: style must be tree, tape, boxes or explain, got {style!r}")
    made: Any = {"tape": _text.tape, "tree": _text.tree}.get(style)
    if made is None:
        from ._boxart import boxes as made
    with _unhurried():
        return _text.for_stream(made(graph, precision, max_elems))


def explain(root: Any, precision: int = 2, **options: Any) -> str:
    """The computation in words and numbers: each forward step, then each step of the chain rule.

    Example:
        >>> import autograd
        >>> a = autograd.tensor(3.0, requires_grad=True)
        >>> c = a * a
        >>> print(explain(c))
        forward
          a = 3.00
          c = a × a = 3.00 × 3.00 = 9.00
        backward
          ∂c/∂c = 1.00
          ∂c/∂a = 1.00 × a = 1.00 × 3.00 = 3.00
          ∂c/∂a = 1.00 × a = 1.00 × 3.00 = 3.00
          ∂c/∂a = Σ = 3.00 + 3.00 = 6.00
    """
    return _text.for_stream(_text.explain(_prepare((root,), _caller(), health=False, **options), precision))
