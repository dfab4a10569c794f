"""Vector quantisation, diffusion, autoregressive flows, energies and Boltzmann machines."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class VQ(nn.Module):
    def __init__(self, k, d, beta=0.25, decay=0.0):
        super().__init__()
        self.k = k
        self.d = d
        self.e = nn.Embedding(k, d)
        self.e.weight.data.uniform_(-1 / k, 1 / k)
        self.beta = beta
        self.register_buffer("cs", torch.zeros(k))
        self.ema = nn.Parameter(torch.Tensor(k, d))
        self.ema.data.normal_()
        self.decay = decay

    def forward(self, x):
        x = x.permute(0, 2, 3, 1).contiguous()
        s = x.shape
        f = x.view(-1, self.d)
        dist = (
            torch.sum(f**2, dim=1, keepdim=True)
            + torch.sum(self.e.weight**2, dim=1)
            - 2 * torch.matmul(f, self.e.weight.t())
        )
        i = torch.argmin(dist, dim=1).unsqueeze(1)
        enc = torch.zeros(i.shape[0], self.k)
        enc.scatter_(1, i, 1)
        q = torch.matmul(enc, self.e.weight).view(s)
        if self.training and self.decay:
            self.cs = self.cs * self.decay + (1 - self.decay) * torch.sum(enc, 0)
            n = torch.sum(self.cs.data)
            self.cs = (self.cs + 1e-5) / (n + self.k * 1e-5) * n
            dw = torch.matmul(enc.t(), f)
            self.ema = nn.Parameter(self.ema * self.decay + (1 - self.decay) * dw)
            self.e.weight = nn.Parameter(self.ema / self.cs.unsqueeze(1))
        l = F.mse_loss(q.detach(), x) * self.beta + F.mse_loss(q, x.detach())
        q = x + (q - x).detach()
        p = torch.mean(enc, dim=0)
        return l, q.permute(0, 3, 1, 2).contiguous(), torch.exp(-torch.sum(p * torch.log(p + 1e-10)))


e = nn.Sequential(nn.Conv2d(1, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 4, 3, 1, 1))
d = nn.Sequential(nn.ConvTranspose2d(4, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 1, 3, 1, 1))
for decay in (0.0, 0.9):
    vq = VQ(8, 4, decay=decay)
    o = torch.optim.Adam([*e.parameters(), *vq.parameters(), *d.parameters()], lr=1e-3, amsgrad=False)
    X = torch.rand(4, 1, 8, 8)
    for i in range(4):
        l, q, p = vq(e(X))
        r = F.mse_loss(d(q), X)
        o.zero_grad()
        (r + l).backward()
        o.step()
        print("%.4f %.4f %.4f" % (r, l, p))
# DDPM
T = 20
betas = torch.linspace(1e-4, 0.02, T)
al = 1 - betas
ac = torch.cumprod(al, 0)
acp = F.pad(ac[:-1], (1, 0), value=1.0)


def extract(a, t, s):
    b = t.shape[0]
    return a.gather(-1, t).reshape(b, *((1,) * (len(s) - 1)))


class Sin(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.d = d

    def forward(self, t):
        h = self.d // 2
        e = math.log(10000) / (h - 1)
        e = torch.exp(torch.arange(h, device=t.device) * -e)
        e = t[:, None] * e[None, :]
        return torch.cat((e.sin(), e.cos()), dim=-1)


class Un(nn.Module):
    def __init__(self):
        super().__init__()
        self.t = nn.Sequential(Sin(8), nn.Linear(8, 8), nn.SiLU())
        self.c1 = nn.Conv2d(1, 8, 3, padding=1)
        self.gn = nn.GroupNorm(2, 8)
        self.dn = nn.Conv2d(8, 8, 4, 2, 1)
        self.up = nn.ConvTranspose2d(8, 8, 4, 2, 1)
        self.o = nn.Conv2d(16, 1, 1)

    def forward(self, x, t):
        h = self.c1(x)
        h = F.silu(self.gn(h)) + self.t(t)[:, :, None, None]
        u = self.up(F.silu(self.dn(h)))
        return self.o(torch.cat((u, h), 1))


m = Un()
o = torch.optim.AdamW(m.parameters(), 1e-3)
ema = {k: v.clone() for k, v in m.state_dict().items()}
for i in range(5):
    x0 = torch.rand(4, 1, 8, 8) * 2 - 1
    t = torch.randint(0, T, (4,)).long()
    n = torch.randn_like(x0)
    xt = extract(ac.sqrt(), t, x0.shape) * x0 + extract((1 - ac).sqrt(), t, x0.shape) * n
    l = F.smooth_l1_loss(m(xt, t), n)
    o.zero_grad()
    l.backward()
    o.step()
    for k, v in m.state_dict().items():
        ema[k].mul_(0.9).add_(v, alpha=0.1)
    print(l.item())


@torch.no_grad()
def sample():
    x = torch.randn(2, 1, 8, 8)
    for i in reversed(range(T)):
        t = torch.full((2,), i, dtype=torch.long)
        mm = extract((1 / al).sqrt(), t, x.shape) * (
            x - extract(betas, t, x.shape) * m(x, t) / extract((1 - ac).sqrt(), t, x.shape)
        )
        x = mm if i == 0 else mm + torch.sqrt(extract(betas * (1 - acp) / (1 - ac), t, x.shape)) * torch.randn_like(x)
    return x


print(sample().mean().item(), sum(v.float().abs().sum() for v in ema.values()).item())


# MADE / MAF
class MaskedLinear(nn.Linear):
    def __init__(self, i, o):
        super().__init__(i, o)
        self.register_buffer("mask", torch.ones(o, i))

    def set_mask(self, m):
        self.mask.data.copy_(m)

    def forward(self, x):
        return F.linear(x, self.mask * self.weight, self.bias)


class MADE(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.net = nn.Sequential(MaskedLinear(d, h), nn.ReLU(), MaskedLinear(h, 2 * d))
        m0 = torch.arange(d)
        m1 = torch.arange(h) % (d - 1)
        self.net[0].set_mask((m1[:, None] >= m0[None, :]).float())
        self.net[2].set_mask((m0.repeat(2)[:, None] > m1[None, :]).float())

    def forward(self, x):
        mu, la = self.net(x).chunk(2, dim=1)
        u = (x - mu) * torch.exp(-la)
        return u, -la.sum(1)


f = nn.ModuleList([MADE(4, 16) for _ in range(2)])
o = torch.optim.Adam(f.parameters(), 1e-2)
X = torch.randn(32, 4) * torch.tensor([1.0, 2.0, 0.5, 1.0]) + 1
for i in range(5):
    z = X
    ld = 0
    for a in f:
        z, q = a(z)
        ld = ld + q
        z = z.flip(1)
    l = (0.5 * (z**2).sum(1) + 2 * math.log(2 * math.pi) - ld).mean()
    o.zero_grad()
    l.backward()
    o.step()
print(l.item(), torch.autograd.functional.jacobian(lambda x: f[0](x[None])[0][0], torch.ones(4)).triu(1).abs().sum())
# EBM with Langevin, score matching, RBM
E = nn.Sequential(nn.Linear(2, 16), nn.SiLU(), nn.Linear(16, 1))


def lang(x, n=5):
    x = x.clone().detach().requires_grad_(True)
    for _ in range(n):
        g = torch.autograd.grad(E(x).sum(), x)[0]
        x.data -= 0.1 * g + 0.01 * torch.randn_like(x)
    return x.detach()


neg = lang(torch.randn(8, 2))
l = E(torch.ones(8, 2)).mean() - E(neg).mean()
l.backward()
print(l.item(), E[0].weight.grad.norm())
S = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
x = torch.randn(8, 2, requires_grad=True)
s = S(x)
tr = sum(torch.autograd.grad(s[:, i].sum(), x, create_graph=True)[0][:, i] for i in range(2))
l = (tr + 0.5 * (s**2).sum(1)).mean()
l.backward()
print(l.item(), S[2].weight.grad.sum())


class RBM(nn.Module):
    def __init__(self, v=8, h=4, k=2):
        super().__init__()
        self.W = nn.Parameter(torch.randn(h, v) * 1e-2)
        self.vb = nn.Parameter(torch.zeros(v))
        self.hb = nn.Parameter(torch.zeros(h))
        self.k = k

    def sp(self, p):
        return F.relu(torch.sign(p - torch.rand(p.size())))

    def forward(self, v):
        h = self.sp(torch.sigmoid(F.linear(v, self.W, self.hb)))
        for _ in range(self.k):
            v_ = self.sp(torch.sigmoid(F.linear(h, self.W.t(), self.vb)))
            h = self.sp(torch.sigmoid(F.linear(v_, self.W, self.hb)))
        return v, v_

    def fe(self, v):
        return (-F.linear(v, self.W, self.hb).exp().add(1).log().sum(1) - v.mv(self.vb)).mean()


r = RBM()
o = torch.optim.SGD(r.parameters(), 0.1)
for _ in range(4):
    d_ = torch.rand(16, 8).bernoulli()
    v, v1 = r(d_)
    l = r.fe(v) - r.fe(v1)
    o.zero_grad()
    l.backward()
    o.step()
    print(round(l.item(), 5))
