"""The import arrows, the absence of cycles and the manners of rules, read from the syntax trees.

A module's unit is its first name below `autograd` (all of `autograd/ops/` is the unit `ops`). Arrows point down the
layers of the architecture page only; a new module gets its line in ARROWS.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 600

BASE = {"_extras", "_dtype", "_mode", "_array", "_memory_format", "_inference", "_node", "_graph"}
CORE = BASE | {"_registry", "_convert", "_tensor", "_backward", "_plan", "_inplace", "_samples", "_op"}
# unit of autograd -> units it may import; whoever is not listed stands above the operations and may use CORE and UPPER.
ARROWS: dict[str, set[str]] = {
    "_conflict": set(),
    "_collector": set(),
    "_heap": set(),
    "_extras": set(),
    "_dtype": {"_extras"},
    "_mode": set(),
    "_memory_format": {"_dtype"},
    "_array": {"_dtype", "_mode"},
    "_inference": {"_array", "_mode"},
    "_node": {"_array", "_dtype", "_mode"},
    "_graph": {"_array", "_collector", "_dtype", "_mode", "_node"},
    "_repr": {"_array", "_dtype", "_mode"},
    "_convert": {"_array", "_dtype", "_mode"},
    "_tensor": BASE | {"_repr", "_convert"},
    "_backward": BASE | {"_tensor"},
    "_plan": BASE | {"_tensor", "_large"},
    "_inplace": BASE | {"_tensor"},
    "_entry": BASE | {"_tensor", "_plan", "_inplace"},
    "_samples": {"_array", "_dtype"},
    "_registry": set(),
    "_kernels": {"_array"},
    "_compiled": BASE | {"_tensor", "_entry", "_plan"},
    "_short": BASE | {"_tensor", "_entry", "_large"},
    "_op": BASE
    | {"_registry", "_kernels", "_large", "_tensor", "_samples", "_plan", "_entry", "_compiled", "_short", "_inplace"},
    "_erf": {"_array"},
    "_parallel": set(),
    "_large": {"_array", "_mode", "_parallel"},
    "_special": {"_array", "_extras", "_erf"},
    "ops": CORE | {"_erf", "_large", "_parallel", "_special"},
    "function": CORE,
    "composite": CORE | {"ops"},
}
# The one module that knows everything, and that nothing knows.
FACADE = "compat"


class Import(NamedTuple):
    target: str  # the module imported, dotted
    line: int
    relative: bool
    at_start: bool  # runs when the module is imported, not when a function of it is called


# ------------------------------------------------------------------ reading


def package_files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def module_name(path: Path, root: Path = ROOT) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = [path for package in ("autograd", "nn") for path in package_files(package)]
MODULES = {module_name(path): path for path in FILES}
EVERY_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())


def statements(tree: ast.AST, at_start: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Every import statement with whether it runs at import time; what only a type checker reads is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, at_start
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from statements(ast.Module(node.orelse, []), at_start)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from statements(node, at_start and not inside)


def imports(source: str, module: str, is_package: bool, known: set[str]) -> list[Import]:
    """What `module` imports, relative names resolved; `from p import m` names p.m when that is a module."""
    found = []
    for node, at_start in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, False, at_start) for alias in node.names]
            continue
        assert isinstance(node, ast.ImportFrom)
        base = node.module or ""
        if node.level:
            home = module.split(".") if is_package else module.split(".")[:-1]
            home = home[: len(home) - node.level + 1]
            base = ".".join([*home, base] if base else home)
        for alias in node.names:
            deeper = f"{base}.{alias.name}"
            found.append(Import(deeper if deeper in known else base, node.lineno, bool(node.level), at_start))
    return found


def imports_of(path: Path) -> list[Import]:
    return imports(path.read_text(encoding="utf-8"), module_name(path), path.name == "__init__.py", set(MODULES))


def unit(module: str) -> str:
    """`autograd.ops.reduce` -> `ops`; the package itself -> `__init__`."""
    return [*module.split("."), "__init__"][1]


# ------------------------------------------------------------------ arrows


UPPER = {unit(name) for name in MODULES if name.startswith("autograd.")} - set(ARROWS) - {"__init__", FACADE}


def allowed(importer: str, target: str, at_start: bool) -> bool:
    """Whether unit `importer` of autograd may import unit `target`."""
    if importer in (target, "__init__", FACADE):
        return target != FACADE or importer == FACADE
    if importer in ARROWS:
        return target in ARROWS[importer]
    if target == "__init__":  # the public namespace, complete only once everything below it is
        return not at_start
    return target in CORE | UPPER | {"_repr", "ops", "function", "composite"}


def wrong_arrows(module: str, found: list[Import]) -> list[str]:
    """The imports of a module of autograd that its architecture forbids."""
    importer, wrong = unit(module), []
    for target, line, relative, at_start in found:
        top = target.split(".")[0]
        if top == "nn" and importer != FACADE:
            wrong.append(f"line {line}: autograd knows nothing of nn")
        if top != "autograd":
            continue
        if not relative:
            wrong.append(f"line {line}: imports {target} absolutely; inside autograd imports are relative")
        if not allowed(importer, unit(target), at_start):
            wrong.append(f"line {line}: {importer} may not import {unit(target)}")
    return wrong


@EVERY_FILE
def test_arrows_point_down(path):
    module, found = module_name(path), imports_of(path)
    if module.startswith("nn"):
        wrong = [f"line {i.line}: {i.target}" for i in found if unit(i.target) == FACADE and "autograd" in i.target]
    else:
        wrong = wrong_arrows(module, found)
    assert not wrong, f"{path.relative_to(ROOT)}: {wrong}"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("autograd._graph", "from ._tensor import Tensor"),
        ("autograd._tensor", "from . import ops"),
        ("autograd._tensor", "def f():\n    from ._op import op"),
        ("autograd.ops.reduce", "from ..functional import jacobian"),
        ("autograd.ops.reduce", "from autograd._op import op"),
        ("autograd.ops.reduce", "import nn"),
        ("autograd.random", "from . import tensor"),
        ("autograd.random", "from .compat import torch"),
        ("autograd", "from . import compat"),
    ],
)
def test_a_wrong_arrow_is_seen(module, source):
    known = {"autograd.ops", "autograd._op", "autograd._tensor", "autograd.compat"}
    assert wrong_arrows(module, imports(source, module, module == "autograd", known))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("autograd._op", "from ._tensor import Tensor"),
        ("autograd.ops.reduce", "from .._op import op\nfrom . import shape"),
        ("autograd.random", "def f():\n    from . import tensor"),
        ("autograd.compat.torch", "import nn\nfrom .. import tensor"),
        ("autograd._op", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import random"),
    ],
)
def test_a_right_arrow_passes(module, source):
    known = {"autograd.ops.shape", "autograd._op", "autograd._tensor", "autograd.random"}
    assert not wrong_arrows(module, imports(source, module, False, known))


# ------------------------------------------------------------------ what is imported at the start


@EVERY_FILE
def test_only_numpy_is_imported_at_the_start(path):
    ours = sys.stdlib_module_names | {"numpy", "autograd", "nn"}
    if path.name == "plugin.py":  # only pytest imports it
        ours |= {"pytest"}
    heavy = {i.target for i in imports_of(path) if i.at_start and i.target.split(".")[0] not in ours}
    assert not heavy, f"import these inside the function that needs them (autograd._extras.require): {heavy}"


# ------------------------------------------------------------------ cycles


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Some cycle of a directed graph as a path that returns to its start; empty when there is none."""
    done: set[str] = set()
    for start in graph:
        path: list[str] = []
        stack = [(start, iter(sorted(graph[start])))] if start not in done else []
        path += [start] if stack else []
        while stack:
            following = next(stack[-1][1], None)
            if following is None:
                done.add(path.pop())
                stack.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            elif following not in done and following in graph:
                path.append(following)
                stack.append((following, iter(sorted(graph[following]))))
    return []


def test_no_module_needs_itself():
    graph = {module_name(path): {i.target for i in imports_of(path) if i.at_start} for path in FILES}
    graph = {name: targets - {name} for name, targets in graph.items()}
    assert not cycle(graph), " -> ".join(cycle(graph))


def test_a_cycle_is_seen():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


# ------------------------------------------------------------------ rules


def rules(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Functions decorated with `@<op>.grad(...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            calls = [d.func for d in node.decorator_list if isinstance(d, ast.Call)]
            if any(isinstance(f, ast.Attribute) and f.attr == "grad" for f in calls):
                yield node


def manners(source: str) -> list[str]:
    """What rule bodies do that would not record: NumPy's functions, methods of what they are given."""
    wrong = []
    for rule in rules(ast.parse(source)):
        given = {a.arg for a in rule.args.args}
        for node in (n for statement in rule.body for n in ast.walk(statement)):
            if isinstance(node, ast.Name) and node.id in ("np", "numpy"):
                wrong.append(f"line {node.lineno}: a rule uses library operations, not NumPy's")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id in given:
                    wrong.append(f"line {node.lineno}: {ast.unparse(node.func)}() is an array method")
    return wrong


@pytest.mark.parametrize("path", package_files("autograd/ops"), ids=lambda path: path.stem)
def test_rules_use_the_librarys_own_operations(path):
    wrong = manners(path.read_text(encoding="utf-8"))
    assert not wrong, f"{path.relative_to(ROOT)}: {wrong}"


@pytest.mark.parametrize("body", ["g * np.cos(x)", "g.sum()", "sin(numpy.pi * x)", "g * x.T.copy() + x.conj()"])
def test_bad_manners_are_seen(body):
    assert manners(f"@sin.grad('x')\ndef _(g, x):\n    return {body}\n")


def test_good_manners_pass():
    assert not manners("def sin(x):\n    return np.sin(x)\n\n@sin.grad('x')\ndef _(g, x):\n    return g * cos(x)\n")


# ------------------------------------------------------------------ length


def code_lines(source: str) -> int:
    """Lines that hold code: neither blank, nor comment, nor docstring."""
    skip = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skip:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


@EVERY_FILE
def test_no_file_is_too_long_to_read(path):
    assert code_lines(path.read_text(encoding="utf-8")) <= LONGEST_FILE


def test_code_lines_are_counted():
    assert code_lines('"""Doc.\n\nMore.\n"""\n\n# why\nx = 1  # here\n\ndef f():\n    """Doc."""\n    return x\n') == 3
