"""The notebooks: clean in git, listed in their index, and running from top to bottom, here without Jupyter."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def sources(path: Path, kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in read(path)["cells"] if cell["cell_type"] == kind]


def test_they_are_found():
    assert 8 <= len(NOTEBOOKS) <= 10


@by_name
def test_outputs_are_stripped(path):
    for cell in read(path)["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
        assert cell["metadata"] == {}


@by_name
def test_cells_have_ids(path):
    page = read(path)
    ids = [cell["id"] for cell in page["cells"]]
    assert (page["nbformat"], page["nbformat_minor"]) == (4, 5)
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[\w-]{1,64}", name) for name in ids)


@by_name
def test_no_path_of_a_machine(path):
    assert not re.search(r"/home/|/Users/|/tmp/|/root/|[A-Z]:\\\\", path.read_text(encoding="utf-8"))


@by_name
def test_begins_with_a_title_and_ends_with_two_exercises(path):
    first, *_, last = sources(path, "markdown")
    assert first.startswith("# ")
    assert last.startswith("## Exercises")
    assert re.findall(r"^\d\.", last, flags=re.MULTILINE) == ["1.", "2."]


@by_name
def test_listed_in_the_index(path):
    assert f"({path.name})" in (FOLDER / "README.md").read_text(encoding="utf-8")


def run_cell(source: str, name: str, names: dict[str, Any]) -> None:
    """Execute a cell; its last expression is shown, as a notebook shows it."""
    tree = ast.parse(source)
    shown = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if shown is not None:
        value = eval(compile(ast.Expression(shown.value), name, "eval"), names)
        for way in ("_repr_mimebundle_", "_repr_html_", "_repr_svg_"):
            if hasattr(value, way):
                assert getattr(value, way)()
                break


@by_name
def test_runs_from_top_to_bottom(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)  # what a cell writes is not left in the checkout
    monkeypatch.setenv("MPLBACKEND", "Agg")
    text = path.read_text(encoding="utf-8")
    pictures = pytest.importorskip("matplotlib.pyplot") if "matplotlib" in text else None
    if "nn.data.digits" in text:
        pytest.importorskip("sklearn")
    names: dict[str, Any] = {"__name__": "__notebook__"}
    for number, source in enumerate(sources(path, "code"), 1):
        run_cell(source, f"{path.name}, code cell {number}", names)
    if pictures:
        pictures.close("all")
    assert capsys.readouterr().out
