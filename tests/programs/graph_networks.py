import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.parameter import Parameter
from torch.nn.modules.module import Module


class GraphConvolution(Module):
    def __init__(self, in_features, out_features, bias=True):
        super(GraphConvolution, self).__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(torch.FloatTensor(in_features, out_features))
        if bias:
            self.bias = Parameter(torch.FloatTensor(out_features))
        else:
            self.register_parameter('bias', None)
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1. / math.sqrt(self.weight.size(1))
        self.weight.data.uniform_(-stdv, stdv)
        if self.bias is not None:
            self.bias.data.uniform_(-stdv, stdv)

    def forward(self, input, adj):
        support = torch.mm(input, self.weight)
        output = torch.spmm(adj, support)
        return output + self.bias if self.bias is not None else output

    def __repr__(self):
        return self.__class__.__name__ + ' (' + str(self.in_features) + ' -> ' + str(self.out_features) + ')'


class GCN(nn.Module):
    def __init__(self, nfeat, nhid, nclass, dropout):
        super().__init__()
        self.gc1, self.gc2, self.dropout = GraphConvolution(nfeat, nhid), GraphConvolution(nhid, nclass), dropout

    def forward(self, x, adj):
        x = F.relu(self.gc1(x, adj))
        x = F.dropout(x, self.dropout, training=self.training)
        return F.log_softmax(self.gc2(x, adj), dim=1)


class GraphAttentionLayer(nn.Module):
    def __init__(self, i, o, dropout, alpha, concat=True):
        super().__init__()
        self.dropout, self.o, self.concat = dropout, o, concat
        self.W = nn.Parameter(torch.empty(size=(i, o)))
        nn.init.xavier_uniform_(self.W.data, gain=1.414)
        self.a = nn.Parameter(torch.empty(size=(2 * o, 1)))
        nn.init.xavier_uniform_(self.a.data, gain=1.414)
        self.leakyrelu = nn.LeakyReLU(alpha)

    def forward(self, h, adj):
        Wh = torch.mm(h, self.W)
        e = self.leakyrelu(torch.matmul(Wh, self.a[:self.o, :]) + torch.matmul(Wh, self.a[self.o:, :]).T)
        attention = torch.where(adj > 0, e, -9e15 * torch.ones_like(e))
        attention = F.dropout(F.softmax(attention, dim=1), self.dropout, training=self.training)
        h_prime = torch.matmul(attention, Wh)
        return F.elu(h_prime) if self.concat else h_prime


torch.manual_seed(42)
n = 12
edges = torch.tensor([[i, (i * 5 + 1) % n] for i in range(n)] + [[i, (i + 1) % n] for i in range(n)]).t()
A = torch.sparse_coo_tensor(edges, torch.ones(edges.shape[1]), (n, n)).to_dense()
A = ((A + A.T + torch.eye(n)) > 0).float()
D = A.sum(1).pow(-0.5).diag()
adj = D @ A @ D
features, labels = torch.eye(n), torch.arange(n) // 4
model = GCN(n, 8, 3, 0.3)
print(model)
opt = torch.optim.Adam(model.parameters(), lr=0.05, weight_decay=5e-4)
for epoch in range(20):
    model.train()
    opt.zero_grad()
    loss = F.nll_loss(model(features, adj)[::2], labels[::2])
    loss.backward()
    opt.step()
    if epoch % 10 == 9:
        model.eval()
        print(epoch, loss.item(), (model(features, adj).argmax(1) == labels).double().mean().item())
gat = GraphAttentionLayer(n, 4, 0.0, 0.2)
out = gat(features, A)
out.sum().backward()
print(out.shape, out.mean(), gat.a.grad.T)
src, dst = edges
agg = torch.zeros(n, 4).index_add(0, dst, out.detach()[src])
deg = torch.zeros(n).scatter_add_(0, dst, torch.ones(dst.numel()))
print(agg.sum(), deg, torch.zeros(n, 4).scatter_reduce(0, dst.unsqueeze(1).expand(-1, 4), out.detach()[src], reduce="amax", include_self=False).sum())
