"""Small parts of pictures and tables: numbers as text, inputs of a summary, engines that fail, blocks that raise."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

import autograd
import nn
from autograd import viz
from autograd.viz import _engines, _export, _layered, _numbers, _values

from .walk import texts, walk


def test_numbers_as_text():
    assert _numbers.values(np.zeros(0)) == _numbers.stats(np.zeros((0, 3))) == "[]"
    assert _numbers.stats(np.array([True, False, True])) == "2/3 true"
    assert (
        "1 NaN" in _numbers.stats(np.array([1.0, np.nan])) or "nan" in _numbers.stats(np.array([1.0, np.nan])).lower()
    )


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB"),
                                             (5 << 30, "5.0 GiB")])  # fmt: skip
def test_sizes_as_text(count, text):
    assert _numbers.size_text(count) == text


def test_a_summary_takes_shapes_tensors_or_names(capsys):
    model = nn.Bilinear(2, 3, 4)
    by_shapes = viz.summary(model, input_size=[(5, 2), (5, 3)])
    by_tensors = viz.summary(model, input_data=(autograd.ones(5, 2), autograd.ones(5, 3)))
    by_names = viz.summary(model, input_data={"input1": autograd.ones(5, 2), "input2": autograd.ones(5, 3)})
    assert str(by_shapes) == str(by_tensors) == str(by_names)
    assert by_shapes.total_params == 4 * 2 * 3 + 4
    line = nn.Linear(2, 3)
    one = viz.summary(line, input_data=autograd.ones(1, 2), verbose=1)
    assert capsys.readouterr().out == f"{one}\n"
    assert str(viz.summary(line, input_size=(2,), batch_dim=0)) == str(one)


def test_a_summary_leaves_the_mode_alone_or_asks_for_one():
    seen = []

    class Looks(nn.Module):
        def forward(self, x):
            seen.append(self.training)
            return {"y": x * 2, "z": x}

    model = Looks()
    for mode in ("eval", "train", "same"):
        viz.summary(model, input_size=(1, 2), mode=mode)
    assert seen == [False, True, True]
    assert model.training


@pytest.mark.parametrize("layout", ["dot", "wasi"])
def test_an_engine_asked_for_may_not_fail_in_silence(monkeypatch, layout):
    def fails(source):
        raise OSError("the engine broke")

    monkeypatch.setattr(_engines, f"run_{layout}", fails)
    with pytest.raises(OSError, match="the engine broke"):
        viz.draw(walk()[0], layout=layout).svg()


def test_of_the_engines_the_first_that_manages_is_taken(monkeypatch):
    asked = []

    def fails(source):
        asked.append(source)
        raise OSError("the engine broke")

    monkeypatch.setattr(_engines, "BUILTIN_LIMIT", 0)
    monkeypatch.setattr(_engines, "_candidates", lambda layout, count: [("wasi", fails), ("dot", fails)])
    placed = []
    place = _layered.place
    monkeypatch.setattr(_layered, "place", lambda *a: placed.append(a) or place(*a))
    assert "exp" in texts(viz.draw(walk()[0]).svg())
    assert len(asked) >= 2
    assert len(placed) >= 1


def test_dot_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match=r"Graphviz's `dot` is not on the PATH; install it, or use layout='builtin'"):
        viz.draw(walk()[0], layout="dot").svg()


def test_dot_is_given_the_source_and_a_limit_of_time(monkeypatch):
    given = {}

    def run(command, **options):
        given.update(command=command, **options)
        return subprocess.CompletedProcess(command, 0, stdout=b"{}")

    monkeypatch.setattr(_engines.shutil, "which", lambda name: "/some/dot")
    monkeypatch.setattr(_engines.subprocess, "run", run)
    assert _engines.run_dot("digraph {}") == b"{}"
    assert (given["command"], given["input"], given["timeout"]) == (["/some/dot", "-Tjson"], b"digraph {}", 20.0)


def test_a_recorded_block_that_raises_shows_how_far_it_came():
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    block, kept = viz.record(keep="small"), []

    def compute():
        with block:
            kept.append(x.exp())
            kept[0] @ autograd.ones(3)

    with pytest.raises(RuntimeError):
        compute()
    assert isinstance(block.error, RuntimeError)
    assert "exp" in " ".join(texts(block.draw().svg()))


def test_a_recorded_block_remembers_lines_when_asked_and_no_longer_than_that():
    layer, x = nn.Linear(2, 1), autograd.ones(3, 2)
    with viz.record(stack=True) as block:
        assert autograd.is_anomaly_enabled()
        y = layer(x).exp()
    assert not autograd.is_anomaly_enabled()
    z = y.sin()
    here, asked = test_a_recorded_block_remembers_lines_when_asked_and_no_longer_than_that, viz.draw(z).graph
    line = here.__code__.co_firstlineno + 4
    found = {v.op: v.line for v in asked.operations}
    assert found == dict.fromkeys(("linear", "exp"), f'File "{__file__}", line {line}, in {here.__name__}') | {
        "sin": ""
    }
    assert block.draw().svg().count(f"line {line}, in") == 2  # in the tooltips of both


def test_what_is_recorded_is_one_of_two_amounts():
    with pytest.raises(ValueError, match="keep must be 'all' or 'small', got 'some'"):
        viz.record(keep="some")


def test_a_block_that_did_not_raise_says_nothing_of_errors():
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    with viz.record() as block:
        y = x.exp()
    assert block.error is None
    assert (block.draw(names={"y": y}).graph.notes, y.requires_grad) == ([], True)


def test_an_input_may_be_one_tensor_or_named():
    x = autograd.tensor([1.0, 2.0])
    w = autograd.tensor([1.0, 3.0], requires_grad=True)
    y = (x * w).sum()
    named = viz.draw(y, inputs={"data": x}, names=None)
    assert "data" in texts(named.svg())
    alone = [v.kind for v in viz.draw(y, inputs=x).graph.vertices]
    assert "input" in alone


def test_operations_without_numbers_are_drawn():
    x = autograd.zeros(0, 3, requires_grad=True)
    assert "[]" in viz.draw((x * 2).sum(0)).text()


def test_complex_gradients_of_real_inputs_are_real_in_a_picture():
    x = autograd.tensor([1.0, -2.0], requires_grad=True)
    y = (x * 1j).abs().sum()
    graph = viz.draw(y).graph
    (leaf,) = [v for v in graph.vertices if v.kind in ("input", "param") and v.shape == (2,)]
    np.testing.assert_allclose(leaf.grad, [1.0, -1.0])


def test_numbers_of_the_code_are_written_as_short_as_there():
    x = autograd.tensor([0.5, 2.0], requires_grad=True)
    for n in (2, 2.0, np.float64(2), np.array(2), autograd.tensor(2.0)):
        y = (x**n).sum()
        assert "x²" in [v.label for v in viz.draw(y).graph.operations]
        assert viz.explain(y).splitlines()[-1] == "  ∂y/∂x = g × 2u = [1.00, 4.00]"


def test_the_explanation_is_a_style_of_text_and_of_a_leaf_its_value():
    y, names = walk()
    assert viz.text(y, style="explain", names=names) == viz.explain(y, names=names)
    x = autograd.tensor(0.5, requires_grad=True)
    assert viz.explain(x) == "forward\n  x = 0.50"


def test_values_too_costly_to_compute_again_are_said_to_be_gone(monkeypatch):
    x = autograd.full((30,), 0.5, requires_grad=True)
    make = lambda: ((x + 1) * 2).sin().sum()  # noqa: E731
    assert "freed" not in viz.text(make())
    monkeypatch.setattr(_values, "REPLAY_LIMIT", 40)
    y = make()
    assert viz.text(y).count("(freed)") == 2
    assert "some numbers were freed" in viz.draw(y).graph.notes[0]


class Double(autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_a_custom_functions_large_result_is_not_computed_again():
    x = autograd.full((30,), 0.5, requires_grad=True)
    y = (Double.apply(x) + 1).sum()
    rows = viz.text(y).splitlines()
    assert ["(freed)" in row for row in rows] == [False, True, True, False]
    assert "∂ 2.00 ± 0" in rows[-1]


def test_gradients_a_pass_has_left_are_borrowed_where_a_rule_cannot_run_again():
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    h = x.exp()
    y = (Double.apply(h) * 3).sum()
    y.backward()
    expected = 6 * np.exp([1.0, 2.0])
    found = {v.name: v for v in viz.draw(y).graph.vertices}
    np.testing.assert_allclose(found["h"].grad, [6.0, 6.0])
    np.testing.assert_allclose(found["x"].grad, expected, rtol=1e-6)


def test_a_difference_with_a_number_that_is_gone_is_not_told(monkeypatch):
    monkeypatch.setattr(_values, "REPLAY_LIMIT", 40)
    a, b = (autograd.full((30,), v, requires_grad=True) for v in (0.5, 0.6))
    (note,) = [t for t in viz.diff(((a + 1) * 2).sum(), ((b + 1) * 2).sum(), names={}).graph.notes if "other" in t]
    assert note.startswith("other values: input0, ")
    assert "u₂" not in note


def test_steps_of_a_folded_model_show_what_each_part_gives():
    model = nn.Sequential(nn.Linear(1, 1), nn.Tanh())
    with autograd.no_grad():
        model[0].weight.fill_(2.0)
        model[0].bias.fill_(0.0)
    y = model(autograd.tensor([[0.5]]))
    frames = viz.steps(y, model=model, depth=0)
    assert frames.captions[0] == "y = [[0.76]]"


def test_an_animation_and_its_player_are_given_and_written(monkeypatch, tmp_path):
    monkeypatch.setattr(_export, "to_gif", lambda frames, seconds, scale: b"GIF89a")
    frames = viz.steps(walk()[0])
    assert frames.gif() == frames.gif(tmp_path / "a.gif") == (tmp_path / "a.gif").read_bytes()
    assert frames.html() == frames.html(tmp_path / "a.html") == (tmp_path / "a.html").read_text(encoding="utf-8")
