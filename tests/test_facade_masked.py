"""Masked tensors through the facade."""

from __future__ import annotations

import pytest


@pytest.fixture
def torch():
    from autograd.compat import torch

    torch.install()
    yield torch
    torch.uninstall()


def test_gradients_are_masked_and_reach_the_values(torch):
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    masked = torch.masked.as_masked_tensor(x, torch.tensor([True, False, True]))
    (masked * masked).sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 6.0]
    assert masked.grad.get_mask().tolist() == [True, False, True]


def test_what_counts_nowhere_gives_a_result_that_does_not_count(torch):
    masked = torch.masked.masked_tensor(torch.ones(2, 2), torch.tensor([[True, True], [False, False]]))
    assert masked.sum(1).get_mask().tolist() == [True, False]
    assert repr(masked.sum(1)[1]) == "MaskedTensor(--, False)"


def test_masks_must_match(torch):
    a, b = (torch.masked.masked_tensor(torch.ones(2), torch.tensor([True, m])) for m in (True, False))
    with pytest.raises(ValueError, match="Input masks must match"):
        a + b
    assert torch.where(torch.tensor([True, True]), a, b).get_mask().tolist() == [True, True]


def test_shape_and_kind_of_a_mask_are_checked(torch):
    with pytest.raises(ValueError, match="same shape"):
        torch.masked.masked_tensor(torch.ones(2), torch.tensor([True]))
    with pytest.raises(TypeError, match="must be a bool tensor"):
        torch.masked.masked_tensor(torch.ones(2), torch.ones(2))
