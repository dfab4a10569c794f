"""What pictures say about memory: written in place, shared by a view, kept for the backward pass; and about orders."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autograd
from autograd import viz
from autograd.viz import _numbers
from autograd.viz._scene import rectangles, route

from .walk import SVG, texts, walk, wires


def written():
    a = autograd.tensor([1.0, 2.0], requires_grad=True)
    h = a * 2
    h.add_(1)
    v = h.view(2, 1)
    v.mul_(3)
    return a, (h.exp() * 1e-3).sum()


def test_operations_in_place_wear_the_version_of_their_memory():
    _, y = written()
    graph = viz.draw(y).graph
    assert [v.version for v in graph.operations if v.version] == [1, 2]
    assert "+1 ⟨v1⟩" in texts(viz.draw(y).svg())
    assert "⟨v1⟩" in viz.draw(y).source


def test_wires_between_tensors_of_one_memory_are_dotted():
    x = autograd.randn(4, 3, requires_grad=True)
    graph = viz.draw((x.T.reshape(12) * 2).sum()).graph
    assert [(e.target.op, e.alias) for e in graph.edges if e.source.kind != "output"][:2] == [
        ("permute", True), ("reshape", False),
    ]  # fmt: skip
    (e,) = [e for e in viz.draw(x.view(12).sum()).graph.edges if e.alias]
    assert e.target.op == "view"
    assert 'stroke-linecap="round"' in viz.draw(x.view(12).sum()).svg()


def test_values_are_those_before_the_memory_was_written_again():
    a, y = written()
    shown = {v.label: v.value for v in viz.draw(y).graph.operations}
    np.testing.assert_array_equal(shown["×2"], [2.0, 4.0])
    np.testing.assert_array_equal(shown["+1"], [3.0, 5.0])
    np.testing.assert_array_equal(shown["exp"], np.exp(np.float32([9.0, 15.0])))
    y.backward()
    np.testing.assert_allclose(viz.draw(y).graph.leaves[0].grad, a.grad.numpy(), rtol=1e-6)


def test_what_is_kept_is_drawn_once_and_linked_to_all_that_keep_it():
    y, names = walk()
    graph = viz.draw(y, saved=True, names=names).graph
    links = {(e.source.name, e.target.label) for e in graph.edges if e.kind == "kept"}
    assert links == {("w", "z"), ("x", "z"), ("u₂", "u₂"), ("u₃", "u₃"), ("u₃", "1/u")}
    assert [v.name for v in graph.vertices if v.kind == "saved"] == ["u₂", "u₃"]
    x = autograd.tensor([0.5, 1.0], requires_grad=True)
    h = x.exp()
    graph = viz.draw((h * h.sin()).sum(), saved=True).graph
    (held,) = [v for v in graph.vertices if v.kind == "saved" and v.name == "h"]
    assert len([e for e in graph.edges if e.source is held]) == 2  # sin keeps it, and ×


@pytest.mark.parametrize("style", ["wires", "cards"])
def test_kept_tensors_have_their_own_room(style):
    scene = viz.draw(walk()[0], saved=True, style=style)._scene
    found = list(rectangles(scene).values())
    for i, a in enumerate(found):
        for b in found[i + 1 :]:
            assert a[2] <= b[0] + 0.6 or b[2] <= a[0] + 0.6 or a[3] <= b[1] + 0.6 or b[3] <= a[1] + 0.6
    assert "-.->" in viz.draw(walk()[0], saved=True).mermaid()
    assert "style=dashed" in viz.draw(walk()[0], saved=True).source


def test_memory_tells_bytes():
    d = viz.draw(walk()[0], memory=True)
    assert "keeps 16 B" in texts(d.svg())
    assert "kept for backward: 24 B" in d.graph.notes


def test_operations_of_derivatives_are_told_by_their_order():
    x = autograd.tensor(0.5, requires_grad=True)
    y = autograd.sin(x) * x
    (g,) = autograd.grad(y, x, create_graph=True)
    (g2,) = autograd.grad(g, x, create_graph=True)
    assert {v.order for v in viz.draw(y).graph.operations} == {0}
    assert {v.order for v in viz.draw(g).graph.operations} == {0, 1}
    assert {v.order for v in viz.draw(g2).graph.operations} == {1, 2}
    assert "∂²" in texts(viz.draw(g2).svg())
    assert "∂²" not in texts(viz.draw(g).svg())


def test_the_backward_view_joins_its_nodes():
    scene = viz.draw(walk()[0], view="backward")._scene
    found = rectangles(scene)
    for e in scene.graph.edges:
        path, arrow = route(scene, e)
        (x, y), (a, b, c, d) = arrow[0], found[e.source.id]
        assert max(a - x, x - c, b - y, y - d) <= 2.5, e.id  # the head touches what the gradient goes to
        assert path.startswith("M")


def test_tooltips_tell_bytes_and_kind():
    y, names = walk()
    titles = [t.text for t in ET.fromstring(viz.draw(y, names=names).svg()).iter(f"{SVG}title")]
    assert any("8 B, requires_grad=True, is_leaf=True" in t for t in titles)
    assert len(wires(viz.draw(y).svg())) == 8


def second_derivative():
    x = autograd.tensor(0.5, requires_grad=True)
    y = 1 / (1 + autograd.exp(-x))
    (g,) = autograd.grad(y, x, create_graph=True)
    return x, g


def test_a_second_derivative_has_registers_of_its_own():
    x, g = second_derivative()
    d = viz.draw(g, view="derivative")
    place, graph = d._scene.place, d.graph
    rows = {order: {round(place.nodes[v.id][1]) for v in graph.operations if v.order == order} for order in (0, 1)}
    below = {round(place.nodes[v.id][1]) for v in graph.vertices if v.kind == "back" and v.order == 2}
    assert max(rows[0]) < min(rows[1]) < min(below)
    assert {v.order for v in graph.vertices if v.kind == "back"} == {1, 2}
    handed = sorted(e.text for e in graph.edges if e.kind == "saved" and " " not in e.text)
    assert handed == ["u₂", "u₃", "u₃"]
    (slope,) = [v for v in graph.vertices if v.label == "∂g/∂x"]
    (bend,) = autograd.grad(g, x)
    np.testing.assert_allclose(slope.value, bend.item(), rtol=1e-5)


def test_registers_keep_their_nodes_and_texts_apart():
    _, g = second_derivative()
    scene = viz.draw(g, view="derivative")._scene
    found = {k: r for k, r in rectangles(scene).items() if r[2] - r[0] > 1}
    names = list(found)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            p, q = found[a], found[b]
            assert p[2] <= q[0] + 0.6 or q[2] <= p[0] + 0.6 or p[3] <= q[1] + 0.6 or q[3] <= p[1] + 0.6, (a, b)
    assert all(r[0] >= -0.6 and r[2] <= scene.place.size[0] + 0.6 for r in found.values())


def test_many_links_between_registers_fall_back_to_two():
    x = autograd.tensor(0.5, requires_grad=True)
    (g,) = autograd.grad(autograd.sin(x) * x, x, create_graph=True)
    d = viz.draw(g, view="derivative")
    assert not [e for e in d.graph.edges if e.kind == "across"]
    assert viz.steps(g, view="derivative").html().count("<svg") > 1


def test_the_links_between_registers_are_drawn_with_their_numbers():
    _, g = second_derivative()
    d = viz.draw(g, view="derivative")
    tags = {t.get("data-wire"): t for t in ET.fromstring(d.svg()).iter(f"{SVG}g") if t.get("class") == "tag"}
    across = [e for e in d.graph.edges if e.kind == "across"]
    assert len(across) == 3
    for e in across:
        (text,) = ["".join(t.itertext()) for t in tags[e.id].iter(f"{SVG}text")]
        assert text == _numbers.number(e.grad[()], 2)
    (kept,) = [e for e in d.graph.edges if e.kind == "saved" and e.text.startswith("with ")]
    (wire,) = [w for w in wires(d.svg()) if w.get("id") == kept.id]
    assert not list(wire.iter(f"{SVG}polygon"))  # said beside the node, not handed down


@pytest.mark.parametrize("make", [lambda: walk()[0], lambda: second_derivative()[1]])
def test_a_derivative_view_without_gradients_is_the_computation_alone(make):
    y = make()
    d, plain = viz.draw(y, view="derivative", grads="none"), viz.draw(y, direction="LR", grads="none", style="wires")
    assert [v.label for v in d.graph.vertices] == [v.label for v in plain.graph.vertices]
    assert len(d.graph.edges) >= len(plain.graph.edges)
    assert not any(e.grad is not None for e in d.graph.edges)


def test_a_derivative_view_without_derivatives_is_no_taller_than_its_computation():
    tall = lambda **options: viz.draw(walk()[0], view="derivative", **options)._scene.place.size[1]  # noqa: E731
    assert tall(grads="none") < 0.6 * tall()


@pytest.mark.parametrize("make", [lambda: walk()[0], lambda: second_derivative()[1]])
def test_a_derivative_view_without_values_names_what_is_kept(make):
    d = viz.draw(make(), view="derivative", values="none")
    shown = [t for t in texts(d.svg()) if t.startswith(("save ", "with ", "u"))]
    assert shown
    assert not any(" = " in t for t in shown)
    assert [e for e in d.graph.edges if e.kind == "backward"]


def test_what_folded_parts_keep_is_linked_by_the_names_in_the_picture():
    x = autograd.tensor(0.5, requires_grad=True)
    with viz.scope("a"):
        p = x.exp() + 1
    with viz.scope("b"):
        y = p * p
    del p
    graph = viz.draw(y, saved=True).graph
    links = [(e.source.name, e.source.kind, e.target.name, e.target.kind) for e in graph.edges if e.kind == "kept"]
    assert links == [("a", "scope", "a", "saved"), ("a", "saved", "y", "scope")]


def test_a_tensor_kept_twice_by_one_operation_has_one_link():
    x = autograd.tensor(0.5, requires_grad=True)
    graph = viz.draw(x * x, saved=True).graph
    assert len([e for e in graph.edges if e.kind == "kept"]) == 1


def test_two_results_of_folded_passes_kept_by_one_operation_have_one_link():
    a, b = (autograd.tensor(v, requires_grad=True) for v in (0.5, 0.25))
    h, c = a, b
    for _ in range(6):
        h, c = (h + c).sin(), (c * 0.5).exp()
    d = viz.draw(h * c, saved=True, fold_repeats=True)
    graph = d.graph
    (more,) = [v for v in graph.vertices if v.kind == "more"]
    (product,) = [v for v in graph.vertices if v.op == "mul" and v.kind == "op" and not v.constants]
    (bundle,) = graph.inputs(product)
    assert (bundle.source, bundle.text) == (more, "2 tensors ()")
    held = [e.source for e in graph.edges if e.kind == "kept" and e.target is product]
    assert [v.kind for v in held] == ["saved"]
    assert d.svg().startswith("<svg")


def test_a_wire_without_gradient_has_no_text_in_a_derivative_view_without_values():
    x, w = autograd.tensor([3.0, 2.0]), autograd.tensor([1.0, -2.0], requires_grad=True)
    d = viz.draw((w * x).sum(), view="derivative", values="none")
    (data,) = [e for e in d.graph.edges if e.source.name == "x"]
    assert data.id not in d._scene.tags
    assert "[3.00, 2.00]" in texts(d.svg())  # the gradient of w
