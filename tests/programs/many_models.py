"""Knowledge distillation, spatial transformers, the annotated transformer, cycle GAN's parts, neural ODE, VQ-VAE, LoRA, mixup, MC dropout, word2vec, RBM."""

import torch, torch.nn as nn, torch.nn.functional as F, math, copy
from torch.nn.functional import log_softmax, pad

torch.manual_seed(0)


class DeepNN(nn.Module):
    def __init__(self, c=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2)
        )
        self.classifier = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, c))

    def forward(self, x):
        x = self.features(x)
        x = torch.flatten(x, 1)
        return self.classifier(x), x


class LightNN(nn.Module):
    def __init__(self, c=10):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2))
        self.classifier = nn.Linear(64, c)

    def forward(self, x):
        x = torch.flatten(self.features(x), 1)
        return self.classifier(x), x


teacher, student = DeepNN(), LightNN()
X = torch.randn(8, 3, 8, 8)
y = torch.randint(0, 10, (8,))
ce = nn.CrossEntropyLoss()
opt = torch.optim.Adam(student.parameters(), lr=1e-2)
T = 2
teacher.eval()
student.train()
cos = nn.CosineEmbeddingLoss()
for e in range(3):
    opt.zero_grad()
    with torch.no_grad():
        tl, th = teacher(X)
    sl, sh = student(X)
    soft_targets = F.softmax(tl / T, dim=-1)
    soft_prob = F.log_softmax(sl / T, dim=-1)
    kd = torch.sum(soft_targets * (soft_targets.log() - soft_prob)) / soft_prob.size()[0] * (T**2)
    loss = 0.25 * kd + 0.75 * ce(sl, y) + 0.1 * cos(sh, th, target=torch.ones(X.size(0)))
    loss.backward()
    opt.step()
    print(f"{loss.item():.5f}")
print(f"DeepNN parameters: {sum(p.numel() for p in teacher.parameters()):,}")
print("Norm of 1st layer:", torch.norm(student.features[0].weight).item())


class STN(nn.Module):
    def __init__(self):
        super().__init__()
        self.localization = nn.Sequential(
            nn.Conv2d(1, 4, kernel_size=7),
            nn.MaxPool2d(2, stride=2),
            nn.ReLU(True),
            nn.Conv2d(4, 5, kernel_size=5),
            nn.MaxPool2d(2, stride=2),
            nn.ReLU(True),
        )
        self.fc_loc = nn.Sequential(nn.Linear(5 * 3 * 3, 8), nn.ReLU(True), nn.Linear(8, 3 * 2))
        self.fc_loc[2].weight.data.zero_()
        self.fc_loc[2].bias.data.copy_(torch.tensor([1, 0, 0, 0, 1, 0], dtype=torch.float))

    def forward(self, x):
        xs = self.localization(x)
        xs = xs.view(-1, 45)
        theta = self.fc_loc(xs).view(-1, 2, 3)
        grid = F.affine_grid(theta, x.size())
        return F.grid_sample(x, grid)


import warnings

warnings.simplefilter("ignore")
stn = STN()
xi = torch.rand(2, 1, 28, 28)
o = stn(xi)
print(torch.allclose(o, xi, atol=1e-4), o.shape)
o.pow(2).sum().backward()
print(stn.fc_loc[2].bias.grad)


# annotated transformer
def clones(m, n):
    return nn.ModuleList([copy.deepcopy(m) for _ in range(n)])


class LayerNorm(nn.Module):
    def __init__(self, f, eps=1e-6):
        super().__init__()
        self.a_2 = nn.Parameter(torch.ones(f))
        self.b_2 = nn.Parameter(torch.zeros(f))
        self.eps = eps

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        std = x.std(-1, keepdim=True)
        return self.a_2 * (x - mean) / (std + self.eps) + self.b_2


class SublayerConnection(nn.Module):
    def __init__(self, size, dropout):
        super().__init__()
        self.norm = LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, sub):
        return x + self.dropout(sub(self.norm(x)))


class EncoderLayer(nn.Module):
    def __init__(self, size, a, f, d):
        super().__init__()
        self.self_attn, self.feed_forward, self.size = a, f, size
        self.sublayer = clones(SublayerConnection(size, d), 2)

    def forward(self, x, mask):
        x = self.sublayer[0](x, lambda x: self.self_attn(x, x, x, mask))
        return self.sublayer[1](x, self.feed_forward)


class Encoder(nn.Module):
    def __init__(self, l, n):
        super().__init__()
        self.layers = clones(l, n)
        self.norm = LayerNorm(l.size)

    def forward(self, x, mask):
        for l in self.layers:
            x = l(x, mask)
        return self.norm(x)


class DecoderLayer(nn.Module):
    def __init__(self, size, a, s, f, d):
        super().__init__()
        self.size, self.self_attn, self.src_attn, self.feed_forward = size, a, s, f
        self.sublayer = clones(SublayerConnection(size, d), 3)

    def forward(self, x, m, sm, tm):
        x = self.sublayer[0](x, lambda x: self.self_attn(x, x, x, tm))
        x = self.sublayer[1](x, lambda x: self.src_attn(x, m, m, sm))
        return self.sublayer[2](x, self.feed_forward)


class Decoder(nn.Module):
    def __init__(self, l, n):
        super().__init__()
        self.layers = clones(l, n)
        self.norm = LayerNorm(l.size)

    def forward(self, x, m, sm, tm):
        for l in self.layers:
            x = l(x, m, sm, tm)
        return self.norm(x)


def subsequent_mask(size):
    return torch.triu(torch.ones((1, size, size)), diagonal=1).type(torch.uint8) == 0


def attention(q, k, v, mask=None, dropout=None):
    d = q.size(-1)
    s = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(d)
    if mask is not None:
        s = s.masked_fill(mask == 0, -1e9)
    p = s.softmax(dim=-1)
    if dropout is not None:
        p = dropout(p)
    return torch.matmul(p, v), p


class MultiHeadedAttention(nn.Module):
    def __init__(self, h, d, dropout=0.1):
        super().__init__()
        self.d_k, self.h = d // h, h
        self.linears = clones(nn.Linear(d, d), 4)
        self.attn = None
        self.dropout = nn.Dropout(p=dropout)

    def forward(self, q, k, v, mask=None):
        if mask is not None:
            mask = mask.unsqueeze(1)
        nb = q.size(0)
        q, k, v = [l(x).view(nb, -1, self.h, self.d_k).transpose(1, 2) for l, x in zip(self.linears, (q, k, v))]
        x, self.attn = attention(q, k, v, mask=mask, dropout=self.dropout)
        return self.linears[-1](x.transpose(1, 2).contiguous().view(nb, -1, self.h * self.d_k))


class FFN(nn.Module):
    def __init__(self, d, f, dropout=0.1):
        super().__init__()
        self.w_1 = nn.Linear(d, f)
        self.w_2 = nn.Linear(f, d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.w_2(self.dropout(self.w_1(x).relu()))


class Embeddings(nn.Module):
    def __init__(self, d, v):
        super().__init__()
        self.lut = nn.Embedding(v, d)
        self.d = d

    def forward(self, x):
        return self.lut(x) * math.sqrt(self.d)


class PE(nn.Module):
    def __init__(self, d, dropout, max_len=50):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        pe = torch.zeros(max_len, d)
        position = torch.arange(0, max_len).unsqueeze(1)
        div = torch.exp(torch.arange(0, d, 2) * -(math.log(10000.0) / d))
        pe[:, 0::2] = torch.sin(position * div)
        pe[:, 1::2] = torch.cos(position * div)
        self.register_buffer("pe", pe.unsqueeze(0))

    def forward(self, x):
        return self.dropout(x + self.pe[:, : x.size(1)].requires_grad_(False))


class ED(nn.Module):
    def __init__(self, e, d, s, t, g):
        super().__init__()
        self.encoder, self.decoder, self.src_embed, self.tgt_embed, self.generator = e, d, s, t, g

    def forward(self, src, tgt, sm, tm):
        return self.decode(self.encode(src, sm), sm, tgt, tm)

    def encode(self, src, sm):
        return self.encoder(self.src_embed(src), sm)

    def decode(self, m, sm, tgt, tm):
        return self.decoder(self.tgt_embed(tgt), m, sm, tm)


class Gen(nn.Module):
    def __init__(self, d, v):
        super().__init__()
        self.proj = nn.Linear(d, v)

    def forward(self, x):
        return log_softmax(self.proj(x), dim=-1)


def make_model(sv, tv, N=2, d=16, f=32, h=4, dropout=0.1):
    c = copy.deepcopy
    a, ff, p = MultiHeadedAttention(h, d), FFN(d, f, dropout), PE(d, dropout)
    m = ED(
        Encoder(EncoderLayer(d, c(a), c(ff), dropout), N),
        Decoder(DecoderLayer(d, c(a), c(a), c(ff), dropout), N),
        nn.Sequential(Embeddings(d, sv), c(p)),
        nn.Sequential(Embeddings(d, tv), c(p)),
        Gen(d, tv),
    )
    for q in m.parameters():
        if q.dim() > 1:
            nn.init.xavier_uniform_(q)
    return m


tm = make_model(11, 11)
tm.eval()
src = torch.LongTensor([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]])
sm = torch.ones(1, 1, 10)
memory = tm.encode(src, sm)
ys = torch.zeros(1, 1).type_as(src)
for i in range(9):
    out = tm.decode(memory, sm, ys, subsequent_mask(ys.size(1)).type_as(src.data))
    prob = tm.generator(out[:, -1])
    _, nw = torch.max(prob, dim=1)
    nw = nw.data[0]
    ys = torch.cat([ys, torch.empty(1, 1).type_as(src.data).fill_(nw)], dim=1)
print("Example Untrained Model Prediction:", ys)


class LabelSmoothing(nn.Module):
    def __init__(self, size, padding_idx, smoothing=0.0):
        super().__init__()
        self.criterion = nn.KLDivLoss(reduction="sum")
        self.padding_idx, self.confidence, self.smoothing, self.size, self.true_dist = (
            padding_idx,
            1.0 - smoothing,
            smoothing,
            size,
            None,
        )

    def forward(self, x, target):
        td = x.data.clone()
        td.fill_(self.smoothing / (self.size - 2))
        td.scatter_(1, target.data.unsqueeze(1), self.confidence)
        td[:, self.padding_idx] = 0
        mask = torch.nonzero(target.data == self.padding_idx)
        if mask.dim() > 0:
            td.index_fill_(0, mask.squeeze(), 0.0)
        self.true_dist = td
        return self.criterion(x, td.clone().detach())


crit = LabelSmoothing(5, 0, 0.4)
print(
    crit(
        x=torch.FloatTensor([[0, 0.2, 0.7, 0.1, 0]] * 5).log().nan_to_num(neginf=-20.0),
        target=torch.LongTensor([2, 1, 0, 3, 3]),
    )
)
print(crit.true_dist)


def rate(step, model_size, factor, warmup):
    if step == 0:
        step = 1
    return factor * (model_size ** (-0.5) * min(step ** (-0.5), step * warmup ** (-1.5)))


from torch.optim.lr_scheduler import LambdaLR

ot = torch.optim.Adam(tm.parameters(), lr=0.5, betas=(0.9, 0.98), eps=1e-9)
sch = LambdaLR(ot, lr_lambda=lambda s: rate(s, 16, 1.0, 4))
crit = LabelSmoothing(11, 0, 0.1)
tm.train()
for i in range(5):
    d = torch.randint(1, 11, size=(4, 6))
    d[:, 0] = 1
    s, tgt, ty = d.clone(), d[:, :-1], d[:, 1:]
    tmask = (tgt != 0).unsqueeze(-2) & subsequent_mask(tgt.size(-1)).type_as((tgt != 0).data)
    o = tm(s, tgt, (s != 0).unsqueeze(-2), tmask)
    x = tm.generator(o)
    n = (ty != 0).sum()
    l = crit(x.contiguous().view(-1, 11), ty.contiguous().view(-1)) / n
    l.backward()
    ot.step()
    ot.zero_grad(set_to_none=True)
    sch.step()
    print(f"{l.item():.4f} {ot.param_groups[0]['lr']:.2e}")


# VQ
class VectorQuantizer(nn.Module):
    def __init__(self, k, d, c):
        super().__init__()
        self.d, self.k, self.c = d, k, c
        self.embedding = nn.Embedding(k, d)
        self.embedding.weight.data.uniform_(-1 / k, 1 / k)

    def forward(self, inputs):
        inputs = inputs.permute(0, 2, 3, 1).contiguous()
        shape = inputs.shape
        flat = inputs.view(-1, self.d)
        dist = (
            torch.sum(flat**2, dim=1, keepdim=True)
            + torch.sum(self.embedding.weight**2, dim=1)
            - 2 * torch.matmul(flat, self.embedding.weight.t())
        )
        idx = torch.argmin(dist, dim=1).unsqueeze(1)
        enc = torch.zeros(idx.shape[0], self.k)
        enc.scatter_(1, idx, 1)
        q = torch.matmul(enc, self.embedding.weight).view(shape)
        loss = F.mse_loss(q, inputs.detach()) + self.c * F.mse_loss(q.detach(), inputs)
        q = inputs + (q - inputs).detach()
        avg = torch.mean(enc, dim=0)
        perp = torch.exp(-torch.sum(avg * torch.log(avg + 1e-10)))
        return loss, q.permute(0, 3, 1, 2).contiguous(), perp, enc


vq = VectorQuantizer(8, 4, 0.25)
z = torch.randn(2, 4, 3, 3, requires_grad=True)
l, q, p, e = vq(z)
(l + q.sum()).backward()
print(l, p, z.grad.sum(), vq.embedding.weight.grad.abs().sum())


# LoRA
class LoRALinear(nn.Module):
    def __init__(self, base, r=2, alpha=4):
        super().__init__()
        self.base = base
        self.A = nn.Parameter(torch.randn(r, base.in_features) * 0.01)
        self.B = nn.Parameter(torch.zeros(base.out_features, r))
        self.s = alpha / r
        [p.requires_grad_(False) for p in base.parameters()]

    def forward(self, x):
        return self.base(x) + (x @ self.A.T @ self.B.T) * self.s


net = nn.Sequential(nn.Linear(6, 6), nn.GELU(), nn.Linear(6, 2))
for n, m in list(net.named_children()):
    if isinstance(m, nn.Linear):
        setattr(net, n, LoRALinear(m))
print(net)
print(
    [n for n, p in net.named_parameters() if p.requires_grad],
    sum(p.numel() for p in net.parameters() if p.requires_grad),
)
net(torch.randn(3, 6)).sum().backward()
print(net[0].base.weight.grad, net[2].B.grad.shape)
# mixup & MC dropout & RBM & word2vec
lam = torch.distributions.Beta(0.2, 0.2).sample().item()
idx = torch.randperm(8)
mx = lam * X + (1 - lam) * X[idx]
out, _ = student(mx)
print(lam, (lam * ce(out, y) + (1 - lam) * ce(out, y[idx])).item())
teacher.train()
preds = torch.stack([F.softmax(teacher(X)[0], -1) for _ in range(5)])
print(preds.mean(0)[0, :3], preds.std(0)[0, :3])


class RBM(nn.Module):
    def __init__(self, v, h, k=2):
        super().__init__()
        self.W = nn.Parameter(torch.randn(h, v) * 1e-2)
        self.v_bias = nn.Parameter(torch.zeros(v))
        self.h_bias = nn.Parameter(torch.zeros(h))
        self.k = k

    def sample(self, p):
        return F.relu(torch.sign(p - torch.rand(p.size())))

    def v_to_h(self, v):
        p = torch.sigmoid(F.linear(v, self.W, self.h_bias))
        return p, self.sample(p)

    def h_to_v(self, h):
        p = torch.sigmoid(F.linear(h, self.W.t(), self.v_bias))
        return p, self.sample(p)

    def forward(self, v):
        _, h = self.v_to_h(v)
        for _ in range(self.k):
            _, v_ = self.h_to_v(h)
            _, h = self.v_to_h(v_)
        return v, v_

    def free_energy(self, v):
        return (-F.linear(v, self.W, self.h_bias).exp().add(1).log().sum(1) - v.mv(self.v_bias)).mean()


rbm = RBM(12, 5)
orb = torch.optim.SGD(rbm.parameters(), 0.1)
vb = torch.rand(10, 12).bernoulli()
for _ in range(3):
    v, v1 = rbm(vb)
    l = rbm.free_energy(v) - rbm.free_energy(v1)
    orb.zero_grad()
    l.backward()
    orb.step()
    print(f"{l.item():.5f}")


class SkipGram(nn.Module):
    def __init__(self, v, d):
        super().__init__()
        self.u = nn.Embedding(v, d, sparse=True)
        self.v = nn.Embedding(v, d, sparse=True)
        r = 0.5 / d
        nn.init.uniform_(self.u.weight, -r, r)
        nn.init.constant_(self.v.weight, 0)

    def forward(self, u, v, neg):
        eu, ev, en = self.u(u), self.v(v), self.v(neg)
        s = torch.clamp(torch.sum(eu * ev, dim=1), max=10, min=-10)
        s = -F.logsigmoid(s)
        n = torch.bmm(en, eu.unsqueeze(2)).squeeze()
        n = torch.clamp(n, max=10, min=-10)
        n = -torch.sum(F.logsigmoid(-n), dim=1)
        return torch.mean(s + n)


sg = SkipGram(20, 6)
osg = torch.optim.SparseAdam(list(sg.parameters()), lr=0.01)
for _ in range(4):
    osg.zero_grad()
    l = sg(torch.randint(0, 20, (8,)), torch.randint(0, 20, (8,)), torch.randint(0, 20, (8, 5)))
    l.backward()
    osg.step()
    print(f"{l.item():.5f}")
print(sg.u.weight.grad.coalesce().indices(), sg.u.weight[3])
