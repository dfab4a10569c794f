"""Pictures of whole models fit one screen as they come, and are whole on request."""

import re
import xml.etree.ElementTree as ET

import pytest

import autograd
import nn
from autograd import viz
from autograd.viz._scene import rectangles
from autograd.viz._scene import route as path_of
from nn import functional as F

from .walk import SVG, texts

WIDE, HIGH = 1600, 1080


class Block(nn.Module):
    """A block of a transformer, its attention written out."""

    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def attend(self, x):
        b, t, c = x.shape
        q, k, v = (a.view(b, t, self.heads, -1).transpose(1, 2) for a in self.qkv(x).split(c, dim=2))
        weight = F.softmax(q @ k.transpose(-2, -1) / (c // self.heads) ** 0.5, dim=-1)
        return self.proj((weight @ v).transpose(1, 2).contiguous().view(b, t, c))

    def forward(self, x):
        x = x + self.attend(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(27, 16), nn.Embedding(8, 16)
        self.blocks = nn.ModuleList([Block(16, 2) for _ in range(layers)])
        self.ln_f, self.lm_head = nn.LayerNorm(16), nn.Linear(16, 27, bias=False)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(autograd.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.lm_head(self.ln_f(x))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.pool, self.fc1, self.fc2 = nn.MaxPool2d(2), nn.Linear(32, 16), nn.Linear(16, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        x = self.pool(F.relu(self.bn2(self.conv2(x)))).flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


class Rows(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def mlp():
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))


MODELS = {
    "mlp": (mlp, lambda: autograd.randn(4, 64)),
    "cnn": (CNN, lambda: autograd.randn(4, 1, 8, 8)),
    "lstm": (Rows, lambda: autograd.randn(4, 8, 8)),
    "gpt": (lambda: GPT(2), lambda: autograd.randint(0, 27, (2, 8))),
    "deep gpt": (lambda: GPT(12), lambda: autograd.randint(0, 27, (2, 8))),
}


@pytest.fixture(params=MODELS)
def case(request):
    make, data = MODELS[request.param]
    model, x = make(), data()
    return model, x, (model(x) ** 2).mean()


@pytest.mark.fast  # step by step, an LSTM is one box
def test_a_model_fits_one_screen_and_is_whole_on_request(case):
    model, x, loss = case
    d = viz.draw(loss, model=model, inputs={"x": x})
    assert d.svg().startswith("<svg")
    w, h = (float(t) for t in re.search(r'width="([\d.]+)" height="([\d.]+)"', d.svg()).groups())
    assert (w <= WIDE + 1, h <= HIGH + 60) == (True, True)  # the notes beneath come on top
    shown = len(d.graph.operations)
    assert shown >= 6  # not one box that hides everything
    whole = viz.draw(loss, model=model, inputs={"x": x}, expand=True)
    assert whole.stats["hidden"] == 0
    assert len(whole.graph.operations) == d.stats["hidden"] + sum(v.kind == "op" for v in d.graph.vertices)
    if d.stats["hidden"]:
        assert any(note.endswith("all of it: expand=True)") for note in d.graph.notes)


def test_columns_keep_everything_apart_and_join_their_wires(case):
    model, x, loss = case
    scene = viz.draw(loss, model=model, inputs={"x": x}, expand=True)._scene
    found = list(rectangles(scene).items())
    for i, (a, r) in enumerate(found):
        for b, s in found[i + 1 :]:
            assert r[2] <= s[0] + 1 or s[2] <= r[0] + 1 or r[3] <= s[1] + 1 or s[3] <= r[1] + 1, (a, b)
    for e in scene.graph.edges:
        path, arrow = path_of(scene, e)
        assert path.startswith("M"), e.id
        assert len(arrow) == 3
        for turn in scene.place.turns.get(e.id, {}).values():
            assert all(0 <= px <= scene.place.size[0] and 0 <= py <= scene.place.size[1] for px, py in turn)
    w, h = scene.place.size
    assert all(r[0] >= -1 and r[1] >= -1 and r[2] <= w + 1 and r[3] <= h + 1 for _, r in found)


def test_a_long_chain_is_set_in_columns():
    x = autograd.randn(16, requires_grad=True)
    h = x
    for _ in range(14):
        h = autograd.sigmoid(h)
    scene = viz.draw(h.sum())._scene
    assert scene.place.turns
    assert any(scene.place.turns.values())
    assert scene.place.size[1] <= HIGH


def test_a_folded_layer_lists_its_parameters():
    model, x = CNN(), autograd.randn(4, 1, 8, 8)
    loss = (model(x) ** 2).mean()
    loss.backward()
    d = viz.draw(loss, model=model)
    (layer,) = [v for v in d.graph.vertices if v.kind == "module" and v.label == "fc1"]
    assert [(p.label, p.shape) for p in layer.leaves] == [("weight", (16, 32)), ("bias", (16,))]
    assert layer.detail == "Linear(32 → 16)"
    shape = d._scene.shapes[layer.id]
    assert [row.texts[:2] for row in shape.rows] == [("weight", "(16, 32)"), ("bias", "(16,)")]
    assert all("±" in row.texts[2] and "‖g‖" in row.texts[3] for row in shape.rows)


def test_a_gradient_that_cannot_be_found_again_is_read_from_the_leaf():
    model, x = nn.Sequential(nn.Linear(3, 30), nn.Dropout(0.5), nn.Linear(30, 1)), autograd.randn(4, 3)
    loss = model(x).sum()
    loss.backward()
    graph = viz.draw(loss, model=model, expand=True).graph
    grads = {v.name: v.grad for v in graph.leaves if v.kind == "param"}
    assert (grads["0.weight"] == model[0].weight.grad.numpy()).all()


def test_copies_say_that_they_have_parameters_of_their_own():
    model, tokens = GPT(4), autograd.randint(0, 27, (2, 8))
    labels = [v.label for v in viz.draw((model(tokens) ** 2).mean(), model=model).graph.vertices]
    assert "… 3 more, own parameters" in labels


def test_a_module_called_again_is_told_from_copies():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.Sequential(nn.Linear(3, 3), nn.Tanh())

        def forward(self, x):
            for _ in range(5):
                x = self.cell(x)
            return x

    model = Twice()
    labels = [
        v.label for v in viz.draw(model(autograd.ones(1, 3)).sum(), model=model, fold_repeats=True).graph.vertices
    ]
    assert "↻ 4 more calls" in labels


class Halved(nn.Module):
    """Blocks in a loop, with something between those after `where`."""

    def __init__(self, where, shared=False, count=6):
        super().__init__()
        make = lambda: nn.Sequential(nn.Linear(3, 3), nn.Tanh())  # noqa: E731
        self.where, self.blocks = where, nn.ModuleList([make()] * count if shared else [make() for _ in range(count)])

    def forward(self, x):
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.where:
                x = (x * 0.5).sin()
        return x


def folded(model, **options):
    y = model(autograd.ones(1, 3)).sum()
    return viz.draw(y, model=model, **options)


def test_copies_in_a_row_end_where_something_lies_between():
    d = folded(Halved({2}), fold_repeats=True)
    labels = [v.label for v in d.graph.operations]
    assert labels == ["Wx+b", "1 · tanh", "… 2 more, own parameters", "×0.5", "sin"] + labels[:3] + ["Σ"]


@pytest.mark.parametrize(("count", "options"), [(6, {"fold_repeats": True}), (40, {})])
@pytest.mark.parametrize("shared", [True, False])
def test_a_loop_over_modules_and_operations_shows_its_first_pass(count, options, shared):
    d = folded(Halved(set(range(count)), shared, count), **options)
    (more,) = [v for v in d.graph.operations if v.kind == "more"]
    assert more.label == (f"↻ {count - 1} more passes" if shared else f"… {count - 1} more passes, own parameters")
    assert more.params == (0 if shared else 12 * (count - 1))
    assert [v.label for v in d.graph.operations][-5:] == ["1 · tanh", "×0.5", "sin", more.label, "Σ"]
    assert d.svg().startswith("<svg")


def test_what_is_between_passes_is_not_folded_with_them():
    x = autograd.ones(3, requires_grad=True)
    pieces = [x[i] for i in range(3)]
    h = pieces[0]
    for i in range(9):
        h = (h * pieces[i % 3]).sin()
    graph = viz.draw(h + pieces[2], fold_repeats=True).graph
    (more,) = [v for v in graph.operations if v.kind == "more"]
    assert more.label == "↻ 8 more passes"
    assert [v.label for v in graph.operations].count("[ ]") == 2  # the third is used outside as well


def layer_of(d, name):
    (v,) = [v for v in d.graph.vertices if v.kind == "module" and v.label == name]
    return v, d._scene.shapes[v.id]


def test_a_folded_layer_without_values_or_without_gradients():
    model = CNN()
    loss = (model(autograd.randn(4, 1, 8, 8)) ** 2).mean()
    value_texts, grad_texts = [], []
    for hide in ("values", "grads"):
        d = viz.draw(loss, model=model, depth=1, **{hide: "none"})
        _, shape = layer_of(d, "fc1")
        value_texts.append(shape.rows[0].texts[2])
        grad_texts.append(shape.rows[0].texts[3])
        assert f'class="v-{"hist" if hide == "values" else "histg"}"' not in d.svg()
        assert "" not in texts(d.svg())
    assert (value_texts[0], grad_texts[1]) == ("", "")
    assert "±" in value_texts[1]
    assert "‖g‖" in grad_texts[0]


def test_a_folded_layer_tells_what_is_wrong_inside():
    model = CNN()
    with autograd.no_grad():
        model.fc1.weight[0, 0] = float("nan")
    d = viz.draw((model(autograd.randn(4, 1, 8, 8)) ** 2).mean(), model=model)
    assert texts(d.svg()).count("⚠ nan") == 2  # fc1 and what comes after
    v, shape = layer_of(d, "fc1")
    assert "nan" in v.flags
    assert shape.rows[0].texts[2] == "1/512 NaN"
    assert shape.h == layer_of(d, "conv1")[1].h + 16


def test_nothing_is_written_on_wires_when_neither_value_nor_gradient_is_wanted():
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    d = viz.draw((x.exp() * 2).sum(), names={"x": x}, values="none", grads="none", style="cards")
    assert d._scene.tags == {}
    assert texts(d.svg()) == ["x", "(2,)", "exp", "×2", "Σ", "out"]


def test_a_card_of_numbers_none_of_which_is_finite_has_no_strip():
    x = autograd.full((20,), float("nan"), requires_grad=True)
    svg = viz.draw((x * 2).sum(), names={"x": x}, style="cards").svg()
    assert "20/20 NaN" in texts(svg)
    assert 'class="v-hist"' not in svg
    fine = autograd.arange(20.0, requires_grad=True)
    assert 'class="v-hist"' in viz.draw((fine * 2).sum(), names={"fine": fine}, style="cards").svg()


def crossed(count):
    """A module whose every result is asked for by many wires from above."""

    class Mix(nn.Module):
        def forward(self, *xs):
            total = xs[0] * 1.5
            for x in xs[1:]:
                total = total * x
            return total

    model = Mix()
    xs = [autograd.tensor(1.0 + i, requires_grad=True).exp() for i in range(count)]
    return viz.draw(model(*xs).exp(), model=model, expand=True, direction="TB")


def test_the_title_of_a_box_stands_clear_of_wires_or_at_its_corner():
    for count in (2, 12):
        d = crossed(count)
        (box,) = d._scene.place.boxes.values()
        (title,) = [t for t in ET.fromstring(d.svg()).iter(f"{SVG}text") if t.text == "model"]
        assert box[0] <= float(title.get("x")) <= box[2]


def test_a_folded_layer_whose_gradient_is_gone_says_so():
    model, x = nn.Sequential(nn.Linear(3, 30), nn.Dropout(0.5), nn.Linear(30, 1)), autograd.randn(4, 3)
    loss = model(x).sum()
    loss.backward()
    model.zero_grad()
    d = viz.draw(loss, model=model, collapse="0")
    _, shape = layer_of(d, "0")
    assert [row.texts[3] for row in shape.rows] == ["—", "—"]
    assert "—" in texts(d.svg())


def test_modules_are_folded_by_depth_where_repeats_may_not_be():
    d = folded(Halved(set(range(12)), count=12), fold_repeats=False, max_nodes=40)
    assert len(d.graph.operations) == 3 * 12 + 1
    assert d.graph.notes == [
        "collapsed 49 → 37 operations (parameters in their layers, depth=1; all of it: expand=True)"
    ]


class Fan(nn.Module):
    """Two branches whose nodes stand at different heights, so that no line passes between them."""

    def __init__(self):
        super().__init__()
        self.left, self.right = Branch(), nn.Sequential(Branch())

    def forward(self, x):
        return self.left(x) + self.right(x)


class Branch(nn.Module):
    def forward(self, x):
        for _ in range(12):
            x = x.sin()
        return x


def test_a_tall_picture_that_can_be_cut_nowhere_is_left_whole():
    model, x = Fan(), autograd.randn(8, requires_grad=True)
    scene = viz.draw(model(x).sum(), model=model, expand=True)._scene
    assert scene.place.size[1] > HIGH
    assert not any(scene.place.turns.values())
    assert not scene.place.pieces
