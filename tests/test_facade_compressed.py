"""Sparse tensors compressed by rows or columns, through the facade: every answer is PyTorch's own."""

from __future__ import annotations

import pytest

DENSE = [[0.0, 2.0, 0.0], [3.0, 0.0, 4.0]]


@pytest.fixture
def torch():
    from autograd.compat import torch

    torch.install()
    yield torch
    torch.uninstall()


@pytest.mark.filterwarnings("ignore")
def test_rows_become_columns_and_back(torch):
    dense = torch.tensor(DENSE)
    rows, columns = dense.to_sparse_csr(), dense.to_sparse_csc()
    assert rows.crow_indices().tolist() == [0, 1, 3]
    assert rows.col_indices().tolist() == [1, 0, 2]
    assert columns.ccol_indices().tolist() == [0, 1, 2, 3]
    assert columns.row_indices().tolist() == [1, 0, 1]
    assert rows.to_sparse_csc().layout == torch.sparse_csc
    assert columns.to_sparse_csr().layout == torch.sparse_csr
    assert rows.to_sparse(layout=torch.sparse_csc).layout == torch.sparse_csc
    assert columns.to_sparse(layout=torch.sparse_csr).layout == torch.sparse_csr
    assert rows.to_sparse().layout == torch.sparse_coo
    assert dense.to_sparse(layout=torch.sparse_csr).layout == torch.sparse_csr
    assert columns.to_sparse_csr().to_dense().tolist() == DENSE


@pytest.mark.filterwarnings("ignore")
def test_what_the_other_kind_has_is_refused(torch):
    dense = torch.tensor(DENSE)
    with pytest.raises(RuntimeError, match="expected sparse row compressed tensor layout but got SparseCsc"):
        dense.to_sparse_csc().crow_indices()
    with pytest.raises(RuntimeError, match="expected sparse column compressed tensor layout but got SparseCsr"):
        dense.to_sparse_csr().ccol_indices()
    twice = torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 2.0], (2, 2))
    with pytest.raises(RuntimeError, match="Cannot get values on an uncoalesced tensor"):
        twice.values()
    assert twice.coalesce().values().tolist() == [3.0]


@pytest.mark.filterwarnings("ignore")
def test_arithmetic(torch):
    dense = torch.tensor(DENSE)
    rows = dense.to_sparse_csr()
    assert (rows * 2).values().tolist() == [4.0, 6.0, 8.0]
    assert (rows + rows).to_dense().tolist() == (dense + dense).tolist()
    assert (rows @ dense.T).tolist() == (dense @ dense.T).tolist()
    square = torch.tensor([[1.0, 2.0], [0.0, 3.0]]).to_sparse_csr()
    product = square @ square
    assert product.layout == torch.sparse_csr
    assert product.to_dense().tolist() == [[1.0, 8.0], [0.0, 9.0]]
    assert (-rows).values().tolist() == [-2.0, -3.0, -4.0]
    assert rows.t().layout == torch.sparse_csc
    assert rows.t().to_dense().tolist() == dense.T.tolist()
