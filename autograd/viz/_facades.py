"""The calls of other visualizers, so that notebooks written for them run."""

from __future__ import annotations

from typing import Any

from ._draw import draw
from ._names import Frame, caller


def make_dot(
    var: Any, params: Any = None, show_attrs: bool = False, show_saved: bool = False, max_attr_chars: int = 50
) -> Any:  # fmt: skip
    """torchviz's call: the graph behind a tensor (or a tuple of them) as a Digraph.

    Args:
        var: the result. params: names of tensors, such as dict(model.named_parameters()).
        show_saved: write under each operation what it keeps. show_attrs, max_attr_chars: constants are always shown.

    Example:
        >>> import autograd
        >>> from autograd import viz
        >>> x = autograd.tensor(2.0, requires_grad=True)
        >>> viz.make_dot(x * x, params={"x": x})
        <Drawing: 1 operations, 3 nodes, 3 edges>
    """
    roots = var if isinstance(var, (list, tuple)) else (var,)
    return draw(
        *roots, params=dict(params) if params else None, saved=show_saved, names=Frame(caller()), direction="TB"
    )


def draw_dot(root: Any, format: str = "svg", rankdir: str = "LR") -> Any:
    """micrograd's call: the graph behind a scalar with data and grad in every node, as a Digraph.

    Example:
        >>> import autograd
        >>> from autograd import viz
        >>> x = autograd.tensor(2.0, requires_grad=True)
        >>> viz.draw_dot(x * x + 1)
        <Drawing: 2 operations, 4 nodes, 4 edges>
    """
    if rankdir not in ("LR", "TB"):
        raise ValueError(f"draw_dot: rankdir must be LR or TB, got {rankdir!r}")
    made = draw(root, names=Frame(caller()), direction=rankdir)
    made.format = format
    return made
