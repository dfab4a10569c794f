"""How many places and lines an operation takes: `python -m tests.places [--all]`.

A place is a file of `autograd/ops` that declares the operation: its kernel or a rule of it. Lines are code lines of the
kernel and its rules, decorators and docstrings left out. A mention elsewhere under `autograd/`, written as a string (a
symbol of the pictures, say), is counted apart.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import statistics
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import autograd
from autograd._op import Op
from autograd._registry import registry

PACKAGE = Path(autograd.__file__).parent


class Count(NamedTuple):
    """What one operation takes."""

    name: str
    places: int
    lines: int
    rules: int
    mentions: int


def primitives() -> list[Op]:
    """Every operation with a kernel of its own, each once whatever its aliases."""
    return sorted({id(d): d for d in registry.values() if isinstance(d, Op)}.values(), key=lambda d: d.name)


def functions(operation: Op) -> list[Callable]:
    """The kernel, then the rules, each once."""
    rules = [rule[0] if isinstance(rule, tuple) else rule for rule in operation.rules.values()]
    return list(
        dict.fromkeys(inspect.unwrap(f) for f in [operation.kernel, *rules] if inspect.isfunction(inspect.unwrap(f)))
    )


def code_lines(function: Callable) -> int:
    """Lines of a function that hold code: no decorator, docstring, comment or blank line."""
    source = textwrap.dedent("".join(inspect.getsourcelines(function)[0]))
    try:
        (node,) = ast.parse(source).body
    except SyntaxError:  # a lambda inside a longer expression
        return 1
    if not isinstance(node, ast.FunctionDef):
        return 1
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    head = range(node.lineno, node.body[0].lineno)  # a docstring may follow it
    inside = {n for part in body for n in range(part.lineno, (part.end_lineno or part.lineno) + 1)}
    text = source.splitlines()
    return sum(bool(text[n - 1].split("#")[0].strip()) for n in inside.union(head))


@cache
def strings() -> dict[str, set[Path]]:
    """Every word that stands alone in a string under `autograd/`, outside the declarations and the facade."""
    found: dict[str, set[Path]] = {}
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] not in ("ops", "compat"):
            for word in re.findall(r"[\"'](\w+)[\"']", path.read_text(encoding="utf-8")):
                found.setdefault(word, set()).add(path)
    return found


def count(operation: Op) -> Count:
    """Places and lines of one operation."""
    parts = functions(operation)
    places = {inspect.getsourcefile(part) for part in parts}
    mentions = len(strings().get(operation.name, ()))
    return Count(operation.name, len(places), sum(map(code_lines, parts)), len(operation.rules), mentions)


def table(counts: list[Count], everything: bool = False) -> str:
    """The summary, and with `everything` a line per operation."""
    lines = [c.lines for c in counts]
    rows = [
        ("operations with a kernel", len(counts)),
        ("declared in one place", sum(c.places == 1 for c in counts)),
        ("declared in more", sum(c.places > 1 for c in counts)),
        ("named as a string in no other file", sum(c.mentions == 0 for c in counts)),
        ("code lines, median", statistics.median(lines)),
        ("code lines, mean", round(statistics.mean(lines), 1)),
        ("code lines, most", f"{max(lines)} ({max(counts, key=lambda c: c.lines).name})"),
    ]
    text = [f"{name:36}{value}" for name, value in rows]
    if everything:
        text += ["", f"{'operation':32}{'places':>7}{'lines':>7}{'rules':>7}{'mentions':>10}"]
        text += [f"{c.name:32}{c.places:7}{c.lines:7}{c.rules:7}{c.mentions:10}" for c in counts]
    return "\n".join(text)


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How many places and lines an operation takes.")
    parser.add_argument("--all", action="store_true", help="a line per operation as well")
    options = parser.parse_args(arguments)
    print(table([count(operation) for operation in primitives()], options.all))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
