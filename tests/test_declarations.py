"""What a declaration refuses, and how a call is taken apart into inputs and parameters."""

from __future__ import annotations

import re

import numpy as np
import pytest

import autograd
from autograd._op import Op
from autograd._registry import Later, registry
from autograd._samples import reals


def scaled(x, y, *, factor=2, shift=0.0):
    """factor * x + y + shift"""
    return factor * x + y + shift


def joined(*xs, dim=0):
    """The arrays joined."""
    return np.concatenate(xs, axis=dim)


@pytest.fixture
def declared():
    return Op(scaled, {})


def test_options_are_known():
    with pytest.raises(TypeError, match="scaled: unknown option 'colour' of a declaration"):
        Op(scaled, {"colour": "red"})


def test_a_rule_is_of_a_gradient_for_an_input_from_what_there_is(declared):
    with pytest.raises(TypeError, match=r"scaled: a rule's first parameter is g, got \('h', 'x'\)"):
        declared.grad("x")(lambda h, x: h)
    with pytest.raises(TypeError, match="scaled: rule for 'z', which is not an input of"):
        declared.grad("z")(lambda g: g)
    with pytest.raises(
        TypeError, match="scaled: a rule asks for 'w', which is none of its inputs, parameters or results"
    ):
        declared.grad("x")(lambda g, w: g)
    declared.grad("x")(lambda g, factor, x_shape: g * factor)
    assert declared.rules["x"][1] == ("factor", "x_shape")


@pytest.mark.parametrize(("args", "kwargs", "bound"), [
    ((1, 2), {}, ((1, 2), (2, 0.0))), ((1,), {"y": 5}, ((1, 5), (2, 0.0))),
    ((1, 2, 3), {}, ((1, 2), (3, 0.0))), ((), {"y": 2, "x": 1, "shift": 4.0}, ((1, 2), (2, 4.0)))])  # fmt: skip
def test_arguments_find_their_places(declared, args, kwargs, bound):
    kwargs = {declared.public_name(k) if k in declared.inputs else k: v for k, v in kwargs.items()}
    assert declared.bind(args, kwargs) == bound


@pytest.mark.parametrize(("args", "kwargs", "said"), [
    ((1, 2, 3, 4, 5), {}, "scaled() takes at most 4 arguments but 5 were given"),
    ((1, 2), {"colour": 3}, "scaled() got an unexpected keyword argument 'colour'; it takes ("),
    ((1, 2), {"first": 3}, "scaled() got multiple values for argument"), ((1,), {}, "scaled() missing required argument"),
    ((), {"factor": 3}, "(position 1)")])  # fmt: skip
def test_arguments_that_fit_nowhere(declared, args, kwargs, said):
    kwargs = {declared.public_name("x") if k == "first" else k: v for k, v in kwargs.items()}
    with pytest.raises(TypeError, match=re.escape(said)):
        declared.bind(args, kwargs)


def test_the_signature_names_defaults(declared):
    assert declared.signature.endswith("factor=2, shift=0.0)")


def test_a_tensor_whose_gradient_would_be_lost_is_no_number(declared):
    factor = autograd.tensor(2.0, requires_grad=True)
    with pytest.raises((TypeError, RuntimeError), match="factor"):
        declared.bind((1, 2), {"factor": factor})


def test_operations_of_any_number_of_inputs():
    many = Op(joined, {})
    assert many.bind((1, 2, 3), {"dim": 1}) == ((1, 2, 3), (1,))
    with pytest.raises(TypeError, match=r"joined\(\) got an unexpected keyword argument 'colour'; it takes \(\*xs"):
        many.bind((1,), {"colour": 1})


def test_inputs_are_tensors_arrays_or_numbers():
    with pytest.raises(TypeError, match=r"argument .* \(position 2\) must be Tensor, not str"):
        autograd.add(autograd.ones(2), "a")
    with pytest.raises(TypeError, match=r"\(position 1\) must be Tensor, not"):
        autograd.exp(None)


def test_a_method_that_comes_later_is_looked_up_once_its_family_is_there(monkeypatch):
    class Owner:
        soon, gone = Later("soon"), Later("gone")

    monkeypatch.setattr(registry, "load", lambda: setattr(Owner, "soon", lambda self: 5))
    assert Owner().soon() == 5
    assert registry.load is None
    with pytest.raises(AttributeError, match="gone"):
        Owner.gone
    assert "gone" not in vars(Owner)


def test_the_registry_knows_every_declaration_and_no_other_name():
    assert registry["linalg.svd"] is registry.get("linalg.svd")
    assert "linalg.svd" in registry
    assert len(registry) == len(list(registry)) == len(registry.items())
    assert "no.such" not in registry
    assert registry.get("no.such", 3) == 3
    with pytest.raises(KeyError, match=r"no\.such"):
        registry["no.such"]


@pytest.mark.parametrize("inputs", [1, 2, 3, 4])
def test_samples_of_real_numbers_have_a_tensor_for_every_input(inputs):
    found = reals(1.0, 2.0, avoid=(1.5,)).calls(np.random.default_rng(0), inputs)
    assert all(len(c.args) == inputs for c in found)
    assert any(len({a.shape for a in c.args}) > 1 for c in found) is (inputs > 1)  # some broadcast
    values = np.concatenate([a.reshape(-1) for c in found for a in c.args])
    assert ((values >= 0.9) & (values <= 2.1) & (abs(values - 1.5) >= 0.1)).all()
