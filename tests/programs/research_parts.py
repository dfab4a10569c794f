"""PPO with a small environment, evolution strategies, neural ODE, normalising flow, Hopfield, capsules, SimCLR, MoE, Mamba-like scan, KAN, hypernetwork, gradient surgery, sharpness-aware steps."""

import torch, torch.nn as nn, torch.nn.functional as F, math, copy
from torch.distributions import Categorical, Normal

torch.manual_seed(0)


class Env:
    def reset(self):
        self.s = torch.zeros(4)
        self.t = 0
        return self.s

    def step(self, a):
        self.s = self.s + torch.tensor([0.1, -0.1, 0.05, 0.0]) * (1 if a else -1)
        self.t += 1
        return self.s, float(1 - self.s.abs().sum()), self.t >= 20, {}


def layer_init(l, std=math.sqrt(2), bias=0.0):
    nn.init.orthogonal_(l.weight, std)
    nn.init.constant_(l.bias, bias)
    return l


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.critic = nn.Sequential(layer_init(nn.Linear(4, 16)), nn.Tanh(), layer_init(nn.Linear(16, 1), std=1.0))
        self.actor = nn.Sequential(layer_init(nn.Linear(4, 16)), nn.Tanh(), layer_init(nn.Linear(16, 2), std=0.01))

    def act(self, x, a=None):
        p = Categorical(logits=self.actor(x))
        a = p.sample() if a is None else a
        return a, p.log_prob(a), p.entropy(), self.critic(x)


ag, env = Agent(), Env()
opt = torch.optim.Adam(ag.parameters(), lr=2.5e-3, eps=1e-5)
for update in range(2):
    obs, acts, lps, rews, dones, vals = [], [], [], [], [], []
    o = env.reset()
    for _ in range(40):
        with torch.no_grad():
            a, lp, _, v = ag.act(o)
        obs.append(o)
        acts.append(a)
        lps.append(lp)
        vals.append(v.flatten())
        o, r, d, _ = env.step(a.item())
        rews.append(torch.tensor(r))
        dones.append(torch.tensor(float(d)))
        if d:
            o = env.reset()
    obs, acts, lps, rews, dones, vals = map(torch.stack, (obs, acts, lps, rews, dones, vals))
    vals = vals.flatten()
    adv = torch.zeros_like(rews)
    last = 0
    with torch.no_grad():
        nv = ag.act(o)[3].flatten()
    for t in reversed(range(40)):
        nn_ = 1.0 - dones[t]
        nxt = nv if t == 39 else vals[t + 1]
        delta = rews[t] + 0.99 * nxt * nn_ - vals[t]
        adv[t] = last = (delta + 0.99 * 0.95 * nn_ * last).item() if hasattr(delta, "item") else delta
    ret = adv + vals
    for idx in torch.randperm(40).split(20):
        _, nlp, ent, nval = ag.act(obs[idx], acts[idx])
        ratio = (nlp - lps[idx]).exp()
        A = (adv[idx] - adv[idx].mean()) / (adv[idx].std() + 1e-8)
        pg = torch.max(-A * ratio, -A * torch.clamp(ratio, 0.8, 1.2)).mean()
        vl = 0.5 * ((nval.view(-1) - ret[idx]) ** 2).mean()
        loss = pg - 0.01 * ent.mean() + vl * 0.5
        opt.zero_grad()
        loss.backward()
        gn = nn.utils.clip_grad_norm_(ag.parameters(), 0.5)
        opt.step()
        print(f"{loss.item():.4f} {gn:.4f} {ent.mean().item():.4f}")
# ES
theta = torch.zeros(5)
f = lambda w: -((w - torch.arange(5.0)) ** 2).sum(-1)
for i in range(20):
    n = torch.randn(30, 5)
    r = f(theta + 0.1 * n)
    A = (r - r.mean()) / r.std()
    theta = theta + 0.05 / (30 * 0.1) * n.T @ A
print(theta)


# neural ode (adjoint by hand)
class ODEF(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, t, y):
        return self.net(y**3)


def rk4(f, y, t):
    ys = [y]
    for t0, t1 in zip(t[:-1], t[1:]):
        h = t1 - t0
        k1 = f(t0, y)
        k2 = f(t0 + h / 2, y + h * k1 / 2)
        k3 = f(t0 + h / 2, y + h * k2 / 2)
        k4 = f(t1, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        ys.append(y)
    return torch.stack(ys)


of = ODEF()
oo = torch.optim.RMSprop(of.parameters(), lr=1e-3)
tt = torch.linspace(0.0, 1.0, 6)
ty = torch.tensor([[2.0, 0.0]])
target = torch.stack([torch.stack([2 * torch.cos(t), torch.sin(t)]) for t in tt]).unsqueeze(1)
for i in range(3):
    oo.zero_grad()
    l = (rk4(of, ty, tt) - target).abs().mean()
    l.backward()
    oo.step()
    print(f"{l.item():.5f}")


class Planar(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.w = nn.Parameter(torch.randn(1, d) * 0.1)
        self.u = nn.Parameter(torch.randn(1, d) * 0.1)
        self.b = nn.Parameter(torch.zeros(1))

    def forward(self, z):
        a = z @ self.w.t() + self.b
        zt = z + self.u * torch.tanh(a)
        psi = (1 - torch.tanh(a) ** 2) * self.w
        det = (1 + psi @ self.u.t()).abs()
        return zt, torch.log(det + 1e-9)


fl = nn.ModuleList([Planar(2) for _ in range(3)])
z = torch.randn(16, 2)
ld = 0
for p in fl:
    z, l = p(z)
    ld = ld + l
print((Normal(0, 1).log_prob(z).sum(1) - ld.squeeze()).mean())
pat = torch.sign(torch.randn(3, 20))
W = (pat.T @ pat) / 20
W.fill_diagonal_(0)
st = pat[0].clone()
st[:4] *= -1
for _ in range(3):
    st = torch.sign(W @ st)
print((st == pat[0]).float().mean())


def squash(x, dim=-1):
    s = (x**2).sum(dim, keepdim=True)
    return s / (1 + s) * x / (s.sqrt() + 1e-8)


class Caps(nn.Module):
    def __init__(self, i, o, di, do):
        super().__init__()
        self.W = nn.Parameter(0.1 * torch.randn(1, i, o, do, di))

    def forward(self, x):
        u = (self.W @ x[:, :, None, :, None]).squeeze(-1)
        b = torch.zeros(x.size(0), x.size(1), self.W.size(2), 1)
        for r in range(3):
            c = F.softmax(b, dim=2)
            v = squash((c * u).sum(1, keepdim=True))
            b = b + (u * v).sum(-1, keepdim=True) if r < 2 else b
        return v.squeeze(1)


print(Caps(6, 3, 4, 5)(squash(torch.randn(2, 6, 4))).norm(dim=-1))


def nt_xent(z1, z2, t=0.5):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = z @ z.T / t
    n = z1.size(0)
    s.fill_diagonal_(float("-inf"))
    return F.cross_entropy(s, torch.cat([torch.arange(n, 2 * n), torch.arange(n)]))


print(nt_xent(torch.randn(4, 6), torch.randn(4, 6)))


class MoE(nn.Module):
    def __init__(self, d, e, k):
        super().__init__()
        self.gate = nn.Linear(d, e, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(d, 2 * d), nn.SiLU(), nn.Linear(2 * d, d)) for _ in range(e)
        )
        self.k = k

    def forward(self, x):
        w, idx = torch.topk(F.softmax(self.gate(x), -1), self.k)
        w = w / w.sum(-1, keepdim=True)
        out = torch.zeros_like(x)
        for i, e in enumerate(self.experts):
            b, n = torch.where(idx == i)
            if b.numel():
                out[b] += w[b, n, None] * e(x[b])
        return out, torch.bincount(idx.flatten(), minlength=len(self.experts))


mo = MoE(8, 4, 2)
y, cnt = mo(torch.randn(10, 8))
y.pow(2).mean().backward()
print(cnt, mo.gate.weight.grad.norm(), y.norm())


def scan(u, dt, A, B, C):
    dA = torch.exp(torch.einsum("bld,dn->bldn", dt, A))
    dBu = torch.einsum("bld,bln,bld->bldn", dt, B, u)
    x = torch.zeros(u.size(0), u.size(2), A.size(1))
    ys = []
    for i in range(u.size(1)):
        x = dA[:, i] * x + dBu[:, i]
        ys.append(torch.einsum("bdn,bn->bd", x, C[:, i]))
    return torch.stack(ys, dim=1)


print(
    scan(
        torch.randn(2, 5, 3),
        F.softplus(torch.randn(2, 5, 3)),
        -torch.rand(3, 4),
        torch.randn(2, 5, 4),
        torch.randn(2, 5, 4),
    ).sum((0, 1))
)


def bsplines(x, grid, k):
    x = x.unsqueeze(-1)
    b = ((x >= grid[:, :-1]) & (x < grid[:, 1:])).to(x.dtype)
    for i in range(1, k + 1):
        b = (x - grid[:, : -(i + 1)]) / (grid[:, i:-1] - grid[:, : -(i + 1)]) * b[:, :, :-1] + (
            grid[:, i + 1 :] - x
        ) / (grid[:, i + 1 :] - grid[:, 1:(-i)]) * b[:, :, 1:]
    return b.contiguous()


grid = (torch.arange(-3, 9) * 0.4 - 1).expand(2, -1).contiguous()
bs = bsplines(torch.rand(4, 2) * 2 - 1, grid, 3)
print(bs.shape, bs.sum(-1))
print(
    torch.linalg.lstsq(bs.permute(1, 0, 2), torch.randn(2, 4, 1), driver="gelsd").solution.shape if False else bs.sum()
)


class SAM(torch.optim.Optimizer):
    def __init__(self, params, base, rho=0.05, **kw):
        defaults = dict(rho=rho, **kw)
        super().__init__(params, defaults)
        self.base_optimizer = base(self.param_groups, **kw)
        self.param_groups = self.base_optimizer.param_groups
        self.defaults.update(self.base_optimizer.defaults)

    @torch.no_grad()
    def first_step(self, zero_grad=False):
        gn = torch.norm(
            torch.stack([p.grad.norm(p=2) for g in self.param_groups for p in g["params"] if p.grad is not None]), p=2
        )
        for g in self.param_groups:
            scale = g["rho"] / (gn + 1e-12)
            for p in g["params"]:
                if p.grad is None:
                    continue
                self.state[p]["old_p"] = p.data.clone()
                p.add_(p.grad * scale.to(p))
        if zero_grad:
            self.zero_grad()

    @torch.no_grad()
    def second_step(self, zero_grad=False):
        for g in self.param_groups:
            for p in g["params"]:
                if p.grad is None:
                    continue
                p.data = self.state[p]["old_p"]
        self.base_optimizer.step()
        if zero_grad:
            self.zero_grad()


mm = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
so = SAM(mm.parameters(), torch.optim.SGD, lr=0.1, momentum=0.9)
xs, ys = torch.randn(12, 4), torch.randint(0, 2, (12,))
for _ in range(3):
    l = F.cross_entropy(mm(xs), ys)
    l.backward()
    so.first_step(True)
    F.cross_entropy(mm(xs), ys).backward()
    so.second_step(True)
    print(f"{l.item():.5f}")
print(so)
g1 = torch.autograd.grad(F.cross_entropy(mm(xs[:6]), ys[:6]), mm.parameters())
g2 = torch.autograd.grad(F.cross_entropy(mm(xs[6:]), ys[6:]), mm.parameters())
a, b = (torch.cat([g.flatten() for g in gs]) for gs in (g1, g2))
d = torch.dot(a, b)
print(d, (a - d / b.norm() ** 2 * b if d < 0 else a).norm())


class Hyper(nn.Module):
    def __init__(self):
        super().__init__()
        self.h = nn.Linear(3, 4 * 2 + 2)

    def forward(self, c, x):
        w = self.h(c)
        W, b = w[:, :8].view(-1, 2, 4), w[:, 8:]
        return torch.baddbmm(b.unsqueeze(-1), W, x.unsqueeze(-1)).squeeze(-1)


print(Hyper()(torch.randn(5, 3), torch.randn(5, 4)).sum())


class EMA:
    def __init__(self, m, d):
        self.m, self.d = copy.deepcopy(m), d
        [p.requires_grad_(False) for p in self.m.parameters()]

    @torch.no_grad()
    def update(self, m):
        for e, p in zip(self.m.state_dict().values(), m.state_dict().values()):
            e.copy_(self.d * e + (1 - self.d) * p)


ema = EMA(mm, 0.9)
ema.update(mm)
print(torch.allclose(ema.m[0].weight, mm[0].weight))
