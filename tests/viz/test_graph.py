"""The model: one edge per use, totals, long chains, names, scopes, what draws on the numbers."""

import contextvars
import gc
import json
import sys
import types

import numpy as np
import pytest

import autograd
import nn
from autograd import viz

from .walk import tensors


def scalar(v=3.0):
    return autograd.tensor(v, requires_grad=True)


def times(a, n):
    total = a * 1.5
    for _ in range(n - 1):
        total = total + a * 1.5
    return total


@pytest.mark.parametrize(
    ("make", "uses"),
    [
        (lambda a: a + a, 2),
        (lambda a: a * a, 2),
        (lambda a: autograd.sin(a) * autograd.cos(a), 2),
        (lambda a: times(a, 7), 7),
    ],
)
def test_every_use_is_an_edge_and_the_contributions_sum_to_the_total(make, uses):
    a = scalar()
    graph = viz.draw(make(a)).graph
    (leaf,) = graph.leaves
    assert len(graph.uses(leaf)) == uses
    np.testing.assert_allclose(sum(e.grad for e in graph.uses(leaf)), leaf.grad, rtol=1e-6)
    make(a).backward()
    np.testing.assert_allclose(leaf.grad, a.grad.item(), rtol=1e-6)


def test_diamond_has_four_edges():
    a = scalar()
    b = a * 2
    c = autograd.sin(b) + autograd.cos(b)
    graph = viz.draw(c).graph
    assert len([e for e in graph.edges if not e.source.is_leaf and e.target.kind == "op"]) == 4
    assert "Σ" in " ".join(s.total for s in viz.draw(c)._scene.shapes.values())


def test_chain_of_100_000_operations_prints_a_line_for_each():
    x = scalar(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.000001
    assert viz.text(y).count("\n") == 100_000


def test_large_graph_is_folded_and_says_what_is_hidden():
    y = scalar(1.0)
    for _ in range(5000):
        y = y * 1.000001
    d = viz.draw(y)
    assert d.stats["hidden"] > 4900
    assert any("collapsed 5000 →" in note for note in d.graph.notes)
    assert len(json.loads(d.json())["nodes"]) < 50


def test_a_graph_nothing_can_fold_gets_a_message_with_ways_out():
    parts = [scalar(float(i)) * scalar(2.0) for i in range(700)]
    with pytest.raises(ValueError, match="too many for one picture"):
        viz.draw(autograd.stack(parts).sum(), max_nodes=100)


# ---------------------------------------------------------------------------------------------- names

GLOBAL = autograd.tensor(2.0, requires_grad=True)


def labels(drawing):
    return {v.name for v in drawing.graph.leaves}


def test_names_of_globals_lists_dicts_and_given_ones():
    xs = [scalar(1.0), scalar(2.0)]
    table = {"key": scalar(3.0)}
    y = GLOBAL * xs[1] + table["key"]
    assert labels(viz.draw(y)) == {"GLOBAL", "xs[1]", "table['key']"}
    assert labels(viz.draw(y, names={"p": xs[1]})) == {"p", "input0", "input1"}
    assert labels(viz.draw(y, names=None)) == {"input0", "input1", "input2"}


def test_a_local_shadows_a_global():
    GLOBAL = scalar(5.0)
    assert labels(viz.draw(GLOBAL * 2)) == {"GLOBAL"}
    assert viz.draw(GLOBAL * 2).graph.leaves[0].value == 5.0


def test_names_seen_from_a_lambda_and_a_comprehension():
    weight = scalar()
    assert (lambda: labels(viz.draw(weight * 2)))() == {"weight"}
    assert [labels(viz.draw(weight * k)) for k in (1, 2)] == [{"weight"}, {"weight"}]


def test_parameter_paths_of_a_model():
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    x = autograd.ones(4, 3)
    y = model(x).sum()
    assert {v.name for v in viz.draw(y).graph.leaves} == {"x", "0.weight", "0.bias"}


def test_no_frame_or_tensor_is_kept_alive():
    def inside():
        w, x, _ = tensors()
        return viz.draw((w * x).sum())

    before = {id(o) for o in gc.get_objects() if isinstance(o, autograd.Tensor)}
    drawing = inside()
    gc.collect()
    held = [o for o in gc.get_objects() if isinstance(o, autograd.Tensor) and id(o) not in before]
    assert not [t for t in held if t.shape == (2,) and t.requires_grad]
    assert sys.getrefcount(drawing) < 5


def test_two_names_are_both_told():
    weight = scalar()
    same = weight
    (leaf,) = viz.draw(same * 2).graph.leaves
    assert {leaf.name, *leaf.others} >= {"weight", "same"}


# ---------------------------------------------------------------------------------------------- modules


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


def mlp_loss():
    model, x, target = MLP(), autograd.randn(16, 4), autograd.randn(16, 2)
    return ((model(x) - target) ** 2).mean(), model


def test_modules_become_boxes_with_their_parameters_inside():
    loss, model = mlp_loss()
    graph = viz.draw(loss, model=model).graph
    assert [(b.name, b.class_name, b.params) for b in graph.boxes] == [
        ("model", "MLP", 58), ("fc1", "Linear", 40), ("act", "ReLU", 0), ("fc2", "Linear", 18),
    ]  # fmt: skip
    assert {(v.box.name, v.label) for v in graph.leaves if v.kind == "param"} == {
        ("fc1", "weight"), ("fc1", "bias"), ("fc2", "weight"), ("fc2", "bias"),
    }  # fmt: skip
    assert "act · relu" in [v.label for v in graph.operations]


@pytest.mark.parametrize(
    "how", [{"depth": 1}, {"collapse": nn.Linear}, {"collapse": ["fc1", "fc2"]}, {"collapse": "Linear"}]
)
def test_collapsed_modules_hide_what_is_inside(how):
    loss, model = mlp_loss()
    graph = viz.draw(loss, model=model, **how).graph
    assert [v.label for v in graph.operations if v.kind == "module"] == ["fc1", "fc2"]
    assert not [v for v in graph.leaves if v.kind == "param"]


def test_recurrent_layer_fits_one_screen_and_opens_on_request():
    lstm = nn.LSTM(4, 8)
    out, _ = lstm(autograd.randn(8, 2, 4))
    loss = (out * out).mean()
    folded, whole = viz.draw(loss).graph, viz.draw(loss, expand=True).graph
    assert len(folded.operations) <= 40 < len(whole.operations)
    assert any(v.kind == "more" for v in folded.vertices)


def test_highlight_fades_the_rest():
    a, b = scalar(1.0), scalar(2.0)
    u = a * 2
    y = u + b.sin()
    graph = viz.draw(y, highlight=viz.path(a, y)).graph
    assert {v.name for v in graph.vertices if v.dim} >= {"b"}
    assert not {v.name for v in graph.vertices if v.dim} & {"a", "u", "y"}
    assert not [v for v in viz.draw(y, highlight=viz.cone(y)).graph.vertices if v.dim]
    with pytest.raises(ValueError, match="not part of this picture"):
        viz.draw(y, highlight=scalar())


def test_record_keeps_large_numbers_and_what_came_before_an_error():
    x = autograd.randn(10, 10, requires_grad=True)
    kept = []

    def failing():
        kept.append(x.exp())
        return kept[0] @ autograd.ones(3, 3)

    tape = viz.record()
    with pytest.raises(RuntimeError), tape:
        failing()
    d = tape.draw(names={"h": kept[0]})
    assert any("stopped by RuntimeError" in note for note in d.graph.notes)
    assert [v.label for v in d.graph.operations] == ["exp"]


def test_record_without_a_graph_says_so():
    with viz.record() as tape:
        pass
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        tape.draw()


def test_freed_numbers_are_said_to_be_freed():
    x = autograd.randn(40, requires_grad=True)
    y = (x.exp() * autograd.randn(40)).sum()
    y.backward()
    with autograd.no_grad():
        x.mul_(2.0)
    d = viz.draw(y)
    assert "freed" in d.svg()
    assert any("viz.record()" in note for note in d.graph.notes)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: viz.draw(), TypeError, "at least one tensor"),
        (lambda: viz.draw(3), TypeError, "expected Tensors, got int"),
        (lambda: viz.draw(autograd.ones(2)), ValueError, "has no graph"),
        (lambda: viz.draw(scalar() * 2, view="side"), ValueError, "view must be one of"),
        (lambda: viz.draw(scalar() * 2, theme="pink"), ValueError, "theme must be one of"),
        (lambda: viz.draw(scalar() * 2, layout="neato"), ValueError, "layout must be one of"),
        (lambda: viz.draw(scalar() * 2).to("x.bmp"), ValueError, "suffix says what to write"),
        (lambda: viz.text(scalar() * 2, style="prose"), ValueError, "style must be"),
        (lambda: viz.steps(scalar() * 2, view="up"), ValueError, "view must be"),
        (lambda: viz.record(keep="some"), ValueError, "keep must be"),
    ],
)
def test_bad_input_is_told(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------------------------------------- unusual roots


def test_one_result_given_twice_is_drawn_once():
    y = scalar() * 2
    assert len(viz.draw(y, y).graph.outputs) == 1


def test_a_leaf_alone_is_a_picture_and_a_frame():
    frames = viz.steps(scalar())
    assert len(frames) == 1
    assert frames.html().count("<svg") > 1
    assert frames.sheet().svg().startswith("<svg")


def test_complex_numbers_in_every_view():
    z = autograd.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    y = (z * z.conj()).real.sum()
    for view in ("forward", "backward", "derivative"):
        assert "1.00+2.00i" in viz.draw(y, view=view).svg()


def test_a_loop_shows_its_first_pass():
    w, h = scalar(0.5), scalar(0.1)
    for _ in range(300):
        h = autograd.tanh(w * h + 1)
    assert [v.label for v in viz.draw(h).graph.operations] == ["×", "+1", "tanh", "↻ 299 more passes"]


def test_a_hundred_thousand_operations_are_drawn_folded():
    y = scalar(1.0)
    for _ in range(100_000):
        y = y * 1.000001
    assert viz.draw(y).stats["hidden"] > 99_000


def test_a_whole_graph_that_is_too_large_is_refused_though_asked_for():
    h = scalar()
    for _ in range(12):
        h = (h * 1.1).sin()
    with pytest.raises(ValueError, match=r"24 operations are too many .*max_nodes=10.*12 mul, 12 sin"):
        viz.draw(h, expand=True, max_nodes=10)


def chain(n):
    h = scalar()
    for i in range(n):
        h = h.exp() if i % 3 == 0 else (h * 0.1).sin()
    return h


@pytest.mark.parametrize("options", [{"depth": 1}, {"fold_repeats": False}, {}])
def test_any_graph_is_made_as_small_as_asked(options):
    y = chain(60)
    graph = viz.draw(y, max_nodes=20, **options).graph
    assert len(graph.operations) <= 20
    assert sum(max(v.hidden, 1) for v in graph.operations) == 100
    assert graph.notes[0].startswith(f"collapsed 100 → {len(graph.operations)} operations")
    assert ("repeats folded" in graph.notes[0]) == (options.get("fold_repeats") is not False)


def test_a_chain_is_folded_with_the_weights_that_only_it_uses():
    ws = [scalar(1 + i / 100) for i in range(60)]
    shared, h = ws[20], scalar()
    for w in ws[:30]:
        h = h * w
    graph = viz.draw(h * shared, max_nodes=20, names={"shared": shared}).graph
    (more,) = [v for v in graph.vertices if v.kind == "more"]
    assert more.hidden == 25
    assert {e.source.name for e in graph.inputs(more) if e.source.is_leaf} == {"shared"}
    assert len(graph.leaves) == 1 + 1 + 5  # the start, the shared one, and those of the operations in full


def test_a_tensor_with_two_users_stays_outside_of_folded_chains():
    h = scalar()
    for _ in range(25):
        h = h.sin()
    fork = h
    h = h + h.exp()
    for _ in range(25):
        h = h.sin()
    graph = viz.draw(h, max_nodes=20, names={"fork": fork}).graph
    assert [v.hidden for v in graph.vertices if v.kind == "more"] == [19, 20]
    (v,) = [v for v in graph.vertices if v.name == "fork"]
    assert sorted(e.target.op for e in graph.uses(v)) == ["add", "exp"]


def test_a_wide_graph_nothing_makes_smaller_is_drawn_as_it_is():
    d = viz.draw(autograd.stack([scalar(i / 10).exp().sin() for i in range(40)]).sum(), fold_repeats=False)
    assert len(d.graph.operations) == 82
    assert d.stats["hidden"] == 0
    assert d.svg().startswith("<svg")


def test_highlighting_reaches_around_a_diamond():
    a = scalar()
    h = a.exp()
    top, other = h.sin() + h.cos(), scalar()
    graph = viz.draw(top * other, highlight=viz.cone(top, down=False)).graph
    bright = {v.op or v.name for v in graph.vertices if not v.dim}
    assert bright == {"a", "exp", "sin", "cos", "add"}


def test_boxes_may_be_chosen_by_a_predicate():
    y, _ = mlp_loss()
    graph = viz.draw(y, collapse=lambda box: box.class_name == "Linear").graph
    assert [v.op for v in graph.vertices if v.kind == "module"] == ["Linear", "Linear"]


def test_scopes_within_scopes_are_one_node():
    x = scalar()
    with viz.scope("outer"):
        p = x.exp()
        with viz.scope("inner"):
            q = p.sin() * p
        y = q + p
    graph = viz.draw(y).graph
    assert [(v.label, v.hidden) for v in graph.operations] == [("outer", 4)]
    opened = viz.draw(y, expand="outer").graph
    assert [(v.label, v.hidden) for v in opened.operations] == [("exp", 0), ("inner", 2), ("+", 0)]


def interleaved():
    """A scope that is left and entered again, as tasks that take turns do."""
    x, inside, scope = scalar(), contextvars.copy_context(), viz.scope("a")
    inside.run(scope.__enter__)
    h = inside.run(x.exp)
    k = h.sin()
    return inside.run(lambda: h * k)


@pytest.mark.parametrize("expand", [None, "a", True])
def test_a_part_that_others_lie_amidst_is_drawn_open(expand):
    d = viz.draw(interleaved(), expand=expand)
    assert [v.op for v in d.graph.operations] == ["exp", "sin", "mul"]
    assert d.svg().startswith("<svg")


def test_parts_that_can_be_folded_are_although_one_cannot():
    y = interleaved()
    with viz.scope("b"):
        z = (y + 1).exp()
    assert [v.label for v in viz.draw(z).graph.operations] == ["exp", "sin", "×", "b"]


def test_a_folded_part_with_several_results_shows_each_with_its_shape():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(autograd.ones(4))

        def forward(self, x):
            h = x * self.w
            return h.sum(1), h.exp()

    model = Two()
    a, b = model(autograd.ones(3, 4))
    graph = viz.draw(a.sum() + b.sum(), model=model, collapse="model").graph
    (folded,) = [v for v in graph.vertices if v.kind == "module"]
    assert [(e.shape, e.value.shape) for e in graph.uses(folded)] == [((3,), (3,)), ((3, 4), (3, 4))]


def test_an_input_that_is_differentiated_is_still_an_input():
    a, b = scalar(), scalar()
    kinds = {v.name: v.kind for v in viz.draw(a * b, inputs={"a": a}).graph.leaves}
    assert kinds == {"a": "input", "b": "param"}


def test_a_model_without_a_variable_of_its_own_is_called_model():
    holder = types.SimpleNamespace(net=MLP())
    y = holder.net(autograd.randn(2, 4)).sum()
    assert [b.name for b in viz.draw(y, model=holder.net).graph.boxes] == ["model", "fc1", "act", "fc2"]


def test_constants_may_have_nodes_of_their_own():
    d = viz.draw(scalar() ** 3, fold_constants=False)
    assert [v.label for v in d.graph.operations] == ["xⁿ"]
    assert [str(v.value) for v in d.graph.leaves if v.kind == "const"] == ["3"]
