"""The meta device through the facade, and gradients of embeddings that list their rows."""

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


def test_a_meta_tensor_takes_no_memory_for_its_elements(torch):
    t = torch.empty(1000, 1000, 1000, device="meta")
    assert t.is_meta
    assert t._data.strides == (0, 0, 0)


def test_making_on_meta_draws_no_random_numbers(torch):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    nn.Linear(3, 3, device="meta")
    torch.randn(5, device="meta")
    assert torch.equal(torch.rand(1), expected)


def test_a_block_of_the_device_ends(torch):
    with torch.device("meta"):
        assert torch.ones(1).is_meta
    assert not torch.ones(1).is_meta


def test_a_module_gets_its_memory_back(torch):
    model = nn.Linear(2, 1, device="meta")
    weight = model.weight
    with pytest.raises(NotImplementedError, match="to_empty"):
        model.to("cpu")
    model.to_empty(device="cpu")
    assert model.weight is weight
    assert type(weight) is nn.Parameter
    nn.init.ones_(weight)
    assert weight.tolist() == [[1.0, 1.0]]


def test_meta_is_unknown_when_the_facade_is_not_installed():
    with pytest.raises(RuntimeError, match="device 'meta' is not available"):
        autograd.ones(1, device="meta")


@pytest.mark.parametrize("padding", [None, 1])
def test_a_sparse_gradient_is_the_dense_one(torch, padding):
    sparse, dense = (nn.Embedding(4, 2, padding_idx=padding, sparse=s) for s in (True, False))
    dense.load_state_dict(sparse.state_dict())
    rows = torch.tensor([[1, 3], [1, 0]])
    for table in (sparse, dense):
        (table(rows) ** 2 * torch.arange(8.0).reshape(2, 2, 2)).sum().backward()
    assert sparse.weight.grad.is_sparse
    assert torch.allclose(sparse.weight.grad.to_dense(), dense.weight.grad)
    assert sparse.weight.grad._nnz() == (4 if padding is None else 2)


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_bags_have_sparse_gradients(torch, mode):
    sparse, dense = (nn.EmbeddingBag(4, 2, mode=mode, sparse=s) for s in (True, False))
    dense.load_state_dict(sparse.state_dict())
    for bag in (sparse, dense):
        (bag(torch.tensor([1, 3, 1]), torch.tensor([0, 1])) ** 2).sum().backward()
    assert sparse.weight.grad.is_sparse
    assert torch.allclose(sparse.weight.grad.to_dense(), dense.weight.grad)


def test_a_table_that_is_used_otherwise_too_has_a_dense_gradient(torch):
    table = nn.Embedding(3, 2, sparse=True)
    (table(torch.tensor([0])).sum() + table.weight.sum()).backward()
    assert not table.weight.grad.is_sparse
    assert table.weight.grad.tolist() == [[2.0, 2.0], [1.0, 1.0], [1.0, 1.0]]


def test_sparse_gradients_add_up(torch):
    table = nn.Embedding(3, 2, sparse=True)
    for _ in range(3):
        table(torch.tensor([0, 2])).sum().backward()
    assert table.weight.grad._nnz() == 6
    assert table.weight.grad.to_dense().tolist() == [[3.0, 3.0], [0.0, 0.0], [3.0, 3.0]]


def test_optimizers_without_a_sparse_rule_refuse(torch):
    table = nn.Embedding(3, 2, sparse=True)
    table(torch.tensor([0])).sum().backward()
    with pytest.raises(RuntimeError, match="Adam does not support sparse gradients, please consider SparseAdam"):
        torch.optim.Adam(table.parameters()).step()
    torch.optim.SGD(table.parameters(), lr=1.0).step()
