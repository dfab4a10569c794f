"""Pictures of whole models fit one screen as they come, and are whole on request."""

import re

import pytest

import autograd
import nn
from autograd import viz
from autograd.viz._scene import rectangles
from autograd.viz._scene import route as path_of
from nn import functional as F

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
