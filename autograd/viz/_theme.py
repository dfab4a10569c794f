"""Colours. Blue is forward, vermillion backward, everywhere; kinds differ by outline as well as by fill."""

from __future__ import annotations

from typing import Any

LIGHT = {
    "bg": "#ffffff", "ink": "#1b1f24", "muted": "#5c636e", "wire": "#868e99", "forward": "#00619e", "backward": "#b83a06",
    "op-fill": "#ffffff", "op-line": "#4d5561", "param-fill": "#fdedc0", "param-line": "#a87300",
    "input-fill": "#daeefb", "input-line": "#2a7bb5", "const-fill": "#edeff1", "const-line": "#868e99",
    "output-fill": "#dff3e6", "output-line": "#1a7f4f", "panel-fill": "#f7f8fa", "panel2-fill": "#edf0f3",
    "panel-line": "#c9d0d9", "card-fill": "#ffffff", "alarm": "#c1121f", "alarm-fill": "#fde3e5", "saved": "#7a42a8",
    "back-fill": "#fdeae2", "back2-fill": "#fbd5c4", "back-line": "#b83a06", "module-fill": "#ffffff", "ring": "#00619e",
}  # fmt: skip

DARK = {
    "bg": "#0e0c14", "ink": "#eceff4", "muted": "#a9b1bd", "wire": "#79818c", "forward": "#6cb6ff", "backward": "#ff9a66",
    "op-fill": "#151d26", "op-line": "#8d97a5", "param-fill": "#3a2b05", "param-line": "#d9a520",
    "input-fill": "#0d2b42", "input-line": "#57a9e2", "const-fill": "#22262c", "const-line": "#8d97a5",
    "output-fill": "#0c2f1e", "output-line": "#3fbf7f", "panel-fill": "#16161e", "panel2-fill": "#1e212b",
    "panel-line": "#3b4250", "card-fill": "#10141b", "alarm": "#ff7b84", "alarm-fill": "#4a1418", "saved": "#c99cf2",
    "back-fill": "#3a1a0c", "back2-fill": "#57250e", "back-line": "#ff9a66", "module-fill": "#151d26", "ring": "#6cb6ff",
}  # fmt: skip

PRINT = LIGHT | {
    "op-line": "#000000", "ink": "#000000", "muted": "#404040", "wire": "#404040", "forward": "#004a7a",
    "backward": "#8f2c04", "param-fill": "#ffffff", "input-fill": "#ffffff", "output-fill": "#ffffff",
    "const-fill": "#ffffff", "panel-fill": "#ffffff", "panel2-fill": "#ffffff", "panel-line": "#808080",
    "back-fill": "#ffffff", "back2-fill": "#ffffff",
}  # fmt: skip

CONTRAST = DARK | {
    "bg": "#000000", "ink": "#ffffff", "muted": "#d6dbe2", "wire": "#d6dbe2", "op-fill": "#000000", "op-line": "#ffffff",
    "panel-fill": "#000000", "panel2-fill": "#141414", "card-fill": "#000000", "forward": "#8fc8ff", "backward": "#ffb38a",
}  # fmt: skip

THEMES = {"light": LIGHT, "auto": LIGHT, "dark": DARK, "print": PRINT, "contrast": CONTRAST}

# class of the SVG element -> (fill, stroke) by the names above; None leaves the attribute away.
CLASSES: dict[str, tuple[str | None, str | None]] = {
    "bg": ("bg", None), "ink": ("ink", None), "muted": ("muted", None), "fwd": ("forward", None), "bwd": ("backward", None),
    "wire": (None, "wire"), "head": ("wire", None), "fwire": (None, "forward"), "fhead": ("forward", None),
    "bwire": (None, "backward"), "bhead": ("backward", None), "swire": (None, "saved"), "shead": ("saved", None),
    "saved": ("saved", None), "awire": (None, "alarm"), "ahead": ("alarm", None), "alarm": ("alarm", None),
    "origin": ("alarm-fill", "alarm"), "op": ("op-fill", "op-line"), "scope": ("op-fill", "op-line"),
    "module": ("module-fill", "op-line"), "more": ("const-fill", "const-line"), "param": ("param-fill", "param-line"),
    "frozen": ("const-fill", "const-line"), "input": ("input-fill", "input-line"), "const": ("const-fill", "const-line"),
    "output": ("output-fill", "output-line"), "outring": (None, "output-line"), "bar": ("param-line", None),
    "panel": ("panel-fill", "panel-line"), "panel2": ("panel2-fill", "panel-line"), "label1": ("panel-fill", None),
    "label2": ("panel2-fill", None), "card": ("card-fill", None), "back": ("back-fill", "back-line"),
    "btext": ("backward", None), "back2": ("back2-fill", "back-line"), "plate": ("back-line", None),
    "plated": ("bg", None), "savedbox": ("bg", "saved"), "ringf": (None, "forward"), "ringb": (None, "backward"), "hist": ("forward", None),
    "histg": ("backward", None), "axis": (None, "wire"),
}  # fmt: skip

# Ends and middle of a heat strip: purple, white, orange; apart in every kind of colour blindness.
HEAT = ((84, 39, 136), (247, 247, 247), (230, 97, 1))


def colours(theme: str) -> dict[str, str]:
    if theme not in THEMES:
        raise ValueError(f"draw: theme must be one of {', '.join(THEMES)}, got {theme!r}")
    return THEMES[theme]


def style_sheet(theme: str) -> str:
    """Rules for readers who prefer dark, by class: two classes may share a colour in light and not in dark."""
    if theme != "auto":
        return ""
    rules = []
    for name, (fill, stroke) in CLASSES.items():
        parts = ([f"fill:{DARK[fill]}"] if fill else []) + ([f"stroke:{DARK[stroke]}"] if stroke else [])
        rules.append(f".v-{name}{{{';'.join(parts)}}}")
    return "@media (prefers-color-scheme:dark){" + "".join(rules) + "}"


def look(v: Any) -> str:
    """The class of colours a node is painted in."""
    if "origin" in v.flags or v.kind == "saved":
        return "origin" if "origin" in v.flags else "savedbox"
    return ("back" if v.order == 1 else "back2") if v.order and v.kind in ("op", "scope", "back") else v.kind


def heat(fraction: float) -> str:
    """Colour of a value between −1 and 1."""
    end = HEAT[0] if fraction < 0 else HEAT[2]
    t = min(1.0, abs(fraction))
    return "#" + "".join(f"{round(m + (e - m) * t):02x}" for e, m in zip(end, HEAT[1], strict=True))
