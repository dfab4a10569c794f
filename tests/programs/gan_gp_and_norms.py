import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm, weight_norm
import torch.nn.utils.parametrize as parametrize

torch.manual_seed(0)


class ResnetBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.block = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(dim, dim, 3), nn.InstanceNorm2d(dim), nn.ReLU(True),
                                   nn.ReflectionPad2d(1), nn.Conv2d(dim, dim, 3), nn.InstanceNorm2d(dim))

    def forward(self, x):
        return x + self.block(x)


G = nn.Sequential(nn.Linear(4, 32), nn.Unflatten(1, (2, 4, 4)), ResnetBlock(2), nn.Upsample(scale_factor=2), nn.Conv2d(2, 1, 3, padding=1), nn.Tanh())
D = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.GroupNorm(2, 4), nn.Flatten(), nn.Linear(64, 1))
optG = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.0, 0.9))
optD = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.0, 0.9))


def gradient_penalty(D, real, fake):
    alpha = torch.rand(real.size(0), 1, 1, 1).expand_as(real)
    inter = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    d = D(inter)
    grads = torch.autograd.grad(outputs=d, inputs=inter, grad_outputs=torch.ones(d.size()), create_graph=True, retain_graph=True,
                                only_inputs=True)[0]
    return ((grads.view(grads.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()


real = torch.rand(8, 1, 8, 8) * 2 - 1
for it in range(4):
    for p in D.parameters():
        p.requires_grad = True
    for _ in range(2):
        with torch.no_grad():
            fake = G(torch.randn(8, 4))
        optD.zero_grad()
        loss_d = D(fake).mean() - D(real).mean() + 10 * gradient_penalty(D, real, fake)
        loss_d.backward()
        optD.step()
    for p in D.parameters():
        p.requires_grad = False
    optG.zero_grad()
    loss_g = -D(G(torch.randn(8, 4))).mean()
    loss_g.backward()
    optG.step()
    print(it, f"{loss_d.item():.4f} {loss_g.item():.4f}")
sn = spectral_norm(nn.Linear(4, 3), n_power_iterations=20)
print(torch.linalg.matrix_norm(sn(torch.eye(4)) - sn.bias, 2) < 1.01, sorted(n for n, _ in sn.named_parameters()))
torch.manual_seed(1)
wn = torch.nn.utils.parametrizations.weight_norm(nn.Linear(3, 2), dim=0)
print(wn, wn.weight.shape, wn(torch.ones(1, 3)))


class Symmetric(nn.Module):
    def forward(self, X):
        return X.triu() + X.triu(1).transpose(-1, -2)


layer = nn.Linear(3, 3)
parametrize.register_parametrization(layer, "weight", Symmetric())
print(torch.equal(layer.weight, layer.weight.T), layer)
layer(torch.ones(1, 3)).sum().backward()
print(layer.parametrizations.weight.original.grad)
orth = torch.nn.utils.parametrizations.orthogonal(nn.Linear(3, 3))
print(torch.dist(orth.weight.T @ orth.weight, torch.eye(3)) < 1e-5)
