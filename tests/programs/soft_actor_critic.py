import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import AffineTransform, ComposeTransform, ExpTransform, SigmoidTransform, TanhTransform

torch.manual_seed(0)


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 16), nn.ReLU())
        self.mu, self.log_std = nn.Linear(16, 1), nn.Linear(16, 1)

    def forward(self, s):
        h = self.net(s)
        return TransformedDistribution(Normal(self.mu(h), self.log_std(h).clamp(-5, 2).exp()), [TanhTransform(cache_size=1)])


actor = Actor()
q1, q2 = (nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1)) for _ in range(2))
t1 = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
t1.load_state_dict(q1.state_dict())
log_alpha = torch.zeros(1, requires_grad=True)
opt_a = torch.optim.Adam(actor.parameters(), lr=1e-2)
opt_q = torch.optim.Adam([*q1.parameters(), *q2.parameters()], lr=1e-2)
opt_alpha = torch.optim.Adam([log_alpha], lr=1e-2)
s = torch.randn(32, 2)
for it in range(10):
    with torch.no_grad():
        dist = actor(s)
        a = dist.sample()
        reward = -(a - s[:, :1].tanh()).pow(2)
        target = reward + 0.9 * t1(torch.cat([s, a], 1))
    sa = torch.cat([s, a], dim=1)
    loss_q = F.mse_loss(q1(sa), target) + F.mse_loss(q2(sa), target)
    opt_q.zero_grad()
    loss_q.backward()
    opt_q.step()
    dist = actor(s)
    a = dist.rsample()
    logp = dist.log_prob(a.clamp(-0.999, 0.999)).sum(-1, keepdim=True)
    q = torch.min(q1(torch.cat([s, a], 1)), q2(torch.cat([s, a], 1)))
    loss_a = (log_alpha.exp().detach() * logp - q).mean()
    opt_a.zero_grad()
    loss_a.backward()
    opt_a.step()
    loss_alpha = -(log_alpha * (logp + 1).detach()).mean()
    opt_alpha.zero_grad()
    loss_alpha.backward()
    opt_alpha.step()
    with torch.no_grad():
        for p, tp in zip(q1.parameters(), t1.parameters()):
            tp.data.mul_(0.95).add_(0.05 * p.data)
    if it % 3 == 0:
        print(it, f"{loss_q.item():.4f} {loss_a.item():.4f} {log_alpha.item():.4f}")
d = TransformedDistribution(Normal(torch.zeros(2), torch.ones(2)), ComposeTransform([AffineTransform(1.0, 2.0), ExpTransform()]))
print(d.sample(), d.log_prob(torch.tensor([1.0, 3.0])))
logistic = TransformedDistribution(torch.distributions.Uniform(torch.tensor(0.0), torch.tensor(1.0)), [SigmoidTransform().inv, AffineTransform(0.5, 2.0)])
print(logistic.sample((2,)), logistic.log_prob(torch.tensor(0.2)))
