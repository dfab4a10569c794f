import copy
import math
from collections import defaultdict
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, _LRScheduler


class PlainAdam(Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        if not 0.0 <= lr:
            raise ValueError("Invalid learning rate: {}".format(lr))
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group['betas']
            for p in group['params']:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state['step'] = 0
                    state['m'] = torch.zeros_like(p, memory_format=torch.preserve_format)
                    state['v'] = torch.zeros_like(p)
                state['step'] += 1
                state['m'].mul_(beta1).add_(p.grad, alpha=1 - beta1)
                state['v'].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
                denom = (state['v'].sqrt() / math.sqrt(1 - beta2 ** state['step'])).add_(group['eps'])
                p.addcdiv_(state['m'], denom, value=-group['lr'] / (1 - beta1 ** state['step']))
        return loss


class Warmup(_LRScheduler):
    def __init__(self, optimizer, warmup, last_epoch=-1):
        self.warmup = warmup
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [base * min(1.0, (self.last_epoch + 1) / self.warmup) for base in self.base_lrs]


class SAM(torch.optim.Optimizer):
    def __init__(self, params, base_optimizer, rho=0.05, **kwargs):
        super().__init__(params, dict(rho=rho, **kwargs))
        self.base_optimizer = base_optimizer(self.param_groups, **kwargs)
        self.param_groups = self.base_optimizer.param_groups

    @torch.no_grad()
    def first_step(self):
        norm = torch.norm(torch.stack([p.grad.norm(p=2) for g in self.param_groups for p in g["params"]]), p=2)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["old"] = p.data.clone()
                p.add_(p.grad * group["rho"] / (norm + 1e-12))
        self.zero_grad()

    @torch.no_grad()
    def second_step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.data = self.state[p]["old"]
        self.base_optimizer.step()
        self.zero_grad()


class FocalLoss(nn.Module):
    def __init__(self, alpha=1, gamma=2):
        super().__init__()
        self.alpha, self.gamma = alpha, gamma

    def forward(self, inputs, targets):
        ce = F.cross_entropy(inputs, targets, reduction='none')
        pt = torch.exp(-ce)
        return (self.alpha * (1 - pt) ** self.gamma * ce).mean()


class EMA:
    def __init__(self, model, decay):
        self.decay, self.shadow = decay, {n: p.data.clone() for n, p in model.named_parameters() if p.requires_grad}

    def update(self, model):
        for n, p in model.named_parameters():
            self.shadow[n] = (1.0 - self.decay) * p.data + self.decay * self.shadow[n]


def mixup_data(x, y, lam):
    index = torch.randperm(x.size(0))
    return lam * x + (1 - lam) * x[index, :], y, y[index]


torch.manual_seed(0)
X = torch.randn(64, 5)
y = (X[:, 0] + X[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Linear(16, 2))
teacher = copy.deepcopy(model)
activations, grads = {}, defaultdict(list)
h1 = model[0].register_forward_hook(lambda m, i, o: activations.__setitem__("fc", o.detach()))
h2 = model[3].register_full_backward_hook(lambda m, gi, go: grads["out"].append(go[0].norm().item()))
opt = PlainAdam(model.parameters(), lr=1e-2)
sched = Warmup(opt, 4)
ema = EMA(model, 0.9)
accum = 2
for step in range(8):
    xm, ya, yb = mixup_data(X, y, 0.7)
    out = model(xm)
    loss = 0.7 * FocalLoss()(out, ya) + 0.3 * F.cross_entropy(out, yb, label_smoothing=0.1)
    with torch.inference_mode():
        t = teacher(xm)
    loss = loss + 0.1 * F.kl_div(F.log_softmax(out / 2.0, dim=1), F.softmax(t / 2.0, dim=1), reduction='batchmean') * 4.0
    (loss / accum).backward()
    if (step + 1) % accum == 0:
        norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        opt.step()
        opt.zero_grad()
        sched.step()
        ema.update(model)
        print(step, f"{loss.item():.4f} {norm.item():.4f} {sched.get_last_lr()[0]:.5f}")
h1.remove()
h2.remove()
print(activations["fc"].shape, [f"{g:.4f}" for g in grads["out"][:3]], ema.shadow["0.bias"][:3])
sam = SAM(model.parameters(), torch.optim.SGD, lr=0.05, momentum=0.9)
for _ in range(3):
    F.cross_entropy(model(X), y).backward()
    sam.first_step()
    F.cross_entropy(model(X), y).backward()
    sam.second_step()
print(f"{F.cross_entropy(model(X), y).item():.4f}")
print(isinstance(sched, LRScheduler), opt.state_dict()['state'][0]['step'], len(opt.state))


def nt_xent(z1, z2, t=0.5):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.T / t
    sim.fill_diagonal_(float('-inf'))
    n = z1.size(0)
    targets = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(sim, targets)


a = torch.randn(4, 8, requires_grad=True)
l = nt_xent(a, torch.randn(4, 8))
l.backward()
print(l, a.grad.norm())
