"""The README and the docstrings are run: the first thing a reader copies works and prints what they are told."""

from __future__ import annotations

import ast
import builtins
import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PAGES = [
    page for page in ("README.md", "CONTRIBUTING.md", "autograd/README.md", "nn/README.md") if (ROOT / page).exists()
]
PARSER = doctest.DocTestParser()


def public_names() -> dict[str, object]:
    """What an example may use unimported: `autograd`, `nn`, and the names of `autograd` that hide no builtin."""
    autograd, nn = importlib.import_module("autograd"), importlib.import_module("nn")
    names = {name: value for name, value in vars(autograd).items() if not hasattr(builtins, name)}
    return {**names, "autograd": autograd, "nn": nn}


def check(examples: list[doctest.DocTest]) -> None:
    """Run the examples; the failures' own report is the message."""
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    for example in examples:
        importlib.import_module("autograd").manual_seed(0)
        runner.run(example, out=report.append)
    if report:
        pytest.fail("".join(report), pytrace=False)


# ------------------------------------------------------------------ pages


def blocks(text: str) -> list[tuple[int, str]]:
    """(line, code) of every block fenced as python."""
    found = re.finditer(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [(text[: match.start(1)].count("\n"), match[1]) for match in found]


@pytest.mark.parametrize("page", PAGES)
def test_pages_run(page, tmp_path, monkeypatch):
    """The blocks of one page share their names, as a reader who pastes them one after the other would find."""
    monkeypatch.chdir(tmp_path)  # what an example writes is not left in the checkout
    names: dict[str, object] = {"__name__": "__page__"}
    for line, code in blocks((ROOT / page).read_text(encoding="utf-8")):
        if ">>>" in code:
            session = PARSER.get_doctest(code, names, page, str(ROOT / page), line)
            session.globs = names  # the parser copies; the next block goes on with these
            runner, report = doctest.DocTestRunner(optionflags=FLAGS, verbose=False), []
            runner.run(session, out=report.append, clear_globs=False)
            if report:
                pytest.fail("".join(report), pytrace=False)
        else:
            exec(compile("\n" * line + code, str(ROOT / page), "exec"), names)


def test_blocks_are_found():
    assert blocks("a\n```python\nx = 1\n```\n```\nno\n```\n```python\ny = 2\n```\n") == [(2, "x = 1\n"), (8, "y = 2\n")]


# ------------------------------------------------------------------ docstrings


def docstrings(source: str) -> list[tuple[str, int, str]]:
    """(name, line, text) of every docstring with an example, decorated and nested definitions included."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and ">>>" in text:
                found.append((getattr(node, "name", "module"), node.body[0].lineno - 1, text))
    return found


def documented() -> list[Path]:
    files = [path for package in ("autograd", "nn") for path in sorted((ROOT / package).rglob("*.py"))]
    return [path for path in files if docstrings(path.read_text(encoding="utf-8"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", documented(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_docstring_examples_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {**public_names(), **vars(importlib.import_module(module_name(path)))}
    found = docstrings(path.read_text(encoding="utf-8"))
    check([PARSER.get_doctest(text, names, name, str(path), line) for name, line, text in found])


def test_a_wrong_example_is_seen():
    with pytest.raises(pytest.fail.Exception, match=r"Expected:\n +3"):
        check([PARSER.get_doctest(">>> 1 + 1\n3\n", {}, "planted", None, 0)])


def test_docstrings_of_decorated_and_nested_definitions_are_found():
    source = '@op\ndef f():\n    """>>> 1\n    1\n    """\n\nclass A:\n    def g(self):\n        """>>> 2"""\n'
    assert [name for name, _, _ in docstrings(source)] == ["f", "g"]
