"""Pictures as pixels and through other programs, which stand-ins replace here: what they are asked, and what is done with it."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import stat
import sys
import types
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import autograd
from autograd import viz
from autograd.viz import _drawing, _export, _player

from .walk import SVG, texts, walk

warn_without_fonts = _export.warn_without_fonts.__wrapped__


@pytest.fixture
def only(monkeypatch):
    """Make the named modules the only ones of their kind; a stand-in notes what it is given and answers with bytes."""
    asked = []

    monkeypatch.setattr(_export, "warn_without_fonts", lambda: None)

    def install(**answers):
        find = importlib.util.find_spec
        kinds = ("resvg_py", "cairosvg")
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *a: (name in answers or None) if name in kinds else find(name, *a)
        )
        for module, functions in answers.items():
            made = types.ModuleType(module)
            for name, answer in functions.items():
                setattr(made, name, lambda _answer=answer, **options: asked.append(options) or _answer)
            monkeypatch.setitem(sys.modules, module, made)
        return asked

    return install


@pytest.mark.parametrize(("letter", "warned"), [(b"page", True), (b"page with a letter", False)])
def test_a_system_without_fonts_is_told_of(only, letter, warned):
    only(resvg_py={"svg_to_bytes": b""})
    draw = lambda svg_string: letter if "<text" in svg_string else b"page"  # noqa: E731
    sys.modules["resvg_py"].svg_to_bytes = draw
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_without_fonts()
    assert [w.category for w in caught] == [UserWarning] * warned
    assert all("install one (the package fonts-liberation" in str(w.message) for w in caught)


def test_pixels_are_written_in_a_font_that_the_system_has():
    pytest.importorskip("resvg_py")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_without_fonts()


def test_resvg_is_given_each_piece_of_a_text_with_rare_characters(only):
    asked = only(resvg_py={"svg_to_bytes": list(b"png")})
    y, named = walk()
    picture = viz.draw(y, names={"w₁ of ⟨b⟩": named["w"]})
    assert "<tspan" in picture.svg()
    assert picture.png() == b"png"
    svg = asked[0]["svg_string"]
    assert asked[0]["zoom"] == 2
    ET.fromstring(svg)
    assert "<tspan" not in svg
    assert sorted("".join(texts(svg))) == sorted("".join(texts(picture.svg())))  # no character is lost


@pytest.mark.parametrize(("anchor", "share"), [("", 0.0), ("middle", 0.5), ("end", 1.0)])
def test_pieces_stand_where_the_whole_text_stood(anchor, share):
    named = f' text-anchor="{anchor}"' if anchor else ""
    whole = f'<svg xmlns="{SVG[1:-1]}"><text x="100"{named} font-size="10">ab<tspan font-family="x">∂</tspan>cd</text></svg>'
    pieces = ET.fromstring(_export._separate(whole)).findall(f"{SVG}text")
    assert [p.text for p in pieces] == ["ab", "∂", "cd"]
    starts = [float(p.get("x")) for p in pieces]
    wide = [_export._wide(p.text, 10.0, False) for p in pieces]
    assert starts[0] == pytest.approx(100 - share * sum(wide), abs=0.01)
    assert starts[1:] == pytest.approx([starts[0] + wide[0], starts[0] + wide[0] + wide[1]], abs=0.02)
    assert [p.get("font-family") for p in pieces] == [None, "DejaVu Sans", None]
    assert all(p.get("text-anchor") is None for p in pieces)


def test_cairosvg_makes_png_and_pdf(only, tmp_path):
    asked = only(cairosvg={"svg2png": b"its png", "svg2pdf": b"its pdf"})
    picture = viz.draw(walk()[0])
    assert picture.png() == b"its png"
    assert asked[0]["scale"] == 2.0
    assert picture.to(tmp_path / "a.pdf").read_bytes() == b"its pdf"
    assert ET.fromstring(asked[1]["bytestring"]).tag == SVG + "svg"


@pytest.fixture
def dot(monkeypatch, tmp_path):
    """A program `dot` that answers with its arguments and its input, or fails where the source says so."""
    if os.name == "nt":
        pytest.skip("a shell script as a program")
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\ntext = sys.stdin.read()\n"
        "if 'syntax error' in text: sys.exit(print('Error: <stdin>: syntax error in line 2', file=sys.stderr) or 1)\n"
        "sys.stdout.write(' '.join(sys.argv[1:]) + '|' + text)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(program.parent))


def test_dot_makes_what_is_asked(dot, only, tmp_path):
    only()
    picture = viz.draw(walk()[0])
    kind, source = picture.pdf().decode().split("|", 1)
    assert (kind, source) == ("-Tpdf", picture.dot())
    assert picture.pipe("svg", encoding="utf-8").startswith("-Tsvg|digraph")
    path = picture.render(str(tmp_path / "out"), format="png", cleanup=True)
    assert Path(path).read_bytes().startswith(b"-Tpng|digraph")
    assert not (tmp_path / "out").exists()


def test_dots_complaint_is_passed_on(dot):
    with pytest.raises(RuntimeError, match=r"dot: Error: <stdin>: syntax error in line 2"):
        _export.run_dot("syntax error", "svg")


def test_dot_is_looked_for(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="no program to make PDF is installed"):
        _export.run_dot("digraph {}", "pdf")


def test_a_gif_shows_the_frames_for_the_seconds_asked(only, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    png = io.BytesIO()
    pillow.new("RGB", (4, 3), "red").save(png, "PNG")
    asked = only(resvg_py={"svg_to_bytes": png.getvalue()})
    colours = iter(["red", "green", "blue", "black", "white"] * 9)

    def drawn(**options):
        asked.append(options)
        made = io.BytesIO()
        pillow.new("RGB", (4, 3), next(colours)).save(made, "PNG")
        return made.getvalue()

    sys.modules["resvg_py"].svg_to_bytes = drawn
    frames = viz.steps(walk()[0])
    made = frames.gif(tmp_path / "a.gif", seconds=0.5, scale=3.0)
    assert (tmp_path / "a.gif").read_bytes() == made
    assert [a["zoom"] for a in asked] == [3] * len(frames)
    with pillow.open(io.BytesIO(made)) as image:
        assert (image.n_frames, image.info["duration"], image.info["loop"]) == (len(frames), 500, 0)
    with pillow.open(io.BytesIO(viz.draw(walk()[0]).gif())) as image:
        assert image.n_frames == 1
    assert viz.draw(walk()[0]).to(tmp_path / "b.gif").read_bytes()[:6] == b"GIF89a"


def test_a_pdf_may_be_a_page_that_holds_the_png(only, monkeypatch):
    pillow = pytest.importorskip("PIL.Image")
    png = io.BytesIO()
    pillow.new("RGB", (432, 216), "red").save(png, "PNG")
    asked = only(resvg_py={"svg_to_bytes": png.getvalue()})
    monkeypatch.setenv("PATH", "")
    made = viz.draw(walk()[0]).pdf()
    assert made.startswith(b"%PDF")
    assert b"144" in made  # 432 pixels at 216 to the inch: two inches of 72 points
    assert asked[0]["zoom"] == 3


def test_a_gif_needs_pillow(only, monkeypatch):
    only(resvg_py={"svg_to_bytes": b"png"})
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    for make in (viz.draw(walk()[0]).gif, viz.steps(walk()[0]).gif):
        with pytest.raises(ImportError, match=r"a GIF of a picture: .*glassgrad\[viz\]"):
            make()


def test_a_picture_is_opened(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("PATH", "")
    path = viz.draw(walk()[0]).view(str(tmp_path / "y"))
    assert opened == [Path(path).resolve().as_uri()]
    assert (tmp_path / "y").read_text(encoding="utf-8").startswith("digraph")


def test_without_graphviz_drawings_have_its_methods(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(_drawing, "drawing_class", _drawing.drawing_class.__wrapped__)
    picture = viz.draw(walk()[0])
    assert type(picture).__name__ == "PlainDrawing"
    assert picture.source == str(picture) == picture.dot()
    assert Path(picture.save("g.gv", tmp_path)).read_text(encoding="utf-8") == picture.source
    assert picture.pipe("gv").decode() == picture.dot()
    assert picture.pipe().startswith(b"<svg")


# ------------------------------------------------------------------ frames


def test_the_animated_picture_shows_each_number_from_its_frame_on():
    frames = viz.steps(walk()[0])
    svg = frames.svg()
    ET.fromstring(svg)
    n = len(frames)
    assert f"animation-duration:{n * _player.SECONDS:.1f}s" in svg
    starts = {int(k): float(at) for k, at in re.findall(r"@keyframes a(\d+)\{0%\{visibility:hidden\}([\d.]+)%", svg)}
    assert starts == pytest.approx({k: 100 * (k - 1) / n for k in range(1, n + 1)}, abs=0.01)
    assert 'display="none"' not in svg
    assert set(map(int, re.findall(r"data-from=\"(\d+)\"", svg))) <= {0, *starts}


def test_frames_are_a_sequence(tmp_path):
    frames = viz.steps(walk()[0])
    assert repr(frames) == f"<Steps: {len(frames)} frames>"
    assert [d.svg() for d in frames[1:3]] == [frames[1].svg(), frames[2].svg()]
    assert len(frames.graph.operations) == 5
    assert (tmp_path / "p.html").exists() is False
    assert frames.html(tmp_path / "p.html") == (tmp_path / "p.html").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"one of \.html \.gif \.svg; got 'a\.txt'"):
        frames.to("a.txt")


def test_a_sheet_holds_all_frames(only, tmp_path):
    only(resvg_py={"svg_to_bytes": b"png"})
    sheet = viz.steps(walk()[0]).sheet(columns=3)
    assert sheet._repr_svg_() == sheet.svg()
    assert len(ET.fromstring(sheet.svg()).findall(f"{SVG}svg")) == len(viz.steps(walk()[0]))
    assert sheet.to(tmp_path / "s.png").read_bytes() == b"png"
    assert sheet.to(tmp_path / "s.svg").read_text(encoding="utf-8") == sheet.svg()
    with pytest.raises(ValueError, match=r"a sheet is written as \.svg or \.png; got 's\.pdf'"):
        sheet.to("s.pdf")


# ------------------------------------------------------------------ text and data


def test_the_tape_has_one_line_per_operation():
    y, names = walk()
    lines = viz.text(y, style="tape", names=names).splitlines()
    assert [int(line.split()[0]) for line in lines] == [1, 2, 3, 4, 5]
    assert "0.73" in lines[-1]
    assert viz.draw(y, names=names).text("tape").splitlines() == lines


def test_a_recorded_block_gives_its_tape_and_its_frames():
    with viz.record() as block:
        w = autograd.tensor([1.0, 2.0], requires_grad=True)
        y = (w * w).sum().exp()
    lines = block.table().splitlines()
    assert len(lines) == 3
    assert "148.41" in lines[-1]
    assert len(block.steps()) == len(viz.steps(y))


def test_model_data_name_the_scope_of_what_was_made_there():
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    with viz.scope("inner"):
        y = (x * 2).exp()
    data = json.loads(viz.draw(y.sum(), expand=["inner"]).json())
    (inner,) = data["scopes"]
    assert (inner["name"], inner["parent"]) == ("inner", None)
    assert [n["label"] for n in data["nodes"] if n.get("scope") == inner["id"]] == ["×2", "exp"]


def test_mermaid_refuses_what_nobody_can_read(monkeypatch):
    monkeypatch.setattr(_export, "MERMAID_EDGES", 3)
    picture = viz.draw(walk()[0])
    with pytest.raises(
        ValueError, match=f"mermaid: at most 3 edges are readable there, this graph has {picture.stats['edges']}"
    ):
        picture.mermaid()


def test_text_for_a_stream_that_knows_only_ascii():
    class Stream:
        encoding = "ascii"

    from autograd.viz._text import for_stream

    assert for_stream("∂y", Stream()).isascii()
    assert for_stream("plain", Stream()) == "plain"
