"""What is wrong is marked, and nothing else is."""

import pytest

import autograd
import nn
from autograd import viz

from .walk import texts, wires


def flags(graph):
    return {f for v in graph.vertices for f in v.flags} | {f for e in graph.edges for f in e.flags}


def test_the_first_operation_that_made_a_nan_is_ringed():
    x = autograd.tensor([-2.0, 0.5, 3.0], requires_grad=True)
    d = viz.draw(((x * x - 1).sqrt().log() * 2).sum())
    assert [v.op for v in d.graph.operations if "origin" in v.flags] == ["sqrt"]
    assert "⚠ 1/3 NaN" in texts(d.svg())
    assert "stroke-dasharray" in d.svg()


def test_a_nan_in_the_data_has_no_guilty_operation():
    x = autograd.tensor([float("nan"), 1.0], requires_grad=True)
    graph = viz.draw((x * 2).sum()).graph
    assert not [v for v in graph.vertices if "origin" in v.flags]
    assert "nan" in flags(graph)


def test_infinity_is_counted_as_such():
    x = autograd.tensor([0.0, 1.0], requires_grad=True)
    assert "1/2 Inf" in viz.draw(x.log().sum()).svg()


def test_dead_relu_and_zero_gradient():
    x = autograd.tensor([[-1.0, -2.0, -3.0, -4.0]], requires_grad=True)
    graph = viz.draw(autograd.relu(x).sum()).graph
    assert {"dead", "zero"} <= flags(graph)


def test_vanishing_chain():
    x = autograd.randn(16, requires_grad=True)
    h = x
    for _ in range(14):
        h = autograd.sigmoid(h)
    assert "vanishing" in flags(viz.draw(h.sum()).graph)


def test_exploding_chain():
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    h = x
    for _ in range(6):
        h = h * 30
    assert "exploding" in flags(viz.draw(h.sum()).graph)


def test_a_healthy_graph_has_no_flags():
    x = autograd.tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert flags(viz.draw((x * x).sum().sqrt()).graph) == set()
    assert flags(viz.draw((x.sqrt() - x).sqrt().sum(), health=False).graph) == set()


def test_a_folded_module_shows_the_worst_of_its_content():
    class Bad(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(autograd.ones(3))

        def forward(self, x):
            return ((x * self.w) - 5).sqrt()

    graph = viz.draw(Bad()(autograd.ones(3)).sum(), collapse="Bad").graph
    (box,) = [v for v in graph.vertices if v.kind == "module"]
    assert box.flags[0] == "origin"


@pytest.mark.parametrize("flow", [True, False])
def test_wires_are_as_wide_as_their_gradient(flow):
    x = autograd.randn(30, requires_grad=True)
    svg = viz.draw(((x * 1e-3).exp() * 1e3).sum(), style="cards", flow=flow).svg()
    widths = {float(p.get("stroke-width")) for w in wires(svg) for p in w if p.tag.endswith("path")}
    assert (len(widths) > 1) == flow
    assert all(0.8 <= w <= 6 for w in widths)
