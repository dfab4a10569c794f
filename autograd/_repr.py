"""Printing tensors as PyTorch does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _dtype


class _Options:
    precision, threshold, edgeitems, linewidth = 4, 1000, 3, 80
    sci_mode: bool | None = None


options = _Options()


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
) -> None:
    """How tensors print: digits after the point, elements before summarising, items at the edges, line width.

    Args:
        profile: "default", "short" or "full".
        sci_mode: always (True) or never (False) scientific notation; by the values when None.
    """
    profiles: dict[str, tuple] = {"default": (4, 1000, 3, 80), "short": (2, 1000, 2, 80), "full": (4, math.inf, 3, 80)}
    if profile is not None:
        options.precision, options.threshold, options.edgeitems, options.linewidth = profiles[profile]
    for name, value in (
        ("precision", precision),
        ("threshold", threshold),
        ("edgeitems", edgeitems),
        ("linewidth", linewidth),
    ):
        if value is not None:
            setattr(options, name, value)
    options.sci_mode = sci_mode


class _Formatter:
    """The width and style shared by all elements of one tensor."""

    def __init__(self, values: np.ndarray) -> None:
        self.kind = values.dtype.kind
        self.whole = self.sci = False
        self.width = 1
        if self.kind in "biu":
            self.width = max((len(str(v)) for v in values.reshape(-1).tolist()), default=1)
            return
        self._measure(values.reshape(-1).astype(np.float64))

    def _measure(self, values: np.ndarray) -> None:
        counted = values[np.isfinite(values) & (values != 0)]  # zeros, infinities and nan do not widen the columns
        if not counted.size:
            self.whole = True
            return
        finite = np.abs(counted)
        low, high = float(finite.min()), float(finite.max())
        self.whole = bool((finite == np.ceil(finite)).all())
        self.sci = high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4
        if options.sci_mode is not None:
            self.sci = options.sci_mode
        self.width = max(len(self.one(v)) for v in counted.tolist())

    def one(self, value: Any) -> str:
        if self.kind in "biu":
            return str(value)
        if math.isnan(value) or math.isinf(value):
            return str(value)
        if self.sci:
            return f"{value:.{options.precision}e}"
        return f"{value:.0f}." if self.whole else f"{value:.{options.precision}f}"

    def text(self, value: Any) -> str:
        return self.one(value).rjust(self.width)


class _ComplexFormatter:
    def __init__(self, values: np.ndarray) -> None:
        self.re, self.im = _Formatter(values.real), _Formatter(values.imag)
        self.width = self.re.width + self.im.width + 1  # and the j; the sign is not counted, as in PyTorch

    def text(self, value: complex) -> str:
        im = self.im.one(value.imag)
        sign = "" if im.startswith("-") else "+"
        return f"{self.re.text(value.real)}{sign}{im}j"


def _edges(a: np.ndarray) -> np.ndarray:
    """The elements that are printed, when the tensor is summarised."""
    if not a.ndim:
        return a
    e = options.edgeitems
    if a.shape[0] > 2 * e:
        return np.stack([_edges(x) for x in [*a[:e], *a[-e:]]])
    return np.stack([_edges(x) for x in a]) if a.shape[0] else a


def _body(a: np.ndarray, indent: int, summary: bool, form: Any) -> str:
    if not a.ndim:
        return form.text(a.item())
    e = options.edgeitems
    cut = summary and a.shape[0] > 2 * e
    if a.ndim == 1:
        return _row(a, indent, cut, form)
    rows = [_body(x, indent + 1, summary, form) for x in (a[:e] if cut else a)]
    if cut:
        rows += ["...", *(_body(x, indent + 1, summary, form) for x in a[-e:])]
    gap = "," + "\n" * (a.ndim - 1) + " " * (indent + 1)
    return "[" + gap.join(rows) + "]"


def _row(a: np.ndarray, indent: int, cut: bool, form: Any) -> str:
    e = options.edgeitems
    items = [form.text(v) for v in (a[:e] if cut else a).tolist()]
    if cut:
        items += [" ...", *(form.text(v) for v in a[-e:].tolist())]
    per_line = max(1, (options.linewidth - indent) // (form.width + 2))
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + ("," + "\n" + " " * (indent + 1)).join(lines) + "]"


def elements(data: np.ndarray, indent: int) -> str:
    """The elements in brackets, with `indent` places before them on their first line."""
    if not data.size:
        return "[]"
    values = data.astype(np.float32) if data.dtype.name == "bfloat16" else data
    summary = data.size > options.threshold
    shown = _edges(values) if summary else values
    form = _ComplexFormatter(shown) if data.dtype.kind == "c" else _Formatter(shown)
    return _body(values, indent, summary, form)


def tensor_text(t: Any) -> str:
    """What `repr` shows: the elements, then what differs from the default."""
    data = np.asarray(t._data)
    prefix = opening(t)
    suffixes = [] if data.size or data.ndim == 1 else [f"size={tuple(data.shape)}"]
    if not is_default(t.dtype) or (not data.size and t.dtype is not _dtype.get_default_dtype()):
        suffixes.append(f"dtype={t.dtype!r}")
    return closed(prefix, elements(data, len(prefix)), suffixes + of_history(t))


def opening(t: Any) -> str:
    """`tensor(`, or the name of the class that a user made of Tensor."""
    kind = type(t)
    return f"{kind.__name__}(" if kind.__module__.partition(".")[0] not in _OWN else "tensor("


_OWN = {__name__.partition(".")[0], "nn", "torch"}


NOTES: list[Callable[[Any], list[str] | None]] = []  # asked first what is to be said of a tensor's history


def of_history(t: Any) -> list[str]:
    """What is said of a tensor's place in the graph."""
    for note in NOTES:
        if (said := note(t)) is not None:
            return said
    if t.grad_fn is not None:
        return [f"grad_fn=<{t.grad_fn.name()}>"]
    return ["requires_grad=True"] if t.requires_grad else []


def is_default(d: _dtype.dtype) -> bool:
    """Whether a dtype goes without saying."""
    default = _dtype.get_default_dtype()
    return d in (default, default.to_complex(), _dtype.int64, _dtype.bool)


def closed(prefix: str, body: str, suffixes: list[str], newline: bool = False) -> str:
    """The text with what is said behind the elements, on a new line where it would be too long, or where that is wanted."""
    text = prefix + body
    last = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if newline or last + len(suffix) + 2 > options.linewidth:
            text += ",\n" + " " * len(prefix) + suffix
            last, newline = len(prefix) + len(suffix), False
        else:
            text += ", " + suffix
            last += len(suffix) + 2
    return text + ")"
