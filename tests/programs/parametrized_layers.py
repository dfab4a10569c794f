"""Layers whose weights are symmetric, orthogonal or of low rank by construction."""

import torch
import torch.nn as nn
import torch.nn.utils.parametrize as parametrize

torch.manual_seed(0)


class Symmetric(nn.Module):
    def forward(self, X):
        return X.triu() + X.triu(1).transpose(-1, -2)


layer = nn.Linear(3, 3)
parametrize.register_parametrization(layer, "weight", Symmetric())
A = layer.weight
print(torch.allclose(A, A.T), A)
print(layer)
print(f"\nUnparametrized:\n{layer.parametrizations.weight.original}")


class Skew(nn.Module):
    def forward(self, X):
        A = X.triu(1)
        return A - A.transpose(-1, -2)


cnn = nn.Conv2d(in_channels=5, out_channels=8, kernel_size=3)
parametrize.register_parametrization(cnn, "weight", Skew()) if False else None


class MatrixExponential(nn.Module):
    def forward(self, X):
        return torch.matrix_exp(X)


lo = nn.Linear(3, 3)
parametrize.register_parametrization(lo, "weight", Skew())
parametrize.register_parametrization(lo, "weight", MatrixExponential())
X = lo.weight
print(torch.dist(X.T @ X, torch.eye(3)).item() < 1e-5)
print(lo)
print(
    isinstance(lo, nn.Linear),
    type(lo).__name__,
    parametrize.is_parametrized(lo),
    parametrize.is_parametrized(lo, "bias"),
)


class Skew2(Skew):
    def right_inverse(self, A):
        return A.triu(1)


l = nn.Linear(3, 3)
parametrize.register_parametrization(l, "weight", Skew2())
X = torch.rand(3, 3)
X = X - X.T
l.weight = X
print(torch.dist(l.weight, X))


class CayleyMap(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.register_buffer("Id", torch.eye(n))

    def forward(self, X):
        return torch.linalg.solve(self.Id - X, self.Id + X)

    def right_inverse(self, A):
        return torch.linalg.solve(A + self.Id, A - self.Id)


lo = nn.Linear(3, 3)
parametrize.register_parametrization(lo, "weight", Skew2())
parametrize.register_parametrization(lo, "weight", CayleyMap(3))
X = torch.empty(3, 3)
nn.init.orthogonal_(X)
if X.det() < 0:
    X[0].neg_()
lo.weight = X
print(torch.dist(lo.weight, X).item() < 1e-4)


class Rank1(nn.Module):
    def forward(self, x, y):
        return x.unsqueeze(-1) @ y.unsqueeze(-2)

    def right_inverse(self, Z):
        U, S, Vh = torch.linalg.svd(Z, full_matrices=False)
        s0 = S[0].sqrt().unsqueeze(-1)
        return U[..., :, 0] * s0, Vh[..., 0, :] * s0


r = nn.Linear(4, 4)
parametrize.register_parametrization(r, "weight", Rank1())
print(torch.linalg.matrix_rank(r.weight).item(), list(dict(r.named_parameters())))


class NoisyParam(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)


n = nn.Linear(2, 2)
with torch.no_grad():
    parametrize.register_parametrization(n, "weight", NoisyParam())
with parametrize.cached():
    print(torch.equal(n.weight, n.weight))
print(torch.equal(n.weight, n.weight))
lay = nn.Linear(3, 3)
print("Before:", type(lay).__name__)
parametrize.register_parametrization(lay, "weight", Skew())
print(type(lay).__name__)
parametrize.remove_parametrizations(lay, "weight", leave_parametrized=False)
print("After", lay, type(lay).__name__, [k for k, _ in lay.named_parameters()])
o = nn.utils.parametrizations.orthogonal(nn.Linear(4, 3))
print(torch.dist(o.weight @ o.weight.T, torch.eye(3)).item() < 1e-5, o)
w = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
print(w, list(w.state_dict()))
w2 = nn.utils.weight_norm(nn.Linear(2, 3), name="weight")
print(list(w2.state_dict()), w2.weight_g.size())
