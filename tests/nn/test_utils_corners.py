"""nn.utils at the corners: keys that are not the module's, hooks of others, several parametrisations, gradients missing."""

from __future__ import annotations

import pytest

import autograd
import nn
from autograd import tensor
from nn.utils import parametrize, stateless


def doubler():
    layer = nn.Linear(1, 1)
    with autograd.no_grad():
        layer.weight.fill_(2.0)
        layer.bias.fill_(1.0)
    return layer


WEIGHT, BIAS, X = tensor([[3.0]]), tensor([5.0]), tensor([1.0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight": WEIGHT}, r"Missing key\(s\): 'bias'\.$"),
        ({"weight": WEIGHT, "bias": BIAS, "scale": X}, r"Unexpected key\(s\): 'scale'\.$"),
        ({"weight": WEIGHT, "scale": X}, r"Unexpected key\(s\): 'scale'\.\s+Missing key\(s\): 'bias'\.$"),
    ],
)
def test_a_strict_call_names_the_keys_that_do_not_match(given, message):
    with pytest.raises(RuntimeError, match=message):
        stateless.functional_call(doubler(), given, (X,), strict=True)


def test_a_strict_call_with_all_keys_is_a_call():
    given = {"weight": WEIGHT, "bias": BIAS}
    assert stateless.functional_call(doubler(), given, (X,), strict=True).tolist() == [8.0]


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(tensor(2.0))

    def forward(self, x):
        return x * self.weight * getattr(self, "scale", 1.0)


@pytest.mark.parametrize("tie", [True, False])
def test_a_tensor_the_module_does_not_have_is_an_attribute_while_it_is_called(tie):
    module = Scaled()
    given = {"scale": tensor(10.0)}
    assert stateless.functional_call(module, given, (X,), tie_weights=tie).tolist() == [20.0]
    assert not hasattr(module, "scale")
    assert module(X).tolist() == [2.0]
    outer = nn.Sequential(module)
    assert stateless.functional_call(outer, {"0.scale": tensor(3.0)}, (X,), tie_weights=tie).tolist() == [6.0]
    assert not hasattr(module, "scale")


def test_an_attribute_that_is_a_tensor_is_replaced_meanwhile():
    module = Scaled()
    module.scale = tensor(5.0)
    given = {"scale": nn.Parameter(tensor(3.0))}
    assert stateless.functional_call(module, given, (X,)).tolist() == [6.0]
    assert module.scale.item() == 5.0


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"inner.scale": X}, AttributeError, "Linear has no attribute `inner`"),
        ({"in_features": X}, TypeError, "attribute `in_features`: 1 is not an instance of torch.Tensor"),
        ({"weight": WEIGHT, "bias": 3}, TypeError, "3 is not an instance of torch.Tensor"),
        ({"weight": WEIGHT, "": X}, KeyError, "tensor name can.*t be empty string"),
    ],
)
def test_what_cannot_be_replaced_is_told_and_the_rest_is_as_before(given, error, message):
    layer = doubler()
    with pytest.raises(error, match=message):
        stateless.functional_call(layer, given, (X,))
    assert layer(X).tolist() == [3.0]


@pytest.mark.parametrize("legacy", [nn.utils.weight_norm, nn.utils.spectral_norm])
@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
def test_a_normalised_parameter_is_found_among_other_hooks(legacy):
    layer, calls = doubler(), []
    layer.register_forward_pre_hook(lambda module, args: calls.append(1))
    remove = nn.utils.remove_weight_norm if legacy is nn.utils.weight_norm else nn.utils.remove_spectral_norm
    legacy(layer)
    other = nn.Bilinear(2, 2, 2)
    other.register_parameter("second", nn.Parameter(autograd.ones(2, 2)))
    legacy(other, "weight")
    legacy(other, "second")
    with pytest.raises(RuntimeError, match="Cannot register two"):
        legacy(other, "second")
    remove(other, "second")
    assert isinstance(other.second, nn.Parameter)
    assert "weight_orig" in other._parameters or "weight_g" in other._parameters
    remove(layer)
    layer(X)
    assert calls == [1]
    with pytest.raises(ValueError, match="not found in"):
        remove(layer)


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


class Twice(nn.Module):
    def forward(self, x):
        return autograd.cat([x, x])


def test_an_unsafe_parametrisation_may_follow_another():
    layer = doubler()
    parametrize.register_parametrization(layer, "bias", Times(3.0))
    with pytest.raises(ValueError, match="may not change the shape"):
        parametrize.register_parametrization(layer, "bias", Twice())
    parametrize.register_parametrization(layer, "bias", Twice(), unsafe=True)
    assert layer.bias.tolist() == [3.0, 3.0]


def test_one_of_two_parametrised_tensors_becomes_ordinary():
    layer = doubler()
    parametrize.register_parametrization(layer, "weight", Times(3.0))
    parametrize.register_parametrization(layer, "bias", Times(4.0))
    parametrize.remove_parametrizations(layer, "weight")
    assert (parametrize.is_parametrized(layer, "weight"), parametrize.is_parametrized(layer)) == (False, True)
    assert isinstance(layer.weight, nn.Parameter)
    assert (layer.weight.item(), layer.bias.item()) == (6.0, 4.0)
    parametrize.remove_parametrizations(layer, "bias", leave_parametrized=False)
    assert type(layer) is nn.Linear
    assert layer.bias.item() == 1.0


def test_cached_blocks_may_lie_in_one_another():
    layer, calls = doubler(), []

    class Counted(nn.Module):
        def forward(self, x):
            calls.append(1)
            return x

    parametrize.register_parametrization(layer, "weight", Counted())
    calls.clear()
    with parametrize.cached():
        with parametrize.cached():
            layer.weight
        layer.weight
    assert calls == [1]
    layer.weight
    assert calls == [1, 1]


def parameters():
    with_grad, without = nn.Parameter(tensor([1.0, 2.0])), nn.Parameter(tensor([3.0]))
    with_grad.grad = tensor([6.0, -8.0])
    return with_grad, without


def test_gradients_that_are_not_there_are_not_clipped():
    p, q = parameters()
    assert nn.utils.clip_grad_norm_([p, q], 5.0).item() == 10.0
    assert p.grad.tolist() == pytest.approx([3.0, -4.0], rel=1e-5)
    p, q = parameters()
    nn.utils.clip_grad_value_([p, q], 7.0)
    assert p.grad.tolist() == [6.0, -7.0]
    assert q.grad is None
