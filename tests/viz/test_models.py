"""Whole models: the summary table, neurons and weights, graphs compared, other visualizers' calls."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autograd
import nn
from autograd import viz


def fig65():
    return nn.Sequential(nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Linear(512, 10), nn.Softmax(dim=1))


def test_summary_of_784_512_10():
    table = str(viz.summary(fig65(), input_size=(1, 784)))
    for text in ("401,920", "5,130", "Total params: 407,050", "[1, 512]", "[1, 10]", "├─Linear: 1-1"):
        assert text in table
    assert viz.summary(fig65()).total_params == 407_050


def test_summary_counts_multiply_adds_and_frozen_parameters():
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))
    for p in model[3].parameters():
        p.requires_grad_(False)
    s = viz.summary(
        model, input_size=(5, 1, 6, 6), cols=("input_size", "output_size", "num_params", "kernel_size", "mult_adds")
    )
    assert s.total_mult_adds == 5 * 36 * 4 * 9 + 5 * 4 * 36 * 2
    assert s.trainable_params == 36
    assert "[5, 4, 6, 6]" in str(s)
    assert "(290)" in str(s)
    assert "<table>" in s._repr_html_()


def test_summary_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    model.train()
    autograd.manual_seed(3)
    before = {k: np.array(v.numpy()) for k, v in model.state_dict().items()}
    state = autograd.get_rng_state()
    viz.summary(model, input_size=(2, 3))
    assert all(m.training for m in model.modules())
    assert (autograd.get_rng_state() == state).all()
    for k, v in model.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k])


def test_summary_folds_below_its_depth_and_tells_reuse():
    layer = nn.Linear(3, 3)
    model = nn.Sequential(nn.Sequential(layer, nn.ReLU()), layer)
    assert "├─Sequential: 1-1" in str(viz.summary(model, input_size=(1, 3), depth=1))
    assert str(viz.summary(model, input_size=(1, 3))).count("(recursive)") == 1
    assert viz.summary(model, input_size=(1, 3)).total_params == 12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: viz.summary(fig65(), cols=("colour",)), "unknown columns"),
        (lambda: viz.summary(fig65(), mode="fast"), "mode must be"),
        (lambda: viz.neurons(nn.ReLU()), "no Linear layer"),
        (lambda: viz.neurons(fig65(), notation="runes"), "notation must be"),
        (lambda: viz.neurons(fig65()).to("a.txt"), "suffix says what"),
        (lambda: viz.draw_dot(autograd.ones(1, requires_grad=True) * 2, rankdir="RL"), "rankdir must be"),
    ],
)
def test_bad_input_is_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def shapes(svg, name):
    return [e for e in ET.fromstring(svg).iter() if e.tag.endswith(name)]


def test_neurons_draw_the_real_weights():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    svg = viz.neurons(model).svg()
    lines = [float(e.get("data-weight")) for e in shapes(svg, "line")]
    expected = np.concatenate([model[0].weight.detach().numpy().T.ravel(), model[2].weight.detach().numpy().T.ravel()])
    np.testing.assert_allclose(lines, expected, rtol=1e-6)
    assert len(shapes(svg, "circle")) == 9
    assert ["".join(t.itertext()) for t in shapes(svg, "text") if t.get("font-weight")] == [
        "input",
        "hidden · Tanh",
        "output",
    ]
    assert "a₁²" in ["".join(t.itertext()) for t in shapes(svg, "text")]


def test_large_layers_are_elided():
    svg = viz.neurons(fig65(), max_neurons=9).svg()
    assert len(shapes(svg, "circle")) == 3 * (8 + 3)
    assert "512 · 401,920 params" in svg


def test_neurons_show_activations_and_what_dropout_drops():
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 1))
    autograd.manual_seed(0)
    svg = viz.neurons(model, autograd.ones(1, 3), notation="values").svg()
    assert 0 < svg.count('class="dropped"') < 8
    assert "1.00" in svg
    assert viz.neurons(model.eval(), autograd.ones(1, 3)).svg().count('class="dropped"') == 0


def test_diff_names_what_came_and_went():
    x = autograd.tensor(2.0, requires_grad=True)
    notes = viz.diff((x * x).exp(), (x * x).sin()).graph.notes
    assert notes == ["only in the first: exp", "only in the second: sin"]
    assert viz.diff((x * 2).exp(), (x * 2).exp()).graph.notes == []
    other = autograd.tensor(3.0, requires_grad=True)
    assert any(n.startswith("other values") for n in viz.diff(x.exp(), other.exp(), names={}).graph.notes)


def test_torchviz_example_runs():
    model = nn.Sequential()
    model.add_module("W0", nn.Linear(8, 16))
    model.add_module("tanh", nn.Tanh())
    model.add_module("W1", nn.Linear(16, 1))
    x = autograd.randn(1, 8)
    y = model(x)
    dot = viz.make_dot(y.mean(), params=dict(model.named_parameters()), show_attrs=True, show_saved=True)
    assert {v.name for v in dot.graph.leaves if v.kind == "param"} == {"W0.weight", "W0.bias", "W1.weight", "W1.bias"}
    assert dot.source.startswith("digraph")


def test_micrograd_example_runs():
    a = autograd.tensor(-4.0, requires_grad=True)
    b = autograd.tensor(2.0, requires_grad=True)
    c = a + b
    d = a * b + b**3
    g = ((c + d) ** 2) / 2.0
    g.backward()
    dot = viz.draw_dot(g, format="svg", rankdir="LR")
    assert re.search(r"a.*b", " ".join(v.name for v in dot.graph.leaves))
    assert dot.format == "svg"


def test_neurons_of_named_layers_and_of_those_that_are_no_neurons(tmp_path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.flat, self.fc1, self.norm = nn.Flatten(), nn.Linear(4, 3), nn.LayerNorm(3)
            self.act, self.fc2 = nn.ReLU(), nn.Linear(3, 2)

        def forward(self, x):
            return self.fc2(self.act(self.norm(self.fc1(self.flat(x)))))

    drawn = viz.neurons(Net())
    titles = ["".join(t.itertext()) for t in shapes(drawn.svg(), "text") if t.get("font-weight")]
    assert titles == ["input", "fc1 · ReLU", "fc2"]
    assert drawn._repr_svg_() == drawn.svg()
    assert drawn.to(tmp_path / "n.html").read_text(encoding="utf-8") == drawn.html()
    assert "<svg" in drawn.html()


def test_summary_without_an_input_has_no_shapes_and_no_cost():
    text = str(viz.summary(fig65()))
    assert "Total params: 407,050" in text
    assert "mult-adds" not in text
    assert "mult-adds" in str(viz.summary(fig65(), input_size=(1, 784)))
