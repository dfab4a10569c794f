"""torch.fx through the facade: what is recorded, what is refused, and what editing does to the code."""

from __future__ import annotations

import copy
import operator
from collections import namedtuple

import numpy as np
import pytest

import autograd
import nn

Pair = namedtuple("Pair", "first second")


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


# ------------------------------------------------------------------ what is recorded


def doubled(x):
    return x * 2


def applied(x, layer):
    return layer(x)


def test_what_stars_collect_is_an_argument_of_its_own(torch):
    def scaled(x, *rest, scale=2.0, **more):
        return (x + rest[0]) * scale - more["less"]

    traced = torch.fx.symbolic_trace(scaled)
    assert traced.code.strip().startswith("def forward(self, x, scale = 2.0, *rest, **more):")
    assert body(traced)[:2] == ["_rest = rest", "_more = more"]
    x = torch.ones(2)
    assert traced(x, 3.0, 1.0, less=1.0).tolist() == [5.0, 5.0]
    assert torch.fx.Interpreter(torch.fx.symbolic_trace(lambda x, *rest: x + rest[1])).run(x, 3, 4).tolist() == [
        5.0,
        5.0,
    ]


def test_arguments_that_are_given_are_checked(torch):
    def f(x, flip=False, *, power=2, scale=None, mode="a"):
        x = -x if flip else x
        return x**power if scale is None and mode == "a" else x

    traced = torch.fx.symbolic_trace(f, concrete_args={"flip": True, "power": 3, "scale": None, "mode": "a"})
    x = torch.tensor([2.0])
    assert traced(x, True, 3, None, "a").tolist() == [-8.0]
    with pytest.raises(AssertionError, match="flip has been specialized to have value True but got another value"):
        traced(x, False, 3, None, "a")
    with pytest.raises(AssertionError, match="scale has been specialized to have value None"):
        traced(x, True, 3, 1.0, "a")
    with pytest.warns(UserWarning, match="Was not able to add assertion to guarantee correct input act"):
        plain = torch.fx.symbolic_trace(lambda x, act: act(x), concrete_args={"act": torch.relu})
    assert body(plain) == ["relu = torch.relu(x)", "return relu"]
    free = torch.fx.symbolic_trace(lambda x, n: x + n, concrete_args={"n": torch.fx.PH})
    assert free(x, 3.0).tolist() == [5.0]


def test_keyword_arguments_without_stars_keep_their_names(torch):
    traced = torch.fx.symbolic_trace(lambda x, *, scale=2.0: x * scale)
    assert traced(torch.ones(1), scale=3.0).tolist() == [3.0]
    assert traced(torch.ones(1)).tolist() == [2.0]


def test_a_method_of_a_tensor_that_takes_a_recorded_value_is_a_call_of_the_method(torch):
    traced = torch.fx.symbolic_trace(lambda x: torch.ones(2).add(x))
    assert body(traced)[-2:] == ["add = _tensor_constant0.add(x)", "return add"]
    assert traced(torch.ones(2)).tolist() == [2.0, 2.0]


def test_a_value_may_be_copied_and_asked_but_not_read(torch):
    traced = torch.fx.symbolic_trace(lambda x: copy.copy(x) + copy.deepcopy(x))
    assert body(traced) == ["add = x + x", "return add"]
    shape = torch.fx.symbolic_trace(lambda x: (lambda s: s + s)(x.shape))
    assert body(shape) == ["getattr_1 = x.shape", "add = getattr_1 + getattr_1", "return add"]
    with pytest.raises(ValueError, match="__array_struct__"):
        torch.fx.symbolic_trace(lambda x: np.asarray(x))


def test_named_tuples_stay_named(torch):
    traced = torch.fx.symbolic_trace(lambda x: Pair(x + 1, x))
    found = traced(torch.ones(1))
    assert type(found) is Pair
    assert found.first.tolist() == [2.0]
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    tracer = torch.fx.proxy.GraphAppendingTracer(graph)
    made = tracer.create_proxy("call_function", len, (Pair(torch.fx.Proxy(x, tracer), 1),), {})
    assert made.node.args == (Pair(x, 1),)


def test_modules_are_arguments_of_wrapped_functions(torch):
    torch.fx.wrap(doubled)
    torch.fx.wrap("applied")

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.act = torch.nn.ReLU()

        def forward(self, x):
            return doubled(x) + applied(x, self.act)

    traced = torch.fx.symbolic_trace(Model())
    assert [line for line in traced.code.splitlines() if "wrap(" in line] == [
        f'torch.fx._symbolic_trace.wrap("{__name__.replace(".", "_")}_{name}")' for name in ("doubled", "applied")]  # fmt: skip
    assert "act = self.act" in body(traced)
    assert traced(torch.tensor([-1.0, 1.0])).tolist() == [-2.0, 3.0]
    assert doubled(torch.ones(1)).tolist() == [2.0]
    with pytest.raises(RuntimeError, match="Must be either a callable or string name"):
        torch.fx.wrap(3)


def test_a_module_that_is_no_part_of_the_root_is_refused(torch):
    class Hidden(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = [torch.nn.ReLU()]

        def forward(self, x):
            return self.parts[0](x)

    with pytest.raises(NameError, match="module is not installed as a submodule"):
        torch.fx.symbolic_trace(Hidden())


def test_plain_tensors_of_a_module_become_buffers_and_parameters_one_node(torch):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(1))
            self.inner = torch.nn.Module()
            self.inner.shift = torch.ones(1)
            self.scale = torch.full((1,), 2.0)

        def forward(self, x):
            return x * self.w * self.scale + self.inner.shift + self.w

    model = Model()
    traced = torch.fx.symbolic_trace(model)
    assert sorted(name for name, _ in traced.named_buffers()) == ["inner.shift", "scale"]
    assert [n.target for n in traced.graph.nodes if n.op == "get_attr"] == ["w", "scale", "inner.shift"]
    for module in (traced, copy.deepcopy(traced)):
        assert module(torch.ones(1)).tolist() == [4.0]
    assert copy.deepcopy(traced).w is not traced.w


def test_every_layer_can_be_opened(torch):
    class Opened(torch.fx.Tracer):
        def is_leaf_module(self, m, module_qualified_name):
            return False

    layer = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    traced = torch.fx.GraphModule(layer, Opened().trace(layer))
    assert all(n.op != "call_module" for n in traced.graph.nodes)
    x = torch.tensor([[1.0, 2.0, 4.0]])
    assert torch.equal(traced(x), layer(x))


# ------------------------------------------------------------------ editing


def test_arguments_are_changed_one_by_one(torch):
    graph = torch.fx.Graph()
    x, y = graph.placeholder("x"), graph.placeholder("y")
    add = graph.call_function(torch.add, (x,), {"alpha": 2})
    add.insert_arg(1, y)
    assert add.args == (x, y)
    add.update_arg(0, y)
    assert (list(x.users), list(y.users)) == ([], [add])
    add.update_kwarg("alpha", 3)
    add.kwargs = {**add.kwargs, "out": None}
    assert add.kwargs == {"alpha": 3, "out": None}
    with pytest.raises(IndexError):
        add.update_arg(2, x)


def test_nodes_are_moved_and_put_in_between(torch):
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    neg = graph.call_function(operator.neg, (x,))
    index = graph.call_method("__getitem__", (neg, 0))
    graph.output(index)
    assert index.name == "getitem"
    with graph.inserting_before():
        graph.placeholder("first")
    with graph.inserting_after(x):
        graph.get_attr("w")
    assert [n.name for n in graph.nodes] == ["first", "x", "w", "neg", "getitem", "output"]
    assert (neg.prev.name, neg.next.name) == ("w", "getitem")
    neg.prepend(index)
    neg.append(x)
    assert [n.name for n in graph.nodes] == ["first", "w", "getitem", "neg", "x", "output"]


def test_what_nobody_uses_goes(torch):
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    neg = graph.call_function(operator.neg, (x,))
    graph.call_function(operator.pos, (neg,))
    graph.output(x)
    assert "pos = +neg;  neg = pos = None" in graph.python_code("self").src
    assert not graph.eliminate_dead_code(lambda node: True)
    assert graph.eliminate_dead_code()
    assert not graph.eliminate_dead_code()
    assert [n.name for n in graph.nodes] == ["x", "output"]


def test_names_and_owners_are_checked(torch):
    graph, other = torch.fx.Graph(), torch.fx.Graph()
    x = graph.placeholder("x")
    other.output(other.call_function(operator.neg, (x,)))
    with pytest.raises(RuntimeError, match="Argument 'x' of Node 'neg' does not belong to this Graph"):
        other.lint()
    graph.call_function(operator.neg, (x,)).name = "x"
    with pytest.raises(RuntimeError, match="Node redefined name x!"):
        graph.lint()


def test_a_graph_without_a_result_is_copied_as_it_is(torch):
    graph = torch.fx.Graph()
    graph.placeholder("x")
    assert torch.fx.Graph().graph_copy(graph, {}) is None
    assert [n.op for n in copy.deepcopy(graph).nodes] == ["placeholder"]
    assert torch.fx.Interpreter(torch.nn.Module(), graph=graph).run(1) is None


def test_replacements_stand_where_their_results_are_first_used(torch):
    traced = torch.fx.symbolic_trace(lambda x: torch.cat([x, x * 2]) + torch.cat([x, x, x])[0])
    matches = torch.fx.replace_pattern(
        traced, lambda a, b: torch.cat([a, b]), lambda a, b: torch.stack([b, a]).sum(dim=1, keepdim=True)
    )
    assert [m.anchor.name for m in matches] == ["cat"]
    assert body(traced)[:5] == ["mul = x * 2", "cat_1 = torch.cat([x, x, x])", "getitem = cat_1[0]",
                                "stack = torch.stack([mul, x])", "sum_1 = stack.sum(dim = 1, keepdim = True)"]  # fmt: skip
    unused = torch.fx.symbolic_trace(lambda x: (x.sum(dim=1) * (x + 1) * (x + 2)) if torch.relu(x) is None else x + 2)
    assert len(torch.fx.replace_pattern(unused, lambda a: torch.relu(a), lambda a: torch.tanh(a))) == 1
    assert body(unused) == ["tanh = torch.tanh(x)", "add = x + 2", "return add"]


def test_a_pattern_whose_inside_is_used_elsewhere_stays(torch):
    traced = torch.fx.symbolic_trace(lambda x: (lambda s: s * 2 + s)(x + 1))
    before = traced.code
    assert torch.fx.replace_pattern(traced, lambda a: (a + 1) * 2, lambda a: a - 1) == []
    assert traced.code == before


# ------------------------------------------------------------------ running


def test_a_transformer_writes_nested_results(torch):
    class Swaps(torch.fx.Transformer):
        def call_function(self, target, args, kwargs):
            return super().call_function(torch.sub if target is operator.add else target, args, kwargs)

    made = Swaps(torch.fx.symbolic_trace(lambda x: (x, [x + 1], {"a": x}))).transform()
    assert body(made) == ["sub = torch.sub(x, 1)", "return (x, [sub], {'a': x})"]
    nothing = torch.fx.Transformer(torch.fx.symbolic_trace(lambda x: [x.neg_(), None][1])).transform()
    assert [n.op for n in nothing.graph.nodes] == ["placeholder", "call_method"]
    x = torch.ones(1)
    assert nothing(x) is None
    assert x.item() == -1.0


def test_shapes_of_several_results_are_noted_together(torch):
    from torch.fx.passes.shape_prop import ShapeProp

    traced = torch.fx.symbolic_trace(lambda x: (x.split(1), x.shape))
    ShapeProp(traced).propagate(torch.ones(2, 3))
    meta = {n.name: n.meta for n in traced.graph.nodes}
    assert [tuple(t.shape) for t in meta["split"]["tensor_meta"]] == [(1, 3), (1, 3)]
    assert "tensor_meta" not in meta["getattr_1"]
    assert meta["getattr_1"]["type"] is torch.Size
