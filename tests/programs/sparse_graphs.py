"""Graph convolutions over sparse adjacency matrices, and message passing by scattering."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.nn.modules.module import Module
from torch.nn.parameter import Parameter

torch.manual_seed(42)
np.random.seed(42)


class GraphConvolution(Module):
    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(torch.FloatTensor(in_features, out_features))
        if bias:
            self.bias = Parameter(torch.FloatTensor(out_features))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1.0 / math.sqrt(self.weight.size(1))
        self.weight.data.uniform_(-stdv, stdv)
        if self.bias is not None:
            self.bias.data.uniform_(-stdv, stdv)

    def forward(self, input, adj):
        support = torch.mm(input, self.weight)
        output = torch.spmm(adj, support)
        return output + self.bias if self.bias is not None else output

    def __repr__(self):
        return self.__class__.__name__ + " (" + str(self.in_features) + " -> " + str(self.out_features) + ")"


class GCN(nn.Module):
    def __init__(self, a, b, c, d):
        super().__init__()
        self.gc1 = GraphConvolution(a, b)
        self.gc2 = GraphConvolution(b, c)
        self.dropout = d

    def forward(self, x, adj):
        x = F.relu(self.gc1(x, adj))
        x = F.dropout(x, self.dropout, training=self.training)
        x = self.gc2(x, adj)
        return F.log_softmax(x, dim=1)


N = 20
A = (np.random.rand(N, N) < 0.2).astype(np.float32)
A = np.maximum(A, A.T) + np.eye(N, dtype=np.float32)
A /= A.sum(1, keepdims=True)
r, c = np.nonzero(A)
idx = torch.from_numpy(np.vstack((r, c)).astype(np.int64))
vals = torch.from_numpy(A[r, c])
adj = torch.sparse.FloatTensor(idx, vals, torch.Size(A.shape))
X = torch.randn(N, 8)
y = torch.randint(0, 3, (N,))
m = GCN(8, 16, 3, 0.5)
opt = optim.Adam(m.parameters(), lr=0.01, weight_decay=5e-4)
print(m)
for e in range(10):
    m.train()
    opt.zero_grad()
    o = m(X, adj)
    l = F.nll_loss(o[:10], y[:10])
    l.backward()
    opt.step()
    print("Epoch: {:04d}".format(e + 1), "loss: {:.4f}".format(l.item()))


class GAT(nn.Module):
    def __init__(self, i, o, alpha=0.2):
        super().__init__()
        self.W = nn.Parameter(torch.empty(size=(i, o)))
        nn.init.xavier_uniform_(self.W.data, gain=1.414)
        self.a = nn.Parameter(torch.empty(size=(2 * o, 1)))
        nn.init.xavier_uniform_(self.a.data, gain=1.414)
        self.lr = nn.LeakyReLU(alpha)
        self.o = o

    def forward(self, h, adj):
        Wh = torch.mm(h, self.W)
        e = self.lr(Wh @ self.a[: self.o] + (Wh @ self.a[self.o :]).T)
        z = -9e15 * torch.ones_like(e)
        att = torch.where(adj > 0, e, z)
        att = F.softmax(att, dim=1)
        att = F.dropout(att, 0.6, training=self.training)
        return F.elu(torch.matmul(att, Wh))


g = GAT(8, 4)
o = g(X, torch.from_numpy(A))
print(o[:3])
o.sum().backward()
print(g.a.grad.norm())
print(adj.shape, adj.to_dense().sum().item())
i = torch.tensor([[0, 1, 1], [2, 0, 2]])
v = torch.tensor([3.0, 4.0, 5.0])
s = torch.sparse_coo_tensor(i, v, (2, 3))
print(s.to_dense())
print(torch.sparse.mm(s, torch.ones(3, 2)))
# scatter message passing
src = torch.tensor([0, 1, 2, 3])
dst = torch.tensor([1, 2, 3, 0])
x = torch.arange(8.0).view(4, 2)
out = torch.zeros(4, 2).index_add_(0, dst, x[src])
print(
    out,
    torch.zeros(4, 2).scatter_add_(0, dst.view(-1, 1).expand(-1, 2), x[src]),
    torch.zeros(4, 2).scatter_reduce(0, dst.view(-1, 1).expand(-1, 2), x[src], "mean", include_self=False),
)
print(torch.zeros(4, 2).index_reduce_(0, dst, x[src], "amax"))
