"""Module itself: registration, attributes, walks, state, hooks, copies. What PyTorch does, and its words in errors."""

from __future__ import annotations

import copy
import gc
import pickle
import warnings
from collections import OrderedDict

import numpy as np
import pytest

import autograd
import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.act = nn.ReLU()
        self.second = nn.Linear(4, 2, bias=False)
        self.register_buffer("scale", autograd.ones(2))
        self.register_buffer("scratch", autograd.zeros(1), persistent=False)

    def forward(self, x):
        return self.second(self.act(self.first(x))) * self.scale


def values(module):
    return {k: v.numpy().copy() for k, v in module.state_dict().items()}


def assert_unchanged(module, before):
    now = values(module)
    assert now.keys() == before.keys()
    assert all(np.array_equal(now[k], before[k]) for k in now)


# ------------------------------------------------------------------ registration


def test_assignment_registers():
    net = Net()
    assert list(net._parameters) == []
    assert list(net._modules) == ["first", "act", "second"]
    assert list(net._buffers) == ["scale", "scratch"]
    net.weight = nn.Parameter(autograd.zeros(1))
    net.kept = nn.Buffer(autograd.zeros(1))
    net.lost = nn.Buffer(autograd.zeros(1), persistent=False)
    assert "weight" in net._parameters
    assert "kept" in net.state_dict()
    assert "lost" not in net.state_dict()


def test_a_name_moves_between_the_tables():
    net = Net()
    net.first = nn.Parameter(autograd.zeros(1))
    assert "first" not in net._modules
    assert "first" in net._parameters
    net.scale = nn.Parameter(autograd.zeros(1))
    assert "scale" not in net._buffers
    net.plain = 3
    net.plain = nn.ReLU()
    assert "plain" not in net.__dict__
    assert net.plain is net._modules["plain"]


def test_none_reserves_a_name():
    net = Net()
    net.second.bias = None
    net.first = None
    assert net.first is None
    assert "first" in net._modules
    assert [n for n, _ in net.named_parameters()] == ["second.weight"]


def test_deleting():
    net = Net()
    del net.first, net.scale, net.second.weight
    assert not hasattr(net, "first")
    assert list(net.state_dict()) == []
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'nope'"):
        del net.nope


def test_dir_lists_what_is_registered():
    names = dir(Net())
    assert {"first", "scale", "forward", "training"} <= set(names)
    assert "0" not in dir(nn.Sequential(nn.ReLU()))


@pytest.mark.parametrize(
    ("assign", "text"),
    [
        (lambda m: setattr(m, "x", nn.Linear(1, 1)), "cannot assign module before Module.__init__"),
        (lambda m: setattr(m, "x", nn.Parameter(autograd.zeros(1))), "cannot assign parameters before Module.__init__"),
        (lambda m: setattr(m, "x", nn.Buffer(autograd.zeros(1))), "cannot assign buffer before Module.__init__"),
        (lambda m: m.register_buffer("x", None), "cannot assign buffer before Module.__init__"),
        (lambda m: m.register_parameter("x", None), "cannot assign parameter before Module.__init__"),
        (lambda m: m.add_module("x", None), "cannot assign module before Module.__init__"),
    ],
)
def test_forgetting_super_init(assign, text):
    class Forgetful(nn.Module):
        def __init__(self):
            assign(self)

    with pytest.raises(AttributeError, match=text):
        Forgetful()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (
            "weight",
            autograd.zeros(1),
            r"cannot assign 'Tensor' as parameter 'weight' \(nn.Parameter or None expected\)",
        ),
        ("weight", 3, "cannot assign 'int' as parameter 'weight'"),
        ("buf", 3, r"cannot assign 'int' as buffer 'buf' \(nn.Buffer, Tensor or None expected\)"),
        ("sub", 3, r"cannot assign 'int' as child module 'sub' \(nn.Module or None expected\)"),
        ("sub", autograd.zeros(1), "cannot assign 'Tensor' as child module 'sub'"),
    ],
)
def test_wrong_kind_of_assignment(name, value, text):
    m = nn.Linear(2, 3)
    m.register_buffer("buf", autograd.zeros(1))
    m.sub = nn.ReLU()
    with pytest.raises(TypeError, match=text):
        setattr(m, name, value)


@pytest.mark.parametrize("kind", ["buffer", "parameter", "module"])
@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("", KeyError, r"name can.+t be empty string"),
        ("a.b", KeyError, r'name can.+t contain "\.", got: a.b'),
        ("forward", KeyError, "attribute 'forward' already exists"),
        (3, TypeError, "name should be a string. Got int"),
    ],
)
def test_bad_names(kind, name, error, text):
    m = nn.ReLU()
    register = {"buffer": m.register_buffer, "parameter": m.register_parameter, "module": m.add_module}[kind]
    with pytest.raises(error, match=text):
        register(name, None)


def test_bad_values():
    m = nn.ReLU()
    with pytest.raises(TypeError, match=r"cannot assign 'int' object to buffer 'q' \(Tensor or None required\)"):
        m.register_buffer("q", 5)
    with pytest.raises(
        TypeError, match=r"cannot assign 'Tensor' object to parameter 'q' \(nn.Parameter or None required\)$"
    ):
        m.register_parameter("q", autograd.zeros(1))
    with pytest.raises(TypeError, match="a result of a computation cannot be a parameter"):
        m.register_parameter("q", autograd.zeros(1, requires_grad=True) * 2)
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        m.add_module("q", 5)


def test_constructor_takes_nothing():
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        nn.Module(3)
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'a'"):
        nn.Module(a=3)


def test_functional_lists_what_is_declared():
    from autograd._registry import registry
    from nn import functional as F

    declared = {key.removeprefix("nn.functional.") for key in registry if key.startswith("nn.functional.")}
    assert declared | {"fractional_max_pool2d", "fractional_max_pool3d"} <= set(F.__all__)
    assert all(callable(getattr(F, name)) for name in F.__all__)
    with pytest.raises(AttributeError, match=r"module 'nn.functional' has no function 'reluu'"):
        F.reluu


def test_constructor_may_pass_arguments_on():
    class Named:
        def __init__(self, name):
            self.name = name

    class Both(nn.Module, Named):
        call_super_init = True

    assert Both("x").name == "x"


def test_calls_without_pictures():
    from autograd._node import capture

    limit, capture.limit = capture.limit, 0
    try:
        assert nn.Linear(1, 1)(autograd.ones(1)).grad_fn.scope is None
    finally:
        capture.limit = limit


def test_no_forward():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r'Module \[Empty\] is missing the required "forward" function'):
        Empty()(1)


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'nope'"):
        Net().nope


# ------------------------------------------------------------------ walks


def test_names_and_prefixes():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["first.weight", "first.bias", "second.weight"]
    assert next(n for n, _ in net.named_parameters("p")) == "p.first.weight"
    assert [n for n, _ in net.named_parameters(recurse=False)] == []
    assert [n for n, _ in net.named_buffers()] == ["scale", "scratch"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "act", "second"]
    assert [n for n, _ in net.named_modules(prefix="q")] == ["q", "q.first", "q.act", "q.second"]
    assert [n for n, _ in net.named_children()] == ["first", "act", "second"]
    assert len(list(net.modules())) == 4
    assert len(list(net.children())) == 3
    assert sum(1 for _ in net.buffers()) == 2


def test_shared_parameters_come_once():
    net = Net()
    net.tied = nn.Linear(4, 2, bias=False)
    net.tied.weight = net.second.weight
    net.again = net.first
    assert len(list(net.parameters())) == 3
    assert [n for n, _ in net.named_parameters(remove_duplicate=False)][-3:] == [
        "tied.weight",
        "again.weight",
        "again.bias",
    ]
    assert [n for n, _ in net.named_modules()][-1] == "tied"
    assert [n for n, _ in net.named_modules(remove_duplicate=False)][-1] == "again"
    assert "again.weight" in net.state_dict()


def test_paths():
    net = nn.Sequential(Net())
    assert net.get_submodule("0.first") is net[0].first
    assert net.get_submodule("") is net
    assert net.get_parameter("0.first.weight") is net[0].first.weight
    assert net.get_buffer("0.scale") is net[0].scale
    net.set_submodule("0.act", nn.Tanh())
    assert isinstance(net[0].act, nn.Tanh)
    for call, text in [
        (lambda: net.get_submodule("0.x"), "Net has no attribute `x`"),
        (lambda: net.get_submodule("0.scale"), "`scale` is not an nn.Module"),
        (lambda: net.get_parameter("0.act"), "`act` is not an nn.Parameter"),
        (lambda: net.get_parameter("0.nope"), "Net has no attribute `nope`"),
        (lambda: net.get_buffer("0.first"), "`first` is not a buffer"),
        (lambda: net.set_submodule("0.nope", nn.ReLU(), strict=True), "Net has no attribute `nope`"),
        (lambda: net.set_submodule("0.scale", nn.ReLU()), "`scale` is not an nn.Module"),
    ]:
        with pytest.raises(AttributeError, match=text):
            call()
    with pytest.raises(ValueError, match="Cannot set the submodule without a target name"):
        net.set_submodule("", nn.ReLU())
    with pytest.raises(ValueError, match=r"int is not an nn.Module"):
        net.set_submodule("0.act", 3)


def test_apply_visits_children_first():
    seen = []
    net = Net()
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Linear", "Net"]


# ------------------------------------------------------------------ casting, modes, gradients


def test_casting_keeps_identity_and_gradients():
    net = Net()
    weight = net.first.weight
    net(autograd.ones(1, 3)).sum().backward()
    assert net.double() is net
    assert net.first.weight is weight
    assert weight.dtype == weight.grad.dtype == net.scale.dtype == autograd.float64
    net(autograd.ones(1, 3, dtype=autograd.float64)).sum().backward()
    for method, dtype in [("float", autograd.float32), ("half", autograd.float16)]:
        assert getattr(net, method)().first.weight.dtype == dtype
    assert net.to(dtype=autograd.float64).scale.dtype == autograd.float64
    assert net.to(autograd.zeros(1)).scale.dtype == autograd.float32
    assert net.to("cpu") is net.cpu() is net.share_memory() is net
    net.register_module("extra", nn.ReLU())
    assert isinstance(net.extra, nn.ReLU)
    assert net.type(autograd.float64).scale.dtype == autograd.float64


def test_integer_buffers_stay_integers():
    norm = nn.BatchNorm1d(2).double()
    assert norm.num_batches_tracked.dtype == autograd.int64
    assert norm.running_mean.dtype == autograd.float64


def test_to_refuses():
    with pytest.raises(TypeError, match="only accepts floating point or complex dtypes, but got desired dtype=int32"):
        Net().to(autograd.int32)
    with pytest.raises(RuntimeError, match="device 'cuda' is not available"):
        Net().cuda()
    with pytest.raises(TypeError, match="unexpected keyword argument 'dtyp'"):
        Net().to(dtyp=1)


def test_train_and_eval():
    net = Net()
    assert net.eval() is net
    assert not net.first.training
    assert net.train().first.training
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train(1)


def test_freezing_and_zeroing():
    net = Net()
    assert net.requires_grad_(False) is net
    assert not net(autograd.ones(1, 3)).requires_grad
    net.requires_grad_()
    net(autograd.ones(1, 3)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert all(not p.grad.numpy().any() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_empty_memory():
    net = Net()
    shape = net.first.weight.shape
    assert net.to_empty(device="cpu").first.weight.shape == shape


# ------------------------------------------------------------------ state


def test_state_dict_shares_memory_and_carries_versions():
    net = Net()
    state = net.state_dict()
    assert isinstance(state, OrderedDict)
    assert list(state) == ["scale", "first.weight", "first.bias", "second.weight"]
    assert state._metadata["first"] == {"version": 1}
    assert not state["first.weight"].requires_grad
    assert np.shares_memory(state["first.weight"].numpy(), net.first.weight.detach().numpy())
    assert net.state_dict(keep_vars=True)["first.weight"] is net.first.weight
    into = OrderedDict()
    net.state_dict(destination=into, prefix="net.")
    assert next(iter(into)) == "net.scale"


def test_loading_copies_in_place():
    a, b = Net(), Net()
    weight = b.first.weight
    assert repr(b.load_state_dict(a.state_dict())) == "<All keys matched successfully>"
    assert b.first.weight is weight
    assert_unchanged(b, values(a))
    a.first.weight.data.fill_(7.0)
    assert not (b.first.weight == 7).any()


def test_loading_spoils_a_pending_backward():
    """The write is seen by the engine: a graph that saved the old weights refuses."""
    net = nn.Linear(2, 2)
    x = autograd.ones(1, 2, requires_grad=True)
    out = net(x).sum()
    net.load_state_dict(nn.Linear(2, 2).state_dict())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


def test_loading_reports_everything_and_changes_nothing():
    net = Net()
    before = values(net)
    state = {"first.weight": autograd.zeros(9, 9), "second.weight": autograd.zeros(2, 4), "scale": 3,
             "zz": autograd.zeros(1), "first.extra": autograd.zeros(1)}  # fmt: skip
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Net:\n"
        '\tMissing key(s) in state_dict: "first.bias". \n'
        '\tUnexpected key(s) in state_dict: "zz", "first.extra". \n'
        '\tWhile copying the parameter named "scale", expected Tensor or Tensor-like object from checkpoint but received '
        "<class 'int'>\n"
        "\tsize mismatch for first.weight: copying a param with shape Size([9, 9]) from checkpoint, the shape in current "
        "model is Size([4, 3])."
    )
    assert_unchanged(net, before)
    with pytest.raises(RuntimeError, match=r"size mismatch for first.weight"):
        net.load_state_dict(state, strict=False)
    assert_unchanged(net, before)


def test_loading_not_strictly():
    found = Net().load_state_dict({"scale": autograd.zeros(2), "zz": autograd.zeros(1)}, strict=False)
    assert found.missing_keys == ["first.weight", "first.bias", "second.weight"]
    assert found.unexpected_keys == ["zz"]
    assert repr(found).startswith("_IncompatibleKeys(missing_keys=[")


def test_loading_something_else():
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'int'>"):
        Net().load_state_dict(3)


@pytest.mark.parametrize("shape", [(), (1,), (1, 3), (4, 1)])
def test_broadcastable_shapes_are_refused(shape):
    net = nn.Linear(3, 4)
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        net.load_state_dict({"weight": autograd.zeros(shape), "bias": autograd.zeros(4)})


def test_complex_numbers_do_not_lose_a_part():
    net = nn.Linear(1, 1, bias=False)
    with pytest.raises(RuntimeError, match='named "weight", the checkpoint holds complex numbers'):
        net.load_state_dict({"weight": autograd.tensor([[1j]])})


def test_assign_takes_the_tensors_themselves():
    net = Net()
    state = {k: v.double() for k, v in Net().state_dict().items()}
    net.requires_grad_(False)
    net.load_state_dict(state, assign=True)
    assert net.first.weight.dtype == autograd.float64
    assert isinstance(net.first.weight, nn.Parameter)
    assert not net.first.weight.requires_grad
    assert net.scale is state["scale"]


def test_overriding_load_from_state_dict():
    class Renamed(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *rest):
            if prefix + "w" in state_dict:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "w")
            super()._load_from_state_dict(state_dict, prefix, *rest)

    net = nn.Sequential(Renamed(2, 1))
    net.load_state_dict({"0.w": autograd.ones(1, 2), "0.bias": autograd.zeros(1)})
    assert net[0].weight.tolist() == [[1.0, 1.0]]


def test_an_override_that_writes_itself_is_undone_on_failure():
    class Eager(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing, unexpected, errors):
            with autograd.no_grad():
                self.weight.fill_(5.0)
            self.bias = nn.Parameter(autograd.ones(1))

    net = nn.Sequential(Eager(2, 1), nn.Linear(1, 1))
    before, bias = values(net), net[0].bias
    with pytest.raises(RuntimeError, match=r'Missing key.s. in state_dict: "1.weight"'):
        net.load_state_dict({"1.bias": autograd.zeros(1)})
    assert_unchanged(net, before)
    assert net[0].bias is bias


def test_a_hook_that_raises_changes_nothing():
    net = Net()
    before = values(net)

    def explode(module, keys):
        raise ArithmeticError("no")

    net.register_load_state_dict_post_hook(explode)
    with pytest.raises(ArithmeticError):
        net.load_state_dict({k: v + 1 for k, v in net.state_dict().items()})
    assert_unchanged(net, before)


def test_a_state_dict_hook_may_return_another():
    net = nn.Linear(1, 1)
    net.register_state_dict_post_hook(lambda m, state, prefix, meta: {"only": 1})
    assert net.state_dict() == {"only": 1}


def test_checking_one_module_outside_of_a_load_writes_at_once():
    net, missing, unexpected, errors = nn.Linear(2, 1), [], [], []
    state = {"weight": autograd.ones(1, 2), "odd": 1}
    net._load_from_state_dict(state, "", {}, True, missing, unexpected, errors)
    assert net.weight.tolist() == [[1, 1]]
    assert (missing, unexpected, errors) == (["bias"], ["odd"], [])
    net._load_from_state_dict({}, "", {}, False, missing, unexpected, errors)
    assert missing == ["bias"]


def test_hooks_do_not_excuse_what_they_leave():
    net = Net()
    before = values(net)
    net.register_load_state_dict_post_hook(lambda m, keys: None)
    with pytest.raises(RuntimeError, match=r"Missing key.s. in state_dict"):
        net.load_state_dict({"scale": autograd.zeros(2)})
    assert_unchanged(net, before)


def test_lazy_state_into_a_lazy_module():
    a, b = nn.LazyLinear(2), nn.LazyLinear(2)
    b.load_state_dict(a.state_dict())
    assert isinstance(b.weight, nn.UninitializedParameter)


def test_zero_dimensional_parameters_take_one_element_of_old_checkpoints():
    net = nn.Module()
    net.scale = nn.Parameter(autograd.zeros(()))
    net.load_state_dict({"scale": autograd.ones(1)})
    assert net.scale.item() == 1


def test_assigning_parameters_keeps_them():
    net, other = nn.Linear(1, 1), nn.Linear(1, 1)
    net.load_state_dict({"weight": other.weight, "bias": other.bias}, assign=True)
    assert net.weight is other.weight


def test_state_dict_hooks():
    net, seen = Net(), []
    net.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append(("pre", prefix, keep)))
    net.register_state_dict_post_hook(lambda m, state, prefix, meta: state.__setitem__(prefix + "more", 1))
    assert net.state_dict(prefix="a.")["a.more"] == 1
    assert seen == [("pre", "a.", False)]


def test_load_hooks():
    net, seen = Net(), []

    def before(module, state, prefix, meta, strict, missing, unexpected, errors):
        seen.append(module)
        state.pop(prefix + "odd", None)

    net.register_load_state_dict_pre_hook(before)
    handle = net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    state = dict(Net().state_dict(), odd=3)
    del state["scale"]
    net.load_state_dict(state)
    assert seen == [net]
    handle.remove()
    with pytest.raises(RuntimeError, match=r'Missing key.s. in state_dict: "scale"'):
        net.load_state_dict(state)
    net.register_load_state_dict_post_hook(lambda m, keys: keys)
    with pytest.raises(AssertionError, match="are not expected to return new values"):
        net.load_state_dict(net.state_dict())


def test_extra_state():
    class Counter(nn.Module):
        count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    a, b = Counter(), Counter()
    a.count = 3
    assert a.state_dict()["_extra_state"] == {"count": 3}
    b.load_state_dict(a.state_dict())
    assert b.count == 3
    with pytest.raises(RuntimeError, match=r'Missing key.s. in state_dict: "_extra_state"'):
        b.load_state_dict({})
    with pytest.raises(RuntimeError, match=r'Unexpected key.s. in state_dict: "_extra_state"'):
        nn.ReLU().load_state_dict({"_extra_state": 1})
    with pytest.raises(RuntimeError, match="get_extra_state is called only where"):
        nn.ReLU().get_extra_state()
    with pytest.raises(RuntimeError, match="set_extra_state is called only where"):
        nn.ReLU().set_extra_state(1)


def test_old_batch_norm_checkpoints_load():
    norm = nn.BatchNorm1d(2)
    state = norm.state_dict()
    del state["num_batches_tracked"], state._metadata
    norm.num_batches_tracked.fill_(5)
    norm.load_state_dict(state)
    assert norm.num_batches_tracked.item() == 5


# ------------------------------------------------------------------ forward hooks


def test_forward_hooks_see_and_change():
    net, seen = nn.Identity(), []
    net.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    net.register_forward_pre_hook(lambda m, args: args[0] * 2)  # a bare value counts as one argument
    net.register_forward_hook(lambda m, args, out: seen.append((args, out)))
    handle = net.register_forward_hook(lambda m, args, out: out + 100)
    assert net(1) == 104
    assert seen == [((4,), 4)]
    handle.remove()
    assert net(1) == 4


def test_hooks_with_keywords_and_order():
    class Add(nn.Module):
        def forward(self, a, *, b=0):
            return a + b

    net, order = Add(), []
    net.register_forward_pre_hook(lambda m, a, k: (a, {"b": k["b"] * 10}), with_kwargs=True)
    net.register_forward_hook(lambda m, a, k, out: order.append(("late", k)), with_kwargs=True)
    net.register_forward_hook(lambda m, a, out: order.append("early"), prepend=True)
    assert net(1, b=2) == 21
    assert order == ["early", ("late", {"b": 20})]
    net.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"must return None or a tuple of .new_args, new_kwargs."):
        net(1, b=2)


def test_always_called_hooks():
    class Broken(nn.Module):
        def forward(self, x):
            raise ArithmeticError("broken")

    net, seen = Broken(), []
    net.register_forward_hook(lambda m, a, out: seen.append("never"))
    net.register_forward_hook(lambda m, a, out: seen.append(out), always_call=True)
    with pytest.raises(ArithmeticError, match="broken"):
        net(1)
    assert seen == [None]
    net.register_forward_hook(lambda m, a, out: 1 / 0, always_call=True)
    with (
        pytest.warns(UserWarning, match="raised an exception that was silenced"),
        pytest.raises(ArithmeticError, match="broken"),
    ):
        net(1)


def test_an_always_called_hook_is_not_called_twice():
    net, seen = nn.Identity(), []
    net.register_forward_hook(lambda m, a, out: seen.append(out), always_call=True)
    net.register_forward_hook(lambda m, a, out: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        net(5)
    assert seen == [5]


def test_hooks_see_what_is_registered():
    seen, other = [], nn.Parameter(autograd.ones(1))
    handles = [
        nn.register_module_module_registration_hook(lambda m, name, sub: seen.append((name, type(sub).__name__))),
        nn.register_module_parameter_registration_hook(lambda m, name, p: other if name == "swapped" else None),
        nn.register_module_buffer_registration_hook(lambda m, name, t: seen.append((name, tuple(t.shape)))),
    ]
    try:
        model = nn.Sequential(nn.Linear(1, 1, bias=False))
        model.extra = nn.ReLU()
        model.register_buffer("count", autograd.zeros(2))
        model.register_buffer("none", None)
        model.swapped = nn.Parameter(autograd.zeros(1))
    finally:
        for handle in handles:
            handle.remove()
    assert seen == [("0", "Linear"), ("extra", "ReLU"), ("count", (2,))]
    assert model.swapped is other
    model.late = nn.Tanh()
    assert len(seen) == 3


def test_hooks_of_all_modules():
    seen = []
    handles = [
        nn.register_module_forward_pre_hook(lambda m, a: seen.append("pre " + type(m).__name__)),
        nn.register_module_forward_hook(lambda m, a, out: seen.append("post " + type(m).__name__)),
        nn.register_module_full_backward_pre_hook(lambda m, g: seen.append("back pre " + type(m).__name__)),
        nn.register_module_full_backward_hook(lambda m, gi, go: seen.append("back " + type(m).__name__)),
    ]
    try:
        nn.Sequential(nn.Linear(1, 1))(autograd.ones(1, 1, requires_grad=True)).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    assert seen == ["pre Sequential", "pre Linear", "post Linear", "post Sequential",
                    "back pre Sequential", "back pre Linear", "back Linear", "back Sequential"]  # fmt: skip
    nn.Linear(1, 1)(autograd.ones(1))
    assert len(seen) == 8


# ------------------------------------------------------------------ backward hooks


def test_full_backward_hook_sees_and_changes():
    net, seen = nn.Linear(2, 1, bias=False), []

    def hook(module, grad_input, grad_output):
        seen.append((grad_input[0].tolist(), grad_output[0].tolist()))
        return (grad_input[0] * 10,)

    net.weight.data.copy_(autograd.tensor([[2.0, 3.0]]))
    handle = net.register_full_backward_hook(hook)
    x = autograd.ones(1, 2, requires_grad=True)
    net(x).sum().backward()
    assert seen == [([[2.0, 3.0]], [[1.0]])]
    assert x.grad.tolist() == [[20.0, 30.0]]
    assert net.weight.grad.tolist() == [[1.0, 1.0]]
    handle.remove()
    x.grad = None
    net(x).sum().backward()
    assert x.grad.tolist() == [[2.0, 3.0]]


def test_full_backward_pre_hook_changes_what_flows():
    net = nn.Linear(1, 1, bias=False)
    net.register_full_backward_pre_hook(lambda m, g: (g[0] * 3,))
    net(autograd.ones(1, 1)).sum().backward()
    assert net.weight.grad.item() == 3.0


def test_backward_hook_without_input_gradient():
    net, seen = nn.Linear(1, 1), []
    net.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].item())))
    net(autograd.ones(1, 1)).sum().backward()
    assert seen == [((None,), 1.0)]
    net.register_full_backward_hook(lambda m, gi, go: gi)
    with pytest.raises(RuntimeError, match="where no input requires gradient should always return None"):
        net(autograd.ones(1, 1)).sum().backward()


def test_backward_hook_of_several_inputs_and_outputs():
    class Two(nn.Module):
        def forward(self, a, n, b):
            return a * b, n, a + b

    net, seen = Two(), []
    net.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    a, b = autograd.tensor(2.0, requires_grad=True), autograd.tensor(3.0, requires_grad=True)
    p, _, s = net(a, "x", b)
    (p + 10 * s).backward()
    ((gi, go),) = seen
    assert [None if g is None else g.item() for g in gi] == [13.0, None, 12.0]
    assert [None if g is None else g.item() for g in go] == [1.0, None, 10.0]


def test_backward_hook_counts_its_results():
    net = nn.Linear(1, 1)
    net.register_full_backward_hook(lambda m, gi, go: (None, None))
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 2, but expected 1"):
        net(autograd.ones(1, 1, requires_grad=True)).sum().backward()


def test_backward_hook_passes_higher_order():
    net = nn.Tanh()
    net.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
    x = autograd.tensor(0.5, dtype=autograd.float64, requires_grad=True)
    (first,) = autograd.grad(net(x), x, create_graph=True)
    (second,) = autograd.grad(first, x)
    t = np.tanh(0.5)
    assert first.item() == pytest.approx(2 * (1 - t * t))
    assert second.item() == pytest.approx(-4 * t * (1 - t * t))


def test_the_older_backward_hook():
    net, seen = nn.Linear(1, 1), []
    net.register_backward_hook(lambda m, gi, go: seen.append(go[0].item()))
    net(autograd.ones(1, 1)).sum().backward()
    assert seen == [1.0]

    class Mapped(nn.Module):
        def forward(self, x):
            return {"name": "x", "value": [x * 2]} if x.ndim else []

    mapped = Mapped()
    mapped.register_backward_hook(lambda m, gi, go: seen.append("mapped"))
    mapped(autograd.ones(1, requires_grad=True))
    mapped(autograd.ones((), requires_grad=True))
    with pytest.raises(RuntimeError, match="Cannot use both regular backward hooks and full backward hooks"):
        net.register_full_backward_hook(print)


# ------------------------------------------------------------------ copies, pickles, lifetime


def test_deepcopy_keeps_ties():
    net = Net()
    net.tied = nn.Linear(3, 4)
    net.tied.weight = net.first.weight
    twin = copy.deepcopy(net)
    assert twin.tied.weight is twin.first.weight
    assert twin.first.weight is not net.first.weight
    assert_unchanged(twin, values(net))


def test_pickle_keeps_ties_and_flags():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).eval()
    net[1].weight = net[0].weight
    net[0].bias.requires_grad_(False)
    twin = pickle.loads(pickle.dumps(net))
    assert twin[1].weight is twin[0].weight
    assert not twin[0].bias.requires_grad
    assert not twin.training
    assert_unchanged(twin, values(net))


def test_shallow_copy_shares():
    net = Net()
    assert copy.copy(net).first is net.first


def test_modules_hash_by_identity():
    a, b = nn.ReLU(), nn.ReLU()
    assert len({a, b, a}) == 2


def test_a_module_dies_with_its_last_reference():
    import weakref

    gc.disable()
    try:
        net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        net(autograd.ones(1, 2)).sum().backward()
        ref = weakref.ref(net)
        del net
        assert ref() is None
    finally:
        gc.enable()


def test_scopes_name_the_modules_of_a_node():
    net = Net()
    node = net(autograd.ones(1, 3)).grad_fn
    assert node.scope.module is net
    assert node.scope.name == "Net"
    inner = node.edges[0]
    assert inner.scope.module is net.second
    assert inner.scope.name == "second"
    assert inner.scope.parent.module is net
    assert autograd.ones(1, requires_grad=True).exp().grad_fn.scope is None


# ------------------------------------------------------------------ Parameter


def test_parameter():
    data = autograd.zeros(2)
    p = nn.Parameter(data)
    assert p.requires_grad
    assert p.is_leaf
    assert isinstance(p, autograd.Tensor)
    assert np.shares_memory(p.detach().numpy(), data.numpy())
    assert type(p * 2) is autograd.Tensor
    assert repr(p) == "Parameter containing:\ntensor([0., 0.], requires_grad=True)"
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert nn.Parameter().shape == (0,)
    with autograd.no_grad():
        assert nn.Parameter(data).requires_grad


def test_parameter_refuses():
    with pytest.raises(TypeError, match="Parameter: data must be a Tensor, got int"):
        nn.Parameter(3)
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype can require gradients"):
        nn.Parameter(autograd.zeros(2, dtype=autograd.int64))


def test_uninitialized_parameter():
    p = nn.UninitializedParameter(dtype=autograd.float64)
    assert repr(p) == "<UninitializedParameter>"
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
        p.shape
    with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
        p + 1
    with pytest.raises(AttributeError, match="'UninitializedParameter' object has no attribute 'nope'"):
        p.nope
    assert p.is_leaf
    assert p.grad is None
    assert not nn.UninitializedParameter().requires_grad_(False).requires_grad
    q = copy.deepcopy(p)
    p.materialize((2, 3))
    assert type(p) is nn.Parameter
    assert p.shape == (2, 3)
    assert p.dtype == autograd.float64
    assert p.requires_grad
    assert type(q) is nn.UninitializedParameter
    assert type(pickle.loads(pickle.dumps(q))) is nn.UninitializedParameter


# ------------------------------------------------------------------ lazy modules


def test_lazy_modules_learn_from_the_first_input():
    lazy = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2)).double()
    ids = [id(p) for p in lazy.parameters()]
    copied = copy.deepcopy(lazy)
    lazy(autograd.ones(5, 3, dtype=autograd.float64))
    assert [type(m).__name__ for m in lazy] == ["Linear", "ReLU", "Linear"]
    assert [id(p) for p in lazy.parameters()] == ids
    assert lazy[0].weight.dtype == autograd.float64
    assert not lazy[0]._forward_pre_hooks
    assert isinstance(copied[0], nn.LazyLinear)
    copied.load_state_dict(lazy.state_dict())
    assert copied[0].weight.shape == (4, 3)
    x = autograd.ones(1, 3, dtype=autograd.float64)
    assert copied(x).tolist() == lazy(x).tolist()
    assert type(copied[0]) is nn.Linear


def test_lazy_modules_refuse():
    with pytest.raises(RuntimeError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input to LazyConv2d"):
        nn.LazyConv2d(2, 2)(autograd.ones(3))
    with pytest.raises(RuntimeError, match="the checkpoint's tensor is uninitialized"):
        nn.Linear(2, 2).load_state_dict(nn.LazyLinear(2).state_dict())
    with pytest.raises(ValueError, match="in_channels must be divisible by groups: in_channels=3, groups=2"):
        nn.LazyConv1d(2, 2, groups=2)(autograd.ones(1, 3, 4))


def test_a_lazy_module_must_define_how():
    from nn.layers.lazy import LazyModuleMixin

    class Vague(LazyModuleMixin, nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="initialize_parameters is not implemented for Vague"):
        Vague()(1)

    class Forgetful(Vague):
        def __init__(self):
            super().__init__()
            self.weight = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            pass

    with pytest.raises(RuntimeError, match="module Forgetful has not been fully initialized"):
        Forgetful()(1)


def test_compile_is_accepted():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.ReLU().compile()
