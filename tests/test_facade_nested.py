"""Nested tensors through the facade."""

from __future__ import annotations

import pytest

import nn


@pytest.fixture
def torch():
    from autograd.compat import torch

    torch.install()
    yield torch
    torch.uninstall()


def test_gradients_reach_the_parts(torch):
    parts = [torch.ones(2, 3, requires_grad=True), torch.ones(1, 3, requires_grad=True)]
    layer = nn.Linear(3, 2)
    torch.nested.to_padded_tensor(layer(torch.nested.as_nested_tensor(parts)), 0.0).sum().backward()
    expected = layer.weight.detach().sum(0)
    assert all(torch.allclose(row, expected) for t in parts for row in t.grad)


def test_parts_have_one_rank(torch):
    with pytest.raises(RuntimeError, match="must have the same dimension"):
        torch.nested.nested_tensor([torch.ones(2), torch.ones(1, 2)])


def test_two_nested_tensors_have_as_many_parts(torch):
    a, b = (torch.nested.nested_tensor([torch.ones(2)] * n) for n in (2, 3))
    with pytest.raises(RuntimeError, match="as many parts: 2, 3"):
        a + b


def test_lengths_that_differ_have_no_size(torch):
    nested = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)])
    assert nested.size(0) == 2
    assert nested.size(2) == 3
    with pytest.raises(RuntimeError, match="Given dimension 1 is irregular"):
        nested.size(1)
    with pytest.raises(RuntimeError, match="no shape of its own"):
        nested.shape


def test_axes_count_the_parts_first(torch):
    nested = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)])
    assert [tuple(t.shape) for t in nested.transpose(1, 2).unbind()] == [(3, 2), (3, 4)]
    assert torch.allclose(nested.softmax(2)[1].sum(1), torch.ones(4))
    with pytest.raises(RuntimeError, match="first axis counts its parts"):
        nested.transpose(0, 1)
