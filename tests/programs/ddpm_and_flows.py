import math
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
T = 20
betas = torch.linspace(1e-4, 0.02, T)
alphas = 1.0 - betas
alphas_cumprod = torch.cumprod(alphas, dim=0)
alphas_cumprod_prev = F.pad(alphas_cumprod[:-1], (1, 0), value=1.0)
posterior_variance = betas * (1.0 - alphas_cumprod_prev) / (1.0 - alphas_cumprod)
print(alphas_cumprod[-1], posterior_variance[:3])


def extract(a, t, x_shape):
    return a.gather(-1, t).reshape(t.shape[0], *((1,) * (len(x_shape) - 1)))


class SinusoidalPositionEmbeddings(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, time):
        half = self.dim // 2
        emb = torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
        emb = time[:, None] * emb[None, :]
        return torch.cat((emb.sin(), emb.cos()), dim=-1)


class Denoise(nn.Module):
    def __init__(self):
        super().__init__()
        self.time = nn.Sequential(SinusoidalPositionEmbeddings(8), nn.Linear(8, 16), nn.GELU())
        self.inp, self.mid, self.out = nn.Linear(2, 16), nn.Linear(16, 16), nn.Linear(16, 2)

    def forward(self, x, t):
        h = F.silu(self.inp(x)) + self.time(t)
        return self.out(F.silu(self.mid(h)))


model = Denoise()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
data = torch.stack([torch.cos(torch.arange(32) / 5), torch.sin(torch.arange(32) / 5)], dim=1)
for step in range(40):
    t = torch.randint(0, T, (32,)).long()
    noise = torch.randn_like(data)
    noisy = extract(alphas_cumprod.sqrt(), t, data.shape) * data + extract((1 - alphas_cumprod).sqrt(), t, data.shape) * noise
    loss = F.smooth_l1_loss(noise, model(noisy, t))
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 20 == 19:
        print(step, loss.item())


@torch.no_grad()
def sample(n):
    x = torch.randn(n, 2)
    for i in reversed(range(T)):
        t = torch.full((n,), i, dtype=torch.long)
        mean = (x - extract(betas, t, x.shape) * model(x, t) / extract((1 - alphas_cumprod).sqrt(), t, x.shape)) / extract(alphas.sqrt(), t, x.shape)
        x = mean if i == 0 else mean + extract(posterior_variance, t, x.shape).sqrt() * torch.randn_like(x)
    return x


print(sample(4))


class Coupling(nn.Module):
    def __init__(self, flip):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 2))

    def forward(self, x):
        a, b = x.chunk(2, dim=-1)
        if self.flip:
            a, b = b, a
        s, t = self.net(a).chunk(2, dim=-1)
        s = torch.tanh(s)
        y = b * s.exp() + t
        return torch.cat([y, a] if self.flip else [a, y], dim=-1), s.squeeze(-1)


flow = nn.ModuleList([Coupling(i % 2 == 1) for i in range(4)])
base = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
opt = torch.optim.Adam(flow.parameters(), lr=1e-2)
for step in range(30):
    z, logdet = data, torch.zeros(32)
    for layer in flow:
        z, ld = layer(z)
        logdet += ld
    loss = -(base.log_prob(z) + logdet).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(f"{loss.item():.4f}")
