"""`__torch_function__` through the facade: who is asked, in which order, and what is left when nobody asks any more."""

from __future__ import annotations

import pytest

import autograd
import nn


@pytest.fixture
def torch():
    from autograd.compat import torch

    torch.install()
    yield torch
    torch.uninstall()


def stranger(torch, table):
    class Stranger:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return table[func](*args) if func in table else NotImplemented

    return Stranger()


def test_a_program_without_such_classes_has_the_functions_themselves(torch):
    class Plain:
        pass

    assert torch.relu is autograd.relu or not hasattr(torch.relu, "raw")
    assert type(vars(autograd.Tensor)["sum"]).__name__ == "function"


def test_everything_is_put_back(torch):
    before = autograd.Tensor.sum, nn.functional.conv2d, autograd.Tensor.shape
    stranger(torch, {})
    assert autograd.Tensor.sum is not before[0]
    torch.uninstall()
    assert (autograd.Tensor.sum, nn.functional.conv2d, autograd.Tensor.shape) == before
    assert type(autograd.Tensor.sum) is type(before[0])
    assert not hasattr(autograd.Tensor, "__torch_function__")
    torch.install()


def test_what_was_looked_up_meanwhile_is_put_back_too(torch):
    stranger(torch, {})
    vars(torch).pop("hypot", None)
    assert hasattr(torch.hypot, "raw")
    torch.uninstall()
    assert not hasattr(torch.hypot, "raw")
    torch.install()


def test_a_table_made_before_and_after_the_class_finds_the_function(torch):
    table = {torch.mean: lambda x: "mean"}
    value = stranger(torch, table)
    table[torch.add] = lambda x, y: "add"
    assert torch.mean(value) == "mean"
    assert torch.add(torch.ones(2), value) == "add"


def test_nobody_answers(torch):
    value = stranger(torch, {})
    with pytest.raises(
        TypeError, match=r"Multiple dispatch failed for 'torch\.mul'.*\n\n  - tensor subclass .*Stranger"
    ):
        torch.mul(value, 2)
    with pytest.raises(TypeError, match="unsupported operand"):
        torch.ones(2) + value


def test_subclasses_are_asked_before_their_bases(torch):
    asked = []

    class Base(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            asked.append(cls.__name__)
            return NotImplemented

    class Derived(Base):
        pass

    with pytest.raises(TypeError):
        torch.add(Base([1.0]), Derived([1.0]))
    assert asked == ["Derived", "Base"]


def test_gradients_pass_through_a_subclass(torch):
    class Sub(torch.Tensor):
        pass

    x = torch.ones(3, requires_grad=True)
    s = x.as_subclass(Sub)
    y = (s * s).sum()
    assert type(y) is Sub
    y.backward()
    assert type(x.grad) is torch.Tensor
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_a_change_in_place_of_a_subclass_shows_in_its_base(torch):
    class Sub(torch.Tensor):
        pass

    x = torch.zeros(3)
    s = x.as_subclass(Sub)
    assert s.add_(1) is s
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_layers_keep_the_subclass(torch):
    class Sub(torch.Tensor):
        pass

    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.LayerNorm(3))
    assert type(net(Sub([[1.0, 2.0]]))) is Sub


def test_an_inner_mode_is_asked_first_and_may_answer_itself(torch):
    from torch.overrides import TorchFunctionMode

    class Answer(TorchFunctionMode):
        def __init__(self, text):
            self.text = text

        def __torch_function__(self, func, types, args=(), kwargs=None):
            return self.text

    with Answer("outer"), Answer("inner"):
        assert torch.zeros(2) == "inner"
    assert torch.zeros(2).tolist() == [0.0, 0.0]


def test_a_function_of_the_programs_own_asks(torch):
    from torch.overrides import wrap_torch_function

    @wrap_torch_function(lambda x: (x,))
    def double(x):
        return x * 2

    value = stranger(torch, {double: lambda x: "doubled"})
    assert double(value) == "doubled"
    assert double(3) == 6
    with pytest.raises(TypeError, match=r"no implementation found for '.*double' on types"):
        double(stranger(torch, {}))
