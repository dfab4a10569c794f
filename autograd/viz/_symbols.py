"""How operations are written: the symbol in a circle, the formula of a forward step, the factor of a backward step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._numbers import MINUS, plain, superscript

PRODUCTS = ("matmul", "dot", "mm", "mv", "bmm", "vdot", "inner", "linear", "outer")

# Forward, with {0}, {1} for the arguments. What is not here is written name(arguments).
_FORMULA = {
    "add": "{0} + {1}", "sub": "{0} − {1}", "rsub": "{1} − {0}", "mul": "{0} × {1}", "div": "{0} / {1}",
    "true_divide": "{0} / {1}", "neg": "−{0}", "exp": "e^{0}", "reciprocal": "1 / {0}", "square": "{0}²",
    "pow": "{0}^{1}", "sum": "Σ {0}", "abs": "|{0}|", "sqrt": "√{0}", "relu": "max(0, {0})",
    "sigmoid": "σ({0})", "matmul": "{0}·{1}", "dot": "{0}·{1}", "mv": "{0}·{1}", "mm": "{0}·{1}", "bmm": "{0}·{1}",
    "linear": "{0}·{1}ᵀ + {2}",
}  # fmt: skip

# Backward: the local derivative by the argument at that position; u is the argument itself, {i} another argument.
_LOCAL = {
    "add": ("1", "1"), "sub": ("1", "(−1)"), "mul": ("{1}", "{0}"), "div": ("1/{1}", "(−{0}/{1}²)"),
    "true_divide": ("1/{1}", "(−{0}/{1}²)"), "neg": ("(−1)",), "exp": ("eᵘ",), "log": ("1/u",),
    "reciprocal": ("(−1/u²)",), "square": ("2u",), "sqrt": ("1/(2√u)",), "rsqrt": ("(−½u^(−3/2))",),
    "sin": ("cos u",), "cos": ("(−sin u)",), "tan": ("(1 + tan²u)",), "tanh": ("(1 − t²)",), "sigmoid": ("s(1−s)",),
    "relu": ("[u>0]",), "leaky_relu": ("(1 or slope)",), "abs": ("sign u",), "log1p": ("1/(1+u)",), "expm1": ("eᵘ",),
    "softplus": ("σ(u)",), "clone": ("1",), "log2": ("1/(u ln 2)",), "log10": ("1/(u ln 10)",),
}  # fmt: skip


def symbol(op: str, declared: str, constants: dict, fold: bool = True) -> str:
    """What stands in the circle: the operation's symbol with the constants of the call folded in."""
    if fold:
        if op in ("add", "sub", "mul", "div", "true_divide", "pow") and (0 in constants or 1 in constants):
            return _folded(op, constants)
        if op == "output" or "output" in constants:
            return f"[{constants.get('output', 0)}]"
    if op == "pow":
        return "xⁿ"
    return declared.strip("_")


def _folded(op: str, constants: dict) -> str:
    at = 1 if 1 in constants else 0
    c = plain(constants[at])
    if op == "add":
        return c if c.startswith(MINUS) else f"+{c}"
    if op == "sub":
        return (f"+{c[1:]}" if c.startswith(MINUS) else f"{MINUS}{c}") if at else f"{c}{MINUS}u"
    if op == "mul":
        return f"×{c}"
    if op == "pow":
        return _power("x", c) if at else f"{c}ˣ"
    return f"÷{c}" if at else f"{c}/u"


def _power(base: str, exponent: str) -> str:
    raised = superscript(exponent)
    return base + (raised if all(ch in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻" for ch in raised) else f"^{exponent}")


def formula(op: str, label: str, arguments: Sequence[str]) -> str:
    """The forward step on `arguments`, which are names or numbers."""
    if op == "pow" and len(arguments) == 2:
        return (
            _power(_wrapped(arguments[0]), arguments[1])
            if arguments[1][:1].isdigit()
            else f"{arguments[0]}^{arguments[1]}"
        )
    pattern = _FORMULA.get(op)
    if pattern is None or pattern.count("{") != len(arguments):
        return f"{label}({', '.join(arguments)})"
    if op in ("add", "sub", "mul", "div", "true_divide"):
        arguments = [arguments[0], *(_negative_wrapped(a) for a in arguments[1:])]
    elif op in ("neg", "exp", "square", "reciprocal", "sqrt"):
        arguments = [_wrapped(arguments[0]) if op == "square" else _negative_wrapped(arguments[0])]
    return pattern.format(*arguments)


def _negative_wrapped(text: str) -> str:
    return f"({text})" if text.startswith(MINUS) else text


def _wrapped(text: str) -> str:
    return f"({text})" if text.startswith(MINUS) or " " in text else text


def local(op: str, position: int, arguments: Sequence[str], declared: str, constants: dict) -> str:
    """The local derivative by one argument, in symbols; "" when only words describe it."""
    if op == "pow" and 1 in constants and position == 0:
        return _power_rule(constants[1])
    if op in ("div", "true_divide") and position == 1 and 0 in constants:
        c = plain(constants[0])
        return f"{c[1:]}/u²" if c.startswith(MINUS) else f"(−{c}/u²)"
    if op in PRODUCTS[:-2] and len(arguments) == 2:
        return arguments[1 - position]
    found = _LOCAL.get(op)
    if found is not None and position < len(found):
        return found[position].format(*arguments, "…", "…") if "{" in found[position] else found[position]
    return f"{declared[2:]}" if declared.startswith("× ") and "," not in declared else ""


def _power_rule(n: Any) -> str:
    text, less = plain(n), plain(n - 1)
    raised = {"0": "", "1": "u"}.get(less, _power("u", less))
    return f"{text}{raised}" if not text.startswith(MINUS) else f"({text}{raised})"
