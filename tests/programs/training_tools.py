"""Tools of training: loaders with samplers and collate functions, iterable data, mixed precision, accumulation, schedules together, checkpoints, hooks that count, early stopping, metrics."""

import torch, torch.nn as nn, torch.nn.functional as F, math, io, os, collections, itertools, random, tempfile
from torch.utils.data import *
from torch.optim.lr_scheduler import *
import numpy as np

torch.manual_seed(0)
random.seed(0)
np.random.seed(0)


class D(Dataset):
    def __init__(self, n=20):
        self.x = torch.randn(n, 5)
        self.y = (self.x.sum(1) > 0).long()
        self.l = [random.randint(1, 5) for _ in range(n)]

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"x": self.x[i, : self.l[i]], "y": self.y[i], "id": i, "name": f"n{i}"}


def collate(b):
    return (
        nn.utils.rnn.pad_sequence([s["x"] for s in b], batch_first=True),
        torch.stack([s["y"] for s in b]),
        [s["name"] for s in b],
    )


d = D()
tr, va = random_split(d, [14, 6], generator=torch.Generator().manual_seed(42))
print(tr.indices, len(va))
print(*[[t for t in s] for s in random_split(range(10), [0.3, 0.3, 0.4], generator=torch.Generator().manual_seed(1))])
for x, y, n in DataLoader(tr, batch_size=4, shuffle=True, collate_fn=collate, drop_last=True):
    print(x.shape, y.tolist(), n)
cnt = torch.bincount(d.y)
w = (1.0 / cnt)[d.y]
ws = WeightedRandomSampler(w, 10, replacement=True)
print(list(ws))
print(
    list(BatchSampler(SequentialSampler(range(7)), 3, False)),
    list(SubsetRandomSampler([3, 1, 4])),
    len(ConcatDataset([d, va])),
    Subset(d, [1, 2])[1]["id"],
)


class It(IterableDataset):
    def __init__(self, a, b):
        self.a, self.b = a, b

    def __iter__(self):
        wi = get_worker_info()
        return iter(range(self.a, self.b))


print([b.tolist() for b in DataLoader(It(3, 10), batch_size=3)])
print(
    default_collate([{"a": 1, "b": (1.0, "x")}, {"a": 2, "b": (2.0, "y")}]),
    default_collate([np.float32(1), np.float32(2)]),
)
P = collections.namedtuple("P", "u v")
print(default_collate([P(torch.ones(2), 1), P(torch.zeros(2), 2)]))
try:
    DataLoader(d, batch_size=2, sampler=ws, shuffle=True)
except ValueError as e:
    print("ValueError")


def seed_worker(i):
    s = torch.initial_seed() % 2**32
    np.random.seed(s)


g = torch.Generator()
g.manual_seed(0)
print(
    [b.tolist() for b in DataLoader(range(8), 3, shuffle=True, generator=g, worker_init_fn=seed_worker)],
    len(DataLoader(range(8), 3)),
)
m = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
o = torch.optim.AdamW(m.parameters(), lr=1e-2, weight_decay=0.1)
sch = SequentialLR(o, [LinearLR(o, 0.1, total_iters=3), CosineAnnealingLR(o, T_max=5)], milestones=[3])
lrs = []
for i in range(8):
    o.step()
    lrs.append(round(o.param_groups[0]["lr"], 6))
    sch.step()
print(lrs, sch.get_last_lr())
for mk in (
    lambda o: OneCycleLR(o, 0.1, total_steps=8),
    lambda o: CosineAnnealingWarmRestarts(o, 3, 2),
    lambda o: PolynomialLR(o, 5, 2.0),
    lambda o: ExponentialLR(o, 0.9),
    lambda o: MultiStepLR(o, [2, 4], 0.1),
    lambda o: CyclicLR(o, 0.01, 0.1, 2, mode="triangular2", cycle_momentum=False),
    lambda o: ChainedScheduler([ConstantLR(o, 0.5, 2), ExponentialLR(o, 0.9)]),
    lambda o: LambdaLR(o, lambda e: 1 / (e + 1)),
    lambda o: MultiplicativeLR(o, lambda e: 0.95),
):
    oo = torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9)
    s = mk(oo)
    r = []
    for i in range(7):
        oo.step()
        r.append(round(oo.param_groups[0]["lr"], 6))
        s.step()
    print(type(s).__name__, r)
oo = torch.optim.SGD(m.parameters(), lr=0.1)
rp = ReduceLROnPlateau(oo, "min", factor=0.5, patience=1, threshold=1e-3, min_lr=0.01)
for v in [1.0, 0.9, 0.9, 0.9, 0.9, 0.89, 0.89, 0.89]:
    rp.step(v)
print(oo.param_groups[0]["lr"], rp.num_bad_epochs, rp.state_dict()["best"])
scaler = torch.amp.GradScaler("cpu", enabled=True, init_scale=128.0)
xs, ys = d.x, d.y
losses = []
for e in range(4):
    o.zero_grad(set_to_none=True)
    for k, (xb, yb) in enumerate(zip(xs.split(5), ys.split(5))):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            l = F.cross_entropy(m(xb), yb) / 2
        scaler.scale(l).backward()
        losses.append(l.item())
        if (k + 1) % 2 == 0:
            scaler.unscale_(o)
            nn.utils.clip_grad_norm_(m.parameters(), 1.0)
            scaler.step(o)
            scaler.update()
            o.zero_grad(set_to_none=True)
print([round(l, 1) for l in losses], scaler.get_scale(), sorted(scaler.state_dict()))
with tempfile.TemporaryDirectory() as t:
    p = os.path.join(t, "ck.pt")
    torch.save(
        {
            "epoch": 3,
            "model": m.state_dict(),
            "opt": o.state_dict(),
            "sch": sch.state_dict(),
            "rng": torch.get_rng_state(),
        },
        p,
    )
    a = torch.rand(2)
    ck = torch.load(p, weights_only=False)
    torch.set_rng_state(ck["rng"])
    print(torch.equal(a, torch.rand(2)), ck["epoch"], list(ck["model"]), m.load_state_dict(ck["model"]))
    o.load_state_dict(ck["opt"])
    print(o.state[m[0].weight]["step"], len(ck["opt"]["state"]), ck["opt"]["param_groups"][0]["params"])
acts = {}


def hook(name):
    return lambda mod, i, out: acts.__setitem__(
        name, (tuple(i[0].shape), tuple(out.shape), round(out.mean().item(), 3))
    )


hs = [mod.register_forward_hook(hook(n)) for n, mod in m.named_modules() if n]
m.eval()
m(xs)
print(acts)
[h.remove() for h in hs]
cm = torch.zeros(2, 2, dtype=torch.long)
pr = m(xs).argmax(1)
for t_, p_ in zip(ys, pr):
    cm[t_, p_] += 1
print(cm, (pr == ys).float().mean(), cm.diag() / cm.sum(1))
tp = ((pr == 1) & (ys == 1)).sum().float()
print(2 * tp / (2 * tp + ((pr == 1) & (ys == 0)).sum() + ((pr == 0) & (ys == 1)).sum()))
sc = m(xs).softmax(1)[:, 1].detach()
order = sc.argsort(descending=True)
yy = ys[order].float()
tpr, fpr = yy.cumsum(0) / yy.sum(), (1 - yy).cumsum(0) / (1 - yy).sum()
print(torch.trapezoid(tpr, fpr))
print(
    torch.quantile(sc, torch.tensor([0.25, 0.5, 0.75])),
    torch.histc(sc, 4, 0, 1),
    torch.bucketize(sc[:5], torch.tensor([0.25, 0.5, 0.75])),
)
groups = [
    {"params": [p for n, p in m.named_parameters() if p.ndim > 1], "weight_decay": 0.1},
    {"params": [p for n, p in m.named_parameters() if p.ndim <= 1], "weight_decay": 0.0},
]
og = torch.optim.AdamW(groups, lr=1e-3)
print(og)
print([len(g_["params"]) for g_ in og.param_groups])
og.add_param_group({"params": [nn.Parameter(torch.ones(1))], "lr": 1.0})
print(len(og.param_groups), og.param_groups[2]["lr"])
avg = torch.optim.swa_utils.AveragedModel(m, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
avg.update_parameters(m)
print(avg.n_averaged, type(avg.module).__name__)
lb = torch.optim.LBFGS(m.parameters(), lr=0.5, max_iter=5)


def closure():
    lb.zero_grad()
    l = F.cross_entropy(m(xs), ys)
    l.backward()
    return l


print(round(lb.step(closure).item(), 3), round(closure().item(), 2))
print(torch.utils.data.get_worker_info(), m, sum(p.numel() for p in m.parameters() if p.requires_grad))
m.apply(lambda mod: isinstance(mod, nn.Linear) and nn.init.constant_(mod.weight, 0.1) is None)
print({k: v.dtype for k, v in m.half().state_dict().items()})
print([type(c).__name__ for c in m.float().children()], m.training, next(m.parameters()).device)
