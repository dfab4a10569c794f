"""Numbers as a reader sees them, and as a program reads them back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

MINUS = "−"
_SUB = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUPER = str.maketrans("0123456789-.n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻·ⁿ")


def subscript(n: int) -> str:
    return str(n).translate(_SUB)


def superscript(text: str) -> str:
    return text.replace(MINUS, "-").translate(_SUPER)


def number(v: Any, precision: int = 2) -> str:
    """One number: fixed decimals for ordinary sizes, one digit and an exponent otherwise, integers as such."""
    if isinstance(v, (bool, np.bool_)):
        return str(bool(v))
    if isinstance(v, (int, np.integer)):
        return str(int(v)).replace("-", MINUS)
    if isinstance(v, (complex, np.complexfloating)):
        return f"{number(v.real, precision)}{'+' if v.imag >= 0 else MINUS}{number(abs(v.imag), precision)}i"
    return _real(float(v), precision)


def _real(v: float, precision: int) -> str:
    if math.isnan(v):
        return "nan"
    if math.isinf(v):
        return "∞" if v > 0 else f"{MINUS}∞"
    if v == 0:
        return "0"
    if 0.01 <= abs(v) < 1000:
        return f"{v:.{precision}f}".replace("-", MINUS)
    mantissa, exponent = f"{v:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", MINUS)


def plain(v: Any, precision: int = 2) -> str:
    """A constant of the code, as short as it was written: 1, 0.5, 1e−5."""
    v = v[()] if isinstance(v, np.ndarray) else v
    if isinstance(v, (float, np.floating)) and not isinstance(v, bool):
        v = float(v)
        if v == int(v) if math.isfinite(v) and abs(v) < 1e6 else False:
            return str(int(v)).replace("-", MINUS)
        return f"{v:.4g}".replace("e-0", "e-").replace("-", MINUS)
    return number(v, precision)


def values(a: Any, precision: int = 2, max_elems: int = 6) -> str:
    """An array: its numbers when they are few, mean ± std otherwise."""
    a = np.asarray(a)
    if a.ndim == 0:
        return _real(float(a), precision) if a.dtype.kind == "f" else number(a[()], precision)
    if a.size == 0:
        return "[]"
    if a.ndim == 1 and a.size <= max_elems:
        return _row(a, precision)
    if a.ndim == 2 and a.shape[0] <= 3 and a.shape[1] <= 4 and a.size <= max(max_elems, 4):
        return "[" + ", ".join(_row(r, precision) for r in a) + "]"
    return stats(a, precision)


def _row(a: np.ndarray, precision: int) -> str:
    return "[" + ", ".join(number(v, precision) for v in a) + "]"


def stats(a: Any, precision: int = 2) -> str:
    """mean ± std, or how many are not finite."""
    a = np.asarray(a)
    if not a.size:
        return "[]"
    if a.dtype.kind == "b":
        return f"{int(a.sum())}/{a.size} true"
    if bad := not_finite(a):
        return bad
    if a.dtype.kind == "c":
        return norm(a, precision)
    with np.errstate(all="ignore"):
        wide = a.astype(np.float64)
        return f"{_real(float(wide.mean()), precision)} ± {_real(float(wide.std()), precision)}"


def norm(a: Any, precision: int = 2) -> str:
    """‖g‖, or how many elements are not finite."""
    a = np.asarray(a)
    return not_finite(a) or f"‖g‖ {_real(magnitude(a), precision)}"


def magnitude(a: Any) -> float:
    if np.ndim(a) == 0:
        return abs(float(a)) if np.asarray(a).dtype.kind != "c" else float(abs(a))
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(np.abs(np.asarray(a)).astype(np.float64).ravel()))


def not_finite(a: np.ndarray) -> str:
    """ "48/64 NaN", "2/3 Inf", or nothing when all is finite."""
    kind = a.dtype.kind
    if kind not in "fc" or (kind == "f" and a.ndim == 0 and math.isfinite(a)):
        return ""
    nans, bad = int(np.isnan(a).sum()), int((~np.isfinite(a)).sum())
    if not bad:
        return ""
    name, count = ("NaN", nans) if nans else ("Inf", bad)
    return name if a.ndim == 0 else f"{count}/{a.size} {name}"


def exact(a: Any, limit: int = 16) -> str:
    """Shortest text that reads back as the same numbers (JSON but for NaN and Infinity); a summary of a large array."""
    a = np.asarray(a)
    if a.size > limit:
        return f"{stats(a, 4)} {norm(a, 4)}".replace(MINUS, "-")
    return _exact(a)


def _exact(a: np.ndarray) -> str:
    if a.ndim == 0:
        v = a[()]
        if a.dtype.kind in "fc" and not np.isfinite(v):
            return "NaN" if np.isnan(v) else ("Infinity" if v.real > 0 else "-Infinity")
        return str(v).lower() if a.dtype.kind == "b" else str(v)
    return "[" + ", ".join(_exact(r) for r in a) + "]"


def listed(a: Any, limit: int = 16) -> Any:
    """A small array as JSON data (not finite as text); None for a large one."""
    a = np.asarray(a)
    if a.size > limit:
        return None
    if a.ndim:
        return [listed(r, limit) for r in a]
    v = a[()]
    if a.dtype.kind == "c" or (a.dtype.kind == "f" and not np.isfinite(v)):
        return str(v)
    return float(str(v)) if a.dtype.kind == "f" else v.item()


def shape_text(shape: tuple) -> str:
    return str(tuple(int(s) for s in shape))


def size_text(n: int) -> str:
    """Bytes in the unit that reads best."""
    amount = float(n)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def ascii_text(text: str) -> str:
    """The same text for a stream that knows only ASCII."""
    return text.translate(_ASCII)


_ASCII = str.maketrans({
    "−": "-", "×": "*", "∂": "d", "Σ": "sum", "√": "sqrt", "·": ".", "└": "`", "─": "-", "├": "|", "│": "|",
    "↑": "^", "ᵘ": "^u", "‖": "|", "±": "+-", "²": "^2", "³": "^3", "⁻": "^-", "¹": "^1", "σ": "sigmoid", "∞": "inf",
    "₀": "0", "₁": "1", "₂": "2", "₃": "3", "₄": "4", "₅": "5", "₆": "6", "₇": "7", "₈": "8", "₉": "9", "÷": "/",
    "→": "->", "⚠": "!", "…": "...", "⟨": "<", "⟩": ">", "≥": ">=", "≤": "<=", "≠": "!=", "Π": "prod", "⊙": "*",
    "┌": "+", "┐": "+", "┘": "+", "┬": "+", "┴": "+", "┤": "+", "┼": "+", "╔": "#", "═": "=", "╗": "#",
    "║": "#", "╚": "#", "╝": "#", "▶": ">", "—": "-", "ˣ": "^x", "ⁿ": "^n", "ᵀ": "^T", "∅": "0", "↻": "@", "❄": "*", "▾": "v", "▴": "^", "⟳": "@",
})  # fmt: skip
