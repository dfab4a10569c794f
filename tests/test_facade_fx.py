"""torch.fx through the facade: what is recorded, what is refused, and what editing does to the code."""

from __future__ import annotations

import operator

import pytest

import autograd
import nn


@pytest.fixture
def torch():
    from autograd.compat import torch

    torch.install()
    yield torch
    torch.uninstall()


def body(module):
    return [
        line.strip().partition(";")[0] for line in module.code.splitlines() if line.startswith("    ") and line.strip()
    ]


def test_operators_of_both_sides_are_recorded(torch):
    traced = torch.fx.symbolic_trace(lambda x: (1 - x) ** 2 // 3 + (-x) % 2 - (2 / x) * (x @ x))
    x = autograd.tensor([[1.0, 2.0], [3.0, 4.0]])
    expected = (1 - x) ** 2 // 3 + (-x) % 2 - (2 / x) * (x @ x)
    assert torch.equal(traced(x), expected)
    assert body(traced)[:2] == ["sub = 1 - x", "pow_1 = sub ** 2"]


def test_several_results_are_unpacked(torch):
    def both(x):
        a, b = x.split(1)
        return a + b

    traced = torch.fx.symbolic_trace(both)
    assert body(traced)[1:3] == ["getitem = split[0]", "getitem_1 = split[1]"]
    assert traced(autograd.ones(2, 3)).tolist() == [[2.0, 2.0, 2.0]]


def test_what_cannot_be_recorded_is_refused(torch):
    with pytest.raises(ValueError, match="cannot be used as inputs to control flow"):
        torch.fx.symbolic_trace(lambda x: x if x else -x)
    with pytest.raises(ValueError, match="cannot be iterated"):
        torch.fx.symbolic_trace(lambda x: sum(x))
    with pytest.raises(RuntimeError, match="'len' is not supported"):
        torch.fx.symbolic_trace(lambda x: len(x))


def test_a_node_that_is_used_cannot_be_erased(torch):
    traced = torch.fx.symbolic_trace(lambda x: (x + 1) * 2)
    add = next(n for n in traced.graph.nodes if n.name == "add")
    with pytest.raises(RuntimeError, match="still had 1 users"):
        traced.graph.erase_node(add)


def test_order_is_checked(torch):
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    y = graph.call_function(operator.neg, (x,))
    graph.output(y)
    y.append(x)
    with pytest.raises(RuntimeError, match="used before it has been defined"):
        graph.lint()


def test_nodes_may_be_erased_while_they_are_walked(torch):
    traced = torch.fx.symbolic_trace(lambda x: torch.relu(torch.relu(torch.relu(x))) + 1)
    for node in traced.graph.nodes:
        if node.target is torch.relu:
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
    traced.recompile()
    assert body(traced) == ["add = x + 1", "return add"]


def test_parameters_of_a_traced_module_are_its_own(torch):
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Sequential(nn.Linear(2, 1)))
    traced = torch.fx.symbolic_trace(model)
    x = autograd.ones(1, 2)
    assert torch.equal(traced(x), model(x))
    traced(x).sum().backward()
    assert getattr(model, "2")[0].weight.grad is not None
    assert set(traced.state_dict()) == set(model.state_dict())


def test_modules_run_as_ever_after_a_failed_trace(torch):
    call = nn.Module.__call__

    class Refuses(nn.Module):
        def forward(self, x):
            return x if bool(x) else -x

    with pytest.raises(ValueError, match="control flow"):
        torch.fx.symbolic_trace(Refuses())
    assert nn.Module.__call__ is call


def test_shapes_are_noted(torch):
    from torch.fx.passes.shape_prop import ShapeProp

    traced = torch.fx.symbolic_trace(nn.Sequential(nn.Linear(4, 3), nn.Flatten()))
    ShapeProp(traced).propagate(autograd.ones(2, 4))
    assert [tuple(n.meta["tensor_meta"].shape) for n in traced.graph.nodes] == [(2, 4), (2, 3), (2, 3), (2, 3)]


def test_unused_modules_go(torch):
    traced = torch.fx.symbolic_trace(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    node = next(n for n in traced.graph.nodes if n.op == "call_module")
    node.replace_all_uses_with(node.args[0])
    traced.graph.erase_node(node)
    traced.recompile()
    traced.delete_all_unused_submodules()
    assert [name for name, _ in traced.named_modules()] == ["", "1"]


class Nested(nn.Module):
    """A buffer and a layer two levels down."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Module()
        self.inner.scale = nn.Linear(2, 2, bias=False)
        self.inner.register_buffer("shift", autograd.tensor([1.0, 2.0]))
        self.unused = nn.Module()
        self.unused.deep = nn.ReLU()

    def forward(self, x):
        return self.inner.scale(x) + self.inner.shift


def test_what_a_graph_names_is_taken_over_with_what_lies_on_the_way(torch):
    root, x = Nested(), autograd.tensor([[1.0, -1.0]])
    traced = torch.fx.symbolic_trace(root)
    assert torch.equal(traced(x), root(x))
    assert [name for name, _ in traced.named_buffers()] == ["inner.shift"]
    assert [name for name, _ in traced.named_parameters()] == ["inner.scale.weight"]
    assert not hasattr(traced, "unused")


def test_a_module_from_a_table_of_what_its_graph_names(torch):
    root, x = Nested(), autograd.tensor([[1.0, -1.0]])
    graph = torch.fx.Tracer().trace(root)
    table = {"inner.scale": root.inner.scale, "inner.shift": root.inner.shift}
    made = torch.fx.GraphModule(table, graph, "Made")
    assert type(made).__name__ == "Made"
    assert torch.equal(made(x), root(x))
    with pytest.raises(RuntimeError, match=r"target inner\.shift but that target was not provided"):
        torch.fx.GraphModule({"inner.scale": root.inner.scale}, graph)


def test_submodules_are_added_and_taken_out_by_their_dotted_names(torch):
    traced = torch.fx.symbolic_trace(Nested())
    assert traced.add_submodule("more.deep", nn.ReLU())
    assert traced.add_submodule("more.second", nn.Tanh())
    assert type(traced.more.second) is nn.Tanh
    assert traced.delete_submodule("more.deep")
    assert not traced.delete_submodule("more.deep")
    assert not traced.delete_submodule("inner.shift")
    traced.delete_all_unused_submodules()
    assert not hasattr(traced, "more")
    assert hasattr(traced.inner, "scale")


def test_an_interpreter_runs_a_part_and_says_what_is_missing(torch):
    traced = torch.fx.symbolic_trace(lambda x, y=3.0: x * y + 1)
    x = autograd.tensor([1.0, 2.0])
    interpreter = torch.fx.Interpreter(traced)
    assert torch.equal(interpreter.run(x), x * 3.0 + 1)
    product = next(n for n in traced.graph.nodes if n.target is operator.mul)
    assert torch.equal(interpreter.run(initial_env={product: x, **dict.fromkeys(list(traced.graph.nodes)[:2])}), x + 1)
    with pytest.raises(RuntimeError, match="Expected positional argument for parameter x, but one was not passed in"):
        torch.fx.Interpreter(traced).run()
    with pytest.raises(RuntimeError, match=r"Node referenced nonexistent target inner\.gone"):
        torch.fx.Interpreter(torch.fx.symbolic_trace(Nested())).fetch_attr("inner.gone")


def test_the_code_is_shown_as_a_class_and_shapes_are_noted(torch, capsys):
    traced = torch.fx.symbolic_trace(Nested())
    text = traced.print_readable()
    assert capsys.readouterr().out.strip() == text.strip()
    assert text.startswith("class Nested(torch.nn.Module):")
    assert traced.print_readable(print_output=False) == text
    assert capsys.readouterr().out == ""
    from torch.fx.passes.shape_prop import ShapeProp

    ShapeProp(traced).propagate(autograd.ones(3, 2))
    output = next(n for n in reversed(traced.graph.nodes) if n.op == "call_function")
    assert tuple(output.meta["tensor_meta"].shape) == (3, 2)
