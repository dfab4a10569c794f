"""The walk-through's pictures: numbers on the wires, thirteen frames, the derivative beneath."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autograd
from autograd import viz

from .walk import GRADS, SVG, VALUES, neuron, nodes, tensors, texts, walk, wires


def test_wires_carry_the_reference_numbers():
    y, names = walk()
    found = wires(viz.draw(y, names=names | {"y": y}).svg())
    assert len(found) == 8
    for wire, value, grad in zip(found, VALUES, GRADS, strict=True):
        np.testing.assert_allclose(json.loads(wire.get("data-value")), value, atol=1e-6)
        np.testing.assert_allclose(json.loads(wire.get("data-grad")), grad, atol=1e-6)


def test_text_shows_two_decimals_and_rounds_only_for_display():
    y, leaves = walk()
    shown = texts(viz.draw(y, names=leaves).svg())
    for text in ("[1.00, −2.00]", "[0.59, 0.39]", "[0.20, −0.39]", "−0.53", "1.37", "0.73"):
        assert text in shown
    assert not any("0.60" in t for t in shown)


def test_names_and_kinds_come_from_the_callers_variables():
    w, x, b = tensors()
    y = neuron(w, x, b)
    assert {v.name: v.kind for v in viz.draw(y).graph.leaves} == {"w": "param", "x": "input", "b": "param"}
    assert [v.label for v in viz.draw(y).graph.outputs] == ["y"]


def test_thirteen_frames_show_the_first_numbers_at_the_same_places():
    y, _ = walk()
    frames = viz.steps(y)
    assert len(frames) == 13
    places = [{g.get("id"): [(t.get("x"), t.get("y")) for t in g] for g in nodes(f.svg())} for f in frames]
    assert all(p.keys() == places[0].keys() for p in places)
    assert len({json.dumps(f._scene.place.nodes) for f in frames}) == 1
    for k, frame in enumerate(frames, 1):
        found = wires(frame.svg())
        assert sum(w.get("data-value") is not None for w in found) == 3 + min(k, 5)
        assert sum(w.get("data-grad") is not None for w in found) == max(0, k - 5)


def test_frames_without_a_scope_show_the_real_operations():
    w, x, b = tensors()
    y = 1 / (1 + autograd.exp(-(autograd.dot(w, x) + b)))
    assert len(viz.steps(y)) == 15


def test_captions_hold_the_chain_rule_with_numbers():
    frames = viz.steps(walk()[0])
    assert frames.captions[0].startswith("z = ")
    assert frames.captions[0].endswith("= 1.00")
    assert any("−0.53 × eᵘ = −0.53 × 0.37 = −0.20" in c for c in frames.captions)
    assert any("1.00 × (−1/u²)" in c for c in frames.captions)


def test_explain_prints_each_caption():
    y, _ = walk()
    lines = [line.strip() for line in viz.explain(y).splitlines()]
    for caption in viz.steps(y).captions:
        assert caption in lines


def test_drawing_before_and_after_backward_gives_the_same_numbers():
    y, leaves = walk()
    before = [w.get("data-grad") for w in wires(viz.draw(y).svg())]
    assert all(t.grad is None for t in leaves.values())
    y.backward()
    kept = {k: t.grad.clone() for k, t in leaves.items()}
    assert [w.get("data-grad") for w in wires(viz.draw(y).svg())] == before
    for k, t in leaves.items():
        assert (t.grad == kept[k]).all()


def test_drawing_leaves_the_graph_usable():
    y, leaves = walk()
    viz.draw(y).svg()
    viz.steps(y).html()
    y.backward()
    np.testing.assert_allclose(leaves["b"].grad.item(), 0.19661193, atol=1e-7)


def test_missing_gradients_are_not_zero():
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    (_, *_, last) = wires(viz.draw((x * 2).sum(), grads="none").svg())
    assert last.get("data-grad") is None
    frozen = autograd.tensor([3.0, 4.0])
    found = wires(viz.draw((x * frozen).sum()).svg())
    assert [w.get("data-grad") is None for w in found].count(True) == 1


def test_larger_tensors_have_numbers_after_backward_without_preparation():
    x = autograd.randn(6, 8, requires_grad=True)
    loss = (autograd.tanh(x) * 3).exp().mean()
    loss.backward()
    graph = viz.draw(loss).graph
    assert all(v.value is not None and v.grad is not None for v in graph.operations)
    np.testing.assert_allclose(graph.leaves[0].grad, x.grad.numpy(), rtol=1e-5)


def test_derivative_view_has_two_registers_and_saved_values():
    y, names = walk()
    d = viz.draw(y, view="derivative", names=names)
    kinds = [e.kind for e in d.graph.edges]
    assert kinds.count("forward") == 8
    assert kinds.count("backward") == 8
    assert [e.text for e in d.graph.edges if e.kind == "saved"] == [
        "save x = [3, 2], w = [1, −2]", "save eᵘ = 0.37", "save u₃ = 1.37",
    ]  # fmt: skip
    assert [v.label for v in d.graph.vertices if v.kind == "back"][-1].startswith("∂")
    assert len(viz.steps(walk()[0], view="derivative")) == 11


@pytest.mark.parametrize("view", ["forward+backward", "derivative"])
def test_player_is_one_file_that_fetches_nothing(view):
    page = viz.steps(walk()[0], view=view).html()
    assert "http" not in page
    assert "<script src" not in page
    assert 'aria-live="polite"' in page
    assert len(page) < 60_000


def test_scope_expanded_becomes_a_box():
    graph = viz.draw(walk()[0], expand=True).graph
    assert [b.name for b in graph.boxes] == ["z"]
    assert len(graph.operations) == 6


def test_the_box_of_a_scope_is_titled_by_its_name_alone():
    svg = viz.draw(walk()[0], expand="z").svg()
    assert texts(svg).count("z") == 1
    (box,) = [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("class") == "module"]
    assert box.find(f"{SVG}title").text == "z"


def test_boxes_of_characters():
    y, names = walk()
    lines = viz.text(y, style="boxes", names=names | {"y": y}).splitlines()
    assert len({line.index("z") for line in lines if "│ z │" in line}) == 1
    (row,) = [line for line in lines if "│ z │" in line]
    assert [row.index(t) for t in ("│ x │", "│ z │", "│ ×−1 │", "│ exp │", "│ +1 │", "│ 1/u │", "║ y ║")] == sorted(
        row.index(t) for t in ("│ x │", "│ z │", "│ ×−1 │", "│ exp │", "│ +1 │", "│ 1/u │", "║ y ║")
    )
    above, below = lines[lines.index(row) - 1], lines[lines.index(row) + 1]
    assert ("0.37" in above, "−0.53" in below, "[0.20, −0.39]" in below) == (True, True, True)


def test_boxes_are_for_small_graphs():
    y = autograd.tensor(1.0, requires_grad=True)
    for _ in range(100):
        y = y * 1.5
    with pytest.raises(ValueError, match="at most 60 operations"):
        viz.text(y, style="boxes")
