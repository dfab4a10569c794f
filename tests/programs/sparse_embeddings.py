"""Embeddings with sparse gradients, the optimizers for them, and sparse tensors that stay sparse."""

import torch, torch.nn as nn, torch.nn.functional as F, torch.optim as optim


def t(n, f):
    try:
        r = f()
        print(n, r)
    except Exception as e:
        print(n, type(e).__name__, str(e).splitlines()[0][:200] if str(e) else "")


torch.manual_seed(0)
emb = nn.Embedding(5, 3, sparse=True)
print(emb)
out = emb(torch.tensor([1, 3, 1])).sum()
out.backward()
g = emb.weight.grad
print(g.is_sparse, g.layout, g.shape)
print(g)
print(g.coalesce())
print(g.to_dense())
opt = optim.SparseAdam(emb.parameters(), lr=0.1)
w = emb.weight.detach().clone()
opt.step()
print((emb.weight - w))
opt.zero_grad()
print(emb.weight.grad)
opt = optim.SGD(emb.parameters(), lr=0.1)
emb(torch.tensor([0, 2])).pow(2).sum().backward()
opt.step()
print(emb.weight)
emb(torch.tensor([0, 0])).sum().backward()
print(emb.weight.grad._nnz(), emb.weight.grad._indices(), emb.weight.grad._values().shape)
t("adam", lambda: optim.Adam(emb.parameters()).step())
t("adagrad", lambda: optim.Adagrad(emb.parameters(), lr=0.1).step())
print(emb.weight)
eb = nn.EmbeddingBag(5, 2, sparse=True, mode="sum")
eb(torch.tensor([1, 2, 1]), torch.tensor([0, 2])).sum().backward()
print(eb.weight.grad.is_sparse, eb.weight.grad.to_dense())
l = nn.Linear(2, 2)
l(torch.ones(1, 2)).sum().backward()
i = torch.tensor([[0, 1, 1], [2, 0, 2]])
v = torch.tensor([3.0, 4.0, -5.0])
s = torch.sparse_coo_tensor(i, v, (2, 3))
print(s)
for n, f in [
    ("cat", lambda: torch.cat([s, s])),
    ("cat1", lambda: torch.cat([s, s], 1)),
    ("stack", lambda: torch.stack([s, s])),
    ("zl", lambda: torch.zeros_like(s)),
    ("relu", lambda: torch.relu(s)),
    ("abs", lambda: s.abs()),
    ("neg", lambda: -s),
    ("mul", lambda: s * 2),
    ("div", lambda: s / 2),
    ("add", lambda: s + s),
    ("sub", lambda: s - s),
    ("smul", lambda: s * s),
    ("dmul", lambda: s * torch.ones(2, 3)),
    ("dadd", lambda: torch.ones(2, 3) + s),
    ("sadd", lambda: s + torch.ones(2, 3)),
    ("t", lambda: s.t()),
    ("tr", lambda: s.transpose(0, 1)),
    ("mm", lambda: torch.sparse.mm(s, torch.ones(3, 2))),
    ("mat", lambda: s @ torch.ones(3, 2)),
    ("mv", lambda: s @ torch.ones(3)),
    ("ss", lambda: torch.sparse.mm(s, s.t())),
    ("sum", lambda: torch.sparse.sum(s)),
    ("sum0", lambda: torch.sparse.sum(s, 0)),
    ("ssum", lambda: s.sum()),
    ("sm", lambda: torch.sparse.softmax(s, 1)),
    ("sqrt", lambda: s.abs().sqrt()),
    ("pow", lambda: s.pow(2)),
    ("sq", lambda: s**2),
    ("to", lambda: s.to(torch.float64)),
    ("clone", lambda: s.clone()),
    ("idx", lambda: s[0]),
    ("idx2", lambda: s[1, 2]),
    ("sel", lambda: s.index_select(0, torch.tensor([1]))),
    ("norm", lambda: s.norm()),
    ("size", lambda: (s.size(), s.sparse_dim(), s.dense_dim(), s.ndim, s.numel())),
    ("csr", lambda: s.to_sparse_csr()),
    ("unsq", lambda: s.unsqueeze(0)),
    ("tanh", lambda: s.tanh()),
    ("mask", lambda: torch.ones(2, 3).sparse_mask(s)),
    ("rand", lambda: torch.sparse_coo_tensor((2, 3))),
    ("emp", lambda: torch.zeros(2, 3).to_sparse()),
    ("drop", lambda: F.dropout(s, 0.0)),
    ("spadd", lambda: torch.sparse.addmm(torch.ones(2, 2), s, torch.ones(3, 2))),
    ("np", lambda: s.numpy()),
    ("item", lambda: s.to_dense().tolist()),
    ("req", lambda: s.requires_grad_()),
    ("det", lambda: s.detach().requires_grad),
    ("isc", lambda: s.is_coalesced()),
    ("iscc", lambda: s.coalesce().is_coalesced()),
]:
    t(n, f)
