"""Modules at the corners: attributes before the constructor, tensors one by one, first hooks, lazy modules."""

from __future__ import annotations

import copy

import pytest

import autograd
import nn
from autograd import tensor
from autograd._registry import registry
from nn import functional as F
from nn.layers.lazy import LazyModuleMixin


def test_an_attribute_is_missed_by_name_before_the_constructor_ran():
    class Early(nn.Module):
        def __init__(self):
            self.size

    with pytest.raises(AttributeError, match="'Early' object has no attribute 'size'"):
        Early()


def test_tensors_of_the_submodules_may_stay_as_they_are():
    model = nn.Sequential(nn.Linear(2, 2))
    model.register_parameter("own", nn.Parameter(autograd.ones(2)))
    inner, own = model[0].weight, model.own
    kept = inner.detach().clone()
    model._apply(lambda t: t * 2, recurse=False)
    assert own.tolist() == [2.0, 2.0]
    assert autograd.equal(model[0].weight, kept)
    model._apply(lambda t: t * 2)
    assert autograd.equal(model[0].weight, kept * 2)


class Results(nn.Module):
    def __init__(self, form):
        super().__init__()
        self.form = form

    def forward(self, x):
        return self.form(x)


FORMS = {
    "a tensor": lambda x: x * 2,
    "a tuple": lambda x: (x * 2, x * 3),
    "a dict": lambda x: {"a": x * 2},
    "a dict in a list": lambda x: [{"note": 1, "a": x * 2}],
    "lists in lists": lambda x: [[x * 2]],
}


def first(value):
    while not isinstance(value, autograd.Tensor):
        value = value["a"] if isinstance(value, dict) else value[0]
    return value


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore:Using a non-full backward hook")
def test_the_first_kind_of_backward_hook_sees_the_last_node(form):
    module, seen = Results(FORMS[form]), []
    module.register_backward_hook(lambda m, got, given: seen.append([g.tolist() for g in given]))
    x = tensor([1.0, 2.0], requires_grad=True)
    first(module(x)).sum().backward()
    assert seen == [[[1.0, 1.0]]]
    assert x.grad.tolist() == [2.0, 2.0]


@pytest.mark.filterwarnings("ignore:Using a non-full backward hook")
def test_a_result_without_a_graph_has_no_node_for_a_backward_hook():
    module, seen = Results(FORMS["a tensor"]), []
    module.register_backward_hook(lambda *given: seen.append(given))
    assert module(tensor([1.0])).tolist() == [2.0]
    assert seen == []


class Noted(nn.Module):
    def __init__(self):
        super().__init__()
        self.note = None

    def get_extra_state(self):
        return {"note": self.note}

    def set_extra_state(self, state):
        self.note = state["note"]


def test_extra_state_may_be_missing_unless_loading_is_strict():
    module = Noted()
    keys = module.load_state_dict({}, strict=False)
    assert (list(keys.missing_keys), list(keys.unexpected_keys)) == (["_extra_state"], [])
    assert module.note is None
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict: \"_extra_state\""):
        module.load_state_dict({})


class Forgiving(Noted):
    """Asks its base for what is there and complains of nothing."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(autograd.zeros(1))

    def _load_from_state_dict(self, state, prefix, metadata, strict, missing, unexpected, errors):
        super()._load_from_state_dict(state, prefix, metadata, False, missing, unexpected, errors)


def test_a_module_may_load_itself_less_strictly():
    module = Forgiving()
    keys = module.load_state_dict({"other": autograd.ones(1)})
    assert (list(keys.missing_keys), list(keys.unexpected_keys)) == ([], [])
    module.load_state_dict({"weight": autograd.ones(1), "_extra_state": {"note": 3}})
    assert (module.weight.tolist(), module.note) == ([1.0], 3)


LAZY = {
    "conv": (lambda: nn.LazyConv2d(4, 3), lambda: nn.Conv2d(2, 4, 3), (1, 2, 5, 5)),
    "transposed conv": (lambda: nn.LazyConvTranspose1d(4, 3), lambda: nn.ConvTranspose1d(2, 4, 3), (1, 2, 5)),
    "batch norm": (nn.LazyBatchNorm1d, lambda: nn.BatchNorm1d(3), (4, 3)),
    "linear": (lambda: nn.LazyLinear(4), lambda: nn.Linear(3, 4), (2, 3)),
}


@pytest.mark.parametrize("kind", LAZY)
def test_a_lazy_module_keeps_what_was_loaded_before_its_first_input(kind):
    lazy, full, shape = LAZY[kind]
    lazy, full, x = lazy(), full(), autograd.randn(*shape)
    lazy.load_state_dict(full.state_dict())
    result = lazy(x)
    assert autograd.allclose(result, full(x))
    assert type(lazy) is type(full)
    assert autograd.equal(lazy.weight, full.weight)


def test_a_lazy_module_without_another_class_keeps_its_own():
    class Width(LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            if self.has_uninitialized_params():
                self.weight.materialize((x.shape[-1],))
                nn.init.ones_(self.weight)

        def forward(self, x):
            return x * self.weight

    module = Width()
    assert module(autograd.ones(2, 3)).tolist() == [[1.0] * 3] * 2
    assert type(module) is Width
    assert module(autograd.ones(1, 3)).tolist() == [[1.0] * 3]


def test_a_parameter_without_a_shape_is_copied_once_however_often_it_occurs():
    p = nn.UninitializedParameter()
    a, b = copy.deepcopy([p, p])
    assert a is b
    assert a is not p
    assert isinstance(a, nn.UninitializedParameter)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors is a no-op")
def test_a_convolution_of_no_channels_has_a_bias_of_its_own_size():
    layer = nn.Conv2d(0, 4, 1)
    assert [tuple(p.shape) for p in layer.parameters()] == [(4, 0, 1, 1), (4,)]


@pytest.mark.parametrize(
    ("x", "h", "message"),
    [
        ((2, 3), (3, 4), "doesn't match hidden0? ?batch size 3"),
        ((2, 3), (2, 5), "hidden0? ?has inconsistent hidden_size: got 5, expected 4"),
    ],
)
def test_a_cell_tells_a_state_that_does_not_fit(x, h, message):
    with pytest.raises(RuntimeError, match=message):
        nn.GRUCell(3, 4)(autograd.ones(*x), autograd.ones(*h))


def test_a_load_that_fails_leaves_tensors_with_the_shapes_they_had():
    layer = nn.Linear(2, 2)
    before = {name: p.detach().clone() for name, p in layer.named_parameters()}
    kept = dict(layer.named_parameters())

    def spoil(module, keys):
        module.weight.data = autograd.zeros(5)
        module.bias.data = autograd.zeros(2)
        keys.missing_keys.append("what was never there")

    layer.register_load_state_dict_post_hook(spoil)
    with pytest.raises(RuntimeError, match="what was never there"):
        layer.load_state_dict(nn.Linear(2, 2).state_dict())
    for name, p in layer.named_parameters():
        assert p is kept[name]
        assert autograd.equal(p, before[name]), name


def test_functions_declared_later_are_found(monkeypatch):
    monkeypatch.setitem(registry, "nn.functional.declared_later", registry["nn.functional.softplus"])
    assert F.declared_later is F.softplus
    with pytest.raises(AttributeError, match="has no function 'declared_never'"):
        F.declared_never
