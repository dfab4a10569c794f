import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
opt = torch.optim.LBFGS(net.parameters(), lr=0.5, max_iter=10, history_size=10)
x = torch.linspace(0, 1, 20).view(-1, 1).requires_grad_(True)


def derivative(y, x):
    return torch.autograd.grad(y, x, grad_outputs=torch.ones_like(y), create_graph=True)[0]


def closure():
    opt.zero_grad()
    u = net(x)
    ux = derivative(u, x)
    uxx = derivative(ux, x)
    residual = uxx + math.pi ** 2 * torch.sin(math.pi * x)
    boundary = net(torch.tensor([[0.0], [1.0]]))
    loss = residual.pow(2).mean() + 10 * boundary.pow(2).mean()
    loss.backward()
    return loss


for i in range(2):
    print(i, f"{opt.step(closure).item():.3f}")
torch.set_default_dtype(torch.float32)

model = nn.Sequential(nn.Linear(1, 20), nn.ReLU(), nn.Linear(20, 1))
meta = torch.optim.Adam(model.parameters(), lr=1e-2)
for outer in range(5):
    meta_loss = 0.0
    for task in range(3):
        amp, phase = 1.0 + task, 0.5 * task
        xs, xq = torch.rand(10, 1) * 4 - 2, torch.rand(10, 1) * 4 - 2
        f = lambda v: amp * torch.sin(v + phase)
        fast = dict(model.named_parameters())
        for _ in range(2):
            loss = F.mse_loss(functional_call(model, fast, (xs,)), f(xs))
            grads = torch.autograd.grad(loss, fast.values(), create_graph=True)
            fast = {n: p - 0.05 * g for (n, p), g in zip(fast.items(), grads)}
        meta_loss = meta_loss + F.mse_loss(functional_call(model, fast, (xq,)), f(xq))
    meta.zero_grad()
    meta_loss.backward()
    meta.step()
    print(outer, f"{meta_loss.item():.4f}")


class ODEFunc(nn.Module):
    def __init__(self):
        super().__init__()
        self.A = nn.Parameter(torch.tensor([[-0.5, 0.5], [-0.5, -0.5]]))

    def forward(self, t, y):
        return y @ self.A.T


def rk4(f, y, t0, t1, steps):
    h = (t1 - t0) / steps
    for i in range(steps):
        t = t0 + i * h
        k1 = f(t, y)
        k2 = f(t + h / 2, y + h / 2 * k1)
        k3 = f(t + h / 2, y + h / 2 * k2)
        k4 = f(t + h, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


func = ODEFunc()
opt = torch.optim.SGD(func.parameters(), lr=0.1)
target = torch.linalg.matrix_exp(torch.tensor([[-0.1, 2.0], [-2.0, -0.1]]) * 0.5) @ torch.tensor([2.0, 0.0])
for i in range(10):
    opt.zero_grad()
    loss = F.mse_loss(rk4(func, torch.tensor([2.0, 0.0]), 0.0, 0.5, 5), target)
    loss.backward()
    opt.step()
print(target, loss.item(), func.A)
