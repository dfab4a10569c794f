"""How wide a text is, without asking the machine for fonts: the advance widths of the usual sans-serif."""

from __future__ import annotations

import unicodedata

FAMILY = "Helvetica, Arial, Liberation Sans, sans-serif"
# For a program that makes pixels and does not know what the system calls sans-serif: whichever of these is there, and of
# one that is wider than those above its narrow form.
PIXELS = (
    f'font-family="{FAMILY.removesuffix(", sans-serif")}, Nimbus Sans, FreeSans, Noto Sans, DejaVu Sans" '
    'font-stretch="condensed"'
)
_ASCII = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, *[556] * 10, 278, 278, 584, 584, 584,
    556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722,
    667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222,
    833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
]  # fmt: skip
_OTHER = {
    "−": 584,
    "×": 584,
    "±": 584,
    "·": 333,
    "→": 1000,
    "…": 1000,
    "Σ": 620,
    "√": 600,
    "∂": 520,
    "‖": 400,
    "⚠": 1100,
}
_cache: dict[str, int] = {}


def width(text: str, size: float, bold: bool = False) -> float:
    """Pixels that `text` takes at `size` pixels."""
    total = sum(_char(c) for c in text) * size / 1000
    return total * (1.09 if bold else 1.02)


def _char(c: str) -> int:
    code = ord(c)
    if 32 <= code < 127:
        return _ASCII[code - 32]
    found = _cache.get(c)
    if found is None:
        found = _cache[c] = _measure(c)
    return found


def _measure(c: str) -> int:
    if c in _OTHER:
        return _OTHER[c]
    if unicodedata.combining(c) or unicodedata.category(c) in ("Cf", "Cc", "Mn", "Me"):
        return 0
    if unicodedata.east_asian_width(c) in "WF" or ord(c) > 0x1F000:
        return 1250 if ord(c) > 0x1F000 else 1000
    return 420 if unicodedata.decomposition(c).startswith(("<sub", "<super")) else 640


def cut(text: str, size: float, limit: float, bold: bool = False) -> str:
    """The text, shortened with … so that it fits `limit` pixels."""
    text = text if len(text) <= 400 else text[:400] + "…"
    if width(text, size, bold) <= limit:
        return text
    while text and width(text + "…", size, bold) > limit:
        text = text[:-1]
    return text + "…"
