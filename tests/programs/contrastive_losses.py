"""Self-supervision, margins, distillation, weight averaging and Bayesian layers."""

import copy
import math
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
random.seed(0)


class Proj(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = nn.Sequential(nn.Linear(10, 16), nn.BatchNorm1d(16), nn.ReLU(inplace=True), nn.Linear(16, 8))

    def forward(self, x):
        return self.b(x)


def nt_xent(z1, z2, t=0.5):
    n = z1.size(0)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    s = z @ z.t() / t
    s.fill_diagonal_(float("-inf"))
    lab = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(s, lab)


def info_nce_loss(f, n, t=0.07):
    lab = torch.cat([torch.arange(n) for _ in range(2)], dim=0)
    lab = (lab.unsqueeze(0) == lab.unsqueeze(1)).float()
    f = F.normalize(f, dim=1)
    s = torch.matmul(f, f.T)
    m = torch.eye(lab.shape[0], dtype=torch.bool)
    lab = lab[~m].view(lab.shape[0], -1)
    s = s[~m].view(s.shape[0], -1)
    pos = s[lab.bool()].view(lab.shape[0], -1)
    neg = s[~lab.bool()].view(s.shape[0], -1)
    lg = torch.cat([pos, neg], dim=1) / t
    return F.cross_entropy(lg, torch.zeros(lg.shape[0], dtype=torch.long))


m = Proj()
o = torch.optim.Adam(m.parameters(), 1e-2, weight_decay=1e-4)
X = torch.randn(8, 10)
for i in range(4):
    a, b = X + 0.1 * torch.randn_like(X), X + 0.1 * torch.randn_like(X)
    z1, z2 = m(a), m(b)
    l = nt_xent(z1, z2) + 0.1 * info_nce_loss(torch.cat([z1, z2]), 8)
    o.zero_grad()
    l.backward()
    o.step()
    print(l.item())
# BYOL / MoCo
online = Proj()
pred = nn.Linear(8, 8)
target = copy.deepcopy(online)
for p in target.parameters():
    p.requires_grad = False
o = torch.optim.SGD(list(online.parameters()) + list(pred.parameters()), 0.1, momentum=0.9, nesterov=True)
queue = F.normalize(torch.randn(8, 20), dim=0)
ptr = 0
for i in range(4):
    q = F.normalize(pred(online(X)), dim=-1)
    with torch.no_grad():
        k = F.normalize(target(X), dim=-1)
    byol = 2 - 2 * (q * k).sum(-1)
    lp = torch.einsum("nc,nc->n", [q, k]).unsqueeze(-1)
    ln = torch.einsum("nc,ck->nk", [q, queue.clone().detach()])
    moco = F.cross_entropy(torch.cat([lp, ln], 1) / 0.07, torch.zeros(8, dtype=torch.long))
    l = byol.mean() + 0.1 * moco
    o.zero_grad()
    l.backward()
    o.step()
    with torch.no_grad():
        for a, b in zip(online.parameters(), target.parameters()):
            b.data = b.data * 0.99 + a.data * 0.01
        queue[:, ptr : ptr + 8] = k.T if ptr + 8 <= 20 else queue[:, ptr : ptr + 8]
        ptr = (ptr + 8) % 16
    print(l.item())


# barlow, vicreg
def off_diagonal(x):
    n, _ = x.shape
    return x.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


z1, z2 = m(X), m(X + 0.2)
c = ((z1 - z1.mean(0)) / z1.std(0)).T @ ((z2 - z2.mean(0)) / z2.std(0)) / 8
print(torch.diagonal(c).add_(-1).pow_(2).sum() + 0.005 * off_diagonal(c).pow_(2).sum())


# losses
class FocalLoss(nn.Module):
    def __init__(self, alpha=1, gamma=2):
        super().__init__()
        self.alpha = alpha
        self.gamma = gamma

    def forward(self, i, t):
        ce = F.cross_entropy(i, t, reduction="none")
        pt = torch.exp(-ce)
        return (self.alpha * (1 - pt) ** self.gamma * ce).mean()


lg = torch.randn(6, 4, requires_grad=True)
t = torch.randint(0, 4, (6,))
print(
    FocalLoss()(lg, t),
    F.cross_entropy(lg, t, label_smoothing=0.1, weight=torch.tensor([1.0, 2.0, 1.0, 0.5])),
    F.multi_margin_loss(lg, t),
    F.multilabel_soft_margin_loss(lg, F.one_hot(t, 4).float()),
)


def dice(p, t, s=1.0):
    p = p.sigmoid().view(-1)
    t = t.view(-1)
    i = (p * t).sum()
    return 1 - (2 * i + s) / (p.sum() + t.sum() + s)


print(dice(torch.randn(2, 1, 4, 4), torch.randint(0, 2, (2, 1, 4, 4)).float()))
a, p, n = torch.randn(3, 5, 6).unbind(0)
print(
    F.triplet_margin_loss(a, p, n),
    nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: 1 - F.cosine_similarity(x, y))(a, p, n),
    F.cosine_embedding_loss(a, p, torch.tensor([1, -1, 1, 1, -1])),
    F.margin_ranking_loss(a[:, 0], p[:, 0], torch.ones(5), margin=0.5),
    F.hinge_embedding_loss(a, torch.sign(p)),
    F.soft_margin_loss(a, torch.sign(p)),
    F.gaussian_nll_loss(a, p, n.abs() + 0.1),
    F.poisson_nll_loss(a, p.abs()),
    F.huber_loss(a, p, delta=0.5),
    F.smooth_l1_loss(a, p, beta=0.5),
    F.kl_div(F.log_softmax(a, -1), F.softmax(p, -1), reduction="batchmean"),
)


# center loss, arcface
class ArcFace(nn.Module):
    def __init__(self, i, o, s=8.0, m=0.5):
        super().__init__()
        self.w = nn.Parameter(torch.FloatTensor(o, i))
        nn.init.xavier_uniform_(self.w)
        self.s = s
        self.cm = math.cos(m)
        self.sm = math.sin(m)
        self.th = math.cos(math.pi - m)
        self.mm = math.sin(math.pi - m) * m

    def forward(self, x, y):
        c = F.linear(F.normalize(x), F.normalize(self.w))
        s = torch.sqrt((1.0 - torch.pow(c, 2)).clamp(0, 1))
        phi = c * self.cm - s * self.sm
        phi = torch.where(c > self.th, phi, c - self.mm)
        oh = torch.zeros(c.size())
        oh.scatter_(1, y.view(-1, 1).long(), 1)
        return self.s * ((oh * phi) + ((1.0 - oh) * c))


af = ArcFace(6, 4)
l = F.cross_entropy(af(a, torch.tensor([0, 1, 2, 3, 0])), torch.tensor([0, 1, 2, 3, 0]))
l.backward()
print(l, af.w.grad.norm())
# distillation, mixup, cutmix, EMA, SWA
tch = nn.Linear(6, 4)
stu = nn.Linear(6, 4)
T = 3.0
o = torch.optim.SGD(stu.parameters(), 0.5)
y = torch.tensor([0, 1, 2, 3, 0])
for i in range(3):
    with torch.no_grad():
        tl = tch(a)
    sl = stu(a)
    l = 0.7 * F.kl_div(
        F.log_softmax(sl / T, 1), F.softmax(tl / T, 1), reduction="batchmean"
    ) * T * T + 0.3 * F.cross_entropy(sl, y)
    o.zero_grad()
    l.backward()
    o.step()
    print(l.item())
lam = 0.3
idx = torch.randperm(5)
print(
    (
        lam * F.cross_entropy(stu(lam * a + (1 - lam) * a[idx]), y)
        + (1 - lam) * F.cross_entropy(stu(lam * a + (1 - lam) * a[idx]), y[idx])
    ).item()
)
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

sm = AveragedModel(m)
em = AveragedModel(m, multi_avg_fn=get_ema_multi_avg_fn(0.9))
o = torch.optim.SGD(m.parameters(), 0.1)
sc = torch.optim.lr_scheduler.CosineAnnealingLR(o, 5)
sw = SWALR(o, swa_lr=0.05, anneal_epochs=2)
for e in range(6):
    l = m(X).pow(2).mean()
    o.zero_grad()
    l.backward()
    o.step()
    em.update_parameters(m)
    if e > 2:
        sm.update_parameters(m)
        sw.step()
    else:
        sc.step()
    print(o.param_groups[0]["lr"], end=" ")
update_bn([X], sm)
print(sm(X).sum().item(), em(X).sum().item(), sm.n_averaged)
# ctc
ip = torch.randn(10, 2, 6).log_softmax(2).detach().requires_grad_()
tg = torch.randint(1, 6, (2, 4))
l = nn.CTCLoss(zero_infinity=True)(ip, tg, torch.full((2,), 10), torch.tensor([4, 3]))
l.backward()
print(l.item(), ip.grad.abs().sum().item())


# mc dropout / bayesian linear
class BLinear(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.mu = nn.Parameter(torch.zeros(o, i).normal_(0, 0.1))
        self.rho = nn.Parameter(torch.full((o, i), -3.0))

    def forward(self, x):
        s = torch.log1p(torch.exp(self.rho))
        w = self.mu + s * torch.randn_like(s)
        self.kl = (
            torch.distributions.kl_divergence(
                torch.distributions.Normal(self.mu, s), torch.distributions.Normal(0.0, 1.0)
            )
        ).sum()
        return F.linear(x, w)


bl = BLinear(6, 2)
o = torch.optim.Adam(bl.parameters(), 0.01)
for i in range(3):
    out = bl(a)
    l = out.pow(2).mean() + bl.kl / 100
    o.zero_grad()
    l.backward()
    o.step()
    print(l.item())
dm = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
dm.train()
ps = torch.stack([dm(a) for _ in range(5)])
print(ps.mean(0).T, ps.std(0).T)
