"""Rotary attention with a cache, low-rank adapters, mixtures of experts, beam search."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class RMSNorm(torch.nn.Module):
    def __init__(self, dim, eps=1e-6):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def _norm(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)

    def forward(self, x):
        return self._norm(x.float()).type_as(x) * self.weight


def precompute_freqs_cis(dim, end, theta=10000.0):
    freqs = 1.0 / (theta ** (torch.arange(0, dim, 2)[: (dim // 2)].float() / dim))
    t = torch.arange(end, device=freqs.device)
    freqs = torch.outer(t, freqs).float()
    return torch.polar(torch.ones_like(freqs), freqs)


def apply_rotary_emb(xq, xk, fc):
    xq_ = torch.view_as_complex(xq.float().reshape(*xq.shape[:-1], -1, 2))
    xk_ = torch.view_as_complex(xk.float().reshape(*xk.shape[:-1], -1, 2))
    fc = fc.view(1, xq_.shape[1], 1, xq_.shape[-1])
    return torch.view_as_real(xq_ * fc).flatten(3).type_as(xq), torch.view_as_real(xk_ * fc).flatten(3).type_as(xk)


def repeat_kv(x, n):
    bs, sl, kv, hd = x.shape
    return x if n == 1 else x[:, :, :, None, :].expand(bs, sl, kv, n, hd).reshape(bs, sl, kv * n, hd)


class Attn(nn.Module):
    def __init__(self, d=16, h=4, kv=2):
        super().__init__()
        self.h = h
        self.kv = kv
        self.hd = d // h
        self.wq = nn.Linear(d, h * self.hd, bias=False)
        self.wk = nn.Linear(d, kv * self.hd, bias=False)
        self.wv = nn.Linear(d, kv * self.hd, bias=False)
        self.wo = nn.Linear(h * self.hd, d, bias=False)
        self.ck = torch.zeros(2, 16, kv, self.hd)
        self.cv = torch.zeros(2, 16, kv, self.hd)

    def forward(self, x, sp, fc, mask, cache=False):
        b, s, _ = x.shape
        q, k, v = (
            self.wq(x).view(b, s, self.h, self.hd),
            self.wk(x).view(b, s, self.kv, self.hd),
            self.wv(x).view(b, s, self.kv, self.hd),
        )
        q, k = apply_rotary_emb(q, k, fc)
        if cache:
            self.ck[:b, sp : sp + s] = k
            self.cv[:b, sp : sp + s] = v
            k = self.ck[:b, : sp + s]
            v = self.cv[:b, : sp + s]
        k = repeat_kv(k, self.h // self.kv)
        v = repeat_kv(v, self.h // self.kv)
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        sc = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(self.hd)
        if mask is not None:
            sc = sc + mask
        o = torch.matmul(F.softmax(sc.float(), dim=-1).type_as(q), v).transpose(1, 2).contiguous().view(b, s, -1)
        return self.wo(o)


class FF(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.w1 = nn.Linear(d, h, bias=False)
        self.w2 = nn.Linear(h, d, bias=False)
        self.w3 = nn.Linear(d, h, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(30, 16)
        self.layers = nn.ModuleList(
            [nn.ModuleDict({"a": Attn(), "f": FF(16, 32), "n1": RMSNorm(16), "n2": RMSNorm(16)}) for _ in range(2)]
        )
        self.norm = RMSNorm(16)
        self.out = nn.Linear(16, 30, bias=False)
        self.fc = precompute_freqs_cis(4, 32)

    def forward(self, t, sp=0, cache=False):
        b, s = t.shape
        h = self.tok(t)
        fc = self.fc[sp : sp + s]
        mask = None
        if s > 1:
            mask = torch.full((s, s), float("-inf"))
            mask = torch.triu(mask, diagonal=1)
            mask = torch.hstack([torch.zeros((s, sp)), mask]).type_as(h)
        for l in self.layers:
            h = h + l["a"](l["n1"](h), sp, fc, mask, cache)
            h = h + l["f"](l["n2"](h))
        return self.out(self.norm(h)).float()


m = Llama()
o = torch.optim.AdamW(m.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1)
D = torch.randint(0, 30, (4, 12))
sch = torch.optim.lr_scheduler.LambdaLR(o, lambda i: min((i + 1) / 3, 1.0) * 0.5 * (1 + math.cos(math.pi * i / 10)))
for i in range(6):
    lg = m(D[:, :-1])
    l = F.cross_entropy(lg.reshape(-1, 30), D[:, 1:].reshape(-1))
    o.zero_grad(set_to_none=True)
    l.backward()
    gn = nn.utils.clip_grad_norm_(m.parameters(), 1.0)
    o.step()
    sch.step()
    print(i, round(l.item(), 5), round(gn.item(), 5), sch.get_last_lr())
m.eval()
with torch.inference_mode():
    full = m(D[:2, :5])
    p = m(D[:2, :4], 0, True)
    q = m(D[:2, 4:5], 4, True)
    print(torch.allclose(full[:, -1], q[:, -1], atol=1e-5), full[0, -1, :4])
    probs = torch.softmax(q[:, -1] / 0.8, -1)
    ps, pi = torch.sort(probs, dim=-1, descending=True)
    pc = torch.cumsum(ps, -1)
    mask = pc - ps > 0.9
    ps[mask] = 0
    ps.div_(ps.sum(-1, keepdim=True))
    nt = torch.multinomial(ps, 1)
    print(torch.gather(pi, -1, nt))


# LoRA
class LoRA(nn.Module):
    def __init__(self, l, r=2, a=4):
        super().__init__()
        self.l = l
        self.A = nn.Parameter(torch.empty(r, l.in_features))
        self.B = nn.Parameter(torch.zeros(l.out_features, r))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))
        self.s = a / r
        [p.requires_grad_(False) for p in l.parameters()]

    def forward(self, x):
        return self.l(x) + (x @ self.A.T @ self.B.T) * self.s


for n, mod in list(m.named_modules()):
    for cn, c in list(mod.named_children()):
        if isinstance(c, nn.Linear) and cn in ("wq", "wv"):
            setattr(mod, cn, LoRA(c))
tr = [n for n, p in m.named_parameters() if p.requires_grad and (".A" in n or ".B" in n)]
print(len(tr), tr[:2])


# MoE
class MoE(nn.Module):
    def __init__(self, d=8, n=4, k=2):
        super().__init__()
        self.gate = nn.Linear(d, n, bias=False)
        self.ex = nn.ModuleList([FF(d, 16) for _ in range(n)])
        self.k = k

    def forward(self, x):
        b, s, d = x.shape
        x = x.view(-1, d)
        r = F.softmax(self.gate(x), dim=1, dtype=torch.float)
        w, sel = torch.topk(r, self.k, dim=-1)
        w /= w.sum(dim=-1, keepdim=True)
        out = torch.zeros_like(x)
        em = F.one_hot(sel, num_classes=len(self.ex)).permute(2, 1, 0)
        for e in range(len(self.ex)):
            i, t = torch.where(em[e])
            if t.shape[0] == 0:
                continue
            out.index_add_(0, t, self.ex[e](x[None, t].reshape(-1, d)) * w[t, i, None])
        return out.reshape(b, s, d), r


mo = MoE()
y, r = mo(torch.randn(2, 5, 8))
y.pow(2).sum().backward()
print(y.sum(), mo.gate.weight.grad.norm(), [round(e.w1.weight.grad.abs().sum().item(), 3) for e in mo.ex])


# ALiBi, T5 bias
def slopes(n):
    s = 2 ** (-(2 ** -(math.log2(n) - 3)))
    return [s * s**i for i in range(n)]


print(torch.tensor(slopes(4)).view(-1, 1, 1) * (torch.arange(4)[None, :] - torch.arange(4)[:, None]))


def bucket(rp, nb=8, md=16):
    ret = 0
    n = -rp
    nb //= 2
    ret += (n < 0).to(torch.long) * nb
    n = torch.abs(n)
    me = nb // 2
    sm = n < me
    vl = me + (torch.log(n.float() / me) / math.log(md / me) * (nb - me)).to(torch.long)
    vl = torch.min(vl, torch.full_like(vl, nb - 1))
    ret += torch.where(sm, n, vl)
    return ret


print(bucket(torch.arange(6)[None, :] - torch.arange(6)[:, None]))


# BPE-ish & beam search
def beam(m, s, k=3, n=4):
    c = [(s, 0.0)]
    for _ in range(n):
        a = []
        for q, sc in c:
            lp = F.log_softmax(m(torch.tensor([q]))[0, -1], -1)
            v, i = lp.topk(k)
            a += [(q + [j.item()], sc + x.item()) for x, j in zip(v, i)]
        c = sorted(a, key=lambda z: z[1], reverse=True)[:k]
    return c


with torch.no_grad():
    print([(q, round(s, 4)) for q, s in beam(m, [1, 2])])
tl = nn.TransformerDecoder(
    nn.TransformerDecoderLayer(16, 2, 32, batch_first=True, activation="gelu", norm_first=True), 2
)
tgt = torch.randn(2, 5, 16)
mem = torch.randn(2, 7, 16)
tl.eval()
print(
    tl(
        tgt,
        mem,
        tgt_mask=nn.Transformer.generate_square_subsequent_mask(5),
        memory_key_padding_mask=torch.zeros(2, 7).bool(),
    ).sum()
)
